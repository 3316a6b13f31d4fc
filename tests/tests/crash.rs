//! A writer dies, or its medium fails, at every request: nothing that was synced is lost, nothing is invented, nothing
//! comes twice.

use std::io;
use std::sync::{Arc, Mutex};

use windrow::{
    AppendOptions, Codec, Dictionary, DictionaryOption, Error, Layout, Reader, ReaderOptions,
    RecoverOptions, SourceName, Store, TailReader, VerifyOptions, Writer, WriterOptions,
    recover_store, verify_store,
};
use windrow_tests::crash::Step::{Append, Finish, FinishSynced, Flush, Sync, Write};
use windrow_tests::crash::{Log, Loss, Op, Run, Workload, images, record};

fn workloads() -> Vec<Workload> {
    let mut all = Vec::new();
    for (codec, name) in [
        (Codec::Uncompressed, "uncompressed"),
        (Codec::Zstd { level: 1 }, "zstd"),
    ] {
        for group_size in [1, 100] {
            let options = WriterOptions::new()
                .with_group_size(group_size)
                .with_codec(codec)
                .with_max_parallelism(Some(1));
            let workload = |steps: &[_]| Workload {
                name,
                options: options.clone(),
                steps: steps.to_vec(),
            };
            all.push(workload(&[
                Write(30, 40),
                Flush,
                Write(30, 40),
                Sync,
                Write(1, 40),
                Sync,
                Write(150, 40),
                Flush,
                Flush,
                Write(3, 70_000),
                Sync,
                Write(10, 40),
                Finish,
                Append,
                Write(2, 40),
                Flush,
                Write(2, 40),
                Sync,
                Write(250, 300),
                Sync,
                Write(7, 40),
                FinishSynced,
                Append,
                Write(99, 40),
                Sync,
                Write(120, 900),
                Finish,
                Append,
                FinishSynced,
            ]));
        }
    }
    let dictionary = Dictionary::new(record(3, 2000)).unwrap();
    for (dictionary, name) in [
        (DictionaryOption::Off, "pages"),
        (DictionaryOption::Auto, "pages, trained dictionary"),
        (DictionaryOption::Given(dictionary), "pages, dictionary"),
    ] {
        let options = WriterOptions::new()
            .with_layout(Layout::Pages)
            .with_group_size(30)
            .with_dictionary(dictionary)
            .with_max_parallelism(Some(1));
        let steps = [
            Write(200, 150),
            Flush,
            Write(50, 150),
            Sync,
            Write(1, 40),
            Sync,
            Write(3, 70_000),
            FinishSynced,
            Append,
            Write(20, 40),
            Flush,
            Write(2, 40),
            Sync,
            Write(150, 300),
            Finish,
            Append,
            Write(99, 40),
            FinishSynced,
        ];
        // And where the dictionary comes with the first records, or before them.
        for begin in [
            &[][..],
            &[Flush, Write(3, 40), Sync],
            &[FinishSynced, Append],
        ] {
            all.push(Workload {
                name,
                options: options.clone(),
                steps: [begin, &steps].concat(),
            });
        }
    }
    let padded = WriterOptions::new()
        .with_group_size(4)
        .with_codec(Codec::Uncompressed)
        .with_pad_to_block_boundary(true);
    all.push(Workload {
        name: "padded",
        options: padded.clone(),
        steps: vec![
            Write(6, 40),
            Sync,
            Write(9, 40),
            Flush,
            FinishSynced,
            Append,
            Sync,
            Write(1, 40),
            Sync,
            Write(6, 40),
            Finish,
        ],
    });
    all.push(Workload {
        name: "uneven groups",
        options: padded
            .with_pad_to_block_boundary(false)
            .with_max_group_bytes(Some(200)),
        steps: vec![
            Write(20, 40),
            Sync,
            Write(5, 40),
            FinishSynced,
            Append,
            Write(5, 40),
            Sync,
            Finish,
        ],
    });
    all
}

/// The numbers of the recovered records in the list of those that were written.
fn numbers(run: &Run, reader: &Reader, context: &str) -> Vec<usize> {
    let all = reader
        .read_all()
        .unwrap_or_else(|e| panic!("{context}: {e:?}"));
    all.iter()
        .map(|record| {
            let index = record.first_chunk().map_or(usize::MAX, |index| {
                usize::try_from(u64::from_le_bytes(*index)).unwrap()
            });
            let written = run.records.get(index).map(Vec::as_slice);
            assert_eq!(written, Some(record), "{context}: an invented record");
            index
        })
        .collect()
}

