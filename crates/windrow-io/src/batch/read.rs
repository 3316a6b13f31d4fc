//! Reading a batch: its jobs, shared out over threads.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow_format::Records;

use super::wanted::{Wanted, each_record, without_skipped};
use super::{BATCH_RECORD_BYTES, Batch, Place, lock, present};
use crate::error::{Error, Result};
use crate::pool::{broadcast, share};
use crate::reader::{Inner, Reader};
use crate::recycle;
use crate::scratch::with_read_scratch;
use crate::verify::Fault;

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
}
