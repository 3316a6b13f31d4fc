//! A writer of tables dies, or its medium fails, at every request: no row that was synced is lost, none is invented, none
//! comes twice.

use arrow_array::{RecordBatch, UInt64Array};
use windrow::{
    Codec, Comparison, Error, PageCodec, Predicate, Profile, ReaderOptions, RecoverOptions,
    Recovered, SourceName, TableOptions, TableReader, TableWriter, VerifyOptions, recover_store,
    verify_store,
};
use windrow_tests::crash::Step::{Append, Finish, FinishSynced, Flush, Sync, Write};
use windrow_tests::crash::{Log, Loss, TableRun, TableWorkload, images};
use windrow_tests::hostile::Random;
use windrow_tests::tables::{collect, ids, rows, schema};

/// Numbers of the rows that are appended to what is left.
const NEW: std::ops::Range<u64> = 1_000_000..1_000_003;

fn workloads() -> Vec<TableWorkload> {
    let zstd = PageCodec::Buffer(Codec::Zstd { level: 1 });
    let mut all = Vec::new();
    for (name, group_rows, options) in [
        ("one row in a group", 1, TableOptions::new()),
        ("uncompressed", 40, TableOptions::new()),
        ("zstd", 40, TableOptions::new().with_codec(zstd)),
        (
            "groups by bytes",
            1000,
            TableOptions::new().with_group_bytes(9000),
        ),
        (
            "small",
            70,
            TableOptions::new().with_profile(Profile::Small),
        ),
    ] {
        let few = if group_rows == 1 { 4 } else { 1 };
        all.push(TableWorkload {
            name,
            seed: group_rows,
            options: options
                .with_group_rows(usize::try_from(group_rows).unwrap())
                .with_metadata("key", "value")
                .with_max_parallelism(Some(1)),
            steps: vec![
                Flush,
                Write(24 / few, 7),
                Flush,
                Write(24 / few, 100),
                Sync,
                Write(1, 1),
                Sync,
                Write(90 / few, 33),
                Flush,
                Flush,
                Write(10 / few, 4),
                Finish,
                Append,
                Write(2, 1),
                Flush,
                Write(2, 2),
                Sync,
                Write(90 / few, 90),
                Sync,
                FinishSynced,
                Append,
                Write(44 / few, 44),
                Sync,
                Write(50 / few, 50),
                Finish,
                Append,
                FinishSynced,
                Append,
                Finish,
            ],
        });
    }
    all.push(TableWorkload {
        name: "no rows",
        seed: 0,
        options: TableOptions::new().with_max_parallelism(Some(1)),
        steps: vec![
            Sync,
            Finish,
            Append,
            Flush,
            FinishSynced,
            Append,
            Write(3, 1),
            Finish,
        ],
    });
    all
}

/// A workload that nobody thought of.
fn random_workload(seed: u64) -> TableWorkload {
    let mut random = Random::new(seed);
    let mut below = |n: usize| random.below(n);
    let codecs = [
        PageCodec::Buffer(Codec::Uncompressed),
        PageCodec::Buffer(Codec::Zstd { level: 1 }),
        PageCodec::Lz4,
    ];
    let profiles = [Profile::Balanced, Profile::Small, Profile::Spill];
    let mut options = TableOptions::new()
        .with_group_rows([1, 3, 17, 64, 200][below(5)])
        .with_profile(profiles[below(3)])
        .with_codec(codecs[below(3)])
        .with_max_parallelism(Some(1));
    if below(4) == 0 {
        options = options.with_group_bytes(2000);
    }
    let mut steps = Vec::new();
    let mut open = true;
    for _ in 0..4 + below(12) {
        if !open {
            steps.push(Append);
            open = true;
        }
        match below(9) {
            0..=3 => steps.push(Write(1 + below(40) as u64, 1 + below(50))),
            4 | 5 => steps.push(Flush),
            6 => steps.push(Sync),
            last => {
                steps.push(if last == 7 { Finish } else { FinishSynced });
                open = false;
            }
        }
    }
    TableWorkload {
        name: "random",
        seed,
        options,
        steps,
    }
}

