//! Byte strings to bodies: what is best for all of a row group, then page by page.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes of values that are in memory"
)]

use std::ops::Range;

use crate::byte_slices::{ByteBuffers, ByteSlices};
use crate::distinct::distinct;
use crate::options::Effort;
use crate::page::{align, push_head, push_words};
use crate::symbols::push_symbols;
use crate::tokens::TokenCompressor;
use crate::words::kernels::BLOCK_VALUES;
use crate::words::{code, push_indices, sample_runs};

/// How the byte strings of a row group are encoded.
pub(crate) enum BytesPlan {
    /// As they are, with their sizes.
    Lengths,
    /// By symbols that stand in the shared page.
    Symbols(Box<fsst::Compressor>),
    /// By tokens that stand in the shared page.
    Tokens(TokenCompressor),
    /// Indices of distinct values.
    Dictionary {
        values: ByteBuffers,
        codes: Vec<u32>,
    },
}

/// Bytes of a sample that symbols are made of, and that tells what they save.
const SAMPLE_BYTES: usize = 32 << 10;
/// The same of the values of a dictionary, of which there are few.
const DICTIONARY_SAMPLE_BYTES: usize = 2 << 10;

/// Bytes of a sample that tokens are made of: this part of all, but so many at least and at most.
const TOKENS_SAMPLE_PART: usize = 32;
const TOKENS_SAMPLE_BYTES: (usize, usize) = (64 << 10, 512 << 10);
/// Values that together are smaller are not worth looking for tokens.
const TOKENS_LEAST_BYTES: usize = 256 << 10;
/// Of a value of the sample no more than this counts, so that there are many.
const SAMPLED_VALUE_BYTES: usize = 4 << 10;

/// The plan that takes the fewest bytes.
pub(crate) fn plan_bytes(values: ByteSlices<'_>, effort: Effort) -> BytesPlan {
    let total = values.joined().len();
    // Long values that repeat pay at once, short ones only if they do so often.
    let most = match effort {
        Effort::Spill => values.len() / 4,
        _ => values.len() / 2,
    };
    if let Some((found, codes)) = distinct(values.iter(), most.max(1)) {
        let width = usize::BITS - found.len().saturating_sub(1).leading_zeros();
        let kept: usize = found.iter().map(|value| value.len() + 1).sum();
        if kept + values.len() * width as usize / 8 < total + values.len() / 2 {
            return BytesPlan::Dictionary {
                values: ByteBuffers::copied(found.iter().copied()),
                codes,
            };
        }
    }
    if effort != Effort::Balanced {
        return BytesPlan::Lengths;
    }
    if total >= TOKENS_LEAST_BYTES {
        tokens_that_pay(values, total).map_or(BytesPlan::Lengths, BytesPlan::Tokens)
    } else {
        let symbols = symbols_that_pay(values, SAMPLE_BYTES);
        symbols.map_or(BytesPlan::Lengths, |symbols| {
            BytesPlan::Symbols(Box::new(symbols))
        })
    }
}

/// Whether compressing saves an eighth.
const fn pays(compressed_bytes: usize, bytes: usize) -> bool {
    compressed_bytes * 8 < bytes * 7
}

fn symbols_that_pay(values: ByteSlices<'_>, sample_bytes: usize) -> Option<fsst::Compressor> {
    let mut sample: Vec<&[u8]> = Vec::new();
    let mut bytes = 0;
    for run in sample_runs(values.len()) {
        let end = bytes + sample_bytes / 4;
        for value in values.slice(run).iter() {
            if bytes >= end {
                break;
            }
            let front = &value[..value.len().min(sample_bytes / 8)];
            bytes += front.len();
            sample.push(front);
        }
    }
    if bytes < 128 {
        return None;
    }
    let compressor = fsst::Compressor::train(&sample);
    let (mut compressed, mut ends) = (Vec::new(), Vec::new());
    compressor.compress_bulk_into::<LANES>(&sample, &mut compressed, &mut ends);
    pays(compressed.len(), bytes).then_some(compressor)
}

/// Tokens of values that take `total` bytes.
fn tokens_that_pay(values: ByteSlices<'_>, total: usize) -> Option<TokenCompressor> {
    let front = |value: &'_ [u8]| value.len().min(SAMPLED_VALUE_BYTES);
    let (least, most) = TOKENS_SAMPLE_BYTES;
    let sample_bytes = (total / TOKENS_SAMPLE_PART).clamp(least, most);
    let every = values.iter().map(front).sum::<usize>() / sample_bytes;
    let sample = values.iter().step_by(every.max(1));
    let sample: Vec<&[u8]> = sample.map(|value| &value[..front(value)]).collect();
    let sample_bytes = sample.iter().map(|value| value.len()).sum::<usize>();
    let tokens = TokenCompressor::train(&sample, sample_bytes);
    let mut compressed = Vec::new();
    for value in &sample {
        tokens.compress(value, &mut compressed);
    }
    // The table is a smaller part of the whole than of the sample.
    let table_bytes = tokens.table_bytes() / (total / sample_bytes).max(1);
    pays(compressed.len() + table_bytes, sample_bytes).then_some(tokens)
}

