//! The values of a chunk's fields, a buffer for each field, and the buckets in which buffers are compressed.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the buffers have the sizes that were counted before"
)]

use super::parse::take_canonical;
use super::tree::{Kind, Shape, Tree};
use crate::varint::push_varint;

/// One buffer.
#[derive(Debug, Clone, Copy)]
struct Column {
    kind: Kind,
    bytes: usize,
    node: u32,
}

/// All buffers, back to back, in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Columns {
    columns: Vec<Column>,
    /// By node: the number of its buffer.
    numbers: Vec<u32>,
    /// By node: where the values that are there already begin.
    cursors: Vec<usize>,
    /// Where each bucket ends.
    buckets: Vec<usize>,
    /// Has at least as many bytes as the buffers; those behind are left from before.
    bytes: Vec<u8>,
    /// Sizes of the records that are not messages, the last one first.
    lengths: Vec<u8>,
}

impl Columns {
    /// Lays the buffers out: kinds one after the other, in each the small ones first, because those share buckets.
    /// `lengths` are the sizes of the records that are not messages.
    pub(super) fn plan(&mut self, tree: &Tree, bucket_bytes: u64, lengths: &[usize]) {
        self.columns.clear();
        let buffers = tree.buffers();
        self.columns
            .extend(buffers.map(|(kind, bytes, node)| Column { kind, bytes, node }));
        self.columns
            .sort_unstable_by_key(|column| (column.kind, column.bytes, tree.key(column.node)));

        self.numbers.clear();
        self.numbers.resize(tree.len(), 0);
        self.cursors.clear();
        self.cursors.resize(tree.len(), 0);
        let mut end = 0;
        for (number, column) in (0..).zip(&self.columns) {
            end += column.bytes;
            self.numbers[column.node as usize] = number;
            self.cursors[column.node as usize] = end;
        }

        let bucket_bytes = usize::try_from(bucket_bytes).unwrap_or(usize::MAX);
        self.buckets.clear();
        let mut end = 0;
        for columns in self.columns.chunk_by(|a, b| a.kind == b.kind) {
            end += columns.iter().map(|column| column.bytes).sum::<usize>();
            fill_buckets(columns, end, bucket_bytes, &mut self.buckets);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }

        self.lengths.clear();
        for &length in lengths.iter().rev() {
            push_varint(&mut self.lengths, length as u64);
        }
    }

    /// Fills the buffers with the values of records, which lie back to back in `source`, in the states `steps`. Values
    /// go in front of those that are there: the last record is read first.
    pub(super) fn fill(
        &mut self,
        tree: &Tree,
        steps: &[u32],
        mut source: &[u8],
        mut lengths: &[usize],
    ) {
        let states = tree.states();
        for &step in steps {
            let state = states[step as usize];
            source = &source[usize::from(state.tag_bytes)..];
            let value = match state.shape {
                Shape::Mark | Shape::Tag => continue,
                Shape::Inline => {
                    source = &source[1..];
                    continue;
                }
                Shape::Begin => {
                    take_canonical(&mut source);
                    continue;
                }
                Shape::Varint(len) => {
                    let len = usize::from(len);
                    let place = self.place(state.node, len);
                    put_varint(place, source);
                    source = &source[len..];
                    continue;
                }
                Shape::Fixed32 => 4,
                Shape::Fixed64 => 8,
                Shape::Bytes => {
                    let mut behind = source;
                    let len = take_canonical(&mut behind).unwrap_or(0);
                    source.len() - behind.len() + len as usize
                }
                Shape::NonProto => {
                    let len = lengths[0];
                    lengths = &lengths[1..];
                    len
                }
            };
            let (value, behind) = source.split_at(value);
            self.place(state.node, value.len()).copy_from_slice(value);
            source = behind;
        }
    }

    /// The bytes in front of those that a node's buffer holds.
    #[inline]
    fn place(&mut self, node: u32, bytes: usize) -> &mut [u8] {
        let cursor = &mut self.cursors[node as usize];
        let end = *cursor;
        *cursor -= bytes;
        &mut self.bytes[*cursor..end]
    }

