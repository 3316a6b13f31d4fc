//! Which chunks were skipped.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;

use crate::batch::lock;
use crate::verify::{DEFAULT_MAX_FAULTS, Fault};

/// The chunks of one file that were skipped, each once, made when there is a first one. A forked process begins with an
/// empty list: the inherited one may be locked for ever by a thread that stayed in the parent.
#[derive(Debug, Default)]
pub(crate) struct SkipLog(ArcSwapOption<Log>);

#[derive(Debug)]
struct Log {
    process: u32,
    skips: Mutex<Skips>,
}

#[derive(Debug, Default)]
struct Skips {
    /// Where they lie, and their first record, so that each is counted once however many there are. Of a row group,
    /// parts may be skipped by themselves.
    ranges: HashSet<(u64, u64, Option<u64>)>,
    faults: Vec<Fault>,
}

impl SkipLog {
    /// Adds chunks that were skipped, now or before.
    pub(crate) fn add(&self, faults: &[Fault]) {
        if faults.is_empty() {
            return;
        }
        let log = self.of_this_process();
        let mut skips = lock(&log.skips);
        for fault in faults {
            skips.add(fault);
        }
    }

    /// The faults that are kept, by their first byte.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let log = self.existing();
        let mut faults = log.map_or_else(Vec::new, |log| lock(&log.skips).faults.clone());
        let place = |fault: &Fault| (fault.bytes.start, first_record(fault));
        faults.sort_unstable_by_key(place);
        faults
    }

    /// Number of chunks, those included whose fault was not kept.
    pub(crate) fn chunks(&self) -> u64 {
        let log = self.existing();
        log.map_or(0, |log| lock(&log.skips).ranges.len() as u64)
    }

    fn existing(&self) -> Option<Arc<Log>> {
        let log = self.0.load_full();
        log.filter(|log| log.process == std::process::id())
    }

    fn of_this_process(&self) -> Arc<Log> {
        let process = std::process::id();
        let current = self.0.load_full();
        if let Some(log) = current.as_ref().filter(|log| log.process == process) {
            return Arc::clone(log);
        }
        let new = Arc::new(Log {
            process,
            skips: Mutex::default(),
        });
        let previous = self.0.compare_and_swap(&current, Some(Arc::clone(&new)));
        if let Some(inherited) = current {
            // A thread of the parent may have been changing it.
            std::mem::forget(inherited);
        }
        match &*previous {
            // Another thread was faster.
            Some(log) if log.process == process => Arc::clone(log),
            _ => new,
        }
    }
}

impl Skips {
    fn add(&mut self, fault: &Fault) {
        let place = (fault.bytes.start, fault.bytes.end, first_record(fault));
        let is_new = self.ranges.insert(place);
        if is_new && self.faults.len() < DEFAULT_MAX_FAULTS {
            self.faults.push(fault.clone());
        }
    }
}

/// Whether record number `record` lies in a skipped chunk; `faults` are listed chunks in the order of the file.
pub(crate) fn is_skipped(faults: &[Fault], record: u64) -> bool {
    let next = faults.partition_point(|fault| records_end(fault) <= record);
    let records = faults.get(next).and_then(|fault| fault.records.as_ref());
    records.is_some_and(|records| records.contains(&record))
}

fn first_record(fault: &Fault) -> Option<u64> {
    fault.records.as_ref().map(|records| records.start)
}

fn records_end(fault: &Fault) -> u64 {
    fault.records.as_ref().map_or(0, |records| records.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windrow_format::{At, ChunkLocation, FormatError};

    fn fault(chunk: u64) -> Fault {
        let begin = chunk * 100;
        let location = ChunkLocation {
            chunk,
            begin,
            end: begin + 100,
            first_record: chunk * 10,
            records: 10,
            decoded_bytes: 0,
        };
        let error = FormatError::ChunkBoundary {
            at: At::chunk(begin, chunk),
        };
        Fault::of_chunk(begin..begin + 100, Some(&location), error)
    }

    #[test]
    fn each_chunk_is_listed_once_in_order() {
        let log = SkipLog::default();
        assert_eq!((log.chunks(), log.faults()), (0, vec![]));
        log.add(&[fault(64), fault(3)]);
        log.add(&[fault(1000), fault(3), fault(63)]);
        assert_eq!(log.chunks(), 4);
        assert_eq!(log.faults(), [3, 63, 64, 1000].map(fault));
    }

    #[test]
    fn what_is_kept_is_bounded_and_all_is_counted() {
        let log = SkipLog::default();
        let most = DEFAULT_MAX_FAULTS as u64;
        let all: Vec<Fault> = (0..most + 7).map(fault).collect();
        log.add(&all);
        log.add(&all);
        assert_eq!(log.chunks(), most + 7);
        assert_eq!(log.faults().len() as u64, most);
    }

    #[test]
    fn records_of_skipped_chunks() {
        let faults = [fault(1), fault(2), fault(5)];
        let skipped: Vec<u64> = (0..70)
            .filter(|record| is_skipped(&faults, *record))
            .collect();
        let expected: Vec<u64> = (10..30).chain(50..60).collect();
        assert_eq!(skipped, expected);
        assert!(!is_skipped(&[], 0));
    }
}
