//! Which encoding takes the fewest bytes for the words of a row group. Costs are exact where a pass over the values tells
//! them, in bytes.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes and places of values that are in memory"
)]

use hashbrown::HashMap;

use super::MAX_EXPONENT;
use super::kernels::{BLOCK_VALUES, Lane, block_bytes};
use crate::node::{Word, WordKind};
use crate::options::Effort;
use crate::page::small;

/// How the words of a row group are encoded.
#[derive(Debug)]
pub(crate) enum WordPlan<T> {
    /// Frame of reference, packed in few bits; with exceptions or without.
    Packed(Vec<Block<T>>),
    /// Differences, packed.
    Delta,
    /// Indices of distinct values.
    Dictionary {
        /// The distinct values.
        values: Vec<T>,
        /// For each value its index there.
        codes: Vec<u32>,
    },
    Runs,
    /// Floats that are decimal numbers.
    Decimal(Decimals),
}

/// How a block is packed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<T> {
    pub(super) reference: T,
    pub(super) width: u8,
    /// Some of its values need more bits.
    pub(super) has_exceptions: bool,
}

/// A plan, and what was seen on the way to it.
#[derive(Debug)]
pub(crate) struct PlannedWords<T> {
    pub(crate) plan: WordPlan<T>,
    /// The smallest and the largest value, as numbers that have a sign or none.
    pub(crate) bounds: (T, T),
}

/// Floats as decimal numbers: whole numbers to be divided by a power of ten.
#[derive(Debug)]
pub(crate) struct Decimals {
    pub(crate) exponent: usize,
    pub(crate) words: Vec<u64>,
    /// Indices of the values that are none.
    pub(crate) exceptions: Vec<usize>,
}

/// The value that orders words as their numbers are ordered, when it is xored with them.
pub(crate) fn flip<T: Lane>(kind: WordKind) -> T {
    match kind {
        WordKind::Signed => T::SIGN,
        WordKind::Unsigned | WordKind::Float => T::default(),
    }
}

/// The plan that takes the fewest bytes. Only words that have a shared page can have a dictionary.
pub(crate) fn plan_words<T: Lane>(
    values: &[T],
    word: Word,
    effort: Effort,
    is_shared: bool,
) -> PlannedWords<T> {
    let flip = flip::<T>(word.kind);
    let survey = Survey::new(values, flip);
    PlannedWords {
        plan: choose(values, &survey, flip, word, effort, is_shared),
        bounds: (survey.least.xor(flip), survey.most.xor(flip)),
    }
}

fn choose<T: Lane>(
    values: &[T],
    survey: &Survey<T>,
    flip: T,
    word: Word,
    effort: Effort,
    is_shared: bool,
) -> WordPlan<T> {
    let width = survey.width();
    // An end of about 12 bits and a value for each run.
    let runs_bytes = survey.runs * (usize::from(width) + 12).div_ceil(8);
    if width > 0 && survey.runs * 32 < values.len() {
        // Hardly ever more than a bit for each value.
        return WordPlan::Runs;
    }
    let (packed, packed_bytes) = survey.packed(values, flip, effort);
    let mut best = (
        WordPlan::Packed(packed),
        packed_bytes.min(values.len() * T::BYTES),
    );
    if width == 0 {
        return best.0;
    }
    if survey.runs * 8 < values.len() && runs_bytes < best.1 {
        best = (WordPlan::Runs, runs_bytes);
    }
    if is_shared && let Some(dictionary) = dictionary(values, flip, survey, effort, best.1) {
        best = dictionary;
    }
    if effort == Effort::Spill {
        return best.0;
    }
    if word.kind == WordKind::Float {
        if let Some(decimals) = decimals(values) {
            let bytes = packed_bytes_of(&decimals.words, u64::SIGN, effort);
            if bytes + decimals.exceptions.len() * (T::BYTES + 2) < best.1 {
                return WordPlan::Decimal(decimals);
            }
        }
    } else if delta_pays(values, best.1, effort) {
        return WordPlan::Delta;
    }
    best.0
}

/// What a pass over the values tells.
struct Survey<T> {
    /// The smallest and the largest value of each block, flipped.
    blocks: Vec<(T, T)>,
    /// Those of all values.
    least: T,
    most: T,
    runs: usize,
}

