//! The front of a column chunk: what locates its pages.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "numbers of nodes come from the schema, places of pages are checked when a front is parsed"
)]

use std::ops::Range;

use once_cell::race::OnceBox;
use windrow_format::{
    At, COLUMN_FRONT_BYTES, ChunkHeader, Column, ColumnFront, FormatError, Limits, PageCompression,
    crc_of, push_column, push_varint, take_varint,
};

use crate::decode::SharedPage;
use crate::error::ColumnError;
use crate::node::Shape;
use crate::page::PART_BYTES;
use crate::schema::ColumnSchema;

/// A page has at most 2 to the power of this many values.
pub const MAX_PAGE_LOG2: u8 = 16;

/// The front of a column chunk, which locates its pages: kept, it makes any value a read of one page.
#[derive(Debug)]
pub struct Front {
    pub(crate) at: At,
    pub(crate) rows: u64,
    pub(crate) nodes: Vec<NodePages>,
    pub(crate) max_chunk_bytes: u64,
    decoded_bytes: u64,
}

/// The pages of one node.
#[derive(Debug)]
pub(crate) struct NodePages {
    pub(crate) len: u64,
    pub(crate) nulls: u64,
    pub(crate) page_log2: u8,
    pub(crate) compression: PageCompression,
    pub(crate) has_shared: bool,
    /// Where the first page begins in the data of the chunk.
    pub(crate) begin: u64,
    /// Where each page ends behind that; one more than there are, the first 0.
    pub(crate) ends: Vec<u64>,
    pub(crate) crcs: Vec<u32>,
    /// What the shared page holds, once it was needed.
    pub(crate) shared: OnceBox<SharedPage>,
}

impl NodePages {
    /// Values of a page, but for the last one.
    pub(crate) const fn page_values(&self) -> u64 {
        1 << self.page_log2
    }

    /// Number of pages of values; the shared page is not one.
    pub(crate) fn pages(&self) -> usize {
        self.crcs.len() - usize::from(self.has_shared)
    }

    /// Values of page number `page`.
    pub(crate) fn page_len(&self, page: usize) -> usize {
        let begin = (page as u64) << self.page_log2;
        usize::try_from((self.len - begin).min(self.page_values())).unwrap_or(usize::MAX)
    }

    /// Where the stored page number `stored` lies in the data of the chunk. The shared page counts as the first one.
    pub(crate) fn place(&self, stored: usize) -> Range<u64> {
        let begin = self.ends[stored].next_multiple_of(PART_BYTES as u64);
        self.begin + begin..self.begin + self.ends[stored + 1]
    }

    /// Bytes of all its pages in the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }
}

impl Front {
    /// Reads the front of the chunk with this header at `at`; `data` begin with all of it (see
    /// [`ColumnFront::front_bytes`]).
    ///
    /// # Errors
    /// Those of [`ColumnFront::parse`] and [`ColumnFront::check_crc`]; [`ColumnError::Front`] for anything that
    /// contradicts the schema or itself; [`FormatError::Limit`] naming `max_chunk_bytes`.
    pub fn parse(
        header: &ChunkHeader,
        data: &[u8],
        schema: &ColumnSchema,
        limits: &Limits,
        at: At,
    ) -> Result<Self, ColumnError> {
        let fixed = ColumnFront::parse(header, data, at)?;
        let mut rest = fixed.check_crc(data, at)?;
        fixed.check_schema(schema.hash(), at)?;
        limits.check_decoded(header, at)?;
        let broken = |what| ColumnError::Front { at, what };
        let mut begin = u64::from(fixed.front_bytes);
        let mut nodes: Vec<NodePages> = Vec::with_capacity(schema.nodes().len());
        let mut plain: u64 = 0;
        for described in schema.nodes().all() {
            let node = parse_node(&mut rest, begin, described.shape, at)?;
            begin = begin
                .checked_add(node.stored_bytes())
                .filter(|&end| end <= header.data_bytes || node.crcs.is_empty())
                .and_then(|end| end.checked_next_multiple_of(PART_BYTES as u64))
                .ok_or(broken("a page of it lies outside of it"))?;
            plain = plain.saturating_add(least_plain_bytes(&node, described.shape));
            nodes.push(node);
        }
        if rest.len() >= PART_BYTES || rest.iter().any(|&byte| byte != 0) {
            return Err(broken("it describes more columns than its schema has"));
        }
        for &root in schema.nodes().roots() {
            if nodes[root].len != fixed.rows {
                return Err(broken("a column of it has another number of rows"));
            }
        }
        for (described, node) in schema.nodes().all().iter().zip(&nodes) {
            // Of lists that are all null none takes any.
            if described.shape == Shape::List
                && node.nulls == node.len
                && described.children.iter().any(|&child| nodes[child].len > 0)
            {
                return Err(broken("a column of it has values that no list takes"));
            }
            if let Shape::Struct { size } = described.shape {
                let len = node.len.checked_mul(size as u64);
                let fits = described
                    .children
                    .iter()
                    .all(|&child| Some(nodes[child].len) == len);
                if !fits {
                    return Err(broken(
                        "the columns of a struct differ in their number of values",
                    ));
                }
            }
        }
        if plain > header.decoded_bytes {
            return Err(broken("its values take more than decoded_data_size"));
        }
        Ok(Self {
            at,
            rows: fixed.rows,
            nodes,
            max_chunk_bytes: limits.max_chunk_bytes,
            decoded_bytes: header.decoded_bytes,
        })
    }

