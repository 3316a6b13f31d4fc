//! Provisional chunks (`o`): records of an open group that was flushed. `format-spec/append.md` has the rules.

use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType};
use crate::codec::{Codec, Compressor};
use crate::error::FormatError;
use crate::record_chunk::{GroupSlice, encode_chunk};
use crate::varint::{push_varint, take_varint};

/// What a provisional chunk says of its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Provisional {
    /// Number of its first record in the file.
    pub first_record: u64,
    /// 0, or the number of records of the data chunk in front of it that it stands for from then on.
    pub repeated: u64,
    /// Records per chunk that the writer was asked for.
    pub group_size: u64,
    /// Number of its records.
    pub records: u64,
}

impl Provisional {
    /// Appends a chunk with the records of `group` to `out`: header and data, without block headers. The count is that
    /// of `group`, whatever `records` says.
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`].
    pub fn encode(
        &self,
        group: &GroupSlice<'_>,
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        encode_chunk(out, |out| {
            push_varint(out, self.first_record);
            push_varint(out, self.repeated);
            push_varint(out, self.group_size);
            push_varint(out, group.len());
            group.encode_data(codec, window_log, compressor, out)?;
            Ok((ChunkType::Provisional, 0, group.bytes_len() as u64))
        })
    }

    /// Takes a provisional chunk apart: what it says, and its records as a chunk of records.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] for a chunk of another type, [`FormatError::Varint`].
    pub fn parse<'a>(chunk: &Chunk<'a>) -> Result<(Self, Chunk<'a>), FormatError> {
        let at = chunk.at;
        if chunk.header.chunk_type != ChunkType::Provisional {
            return Err(FormatError::ChunkType {
                at,
                chunk_type: chunk.header.chunk_type.to_byte(),
            });
        }
        let mut data = chunk.data;
        let mut next = |what| take_varint(&mut data).ok_or(FormatError::Varint { what, at });
        let provisional = Self {
            first_record: next("first record of a provisional chunk")?,
            repeated: next("repeated records of a provisional chunk")?,
            group_size: next("group size of a provisional chunk")?,
            records: next("record count of a provisional chunk")?,
        };
        let header = ChunkHeader {
            chunk_type: ChunkType::Simple,
            num_records: provisional.records,
            ..chunk.header
        };
        Ok((provisional, Chunk { header, data, at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::At;
    use crate::limits::Limits;
    use crate::record_chunk::{RecordDecoder, RecordGroup};
    use crate::records::Records;

    #[test]
    fn round_trip_and_damage() {
        let mut group = RecordGroup::new();
        for record in ["abc", "defgh", ""] {
            group.push(record.as_bytes());
        }
        for codec in [Codec::Uncompressed, Codec::Zstd { level: 3 }] {
            let told = Provisional {
                first_record: 300,
                repeated: 2,
                group_size: 7,
                records: 3,
            };
            let mut bytes = Vec::new();
            let header = told
                .encode(
                    &group.as_slice(),
                    codec,
                    None,
                    &mut Compressor::new(),
                    &mut bytes,
                )
                .unwrap();
            assert_eq!((header.num_records, header.decoded_bytes), (0, 8));
            let chunk = Chunk::parse(&bytes, At::byte(64)).unwrap();
            let (read, records) = Provisional::parse(&chunk).unwrap();
            assert_eq!(read, told);
            let mut decoded = Records::new();
            RecordDecoder::new()
                .decode(&records, &Limits::default(), &mut decoded)
                .unwrap();
            let expected: Records = ["abc", "defgh", ""].iter().collect();
            assert_eq!(decoded, expected);
            for cut in 0..5 {
                let cut = Chunk {
                    data: &chunk.data[..cut],
                    ..chunk
                };
                assert_eq!(Provisional::parse(&cut).unwrap_err().code(), "varint");
            }
        }
        let signature = Chunk {
            header: ChunkHeader::new(ChunkType::Signature, 0, 0, &[]),
            data: &[],
            at: At::byte(0),
        };
        assert_eq!(
            Provisional::parse(&signature).unwrap_err().code(),
            "chunk_type"
        );
    }
}
