//! The file metadata chunk (`m`): what a Riegeli file says of its records. Optional; stands behind the signature.

use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType, check_field};
use crate::codec::{Codec, Compressor};
use crate::error::{At, FormatError};
use crate::limits::Limits;
use crate::record_chunk::encode_chunk;
use crate::records::Records;
use crate::transposed::{TransposedDecoder, TransposedEncoder};
use crate::wire::{Value, push_bytes_field, push_varint_field, take_field};

const WHAT: &str = "file metadata";

const FILE_COMMENT: u64 = 1;
const RECORD_TYPE_NAME: u64 = 2;
const FILE_DESCRIPTOR: u64 = 3;
const RECORD_WRITER_OPTIONS: u64 = 4;
const NUM_RECORDS: u64 = 5;

/// What a file says of its records. Nothing of it is needed to read them, and none of it is checked against them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordsMetadata {
    /// What the file holds, for people.
    pub file_comment: Option<String>,
    /// The full name of the protocol buffer message that every record is.
    pub record_type_name: Option<String>,
    /// The options of the writer, as a string in the grammar of that writer.
    pub record_writer_options: Option<String>,
    /// Serialized `google.protobuf.FileDescriptorProto` messages that define the type of the records, each behind all
    /// that it depends on.
    pub file_descriptor: Vec<Vec<u8>>,
    /// About how many records the file has.
    pub num_records: Option<i64>,
    /// All other fields, extensions among them, as they are in the message.
    pub other_fields: Vec<u8>,
}

