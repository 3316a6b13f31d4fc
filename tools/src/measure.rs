//! How fast a file is read: in order, record by record at random, and in shuffled batches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use windrow::{Permutation, Reader, Result};

/// Single reads between two looks at the clock.
const READS_PER_LOOK: usize = 16;
/// Numbers of records that are drawn at a time, so that drawing them is not measured.
const DRAWN: usize = 4096;

/// So many records, in so much time.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub records: u64,
    /// Sum of their sizes.
    pub bytes: u64,
    pub elapsed: Duration,
}

impl Timing {
    /// 0 where nothing was read.
    pub fn records_per_second(&self) -> f64 {
        if self.records == 0 {
            return 0.0;
        }
        as_f64(self.records) / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub fn bytes_per_second(&self) -> f64 {
        self.records_per_second() * as_f64(self.bytes) / as_f64(self.records.max(1))
    }

    /// The faster of the two.
    pub fn better(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.records_per_second() > self.records_per_second() => other,
            _ => self,
        }
    }
}

/// Numbers of records in shuffled order, over and over.
#[derive(Debug)]
pub struct Shuffled {
    order: Permutation,
    place: u64,
}

impl Shuffled {
    pub fn new(len: u64) -> Self {
        Self {
            order: Permutation::new(len, 1, 0),
            place: 0,
        }
    }
}

impl Iterator for Shuffled {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.place == self.order.len() {
            self.order = self.order.with_epoch(self.order.epoch() + 1);
            self.place = 0;
        }
        self.place += 1;
        self.order.get(self.place - 1)
    }
}

/// Reads all records in order, or as many as `budget` lasts for.
pub fn in_order(reader: &Reader, budget: Duration) -> Result<Timing> {
    let start = Instant::now();
    let (mut records, mut bytes) = (0, 0);
    let mut cursor = reader.records();
    while let Some(record) = cursor.next_record()? {
        bytes += black_box(record).len() as u64;
        records += 1;
        if records % 1024 == 0 && start.elapsed() > budget {
            break;
        }
    }
    Ok(Timing {
        records,
        bytes,
        elapsed: start.elapsed(),
    })
}

/// Reads single records for about as long as `budget`.
pub fn singles(
    reader: &Reader,
    indices: impl Iterator<Item = u64>,
    budget: Duration,
) -> Result<Timing> {
    let mut indices = indices.peekable();
    let (mut records, mut bytes, mut elapsed) = (0, 0, Duration::ZERO);
    let mut buffer = Vec::new();
    while elapsed < budget && indices.peek().is_some() {
        let drawn: Vec<u64> = indices.by_ref().take(DRAWN).collect();
        for some in drawn.chunks(READS_PER_LOOK) {
            let start = Instant::now();
            for &index in some {
                reader.read_into(index, &mut buffer)?;
                bytes += black_box(&buffer).len() as u64;
            }
            elapsed += start.elapsed();
            records += some.len() as u64;
            if elapsed > budget {
                break;
            }
        }
    }
    Ok(Timing {
        records,
        bytes,
        elapsed,
    })
}

/// Reads batches of `batch` records for about as long as `budget`, one at least.
pub fn batches(
    reader: &Reader,
    mut indices: impl Iterator<Item = u64>,
    batch: usize,
    budget: Duration,
) -> Result<Timing> {
    let (mut records, mut bytes, mut elapsed) = (0, 0, Duration::ZERO);
    loop {
        let drawn: Vec<u64> = indices.by_ref().take(batch).collect();
        if drawn.is_empty() {
            break;
        }
        let start = Instant::now();
        let read = black_box(reader.read_many(&drawn)?);
        elapsed += start.elapsed();
        bytes += read.bytes_len();
        records += drawn.len() as u64;
        if elapsed > budget {
            break;
        }
    }
    Ok(Timing {
        records,
        bytes,
        elapsed,
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "for speeds that are printed with three digits"
)]
pub fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_each_number_once() {
        let mut numbers: Vec<u64> = Shuffled::new(100).take(200).collect();
        assert_ne!(numbers[..100], numbers[100..]);
        numbers[..100].sort_unstable();
        assert!(numbers[..100].iter().copied().eq(0..100));
        assert_eq!(Shuffled::new(0).next(), None);
    }
}
