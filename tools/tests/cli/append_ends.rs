//! Appends that are ended from outside, and two at once.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use crate::scratch::{Ran, Scratch};

/// A file of three records, and its bytes.
fn three() -> (Scratch, Vec<u8>) {
    let scratch = Scratch::new();
    scratch.write(
        "a.array_record",
        "group_size:2,uncompressed",
        &["r0", "r1", "r2"],
    );
    let bytes = scratch.get("a.array_record");
    (scratch, bytes)
}

/// Starts an append of standard input, which stays open, and waits until records of it have reached the file.
fn begin(scratch: &Scratch, args: &[&str]) -> (Child, ChildStdin) {
    let path = scratch.path("a.array_record");
    let before = path.metadata().unwrap().len();
    let mut child = scratch
        .command(&[&["append", "--from", "lines", "a.array_record", "-"], args].concat())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in 0..100_000 {
        writeln!(stdin, "line {line}").unwrap();
    }
    let start = Instant::now();
    while path.metadata().unwrap().len() <= before {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nothing was appended"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, stdin)
}

fn send(signal: &str, child: &Child) {
    let mut kill = std::process::Command::new("kill");
    let sent = kill.args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn an_interrupted_append_leaves_the_file_as_it_was() {
    let (scratch, before) = three();
    for signal in ["-INT", "-TERM"] {
        let (child, stdin) = begin(&scratch, &[]);
        send(signal, &child);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130);
        assert_eq!(
            ran.err,
            "windrow: interrupted: nothing was appended to a.array_record\n"
        );
        assert!(scratch.get("a.array_record") == before, "{signal}");
        drop(stdin);
    }
}

#[test]
fn a_killed_append_keeps_the_old_contents_and_loses_nothing_whole() {
    let (scratch, before) = three();
    let (mut child, stdin) = begin(&scratch, &[]);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    drop(stdin);
    let after = scratch.get("a.array_record");
    assert!(after.len() > before.len() && after.starts_with(&before));

    let ran = scratch.ok(&["cat", "a.array_record"]);
    assert_eq!(ran.text(), "r0\nr1\nr2\n");
    assert!(
        ran.err.contains("behind its last index are left out"),
        "{}",
        ran.err
    );
    let ran = scratch.run(&["verify", "a.array_record"]);
    assert_eq!(ran.code, 1);
    for words in [
        "unfinished_append",
        "windrow append a.array_record completes it",
        "windrow repair a.array_record -o OUT writes what is whole",
    ] {
        assert!(ran.text().contains(words), "{words}: {}", ran.text());
    }
    let ran = scratch.ok(&["inspect", "a.array_record"]);
    assert!(
        ran.text().contains("  unfinished append: "),
        "{}",
        ran.text()
    );
    let file = &scratch.ok(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!(file["unfinished_append_bytes"], after.len() - before.len());

    // What is torn at the end may be a part that was skipped.
    let ran = scratch.run(&["repair", "--json", "a.array_record", "-o", "b.array_record"]);
    assert!(ran.code < 2, "{ran:?}");
    assert_eq!(ran.json()[0]["index"]["code"], "unfinished_append");
    let repaired = scratch.records("b.array_record");
    assert!(repaired.len() > 3, "{} records", repaired.len());
    let lines = (0..repaired.len() - 3).map(|line| format!("line {line}").into_bytes());
    let expected = [b"r0", b"r1", b"r2"]
        .map(|r| r.to_vec())
        .into_iter()
        .chain(lines);
    assert!(repaired.iter().cloned().eq(expected));

    let ran = scratch.ok(&["append", "a.array_record"]);
    let taken_up = format!(
        "an append was cut off: {} records taken up",
        repaired.len() - 3
    );
    assert!(ran.err.contains(&taken_up), "{}", ran.err);
    assert!(scratch.records("a.array_record") == repaired);
    scratch.ok(&["verify", "--deep", "a.array_record"]);
}

#[test]
fn a_killed_copy_leaves_the_file_as_it_was() {
    let (scratch, before) = three();
    let mut child = scratch
        .command(&["append", "--copy", "--from", "lines", "a.array_record", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&b"line\n".repeat(100_000)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(scratch.get("a.array_record") == before);
}

#[test]
fn of_two_appends_at_once_one_is_refused() {
    let (scratch, _) = three();
    let (mut child, stdin) = begin(&scratch, &["--quiet"]);
    scratch.put("b.txt", "late\n");
    let args = ["append", "a.array_record", "b.txt"];
    for copy in [&[][..], &["--copy"]] {
        scratch.fails(
            &[&args[..], copy].concat(),
            2,
            &["a.array_record", "has it locked"],
        );
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    scratch.ok(&args);
    let records = scratch.records("a.array_record");
    assert_eq!(records.len(), 100_004);
    assert_eq!(records[100_003], b"late");
}

/// A limit of the file's size is as good as a full disk. It is met while records are written, and at the end.
#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let (scratch, before) = three();
    assert_eq!(before.len(), 131_072);
    for (lines, blocks) in [(100_000, 300), (1, 257)] {
        scratch.put("b.txt", "many words in a line\n".repeat(lines));
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let output = std::process::Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_windrow")])
            .args(["append", "a.array_record", "b.txt"])
            .current_dir(scratch.path(""))
            .output()
            .unwrap();
        let ran = Ran::from(output);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(
            ran.err
                .starts_with("windrow: cannot write a.array_record: File too large"),
            "{}",
            ran.err
        );
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(scratch.get("a.array_record") == before, "{lines} lines");
    }
}
