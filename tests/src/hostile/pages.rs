//! Page chunks and dictionary chunks, piece by piece, with checksums that fit whatever they are over.

use windrow_format::{
    ChunkHeader, ChunkType, Codec, Compressor, Dictionary, NO_DICTIONARY, RecordGroup,
};

use super::{Forge, compressed, push_varint};

/// Field of the footer's metadata that names a dictionary.
const DICTIONARY_FIELD: u64 = 101;
/// Field of the footer's metadata that says that there are page chunks.
const PAGES_FIELD: u64 = 102;

/// What a page chunk is made of.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Byte of the codec.
    pub compression: u8,
    /// Id of the dictionary.
    pub dictionary: u64,
    /// Where the slots begin and the last one ends, behind the front.
    pub table: Vec<u8>,
    /// Slots, one behind the other.
    pub slots: Vec<u8>,
    /// Count of the chunk header.
    pub num_records: u64,
    /// Decoded bytes of the chunk header.
    pub decoded_bytes: u64,
}

impl Pages {
    /// A chunk of these stored records, which decode to so many bytes, with a table of 64 bits.
    #[must_use]
    pub fn of(compression: u8, stored: &[Vec<u8>], decoded_bytes: u64) -> Self {
        let mut slots = Vec::new();
        let mut ends = vec![0];
        for stored in stored {
            slots.extend(slot(stored));
            ends.push(slots.len() as u64);
        }
        Self {
            compression,
            dictionary: NO_DICTIONARY,
            table: table_of(&ends),
            slots,
            num_records: stored.len() as u64,
            decoded_bytes,
        }
    }

    /// An uncompressed chunk of these records.
    #[must_use]
    pub fn plain(records: &[Vec<u8>]) -> Self {
        let bytes: usize = records.iter().map(Vec::len).sum();
        Self::of(0, records, bytes as u64)
    }

    /// The same records behind another table.
    #[must_use]
    pub fn with_ends(mut self, ends: &[u64]) -> Self {
        self.table = table_of(ends);
        self
    }

    /// The same behind these bytes of a table.
    #[must_use]
    pub fn with_table(mut self, table: Vec<u8>) -> Self {
        self.table = table;
        self
    }

    /// The chunk's data.
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        let mut data = vec![self.compression];
        data.extend(self.dictionary.to_le_bytes());
        data.extend_from_slice(&self.table);
        data.extend(crc32c(&data).to_le_bytes());
        data.extend_from_slice(&self.slots);
        data
    }

    /// The header of the chunk, whose hashes fit.
    #[must_use]
    pub fn header(&self) -> ChunkHeader {
        let (records, bytes) = (self.num_records, self.decoded_bytes);
        ChunkHeader::new(ChunkType::Pages, records, bytes, &self.data())
    }

    /// Lays the chunk, and lists it.
    pub fn lay(&self, forge: &mut Forge) -> u64 {
        forge.listed(&self.header(), &self.data())
    }

    /// A file of this chunk alone.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut forge = Forge::new();
        self.lay(&mut forge);
        seal_pages(forge, &[])
    }
}

/// A file of pages: the footer says so, and names these dictionaries.
#[must_use]
pub fn seal_pages(forge: Forge, dictionaries: &[u64]) -> Vec<u8> {
    let footer = forge.footer(2, &pages_fields(dictionaries));
    forge.seal(&footer).0
}

/// The fields of a footer's metadata of a file of pages.
#[must_use]
pub fn pages_fields(dictionaries: &[u64]) -> Vec<u8> {
    let mut fields = Vec::new();
    for offset in dictionaries {
        push_varint(&mut fields, DICTIONARY_FIELD << 3);
        push_varint(&mut fields, *offset);
    }
    push_varint(&mut fields, PAGES_FIELD << 3);
    push_varint(&mut fields, 1);
    fields
}

/// A stored record and its checksum.
#[must_use]
pub fn slot(stored: &[u8]) -> Vec<u8> {
    [stored, &crc32c(stored).to_le_bytes()].concat()
}

/// A column of these numbers, each in 64 bits.
#[must_use]
pub fn table_of(ends: &[u64]) -> Vec<u8> {
    let mut bits = Vec::new();
    ends.iter().for_each(|end| bits.extend(end.to_le_bytes()));
    table(0, 0, 64, &bits)
}

/// A column of these parts.
#[must_use]
pub fn table(base: u64, slope: u64, width: u8, bits: &[u8]) -> Vec<u8> {
    [
        &base.to_le_bytes(),
        &slope.to_le_bytes(),
        &[width][..],
        bits,
    ]
    .concat()
}

/// CRC32C, a bit at a time: another one than the library's.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = crc >> 1 ^ carry.wrapping_mul(0x82f6_3b78);
        }
    }
    !crc
}

/// A zstd frame as a record is stored, without its magic number: it says that it decodes to `declared` bytes, and
/// decodes to `bytes` times the letter `x`, four bytes for each 128 KiB.
#[must_use]
pub fn zstd_frame(declared: u64, mut bytes: usize) -> Vec<u8> {
    const MOST: usize = 128 << 10;
    // A content size of eight bytes, one segment.
    let mut frame = vec![0xe0];
    frame.extend(declared.to_le_bytes());
    loop {
        let part = bytes.min(MOST);
        bytes -= part;
        let size = u32::try_from(part).unwrap_or(u32::MAX);
        // One byte, repeated; the lowest bit marks the last block.
        let block = size << 3 | 1 << 1 | u32::from(bytes == 0);
        frame.extend(&block.to_le_bytes()[..3]);
        frame.push(b'x');
        if bytes == 0 {
            return frame;
        }
    }
}

/// The data and the header of a dictionary chunk of these parts.
#[must_use]
pub fn dictionary_chunk(
    compression: u8,
    id: u64,
    decoded_bytes: u64,
    contents: &[u8],
) -> (ChunkHeader, Vec<u8>) {
    let mut data = vec![compression];
    data.extend(id.to_le_bytes());
    data.extend_from_slice(contents);
    let header = ChunkHeader::new(ChunkType::Dictionary, 0, decoded_bytes, &data);
    (header, data)
}

/// An honest dictionary chunk of any bytes that zstd takes for a dictionary.
#[must_use]
pub fn honest_dictionary(bytes: &[u8]) -> (ChunkHeader, Vec<u8>) {
    let id = windrow_format::hash(bytes).max(1);
    let contents = compressed(Codec::Zstd { level: 1 }, None, bytes);
    dictionary_chunk(b'z', id, bytes.len() as u64, &contents)
}

/// An honest page chunk of these records: header and data.
///
/// # Panics
/// If the codec fails.
#[must_use]
pub fn encode_pages<R: AsRef<[u8]>>(
    records: &[R],
    codec: Codec,
    dictionary: Option<&Dictionary>,
) -> (ChunkHeader, Vec<u8>) {
    let mut group = RecordGroup::new();
    records
        .iter()
        .for_each(|record| group.push(record.as_ref()));
    let mut chunk = Vec::new();
    let mut compressor = Compressor::new();
    let group = group.as_slice();
    let header = group.encode_pages(codec, None, dictionary, &mut compressor, &mut chunk);
    let data = chunk.split_off(40);
    (header.expect("codecs are built in"), data)
}