    /// Rows of the chunk.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Plain size of all its values in bytes, as the chunk says.
    #[must_use]
    pub const fn decoded_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// Bytes in the file, and values that are null, of each column of the schema with all that is below it.
    #[must_use]
    pub fn column_sizes(&self, schema: &ColumnSchema) -> Vec<ColumnSize> {
        let columns = 0..schema.nodes().roots().len();
        columns
            .map(|column| {
                let nodes = &self.nodes[schema.nodes().of_column(column)];
                ColumnSize {
                    stored_bytes: nodes.iter().map(NodePages::stored_bytes).sum(),
                    nulls: nodes.first().map_or(0, |node| node.nulls),
                }
            })
            .collect()
    }

    /// Bytes in the file of the pages of these columns.
    #[must_use]
    pub fn stored_bytes(&self, schema: &ColumnSchema, columns: &[usize]) -> u64 {
        let nodes = columns
            .iter()
            .flat_map(|&column| &self.nodes[schema.nodes().of_column(column)]);
        nodes.map(NodePages::stored_bytes).sum()
    }

    /// About what its shared pages take in memory once they are decoded, which they stay.
    #[must_use]
    pub fn shared_bytes(&self) -> usize {
        let shared = self.nodes.iter().filter(|node| node.has_shared);
        let stored: u64 = shared
            .map(|node| node.place(0).end - node.place(0).start)
            .sum();
        // Text is stored in half of its bytes or less, and has a view of 16 bytes.
        usize::try_from(stored.saturating_mul(4)).unwrap_or(usize::MAX)
    }

    /// Memory that it holds, in bytes, without shared pages.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let pages = self
            .nodes
            .iter()
            .map(|node| node.ends.len() * 8 + node.crcs.len() * 4);
        size_of::<Self>() + self.nodes.len() * size_of::<NodePages>() + pages.sum::<usize>()
    }
}

/// What a column takes in a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSize {
    /// Bytes of its pages in the file.
    pub stored_bytes: u64,
    /// Values that are null.
    pub nulls: u64,
}

