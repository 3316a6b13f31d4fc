//! Record pages and dictionaries beside the layouts of ArrayRecord: sizes, and speeds measured in turn.
//!
//! `cargo bench -p windrow-bench --bench pages [-- FILTER]`, where the filter is `code`, `events` or `text`.

#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use windrow::{Codec, DictionaryOption, Layout, Reader, ReaderOptions, Writer, WriterOptions};
use windrow_bench::measure::in_turn;
use windrow_bench::text;

const ROUNDS: usize = 7;
const BATCH: usize = 1024;
const ZSTD: Codec = Codec::Zstd { level: 3 };

fn main() {
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "best of {ROUNDS}, in turn; files in the page cache; a dictionary is trained by `auto` once"
    );
    for name in ["code", "events", "text"] {
        if name.contains(&filter) {
            Bench::new(name, folder.path()).all();
        }
    }
}

struct Bench {
    records: Vec<Vec<u8>>,
    bytes: usize,
    folder: PathBuf,
    order: Vec<u64>,
}

impl Bench {
    fn new(name: &str, folder: &Path) -> Self {
        let records = text::records_of(name);
        let bytes = records.iter().map(Vec::len).sum();
        println!(
            "\n{name}: {} records, {bytes} bytes, {:.1} on average",
            records.len(),
            bytes as f64 / records.len() as f64
        );
        let mut order: Vec<u64> = (0..records.len() as u64).collect();
        let mut state = 1_u64;
        for place in (1..order.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let other = usize::try_from(state >> 33).expect("31 bits") % (place + 1);
            order.swap(place, other);
        }
        Self {
            records,
            bytes,
            folder: folder.join(name),
            order,
        }
    }

    fn all(&self) {
        std::fs::create_dir_all(&self.folder).expect("a folder");
        let single = self.file("group 1", &WriterOptions::new());
        self.file("group 256", &WriterOptions::new().with_group_size(256));
        let pages = WriterOptions::new().with_layout(Layout::Pages);
        let plain = self.file("pages, no dictionary", &pages);
        let auto = pages.clone().with_dictionary(DictionaryOption::Auto);
        let auto = self.file("pages, dictionary:auto", &auto);
        let dictionary = open(&auto).dictionaries().expect("reads").first().cloned();
        let with = |dictionary| pages.clone().with_dictionary(dictionary);
        let given = dictionary.map_or(DictionaryOption::Off, DictionaryOption::Given);
        let given = with(given);
        self.writing("write, dictionary given", &WriterOptions::new(), &given);
        self.reading("with a dictionary", &single, &auto);
        self.reading("without", &single, &plain);
        let stored = |options: WriterOptions| options.with_codec(Codec::Uncompressed);
        let single = self.file("group 1, uncompressed", &stored(WriterOptions::new()));
        let plain = self.file("pages, uncompressed", &stored(pages.clone()));
        self.reading("uncompressed", &single, &plain);
        let _ = ZSTD;
    }

    /// Writes a file and says how large it is.
    fn file(&self, name: &str, options: &WriterOptions) -> PathBuf {
        let path = self.folder.join(name.replace([' ', ',', ':'], "-"));
        let begin = Instant::now();
        let mut writer = Writer::create_file(&path, options.clone()).expect("creates");
        writer.write_batch(&self.records).expect("writes");
        let (_, summary) = writer.finish().expect("finishes");
        println!(
            "  {name:<24} {:>11} bytes  {:>6.2} %  written once in {:.2} s",
            summary.file_bytes,
            100.0 * summary.file_bytes as f64 / self.bytes as f64,
            begin.elapsed().as_secs_f64()
        );
        path
    }

    fn writing(&self, work: &str, single: &WriterOptions, pages: &WriterOptions) {
        let write = |options: &WriterOptions| {
            let mut writer = Writer::create(std::io::sink(), options.clone()).expect("creates");
            writer.write_batch(&self.records).expect("writes");
            writer.finish().expect("finishes");
        };
        self.row(work, self.records.len(), || write(single), || write(pages));
    }

    fn reading(&self, what: &str, single: &Path, pages: &Path) {
        let (single, pages) = (open(single), open(pages));
        let some = &self.order[..self.order.len().min(30_000)];
        let one_by_one = |reader: &Reader| {
            let mut buffer = Vec::new();
            for &index in some {
                reader.read_into(index, &mut buffer).expect("reads");
                black_box(&buffer);
            }
        };
        self.row(
            &format!("single, {what}"),
            some.len(),
            || one_by_one(&single),
            || one_by_one(&pages),
        );
        let batches = |reader: &Reader, size: usize| {
            for batch in self.order.chunks(size) {
                black_box(reader.read_many(batch).expect("reads"));
            }
        };
        for (label, size) in [("batches", BATCH), ("one batch", self.order.len())] {
            self.row(
                &format!("{label} of {size}, {what}"),
                self.order.len(),
                || batches(&single, size),
                || batches(&pages, size),
            );
        }
        let in_order = |reader: &Reader| {
            let mut cursor = reader.records();
            while let Some(record) = cursor.next_record().expect("reads") {
                black_box(record);
            }
        };
        self.row(
            &format!("in order, {what}"),
            self.order.len(),
            || in_order(&single),
            || in_order(&pages),
        );
    }

    fn row(&self, work: &str, records: usize, single: impl FnMut(), pages: impl FnMut()) {
        let pair = in_turn(ROUNDS, single, pages);
        let each = |time: std::time::Duration| 1e6 * time.as_secs_f64() / records as f64;
        println!(
            "  {work:<42} group 1 {:>7.3} us  pages {:>7.3} us  {:>5.2}x",
            each(pair.floor),
            each(pair.ours),
            pair.share()
        );
    }
}

fn open(path: &Path) -> Reader {
    Reader::open_with(path, ReaderOptions::new()).expect("opens")
}
