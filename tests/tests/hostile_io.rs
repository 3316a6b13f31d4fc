//! What the operating system may put in the way: files that are none, no rights, no room, writers that are given up,
//! and forks.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use windrow::{Codec, Error, ErrorKind, Reader, Writer, WriterOptions};
use windrow_tests::hostile::{Seen, random_records, run, run_json, write_file};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hostile");
/// Bytes that a writer collects before it hands them to its sink.
const SINK_BYTES: usize = 256 << 10;
/// Bytes of small groups that a writer collects before it compresses them, all jobs together.
const BATCHED_BYTES: usize = 2 << 20;

fn hostile(args: &[&str]) -> Value {
    run_json(Path::new(PROGRAM), args, Duration::from_secs(700))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary names are text")
}

fn assert_io(error: &Error, kind: std::io::ErrorKind, path: &Path) {
    let Error::Io { source, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (source.kind(), error.kind(), error.code()),
        (kind, ErrorKind::Io, "io")
    );
    assert_eq!(error.name().and_then(|name| name.as_path()), Some(path));
    assert!(error.to_string().contains(text(path)), "{error}");
}

#[test]
fn paths_that_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let cases = [
        (folder.path(), std::io::ErrorKind::IsADirectory),
        (&missing, std::io::ErrorKind::NotFound),
        (Path::new("/dev/null"), std::io::ErrorKind::Unsupported),
        (Path::new("/dev/zero"), std::io::ErrorKind::Unsupported),
    ];
    for (path, kind) in cases {
        assert_io(&Reader::open(path).unwrap_err(), kind, path);
    }
    let below = folder.path().join("file/below");
    fs::write(folder.path().join("file"), b"x").unwrap();
    assert_io(
        &Reader::open(&below).unwrap_err(),
        std::io::ErrorKind::NotADirectory,
        &below,
    );
    for atomic in [false, true] {
        let create = |path: &Path| {
            Writer::create_file(path, WriterOptions::new().with_atomic(atomic)).unwrap_err()
        };
        assert_io(
            &create(folder.path()),
            std::io::ErrorKind::IsADirectory,
            folder.path(),
        );
        let path = missing.join("below");
        assert_io(&create(&path), std::io::ErrorKind::NotFound, &path);
        assert_io(&create(&below), std::io::ErrorKind::NotADirectory, &below);
    }
}

#[test]
fn files_of_other_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for content in [
        String::new(),
        "some text\n".repeat(3),
        "line of text\n".repeat(50_000),
    ] {
        fs::write(&path, &content).unwrap();
        let error = Reader::open(&path).unwrap_err();
        let seen = Seen::from(&error);
        assert_eq!(seen.code, "not_array_record", "{} bytes", content.len());
        assert_eq!(
            error.name().and_then(|name| name.as_path()),
            Some(path.as_path())
        );
    }
}

#[test]
fn a_pipe_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    // Nobody writes to it, so opening it the plain way would wait for ever.
    let ended = run(
        Path::new(PROGRAM),
        &["read", text(&path), "16777216"],
        Duration::from_secs(5),
    );
    assert!(ended.status.is_some(), "opening a pipe for reading hangs");
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["answers"][0]["code"], "io", "{answer}");
    assert_eq!(answer["answers"][0]["os"], "Unsupported", "{answer}");
}

#[test]
fn files_without_rights() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(folder.path(), 0o755).unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, write_file(&[b"abc"], Codec::Uncompressed, 1)).unwrap();
    // The program must be within reach of a user without rights, so it is copied next to the file.
    let program = folder.path().join("hostile");
    fs::copy(PROGRAM, &program).unwrap();
    mode(&program, 0o755).unwrap();
    mode(&path, 0o644).unwrap();
    let as_nobody = |case: &str| run_json(&program, &[case, text(&path)], Duration::from_secs(60));
    let allowed = as_nobody("read-as-nobody");
    assert_eq!(allowed["answers"][0]["ok"], 3, "{allowed}");
    mode(&path, 0).unwrap();
    let refused = as_nobody("read-as-nobody");
    assert_eq!(refused["answers"][0]["code"], "io", "{refused}");
    assert_eq!(refused["answers"][0]["os"], "PermissionDenied", "{refused}");
    let refused = as_nobody("write-as-nobody");
    assert_eq!(refused["error"]["method"], "create", "{refused}");
    assert_eq!(refused["error"]["os"], "PermissionDenied", "{refused}");
}

#[test]
fn a_full_device_is_an_error_soon_and_at_the_latest_at_the_end() {
    // Little: nothing is handed over before the end.
    let answer = hostile(&["full", "/dev/full", "1", "10"]);
    assert_eq!(answer["error"]["method"], "finish", "{answer}");
    assert_eq!(answer["error"]["code"], "io", "{answer}");
    assert_eq!(answer["error"]["os"], "StorageFull", "{answer}");
    for (group, record_bytes) in [
        (1, 1 << 20),
        (1, 10_000),
        (64, 10_000),
        (1000, 1000),
        (1, 1000),
    ] {
        let numbers = [group, record_bytes].map(|number: usize| number.to_string());
        let answer = hostile(&["full", "/dev/full", &numbers[0], &numbers[1]]);
        assert_eq!(answer["error"]["method"], "write", "{answer}");
        assert_eq!(answer["error"]["os"], "StorageFull", "{answer}");
        assert_eq!(
            answer["after"],
            serde_json::json!(["writer_failed", "writer_failed", "writer_failed"])
        );
        let taken = usize::try_from(answer["taken"].as_u64().unwrap()).unwrap();
        let group_bytes = group * record_bytes;
        // What may stand between a record and the sink: its group, the jobs in flight and the batch that fills, the
        // sink's buffer.
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let most = (threads + 2) * group_bytes + BATCHED_BYTES + SINK_BYTES;
        eprintln!(
            "/dev/full, groups of {group} x {record_bytes}: error after {taken} records, {} groups, {} KiB",
            taken / group,
            (taken * record_bytes) >> 10
        );
        assert!(
            taken * record_bytes <= most,
            "{taken} records, at most {most} bytes"
        );
    }
}

