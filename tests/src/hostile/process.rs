//! The `hostile` program: each case in a process of its own, which reports in JSON.

use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    /// `None` if it was killed because it took too long.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `program` with `args` for at most `limit`, then kills it.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn run(program: &Path, args: &[&str], limit: Duration) -> Ended {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("waiting for the program") {
            break Some(status);
        }
        if begin.elapsed() > limit {
            child.kill().expect("killing the program");
            child.wait().expect("waiting for the program");
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    Ended {
        status,
        stdout: stdout.join().expect("reading its output"),
        stderr: stderr.join().expect("reading its errors"),
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            // What it wrote before it was killed is still worth showing.
            let _ = pipe.read_to_string(&mut text);
        }
        text
    })
}

/// Runs `program` and returns the JSON that it prints.
///
/// # Panics
/// If it hangs, dies, or does not exit with 0.
#[must_use]
pub fn run_json(program: &Path, args: &[&str], limit: Duration) -> Value {
    let ended = run(program, args, limit);
    let Some(status) = ended.status else {
        panic!("{args:?} took longer than {limit:?}; {}", ended.stderr);
    };
    assert!(status.success(), "{args:?}: {status}; {}", ended.stderr);
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{args:?} printed {:?}: {error}", ended.stdout))
}
