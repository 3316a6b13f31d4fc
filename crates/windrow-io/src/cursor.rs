//! Reading records one after the other, decoded ahead.

use std::ops::Range;
use std::sync::Arc;

use windrow_format::options::DEFAULT_READAHEAD_BUFFER_BYTES;
use windrow_format::{ChunkLocation, Records};

use crate::batch::present;
use crate::error::{Error, Result};
use crate::pool::Pipeline;
use crate::reader::{Inner, Reader};
use crate::recycle;
use crate::scratch::with_read_scratch;
use crate::verify::Fault;

/// Decoded bytes that one job aims at.
const JOB_BYTES: u64 = 256 << 10;
/// Chunks in one job at the most.
const JOB_CHUNKS: usize = 4096;
/// Jobs ahead per thread.
const JOBS_PER_THREAD: usize = 3;

/// A position in a file, from which records are read in order. Made by [`Reader::records`].
///
/// Records behind the position are decoded on the worker pool while the caller uses those in front. The memory held
/// is `readahead_buffer_size`, or one run of chunks if that is larger, and the run that is being used. A run is one
/// chunk, or several of up to 256 KiB in all. `max_parallelism` bounds how many are decoded ahead, three for each
/// thread. A cursor that was inherited by a forked process reads on, with jobs of its own.
///
/// As an iterator it yields [`Record`]s, which own what they show; [`next_record`](Self::next_record) lends, and
/// [`read_into`](Self::read_into) copies into a buffer of the caller's. After an error the iterator is finished;
/// [`seek`](Self::seek) behind the damaged chunk goes on. With
/// [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip) it goes on by itself: the position jumps over the
/// records of the damaged chunk, when the next record is asked for.
#[derive(Debug)]
pub struct RecordCursor {
    inner: Arc<Inner>,
    ahead: Pipeline<Run>,
    /// Decoded bytes of the jobs in `ahead`, according to the footer.
    ahead_bytes: u64,
    /// The next chunk to decode ahead.
    next_chunk: u64,
    current: Arc<Records>,
    /// Place in `current` of the next record.
    place: usize,
    /// Places in `current` of consecutive records, `place` among them or behind the last.
    stretch: Range<usize>,
    /// Records behind the stretch that are missing in `current`.
    gaps: std::vec::IntoIter<Range<u64>>,
    /// Why the current run ends where it does, if a chunk behind it cannot be read.
    error: Option<Error>,
    /// Number of the next record in the file.
    position: u64,
    end: u64,
    failed: bool,
}

/// A run of chunks: the records up to the first chunk that cannot be read, if there is one, without those of chunks that
/// were skipped.
#[derive(Debug)]
struct Run {
    first_record: u64,
    records: Records,
    skipped: Vec<Fault>,
    error: Option<Error>,
    /// Decoded bytes, according to the footer.
    bytes: u64,
}

/// One record of a file. Shares the buffer of its neighbours: to keep a few records of many, copy them.
#[derive(Debug, Clone)]
pub struct Record {
    records: Arc<Records>,
    range: Range<usize>,
}

impl std::ops::Deref for Record {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        present(self.records.as_bytes().get(self.range.clone()))
    }
}

impl AsRef<[u8]> for Record {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq<[u8]> for Record {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

/// Consecutive records of a file that share one buffer.
#[derive(Debug, Clone)]
pub struct RecordRun {
    /// `None` only while it is dropped.
    records: Option<Arc<Records>>,
    places: Range<usize>,
}

impl RecordRun {
    pub(crate) fn new(records: Records, places: Range<usize>) -> Self {
        Self {
            records: Some(Arc::new(records)),
            places,
        }
    }

    /// Number of records, at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never: a run holds at least one record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Record number `position` of the run.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let place = self.places.start.checked_add(position)?;
        self.records()
            .get(place)
            .filter(|_| place < self.places.end)
    }

    /// The records, back to back.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let records = self.records();
        let end = |place: usize| {
            place
                .checked_sub(1)
                .and_then(|before| records.ends().get(before))
                .copied()
        };
        let begin = end(self.places.start).unwrap_or(0);
        let behind = end(self.places.end).unwrap_or(begin);
        present(records.as_bytes().get(begin..behind))
    }

    /// Where each record ends in [`as_bytes`](Self::as_bytes).
    pub fn ends(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        let records = self.records();
        let begin = records
            .range(self.places.start)
            .map_or(0, |range| range.start);
        let ends = records.ends().get(self.places.clone()).unwrap_or_default();
        ends.iter().map(move |end| end - begin)
    }

