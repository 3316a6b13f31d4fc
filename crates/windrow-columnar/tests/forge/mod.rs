//! Column chunks taken apart, changed, and put together again with checksums and hashes that fit.
#![allow(dead_code)]

use std::ops::Range;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use windrow_columnar::{
    ChunkRead, ColumnError, ColumnSchema, EncodeOptions, Front, RowGroup, Strings,
};
use windrow_format::{
    At, BufferLimits, CHUNK_HEADER_BYTES, COLUMN_FRONT_BYTES, ChunkHeader, ChunkType, Codec,
    Column, ColumnFront, Compressor, Decompressor, Limits, PageCodec, PageCompression, crc_of,
    push_column, push_varint, take_varint,
};

pub const AT: At = At::chunk(64, 3);

/// What a reader allows.
pub const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 24,
    max_record_bytes: 1 << 24,
};

/// A node of a chunk. Its pages are not compressed here.
#[derive(Debug, Clone)]
pub struct ForgedNode {
    pub len: u64,
    pub nulls: u64,
    pub page_log2: u8,
    /// The byte that names the codec.
    pub compression: u8,
    pub has_shared: u8,
    pub pages: Vec<Vec<u8>>,
    /// Stored instead of the pages, if it is not empty.
    pub stored: Vec<Vec<u8>>,
}

impl ForgedNode {
    /// One page of values that all are there.
    pub fn new(len: u64, page: Vec<u8>) -> Self {
        Self {
            len,
            nulls: 0,
            page_log2: 16,
            compression: 0,
            has_shared: 0,
            pages: vec![page],
            stored: Vec::new(),
        }
    }

    pub fn with_nulls(mut self, nulls: u64) -> Self {
        self.nulls = nulls;
        self
    }

    pub fn with_shared(mut self, page: Vec<u8>) -> Self {
        self.has_shared = 1;
        self.pages.insert(0, page);
        self
    }

    /// Nothing but nulls.
    pub fn all_null(len: u64) -> Self {
        let mut node = Self::new(len, Vec::new()).with_nulls(len);
        node.pages.clear();
        node
    }

    /// A struct that is nowhere null.
    pub fn no_pages(len: u64) -> Self {
        Self {
            nulls: 0,
            ..Self::all_null(len)
        }
    }

    fn stored_pages(&self) -> Vec<Vec<u8>> {
        if !self.stored.is_empty() {
            return self.stored.clone();
        }
        let codec = match self.compression {
            b'z' => PageCodec::Buffer(Codec::Zstd { level: 3 }),
            b'b' => PageCodec::Buffer(Codec::Brotli { level: 2 }),
            b's' => PageCodec::Buffer(Codec::Snappy),
            b'l' => PageCodec::Lz4,
            _ => return self.pages.clone(),
        };
        let mut compressor = Compressor::new();
        let compress = |page: &Vec<u8>| {
            let mut out = Vec::new();
            compressor.compress_page(codec, page, &mut out).unwrap();
            out
        };
        self.pages.iter().map(compress).collect()
    }
}

/// A column chunk as the writer meant it.
#[derive(Debug, Clone)]
pub struct Forged {
    pub rows: u64,
    pub nodes: Vec<ForgedNode>,
    /// What the header says, and the front.
    pub decoded_bytes: u64,
    pub schema_hash: u64,
}

/// A chunk with the schema of its file.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub header: ChunkHeader,
    pub data: Vec<u8>,
}

impl Forged {
    pub fn new(schema: &ColumnSchema, rows: u64, nodes: Vec<ForgedNode>) -> Self {
        Self {
            rows,
            nodes,
            decoded_bytes: 1 << 20,
            schema_hash: schema.hash(),
        }
    }

