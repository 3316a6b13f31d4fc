//! Tokens: twelve bits stand for up to sixteen bytes. They are made by joining, again and again, the two tokens that follow
//! each other often (OnPair, Gargiulo and Venturini, 2025), so that whole words become one.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "places within tables of 4,096 and buffers of checked sizes"
)]

use crate::error::{Checked, Fault};
use crate::page::{Parts, align, push_words};

/// Bytes of a token at most.
pub(crate) const TOKEN_BYTES: usize = 16;
/// Tokens that a code can name.
pub(crate) const MAX_TOKENS: usize = 1 << CODE_BITS;
/// Tokens of a single byte, which no table holds.
const SINGLE: usize = 256;
const CODE_BITS: usize = 12;
const CODE_MASK: u64 = (1 << CODE_BITS) - 1;

/// A table of tokens, to read by.
#[derive(Debug)]
pub(crate) struct Tokens {
    bytes: Vec<[u8; TOKEN_BYTES]>,
    /// 0 of those that the table has not.
    sizes: Box<[u8; MAX_TOKENS]>,
}

impl Tokens {
    pub(crate) fn parse(parts: &mut Parts<'_>, count: usize) -> Checked<Self> {
        if count > MAX_TOKENS - SINGLE {
            return Err(Fault::Page("it has more tokens than codes can name"));
        }
        let told = parts.take(count)?;
        if told
            .iter()
            .any(|&size| size < 2 || usize::from(size) > TOKEN_BYTES)
        {
            return Err(Fault::Page("a token of it is too short or too long"));
        }
        let mut all = parts.take(told.iter().map(|&size| usize::from(size)).sum())?;
        let mut sizes = Box::new([0; MAX_TOKENS]);
        sizes[..SINGLE].fill(1);
        sizes[SINGLE..SINGLE + count].copy_from_slice(told);
        let mut bytes = vec![[0; TOKEN_BYTES]; MAX_TOKENS];
        for (byte, token) in (0..=u8::MAX).zip(&mut bytes) {
            token[0] = byte;
        }
        for (&size, token) in told.iter().zip(&mut bytes[SINGLE..]) {
            let (own, behind) = all.split_at(usize::from(size));
            match all.first_chunk() {
                Some(whole) => *token = *whole,
                None => token[..own.len()].copy_from_slice(own),
            }
            all = behind;
        }
        Ok(Self { bytes, sizes })
    }

    /// Appends what `compressed` stands for to `out[position..]`, which has [`TOKEN_BYTES`] to spare; returns its end.
    #[inline]
    pub(crate) fn decode(
        &self,
        compressed: &[u8],
        out: &mut [u8],
        mut position: usize,
    ) -> Checked<usize> {
        const LONG: Fault = Fault::Page("its values are longer than it says");
        let mut rest = compressed;
        let mut known = true;
        // Four codes at a time, as long as there are more than four.
        while let (Some(codes), Some(room)) = (
            rest.first_chunk::<8>(),
            out.get_mut(position..)
                .and_then(|room| room.first_chunk_mut::<{ 4 * TOKEN_BYTES }>()),
        ) {
            let codes = u64::from_le_bytes(*codes);
            let mut at = 0;
            for number in 0..4 {
                let code = code_of(codes >> (number * CODE_BITS));
                room[at..at + TOKEN_BYTES].copy_from_slice(&self.bytes[code]);
                let size = self.sizes[code];
                known &= size > 0;
                at += usize::from(size);
            }
            position += at;
            rest = &rest[4 * CODE_BITS / 8..];
        }
        let mut push = |code: usize| -> Checked<()> {
            let room = out.get_mut(position..).unwrap_or_default();
            *room.first_chunk_mut().ok_or(LONG)? = self.bytes[code];
            let size = self.sizes[code];
            known &= size > 0;
            position += usize::from(size);
            Ok(())
        };
        let mut filled_up = true;
        while let [first, second, behind @ ..] = rest {
            push(usize::from(*first) | usize::from(second & 0xf) << 8)?;
            let Some((third, behind)) = behind.split_first() else {
                // An odd number of them.
                filled_up = second >> 4 == 0;
                rest = behind;
                break;
            };
            push(usize::from(second >> 4) | usize::from(*third) << 4)?;
            rest = behind;
        }
        if !known || !filled_up || !rest.is_empty() {
            return Err(Fault::Page("a code of it names no token"));
        }
        Ok(position)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "12 bits")]
