//! Pages as bytes: parts that begin on multiples of 8, heads of bodies, and which values are null.

use std::borrow::Cow;
use std::ops::Range;

use arrow_buffer::bit_chunk_iterator::UnalignedBitChunk;
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use bytemuck::Pod;

use crate::error::{Checked, Fault};

/// Pages and their parts begin on multiples of this.
pub(crate) const PART_BYTES: usize = 8;

/// Appends zeros up to where a part may begin.
pub(crate) fn align(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(PART_BYTES), 0);
}

/// Appends a part of words.
pub(crate) fn push_words<T: Pod>(out: &mut Vec<u8>, words: &[T]) {
    align(out);
    out.extend_from_slice(bytemuck::cast_slice(words));
}

/// Appends the head of a body.
pub(crate) fn push_head(out: &mut Vec<u8>, code: u8, small: u8, count: usize) {
    align(out);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    out.extend_from_slice(&[code, small, 0, 0]);
    out.extend_from_slice(&count.to_le_bytes());
}

/// The head of a body: its encoding, and two numbers that belong to that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) code: u8,
    pub(crate) small: u8,
    pub(crate) count: usize,
}

/// The parts of a page, taken off one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next part, of so many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Checked<&'a [u8]> {
        let begin = self.position.next_multiple_of(PART_BYTES);
        let end = begin.saturating_add(bytes);
        let part = self.bytes.get(begin..end);
        let part = part.ok_or(Fault::Page("a part of it is cut short"))?;
        self.position = end;
        Ok(part)
    }

    pub(crate) fn words<T: Pod>(&mut self, count: usize) -> Checked<Cow<'a, [T]>> {
        Ok(as_words(self.take(count.saturating_mul(size_of::<T>()))?))
    }

    pub(crate) fn u64(&mut self) -> Checked<u64> {
        let bytes = self.take(8)?;
        Ok(bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    pub(crate) fn head(&mut self) -> Checked<Head> {
        match *self.take(8)? {
            [code, small, _, _, a, b, c, d] => Ok(Head {
                code,
                small,
                count: u32::from_le_bytes([a, b, c, d]) as usize,
            }),
            _ => unreachable!("eight bytes were taken"),
        }
    }

    /// Nothing but a few zeros may follow.
    pub(crate) fn finish(&self) -> Checked<()> {
        if self.position.next_multiple_of(PART_BYTES) >= self.bytes.len() {
            return Ok(());
        }
        Err(Fault::Page("bytes follow its values"))
    }
}

/// Which values of a page are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    ranges: &'a [Range<usize>],
    count: usize,
    len: usize,
}

impl<'a> Wanted<'a> {
    /// Those in `ranges`, which ascend without overlap, of a page of `len` values.
    pub(crate) fn new(ranges: &'a [Range<usize>], len: usize) -> Self {
        let count = ranges.iter().map(ExactSizeIterator::len).sum();
        Self { ranges, count, len }
    }

    /// Values of the page.
    pub(crate) const fn len(self) -> usize {
        self.len
    }

    /// Those that are wanted.
    pub(crate) const fn count(self) -> usize {
        self.count
    }

    pub(crate) const fn ranges(self) -> &'a [Range<usize>] {
        self.ranges
    }

    /// So few that they are best looked up one by one.
    pub(crate) const fn are_few(self) -> bool {
        self.count.saturating_mul(16) < self.len
    }

    pub(crate) fn indices(self) -> impl Iterator<Item = usize> + 'a {
        self.ranges.iter().cloned().flatten()
    }
}

/// Words as they are in memory, copied only where they do not lie as the processor wants them.
pub(crate) fn as_words<T: Pod>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(words) => Cow::Borrowed(words),
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(
            bytes
                .get(..bytes.len() - bytes.len() % size_of::<T>())
                .unwrap_or_default(),
        )),
    }
}

/// Whether indices strictly ascend. Looks at all, in vectors, because all but never they do.
pub(crate) fn ascend(indices: &[u16]) -> bool {
    let pairs = indices.iter().zip(indices.get(1..).unwrap_or_default());
    pairs.fold(true, |ascend, (a, b)| ascend & (a < b))
}

