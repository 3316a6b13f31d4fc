//! Column chunks to record batches: what is needed of them is asked for, given, and decoded.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "numbers of nodes come from the schema; ranges are checked against the number of values"
)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, GenericListArray, GenericListViewArray,
    MapArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray, downcast_primitive,
    make_array, new_empty_array, new_null_array,
};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer,
    ScalarBuffer,
};
use arrow_data::ArrayData;
use arrow_schema::{DataType, SchemaRef};
use windrow_format::{BufferLimits, CompressionType, Decompressor, PageCompression, check_crc};

use crate::byte_strings::{ByteStrings, BytesBody, BytesOut, Rules, SAME_VALUES, Shared};
use crate::encode::{DICTIONARY_PAGE, SYMBOLS_PAGE};
use crate::error::{Checked, ColumnError, Fault};
use crate::fixed::FixedBody;
use crate::front::{Front, NodePages, plain_bytes};
use crate::node::{Node, Shape, WordKind};
use crate::page::{Nulls, Parts, Wanted, as_words};
use crate::room::room_for;
use crate::schema::ColumnSchema;
use crate::symbols::Symbols;
use crate::words::{Lane, WordBody, code};

/// What a shared page holds, decoded.
#[derive(Debug)]
pub(crate) enum SharedPage {
    /// Words and values of fixed size, one behind the other.
    Values(Buffer),
    Bytes(ByteStrings),
    Symbols(Box<Symbols>),
}

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
            for (page, _) in pieces(ranges, pages.page_log2) {
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
                let Some(&child) = described.children.first() else {
                    return Ok(());
                };
                let len = self.front.nodes[child].len;
                let is_whole = matches!(ranges, [range] if *range == (0..pages.len));
                if is_whole {
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
        let described = self.schema.nodes().get(node);
        let child = described.children.first().copied().unwrap_or(node);
        let len = self.front.nodes[child].len;
        let below = if described.shape == Shape::List {
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

    /// A page, checked and decompressed. The shared page counts as the first one.
    pub(crate) fn page(
        &self,
        node: usize,
        stored: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Cow<'_, [u8]>, ColumnError> {
        let pages = &self.front.nodes[node];
        let (bytes, verified) = self.piece(&pages.place(stored)).ok_or(ColumnError::Front {
            at: self.front.at,
            what: "a page of it was not fetched",
        })?;
        if !verified {
            check_crc(
                "page",
                bytes,
                pages.crcs[stored].to_le_bytes(),
                self.front.at,
            )?;
        }
        if pages.compression == PageCompression::Buffer(CompressionType::None) {
            return Ok(Cow::Borrowed(bytes));
        }
        let limits = BufferLimits {
            exact: None,
            max: self.most_page_bytes(node, stored),
            limit: self.front.max_chunk_bytes,
            option: "max_chunk_bytes",
            what: "page",
            at: self.front.at,
        };
        let mut page = Vec::new();
        decompressor.decompress_page(pages.compression, bytes, &limits, &mut page)?;
        Ok(Cow::Owned(page))
    }

    /// No encoding makes more of the values of a page, and of what they share.
    fn most_page_bytes(&self, node: usize, stored: usize) -> u64 {
        const HEADS: u64 = 1 << 16;
        let pages = &self.front.nodes[node];
        let values = match stored.checked_sub(usize::from(pages.has_shared)) {
            Some(page) => pages.page_len(page) as u64,
            None => pages.len,
        };
        let bytes = match self.schema.nodes().get(node).shape {
            // As many escapes as bytes.
            Shape::Bytes { .. } => self.front.decoded_bytes().saturating_mul(2),
            shape => plain_bytes(values, shape).saturating_mul(2),
        };
        HEADS
            .saturating_add(values.saturating_mul(64))
            .saturating_add(bytes)
    }

    /// What the pages of a node have in common.
    fn shared(
        &self,
        node: usize,
        decompressor: &mut Decompressor,
    ) -> Result<Option<&'a SharedPage>, ColumnError> {
        let pages: &'a NodePages = &self.front.nodes[node];
        if !pages.has_shared {
            return Ok(None);
        }
        if let Some(shared) = pages.shared.get() {
            return Ok(Some(shared));
        }
        let page = self.page(node, 0, decompressor)?;
        let described = self.schema.nodes().get(node);
        // Each is named by a value at least, and however well they are compressed, a byte tells of no more than these.
        let stored = pages.place(0);
        let most = MAX_DICTIONARY_VALUES.max((stored.end - stored.start).saturating_mul(128));
        let most = usize::try_from(most.min(pages.len)).unwrap_or(usize::MAX);
        let decoded_bytes = self.front.decoded_bytes();
        let shared = parse_shared(&page, described.shape, most, decoded_bytes);
        let shared = shared.map_err(|fault| self.fault(node, 0, fault))?;
        Ok(Some(pages.shared.get_or_init(|| Box::new(shared))))
    }

    /// Calls `take` for each page that the ranges touch.
    fn for_pages(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
        mut take: impl FnMut(Page<'_>) -> Checked<()>,
    ) -> Result<(), ColumnError> {
        let pages = &self.front.nodes[node];
        let shared = self.shared(node, decompressor)?;
        let (mut nulls_seen, mut values_seen) = (0_u64, 0_u64);
        let mut pieces = pieces(ranges, pages.page_log2).peekable();
        let mut wanted = Vec::new();
        while let Some((number, first)) = pieces.next() {
            wanted.clear();
            wanted.push(first);
            while let Some((_, more)) = pieces.next_if(|(next, _)| *next == number) {
                wanted.push(more);
            }
            let page = self.page(node, number + usize::from(pages.has_shared), decompressor)?;
            let len = pages.page_len(number);
            let mut parts = Parts::new(&page);
            let nulls = Nulls::parse(&mut parts, len);
            let taken = nulls.and_then(|(nulls, null_count)| {
                nulls_seen += null_count as u64;
                values_seen += len as u64;
                // Of the others each may be null, or none.
                let others = pages.len - values_seen;
                if nulls_seen > pages.nulls || pages.nulls - nulls_seen > others {
                    return Err(Fault::Page("it has other nulls than its chunk says"));
                }
                take(Page {
                    nulls,
                    is_null: null_count == len,
                    parts,
                    number,
                    wanted: Wanted::new(&wanted, len),
                    shared,
                })
            });
            taken.map_err(|fault| self.fault(node, number, fault))?;
        }
        Ok(())
    }

    /// Words, and which of them are null.
    fn words<T: Lane + ArrowNativeType>(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<(Vec<T>, Option<NullBuffer>), ColumnError> {
        let floats = matches!(
            self.schema.nodes().get(node).shape,
            Shape::Word(word) if word.kind == WordKind::Float
        );
        let len = total(ranges);
        let mut out = room_for(len);
        let mut nulls = NullsOut::new(len);
        self.for_pages(node, ranges, decompressor, |page| {
            nulls.append(&page);
            let (mut parts, wanted) = (page.parts.clone(), page.wanted);
            // Page by page: what was just filled with zeros is still near the processor.
            let filled = out.len();
            out.resize(filled + wanted.count(), T::default());
            let target = &mut out[filled..];
            if page.is_null {
                return parts.finish();
            }
            let values = page.shared_values().map(as_words::<T>);
            let body = WordBody::parse_any(&mut parts, wanted.len(), values.as_deref(), 0, floats)?;
            parts.finish()?;
            body.fill_wanted(wanted, target)
        })?;
        Ok((out, nulls.finish()))
    }

    /// Sizes of lists, which values of the child they take, and which of them are null.
    fn lists(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<Lists, ColumnError> {
        let mut sizes = Vec::with_capacity(total(ranges).min(1 << 16));
        let mut children: Vec<Range<u64>> = Vec::new();
        let pages = &self.front.nodes[node];
        let child = self.schema.nodes().get(node).children.first();
        let child_len = child.map_or(0, |&child| self.front.nodes[child].len);
        // The last page, and where its last list ends.
        let mut before: Option<(usize, u64)> = None;
        let mut nulls = NullsOut::new(total(ranges));
        self.for_pages(node, ranges, decompressor, |page| {
            nulls.append(&page);
            let (mut parts, len) = (page.parts.clone(), page.wanted.len());
            let first = parts.u64()?;
            let mut all = vec![0_u32; len];
            if !page.is_null {
                let body = WordBody::<u32>::parse(&mut parts, len, None, 0)?;
                body.fill(&mut all)?;
            }
            parts.finish()?;
            let sum =
                |range: Range<usize>| all[range].iter().map(|&size| u64::from(size)).sum::<u64>();
            // What the pages in front of it and behind it are to take, as far as this one tells.
            let end_of_page = first.saturating_add(sum(0..len));
            let fits = match before {
                None => page.number > 0 || first == 0,
                Some((number, _)) if number == page.number => true,
                Some((number, end)) if number + 1 == page.number => end == first,
                Some((_, end)) => end <= first,
            };
            let is_last = page.number + 1 == pages.pages();
            if !fits || end_of_page > child_len || is_last && end_of_page < child_len {
                return Err(Fault::Page("its lists are not one behind the other"));
            }
            before = Some((page.number, end_of_page));
            let (mut at, mut end) = (0, first);
            for range in page.wanted.ranges() {
                let begin = end.saturating_add(sum(at..range.start));
                end = begin.saturating_add(sum(range.clone()));
                at = range.end;
                match children.last_mut() {
                    Some(last) if last.end == begin => last.end = end,
                    _ if begin == end => {}
                    _ => children.push(begin..end),
                }
                sizes.extend_from_slice(&all[range.clone()]);
            }
            Ok(())
        })?;
        Ok(Lists {
            sizes,
            children,
            nulls: nulls.finish(),
        })
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

    fn word_array<T: Lane + ArrowNativeType>(
        &self,
        node: usize,
        data_type: &DataType,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let (words, nulls) = self.words::<T>(node, ranges, decompressor)?;
        Ok(of_values(
            data_type,
            words.len(),
            Buffer::from_vec(words),
            nulls,
        ))
    }

    fn bits(
        &self,
        node: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let mut out = BooleanBufferBuilder::new(total(ranges));
        let mut nulls = NullsOut::new(total(ranges));
        self.for_pages(node, ranges, decompressor, |page| {
            nulls.append(&page);
            let (mut parts, wanted) = (page.parts.clone(), page.wanted);
            if page.is_null {
                out.append_n(wanted.count(), false);
                return parts.finish();
            }
            let head = parts.head()?;
            match head.code {
                code::CONSTANT if head.count == 1 => match parts.take(1)? {
                    [value @ 0..=1] => out.append_n(wanted.count(), *value == 1),
                    _ => return Err(Fault::Page("a bit of it is neither 0 nor 1")),
                },
                code::CONSTANT => return Err(Fault::Page("its constant has another size")),
                code::PLAIN => {
                    let bits = parts.take(wanted.len().div_ceil(8))?;
                    for range in wanted.ranges() {
                        out.append_packed_range(range.clone(), bits);
                    }
                }
                other => return Err(Fault::encoding(other)),
            }
            parts.finish()
        })?;
        Ok(Arc::new(BooleanArray::new(out.finish(), nulls.finish())))
    }

    fn fixed(
        &self,
        node: usize,
        data_type: &DataType,
        size: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let len = total(ranges);
        // Large values are worth the copies, for what is asked for may not be there.
        let mut out = Vec::with_capacity(len.saturating_mul(size).min(1 << 20));
        let mut nulls = NullsOut::new(len);
        self.for_pages(node, ranges, decompressor, |page| {
            nulls.append(&page);
            let (mut parts, wanted) = (page.parts.clone(), page.wanted);
            if page.is_null {
                out.resize(out.len() + wanted.count() * size, 0);
                return parts.finish();
            }
            let body = FixedBody::parse(&mut parts, wanted.len(), size, page.shared_values())?;
            parts.finish()?;
            body.extend(wanted, size, &mut out)
        })?;
        // Decimals want their buffers aligned.
        let buffer = match size {
            16 | 32 => Buffer::from_vec(bytemuck::pod_collect_to_vec::<u8, u128>(&out)),
            _ => Buffer::from_vec(out),
        };
        Ok(of_values(data_type, len, buffer, nulls.finish()))
    }

    fn strings(
        &self,
        node: usize,
        data_type: &DataType,
        text: bool,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let views = matches!(data_type, DataType::Utf8View | DataType::BinaryView);
        let rules = Rules {
            text,
            decoded_bytes: self.front.decoded_bytes(),
        };
        let mut out = BytesOut::new(views, total(ranges));
        let mut nulls = NullsOut::new(total(ranges));
        self.for_pages(node, ranges, decompressor, |page| {
            nulls.append(&page);
            let (mut parts, wanted) = (page.parts.clone(), page.wanted);
            if page.is_null {
                out.extend_empty(wanted.count());
                return parts.finish();
            }
            let shared = match page.shared {
                Some(SharedPage::Bytes(values)) => Shared::Dictionary(values),
                Some(SharedPage::Symbols(symbols)) => Shared::Symbols(symbols),
                _ => Shared::None,
            };
            let body = BytesBody::parse(&mut parts, wanted.len(), shared)?;
            parts.finish()?;
            out.extend(&body, wanted, rules)
        })?;
        Ok(out.finish(data_type, nulls.finish()))
    }

    fn list_array(
        &mut self,
        node: usize,
        described: &Node,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let Lists {
            sizes,
            children,
            nulls,
        } = self.lists(node, ranges, decompressor)?;
        let child = described.children.first().copied().unwrap_or(node);
        let wrong = |read: &Self| {
            read.fault(
                node,
                0,
                Fault::Page("its values lie behind those of its child"),
            )
        };
        if children
            .last()
            .is_some_and(|last| last.end > self.front.nodes[child].len)
        {
            return Err(wrong(self));
        }
        let values = self.decode(child, &children, decompressor)?;
        let invalid =
            |read: &Self| read.fault(node, 0, Fault::Page("its lists are not those of its type"));
        let array: ArrayRef = match &described.data_type {
            DataType::List(item) => {
                let offsets = offsets::<i32>(&sizes).ok_or_else(|| wrong(self))?;
                let array = GenericListArray::try_new(Arc::clone(item), offsets, values, nulls);
                Arc::new(array.map_err(|_| invalid(self))?)
            }
            DataType::LargeList(item) => {
                let offsets = offsets::<i64>(&sizes).ok_or_else(|| wrong(self))?;
                let array = GenericListArray::try_new(Arc::clone(item), offsets, values, nulls);
                Arc::new(array.map_err(|_| invalid(self))?)
            }
            DataType::ListView(item) => {
                let offsets = offsets::<i32>(&sizes).ok_or_else(|| wrong(self))?;
                let begins = ScalarBuffer::from(offsets[..sizes.len()].to_vec());
                let sizes = sizes
                    .iter()
                    .map(|&size| size.cast_signed())
                    .collect::<ScalarBuffer<i32>>();
                let array =
                    GenericListViewArray::try_new(Arc::clone(item), begins, sizes, values, nulls);
                Arc::new(array.map_err(|_| invalid(self))?)
            }
            DataType::LargeListView(item) => {
                let offsets = offsets::<i64>(&sizes).ok_or_else(|| wrong(self))?;
                let begins = ScalarBuffer::from(offsets[..sizes.len()].to_vec());
                let sizes = sizes
                    .iter()
                    .map(|&size| i64::from(size))
                    .collect::<ScalarBuffer<i64>>();
                let array =
                    GenericListViewArray::try_new(Arc::clone(item), begins, sizes, values, nulls);
                Arc::new(array.map_err(|_| invalid(self))?)
            }
            DataType::Map(item, sorted) => {
                let offsets = offsets::<i32>(&sizes).ok_or_else(|| wrong(self))?;
                let entries = StructArray::from(values.to_data());
                let array = MapArray::try_new(Arc::clone(item), offsets, entries, nulls, *sorted);
                Arc::new(array.map_err(|_| invalid(self))?)
            }
            other => unreachable!("{other} is no list"),
        };
        Ok(array)
    }

    fn struct_array(
        &mut self,
        node: usize,
        described: &Node,
        size: usize,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let len = total(ranges);
        let pages = &self.front.nodes[node];
        let nulls = if pages.nulls == 0 {
            None
        } else if pages.nulls == pages.len {
            Some(NullBuffer::new_null(len))
        } else {
            let mut nulls = NullsOut::new(len);
            self.for_pages(node, ranges, decompressor, |page| {
                nulls.append(&page);
                page.parts.finish()
            })?;
            nulls.finish()
        };
        let below = scaled(ranges, size as u64);
        let mut children = Vec::with_capacity(described.children.len());
        for &child in &described.children {
            children.push(self.decode(child, &below, decompressor)?);
        }
        let invalid = |_| {
            self.fault(
                node,
                0,
                Fault::Page("its values have nulls that their fields forbid"),
            )
        };
        let array: ArrayRef = match (&described.data_type, children.pop()) {
            (DataType::FixedSizeList(item, size), Some(values)) => {
                let array = FixedSizeListArray::try_new_with_length(
                    Arc::clone(item),
                    *size,
                    values,
                    nulls,
                    len,
                );
                Arc::new(array.map_err(invalid)?)
            }
            (DataType::Struct(fields), last) => {
                children.extend(last);
                let array = StructArray::try_new_with_length(fields.clone(), children, nulls, len);
                Arc::new(array.map_err(invalid)?)
            }
            (other, _) => unreachable!("{other} is no struct"),
        };
        Ok(array)
    }

    fn dictionary_array(
        &mut self,
        node: usize,
        described: &Node,
        ranges: &[Range<u64>],
        decompressor: &mut Decompressor,
    ) -> Result<ArrayRef, ColumnError> {
        let (mut codes, nulls) = self.words::<u32>(node, ranges, decompressor)?;
        let child = described.children.first().copied().unwrap_or(node);
        let len = self.front.nodes[child].len;
        let is_whole = matches!(ranges, [range] if *range == (0..self.front.nodes[node].len));
        if codes
            .iter()
            .copied()
            .max()
            .is_some_and(|most| u64::from(most) >= len)
        {
            return Err(self.fault(node, 0, Fault::Page("a code lies behind its dictionary")));
        }
        let values = if is_whole {
            self.decode(child, std::slice::from_ref(&(0..len)), decompressor)?
        } else {
            let below = self.child_ranges(node, ranges, decompressor)?;
            let mut begins = Vec::with_capacity(below.len());
            let mut before = 0;
            for range in &below {
                begins.push((range.start, before));
                before += range.end - range.start;
            }
            for code in &mut codes {
                let range = begins.partition_point(|&(begin, _)| begin <= u64::from(*code)) - 1;
                let (begin, before) = begins[range];
                *code = u32::try_from(before + u64::from(*code) - begin).unwrap_or(u32::MAX);
            }
            self.decode(child, &below, decompressor)?
        };
        let DataType::Dictionary(key, _) = &described.data_type else {
            unreachable!("codes are of dictionaries")
        };
        let invalid = |read: &Self| {
            read.fault(
                node,
                0,
                Fault::Page("it has more values than its keys can name"),
            )
        };
        let count = codes.len();
        let keys = narrowed_keys(key, codes).ok_or_else(|| invalid(self))?;
        let data = ArrayData::builder(described.data_type.clone())
            .len(count)
            .add_buffer(keys)
            .nulls(nulls)
            .add_child_data(values.to_data())
            .build()
            .map_err(|_| invalid(self))?;
        Ok(make_array(data))
    }
}

/// What the lists of a node are.
struct Lists {
    sizes: Vec<u32>,
    /// Values of the child that they take.
    children: Vec<Range<u64>>,
    nulls: Option<NullBuffer>,
}

/// A page on its way to an array.
struct Page<'p> {
    nulls: Nulls<'p>,
    /// From the body on.
    parts: Parts<'p>,
    /// All its values are null.
    is_null: bool,
    number: usize,
    wanted: Wanted<'p>,
    shared: Option<&'p SharedPage>,
}

impl<'p> Page<'p> {
    /// The values that its codes name.
    fn shared_values(&self) -> Option<&'p [u8]> {
        match self.shared {
            Some(SharedPage::Values(buffer)) => Some(buffer),
            _ => None,
        }
    }
}

/// Codes in the type of a dictionary's keys; `None` if one does not fit.
fn narrowed_keys(key: &DataType, codes: Vec<u32>) -> Option<Buffer> {
    fn all<T: ArrowNativeType + TryFrom<u32>>(codes: Vec<u32>) -> Option<Buffer> {
        let keys: Option<Vec<T>> = codes
            .into_iter()
            .map(|code| T::try_from(code).ok())
            .collect();
        keys.map(Buffer::from_vec)
    }
    match key {
        DataType::Int8 => all::<i8>(codes),
        DataType::UInt8 => all::<u8>(codes),
        DataType::Int16 => all::<i16>(codes),
        DataType::UInt16 => all::<u16>(codes),
        DataType::Int32 => all::<i32>(codes),
        DataType::Int64 => all::<i64>(codes),
        DataType::UInt64 => all::<u64>(codes),
        _ => Some(Buffer::from_vec(codes)),
    }
}

/// Offsets of lists with these sizes; `None` if they do not fit.
fn offsets<O: arrow_array::OffsetSizeTrait>(sizes: &[u32]) -> Option<OffsetBuffer<O>> {
    let mut offsets = Vec::with_capacity(sizes.len() + 1);
    let mut end = 0_usize;
    offsets.push(O::usize_as(0));
    for &size in sizes {
        end += size as usize;
        offsets.push(O::from_usize(end)?);
    }
    Some(OffsetBuffer::new(offsets.into()))
}

/// An array of values of fixed size.
fn of_values(
    data_type: &DataType,
    len: usize,
    values: Buffer,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    macro_rules! primitive {
        ($T:ty) => {
            Arc::new(
                PrimitiveArray::<$T>::new(values.into(), nulls).with_data_type(data_type.clone()),
            )
        };
    }
    downcast_primitive! {
        data_type => (primitive),
        _ => {
            let data = ArrayData::builder(data_type.clone()).len(len).add_buffer(values).nulls(nulls);
            match data.build() {
                Ok(data) => make_array(data),
                Err(error) => unreachable!("values of the size of {data_type} were decoded: {error}"),
            }
        }
    }
}

/// `most` is how many values its dictionary can have.
fn parse_shared(page: &[u8], shape: Shape, most: usize, decoded_bytes: u64) -> Checked<SharedPage> {
    fn words<T: Lane + ArrowNativeType>(
        parts: &mut Parts<'_>,
        count: usize,
        floats: bool,
    ) -> Checked<SharedPage> {
        let body = WordBody::<T>::parse_any(parts, count, None, 0, floats)?;
        let mut out = vec![T::default(); count];
        body.fill(&mut out)?;
        Ok(SharedPage::Values(Buffer::from_vec(out)))
    }
    let mut parts = Parts::new(page);
    let head = parts.head()?;
    if head.code == DICTIONARY_PAGE && (head.count == 0 || head.count > most) {
        return Err(Fault::Page(
            "its dictionary has an impossible number of values",
        ));
    }
    let shared = match (head.code, shape) {
        (SYMBOLS_PAGE, Shape::Bytes { .. }) => {
            SharedPage::Symbols(Box::new(Symbols::parse(&mut parts, head.count)?))
        }
        (DICTIONARY_PAGE, Shape::Bytes { text }) => SharedPage::Bytes(ByteStrings::parse(
            &mut parts,
            head.count,
            Rules {
                text,
                decoded_bytes,
            },
        )?),
        (DICTIONARY_PAGE, Shape::Word(word)) => match word.bytes {
            1 => words::<u8>(&mut parts, head.count, word.kind == WordKind::Float)?,
            2 => words::<u16>(&mut parts, head.count, word.kind == WordKind::Float)?,
            4 => words::<u32>(&mut parts, head.count, word.kind == WordKind::Float)?,
            _ => words::<u64>(&mut parts, head.count, word.kind == WordKind::Float)?,
        },
        (DICTIONARY_PAGE, Shape::Fixed(size)) => {
            let body = FixedBody::parse(&mut parts, head.count, size, None)?;
            if head.count > 1 && matches!(body, FixedBody::Constant(_)) {
                return Err(SAME_VALUES);
            }
            let mut out = Vec::new();
            let all = 0..head.count;
            body.extend(
                Wanted::new(std::slice::from_ref(&all), head.count),
                size,
                &mut out,
            )?;
            SharedPage::Values(Buffer::from_vec(out))
        }
        _ => return Err(Fault::Page("its shared page is of an unknown kind")),
    };
    parts.finish()?;
    Ok(shared)
}

/// A dictionary may have so many values, however few bytes it takes.
const MAX_DICTIONARY_VALUES: u64 = 1 << 16;

/// Which values are null, as pages tell it.
struct NullsOut {
    len: usize,
    /// Values in front of the page with the first null.
    before: usize,
    /// From the first page with a null on.
    bits: Option<BooleanBufferBuilder>,
}

impl NullsOut {
    fn new(len: usize) -> Self {
        Self {
            len,
            before: 0,
            bits: None,
        }
    }

    fn append(&mut self, page: &Page<'_>) {
        for range in page.wanted.ranges() {
            if self.bits.is_none() && page.nulls.is_none(range.clone()) {
                self.before += range.len();
                continue;
            }
            let bits = self.bits.get_or_insert_with(|| {
                let mut bits = BooleanBufferBuilder::new(self.len);
                bits.append_n(self.before, true);
                bits
            });
            page.nulls.append_to(range.clone(), bits);
        }
    }

    fn finish(self) -> Option<NullBuffer> {
        let bits: BooleanBuffer = self.bits?.finish();
        let nulls = NullBuffer::new(bits);
        (nulls.null_count() > 0).then_some(nulls)
    }
}

fn total(ranges: &[Range<u64>]) -> usize {
    let len: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    usize::try_from(len).unwrap_or(usize::MAX)
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

/// The pages that ranges touch, and which of the values of each.
fn pieces(
    ranges: &[Range<u64>],
    page_log2: u8,
) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
    ranges.iter().flat_map(move |range| {
        let pages = range.start >> page_log2..((range.end - 1) >> page_log2) + 1;
        pages.map(move |page| {
            let begin = page << page_log2;
            let from = range.start.max(begin) - begin;
            let to = range.end.min(begin + (1 << page_log2)) - begin;
            let place = |value| usize::try_from(value).unwrap_or(usize::MAX);
            (place(page), place(from)..place(to))
        })
    })
}
