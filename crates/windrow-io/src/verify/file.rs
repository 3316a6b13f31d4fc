//! Checking a whole file, on several threads where there is an index that tells where to begin.

use std::collections::VecDeque;
use std::path::Path;

use windrow_format::{At, BLOCK_BYTES, Dictionaries, FormatError, Limits, schema_hash};

use super::check::{Checks, Outcome, Stop, check_sections};
use super::columns::ColumnChecks;
use super::jobs::{JOB_BYTES, Job, Jobs};
use super::options::VerifyOptions;
use super::report::{Fault, VerifyReport};
use super::section::Section;
use super::window::{ReadError, SharedStore};
use crate::error::{Error, Result, SourceName};
use crate::pool::Pipeline;
use crate::reader::Reader;
use crate::store::{FileStore, Store};

/// Jobs ahead per thread.
const JOBS_PER_THREAD: usize = 3;
/// Bytes that may be held by more than two jobs at once when chunks are decoded.
const HELD_BYTES: u64 = 64 << 20;

/// Checks a whole file: every block header, chunk header and data hash, and the footer against the chunks. With
/// [`VerifyOptions::with_deep`] the records are decoded too, and, with the feature `columns`, the pages of columns, whose
/// statistics are compared with what they hold. Padding inside chunks is not looked at: readers ignore it.
///
/// A fault does not end the check; it goes on at the next place that can be trusted. The file is read once from front
/// to back, apart from its footer and last block, which are read before. Memory: the index and about 1 MiB for each
/// job in flight, three a thread; with `deep` also the chunk that is being decoded, and its records, for each thread,
/// where chunks are large for two threads.
///
/// ```no_run
/// let report = windrow_io::verify("a.array_record", &windrow_io::VerifyOptions::new().with_deep(true))?;
/// for fault in &report.faults {
///     println!("{}: {}", fault.code(), fault.error);
/// }
/// # Ok::<(), windrow_io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; a file that ends too early is a fault. [`Error::Options`]. What is wrong
/// with the bytes is in the report.
pub fn verify(path: impl AsRef<Path>, options: &VerifyOptions) -> Result<VerifyReport> {
    let name = SourceName::path(path.as_ref());
    verify_store(FileStore::open(&name)?, name, options)
}

/// Checks a file from any store; `name` stands for it in messages. See [`verify`].
///
/// # Errors
/// Those of [`verify`].
pub fn verify_store(
    store: impl Store + 'static,
    name: SourceName,
    options: &VerifyOptions,
) -> Result<VerifyReport> {
    let store = SharedStore::new(store);
    let file_bytes = store.file_bytes(&name)?;
    let mut checker = FileChecker {
        options,
        checks: Checks {
            file_bytes,
            deep: options.deep(),
            limits: Limits {
                max_chunk_bytes: options.reader_options().max_chunk_bytes(),
                max_record_bytes: options.reader_options().max_record_bytes(),
            },
            max_faults: options.max_faults(),
            dictionaries: Dictionaries::default(),
            has_columns: None,
            schema_hash: None,
            columns: None,
        },
        report: VerifyReport {
            file_bytes,
            ..VerifyReport::default()
        },
        store,
        name,
    };
    match checker.store.open(&checker.name, options.reader_options()) {
        Ok(reader) => {
            checker.checks.file_bytes = reader.file_bytes();
            checker.report.file_bytes = reader.file_bytes();
            let metadata = &reader.footer().metadata;
            checker.checks.has_columns = Some(reader.has_columns());
            checker.checks.schema_hash = metadata.arrow_schema.as_deref().map(schema_hash);
            if options.deep() {
                checker.checks.dictionaries = reader.inner().all_dictionaries()?.clone();
                match ColumnChecks::of_file(&reader)? {
                    Ok(columns) => checker.checks.columns = columns,
                    Err(fault) => checker.report.push_fault(fault, options.max_faults()),
                }
            }
            checker.check_indexed(&reader)?;
        }
        Err(error) => {
            let fault = index_fault(error, file_bytes)?;
            checker.check_unindexed(fault)?;
        }
    }
    let mut report = checker.report;
    report.faults.sort_by_key(|fault| fault.bytes.start);
    options.watch().report_progress(report.file_bytes);
    Ok(report)
}

/// The fault of a file whose index cannot be used; an error if it is not the file's.
pub(super) fn index_fault(error: Error, file_bytes: u64) -> Result<Fault> {
    let error = match error {
        Error::Format { source, .. } => source,
        Error::Io { at, source, .. } if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            let have = at.map_or(0, |at| at.byte);
            file_cut(have, have, file_bytes)
        }
        other => return Err(other),
    };
    let postscript_begin = file_bytes.saturating_sub(BLOCK_BYTES);
    let bytes = match (&error, error.at()) {
        (FormatError::NotArrayRecord { .. }, _) => 0..file_bytes,
        (_, Some(at)) if at.byte < postscript_begin => at.byte..postscript_begin,
        (_, Some(at)) => at.byte.min(file_bytes)..file_bytes,
        (_, None) => postscript_begin..file_bytes,
    };
    Ok(Fault::new(bytes, error))
}

