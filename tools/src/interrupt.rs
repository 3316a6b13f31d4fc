//! Ctrl-C, SIGTERM and SIGHUP while a file is being written.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::error::Exit;

/// When the first of these signals came.
static FIRST: OnceLock<Instant> = OnceLock::new();

/// Signals so close behind the first belong to it: a terminal that is closed sends SIGHUP, and so does its shell.
const TOGETHER: Duration = Duration::from_millis(500);

/// From now on the signals are noted instead of ending the process at once, so that the temporary file can be removed.
/// One that comes later than the first ends the process whatever it does.
pub fn catch() {
    // Only all of them can be caught. A command that was told to outlive its terminal must do so, even if SIGTERM then
    // leaves a temporary file.
    if hangup_ignored() {
        return;
    }
    // Refused only if it was called before, or if the system has no signals: then Ctrl-C ends the process, and the
    // output still does not get its name.
    let _ = ctrlc::set_handler(|| {
        if FIRST.get_or_init(Instant::now).elapsed() > TOGETHER {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}

/// Whether one of the signals came.
pub fn requested() -> bool {
    FIRST.get().is_some()
}

/// Whether the command was started by `nohup` or its like. Known on Linux only.
fn hangup_ignored() -> bool {
    // A mask in hexadecimal; its lowest bit is SIGHUP, signal 1.
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask & 1 == 1)
    })
}
