//! Bodies to words: checked once, then filled in whole or looked up one by one.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "lengths, widths, ends and positions are checked when a body is parsed"
)]

use std::borrow::Cow;

use super::kernels::{BLOCK_VALUES, Lane, block_bytes, unpack_one};
use super::plan::decimal_bits;
use super::{MAX_BODY_DEPTH, MAX_EXPONENT, code};
use crate::error::{Checked, Fault};
use crate::front::MAX_PAGE_LOG2;
use crate::page::{Parts, Wanted, ascend};

/// Values that a page has at most; a dictionary may have more.
const PAGE_VALUES: usize = 1 << MAX_PAGE_LOG2;

/// A sequence of words, still encoded.
#[derive(Debug)]
pub(crate) enum WordBody<'a, T: Lane> {
    Plain(Cow<'a, [T]>),
    Constant(T),
    Packed(Packed<'a, T>),
    Delta {
        starts: Cow<'a, [u64]>,
        differences: Box<WordBody<'a, T>>,
    },
    Dictionary {
        codes: Box<WordBody<'a, u32>>,
        values: &'a [T],
    },
    Runs {
        ends: Vec<u32>,
        values: Vec<T>,
    },
    Planes {
        reference: T,
        planes: &'a [u8],
        len: usize,
    },
    Decimal {
        exponent: usize,
        numbers: Box<WordBody<'a, u64>>,
        exceptions: Exceptions<'a, T>,
    },
}

/// Words packed in blocks.
#[derive(Debug)]
pub(crate) struct Packed<'a, T: Lane> {
    references: Cow<'a, [u64]>,
    widths: &'a [u8],
    words: Cow<'a, [T]>,
    exceptions: Exceptions<'a, T>,
}

/// Values that stand beside the encoding, by their positions.
#[derive(Debug)]
pub(crate) struct Exceptions<'a, T: Lane> {
    positions: Cow<'a, [u16]>,
    values: Cow<'a, [T]>,
}

impl<'a, T: Lane> Exceptions<'a, T> {
    fn parse(parts: &mut Parts<'a>, count: usize, len: usize) -> Checked<Self> {
        if count == 0 {
            return Ok(Self {
                positions: Cow::Borrowed(&[]),
                values: Cow::Borrowed(&[]),
            });
        }
        let positions = parts.words::<u16>(count)?;
        if !ascend(&positions)
            || positions
                .last()
                .is_none_or(|&last| usize::from(last) >= len)
        {
            return Err(Fault::Page("its exceptions are out of order"));
        }
        let values = parts.words(count)?;
        Ok(Self { positions, values })
    }

    fn fill(&self, out: &mut [T]) {
        for (position, value) in self.positions.iter().zip(self.values.iter()) {
            out[usize::from(*position)] = *value;
        }
    }

    /// Those of one block.
    fn fill_block(&self, block: usize, out: &mut [T; BLOCK_VALUES]) {
        let Self { positions, values } = self;
        let begin = block * BLOCK_VALUES;
        let first = positions.partition_point(|&position| usize::from(position) < begin);
        for (position, value) in positions[first..].iter().zip(&values[first..]) {
            match out.get_mut(usize::from(*position) - begin) {
                Some(out) => *out = *value,
                None => break,
            }
        }
    }

    fn get(&self, index: usize) -> Option<T> {
        let position = u16::try_from(index).ok()?;
        let found = self.positions.binary_search(&position).ok()?;
        self.values.get(found).copied()
    }
}

impl<'a, T: Lane> WordBody<'a, T> {
    /// Takes a body of `len` words off `parts` and checks it; `values` are those of the shared page, `depth` the bodies
    /// that this one lies in.
    pub(crate) fn parse(
        parts: &mut Parts<'a>,
        len: usize,
        values: Option<&'a [T]>,
        depth: usize,
    ) -> Checked<Self> {
        Self::parse_any(parts, len, values, depth, false)
    }