/// What is wrong with a file of which only `have` bytes can be read.
fn file_cut(byte: u64, have: u64, file_bytes: u64) -> FormatError {
    FormatError::Truncated {
        what: "file",
        at: At::byte(byte),
        need: file_bytes,
        have,
    }
}

struct FileChecker<'a> {
    options: &'a VerifyOptions,
    checks: Checks,
    report: VerifyReport,
    store: SharedStore,
    name: SourceName,
}

impl FileChecker<'_> {
    /// Checks a file without an index, on the calling thread. `index` is what is wrong with that.
    fn check_unindexed(&mut self, index: Fault) -> Result<()> {
        let end = self.checks.file_bytes;
        let sections = std::iter::once(Ok(Section::whole_file(end)));
        let mut reported = 0;
        let mut outcome = check_sections(
            self.store.clone(),
            sections,
            end,
            &self.checks,
            |position| {
                if position >= reported + JOB_BYTES {
                    reported = position;
                    self.options.watch().report_progress(position);
                    return !self.options.watch().is_stopped();
                }
                true
            },
        );
        if let Some(FormatError::NotArrayRecord { .. }) = index.error.as_format()
            && outcome.report.chunks == 0
            && outcome.stopped.is_none()
        {
            // Something else altogether: what is wrong with each of its blocks tells nothing.
            outcome.report = VerifyReport::default();
        }
        if let Some(mut cause) = index.error.as_format() {
            while let FormatError::NotArrayRecord { source, .. }
            | FormatError::NoPostscript { source, .. } = cause
            {
                cause = source;
            }
            // The scan met the same fault.
            let is_other = |fault: &Fault| fault.error.as_format() != Some(cause);
            outcome.report.faults.retain(is_other);
        }
        self.report.push_fault(index, self.checks.max_faults);
        self.take(outcome, None).map(|_| ())
    }

    fn check_indexed(&mut self, reader: &Reader) -> Result<()> {
        self.report.records = Some(reader.len());
        if let Some(error) = reader.unfinished_append() {
            let bytes = reader.sealed_bytes()..reader.file_bytes();
            let fault = Fault::new(bytes, error);
            self.report.push_fault(fault, self.checks.max_faults);
        }
        let threads = reader.inner().threads();
        let most = (threads * JOBS_PER_THREAD).max(1);
        let mut pipeline: Pipeline<Outcome> = Pipeline::new();
        let mut held = VecDeque::new();
        let mut jobs = Jobs::new(reader, self.checks.deep);
        loop {
            let job = jobs.next()?;
            let bytes = job.as_ref().map_or(0, |job| job.held_bytes);
            while pipeline.len() >= most
                || (pipeline.len() >= 2
                    && held.iter().copied().fold(bytes, u64::saturating_add) > HELD_BYTES)
                || job.is_none()
            {
                let Some(outcome) = pipeline.pop() else {
                    return Ok(());
                };
                held.pop_front();
                let go_on = self.take(outcome, Some(reader));
                if !matches!(go_on, Ok(true)) {
                    pipeline.clear();
                    return go_on.map(|_| ());
                }
            }
            if let Some(Job { sections, end, .. }) = job {
                let (store, checks, reader) =
                    (self.store.clone(), self.checks.clone(), reader.clone());
                held.push_back(bytes);
                pipeline.push(threads > 0, move || {
                    let sections =
                        sections.filter_map(|number| Section::number(&reader, number).transpose());
                    check_sections(store, sections, end, &checks, |_| true)
                });
            }
        }
    }

    /// Adds what was found. Whether to go on: not behind the end of a file that is shorter than it was.
    fn take(&mut self, outcome: Outcome, reader: Option<&Reader>) -> Result<bool> {
        let Outcome {
            report,
            position,
            stopped,
        } = outcome;
        self.report.merge(report, self.checks.max_faults);
        let Some(stopped) = stopped else {
            self.options.watch().report_progress(position);
            if self.options.watch().is_stopped() {
                return Err(ReadError::interrupted(position).into_error(&self.name));
            }
            return Ok(true);
        };
        match stopped {
            Stop::Index(error) => return Err(error),
            Stop::Read(error) if !error.is_end_of_file() => {
                return Err(error.into_error(&self.name));
            }
            Stop::Read(_) => {}
        }
        let file_bytes = self.checks.file_bytes;
        let have = self.store.len().unwrap_or(0).clamp(position, file_bytes);
        let error = file_cut(position, have, file_bytes);
        let mut fault = Fault::new(position..file_bytes, error);
        fault.records = reader.and_then(|reader| records_from(reader, position));
        self.report.push_fault(fault, self.checks.max_faults);
        Ok(false)
    }
}

/// The records of the listed chunks that do not end in front of `position`; `None` if there are none.
fn records_from(reader: &Reader, position: u64) -> Option<std::ops::Range<u64>> {
    let first = reader.chunk_from(position)?.first_record;
    Some(first..reader.len())
}
