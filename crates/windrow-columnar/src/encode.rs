//! Row groups to column chunks.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sizes and places of values that are in memory"
)]

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use windrow_format::{
    CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, Codec, Compressor, PageCodec, crc_of,
};

use crate::byte_slices::ByteSlices;
use crate::byte_strings::{BytesPlan, plan_bytes, push_bytes_body, push_dictionary_values};
use crate::error::ColumnError;
use crate::fixed::{FixedPlan, plan_fixed, push_fixed_body};
use crate::flatten::{NodeValues, Values, flatten};
use crate::front::{NodeDescription, plain_bytes, push_front};
use crate::node::{Shape, Word};
use crate::options::{Effort, EncodeOptions, Profile};
use crate::page::{PART_BYTES, align, push_head, push_nulls, push_words};
use crate::schema::ColumnSchema;
use crate::statistics::{Bounds, NodeStatistics, bounds_of};
use crate::symbols::push_symbols;
use crate::words::{
    Lane, PlannedWords, WordPlan, code, plan_words, push_words_body, push_words_of_dictionary,
};

/// Kinds of shared pages.
pub(crate) const DICTIONARY_PAGE: u8 = 1;
pub(crate) const SYMBOLS_PAGE: u8 = 2;
pub(crate) const TOKENS_PAGE: u8 = 3;

#[allow(clippy::cast_possible_truncation, reason = "40")]
const HEADER_BYTES: usize = CHUNK_HEADER_BYTES as usize;
const NO_CODEC: PageCodec = PageCodec::Buffer(Codec::Uncompressed);
/// Values of a page where single ones are to be cheap, as a power of 2.
const PAGE_LOG2: u8 = 12;
/// The same where a codec wants much at once.
const CODEC_PAGE_LOG2: u8 = 16;
/// Byte strings of a page, about: to read one value takes reading the page.
const PAGE_BYTES: usize = 32 << 10;
/// The same where a codec makes more of larger pages.
const CODEC_PAGE_BYTES: usize = 1 << 20;

/// The rows of one chunk, taken apart into the values of nodes, which are encoded one by one.
#[derive(Debug)]
pub struct RowGroup {
    schema: ColumnSchema,
    rows: usize,
    nodes: Vec<GroupNode>,
}

/// The values of one node of a row group.
#[derive(Debug)]
pub struct GroupNode {
    number: usize,
    values: NodeValues,
}

impl GroupNode {
    /// Its number, which is its place among the nodes of the group.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }
}

/// A node, encoded.
#[derive(Debug)]
pub struct EncodedNode {
    len: usize,
    nulls: usize,
    page_log2: u8,
    codec: PageCodec,
    has_shared: bool,
    ends: Vec<u64>,
    crcs: Vec<u32>,
    pages: Vec<u8>,
    plain_bytes: u64,
    statistics: NodeStatistics,
}

/// A column chunk, on its way to the file.
#[derive(Debug)]
pub struct EncodedGroup {
    /// What stands in front of its data.
    pub header: ChunkHeader,
    /// Its number of rows.
    pub rows: u64,
    /// What it holds at least and at most, in the order of nodes.
    pub statistics: Vec<NodeStatistics>,
}