    /// The same; `floats` may be decimals.
    pub(crate) fn parse_any(
        parts: &mut Parts<'a>,
        len: usize,
        values: Option<&'a [T]>,
        depth: usize,
        floats: bool,
    ) -> Checked<Self> {
        if depth >= MAX_BODY_DEPTH {
            return Err(Fault::Page("its encodings nest too deep"));
        }
        let nested = depth + 1;
        let head = parts.head()?;
        match head.code {
            code::PLAIN => Ok(Self::Plain(parts.words(len)?)),
            code::CONSTANT => {
                if head.count != T::BYTES {
                    return Err(Fault::Page("its constant has another size"));
                }
                let words = parts.words::<T>(1)?;
                Ok(Self::Constant(words.first().copied().unwrap_or_default()))
            }
            code::PACKED => Ok(Self::Packed(Packed::parse(parts, len, head.count)?)),
            code::DELTA => Ok(Self::Delta {
                starts: parts.words(len.div_ceil(BLOCK_VALUES))?,
                differences: Box::new(Self::parse(parts, len, None, nested)?),
            }),
            code::DICTIONARY => {
                let values = values.ok_or(Fault::Page("it has no dictionary"))?;
                let codes = WordBody::parse(parts, len, None, nested)?;
                Ok(Self::Dictionary {
                    codes: Box::new(codes),
                    values,
                })
            }
            code::RUNS => {
                let ends = run_ends(parts, head.count, len, nested)?;
                let body = Self::parse_any(parts, head.count, None, nested, floats)?;
                let mut values = vec![T::default(); head.count];
                body.fill(&mut values)?;
                Ok(Self::Runs { ends, values })
            }
            code::PLANES => {
                let reference = T::from_u64(parts.u64()?);
                let planes = usize::from(head.small);
                if planes > T::BYTES {
                    return Err(Fault::Page("it has more planes than bytes"));
                }
                let planes = parts.take(planes * len)?;
                Ok(Self::Planes {
                    reference,
                    planes,
                    len,
                })
            }
            code::DECIMAL if floats => {
                let exponent = usize::from(head.small);
                if exponent > MAX_EXPONENT || T::BYTES < 4 {
                    return Err(Fault::Page("its exponent is out of range"));
                }
                Ok(Self::Decimal {
                    exponent,
                    numbers: Box::new(WordBody::parse(parts, len, None, nested)?),
                    exceptions: Exceptions::parse(parts, head.count, len)?,
                })
            }
            other => Err(Fault::encoding(other)),
        }
    }

    /// All values, in `out`, which has room for just these.
    pub(crate) fn fill(&self, out: &mut [T]) -> Checked<()> {
        match self {
            Self::Plain(words) => out.copy_from_slice(words),
            Self::Constant(value) => out.fill(*value),
            Self::Packed(packed) => packed.fill(out),
            Self::Delta {
                starts,
                differences,
            } => {
                differences.fill(out)?;
                for (block, start) in out.chunks_mut(BLOCK_VALUES).zip(starts.iter()) {
                    let mut sum = T::from_u64(*start);
                    for value in block {
                        sum = sum.wrapping_add(*value);
                        *value = sum;
                    }
                }
            }
            Self::Dictionary { codes, values } => {
                let mut block = [0; BLOCK_VALUES];
                for (number, out) in out.chunks_mut(BLOCK_VALUES).enumerate() {
                    let codes = codes.block(number, out.len(), &mut block)?;
                    gather(codes, values, out)?;
                }
            }
            Self::Runs { ends, values } => {
                let mut begin = 0;
                for (end, value) in ends.iter().zip(values) {
                    let end = *end as usize;
                    out[begin..end].fill(*value);
                    begin = end;
                }
            }
            Self::Planes {
                reference,
                planes,
                len,
            } => fill_planes(*reference, planes, *len, out),
            Self::Decimal {
                exponent,
                numbers,
                exceptions,
            } => {
                let convert = |out: &mut [T], numbers: &[u64]| {
                    for (out, number) in out.iter_mut().zip(numbers) {
                        *out = decimal_bits(number.cast_signed(), *exponent);
                    }
                };
                if out.len() > PAGE_VALUES {
                    // To find a block takes a look at all in front of it.
                    let mut all = vec![0; out.len()];
                    numbers.fill(&mut all)?;
                    convert(out, &all);
                } else {
                    let mut block = [0; BLOCK_VALUES];
                    for (number, out) in out.chunks_mut(BLOCK_VALUES).enumerate() {
                        convert(out, numbers.block(number, out.len(), &mut block)?);
                    }
                }
                exceptions.fill(out);
            }
        }
        Ok(())
    }

