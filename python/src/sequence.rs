//! What readers and sources read from, and reading it in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use pyo3::prelude::*;
use windrow::{
    Batch, DataSource, DataSourceIter, Reader, ReaderOptions, RecordCursor, RecordRun, Result,
};

use crate::errors::{exception, raise};
use crate::fork::generation;
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

    pub fn record_sizes(&self, records: &[u64]) -> Result<Option<Vec<u64>>> {
        match self {
            Self::File(reader) => reader.record_sizes(records),
            Self::Files(source, _) => source.record_sizes(records),
        }
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

    /// What one record decodes to, on average over its chunk; at least one byte.
    pub fn record_bytes(&self, record: u64) -> Result<u64> {
        let chunk = match self {
            Self::File(reader) => reader.chunk_of(record),
            Self::Files(source, _) => source.chunk_of(record),
        }?;
        Ok((chunk.decoded_bytes / chunk.records.max(1)).max(1))
    }

    fn cursor(&self, view: &View, next: u64) -> Cursor {
        let records = view.at(next)..view.start.saturating_add(view.len);
        match self {
            _ if !view.is_consecutive() => Cursor::Strided(Strided {
                base: self.clone(),
                view: *view,
                next,
                batch: Batch::default(),
                place: 0,
            }),
            Self::File(reader) => Cursor::File(Box::new(reader.records_in(records))),
            Self::Files(source, _) => Cursor::Files(Box::new(source.slice(records).iter())),
        }
    }
}

/// Decoded records that Python objects hold on to.
pub enum Held {
    Run(RecordRun),
    Batch(Batch),
}

impl Held {
    pub fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.len(),
            Self::Batch(batch) => batch.len(),
        }
    }

    pub fn get(&self, place: usize) -> Option<&[u8]> {
        match self {
            Self::Run(run) => run.get(place),
            Self::Batch(batch) => batch.get(place),
        }
    }
}

enum Cursor {
    File(Box<RecordCursor>),
    Files(Box<DataSourceIter>),
    Strided(Strided),
}

impl Cursor {
    fn is_ready(&self) -> bool {
        match self {
            Self::File(cursor) => cursor.is_ready(),
            Self::Files(iter) => iter.is_ready(),
            Self::Strided(strided) => strided.place < strided.batch.len(),
        }
    }

    fn wait(&mut self) -> Result<bool> {
        match self {
            Self::File(cursor) => cursor.wait(),
            Self::Files(iter) => iter.wait(),
            Self::Strided(strided) => strided.wait(),
        }
    }

    fn next_record(&mut self) -> Result<Option<&[u8]>> {
        match self {
            Self::File(cursor) => cursor.next_record(),
            Self::Files(iter) => iter.next_record(),
            Self::Strided(strided) => strided.next_record(),
        }
    }

    fn next_records(&mut self) -> Result<Option<Held>> {
        match self {
            Self::File(cursor) => Ok(cursor.next_records()?.map(Held::Run)),
            Self::Files(iter) => Ok(iter.next_records()?.map(Held::Run)),
            Self::Strided(strided) => strided.next_records(),
        }
    }
}

/// Every n-th record, or all backwards: small batches, one after the other.
struct Strided {
    base: Base,
    view: View,
    /// The place in the view behind the batch.
    next: u64,
    batch: Batch,
    place: usize,
}

impl Strided {
    /// Decoded bytes of a batch, unless one record is larger, and records in it at the most.
    const BATCH_BYTES: u64 = 4 << 20;
    const BATCH_RECORDS: usize = 4096;

    fn wait(&mut self) -> Result<bool> {
        if self.place >= self.batch.len() {
            let mut records = Vec::new();
            let mut bytes = 0_u64;
            let mut end = self.next;
            while end < self.view.len && records.len() < Self::BATCH_RECORDS {
                let record = self.view.at(end);
                bytes = bytes.saturating_add(self.base.record_bytes(record)?);
                if bytes > Self::BATCH_BYTES && !records.is_empty() {
                    break;
                }
                records.push(record);
                end += 1;
            }
            self.batch = self.base.read_many(&records)?;
            self.next = end;
            self.place = 0;
        }
        Ok(self.place < self.batch.len())
    }

    fn next_record(&mut self) -> Result<Option<&[u8]>> {
        self.wait()?;
        self.place += 1;
        Ok(self.batch.get(self.place - 1))
    }

    fn next_records(&mut self) -> Result<Option<Held>> {
        if !self.wait()? {
            return Ok(None);
        }
        self.place = 0;
        Ok(Some(Held::Batch(std::mem::take(&mut self.batch))))
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
    pub fn new(base: Arc<Base>, view: View, next: u64) -> Self {
        Self {
            base,
            view,
            shared: ArcSwap::from_pointee(Shared::new()),
            next: AtomicU64::new(next),
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
        self.step(py, |cursor| {
            Ok(cursor.next_record()?.map(|record| (make(record), 1)))
        })
    }

    /// The next records that were decoded together; `None` at the end.
    pub fn next_records(&self, py: Python<'_>) -> PyResult<Option<Held>> {
        self.step(py, |cursor| {
            Ok(cursor.next_records()?.map(|held| {
                let len = held.len() as u64;
                (held, len)
            }))
        })
    }

    fn step<R>(
        &self,
        py: Python<'_>,
        take: impl FnOnce(&mut Cursor) -> Result<Option<(R, u64)>>,
    ) -> PyResult<Option<R>> {
        let shared = self.shared();
        let mut cursor = shared.cursor.lock(py)?;
        let next = self.next.load(Ordering::Relaxed);
        if next >= self.view.len {
            return Ok(None);
        }
        let cursor = cursor.get_or_insert_with(|| self.base.cursor(&self.view, next));
        // What is decoded already needs neither a disk nor a worker, so the interpreter's lock is kept.
        if !cursor.is_ready() && !py.detach(|| cursor.wait()).map_err(raise)? {
            return Ok(None);
        }
        Ok(take(cursor).map_err(raise)?.map(|(taken, records)| {
            self.next.store(next + records, Ordering::Relaxed);
            taken
        }))
    }

    /// In a forked process a cursor of its own: the inherited one may be locked for ever.
    fn shared(&self) -> Arc<Shared> {
        let shared = self.shared.load_full();
        if shared.generation == generation() {
            return shared;
        }
        let new = Arc::new(Shared::new());
        std::mem::forget(self.shared.swap(Arc::clone(&new)));
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