    /// What is compressed together, in order.
    pub(super) fn buckets(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.buckets
            .iter()
            .map(move |&end| {
                let bucket = &self.bytes[begin..end];
                begin = end;
                bucket
            })
            .chain(Some(self.lengths.as_slice()).filter(|lengths| !lengths.is_empty()))
    }

    /// The sizes of the buffers, in order.
    pub(super) fn sizes(&self) -> impl ExactSizeIterator<Item = usize> {
        let lengths = Some(self.lengths.len()).filter(|&bytes| bytes > 0);
        let sizes: Vec<usize> = self
            .columns
            .iter()
            .map(|column| column.bytes)
            .chain(lengths)
            .collect();
        sizes.into_iter()
    }

    /// The number of a node's buffer.
    pub(super) fn number(&self, node: u32) -> u32 {
        self.numbers[node as usize]
    }

    /// Heap bytes that this value holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.columns.capacity() * size_of::<Column>()
            + self.numbers.capacity() * size_of::<u32>()
            + (self.cursors.capacity() + self.buckets.capacity()) * size_of::<usize>()
            + self.bytes.capacity()
            + self.lengths.capacity()
    }
}

/// Appends where the buckets of one kind end, the last of them at `end`. The largest buffers are dealt out first: one
/// above the size asked for gets a bucket of its own, and what is left at last, below half of it, goes with the others.
fn fill_buckets(columns: &[Column], end: usize, bucket_bytes: usize, buckets: &mut Vec<usize>) {
    let first = buckets.len();
    buckets.push(end);
    let begin = end - columns.iter().map(|column| column.bytes).sum::<usize>();
    let (mut at, mut bucket) = (end, 0_usize);
    for column in columns.iter().rev() {
        if bucket > 0 && bucket.saturating_add(column.bytes / 2) >= bucket_bytes {
            buckets.push(at);
            bucket = 0;
        }
        bucket += column.bytes;
        at -= column.bytes;
        if at - begin <= bucket_bytes / 2 {
            break;
        }
    }
    buckets[first..].reverse();
}

/// Copies as many bytes as `place` has, without the bits that tell whether another one follows.
#[inline]
fn put_varint(place: &mut [u8], source: &[u8]) {
    #[inline]
    fn put<const BYTES: usize>(place: &mut [u8], source: &[u8]) {
        if let (Some(place), Some(source)) =
            (place.first_chunk_mut(), source.first_chunk::<BYTES>())
        {
            *place = source.map(|byte| byte & 0x7f);
        }
    }
    match place.len() {
        1 => put::<1>(place, source),
        2 => put::<2>(place, source),
        3 => put::<3>(place, source),
        4 => put::<4>(place, source),
        5 => put::<5>(place, source),
        6 => put::<6>(place, source),
        7 => put::<7>(place, source),
        8 => put::<8>(place, source),
        9 => put::<9>(place, source),
        _ => put::<10>(place, source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_get_buckets_of_their_own() {
        for (sizes, bucket_bytes, expected) in [
            (&[10][..], 1, &[10][..]),
            (&[10, 20, 30], usize::MAX, &[60]),
            (&[10, 20, 30], 1, &[10, 30, 60]),
            // 300 fills a bucket; 200 + 100 / 2 is below 256, and the rest is below half of it.
            (&[1, 2, 60, 100, 200, 300], 256, &[363, 663]),
            // 200 + 150 / 2 is not below 256.
            (&[60, 100, 150, 200, 300], 256, &[310, 510, 810]),
            // What remains behind the first buffer is below half of a bucket.
            (&[1, 2, 3, 300], 256, &[306]),
        ] {
            let columns: Vec<Column> = sizes
                .iter()
                .map(|&bytes| Column {
                    kind: Kind::Bytes,
                    bytes,
                    node: 0,
                })
                .collect();
            let mut buckets = vec![5];
            let end = 5 + sizes.iter().sum::<usize>();
            fill_buckets(&columns, end, bucket_bytes, &mut buckets);
            let expected: Vec<usize> = [0].iter().chain(expected).map(|end| end + 5).collect();
            assert_eq!(buckets, expected);
        }
    }
}
