//! The files of columns that the tables are about. Everything in them is chosen, so that positions are the same for ever.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use windrow::{Codec, PageCodec, TableOptions, TableWriter};

use crate::hostile::Random;
use crate::tables::write_table;

/// A file of columns of the tables.
#[derive(Debug, Clone)]
pub struct MadeTable {
    /// The file.
    pub bytes: Vec<u8>,
    /// The rows that were written to it.
    pub rows: RecordBatch,
}

fn groups_of(rows: usize) -> TableOptions {
    // The files tell it, so that their tables stay when its default changes.
    TableOptions::new()
        .with_group_bytes(64 << 20)
        .with_group_rows(rows)
        .with_codec(PageCodec::Buffer(Codec::Uncompressed))
        .with_max_parallelism(Some(1))
}

/// `n`, numbers of which each third is null, and `b`, each of so many random bytes.
fn numbers_and_bytes(seed: u8, count: usize, bytes: usize) -> RecordBatch {
    // With these the statistics of two files compress to the same size.
    let mut random = Random::new(u64::from(seed) * 199);
    let number = |at: usize, random: &mut Random| {
        let number = i32::try_from(random.below(1 << 30)).expect("30 bits");
        (at % 3 != 1).then_some(number)
    };
    let numbers: Int32Array = (0..count).map(|at| number(at, &mut random)).collect();
    let blobs = BinaryArray::from_iter_values((0..count).map(|_| random.bytes(bytes)));
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int32, true),
        Field::new("b", DataType::Binary, false),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(blobs)];
    RecordBatch::try_new(Arc::new(schema), columns).expect("columns of the schema")
}

/// Five row groups of three rows: a number, or null, and 10,000 bytes, uncompressed. The third and the fifth group hold a
/// block header.
#[must_use]
pub fn columns_file(seed: u8) -> MadeTable {
    let rows = numbers_and_bytes(seed, 15, 10_000);
    MadeTable {
        bytes: write_table(&rows, groups_of(3)),
        rows,
    }
}

/// Three row groups of 200 rows: one of four words of 20 letters, which stand in a shared page, and a number.
///
/// # Panics
/// If there are not as many values as rows.
#[must_use]
pub fn shared_columns_file(seed: u8) -> MadeTable {
    let mut random = Random::new(seed.into());
    let letter = char::from(b'a' + seed);
    let words = ["east", "west", "north", "south"].map(|word| {
        let fill = String::from(letter).repeat(20 - word.len());
        format!("{word}{fill}")
    });
    let words = (0..600).map(|_| words[random.below(4)].as_str());
    let words: StringArray = words.map(Some).collect();
    let numbers = (0..600).map(|_| i32::try_from(random.below(1 << 30)).expect("30 bits"));
    let numbers = Int32Array::from_iter_values(numbers);
    let schema = Schema::new(vec![
        Field::new("word", DataType::Utf8, false),
        Field::new("n", DataType::Int32, false),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(words), Arc::new(numbers)];
    let rows = RecordBatch::try_new(Arc::new(schema), columns).expect("columns of the schema");
    MadeTable {
        bytes: write_table(&rows, groups_of(200)),
        rows,
    }
}

/// Row groups of three rows with 1,000 bytes each, written in two goes: four rows, a flush, three more, the end; then an
/// append of one, a flush, and three more.
#[must_use]
pub fn grown_columns_file(seed: u8) -> MadeTable {
    grow(seed, true)
}

/// The same without the end of the second go: what a writer leaves that was killed behind its flush.
#[must_use]
pub fn unfinished_columns_append(seed: u8) -> MadeTable {
    grow(seed, false)
}

fn grow(seed: u8, to_the_end: bool) -> MadeTable {
    let written = if to_the_end { 11 } else { 8 };
    let rows = numbers_and_bytes(seed, 11, 1000).slice(0, written);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("grown");
    let grown = || -> windrow::Result<()> {
        let mut writer = TableWriter::create_file(&path, rows.schema(), groups_of(3))?;
        writer.write(&rows.slice(0, 4))?;
        writer.flush()?;
        writer.write(&rows.slice(4, 3))?;
        writer.finish()?;
        let mut writer = TableWriter::append(&path, rows.schema(), groups_of(3))?;
        writer.write(&rows.slice(7, 1))?;
        writer.flush()?;
        if to_the_end {
            writer.write(&rows.slice(8, 3))?;
            writer.finish()?;
        }
        Ok(())
    };
    grown().expect("a file that grows");
    MadeTable {
        bytes: std::fs::read(&path).expect("reading it"),
        rows,
    }
}

/// What a writer leaves that was killed in its first go: seven rows of 1,000 bytes in row groups of three, a flush behind
/// the fourth and the last.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn unfinished_columns_file(seed: u8) -> MadeTable {
    let rows = numbers_and_bytes(seed, 7, 1000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("unfinished");
    let written = || -> windrow::Result<()> {
        let mut writer = TableWriter::create_file(&path, rows.schema(), groups_of(3))?;
        writer.write(&rows.slice(0, 4))?;
        writer.flush()?;
        writer.write(&rows.slice(4, 3))?;
        writer.flush()
    };
    written().expect("a file in the making");
    MadeTable {
        bytes: std::fs::read(&path).expect("reading it"),
        rows,
    }
}
