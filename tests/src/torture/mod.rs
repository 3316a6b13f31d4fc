//! Random damage in great numbers: flipped bits, cut files, killed writers. The tests run some of it, `make torture` all.

mod cuts;
mod files;
mod flips;
mod kills;
mod tables;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::hostile::Random;

pub use cuts::*;
pub use files::*;
pub use flips::*;
pub use kills::*;
pub use tables::*;
pub use writing::*;

/// Runs `cases`, each with random numbers of its own; `kind` keeps these apart from those of other damage. Each case says
/// what it does, for the message if it panics, before it does it.
///
/// # Panics
/// If one or more of them did; all are run.
fn each_case(seed: u64, kind: u64, cases: u64, mut run: impl FnMut(&mut Random, &mut String)) {
    let mut failed = Vec::new();
    for case in 0..cases {
        let mut random = Random::new(seed_of(seed, kind, case));
        let mut what = String::new();
        let run = || run(&mut random, &mut what);
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            failed.push(format!("{case}: {what}"));
        }
    }
    assert!(
        failed.is_empty(),
        "seed {seed}, {} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
