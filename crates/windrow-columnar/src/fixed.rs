//! Sequences of values of some fixed number of bytes that is no word's: how they are encoded, and how they come back.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "values are whole, and codes are checked before they are used"
)]

use std::ops::Range;

use crate::distinct::distinct;
use crate::error::{Checked, Fault};
use crate::node::Word;
use crate::options::Effort;
use crate::page::{Parts, Wanted, align, push_head, push_words};
use crate::words::{WordBody, WordPlan, code, plan_words, push_indices, push_words_body};

/// How the values of a row group are encoded.
pub(crate) enum FixedPlan<'a> {
    Plain,
    /// Whole bytes, lowest first, for a codec.
    Planes,
    /// Indices of distinct values.
    Dictionary {
        values: Vec<&'a [u8]>,
        codes: Vec<u32>,
    },
    /// Large numbers that are small.
    Narrow {
        words: Vec<u64>,
        plan: WordPlan<u64>,
    },
}

/// The plan that takes the fewest bytes, for values of `size` bytes.
pub(crate) fn plan_fixed(values: &[u8], size: usize, effort: Effort) -> FixedPlan<'_> {
    if matches!(size, 16 | 32)
        && let Some(words) = narrowed(values, size)
    {
        let plan = plan_words(&words, Word::SIGNED_8, effort, false).plan;
        return FixedPlan::Narrow { words, plan };
    }
    if size > 0 {
        let all = values.chunks_exact(size);
        let most = all.len() / 4;
        if let Some((found, codes)) = distinct(all, most) {
            return FixedPlan::Dictionary {
                values: found,
                codes,
            };
        }
    }
    if effort == Effort::Bytes && (2..256).contains(&size) {
        FixedPlan::Planes
    } else {
        FixedPlan::Plain
    }
}

/// The values as words, if each is one with its sign continued.
fn narrowed(values: &[u8], size: usize) -> Option<Vec<u64>> {
    let words = values.chunks_exact(size).map(|value| {
        let (low, high) = value.split_first_chunk::<8>()?;
        let sign = if low[7] & 0x80 == 0 { 0 } else { 0xff };
        let fits = high.iter().all(|&byte| byte == sign);
        fits.then(|| u64::from_le_bytes(*low))
    });
    words.collect()
}

/// Appends a body of the values in `range`, by a plan for all of them.
pub(crate) fn push_fixed_body(
    out: &mut Vec<u8>,
    values: &[u8],
    size: usize,
    range: Range<usize>,
    plan: &FixedPlan<'_>,
    effort: Effort,
) {
    let page = &values[range.start * size..range.end * size];
    let mut all = page.chunks_exact(size.max(1));
    if let Some(first) = all.next()
        && all.all(|value| value == first)
    {
        push_head(out, code::CONSTANT, 0, size);
        out.extend_from_slice(first);
        align(out);
        return;
    }
    match plan {
        FixedPlan::Plain => {
            push_head(out, code::PLAIN, 0, 0);
            push_words(out, page);
            align(out);
        }
        FixedPlan::Planes => {
            push_head(out, code::PLANES, u8::try_from(size).unwrap_or(u8::MAX), 0);
            push_words(out, &[0_u64]);
            for plane in 0..size {
                out.extend(page.iter().skip(plane).step_by(size));
            }
            align(out);
        }
        FixedPlan::Dictionary { codes, .. } => {
            push_head(out, code::DICTIONARY, 0, 0);
            push_indices(out, &codes[range], effort);
        }
        FixedPlan::Narrow { words, plan } => {
            push_head(out, code::NARROW, 0, 0);
            push_words_body(out, words, range, Word::SIGNED_8, plan, effort);
        }
    }
}

/// A sequence of values of `size` bytes, still encoded.
#[derive(Debug)]
pub(crate) enum FixedBody<'a> {
    Plain(&'a [u8]),
    Constant(&'a [u8]),
    Planes {
        planes: &'a [u8],
        len: usize,
    },
    Dictionary {
        codes: WordBody<'a, u32>,
        values: &'a [u8],
    },
    Narrow(WordBody<'a, u64>),
}

impl<'a> FixedBody<'a> {
    /// Takes a body of `len` values off `parts`; `values` are those of the shared page.
    pub(crate) fn parse(
        parts: &mut Parts<'a>,
        len: usize,
        size: usize,
        values: Option<&'a [u8]>,
    ) -> Checked<Self> {
        let head = parts.head()?;
        let wrong = Fault::Page("its values have another size");
        match head.code {
            code::PLAIN => Ok(Self::Plain(parts.take(len.saturating_mul(size))?)),
            code::CONSTANT if head.count == size => Ok(Self::Constant(parts.take(size)?)),
            code::PLANES if usize::from(head.small) == size && size > 0 => {
                if parts.u64()? != 0 {
                    return Err(Fault::Page("its reference is not 0"));
                }
                let planes = parts.take(len.saturating_mul(size))?;
                Ok(Self::Planes { planes, len })
            }
            code::DICTIONARY => Ok(Self::Dictionary {
                codes: WordBody::parse(parts, len, None, 1)?,
                values: values.ok_or(Fault::Page("it has no dictionary"))?,
            }),
            code::NARROW if matches!(size, 16 | 32) => {
                Ok(Self::Narrow(WordBody::parse(parts, len, None, 1)?))
            }
            code::CONSTANT | code::PLANES | code::NARROW => Err(wrong),
            other => Err(Fault::encoding(other)),
        }
    }

    /// Appends the wanted values, each of `size` bytes.
    pub(crate) fn extend(&self, wanted: Wanted<'_>, size: usize, out: &mut Vec<u8>) -> Checked<()> {
        match self {
            Self::Plain(bytes) => {
                for range in wanted.ranges() {
                    out.extend_from_slice(&bytes[range.start * size..range.end * size]);
                }
            }
            Self::Constant(value) => {
                (0..wanted.count()).for_each(|_| out.extend_from_slice(value));
            }
            Self::Planes { planes, len } => {
                for index in wanted.indices() {
                    out.extend(planes[index..].iter().step_by(*len));
                }
            }
            Self::Dictionary { codes, values } => {
                for code in codes.wanted(wanted)? {
                    let begin = (code as usize).saturating_mul(size);
                    let value = values.get(begin..begin.saturating_add(size));
                    out.extend_from_slice(
                        value.ok_or(Fault::Page("a code lies behind its dictionary"))?,
                    );
                }
            }
            Self::Narrow(words) => {
                for word in words.wanted(wanted)? {
                    out.extend_from_slice(&word.to_le_bytes());
                    let sign = if word >> 63 == 0 { 0 } else { 0xff };
                    out.resize(out.len() + size - 8, sign);
                }
            }
        }
        Ok(())
    }
}