/// Values that are compressed side by side.
const LANES: usize = fsst::Compressor::DEFAULT_BULK_LANES;

/// Appends a body of the values in `range`, by a plan for all of them.
pub(crate) fn push_bytes_body(
    out: &mut Vec<u8>,
    values: ByteSlices<'_>,
    range: Range<usize>,
    plan: &BytesPlan,
    effort: Effort,
) {
    let page = values.slice(range.clone());
    let first = page.iter().next().unwrap_or_default();
    let is_constant = match plan {
        BytesPlan::Dictionary { codes, .. } => codes[range.clone()]
            .windows(2)
            .all(|pair| pair[0] == pair[1]),
        _ => page.iter().all(|value| value == first),
    };
    if is_constant {
        push_head(out, code::CONSTANT, 0, first.len());
        out.extend_from_slice(first);
        align(out);
        return;
    }
    match plan {
        BytesPlan::Lengths => push_lengths(out, page, effort),
        // A codec makes more of them as they are.
        BytesPlan::Symbols(_) | BytesPlan::Tokens(_) if effort == Effort::Bytes => {
            push_lengths(out, page, effort);
        }
        BytesPlan::Symbols(compressor) => push_by_symbols(out, page, compressor, false, effort),
        BytesPlan::Tokens(tokens) => push_by_tokens(out, page, tokens, effort),
        BytesPlan::Dictionary { codes, .. } => {
            push_head(out, code::DICTIONARY, 0, 0);
            push_indices(out, &codes[range], effort);
        }
    }
}

/// Appends the values of a dictionary, in a body that needs no shared page.
pub(crate) fn push_dictionary_values(out: &mut Vec<u8>, values: ByteSlices<'_>, effort: Effort) {
    // The table itself takes up to 2.3 KB.
    let compressor = if effort == Effort::Balanced && values.len() > 512 {
        symbols_that_pay(values, DICTIONARY_SAMPLE_BYTES)
    } else {
        None
    };
    match compressor {
        Some(compressor) => push_by_symbols(out, values, &compressor, true, effort),
        None => push_lengths(out, values, effort),
    }
}

fn push_lengths(out: &mut Vec<u8>, values: ByteSlices<'_>, effort: Effort) {
    push_head(out, code::LENGTHS, 0, 0);
    push_sizes(out, &values.sizes(), effort);
    out.extend_from_slice(values.joined());
    align(out);
}

fn push_by_symbols(
    out: &mut Vec<u8>,
    values: ByteSlices<'_>,
    compressor: &fsst::Compressor,
    own: bool,
    effort: Effort,
) {
    push_head(out, code::SYMBOLS, u8::from(own), 0);
    push_words(out, &[values.joined().len() as u64]);
    if own {
        push_words(out, &[compressor.n_symbols() as u64]);
        push_symbols(out, compressor);
    }
    let values: Vec<&[u8]> = values.iter().collect();
    let (mut compressed, mut ends) = (Vec::new(), Vec::new());
    compressor.compress_bulk_into::<LANES>(&values, &mut compressed, &mut ends);
    push_compressed(out, &compressed, &ends, effort);
}

fn push_by_tokens(
    out: &mut Vec<u8>,
    values: ByteSlices<'_>,
    tokens: &TokenCompressor,
    effort: Effort,
) {
    push_head(out, code::TOKENS, 0, 0);
    push_words(out, &[values.joined().len() as u64]);
    let mut compressed = Vec::new();
    let compress = |value| {
        tokens.compress(value, &mut compressed);
        compressed.len() as u64
    };
    let ends: Vec<u64> = values.iter().map(compress).collect();
    push_compressed(out, &compressed, &ends, effort);
}

/// Appends compressed values, which end at `ends`, and the size of each.
fn push_compressed(out: &mut Vec<u8>, compressed: &[u8], ends: &[u64], effort: Effort) {
    let begins = std::iter::once(&0).chain(ends);
    let lengths: Vec<u32> = ends
        .iter()
        .zip(begins)
        .map(|(end, begin)| u32::try_from(end - begin).unwrap_or(u32::MAX))
        .collect();
    push_sizes(out, &lengths, effort);
    out.extend_from_slice(compressed);
    align(out);
}

/// Sizes, where each block begins, and how much there is in all.
fn push_sizes(out: &mut Vec<u8>, lengths: &[u32], effort: Effort) {
    push_indices(out, lengths, effort);
    let mut begins = Vec::new();
    let mut total = 0_u64;
    for block in lengths.chunks(BLOCK_VALUES) {
        begins.push(total);
        total += block.iter().map(|&length| u64::from(length)).sum::<u64>();
    }
    begins.push(total);
    push_words(out, &begins);
}