const fn code_of(code: u64) -> usize {
    (code & CODE_MASK) as usize
}

/// A table of tokens, to write by: of each text the longest token that it begins with is the next one.
pub(crate) struct TokenCompressor {
    tokens: Vec<Token>,
    /// Codes of the tokens of two bytes, 0 if there is none; and [`LONGER`] where there are longer ones that begin so.
    pairs: Box<[u16]>,
    /// Of the longer ones those that come first in their place, which a hash of their first bytes tells; 0 if there is none.
    first: Box<[u16; 1 << PLACES_LOG2]>,
}

#[derive(Clone, Copy)]
struct Token {
    /// The first one lowest.
    bytes: u128,
    size: u8,
    /// The code of the next one of its place, which is not longer; 0 if there is none.
    next: u16,
}

const LONGER: u16 = 1 << 15;
/// Places for the longer tokens, as a power of 2.
const PLACES_LOG2: u32 = 13;
/// Places to count pairs in, as a power of 2.
const COUNTS_LOG2: u32 = 16;

/// How often values from all over a sample are taken.
const ROUNDS: usize = 16;

/// How often pairs of tokens were seen, about: they share places.
struct PairCounts(Vec<PairCount>);

#[derive(Clone, Copy, Default)]
struct PairCount {
    pair: u32,
    count: u32,
}

impl PairCounts {
    fn new() -> Self {
        Self(vec![PairCount::default(); 1 << COUNTS_LOG2])
    }

    /// Counts a pair; whether it was seen `often` by now, after which it begins anew.
    fn reaches(&mut self, often: usize, first: u16, second: u16) -> bool {
        let pair = u32::from(first) << 16 | u32::from(second);
        let seen = &mut self.0[hashed(pair, COUNTS_LOG2)];
        // A pair takes the place of one that was seen less often.
        if seen.pair == pair {
            seen.count += 1;
        } else if seen.count > 1 {
            seen.count -= 1;
        } else {
            *seen = PairCount { pair, count: 1 };
        }
        let reached = seen.pair == pair && seen.count as usize >= often;
        if reached {
            *seen = PairCount::default();
        }
        reached
    }
}

impl TokenCompressor {
    /// Tokens of which `sample`, which is `sample_bytes` long, has many.
    pub(crate) fn train(sample: &[&[u8]], sample_bytes: usize) -> Self {
        let mut table = Self {
            tokens: (0..SINGLE as u128)
                .map(|bytes| Token {
                    bytes,
                    size: 1,
                    next: 0,
                })
                .collect(),
            pairs: vec![0; 1 << 16].into(),
            first: Box::new([0; 1 << PLACES_LOG2]),
        };
        // So often in a sample of 64 KiB, four times as often in one of 1 MiB: the table becomes just full.
        let often = (sample_bytes >> 14).isqrt().max(2);
        let mut counts = PairCounts::new();
        // From all over the sample again and again, so that no part of it fills the table with what only it has.
        let rounds = (0..ROUNDS).map(|first| sample.iter().skip(first).step_by(ROUNDS));
        for value in rounds.flatten() {
            let mut begin = 0;
            let mut before = None;
            while begin < value.len() {
                let (code, size) = table.longest(&value[begin..]);
                let mut last = (code, size);
                if let Some((code_before, size_before)) = before
                    && size_before + size <= TOKEN_BYTES
                    && counts.reaches(often, code_before, code)
                {
                    let joined = &value[begin - size_before..begin + size];
                    last = (table.push(joined), joined.len());
                    if table.tokens.len() == MAX_TOKENS {
                        return table;
                    }
                }
                before = Some(last);
                begin += size;
            }
        }
        table
    }

