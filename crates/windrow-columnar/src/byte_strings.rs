//! Sequences of byte strings: how they are encoded, and how they come back.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes of values that are in memory; on the way back, sums that are checked against the bytes that there are"
)]

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::builder::make_view;
use arrow_buffer::Buffer;

use crate::byte_slices::{ByteBuffers, ByteSlices};
use crate::distinct::distinct;
use crate::error::{Checked, Fault};
use crate::options::Effort;
use crate::page::{Parts, Wanted, align, push_head, push_words};
use crate::room::room_for;
use crate::symbols::{SYMBOL_BYTES, Symbols, push_symbols};
use crate::words::kernels::BLOCK_VALUES;
use crate::words::{WordBody, code, push_indices, sample_runs};

/// How the byte strings of a row group are encoded.
pub(crate) enum BytesPlan {
    /// As they are, with their sizes.
    Lengths,
    /// By symbols that stand in the shared page.
    Symbols(Box<fsst::Compressor>),
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
    if effort == Effort::Balanced
        && let Some(compressor) = symbols_that_pay(values, SAMPLE_BYTES)
    {
        return BytesPlan::Symbols(Box::new(compressor));
    }
    BytesPlan::Lengths
}

/// Symbols, if they save an eighth of the bytes.
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
    (compressed.len() * 8 < bytes * 7).then_some(compressor)
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
        BytesPlan::Symbols(_) if effort == Effort::Bytes => push_lengths(out, page, effort),
        BytesPlan::Symbols(compressor) => push_compressed(out, page, compressor, false, effort),
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
        Some(compressor) => push_compressed(out, values, &compressor, true, effort),
        None => push_lengths(out, values, effort),
    }
}

fn push_lengths(out: &mut Vec<u8>, values: ByteSlices<'_>, effort: Effort) {
    push_head(out, code::LENGTHS, 0, 0);
    push_sizes(out, &values.sizes(), effort);
    out.extend_from_slice(values.joined());
    align(out);
}

