//! Reading many records with one call.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use windrow_format::{BLOCK_BYTES, ChunkLocation, Records};

use crate::error::{Error, Result};
use crate::pool::broadcast;
use crate::reader::{Inner, Reader};
use crate::recycle;
use crate::scratch::{ReadScratch, with_read_scratch};

/// Decoded bytes that one job of a batch aims at: enough to make the hand-over cheap, little enough to stay in cache.
const JOB_BYTES: u64 = 256 << 10;
/// Jobs per thread that a batch is cut into at least, so that threads end together.
const JOBS_PER_THREAD: usize = 4;
/// A batch below this many decoded bytes is read on the calling thread.
const PARALLEL_BYTES: u64 = 64 << 10;
/// Bytes between two wanted chunks that are fetched along rather than paid for with a second read.
const MAX_GAP_BYTES: u64 = 8 << 10;
/// Bytes that one read fetches at the most, unless a single chunk is larger.
const MAX_RUN_BYTES: u64 = 1 << 20;

/// Records in the order in which they were asked for, in a few large buffers.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    parts: Vec<Records>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    part: u32,
    index: u32,
}

impl Batch {
    /// A batch of `len` empty records, to be filled by [`place`](Self::place).
    pub(crate) fn with_len(len: usize) -> Self {
        Self {
            parts: Vec::new(),
            places: vec![Place::default(); len],
        }
    }

    /// Puts the records of `batch` at these positions.
    pub(crate) fn place(&mut self, mut batch: Self, positions: &[usize]) {
        let base = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.append(&mut batch.parts);
        for (place, &position) in batch.places.iter().zip(positions) {
            let part = place.part.saturating_add(base);
            self.places[position] = Place {
                part,
                index: place.index,
            };
        }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Record number `position` of the batch.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let place = self.places.get(position)?;
        self.parts
            .get(place.part as usize)?
            .get(place.index as usize)
    }

    /// The records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|position| self.get(position).unwrap_or_default())
    }

    /// The records, one allocation each.
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
    /// If `position` is not below [`len`](Batch::len).
    fn index(&self, position: usize) -> &[u8] {
        match self.get(position) {
            Some(record) => record,
            None => panic!("record {position} of a batch of {}", self.len()),
        }
    }
}

/// A wanted record, and its position in the caller's list.
type Wanted = (u64, usize);

impl Reader {
    /// The records with these numbers, in this order; numbers may repeat. Chunks are read in the order of the file,
    /// neighbours together, each chunk once; large batches are decoded in parallel.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] before anything is read; [`Error::BatchTooLarge`]; [`Error::Io`] and [`Error::Format`]
    /// for the first chunk, in the order of the file, that cannot be read.
    pub fn read_many(&self, indices: &[u64]) -> Result<Batch> {
        let wanted = self.inner().sorted(indices.iter().copied())?;
        self.inner().read_batch(&wanted)
    }

    /// The records of `range`, in order. A range that ends before it begins is empty.
    ///
    /// # Errors
    /// Those of [`read_many`](Self::read_many).
    pub fn read_range(&self, range: Range<u64>) -> Result<Batch> {
        let wanted = self.inner().sorted(range)?;
        self.inner().read_batch(&wanted)
    }

    /// All records, in order.
    ///
    /// # Errors
    /// Those of [`read_many`](Self::read_many).
    pub fn read_all(&self) -> Result<Batch> {
        self.read_range(0..self.len())
    }

    /// Lends the records with these numbers to `use_record`, without copies: position in `indices`, record. Called
    /// from several threads at once, in no particular order, once for each position.
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
    /// several threads at once, in no particular order, once for each record.
    ///
    /// # Errors
    /// Those of [`read_many_with`](Self::read_many_with).
    pub fn read_range_with(
        &self,
        range: Range<u64>,
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        let wanted = self.inner().sorted(range)?;
        self.inner().lend_all(&wanted, use_record)
    }
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

    fn read_batch(&self, wanted: &[Wanted]) -> Result<Batch> {
        let limit = self.options.max_batch_bytes();
        let held = AtomicU64::new(0);
        let jobs = self.cut_into_jobs(wanted)?;
        let parts: Vec<OnceLock<Records>> = jobs.iter().map(|_| OnceLock::new()).collect();
        self.run_jobs(wanted, &jobs, &|job, records| {
            let bytes = records.bytes_len() as u64;
            if held.fetch_add(bytes, Ordering::Relaxed) + bytes > limit {
                return Err(Error::BatchTooLarge {
                    name: self.name.clone(),
                    limit,
                });
            }
            let _ = parts[job].set(std::mem::replace(records, recycle::take()));
            Ok(())
        })?;
        let mut places = vec![Place::default(); wanted.len()];
        for (part, job) in (0..).zip(&jobs) {
            each_record(&wanted[job.clone()], |index, position| {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                places[position] = Place { part, index };
            });
        }
        let parts = parts
            .into_iter()
            .map(|part| part.into_inner().unwrap_or_default())
            .collect();
        Ok(Batch { parts, places })
    }

