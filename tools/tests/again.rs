//! One process that calls the command again and again, as a host in another language does.
//!
//! Signals are the whole process's, so this is one test, alone in its program.

#![cfg(unix)]

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn windrow(args: &[&str]) -> u8 {
    windrow_cli::run(
        std::iter::once("windrow")
            .chain(args.iter().copied())
            .map(OsString::from),
    )
}

fn shell(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).status().unwrap();
    assert!(status.success(), "{program} {args:?}");
}

/// Starts a conversion of a pipe that stays silent, stops it by a signal when it has begun, and returns its code.
fn interrupted(folder: &Path, pipe: &str, to: &str) -> u8 {
    let args = ["convert", "--quiet", "--from", "lines", pipe, to].map(str::to_owned);
    let command = thread::spawn(move || windrow(&args.each_ref().map(String::as_str)));
    let mut writer = OpenOptions::new().write(true).open(pipe).unwrap();
    writer.write_all(b"line\n").unwrap();
    let begin = Instant::now();
    while !names(folder).iter().any(|name| name.contains("unfinished")) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no output");
        thread::sleep(Duration::from_millis(5));
    }
    shell("kill", &["-INT", &std::process::id().to_string()]);
    command.join().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_command_can_be_called_again_after_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (pipe, text, to, other) = (
        path("pipe"),
        path("a.txt"),
        path("a.array_record"),
        path("b"),
    );
    shell("mkfifo", &[&pipe]);
    std::fs::write(&text, "one\ntwo\n").unwrap();

    for round in 0..2 {
        assert_eq!(interrupted(folder.path(), &pipe, &to), 130, "{round}");
        assert!(!Path::new(&to).exists());
        // The signal was for the command that it stopped, not for those that follow.
        let to_array = ["convert", "--quiet", "--from", "lines", &text, &to];
        assert_eq!(windrow(&to_array), 0, "{round}");
        assert_eq!(windrow(&to_array), 2, "{round}: it exists");
        assert_eq!(windrow(&["verify", "--quiet", &to]), 0, "{round}");
        let to_text = [
            "convert", "--quiet", "--to", "lines", "--force", &to, &other,
        ];
        assert_eq!(windrow(&to_text), 0, "{round}");
        assert_eq!(std::fs::read(&other).unwrap(), b"one\ntwo\n");
        std::fs::remove_file(&to).unwrap();
    }
}