    /// The wanted values, in `out`, which has room for just these.
    fn fill_wanted(&self, wanted: Wanted<'_>, out: &mut [T]) -> Checked<()> {
        if wanted.count() == wanted.len() {
            return self.fill(out);
        }
        if wanted.are_few() {
            for (out, index) in out.iter_mut().zip(wanted.indices()) {
                *out = self.get(index)?;
            }
            return Ok(());
        }
        let mut all = vec![T::default(); wanted.len()];
        self.fill(&mut all)?;
        let mut rest = out;
        for range in wanted.ranges() {
            let (out, behind) = rest.split_at_mut(range.len());
            out.copy_from_slice(&all[range.clone()]);
            rest = behind;
        }
        Ok(())
    }

    /// Appends the wanted values.
    pub(crate) fn append_wanted(&self, wanted: Wanted<'_>, out: &mut Vec<T>) -> Checked<()> {
        if let Self::Plain(words) = self {
            for range in wanted.ranges() {
                out.extend_from_slice(&words[range.clone()]);
            }
            return Ok(());
        }
        // Page by page: what was just filled with zeros is still near the processor.
        let filled = out.len();
        out.resize(filled + wanted.count(), T::default());
        self.fill_wanted(wanted, &mut out[filled..])
    }

    /// The wanted values.
    pub(crate) fn wanted(&self, wanted: Wanted<'_>) -> Checked<Vec<T>> {
        let mut out = Vec::with_capacity(wanted.count());
        self.append_wanted(wanted, &mut out)?;
        Ok(out)
    }

    /// The values of one block, `len` of them.
    fn block<'o>(
        &'o self,
        number: usize,
        len: usize,
        out: &'o mut [T; BLOCK_VALUES],
    ) -> Checked<&'o [T]> {
        let begin = number * BLOCK_VALUES;
        let range = begin..begin + len;
        match self {
            Self::Plain(words) => Ok(&words[range]),
            Self::Constant(value) => {
                out.fill(*value);
                Ok(&out[..len])
            }
            Self::Packed(packed) => {
                packed.unpack(number, out);
                packed.exceptions.fill_block(number, out);
                Ok(&out[..len])
            }
            Self::Delta {
                starts,
                differences,
            } => {
                let mut nested = [T::default(); BLOCK_VALUES];
                let differences = differences.block(number, len, &mut nested)?;
                let mut sum = T::from_u64(starts[number]);
                for (out, difference) in out.iter_mut().zip(differences) {
                    sum = sum.wrapping_add(*difference);
                    *out = sum;
                }
                Ok(&out[..len])
            }
            Self::Dictionary { codes, values } => {
                let mut nested = [0; BLOCK_VALUES];
                gather(codes.block(number, len, &mut nested)?, values, out)?;
                Ok(&out[..len])
            }
            Self::Decimal {
                exponent,
                numbers,
                exceptions,
            } => {
                let mut nested = [0; BLOCK_VALUES];
                let numbers = numbers.block(number, len, &mut nested)?;
                for (out, number) in out.iter_mut().zip(numbers) {
                    *out = decimal_bits(number.cast_signed(), *exponent);
                }
                exceptions.fill_block(number, out);
                Ok(&out[..len])
            }
            // Each of these costs a step or two.
            Self::Runs { .. } | Self::Planes { .. } => {
                for (index, out) in range.zip(out.iter_mut()) {
                    *out = self.get(index)?;
                }
                Ok(&out[..len])
            }
        }
    }

    /// The first `len` values of a block, or more.
    pub(crate) fn front_of_block<'o>(
        &'o self,
        number: usize,
        len: usize,
        out: &'o mut [T; BLOCK_VALUES],
    ) -> Checked<&'o [T]> {
        let values = self.block(number, len, out)?;
        Ok(&values[..len])
    }

    /// Value number `index`, which is below the number of values.
    pub(crate) fn get(&self, index: usize) -> Checked<T> {
        match self {
            Self::Plain(words) => Ok(words[index]),
            Self::Constant(value) => Ok(*value),
            Self::Packed(packed) => Ok(packed.get(index)),
            Self::Delta {
                starts,
                differences,
            } => {
                let block = index / BLOCK_VALUES;
                let mut sum = T::from_u64(starts[block]);
                let mut values = [T::default(); BLOCK_VALUES];
                let len = index % BLOCK_VALUES + 1;
                for value in differences.block(block, len, &mut values)? {
                    sum = sum.wrapping_add(*value);
                }
                Ok(sum)
            }
            Self::Dictionary { codes, values } => {
                let code = codes.get(index)? as usize;
                let value = values.get(code).copied();
                value.ok_or(Fault::Page("a code lies behind its dictionary"))
            }
            Self::Runs { ends, values } => {
                let run = ends.partition_point(|&end| end as usize <= index);
                Ok(values[run])
            }
            Self::Planes {
                reference,
                planes,
                len,
            } => {
                let bytes = planes.iter().skip(index).step_by((*len).max(1));
                let number = bytes
                    .rev()
                    .fold(0, |number, &byte| number << 8 | u64::from(byte));
                Ok(reference.wrapping_add(T::from_u64(number)))
            }
            Self::Decimal {
                exponent,
                numbers,
                exceptions,
            } => {
                if let Some(value) = exceptions.get(index) {
                    return Ok(value);
                }
                Ok(decimal_bits(numbers.get(index)?.cast_signed(), *exponent))
            }
        }
    }
}

