//! Dictionaries of byte strings: decoded once, copied by code.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "codes are checked against the number of values, sums against what one array can hold"
)]

use arrow_array::builder::make_view;
use arrow_buffer::Buffer;

use super::buffers::{BytesOut, INLINE_BYTES, MOST_RESERVED_BYTES, Rules, offset, size_of_view};
use super::decode::{BytesBody, Shared};
use crate::error::{Checked, Fault};
use crate::page::{Parts, Wanted};
use crate::words::kernels::BLOCK_VALUES;

/// A few bytes would stand for any number of values that nothing needs.
pub(crate) const SAME_VALUES: Fault = Fault::Page("all values of its dictionary are the same");

/// Values of a dictionary, decoded: kept for all pages of a row group.
#[derive(Debug, Clone)]
pub(crate) struct ByteStrings {
    pub(super) bytes: Buffer,
    /// Where each value begins; one more than there are.
    offsets: Vec<u32>,
    /// Views of them, as if `bytes` were the first buffer.
    pub(super) views: Vec<u128>,
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

    pub(super) fn len(&self) -> usize {
        self.views.len()
    }

    /// Appends the values that codes name, which there are, and where each ends.
    pub(super) fn push_named(
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

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let begin = *self.offsets.get(index)? as usize;
        let end = *self.offsets.get(index + 1)? as usize;
        self.bytes.get(begin..end)
    }
}

/// Bytes that are written for a value that lies in its view: more than it has, which the next one is written over.
const ROOM: usize = 16;

/// The values of `size` bytes that codes name.
fn gather(codes: &[u32], values: &[u8], size: usize, out: &mut [u8]) {
    #[inline(never)]
    fn sized<const SIZE: usize>(codes: &[u32], values: &[u8], out: &mut [u8]) {
        let values = values.as_chunks::<SIZE>().0;
        for (code, out) in codes.iter().zip(out.as_chunks_mut::<SIZE>().0) {
            *out = values[*code as usize];
        }
    }
    macro_rules! by_size {
        ($($known:literal)*) => {
            match size {
                0 => {}
                $($known => sized::<$known>(codes, values, out),)*
                _ => {
                    for (code, out) in codes.iter().zip(out.chunks_exact_mut(size)) {
                        out.copy_from_slice(&values[*code as usize * size..][..size]);
                    }
                }
            }
        };
    }
    // Where the size is known beforehand, a value is a move or two, not a call that takes five times as long. These are
    // codes of any kind, dates, times with or without a zone, hashes and UUIDs.
    by_size!(1 2 3 4 5 6 7 8 9 10 11 12 16 19 20 24 32 36)
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
