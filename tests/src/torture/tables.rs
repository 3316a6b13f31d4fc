//! Files of columns under the same damage: flipped bits, and cuts.

use std::ops::Range;

use arrow_array::{BooleanArray, Int64Array, RecordBatch};
use windrow::{
    Codec, Comparison, GroupStatistics, OnCorrupt, PageCodec, Predicate, Profile, ReaderOptions,
    RecoverOptions, SourceName, TableOptions, TableReader, TableWriter, VerifyOptions,
    recover_store, verify_store,
};

use super::{CutCounts, FlipCounts, cut_of, each_case, place_in, seed_of};
use crate::damage::{Anatomy, Field, Part, Piece, Structure};
use crate::every_way::full_text;
use crate::hostile::Random;
use crate::tables::{collect, ids, rows, rows_of, schema, write_table};

/// The column that each node belongs to.
const COLUMN_OF_NODE: [usize; 10] = [0, 1, 2, 3, 4, 5, 5, 6, 7, 7];

/// A sealed file of columns, and where everything in it lies.
#[derive(Debug, Clone)]
struct SealedTable {
    name: String,
    bytes: Vec<u8>,
    rows: RecordBatch,
    anatomy: Anatomy,
    /// Of each row group; those of a go that was broken off have none.
    statistics: Vec<Option<GroupStatistics>>,
}

impl SealedTable {
    fn new(name: String, bytes: Vec<u8>, rows: RecordBatch) -> Self {
        let table = open(&bytes).expect("a sound file");
        let told = |group| table.statistics(group).expect("no IO").cloned();
        Self {
            name,
            rows,
            anatomy: Anatomy::of(&bytes),
            statistics: (0..table.num_row_groups()).map(told).collect(),
            bytes,
        }
    }

    fn slice(&self, rows: &Range<u64>) -> RecordBatch {
        self.rows
            .slice(to_usize(rows.start), to_usize(rows.end - rows.start))
    }
}

fn open(bytes: &[u8]) -> windrow::Result<TableReader> {
    TableReader::from_bytes(bytes, ReaderOptions::new())
}

fn options(number: usize) -> TableOptions {
    let codec = |codec| TableOptions::new().with_codec(PageCodec::Buffer(codec));
    let zstd = Codec::Zstd { level: 3 };
    let options = match number {
        0 => TableOptions::new().with_profile(Profile::Spill),
        1 => codec(Codec::Uncompressed),
        2 => codec(zstd).with_profile(Profile::Small),
        3 => codec(Codec::Brotli { level: 3 }),
        4 => codec(Codec::Snappy),
        _ => TableOptions::new().with_codec(PageCodec::Lz4),
    };
    options.with_group_rows([90, 40, 150, 40, 70, 1][number % 6])
}