    /// Takes a sound chunk apart.
    pub fn take_apart(schema: &ColumnSchema, sealed: &Sealed) -> Self {
        let Sealed { header, data } = sealed;
        let mut is_struct = Vec::new();
        for field in schema.arrow().fields() {
            structs(field.data_type(), &mut is_struct);
        }
        let front = ColumnFront::parse(header, data, AT).unwrap();
        let mut rest = front.check_crc(data, AT).unwrap();
        let mut nodes = Vec::new();
        let mut begin = usize::try_from(front.front_bytes).unwrap();
        let mut decompressor = Decompressor::new();
        for is_struct in is_struct {
            let len = take_varint(&mut rest).unwrap();
            let nulls = take_varint(&mut rest).unwrap();
            let (&[page_log2, compression, has_shared], behind) = rest.split_first_chunk().unwrap();
            let has_pages = nulls < len && (nulls > 0 || !is_struct);
            let pages = if has_pages {
                len.div_ceil(1 << page_log2)
            } else {
                0
            };
            let stored = usize::try_from(pages).unwrap() + usize::from(has_shared);
            let (column, behind) = Column::split(behind, stored + 1).unwrap();
            let ends: Vec<usize> = (0..=stored)
                .map(|index| usize::try_from(column.get(index)).unwrap())
                .collect();
            rest = &behind[4 * stored..];
            let mut pages = Vec::new();
            for pair in ends.windows(2) {
                let stored = &data[begin + pair[0].next_multiple_of(8)..begin + pair[1]];
                pages.push(decompressed(compression, stored, &mut decompressor));
            }
            begin = (begin + ends[stored]).next_multiple_of(8);
            nodes.push(ForgedNode {
                len,
                nulls,
                page_log2,
                compression,
                has_shared,
                pages,
                stored: Vec::new(),
            });
        }
        Self {
            rows: front.rows,
            nodes,
            decoded_bytes: header.decoded_bytes,
            schema_hash: front.schema_hash,
        }
    }

    /// The chunk, whose checksums all fit.
    pub fn seal(&self) -> Sealed {
        let mut descriptions = Vec::new();
        let mut pages = Vec::new();
        for node in &self.nodes {
            let begin = pages.len().next_multiple_of(8);
            let mut ends = vec![0];
            let mut crcs = Vec::new();
            for stored in node.stored_pages() {
                align(&mut pages);
                pages.extend_from_slice(&stored);
                ends.push((pages.len() - begin) as u64);
                crcs.extend(crc_of(&stored).to_le_bytes());
            }
            push_varint(&mut descriptions, node.len);
            push_varint(&mut descriptions, node.nulls);
            descriptions.extend([node.page_log2, node.compression, node.has_shared]);
            push_column(&mut descriptions, &mut ends);
            descriptions.extend(crcs);
        }
        self.seal_with(descriptions, &pages)
    }

    /// The chunk with these descriptions of nodes.
    pub fn seal_with(&self, mut descriptions: Vec<u8>, pages: &[u8]) -> Sealed {
        let front_bytes = (COLUMN_FRONT_BYTES + descriptions.len() + 4).next_multiple_of(8);
        descriptions.resize(front_bytes - COLUMN_FRONT_BYTES - 4, 0);
        let front = ColumnFront {
            front_bytes: u32::try_from(front_bytes).unwrap(),
            rows: self.rows,
            schema_hash: self.schema_hash,
        };
        let mut data = front.encode().to_vec();
        data.extend(descriptions);
        let crc = crc_of(&data);
        data.extend(crc.to_le_bytes());
        data.extend_from_slice(pages);
        Sealed {
            header: ChunkHeader::new(ChunkType::Columns, 1, self.decoded_bytes, &data),
            data,
        }
    }
}

/// Which nodes are structs, depth first.
fn structs(data_type: &DataType, out: &mut Vec<bool>) {
    let data_type = match data_type {
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    };
    out.push(matches!(
        data_type,
        DataType::Struct(_) | DataType::FixedSizeList(..)
    ));
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => structs(item.data_type(), out),
        DataType::Struct(fields) => fields
            .iter()
            .for_each(|field| structs(field.data_type(), out)),
        DataType::Dictionary(_, values) => structs(values, out),
        _ => {}
    }
}

fn decompressed(compression: u8, stored: &[u8], decompressor: &mut Decompressor) -> Vec<u8> {
    if compression == 0 {
        return stored.to_vec();
    }
    let limits = BufferLimits {
        exact: None,
        max: u64::MAX,
        limit: 1 << 30,
        option: "max_chunk_bytes",
        what: "page",
        at: AT,
    };
    let mut page = Vec::new();
    let compression = PageCompression::from_byte(compression).unwrap();
    decompressor
        .decompress_page(compression, stored, &limits, &mut page)
        .unwrap();
    page
}

pub fn align(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}

