//! `transposed_decode`: any data as a transposed chunk, read whole and by projections.
//!
//! An input is a byte of flags, the number of records and of decoded bytes, and the data. With the lowest bit of the
//! flags the data are those of an uncompressed chunk, its header behind a size of two bytes that is cut to what is
//! there: a header that grows or shrinks does not move into the buckets.

use std::cell::RefCell;

use windrow::ReaderOptions;
use windrow::format::{
    At, Chunk, ChunkHeader, ChunkType, FieldProjection, FormatError, Limits, MAX_CHUNK_RECORDS,
    Records, TransposedDecoder,
};
use windrow_tests::hostile::push_varint;

use crate::input::Input;
use crate::memory::{bound, within};

/// Small, so that a few bytes that claim more are soon found.
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 17,
    max_record_bytes: 1 << 16,
};
/// Memory that a node of two bytes, or a buffer of one, may cost on top of what a chunk of another type costs, for each
/// byte of the header.
const BYTES_PER_HEADER_BYTE: u64 = 64;

thread_local! {
    /// One that has seen all inputs before: what it keeps must not show.
    static USED: RefCell<TransposedDecoder> = RefCell::new(TransposedDecoder::new());
}

/// Runs the target.
///
/// # Panics
/// If decoding depends on what was decoded before, leaves something behind on an error, gives records that the header
/// does not announce, or more with a projection than without.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.byte();
    let (num_records, decoded_bytes) = (input.number(), input.number());
    let data = if flags & 1 == 0 {
        input.rest().to_vec()
    } else {
        uncompressed(input.rest())
    };
    let header = ChunkHeader {
        num_records: num_records & MAX_CHUNK_RECORDS,
        ..ChunkHeader::new(ChunkType::Transposed, 0, decoded_bytes, &data)
    };
    let chunk = Chunk {
        header,
        data: &data,
        at: At::chunk(64, 0),
    };
    let whole = twice(&chunk, None);
    if let Ok(records) = &whole {
        assert_eq!(
            records.bytes_len() as u64,
            header.decoded_bytes + BEFORE.len() as u64
        );
    }
    let everything = FieldProjection::new([[0_u32; 0]]).expect("no number is wrong");
    assert_eq!(twice(&chunk, Some(&everything)), whole);
    for paths in [
        &[][..],
        &[&[1][..]],
        &[&[1, 2], &[3]],
        &[&[2, 1, 1], &[4, 5]],
    ] {
        let fields = FieldProjection::new(paths).expect("no number is wrong");
        match (twice(&chunk, Some(&fields)), &whole) {
            (Ok(part), Ok(whole)) => {
                for (part, whole) in part.iter().zip(whole) {
                    assert!(part.len() <= whole.len(), "{paths:?}");
                }
            }
            // Damage may lie in what is not wanted, but not the other way round.
            (Ok(_), Err(_)) | (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) => panic!("{paths:?}: {error}"),
        }
    }
}

const BEFORE: &[u8] = b"before";

/// The records by a new decoder and by one that was used.
fn twice(chunk: &Chunk<'_>, fields: Option<&FieldProjection>) -> Result<Records, FormatError> {
    let used = USED.with_borrow_mut(|decoder| decode(decoder, chunk, fields));
    let fresh = decode(&mut TransposedDecoder::new(), chunk, fields);
    assert_eq!(used, fresh, "a decoder that was used, and a new one");
    if let Ok(records) = &fresh {
        assert_eq!(records.len() as u64, chunk.header.num_records + 1);
        let bytes = (records.bytes_len() - BEFORE.len()) as u64;
        assert!(bytes <= chunk.header.decoded_bytes);
        assert_eq!(records.get(0), Some(BEFORE));
        let longest = records.iter().map(<[u8]>::len).max().unwrap_or(0);
        assert!(longest as u64 <= LIMITS.max_record_bytes);
    }
    fresh
}

fn decode(
    decoder: &mut TransposedDecoder,
    chunk: &Chunk<'_>,
    fields: Option<&FieldProjection>,
) -> Result<Records, FormatError> {
    let options = ReaderOptions::new()
        .with_max_chunk_bytes(LIMITS.max_chunk_bytes)
        .with_max_record_bytes(LIMITS.max_record_bytes)
        .with_max_batch_bytes(1)
        .with_chunk_cache_bytes(0);
    let mut records = Records::new();
    records.push(BEFORE);
    let before = records.clone();
    let header = BYTES_PER_HEADER_BYTE * LIMITS.max_chunk_bytes;
    let most = bound(&options, chunk.data.len()) + header;
    let result = within("decode", most, || {
        decoder.decode(chunk, &LIMITS, fields, &mut records)
    });
    if result.is_err() {
        assert_eq!(records, before, "an error leaves records behind");
    }
    result.map(|()| records)
}

/// A chunk's data whose header has the size that its front says, however much is there.
fn uncompressed(parts: &[u8]) -> Vec<u8> {
    let mut input = Input::new(parts);
    let size = usize::from(input.byte()) | usize::from(input.byte()) << 8;
    let rest = input.rest();
    let (header, behind) = rest.split_at(size.min(rest.len()));
    let mut data = vec![0];
    push_varint(&mut data, header.len() as u64);
    data.extend_from_slice(header);
    data.extend_from_slice(behind);
    data
}

/// The input that stands for an uncompressed chunk by its parts; `None` if it is compressed, or its header is large.
#[must_use]
pub fn laid_out(num_records: u64, decoded_bytes: u64, data: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Input::new(data);
    if rest.byte() != 0 {
        return None;
    }
    let size = u16::try_from(rest.number()).ok()?;
    let mut input = vec![1];
    push_varint(&mut input, num_records);
    push_varint(&mut input, decoded_bytes);
    input.extend(size.to_le_bytes());
    input.extend_from_slice(rest.rest());
    Some(input)
}

/// The input that stands for a chunk.
#[must_use]
pub fn input_of(num_records: u64, decoded_bytes: u64, data: &[u8]) -> Vec<u8> {
    let mut input = vec![0];
    push_varint(&mut input, num_records);
    push_varint(&mut input, decoded_bytes);
    input.extend_from_slice(data);
    input
}
