//! Ctrl-C, SIGTERM and SIGHUP while a file is being written.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Exit;

/// What the calls of [`run`](crate::run) in this process have come to. Handlers belong to the process, so this does.
#[derive(Debug)]
struct State {
    /// Calls that have not returned.
    sessions: usize,
    /// Whether one of them notes signals.
    noting: bool,
    /// When the first signal came that was noted.
    first: Option<Instant>,
}

static STATE: Mutex<State> = Mutex::new(State {
    sessions: 0,
    noting: false,
    first: None,
});

/// Signals so close behind the first belong to it: a terminal that is closed sends SIGHUP, and so does its shell.
const TOGETHER: Duration = Duration::from_millis(500);

/// One call of [`run`](crate::run). With the last one that ends, noted signals are forgotten.
#[derive(Debug)]
pub struct Session(());

impl Session {
    pub fn begin() -> Self {
        state().sessions += 1;
        Self(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut state = state();
        state.sessions -= 1;
        if state.sessions == 0 {
            state.noting = false;
            state.first = None;
        }
    }
}

/// From now on the signals are noted instead of ending the process at once, so that the temporary file can be removed.
/// One that comes later than the first ends the process whatever it does.
pub fn catch() {
    // Only all of them can be caught. A command that was told to outlive its terminal must do so, even if SIGTERM then
    // leaves a temporary file.
    if hangup_ignored() {
        return;
    }
    state().noting = true;
    // Refused if it was called before: that handler is still there. Refused also if the system has no signals: then
    // Ctrl-C ends the process, and the output still does not get its name.
    let _ = ctrlc::set_handler(|| {
        if state().is_final(Instant::now()) {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}

/// Whether one of the signals came.
pub fn requested() -> bool {
    state().first.is_some()
}

impl State {
    /// Whether a signal that comes `now` ends the process; if not, it is noted.
    fn is_final(&mut self, now: Instant) -> bool {
        // Without a command that looks for it, a signal does what it does by default.
        !self.noting || now.duration_since(*self.first.get_or_insert(now)) > TOGETHER
    }
}

/// Nothing can go wrong between lock and unlock that would leave it half-changed.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_final_unless_a_command_notes_it_for_the_first_time() {
        let mut state = State {
            sessions: 1,
            noting: false,
            first: None,
        };
        let now = Instant::now();
        assert!(state.is_final(now));
        assert_eq!(state.first, None);

        state.noting = true;
        assert!(!state.is_final(now));
        assert!(!state.is_final(now + TOGETHER));
        assert!(state.is_final(now + TOGETHER + Duration::from_millis(1)));
        assert_eq!(state.first, Some(now));
    }

    #[test]
    fn what_was_noted_is_forgotten_with_the_last_session() {
        let (one, other) = (Session::begin(), Session::begin());
        state().noting = true;
        assert!(!state().is_final(Instant::now()));
        drop(one);
        assert!(requested());
        drop(other);
        assert!(!requested());
        assert!(!state().noting);
    }
}