impl<'a, T: Lane> Packed<'a, T> {
    fn parse(parts: &mut Parts<'a>, len: usize, exceptions: usize) -> Checked<Self> {
        let blocks = len.div_ceil(BLOCK_VALUES);
        let references = parts.words(blocks)?;
        let widths = parts.take(blocks)?;
        if widths.iter().any(|&width| u32::from(width) > T::BITS) {
            return Err(Fault::Page("its packed words are wider than its values"));
        }
        let bytes: usize = widths.iter().map(|&width| block_bytes(width)).sum();
        Ok(Self {
            references,
            widths,
            words: parts.words(bytes / T::BYTES)?,
            exceptions: Exceptions::parse(parts, exceptions, len)?,
        })
    }

    /// The words of a block and of all that follow. A page has at most 64: their widths are summed
    /// faster than their places are kept.
    fn block_words(&self, block: usize) -> &[T] {
        let bytes: usize = self.widths[..block]
            .iter()
            .map(|&width| block_bytes(width))
            .sum();
        &self.words[bytes / T::BYTES..]
    }

    fn unpack(&self, block: usize, out: &mut [T; BLOCK_VALUES]) {
        let reference = T::from_u64(self.references[block]);
        T::unpack(self.block_words(block), reference, self.widths[block], out);
    }

    fn fill(&self, out: &mut [T]) {
        // A dictionary may have any number of blocks.
        let mut words = &self.words[..];
        let blocks = self.references.iter().zip(self.widths);
        for (out, (reference, width)) in out.chunks_mut(BLOCK_VALUES).zip(blocks) {
            let reference = T::from_u64(*reference);
            match out.first_chunk_mut() {
                Some(out) => T::unpack(words, reference, *width, out),
                None => {
                    let mut block = [T::default(); BLOCK_VALUES];
                    T::unpack(words, reference, *width, &mut block);
                    out.copy_from_slice(&block[..out.len()]);
                }
            }
            words = &words[block_bytes(*width) / T::BYTES..];
        }
        self.exceptions.fill(out);
    }

    fn get(&self, index: usize) -> T {
        if let Some(value) = self.exceptions.get(index) {
            return value;
        }
        let (block, within) = (index / BLOCK_VALUES, index % BLOCK_VALUES);
        let reference = T::from_u64(self.references[block]);
        unpack_one(
            self.block_words(block),
            reference,
            self.widths[block],
            within,
        )
    }
}

