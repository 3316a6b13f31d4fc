//! Writing and reading records, beside the floor measured in the same run.
//!
//! `cargo bench -p windrow-bench --bench records [-- FILTER]`

#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::path::Path;

use windrow::{Codec, MmapStore, Reader, ReaderOptions, Sink, SourceName, Writer, WriterOptions};
use windrow_bench::floor::{self, Encoded, Group};
use windrow_bench::measure::{Pair, in_turn};
use windrow_bench::text;

const ROUNDS: usize = 7;

fn main() {
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "text: 65,536 records of 200 words; {threads} threads; best of {ROUNDS}, floor and ours in turn"
    );
    println!(
        "{:<14} {:>5}  {:<22} {:>12} {:>12} {:>12} {:>7}",
        "codec", "group", "work", "floor MB/s", "MB/s", "records/s", "share"
    );
    let records = text::records();
    for (name, codec) in [
        ("zstd:3", Codec::Zstd { level: 3 }),
        ("snappy", Codec::Snappy),
        ("uncompressed", Codec::Uncompressed),
        ("brotli:6", Codec::Brotli { level: 6 }),
    ] {
        for group_size in [1, 256] {
            let label = format!("{name}/{group_size}");
            if !label.contains(&filter) || (name == "brotli:6" && group_size == 1) {
                continue;
            }
            let bench = Bench::new(&records, name, codec, group_size, threads, folder.path());
            bench.all();
        }
    }
    if "index".contains(&filter) || filter.is_empty() {
        index(folder.path());
    }
}

struct Bench<'a> {
    records: &'a [Vec<u8>],
    name: &'a str,
    codec: Codec,
    group_size: usize,
    threads: usize,
    path: std::path::PathBuf,
    groups: Vec<Group>,
    chunks: Vec<Encoded>,
    bytes: usize,
}

impl<'a> Bench<'a> {
    fn new(
        records: &'a [Vec<u8>],
        name: &'a str,
        codec: Codec,
        group_size: usize,
        threads: usize,
        folder: &Path,
    ) -> Self {
        let groups = floor::groups(records, group_size);
        let chunks = floor::encode(codec, &groups);
        let bytes = records.iter().map(Vec::len).sum();
        let path = folder.join(format!("{}-{group_size}", name.replace(':', "")));
        Self {
            records,
            name,
            codec,
            group_size,
            threads,
            path,
            groups,
            chunks,
            bytes,
        }
    }

    fn options(&self) -> WriterOptions {
        WriterOptions::new()
            .with_group_size(u32::try_from(self.group_size).expect("small"))
            .with_codec(self.codec)
            .with_max_parallelism(Some(u32::try_from(self.threads).expect("few")))
    }