impl<T: Lane> Survey<T> {
    fn new(values: &[T], flip: T) -> Self {
        let mut blocks = Vec::with_capacity(values.len().div_ceil(BLOCK_VALUES));
        let mut runs = 1;
        for (number, block) in values.chunks(BLOCK_VALUES).enumerate() {
            blocks.push(bounds(block, flip));
            // With the first value of the next block.
            let next = values.get(number * BLOCK_VALUES + 1..).unwrap_or_default();
            runs += block
                .iter()
                .zip(next)
                .map(|(a, b)| usize::from(a != b))
                .sum::<usize>();
        }
        Self {
            least: blocks.iter().map(|block| block.0).min().unwrap_or(flip),
            most: blocks.iter().map(|block| block.1).max().unwrap_or(flip),
            blocks,
            runs,
        }
    }

    /// Bits of the largest difference of two values.
    fn width(&self) -> u8 {
        self.most.wrapping_sub(self.least).width()
    }

    /// How each block is packed, and how many bytes all take.
    fn packed(&self, values: &[T], flip: T, effort: Effort) -> (Vec<Block<T>>, usize) {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        let mut bytes = 0;
        for (block, &(low, high)) in values.chunks(BLOCK_VALUES).zip(&self.blocks) {
            let (block, block_bytes) = best_block(block, flip, low, high, effort);
            blocks.push(block);
            bytes += block_bytes;
        }
        (blocks, bytes)
    }
}

/// The smallest and the largest value, flipped.
pub(super) fn bounds<T: Lane>(values: &[T], flip: T) -> (T, T) {
    let first = values.first().map_or(flip, |first| first.xor(flip));
    let add = |(low, high): (T, T), value: &T| {
        let value = value.xor(flip);
        (low.min(value), high.max(value))
    };
    if T::BYTES < 8 {
        return values.iter().fold((first, first), add);
    }
    // Two and two: vectors of all processors cannot compare words of 8 bytes, and one after the other they would have to
    // wait for each other.
    let (pairs, rest) = values.as_chunks::<2>();
    let start = ((first, first), (first, first));
    let (even, odd) = pairs
        .iter()
        .fold(start, |(even, odd), [a, b]| (add(even, a), add(odd, b)));
    let (low, high) = rest.iter().fold(even, add);
    (low.min(odd.0), high.max(odd.1))
}

/// The width of a block for which packed words and exceptions take the fewest bytes, and how many these are.
fn best_block<T: Lane>(block: &[T], flip: T, low: T, high: T, effort: Effort) -> (Block<T>, usize) {
    let full = high.wrapping_sub(low).width();
    let reference = low.xor(flip);
    let mut best = (full, block_bytes(full));
    let exception_bytes = T::BYTES + 2;
    // With more exceptions no width below is less than 15/16 of the full one.
    let most = (block_bytes(full) * 15 / 16).saturating_sub(block_bytes(1)) / exception_bytes;
    let may_pay = || {
        let above = block
            .iter()
            .map(|value| value.wrapping_sub(reference).above(full - 1));
        above.fold(T::default(), T::wrapping_add).to_u64() <= most as u64
    };
    if effort != Effort::Spill && full >= 3 && (T::BYTES == 1 || may_pay()) {
        let mut exceptions = 0;
        let widths = widths(block, reference);
        for width in (1..full).rev() {
            exceptions += usize::from(widths[usize::from(width) + 1]);
            let bytes = block_bytes(width) + exceptions * exception_bytes;
            // Exceptions cost time.
            if bytes * 16 < best.1 * 15 {
                best = (width, bytes);
            }
            if exceptions > BLOCK_VALUES / 8 {
                break;
            }
        }
    }
    let block = Block {
        reference,
        width: best.0,
        has_exceptions: best.0 < full,
    };
    (block, best.1 + 9)
}

/// How many values of a block have each width above the reference.
fn widths<T: Lane>(block: &[T], reference: T) -> [u16; 65] {
    // Side by side: adding to the same counter again and again has to wait.
    let mut counts = [[0_u16; 65]; 4];
    for values in block.chunks(4) {
        for (value, counts) in values.iter().zip(&mut counts) {
            counts[usize::from(value.wrapping_sub(reference).width())] += 1;
        }
    }
    std::array::from_fn(|width| counts.iter().map(|counts| counts[width]).sum())
}

/// How each block is packed.
pub(super) fn blocks_of<T: Lane>(values: &[T], flip: T, effort: Effort) -> Vec<Block<T>> {
    let blocks = values.chunks(BLOCK_VALUES);
    blocks
        .map(|block| packed_block(block, flip, effort).0)
        .collect()
}

fn packed_block<T: Lane>(block: &[T], flip: T, effort: Effort) -> (Block<T>, usize) {
    let (low, high) = bounds(block, flip);
    best_block(block, flip, low, high, effort)
}

