//! Writing a table takes memory by the size of its row groups and the number of workers, not by the size of the table.
//!
//! One test, in a program of its own: it counts what is allocated, and what another test allocates would count, too.
#![cfg(feature = "columns")]

#[path = "../../windrow-columnar/tests/counting/mod.rs"]
mod counting;

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use counting::Counting;
use windrow_columnar::{Profile, memory_bytes};
use windrow_io::{TableOptions, TableWriter};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH_ROWS: usize = 1 << 13;
const GROUP_ROWS: usize = 32 * BATCH_ROWS;
const GROUPS: usize = 6;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Rows that no encoding makes smaller.
fn noise(random: &mut Random) -> RecordBatch {
    let mut words = || -> ArrayRef {
        let words = (0..BATCH_ROWS).map(|_| random.next().cast_signed());
        Arc::new(Int64Array::from_iter_values(words))
    };
    let (a, b) = (words(), words());
    let texts = (0..BATCH_ROWS).map(|_| [random.next(), random.next()].map(u64::to_le_bytes));
    let texts: Vec<_> = texts.map(|words| words.concat()).collect();
    let texts: ArrayRef = Arc::new(BinaryArray::from_iter_values(&texts));
    RecordBatch::try_from_iter([("a", a), ("b", b), ("c", texts)]).unwrap()
}

/// Rows as they come: numbers in order, prices, words.
fn orderly(random: &mut Random) -> RecordBatch {
    let ids = Int64Array::from_iter_values((0..).take(BATCH_ROWS).map(|row| row * 7));
    #[allow(clippy::cast_precision_loss, reason = "below 10,000")]
    let price = |_| (random.next() % 10_000) as f64 / 100.0;
    let prices = Float64Array::from_iter_values((0..BATCH_ROWS).map(price));
    let words = ["wheat", "barley", "rye", "oats and other grains"];
    let texts = (0..BATCH_ROWS).map(|row| format!("{} {}", words[row % 4], row % 1000));
    let texts = StringArray::from_iter_values(texts);
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(ids)),
        ("price", Arc::new(prices)),
        ("text", Arc::new(texts)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// What looking for the symbols of texts takes beside, for each worker, however large a row group is.
const SYMBOLS_BYTES: usize = 4 << 20;

/// What writing takes at the most, without what looking for symbols does, in row groups of the size that the rows have in
/// memory.
fn peak(
    make: fn(&mut Random) -> RecordBatch,
    profile: Profile,
    parallelism: u32,
    groups: usize,
) -> f64 {
    let mut random = Random(1);
    let first = make(&mut random);
    let group_bytes = memory_bytes(&first) * (GROUP_ROWS / BATCH_ROWS);
    let options = TableOptions::new()
        .with_profile(profile)
        .with_group_rows(GROUP_ROWS)
        .with_max_parallelism(Some(parallelism));
    let sink = std::io::sink();
    let mut writer = TableWriter::create(sink, first.schema(), options).unwrap();
    let base = counting::begin();
    for _ in 0..groups * GROUP_ROWS / BATCH_ROWS {
        writer.write(&make(&mut random)).unwrap();
    }
    writer.finish().unwrap();
    let own = memory_bytes(&first) + SYMBOLS_BYTES * workers(parallelism);
    let taken = counting::peak_since(base) - own;
    #[allow(clippy::cast_precision_loss, reason = "megabytes")]
    {
        taken as f64 / group_bytes as f64
    }
}

fn workers(parallelism: u32) -> usize {
    let processors = std::thread::available_parallelism().unwrap().get();
    processors.min(parallelism as usize)
}

#[test]
fn writing_takes_memory_by_row_groups_and_workers() {
    // The rows and the same encoded, or the same encoded once and once more as a chunk.
    const EACH: f64 = 2.0;
    type Make = fn(&mut Random) -> RecordBatch;
    for (what, make) in [("noise", noise as Make), ("orderly", orderly)] {
        for profile in [Profile::Spill, Profile::Balanced, Profile::Small] {
            for parallelism in [1, 2, 4] {
                let most = EACH * f64::from(u8::try_from(workers(parallelism)).unwrap());
                let taken = peak(make, profile, parallelism, GROUPS);
                assert!(
                    taken < most,
                    "{what}, {profile:?}, {parallelism} workers: {taken} row groups, and {most} are allowed"
                );
            }
            let (few, many) = (peak(make, profile, 1, 3), peak(make, profile, 1, GROUPS));
            assert!(
                many < few * 1.05,
                "{what}, {profile:?}: {few} row groups while 3 are written, {many} while {GROUPS} are"
            );
        }
    }
}
