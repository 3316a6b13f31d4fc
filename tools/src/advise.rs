//! Which layout, group size and codec suit some records: all are tried, and the one that suits an access pattern is named.
//!
//! ```
//! use windrow_cli::advise::{Access, AdviseOptions, advise};
//!
//! let lines: Vec<String> = (0..2000).map(|n| format!("{{\"user\":{}}}", n * 7919)).collect();
//! let records = lines.iter().collect();
//! let options = AdviseOptions::new().with_access(Access::Random).with_rounds(1);
//! let advice = advise(&records, &options)?;
//! if let Some(best) = advice.recommended() {
//!     println!("{}: {:.0} % of the size, {:.1} us for a record", best.options, best.size * 100.0, best.single_us);
//! }
//! # Ok::<(), windrow::Error>(())
//! ```

mod candidates;
pub(crate) mod command;
mod options;
mod plot;
mod recommend;
mod report;
mod trial;

pub use options::{Access, AdviseOptions, DEFAULT_ROUNDS};
pub use plot::plot;

use std::time::Instant;

use windrow::{
    DictionaryOption, Layout, Records, Result, SourceName, WriterOptions, train_dictionary,
};

use crate::measure::as_f64;
use candidates::Candidate;
use trial::Trial;

/// What came of trying all ways to write some records.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// How many records were tried.
    pub records: u64,
    /// Sum of their sizes in bytes.
    pub record_bytes: u64,
    /// What the recommendation is for.
    pub access: Access,
    /// Seconds that the dictionary took to train, once for a file; no speed counts it. `None` where there is none that
    /// pays.
    pub training_seconds: Option<f64>,
    /// One for each way to write them; empty without records.
    pub outcomes: Vec<Outcome>,
    recommended: Option<usize>,
    recommended_groups: Option<usize>,
}

/// How one way to write the records turned out. The best of all rounds for each figure.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The option string.
    pub options: String,
    /// How records are laid out.
    pub layout: Layout,
    /// Bytes of chunks and index, as a share of the bytes of the records: 0.25 is a quarter. A file has about 128 KiB more,
    /// and its dictionary twice.
    pub size: f64,
    /// Bytes of records a second that are written.
    pub write_bytes_per_second: f64,
    /// Records a second that are read in order.
    pub in_order_per_second: f64,
    /// Microseconds that it takes to read one record at random, no decoded chunk being kept.
    pub single_us: f64,
    /// Records a second that are read in shuffled batches of up to 1024, each from another chunk unless that makes no
    /// difference, as in a file of many chunks.
    pub batch_per_second: f64,
}

impl Advice {
    /// What suits the access pattern best: the outcome of the least size, where being read four times as fast is worth
    /// twice the size. `None` without records.
    #[must_use]
    pub fn recommended(&self) -> Option<&Outcome> {
        self.outcomes.get(self.recommended?)
    }

    /// The same among those that the Python package `array_record` reads, too.
    #[must_use]
    pub fn recommended_groups(&self) -> Option<&Outcome> {
        self.outcomes.get(self.recommended_groups?)
    }
}

/// Writes `records` in some twenty ways, one after the other and round by round, into a temporary folder; reads each file
/// while it is warm, and compares. Takes about a second for each MiB of records, and a MiB of disk space for each.
///
/// A MiB of records is the least that tells something, and 16 MiB are plenty.
///
/// # Errors
/// [`windrow::Error::Io`] if the temporary folder cannot be written, and of kind
/// [`Interrupted`](std::io::ErrorKind::Interrupted) if [`AdviseOptions::with_watch`] says so.
pub fn advise(records: &Records, options: &AdviseOptions<'_>) -> Result<Advice> {
    let mut advice = Advice {
        records: records.len() as u64,
        record_bytes: records.bytes_len() as u64,
        access: options.access(),
        training_seconds: None,
        outcomes: Vec::new(),
        recommended: None,
        recommended_groups: None,
    };
    if records.bytes_len() == 0 {
        return Ok(advice);
    }
    let folder = tempfile::tempdir().map_err(|source| io("create", source))?;
    let path = folder.path().join("trial.array_record");
    let start = Instant::now();
    let for_pages = WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_dictionary(DictionaryOption::Auto);
    let dictionary = train_dictionary(records.iter(), &for_pages)
        .filter(|trained| trained.pays_in_a_file())
        .map(|trained| trained.dictionary);
    if dictionary.is_some() {
        advice.training_seconds = Some(start.elapsed().as_secs_f64());
    }
    let candidates = candidates::all(dictionary.as_ref());
    let mut trials: Vec<Trial> = candidates.iter().map(|_| Trial::default()).collect();
    let steps = candidates.len() * options.rounds();
    for step in 0..steps {
        if !options.go_on(step, steps) {
            return Err(io("go on with", std::io::ErrorKind::Interrupted.into()));
        }
        // Round by round, so that what else the machine does for a while meets all of them.
        let number = step % candidates.len();
        trials[number].run(&path, records, &candidates[number].writer)?;
    }
    let record_bytes = as_f64(advice.record_bytes);
    let outcomes = candidates.into_iter().zip(&trials);
    advice.outcomes = outcomes
        .map(|(Candidate { options, writer }, trial)| Outcome {
            options,
            layout: writer.layout(),
            size: as_f64(trial.file_bytes) / record_bytes,
            write_bytes_per_second: trial.write_bytes_per_second(),
            in_order_per_second: trial.in_order_per_second(),
            single_us: 1e6 / trial.single_per_second(),
            batch_per_second: trial.batch_per_second(),
        })
        .collect();
    let best = |layouts: &[Layout]| recommend::best(&advice.outcomes, advice.access, layouts);
    let (recommended, groups) = (
        best(&[Layout::Groups, Layout::Pages]),
        best(&[Layout::Groups]),
    );
    (advice.recommended, advice.recommended_groups) = (recommended, groups);
    Ok(advice)
}

fn io(action: &'static str, source: std::io::Error) -> windrow::Error {
    windrow::Error::Io {
        name: SourceName::path(std::env::temp_dir()),
        action,
        at: None,
        records: None,
        source,
    }
}
