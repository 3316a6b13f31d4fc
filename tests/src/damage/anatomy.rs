//! The structures of a sound file, found by walking over its chunks from byte 0 on, without its index.

use std::ops::Range;

use windrow::format::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, CHUNK_HEADER_BYTES, Chunk, ChunkHeader, ChunkType, Column,
    ColumnFront, Limits, PageFront, RecordDecoder, Records, add_with_block_headers,
    parse_postscript, take_out_block_headers, take_varint as parse_varint,
};
use windrow::{At, ChunkLocation, Reader, ReaderOptions};

/// What a chunk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The first chunk.
    Signature,
    /// Records, or rows, that the last footer lists, or any of a file that has none.
    Data,
    /// Records that no footer lists any more.
    Superseded,
    /// Rows that the last footer does not list yet.
    Unlisted,
    /// Records that were flushed before their group was full.
    Provisional,
    /// What the file says of its records.
    Metadata,
    /// The schema of the columns.
    Schema,
    /// The least and the largest values of the columns.
    Statistics,
    /// Those behind a footer in front of the last one.
    OldStatistics,
    /// The first copy of a dictionary.
    Dictionary,
    /// A copy of a dictionary behind the last footer.
    DictionaryCopy,
    /// One behind a footer in front of the last one.
    OldDictionaryCopy,
    /// The index.
    Footer,
    /// An index in front of the last one.
    OldFooter,
    /// What points at the index.
    Postscript,
    /// A postscript in front of the last one.
    OldPostscript,
    /// Padding behind the last footer.
    FooterPadding,
    /// Padding behind the last postscript.
    PostscriptPadding,
    /// Any other padding.
    Padding,
}

impl Part {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Data => "data",
            Self::Superseded => "superseded",
            Self::Unlisted => "unlisted",
            Self::Provisional => "provisional",
            Self::Metadata => "metadata",
            Self::Schema => "schema",
            Self::Statistics => "statistics",
            Self::OldStatistics => "old statistics",
            Self::Dictionary => "dictionary",
            Self::DictionaryCopy => "dictionary copy",
            Self::OldDictionaryCopy => "old dictionary copy",
            Self::Footer => "footer",
            Self::OldFooter => "old footer",
            Self::Postscript => "postscript",
            Self::OldPostscript => "old postscript",
            Self::FooterPadding => "footer padding",
            Self::PostscriptPadding => "postscript padding",
            Self::Padding => "padding",
        }
    }
}

/// What of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A block header in front of the chunk or inside it.
    BlockHeader,
    /// The chunk header.
    Header,
    /// Of a chunk of records: the compression type and the sizes, or the header of a transposed one. Of a provisional chunk: its four numbers.
    Front,
    /// The rest of the data.
    Data,
    /// Of a page chunk or a dictionary: the compression type.
    Codec,
    /// The id of the dictionary.
    DictionaryId,
    /// Of a page chunk: base, slope and width of its table.
    Line,
    /// The bits of its table.
    Bits,
    /// The checksum of its front.
    FrontCrc,
    /// A record as it is stored.
    Stored,
    /// The checksum of one record.
    RecordCrc,
    /// Of a column chunk: the layout and what is reserved behind it.
    Layout,
    /// The size of its front.
    FrontBytes,
    /// How many rows it has.
    Rows,
    /// The hash of their schema.
    SchemaHash,
    /// What it says of its nodes, and what fills its front up.
    Nodes,
    /// The shared page of the node with this number.
    SharedPage(usize),
    /// A page of the node with this number, which is below 10.
    Page(usize),
    /// Zeros in front of a page.
    Gap,
    /// What follows the data where a chunk is longer than they are.
    Fill,
    /// All of the chunk, block headers included.
    Whole,
}

