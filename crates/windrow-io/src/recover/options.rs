//! How a file is recovered.

use std::fmt;

use windrow_format::options::ReaderOptions;

use crate::watch::Watch;

/// How to recover a file. Setters neither fail nor panic; the reader's options are checked when the file is opened.
#[derive(Default)]
pub struct RecoverOptions {
    watch: Watch,
    reader: ReaderOptions,
}

impl fmt::Debug for RecoverOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverOptions")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

impl RecoverOptions {
    /// No progress, and the reader's default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `progress` now and then, from the calling thread, with the number of bytes that are done. It never goes
    /// back, and ends with the size of the file. Default none.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Fn(u64) + 'static) -> Self {
        self.watch.progress = Some(Box::new(progress));
        self
    }

    /// Asks `stop` now and then, from the calling thread; where it says true, the scan ends with
    /// [`Error::Io`](crate::Error::Io) of the kind [`Interrupted`](std::io::ErrorKind::Interrupted). Default none.
    #[must_use]
    pub fn with_stop(mut self, stop: impl Fn() -> bool + 'static) -> Self {
        self.watch.stop = Some(Box::new(stop));
        self
    }

    /// The options of the reader that comes of it; their limits bind the scan, too. Default [`ReaderOptions::new`].
    #[must_use]
    pub fn with_reader_options(mut self, options: ReaderOptions) -> Self {
        self.reader = options;
        self
    }

    /// See [`with_reader_options`](Self::with_reader_options).
    #[must_use]
    pub fn reader_options(&self) -> &ReaderOptions {
        &self.reader
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }
}
