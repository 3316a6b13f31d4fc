//! Files built chunk by chunk: everything that the format allows and the writer never does.

use std::convert::Infallible;

use windrow::Codec;
use windrow::format::{
    BlockWriter, ChunkHeader, ChunkType, Compressor, FooterEntry, FooterMetadata,
    POSTSCRIPT_COPIES, RecordGroup, VERSION_UPSTREAM, encode_postscript, push_chunk,
    remaining_in_block,
};

/// A file that grows at its end. Data chunks are listed in the footer, other chunks are not.
#[derive(Debug, Clone)]
pub struct FileBuilder {
    bytes: Vec<u8>,
    blocks: BlockWriter,
    entries: Vec<FooterEntry>,
}

/// What stands at the end of a file, apart from what every footer has.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The metadata; counts are filled in.
    pub metadata: FooterMetadata,
    /// Fields behind those of the metadata message.
    pub metadata_fields: Vec<u8>,
    /// Fields behind the metadata message, in the record that holds it.
    pub fields_beside_metadata: Vec<u8>,
    /// Fields at the end of each entry.
    pub entry_fields: Vec<u8>,
    /// Records behind the entries.
    pub footer_records: Vec<Vec<u8>>,
    /// The footer's codec.
    pub footer_codec: Codec,
    /// Chunks between the footer and its padding.
    pub behind_footer: Vec<RawChunk>,
    /// Fields at the end of the postscript message.
    pub postscript_fields: Vec<u8>,
    /// Chunks between the postscript and its padding.
    pub behind_postscript: Vec<RawChunk>,
}

/// A chunk with any header.
#[derive(Debug, Clone)]
pub struct RawChunk {
    /// What kind of chunk it says it is.
    pub chunk_type: ChunkType,
    /// How many records it says it has.
    pub num_records: u64,
    /// How many bytes it says they have.
    pub decoded_bytes: u64,
    /// What it holds.
    pub data: Vec<u8>,
}

impl RawChunk {
    /// A chunk of `data_bytes` bytes that says it has no records.
    #[must_use]
    pub fn without_records(chunk_type: ChunkType, data_bytes: usize) -> Self {
        Self {
            chunk_type,
            num_records: 0,
            decoded_bytes: 0,
            data: vec![0xa5; data_bytes],
        }
    }
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            metadata: FooterMetadata {
                version: VERSION_UPSTREAM,
                writer_options: Some("group_size:1,uncompressed".to_owned()),
                ..FooterMetadata::default()
            },
            metadata_fields: Vec::new(),
            fields_beside_metadata: Vec::new(),
            entry_fields: Vec::new(),
            footer_records: Vec::new(),
            footer_codec: Codec::Uncompressed,
            behind_footer: Vec::new(),
            postscript_fields: Vec::new(),
            behind_postscript: Vec::new(),
        }
    }
}

