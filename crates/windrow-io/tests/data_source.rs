//! Many files as one sequence.

use std::path::{Path, PathBuf};

use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_io::{
    DataSource, FileInstruction, Reader, ShardLimits, ShardedWriter, SourcePart, Writer,
    expand_pattern,
};

/// Writes `count` records `{prefix}{n}`.
fn write(path: &Path, prefix: &str, count: usize, group: u32) {
    let mut writer =
        Writer::create_file(path, WriterOptions::new().with_group_size(group)).unwrap();
    writer
        .write_batch((0..count).map(|n| format!("{prefix}{n}")))
        .unwrap();
    writer.finish().unwrap();
}

/// Ten records r0.., none, five records q0.. .
fn files(folder: &Path) -> [PathBuf; 3] {
    let paths = ["a.ar", "empty.ar", "b.ar"].map(|name| folder.join(name));
    write(&paths[0], "r", 10, 3);
    write(&paths[1], "", 0, 1);
    write(&paths[2], "q", 5, 1);
    paths
}

fn texts(records: &[Vec<u8>]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(record).unwrap())
        .collect()
}

fn all(source: &DataSource) -> Vec<Vec<u8>> {
    source
        .iter()
        .map(|record| record.unwrap().to_vec())
        .collect()
}

#[test]
fn one_sequence_of_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let source = DataSource::open(files(folder.path())).unwrap();
    assert_eq!((source.len(), source.num_files()), (15, 3));
    let expected: Vec<String> = (0..10)
        .map(|n| format!("r{n}"))
        .chain((0..5).map(|n| format!("q{n}")))
        .collect();
    assert_eq!(texts(&all(&source)), expected);
    for (index, text) in (0..).zip(&expected) {
        assert_eq!(source.get(index).unwrap(), text.as_bytes());
    }
    let batch = source.get_many(&[14, 0, 9, 10, 0]).unwrap().to_vecs();
    assert_eq!(texts(&batch), ["q4", "r0", "r9", "q0", "r0"]);
    assert!(source.get_many(&[]).unwrap().is_empty());
    for result in [
        source.get(15).map(drop),
        source.get_many(&[0, 15]).map(drop),
    ] {
        assert_eq!(
            result.unwrap_err().to_string(),
            "record 15 is out of range: <memory> has 15 records"
        );
    }
}

#[test]
fn slices_are_views() {
    let folder = tempfile::tempdir().unwrap();
    let source = DataSource::open(files(folder.path())).unwrap();
    let slice = source.slice(8..12);
    assert_eq!(texts(&all(&slice)), ["r8", "r9", "q0", "q1"]);
    assert_eq!(slice.get(3).unwrap(), b"q1");
    assert_eq!(slice.get(4).unwrap_err().code(), "out_of_range");
    assert_eq!(texts(&all(&slice.slice(1..3))), ["r9", "q0"]);
    assert_eq!(
        texts(&slice.get_many(&[3, 0]).unwrap().to_vecs()),
        ["q1", "r8"]
    );
    assert_eq!(source.slice(13..99).len(), 2);
    #[allow(clippy::reversed_empty_ranges, reason = "what is tested")]
    let inverted = source.slice(5..2);
    assert!(inverted.is_empty() && all(&inverted).is_empty());
}

#[test]
fn suffixes_and_instructions_open_late_and_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let [a, _, b] = files(folder.path());
    let part = format!("{}[2:5]", a.display());
    let source = DataSource::open([Path::new(&part), &b]).unwrap();
    assert_eq!(texts(&all(&source))[..4], ["r2", "r3", "r4", "q0"]);

    let options = ReaderOptions::new;
    let instructions = vec![
        FileInstruction::new(&b, 1, 2),
        FileInstruction::from_tfds(&a, 8, -1, 10).unwrap(),
        FileInstruction::new(&a, 0, 0),
    ];
    let source = DataSource::from_instructions(instructions, options(), 1).unwrap();
    assert_eq!(texts(&all(&source)), ["q1", "q2", "r8", "r9"]);

    // A file that is not there, and ranges that do not fit, are noticed at the first read.
    for (instruction, code) in [
        (
            FileInstruction::new(folder.path().join("no.ar"), 0, 3),
            "io",
        ),
        (FileInstruction::new(&a, 5, 6), "instruction"),
        (
            FileInstruction::from_tfds(&a, 0, 3, 11).unwrap(),
            "instruction",
        ),
    ] {
        let source = DataSource::from_instructions([instruction], options(), 8).unwrap();
        assert_eq!(source.get(0).unwrap_err().code(), code);
        assert_eq!(source.get_many(&[0]).unwrap_err().code(), code);
        let mut iter = source.iter();
        assert_eq!(iter.next().unwrap().unwrap_err().code(), code);
        assert!(iter.next().is_none());
    }

    // A file of that very name wins over the suffix.
    let odd = folder.path().join("a.ar[2:5]");
    write(&odd, "odd", 1, 1);
    assert_eq!(texts(&all(&DataSource::open([&odd]).unwrap())), ["odd0"]);
}