impl Field {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockHeader => "block header",
            Self::Header => "header",
            Self::Front => "sizes",
            Self::Data => "data",
            Self::Codec => "compression type",
            Self::DictionaryId => "dictionary id",
            Self::Line => "column header",
            Self::Bits => "bits",
            Self::FrontCrc => "front_crc",
            Self::Stored => "stored",
            Self::RecordCrc => "record_crc",
            Self::Layout => "column_layout",
            Self::FrontBytes => "front_bytes",
            Self::Rows => "rows",
            Self::SchemaHash => "schema_hash",
            Self::Nodes => "nodes",
            Self::SharedPage(node) => SHARED_PAGES[node],
            Self::Page(node) => PAGES[node],
            Self::Gap => "gap",
            Self::Fill => "fill",
            Self::Whole => "whole",
        }
    }
}

const SHARED_PAGES: [&str; 10] = [
    "shared page of node 0",
    "shared page of node 1",
    "shared page of node 2",
    "shared page of node 3",
    "shared page of node 4",
    "shared page of node 5",
    "shared page of node 6",
    "shared page of node 7",
    "shared page of node 8",
    "shared page of node 9",
];
const PAGES: [&str; 10] = [
    "page of node 0",
    "page of node 1",
    "page of node 2",
    "page of node 3",
    "page of node 4",
    "page of node 5",
    "page of node 6",
    "page of node 7",
    "page of node 8",
    "page of node 9",
];

/// One structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// What its chunk is for.
    pub part: Part,
    /// What of the chunk.
    pub field: Field,
    /// Zero-based number of the chunk in the file, chunks of all kinds counted.
    pub chunk: usize,
    /// Its bytes: without block headers, unless it is one or all of a chunk. Never empty.
    pub spans: Vec<Range<usize>>,
}

impl Structure {
    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.iter().map(Range::len).sum()
    }

    /// Whether there is nothing of it, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the byte number `byte` of it lies in the file.
    ///
    /// # Panics
    /// If it has not as many.
    #[must_use]
    pub fn place(&self, byte: usize) -> usize {
        let mut left = byte;
        for span in &self.spans {
            if left < span.len() {
                return span.start + left;
            }
            left -= span.len();
        }
        panic!("byte {byte} of {}", self.len());
    }

    /// From its first byte to behind its last one.
    #[must_use]
    pub fn hull(&self) -> Range<usize> {
        self.place(0)..self.place(self.len() - 1) + 1
    }

    /// Whether the byte at `place` of the file is part of it.
    #[must_use]
    pub fn covers(&self, place: usize) -> bool {
        self.spans.iter().any(|span| span.contains(&place))
    }
}

/// One chunk of a sound file.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What it is for.
    pub part: Part,
    /// Its header.
    pub header: ChunkHeader,
    /// All of it.
    pub bytes: Range<usize>,
    /// The records, or rows, that it holds, for data, superseded and provisional chunks.
    pub records: Range<u64>,
}

/// The chunks of a sound file, in order.
#[derive(Debug, Clone)]
pub struct Anatomy {
    /// The chunks.
    pub chunks: Vec<Piece>,
}

