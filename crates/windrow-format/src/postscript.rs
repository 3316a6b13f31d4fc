//! The last block of a file, which says where its footer is.

use crate::block::{BLOCK_BYTES, BlockHeader, is_chunk_boundary};
use crate::chunk::{Chunk, take_out_block_headers};
use crate::chunk_header::{ChunkHeader, ChunkType, SIGNATURE_BYTES, check_field};
use crate::error::{At, FormatError};
use crate::limits::Limits;
use crate::record_chunk::RecordDecoder;
use crate::records::Records;
use crate::wire::{Value, push_varint_field, take_field};

/// Marks a postscript.
pub const POSTSCRIPT_MAGIC: u64 = 0x7193_0e70_4fda_e05e;
/// How often a postscript chunk repeats its message.
pub const POSTSCRIPT_COPIES: u64 = 3;

/// The message of a postscript that points at the footer at `footer_offset`.
#[must_use]
pub fn encode_postscript(footer_offset: u64) -> Vec<u8> {
    let mut message = Vec::new();
    push_varint_field(&mut message, 1, footer_offset);
    push_varint_field(&mut message, 2, POSTSCRIPT_MAGIC);
    message
}

/// Reads the records of a postscript chunk at `at` and returns the footer's offset.
///
/// # Errors
/// [`FormatError::PostscriptCopies`], [`FormatError::PostscriptDiffers`], [`FormatError::Message`],
/// [`FormatError::PostscriptMagic`].
pub fn parse_postscript(records: &Records, at: At) -> Result<u64, FormatError> {
    let copies = records.len() as u64;
    let (Some(first), POSTSCRIPT_COPIES) = (records.get(0), copies) else {
        return Err(FormatError::PostscriptCopies {
            at,
            copies,
            expected: POSTSCRIPT_COPIES,
        });
    };
    if records.iter().any(|copy| copy != first) {
        return Err(FormatError::PostscriptDiffers { at });
    }
    let (mut offset, mut magic) = (0, 0);
    let mut rest = first;
    while !rest.is_empty() {
        match take_field(&mut rest) {
            Ok((1, Value::Varint(value))) => offset = value,
            Ok((2, Value::Varint(value))) => magic = value,
            Ok(_) => {}
            Err(()) => {
                return Err(FormatError::Message {
                    what: "postscript",
                    at,
                });
            }
        }
    }
    if magic == POSTSCRIPT_MAGIC {
        Ok(offset)
    } else {
        Err(FormatError::PostscriptMagic {
            at,
            stored: magic,
            expected: POSTSCRIPT_MAGIC,
        })
    }
}

/// Checks the last block of a file, which begins at `begin`, and returns the footer's offset.
pub(crate) fn decode_postscript(block: &[u8], begin: u64) -> Result<u64, FormatError> {
    let at = At::byte(begin);
    let header = BlockHeader::parse(block, begin);
    if let Ok(BlockHeader { previous_chunk, .. }) = header
        && previous_chunk != 0
    {
        // The block's beginning belongs to a chunk that began before it.
        return Err(FormatError::BlockHeaderMismatch {
            at,
            field: "previous_chunk",
            stored: previous_chunk,
            expected: 0,
        });
    }
    let flat = take_out_block_headers(begin, block);
    // A block header alone decides nothing: where the chunk behind a damaged one is sound, so is the file.
    let chunk = match (Chunk::parse(&flat, at), header) {
        (Ok(chunk), _) => chunk,
        (Err(_), Err(error)) | (Err(error), Ok(_)) => return Err(error),
    };
    let ChunkHeader {
        chunk_type,
        num_records,
        ..
    } = chunk.header;
    if num_records == 0 {
        // A data block that begins with an empty chunk, the signature for one: a file cut there.
        return parse_postscript(&Records::new(), at);
    }
    check_field(
        at,
        "type",
        chunk_type.to_byte().into(),
        ChunkType::Simple.to_byte().into(),
    )?;
    let limits = Limits {
        max_chunk_bytes: BLOCK_BYTES,
        max_record_bytes: BLOCK_BYTES,
    };
    let mut records = Records::new();
    RecordDecoder::new().decode(&chunk, &limits, &mut records)?;
    let offset = parse_postscript(&records, at)?;
    if offset < SIGNATURE_BYTES || offset >= begin || !is_chunk_boundary(offset) {
        return Err(FormatError::FooterOffset {
            at,
            offset,
            limit: begin,
        });
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postscripts() {
        let good: Records = vec![encode_postscript(201); 3].iter().collect();
        assert_eq!(parse_postscript(&good, At::byte(65536)), Ok(201));
        let two: Records = [encode_postscript(201), encode_postscript(201)]
            .iter()
            .collect();
        let torn: Records = [
            encode_postscript(201),
            encode_postscript(202),
            encode_postscript(201),
        ]
        .iter()
        .collect();
        let wrong: Records = [[0x10, 5]; 3].iter().collect();
        let cut: Records = [[0x10, 0x85]; 3].iter().collect();
        for (records, code) in [
            (Records::new(), "postscript_copies"),
            (two, "postscript_copies"),
            (torn, "postscript_differs"),
            (wrong, "postscript_magic"),
            (cut, "message"),
        ] {
            assert_eq!(
                parse_postscript(&records, At::byte(0)).unwrap_err().code(),
                code
            );
        }
    }
}
