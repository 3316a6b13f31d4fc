//! Records of an endless sequence, and sealed files of them.

use std::path::Path;

use windrow::{AppendOptions, Codec, Dictionary, DictionaryOption, Layout, Writer, WriterOptions};

use crate::both_sides::CODECS;
use crate::damage::Anatomy;
use crate::hostile::{Random, push_text};
use crate::written::write;

/// The group sizes of all files here.
pub const GROUP_SIZES: [u32; 2] = [1, 100];

/// How the records of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Compressed together.
    Groups,
    /// Each by itself.
    Pages,
    /// Each by itself, with a dictionary that is trained on the first of them.
    Trained,
    /// The same with one that is given.
    Given,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Groups, Self::Pages, Self::Trained, Self::Given];

    /// The options for it; codecs other than zstd do without the dictionary.
    ///
    /// # Panics
    /// If text is no dictionary.
    #[must_use]
    pub fn over(self, options: WriterOptions) -> WriterOptions {
        let options = options.with_layout(match self {
            Self::Groups => Layout::Groups,
            _ => Layout::Pages,
        });
        let dictionary = match self {
            _ if !matches!(options.codec(), Codec::Zstd { .. }) => DictionaryOption::Off,
            Self::Groups | Self::Pages => DictionaryOption::Off,
            Self::Trained => DictionaryOption::Size(1024),
            Self::Given => {
                let mut text = Vec::new();
                push_text(&mut Random::new(9), 3000, &mut text);
                DictionaryOption::Given(Dictionary::new(text).expect("any bytes will do"))
            }
        };
        options.with_dictionary(dictionary)
    }
}

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

/// One file for each codec and group size, of some hundred kilobytes each, and of record pages, with and without a
/// dictionary; and one of empty records, whose chunks are filled up because they are shorter than they have records.
#[must_use]
pub fn sealed_files(seed: u64) -> Vec<Sealed> {
    let mut files = Vec::new();
    for codec in CODECS {
        for group_size in GROUP_SIZES {
            let count = if group_size == 1 { 300 } else { 450 };
            let records = records(seed ^ u64::from(group_size), count);
            files.push(sealed(records, Kind::Groups, codec, group_size));
        }
        let records = records(seed ^ 50, 450);
        files.push(sealed(records, Kind::Pages, codec, 50));
    }
    for kind in [Kind::Trained, Kind::Given] {
        let records = records(seed ^ 60, 450);
        files.push(sealed(records, kind, CODECS[1], 60));
    }
    let empty = vec![Vec::new(); 450];
    files.push(sealed(empty, Kind::Groups, CODECS[1], 100));
    files
}

fn sealed(records: Vec<Vec<u8>>, kind: Kind, codec: Codec, group_size: u32) -> Sealed {
    let options = WriterOptions::new()
        .with_codec(codec)
        .with_group_size(group_size);
    let bytes = write(&records, kind.over(options));
    let anatomy = Anatomy::of(&bytes);
    Sealed {
        name: format!(
            "{kind:?}, {codec:?}, groups of {group_size}, {} bytes",
            bytes.len()
        ),
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
        let groups = GROUP_SIZES.map(|size| (Kind::Groups, size)).into_iter();
        let pages = Kind::ALL[1..].iter().map(|kind| (*kind, 40));
        // Only zstd has dictionaries.
        let kinds = groups.chain(pages.take(if codec == CODECS[1] { 3 } else { 1 }));
        for (kind, group_size) in kinds {
            for padded in [false, true] {
                let mut random = Random::new(seed_of(seed, 4, number));
                let options = WriterOptions::new()
                    .with_codec(codec)
                    .with_group_size(group_size)
                    .with_pad_to_block_boundary(padded);
                let options = kind.over(options);
                let count = grow(&path, options, seed, &mut random).expect("a file that grows");
                let bytes = std::fs::read(&path).expect("reading it");
                let anatomy = Anatomy::of(&bytes);
                files.push(Sealed {
                    name: format!(
                        "grown, {kind:?}, {codec:?}, groups of {group_size}, padded {padded}"
                    ),
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