impl Anatomy {
    /// Walks over a file. One that is not finished ends with its last chunk.
    ///
    /// # Panics
    /// If something is wrong with it.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut chunks = Vec::new();
        let mut begin = 0;
        let mut footers = Vec::new();
        while begin < bytes.len() as u64 {
            let at = At::byte(begin);
            let front = add_with_block_headers(begin, CHUNK_HEADER_BYTES);
            let header = take_out_block_headers(begin, slice(bytes, begin..front));
            let header = ChunkHeader::parse(&header, at).expect("a sound header");
            let end = header.chunk_end(begin);
            let part = match header.chunk_type {
                ChunkType::Signature => Part::Signature,
                ChunkType::Padding => Part::Padding,
                ChunkType::Simple => match footer_offset(bytes, &header, begin) {
                    Some(offset) => {
                        footers.push(offset);
                        Part::OldPostscript
                    }
                    None => Part::Superseded,
                },
                ChunkType::Transposed | ChunkType::Pages | ChunkType::Columns => Part::Superseded,
                ChunkType::Dictionary => Part::Dictionary,
                ChunkType::Metadata => Part::Metadata,
                ChunkType::Schema => Part::Schema,
                ChunkType::Statistics => Part::Statistics,
                _ => Part::Provisional,
            };
            let count = if header.chunk_type == ChunkType::Columns {
                let row = take_out_block_headers(begin, slice(bytes, begin..end));
                let front = ColumnFront::parse(&header, &row[40..], at);
                front.expect("a sound front").rows
            } else {
                header.num_records
            };
            chunks.push(Piece {
                part,
                header,
                bytes: to_usize(begin)..to_usize(end),
                records: 0..count,
            });
            begin = end;
        }
        let mut anatomy = Self { chunks };
        anatomy.name_footers(bytes, &footers);
        anatomy
    }

    /// Gives the chunks of records the parts and the numbers that they have.
    fn name_footers(&mut self, bytes: &[u8], footers: &[u64]) {
        let reader = Reader::from_bytes(bytes, ReaderOptions::new()).ok();
        let listed: Option<Vec<(u64, u64)>> = reader.map(|reader| {
            let chunk = |number| reader.chunk_location(number).expect("a listed chunk");
            let place = |location: ChunkLocation| (location.begin, location.first_record);
            (0..reader.num_chunks()).map(chunk).map(place).collect()
        });
        let live = footers.last().filter(|_| listed.is_some());
        let mut next_record = 0;
        for chunk in &mut self.chunks {
            let begin = chunk.bytes.start as u64;
            if footers.contains(&begin) {
                let is_live = live == Some(&begin);
                chunk.part = if is_live {
                    Part::Footer
                } else {
                    Part::OldFooter
                };
            } else if chunk.part == Part::Superseded {
                let entry = (listed.as_ref()).map(|all| all.iter().find(|entry| entry.0 == begin));
                let first = match entry {
                    Some(Some((_, first_record))) => *first_record,
                    Some(None) | None => next_record,
                };
                chunk.records = first..first + chunk.records.end;
                if !matches!(entry, Some(None)) {
                    chunk.part = Part::Data;
                    next_record = chunk.records.end;
                } else if chunk.header.chunk_type == ChunkType::Columns {
                    chunk.part = Part::Unlisted;
                    next_record = chunk.records.end;
                } else {
                    // The next chunk of records begins with these again.
                    next_record = first;
                }
            } else if chunk.part == Part::Provisional {
                let row = take_out_block_headers(begin, &bytes[chunk.bytes.clone()]);
                let mut numbers = &row[40..];
                let [first, _, _, count] = [(); 4].map(|()| take_varint(&mut numbers) as u64);
                chunk.records = first..first + count;
            }
            if !matches!(
                chunk.part,
                Part::Data | Part::Superseded | Part::Unlisted | Part::Provisional
            ) {
                chunk.records = 0..0;
            }
        }
        self.name_tails(live.is_some());
    }

    /// Tells the last postscript from others, and padding from padding.
    fn name_tails(&mut self, is_sealed: bool) {
        let mut chunks = self.chunks.iter_mut().rev();
        let last = chunks.find(|chunk| chunk.part == Part::OldPostscript);
        if let Some(postscript) = last.filter(|_| is_sealed) {
            postscript.part = Part::Postscript;
        }
        let mut behind = Part::Signature;
        for chunk in &mut self.chunks {
            if chunk.part == Part::Dictionary {
                // Those in front of all footers are the first ones.
                match behind {
                    Part::Footer => chunk.part = Part::DictionaryCopy,
                    Part::OldFooter => chunk.part = Part::OldDictionaryCopy,
                    _ => {}
                }
            } else if chunk.part == Part::Statistics {
                if behind == Part::OldFooter {
                    chunk.part = Part::OldStatistics;
                }
            } else if chunk.part != Part::Padding {
                behind = chunk.part;
            } else if behind == Part::Footer {
                chunk.part = Part::FooterPadding;
            } else if behind == Part::Postscript {
                chunk.part = Part::PostscriptPadding;
            }
        }
    }

    /// All structures, in the order of the file.
    #[must_use]
    pub fn structures(&self, bytes: &[u8]) -> Vec<Structure> {
        let of_chunk = |(number, chunk)| structures_of(bytes, number, chunk);
        self.chunks.iter().enumerate().flat_map(of_chunk).collect()
    }

    /// The records that stand in data chunks which `range` touches.
    #[must_use]
    pub fn records_in(&self, range: &Range<usize>) -> Vec<u64> {
        let touched = |chunk: &&Piece| {
            chunk.part == Part::Data
                && chunk.bytes.start < range.end
                && range.start < chunk.bytes.end
        };
        let records = |chunk: &Piece| chunk.records.clone();
        (self.chunks.iter().filter(touched).flat_map(records)).collect()
    }
}