impl Default for FileBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl FileBuilder {
    /// A file that holds the signature.
    #[must_use]
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        let mut blocks = BlockWriter::new(0);
        let Ok(()) = blocks.lay_signature(into(&mut bytes));
        Self {
            bytes,
            blocks,
            entries: Vec::new(),
        }
    }

    /// Where the next chunk will begin.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.blocks.position()
    }

    /// Appends a chunk of records and lists it.
    pub fn data<R: AsRef<[u8]>>(&mut self, records: &[R], codec: Codec) {
        let (header, chunk) = records_chunk(records, codec);
        self.list(&header);
        self.lay(&header, &chunk);
    }

    /// Appends any chunk and lists it with the counts that its header has.
    pub fn listed(&mut self, chunk: &RawChunk) {
        let (header, bytes) = raw(chunk);
        self.list(&header);
        self.lay(&header, &bytes);
    }

    /// Appends any chunk, unlisted.
    pub fn unlisted(&mut self, chunk: &RawChunk) {
        let (header, bytes) = raw(chunk);
        self.lay(&header, &bytes);
    }

    /// Appends padding up to a block.
    pub fn padding(&mut self) {
        let Ok(()) = self.blocks.lay_padding(into(&mut self.bytes));
    }

    /// Completes the file.
    #[must_use]
    pub fn finish(mut self, tail: &Tail) -> Vec<u8> {
        let footer_offset = self.position();
        let mut records = vec![self.metadata_record(tail)];
        for entry in &self.entries {
            let mut record = Vec::new();
            entry.encode(&mut record);
            record.extend_from_slice(&tail.entry_fields);
            records.push(record);
        }
        records.extend_from_slice(&tail.footer_records);
        let (header, chunk) = records_chunk(&records, tail.footer_codec);
        self.lay(&header, &chunk);
        tail.behind_footer
            .iter()
            .for_each(|chunk| self.unlisted(chunk));
        self.padding();

        let mut message = encode_postscript(footer_offset);
        message.extend_from_slice(&tail.postscript_fields);
        let copies: Vec<Vec<u8>> = (0..POSTSCRIPT_COPIES).map(|_| message.clone()).collect();
        let (header, chunk) = records_chunk(&copies, Codec::Uncompressed);
        self.lay(&header, &chunk);
        tail.behind_postscript
            .iter()
            .for_each(|chunk| self.unlisted(chunk));
        self.padding();
        self.bytes
    }

    /// Bytes that a chunk behind the postscript of [`finish`](Self::finish) may hold if it is to end with its block,
    /// for a postscript without further fields and a footer that begins at `footer_offset`.
    #[must_use]
    pub fn room_behind_postscript(footer_offset: u64) -> usize {
        let message = encode_postscript(footer_offset);
        let (_, chunk) = records_chunk(&[&message, &message, &message], Codec::Uncompressed);
        let chunk_bytes = chunk.len() as u64;
        let room = remaining_in_block(24 + chunk_bytes).saturating_sub(40);
        usize::try_from(room).unwrap_or(0)
    }

    fn metadata_record(&self, tail: &Tail) -> Vec<u8> {
        let metadata = FooterMetadata {
            num_chunks: self.entries.len() as u64,
            num_records: self.entries.iter().map(|entry| entry.num_records).sum(),
            ..tail.metadata.clone()
        };
        // A message field that comes twice is merged, so appended fields can come as a second one; taken apart and
        // joined instead, they stand where a writer would put them.
        let mut fields = message_of(&metadata.encode());
        fields.extend_from_slice(&tail.metadata_fields);
        let mut record = bytes_field(1, &fields);
        record.extend_from_slice(&tail.fields_beside_metadata);
        record
    }

    fn list(&mut self, header: &ChunkHeader) {
        self.entries.push(FooterEntry {
            chunk_offset: self.position(),
            decoded_bytes: header.decoded_bytes,
            num_records: header.num_records,
        });
    }

    fn lay(&mut self, header: &ChunkHeader, chunk: &[u8]) {
        let Ok(_) = self.blocks.lay(header, chunk, into(&mut self.bytes));
    }
}

fn into(bytes: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Result<(), Infallible> {
    |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    }
}

fn raw(chunk: &RawChunk) -> (ChunkHeader, Vec<u8>) {
    let RawChunk {
        chunk_type,
        num_records,
        decoded_bytes,
        data,
    } = chunk;
    let header = ChunkHeader::new(*chunk_type, *num_records, *decoded_bytes, data);
    let mut bytes = Vec::new();
    push_chunk(&mut bytes, &header, data);
    (header, bytes)
}

/// A chunk of records: its header, and header and data as bytes.
///
/// # Panics
/// If the codec fails, which it does for no records that a test has.
#[must_use]
pub fn records_chunk<R: AsRef<[u8]>>(records: &[R], codec: Codec) -> (ChunkHeader, Vec<u8>) {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record.as_ref());
    }
    let mut chunk = Vec::new();
    match group.encode(codec, None, &mut Compressor::new(), &mut chunk) {
        Ok(header) => (header, chunk),
        Err(error) => panic!("{error}"),
    }
}

/// The bytes of a message that is the only field of `record`.
fn message_of(record: &[u8]) -> Vec<u8> {
    let length_bytes = record[1..].iter().position(|byte| byte & 0x80 == 0);
    record[2 + length_bytes.unwrap_or(0)..].to_vec()
}

/// A number in the format's variable length.
#[must_use]
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

/// A field of a message that holds a number.
#[must_use]
pub fn varint_field(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of a message that holds bytes.
#[must_use]
pub fn bytes_field(field: u64, value: &[u8]) -> Vec<u8> {
    [
        varint(field << 3 | 2),
        varint(value.len() as u64),
        value.to_vec(),
    ]
    .concat()
}

/// The same field number in each wire type: a number, eight bytes, a length and bytes, a group with a group inside,
/// four bytes.
#[must_use]
pub fn field_of_every_wire_type(field: u64) -> Vec<u8> {
    let tag = |wire_type| varint(field << 3 | wire_type);
    [
        varint_field(field, u64::MAX),
        [tag(1), vec![0xff; 8]].concat(),
        bytes_field(field, b"unknown"),
        [tag(3), vec![0x0b, 0x08, 0x05, 0x0c], tag(4)].concat(),
        [tag(5), vec![0xff; 4]].concat(),
    ]
    .concat()
}
