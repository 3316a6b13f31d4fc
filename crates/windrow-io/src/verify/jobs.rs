//! How the sections of a file with an index are shared out.

use std::ops::Range;

use super::section::{Head, Section};
use crate::error::Result;
use crate::reader::Reader;

/// Bytes of the file that one job checks, if its first section is not larger.
pub(super) const JOB_BYTES: u64 = 1 << 20;
/// Decoded bytes in one job, likewise.
const JOB_DECODED_BYTES: u64 = 4 << 20;
/// Sections in one job at the most: more do not fit `JOB_BYTES`.
const JOB_SECTIONS: u64 = 1 << 15;

/// Sections for one job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Their numbers.
    pub(super) sections: Range<u64>,
    /// Where the last one ends.
    pub(super) end: u64,
    /// What checking them may hold beside the buffer to read into.
    pub(super) held_bytes: u64,
}

/// Cuts a file into jobs, in order.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    reader: &'a Reader,
    deep: bool,
    next: u64,
}

impl<'a> Jobs<'a> {
    pub(super) fn new(reader: &'a Reader, deep: bool) -> Self {
        Self {
            reader,
            deep,
            next: 0,
        }
    }

    /// The next job, `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Job>> {
        let Some(first) = Section::number(self.reader, self.next)? else {
            return Ok(None);
        };
        let job = if self.deep {
            self.deep_job()?
        } else {
            self.job(first.begin)?
        };
        self.next = job.sections.end;
        Ok(Some(job))
    }

    /// Finds the end of a job by bisection, so that most entries are looked up once only, by the job itself.
    fn job(&self, begin: u64) -> Result<Job> {
        let first = self.next;
        let all = Section::count(self.reader);
        let (mut low, mut high) = (first + 1, first.saturating_add(JOB_SECTIONS).min(all));
        while low < high {
            let middle = high - (high - low) / 2;
            if self.end_of(middle)? - begin <= JOB_BYTES {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(Job {
            sections: first..low,
            end: self.end_of(low)?,
            held_bytes: 0,
        })
    }

    /// Where the section in front of number `number` ends.
    fn end_of(&self, number: u64) -> Result<u64> {
        let section = Section::number(self.reader, number)?;
        Ok(section.map_or(self.reader.file_bytes(), |section| section.begin))
    }

    fn deep_job(&self) -> Result<Job> {
        let first = self.next;
        let mut job = Job {
            sections: first..first,
            end: 0,
            held_bytes: 0,
        };
        let (mut bytes, mut decoded) = (0_u64, 0_u64);
        while bytes < JOB_BYTES && decoded < JOB_DECODED_BYTES {
            let Some(section) = Section::number(self.reader, job.sections.end)? else {
                break;
            };
            bytes = bytes.saturating_add(section.end - section.begin);
            if let Head::Data(location) = &section.head {
                decoded = decoded.saturating_add(location.decoded_bytes);
            }
            job.end = section.end;
            job.sections.end += 1;
        }
        job.held_bytes = bytes.saturating_add(decoded);
        Ok(job)
    }
}
