//! What readers and sources read from, and reading it in order.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use pyo3::prelude::*;
use windrow::{
    BATCH_RECORD_BYTES, Batch, DataSource, DataSourceIter, OnCorrupt, Reader, ReaderOptions,
    RecordCursor, RecordRun, RecordSizes, Result,
};

use crate::errors::{exception, raise};
use crate::process::generation;
use crate::turn::Turn;
use crate::view::View;

/// One file, or many.
#[derive(Clone)]
pub enum Base {
    File(Reader),
    Files(DataSource, ReaderOptions),
}

impl Base {
    pub fn len(&self) -> u64 {
        match self {
            Self::File(reader) => reader.len(),
            Self::Files(source, _) => source.len(),
        }
    }

    pub fn options(&self) -> &ReaderOptions {
        match self {
            Self::File(reader) => reader.options(),
            Self::Files(_, options) => options,
        }
    }

    pub fn read_with<R>(&self, record: u64, use_record: impl FnOnce(&[u8]) -> R) -> Result<R> {
        match self {
            Self::File(reader) => reader.read_with(record, use_record),
            Self::Files(source, _) => source.get_with(record, use_record),
        }
    }

    pub fn read_many(&self, records: &[u64]) -> Result<Batch> {
        match self {
            Self::File(reader) => reader.read_many(records),
            Self::Files(source, _) => source.get_many(records),
        }
    }

    pub fn read_many_with(
        &self,
        records: &[u64],
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        match self {
            Self::File(reader) => reader.read_many_with(records, use_record),
            Self::Files(source, _) => source.get_many_with(records, use_record),
        }
    }

    /// Lends each of the records, or fails: skipping is for those who can do without a record.
    pub fn read_each_with(
        &self,
        records: &[u64],
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        if self.options().on_corrupt() == OnCorrupt::Raise {
            return self.read_many_with(records, use_record);
        }
        let lent: Vec<AtomicBool> = records.iter().map(|_| AtomicBool::new(false)).collect();
        self.read_many_with(records, |place, bytes| {
            use_record(place, bytes);
            lent[place].store(true, Ordering::Relaxed);
        })?;
        for (place, record) in records.iter().enumerate() {
            if !lent[place].load(Ordering::Relaxed) {
                self.read_with(*record, |bytes| use_record(place, bytes))?;
            }
        }
        Ok(())
    }

    /// A batch of one record, or why it cannot be read.
    pub fn read_alone(&self, record: u64) -> Result<Batch> {
        loop {
            let batch = self.read_many(&[record])?;
            if batch.missing() == 0 {
                return Ok(batch);
            }
            self.read_with(record, |_| ())?;
        }
    }

    /// What records take, according to the footer.
    pub fn record_sizes(&self, records: &[u64]) -> Result<RecordSizes> {
        match self {
            Self::File(reader) => reader.record_sizes(records),
            Self::Files(source, _) => source.record_sizes(records),
        }
    }

    /// Whether records lie in so many files that opening these is most of the work: then each is opened once.
    pub fn is_scattered(&self, records: &[u64]) -> bool {
        let Self::Files(source, _) = self else {
            return false;
        };
        // There are no more files than the source has, so most batches need no look at their records.
        if records.len() >= 4 * source.num_files() {
            return false;
        }
        let files = records
            .iter()
            .filter_map(|record| source.locate(*record).ok());
        let files: HashSet<usize> = files.map(|(file, _)| file).collect();
        files.len() > 1 && records.len() < 4 * files.len()
    }

    /// The records of a view, if a batch may hold them.
    pub fn all_of(&self, view: &View) -> PyResult<Vec<u64>> {
        self.check_records(view.len)?;
        Ok(view.records().collect())
    }

    /// Checks the bookkeeping of a batch of so many records against the option `max_batch_bytes`.
    pub fn check_records(&self, records: u64) -> PyResult<()> {
        self.check_batch(records.saturating_mul(BATCH_RECORD_BYTES))
    }

    /// Checks what a batch holds against the option `max_batch_bytes`.
    pub fn check_batch(&self, bytes: u64) -> PyResult<()> {
        let limit = self.options().max_batch_bytes();
        if bytes <= limit {
            return Ok(());
        }
        let message = format!(
            "batch decodes to more than {limit} bytes; raise max_batch_bytes or ask for fewer records"
        );
        Err(exception("LimitError", "batch_too_large", message))
    }

    pub fn cursor(&self, view: &View, next: u64) -> Cursor {
        let records = view.at(next)..view.start.saturating_add(view.len);
        match self {
            _ if !view.is_consecutive() => Cursor::Strided(Box::new(Strided {
                base: self.clone(),
                view: *view,
                next,
                batch: Batch::default(),
                place: 0,
                careful_until: 0,
            })),
            Self::File(reader) => Cursor::File(Box::new(reader.records_in(records))),
            Self::Files(source, _) => Cursor::Files(Box::new(source.slice(records).iter())),
        }
    }
}

/// Decoded records that Python objects hold on to.
pub enum Held {
    /// All but so many records at the beginning.
    Run(RecordRun, usize),
    Batch(Batch),
}

