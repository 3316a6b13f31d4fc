//! Signals while a file is being written.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::scratch::Scratch;

/// Whether an output was begun.
fn unfinished(scratch: &Scratch) -> bool {
    std::fs::read_dir(scratch.path("")).unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("unfinished")
    })
}

fn await_unfinished(scratch: &Scratch) {
    let begin = Instant::now();
    while !unfinished(scratch) {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "no output was begun"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, process: u32) {
    let sent = std::process::Command::new("kill")
        .args([signal, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A signal while the input is silent: no output, and no temporary file either. The same signal twice in a moment is
/// one.
#[test]
fn an_interrupted_conversion_leaves_nothing() {
    let scratch = Scratch::new();
    for (to, signals) in [
        ("a.array_record", &["-INT"][..]),
        ("a.txt", &["-INT"]),
        ("a.array_record", &["-TERM"]),
        ("a.txt", &["-HUP"]),
        ("a.array_record", &["-TERM", "-HUP"]),
    ] {
        let mut child = scratch
            .command(&["convert", "--from", "lines", "-", to])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"line\n").unwrap();
        await_unfinished(&scratch);
        for signal in signals {
            send(signal, child.id());
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            err,
            format!("windrow: interrupted: nothing was written to {to}\n")
        );
        assert!(!scratch.path(to).exists());
        scratch.assert_tidy();
        drop(stdin);
    }
}

/// As `nohup` starts it: it goes on when the terminal is closed.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_hangup_stays_ignored() {
    let scratch = Scratch::new();
    let mut child = std::process::Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_windrow"))
        .args(["convert", "--from", "lines", "-", "a.array_record"])
        .current_dir(scratch.path(""))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"line\n").unwrap();
    await_unfinished(&scratch);
    send("-HUP", child.id());
    std::thread::sleep(Duration::from_millis(200));
    stdin.write_all(b"more\n").unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(scratch.records("a.array_record"), [b"line", b"more"]);
}
