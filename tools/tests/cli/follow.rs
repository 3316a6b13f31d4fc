//! `cat --follow`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use windrow::{FileSink, Writer};

use crate::scratch::Scratch;

/// A file in groups of three with two flushed records, its writer, and a process that follows it.
fn begin(args: &[&str]) -> (Scratch, Writer<FileSink>, Child, BufReader<ChildStdout>) {
    let scratch = Scratch::new();
    let options = "group_size:3".parse().unwrap();
    let mut writer = Writer::create_file(scratch.path("a.array_record"), options).unwrap();
    writer.write_batch(["r0", "r1"]).unwrap();
    writer.flush().unwrap();
    let mut child = scratch
        .command(&[&["cat", "--follow", "a.array_record"], args].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (scratch, writer, child, out)
}

fn line(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line
}

#[test]
fn records_come_when_they_are_flushed_until_the_file_is_complete() {
    let (scratch, mut writer, mut child, mut out) = begin(&[]);
    assert_eq!(line(&mut out), "r0\n");
    assert_eq!(line(&mut out), "r1\n");
    writer.write_batch(["r2", "r3", "r4"]).unwrap();
    writer.flush().unwrap();
    for expected in ["r2\n", "r3\n", "r4\n"] {
        assert_eq!(line(&mut out), expected);
    }
    assert_eq!(child.try_wait().unwrap(), None, "the file is not complete");
    writer.write(b"r5").unwrap();
    writer.finish().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "r5\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    // One that is complete is shown and that is all.
    assert_eq!(
        scratch.ok(&["cat", "--follow", "a.array_record"]).text(),
        "r0\nr1\nr2\nr3\nr4\nr5\n"
    );
}

#[test]
fn a_range_tells_where_to_begin_and_end() {
    let (_scratch, mut writer, mut child, mut out) =
        begin(&["--range", "1:4", "--format", "jsonl"]);
    assert_eq!(line(&mut out), "{\"index\":1,\"text\":\"r1\"}\n");
    writer.write_batch(["r2", "r3", "r4"]).unwrap();
    writer.flush().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(
        rest,
        "{\"index\":2,\"text\":\"r2\"}\n{\"index\":3,\"text\":\"r3\"}\n"
    );
    assert_eq!(
        child.wait().unwrap().code(),
        Some(0),
        "the file is not complete"
    );
}

#[test]
fn whoever_has_seen_enough_ends_it() {
    let (_scratch, mut writer, child, out) = begin(&[]);
    drop(out);
    writer.write_batch(vec!["more"; 1000]).unwrap();
    writer.flush().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_when_all_is_shown() {
    use std::os::unix::process::ExitStatusExt;
    let (_scratch, _writer, mut child, mut out) = begin(&[]);
    assert_eq!(line(&mut out), "r0\n");
    let mut kill = std::process::Command::new("kill");
    let sent = kill.args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "r1\n");
    // The system's own way, which a shell shows as 130.
    assert_eq!(child.wait().unwrap().signal(), Some(2));
}

#[test]
fn damage_ends_it_or_is_skipped() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "uncompressed", &["aaa", "bbb", "ccc"]);
    scratch.damage("a.array_record", 64 + 46 + 44);
    let ran = scratch.fails(
        &["cat", "--follow", "a.array_record"],
        1,
        &["chunk data hash differs"],
    );
    assert_eq!(ran.text(), "aaa\n");
    let ran = scratch.run(&["cat", "--follow", "--on-corrupt", "skip", "a.array_record"]);
    assert_eq!((ran.code, ran.text()), (1, "aaa\nccc\n"));
    assert!(
        ran.err
            .contains("a.array_record: skipped bytes 110..156: chunk_data_hash: "),
        "{}",
        ran.err
    );
    scratch.fails(&["cat", "--follow", "missing"], 2, &["missing"]);
}