fn check_image(run: &Run, done: usize, loss: Loss, image: &[u8], context: &str) {
    let promise = run.promised(done);
    let recovered = recover_store(
        image.to_vec(),
        SourceName::MEMORY,
        &RecoverOptions::default(),
    );
    let recovered = match recovered {
        Ok(recovered) => recovered,
        Err(error) => {
            assert_eq!(promise.synced, 0, "{context}: {error:?}");
            assert!(
                loss != Loss::Kept || image.len() < 64,
                "{context}: {error:?}"
            );
            return;
        }
    };
    let found = numbers(run, &recovered.reader, context);
    assert!(
        found.windows(2).all(|pair| pair[0] < pair[1]),
        "{context}: twice or out of order: {found:?}"
    );
    let promised = match loss {
        Loss::Kept => promise.flushed,
        _ => promise.synced,
    };
    let first: Vec<usize> = (0..usize::try_from(promised).unwrap()).collect();
    assert!(
        found.starts_with(&first),
        "{context}: {promised} promised, found {found:?}; skipped {:?}",
        recovered.report.skipped
    );
    if matches!(loss, Loss::Kept | Loss::Dropped | Loss::Torn) {
        let gap = found
            .iter()
            .enumerate()
            .find(|(place, index)| place != *index);
        assert_eq!(gap, None, "{context}: {:?}", recovered.report.skipped);
    }
    check_open(run, image, context);
    check_resumed(run, image, &found, context);
}

/// What opens shows a prefix, as it was committed.
fn check_open(run: &Run, image: &[u8], context: &str) {
    let Ok(reader) = Reader::from_bytes(image, ReaderOptions::default()) else {
        return;
    };
    // Where blocks of an unsynced commit are missing, reading says so.
    if reader.read_all().is_ok() {
        let found = numbers(run, &reader, context);
        assert!(
            found.iter().copied().eq(0..found.len()),
            "{context}: {found:?}"
        );
    }
}

/// Going on with what is left gives what was found, and the new records behind it.
fn check_resumed(run: &Run, image: &[u8], found: &[usize], context: &str) {
    let mut kept = Vec::new();
    let resumed = Writer::resume(
        image.to_vec(),
        SourceName::MEMORY,
        &AppendOptions::new(),
        |keep| {
            kept = image[..usize::try_from(keep).unwrap()].to_vec();
            Ok(Vec::new())
        },
    );
    let mut writer = match resumed {
        Ok(writer) => writer,
        // Records follow what cannot be read, or the short last group cannot be read.
        Err(Error::Damaged { .. } | Error::Format { .. }) => return,
        Err(error) => panic!("{context}: {error:?}"),
    };
    let new = [b"one more".as_slice(), b"", b"and another"];
    writer.write_batch(new).unwrap();
    let (more, _) = writer.finish().unwrap();
    let bytes = [kept, more].concat();
    let report = verify_store(
        bytes.clone(),
        SourceName::MEMORY,
        &VerifyOptions::new().with_deep(true),
    )
    .unwrap();
    let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::default())
        .unwrap_or_else(|e| panic!("{context}: {e:?}"));
    let old = reader.len() - new.len() as u64;
    // An old index may list chunks that the crash took; recovery leaves them out.
    if report.is_sound() {
        assert_eq!(reader.len(), (found.len() + new.len()) as u64, "{context}");
        let old: Vec<usize> = (0..old)
            .map(|index| {
                let record = reader.read(index).unwrap();
                usize::try_from(u64::from_le_bytes(*record.first_chunk().unwrap())).unwrap()
            })
            .collect();
        assert_eq!(old, found, "{context}");
        assert!(old.iter().all(|&index| index < run.records.len()));
    }
    // Who scans it finds the same, with the index and without.
    let block = usize::try_from(windrow_format::BLOCK_BYTES).unwrap();
    for len in [bytes.len(), bytes.len() - block] {
        let options = RecoverOptions::default();
        let recovered = recover_store(bytes[..len].to_vec(), SourceName::MEMORY, &options).unwrap();
        let all = recovered.reader.read_all().unwrap();
        assert_eq!(
            all.len(),
            found.len() + new.len(),
            "{context}: {:?} {len} of {}, {} in {}",
            recovered.report,
            bytes.len(),
            reader.len(),
            image.len()
        );
        let (front, back) = (0..found.len(), found.len()..all.len());
        for (place, &index) in front.zip(found) {
            assert_eq!(
                all.get(place),
                run.records.get(index).map(Vec::as_slice),
                "{context}"
            );
        }
        for (place, record) in back.zip(new) {
            assert_eq!(all.get(place), Some(record), "{context}");
        }
    }
    for (place, record) in (old..).zip(new) {
        assert_eq!(reader.read(place).unwrap(), record, "{context}");
    }
}

