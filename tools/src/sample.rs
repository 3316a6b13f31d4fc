//! Records evenly from all of some inputs, in bounded memory.

use windrow::Records;

use crate::convert::Source;
use crate::error::CliError;

/// Runs of neighbouring records at even distances. When there are too many, every second one is dropped, and runs are
/// taken at twice the distance from then on: inputs of any size, of which nobody knows it, are read in little more
/// than the time it takes to pass over what is left out.
#[derive(Debug)]
pub struct Sampler {
    max_bytes: usize,
    run_records: u64,
    runs: Vec<Records>,
    bytes: usize,
    /// One run in so many is kept.
    distance: u64,
    /// Number of the run that comes next.
    number: u64,
}

impl Sampler {
    /// At most `max_bytes` bytes of records, but for one run, in runs of `run_records` records. A run ends early at a
    /// 64th of the bytes.
    pub fn new(max_bytes: usize, run_records: u64) -> Self {
        Self {
            max_bytes,
            run_records,
            runs: Vec::new(),
            bytes: 0,
            distance: 1,
            number: 0,
        }
    }

    /// Samples all records of `source`.
    pub fn take(&mut self, source: &mut Source) -> Result<(), CliError> {
        let mut record = Vec::new();
        loop {
            let is_kept = self.number.is_multiple_of(self.distance);
            self.number += 1;
            if !is_kept {
                if source.skip(self.run_records)? {
                    continue;
                }
                return Ok(());
            }
            let mut run = Records::new();
            let mut more = true;
            while more
                && (run.len() as u64) < self.run_records
                && run.bytes_len() < self.max_bytes / 64
            {
                more = source.next(&mut record)?;
                if more {
                    run.push(&record);
                }
            }
            self.bytes += run.bytes_len();
            self.runs.push(run);
            while self.bytes > self.max_bytes && self.runs.len() > 1 {
                self.thin();
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn thin(&mut self) {
        let mut number = 0;
        self.runs.retain(|_| {
            number += 1;
            number % 2 == 1
        });
        self.distance *= 2;
        self.bytes = self.runs.iter().map(Records::bytes_len).sum();
    }

    /// What was sampled, in order.
    pub fn finish(self) -> Records {
        let mut all = Records::new();
        let records = self.runs.iter().map(Records::len).sum();
        all.reserve(records, self.bytes);
        for run in self.runs {
            run.iter().for_each(|record| all.push(record));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use windrow::{Reader, ReaderOptions, Writer, WriterOptions};

    fn source(records: u32) -> Source {
        let mut writer =
            Writer::create(Vec::new(), WriterOptions::new().with_group_size(7)).unwrap();
        for number in 0..records {
            writer.write(&number.to_be_bytes()).unwrap();
        }
        let bytes = writer.finish().unwrap().0;
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
        Source::of_reader(Path::new("a.array_record"), reader)
    }

    fn sample(sources: &[u32], max_bytes: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(max_bytes, 8);
        for &records in sources {
            sampler.take(&mut source(records)).unwrap();
        }
        let records = sampler.finish();
        let number = |record: &[u8]| u32::from_be_bytes(record.try_into().unwrap());
        records.iter().map(number).collect()
    }

    #[test]
    fn few_records_are_all_there() {
        assert_eq!(sample(&[100], 4096), (0..100).collect::<Vec<_>>());
        assert_eq!(sample(&[0, 3, 0], 4096), [0, 1, 2]);
        assert!(sample(&[], 4096).is_empty());
    }

    #[test]
    fn of_many_there_are_some_from_all_parts() {
        let numbers = sample(&[50_000, 50_000], 4096);
        assert!((500..=1024).contains(&numbers.len()), "{}", numbers.len());
        let second = numbers.iter().zip(&numbers[1..]).position(|(a, b)| b < a);
        let first = second.unwrap() + 1;
        assert!(first.abs_diff(numbers.len() - first) <= 16, "{first}");
        let half = numbers[..first].partition_point(|&number| number < 25_000);
        assert!(half.abs_diff(first / 2) <= 16, "{half} of {first}");
        assert_eq!(
            numbers[..8],
            [0, 1, 2, 3, 4, 5, 6, 7],
            "neighbours stay together"
        );
    }
}
