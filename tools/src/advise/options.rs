//! What `advise` is asked to find out.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// How many times each way is tried if nothing else is asked for.
pub const DEFAULT_ROUNDS: usize = 3;

/// How the records will be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Access {
    /// Single records and batches in shuffled order, as in training
    Random,
    /// All of them in order
    Sequential,
    /// Now the one, now the other
    #[default]
    Both,
}

impl Access {
    /// The word of the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Sequential => "sequential",
            Self::Both => "both",
        }
    }
}

/// How [`advise`](super::advise) goes about it.
pub struct AdviseOptions<'a> {
    access: Access,
    rounds: usize,
    watch: Box<dyn Fn(usize, usize) -> bool + 'a>,
}

impl Default for AdviseOptions<'_> {
    fn default() -> Self {
        Self {
            access: Access::default(),
            rounds: DEFAULT_ROUNDS,
            watch: Box::new(|_, _| true),
        }
    }
}

impl<'a> AdviseOptions<'a> {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what the recommendation is for, default [`Access::Both`].
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets how many times each way is tried, default [`DEFAULT_ROUNDS`]; 0 is taken for 1. The best of them counts.
    #[must_use]
    pub fn with_rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Calls `watch` in front of each trial, with the number of those that are done and of all; `false` from it ends the
    /// work. Default: nobody watches.
    #[must_use]
    pub fn with_watch(mut self, watch: impl Fn(usize, usize) -> bool + 'a) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// What the recommendation is for.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// How many times each way is tried.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.max(1)
    }

    pub(super) fn go_on(&self, done: usize, all: usize) -> bool {
        (self.watch)(done, all)
    }
}

impl fmt::Debug for AdviseOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdviseOptions")
            .field("access", &self.access)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
