//! What a writer is asked to do, and what it promised on the way.

use windrow::{AppendOptions, Error, SourceName, Writer, WriterOptions};

use super::medium::{Log, Medium};

/// One thing that a writer is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write this many records of about this many bytes.
    Write(u64, usize),
    /// Flush.
    Flush,
    /// Sync.
    Sync,
    /// Finish, without a sync.
    Finish,
    /// Finish, and make it last.
    FinishSynced,
    /// Go on with the file.
    Append,
}

/// A name and the steps.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The name, for messages.
    pub name: &'static str,
    /// How the file is written.
    pub options: WriterOptions,
    /// What is done.
    pub steps: Vec<Step>,
}

/// What a writer promised when the log had a certain length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promise {
    /// Length of the log when the promise was made.
    pub ops: usize,
    /// Records, or rows, that a process may count on.
    pub flushed: u64,
    /// Those that last.
    pub synced: u64,
}

/// What came of a workload.
#[derive(Debug, Default)]
pub struct Run {
    /// All records that were handed to a writer, in order.
    pub records: Vec<Vec<u8>>,
    /// What was promised, in order.
    pub promises: Vec<Promise>,
    /// The error that ended it.
    pub error: Option<Error>,
}

impl Run {
    /// What held after the first `ops` requests.
    #[must_use]
    pub fn promised(&self, ops: usize) -> Promise {
        promised_at(&self.promises, ops)
    }
}

/// The last of some promises that was made within the first `ops` requests.
pub(super) fn promised_at(promises: &[Promise], ops: usize) -> Promise {
    let made = promises.iter().take_while(|promise| promise.ops <= ops);
    made.last().copied().unwrap_or_default()
}

/// Record number `index`: different from all others, sometimes empty but for its number, sometimes large.
#[must_use]
pub fn record(index: u64, bytes: usize) -> Vec<u8> {
    let mut record = index.to_le_bytes().to_vec();
    let more = bytes * (usize::try_from(index * 7 % 11).unwrap() + 1) / 6;
    record.extend((0..more).map(|i| (i as u64 * 131 + index * 31).to_le_bytes()[0]));
    record
}

impl Workload {
    /// Does it on a medium that fails at request number `fails_at`.
    #[must_use]
    pub fn run(&self, log: &Log, fails_at: usize) -> Run {
        let mut run = Run::default();
        if let Err(error) = self.try_run(log, fails_at, &mut run) {
            run.error = Some(error);
        }
        run
    }

    fn try_run(&self, log: &Log, fails_at: usize, run: &mut Run) -> Result<(), Error> {
        let create = |log: &Log| Writer::create(Medium::new(log, fails_at), self.options.clone());
        let mut writer = Some(create(log)?);
        let (mut flushed, mut synced) = (0, 0);
        for step in &self.steps {
            let written = run.records.len() as u64;
            match (step, &mut writer) {
                (Step::Write(records, bytes), Some(writer)) => {
                    for index in written..written + records {
                        let record = record(index, *bytes);
                        run.records.push(record.clone());
                        writer.write(&record)?;
                    }
                }
                (Step::Flush, Some(writer)) => {
                    writer.flush()?;
                    flushed = written;
                }
                (Step::Sync, Some(writer)) => {
                    writer.sync()?;
                    (flushed, synced) = (written, written);
                }
                (Step::Finish | Step::FinishSynced, _) => {
                    let Some(writer) = writer.take() else {
                        panic!("{}: nothing to finish", self.name)
                    };
                    flushed = written;
                    if *step == Step::Finish {
                        writer.finish()?;
                    } else {
                        writer.finish_synced()?;
                        synced = written;
                    }
                }
                (Step::Append, None) => writer = Some(resume(log, fails_at)?),
                (step, _) => panic!("{}: {step:?} out of place", self.name),
            }
            run.promises.push(Promise {
                ops: log.len(),
                flushed,
                synced,
            });
        }
        Ok(())
    }
}

/// Goes on with what the log amounts to.
fn resume(log: &Log, fails_at: usize) -> Result<Writer<Medium>, Error> {
    let (_, image) = super::images(&log.ops(), log.len(), 0).swap_remove(0);
    let file_bytes = image.len() as u64;
    Writer::resume(image, SourceName::MEMORY, &AppendOptions::new(), |keep| {
        Medium::cut(log, fails_at, file_bytes, keep)
    })
}
