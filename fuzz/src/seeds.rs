//! First inputs, made from the files of the repository that show the format.

use std::path::{Path, PathBuf};
use std::{fs, io};

use windrow::format::{At, Chunk, ChunkType, RecordDecoder, Records, take_out_block_headers};
use windrow::{CompressionType, Reader, ReaderOptions};
use windrow_tests::hex_file::HexFile;
use windrow_tests::hostile::{BOMB_CODECS, bomb, chunk_data, header, one_size, pages_fields};
use windrow_tests::repository::{files_in, path};

use crate::recipe::Recipe;
use crate::recover_any_bytes::RECIPE;
use crate::{chunk_decode, column_chunk_any_bytes, open_any_bytes, round_trip};

mod grown;
mod pages;
mod transposed;

const FOLDERS: [&str; 2] = ["format-spec/vectors", "tests/data/golden"];
const OPTION_ROWS: [&str; 2] = ["writer_rows.tsv", "reader_rows.tsv"];
const OPTION_TABLES: &str = "crates/windrow-format/src/options/tests";
/// Files and chunks above this size are left out: a fuzzer does better with small inputs.
const MAX_SEED_BYTES: usize = 64 << 10;

/// A file with its name.
pub type Named = (String, Vec<u8>);

/// The golden files and the vectors.
///
/// # Panics
/// If one cannot be read.
#[must_use]
pub fn files() -> Vec<Named> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        for name in files_in(folder) {
            let Some(stem) = name.strip_suffix(".hex") else {
                continue;
            };
            let text = fs::read_to_string(path(folder).join(&name)).expect("a text file");
            let file = HexFile::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            files.push((stem.to_owned(), file.bytes));
        }
    }
    files
}

/// The seeds of each target that has some.
///
/// # Panics
/// If a file of the repository cannot be read.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<Named>)> {
    let files = files();
    let chunks = |(name, file): &Named| {
        let inputs: Vec<Named> = chunks_of(file, |number, _, chunk| {
            (format!("{name}_{number}"), chunk_decode::input_of(&chunk))
        });
        inputs
    };
    let compact = |(name, file): &Named| (name.clone(), open_any_bytes::compact(file));
    let grown = grown::files();
    let compacted: Vec<Named> = files.iter().chain(&grown).map(compact).collect();
    let recipes: Vec<Named> = (files.iter().chain(&grown))
        .filter_map(|(name, file)| Some((name.clone(), recipe_of(file)?)))
        .collect();
    let marked = recipes.iter().map(|(name, recipe)| {
        let mut recipe = recipe.clone();
        recipe[0] |= RECIPE;
        (format!("{name}_recipe"), recipe)
    });
    let mut seeds = vec![
        ("append_after_damage", grown::inputs()),
        (
            "recover_any_bytes",
            compacted.iter().cloned().chain(marked).collect(),
        ),
        ("open_any_bytes", compacted),
        ("mutate_valid_file", recipes),
        (
            "chunk_decode",
            files
                .iter()
                .chain(&grown)
                .flat_map(chunks)
                .chain(bombs())
                .collect(),
        ),
        ("options_string", option_strings()),
        ("transposed_decode", transposed::inputs()),
        ("pages_decode", pages::inputs()),
        ("column_chunk_any_bytes", column_chunk_any_bytes::inputs()),
        ("round_trip", writes(&files)),
    ];
    for (_, seeds) in &mut seeds {
        seeds.retain(|(_, seed)| seed.len() <= MAX_SEED_BYTES);
    }
    seeds
}

/// Writes the seeds into a folder for each target.
///
/// # Errors
/// If a file cannot be written.
pub fn write(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for (target, seeds) in all() {
        let folder: PathBuf = folder.join(target);
        fs::create_dir_all(&folder)?;
        for (name, seed) in seeds {
            fs::write(folder.join(name), seed)?;
            count += 1;
        }
    }
    Ok(count)
}

