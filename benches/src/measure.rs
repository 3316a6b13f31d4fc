//! Interleaved measuring: on a shared machine only ratios of neighbours in time mean anything.

use std::time::{Duration, Instant};

/// The best of several rounds of two pieces of work done in turn.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Best time of the floor.
    pub floor: Duration,
    /// Best time of ours.
    pub ours: Duration,
}

impl Pair {
    /// How much of the floor's speed ours reaches.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.floor.as_secs_f64() / self.ours.as_secs_f64()
    }
}

/// Does `floor` and `ours` in turn, once to warm up and `rounds` times measured.
pub fn in_turn(rounds: usize, mut floor: impl FnMut(), mut ours: impl FnMut()) -> Pair {
    let mut best = Pair {
        floor: Duration::MAX,
        ours: Duration::MAX,
    };
    for round in 0..=rounds {
        let (floor, ours) = (time(&mut floor), time(&mut ours));
        if round > 0 {
            best.floor = best.floor.min(floor);
            best.ours = best.ours.min(ours);
        }
    }
    best
}

/// How long `work` takes.
pub fn time(work: &mut impl FnMut()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
