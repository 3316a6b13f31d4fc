//! What a medium may hold after a crash.

use super::medium::Op;

/// What becomes of the writes since the last sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They are all there: the process died, the machine went on.
    Kept,
    /// They are gone, and the file ends where it ended at the sync.
    Dropped,
    /// The file has its size, but the blocks are zeros.
    Zeros,
    /// The last write is there up to its middle.
    Torn,
    /// Some pages are there, others are zeros; which ones depends on the number.
    Pages(u64),
}

const PAGE: usize = 4096;

/// What is left after the first `done` of `ops`, for each kind of loss.
#[must_use]
pub fn images(ops: &[Op], done: usize, seed: u64) -> Vec<(Loss, Vec<u8>)> {
    let (mut bytes, mut synced) = (Vec::new(), Vec::new());
    let mut before_last = 0;
    for op in &ops[..done] {
        match op {
            Op::Write(more) => {
                before_last = bytes.len();
                bytes.extend_from_slice(more);
            }
            Op::Sync => synced.clone_from(&bytes),
            Op::Cut(keep) => bytes.truncate(usize::try_from(*keep).unwrap()),
        }
    }
    let mut all = vec![(Loss::Kept, bytes.clone())];
    if bytes == synced {
        return all;
    }
    let common = synced
        .iter()
        .zip(&bytes)
        .take_while(|(a, b)| a == b)
        .count();
    let dropped = if synced.len() > common {
        // A cut that was not synced may come back.
        synced.clone()
    } else {
        bytes[..common].to_vec()
    };
    all.push((Loss::Dropped, dropped));
    let mut zeros = bytes.clone();
    zeros[common..].fill(0);
    all.push((Loss::Zeros, zeros));
    let middle = before_last.max(common) + (bytes.len() - before_last.max(common)) / 2;
    all.push((Loss::Torn, bytes[..middle].to_vec()));
    for pages in [seed, seed ^ u64::MAX, seed.rotate_left(17)] {
        let mut torn = bytes.clone();
        for (number, begin) in (common / PAGE * PAGE..torn.len()).step_by(PAGE).enumerate() {
            if (pages >> (number % 64)) & 1 == 0 {
                let end = (begin + PAGE).min(torn.len());
                torn[begin.max(common)..end].fill(0);
            }
        }
        all.push((Loss::Pages(pages), torn));
    }
    all
}