const NO_NULLS: u8 = 0;
const ALL_NULL: u8 = 1;
const BITMAP: u8 = 2;
const POSITIONS: u8 = 3;
const CHANGES: u8 = 4;

/// Which values of a page are null.
#[derive(Debug, Clone)]
pub(crate) enum Nulls<'a> {
    None,
    All,
    /// A bit for each value, set where it is not null.
    Bitmap(&'a [u8]),
    /// The indices of the nulls.
    Positions(Cow<'a, [u16]>),
    /// Where null and not null change.
    Changes(Cow<'a, [u16]>),
}

/// Appends which of the values in `range` are null; returns how many.
pub(crate) fn push_nulls(
    out: &mut Vec<u8>,
    nulls: Option<&NullBuffer>,
    range: Range<usize>,
) -> usize {
    let len = range.len();
    let nulls = nulls.map(|nulls| nulls.slice(range.start, len));
    let null_count = nulls.as_ref().map_or(0, NullBuffer::null_count);
    let head = |out: &mut Vec<u8>, form, entries| push_head(out, form, 0, entries);
    let Some(nulls) = nulls.filter(|_| null_count > 0) else {
        head(out, NO_NULLS, 0);
        return 0;
    };
    if null_count == len {
        head(out, ALL_NULL, 0);
        return null_count;
    }
    let bitmap_bytes = len.div_ceil(8);
    // A run of nulls is two changes, except at the ends.
    let mut changes = Vec::new();
    let mut null_end = 0;
    for (begin, end) in nulls.inner().set_slices() {
        if begin > null_end {
            changes.push(small(null_end));
            changes.push(small(begin));
        }
        null_end = end;
        if 2 * changes.len().min(null_count) > bitmap_bytes {
            break;
        }
    }
    if null_end < len {
        changes.push(small(null_end));
    }
    if 2 * null_count.min(changes.len()) >= bitmap_bytes {
        head(out, BITMAP, 0);
        let bits = nulls.inner().sliced();
        out.extend_from_slice(bits.as_slice().get(..bitmap_bytes).unwrap_or_default());
    } else if changes.len() < null_count {
        head(out, CHANGES, changes.len());
        push_words(out, &changes);
    } else {
        let positions = (0..len).filter(|&index| nulls.is_null(index)).map(small);
        let positions: Vec<u16> = positions.collect();
        head(out, POSITIONS, positions.len());
        push_words(out, &positions);
    }
    null_count
}

/// An index of a value in its page.
#[allow(
    clippy::cast_possible_truncation,
    reason = "pages have at most 65,536 values"
)]
pub(crate) const fn small(index: usize) -> u16 {
    index as u16
}

