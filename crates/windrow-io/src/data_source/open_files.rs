//! The files of a source, of which a few are open.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use windrow_format::options::ReaderOptions;

use super::instruction::FilePart;
use crate::error::{Result, SourceName};
use crate::pool::{self, Pipeline};
use crate::reader::Reader;
use crate::skipped::SkipLog;
use crate::store::FileStore;
use crate::verify::Fault;

/// Opens files when they are needed and closes the ones that were not used for longest. Without locks: a reader that
/// was evicted lives on in the hands of those who use it, and a fork at any moment does no harm.
#[derive(Debug)]
pub(super) struct OpenFiles {
    parts: Vec<FilePart>,
    /// Number of the first record of each part, and of the end.
    starts: Vec<u64>,
    slots: Vec<Slot>,
    clock: AtomicU64,
    open: AtomicUsize,
    max_open: usize,
    options: ReaderOptions,
}

#[derive(Debug, Default)]
struct Slot {
    reader: ArcSwapOption<Reader>,
    /// Outlives the reader.
    skip_log: Arc<SkipLog>,
    last_used: AtomicU64,
}

impl OpenFiles {
    pub(super) fn new(
        parts: Vec<FilePart>,
        options: ReaderOptions,
        max_open: usize,
    ) -> Result<Self> {
        let mut files = Self {
            slots: parts.iter().map(|_| Slot::default()).collect(),
            starts: Vec::with_capacity(parts.len() + 1),
            parts,
            clock: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            max_open: max_open.max(1),
            options,
        };
        let lens = files.count_whole_files()?;
        let mut next = 0_u64;
        for (part, len) in files.parts.iter_mut().zip(lens) {
            if part.records.is_none() {
                part.examples_in_shard = Some(len);
            }
            let records = part.records.get_or_insert(0..len);
            files.starts.push(next);
            next = next.saturating_add(records.end - records.start);
        }
        files.starts.push(next);
        Ok(files)
    }

    /// The length of each whole file; 0 for the others.
    fn count_whole_files(&self) -> Result<Vec<u64>> {
        let whole = self.parts.iter().filter(|part| part.records.is_none());
        let parallel = self.threads() > 1 && whole.count() > 1;
        let mut opening = Pipeline::new();
        let mut ahead = self.parts.iter().enumerate();
        let mut lens = Vec::with_capacity(self.parts.len());
        for (file, part) in self.parts.iter().enumerate() {
            while opening.len() < 2 * self.threads()
                && let Some((next, part)) = ahead.find(|(_, part)| part.records.is_none())
            {
                let (part, options) = (part.clone(), self.options.clone());
                let skip_log = Arc::clone(&self.slots[next].skip_log);
                opening.push(parallel, move || open(&part, options, skip_log));
            }
            let opened = part.records.is_none().then(|| opening.pop()).flatten();
            lens.push(match opened.transpose()? {
                Some(reader) => {
                    let len = reader.len();
                    self.keep(file, reader);
                    len
                }
                None => 0,
            });
        }
        Ok(lens)
    }

    pub(super) fn parts(&self) -> &[FilePart] {
        &self.parts
    }

    /// Number of records in all.
    pub(super) fn len(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    pub(super) fn threads(&self) -> usize {
        pool::threads(self.options.max_parallelism()).max(1)
    }

    /// The file of record number `index` of the source, which is below [`len`](Self::len), and the record in it.
    pub(super) fn locate(&self, index: u64) -> (usize, u64) {
        let file = self.starts.partition_point(|start| *start <= index) - 1;
        let first = self.parts[file]
            .records
            .as_ref()
            .map_or(0, |records| records.start);
        (file, first + index - self.starts[file])
    }

    /// The reader of file number `file`, opened if it is not.
    pub(super) fn reader(&self, file: usize) -> Result<Reader> {
        let slot = &self.slots[file];
        slot.last_used.store(
            self.clock.fetch_add(1, Ordering::Relaxed),
            Ordering::Relaxed,
        );
        if let Some(reader) = &*slot.reader.load() {
            return Ok(Reader::clone(reader));
        }
        let skip_log = Arc::clone(&slot.skip_log);
        let reader = open(&self.parts[file], self.options.clone(), skip_log)?;
        self.keep(file, reader.clone());
        Ok(reader)
    }

    /// Keeps a file open, in the place of others if there are too many.
    fn keep(&self, file: usize, reader: Reader) {
        if self.slots[file]
            .reader
            .swap(Some(Arc::new(reader)))
            .is_none()
        {
            self.open.fetch_add(1, Ordering::Relaxed);
            // Another thread may close the same file first, so this goes on until there are few enough.
            while self.open.load(Ordering::Relaxed) > self.max_open && self.close_oldest(file) {}
        }
    }

    /// What readers of the files skipped, each chunk once, also where several parts are of one file.
    pub(super) fn skipped(&self) -> Vec<(SourceName, Fault)> {
        let mut listed = HashSet::new();
        let mut all = Vec::new();
        for (part, slot) in self.parts.iter().zip(&self.slots) {
            for fault in slot.skip_log.faults() {
                if listed.insert((part.name.clone(), fault.bytes.start)) {
                    all.push((part.name.clone(), fault));
                }
            }
        }
        all
    }

    /// Closes all files.
    pub(super) fn close_all(&self) {
        for slot in &self.slots {
            if slot.reader.swap(None).is_some() {
                self.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Closes the file that was not used for longest, except `keep`. `false` if no other one is open.
    fn close_oldest(&self, keep: usize) -> bool {
        let oldest = self
            .slots
            .iter()
            .enumerate()
            .filter(|(file, slot)| *file != keep && slot.reader.load().is_some())
            .min_by_key(|(_, slot)| slot.last_used.load(Ordering::Relaxed));
        let Some((_, slot)) = oldest else {
            return false;
        };
        if slot.reader.swap(None).is_some() {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }
}

/// Opens a file and checks what is wanted of it.
fn open(part: &FilePart, options: ReaderOptions, skip_log: Arc<SkipLog>) -> Result<Reader> {
    let store = FileStore::open(&part.name)?;
    let reader = Reader::with_skip_log(store, part.name.clone(), options, skip_log)?;
    reader.inner().check_holds_records()?;
    part.check(&reader)?;
    Ok(reader)
}
