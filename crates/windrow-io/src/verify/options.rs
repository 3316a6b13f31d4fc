//! What `verify` looks at.

use std::fmt;

use windrow_format::options::ReaderOptions;

use crate::watch::Watch;

/// Faults that a report keeps by default.
pub const DEFAULT_MAX_FAULTS: usize = 100_000;

/// How to check a file. Setters neither fail nor panic; the reader's options are checked when the file is opened.
pub struct VerifyOptions {
    deep: bool,
    max_faults: usize,
    watch: Watch,
    reader: ReaderOptions,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for VerifyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyOptions")
            .field("deep", &self.deep)
            .field("max_faults", &self.max_faults)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

impl VerifyOptions {
    /// Hashes only, no progress, default limits.
    #[must_use]
    pub fn new() -> Self {
        Self {
            deep: false,
            max_faults: DEFAULT_MAX_FAULTS,
            watch: Watch::default(),
            reader: ReaderOptions::new(),
        }
    }

    /// Whether every data chunk is also decoded; of columns, only with the feature `columns`. Default false.
    #[must_use]
    pub fn with_deep(mut self, deep: bool) -> Self {
        self.deep = deep;
        self
    }

    /// How many faults the report keeps; further ones are only counted. Default [`DEFAULT_MAX_FAULTS`].
    #[must_use]
    pub fn with_max_faults(mut self, faults: usize) -> Self {
        self.max_faults = faults;
        self
    }

    /// Calls `progress` now and then, from the calling thread, with the number of bytes that are done. It never goes
    /// back, and ends with the size of the file. Default none.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Fn(u64) + 'static) -> Self {
        self.watch.progress = Some(Box::new(progress));
        self
    }

    /// Asks `stop` now and then, from the calling thread; where it says true, the check ends with
    /// [`Error::Io`](crate::Error::Io) of the kind [`Interrupted`](std::io::ErrorKind::Interrupted). Default none.
    #[must_use]
    pub fn with_stop(mut self, stop: impl Fn() -> bool + 'static) -> Self {
        self.watch.stop = Some(Box::new(stop));
        self
    }

    /// Limits, parallelism and where the index is kept. What else they say is not used. Default
    /// [`ReaderOptions::new`].
    #[must_use]
    pub fn with_reader_options(mut self, options: ReaderOptions) -> Self {
        self.reader = options;
        self
    }

    /// See [`with_deep`](Self::with_deep).
    #[must_use]
    pub fn deep(&self) -> bool {
        self.deep
    }

    /// See [`with_max_faults`](Self::with_max_faults).
    #[must_use]
    pub fn max_faults(&self) -> usize {
        self.max_faults
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
