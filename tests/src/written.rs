//! Files in memory, written by our writer.

use windrow::{Codec, Writer, WriterOptions};

use crate::every_way::full_text;

/// The bytes of a file with these records.
///
/// # Panics
/// If the writer fails.
#[must_use]
pub fn write(records: &[Vec<u8>], options: WriterOptions) -> Vec<u8> {
    let written = Writer::create(Vec::new(), options).and_then(|mut writer| {
        writer.write_batch(records)?;
        writer.finish()
    });
    match written {
        Ok((bytes, _)) => bytes,
        Err(error) => panic!("{}", full_text(&error)),
    }
}

/// Options of an uncompressed file.
#[must_use]
pub fn uncompressed(group_size: u32) -> WriterOptions {
    let options = WriterOptions::new().with_group_size(group_size);
    options.with_codec(Codec::Uncompressed)
}