impl RowGroup {
    /// Takes the columns of batches apart, whose rows stand one behind the other: slices, views and dictionaries lose what
    /// nothing names. Memory: the batches are let go column by column.
    ///
    /// # Errors
    /// [`ColumnError::SchemaDiffers`], [`ColumnError::TooLarge`].
    pub fn new(schema: &ColumnSchema, batches: Vec<RecordBatch>) -> Result<Self, ColumnError> {
        let expected = schema.arrow().fields();
        let mut rows = 0;
        let mut columns = Vec::with_capacity(batches.len());
        for batch in batches {
            if batch.num_columns() != expected.len() {
                let what = format!(
                    "{} columns instead of {}",
                    batch.num_columns(),
                    expected.len()
                );
                return Err(ColumnError::SchemaDiffers { what });
            }
            schema.check_nulls(&batch)?;
            rows += batch.num_rows();
            columns.push(batch.into_parts().1.into_iter());
        }
        let mut nodes = Vec::with_capacity(schema.nodes().len());
        for (field, &root) in expected.iter().zip(schema.nodes().roots()) {
            let parts: Vec<ArrayRef> = columns.iter_mut().filter_map(Iterator::next).collect();
            if let Some(other) = parts
                .iter()
                .find(|part| part.data_type() != field.data_type())
            {
                let what = format!(
                    "column `{}` is {} instead of {}",
                    field.name(),
                    other.data_type(),
                    field.data_type()
                );
                return Err(ColumnError::SchemaDiffers { what });
            }
            let column = joined(parts, field.data_type()).map_err(|error| {
                let what = format!("column `{}`: {error}", field.name());
                ColumnError::SchemaDiffers { what }
            })?;
            flatten(&column, schema.nodes(), root, &mut nodes)?;
        }
        let nodes = nodes.into_iter().enumerate();
        Ok(Self {
            schema: schema.clone(),
            rows,
            nodes: nodes
                .map(|(number, values)| GroupNode { number, values })
                .collect(),
        })
    }

    /// Whether batches fit into one row group: the values of all their dictionaries together may be more than keys of 8 or
    /// 16 bits can name.
    #[must_use]
    pub fn fits(schema: &ColumnSchema, batches: &[RecordBatch]) -> bool {
        let has_small_keys = |column: &usize| {
            schema.nodes().of_column(*column).any(|node| {
                let DataType::Dictionary(keys, _) = &schema.nodes().get(node).data_type else {
                    return false;
                };
                keys.primitive_width() < Some(4)
            })
        };
        let columns = 0..schema.arrow().fields().len();
        columns.filter(has_small_keys).all(|column| {
            let parts = batches
                .iter()
                .filter_map(|batch| batch.columns().get(column));
            let joined = joined(parts.cloned().collect(), &DataType::Null);
            !matches!(joined, Err(ArrowError::DictionaryKeyOverflowError))
        })
    }

    /// Hands out the nodes, in order, for [`encode_node`](Self::encode_node).
    pub fn take_nodes(&mut self) -> Vec<GroupNode> {
        std::mem::take(&mut self.nodes)
    }

    /// Encodes a node. Memory: its values are let go.
    ///
    /// # Errors
    /// Those of [`Compressor::compress_page`].
    pub fn encode_node(
        &self,
        node: GroupNode,
        options: &EncodeOptions,
        compressor: &mut Compressor,
    ) -> Result<EncodedNode, ColumnError> {
        let described = self.schema.nodes().get(node.number);
        let values = &node.values;
        let effort = match options.profile() {
            Profile::Spill => Effort::Spill,
            _ => Effort::Balanced,
        };
        let plan = plan(values, described.shape, effort);
        let Some(mut best) = encode(
            values,
            described.shape,
            &plan,
            effort,
            NO_CODEC,
            compressor,
            usize::MAX,
        )?
        else {
            unreachable!("no node has so many bytes")
        };
        let codec = options.codec_of(self.column_of(node.number));
        if codec != NO_CODEC && !best.pages.is_empty() {
            // Decompressing has to pay.
            let most = best.pages.len() * 85 / 100;
            let compressed = encode(
                values,
                described.shape,
                &plan,
                Effort::Bytes,
                codec,
                compressor,
                most,
            )?;
            best = compressed.unwrap_or(best);
        }
        best.statistics = NodeStatistics {
            nulls: values.null_count() as u64,
            bounds: if described.has_bounds {
                bounds_of(values, &plan, described)
            } else {
                Bounds::default()
            },
        };
        Ok(best)
    }

    fn column_of(&self, node: usize) -> &str {
        let column = self
            .schema
            .nodes()
            .roots()
            .partition_point(|&root| root <= node)
            - 1;
        self.schema.arrow().field(column).name()
    }