    /// Adds a token of two bytes at least, and returns its code.
    fn push(&mut self, token: &[u8]) -> u16 {
        let code = u16::try_from(self.tokens.len()).unwrap_or(u16::MAX);
        let bytes = front(token);
        #[allow(clippy::cast_possible_truncation, reason = "at most 16")]
        let size = token.len() as u8;
        let mut next = 0;
        if size == 2 {
            self.pairs[two(bytes)] |= code;
        } else {
            self.pairs[two(bytes)] |= LONGER;
            let place = place(if size == 3 { three(bytes) } else { four(bytes) });
            next = self.first[place];
            let mut before = 0;
            while next > 0 && self.tokens[usize::from(next)].size >= size {
                before = next;
                next = self.tokens[usize::from(next)].next;
            }
            match before {
                0 => self.first[place] = code,
                _ => self.tokens[usize::from(before)].next = code,
            }
        }
        self.tokens.push(Token { bytes, size, next });
        code
    }

    /// Code and size of the longest token that `text`, which is not empty, begins with.
    #[inline(always)]
    fn longest(&self, text: &[u8]) -> (u16, usize) {
        let bytes = front(text);
        let pair = self.pairs[two(bytes)];
        let keys = [four(bytes), three(bytes)];
        for key in keys.into_iter().filter(|_| pair & LONGER > 0) {
            let mut code = self.first[place(key)];
            while code > 0 {
                let token = &self.tokens[usize::from(code)];
                let size = usize::from(token.size);
                if (bytes ^ token.bytes) & MASKS[size] == 0 && size <= text.len() {
                    return (code, size);
                }
                code = token.next;
            }
        }
        let pair = pair & !LONGER;
        if pair > 0 && text.len() > 1 {
            return (pair, 2);
        }
        (u16::from(text[0]), 1)
    }

    /// Appends the codes of a value: two of them in three bytes, the first one in the lower bits.
    pub(crate) fn compress(&self, value: &[u8], out: &mut Vec<u8>) {
        let mut rest = value;
        while !rest.is_empty() {
            let (first, size) = self.longest(rest);
            rest = &rest[size..];
            if rest.is_empty() {
                out.extend_from_slice(&first.to_le_bytes());
                break;
            }
            let (second, size) = self.longest(rest);
            rest = &rest[size..];
            let both = u32::from(first) | u32::from(second) << CODE_BITS;
            out.extend_from_slice(&both.to_le_bytes()[..3]);
        }
    }

    /// How many tokens a table of them holds.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len() - SINGLE
    }

    /// Bytes of the table.
    pub(crate) fn table_bytes(&self) -> usize {
        self.tokens[SINGLE..]
            .iter()
            .map(|token| usize::from(token.size) + 1)
            .sum()
    }

    /// Appends the table: the size of each token, then the bytes of each.
    pub(crate) fn push_table(&self, out: &mut Vec<u8>) {
        let sizes: Vec<u8> = self.tokens[SINGLE..]
            .iter()
            .map(|token| token.size)
            .collect();
        push_words(out, &sizes);
        align(out);
        for token in &self.tokens[SINGLE..] {
            out.extend_from_slice(&token.bytes.to_le_bytes()[..usize::from(token.size)]);
        }
        align(out);
    }
}

/// The lowest bytes of a number, by how many.
const MASKS: [u128; TOKEN_BYTES + 1] = {
    let mut masks = [u128::MAX; TOKEN_BYTES + 1];
    let mut size = 0;
    while size < TOKEN_BYTES {
        masks[size] = (1 << (8 * size)) - 1;
        size += 1;
    }
    masks
};

