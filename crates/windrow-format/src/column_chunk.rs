//! Chunks of a file of columns, as far as their framing goes: column chunks (`c`), the schema (`a`) and statistics (`b`).
//! `format-spec/columns.md` has the layout. What their pages, the schema and the statistics mean is not known here.

use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType, MAX_CHUNK_RECORDS, check_field};
use crate::codec::{BufferLimits, Codec, CompressionType, Compressor, Decompressor};
use crate::crc::check_crc;
use crate::error::{At, FormatError};
use crate::hash::hash;
use crate::limits::Limits;
use crate::record_chunk::encode_chunk;

/// The layout of column chunks that this release reads and writes.
pub const COLUMN_LAYOUT: u8 = 1;
/// Bytes at the beginning of a column chunk's data that are there in all of them: how many rows it has, and of which schema.
pub const COLUMN_FRONT_BYTES: usize = 24;
/// The fixed bytes and the checksum, filled up.
const LEAST_FRONT_BYTES: u32 = 32;
/// Level at which statistics are compressed: they are small.
const STATISTICS_LEVEL: i32 = 3;

/// What stands at the very front of a column chunk's data, in front of the descriptions of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnFront {
    /// Bytes of data in front of the first page, with the checksum: a multiple of 8.
    pub front_bytes: u32,
    /// Rows of the chunk, 1 to [`MAX_CHUNK_RECORDS`].
    pub rows: u64,
    /// Hash of the schema message.
    pub schema_hash: u64,
}

impl ColumnFront {
    /// Reads the front of the chunk with this header at `at`. `data` are its data, or the first [`COLUMN_FRONT_BYTES`] of
    /// them at least.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] and [`FormatError::ChunkHeaderField`] for another chunk, [`FormatError::Truncated`],
    /// [`FormatError::ColumnVersion`], [`FormatError::ColumnFront`].
    pub fn parse(header: &ChunkHeader, data: &[u8], at: At) -> Result<Self, FormatError> {
        check_type(header, ChunkType::Columns, at)?;
        check_field(at, "num_records", header.num_records, 1)?;
        let Some((
            &[
                layout,
                _,
                _,
                _,
                b0,
                b1,
                b2,
                b3,
                ref rows @ ..,
                s0,
                s1,
                s2,
                s3,
                s4,
                s5,
                s6,
                s7,
            ],
            _,
        )) = data.split_first_chunk::<COLUMN_FRONT_BYTES>()
        else {
            return Err(truncated(COLUMN_FRONT_BYTES as u64, data, at));
        };
        if layout != COLUMN_LAYOUT {
            return Err(FormatError::ColumnVersion {
                at,
                what: "column_layout",
                value: layout.into(),
            });
        }
        let front = Self {
            front_bytes: u32::from_le_bytes([b0, b1, b2, b3]),
            rows: u64::from_le_bytes(*rows),
            schema_hash: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        };
        let broken = |what| Err(FormatError::ColumnFront { at, what });
        if !front.front_bytes.is_multiple_of(8) || front.front_bytes < LEAST_FRONT_BYTES {
            return broken("front_bytes is no size that a front can have");
        }
        if u64::from(front.front_bytes) > header.data_bytes {
            return Err(FormatError::Truncated {
                what: "front of a column chunk",
                at,
                need: front.front_bytes.into(),
                have: header.data_bytes,
            });
        }
        match front.rows {
            1..=MAX_CHUNK_RECORDS => Ok(front),
            0 => broken("it has no rows"),
            _ => broken("it has more rows than a chunk may have"),
        }
    }

    /// The first bytes of a column chunk's data.
    #[must_use]
    pub fn encode(&self) -> [u8; COLUMN_FRONT_BYTES] {
        let mut bytes = [0; COLUMN_FRONT_BYTES];
        bytes[0] = COLUMN_LAYOUT;
        bytes[4..8].copy_from_slice(&self.front_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.rows.to_le_bytes());
        bytes[16..].copy_from_slice(&self.schema_hash.to_le_bytes());
        bytes
    }

    /// Checks the checksum of the front; `data` begin with all of it. Gives what stands between the fixed bytes and the
    /// checksum: the descriptions of the nodes, filled up with zeros.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::Crc`].
    pub fn check_crc<'a>(&self, data: &'a [u8], at: At) -> Result<&'a [u8], FormatError> {
        let front = usize::try_from(self.front_bytes).ok();
        let front = front.and_then(|bytes| data.get(..bytes));
        let Some((guarded, crc)) = front.and_then(<[u8]>::split_last_chunk::<4>) else {
            return Err(truncated(self.front_bytes.into(), data, at));
        };
        check_crc("front of a column chunk", guarded, *crc, at)?;
        Ok(guarded.get(COLUMN_FRONT_BYTES..).unwrap_or_default())
    }

    /// Checks that the chunk at `at` is of the schema with this hash.
    ///
    /// # Errors
    /// [`FormatError::ColumnFront`].
    pub fn check_schema(&self, schema_hash: u64, at: At) -> Result<(), FormatError> {
        if self.schema_hash == schema_hash {
            return Ok(());
        }
        Err(FormatError::ColumnFront {
            at,
            what: "its schema is not that of the file",
        })
    }
}