    /// Appends the chunk of the encoded nodes, all in order, to `out`: header and data, without block headers. Memory: `out`
    /// takes once more what the nodes take.
    pub fn finish(&self, nodes: Vec<EncodedNode>, out: &mut Vec<u8>) -> EncodedGroup {
        let descriptions = nodes.iter().map(|encoded| NodeDescription {
            len: encoded.len as u64,
            nulls: encoded.nulls as u64,
            page_log2: encoded.page_log2,
            compression: encoded.codec.compression(),
            has_shared: encoded.has_shared,
            ends: &encoded.ends,
            crcs: &encoded.crcs,
        });
        // The header is written over its place when the data are there.
        let header_begin = out.len();
        out.resize(header_begin + HEADER_BYTES, 0);
        let begin = out.len();
        push_front(out, self.rows as u64, self.schema.hash(), descriptions);
        out.reserve_exact(nodes.iter().map(|node| node.pages.len() + PART_BYTES).sum());
        let decoded = nodes.iter().map(|node| node.plain_bytes).sum();
        let mut statistics = Vec::with_capacity(nodes.len());
        for node in nodes {
            out.resize(begin + (out.len() - begin).next_multiple_of(PART_BYTES), 0);
            out.extend_from_slice(&node.pages);
            statistics.push(node.statistics);
        }
        let header = ChunkHeader::new(ChunkType::Columns, 1, decoded, &out[begin..]);
        out[header_begin..begin].copy_from_slice(&header.encode());
        EncodedGroup {
            header,
            rows: self.rows as u64,
            statistics,
        }
    }
}

