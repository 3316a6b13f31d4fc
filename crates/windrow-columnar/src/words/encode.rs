//! Words to bodies.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes and places of values that are in memory"
)]

use std::ops::Range;

use super::code;
use super::kernels::{BLOCK_VALUES, Lane, block_bytes};
use super::plan::{Block, WordPlan, blocks_of, bounds, differences, flip};
use crate::node::Word;
use crate::options::Effort;
use crate::page::{align, push_head, push_words, small};

/// Appends a body of the words in `range`, by a plan for all of them.
pub(crate) fn push_words_body<T: Lane>(
    out: &mut Vec<u8>,
    values: &[T],
    range: Range<usize>,
    word: Word,
    plan: &WordPlan<T>,
    effort: Effort,
) {
    debug_assert!(
        range.start.is_multiple_of(BLOCK_VALUES),
        "pages begin with a block"
    );
    let page = &values[range.clone()];
    let flip = flip::<T>(word.kind);
    if push_constant(out, page) {
        return;
    }
    match plan {
        // A codec makes more of whole bytes.
        WordPlan::Packed(_) | WordPlan::Delta if effort == Effort::Bytes => {
            push_planes(out, page, flip)
        }
        WordPlan::Packed(blocks) => {
            push_blocks(
                out,
                page,
                &blocks[range.start / BLOCK_VALUES..range.end.div_ceil(BLOCK_VALUES)],
            );
        }
        WordPlan::Delta => push_delta(out, page, effort),
        WordPlan::Dictionary { codes, .. } => {
            push_head(out, code::DICTIONARY, 0, 0);
            push_indices(out, &codes[range], effort);
        }
        WordPlan::Runs => {
            let (ends, firsts) = runs(page);
            push_head(out, code::RUNS, 0, ends.len());
            push_indices(out, &ends, effort);
            if !push_constant(out, &firsts) {
                push_packed(out, &firsts, flip, effort);
            }
        }
        WordPlan::Decimal(decimals) => {
            let first = decimals
                .exceptions
                .partition_point(|&index| index < range.start);
            let last = decimals
                .exceptions
                .partition_point(|&index| index < range.end);
            let positions: Vec<u16> = decimals.exceptions[first..last]
                .iter()
                .map(|index| small(index - range.start))
                .collect();
            let exponent = u8::try_from(decimals.exponent).unwrap_or(u8::MAX);
            push_head(out, code::DECIMAL, exponent, positions.len());
            let words = &decimals.words[range];
            if !push_constant(out, words) {
                push_packed(out, words, u64::SIGN, effort);
            }
            push_exceptions(out, &positions, page);
        }
    }
}

/// Appends the words of a dictionary, in a body that needs no shared page.
pub(crate) fn push_words_of_dictionary<T: Lane>(
    out: &mut Vec<u8>,
    values: &[T],
    word: Word,
    effort: Effort,
) {
    let flip = flip::<T>(word.kind);
    if push_constant(out, values) {
        return;
    }
    if effort == Effort::Bytes {
        return push_planes(out, values, flip);
    }
    push_packed(out, values, flip, effort);
}

/// Appends a nested body of words of 4 bytes.
pub(crate) fn push_indices(out: &mut Vec<u8>, values: &[u32], effort: Effort) {
    if push_constant(out, values) {
        return;
    }
    if effort == Effort::Bytes {
        return push_planes(out, values, 0);
    }
    // A block is packed as if it were full.
    if values.len() * 16 < BLOCK_VALUES {
        push_head(out, code::PLAIN, 0, 0);
        push_words(out, values);
        return;
    }
    let changes = values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if changes * 16 < values.len() && effort != Effort::Spill {
        let (ends, firsts) = runs(values);
        push_head(out, code::RUNS, 0, ends.len());
        for part in [&ends, &firsts] {
            if !push_constant(out, part) {
                push_packed(out, part, 0, effort);
            }
        }
        return;
    }
    push_packed(out, values, 0, effort);
}

fn push_constant<T: Lane>(out: &mut Vec<u8>, values: &[T]) -> bool {
    let Some(first) = values.first() else {
        return false;
    };
    if values.iter().any(|value| value != first) {
        return false;
    }
    push_head(out, code::CONSTANT, 0, T::BYTES);
    push_words(out, std::slice::from_ref(first));
    align(out);
    true
}