/// Some files that were written at once, and some that grew: were flushed, broken off, gone on with, finished, appended to.
fn sealed_tables(seed: u64) -> Vec<SealedTable> {
    let mut files = Vec::new();
    for number in 0..6 {
        let options = options(number);
        let count = if options.group_rows() == 1 { 40 } else { 250 };
        let rows = rows(seed, 0..count);
        let name = format!("{options:?}");
        files.push(SealedTable::new(name, write_table(&rows, options), rows));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for number in 0..6 {
        let path = folder.path().join(format!("grown {number}"));
        let mut random = Random::new(seed_of(seed, 5, number));
        let options = options(to_usize(number));
        let name = format!("grown, {options:?}");
        let grown = || -> windrow::Result<u64> {
            for go in 0.. {
                let mut writer = TableWriter::append(&path, schema(), options.clone())?;
                for _ in 0..1 + random.below(3) {
                    let next = writer.rows();
                    writer.write(&rows(seed, next..next + 1 + random.below(60) as u64))?;
                    if random.below(2) == 0 {
                        writer.flush()?;
                    }
                }
                match (go, go % 2) {
                    (4, _) => return Ok(writer.finish()?.1.records),
                    (_, 0) => drop(writer.finish()?),
                    _ => writer.flush()?,
                }
            }
            unreachable!("the last go returns")
        };
        let count = { grown }().expect("a file that grows");
        let bytes = std::fs::read(&path).expect("reading it");
        files.push(SealedTable::new(name, bytes, rows(seed, 0..count)));
    }
    files
}

/// Flips one bit of a file of columns at a time, `cases` times.
///
/// # Panics
/// If one goes unnoticed or crashes a reader.
#[must_use]
pub fn flip_table_bits(seed: u64, cases: u64) -> FlipCounts {
    let files = sealed_tables(seed);
    let structures: Vec<Vec<Structure>> = (files.iter())
        .map(|file| file.anatomy.structures(&file.bytes))
        .collect();
    let mut counts = FlipCounts::default();
    each_case(seed, 6, cases, |random, what| {
        let number = random.below(files.len());
        let (file, structures) = (&files[number], &structures[number]);
        let place = place_in(random, file.bytes.len(), structures);
        let bit = random.below(8);
        *what = format!("flip of {}, bit {bit} of byte {place}", file.name);
        flip_one(file, structures, place, bit, &mut counts);
    });
    counts
}

fn flip_one(
    file: &SealedTable,
    structures: &[Structure],
    place: usize,
    bit: usize,
    counts: &mut FlipCounts,
) {
    let mut bytes = file.bytes.clone();
    bytes[place] ^= 1 << bit;
    let options = VerifyOptions::new().with_deep(true);
    let report = verify_store(bytes.clone(), SourceName::MEMORY, &options).expect("no IO");
    let chunk = (file.anatomy.chunks.iter())
        .find(|chunk| chunk.bytes.contains(&place))
        .expect("chunks fill the file");
    let structure = (structures.iter())
        .rfind(|one| one.covers(place))
        .expect("structures fill the file");
    recover(file, &bytes, chunk);
    let Ok(table) = open(&bytes) else {
        assert!(!report.is_sound(), "refused at open, sound for verify");
        counts.refused += 1;
        return;
    };
    // To show what was there before the last append would be to lose rows without a word.
    assert_eq!(table.file().sealed_bytes(), table.file().file_bytes());
    let lost = read(file, &table);
    let costs = (chunk.part == Part::Data).then(|| chunk.records.clone());
    assert!(
        lost.is_empty() || lost.iter().eq(&costs),
        "other rows than those of the chunk"
    );
    if let Some(damaged) = &costs {
        let column = match structure.field {
            Field::Page(node) | Field::SharedPage(node) => Some(COLUMN_OF_NODE[node]),
            _ => None,
        };
        assert!(
            column.is_none() || !lost.is_empty(),
            "a scan does not see a damaged page"
        );
        read_parts(file, &table, damaged, column);
    }
    assert_statistics(file, &table, &lost);
    if !lost.is_empty() {
        assert!(!report.is_sound(), "rows are lost, sound for verify");
        counts.unreadable += 1;
    } else if !report.is_sound() {
        counts.reported += 1;
    } else {
        assert!(
            structure.field == Field::Fill,
            "nobody saw it, though it is not in what fills a chunk"
        );
        counts.harmless += 1;
    }
}

/// Scans row group by row group, and all; returns the rows of those that cannot be read.
fn read(file: &SealedTable, table: &TableReader) -> Vec<Range<u64>> {
    assert_eq!(table.len(), file.rows.num_rows() as u64);
    let mut lost = Vec::new();
    for group in 0..table.num_row_groups() {
        let rows = rows_of(table, group);
        match collect(table.scan().rows(rows.clone())) {
            Ok(found) => assert_eq!(found, file.slice(&rows), "row group {group}"),
            Err(error) => {
                assert_eq!(error.records().as_ref(), Some(&rows), "row group {group}");
                lost.push(rows.clone());
            }
        }
    }
    match collect(table.scan()) {
        Ok(all) => assert!(lost.is_empty() && all == file.rows),
        Err(_) => assert!(!lost.is_empty(), "a scan fails, those of row groups do not"),
    }
    lost
}

/// Reads columns, and single rows, of the damaged row group: an error or what was written. Rows of columns other than the
/// damaged one come, whatever else the page holds.
fn read_parts(file: &SealedTable, table: &TableReader, rows: &Range<u64>, damaged: Option<usize>) {
    let is_right = |found: windrow::Result<RecordBatch>, rows: &Range<u64>, columns: &[usize]| {
        let expected = file.slice(rows).project(columns).expect("columns");
        let found = found.map(|found| assert_eq!(found, expected));
        found.is_ok()
    };
    for (number, field) in schema().fields().iter().enumerate() {
        let name = field.name().as_str();
        is_right(
            collect(table.scan().rows(rows.clone()).columns([name])),
            rows,
            &[number],
        );
        for row in rows.clone().step_by(17) {
            let one = row..row + 1;
            let came = is_right(table.take(&[row], Some(&[name])), &one, &[number]);
            // Where one row is all of the group, a large column is read with all that is around it, under one hash.
            let is_whole = one == *rows;
            assert!(
                came || is_whole || damaged.is_none_or(|damaged| damaged == number),
                "row {row} of column {name}, which is not damaged"
            );
        }
    }
}

/// Statistics are those that were written, or none; and they hide no rows.
fn assert_statistics(file: &SealedTable, table: &TableReader, lost: &[Range<u64>]) {
    for (group, written) in (0..).zip(&file.statistics) {
        if lost.contains(&rows_of(table, group)) {
            continue;
        }
        let told = table.statistics(group).expect("a sound row group");
        assert!(
            told.is_none() || told == written.as_ref(),
            "row group {group}"
        );
    }
    let half = table.len() / 2;
    let least = Int64Array::from(vec![i64::try_from(half).expect("few rows")]);
    let wanted = Predicate::compare("id", Comparison::GreaterOrEqual, least);
    match collect(table.scan().filter(wanted)) {
        Ok(found) => assert_eq!(found, file.slice(&(half..table.len()))),
        Err(_) => assert!(!lost.is_empty(), "no row group is damaged"),
    }
}

/// Recovers the file, with and without its index: all rows come in order, but for those that the damaged chunk costs.
fn recover(file: &SealedTable, bytes: &[u8], chunk: &Piece) {
    assert_recovered(file, bytes, &file.anatomy.records_in(&chunk.bytes));
    let last = (file.anatomy.chunks.iter()).rfind(|chunk| chunk.part == Part::Postscript);
    let end = last.expect("a sealed file").bytes.start;
    if chunk.bytes.end <= end {
        // Now a bad header costs what lies up to the next place that can be trusted: the next block header tells it.
        let block = (chunk.bytes.start + 1).next_multiple_of(65_536);
        let around = |other: &&Piece| other.bytes.start < block && block < other.bytes.end;
        let trusted = file.anatomy.chunks.iter().find(around);
        let trusted = trusted.map_or(block, |around| around.bytes.end);
        let costs = file.anatomy.records_in(&(chunk.bytes.start..trusted));
        assert_recovered(file, &bytes[..end], &costs);
    }
}

fn assert_recovered(file: &SealedTable, bytes: &[u8], costs: &[u64]) {
    let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new());
    let reader = recovered.expect("something is left").reader;
    let found = recovered_rows(reader);
    let is_table = found.is_some();
    let found = found.unwrap_or_else(|| file.rows.slice(0, 0));
    let numbers = ids(&found);
    assert!(numbers.is_sorted_by(|a, b| a < b), "twice or out of order");
    let lost = |number: &u64| numbers.binary_search(number).is_err();
    let lost: Vec<u64> = (0..file.rows.num_rows() as u64).filter(lost).collect();
    assert!(
        lost.iter()
            .all(|number| costs.binary_search(number).is_ok()),
        "{lost:?} are lost, {costs:?} may be"
    );
    let kept: BooleanArray = (0..file.rows.num_rows() as u64)
        .map(|number| Some(lost.binary_search(&number).is_err()))
        .collect();
    let expected = arrow_select::filter::filter_record_batch(&file.rows, &kept);
    assert_eq!(
        found,
        expected.expect("as many rows"),
        "others are recovered"
    );
    // Whoever asks for skipping gets the same where the index cannot be used.
    if is_table && open(bytes).is_err() {
        let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
        let table = TableReader::from_bytes(bytes, options).expect("it was recovered");
        assert_eq!(collect(table.scan()).expect("whole row groups"), found);
    }
}

