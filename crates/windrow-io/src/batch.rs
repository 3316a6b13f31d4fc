//! Reading many records with one call.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windrow_format::{BLOCK_BYTES, ChunkLocation, Records};

use crate::error::{Error, Result};
use crate::pool::{broadcast, share};
use crate::reader::{Inner, Reader};
use crate::recycle;
use crate::scratch::{ReadScratch, with_read_scratch};
use crate::skipped::is_skipped;
use crate::verify::Fault;

/// Decoded bytes that one job of a batch aims at: enough to make the hand-over cheap, little enough to stay in cache.
const JOB_BYTES: u64 = 256 << 10;
/// Jobs per thread that a batch is cut into at least, so that threads end together.
const JOBS_PER_THREAD: usize = 4;
/// A batch below this many decoded bytes is read on the calling thread.
const PARALLEL_BYTES: u64 = 64 << 10;
/// Bytes between two wanted chunks that are fetched along rather than paid for with a second read.
const MAX_GAP_BYTES: u64 = 8 << 10;
/// Bytes that one read fetches, and that they decode to, at the most, unless a single chunk is larger.
const MAX_RUN_BYTES: u64 = 1 << 20;

/// Records in the order in which they were asked for, in a few large buffers.
///
/// With [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), records that were asked for by their numbers and
/// lie in damaged chunks are missing: their positions are there, and [`get`](Self::get) gives `None` for them.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    parts: Vec<Records>,
    places: Vec<Place>,
    missing: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    part: u32,
    index: u32,
}

impl Place {
    /// In no part.
    const MISSING: Self = Self {
        part: u32::MAX,
        index: 0,
    };

    /// The place when its part has `base` others in front of it.
    fn behind(self, base: u32) -> Self {
        Self {
            part: self.part.saturating_add(base),
            ..self
        }
    }
}

impl Batch {
    /// A batch of which all `len` records are missing, to be filled by [`place`](Self::place).
    pub(crate) fn with_len(len: usize) -> Self {
        Self {
            parts: Vec::new(),
            places: vec![Place::MISSING; len],
            missing: len,
        }
    }

    /// Puts the records of `batch` at these positions.
    pub(crate) fn place(&mut self, mut batch: Self, positions: &[usize]) {
        let base = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.append(&mut batch.parts);
        self.missing -= batch.len() - batch.missing;
        for (place, &position) in batch.places.iter().zip(positions) {
            self.places[position] = place.behind(base);
        }
    }

    /// Puts the records of `other` behind those of this batch.
    pub fn append(&mut self, mut other: Self) {
        let base = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.append(&mut other.parts);
        self.missing += other.missing;
        let places = other.places.drain(..);
        self.places.extend(places.map(|place| place.behind(base)));
    }

    /// Bytes of the buffers that hold the records, without room that is not used.
    #[must_use]
    pub fn bytes_len(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes_len() as u64).sum()
    }

    /// Number of records, missing ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none, not even missing ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many of the records are missing: always 0 unless damaged chunks are skipped, and for ranges.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Record number `position` of the batch. `None` if it is missing, and behind the end.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let place = self.places.get(position)?;
        self.parts
            .get(place.part as usize)?
            .get(place.index as usize)
    }

    /// The records in order. Missing ones are left out; where each record's position matters and
    /// [`missing`](Self::missing) is not 0, use [`get`](Self::get).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        Iter {
            batch: self,
            next: 0,
            left: self.len() - self.missing,
        }
    }

    /// The records, one allocation each, without the missing ones, like [`iter`](Self::iter).
    #[must_use]
    pub fn to_vecs(&self) -> Vec<Vec<u8>> {
        self.iter().map(<[u8]>::to_vec).collect()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.parts.drain(..).for_each(recycle::give);
    }
}

impl std::ops::Index<usize> for Batch {
    type Output = [u8];