fn push_compressed(
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
    let begins = std::iter::once(&0).chain(&ends);
    let lengths: Vec<u32> = ends
        .iter()
        .zip(begins)
        .map(|(end, begin)| u32::try_from(end - begin).unwrap_or(u32::MAX))
        .collect();
    push_sizes(out, &lengths, effort);
    out.extend_from_slice(&compressed);
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

/// Values of a dictionary, decoded: kept for all pages of a row group.
#[derive(Debug, Clone)]
pub(crate) struct ByteStrings {
    pub(crate) bytes: Buffer,
    /// Where each value begins; one more than there are.
    offsets: Vec<u32>,
    /// Views of them, as if `bytes` were the first buffer.
    views: Vec<u128>,
    /// Those of the shortest and the longest.
    sizes: (usize, usize),
}

impl ByteStrings {
    pub(crate) fn parse(parts: &mut Parts<'_>, count: usize, rules: Rules) -> Checked<Self> {
        let body = BytesBody::parse(parts, count, Shared::None)?;
        if count > 1 && matches!(body, BytesBody::Constant(_)) {
            return Err(SAME_VALUES);
        }
        let mut out = BytesOut::new(false, count);
        let all = 0..count;
        out.extend(&body, Wanted::new(std::slice::from_ref(&all), count), rules)?;
        let BytesOut::Offsets { offsets, bytes } = out else {
            unreachable!("it was made so")
        };
        let offsets: Vec<u32> = offsets.into_iter().map(i32::cast_unsigned).collect();
        let views = offsets
            .windows(2)
            .map(|ends| make_view(&bytes[ends[0] as usize..ends[1] as usize], 0, ends[0]))
            .collect::<Vec<_>>();
        let sizes = || views.iter().map(|view| size_of_view(*view));
        Ok(Self {
            sizes: (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0)),
            bytes: Buffer::from_vec(bytes),
            offsets,
            views,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// Appends the values that codes name, which there are, and where each ends.
    fn push_named(
        &self,
        codes: &[u32],
        offsets: &mut Vec<i32>,
        bytes: &mut Vec<u8>,
        rules: Rules,
    ) -> Checked<()> {
        let (shortest, longest) = self.sizes;
        // Block by block: what was just filled with zeros is still near the processor.
        for codes in codes.chunks(BLOCK_VALUES) {
            let more = if longest <= INLINE_BYTES || shortest == longest {
                longest * codes.len()
            } else {
                codes
                    .iter()
                    .map(|code| size_of_view(self.views[*code as usize]))
                    .sum()
            };
            // All at once, as if those that follow were like the dictionary: growing again and again copies.
            let left = offsets.capacity() - offsets.len();
            let like_these = (self.bytes.len() / self.len() + 1)
                .saturating_mul(left)
                .min(MOST_RESERVED_BYTES)
                .min(usize::try_from(rules.decoded_bytes).unwrap_or(usize::MAX));
            rules.check_room(bytes.len(), more)?;
            if bytes.capacity() - bytes.len() < more + ROOM {
                bytes.reserve(like_these.max(more) + ROOM);
            }
            let (begin, first) = (bytes.len(), offsets.len());
            bytes.resize(begin + more + ROOM, 0);
            offsets.resize(first + codes.len(), 0);
            let (room, ends) = (&mut bytes[begin..], &mut offsets[first..]);
            if shortest == longest {
                gather(codes, &self.bytes, longest, &mut room[..more]);
                let mut end = offset(begin);
                for out in ends {
                    end += offset(longest);
                    *out = end;
                }
            } else if longest <= INLINE_BYTES {
                gather_inline(codes, &self.views, room, ends, begin);
            } else {
                self.gather_any(codes, room, ends, begin);
            }
            bytes.truncate(offsets.last().map_or(0, |end| end.cast_unsigned() as usize));
        }
        Ok(())
    }

    #[inline(never)]
    fn gather_any(&self, codes: &[u32], room: &mut [u8], ends: &mut [i32], begin: usize) {
        let mut end = 0;
        for (code, out) in codes.iter().zip(ends) {
            let code = *code as usize;
            let value = &self.bytes[self.offsets[code] as usize..self.offsets[code + 1] as usize];
            room[end..end + value.len()].copy_from_slice(value);
            end += value.len();
            *out = offset(begin + end);
        }
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let begin = *self.offsets.get(index)? as usize;
        let end = *self.offsets.get(index + 1)? as usize;
        self.bytes.get(begin..end)
    }
}

/// What the pages of a node have in common, as far as byte strings need it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shared<'a> {
    None,
    Dictionary(&'a ByteStrings),
    Symbols(&'a Symbols),
}

/// A sequence of byte strings, still encoded.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a page")]
pub(crate) enum BytesBody<'a> {
    Constant(&'a [u8]),
    Lengths(Strings<'a>),
    Symbols {
        symbols: Cow<'a, Symbols>,
        compressed: Strings<'a>,
        decoded_bytes: usize,
    },
    Dictionary {
        codes: WordBody<'a, u32>,
        values: &'a ByteStrings,
    },
}

/// Byte strings one behind the other, and the size of each.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    len: usize,
    sizes: WordBody<'a, u32>,
    begins: Cow<'a, [u64]>,
    bytes: &'a [u8],
}

/// A few bytes would stand for any number of values that nothing needs.
pub(crate) const SAME_VALUES: Fault = Fault::Page("all values of its dictionary are the same");
const SIZES: Fault = Fault::Page("the sizes of its values do not add up");

impl<'a> Strings<'a> {
    fn parse(parts: &mut Parts<'a>, len: usize) -> Checked<Self> {
        let sizes = WordBody::parse(parts, len, None, 1)?;
        let begins = parts.words::<u64>(len.div_ceil(BLOCK_VALUES) + 1)?;
        let total = begins.last().copied().unwrap_or(0);
        let bytes = parts.take(usize::try_from(total).map_err(|_| SIZES)?)?;
        if begins.first() != Some(&0) || !begins.is_sorted() {
            return Err(SIZES);
        }
        Ok(Self {
            len,
            sizes,
            begins,
            bytes,
        })
    }

    /// Where each value begins; one more than there are.
    fn offsets(&self) -> Checked<Vec<usize>> {
        let mut sizes = vec![0; self.len];
        self.sizes.fill(&mut sizes)?;
        let mut offsets = Vec::with_capacity(self.len + 1);
        let mut end = 0;
        offsets.push(end);
        for (block, begin) in sizes.chunks(BLOCK_VALUES).zip(self.begins.iter()) {
            if *begin != end as u64 {
                return Err(SIZES);
            }
            for size in block {
                end += *size as usize;
                offsets.push(end);
            }
        }
        if end != self.bytes.len() {
            return Err(SIZES);
        }
        Ok(offsets)
    }

    fn get(&self, index: usize) -> Checked<&'a [u8]> {
        let block = index / BLOCK_VALUES;
        let mut begin = usize::try_from(self.begins[block]).map_err(|_| SIZES)?;
        let end = usize::try_from(self.begins[block + 1]).map_err(|_| SIZES)?;
        let mut sizes = [0; BLOCK_VALUES];
        let sizes = self
            .sizes
            .front_of_block(block, index % BLOCK_VALUES + 1, &mut sizes)?;
        let Some((size, before)) = sizes.split_last() else {
            return Err(SIZES);
        };
        for size in before {
            begin = begin.saturating_add(*size as usize);
        }
        let value = begin..begin.saturating_add(*size as usize);
        if value.end > end {
            return Err(SIZES);
        }
        self.bytes.get(value).ok_or(SIZES)
    }
}

impl<'a> BytesBody<'a> {
    pub(crate) fn parse(parts: &mut Parts<'a>, len: usize, shared: Shared<'a>) -> Checked<Self> {
        let head = parts.head()?;
        match head.code {
            code::CONSTANT => Ok(Self::Constant(parts.take(head.count)?)),
            code::LENGTHS => Ok(Self::Lengths(Strings::parse(parts, len)?)),
            code::SYMBOLS => {
                let decoded = parts.u64()?;
                let symbols = match (head.small, shared) {
                    (0, Shared::Symbols(symbols)) => Cow::Borrowed(symbols),
                    (0, _) => return Err(Fault::Page("it has no symbols")),
                    (2.., _) => return Err(Fault::Page("it does not tell where its symbols are")),
                    (1, _) => {
                        let count = parts.u64()?;
                        let count = usize::try_from(count).unwrap_or(usize::MAX);
                        Cow::Owned(Symbols::parse(parts, count)?)
                    }
                };
                let compressed = Strings::parse(parts, len)?;
                let possible = compressed.bytes.len().saturating_mul(SYMBOL_BYTES);
                let decoded_bytes = usize::try_from(decoded)
                    .ok()
                    .filter(|&bytes| bytes <= possible);
                Ok(Self::Symbols {
                    symbols,
                    compressed,
                    decoded_bytes: decoded_bytes.ok_or(SIZES)?,
                })
            }
            code::DICTIONARY => match shared {
                Shared::Dictionary(values) => Ok(Self::Dictionary {
                    codes: WordBody::parse(parts, len, None, 1)?,
                    values,
                }),
                _ => Err(Fault::Page("it has no dictionary")),
            },
            other => Err(Fault::encoding(other)),
        }
    }

    /// Value number `index`; `scratch` is for one that has to be decoded.
    fn get<'o>(&'o self, index: usize, scratch: &'o mut Vec<u8>) -> Checked<&'o [u8]> {
        match self {
            Self::Constant(value) => Ok(value),
            Self::Lengths(values) => values.get(index),
            Self::Symbols {
                symbols,
                compressed,
                ..
            } => {
                let compressed = compressed.get(index)?;
                scratch.clear();
                scratch.resize((compressed.len() + 1) * SYMBOL_BYTES, 0);
                let end = symbols.decode(compressed, scratch, 0)?;
                Ok(&scratch[..end])
            }
            Self::Dictionary { codes, values } => {
                let value = values.get(codes.get(index)? as usize);
                value.ok_or(Fault::Page("a code lies behind its dictionary"))
            }
        }
    }
}

/// The buffers of an Arrow array of byte strings, as they grow.
#[derive(Debug)]
pub(crate) enum BytesOut {
    /// Where each value begins, one more than there are, and the values.
    Offsets { offsets: Vec<i32>, bytes: Vec<u8> },
    Views {
        views: Vec<u128>,
        buffers: Vec<Buffer>,
        /// Which of the buffers the values of the dictionary are.
        dictionary: Option<u32>,
        /// Values that no buffer holds yet.
        bytes: Vec<u8>,
        /// Bytes of all values, which may lie in the buffers many times over.
        total: usize,
    },
}

/// All values of a node in a row group together are smaller.
pub(crate) const MOST_BYTES: usize = i32::MAX as usize;

impl BytesOut {
    pub(crate) fn new(views: bool, len: usize) -> Self {
        if views {
            return Self::Views {
                views: room_for(len),
                buffers: Vec::new(),
                dictionary: None,
                bytes: Vec::new(),
                total: 0,
            };
        }
        let mut offsets = room_for(len + 1);
        offsets.push(0);
        Self::Offsets {
            offsets,
            bytes: Vec::new(),
        }
    }

    /// Appends `count` empty values.
    pub(crate) fn extend_empty(&mut self, count: usize) {
        match self {
            Self::Offsets { offsets, .. } => {
                let end = offsets.last().copied().unwrap_or(0);
                offsets.resize(offsets.len() + count, end);
            }
            Self::Views { views, .. } => views.resize(views.len() + count, 0),
        }
    }

    /// Appends the wanted values of a body, and checks that text is text.
    pub(crate) fn extend(
        &mut self,
        body: &BytesBody<'_>,
        wanted: Wanted<'_>,
        rules: Rules,
    ) -> Checked<()> {
        match body {
            BytesBody::Constant(value) => self.extend_constant(value, wanted.count(), rules),
            BytesBody::Dictionary { codes, values } => {
                self.extend_dictionary(&codes.wanted(wanted)?, values, rules)
            }
            _ if wanted.are_few() => {
                let mut scratch = Vec::new();
                wanted.indices().try_for_each(|index| {
                    let value = body.get(index, &mut scratch)?;
                    check_text(value, &[], rules)?;
                    self.push(value, rules)
                })
            }
            BytesBody::Lengths(values) => {
                let offsets = values.offsets()?;
                for range in wanted.ranges() {
                    self.extend_sliced(values.bytes, &offsets[range.start..=range.end], rules)?;
                }
                Ok(())
            }
            BytesBody::Symbols {
                symbols,
                compressed,
                decoded_bytes,
            } => {
                let ends = compressed.offsets()?;
                rules.check_room(0, *decoded_bytes)?;
                let mut bytes = vec![0; decoded_bytes + SYMBOL_BYTES];
                let mut offsets = Vec::with_capacity(ends.len());
                offsets.push(0);
                let mut end = 0;
                for value in ends.windows(2) {
                    end = symbols.decode(&compressed.bytes[value[0]..value[1]], &mut bytes, end)?;
                    offsets.push(end);
                }
                if end != *decoded_bytes {
                    return Err(SIZES);
                }
                bytes.truncate(end);
                for range in wanted.ranges() {
                    self.extend_sliced(&bytes, &offsets[range.start..=range.end], rules)?;
                }
                Ok(())
            }
        }
    }

    fn extend_constant(&mut self, value: &[u8], count: usize, rules: Rules) -> Checked<()> {
        check_text(value, &[], rules)?;
        match self {
            Self::Offsets { offsets, bytes } => {
                rules.check_room(bytes.len(), value.len().saturating_mul(count))?;
                bytes.reserve(value.len() * count);
                for _ in 0..count {
                    bytes.extend_from_slice(value);
                    offsets.push(offset(bytes.len()));
                }
                Ok(())
            }
            Self::Views { views, total, .. } => {
                *total = rules
                    .check_room(*total, value.len().saturating_mul(count.saturating_sub(1)))?;
                let at = views.len();
                self.push(value, rules)?;
                if let Self::Views { views, .. } = self {
                    let view = views[at];
                    views.resize(at + count, view);
                }
                Ok(())
            }
        }
    }

    fn extend_dictionary(
        &mut self,
        codes: &[u32],
        values: &ByteStrings,
        rules: Rules,
    ) -> Checked<()> {
        if codes
            .iter()
            .copied()
            .max()
            .is_some_and(|most| most as usize >= values.len())
        {
            return Err(Fault::Page("a code lies behind its dictionary"));
        }
        match self {
            Self::Offsets { offsets, bytes } => values.push_named(codes, offsets, bytes, rules)?,
            Self::Views {
                views,
                buffers,
                dictionary,
                bytes,
                total,
            } => {
                let number = *dictionary.get_or_insert_with(|| {
                    flush(buffers, bytes);
                    buffers.push(values.bytes.clone());
                    offset(buffers.len() - 1).cast_unsigned()
                });
                let (table, first) = (values.views.as_slice(), views.len());
                if number == 0 {
                    views.extend(codes.iter().map(|code| table[*code as usize]));
                } else {
                    views.extend(
                        codes
                            .iter()
                            .map(|code| moved(table[*code as usize], number)),
                    );
                }
                let sizes = views[first..].iter().map(|view| size_of_view(*view));
                *total = rules.check_room(*total, sizes.sum())?;
            }
        }
        Ok(())
    }

    /// Appends the values that lie in `bytes` between `ends`, of which there is one more than values.
    fn extend_sliced(&mut self, bytes: &[u8], ends: &[usize], rules: Rules) -> Checked<()> {
        let (Some(&first), Some(&last)) = (ends.first(), ends.last()) else {
            return Ok(());
        };
        let source = &bytes[first..last];
        rules.check_room(0, source.len())?;
        check_text(source, ends, rules)?;
        match self {
            Self::Offsets { offsets, bytes } => {
                rules.check_room(bytes.len(), source.len())?;
                let begin = bytes.len();
                offsets.extend(ends[1..].iter().map(|end| offset(begin + end - first)));
                bytes.extend_from_slice(source);
            }
            Self::Views {
                views,
                buffers,
                bytes,
                total,
                ..
            } => {
                *total = rules.check_room(*total, source.len())?;
                if bytes.len() + source.len() > VIEW_BUFFER_BYTES {
                    flush(buffers, bytes);
                }
                let (number, base) = (offset(buffers.len()).cast_unsigned(), bytes.len());
                bytes.extend_from_slice(source);
                views.extend(ends.windows(2).map(|ends| {
                    let (begin, end) = (ends[0] - first, ends[1] - first);
                    let at = offset(base + begin).cast_unsigned();
                    make_view(&source[begin..end], number, at)
                }));
            }
        }
        Ok(())
    }

    fn push(&mut self, value: &[u8], rules: Rules) -> Checked<()> {
        match self {
            Self::Offsets { offsets, bytes } => {
                rules.check_room(bytes.len(), value.len())?;
                bytes.extend_from_slice(value);
                offsets.push(offset(bytes.len()));
            }
            Self::Views {
                views,
                buffers,
                bytes,
                total,
                ..
            } => {
                *total = rules.check_room(*total, value.len())?;
                if bytes.len() + value.len() > VIEW_BUFFER_BYTES {
                    flush(buffers, bytes);
                }
                let number = offset(buffers.len()).cast_unsigned();
                views.push(make_view(
                    value,
                    number,
                    offset(bytes.len()).cast_unsigned(),
                ));
                if value.len() > INLINE_BYTES {
                    bytes.extend_from_slice(value);
                }
            }
        }
        Ok(())
    }
}

/// Views hold values up to this size in themselves.
const INLINE_BYTES: usize = 12;
/// Bytes that are written for such a value: more than it has, which the next one is written over.
const ROOM: usize = 16;
/// A buffer of views ends in front of the values that would make it larger.
const VIEW_BUFFER_BYTES: usize = 2 << 20;
/// Bytes reserved at most for pages that were not looked at.
const MOST_RESERVED_BYTES: usize = 64 << 20;

/// The values of `size` bytes that codes name.
fn gather(codes: &[u32], values: &[u8], size: usize, out: &mut [u8]) {
    #[inline(never)]
    fn sized<const SIZE: usize>(codes: &[u32], values: &[u8], out: &mut [u8]) {
        let values = values.as_chunks::<SIZE>().0;
        for (code, out) in codes.iter().zip(out.as_chunks_mut::<SIZE>().0) {
            *out = values[*code as usize];
        }
    }
    match size {
        0 => {}
        1 => sized::<1>(codes, values, out),
        2 => sized::<2>(codes, values, out),
        3 => sized::<3>(codes, values, out),
        4 => sized::<4>(codes, values, out),
        5 => sized::<5>(codes, values, out),
        6 => sized::<6>(codes, values, out),
        7 => sized::<7>(codes, values, out),
        8 => sized::<8>(codes, values, out),
        10 => sized::<10>(codes, values, out),
        12 => sized::<12>(codes, values, out),
        16 => sized::<16>(codes, values, out),
        19 => sized::<19>(codes, values, out),
        20 => sized::<20>(codes, values, out),
        24 => sized::<24>(codes, values, out),
        32 => sized::<32>(codes, values, out),
        36 => sized::<36>(codes, values, out),
        _ => {
            for (code, out) in codes.iter().zip(out.chunks_exact_mut(size)) {
                out.copy_from_slice(&values[*code as usize * size..][..size]);
            }
        }
    }
}

/// The values that codes name, all of them short enough to lie in their views, and where each ends, counted from `begin`.
#[inline(never)]
fn gather_inline(codes: &[u32], views: &[u128], room: &mut [u8], ends: &mut [i32], begin: usize) {
    let mut end = 0;
    for (code, out) in codes.iter().zip(ends) {
        let view = views[*code as usize];
        // What is behind the value is overwritten by the next one.
        room[end..end + ROOM].copy_from_slice(&(view >> 32).to_le_bytes());
        end += size_of_view(view);
        *out = offset(begin + end);
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the lowest four bytes of a view are its size"
)]
const fn size_of_view(view: u128) -> usize {
    view as u32 as usize
}

fn flush(buffers: &mut Vec<Buffer>, bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        buffers.push(Buffer::from_vec(std::mem::take(bytes)));
    }
}

/// A view of the first buffer, in buffer number `number`.
fn moved(view: u128, number: u32) -> u128 {
    let size = view & u128::from(u32::MAX);
    if size <= INLINE_BYTES as u128 {
        view
    } else {
        view + (u128::from(number) << 64)
    }
}

/// Arrow's form of an offset; [`Rules::check_room`] has seen that it fits.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "checked"
)]
const fn offset(bytes: usize) -> i32 {
    bytes as i32
}

/// What the values of a node have to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// They are UTF-8.
    pub(crate) text: bool,
    /// Bytes that the chunk says it decodes to.
    pub(crate) decoded_bytes: u64,
}

impl Rules {
    /// Bytes of an array that has some and gets more.
    pub(crate) fn check_room(self, have: usize, more: usize) -> Checked<usize> {
        let bytes = have.saturating_add(more);
        if bytes > MOST_BYTES {
            return Err(Fault::Page("its values are larger than one array can hold"));
        }
        if bytes as u64 > self.decoded_bytes {
            return Err(Fault::Page("its values take more than decoded_data_size"));
        }
        Ok(bytes)
    }
}

/// Checks that bytes are UTF-8 and that no value begins or ends inside of a character.
fn check_text(bytes: &[u8], ends: &[usize], rules: Rules) -> Checked<()> {
    if !rules.text || bytes.is_ascii() {
        return Ok(());
    }
    let checked = std::str::from_utf8(bytes).map_err(|_| Fault::Utf8)?;
    let first = ends.first().copied().unwrap_or(0);
    if ends.iter().all(|end| checked.is_char_boundary(end - first)) {
        return Ok(());
    }
    Err(Fault::Utf8)
}