#[test]
fn construction_reports_the_first_bad_file() {
    let folder = tempfile::tempdir().unwrap();
    let [a, ..] = files(folder.path());
    let none: [&Path; 0] = [];
    assert_eq!(DataSource::open(none).unwrap_err().code(), "source");
    let missing = folder.path().join("missing.ar");
    let error = DataSource::open([&a, &missing]).unwrap_err();
    assert_eq!(
        (error.code(), error.name().unwrap().as_path()),
        ("io", Some(missing.as_path()))
    );
    let inverted = format!("{}[5:2]", a.display());
    assert_eq!(DataSource::open([inverted]).unwrap_err().code(), "source");
}

#[test]
fn few_files_are_open_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..40)
        .map(|n| folder.path().join(format!("{n}.ar")))
        .collect();
    for (n, path) in paths.iter().enumerate() {
        write(path, &format!("{n}-"), 5, 2);
    }
    let open_files = || {
        let folder = folder.path().canonicalize().unwrap();
        std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
            .filter(|target| target.starts_with(&folder))
            .count()
    };
    let source = DataSource::open_with(&paths, ReaderOptions::new(), 4).unwrap();
    assert!(open_files() <= 4);
    let indices: Vec<u64> = (0..200).rev().collect();
    let batch = source.get_many(&indices).unwrap();
    for (position, index) in indices.iter().enumerate() {
        assert_eq!(
            &batch[position],
            format!("{}-{}", index / 5, index % 5).as_bytes()
        );
    }
    assert_eq!(all(&source).len(), 200);
    assert!(open_files() <= 4, "{} files are open", open_files());
}

#[test]
fn shards() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("set");
    let limits = ShardLimits {
        max_records: Some(4),
        max_bytes: None,
    };
    let mut writer = ShardedWriter::create(&base, WriterOptions::new(), limits).unwrap();
    writer.write_batch((0..10).map(|n| n.to_string())).unwrap();
    assert!(folder.path().join("set-00002.unfinished").exists());
    let shards = writer.finish().unwrap();
    let names: Vec<_> = shards
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "set-00000-of-00003",
            "set-00001-of-00003",
            "set-00002-of-00003"
        ]
    );
    assert_eq!(
        shards
            .iter()
            .map(|(_, summary)| summary.records)
            .collect::<Vec<_>>(),
        [4, 4, 2]
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);

    let open = |pattern: &str| {
        let pattern = folder.path().join(pattern);
        DataSource::open_pattern(pattern.to_str().unwrap(), ReaderOptions::new(), 8)
    };
    for pattern in ["set@3", "set-*", "set-0000?-of-00003"] {
        let records = all(&open(pattern).unwrap());
        assert_eq!(
            texts(&records),
            (0..10).map(|n| n.to_string()).collect::<Vec<_>>(),
            "{pattern}"
        );
    }
    for pattern in ["set@4", "set@0", "none-*", "***"] {
        assert_eq!(open(pattern).unwrap_err().code(), "source", "{pattern}");
    }
    let part = all(&open("set-00002-of-00003[1:2]").unwrap());
    assert_eq!(texts(&part), ["9"]);
    // What an earlier run with another number of shards left would be read twice.
    let stale = folder.path().join("set-00000-of-00001");
    std::fs::copy(folder.path().join("set-00000-of-00003"), &stale).unwrap();
    let error = open("set-*").unwrap_err().to_string();
    assert!(
        error.starts_with("there are sets of shards of several sizes"),
        "{error}"
    );
    std::fs::remove_file(stale).unwrap();
    std::fs::remove_file(folder.path().join("set-00001-of-00003")).unwrap();
    for pattern in ["set@3", "set-*"] {
        let error = open(pattern).unwrap_err().to_string();
        assert!(
            error.starts_with("a shard is missing") && error.ends_with("set-00001-of-00003"),
            "{error}"
        );
    }
    assert_eq!(
        expand_pattern("no/such/file").unwrap(),
        [PathBuf::from("no/such/file")]
    );
}