fn structures_of(bytes: &[u8], chunk: usize, piece: &Piece) -> Vec<Structure> {
    let begin = piece.bytes.start;
    let structure = |field, spans| Structure {
        part: piece.part,
        field,
        chunk,
        spans,
    };
    let mut found = vec![structure(Field::Whole, vec![piece.bytes.clone()])];
    let (block, header) = (to_usize(BLOCK_BYTES), to_usize(BLOCK_HEADER_BYTES));
    let blocks = (begin.div_ceil(block)..piece.bytes.end.div_ceil(block)).map(|k| k * block);
    let block_header = |at| {
        structure(
            Field::BlockHeader,
            std::iter::once(at..at + header).collect(),
        )
    };
    found.extend(blocks.map(block_header));

    let data_bytes = to_usize(piece.header.data_bytes);
    let all = spans(begin, 0..usize::MAX, piece.bytes.end);
    let row: Vec<u8> = all
        .iter()
        .flat_map(|span| &bytes[span.clone()])
        .copied()
        .collect();
    let data = &row[40..40 + data_bytes];
    let mut fields = vec![(Field::Header, 0..40)];
    match piece.header.chunk_type {
        ChunkType::Pages => fields.extend(fields_of_pages(&piece.header, data)),
        ChunkType::Columns => fields.extend(fields_of_columns(&piece.header, data)),
        ChunkType::Statistics => {
            fields.extend([(Field::Codec, 40..41), (Field::Data, 41..40 + data_bytes)])
        }
        ChunkType::Dictionary => fields.extend([
            (Field::Codec, 40..41),
            (Field::DictionaryId, 41..49),
            (Field::Data, 49..40 + data_bytes),
        ]),
        _ => {
            let front = 40 + front_bytes(piece, data);
            fields.extend([
                (Field::Front, 40..front),
                (Field::Data, front..40 + data_bytes),
            ]);
        }
    }
    fields.push((Field::Fill, 40 + data_bytes..row.len()));
    for (field, range) in fields {
        if !range.is_empty() {
            found.push(structure(field, spans(begin, range, piece.bytes.end)));
        }
    }
    found
}

/// The parts of a page chunk, counted from the beginning of its header.
fn fields_of_pages(header: &ChunkHeader, data: &[u8]) -> Vec<(Field, Range<usize>)> {
    let front = PageFront::parse(header, data, At::byte(0)).expect("a sound front");
    let end = 40 + to_usize(front.bytes());
    let mut fields = vec![
        (Field::Codec, 40..41),
        (Field::DictionaryId, 41..49),
        (Field::Line, 49..66),
        (Field::Bits, 66..end - 4),
        (Field::FrontCrc, end - 4..end),
    ];
    for index in 0..front.records() {
        let slot = front.slot(index).expect("a sound table");
        let (begin, end) = (40 + to_usize(slot.start), 40 + to_usize(slot.end));
        fields.push((Field::Stored, begin..end - 4));
        fields.push((Field::RecordCrc, end - 4..end));
    }
    fields
}