fn parse_node(
    rest: &mut &[u8],
    begin: u64,
    shape: Shape,
    at: At,
) -> Result<NodePages, ColumnError> {
    let broken = |what| ColumnError::Front { at, what };
    let short = || broken("its description of a column is cut short");
    let len = take_varint(rest).ok_or_else(short)?;
    let nulls = take_varint(rest).ok_or_else(short)?;
    let (&[page_log2, compression, shared], behind) = rest.split_first_chunk().ok_or_else(short)?;
    *rest = behind;
    if nulls > len {
        return Err(broken("a column of it has more nulls than values"));
    }
    if shape == Shape::None && nulls < len {
        return Err(broken("a column of it that is all null has values"));
    }
    if page_log2 > MAX_PAGE_LOG2 {
        return Err(broken("a column of it has pages that are too long"));
    }
    let compression =
        PageCompression::from_byte(compression).ok_or(FormatError::CompressionType {
            at,
            compression_type: compression,
        })?;
    if !compression.is_built_in() {
        return Err(ColumnError::Format(FormatError::CodecMissing {
            codec: compression.name(),
            at,
            feature: compression.name(),
        }));
    }
    let needs_none = nulls == len || (matches!(shape, Shape::Struct { .. }) && nulls == 0);
    let pages = if needs_none {
        0
    } else {
        len.div_ceil(1 << page_log2)
    };
    if shared > 1 || (shared == 1 && needs_none) {
        return Err(broken(
            "a column of it has a shared page that nothing needs",
        ));
    }
    // Each takes four bytes of what is left.
    let stored = usize::try_from(pages)
        .ok()
        .and_then(|pages| pages.checked_add(usize::from(shared)));
    let stored = stored
        .filter(|&stored| stored <= rest.len() / 4)
        .ok_or_else(short)?;
    let (column, behind) = Column::split(rest, stored + 1).ok_or_else(short)?;
    let (crcs, behind) = behind.split_at_checked(stored * 4).ok_or_else(short)?;
    *rest = behind;
    let ends: Vec<u64> = (0..=stored).map(|index| column.get(index)).collect();
    let follows = |pair: &[u64]| {
        let begin = pair[0].checked_next_multiple_of(PART_BYTES as u64);
        begin.is_some_and(|begin| begin <= pair[1])
    };
    if ends.first() != Some(&0) || !ends.windows(2).all(follows) {
        return Err(broken("the pages of a column of it are out of order"));
    }
    let words = crcs.as_chunks::<4>().0;
    Ok(NodePages {
        len,
        nulls,
        page_log2,
        compression,
        has_shared: shared == 1,
        begin,
        ends,
        crcs: words.iter().map(|crc| u32::from_le_bytes(*crc)).collect(),
        shared: OnceBox::new(),
    })
}

/// What the values of a node take at least, as far as its description tells.
fn least_plain_bytes(node: &NodePages, shape: Shape) -> u64 {
    let nulls = if node.nulls > 0 {
        node.len.div_ceil(8)
    } else {
        0
    };
    nulls.saturating_add(plain_bytes(node.len, shape))
}

/// Plain size of `len` values, without what tells nulls, and without the bytes of byte strings.
pub(crate) fn plain_bytes(len: u64, shape: Shape) -> u64 {
    match shape {
        Shape::None | Shape::Struct { .. } => 0,
        Shape::Bits => len.div_ceil(8),
        Shape::Word(word) => len.saturating_mul(word.bytes as u64),
        Shape::Fixed(size) => len.saturating_mul(size as u64),
        Shape::Bytes { .. } | Shape::List | Shape::Codes => len.saturating_mul(4),
    }
}

/// What a front says of one node, on the way out.
#[derive(Debug)]
pub(crate) struct NodeDescription<'a> {
    pub(crate) len: u64,
    pub(crate) nulls: u64,
    pub(crate) page_log2: u8,
    pub(crate) compression: PageCompression,
    pub(crate) has_shared: bool,
    pub(crate) ends: &'a [u64],
    pub(crate) crcs: &'a [u32],
}

/// Appends the front of a chunk.
pub(crate) fn push_front<'a>(
    out: &mut Vec<u8>,
    rows: u64,
    schema_hash: u64,
    nodes: impl Iterator<Item = NodeDescription<'a>>,
) {
    let mut body = Vec::new();
    for node in nodes {
        push_varint(&mut body, node.len);
        push_varint(&mut body, node.nulls);
        body.extend_from_slice(&[
            node.page_log2,
            node.compression.to_byte(),
            u8::from(node.has_shared),
        ]);
        push_column(&mut body, &mut node.ends.to_vec());
        for crc in node.crcs {
            body.extend_from_slice(&crc.to_le_bytes());
        }
    }
    let front_bytes = (COLUMN_FRONT_BYTES + body.len() + 4).next_multiple_of(PART_BYTES);
    body.resize(front_bytes - COLUMN_FRONT_BYTES - 4, 0);
    let begin = out.len();
    let fixed = ColumnFront {
        front_bytes: u32::try_from(front_bytes).unwrap_or(u32::MAX),
        rows,
        schema_hash,
    };
    out.extend_from_slice(&fixed.encode());
    out.extend_from_slice(&body);
    let crc = crc_of(&out[begin..]);
    out.extend_from_slice(&crc.to_le_bytes());
}
