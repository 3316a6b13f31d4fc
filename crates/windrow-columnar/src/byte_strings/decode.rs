//! Bodies to byte strings: parsed once, then taken out whole or looked up one by one.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "blocks are those of the values; sums are checked against the bytes that there are"
)]

use std::borrow::Cow;

use super::dictionary::ByteStrings;
use crate::error::{Checked, Fault};
use crate::page::Parts;
use crate::symbols::{SYMBOL_BYTES, Symbols};
use crate::tokens::{TOKEN_BYTES, Tokens};
use crate::words::kernels::BLOCK_VALUES;
use crate::words::{WordBody, code};

/// What the pages of a node have in common, as far as byte strings need it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shared<'a> {
    None,
    Dictionary(&'a ByteStrings),
    Symbols(&'a Symbols),
    Tokens(&'a Tokens),
}

/// A sequence of byte strings, still encoded.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a page")]
pub(crate) enum BytesBody<'a> {
    Constant(&'a [u8]),
    Lengths(Strings<'a>),
    Coded {
        table: CodeTable<'a>,
        compressed: Strings<'a>,
        decoded_bytes: usize,
    },
    Dictionary {
        codes: WordBody<'a, u32>,
        values: &'a ByteStrings,
    },
}

/// What the codes of values stand for.
#[derive(Debug)]
pub(crate) enum CodeTable<'a> {
    Symbols(Cow<'a, Symbols>),
    Tokens(&'a Tokens),
}

/// Bytes behind decoded values that decoding may write to.
pub(super) const SPARE_BYTES: usize = TOKEN_BYTES;

impl CodeTable<'_> {
    /// The most bytes that so many can stand for.
    fn most_bytes(&self, compressed_bytes: usize) -> usize {
        match self {
            Self::Symbols(_) => compressed_bytes.saturating_mul(SYMBOL_BYTES),
            // Two codes in three bytes.
            Self::Tokens(_) => compressed_bytes.saturating_mul(2 * TOKEN_BYTES) / 3,
        }
    }

    /// Appends what `compressed` stands for to `out[position..]`, which has [`SPARE_BYTES`] to spare; returns its end.
    #[inline]
    fn decode(&self, compressed: &[u8], out: &mut [u8], position: usize) -> Checked<usize> {
        match self {
            Self::Symbols(symbols) => symbols.decode(compressed, out, position),
            Self::Tokens(tokens) => tokens.decode(compressed, out, position),
        }
    }
}

/// Byte strings one behind the other, and the size of each.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    len: usize,
    sizes: WordBody<'a, u32>,
    begins: Cow<'a, [u64]>,
    pub(super) bytes: &'a [u8],
}

pub(super) const SIZES: Fault = Fault::Page("the sizes of its values do not add up");

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
    pub(super) fn offsets(&self) -> Checked<Vec<usize>> {
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

    /// Appends what codes stand for: those of the values between `ends`, of which there is one more than values. They take
    /// no more than `most` bytes. Returns where each value begins in it, one more than there are.
    pub(super) fn decompress(
        &self,
        ends: &[usize],
        table: &CodeTable<'_>,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Checked<Vec<usize>> {
        let begin = out.len();
        let compressed_bytes = ends[ends.len() - 1] - ends[0];
        let room = table.most_bytes(compressed_bytes).min(most);
        out.resize(begin + room + SPARE_BYTES, 0);
        let mut decoded_ends = Vec::with_capacity(ends.len());
        let mut end = 0;
        decoded_ends.push(end);
        for value in ends.windows(2) {
            let value = &self.bytes[value[0]..value[1]];
            end = table.decode(value, &mut out[begin..], end)?;
            decoded_ends.push(end);
        }
        out.truncate(begin + end);
        Ok(decoded_ends)
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
                Self::parse_coded(parts, len, CodeTable::Symbols(symbols), decoded)
            }
            code::TOKENS => {
                let Shared::Tokens(tokens) = shared else {
                    return Err(Fault::Page("it has no tokens"));
                };
                let decoded = parts.u64()?;
                Self::parse_coded(parts, len, CodeTable::Tokens(tokens), decoded)
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

    fn parse_coded(
        parts: &mut Parts<'a>,
        len: usize,
        table: CodeTable<'a>,
        decoded: u64,
    ) -> Checked<Self> {
        let compressed = Strings::parse(parts, len)?;
        let possible = table.most_bytes(compressed.bytes.len());
        let decoded_bytes = usize::try_from(decoded)
            .ok()
            .filter(|&bytes| bytes <= possible)
            .ok_or(SIZES)?;
        Ok(Self::Coded {
            table,
            compressed,
            decoded_bytes,
        })
    }

    /// Value number `index`; `scratch` is for one that has to be decoded.
    pub(super) fn get<'o>(&'o self, index: usize, scratch: &'o mut Vec<u8>) -> Checked<&'o [u8]> {
        match self {
            Self::Constant(value) => Ok(value),
            Self::Lengths(values) => values.get(index),
            Self::Coded {
                table, compressed, ..
            } => {
                let compressed = compressed.get(index)?;
                scratch.clear();
                scratch.resize(table.most_bytes(compressed.len()) + SPARE_BYTES, 0);
                let end = table.decode(compressed, scratch, 0)?;
                Ok(&scratch[..end])
            }
            Self::Dictionary { codes, values } => {
                let value = values.get(codes.get(index)? as usize);
                value.ok_or(Fault::Page("a code lies behind its dictionary"))
            }
        }
    }
}