/// The value of each code.
fn gather<T: Lane>(codes: &[u32], values: &[T], out: &mut [T]) -> Checked<()> {
    let most = codes.iter().copied().max().unwrap_or(0);
    if most as usize >= values.len() {
        return Err(Fault::Page("a code lies behind its dictionary"));
    }
    for (out, code) in out.iter_mut().zip(codes) {
        *out = values[*code as usize];
    }
    Ok(())
}

fn fill_planes<T: Lane>(reference: T, planes: &[u8], len: usize, out: &mut [T]) {
    let plane = |number: usize| &planes[number * len..(number + 1) * len];
    match planes.len().checked_div(len).unwrap_or(0) {
        0 => out.fill(reference),
        1 => {
            for (out, low) in out.iter_mut().zip(plane(0)) {
                *out = reference.wrapping_add(T::from_u64(u64::from(*low)));
            }
        }
        2 => {
            for ((out, low), high) in out.iter_mut().zip(plane(0)).zip(plane(1)) {
                let number = u16::from_le_bytes([*low, *high]);
                *out = reference.wrapping_add(T::from_u64(u64::from(number)));
            }
        }
        count => {
            out.fill(reference);
            for number in 0..count {
                for (out, byte) in out.iter_mut().zip(plane(number)) {
                    // Bytes do not carry into each other before the reference is added; addition is associative.
                    *out = out.wrapping_add(T::from_u64(u64::from(*byte) << (8 * number)));
                }
            }
        }
    }
}

