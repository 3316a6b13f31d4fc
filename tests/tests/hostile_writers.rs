//! What a writer takes in memory: its groups in flight and its codec, whatever it writes in all.
#![cfg(unix)]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use windrow_tests::hostile::run_json;

/// Runs the writer in another process and returns what it measured.
fn write(codec: &str, group: u64, jobs: u64, record_bytes: u64) -> Value {
    let program = Path::new(env!("CARGO_BIN_EXE_hostile"));
    let numbers = [group, jobs, record_bytes, 200 << 20].map(|number| number.to_string());
    let [group, jobs, record_bytes, bytes] = &numbers;
    let args = ["write", codec, group, jobs, record_bytes, bytes];
    run_json(program, &args, Duration::from_secs(600))
}

/// Groups in flight and the one that fills, raw and compressed; a codec per thread; the footer's entries; and a fixed
/// part for what is collected on the way to the sink.
fn writers_take(codec: &str) {
    let mut above = Vec::new();
    // The pool has a thread per processor, and the calling thread compresses when it would wait.
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64) + 1;
    for (group, record_bytes) in [(1, 4000), (256, 400), (65_536, 60)] {
        for jobs in [1, 2, 4] {
            let measured = write(codec, group, jobs, record_bytes);
            let number = |key: &str| measured[key].as_u64().unwrap();
            let bound = (jobs + 2) * number("group_bytes") * 2
                + threads * number("codec_bytes")
                + (16 << 20)
                + 12 * number("chunks") * 2;
            let (heap, resident) = (number("peak_bytes"), number("resident_bytes"));
            eprintln!(
                "{codec}, group {group}, {jobs} jobs: heap {:.1} MiB, resident {:.1} MiB, bound {:.1} MiB \
                 (groups of {} KiB, codec {} KiB, {} chunks)",
                mib(heap),
                mib(resident),
                mib(bound),
                number("group_bytes") >> 10,
                number("codec_bytes") >> 10,
                number("chunks")
            );
            // What the system's allocator keeps of freed blocks is in memory as well, an arena per thread.
            for (what, bytes, bound) in [
                ("heap", heap, bound),
                ("resident", resident, bound + (16 << 20)),
            ] {
                if bytes > bound {
                    above.push(format!(
                        "{codec}, group {group}, {jobs} jobs: {what} {bytes} above {bound}"
                    ));
                }
            }
        }
    }
    assert!(above.is_empty(), "{above:#?}");
}

fn mib(bytes: u64) -> f64 {
    u32::try_from(bytes >> 10).map_or(f64::INFINITY, f64::from) / 1024.0
}

#[test]
fn uncompressed_writers_take_what_their_groups_take() {
    writers_take("uncompressed");
}

#[test]
fn snappy_writers_take_what_their_groups_take() {
    writers_take("snappy");
}

#[test]
fn zstd_writers_take_what_their_groups_take() {
    writers_take("zstd");
}

#[test]
fn brotli_writers_take_what_their_groups_take() {
    writers_take("brotli");
}
