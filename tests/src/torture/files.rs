//! Records of an endless sequence, and sealed files of them.

use std::path::Path;

use windrow::{AppendOptions, Codec, Writer, WriterOptions};

use crate::both_sides::CODECS;
use crate::damage::Anatomy;
use crate::hostile::{Random, push_text};
use crate::written::write;

/// The group sizes of all files here.
pub const GROUP_SIZES: [u32; 2] = [1, 100];

/// Record number `index` of the sequence `seed`: mostly some words, now and then nothing, a few bytes or a great many.
#[must_use]
pub fn record(seed: u64, index: u64) -> Vec<u8> {
    let mut random = Random::new(seed ^ index.wrapping_mul(0xd134_2543_de82_ef95));
    let bytes = match random.below(64) {
        0 | 1 => return Vec::new(),
        2 => 20_000 + random.below(60_000),
        3..8 => 1000 + random.below(5000),
        _ => random.below(200),
    };
    let mut record = format!("{index} ").into_bytes();
    if random.below(4) == 0 {
        record.extend(random.bytes(bytes));
    } else {
        push_text(&mut random, bytes, &mut record);
    }
    record
}

/// The first `count` records of a sequence.
#[must_use]
pub fn records(seed: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|index| record(seed, index)).collect()
}

/// A sealed file, and where everything in it lies.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Codec and group size, for messages.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Its records.
    pub records: Vec<Vec<u8>>,
    /// Its chunks.
    pub anatomy: Anatomy,
}

/// One file for each codec and group size, of some hundred kilobytes each; and one of empty records, whose chunks are
/// filled up because they are shorter than they have records.
#[must_use]
pub fn sealed_files(seed: u64) -> Vec<Sealed> {
    let mut files = Vec::new();
    for codec in CODECS {
        for group_size in GROUP_SIZES {
            let count = if group_size == 1 { 300 } else { 450 };
            let records = records(seed ^ u64::from(group_size), count);
            files.push(sealed(records, codec, group_size));
        }
    }
    files.push(sealed(vec![Vec::new(); 450], CODECS[1], 100));
    files
}

fn sealed(records: Vec<Vec<u8>>, codec: Codec, group_size: u32) -> Sealed {
    let options = WriterOptions::new()
        .with_codec(codec)
        .with_group_size(group_size);
    let bytes = write(&records, options);
    let anatomy = Anatomy::of(&bytes);
    Sealed {
        name: format!("{codec:?}, groups of {group_size}, {} bytes", bytes.len()),
        bytes,
        records,
        anatomy,
    }
}

/// A seed for one case of one kind.
#[must_use]
pub fn seed_of(seed: u64, kind: u64, case: u64) -> u64 {
    let mut random = Random::new(seed ^ kind << 56);
    random.next_u64() ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Files of the same records that came to be in several goes, some of which were broken off: with provisional chunks,
/// superseded ones, old footers and old postscripts, sealed at the end.
///
/// # Panics
/// If one cannot be written.
#[must_use]
pub fn grown_files(seed: u64) -> Vec<Sealed> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("grown.array_record");
    let mut files = Vec::new();
    for (number, codec) in (0..).zip(CODECS) {
        for group_size in GROUP_SIZES {
            for padded in [false, true] {
                let mut random = Random::new(seed_of(seed, 4, number));
                let options = WriterOptions::new()
                    .with_codec(codec)
                    .with_group_size(group_size)
                    .with_pad_to_block_boundary(padded);
                let count = grow(&path, options, seed, &mut random).expect("a file that grows");
                let bytes = std::fs::read(&path).expect("reading it");
                let anatomy = Anatomy::of(&bytes);
                files.push(Sealed {
                    name: format!("grown, {codec:?}, groups of {group_size}, padded {padded}"),
                    bytes,
                    records: records(seed, count),
                    anatomy,
                });
            }
        }
    }
    files
}

/// Writes the front of the sequence, and returns how many records that are.
fn grow(
    path: &Path,
    options: WriterOptions,
    seed: u64,
    random: &mut Random,
) -> windrow::Result<u64> {
    let few = if options.pad_to_block_boundary() && options.group_size() == 1 {
        6
    } else {
        150
    };
    let mut writer = Writer::create_file(path, options)?;
    for go in 0..5 {
        for _ in 0..1 + random.below(few) {
            writer.write(&record(seed, writer.records()))?;
            if random.below(few) < 4 {
                writer.flush()?;
            }
        }
        if go % 2 == 0 {
            writer.finish()?;
        } else {
            writer.flush()?;
            drop(writer);
        }
        writer = Writer::append(path, AppendOptions::new())?;
    }
    let count = writer.records() + 1;
    writer.write(&record(seed, writer.records()))?;
    writer.finish()?;
    Ok(count)
}