    fn records(&self) -> &Records {
        match &self.records {
            Some(records) => records,
            None => unreachable!("records are taken only when the run is dropped"),
        }
    }
}

impl AsRef<[u8]> for RecordRun {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Drop for RecordRun {
    fn drop(&mut self) {
        if let Some(records) = self.records.take().and_then(Arc::into_inner) {
            recycle::give(records);
        }
    }
}

impl Reader {
    /// All records in order.
    #[must_use]
    pub fn records(&self) -> RecordCursor {
        self.records_in(0..self.len())
    }

    /// The records of `range` in order; what lies behind the last record of the file is left out.
    #[must_use]
    pub fn records_in(&self, range: Range<u64>) -> RecordCursor {
        let end = range.end.min(self.len());
        RecordCursor {
            inner: Arc::clone(self.inner()),
            ahead: Pipeline::new(),
            ahead_bytes: 0,
            next_chunk: u64::MAX,
            current: Arc::default(),
            place: 0,
            stretch: 0..0,
            gaps: Vec::new().into_iter(),
            error: None,
            position: range.start.min(end),
            end,
            failed: false,
        }
    }
}

impl RecordCursor {
    /// Number of the record that comes next.
    #[must_use]
    pub fn tell(&self) -> u64 {
        self.position
    }

    /// Goes to record number `position`; behind the end there are no more records. What was decoded ahead is dropped
    /// unless the position lies in the run that is being read, with no skipped chunk in between.
    pub fn seek(&mut self, position: u64) {
        let position = position.min(self.end);
        let begin = self.position - self.place as u64;
        self.failed = false;
        match position
            .checked_sub(begin)
            .and_then(|place| usize::try_from(place).ok())
        {
            Some(place) if self.stretch.contains(&place) => self.place = place,
            _ => self.forget(),
        }
        self.position = position;
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] for the chunk that holds it; the position stays at that chunk's first
    /// record that was not yet read.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>> {
        Ok(self
            .advance()?
            .then(|| self.current.get(self.place - 1))
            .flatten())
    }

