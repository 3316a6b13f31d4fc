//! The files of a source, of which a few are open.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use windrow_format::options::ReaderOptions;

use super::instruction::FilePart;
use crate::error::{Error, Result};
use crate::pool;
use crate::reader::Reader;
use crate::store::FileStore;

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
            let records = part.records.get_or_insert(0..len);
            files.starts.push(next);
            next = next.saturating_add(records.end - records.start);
        }
        files.starts.push(next);
        Ok(files)
    }

    /// The length of each whole file; 0 for the others.
    fn count_whole_files(&self) -> Result<Vec<u64>> {
        let results: Vec<OnceLock<Result<u64>>> =
            self.parts.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let whole = self
            .parts
            .iter()
            .filter(|part| part.records.is_none())
            .count();
        pool::broadcast(self.threads().min(whole), &|| {
            loop {
                let file = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = self.parts.get(file) else {
                    break;
                };
                if part.records.is_none() {
                    let _ = results[file].set(self.reader(file).map(|reader| reader.len()));
                }
            }
        });
        results
            .into_iter()
            .map(|result| result.into_inner().unwrap_or(Ok(0)))
            .collect()
    }

    pub(super) fn parts(&self) -> &[FilePart] {
        &self.parts
    }

    /// Number of records in all.
    pub(super) fn len(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    pub(super) fn threads(&self) -> usize {
        let workers = pool::workers();
        match self.options.max_parallelism() {
            Some(threads) => workers
                .min(usize::try_from(threads).unwrap_or(usize::MAX))
                .max(1),
            None => workers,
        }
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
        let reader = self.open(&self.parts[file])?;
        if slot.reader.swap(Some(Arc::new(reader.clone()))).is_none() {
            self.open.fetch_add(1, Ordering::Relaxed);
            // Another thread may close the same file first, so this goes on until there are few enough.
            while self.open.load(Ordering::Relaxed) > self.max_open && self.close_oldest(file) {}
        }
        Ok(reader)
    }

    fn open(&self, part: &FilePart) -> Result<Reader> {
        let store = FileStore::open(&part.name)?;
        let reader = Reader::from_store(store, part.name.clone(), self.options.clone())?;
        let len = reader.len();
        let declared = part.examples_in_shard.unwrap_or(len);
        if let Some(records) = &part.records
            && (records.end > len || declared != len)
        {
            let (start, end) = (records.start, records.end.max(declared));
            return Err(Error::Instruction {
                name: part.name.clone(),
                start,
                end,
                len,
            });
        }
        Ok(reader)
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