/// The parts of a column as one array.
fn joined(mut parts: Vec<ArrayRef>, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if parts.len() < 2 {
        return Ok(parts.pop().unwrap_or_else(|| new_empty_array(data_type)));
    }
    concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// How the values of a node are encoded.
pub(crate) enum Plan<'a> {
    Nulls,
    Bits,
    Bytes(ByteSlices<'a>, BytesPlan),
    Fixed(&'a [u8], usize, FixedPlan<'a>),
    W8(Words<'a, u8>),
    W16(Words<'a, u16>),
    W32(Words<'a, u32>),
    W64(Words<'a, u64>),
}

/// Words, and how they are encoded.
pub(crate) struct Words<'a, T: Lane> {
    pub(crate) values: Cow<'a, [T]>,
    pub(crate) word: Word,
    pub(crate) planned: PlannedWords<T>,
}

/// Encodes the values of a node by a plan, unless it becomes clear that it takes more than `most` bytes.
fn encode(
    values: &NodeValues,
    shape: Shape,
    plan: &Plan<'_>,
    effort: Effort,
    codec: PageCodec,
    compressor: &mut Compressor,
    most: usize,
) -> Result<Option<EncodedNode>, ColumnError> {
    let nulls = values.null_count();
    let mut plain = plain_bytes(values.len as u64, shape);
    if nulls > 0 {
        plain += values.len.div_ceil(8) as u64;
    }
    let mut node = EncodedNode {
        len: values.len,
        nulls,
        page_log2: if effort == Effort::Bytes {
            CODEC_PAGE_LOG2
        } else {
            PAGE_LOG2
        },
        codec,
        has_shared: false,
        ends: vec![0],
        crcs: Vec::new(),
        pages: Vec::new(),
        plain_bytes: plain,
        statistics: NodeStatistics::default(),
    };
    if nulls == values.len || (nulls == 0 && matches!(shape, Shape::Struct { .. })) {
        return Ok(Some(node));
    }
    if let Plan::Bytes(all, _) = plan {
        let bytes = all.joined().len();
        node.plain_bytes += bytes as u64;
        let most = match effort {
            Effort::Bytes => CODEC_PAGE_BYTES,
            _ => PAGE_BYTES,
        };
        while node.page_log2 > 0 && (bytes / all.len()) << node.page_log2 > most {
            node.page_log2 -= 1;
        }
    }
    let mut page = Vec::new();
    let out = node.next_page(&mut page);
    if push_shared(out, plan, effort) {
        node.has_shared = true;
        node.finish_page(&page, compressor)?;
    }
    let shared_bytes = node.pages.len();
    let mut first = 0_u64;
    let mut begin = 0;
    while begin < values.len {
        let end = values.len.min(begin + (1 << node.page_log2));
        let out = node.next_page(&mut page);
        let null = push_nulls(out, values.nulls.as_ref(), begin..end);
        align(out);
        if shape == Shape::List
            && let Values::Indices(sizes) = &values.values
        {
            push_words(out, &[first]);
            first += sizes[begin..end]
                .iter()
                .map(|&size| u64::from(size))
                .sum::<u64>();
        }
        if null < end - begin {
            push_body(out, values, begin..end, plan, effort);
        }
        node.finish_page(&page, compressor)?;
        if begin == 0 {
            // A little more than if all pages were like the first: growing once more would take twice as much.
            let left = (node.pages.len() - shared_bytes) as u64 * (values.len - end) as u64;
            let left = left.div_ceil(end as u64);
            let left = usize::try_from(left + left / 32).unwrap_or(0);
            node.pages.reserve_exact(left + PART_BYTES);
        }
        begin = end;
        // As if the pages that follow were like those in front.
        let (so_far, left) = (
            node.pages.len() - shared_bytes,
            most.saturating_sub(shared_bytes),
        );
        if so_far.saturating_mul(values.len) / begin > left {
            return Ok(None);
        }
    }
    if node.pages.capacity() - node.pages.len() > node.pages.len() / 16 {
        node.pages.shrink_to_fit();
    }
    Ok(Some(node))
}

impl EncodedNode {
    /// Bytes of its values without any encoding.
    pub(crate) const fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    pub(crate) const fn statistics(&self) -> &NodeStatistics {
        &self.statistics
    }

    /// Where the next page is to be written: without a codec, in its place at once.
    fn next_page<'p>(&'p mut self, page: &'p mut Vec<u8>) -> &'p mut Vec<u8> {
        align(&mut self.pages);
        if self.codec == NO_CODEC {
            return &mut self.pages;
        }
        page.clear();
        page
    }

    /// Stores the page that was written there.
    fn finish_page(&mut self, page: &[u8], compressor: &mut Compressor) -> Result<(), ColumnError> {
        if self.codec != NO_CODEC {
            compressor.compress_page(self.codec, page, &mut self.pages)?;
        }
        let before = self
            .ends
            .last()
            .map_or(0, |end| usize::try_from(*end).unwrap_or(0));
        let begin = before.next_multiple_of(PART_BYTES);
        self.ends.push(self.pages.len() as u64);
        self.crcs.push(crc_of(&self.pages[begin..]));
        Ok(())
    }
}

pub(crate) fn plan(values: &NodeValues, shape: Shape, effort: Effort) -> Plan<'_> {
    fn words<T: Lane>(values: &NodeValues, word: Word, effort: Effort) -> Words<'_, T> {
        let values = values.words();
        Words {
            planned: plan_words(&values, word, effort, true),
            values,
            word,
        }
    }
    if values.null_count() == values.len {
        return Plan::Nulls;
    }
    match shape {
        Shape::None | Shape::Struct { .. } => Plan::Nulls,
        Shape::Bits => Plan::Bits,
        Shape::Word(word) => match word.bytes {
            1 => Plan::W8(words(values, word, effort)),
            2 => Plan::W16(words(values, word, effort)),
            4 => Plan::W32(words(values, word, effort)),
            _ => Plan::W64(words(values, word, effort)),
        },
        Shape::List | Shape::Codes => {
            let Values::Indices(all) = &values.values else {
                unreachable!("lists and codes are words of 4 bytes")
            };
            Plan::W32(Words {
                values: Cow::Borrowed(all),
                word: Word::CODES,
                planned: plan_words(all, Word::CODES, effort, false),
            })
        }
        Shape::Fixed(size) => {
            let Values::Fixed(buffer) = &values.values else {
                unreachable!("values of fixed size lie in one buffer")
            };
            Plan::Fixed(buffer, size, plan_fixed(buffer, size, effort))
        }
        Shape::Bytes { .. } => {
            let all = values.byte_strings();
            Plan::Bytes(all, plan_bytes(all, effort))
        }
    }
}

/// Writes what the pages have in common, if they have anything.
fn push_shared(page: &mut Vec<u8>, plan: &Plan<'_>, effort: Effort) -> bool {
    fn words<T: Lane>(page: &mut Vec<u8>, words: &Words<'_, T>, effort: Effort) -> bool {
        let WordPlan::Dictionary { values, .. } = &words.planned.plan else {
            return false;
        };
        push_head(page, DICTIONARY_PAGE, 0, values.len());
        push_words_of_dictionary(page, values, words.word, effort);
        true
    }
    match plan {
        Plan::Nulls | Plan::Bits => false,
        Plan::W8(all) => words(page, all, effort),
        Plan::W16(all) => words(page, all, effort),
        Plan::W32(all) => words(page, all, effort),
        Plan::W64(all) => words(page, all, effort),
        Plan::Fixed(_, size, plan) => {
            let FixedPlan::Dictionary { values, .. } = plan else {
                return false;
            };
            push_head(page, DICTIONARY_PAGE, 0, values.len());
            let all = values.concat();
            push_fixed_body(
                page,
                &all,
                *size,
                0..values.len(),
                &FixedPlan::Plain,
                effort,
            );
            true
        }
        Plan::Bytes(_, BytesPlan::Dictionary { values, .. }) => {
            push_head(page, DICTIONARY_PAGE, 0, values.slices().len());
            push_dictionary_values(page, values.slices(), effort);
            true
        }
        Plan::Bytes(_, BytesPlan::Symbols(compressor)) => {
            push_head(page, SYMBOLS_PAGE, 0, compressor.n_symbols());
            push_symbols(page, compressor);
            true
        }
        Plan::Bytes(_, BytesPlan::Tokens(tokens)) => {
            push_head(page, TOKENS_PAGE, 0, tokens.len());
            tokens.push_table(page);
            true
        }
        Plan::Bytes(_, BytesPlan::Lengths) => false,
    }
}

fn push_body(
    page: &mut Vec<u8>,
    values: &NodeValues,
    range: Range<usize>,
    plan: &Plan<'_>,
    effort: Effort,
) {
    fn words<T: Lane>(
        page: &mut Vec<u8>,
        words: &Words<'_, T>,
        range: Range<usize>,
        effort: Effort,
    ) {
        push_words_body(
            page,
            &words.values,
            range,
            words.word,
            &words.planned.plan,
            effort,
        );
    }
    match plan {
        Plan::Nulls => {}
        Plan::Bits => {
            let Values::Bits(bits) = &values.values else {
                unreachable!("bits lie in a buffer of bits")
            };
            push_bits(page, &bits.slice(range.start, range.len()), values, range);
        }
        Plan::W8(all) => words(page, all, range, effort),
        Plan::W16(all) => words(page, all, range, effort),
        Plan::W32(all) => words(page, all, range, effort),
        Plan::W64(all) => words(page, all, range, effort),
        Plan::Fixed(all, size, plan) => push_fixed_body(page, all, *size, range, plan, effort),
        Plan::Bytes(all, plan) => push_bytes_body(page, *all, range, plan, effort),
    }
}

fn push_bits(
    page: &mut Vec<u8>,
    bits: &arrow_buffer::BooleanBuffer,
    values: &NodeValues,
    range: Range<usize>,
) {
    let nulls = values
        .nulls
        .as_ref()
        .map(|nulls| nulls.slice(range.start, range.len()));
    let set = match &nulls {
        Some(nulls) => (bits & nulls.inner()).count_set_bits(),
        None => bits.count_set_bits(),
    };
    let there = range.len() - nulls.as_ref().map_or(0, |nulls| nulls.null_count());
    if set == 0 || set == there {
        push_head(page, code::CONSTANT, 0, 1);
        push_words(page, &[u8::from(set > 0)]);
        align(page);
        return;
    }
    push_head(page, code::PLAIN, 0, 0);
    let bits = nulls.map_or_else(|| bits.clone(), |nulls| bits & nulls.inner());
    let bytes = bits.sliced();
    push_words(
        page,
        bytes
            .as_slice()
            .get(..range.len().div_ceil(8))
            .unwrap_or_default(),
    );
    align(page);
}
