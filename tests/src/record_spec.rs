//! Lists of records that both sides of a differential test make from a few numbers.
//!
//! `tests/interop/upstream.py` describes the generator and makes the same records.

use serde::Serialize;

const TEXT: &[u8; 64] = b"the row of cut grain lies in the field, and the wind turns it. \n";
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the bytes of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Bytes that do not compress.
    Random,
    /// Words that compress well.
    Text,
    /// One byte, repeated.
    Const,
}

/// Records that follow each other, alike in size and kind. Serialized, an item of upstream.py's `SPEC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecordSpec {
    /// Bytes in each record.
    pub len: u64,
    /// Seed of the first record; each further one has the next number.
    pub seed: u64,
    /// What the bytes are.
    pub kind: Kind,
    /// Number of records.
    pub repeat: u64,
}

impl RecordSpec {
    /// One item of a list.
    #[must_use]
    pub const fn new(kind: Kind, len: u64, seed: u64, repeat: u64) -> Self {
        Self {
            len,
            seed,
            kind,
            repeat,
        }
    }
}

/// The records of a list, in order.
#[must_use]
pub fn expand(spec: &[RecordSpec]) -> Vec<Vec<u8>> {
    spec.iter()
        .flat_map(|item| (0..item.repeat).map(|k| record(item, k)))
        .collect()
}

/// Number of records in a list.
#[must_use]
pub fn count(spec: &[RecordSpec]) -> u64 {
    spec.iter().map(|item| item.repeat).sum()
}

/// Bytes of all records in a list.
#[must_use]
pub fn bytes(spec: &[RecordSpec]) -> u64 {
    spec.iter().map(|item| item.len * item.repeat).sum()
}

fn record(item: &RecordSpec, k: u64) -> Vec<u8> {
    let seed = item.seed.wrapping_add(k);
    let len = usize::try_from(item.len).unwrap_or(usize::MAX);
    if item.kind == Kind::Const {
        return vec![seed.to_le_bytes()[0]; len];
    }
    // Eight bytes behind the end, so that a word can be looked up as a slice.
    let mut text = [0; 72];
    text[..64].copy_from_slice(TEXT);
    text[64..].copy_from_slice(&TEXT[..8]);
    let mut bytes = Vec::with_capacity(len + 8);
    let mut state = seed;
    while bytes.len() < len {
        state = state.wrapping_add(STEP);
        let word = mix(state);
        if item.kind == Kind::Random {
            bytes.extend_from_slice(&word.to_le_bytes());
        } else {
            let place = usize::from(word.to_le_bytes()[0] & 63);
            bytes.extend_from_slice(&text[place..place + 8]);
        }
    }
    bytes.truncate(len);
    bytes
}

/// The output function of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A small generator for choices inside tests: the same sequence of numbers for the same seed.
#[derive(Debug, Clone)]
pub struct Choices(u64);

impl Choices {
    /// A sequence that begins with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0) % bound
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let place = self.below(items.len() as u64);
        &items[usize::try_from(place).unwrap_or(0)]
    }

    /// Puts `items` in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_other_side() {
        assert_eq!(mix(STEP), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(STEP.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
        let one = |kind| expand(&[RecordSpec::new(kind, 10, 0, 1)]).remove(0);
        assert_eq!(
            one(Kind::Random),
            [0xaf, 0xcd, 0x1d, 0x7b, 0x39, 0xa8, 0x20, 0xe2, 0xf4, 0x65]
        );
        assert_eq!(one(Kind::Text), b" wind tu t");
        assert_eq!(
            expand(&[RecordSpec::new(Kind::Const, 2, 255, 2)]),
            [[255, 255], [0, 0]]
        );
    }
}
