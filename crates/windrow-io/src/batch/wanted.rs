//! The records that a batch wants: in which chunks they are, what is read together, and their place in what was decoded.

use std::borrow::Cow;
use std::ops::Range;

use windrow_format::options::OnCorrupt;
use windrow_format::{BLOCK_BYTES, ChunkLocation, Records};

use super::{BATCH_RECORD_BYTES, present};
use crate::error::{Error, Result};
use crate::reader::{Inner, MAX_GAP_BYTES, MAX_RUN_BYTES};
use crate::scratch::ReadScratch;
use crate::skipped::is_skipped;
use crate::verify::Fault;

/// Decoded bytes that one job of a batch aims at: enough to make the hand-over cheap, little enough to stay in cache.
const JOB_BYTES: u64 = 256 << 10;
/// Jobs per thread that a batch is cut into at least, so that threads end together.
const JOBS_PER_THREAD: usize = 4;
/// A batch below this many decoded bytes is read on the calling thread.
const PARALLEL_BYTES: u64 = 64 << 10;

/// A wanted record, and its position in the caller's list.
pub(super) type Wanted = (u64, usize);

impl Inner {
    /// The wanted records in the order of the file, all checked to be there.
    pub(super) fn sorted(&self, indices: impl Iterator<Item = u64>) -> Result<Vec<Wanted>> {
        self.check_holds_records()?;
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
    pub(super) fn check_batch(&self, records: usize) -> Result<()> {
        self.check_holds_records()?;
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
    pub(super) fn check_range(&self, range: &Range<u64>) -> Result<usize> {
        if range.start < range.end {
            self.check_index(range.end - 1)?;
        }
        Ok(usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX))
    }

    /// Cuts the wanted records into runs that end with a chunk, of about [`JOB_BYTES`] each.
    pub(super) fn cut_into_jobs(&self, wanted: &[Wanted]) -> Result<Vec<Range<usize>>> {
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

    pub(super) fn threads_for(&self, records: usize) -> usize {
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
    pub(super) fn decode_wanted(
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
            if self.has_pages() {
                let before = out.bytes_len();
                if self.decode_pages(&rest[..taken], &run[0], scratch, out, skipped)? {
                    charge((out.bytes_len() - before) as u64)?;
                    rest = &rest[taken..];
                    continue;
                }
            }
            let mut decoded_bytes = run[0].decoded_bytes;
            while let Some(&(next, _)) = rest.get(taken) {
                let next = self.find(next)?;
                let last = &run[run.len() - 1];
                let near = next.begin <= last.end.saturating_add(MAX_GAP_BYTES);
                let dead =
                    last.end - last.begin > last.decoded_bytes.saturating_add(4 * BLOCK_BYTES);
                let decoded = decoded_bytes.saturating_add(next.decoded_bytes);
                let large = next.end - run[0].begin > MAX_RUN_BYTES || decoded > MAX_RUN_BYTES;
                let more = records_within(&rest[taken..], &next);
                // Of a page chunk only what is wanted is read: what is damaged beside it is nobody's concern.
                let in_part =
                    self.has_pages() && distinct(&rest[taken..taken + more]) < next.records;
                if !near || dead || large || in_part {
                    break;
                }
                decoded_bytes = decoded;
                taken += more;
                run.push(next);
            }
            let before = out.bytes_len();
            self.decode_wanted_run(&rest[..taken], &run, scratch, out, skipped)?;
            charge((out.bytes_len() - before) as u64)?;
            rest = &rest[taken..];
        }
        Ok(())
    }

    /// Appends the wanted records of a page chunk to `out`, without the others. `false` where that is no page chunk, or
    /// all of it is wanted: nothing is done then.
    fn decode_pages(
        &self,
        wanted: &[Wanted],
        location: &ChunkLocation,
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<bool> {
        if distinct(wanted) == location.records {
            return Ok(false);
        }
        let in_chunk = wanted
            .chunk_by(|one, next| one.0 == next.0)
            .map(|same| same[0].0 - location.first_record);
        let decoded = match self.page_table(location, scratch) {
            Ok(Some(table)) => self.decode_slots(location, &table, in_chunk, scratch, out, skipped),
            Ok(None) => return Ok(false),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(()) => Ok(true),
            // Its table is bad: read whole, it is skipped.
            Err(Error::Format { .. }) if self.options.on_corrupt() == OnCorrupt::Skip => Ok(false),
            Err(error) => Err(error),
        }
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
        let all: u64 = run.iter().map(|chunk| chunk.records).sum();
        if distinct(wanted) == all {
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

/// How many records these are.
fn distinct(wanted: &[Wanted]) -> u64 {
    wanted.chunk_by(|one, next| one.0 == next.0).count() as u64
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
pub(super) fn without_skipped<'a, T: Clone>(
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
pub(super) fn each_record(wanted: &[Wanted], mut visit: impl FnMut(usize, usize)) {
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
