//! What can happen to one structure of a file.

use super::{Field, Structure};

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Bit 0 of the byte in its middle is another one.
    Flip,
    /// All its bytes are zero.
    Zero,
    /// The file ends in its middle.
    Cut,
    /// It changed places with another structure of the same kind and size.
    Swap,
    /// It is that of another file with the same options and the same layout.
    Splice,
    /// It comes twice, and everything behind it moves on.
    Duplicate,
}

impl Damage {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 6] = [
        Self::Flip,
        Self::Zero,
        Self::Cut,
        Self::Swap,
        Self::Splice,
        Self::Duplicate,
    ];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Zero => "zero",
            Self::Cut => "cut",
            Self::Swap => "swap",
            Self::Splice => "splice",
            Self::Duplicate => "duplicate",
        }
    }

    /// The file with this damage to the structure number `at` of `all`. `None` where it changes nothing: a structure
    /// without its like, zeros that are zeroed, bytes that are the same in the other file.
    ///
    /// # Panics
    /// If `other` has another size.
    #[must_use]
    pub fn inflict(
        self,
        bytes: &[u8],
        other: &[u8],
        all: &[Structure],
        at: usize,
    ) -> Option<Vec<u8>> {
        assert_eq!(bytes.len(), other.len(), "files of one layout");
        let structure = &all[at];
        let middle = structure.place(structure.len() / 2);
        let mut damaged = bytes.to_vec();
        match self {
            Self::Flip => damaged[middle] ^= 1,
            Self::Zero => (structure.spans.iter().cloned()).for_each(|span| damaged[span].fill(0)),
            Self::Cut => damaged.truncate(middle),
            Self::Swap => {
                let like = &all[like(all, at)?];
                for byte in 0..structure.len() {
                    damaged.swap(structure.place(byte), like.place(byte));
                }
            }
            Self::Splice => {
                for span in structure.spans.iter().cloned() {
                    damaged[span.clone()].copy_from_slice(&other[span]);
                }
            }
            Self::Duplicate => {
                let hull = structure.hull();
                let again = bytes[hull.clone()].to_vec();
                damaged.splice(hull.end..hull.end, again);
            }
        }
        (damaged != bytes).then_some(damaged)
    }
}

/// The structure that `all[at]` may change places with: the next one of its size in the same part of the file or, where
/// there is none, the one in front; else the next header of any chunk.
fn like(all: &[Structure], at: usize) -> Option<usize> {
    let this = &all[at];
    let same_size = |other: &usize| {
        all[*other].field == this.field && all[*other].len() == this.len() && *other != at
    };
    let same_part = |other: &usize| same_size(other) && all[*other].part == this.part;
    let is_header = matches!(this.field, Field::Header | Field::BlockHeader);
    let any = |other: &usize| is_header && same_size(other);
    (at + 1..all.len())
        .find(same_part)
        .or_else(|| (0..at).rfind(same_part))
        .or_else(|| (at + 1..all.len()).find(any))
        .or_else(|| (0..at).rfind(any))
}