    /// The next record into `buffer`, whose memory is reused. `false` at the end, with `buffer` left empty.
    ///
    /// # Errors
    /// Those of [`next_record`](Self::next_record).
    pub fn read_into(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        buffer.clear();
        match self.next_record()? {
            Some(record) => {
                buffer.extend_from_slice(record);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Whether there is a next record that is decoded already: then reading it waits for no disk and no worker.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.position < self.end && self.place < self.stretch.end
    }

    /// Waits until the next record is decoded. `false` at the end.
    ///
    /// # Errors
    /// Those of [`next_record`](Self::next_record).
    #[inline]
    pub fn wait(&mut self) -> Result<bool> {
        while self.position < self.end {
            if self.place < self.stretch.end {
                return Ok(true);
            }
            self.next_stretch()?;
        }
        // Of columns not even the end is one of records.
        self.inner.check_holds_records().map(|()| false)
    }

    /// The next records that were decoded together: one chunk, or several of up to 256 KiB in all. `None` at the end.
    ///
    /// # Errors
    /// Those of [`next_record`](Self::next_record).
    pub fn next_records(&mut self) -> Result<Option<RecordRun>> {
        if !self.wait()? {
            return Ok(None);
        }
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let len = left.min(self.stretch.end - self.place);
        let places = self.place..self.place + len;
        self.place += len;
        self.position += len as u64;
        Ok(Some(RecordRun {
            records: Some(Arc::clone(&self.current)),
            places,
        }))
    }

    /// Steps over the next record, which is then at `place - 1` of `current`. `false` at the end.
    #[inline]
    fn advance(&mut self) -> Result<bool> {
        let is_there = self.wait()?;
        if is_there {
            self.place += 1;
            self.position += 1;
        }
        Ok(is_there)
    }

    fn forget(&mut self) {
        self.ahead.clear();
        self.ahead_bytes = 0;
        self.error = None;
        self.next_chunk = u64::MAX;
        self.current = Arc::default();
        self.place = 0;
        self.stretch = 0..0;
        self.gaps = Vec::new().into_iter();
    }

    /// Goes on behind the stretch that was used up: behind the gap that ends it, or in the next run.
    fn next_stretch(&mut self) -> Result<()> {
        self.inner.check_holds_records()?;
        match self.gaps.next() {
            Some(gap) => {
                self.enter_stretch(gap.end);
                Ok(())
            }
            None => self.next_run(),
        }
    }

    /// The records of the current run from number `first` on, which follow the last stretch, up to the next gap. The
    /// position moves to its beginning, unless it is behind that already.
    fn enter_stretch(&mut self, first: u64) {
        let begin = self.stretch.end;
        let len = match self.gaps.as_slice().first() {
            Some(gap) => usize::try_from(gap.start - first).unwrap_or(usize::MAX),
            None => self.current.len() - begin,
        };
        self.stretch = begin..begin + len;
        self.position = self.position.max(first).min(self.end);
        let behind_first = usize::try_from(self.position.saturating_sub(first));
        self.place = begin + behind_first.map_or(len, |behind_first| behind_first.min(len));
    }

    /// Replaces the run that was used up by the one that holds `position`.
    fn next_run(&mut self) -> Result<()> {
        if let Some(error) = self.error.take() {
            self.forget();
            return Err(error);
        }
        if self.ahead.is_inherited() {
            self.forget();
        }
        if let Ok(used) = Arc::try_unwrap(std::mem::take(&mut self.current)) {
            recycle::give(used);
        }
        self.place = 0;
        self.stretch = 0..0;
        if self.next_chunk == u64::MAX {
            let location = self.inner.index.find(self.position);
            self.next_chunk = location
                .map_err(|source| self.inner.index_error(source))?
                .chunk;
        }
        self.fill()?;
        let Some(run) = self.ahead.pop() else {
            unreachable!("a position below the end lies in a chunk, which `fill` has queued");
        };
        self.ahead_bytes = self.ahead_bytes.saturating_sub(run.bytes);
        self.inner.skip_log.add(&run.skipped);
        let gaps: Vec<_> = run
            .skipped
            .into_iter()
            .filter_map(|it| it.records)
            .collect();
        self.gaps = gaps.into_iter();
        self.current = Arc::new(run.records);
        self.error = run.error;
        self.enter_stretch(run.first_record);
        self.fill()
    }

    /// Queues jobs until the readahead is full: one at least, and then as many as its bytes allow.
    fn fill(&mut self) -> Result<()> {
        let threads = self.inner.threads();
        let budget = self.inner.options.readahead_buffer_bytes();
        let one_chunk_each = budget == Some(0);
        let (budget, jobs) = match budget {
            Some(0) => (u64::MAX, threads),
            budget => (
                budget.unwrap_or(DEFAULT_READAHEAD_BUFFER_BYTES),
                threads * JOBS_PER_THREAD,
            ),
        };
        // Behind a chunk that cannot be read nobody goes on by himself.
        while self.error.is_none() && self.ahead.len() < jobs.max(1) {
            let (run, bytes) = self.next_job(one_chunk_each)?;
            let over = self.ahead_bytes.saturating_add(bytes) > budget;
            let Some(first) = run.first().filter(|_| !over || self.ahead.len() == 0) else {
                break;
            };
            let first_record = first.first_record;
            let inner = Arc::clone(&self.inner);
            let mut records = recycle::take();
            self.next_chunk += run.len() as u64;
            self.ahead_bytes = self.ahead_bytes.saturating_add(bytes);
            self.ahead.push(threads > 0, move || {
                let mut skipped = Vec::new();
                let decoded = with_read_scratch(|scratch| {
                    inner.decode_run(&run, scratch, &mut records, &mut skipped)
                });
                Run {
                    first_record,
                    records,
                    skipped,
                    error: decoded.err(),
                    bytes,
                }
            });
        }
        Ok(())
    }

    /// The chunks of the next job, and their decoded bytes; none at the end.
    fn next_job(&self, one_chunk: bool) -> Result<(Vec<ChunkLocation>, u64)> {
        let mut run: Vec<ChunkLocation> = Vec::new();
        let mut bytes = 0;
        let most = if one_chunk { 1 } else { JOB_CHUNKS };
        for location in self.inner.index.chunks_from(self.next_chunk) {
            let location = location.map_err(|source| self.inner.index_error(source))?;
            let full =
                run.len() >= most || location.decoded_bytes.saturating_add(bytes) > JOB_BYTES;
            let far = run
                .first()
                .is_some_and(|first| location.end - first.begin > 4 * JOB_BYTES);
            if location.first_record >= self.end || (!run.is_empty() && (full || far)) {
                break;
            }
            bytes = location.decoded_bytes.saturating_add(bytes);
            run.push(location);
        }
        Ok((run, bytes))
    }
}

impl Iterator for RecordCursor {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Result<Record>> {
        if self.failed {
            return None;
        }
        match self.advance() {
            Ok(true) => {
                let range = self.current.range(self.place - 1).unwrap_or_default();
                Some(Ok(Record {
                    records: Arc::clone(&self.current),
                    range,
                }))
            }
            Ok(false) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        if self.failed {
            (0, Some(0))
        } else {
            (0, Some(left))
        }
    }
}