fn packed_bytes_of<T: Lane>(values: &[T], flip: T, effort: Effort) -> usize {
    let blocks = values.chunks(BLOCK_VALUES);
    blocks
        .map(|block| packed_block(block, flip, effort).1)
        .sum()
}

/// Differences of neighbours, block by block; the first of each is that of the second.
pub(super) fn differences<T: Lane>(values: &[T]) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    for block in values.chunks(BLOCK_VALUES) {
        let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
        let mut differences = pairs.map(|(a, b)| b.wrapping_sub(*a));
        let first = differences.next();
        out.push(first.unwrap_or_default());
        out.extend(first);
        out.extend(differences);
    }
    out
}

/// Whether differences take less than `most` bytes. A value of them costs its block: they have to be less by a fifth.
fn delta_pays<T: Lane>(values: &[T], most: usize, effort: Effort) -> bool {
    let bytes = |values: &[T]| packed_bytes_of(&differences(values), T::SIGN, effort) + 8;
    // A few blocks tell for most columns.
    let count = values.len().div_ceil(BLOCK_VALUES);
    if count > 16 {
        let some = values.chunks(BLOCK_VALUES).step_by(count / 4);
        let of_some = some.clone().map(bytes).sum::<usize>() * count / some.len();
        if of_some > most {
            return false;
        }
    }
    values.chunks(BLOCK_VALUES).map(bytes).sum::<usize>() * 5 / 4 < most
}

/// The plan of a dictionary, and its bytes, if these are less than `most`.
fn dictionary<T: Lane>(
    values: &[T],
    flip: T,
    survey: &Survey<T>,
    effort: Effort,
    most: usize,
) -> Option<(WordPlan<T>, usize)> {
    if survey.width() <= 16 {
        return small_range_dictionary(values, flip, survey, most);
    }
    if effort == Effort::Spill || !looks_repetitive(values) {
        return None;
    }
    let (distinct, codes) = distinct_words(values, flip)?;
    let bytes = packed_bytes_of(&codes, 0, effort) + distinct.len() * T::BYTES;
    let plan = WordPlan::Dictionary {
        values: distinct,
        codes,
    };
    (bytes < most).then_some((plan, bytes))
}

/// The distinct values in order and the index of each value among them, if they are few enough to pay.
fn distinct_words<T: Lane>(values: &[T], flip: T) -> Option<(Vec<T>, Vec<u32>)> {
    let most = values.len() / 8;
    let mut found: HashMap<u64, u32> = HashMap::new();
    let mut codes = Vec::with_capacity(values.len());
    for value in values {
        let next = u32::try_from(found.len()).ok()?;
        codes.push(*found.entry(value.to_u64()).or_insert(next));
        if found.len() > most {
            return None;
        }
    }
    let mut distinct: Vec<(u64, u32)> = found.into_iter().collect();
    distinct.sort_unstable_by_key(|&(value, _)| T::from_u64(value).xor(flip));
    let mut order = vec![0; distinct.len()];
    for (place, &(_, code)) in distinct.iter().enumerate() {
        order[code as usize] = u32::try_from(place).unwrap_or(u32::MAX);
    }
    for code in &mut codes {
        *code = order[*code as usize];
    }
    Some((
        distinct
            .iter()
            .map(|&(value, _)| T::from_u64(value))
            .collect(),
        codes,
    ))
}

/// A table over the range of the values tells which there are, and their codes; these are in the order of the values, so
/// that the bounds of a block tell the width of its codes.
fn small_range_dictionary<T: Lane>(
    values: &[T],
    flip: T,
    survey: &Survey<T>,
    most: usize,
) -> Option<(WordPlan<T>, usize)> {
    let least = survey.least;
    let mut table = vec![0_u16; place_of(survey.most, least) + 1];
    mark(values, flip, least, &mut table);
    let mut distinct = Vec::new();
    for (place, code) in table.iter_mut().enumerate() {
        let is_there = *code != 0;
        *code = small(distinct.len());
        if is_there {
            distinct.push(least.wrapping_add(T::from_u64(place as u64)).xor(flip));
        }
    }
    let width = |&(low, high): &(T, T)| {
        (table[place_of(high, least)] - table[place_of(low, least)]).width()
    };
    let of_blocks = survey
        .blocks
        .iter()
        .map(|block| block_bytes(width(block)) + 9);
    let bytes = of_blocks.sum::<usize>() + distinct.len() * T::BYTES;
    if bytes >= most {
        return None;
    }
    let plan = WordPlan::Dictionary {
        codes: codes_of(values, flip, least, &table),
        values: distinct,
    };
    Some((plan, bytes))
}

