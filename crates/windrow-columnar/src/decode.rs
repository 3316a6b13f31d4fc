//! Column chunks to record batches: what is needed of them is asked for, given, and decoded.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "numbers of nodes come from the schema; ranges are checked against the number of values"
)]

mod leaves;
mod nested;
mod pages;
mod shared;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchOptions, make_array, new_empty_array, new_null_array,
};
use arrow_schema::SchemaRef;
use windrow_format::Decompressor;

use self::pages::touched;
pub(crate) use self::shared::SharedPage;
use crate::error::{ColumnError, Fault};
use crate::front::{Front, NodePages};
use crate::node::{Node, Shape};
use crate::schema::ColumnSchema;

/// A page that is needed: where it lies in the data of its chunk, and its CRC32C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePlace {
    /// Bytes of the chunk's data.
    pub bytes: Range<u64>,
    /// Checksum of these bytes.
    pub crc: u32,
}

/// A piece of the data of a chunk.
#[derive(Debug)]
struct Piece<'a> {
    begin: u64,
    bytes: Cow<'a, [u8]>,
    verified: bool,
}

/// Reading some columns of some rows of a column chunk. Says which parts of the chunk's data it needs, is given these,
/// and makes a record batch of them.
#[derive(Debug)]
pub struct ChunkRead<'a> {
    front: &'a Front,
    schema: &'a ColumnSchema,
    columns: &'a [usize],
    /// Ascending, not empty, without overlap.
    rows: Vec<Range<u64>>,
    /// By where they begin.
    pieces: Vec<Piece<'a>>,
    /// Values of a child, once those of its parent tell which.
    children: HashMap<usize, Vec<Range<u64>>>,
}

impl<'a> ChunkRead<'a> {
    /// Reads `rows` of the columns with these numbers, in their order; `rows` ascend without overlap, and lie within the
    /// chunk. `schema` is what the batch will have, before the projection: that of the file, or one that
    /// [`ColumnSchema::with_strings`] made of it.
    ///
    /// # Panics
    /// If rows lie behind the end, or columns are not of the schema.
    #[must_use]
    pub fn new(
        front: &'a Front,
        schema: &'a ColumnSchema,
        columns: &'a [usize],
        rows: Vec<Range<u64>>,
    ) -> Self {
        assert!(
            rows.last().is_none_or(|last| last.end <= front.rows()),
            "rows lie within the chunk"
        );
        assert!(rows.is_sorted_by(|a, b| a.end <= b.start), "rows ascend");
        Self {
            front,
            schema,
            columns,
            rows: rows.into_iter().filter(|range| !range.is_empty()).collect(),
            pieces: Vec::new(),
            children: HashMap::new(),
        }
    }

    /// Takes a piece of the data of the chunk, which begins at `begin` in them. The checksums of its pages are checked.
    pub fn give(&mut self, begin: u64, piece: impl Into<Cow<'a, [u8]>>) {
        self.insert(Piece {
            begin,
            bytes: piece.into(),
            verified: false,
        });
    }

    /// Takes a piece of the data of the chunk that was checked before: all of the data, whose hash fits, or a page whose
    /// [checksum](PagePlace::crc) fits.
    pub fn give_verified(&mut self, begin: u64, piece: impl Into<Cow<'a, [u8]>>) {
        self.insert(Piece {
            begin,
            bytes: piece.into(),
            verified: true,
        });
    }

    fn insert(&mut self, piece: Piece<'a>) {
        let place = self
            .pieces
            .partition_point(|other| other.begin < piece.begin);
        self.pieces.insert(place, piece);
    }

