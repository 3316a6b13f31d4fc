//! The bar on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over bytes, shown only where standard error is a terminal and `--quiet` was not given. It disappears at the
/// end, and when it is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// `total_bytes` is `None` where nobody knows, as for standard input.
    pub fn new(quiet: bool, what: &str, total_bytes: Option<u64>) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            // Draws nothing if standard error is not a terminal.
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(total_bytes, target);
        let template = if total_bytes.is_some() {
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"
        } else {
            "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(crate::error::printable(what));
        Self(bar)
    }

    pub fn set(&self, bytes_done: u64) {
        self.0.set_position(bytes_done);
    }

    /// A bar over steps, of which nobody knows yet how many there are.
    pub fn of_steps(quiet: bool, what: &str) -> Self {
        let progress = Self::new(quiet, what, Some(0));
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            progress.0.set_style(style);
        }
        progress
    }

    pub fn set_of(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }

    /// The same as [`set`](Self::set), as a value of its own.
    pub fn setter(&self) -> impl Fn(u64) + 'static {
        let bar = self.0.clone();
        move |bytes_done| bar.set_position(bytes_done)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
