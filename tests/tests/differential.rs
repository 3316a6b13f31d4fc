//! Files go both ways between Windrow and the upstream package: written by one, read by the other by every method.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::json;
use windrow::{Writer, WriterOptions};
use windrow_tests::every_way::{check_file, full_text};
use windrow_tests::progress::report;
use windrow_tests::record_spec::{Kind, RecordSpec, bytes, count, expand};
use windrow_tests::upstream::Upstream;

/// Option strings of the codecs. The first two go with every group size and every set of records.
const CODECS: &[&str] = &[
    "uncompressed",
    "zstd:3",
    "brotli:6",
    "snappy",
    "zstd:-5",
    "zstd:0",
    "zstd:19",
    "zstd:3,window_log:10",
    "zstd:9,window_log:27",
    "brotli:0",
    "brotli:11",
    "brotli:5,window_log:10",
    "brotli:5,window_log:30",
];
const CODECS_IN_FULL: usize = 2;
/// Takes seconds for a megabyte, so it gets no large records.
const SLOWEST_CODEC: &str = "brotli:11";
const GROUPS: [u64; 5] = [1, 2, 7, 256, 65536];
/// With padding every chunk takes a block; beyond this number of chunks files would become large for nothing.
const MOST_PADDED_CHUNKS: u64 = 48;
/// Large files cost most of the time, so most codecs get just one group size of these sets.
const LARGE_BYTES: u64 = 2 << 20;
const BLOCK_BYTES: u64 = 65536;

/// One pair of files: the same records and options, written by each side.
#[derive(Debug, Clone)]
struct Case {
    name: String,
    options: String,
    records: Vec<RecordSpec>,
}

/// What the comparison of one or more pairs of files amounts to.
#[derive(Debug, Default)]
struct Tally {
    files: u64,
    long_by_us: u64,
    long_by_upstream: u64,
    checks_by_upstream: u64,
    checks_by_us: u64,
    byte_equal: u64,
}

fn record_sets() -> Vec<(&'static str, Vec<RecordSpec>)> {
    use Kind::{Const, Random, Text};
    let spec = RecordSpec::new;
    // Around the sizes at which a chunk ends with its block, just before it or just behind it.
    let edges = [
        65_400, 65_424, 65_425, 65_426, 65_446, 65_470, 65_471, 65_472, 65_473, 65_497, 65_511,
        65_512, 65_513, 65_535, 65_536,
    ];
    let edges_of = |kind| -> Vec<RecordSpec> {
        (1..)
            .zip(edges)
            .map(|(seed, len)| spec(kind, len, seed * 1000, 1))
            .collect()
    };
    vec![
        ("none", vec![]),
        ("one empty", vec![spec(Const, 0, 0, 1)]),
        ("one byte", vec![spec(Random, 1, 5, 1)]),
        ("one of one block", vec![spec(Text, 65_472, 6, 1)]),
        (
            "small and empty",
            vec![
                spec(Text, 100, 7, 11),
                spec(Const, 0, 0, 3),
                spec(Random, 33, 8, 9),
                spec(Const, 1000, 65, 5),
                spec(Text, 7, 9, 3),
            ],
        ),
        ("6000 of one byte", vec![spec(Random, 1, 10, 6000)]),
        ("5000 empty", vec![spec(Const, 0, 0, 5000)]),
        (
            "2000 of 150 bytes",
            vec![spec(Text, 149, 11, 1500), spec(Random, 151, 12, 501)],
        ),
        ("block edges, text", edges_of(Text)),
        ("block edges, random", edges_of(Random)),
        (
            "200 KB",
            vec![
                spec(Text, 200_000, 13, 2),
                spec(Const, 0, 0, 1),
                spec(Random, 200_001, 14, 1),
            ],
        ),
        (
            "3 MB",
            vec![
                spec(Text, 5, 15, 1),
                spec(Text, 3_000_000, 16, 1),
                spec(Random, 1_000_003, 17, 1),
            ],
        ),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (set_number, (set, records)) in record_sets().into_iter().enumerate() {
        let count = count(&records);
        let large = bytes(&records) > LARGE_BYTES;
        for (codec_number, codec) in CODECS.iter().enumerate() {
            for (group_number, group) in GROUPS.into_iter().enumerate() {
                // The other codecs take turns at the group sizes, so that each meets each.
                let turn = (set_number + codec_number) % GROUPS.len() == group_number;
                let in_full = codec_number < CODECS_IN_FULL && !(large && codec_number > 0);
                if !turn && !in_full || large && *codec == SLOWEST_CODEC {
                    continue;
                }
                for pad in [false, true] {
                    let chunks = count.div_ceil(group);
                    let padded_too = codec_number == 0 || turn && !large;
                    if pad && (chunks > MOST_PADDED_CHUNKS || !padded_too) {
                        continue;
                    }
                    let padding = if pad {
                        ",pad_to_block_boundary:true"
                    } else {
                        ""
                    };
                    cases.push(Case {
                        name: format!("{set}, group_size:{group},{codec}{padding}"),
                        options: format!("group_size:{group},{codec}{padding}"),
                        records: records.clone(),
                    });
                }
            }
        }
    }
    cases
}

fn run(case: &Case, upstream: &mut Upstream, folder: &Path) -> Result<Tally, String> {
    let expected = expand(&case.records);
    let ours = folder.join("ours.array_record");
    let theirs = folder.join("theirs.array_record");

    let options: WriterOptions = case.options.parse().map_err(|error| full_text(&error))?;
    let echo = options.to_string();
    let our_bytes = write(&ours, options, &expected).map_err(|error| full_text(&error))?;
    let their_bytes = upstream
        .write(&theirs, &case.options, &case.records)
        .map_err(|error| format!("upstream cannot write: {error}"))?;

    let read = upstream
        .read(&ours, &case.records)
        .map_err(|error| format!("upstream reads ours: {error}"))?;
    if read.writer_options.as_deref() != Some(echo.as_str()) {
        return Err(format!("upstream sees options {read:?}, ours are {echo}"));
    }
    let checks_by_us =
        check_file(&theirs, &expected).map_err(|error| format!("we read upstream's: {error}"))?;
    let reader = windrow::Reader::open(&theirs).map_err(|error| full_text(&error))?;
    if reader.writer_options_string() != Some(echo.as_str()) {
        let seen = reader.writer_options_string();
        return Err(format!("upstream writes options {seen:?}, ours are {echo}"));
    }
    let uncompressed = case.options.contains("uncompressed");
    if uncompressed {
        same_bytes(&ours, &theirs)?;
    }
    let is_long = |bytes: u64| u64::from(bytes > 4 * BLOCK_BYTES);
    Ok(Tally {
        files: 1,
        long_by_us: is_long(our_bytes),
        long_by_upstream: is_long(their_bytes),
        checks_by_upstream: read.checks,
        checks_by_us,
        byte_equal: u64::from(uncompressed),
    })
}

fn write(path: &Path, options: WriterOptions, records: &[Vec<u8>]) -> windrow::Result<u64> {
    let mut writer = Writer::create_file(path, options)?;
    writer.write_batch(records)?;
    let (_, summary) = writer.finish()?;
    Ok(summary.file_bytes)
}

fn same_bytes(ours: &Path, theirs: &Path) -> Result<(), String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| error.to_string());
    let (ours, theirs) = (read(ours)?, read(theirs)?);
    if ours == theirs {
        return Ok(());
    }
    let parts = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    Err(format!(
        "not the same bytes: ours has {}, upstream's {}, first difference at {parts:?}",
        ours.len(),
        theirs.len()
    ))
}

