//! One way to write the records, tried.

use std::path::Path;
use std::time::{Duration, Instant};

use windrow::{Reader, ReaderOptions, Records, Result, Writer, WriterOptions};

use crate::measure::{Shuffled, Timing, batches, in_order, singles};

/// How long single reads, and batches, are measured for in a round.
const BUDGET: Duration = Duration::from_millis(40);
/// Records of a batch.
const BATCH_RECORDS: usize = 1024;

/// The best of the rounds so far.
#[derive(Debug, Default)]
pub struct Trial {
    /// Of chunks and index.
    pub file_bytes: u64,
    write: Option<Timing>,
    in_order: Option<Timing>,
    single: Option<Timing>,
    batch: Option<Timing>,
}

impl Trial {
    /// Writes the file at `path`, and reads it.
    pub fn run(&mut self, path: &Path, records: &Records, options: &WriterOptions) -> Result<()> {
        let options = options.clone();
        let start = Instant::now();
        let mut writer = Writer::create_file(path, options)?;
        writer.write_batch(records)?;
        writer.finish()?;
        let write = Timing {
            records: records.len() as u64,
            bytes: records.bytes_len() as u64,
            elapsed: start.elapsed(),
        };
        // As in a file that is much larger than what is kept.
        let reader = Reader::open_with(path, ReaderOptions::new().with_chunk_cache_bytes(0))?;
        self.file_bytes = bytes_of(&reader)?;
        let in_order = in_order(&reader, Duration::MAX)?;
        let single = singles(&reader, Shuffled::new(reader.len()), BUDGET)?;
        let batch = batches(
            &reader,
            far_apart(&reader)?.into_iter().cycle(),
            batch_len(&reader),
            BUDGET,
        )?;
        for (best, timing) in [
            (&mut self.write, write),
            (&mut self.in_order, in_order),
            (&mut self.single, single),
            (&mut self.batch, batch),
        ] {
            *best = Some(timing.better(*best));
        }
        Ok(())
    }

    pub fn write_bytes_per_second(&self) -> f64 {
        self.write.map_or(0.0, |timing| timing.bytes_per_second())
    }

    pub fn in_order_per_second(&self) -> f64 {
        per_second(self.in_order)
    }

    pub fn single_per_second(&self) -> f64 {
        per_second(self.single)
    }

    pub fn batch_per_second(&self) -> f64 {
        per_second(self.batch)
    }
}

fn per_second(timing: Option<Timing>) -> f64 {
    timing.map_or(0.0, |timing| timing.records_per_second())
}

/// Bytes of chunks and index: what grows with the records.
fn bytes_of(reader: &Reader) -> Result<u64> {
    let begin = reader.chunk_location(0)?.begin;
    Ok(reader.footer().footer_end.saturating_sub(begin))
}

/// Whether reading one record costs its whole chunk.
fn reads_whole_chunks(reader: &Reader) -> bool {
    !reader.footer().metadata.has_pages && reader.num_chunks() < reader.len()
}

fn batch_len(reader: &Reader) -> usize {
    if !reads_whole_chunks(reader) {
        return BATCH_RECORDS;
    }
    usize::try_from(reader.num_chunks()).map_or(BATCH_RECORDS, |chunks| chunks.min(BATCH_RECORDS))
}

/// Records in shuffled order; where reading one costs its chunk, one of each chunk.
fn far_apart(reader: &Reader) -> Result<Vec<u64>> {
    if !reads_whole_chunks(reader) {
        let all = usize::try_from(reader.len()).unwrap_or(usize::MAX);
        return Ok(Shuffled::new(reader.len()).take(all).collect());
    }
    let all = usize::try_from(reader.num_chunks()).unwrap_or(usize::MAX);
    let chunks = Shuffled::new(reader.num_chunks()).take(all);
    chunks
        .map(|number| {
            let chunk = reader.chunk_location(number)?;
            Ok(chunk.first_record + number * 7 % chunk.records)
        })
        .collect()
}