/// Where each run of equal values ends, and its value.
fn runs<T: Lane>(values: &[T]) -> (Vec<u32>, Vec<T>) {
    let (mut ends, mut firsts) = (Vec::new(), Vec::new());
    let mut begin = 0;
    for run in values.chunk_by(|a, b| a == b) {
        begin += run.len();
        ends.push(u32::try_from(begin).unwrap_or(u32::MAX));
        firsts.push(run[0]);
    }
    (ends, firsts)
}

fn push_packed<T: Lane>(out: &mut Vec<u8>, values: &[T], flip: T, effort: Effort) {
    push_blocks(out, values, &blocks_of(values, flip, effort));
}

fn push_blocks<T: Lane>(out: &mut Vec<u8>, values: &[T], blocks: &[Block<T>]) {
    let (mut positions, mut exceptions) = (Vec::new(), Vec::new());
    for (number, (packed, block)) in blocks.iter().zip(values.chunks(BLOCK_VALUES)).enumerate() {
        if !packed.has_exceptions {
            continue;
        }
        for (index, value) in block.iter().enumerate() {
            if value.wrapping_sub(packed.reference).width() > packed.width {
                positions.push(small(number * BLOCK_VALUES + index));
                exceptions.push(*value);
            }
        }
    }
    let packed_bytes: usize = blocks.iter().map(|block| block_bytes(block.width)).sum();
    let exception_bytes = positions.len() * (2 + T::BYTES);
    if blocks.len() * 9 + packed_bytes + exception_bytes >= values.len() * T::BYTES {
        push_head(out, code::PLAIN, 0, 0);
        push_words(out, values);
        align(out);
        return;
    }
    push_head(out, code::PACKED, 0, positions.len());
    out.extend(
        blocks
            .iter()
            .flat_map(|block| block.reference.to_u64().to_le_bytes()),
    );
    out.extend(blocks.iter().map(|block| block.width));
    align(out);
    for (packed, block) in blocks.iter().zip(values.chunks(BLOCK_VALUES)) {
        match block.first_chunk() {
            Some(block) => T::pack(block, packed.reference, packed.width, out),
            None => {
                let mut full = [packed.reference; BLOCK_VALUES];
                full[..block.len()].copy_from_slice(block);
                T::pack(&full, packed.reference, packed.width, out);
            }
        }
    }
    if !positions.is_empty() {
        push_words(out, &positions);
        push_words(out, &exceptions);
    }
    align(out);
}

fn push_exceptions<T: Lane>(out: &mut Vec<u8>, positions: &[u16], values: &[T]) {
    if positions.is_empty() {
        return;
    }
    let exceptions = positions
        .iter()
        .map(|&position| values[usize::from(position)]);
    let exceptions: Vec<T> = exceptions.collect();
    push_words(out, positions);
    push_words(out, &exceptions);
    align(out);
}

fn push_delta<T: Lane>(out: &mut Vec<u8>, values: &[T], effort: Effort) {
    let differences = differences(values);
    push_head(out, code::DELTA, 0, 0);
    let starts = values.iter().zip(&differences).step_by(BLOCK_VALUES);
    let starts: Vec<u64> = starts
        .map(|(value, first)| value.wrapping_sub(*first).to_u64())
        .collect();
    push_words(out, &starts);
    if !push_constant(out, &differences) {
        push_packed(out, &differences, T::SIGN, effort);
    }
}

/// Appends a body of whole bytes: as many planes as the largest difference of two values has.
fn push_planes<T: Lane>(out: &mut Vec<u8>, values: &[T], flip: T) {
    let (low, high) = bounds(values, flip);
    let reference = low.xor(flip);
    let planes = usize::from(high.wrapping_sub(low).width()).div_ceil(8);
    push_head(
        out,
        code::PLANES,
        u8::try_from(planes).unwrap_or(u8::MAX),
        0,
    );
    push_words(out, &[reference.to_u64()]);
    for plane in 0..planes {
        let bytes = values.iter().map(|value| {
            let [byte, ..] = (value.wrapping_sub(reference).to_u64() >> (8 * plane)).to_le_bytes();
            byte
        });
        out.extend(bytes);
    }
    align(out);
}
