//! `mutate_valid_file`: valid files that are changed piece by piece, with hashes that fit again.
//!
//! An input is a [recipe](crate::recipe).

use std::sync::atomic::{AtomicU64, Ordering};

use crate::examine::{Findings, examine, reader_options};
use crate::recipe::make;

/// Runs so far, and those among them in which no reader met a chunk header whose hash does not fit.
static RUNS: AtomicU64 = AtomicU64::new(0);
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Runs the target; returns what was found. Says from time to time how many runs pass the header hash.
///
/// # Panics
/// See [`examine`]; if a file that was not damaged does not give its records.
pub fn run(input: &[u8]) -> Findings {
    let made = make(input);
    let findings = examine(&made.file, &reader_options(made.flags));
    if let Some(records) = made.records {
        assert!(findings.opens, "a valid file: {:?}", findings.codes);
        if let Some(read) = &findings.records {
            assert_eq!(read.len(), records.len());
            for (index, (read, record)) in read.iter().zip(&records).enumerate() {
                assert_eq!(read.as_ref(), Ok(record), "record {index}");
            }
        }
    }
    count(&findings);
    findings
}

/// Runs so far, and those that pass the header hash.
#[must_use]
pub fn counts() -> (u64, u64) {
    let passed = PASSED.load(Ordering::Relaxed);
    (RUNS.load(Ordering::Relaxed), passed)
}

fn count(findings: &Findings) {
    if !findings.codes.contains("chunk_header_hash") {
        PASSED.fetch_add(1, Ordering::Relaxed);
    }
    let runs = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    if runs >= 1024 && runs.is_power_of_two() {
        let (runs, passed) = counts();
        eprintln!("header hash passed: {passed} of {runs} runs");
    }
}