impl Held {
    pub fn len(&self) -> usize {
        match self {
            Self::Run(run, from) => run.len() - from,
            Self::Batch(batch) => batch.len(),
        }
    }

    /// How many of the records are missing, because their chunks were skipped.
    pub fn missing(&self) -> usize {
        match self {
            Self::Run(..) => 0,
            Self::Batch(batch) => batch.missing(),
        }
    }

    /// Sum of the records' sizes in bytes.
    pub fn bytes_len(&self) -> usize {
        match self {
            Self::Run(run, from) => run.as_bytes().len() - begin_of(run, *from),
            Self::Batch(batch) => batch.iter().map(<[u8]>::len).sum(),
        }
    }

    pub fn get(&self, place: usize) -> Option<&[u8]> {
        match self {
            Self::Run(run, from) => run.get(from + place),
            Self::Batch(batch) => batch.get(place),
        }
    }
}

/// Where record number `place` of a run begins in its bytes.
pub fn begin_of(run: &RecordRun, place: usize) -> usize {
    let before = place.checked_sub(1);
    before
        .and_then(|before| run.ends().nth(before))
        .unwrap_or(0)
}

pub enum Cursor {
    File(Box<RecordCursor>),
    Files(Box<DataSourceIter>),
    Strided(Box<Strided>),
}

impl Cursor {
    fn is_ready(&self) -> bool {
        match self {
            Self::File(cursor) => cursor.is_ready(),
            Self::Files(iter) => iter.is_ready(),
            Self::Strided(strided) => strided.is_ready(),
        }
    }

    fn wait(&mut self) -> Result<bool> {
        match self {
            Self::File(cursor) => cursor.wait(),
            Self::Files(iter) => iter.wait(),
            Self::Strided(strided) => strided.wait(),
        }
    }

    /// Place in the view of the record that comes next, or of one in front of it that will be skipped.
    fn tell(&self, view: &View) -> u64 {
        match self {
            Self::File(cursor) => cursor.tell().saturating_sub(view.start),
            // The most that can come is all that is left, the records that will be skipped among them.
            Self::Files(iter) => iter
                .size_hint()
                .1
                .map_or(0, |left| view.len.saturating_sub(left as u64)),
            Self::Strided(strided) => strided.tell(),
        }
    }

    fn next_record(&mut self) -> Result<Option<&[u8]>> {
        match self {
            Self::File(cursor) => cursor.next_record(),
            Self::Files(iter) => iter.next_record(),
            Self::Strided(strided) => strided.next_record(),
        }
    }

    pub fn next_records(&mut self) -> Result<Option<Held>> {
        match self {
            Self::File(cursor) => Ok(cursor.next_records()?.map(|run| Held::Run(run, 0))),
            Self::Files(iter) => Ok(iter.next_records()?.map(|run| Held::Run(run, 0))),
            Self::Strided(strided) => strided.next_records(),
        }
    }
}

/// Every n-th record, or all backwards: small batches, one after the other.
pub struct Strided {
    base: Base,
    view: View,
    /// The place in the view behind the batch.
    next: u64,
    batch: Batch,
    place: usize,
    /// Up to this place records are read one by one, for one of them cannot be read.
    careful_until: u64,
}

impl Strided {
    /// Decoded bytes of a batch, unless one record is larger.
    const BATCH_BYTES: u64 = 4 << 20;
    /// Records of a batch at the most: enough for a chunk of tiny ones.
    const BATCH_RECORDS: u64 = 64 << 10;

    fn is_ready(&self) -> bool {
        self.batch.get(self.place).is_some()
    }

    fn tell(&self) -> u64 {
        self.next - (self.batch.len() - self.place) as u64
    }

    fn wait(&mut self) -> Result<bool> {
        while !self.is_ready() {
            if self.place < self.batch.len() {
                // A missing record.
                self.place += 1;
                continue;
            }
            if self.next >= self.view.len {
                return Ok(false);
            }
            let most = if self.next < self.careful_until {
                1
            } else {
                self.view.len.min(Self::BATCH_RECORDS)
            };
            let end = self.view.len.min(self.next.saturating_add(most));
            let records: Vec<u64> = (self.next..end).map(|place| self.view.at(place)).collect();
            let len = self.within_bytes(&records)?;
            let read = self.base.read_many(&records[..len]);
            self.batch = match read {
                // What can be read in front of the one that cannot is wanted all the same.
                Err(_) if len > 1 => {
                    self.careful_until = self.next + len as u64;
                    self.base.read_many(&records[..1])?
                }
                read => read?,
            };
            self.next += self.batch.len() as u64;
            self.place = 0;
        }
        Ok(true)
    }