/// The place of a flipped value in a table that begins at `least`, of 65,536 places at most.
#[inline(always)]
fn place_of<T: Lane>(value: T, least: T) -> usize {
    usize::from(small(
        usize::try_from(value.wrapping_sub(least).to_u64()).unwrap_or(0),
    ))
}

#[inline(never)]
fn mark<T: Lane>(values: &[T], flip: T, least: T, table: &mut [u16]) {
    for value in values {
        table[place_of(value.xor(flip), least)] = 1;
    }
}

#[inline(never)]
fn codes_of<T: Lane>(values: &[T], flip: T, least: T, table: &[u16]) -> Vec<u32> {
    let codes = values
        .iter()
        .map(move |value| u32::from(table[place_of(value.xor(flip), least)]));
    codes.collect()
}

/// Whether at most half of the values of a few runs are distinct.
fn looks_repetitive<T: Lane>(values: &[T]) -> bool {
    let mut sample: Vec<T> = sample_runs(values.len())
        .flat_map(|run| values[run].iter().copied())
        .collect();
    let len = sample.len();
    sample.sort_unstable();
    sample.dedup();
    sample.len() * 2 <= len
}

/// Four runs of neighbours, 1,024 in all: neighbours tell of repetition, and those far apart of everything else.
pub(crate) fn sample_runs(len: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let run = 256.min(len.div_ceil(4));
    (0..4).map(move |part| {
        let begin = (len.saturating_sub(run)) * part / 3;
        begin..(begin + run).min(len)
    })
}

/// Powers of ten.
pub(super) const POWERS: [f64; MAX_EXPONENT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

/// The float that a decimal number stands for, as its bits.
#[inline(always)]
pub(super) fn decimal_bits<T: Lane>(number: i64, exponent: usize) -> T {
    #[allow(clippy::cast_precision_loss, reason = "the specification converts so")]
    let value = number as f64 / POWERS[exponent];
    T::from_u64(if T::BYTES == 4 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the specification converts so"
        )]
        let value = value as f32;
        u64::from(value.to_bits())
    } else {
        value.to_bits()
    })
}

/// The whole number that stands for a float with so many decimals, if it is exact.
#[inline(always)]
fn number_of<T: Lane>(bits: T, exponent: usize) -> Option<i64> {
    let value = float_of(bits);
    let number = (value * POWERS[exponent]).round();
    if number.abs() >= 9_007_199_254_740_992.0 {
        return None;
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "below 2^53, and NaN becomes 0, which is compared"
    )]
    let number = number as i64;
    (decimal_bits::<T>(number, exponent) == bits).then_some(number)
}

fn float_of<T: Lane>(bits: T) -> f64 {
    match (T::BYTES, u32::try_from(bits.to_u64())) {
        (4, Ok(bits)) => f64::from(f32::from_bits(bits)),
        _ => f64::from_bits(bits.to_u64()),
    }
}

fn decimals<T: Lane>(values: &[T]) -> Option<Decimals> {
    if T::BYTES < 4 {
        return None;
    }
    let sample: Vec<T> = sample_runs(values.len())
        .flat_map(|run| values[run].iter().step_by(4).copied())
        .collect();
    let hits = |exponent| {
        sample
            .iter()
            .filter(|bits| number_of(**bits, exponent).is_some())
            .count()
    };
    let mut best = (0, hits(0));
    for exponent in 1..=MAX_EXPONENT {
        if best.1 == sample.len() {
            break;
        }
        let found = hits(exponent);
        if found > best.1 {
            best = (exponent, found);
        }
    }
    // Each exception costs more than a plain value.
    if best.1 * 10 < sample.len() * 9 {
        return None;
    }
    let exponent = best.0;
    // With nine digits any Float32 is a decimal number, of as many bits as the float.
    let numbers: Vec<i64> = sample
        .iter()
        .filter_map(|bits| number_of(*bits, exponent))
        .collect();
    let is_wide = |number: &&i64| u32::from(number.abs_diff(numbers[0]).width()) + 2 > T::BITS;
    if numbers.iter().filter(is_wide).count() * 8 > numbers.len() {
        return None;
    }
    let mut words = Vec::with_capacity(values.len());
    let mut exceptions = Vec::new();
    let mut last = 0;
    for (index, &bits) in values.iter().enumerate() {
        match number_of(bits, exponent) {
            Some(number) => last = number.cast_unsigned(),
            None => exceptions.push(index),
        }
        words.push(last);
    }
    Some(Decimals {
        exponent,
        words,
        exceptions,
    })
}