/// What an image is of.
struct Image<'a> {
    workload: &'a TableWorkload,
    run: &'a TableRun,
    bytes: &'a [u8],
    context: &'a str,
}

impl Image<'_> {
    /// The numbers of rows, all of which were written.
    fn numbers(&self, found: &RecordBatch) -> Vec<u64> {
        let numbers = ids(found);
        let written = |number: &u64| *number < self.run.rows || NEW.contains(number);
        assert!(numbers.iter().all(written), "{}: {numbers:?}", self.context);
        let expected = rows(self.workload.seed, numbers.iter().copied());
        assert_eq!(*found, expected, "{}: an invented row", self.context);
        numbers
    }

    fn all(&self, table: &TableReader) -> Vec<u64> {
        let all = collect(table.scan()).unwrap_or_else(|e| panic!("{}: {e:?}", self.context));
        self.numbers(&all)
    }

    /// Recovers it; `None` where not even the signature, or no schema, is left.
    fn recovered(&self, bytes: &[u8]) -> Option<(TableReader, windrow::RecoveryReport)> {
        let options = RecoverOptions::default();
        let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &options);
        let Recovered { reader, report, .. } = recovered.ok()?;
        let rows = reader.len();
        match TableReader::from_reader(reader) {
            Ok(table) => Some((table, report)),
            Err(error) => {
                // Row groups may be there, and neither the schema chunk nor a footer.
                let lost = ["holds_records", "schema_lost"][usize::from(rows > 0)];
                assert_eq!(error.code(), lost, "{}: {error:?}", self.context);
                None
            }
        }
    }

    fn check(&self, done: usize, loss: Loss) {
        let context = self.context;
        let promise = self.run.promised(done);
        let promised = match loss {
            Loss::Kept => promise.flushed,
            _ => promise.synced,
        };
        let Some((table, report)) = self.recovered(self.bytes) else {
            assert_eq!(promised, 0, "{context}");
            let whole = matches!(loss, Loss::Kept | Loss::Dropped | Loss::Torn);
            assert!(!whole || self.bytes.len() < 1000, "{context}");
            return;
        };
        let found = self.all(&table);
        assert!(
            found.windows(2).all(|pair| pair[0] < pair[1]),
            "{context}: twice or out of order: {found:?}"
        );
        let first: Vec<u64> = (0..promised).collect();
        assert!(
            found.starts_with(&first),
            "{context}: {promised} promised, found {found:?}; skipped {:?}",
            report.skipped
        );
        if matches!(loss, Loss::Kept | Loss::Dropped | Loss::Torn) {
            let gap = (0..).zip(&found).find(|(place, number)| place != *number);
            assert_eq!(gap, None, "{context}: {:?}", report.skipped);
        }
        self.check_open();
        self.check_resumed(&found);
    }

    /// What opens shows a prefix, as it was committed, whatever is asked for.
    fn check_open(&self) {
        let Ok(table) = TableReader::from_bytes(self.bytes, ReaderOptions::default()) else {
            return;
        };
        // Where blocks of an unsynced commit are missing, reading says so.
        let Ok(all) = collect(table.scan()) else {
            return;
        };
        let found = self.numbers(&all);
        let len = table.len();
        assert!(
            found.iter().copied().eq(0..len),
            "{}: {found:?}",
            self.context
        );
        let half = UInt64Array::from(vec![len / 2]);
        let from = Predicate::compare("id", Comparison::GreaterOrEqual, half);
        let behind = collect(table.scan().filter(from)).unwrap();
        let found = self.numbers(&behind);
        assert!(
            found.iter().copied().eq(len / 2..len),
            "{}: {found:?}",
            self.context
        );
    }

    /// Going on with what is left gives what was found, and the new rows behind it.
    fn check_resumed(&self, found: &[u64]) {
        let context = self.context;
        let mut kept = Vec::new();
        let resumed = TableWriter::resume(
            self.bytes.to_vec(),
            SourceName::MEMORY,
            schema(),
            self.workload.options.clone(),
            |keep| {
                kept = self.bytes[..usize::try_from(keep).unwrap()].to_vec();
                Ok(Vec::new())
            },
        );
        let mut writer = match resumed {
            Ok(writer) => writer,
            // Rows follow what cannot be read.
            Err(Error::Damaged { .. }) => return,
            Err(error) => panic!("{context}: {error:?}"),
        };
        let old = writer.rows();
        writer.write(&rows(self.workload.seed, NEW)).unwrap();
        let (more, _) = writer.finish().unwrap();
        let bytes = [kept, more].concat();
        let expected: Vec<u64> = found.iter().copied().chain(NEW).collect();
        let options = VerifyOptions::new().with_deep(true);
        let report = verify_store(bytes.clone(), SourceName::MEMORY, &options).unwrap();
        let table = TableReader::from_bytes(bytes.clone(), ReaderOptions::default())
            .unwrap_or_else(|e| panic!("{context}: {e:?}"));
        assert_eq!(table.len(), old + 3, "{context}");
        // An old index may list row groups that the crash took; recovery leaves them out.
        if report.is_sound() {
            assert_eq!(self.all(&table), expected, "{context}");
        }
        let new = collect(table.scan().rows(old..old + 3)).unwrap();
        assert!(self.numbers(&new).into_iter().eq(NEW), "{context}");
        // Who scans it finds the same, with the index and without.
        let block = usize::try_from(windrow_format::BLOCK_BYTES).unwrap();
        for len in [bytes.len(), bytes.len() - block] {
            let (table, _) = self.recovered(&bytes[..len]).unwrap();
            assert_eq!(self.all(&table), expected, "{context}: {len} bytes");
        }
    }
}