#[test]
fn shards_by_bytes_and_without_records() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("big");
    let limits = ShardLimits {
        max_records: None,
        max_bytes: Some(300_000),
    };
    let options: WriterOptions = "uncompressed,group_size:10".parse().unwrap();
    let mut writer = ShardedWriter::create(&base, options, limits).unwrap();
    let records: Vec<Vec<u8>> = (0..1000_u32).map(|n| n.to_le_bytes().repeat(250)).collect();
    writer.write_batch(&records).unwrap();
    let shards = writer.finish().unwrap();
    assert_eq!(shards.len(), 4);
    for (_, summary) in &shards[..3] {
        assert!((300_000..=300_000 + 10 * 1000 + 131_072).contains(&summary.file_bytes));
    }
    assert_eq!(
        all(&DataSource::open(shards.iter().map(|(path, _)| path)).unwrap()),
        records
    );

    let none = folder.path().join("none");
    let shards = ShardedWriter::create(&none, WriterOptions::new(), ShardLimits::default())
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(shards.len(), 1);
    assert!(Reader::open(&shards[0].0).unwrap().is_empty());
    let nothing = ShardLimits {
        max_records: Some(0),
        max_bytes: None,
    };
    assert_eq!(
        ShardedWriter::create(none, WriterOptions::new(), nothing)
            .unwrap_err()
            .code(),
        "source"
    );
}

#[test]
fn lent_records_and_sizes_of_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = files(folder.path());
    let source = DataSource::open(&paths).unwrap();
    let indices = [14, 0, 9, 10, 0, 14];
    let seen = std::sync::Mutex::new(vec![Vec::new(); indices.len()]);
    let note = |position: usize, record: &[u8]| seen.lock().unwrap()[position] = record.to_vec();
    source.get_many_with(&indices, note).unwrap();
    assert_eq!(
        texts(&seen.into_inner().unwrap()),
        ["q4", "r0", "r9", "q0", "r0", "q4"]
    );
    assert_eq!(
        source.get_many_with(&[15], |_, _| {}).unwrap_err().code(),
        "out_of_range"
    );
    assert_eq!(source.record_sizes(&[14, 10]).unwrap().bytes, [2, 2]);
    assert!(source.record_sizes(&[14, 10]).unwrap().exact);
    assert!(!source.record_sizes(&[14, 0]).unwrap().exact);
    assert_eq!(source.locate(11).unwrap(), (2, 1));
}

#[test]
fn instructions_make_the_same_source_again() {
    let folder = tempfile::tempdir().unwrap();
    let paths = files(folder.path());
    let parts = [
        SourcePart::Path(paths[0].clone()),
        SourcePart::Records(FileInstruction::new(&paths[2], 1, 3)),
        SourcePart::Path(format!("{}[2:4]", paths[0].display()).into()),
    ];
    let source = DataSource::open_parts(parts, ReaderOptions::new(), 1).unwrap();
    let instructions: Vec<FileInstruction> = source.instructions().collect();
    let counted: Vec<_> = instructions
        .iter()
        .map(|i| (i.start, i.num_records, i.examples_in_shard))
        .collect();
    assert_eq!(counted, [(0, 10, Some(10)), (1, 3, None), (2, 2, None)]);
    let again = DataSource::from_instructions(instructions, ReaderOptions::new(), 9).unwrap();
    assert_eq!(all(&again), all(&source));
    source.close_files();
    assert_eq!(all(&again), all(&source));
}

#[test]
fn runs_cross_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let source = DataSource::open(files(folder.path())).unwrap().slice(2..14);
    let mut iter = source.iter();
    assert!(!iter.is_ready());
    assert!(iter.wait().unwrap() && iter.is_ready());
    assert_eq!(iter.next_record().unwrap(), Some(&b"r2"[..]));
    let mut found = Vec::new();
    while let Some(run) = iter.next_records().unwrap() {
        found.extend((0..run.len()).map(|position| run.get(position).unwrap().to_vec()));
    }
    assert_eq!(found, all(&source.slice(1..12)));
    assert_eq!(iter.next_record().unwrap(), None);
    assert!(!iter.is_ready());
}
