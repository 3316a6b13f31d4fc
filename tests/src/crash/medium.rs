//! A sink that writes down what is asked of it, and may begin to fail.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use windrow::{Sink, SourceName};

/// One request to the medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// These bytes, behind those that are there.
    Write(Vec<u8>),
    /// Everything so far has to last.
    Sync,
    /// All but the first bytes go away.
    Cut(u64),
}

/// What was asked of a medium, in order.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Op>>>);

impl Log {
    /// The requests so far.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        self.lock().clone()
    }

    /// Number of requests so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing was asked for yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&self, op: Op) {
        self.lock().push(op);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Op>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sink over a [`Log`] that takes a number of requests and fails from then on.
#[derive(Debug)]
pub struct Medium {
    log: Log,
    fails_at: usize,
}

impl Medium {
    /// A medium whose request number `fails_at`, counted over the whole log, is the first one to fail.
    #[must_use]
    pub fn new(log: &Log, fails_at: usize) -> Self {
        Self {
            log: log.clone(),
            fails_at,
        }
    }

    /// The same, where all but the first `keep` of `file_bytes` bytes go away first.
    ///
    /// # Errors
    /// If that is the request that fails.
    pub fn cut(log: &Log, fails_at: usize, file_bytes: u64, keep: u64) -> io::Result<Self> {
        let mut medium = Self::new(log, fails_at);
        if keep < file_bytes {
            medium.take(Op::Cut(keep))?;
        }
        Ok(medium)
    }

    fn take(&mut self, op: Op) -> io::Result<()> {
        if self.log.len() >= self.fails_at {
            return Err(io::Error::other("the medium is gone"));
        }
        self.log.push(op);
        Ok(())
    }
}

impl Sink for Medium {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.take(Op::Write(bytes.to_vec()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.take(Op::Sync)
    }

    fn name(&self) -> SourceName {
        SourceName::MEMORY
    }
}