#[test]
fn at_every_request() {
    let mut checked = 0;
    let seeds = std::env::var("WINDROW_CRASH_SEEDS");
    let random = seeds.map_or(12, |seeds| seeds.parse().unwrap());
    let all = workloads()
        .into_iter()
        .chain((0..random).map(random_workload));
    for workload in all {
        let log = Log::default();
        let run = workload.run(&log, usize::MAX);
        assert!(run.error.is_none(), "{}: {:?}", workload.name, run.error);
        let ops = log.ops();
        let mut pages = Random::new(workload.seed);
        for done in 0..=ops.len() {
            for (loss, bytes) in images(&ops, done, pages.next_u64()) {
                let context = format!(
                    "{workload:?}, after {done} of {} requests, {loss:?}",
                    ops.len()
                );
                let image = Image {
                    workload: &workload,
                    run: &run,
                    bytes: &bytes,
                    context: &context,
                };
                image.check(done, loss);
                checked += 1;
            }
        }
    }
    println!("{checked} images");
    assert!(
        checked > 500,
        "{checked} images are too few to say anything"
    );
}

#[test]
fn a_medium_that_fails_is_told_and_never_trusted_again() {
    for workload in workloads() {
        let whole = Log::default();
        assert!(workload.run(&whole, usize::MAX).error.is_none());
        for fails_at in 0..whole.len() {
            let log = Log::default();
            let run = workload.run(&log, fails_at);
            let Some(Error::Io { source, .. }) = &run.error else {
                panic!("{}, failing at {fails_at}: {:?}", workload.name, run.error);
            };
            assert_eq!(source.to_string(), "the medium is gone");
            // Nothing was written behind the failure: what is there is what a crash there would have left.
            assert_eq!(log.ops(), whole.ops()[..log.len()], "{}", workload.name);
        }
    }
}