/// What column chunks name a schema message by.
#[must_use]
pub fn schema_hash(message: &[u8]) -> u64 {
    hash(message)
}

/// Appends the chunk that holds a schema message to `out`: header and data, without block headers.
pub fn encode_schema_chunk(message: &[u8], out: &mut Vec<u8>) -> ChunkHeader {
    let header = ChunkHeader::new(ChunkType::Schema, 0, message.len() as u64, message);
    crate::chunk::push_chunk(out, &header, message);
    header
}

/// The message that a schema chunk holds. What it says is not looked at.
///
/// # Errors
/// [`FormatError::ChunkType`] and [`FormatError::ChunkHeaderField`] for another chunk, [`FormatError::DecodedSize`].
pub fn parse_schema_chunk<'a>(chunk: &Chunk<'a>) -> Result<&'a [u8], FormatError> {
    let (header, at) = (&chunk.header, chunk.at);
    check_type(header, ChunkType::Schema, at)?;
    check_field(at, "num_records", header.num_records, 0)?;
    let actual = chunk.data.len() as u64;
    if actual == header.decoded_bytes {
        return Ok(chunk.data);
    }
    Err(FormatError::DecodedSize {
        what: "schema",
        at,
        expected: header.decoded_bytes,
        actual,
    })
}

/// Appends the chunk that holds statistics with these contents to `out`: header and data, without block headers.
///
/// # Errors
/// Those of [`Compressor::compress_into`].
pub fn encode_statistics_chunk(
    contents: &[u8],
    compressor: &mut Compressor,
    out: &mut Vec<u8>,
) -> Result<ChunkHeader, FormatError> {
    let codec = if CompressionType::Zstd.is_built_in() {
        Codec::Zstd {
            level: STATISTICS_LEVEL,
        }
    } else {
        Codec::Uncompressed
    };
    encode_chunk(out, |out| {
        out.push(codec.compression_type().to_byte());
        compressor.compress_into(codec, None, contents, out)?;
        Ok((ChunkType::Statistics, 0, contents.len() as u64))
    })
}

/// The contents of a chunk of statistics, decompressed. What they say is not looked at.
///
/// # Errors
/// [`FormatError::ChunkType`] and [`FormatError::ChunkHeaderField`] for another chunk, [`FormatError::Truncated`],
/// [`FormatError::CompressionType`], [`FormatError::Limit`] naming `max_chunk_bytes`, and those of
/// [`Decompressor::decompress_into`].
pub fn parse_statistics_chunk(chunk: &Chunk<'_>, limits: &Limits) -> Result<Vec<u8>, FormatError> {
    let (header, at) = (&chunk.header, chunk.at);
    check_type(header, ChunkType::Statistics, at)?;
    check_field(at, "num_records", header.num_records, 0)?;
    let Some((&first, buffer)) = chunk.data.split_first() else {
        return Err(FormatError::Truncated {
            what: "statistics",
            at,
            need: 1,
            have: 0,
        });
    };
    let compression = CompressionType::from_byte(first);
    let compression = compression
        .filter(|codec| matches!(codec, CompressionType::None | CompressionType::Zstd))
        .ok_or(FormatError::CompressionType {
            at,
            compression_type: first,
        })?;
    let buffer_limits = BufferLimits {
        exact: Some(header.decoded_bytes),
        max: header.decoded_bytes,
        limit: limits.max_chunk_bytes,
        option: "max_chunk_bytes",
        what: "statistics",
        at,
    };
    let mut contents = Vec::new();
    Decompressor::new().decompress_into(compression, buffer, &buffer_limits, &mut contents)?;
    Ok(contents)
}

fn check_type(header: &ChunkHeader, expected: ChunkType, at: At) -> Result<(), FormatError> {
    if header.chunk_type == expected {
        return Ok(());
    }
    Err(FormatError::ChunkType {
        at,
        chunk_type: header.chunk_type.to_byte(),
    })
}