#[test]
fn a_limit_on_file_sizes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limited");
    for atomic in ["plain", "atomic"] {
        fs::write(&path, b"what was here before").unwrap();
        let answer = hostile(&["limited", text(&path), "1048576", "1", "100000", atomic]);
        assert_eq!(answer["error"]["code"], "io", "{atomic}: {answer}");
        assert_eq!(answer["error"]["os"], "FileTooLarge", "{atomic}: {answer}");
        assert!(
            answer["taken"].as_u64().is_some_and(|taken| taken >= 10),
            "{answer}"
        );
        if atomic == "atomic" {
            assert_eq!(fs::read(&path).unwrap(), b"what was here before");
            assert_eq!(names(folder.path()), ["limited"]);
        } else {
            let seen = Seen::from(&Reader::open(&path).unwrap_err());
            assert_eq!(seen.code, "no_postscript");
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_writer_that_is_dropped_leaves_an_unfinished_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dropped");
    for count in [0, 1, 300, 3000] {
        let mut writer = Writer::create_file(&path, WriterOptions::new()).unwrap();
        writer.write_batch(random_records(1, count, 1000)).unwrap();
        writer.flush().unwrap();
        drop(writer);
        let error = Reader::open(&path).unwrap_err();
        assert_eq!(error.code(), "no_postscript", "{count} records");
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }
    // Without a flush not even the signature is there.
    drop(Writer::create_file(&path, WriterOptions::new()).unwrap());
    assert_eq!(Reader::open(&path).unwrap_err().code(), "not_array_record");
}

#[test]
fn an_atomic_file_appears_complete_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("atomic");
    let options = || WriterOptions::new().with_atomic(true);
    let records = random_records(2, 500, 1000);
    let mut writer = Writer::create_file(&path, options()).unwrap();
    writer.write_batch(&records).unwrap();
    writer.flush().unwrap();
    assert!(!path.exists(), "visible before its end");
    assert_eq!(
        names(folder.path()).len(),
        1,
        "the temporary file is in the same folder"
    );
    writer.finish().unwrap();
    assert_eq!(names(folder.path()), ["atomic"]);
    let old = fs::read(&path).unwrap();
    let mut writer = Writer::create_file(&path, options()).unwrap();
    writer.write_batch(&records[..100]).unwrap();
    writer.flush().unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        old,
        "the old content stays until the end"
    );
    drop(writer);
    assert_eq!(
        names(folder.path()),
        ["atomic"],
        "the temporary file is removed"
    );
    assert_eq!(fs::read(&path).unwrap(), old);
    let mut writer = Writer::create_file(&path, options()).unwrap();
    writer.write_batch(&records[..100]).unwrap();
    writer.finish().unwrap();
    assert_eq!(Reader::open(&path).unwrap().len(), 100);
    assert_eq!(names(folder.path()), ["atomic"]);
}

#[test]
fn an_atomic_writer_refuses_what_is_no_file() {
    // To put a file in the place of a pipe or a device would destroy it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let result = Writer::create_file(&path, WriterOptions::new().with_atomic(true))
        .and_then(|writer| writer.finish().map(|_| ()));
    let kind = fs::symlink_metadata(&path).unwrap().file_type();
    assert!(
        std::os::unix::fs::FileTypeExt::is_fifo(&kind),
        "the pipe is gone: {result:?}"
    );
    assert_eq!(result.unwrap_err().code(), "io");
}

/// Each child ended with 0, in 20 repetitions.
fn assert_forks(case: &str) {
    let folder = tempfile::tempdir().unwrap();
    let answer = hostile(&["fork", case, text(folder.path()), "20"]);
    let children = answer["children"].as_array().unwrap();
    assert_eq!(children.len(), 20);
    assert!(children.iter().all(|child| child == 0), "{case}: {answer}");
}

#[test]
fn a_forked_child_reads_with_what_it_inherited() {
    assert_forks("read");
}

#[test]
fn a_child_forked_while_threads_read_reads() {
    assert_forks("read-busy");
}

#[test]
fn a_forked_child_seeks_with_an_inherited_cursor() {
    assert_forks("seek");
}

#[test]
fn a_forked_child_drops_an_inherited_cursor() {
    assert_forks("drop-cursor");
}

#[test]
fn a_forked_child_cannot_write() {
    assert_forks("write");
}

#[test]
fn a_forked_child_cannot_write_into_an_open_group() {
    assert_forks("write-open-group");
}

#[test]
fn a_forked_child_cannot_write_where_bytes_close_groups() {
    assert_forks("write-group-bytes");
}

#[test]
fn a_forked_child_leaves_the_temporary_file() {
    assert_forks("atomic-drop");
}
