//! Writing and reading messages, transposed with several bucket sizes, beside the floor measured in the same run.
//!
//! `cargo bench -p windrow-bench --bench transposed [-- FILTER]`
//!
//! The floor of whole messages is the codec on the chunks' own buffers, and their hashes. That of two fields has all
//! the hashes, but of each chunk only the header and the transitions, which every reader needs.

#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use windrow::{Codec, Reader, ReaderOptions, Writer, WriterOptions};
use windrow_bench::floor::{self, Encoded, Group};
use windrow_bench::measure::in_turn;
use windrow_bench::messages;

const ROUNDS: usize = 7;
const GROUP_SIZE: u32 = 1000;
const CODEC: Codec = Codec::Zstd { level: 3 };
/// Bytes of a bucket; 0 is a file that is not transposed.
const BUCKETS: [(&str, u64); 6] = [
    ("no", 0),
    ("256", 256),
    ("16k", 16 << 10),
    ("64k", 64 << 10),
    ("256k", 256 << 10),
    ("1M", 1 << 20),
];
/// Numbers; a text and a nested one; and texts that are a fifth of all bytes.
const FIELDS: [[&str; 2]; 3] = [["1", "8"], ["3", "12.2"], ["6", "20"]];
/// Header and transitions; where chunks are not transposed, everything.
const FIRST_FRAMES: usize = 2;

fn main() {
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "100,000 messages of 20 fields, groups of {GROUP_SIZE}, zstd:3; best of {ROUNDS}, floor and ours in turn"
    );
    println!(
        "{:<7} {:>7}  {:<14} {:>12} {:>12} {:>12} {:>7} {:>12}",
        "buckets", "threads", "work", "floor MB/s", "MB/s", "messages/s", "share", "beside all"
    );
    let records = messages::records();
    for (label, bucket_bytes) in BUCKETS {
        if label.contains(&filter) {
            let bench = Bench::new(&records, label, bucket_bytes, folder.path());
            bench.all(1);
            if threads > 1 {
                bench.all(threads);
            }
        }
    }
}

struct Bench<'a> {
    records: &'a [Vec<u8>],
    label: &'a str,
    bucket_bytes: u64,
    path: PathBuf,
    groups: Vec<Group>,
    chunks: Vec<Encoded>,
    bytes: usize,
}

impl<'a> Bench<'a> {
    fn new(records: &'a [Vec<u8>], label: &'a str, bucket_bytes: u64, folder: &Path) -> Self {
        let groups = if bucket_bytes == 0 {
            floor::groups(records, GROUP_SIZE as usize)
        } else {
            messages::groups(records, GROUP_SIZE as usize, CODEC, bucket_bytes)
        };
        let chunks = floor::encode(CODEC, &groups);
        let bench = Self {
            records,
            label,
            bucket_bytes,
            path: folder.join(label),
            chunks,
            groups,
            bytes: records.iter().map(Vec::len).sum(),
        };
        let mut writer = Writer::create_file(&bench.path, bench.options(1)).expect("creates");
        writer.write_batch(records).expect("writes");
        let (_, summary) = writer.finish().expect("finishes");
        let frames: usize = bench.chunks.iter().map(Encoded::bytes).sum();
        println!(
            "{label:<7} a file of {} bytes, {:.2} % of the messages; the floor's frames {:.2} %",
            summary.file_bytes,
            100.0 * summary.file_bytes as f64 / bench.bytes as f64,
            100.0 * frames as f64 / bench.bytes as f64
        );
        bench
    }

    fn options(&self, threads: usize) -> WriterOptions {
        WriterOptions::new()
            .with_group_size(GROUP_SIZE)
            .with_codec(CODEC)
            .with_transpose(self.bucket_bytes > 0)
            .with_transpose_bucket_bytes(self.bucket_bytes.max(1))
            .with_max_parallelism(Some(u32::try_from(threads).expect("few")))
    }

    fn open(&self, threads: usize, fields: Option<[&str; 2]>) -> Reader {
        // One thread is the calling one.
        let helpers = if threads == 1 { 0 } else { threads };
        let mut options =
            ReaderOptions::new().with_max_parallelism(Some(u32::try_from(helpers).expect("few")));
        if let Some(fields) = fields {
            options = options.with_fields(fields);
        }
        Reader::open_with(&self.path, options).expect("opens")
    }

    fn all(&self, threads: usize) {
        self.row(
            "write (memory)",
            threads,
            None,
            &mut || floor::write(CODEC, threads, &self.groups),
            &mut || {
                let sink = std::io::sink();
                let mut writer = Writer::create(sink, self.options(threads)).expect("creates");
                writer.write_batch(self.records).expect("writes");
                writer.finish().expect("finishes");
            },
        );
        let in_order: Vec<usize> = (0..self.chunks.len()).collect();
        let whole = self.open(threads, None);
        self.row(
            "read",
            threads,
            None,
            &mut || floor::read(CODEC, threads, &self.chunks, &in_order),
            &mut || read_in_order(&whole),
        );
        let chunks = self.chunks.iter();
        let least: Vec<Encoded> = chunks.map(|chunk| chunk.only(FIRST_FRAMES)).collect();
        for fields in FIELDS {
            let some = self.open(threads, Some(fields));
            self.row(
                &fields.join(", "),
                threads,
                Some(&whole),
                &mut || floor::read(CODEC, threads, &least, &in_order),
                &mut || read_in_order(&some),
            );
        }
    }

    /// `whole` is what reading some fields is compared with.
    fn row(
        &self,
        work: &str,
        threads: usize,
        whole: Option<&Reader>,
        floor: &mut dyn FnMut(),
        ours: &mut dyn FnMut(),
    ) {
        let pair = in_turn(ROUNDS, floor, &mut *ours);
        let times = whole.map_or_else(String::new, |whole| {
            let beside = in_turn(ROUNDS, || read_in_order(whole), ours);
            format!("{:.2}x", beside.share())
        });
        let speed = |time: std::time::Duration| self.bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{:<7} {threads:>7}  {work:<14} {:>12.0} {:>12.0} {:>12.0} {:>6.0}% {times:>12}",
            self.label,
            speed(pair.floor),
            speed(pair.ours),
            self.records.len() as f64 / pair.ours.as_secs_f64(),
            100.0 * pair.share()
        );
    }
}

fn read_in_order(reader: &Reader) {
    let mut cursor = reader.records();
    while let Some(record) = cursor.next_record().expect("reads") {
        black_box(record);
    }
}
