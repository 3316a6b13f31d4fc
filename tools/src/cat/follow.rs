//! `windrow cat --follow`: records of a file that is being written.

use std::time::Duration;

use windrow::TailReader;

use super::{CatArgs, Printer};
use crate::error::{CliError, Exit};
use crate::reading;
use crate::table::TableUsage;

/// How long one wait for records lasts. Nothing depends on it: the wait is repeated.
const WAIT: Duration = Duration::from_secs(1);

/// What is said of a file of columns.
pub const NOT_OF_COLUMNS: TableUsage = TableUsage::NotOfColumns {
    option: "follow",
    instead: "without it, cat shows the rows up to the end of the last append that was completed, and with \
        --on-corrupt skip those that were flushed to a file that never was",
};

/// Prints records as they come, until the file is complete or the range is over.
pub fn run(args: &CatArgs, mut printer: Printer<'_>) -> Result<Exit, CliError> {
    let begin = args.range.and_then(|range| range.begin).unwrap_or(0);
    let end = args.range.and_then(|range| range.end).unwrap_or(u64::MAX);
    let tail = TailReader::open(&args.file, printer.options()?)?;
    let mut tail = tail.with_position(begin);
    while tail.position() < end {
        let run = tail.poll();
        if let Err(windrow::Error::HoldsColumns { .. }) = run {
            return Err(NOT_OF_COLUMNS.into());
        }
        let run = match printer.keep_what_was_read(run)? {
            Some(run) => run,
            None if tail.is_sealed() => break,
            None => {
                // Whoever watches sees what there is.
                printer.flush()?;
                match tail.wait(WAIT)? {
                    Some(run) => run,
                    None => continue,
                }
            }
        };
        // Where there are records, all that stands in front of them is there, too.
        printer.find_type(|| tail.records_metadata())?;
        let first = tail.position() - run.len() as u64;
        for (place, index) in (0..run.len()).zip(first..end) {
            printer.print(index, run.get(place).unwrap_or_default())?;
        }
    }
    let skipped = printer.finish()?;
    Ok(Exit::bad_if(
        skipped + reading::tell_skipped(&args.file, &tail.skipped()) > 0,
    ))
}