/// All rows of a file that was recovered; `None` if not even its schema is left.
fn recovered_rows(reader: windrow::Reader) -> Option<RecordBatch> {
    let len = reader.len();
    match TableReader::from_reader(reader) {
        Ok(table) => {
            let all = collect(table.scan());
            Some(all.unwrap_or_else(|error| panic!("{}", full_text(&error))))
        }
        Err(error) => {
            assert_eq!(len, 0, "{}", full_text(&error));
            None
        }
    }
}

/// Cuts a file of columns at a random byte, `cases` times, and recovers it.
///
/// # Panics
/// If a row in front of the cut is missing, or anything else comes.
#[must_use]
pub fn cut_tables(seed: u64, cases: u64) -> CutCounts {
    let files = sealed_tables(seed);
    let mut counts = CutCounts::default();
    each_case(seed, 7, cases, |random, what| {
        let file = &files[random.below(files.len())];
        let cut = cut_of(random, file.bytes.len(), &file.anatomy);
        *what = format!("cut of {}, to {cut} bytes", file.name);
        cut_one(file, cut, &mut counts);
    });
    counts
}

fn cut_one(file: &SealedTable, cut: usize, counts: &mut CutCounts) {
    let bytes = &file.bytes[..cut];
    let expected = rows_before(file, cut);
    match recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new()) {
        Ok(recovered) => {
            assert_eq!(recovered.report.records, expected);
            if let Some(found) = recovered_rows(recovered.reader) {
                assert_eq!(found, file.slice(&(0..expected)), "other rows");
            }
            counts.recovered += 1;
            counts.records += expected;
        }
        Err(error) => {
            assert!(cut < 64, "{}", full_text(&error));
            assert_eq!(error.code(), "not_array_record");
            counts.nothing += 1;
        }
    }
    // Without an earlier end it does not open; with one it does, and has the rows of then.
    match (open(bytes), super::last_end(&file.anatomy, cut)) {
        (Ok(table), Some(end)) => {
            let then = rows_before(file, end);
            let found = collect(table.scan()).expect("sound row groups");
            assert_eq!(found, file.slice(&(0..then)), "as it was then");
            counts.opened += 1;
        }
        (Err(error), None) => {
            let codes = ["no_postscript", "not_array_record"];
            assert_eq!(error.code(), codes[usize::from(cut < 64)]);
        }
        (Ok(table), None) => panic!("opens with {} rows", table.len()),
        (Err(error), Some(_)) => panic!("{}", full_text(&error)),
    }
}

/// How many rows the chunks that end in front of `cut` hold: always the first ones.
fn rows_before(file: &SealedTable, cut: usize) -> u64 {
    let whole = |chunk: &&Piece| chunk.bytes.end <= cut;
    let ends = file.anatomy.chunks.iter().filter(whole);
    ends.map(|chunk| chunk.records.end).max().unwrap_or(0)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("rows in memory")
}