    fn lend_all(&self, wanted: &[Wanted], use_record: impl Fn(usize, &[u8]) + Sync) -> Result<()> {
        let jobs = self.cut_into_jobs(wanted)?;
        self.run_jobs(wanted, &jobs, &|job, records| {
            each_record(&wanted[jobs[job].clone()], |index, position| {
                use_record(position, records.get(index).unwrap_or_default());
            });
            Ok(())
        })
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

    /// Runs the jobs on as many threads as pay, and hands the records of each to `consume`, which may take them.
    /// Returns the error of the first job that has one.
    fn run_jobs(
        &self,
        wanted: &[Wanted],
        jobs: &[Range<usize>],
        consume: &(impl Fn(usize, &mut Records) -> Result<()> + Sync),
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let errors: Vec<OnceLock<Error>> = jobs.iter().map(|_| OnceLock::new()).collect();
        let threads = self.threads_for(wanted.len()).min(jobs.len());
        broadcast(threads, &|| {
            let mut records = recycle::take();
            while !failed.load(Ordering::Relaxed) {
                let job = next.fetch_add(1, Ordering::Relaxed);
                let Some(range) = jobs.get(job) else {
                    break;
                };
                records.clear();
                let result = with_read_scratch(|scratch| {
                    self.decode_wanted(&wanted[range.clone()], scratch, &mut records)
                })
                .and_then(|()| consume(job, &mut records));
                if let Err(error) = result {
                    let _ = errors[job].set(error);
                    failed.store(true, Ordering::Relaxed);
                }
            }
            recycle::give(records);
        });
        errors
            .into_iter()
            .find_map(OnceLock::into_inner)
            .map_or(Ok(()), Err)
    }

    fn threads_for(&self, records: usize) -> usize {
        let bytes = (records as u64).saturating_mul(self.typical_record_bytes());
        if records < 2 || bytes < PARALLEL_BYTES {
            1
        } else {
            self.threads().max(1)
        }
    }

    /// What reading one record costs, in bytes decoded: never 0. The first chunk stands for all.
    fn typical_record_bytes(&self) -> u64 {
        let Ok(first) = self.index.chunk(0) else {
            return 1;
        };
        (first.decoded_bytes / first.records.max(1)).max(64)
    }

    /// Appends the wanted records, each once, to `out`.
    fn decode_wanted(
        &self,
        wanted: &[Wanted],
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> Result<()> {
        let mut rest = wanted;
        let mut run: Vec<ChunkLocation> = Vec::new();
        while let Some(&(first, _)) = rest.first() {
            run.clear();
            run.push(self.find(first)?);
            let mut taken = records_within(rest, &run[0]);
            while let Some(&(next, _)) = rest.get(taken) {
                let next = self.find(next)?;
                let last = &run[run.len() - 1];
                let near = next.begin <= last.end.saturating_add(MAX_GAP_BYTES);
                let dead =
                    last.end - last.begin > last.decoded_bytes.saturating_add(4 * BLOCK_BYTES);
                if !near || dead || next.end - run[0].begin > MAX_RUN_BYTES {
                    break;
                }
                taken += records_within(&rest[taken..], &next);
                run.push(next);
            }
            self.decode_wanted_run(&rest[..taken], &run, scratch, out)?;
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
    ) -> Result<()> {
        let mut distinct = 0;
        each_record(wanted, |index, _| distinct = index + 1);
        let all: u64 = run.iter().map(|chunk| chunk.records).sum();
        if distinct as u64 == all {
            return self.decode_run(run, scratch, out);
        }
        let mut decoded = std::mem::take(&mut scratch.records);
        decoded.clear();
        let result = self.decode_run(run, scratch, &mut decoded);
        if result.is_ok() {
            let mut chunks = run.iter();
            let mut chunk = chunks.next();
            let mut base = 0;
            let mut previous = None;
            for &(index, _) in wanted {
                while let Some(current) = chunk.filter(|c| index >= c.first_record + c.records) {
                    base += current.records;
                    chunk = chunks.next();
                }
                if previous.replace(index) != Some(index)
                    && let Some(current) = chunk
                {
                    let place = usize::try_from(base + index - current.first_record);
                    out.push(
                        place
                            .ok()
                            .and_then(|place| decoded.get(place))
                            .unwrap_or_default(),
                    );
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
