//! Turning records into the data of a transposed chunk.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "positions are within records that are in memory and were looked through before"
)]

use super::columns::Columns;
use super::edges::Edges;
use super::layout::{Layout, NONE};
use super::node::{
    END_GROUP, END_OF_SUBMESSAGE, FIXED32, FIXED64, INLINE_VARINT, LENGTH_DELIMITED, NO_OP,
    START_GROUP, START_OF_SUBMESSAGE, VARINT, wire_type,
};
use super::parse::{canonical_len, is_message, take_canonical};
use super::tree::{BEGIN, BYTES, END, MAX_INLINE, ROOT, Shape, Tree};
use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::codec::{Codec, Compressor};
use crate::error::{At, FormatError};
use crate::record_chunk::{GroupSlice, encode_chunk};
use crate::varint::{push_varint, take_varint};

/// Messages and groups that may be open where a nested message is taken apart. Deeper ones are stored as bytes.
pub(super) const MAX_DEPTH: usize = 100;
/// Distinct fields of one chunk, and distinct pairs of fields that follow each other. A field has at most 14 states, so
/// the nodes of the machine can be numbered in 31 bits, as the format demands.
const MAX_DISTINCT: usize = 1 << 27;

/// Encodes groups of records as transposed chunks. Holds scratch buffers that grow to the size of the largest group;
/// make one per thread.
///
/// A record that is a message in its shortest encoding is taken apart into its fields, and so are the nested messages
/// in it. Any other record is stored as it is. Either way the same bytes come out again.
#[derive(Debug, Default)]
pub struct TransposedEncoder {
    tree: Tree,
    /// The states of all records, in order.
    steps: Vec<u32>,
    /// The sizes of the records that are not messages.
    lengths: Vec<usize>,
    open: Vec<Open>,
    groups: Vec<u32>,
    scratch: Vec<u32>,
    columns: Columns,
    edges: Edges,
    layout: Layout,
    header: Vec<u8>,
    data: Vec<u8>,
    bucket_bytes: Vec<usize>,
}

/// A nested message that is being read.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// The state of its end.
    end: u32,
    /// What the message around it is, and how many bytes of that follow.
    parent: u32,
    behind: usize,
}