/// A recipe of the file's records and chunks; `None` if it does not open, or holds columns: a recipe tells no schema.
#[must_use]
pub fn recipe_of(file: &[u8]) -> Option<Vec<u8>> {
    let reader = Reader::from_bytes(file, ReaderOptions::new()).ok()?;
    if reader.has_columns() {
        return None;
    }
    let footer = usize::try_from(reader.footer().footer_offset).ok()?;
    let listed: Vec<u64> = (0..reader.num_chunks())
        .filter_map(|chunk| Some(reader.chunk_location(chunk).ok()?.begin))
        .collect();
    let mut recipe = Recipe::new(0);
    let mut footer_codec = 0;
    chunks_of(file, |_, begin, chunk| {
        if begin >= footer {
            if begin == footer {
                footer_codec = codec_of(&chunk).unwrap_or(0);
            }
            return;
        }
        let listed = listed.contains(&(begin as u64));
        match honest_records(&chunk) {
            Some((codec, records)) if listed && chunk.header.chunk_type == ChunkType::Simple => {
                recipe.records(codec, &records.iter().collect::<Vec<_>>());
            }
            _ if chunk.header.chunk_type == ChunkType::Padding => recipe.padding(),
            _ => recipe.chunk(listed, &chunk.header, chunk.data),
        }
    });
    recipe.footer_codec(footer_codec);
    let metadata = &reader.footer().metadata;
    if metadata.has_pages {
        recipe.metadata_fields(&pages_fields(&metadata.dictionaries));
    }
    Some(recipe.finish())
}

/// The place of the chunk's codec among those of a recipe.
fn codec_of(chunk: &Chunk<'_>) -> Option<u8> {
    Some(match windrow::format::compression_of(chunk)? {
        CompressionType::None => 0,
        CompressionType::Zstd => 1,
        CompressionType::Brotli => 2,
        CompressionType::Snappy => 3,
    })
}

fn honest_records(chunk: &Chunk<'_>) -> Option<(u8, Records)> {
    let mut records = Records::new();
    let limits = windrow::format::Limits::default();
    RecordDecoder::new()
        .decode(chunk, &limits, &mut records)
        .ok()?;
    (1..300).contains(&records.len()).then_some(())?;
    Some((codec_of(chunk)?, records))
}

/// The chunks of a sound file behind its signature: their number, where they begin, and they.
fn chunks_of<T>(file: &[u8], mut make: impl FnMut(usize, usize, Chunk<'_>) -> T) -> Vec<T> {
    let mut made = Vec::new();
    let mut begin = 64;
    while begin < file.len() {
        let flat = take_out_block_headers(begin as u64, &file[begin..]);
        let Ok(chunk) = Chunk::parse(&flat, At::byte(begin as u64)) else {
            break;
        };
        let end = chunk.header.chunk_end(begin as u64);
        made.push(make(made.len(), begin, chunk));
        begin = usize::try_from(end).unwrap_or(usize::MAX);
    }
    made
}

/// Chunks of a few bytes that decode to megabytes of sizes, or of one record.
fn bombs() -> Vec<Named> {
    const DECODED_BYTES: u64 = 16 << 20;
    let mut bombs = Vec::new();
    for (codec, byte, _) in BOMB_CODECS {
        let zeros = bomb(codec, None, 16 << 20, DECODED_BYTES);
        let sizes = chunk_data(byte, &zeros, &[]);
        let record = chunk_data(byte, &one_size(codec, DECODED_BYTES), &zeros);
        for (name, header, data) in [
            ("sizes", header(DECODED_BYTES, 0, &sizes), &sizes),
            ("record", header(1, DECODED_BYTES, &record), &record),
        ] {
            let at = At::byte(0);
            let input = chunk_decode::input_of(&Chunk { header, data, at });
            bombs.push((format!("bomb_of_{name}_{}", char::from(byte)), input));
        }
    }
    bombs
}

/// The records of each file, to be written with several options.
fn writes(files: &[Named]) -> Vec<Named> {
    let mut seeds = Vec::new();
    for (name, file) in files {
        let reader = Reader::from_bytes(file.as_slice(), ReaderOptions::new());
        let Ok(batch) = reader.and_then(|reader| reader.read_all()) else {
            continue;
        };
        let records: Vec<&[u8]> = batch.iter().collect();
        for _ in 0..2 {
            // Numbers that are not those of a neighbour, so that each codec meets each extra.
            let number = u8::try_from(seeds.len() * 37 % 256).expect("below 256");
            seeds.push((
                format!("{name}_{number}"),
                round_trip::input_of(number, &records),
            ));
        }
    }
    seeds
}

/// The strings of the tables that compare option strings with upstream, but for those with escapes.
fn option_strings() -> Vec<Named> {
    let mut strings = Vec::new();
    for table in OPTION_ROWS {
        let text = fs::read_to_string(path(OPTION_TABLES).join(table)).expect("a table");
        let rows = text.lines().filter_map(|line| {
            let (string, _) = line.strip_prefix('"')?.split_once("\"\t")?;
            (!string.contains('\\')).then(|| string.as_bytes().to_vec())
        });
        let stem = table.trim_end_matches(".tsv");
        strings.extend((0..).zip(rows).map(|(n, row)| (format!("{stem}_{n}"), row)));
    }
    strings
}

#[cfg(test)]
mod tests;