    /// # Panics
    /// If `position` is not below [`len`](Batch::len), or if that record is missing.
    fn index(&self, position: usize) -> &[u8] {
        match self.get(position) {
            Some(record) => record,
            None if position < self.len() => panic!("record {position} of a batch is missing"),
            None => panic!("record {position} of a batch of {}", self.len()),
        }
    }
}

/// The records of a batch that are not missing.
struct Iter<'a> {
    batch: &'a Batch,
    next: usize,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.left > 0 {
            let record = self.batch.get(self.next);
            self.next += 1;
            if record.is_some() {
                self.left -= 1;
                return record;
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// A wanted record, and its position in the caller's list.
type Wanted = (u64, usize);

impl Reader {
    /// The records with these numbers, in this order; numbers may repeat. Chunks are read in the order of the file,
    /// neighbours together, each chunk once; large batches are decoded in parallel.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] before anything is read; [`Error::BatchTooLarge`]; [`Error::Io`] and [`Error::Format`]
    /// for the first chunk, in the order of the file, that cannot be read. With
    /// [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), no [`Error::Format`]: the records are missing in
    /// the batch.
    pub fn read_many(&self, indices: &[u64]) -> Result<Batch> {
        self.inner().check_batch(indices.len())?;
        read_batch(self.inner(), self.inner().sorted(indices.iter().copied())?)
    }

    /// The records of `range`, in order. A range that ends before it begins is empty; one that ends behind the last
    /// record is an error (unlike in [`records_in`](Self::records_in), which stops there). Where damaged chunks are
    /// skipped, the batch is shorter by their records.
    ///
    /// # Errors
    /// Those of [`read_many`](Self::read_many).
    pub fn read_range(&self, range: Range<u64>) -> Result<Batch> {
        let records = self.inner().check_range(&range)?;
        self.inner().check_batch(records)?;
        let mut batch = read_batch(self.inner(), self.inner().sorted(range)?)?;
        if batch.missing > 0 {
            batch.places.retain(|place| *place != Place::MISSING);
            batch.missing = 0;
        }
        Ok(batch)
    }

    /// All records, in order.
    ///
    /// # Errors
    /// Those of [`read_many`](Self::read_many).
    pub fn read_all(&self) -> Result<Batch> {
        self.read_range(0..self.len())
    }

    /// Lends the records with these numbers to `use_record`, without copies: position in `indices`, record. Called
    /// from several threads at once, in no particular order, once for each position whose record is not missing, as it
    /// is in a damaged chunk that is skipped. It must not wait for another
    /// parallel call of this library, which may be waiting for the same threads.
    ///
    /// # Errors
    /// Those of [`read_many`](Self::read_many), but for the limit on the batch; some records may have been lent
    /// before.
    pub fn read_many_with(
        &self,
        indices: &[u64],
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        let wanted = self.inner().sorted(indices.iter().copied())?;
        self.inner().lend_all(&wanted, use_record)
    }

    /// Lends the records of `range` to `use_record`, without copies: position in the range, record. Called from
    /// several threads at once, in no particular order, once for each record, those of skipped chunks left out.
    ///
    /// # Errors
    /// Those of [`read_many_with`](Self::read_many_with).
    pub fn read_range_with(
        &self,
        range: Range<u64>,
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        self.inner().check_range(&range)?;
        let wanted = self.inner().sorted(range)?;
        self.inner().lend_all(&wanted, use_record)
    }
}

/// Bytes that a batch holds for each record beside the record's own: number and position, place, end.
pub const BATCH_RECORD_BYTES: u64 = 32;

/// How a batch is shared out over threads.
struct Plan {
    /// Runs of the wanted records that end with a chunk.
    jobs: Vec<Range<usize>>,
    threads: usize,
    next: AtomicUsize,
    failed: AtomicBool,
    errors: Vec<Mutex<Option<Error>>>,
    /// Bytes that the batch holds so far, and may hold.
    held: AtomicU64,
    limit: u64,
}

impl Plan {
    fn new(inner: &Inner, wanted: &[Wanted], limit: u64) -> Result<Self> {
        let jobs = inner.cut_into_jobs(wanted)?;
        Ok(Self {
            threads: inner.threads_for(wanted.len()).min(jobs.len()),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            errors: jobs.iter().map(|_| Mutex::new(None)).collect(),
            held: AtomicU64::new((wanted.len() as u64).saturating_mul(BATCH_RECORD_BYTES)),
            limit,
            jobs,
        })
    }

    /// Does jobs until there are none left, on any number of threads at once, and hands the records of each to
    /// `consume`, with the chunks that were skipped; it may take both.
    fn work(
        &self,
        inner: &Inner,
        wanted: &[Wanted],
        consume: impl Fn(usize, &mut Records, &mut Vec<Fault>),
    ) {
        let mut records = recycle::take();
        let mut skipped = Vec::new();
        while !self.failed.load(Ordering::Relaxed) {
            let job = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(range) = self.jobs.get(job) else {
                break;
            };
            records.clear();
            skipped.clear();
            let wanted = &wanted[range.clone()];
            let decoded = with_read_scratch(|scratch| {
                let charge = |bytes| self.charge(inner, bytes);
                inner.decode_wanted(wanted, scratch, &mut records, &mut skipped, charge)
            });
            inner.skip_log.add(&skipped);
            match decoded {
                Ok(()) => consume(job, &mut records, &mut skipped),
                Err(error) => {
                    *lock(&self.errors[job]) = Some(error);
                    self.failed.store(true, Ordering::Relaxed);
                }
            }
        }
        recycle::give(records);
    }

    fn charge(&self, inner: &Inner, bytes: u64) -> Result<()> {
        let held = self
            .held
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        if held <= self.limit {
            return Ok(());
        }
        Err(Error::BatchTooLarge {
            name: inner.name.clone(),
            limit: self.limit,
        })
    }

    /// The error of the first job, in the order of the file, that has one.
    fn first_error(&self) -> Result<()> {
        self.errors
            .iter()
            .find_map(|error| lock(error).take())
            .map_or(Ok(()), Err)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record that must be there: the counts of its chunk, of the footer and of the call were compared.
pub(crate) fn present(record: Option<&[u8]>) -> &[u8] {
    match record {
        Some(record) => record,
        None => unreachable!("a record whose chunk was decoded in full"),
    }
}

fn read_batch(inner: &Arc<Inner>, wanted: Vec<Wanted>) -> Result<Batch> {
    struct Work {
        inner: Arc<Inner>,
        wanted: Vec<Wanted>,
        plan: Plan,
        parts: Vec<Mutex<(Records, Vec<Fault>)>>,
    }
    let plan = Plan::new(inner, &wanted, inner.options.max_batch_bytes())?;
    let threads = plan.threads;
    let parts = plan.jobs.iter().map(|_| Mutex::default()).collect();
    let work = Arc::new(Work {
        inner: Arc::clone(inner),
        wanted,
        plan,
        parts,
    });
    let shared = Arc::clone(&work);
    share(threads, move || {
        let Work {
            inner,
            wanted,
            plan,
            parts,
        } = &*shared;
        plan.work(inner, wanted, |job, records, skipped| {
            let records = std::mem::replace(records, recycle::take());
            *lock(&parts[job]) = (records, std::mem::take(skipped));
        });
    });
    let Work {
        wanted,
        plan,
        parts,
        ..
    } = &*work;
    plan.first_error()?;
    let mut batch = Batch::with_len(wanted.len());
    for ((number, job), part) in (0..).zip(&plan.jobs).zip(parts) {
        let (records, skipped) = std::mem::take(&mut *lock(part));
        let there = without_skipped(&wanted[job.clone()], &skipped, |(index, _)| *index);
        batch.missing -= there.len();
        each_record(&there, |index, position| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let part = number;
            batch.places[position] = Place { part, index };
        });
        batch.parts.push(records);
    }
    Ok(batch)
}

impl Inner {
    /// The wanted records in the order of the file, all checked to be there.
    fn sorted(&self, indices: impl Iterator<Item = u64>) -> Result<Vec<Wanted>> {
        let len = self.index.num_records();
        let mut wanted = Vec::with_capacity(indices.size_hint().0.min(1 << 24));
        for (position, index) in indices.enumerate() {
            if index >= len {
                return Err(Error::OutOfRange {
                    name: self.name.clone(),
                    index,
                    len,
                });
            }
            wanted.push((index, position));
        }
        if !wanted.is_sorted() {
            wanted.sort_unstable();
        }
        Ok(wanted)
    }

    /// Checks that the bookkeeping of a batch alone does not take more than the batch may.
    fn check_batch(&self, records: usize) -> Result<()> {
        let limit = self.options.max_batch_bytes();
        if (records as u64).saturating_mul(BATCH_RECORD_BYTES) > limit {
            return Err(Error::BatchTooLarge {
                name: self.name.clone(),
                limit,
            });
        }
        Ok(())
    }

    /// Checks that a range lies in the file, and counts its records.
    fn check_range(&self, range: &Range<u64>) -> Result<usize> {
        if range.start < range.end {
            self.check_index(range.end - 1)?;
        }
        Ok(usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX))
    }

    fn lend_all(&self, wanted: &[Wanted], use_record: impl Fn(usize, &[u8]) + Sync) -> Result<()> {
        let plan = Plan::new(self, wanted, u64::MAX)?;
        broadcast(plan.threads, &|| {
            plan.work(self, wanted, |job, records, skipped| {
                let wanted = &wanted[plan.jobs[job].clone()];
                let there = without_skipped(wanted, skipped, |(index, _)| *index);
                each_record(&there, |index, position| {
                    use_record(position, present(records.get(index)));
                });
            });
        });
        plan.first_error()
    }

    /// Cuts the wanted records into runs that end with a chunk, of about [`JOB_BYTES`] each.
    fn cut_into_jobs(&self, wanted: &[Wanted]) -> Result<Vec<Range<usize>>> {
        let threads = self.threads_for(wanted.len());
        if threads == 1 {
            return Ok(std::iter::once(0..wanted.len()).collect());
        }
        let by_bytes =
            usize::try_from(JOB_BYTES / self.typical_record_bytes()).unwrap_or(usize::MAX);
        let by_threads = wanted.len() / (threads * JOBS_PER_THREAD);
        let step = by_bytes.min(by_threads).max(1);
        let mut jobs = Vec::with_capacity(wanted.len() / step + 1);
        let mut begin = 0;
        while begin < wanted.len() {
            let last = (begin + step).min(wanted.len()) - 1;
            let location = self.find(wanted[last].0)?;
            let chunk_end = location.first_record + location.records;
            let behind = wanted[last..].partition_point(|(index, _)| *index < chunk_end);
            jobs.push(begin..last + behind);
            begin = last + behind;
        }
        Ok(jobs)
    }

    fn find(&self, record: u64) -> Result<ChunkLocation> {
        self.index
            .find(record)
            .map_err(|source| self.index_error(source))
    }

    fn threads_for(&self, records: usize) -> usize {
        let bytes = (records as u64).saturating_mul(self.typical_record_bytes());
        if records < 2 || bytes < PARALLEL_BYTES {
            1
        } else {
            self.threads().max(1)
        }
    }

    /// What reading one record costs, in bytes decoded: never 0. The first chunk stands for all, unless the file is
    /// larger than that explains.
    fn typical_record_bytes(&self) -> u64 {
        let stored = self.data_bytes() / self.index.num_records().max(1);
        let first = self
            .index
            .chunk(0)
            .map_or(0, |first| first.decoded_bytes / first.records.max(1));
        first.max(stored).max(64)
    }

    /// Appends the wanted records, each once, to `out`, but for those of chunks that it adds to `skipped`, and tells
    /// `charge` what each run of them adds in bytes.
    fn decode_wanted(
        &self,
        wanted: &[Wanted],
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
        charge: impl Fn(u64) -> Result<()>,
    ) -> Result<()> {
        let mut rest = wanted;
        let mut run: Vec<ChunkLocation> = Vec::new();
        while let Some(&(first, _)) = rest.first() {
            run.clear();
            run.push(self.find(first)?);
            let mut taken = records_within(rest, &run[0]);
            let mut decoded_bytes = run[0].decoded_bytes;
            while let Some(&(next, _)) = rest.get(taken) {
                let next = self.find(next)?;
                let last = &run[run.len() - 1];
                let near = next.begin <= last.end.saturating_add(MAX_GAP_BYTES);
                let dead =
                    last.end - last.begin > last.decoded_bytes.saturating_add(4 * BLOCK_BYTES);
                let decoded = decoded_bytes.saturating_add(next.decoded_bytes);
                let large = next.end - run[0].begin > MAX_RUN_BYTES || decoded > MAX_RUN_BYTES;
                if !near || dead || large {
                    break;
                }
                decoded_bytes = decoded;
                taken += records_within(&rest[taken..], &next);
                run.push(next);
            }
            let before = out.bytes_len();
            self.decode_wanted_run(&rest[..taken], &run, scratch, out, skipped)?;
            charge((out.bytes_len() - before) as u64)?;
            rest = &rest[taken..];
        }
        Ok(())
    }

    /// Appends the wanted records of a run of chunks to `out`.
    fn decode_wanted_run(
        &self,
        wanted: &[Wanted],
        run: &[ChunkLocation],
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        let mut distinct = 0;
        each_record(wanted, |index, _| distinct = index + 1);
        let all: u64 = run.iter().map(|chunk| chunk.records).sum();
        if distinct as u64 == all {
            return self.decode_run(run, scratch, out, skipped);
        }
        let mut decoded = std::mem::take(&mut scratch.records);
        decoded.clear();
        let before = skipped.len();
        let result = self.decode_run(run, scratch, &mut decoded, skipped);
        if result.is_ok() {
            let skipped = &skipped[before..];
            let run = without_skipped(run, skipped, |chunk| chunk.first_record);
            let wanted = without_skipped(wanted, skipped, |(index, _)| *index);
            let mut chunks = run.iter();
            let mut chunk = chunks.next();
            let mut base = 0;
            let mut previous = None;
            for &(index, _) in &*wanted {
                while let Some(current) = chunk.filter(|c| index >= c.first_record + c.records) {
                    base += current.records;
                    chunk = chunks.next();
                }
                if previous.replace(index) != Some(index)
                    && let Some(current) = chunk
                {
                    let place = usize::try_from(base + index - current.first_record);
                    out.push(present(place.ok().and_then(|place| decoded.get(place))));
                }
            }
        }
        scratch.records = decoded;
        result
    }
}

/// How many of the wanted records, which begin with one of `chunk`, lie in it.
fn records_within(wanted: &[Wanted], chunk: &ChunkLocation) -> usize {
    let end = chunk.first_record + chunk.records;
    if chunk.records == 1 {
        return wanted.iter().take_while(|(index, _)| *index < end).count();
    }
    wanted.partition_point(|(index, _)| *index < end)
}

/// What of `all`, which is in the order of the file, does not lie in skipped chunks, told by a record of it.
fn without_skipped<'a, T: Clone>(
    all: &'a [T],
    skipped: &[Fault],
    record: impl Fn(&T) -> u64,
) -> Cow<'a, [T]> {
    if skipped.is_empty() {
        return Cow::Borrowed(all);
    }
    let there = all.iter().filter(|it| !is_skipped(skipped, record(it)));
    Cow::Owned(there.cloned().collect())
}

/// Calls `visit` with the number of the distinct record, and the caller's position, of each wanted one.
fn each_record(wanted: &[Wanted], mut visit: impl FnMut(usize, usize)) {
    let mut distinct = 0;
    let mut previous = None;
    for &(index, position) in wanted {
        if previous.is_some_and(|previous| previous != index) {
            distinct += 1;
        }
        previous = Some(index);
        visit(distinct, position);
    }
}
