//! Ctrl-C while a file is being written.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Exit;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is noted instead of ending the process at once, so that the temporary file can be removed. A
/// second Ctrl-C ends the process whatever it does.
pub fn catch() {
    // Refused only if it was called before, or if the system has no signals: then Ctrl-C ends the process, and the
    // output still does not get its name.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}

/// Whether Ctrl-C was pressed.
pub fn requested() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