/// A workload that nobody thought of.
fn random_workload(seed: u64) -> Workload {
    let mut state = seed;
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let group_size = [1, 2, 3, 5, 17, 64][usize::try_from(below(6)).unwrap()];
    let codec = [
        Codec::Uncompressed,
        Codec::Zstd { level: 1 },
        Codec::Snappy,
        Codec::Brotli { level: 1 },
    ][usize::try_from(below(4)).unwrap()];
    let mut options = WriterOptions::new()
        .with_group_size(group_size)
        .with_codec(codec)
        .with_max_parallelism(Some(1))
        .with_pad_to_block_boundary(below(8) == 0)
        .with_max_group_bytes((below(6) == 0).then_some(500));
    let mut steps = Vec::new();
    let mut open = true;
    for _ in 0..4 + below(16) {
        if !open {
            steps.push(Append);
            open = true;
        }
        let bytes = [0, 20, 300, 20_000, 66_000][usize::try_from(below(5)).unwrap()];
        match below(9) {
            0..=3 => steps.push(Write(1 + below(if bytes > 1000 { 5 } else { 40 }), bytes)),
            4 | 5 => steps.push(Flush),
            6 => steps.push(Sync),
            last => {
                steps.push(if last == 7 { Finish } else { FinishSynced });
                open = false;
            }
        }
    }
    if below(3) == 0 {
        options = options.with_layout(Layout::Pages);
        if matches!(codec, Codec::Zstd { .. }) {
            options = options.with_dictionary(match below(3) {
                0 => DictionaryOption::Off,
                1 => DictionaryOption::Size(256),
                _ => DictionaryOption::Given(Dictionary::new(record(3, 500)).unwrap()),
            });
        }
    }
    Workload {
        name: "random",
        options,
        steps,
    }
}

#[test]
fn at_every_request() {
    let mut checked = 0;
    let seeds = std::env::var("WINDROW_CRASH_SEEDS");
    let random = seeds.map_or(60, |seeds| seeds.parse().unwrap());
    let first = std::env::var("WINDROW_CRASH_FIRST").map_or(0, |first| first.parse().unwrap());
    let all = workloads()
        .into_iter()
        .chain((first..first + random).map(random_workload));
    for workload in all {
        let log = Log::default();
        let run = workload.run(&log, usize::MAX);
        assert!(run.error.is_none(), "{}: {:?}", workload.name, run.error);
        let ops = log.ops();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for done in 0..=ops.len() {
            seed = seed
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(done as u64 | 1);
            for (loss, image) in images(&ops, done, seed) {
                let context = format!(
                    "{workload:?}, after {done} of {} requests, {loss:?}",
                    ops.len()
                );
                check_image(&run, done, loss, &image, &context);
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

/// A file in memory that others see grow.
#[derive(Clone, Default)]
struct Growing(Arc<Mutex<Vec<u8>>>);

impl Store for Growing {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.lock().unwrap().read_exact_at(buffer, offset)
    }
}

#[test]
fn whoever_follows_sees_each_record_once() {
    for workload in workloads().into_iter().chain((0..60).map(random_workload)) {
        let log = Log::default();
        let run = workload.run(&log, usize::MAX);
        let store = Growing::default();
        let mut tail =
            TailReader::from_store(store.clone(), SourceName::MEMORY, ReaderOptions::default())
                .unwrap();
        let mut shown = Vec::new();
        let mut look = || {
            while let Some(run) = tail
                .poll()
                .unwrap_or_else(|e| panic!("{workload:?}: {e:?}"))
            {
                shown.extend((0..run.len()).map(|place| run.get(place).unwrap().to_vec()));
            }
            assert!(run.records.starts_with(&shown), "{workload:?}");
            shown.len() as u64
        };
        for (done, op) in (1..).zip(log.ops()) {
            if let Op::Write(bytes) = op {
                // As a reader may see it: piece by piece.
                for piece in bytes.chunks(bytes.len() / 3 + 1) {
                    store.0.lock().unwrap().extend_from_slice(piece);
                    look();
                }
            }
            let shown = look();
            let promise = run.promised(done);
            if promise.ops == done {
                assert!(
                    shown >= promise.flushed,
                    "{workload:?}: {shown}, {promise:?}"
                );
            }
        }
    }
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
