//! The chunks of `tests/data/transposed`, which upstream made, and chunks laid out by hand that break one rule each.

use super::*;
use crate::chunk_header::ChunkHeader;
use crate::error::At;

mod damage;
mod page;
mod reference;
mod rules;
mod upstream;

/// Small, so that what claims more is soon found.
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 22,
    max_record_bytes: 1 << 22,
};

fn chunk(num_records: u64, decoded_bytes: u64, data: &[u8]) -> Chunk<'_> {
    Chunk {
        header: ChunkHeader::new(ChunkType::Transposed, num_records, decoded_bytes, data),
        data,
        at: At::chunk(64, 0),
    }
}

/// Decodes with a new decoder, behind a record that must stay.
fn decode(
    chunk: &Chunk<'_>,
    limits: &Limits,
    fields: Option<&FieldProjection>,
) -> Result<Vec<Vec<u8>>, FormatError> {
    let mut records = Records::new();
    records.push(b"before");
    let before = records.clone();
    let result = TransposedDecoder::new().decode(chunk, limits, fields, &mut records);
    assert_eq!(records.get(0), Some(&b"before"[..]));
    if result.is_err() {
        assert_eq!(records, before);
    }
    result.map(|()| records.iter().skip(1).map(<[u8]>::to_vec).collect())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits.chunks(2).map(pair).collect()
}

fn fields(paths: &[&[u32]]) -> FieldProjection {
    FieldProjection::new(paths).unwrap()
}