/// Where each of `runs` ends: strictly ascending, the last one at `len`.
pub(crate) fn run_ends(
    parts: &mut Parts<'_>,
    runs: usize,
    len: usize,
    depth: usize,
) -> Checked<Vec<u32>> {
    if runs == 0 || runs > len {
        return Err(Fault::Page("it has more runs than values"));
    }
    let mut ends = vec![0; runs];
    WordBody::parse(parts, runs, None, depth)?.fill(&mut ends)?;
    let ascend = ends.is_sorted_by(|a, b| a < b) && ends.first().is_some_and(|&first| first > 0);
    if !ascend || ends.last().is_none_or(|&last| last as usize != len) {
        return Err(Fault::Page("its runs do not end where its values do"));
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::super::{WordPlan, plan_words, push_words_body};
    use super::*;
    use crate::node::{Word, WordKind};
    use crate::options::Effort;
    use proptest::prelude::*;

    fn check<T: Lane>(values: &[T], word: Word, effort: Effort) -> usize {
        let plan = plan_words(values, word, effort, true).plan;
        let mut bytes = 0;
        let half = (values.len() / 2)
            .next_multiple_of(BLOCK_VALUES)
            .min(values.len() / BLOCK_VALUES * BLOCK_VALUES);
        for range in [0..values.len(), half..values.len()] {
            let mut out = Vec::new();
            push_words_body(&mut out, values, range.clone(), word, &plan, effort);
            let shared = match &plan {
                WordPlan::Dictionary { values, .. } => Some(values.as_slice()),
                _ => None,
            };
            let mut parts = Parts::new(&out);
            let body = WordBody::parse_any(&mut parts, range.len(), shared, 0, true).unwrap();
            parts.finish().unwrap();
            let mut back = vec![T::default(); range.len()];
            body.fill(&mut back).unwrap();
            assert_eq!(back, values[range.clone()]);
            for index in (0..range.len()).step_by(97) {
                assert_eq!(body.get(index).unwrap(), values[range.start + index]);
            }
            bytes = bytes.max(out.len());
        }
        bytes
    }

    #[test]
    fn each_encoding_is_chosen_and_comes_back() {
        let n = 9_000_u64;
        let noise = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let word = Word::SIGNED_8;
        let columns: [(&str, Vec<u64>); 6] = [
            ("constant", (0..n).map(|_| 7).collect()),
            ("packed", (0..n).map(|i| noise(i) % 1000).collect()),
            (
                "negative",
                (0..n)
                    .map(|i| (noise(i) % 1000).wrapping_sub(500))
                    .collect(),
            ),
            (
                "delta",
                (0..n)
                    .map(|i| (1 << 40) + i * 1000 + noise(i) % 3)
                    .collect(),
            ),
            (
                "dictionary",
                (0..n).map(|i| noise(i) % 7 * 1_000_000_007).collect(),
            ),
            ("runs", (0..n).map(|i| noise(i / 100)).collect()),
        ];
        for (name, values) in &columns {
            let found = match plan_words(values, word, Effort::Balanced, true).plan {
                WordPlan::Packed(_) => "packed",
                WordPlan::Delta => "delta",
                WordPlan::Dictionary { .. } => "dictionary",
                WordPlan::Runs => "runs",
                WordPlan::Decimal(_) => "decimal",
            };
            let expected = match *name {
                "constant" | "negative" => "packed",
                other => other,
            };
            assert_eq!(found, expected, "{name}");
            for effort in [Effort::Spill, Effort::Balanced, Effort::Bytes] {
                check(values, word, effort);
            }
        }
        let outliers: Vec<u64> = (0..n)
            .map(|i| if i % 500 == 3 { noise(i) } else { i % 50 })
            .collect();
        assert!(
            check(&outliers, word, Effort::Balanced) < check(&outliers, word, Effort::Spill) / 2
        );
        #[allow(clippy::cast_precision_loss)]
        let decimals: Vec<u64> = (0..n)
            .map(|i| (((noise(i) % 100_000) as f64 - 30_000.0) / 100.0).to_bits())
            .collect();
        let float = Word {
            bytes: 8,
            kind: WordKind::Float,
        };
        assert!(check(&decimals, float, Effort::Balanced) < decimals.len() * 3);
        #[allow(clippy::cast_precision_loss)]
        let singles: Vec<u32> = (0..n)
            .map(|i| ((noise(i) % 100_000) as f32 / 100.0).to_bits())
            .collect();
        let float = Word {
            bytes: 4,
            kind: WordKind::Float,
        };
        assert!(check(&singles, float, Effort::Balanced) < singles.len() * 3);
    }

    proptest! {
        #[test]
        fn any_words_come_back(
            values in prop_oneof![
                prop::collection::vec(any::<u64>(), 1..3000),
                prop::collection::vec(0..5_u64, 1..3000),
                prop::collection::vec(prop_oneof![9 => 0..100_u64, 1 => any::<u64>()], 1..3000),
                prop::collection::vec(any::<f64>().prop_map(f64::to_bits), 1..300),
                prop::collection::vec((-1000..1000_i32).prop_map(|i| (f64::from(i) / 8.0).to_bits()), 1..3000),
            ],
            kind in prop_oneof![Just(WordKind::Unsigned), Just(WordKind::Signed), Just(WordKind::Float)],
            effort in prop_oneof![Just(Effort::Spill), Just(Effort::Balanced), Just(Effort::Bytes)],
        ) {
            check(&values, Word { bytes: 8, kind }, effort);
            let values: Vec<u32> = values.iter().map(|&value| u32::from_u64(value)).collect();
            check(&values, Word { bytes: 4, kind }, effort);
            let kind = if kind == WordKind::Float { WordKind::Signed } else { kind };
            let values: Vec<u16> = values.iter().map(|&value| u16::from_u64(value.into())).collect();
            check(&values, Word { bytes: 2, kind }, effort);
            let values: Vec<u8> = values.iter().map(|&value| u8::from_u64(value.into())).collect();
            check(&values, Word { bytes: 1, kind }, effort);
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 1..3000_usize) {
            let mut bytes = bytes;
            if let Some(code) = bytes.first_mut() {
                *code %= 12;
            }
            let mut out = vec![0_u32; len];
            if let Ok(body) = WordBody::parse_any(&mut Parts::new(&bytes), len, Some(&[1, 2, 3]), 0, true) {
                let _ = body.fill(&mut out);
                let _ = body.get(len - 1);
            }
        }
    }
}