    /// Which pages are needed next, ascending; none once all are there. What is needed of the values of lists
    /// is known only when the lists are there.
    ///
    /// # Errors
    /// [`ColumnError`] for pages that are not what they should be.
    pub fn missing(
        &mut self,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<PagePlace>, ColumnError> {
        let mut missing = Vec::new();
        for &column in self.columns {
            let root = self.schema.nodes().roots()[column];
            self.look(root, &self.rows.clone(), &mut missing, decompressor)?;
        }
        missing.sort_unstable_by_key(|page: &PagePlace| page.bytes.start);
        Ok(missing)
    }

    /// The rows, once nothing is missing.
    ///
    /// # Errors
    /// [`ColumnError`] for pages that are not what they should be, or were not given.
    pub fn finish(mut self, decompressor: &mut Decompressor) -> Result<RecordBatch, ColumnError> {
        let rows = std::mem::take(&mut self.rows);
        let len: u64 = rows.iter().map(|range| range.end - range.start).sum();
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut columns = Vec::with_capacity(self.columns.len());
        for &column in self.columns {
            columns.push(self.decode(self.schema.nodes().roots()[column], &rows, decompressor)?);
        }
        let all = self.schema.arrow();
        let schema: SchemaRef = if self.columns.iter().copied().eq(0..all.fields().len()) {
            Arc::clone(all)
        } else {
            match all.project(self.columns) {
                Ok(schema) => Arc::new(schema),
                Err(_) => unreachable!("columns are of the schema"),
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        RecordBatch::try_new_with_options(schema, columns, &options).map_err(|_| ColumnError::Front {
            at: self.front.at,
            what: "its columns are not those of its schema: one has nulls that its field forbids",
        })
    }

    /// Adds the pages that a node and those below it need for these values.
    fn look(
        &mut self,
        node: usize,
        ranges: &[Range<u64>],
        missing: &mut Vec<PagePlace>,
        decompressor: &mut Decompressor,
    ) -> Result<(), ColumnError> {
        if ranges.is_empty() {
            return Ok(());
        }
        let described = self.schema.nodes().get(node);
        let pages = &self.front.nodes[node];
        let before = missing.len();
        if pages.pages() > 0 {
            if pages.has_shared && pages.shared.get().is_none() {
                self.need(pages, 0, missing);
            }
            let mut last = None;
            for (page, _) in touched(ranges, pages.page_log2) {
                if last.replace(page) != Some(page) {
                    self.need(pages, page + usize::from(pages.has_shared), missing);
                }
            }
        }
        match described.shape {
            Shape::Struct { size } => {
                let below = scaled(ranges, size as u64);
                for &child in &described.children {
                    self.look(child, &below, missing, decompressor)?;
                }
            }
            // Where all are null, nothing is decoded.
            Shape::List | Shape::Codes if pages.pages() > 0 => {
                let (child, len) = self.child_of(node);
                if is_all(ranges, pages.len) {
                    if len > 0 {
                        self.look(
                            child,
                            std::slice::from_ref(&(0..len)),
                            missing,
                            decompressor,
                        )?;
                    }
                } else if missing.len() == before {
                    let below = self.child_ranges(node, ranges, decompressor)?;
                    self.look(child, &below, missing, decompressor)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Which values of its child a node needs for some of its own.
    fn child_ranges(
        &mut self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<Vec<Range<u64>>, ColumnError> {
        if let Some(known) = self.children.get(&node) {
            return Ok(known.clone());
        }
        let (_, len) = self.child_of(node);
        let below = if self.schema.nodes().get(node).shape == Shape::List {
            self.lists(node, ranges, decompressor)?.children
        } else {
            // The codes that are named, each once.
            let (mut codes, _) = self.words::<u32>(node, ranges, decompressor)?;
            codes.sort_unstable();
            codes.dedup();
            let runs = codes.chunk_by(|a, b| *a + 1 == *b);
            runs.map(|run| u64::from(run[0])..u64::from(run[run.len() - 1]) + 1)
                .collect()
        };
        if below.last().is_some_and(|last| last.end > len) {
            return Err(self.fault(
                node,
                0,
                Fault::Page("its values lie behind those of its child"),
            ));
        }
        self.children.insert(node, below.clone());
        Ok(below)
    }

    /// The child of a list or a dictionary, and how many values it has.
    fn child_of(&self, node: usize) -> (usize, u64) {
        let child = self.schema.nodes().get(node).children[0];
        (child, self.front.nodes[child].len)
    }

    fn need(&self, pages: &NodePages, stored: usize, missing: &mut Vec<PagePlace>) {
        let bytes = pages.place(stored);
        if self.piece(&bytes).is_none() {
            missing.push(PagePlace {
                bytes,
                crc: pages.crcs[stored],
            });
        }
    }

    /// The bytes of a page, and whether they were checked.
    fn piece(&self, place: &Range<u64>) -> Option<(&[u8], bool)> {
        // Pieces that begin where it does are one page, unless it is empty.
        if place.is_empty() {
            return Some((&[], false));
        }
        let next = self
            .pieces
            .partition_point(|piece| piece.begin <= place.start);
        let piece = self.pieces.get(next.checked_sub(1)?)?;
        let from = usize::try_from(place.start - piece.begin).ok()?;
        let to = usize::try_from(place.end - piece.begin).ok()?;
        Some((piece.bytes.get(from..to)?, piece.verified))
    }

    fn fault(&self, node: usize, page: usize, fault: Fault) -> ColumnError {
        fault.at(
            self.front.at,
            &self.schema.nodes().get(node).path,
            page as u64,
        )
    }

    fn decode(
        &mut self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let schema = self.schema;
        let described = schema.nodes().get(node);
        let len = total(ranges);
        let array = if len == 0 {
            new_empty_array(&described.data_type)
        } else if self.front.nodes[node].nulls == self.front.nodes[node].len
            && !matches!(described.shape, Shape::Struct { .. })
        {
            new_null_array(&described.data_type, len)
        } else {
            self.decode_values(node, described, ranges, decompressor)?
        };
        if described.field_type == described.data_type {
            return Ok(array);
        }
        let broken = |_| ColumnError::Front {
            at: self.front.at,
            what: "a column of it has more runs than its type can count, or nulls that it forbids",
        };
        let runs = arrow_cast::cast(&array, &described.field_type).map_err(broken)?;
        // The cast gives the fields in it names of its own.
        let data = runs
            .to_data()
            .into_builder()
            .data_type(described.field_type.clone());
        Ok(make_array(data.build().map_err(broken)?))
    }

    fn decode_values(
        &mut self,
        node: usize,
        described: &Node,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let data_type = &described.data_type;
        match described.shape {
            Shape::None => Ok(new_null_array(data_type, total(ranges))),
            Shape::Bits => self.bits(node, ranges, decompressor),
            Shape::Word(word) => match word.bytes {
                1 => self.word_array::<u8>(node, data_type, ranges, decompressor),
                2 => self.word_array::<u16>(node, data_type, ranges, decompressor),
                4 => self.word_array::<u32>(node, data_type, ranges, decompressor),
                _ => self.word_array::<u64>(node, data_type, ranges, decompressor),
            },
            Shape::Fixed(size) => self.fixed(node, data_type, size, ranges, decompressor),
            Shape::Bytes { text } => self.strings(node, data_type, text, ranges, decompressor),
            Shape::List => self.list_array(node, described, ranges, decompressor),
            Shape::Struct { size } => {
                self.struct_array(node, described, size, ranges, decompressor)
            }
            Shape::Codes => self.dictionary_array(node, described, ranges, decompressor),
        }
    }
}

fn total(ranges: &[Range<u64>]) -> usize {
    let len: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Whether these are all of `len` values.
fn is_all(ranges: &[Range<u64>], len: u64) -> bool {
    matches!(ranges, [range] if *range == (0..len))
}

fn scaled(ranges: &[Range<u64>], size: u64) -> Vec<Range<u64>> {
    if size == 0 {
        return Vec::new();
    }
    ranges
        .iter()
        .map(|range| range.start * size..range.end * size)
        .collect()
}
