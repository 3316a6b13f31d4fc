//! Byte strings one behind the other.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "offsets ascend within the bytes: they are those of an Arrow array, or made here"
)]

use std::ops::Range;

use arrow_buffer::{Buffer, ScalarBuffer};

/// Byte strings in memory, and where each begins; one more than there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteSlices<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

impl<'a> ByteSlices<'a> {
    pub(crate) fn len(self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        Self {
            offsets: &self.offsets[range.start..=range.end],
            bytes: self.bytes,
        }
    }

    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        let ends = self.offsets.windows(2);
        ends.map(move |ends| &self.bytes[place(ends[0])..place(ends[1])])
    }

    /// The size of each.
    pub(crate) fn sizes(self) -> Vec<u32> {
        let ends = self.offsets.windows(2);
        ends.map(|ends| (ends[1] - ends[0]).cast_unsigned())
            .collect()
    }

    /// All of them, one behind the other.
    pub(crate) fn joined(self) -> &'a [u8] {
        let last = self.offsets.last().copied().unwrap_or(self.offsets[0]);
        &self.bytes[place(self.offsets[0])..place(last)]
    }
}

/// The buffers of byte strings, together less than 2^31 bytes.
#[derive(Debug)]
pub(crate) struct ByteBuffers {
    offsets: ScalarBuffer<i32>,
    bytes: Buffer,
}

impl ByteBuffers {
    /// Takes buffers as they are; `offsets` ascend within `bytes`.
    pub(crate) fn new(offsets: ScalarBuffer<i32>, bytes: Buffer) -> Self {
        Self { offsets, bytes }
    }

    /// Copies values, which together are not larger than an offset can tell.
    pub(crate) fn copied<'v>(values: impl ExactSizeIterator<Item = &'v [u8]> + Clone) -> Self {
        let mut offsets = Vec::with_capacity(values.len() + 1);
        let mut bytes = Vec::with_capacity(values.clone().map(<[u8]>::len).sum());
        offsets.push(0);
        for value in values {
            bytes.extend_from_slice(value);
            offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        }
        Self {
            offsets: offsets.into(),
            bytes: Buffer::from_vec(bytes),
        }
    }

    pub(crate) fn slices(&self) -> ByteSlices<'_> {
        ByteSlices {
            offsets: &self.offsets,
            bytes: &self.bytes,
        }
    }
}

/// Offsets are never negative.
fn place(offset: i32) -> usize {
    offset.cast_unsigned() as usize
}