impl<'a> Nulls<'a> {
    /// Takes them off the front of a page of `len` values, which checks them. Tells how many there are.
    pub(crate) fn parse(parts: &mut Parts<'a>, len: usize) -> Checked<(Self, usize)> {
        let head = parts.head()?;
        let u16s = |parts: &mut Parts<'a>| {
            let words = parts.words::<u16>(head.count)?;
            if ascend(&words) && words.last().is_none_or(|&last| usize::from(last) < len) {
                return Ok(words);
            }
            Err(Fault::Page("its nulls are out of order"))
        };
        if head.count > 0 && !matches!(head.code, POSITIONS | CHANGES) {
            return Err(Fault::Page("it tells of nulls that its form does not have"));
        }
        let nulls = match head.code {
            NO_NULLS => Self::None,
            ALL_NULL => Self::All,
            BITMAP => Self::Bitmap(parts.take(len.div_ceil(8))?),
            POSITIONS => Self::Positions(u16s(parts)?),
            CHANGES => Self::Changes(u16s(parts)?),
            _ => return Err(Fault::Page("it tells its nulls in an unknown form")),
        };
        let count = nulls.count(len);
        Ok((nulls, count))
    }

    /// How many of `len` values are null.
    fn count(&self, len: usize) -> usize {
        match self {
            Self::None => 0,
            Self::All => len,
            Self::Bitmap(bits) => len - UnalignedBitChunk::new(bits, 0, len).count_ones(),
            Self::Positions(positions) => positions.len(),
            Self::Changes(changes) => {
                let runs = changes.chunks(2).map(|run| match run {
                    [begin, end] => usize::from(*end) - usize::from(*begin),
                    [begin] => len - usize::from(*begin),
                    _ => 0,
                });
                runs.sum()
            }
        }
    }

    /// Whether no value in `range` is null, as far as that is seen at once.
    pub(crate) fn is_none(&self, range: Range<usize>) -> bool {
        match self {
            Self::None => true,
            Self::All | Self::Bitmap(_) => false,
            Self::Positions(positions) => {
                let next = positions.partition_point(|&null| usize::from(null) < range.start);
                positions
                    .get(next)
                    .is_none_or(|&null| usize::from(null) >= range.end)
            }
            Self::Changes(changes) => {
                let next = changes.partition_point(|&change| usize::from(change) <= range.start);
                next % 2 == 0
                    && changes
                        .get(next)
                        .is_none_or(|&change| usize::from(change) >= range.end)
            }
        }
    }

    /// Appends a bit for each value in `range`, set where it is not null.
    pub(crate) fn append_to(&self, range: Range<usize>, out: &mut BooleanBufferBuilder) {
        match self {
            Self::None => out.append_n(range.len(), true),
            Self::All => out.append_n(range.len(), false),
            Self::Bitmap(bits) => out.append_packed_range(range, bits),
            Self::Positions(positions) => {
                let mut at = range.start;
                let first = positions.partition_point(|&null| usize::from(null) < range.start);
                for &null in positions.get(first..).unwrap_or_default() {
                    let null = usize::from(null);
                    if null >= range.end {
                        break;
                    }
                    out.append_n(null - at, true);
                    out.append(false);
                    at = null + 1;
                }
                out.append_n(range.end - at, true);
            }
            Self::Changes(changes) => {
                let mut at = range.start;
                let mut next = changes.partition_point(|&change| usize::from(change) <= at);
                while at < range.end {
                    let end = changes
                        .get(next)
                        .map_or(range.end, |&end| usize::from(end).min(range.end));
                    out.append_n(end - at, next % 2 == 0);
                    at = end;
                    next += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_come_back() {
        let cases: Vec<Vec<bool>> = vec![
            vec![true; 1000],
            vec![false; 1000],
            (0..1000).map(|i| i % 2 == 0).collect(),
            (0..1000).map(|i| i % 300 != 0).collect(),
            (0..1000).map(|i| !(400..700).contains(&i)).collect(),
            (0..1000).map(|i| (400..700).contains(&i)).collect(),
            (0..1000).map(|i| i > 0).collect(),
            (0..1000).map(|i| i < 999).collect(),
            vec![],
        ];
        for valid in cases {
            let nulls = NullBuffer::from(valid.clone());
            for (begin, end) in [(0, valid.len()), (valid.len() / 3, valid.len() / 2)] {
                let mut out = Vec::new();
                let count = push_nulls(&mut out, Some(&nulls), begin..end);
                let valid = &valid[begin..end];
                assert_eq!(count, valid.iter().filter(|&&valid| !valid).count());
                let mut parts = Parts::new(&out);
                let (parsed, told) = Nulls::parse(&mut parts, valid.len()).unwrap();
                assert_eq!(told, count);
                parts.finish().unwrap();
                for range in [0..valid.len(), valid.len() / 4..valid.len() / 2] {
                    let mut bits = BooleanBufferBuilder::new(0);
                    parsed.append_to(range.clone(), &mut bits);
                    let bits = bits.finish();
                    assert_eq!(bits.iter().collect::<Vec<_>>(), valid[range.clone()]);
                    assert!(
                        !parsed.is_none(range.clone()) || valid[range].iter().all(|&valid| valid)
                    );
                }
            }
        }
    }
}
