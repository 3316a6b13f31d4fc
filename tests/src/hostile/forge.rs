//! Files laid out piece by piece, true or not.

use std::convert::Infallible;

use windrow_format::{
    BlockWriter, ChunkHeader, ChunkType, Codec, Compressor, FooterEntry, POSTSCRIPT_COPIES,
    RecordGroup, encode_postscript, push_chunk,
};

/// Lays chunks into a file and remembers what an honest footer would say of them.
#[derive(Debug, Clone)]
pub struct Forge {
    out: Vec<u8>,
    blocks: BlockWriter,
    codec: Codec,
    /// What an honest footer lists.
    pub entries: Vec<FooterEntry>,
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

impl Forge {
    /// A file with its signature.
    #[must_use]
    pub fn new() -> Self {
        let mut forge = Self {
            out: Vec::new(),
            blocks: BlockWriter::new(0),
            codec: Codec::Uncompressed,
            entries: Vec::new(),
        };
        let Self { out, blocks, .. } = &mut forge;
        let Ok(()) = blocks.lay_signature(into(out));
        forge
    }

    /// The codec of the chunks of records that follow.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Where the next chunk begins.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.blocks.position()
    }

    /// Lays a chunk with this header and these data, whatever the header says of them; returns where it begins.
    ///
    /// The chunk takes the room of its data, and of `num_records` where that is below a megabyte.
    pub fn chunk(&mut self, header: &ChunkHeader, data: &[u8]) -> u64 {
        let begin = self.position();
        let mut chunk = Vec::with_capacity(data.len() + 40);
        push_chunk(&mut chunk, header, data);
        let mut room = ChunkHeader::new(header.chunk_type, 0, 0, data);
        if header.num_records < 1 << 20 {
            room.num_records = header.num_records;
        }
        let Self { out, blocks, .. } = self;
        let Ok(_) = blocks.lay(&room, &chunk, into(out));
        begin
    }

    /// Lays a chunk that the honest footer lists.
    pub fn listed(&mut self, header: &ChunkHeader, data: &[u8]) -> u64 {
        let chunk_offset = self.chunk(header, data);
        self.entries.push(FooterEntry {
            chunk_offset,
            decoded_bytes: header.decoded_bytes,
            num_records: header.num_records,
        });
        chunk_offset
    }

    /// Lays an honest chunk of records, which the footer lists.
    pub fn records<R: AsRef<[u8]>>(&mut self, records: &[R]) -> u64 {
        let (header, data) = encode_records(records, self.codec);
        self.listed(&header, &data)
    }

    /// Lays padding to the next block.
    pub fn padding(&mut self) {
        let Self { out, blocks, .. } = self;
        let Ok(()) = blocks.lay_padding(into(out));
    }

    /// Lays a footer of these records, the padding, and a postscript that points at it; returns the file and the
    /// footer's offset.
    #[must_use]
    pub fn seal(mut self, footer: &[Vec<u8>]) -> (Vec<u8>, u64) {
        let (header, data) = encode_records(footer, self.codec);
        let offset = self.chunk(&header, &data);
        (self.postscript(offset), offset)
    }

    /// Lays padding and a postscript that points at `footer_offset`; returns the file.
    #[must_use]
    pub fn postscript(self, footer_offset: u64) -> Vec<u8> {
        let message = encode_postscript(footer_offset);
        let copies = usize::try_from(POSTSCRIPT_COPIES).unwrap_or(3);
        self.postscript_of(&vec![message; copies])
    }

    /// Lays padding and a postscript chunk of these records; returns the file.
    #[must_use]
    pub fn postscript_of(self, records: &[Vec<u8>]) -> Vec<u8> {
        let (header, data) = encode_records(records, Codec::Uncompressed);
        self.tail(&header, &data)
    }

    /// Lays padding, the chunk that stands in for the postscript, and padding; returns the file.
    #[must_use]
    pub fn tail(mut self, header: &ChunkHeader, data: &[u8]) -> Vec<u8> {
        self.padding();
        self.chunk(header, data);
        self.padding();
        self.out
    }

    /// The footer records that would be honest.
    #[must_use]
    pub fn honest_footer(&self, version: u64) -> Vec<Vec<u8>> {
        self.footer(version, &[])
    }

    /// The same with more fields in the metadata.
    #[must_use]
    pub fn footer(&self, version: u64, fields: &[u8]) -> Vec<Vec<u8>> {
        let records = self.entries.iter().map(|entry| entry.num_records).sum();
        let counts = [version, self.entries.len() as u64, records];
        let mut metadata = Vec::new();
        push_bytes_field(
            &mut metadata,
            1,
            &[&entry(counts.map(Some)), fields].concat(),
        );
        let entries = self.entries.iter().map(|e| {
            entry([
                Some(e.chunk_offset),
                Some(e.decoded_bytes),
                Some(e.num_records),
            ])
        });
        [metadata].into_iter().chain(entries).collect()
    }
}

fn into(out: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Result<(), Infallible> {
    |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    }
}

/// The header and the data of an honest chunk of records.
///
/// # Panics
/// If the codec fails.
#[must_use]
pub fn encode_records<R: AsRef<[u8]>>(records: &[R], codec: Codec) -> (ChunkHeader, Vec<u8>) {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record.as_ref());
    }
    let mut chunk = Vec::new();
    let header = group.encode(codec, None, &mut Compressor::new(), &mut chunk);
    let data = chunk.split_off(40);
    (header.expect("codecs are built in"), data)
}

/// The data of a chunk of records whose two buffers are given as they are to stand there, size prefixes included.
#[must_use]
pub fn chunk_data(compression: u8, sizes: &[u8], values: &[u8]) -> Vec<u8> {
    let mut data = vec![compression];
    push_varint(&mut data, sizes.len() as u64);
    data.extend_from_slice(sizes);
    data.extend_from_slice(values);
    data
}

/// A header that says of `data` what it is told to.
#[must_use]
pub fn header(num_records: u64, decoded_bytes: u64, data: &[u8]) -> ChunkHeader {
    ChunkHeader::new(ChunkType::Simple, num_records, decoded_bytes, data)
}

/// The first record of a footer: version, `num_chunks`, `num_records`; `None` leaves a field out.
#[must_use]
pub fn metadata(fields: [Option<u64>; 3]) -> Vec<u8> {
    let mut record = Vec::new();
    push_bytes_field(&mut record, 1, &entry(fields));
    record
}

/// A footer entry: `chunk_offset`, `decoded_data_size`, `num_records`; `None` leaves a field out.
#[must_use]
pub fn entry(fields: [Option<u64>; 3]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, value) in (1..).zip(fields) {
        if let Some(value) = value {
            push_varint(&mut message, number << 3);
            push_varint(&mut message, value);
        }
    }
    message
}

/// Appends a field of bytes.
pub fn push_bytes_field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push_varint(out, number << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends `value` as LEB128.
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
