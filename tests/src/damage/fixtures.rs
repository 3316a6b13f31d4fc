//! The files that the tables are about. Everything in them is chosen, so that positions are the same for ever.

use windrow::format::VERSION_WINDROW;

use windrow::{
    AppendOptions, Codec, Dictionary, DictionaryOption, Layout, RecordsMetadata, Writer,
    WriterOptions,
};

use crate::file_builder::{FileBuilder, Tail};
use crate::hostile::random_records;
use crate::written::write;

/// A file of the tables.
#[derive(Debug, Clone)]
pub struct Made {
    /// The file.
    pub bytes: Vec<u8>,
    /// The records that were written to it.
    pub records: Vec<Vec<u8>>,
}

/// Five groups of three records of 10,000 bytes, uncompressed. The third and the fifth chunk hold a block header.
#[must_use]
pub fn plain_file(seed: u8) -> Made {
    let records = random_records(seed.into(), 15, 10_000);
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_codec(Codec::Uncompressed);
    Made {
        bytes: write(&records, options),
        records,
    }
}

/// What it says of its records, and five transposed groups of three messages of 10,000 bytes, uncompressed. The third and
/// the fifth chunk of records hold a block header.
#[must_use]
pub fn transposed_file(seed: u8) -> Made {
    let random = random_records(seed.into(), 15, 9_990);
    let messages = random.iter().enumerate().map(|(n, text)| {
        let mut message = vec![
            0x08,
            u8::try_from(n).expect("few records"),
            0x12,
            0x86,
            0x4e,
        ];
        message.extend(text);
        message
    });
    let records: Vec<Vec<u8>> = messages.collect();
    let metadata = RecordsMetadata {
        file_comment: Some(format!("file {seed}")),
        ..RecordsMetadata::default()
    };
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_codec(Codec::Uncompressed)
        .with_transpose(true)
        .with_records_metadata(Some(metadata));
    Made {
        bytes: write(&records, options),
        records,
    }
}

/// Five page chunks of three records of 10,000 bytes and up to 48 more, uncompressed. The third and the fifth chunk hold a
/// block header.
#[must_use]
pub fn pages_file(seed: u8) -> Made {
    let mut records = random_records(seed.into(), 15, 10_048);
    for (number, record) in records.iter_mut().enumerate() {
        record.truncate(10_000 + number * number % 49);
    }
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_layout(Layout::Pages)
        .with_codec(Codec::Uncompressed);
    Made {
        bytes: write(&records, options),
        records,
    }
}

/// A dictionary of 1,000 bytes and five page chunks of three records, which hold half of it.
///
/// # Panics
/// If the dictionary is none.
#[must_use]
pub fn dictionary_file(seed: u8) -> Made {
    let parts = random_records(seed.into(), 16, 1000);
    let (dictionary, parts) = parts.split_at(1);
    let with_half = |(number, part): (usize, &Vec<u8>)| {
        let half = &dictionary[0][number * 20..number * 20 + 500];
        [&part[..300], half].concat()
    };
    let records: Vec<Vec<u8>> = parts.iter().enumerate().map(with_half).collect();
    let dictionary = Dictionary::new(dictionary[0].clone()).expect("any bytes will do");
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_layout(Layout::Pages)
        .with_codec(Codec::Zstd { level: 3 })
        .with_dictionary(DictionaryOption::Given(dictionary));
    Made {
        bytes: write(&records, options),
        records,
    }
}

/// Three groups of 300 records, which compress to chunks that are shorter than they have records, each with padding to
/// a block behind it, and an uncompressed footer. Only the first record of a group is not empty.
#[must_use]
pub fn padded_file(seed: u8) -> Made {
    let mut records = vec![Vec::new(); 900];
    for (group, letter) in [b'a', b'b', b'c'].into_iter().enumerate() {
        records[300 * group] = vec![letter, seed];
    }
    let mut builder = FileBuilder::new();
    for group in records.chunks(300) {
        builder.data(group, Codec::Zstd { level: 3 });
        builder.padding();
    }
    let mut tail = Tail::default();
    tail.metadata.version = VERSION_WINDROW;
    Made {
        bytes: builder.finish(&tail),
        records,
    }
}

/// Groups of three records of 1,000 bytes, written in two goes: four records, a flush, three more, the end; then an
/// append of one, a flush, and three more. The last chunk of the first go is superseded, so is a provisional chunk in
/// each.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn grown_file(seed: u8) -> Made {
    grow(seed, true)
}

/// The same without the end of the second go: what a writer leaves that was killed behind its flush.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn unfinished_append(seed: u8) -> Made {
    grow(seed, false)
}

fn grow(seed: u8, to_the_end: bool) -> Made {
    let records = random_records(seed.into(), 11, 1000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("grown");
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_codec(Codec::Uncompressed);
    let written = if to_the_end { 11 } else { 8 };
    let grown = || -> windrow::Result<()> {
        let mut writer = Writer::create_file(&path, options)?;
        writer.write_batch(&records[..4])?;
        writer.flush()?;
        writer.write_batch(&records[4..7])?;
        writer.finish()?;
        let mut writer = Writer::append(&path, AppendOptions::new())?;
        writer.write_batch(&records[7..8])?;
        writer.flush()?;
        if to_the_end {
            writer.write_batch(&records[8..])?;
            writer.finish()?;
        }
        Ok(())
    };
    grown().expect("a file that grows");
    Made {
        bytes: std::fs::read(&path).expect("reading it"),
        records: records[..written].to_vec(),
    }
}

/// What a writer leaves that was killed in its first go: groups of three records of 1,000 bytes, seven written, a flush
/// behind the fourth and the last.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn unfinished_file(seed: u8) -> Made {
    let records = random_records(seed.into(), 7, 1000);
    let options = WriterOptions::new()
        .with_group_size(3)
        .with_codec(Codec::Uncompressed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("unfinished");
    let written = || -> windrow::Result<()> {
        let mut writer = Writer::create_file(&path, options)?;
        writer.write_batch(&records[..4])?;
        writer.flush()?;
        writer.write_batch(&records[4..])?;
        writer.flush()
    };
    written().expect("a file in the making");
    Made {
        bytes: std::fs::read(&path).expect("reading it"),
        records,
    }
}