impl TransposedEncoder {
    /// An encoder without any scratch buffer yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Heap bytes of the scratch buffers that are kept.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        self.tree.heap_bytes()
            + self.columns.heap_bytes()
            + self.edges.heap_bytes()
            + self.layout.heap_bytes()
            + (self.steps.capacity() + self.groups.capacity() + self.scratch.capacity())
                * size_of::<u32>()
            + self.open.capacity() * size_of::<Open>()
            + (self.lengths.capacity() + self.bucket_bytes.capacity()) * size_of::<usize>()
            + self.header.capacity()
            + self.data.capacity()
    }

    /// Appends the group to `out` as a chunk of type `t`: header and data, without block headers.
    ///
    /// `bucket_bytes` (1 or more) is about how many bytes of values are compressed together. A field with more than
    /// that in the chunk is compressed by itself. Has no effect without compression. `window_log` is that of
    /// [`Compressor::compress_into`].
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`], and [`FormatError::TooMany`] for more than 134,217,728 distinct fields or
    /// transitions.
    pub fn encode(
        &mut self,
        group: &GroupSlice<'_>,
        codec: Codec,
        window_log: Option<u32>,
        bucket_bytes: u64,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let (mut sizes, records) = group.sizes_and_values();
        encode_chunk(out, |out| {
            self.clear();
            let mut rest = records;
            for _ in 0..group.len() {
                let size = take_varint(&mut sizes).unwrap_or_default();
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let (record, behind) = rest.split_at(size.min(rest.len()));
                self.add(record)?;
                rest = behind;
            }
            self.write(records, codec, window_log, bucket_bytes, compressor, out)?;
            Ok((ChunkType::Transposed, group.len(), records.len() as u64))
        })
    }

    /// Appends the data of a chunk of one record, without a header.
    pub(crate) fn encode_one(
        &mut self,
        record: &[u8],
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        self.clear();
        self.add(record)?;
        self.write(record, codec, window_log, u64::MAX, compressor, out)
    }

    fn clear(&mut self) {
        self.tree.clear();
        self.steps.clear();
        self.lengths.clear();
    }

    fn add(&mut self, record: &[u8]) -> Result<(), FormatError> {
        if is_message(record, &mut self.scratch) {
            let state = self.tree.message();
            self.steps.push(state);
            self.add_message(record);
        } else {
            let state = self.tree.non_proto(record.len());
            self.steps.push(state);
            self.lengths.push(record.len());
        }
        check_distinct(self.tree.len(), "distinct fields in a chunk")
    }

    /// Adds the states of a message that was looked through. No recursion: nesting comes with the data.
    fn add_message(&mut self, record: &[u8]) {
        self.open.clear();
        self.groups.clear();
        let mut parent = ROOT;
        let mut rest = record;
        // Bytes of the record that follow the innermost open message.
        let mut behind = 0;
        loop {
            while let Some(tag) = take_canonical(&mut rest) {
                let node = self.tree.node(parent, tag);
                let (subtype, value) = match wire_type(tag) {
                    VARINT => match (rest.first(), canonical_len(rest)) {
                        (Some(&byte @ 0..=MAX_INLINE), _) => (INLINE_VARINT + byte, 1),
                        (_, len) => {
                            let len = len.unwrap_or(1);
                            self.tree.grow(node, len);
                            (VARINT_SUBTYPES[len - 1], len)
                        }
                    },
                    FIXED32 => {
                        self.tree.grow(node, 4);
                        (0, 4)
                    }
                    FIXED64 => {
                        self.tree.grow(node, 8);
                        (0, 8)
                    }
                    LENGTH_DELIMITED => {
                        let field = rest.len();
                        let len = take_canonical(&mut rest).unwrap_or(0) as usize;
                        let value = &rest[..len];
                        if len > 0
                            && self.open.len() + self.groups.len() < MAX_DEPTH
                            && is_message(value, &mut self.scratch)
                        {
                            let begin = self.tree.state(node, BEGIN);
                            self.steps.push(begin);
                            let end = self.tree.state(node, END);
                            self.open.push(Open {
                                end,
                                parent,
                                behind,
                            });
                            parent = Tree::parent(node);
                            behind += rest.len() - len;
                            rest = value;
                            continue;
                        }
                        self.tree.grow(node, field - rest.len() + len);
                        (BYTES, len)
                    }
                    START_GROUP => {
                        self.groups.push(parent);
                        parent = Tree::parent(node);
                        (0, 0)
                    }
                    END_GROUP => {
                        parent = self.groups.pop().unwrap_or(ROOT);
                        (0, 0)
                    }
                    _ => (0, 0),
                };
                let state = self.tree.state(node, subtype);
                self.steps.push(state);
                rest = &rest[value..];
            }
            let Some(message) = self.open.pop() else {
                return;
            };
            self.steps.push(message.end);
            parent = message.parent;
            rest = &record[record.len() - behind..record.len() - message.behind];
            behind = message.behind;
        }
    }

    /// Appends the data of a chunk of the records that were added, which lie back to back in `records`.
    fn write(
        &mut self,
        records: &[u8],
        codec: Codec,
        window_log: Option<u32>,
        bucket_bytes: u64,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let bucket_bytes = match codec {
            // There is nothing to compress apart.
            Codec::Uncompressed => u64::MAX,
            _ => bucket_bytes,
        };
        self.columns.plan(&self.tree, bucket_bytes, &self.lengths);
        self.columns
            .fill(&self.tree, &self.steps, records, &self.lengths);
        let states = self.tree.states().len();
        let first = self.steps.last().copied().unwrap_or(NONE);
        let last = self.steps.first().copied().unwrap_or(NONE);
        self.edges.count_steps(&mut self.steps, states);
        check_distinct(self.edges.len(), "distinct transitions in a chunk")?;
        self.layout.build(&self.edges, states, (first, last));

        self.data.clear();
        self.bucket_bytes.clear();
        for bucket in self.columns.buckets() {
            let begin = self.data.len();
            compressor.compress_into(codec, window_log, bucket, &mut self.data)?;
            self.bucket_bytes.push(self.data.len() - begin);
        }
        self.write_header(first);

        out.push(codec.compression_type().to_byte());
        let mut header = compressor.take_scratch();
        compressor.compress_into(codec, window_log, &self.header, &mut header)?;
        push_varint(out, header.len() as u64);
        out.extend_from_slice(&header);
        compressor.keep_scratch(header);
        out.extend_from_slice(&self.data);

        self.data.clear();
        self.edges.tell(&self.steps, &self.layout, &mut self.data);
        compressor.compress_into(codec, window_log, &self.data, out)
    }

    /// The sizes of buckets and buffers, and the machine. `first` is the state that it begins with.
    fn write_header(&mut self, first: u32) {
        let out = &mut self.header;
        out.clear();
        let sizes = self.columns.sizes();
        push_varint(out, self.bucket_bytes.len() as u64);
        push_varint(out, sizes.len() as u64);
        for &bytes in &self.bucket_bytes {
            push_varint(out, bytes as u64);
        }
        for bytes in sizes {
            push_varint(out, bytes as u64);
        }
        let places = &self.layout.places;
        push_varint(out, places.len() as u64);
        let states = self.tree.states();
        let state = |place: u32| states.get(place as usize);
        for place in places {
            let id = match state(place.state) {
                None => NO_OP,
                Some(state) => match (self.tree.path(state.node), state.shape, state.subtype) {
                    ((parent, 0), ..) => parent,
                    (_, Shape::Begin, _) => START_OF_SUBMESSAGE,
                    ((_, tag), Shape::Mark, _) => tag - LENGTH_DELIMITED + END_OF_SUBMESSAGE,
                    ((_, tag), ..) => tag,
                },
            };
            push_varint(out, id.into());
        }
        for place in places {
            let base = match self.layout.exits.get(place.state as usize) {
                None => place.base.into(),
                Some(exit) if exit.base == NONE => 0,
                Some(exit) if exit.only_one => u64::from(exit.base) + places.len() as u64,
                Some(exit) => exit.base.into(),
            };
            push_varint(out, base);
        }
        let placed = || places.iter().filter_map(|place| state(place.state));
        out.extend(
            placed()
                .filter(|state| matches!(state.shape, Shape::Inline | Shape::Varint(_)))
                .map(|state| state.subtype),
        );
        for state in placed() {
            match state.shape {
                Shape::Mark | Shape::Tag | Shape::Inline | Shape::Begin => {}
                _ => push_varint(out, self.columns.number(state.node).into()),
            }
        }
        let first = places.iter().position(|place| place.state == first);
        push_varint(out, first.unwrap_or(0) as u64);
    }
}

fn check_distinct(count: usize, what: &'static str) -> Result<(), FormatError> {
    if count <= MAX_DISTINCT {
        return Ok(());
    }
    Err(FormatError::TooMany {
        what,
        at: At::byte(0),
        limit: MAX_DISTINCT as u64,
    })
}

/// By the bytes of a varint, less one.
const VARINT_SUBTYPES: [u8; INLINE_VARINT as usize] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

#[cfg(test)]
mod tests;
