//! The same of a writer of tables.

use windrow::{Error, SourceName, TableOptions, TableWriter};

use super::medium::{Log, Medium};
use super::workload::{Promise, Step, promised_at};
use crate::tables::{rows, schema};

/// A name and the steps. Of [`Step::Write`] the second number is how many rows a batch has.
#[derive(Debug, Clone)]
pub struct TableWorkload {
    /// The name, for messages.
    pub name: &'static str,
    /// The rows are the first ones of this table.
    pub seed: u64,
    /// How the file is written, and gone on with.
    pub options: TableOptions,
    /// What is done.
    pub steps: Vec<Step>,
}

/// What came of a workload.
#[derive(Debug, Default)]
pub struct TableRun {
    /// Rows that were handed to a writer: numbered from 0.
    pub rows: u64,
    /// What was promised, in order.
    pub promises: Vec<Promise>,
    /// The error that ended it.
    pub error: Option<Error>,
}

impl TableRun {
    /// What held after the first `ops` requests.
    #[must_use]
    pub fn promised(&self, ops: usize) -> Promise {
        promised_at(&self.promises, ops)
    }
}

impl TableWorkload {
    /// Does it on a medium that fails at request number `fails_at`.
    ///
    /// # Panics
    /// If a writer goes on after an error.
    #[must_use]
    pub fn run(&self, log: &Log, fails_at: usize) -> TableRun {
        let mut run = TableRun::default();
        let mut writer = None;
        if let Err(error) = self.try_run(log, fails_at, &mut run, &mut writer) {
            run.error = Some(error);
            if let Some(writer) = &mut writer {
                assert!(writer.has_failed(), "{}", self.name);
                let again = writer.write(&rows(self.seed, [run.rows]));
                for again in [again, writer.flush(), writer.sync()] {
                    let code = again.map_err(|error| error.code());
                    assert_eq!(code, Err("writer_failed"), "{}", self.name);
                }
            }
        }
        run
    }

    fn try_run(
        &self,
        log: &Log,
        fails_at: usize,
        run: &mut TableRun,
        writer: &mut Option<TableWriter<Medium>>,
    ) -> Result<(), Error> {
        let medium = Medium::new(log, fails_at);
        *writer = Some(TableWriter::create(medium, schema(), self.options.clone())?);
        let (mut flushed, mut synced) = (0, 0);
        for step in &self.steps {
            let written = run.rows;
            match (step, &mut *writer) {
                (Step::Write(count, batch_rows), Some(writer)) => {
                    let all = rows(self.seed, written..written + count);
                    run.rows += count;
                    for begin in (0..all.num_rows()).step_by((*batch_rows).max(1)) {
                        let rest = all.num_rows() - begin;
                        writer.write(&all.slice(begin, rest.min((*batch_rows).max(1))))?;
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
                (Step::Finish | Step::FinishSynced, writer) => {
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
                (Step::Append, None) => *writer = Some(self.resume(log, fails_at)?),
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

    /// Goes on with what the log amounts to.
    fn resume(&self, log: &Log, fails_at: usize) -> Result<TableWriter<Medium>, Error> {
        let (_, image) = super::images(&log.ops(), log.len(), 0).swap_remove(0);
        let file_bytes = image.len() as u64;
        let options = self.options.clone();
        TableWriter::resume(image, SourceName::MEMORY, schema(), options, |keep| {
            Medium::cut(log, fails_at, file_bytes, keep)
        })
    }
}