/// The parts of a column chunk without nodes of shape struct, counted from the beginning of its header.
fn fields_of_columns(header: &ChunkHeader, data: &[u8]) -> Vec<(Field, Range<usize>)> {
    let front = ColumnFront::parse(header, data, At::byte(0)).expect("a sound front");
    let described = front.check_crc(data, At::byte(0)).expect("a sound front");
    let mut end = 40 + usize::try_from(front.front_bytes).expect("in memory");
    let mut fields = vec![
        (Field::Layout, 40..44),
        (Field::FrontBytes, 44..48),
        (Field::Rows, 48..56),
        (Field::SchemaHash, 56..64),
        (Field::Nodes, 64..end - 4),
        (Field::FrontCrc, end - 4..end),
    ];
    let (mut rest, mut node) = (described, 0);
    // The description of a node begins with its size, and takes more than what fills the front up.
    while rest.len() > 8 {
        let [len, nulls] = [(); 2].map(|()| parse_varint(&mut rest).expect("a sound number"));
        let (fixed, behind) = rest.split_at(3);
        let has_shared = usize::from(fixed[2]);
        let pages = if nulls == len {
            0
        } else {
            to_usize(len.div_ceil(1 << fixed[0])) + has_shared
        };
        let (ends, behind) = Column::split(behind, pages + 1).expect("a sound column");
        rest = &behind[4 * pages..];
        let begin = end.next_multiple_of(8);
        for page in 0..pages {
            let at = begin + to_usize(ends.get(page)).next_multiple_of(8);
            fields.push((Field::Gap, end..at));
            end = begin + to_usize(ends.get(page + 1));
            let field = if page < has_shared {
                Field::SharedPage(node)
            } else {
                Field::Page(node)
            };
            fields.push((field, at..end));
        }
        node += 1;
    }
    fields
}

/// The bytes of the file that hold `range` of a chunk, counted without block headers.
fn spans(begin: usize, range: Range<usize>, end: usize) -> Vec<Range<usize>> {
    let (block, header) = (to_usize(BLOCK_BYTES), to_usize(BLOCK_HEADER_BYTES));
    let (mut found, mut at, mut seen) = (Vec::new(), begin, 0);
    while at < end && seen < range.end {
        if at % block == 0 {
            at += header;
        }
        let here = (block - at % block).min(end - at);
        let (from, to) = (range.start.max(seen), range.end.min(seen + here));
        if from < to {
            found.push(at + from - seen..at + to - seen);
        }
        seen += here;
        at += here;
    }
    found
}

/// How many bytes of a chunk's data stand in front of the values.
fn front_bytes(piece: &Piece, data: &[u8]) -> usize {
    let mut rest = data;
    match piece.part {
        Part::Data | Part::Superseded | Part::Metadata => {
            rest = &data[1..];
            let sizes_bytes = take_varint(&mut rest);
            rest = &rest[sizes_bytes..];
        }
        Part::Provisional => (0..4).for_each(|_| _ = take_varint(&mut rest)),
        _ => {}
    }
    data.len() - rest.len()
}

fn take_varint(rest: &mut &[u8]) -> usize {
    let bytes = rest.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let (varint, behind) = rest.split_at(bytes);
    *rest = behind;
    (varint.iter().rev()).fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f))
}

/// The footer that a chunk points at, if it is a postscript.
fn footer_offset(bytes: &[u8], header: &ChunkHeader, begin: u64) -> Option<u64> {
    if !begin.is_multiple_of(BLOCK_BYTES) {
        return None;
    }
    let at = At::byte(begin);
    let raw = slice(bytes, begin..header.chunk_end(begin));
    let row = take_out_block_headers(begin, raw);
    let chunk = Chunk::parse(&row, at).expect("a sound chunk");
    let mut records = Records::new();
    let mut decoder = RecordDecoder::new();
    (decoder.decode(&chunk, &Limits::default(), &mut records)).expect("sound records");
    parse_postscript(&records, at).ok()
}

fn slice(bytes: &[u8], range: Range<u64>) -> &[u8] {
    &bytes[to_usize(range.start)..to_usize(range.end)]
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).expect("a file in memory")
}