#[test]
fn files_go_both_ways() {
    let begin = Instant::now();
    let cases = Mutex::new(cases().into_iter().collect::<VecDeque<_>>());
    let total = Mutex::new(Tally::default());
    let failures = Mutex::new(Vec::new());
    // One side waits while the other works, so one more than there are processors keeps them busy.
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get() + 1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut upstream = Upstream::start();
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let Some(case) = cases.lock().unwrap().pop_front() else {
                        break;
                    };
                    match run(&case, &mut upstream, folder.path()) {
                        Ok(tally) => total.lock().unwrap().add(&tally),
                        Err(error) => {
                            failures
                                .lock()
                                .unwrap()
                                .push(format!("{}: {error}", case.name));
                            // A crash may have ended it.
                            upstream = Upstream::start();
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    let failures = failures.into_inner().unwrap();
    report(&format!(
        "differential: {files} files written by us and read by upstream ({} checks, {} files of more than four blocks), \
         {files} files written by upstream and read by us ({} checks, {} files of more than four blocks), \
         bytes equal in {} uncompressed pairs, {} failures, {:.0} s",
        total.checks_by_upstream,
        total.long_by_us,
        total.checks_by_us,
        total.long_by_upstream,
        total.byte_equal,
        failures.len(),
        begin.elapsed().as_secs_f64(),
        files = total.files,
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(total.files >= 200, "{total:?}");
    assert!(
        total.long_by_us >= 20 && total.long_by_upstream >= 20,
        "{total:?}"
    );
    assert!(total.byte_equal >= 60, "{total:?}");
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.long_by_us += other.long_by_us;
        self.long_by_upstream += other.long_by_upstream;
        self.checks_by_upstream += other.checks_by_upstream;
        self.checks_by_us += other.checks_by_us;
        self.byte_equal += other.byte_equal;
    }
}

#[test]
fn both_sides_make_the_same_records() {
    let mut upstream = Upstream::start();
    for (kind, repeat) in [(Kind::Random, 5), (Kind::Text, 7), (Kind::Const, 300)] {
        for len in [0, 1, 7, 8, 9, 64, 1001] {
            for seed in [0, 1, 255, u64::MAX - 2] {
                let spec = [RecordSpec::new(kind, len, seed, repeat)];
                let request = json!({"op": "expand", "records": spec});
                let answer = upstream.ask(&request).unwrap();
                let theirs: Vec<&str> = answer["records"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|record| record.as_str().unwrap())
                    .collect();
                let ours: Vec<String> = expand(&spec).iter().map(|record| hex(record)).collect();
                assert_eq!(ours, theirs, "{spec:?}");
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