    #[allow(
        unsafe_code,
        reason = "opening a map is a promise, which this program keeps"
    )]
    fn map(&self) -> Reader {
        let name = SourceName::path(&self.path);
        // SAFETY: the file lies in a temporary folder of this program, which does not change it any more.
        let store = unsafe { MmapStore::open(&name) }.expect("maps");
        Reader::from_store(store, name, ReaderOptions::new()).expect("opens")
    }

    fn row(&self, work: &str, records: usize, pair: Pair) {
        let bytes = self.bytes as f64 * records as f64 / self.records.len() as f64;
        let speed = |time: std::time::Duration| bytes / 1e6 / time.as_secs_f64();
        println!(
            "{:<14} {:>5}  {:<22} {:>12.0} {:>12.0} {:>12.0} {:>6.0}%",
            self.name,
            self.group_size,
            work,
            speed(pair.floor),
            speed(pair.ours),
            records as f64 / pair.ours.as_secs_f64(),
            100.0 * pair.share()
        );
    }

    fn all(&self) {
        let Self {
            codec,
            threads,
            records,
            ..
        } = *self;
        let n = records.len();
        // Brotli takes its time.
        let slow = matches!(codec, Codec::Brotli { .. });
        let rounds = if slow { 1 } else { ROUNDS };
        let in_order: Vec<usize> = (0..self.chunks.len()).collect();
        let pair = in_turn(
            rounds,
            || floor::write(codec, threads, &self.groups),
            || {
                write_all(
                    Writer::create_file(&self.path, self.options()).expect("created"),
                    records,
                )
            },
        );
        self.row("write (file)", n, pair);
        let pair = in_turn(
            rounds,
            || floor::write(codec, threads, &self.groups),
            || {
                write_all(
                    Writer::create(std::io::sink(), self.options()).expect("created"),
                    records,
                )
            },
        );
        self.row("write (memory)", n, pair);

        let reader = Reader::open(&self.path).expect("opens");
        let pair = in_turn(
            ROUNDS,
            || floor::read(codec, threads, &self.chunks, &in_order),
            || read_in_order(&reader),
        );
        self.row("sequential", n, pair);

        if codec == Codec::Uncompressed {
            let reader = self.map();
            let pair = in_turn(
                ROUNDS,
                || floor::read(codec, threads, &self.chunks, &in_order),
                || read_in_order(&reader),
            );
            self.row("sequential, mmap", n, pair);
        }

        let shuffled = shuffled(n);
        let indices: Vec<u64> = shuffled.iter().map(|&index| index as u64).collect();
        let pair = in_turn(
            ROUNDS,
            || floor::read(codec, threads, &self.chunks, &in_order),
            || {
                black_box(reader.read_many(&indices).expect("reads"));
            },
        );
        self.row("batch, all shuffled", n, pair);
        let pair = in_turn(
            ROUNDS,
            || floor::read(codec, threads, &self.chunks, &in_order),
            || {
                reader
                    .read_many_with(&indices, |_, record| {
                        black_box(record);
                    })
                    .expect("reads");
            },
        );
        self.row("batch, lent", n, pair);

        if self.group_size == 1 {
            let pair = in_turn(
                ROUNDS,
                || floor::read(codec, 1, &self.chunks, &shuffled),
                || {
                    let mut buffer = Vec::new();
                    for &index in &indices {
                        reader.read_into(index, &mut buffer).expect("reads");
                        black_box(&buffer);
                    }
                },
            );
            self.row("single random", n, pair);
        } else {
            let some = 2000;
            let order: Vec<usize> = shuffled[..some]
                .iter()
                .map(|index| index / self.group_size)
                .collect();
            let reader =
                Reader::open_with(&self.path, ReaderOptions::new().with_chunk_cache_bytes(0))
                    .expect("opens");
            let pair = in_turn(
                ROUNDS,
                || floor::read(codec, 1, &self.chunks, &order),
                || {
                    for &index in &indices[..some] {
                        black_box(reader.read(index).expect("reads"));
                    }
                },
            );
            // A whole chunk is decoded for each record, so bytes count by chunk.
            self.row("single random", some, pair);
        }
    }
}

fn write_all<S: Sink>(mut writer: Writer<S>, records: &[Vec<u8>]) {
    for record in records {
        writer.write(record).expect("written");
    }
    writer.finish().expect("finished");
}

fn read_in_order(reader: &Reader) {
    let mut cursor = reader.records();
    while let Some(record) = cursor.next_record().expect("reads") {
        black_box(record);
    }
}

/// 3,000,000 records of 24 bytes, group 1, uncompressed.
fn index(folder: &Path) {
    let path = folder.join("index");
    let options = WriterOptions::new().with_codec(Codec::Uncompressed);
    let mut writer = Writer::create_file(&path, options).expect("created");
    let begin = std::time::Instant::now();
    for n in 0..3_000_000_u64 {
        let mut record = [0; 24];
        record[..8].copy_from_slice(&n.to_le_bytes());
        writer.write(&record).expect("written");
    }
    let (_, summary) = writer.finish().expect("finished");
    println!(
        "\n3,000,000 records of 24 bytes, group 1, uncompressed: {:.0} bytes a record, {:.0} records/s written",
        summary.file_bytes as f64 / 3e6,
        3e6 / begin.elapsed().as_secs_f64()
    );
    let open = || Reader::open(&path).expect("opens");
    let best = (0..ROUNDS)
        .map(|_| windrow_bench::measure::time(&mut || drop(black_box(open()))))
        .min();
    let reader = open();
    println!(
        "open {:.1} ms, index {:.1} MB ({:.2} bytes a chunk)",
        best.unwrap_or_default().as_secs_f64() * 1e3,
        reader.stats().index_bytes as f64 / 1e6,
        reader.stats().index_bytes as f64 / 3e6
    );
    let reads = 10_000;
    let best = (0..ROUNDS)
        .map(|_| {
            windrow_bench::measure::time(&mut || {
                for n in 0..reads {
                    black_box(reader.read_many(&[n * 299]).expect("reads"));
                }
            })
        })
        .min();
    println!(
        "one-element batch {:.2} us",
        best.unwrap_or_default().as_secs_f64() * 1e6 / reads as f64
    );
}

/// 0..n in an order that a fixed seed decides (Fisher-Yates over splitmix64).
fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut state = 0_u64;
    for last in (1..n).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let other = usize::try_from(word % (last as u64 + 1)).expect("small");
        order.swap(last, other);
    }
    order
}
