//! Recovering, verifying and appending to a file of a gigabyte.
//!
//! `cargo bench -p windrow-bench --bench growing`

#![allow(missing_docs, reason = "a program")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use windrow::format::hash;
use windrow::{
    AppendOptions, Codec, FileSink, Sink, VerifyOptions, Writer, WriterOptions, recover, verify,
};
use windrow_bench::measure::{in_turn, time};
use windrow_bench::text;

const ROUNDS: usize = 7;
/// How often the text of 97 MB is written.
const TEXTS: usize = 11;
const APPENDED: usize = 1000;

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let records = text::records();
    println!(
        "uncompressed files of 1 GB; {threads} threads; best of {ROUNDS}, floor and ours in turn"
    );
    println!(
        "{:>5}  {:<28} {:>12} {:>12} {:>7}",
        "group", "work", "floor MB/s", "MB/s", "share"
    );
    for group_size in [1, 256] {
        let path = folder.path().join("file");
        write(&path, &records, group_size);
        scans(&path, group_size, threads);
        if group_size == 256 {
            appends(&path, &records);
        }
        fs::remove_file(&path).expect("removes");
    }
}

fn write(path: &Path, records: &[Vec<u8>], group_size: u32) {
    let options = WriterOptions::new()
        .with_group_size(group_size)
        .with_codec(Codec::Uncompressed);
    let mut writer = Writer::create_file(path, options).expect("creates");
    for _ in 0..TEXTS {
        writer.write_batch(records).expect("writes");
    }
    writer.finish().expect("finishes");
}

/// The floor is hashing the bytes of the file where they lie in memory, in pieces of the chunks' size.
fn scans(path: &Path, group_size: u32, threads: usize) {
    let file = fs::read(path).expect("reads");
    let bytes = file.len();
    let jobs: Vec<&[u8]> = file.chunks(1 << 20).collect();
    let hash_all = |threads: usize| {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        for piece in job.chunks(1_483 * group_size as usize) {
                            std::hint::black_box(hash(piece));
                        }
                    }
                });
            }
        });
    };
    let row = |work: &str, threads: usize, ours: &mut dyn FnMut()| {
        let pair = in_turn(ROUNDS, || hash_all(threads), ours);
        let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{group_size:>5}  {work:<28} {:>12.0} {:>12.0} {:>6.0}%",
            speed(pair.floor),
            speed(pair.ours),
            100.0 * pair.share()
        );
    };
    row("verify", threads, &mut || {
        assert!(
            verify(path, &VerifyOptions::new())
                .expect("reads")
                .is_sound()
        );
    });
    row("recover, with index, 1 core", 1, &mut || {
        assert!(recover(path).expect("recovers").report.is_whole());
    });
    let whole = fs::metadata(path).expect("is there").len();
    let cut = path.with_extension("cut");
    fs::copy(path, &cut).expect("copies");
    let file = fs::File::options().write(true).open(&cut).expect("opens");
    file.set_len(whole - 65_536).expect("cuts");
    row("recover, no index, 1 core", 1, &mut || {
        let report = recover(&cut).expect("recovers").report;
        assert!(report.skipped.is_empty() && report.index.is_some());
    });
    fs::remove_file(&cut).expect("removes");
}

/// Appends to the same file again and again, so that it grows by about a per cent in all.
fn appends(path: &Path, records: &[Vec<u8>]) {
    println!("append of {APPENDED} records of 200 words to this file, group size 256:");
    for (name, synced) in [("without sync", false), ("finish_synced", true)] {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                time(&mut || {
                    let mut writer = Writer::append(path, AppendOptions::new()).expect("appends");
                    writer.write_batch(&records[..APPENDED]).expect("writes");
                    if synced {
                        writer.finish_synced().expect("finishes");
                    } else {
                        writer.finish().expect("finishes");
                    }
                })
            })
            .collect();
        times.sort_unstable();
        println!(
            "  {name:<16} best {:.1?}, median {:.1?}",
            times[0],
            times[ROUNDS / 2]
        );
    }
    let mut writer = Writer::append(path, AppendOptions::new()).expect("appends");
    let mut times: Vec<Duration> = (0..ROUNDS * 10)
        .map(|number| {
            time(&mut || {
                writer.write(&records[number]).expect("writes");
                writer.flush().expect("flushes");
            })
        })
        .collect();
    times.sort_unstable();
    println!(
        "  one record and a flush: median {:.1?}",
        times[times.len() / 2]
    );
    let (mut sink, _): (FileSink, _) = writer.finish().expect("finishes");
    sink.sync().expect("syncs");
}