/// The head of a page, or of a body.
pub fn head(code: u8, small: u8, count: u32) -> Vec<u8> {
    let mut head = vec![code, small, 0, 0];
    head.extend(count.to_le_bytes());
    head
}

/// Parts, each on a multiple of 8.
pub fn parts(all: &[&[u8]]) -> Vec<u8> {
    let mut page = Vec::new();
    for part in all {
        align(&mut page);
        page.extend_from_slice(part);
    }
    align(&mut page);
    page
}

/// A page of values that all are there.
pub fn page(body: &[&[u8]]) -> Vec<u8> {
    let mut all = vec![&[0; 8][..]];
    all.extend(body);
    parts(&all)
}

/// A body of one word of 4 bytes that all values are.
pub fn constant(word: u32) -> Vec<u8> {
    parts(&[&head(1, 0, 4), &word.to_le_bytes()])
}

/// Words as bytes.
pub fn words<T: bytemuck::Pod>(words: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(words).to_vec()
}

pub fn schema_of(schema: SchemaRef) -> ColumnSchema {
    ColumnSchema::new(schema).unwrap()
}

pub fn encode(batch: &RecordBatch, options: &EncodeOptions) -> (ColumnSchema, Sealed) {
    let schema = schema_of(batch.schema());
    let mut group = RowGroup::new(&schema, vec![batch.clone()]).unwrap();
    let mut compressor = Compressor::new();
    let nodes = group.take_nodes().into_iter();
    let nodes = nodes.map(|node| group.encode_node(node, options, &mut compressor).unwrap());
    let nodes = nodes.collect();
    let mut chunk = Vec::new();
    let header = group.finish(nodes, &mut chunk).header;
    let data = chunk.split_off(usize::try_from(CHUNK_HEADER_BYTES).unwrap());
    (schema.clone(), Sealed { header, data })
}

/// What is read of a chunk.
#[derive(Debug, Clone)]
pub struct Asked {
    pub columns: Vec<usize>,
    pub rows: Vec<Range<u64>>,
    pub strings: Strings,
    /// All data at once, whose hash was checked.
    pub verified: bool,
}

impl Asked {
    #[allow(clippy::single_range_in_vec_init)]
    pub fn whole(schema: &ColumnSchema, rows: u64) -> Self {
        Self {
            columns: (0..schema.arrow().fields().len()).collect(),
            rows: vec![0..rows],
            strings: Strings::AsWritten,
            verified: false,
        }
    }
}

pub fn parse_front(
    schema: &ColumnSchema,
    sealed: &Sealed,
    limits: &Limits,
) -> Result<Front, ColumnError> {
    Front::parse(&sealed.header, &sealed.data, schema, limits, AT)
}

/// Reads as a reader of files does.
pub fn read(
    schema: &ColumnSchema,
    front: &Front,
    sealed: &Sealed,
    asked: &Asked,
) -> Result<RecordBatch, ColumnError> {
    let schema = schema.with_strings(asked.strings);
    let mut read = ChunkRead::new(front, &schema, &asked.columns, asked.rows.clone());
    if asked.verified {
        read.give_verified(0, sealed.data.as_slice());
    }
    let mut decompressor = Decompressor::new();
    // Each round goes one level deeper.
    for round in 0.. {
        let missing = read.missing(&mut decompressor)?;
        if missing.is_empty() {
            break;
        }
        assert!(round < 100, "the same is asked for again and again");
        assert!(!asked.verified, "all is there: {missing:?}");
        for page in missing {
            let place = usize::try_from(page.bytes.start).unwrap()
                ..usize::try_from(page.bytes.end).unwrap();
            read.give(page.bytes.start, &sealed.data[place]);
        }
    }
    let batch = read.finish(&mut decompressor)?;
    let rows: u64 = asked.rows.iter().map(|range| range.end - range.start).sum();
    assert_eq!(batch.num_rows() as u64, rows);
    for column in batch.columns() {
        assert_eq!(column.len(), batch.num_rows());
        column.to_data().validate_full().unwrap();
    }
    Ok(batch)
}

/// The front, and all rows.
pub fn read_whole(schema: &ColumnSchema, sealed: &Sealed) -> Result<RecordBatch, ColumnError> {
    let front = parse_front(schema, sealed, &LIMITS)?;
    read(schema, &front, sealed, &Asked::whole(schema, front.rows()))
}