    /// How many of the records, at least one, decode to [`Self::BATCH_BYTES`].
    fn within_bytes(&self, records: &[u64]) -> Result<usize> {
        let mut bytes = 0_u64;
        let mut len = 0;
        for part in records.chunks(256) {
            let sizes = match self.base.record_sizes(part) {
                // A file of a source that cannot be opened is met when its turn comes.
                Err(_) if len > 0 => return Ok(len),
                sizes => sizes?.bytes,
            };
            for size in sizes {
                bytes = bytes.saturating_add(size);
                if bytes > Self::BATCH_BYTES {
                    return Ok(len.max(1));
                }
                len += 1;
            }
        }
        Ok(len)
    }

    fn next_record(&mut self) -> Result<Option<&[u8]>> {
        if !self.wait()? {
            return Ok(None);
        }
        self.place += 1;
        Ok(self.batch.get(self.place - 1))
    }

    fn next_records(&mut self) -> Result<Option<Held>> {
        if !self.wait()? {
            return Ok(None);
        }
        self.place = 0;
        let mut batch = std::mem::take(&mut self.batch);
        let first = self.next - batch.len() as u64;
        let mut places: Vec<u64> = (first..self.next).collect();
        while batch.missing() > 0 {
            // Those that are there, by themselves.
            let mut there = (0..batch.len()).map(|place| batch.get(place).is_some());
            places.retain(|_| there.next() == Some(true));
            let records: Vec<u64> = places.iter().map(|place| self.view.at(*place)).collect();
            batch = self.base.read_many(&records)?;
        }
        Ok(Some(Held::Batch(batch)))
    }
}

/// A position in a view, shared by threads: each record is given once.
pub struct Sequence {
    base: Arc<Base>,
    view: View,
    shared: ArcSwap<Shared>,
    next: AtomicU64,
}

struct Shared {
    generation: u32,
    cursor: Turn<Option<Cursor>>,
}

impl Shared {
    fn new() -> Self {
        Self {
            generation: generation(),
            cursor: Turn::new(None),
        }
    }
}

impl Sequence {
    pub fn new(base: Arc<Base>, view: View) -> Self {
        Self {
            base,
            view,
            shared: ArcSwap::from_pointee(Shared::new()),
            next: AtomicU64::new(0),
        }
    }

    pub fn len(&self) -> u64 {
        self.view.len
    }

    /// What the writer of a file said of its options.
    pub fn writer_options(&self) -> Option<String> {
        match &*self.base {
            Base::File(reader) => reader.writer_options_string().map(str::to_owned),
            Base::Files(..) => None,
        }
    }

    pub fn tell(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    pub fn seek(&self, py: Python<'_>, next: u64) -> PyResult<()> {
        let shared = self.shared();
        let mut cursor = shared.cursor.lock(py)?;
        match &mut *cursor {
            Some(Cursor::File(cursor)) => cursor.seek(self.view.at(next)),
            other => *other = None,
        }
        self.next.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// Lends the next record to `make`; `None` at the end.
    pub fn next_record<R>(
        &self,
        py: Python<'_>,
        make: impl FnOnce(&[u8]) -> R,
    ) -> PyResult<Option<R>> {
        self.step(py, |cursor| Ok(cursor.next_record()?.map(make)))
    }

    /// The next records that were decoded together; `None` at the end.
    pub fn next_records(&self, py: Python<'_>) -> PyResult<Option<Held>> {
        self.step(py, Cursor::next_records)
    }

    fn step<R>(
        &self,
        py: Python<'_>,
        take: impl FnOnce(&mut Cursor) -> Result<Option<R>>,
    ) -> PyResult<Option<R>> {
        let shared = self.shared();
        loop {
            let mut inside = shared.cursor.lock(py)?;
            let next = self.next.load(Ordering::Relaxed);
            if next >= self.view.len {
                return Ok(None);
            }
            let cursor = inside.get_or_insert_with(|| self.base.cursor(&self.view, next));
            // What is decoded already needs neither a disk nor a worker, so the interpreter's lock is kept.
            if cursor.is_ready() {
                let taken = take(cursor);
                self.next.store(cursor.tell(&self.view), Ordering::Relaxed);
                return taken.map_err(raise);
            }
            let waited = py.detach(|| cursor.wait());
            // It may have gone on behind a damaged chunk.
            self.next.store(cursor.tell(&self.view), Ordering::Relaxed);
            if !waited.map_err(raise)? {
                return Ok(None);
            }
            // Ctrl-C, for those who iterate in C. What was decoded stays for the next call, and a handler that iterates
            // finds no lock held.
            drop(inside);
            py.check_signals()?;
        }
    }

    /// In a forked process a cursor of its own: the inherited one may be locked for ever.
    fn shared(&self) -> Arc<Shared> {
        let shared = self.shared.load_full();
        if shared.generation == generation() {
            return shared;
        }
        let new = Arc::new(Shared::new());
        let previous = self.shared.compare_and_swap(&shared, Arc::clone(&new));
        if !Arc::ptr_eq(&previous, &shared) {
            // Another thread of this process was faster.
            return Arc::clone(&previous);
        }
        std::mem::forget(Arc::clone(&previous));
        std::mem::forget(shared);
        new
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        let shared = self.shared.load_full();
        if shared.generation != generation() {
            std::mem::forget(shared);
        }
    }
}
