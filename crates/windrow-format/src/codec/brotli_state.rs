//! A brotli decoder whose memory follows what the chunk declares.
//!
//! Brotli's window may be a gigabyte, and a stream of a few kilobytes can fill it before the first byte comes out. The
//! decoder needs no more window than there is output, so its memory is bounded by the declared size; above that its
//! allocator gives nothing, which the decoder reports as an error.

use brotli::enc::StandardAlloc;
use brotli::{Allocator, BrotliState};

/// The decoder's state.
pub(crate) type BoundedBrotli = BrotliState<BoundedAlloc, StandardAlloc, StandardAlloc>;

/// What the decoder needs beside its window: Huffman tables and context maps.
const BASE_BYTES: usize = 1 << 20;

/// A decoder of `decoded_bytes` in all.
pub(crate) fn bounded_brotli(decoded_bytes: usize) -> BoundedBrotli {
    // The window doubles as it grows, with the old one still there while it is copied.
    let budget = decoded_bytes.saturating_mul(4).saturating_add(BASE_BYTES);
    let alloc = StandardAlloc::default;
    BrotliState::new(
        BoundedAlloc {
            budget,
            refused: false,
        },
        alloc(),
        alloc(),
    )
}

/// Whether a decoder wanted more memory than the declared size makes necessary.
pub(crate) fn is_over_budget(state: &BoundedBrotli) -> bool {
    state.alloc_u8.refused
}

/// Allocates bytes up to a budget for the whole of its life.
#[derive(Debug)]
pub(crate) struct BoundedAlloc {
    budget: usize,
    refused: bool,
}

impl Allocator<u8> for BoundedAlloc {
    type AllocatedMemory = <StandardAlloc as Allocator<u8>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        match self.budget.checked_sub(len) {
            Some(left) => {
                self.budget = left;
                StandardAlloc::default().alloc_cell(len)
            }
            None => {
                self.refused = true;
                Self::AllocatedMemory::default()
            }
        }
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        use brotli::SliceWrapper;
        self.budget = self.budget.saturating_add(data.slice().len());
    }
}
