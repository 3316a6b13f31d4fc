//! Byte strings to the buffers of Arrow arrays.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "values lie where their body was seen to have them; sums are checked against what one array can hold"
)]

use arrow_array::ArrayRef;
use arrow_array::builder::make_view;
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use super::decode::{BytesBody, SIZES, SPARE_BYTES};
use super::dictionary::ByteStrings;
use crate::arrays::{of_offsets, of_views};
use crate::error::{Checked, Fault};
use crate::page::Wanted;
use crate::room::{reserve, room_for};

/// All values of a node in a row group together are smaller.
pub(crate) const MOST_BYTES: usize = i32::MAX as usize;

/// Views hold values up to this size in themselves.
pub(super) const INLINE_BYTES: usize = 12;
/// A buffer of views ends in front of the values that would make it larger.
const VIEW_BUFFER_BYTES: usize = 2 << 20;
/// Bytes reserved at most for pages that were not looked at.
pub(super) const MOST_RESERVED_BYTES: usize = 64 << 20;

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
    pub(super) fn check_room(self, have: usize, more: usize) -> Checked<usize> {
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
            BytesBody::Coded {
                table,
                compressed,
                decoded_bytes,
            } => {
                let compressed_ends = compressed.offsets()?;
                if wanted.count() == wanted.len() {
                    let bytes = self.room(*decoded_bytes, wanted.len(), rules)?;
                    let begin = bytes.len();
                    let ends =
                        compressed.decompress(&compressed_ends, table, *decoded_bytes, bytes)?;
                    if ends.last() != Some(decoded_bytes) {
                        return Err(SIZES);
                    }
                    check_text(&bytes[begin..], &ends, rules)?;
                    self.push_last(&ends);
                    return Ok(());
                }
                let mut bytes = Vec::new();
                for range in wanted.ranges() {
                    let some = &compressed_ends[range.start..=range.end];
                    bytes.clear();
                    let ends = compressed.decompress(some, table, *decoded_bytes, &mut bytes)?;
                    self.extend_sliced(&bytes, &ends, rules)?;
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
        check_text(source, ends, rules)?;
        let bytes = self.room(source.len(), ends.len() - 1, rules)?;
        bytes.extend_from_slice(source);
        self.push_last(ends);
        Ok(())
    }

    /// Where to append `more` bytes, which are `count` values.
    fn room(&mut self, more: usize, count: usize, rules: Rules) -> Checked<&mut Vec<u8>> {
        // All at once, as if those that follow were like these: growing again and again copies.
        let like_these = |left: usize| {
            let most = usize::try_from(rules.decoded_bytes).unwrap_or(usize::MAX);
            let bytes = (more / count.max(1) + 1).saturating_mul(left);
            bytes.min(MOST_RESERVED_BYTES).min(most)
        };
        match self {
            Self::Offsets { offsets, bytes } => {
                rules.check_room(bytes.len(), more)?;
                if bytes.capacity() - bytes.len() < more {
                    let left = offsets.capacity() - offsets.len();
                    reserve(bytes, more.max(like_these(left)) + SPARE_BYTES);
                }
                Ok(bytes)
            }
            Self::Views {
                views,
                buffers,
                bytes,
                total,
                ..
            } => {
                *total = rules.check_room(*total, more)?;
                if bytes.len() + more > VIEW_BUFFER_BYTES {
                    flush(buffers, bytes);
                }
                if bytes.is_empty() {
                    let left = views.capacity() - views.len();
                    let likely = like_these(left).min(VIEW_BUFFER_BYTES);
                    reserve(bytes, more.max(likely) + SPARE_BYTES);
                }
                Ok(bytes)
            }
        }
    }

    /// Takes in the values that were appended last, which end at `ends`; the first one begins at the first of them.
    fn push_last(&mut self, ends: &[usize]) {
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
            return;
        };
        match self {
            Self::Offsets { offsets, bytes } => {
                let begin = bytes.len() - (last - first);
                offsets.extend(ends[1..].iter().map(|end| offset(begin + end - first)));
            }
            Self::Views {
                views,
                buffers,
                bytes,
                ..
            } => {
                let number = offset(buffers.len()).cast_unsigned();
                let begin = bytes.len() - (last - first);
                views.extend(ends.windows(2).map(|ends| {
                    let (begin, end) = (begin + ends[0] - first, begin + ends[1] - first);
                    make_view(&bytes[begin..end], number, offset(begin).cast_unsigned())
                }));
            }
        }
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

    /// The array of a type that these buffers are for.
    pub(crate) fn finish(self, data_type: &DataType, nulls: Option<NullBuffer>) -> ArrayRef {
        match self {
            Self::Offsets { offsets, bytes } => of_offsets(data_type, offsets, bytes, nulls),
            Self::Views {
                views,
                mut buffers,
                mut bytes,
                ..
            } => {
                flush(&mut buffers, &mut bytes);
                of_views(data_type, views, buffers, nulls)
            }
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the lowest four bytes of a view are its size"
)]
pub(super) const fn size_of_view(view: u128) -> usize {
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
pub(super) const fn offset(bytes: usize) -> i32 {
    bytes as i32
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