impl RecordsMetadata {
    /// Reads the message. `at` is the place that errors name. Of a field that is there twice, the last one counts;
    /// descriptors are all kept.
    ///
    /// # Errors
    /// [`FormatError::Message`] if it is not a message, or text in it not UTF-8.
    pub fn parse(message: &[u8], at: At) -> Result<Self, FormatError> {
        let invalid = FormatError::Message { what: WHAT, at };
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(invalid.clone()),
        };
        let mut metadata = Self::default();
        let mut rest = message;
        while !rest.is_empty() {
            let field = rest;
            match take_field(&mut rest).map_err(|()| invalid.clone())? {
                (FILE_COMMENT, Value::Bytes(bytes)) => metadata.file_comment = text(bytes)?,
                (RECORD_TYPE_NAME, Value::Bytes(bytes)) => metadata.record_type_name = text(bytes)?,
                (FILE_DESCRIPTOR, Value::Bytes(bytes)) => {
                    metadata.file_descriptor.push(bytes.to_vec());
                }
                (RECORD_WRITER_OPTIONS, Value::Bytes(bytes)) => {
                    metadata.record_writer_options = text(bytes)?;
                }
                (NUM_RECORDS, Value::Varint(records)) => {
                    metadata.num_records = Some(records.cast_signed());
                }
                _ => {
                    let bytes = field.len().saturating_sub(rest.len());
                    metadata.other_fields.extend(field.iter().take(bytes));
                }
            }
        }
        Ok(metadata)
    }

    /// The message: known fields in the order of their numbers, then the others.
    #[must_use]
    pub fn serialize(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let text = |out: &mut Vec<u8>, number, text: &Option<String>| {
            if let Some(text) = text {
                push_bytes_field(out, number, text.as_bytes());
            }
        };
        text(&mut out, FILE_COMMENT, &self.file_comment);
        text(&mut out, RECORD_TYPE_NAME, &self.record_type_name);
        for descriptor in &self.file_descriptor {
            push_bytes_field(&mut out, FILE_DESCRIPTOR, descriptor);
        }
        text(&mut out, RECORD_WRITER_OPTIONS, &self.record_writer_options);
        if let Some(records) = self.num_records {
            push_varint_field(&mut out, NUM_RECORDS, records.cast_unsigned());
        }
        out.extend_from_slice(&self.other_fields);
        out
    }

    /// Reads a metadata chunk.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] for a chunk of another type, [`FormatError::ChunkHeaderField`] for one that counts
    /// records, those of [`TransposedDecoder::decode`] and of [`parse`](Self::parse).
    pub fn decode_chunk(chunk: &Chunk<'_>, limits: &Limits) -> Result<Self, FormatError> {
        let (at, header) = (chunk.at, chunk.header);
        if header.chunk_type != ChunkType::Metadata {
            return Err(FormatError::ChunkType {
                at,
                chunk_type: header.chunk_type.to_byte(),
            });
        }
        check_field(at, "num_records", header.num_records, 0)?;
        // The data are those of a transposed chunk of one record, which the header does not count.
        let header = ChunkHeader {
            chunk_type: ChunkType::Transposed,
            num_records: 1,
            ..header
        };
        let mut message = Records::new();
        let chunk = Chunk { header, ..*chunk };
        TransposedDecoder::new().decode(&chunk, limits, None, &mut message)?;
        Self::parse(message.as_bytes(), at)
    }

    /// Appends the metadata to `out` as a chunk: header and data, without block headers. `window_log` is that of
    /// [`Compressor::compress_into`].
    ///
    /// # Errors
    /// Those of [`TransposedEncoder::encode`].
    pub fn encode_chunk(
        &self,
        codec: Codec,
        window_log: Option<u32>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let message = self.serialize();
        encode_chunk(out, |out| {
            let mut encoder = TransposedEncoder::new();
            encoder.encode_one(&message, codec, window_log, compressor, out)?;
            Ok((ChunkType::Metadata, 0, message.len() as u64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> RecordsMetadata {
        RecordsMetadata {
            file_comment: Some("visits of a shop".into()),
            record_type_name: Some("shop.Visit".into()),
            record_writer_options: Some("transpose,zstd:3".into()),
            file_descriptor: vec![b"\x0a\x0dgeneral.proto".to_vec(), Vec::new()],
            num_records: Some(-1),
            other_fields: vec![0xc2, 0x3e, 3, b'a', b'b', b'c', 0x12 | 1, 0x14],
        }
    }

    #[test]
    fn chunks_go_both_ways() {
        for metadata in [metadata(), RecordsMetadata::default()] {
            for codec in [Codec::Uncompressed, Codec::Zstd { level: 3 }, Codec::Snappy] {
                let mut out = Vec::new();
                let mut compressor = Compressor::new();
                let header = metadata
                    .encode_chunk(codec, None, &mut compressor, &mut out)
                    .unwrap();
                assert_eq!(header.chunk_type, ChunkType::Metadata);
                assert_eq!(header.num_records, 0);
                assert_eq!(header.decoded_bytes, metadata.serialize().len() as u64);
                let chunk = Chunk::parse(&out, At::byte(64)).unwrap();
                let read = RecordsMetadata::decode_chunk(&chunk, &Limits::default());
                assert_eq!(read, Ok(metadata.clone()));
            }
        }
    }

    #[test]
    fn a_message_of_another_order_is_understood() {
        let message = metadata().serialize();
        let (other, known) = (&metadata().other_fields, message.len());
        let mut turned = other.clone();
        turned.extend_from_slice(&[0x0a, 1, b'x']);
        turned.extend_from_slice(&message[..known - other.len()]);
        let read = RecordsMetadata::parse(&turned, At::byte(0));
        assert_eq!(read, Ok(metadata()));
        for cut in 1..18 {
            let error = RecordsMetadata::parse(&message[..cut], At::byte(0)).unwrap_err();
            assert_eq!(error.code(), "message", "{cut}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut out = Vec::new();
        metadata()
            .encode_chunk(Codec::Uncompressed, None, &mut Compressor::new(), &mut out)
            .unwrap();
        let chunk = Chunk::parse(&out, At::byte(64)).unwrap();
        let code = |chunk: &Chunk<'_>| {
            RecordsMetadata::decode_chunk(chunk, &Limits::default())
                .unwrap_err()
                .code()
        };
        let with = |change: fn(&mut ChunkHeader)| {
            let mut chunk = chunk;
            change(&mut chunk.header);
            code(&chunk)
        };
        assert_eq!(with(|header| header.num_records = 1), "chunk_header_field");
        assert_eq!(
            with(|header| header.chunk_type = ChunkType::Transposed),
            "chunk_type"
        );
        assert_eq!(with(|header| header.decoded_bytes -= 1), "decoded_size");
        let text = RecordsMetadata::parse(&[0x0a, 1, 0xff], At::byte(64)).unwrap_err();
        assert_eq!(text.code(), "message");
    }
}