fn truncated(need: u64, data: &[u8], at: At) -> FormatError {
    FormatError::Truncated {
        what: "front of a column chunk",
        at,
        need,
        have: data.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crc::crc_of;

    const AT: At = At::byte(64);

    /// A front with descriptions of nodes that say nothing, and a page of eight bytes behind it.
    fn data(rows: u64) -> Vec<u8> {
        let front = ColumnFront {
            front_bytes: 40,
            rows,
            schema_hash: 7,
        };
        let mut data = front.encode().to_vec();
        data.extend_from_slice(&[9; 12]);
        data.extend_from_slice(&crc_of(&data).to_le_bytes());
        data.extend_from_slice(&[5; 8]);
        data
    }

    fn code(data: &[u8]) -> Result<ColumnFront, &'static str> {
        let header = ChunkHeader::new(ChunkType::Columns, 1, 9, data);
        ColumnFront::parse(&header, data, AT).map_err(|error| error.code())
    }

    fn with(place: usize, bytes: &[u8]) -> Vec<u8> {
        let mut data = data(300);
        data[place..place + bytes.len()].copy_from_slice(bytes);
        data
    }

    #[test]
    fn fronts_read_back_and_damage_is_told() {
        let data = data(300);
        let front = code(&data).unwrap();
        assert_eq!((front.rows, front.front_bytes), (300, 40));
        assert_eq!(front.check_crc(&data, AT), Ok(&[9; 12][..]));
        assert_eq!(front.check_schema(7, AT), Ok(()));
        let error = front.check_schema(8, AT).unwrap_err();
        assert_eq!(error.code(), "column_front");
        assert_eq!(code(&data[..23]), Err("truncated"));
        // As many as are promised are enough to parse, and too few for the checksum.
        let header = ChunkHeader::new(ChunkType::Columns, 1, 9, &data);
        assert_eq!(ColumnFront::parse(&header, &data[..24], AT), Ok(front));
        let error = front.check_crc(&data[..39], AT).unwrap_err();
        assert_eq!(error.code(), "truncated");
        let error = front.check_crc(&with(30, &[1]), AT).unwrap_err();
        assert_eq!(error.code(), "crc");
        // Reserved.
        assert_eq!(code(&with(1, &[1, 2, 3])), Ok(front));
    }

    #[test]
    fn what_a_front_must_not_say() {
        assert_eq!(code(&with(0, &[2])), Err("column_version"));
        for front_bytes in [0_u32, 24, 28, 36, u32::MAX] {
            let found = code(&with(4, &front_bytes.to_le_bytes()));
            assert_eq!(found, Err("column_front"), "{front_bytes}");
        }
        assert_eq!(code(&with(4, &56_u32.to_le_bytes())), Err("truncated"));
        assert_eq!(code(&with(8, &0_u64.to_le_bytes())), Err("column_front"));
        let most = MAX_CHUNK_RECORDS;
        assert_eq!(
            code(&with(8, &most.to_le_bytes())).map(|front| front.rows),
            Ok(most)
        );
        let more = (most + 1).to_le_bytes();
        assert_eq!(code(&with(8, &more)), Err("column_front"));
        let data = data(1);
        let header = |kind, records| ChunkHeader::new(kind, records, 9, &data);
        let code = |header| ColumnFront::parse(&header, &data, AT).unwrap_err().code();
        assert_eq!(code(header(ChunkType::Simple, 1)), "chunk_type");
        assert_eq!(code(header(ChunkType::Columns, 2)), "chunk_header_field");
    }

    #[test]
    fn schema_chunks() {
        let mut bytes = Vec::new();
        let header = encode_schema_chunk(b"schema", &mut bytes);
        let chunk = Chunk::parse(&bytes, AT).unwrap();
        assert_eq!(chunk.header, header);
        assert_eq!(parse_schema_chunk(&chunk), Ok(&b"schema"[..]));
        let header = ChunkHeader {
            decoded_bytes: 5,
            ..header
        };
        let error = parse_schema_chunk(&Chunk { header, ..chunk }).unwrap_err();
        assert_eq!(error.code(), "decoded_size");
    }

    #[test]
    fn statistics_chunks() {
        let contents = vec![3; 5000];
        let mut bytes = Vec::new();
        let header =
            encode_statistics_chunk(&contents, &mut Compressor::new(), &mut bytes).unwrap();
        let chunk = Chunk::parse(&bytes, AT).unwrap();
        assert_eq!((chunk.header, header.num_records), (header, 0));
        let limits = Limits::default();
        assert_eq!(parse_statistics_chunk(&chunk, &limits), Ok(contents));
        let limits = Limits {
            max_chunk_bytes: 4999,
            ..limits
        };
        let error = parse_statistics_chunk(&chunk, &limits).unwrap_err();
        assert_eq!(error.code(), "limit");
        let data = [b"s", &chunk.data[1..]].concat();
        let other = Chunk {
            data: &data,
            ..chunk
        };
        let error = parse_statistics_chunk(&other, &limits).unwrap_err();
        assert_eq!(error.code(), "compression_type");
    }
}