/// The first bytes of a text, the first one lowest; zeros behind its end.
#[inline]
fn front(text: &[u8]) -> u128 {
    if let Some(front) = text.first_chunk() {
        return u128::from_le_bytes(*front);
    }
    let mut front = [0; TOKEN_BYTES];
    front[..text.len()].copy_from_slice(text);
    u128::from_le_bytes(front)
}

fn two(bytes: u128) -> usize {
    (bytes & 0xffff) as usize
}

#[allow(clippy::cast_possible_truncation, reason = "24 bits")]
fn three(bytes: u128) -> u32 {
    (bytes & 0xff_ffff) as u32
}

#[allow(clippy::cast_possible_truncation, reason = "32 bits are wanted")]
fn four(bytes: u128) -> u32 {
    bytes as u32
}

fn place(key: u32) -> usize {
    hashed(key, PLACES_LOG2)
}

/// The highest bits of a product, by Knuth's multiplicative hashing.
#[inline]
fn hashed(number: u32, bits: u32) -> usize {
    (number.wrapping_mul(0x9e37_79b1) >> (u32::BITS - bits)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decoding gives of values that were compressed by a table that was written and read.
    fn through(tokens: &TokenCompressor, values: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut page = Vec::new();
        tokens.push_table(&mut page);
        let table = Tokens::parse(&mut Parts::new(&page), tokens.len()).unwrap();
        let each = values.iter().map(|value| {
            let mut compressed = Vec::new();
            tokens.compress(value, &mut compressed);
            assert!(compressed.len() <= (value.len() * 3).div_ceil(2));
            let mut out = vec![0; value.len() + TOKEN_BYTES];
            let end = table.decode(&compressed, &mut out, 0).unwrap();
            out.truncate(end);
            out
        });
        each.collect()
    }

    fn joined(words: &[&str], seed: &mut u64, count: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..count {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let word = usize::try_from(*seed >> 33).unwrap() % words.len();
            text.extend_from_slice(words[word].as_bytes());
        }
        text
    }

    #[test]
    fn values_come_back_by_tables_of_them_and_of_others() {
        let sets: [&[&str]; 4] = [
            &["the ", "wheat ", "barley ", "and ", "rye, ", "harvest "],
            &["\0", "\0\0", "\u{1}\0\0\0", "ä", "\u{10ffff}"],
            &["x"],
            &["a", "b", "c", "d", "e", "f", "0", "1", "2", "3", "4", "5"],
        ];
        let mut seed = 7;
        let all: Vec<Vec<u8>> = sets
            .iter()
            .flat_map(|words| {
                (0..200)
                    .map(|count| joined(words, &mut seed, count))
                    .collect::<Vec<_>>()
            })
            .chain([vec![], (0..=255).collect(), vec![0; 100]])
            .collect();
        let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        for sample in all.chunks(200).chain([&[][..], &all[..]]) {
            let bytes = sample.iter().map(|value| value.len()).sum();
            let tokens = TokenCompressor::train(sample, bytes);
            assert!(through(&tokens, &all) == all);
        }
    }

    #[test]
    fn a_table_becomes_full_and_no_fuller() {
        let mut seed = 3_u64;
        let noise: Vec<u8> = (0..1 << 20)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from(seed >> 60).unwrap()
            })
            .collect();
        // As if the sample were small, so that two of a kind are often.
        let tokens = TokenCompressor::train(&[&noise], 0);
        assert_eq!(tokens.len(), MAX_TOKENS - SINGLE);
        assert!(through(&tokens, &[&noise, b"", b"\xff"]) == [&noise[..], b"", b"\xff"]);
    }

    #[test]
    fn words_become_tokens() {
        let words = ["the ", "wheat ", "barley ", "and ", "rye, ", "harvest "];
        let mut seed = 1;
        let text = joined(&words, &mut seed, 20_000);
        let tokens = TokenCompressor::train(&[&text], text.len());
        let mut compressed = Vec::new();
        tokens.compress(&text, &mut compressed);
        // A word or more a code.
        assert!(compressed.len() < 20_000 * 3 / 2);
    }
}
