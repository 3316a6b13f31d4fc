//! `chunk_decode`: any data as a chunk of records whose hashes fit.
//!
//! An input is a byte of flags, the type, the number of records and of decoded bytes, and the data.

use std::cell::RefCell;

use windrow::format::{
    At, Chunk, ChunkHeader, ChunkScan, ChunkType, Compressor, FormatError, Limits,
    MAX_CHUNK_RECORDS, RecordDecoder, RecordGroup, Records, ScanPart, push_chunk,
};
use windrow::{Codec, ReaderOptions};
use windrow_tests::hostile::push_varint;

use crate::input::Input;
use crate::memory::{bound, within};

/// Small, so that a few bytes that claim more are soon found.
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 17,
    max_record_bytes: 1 << 16,
};

thread_local! {
    /// One that has seen all inputs before: what it keeps must not show.
    static USED: RefCell<RecordDecoder> = RefCell::new(RecordDecoder::new());
}

/// Runs the target.
///
/// # Panics
/// If decoding depends on what was decoded before, leaves something behind on an error, or gives records that the
/// header does not announce or that do not come back from a chunk made of them.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.byte();
    let chunk_type = ChunkType::from_byte(input.byte());
    let (num_records, decoded_bytes) = (input.number(), input.number());
    let data = input.rest();
    let header = ChunkHeader {
        num_records: num_records & MAX_CHUNK_RECORDS,
        ..ChunkHeader::new(chunk_type, 0, decoded_bytes, data)
    };
    let at = At::chunk(64, 0);
    let mut bytes = Vec::new();
    push_chunk(&mut bytes, &header, data);
    let chunk = Chunk::parse(&bytes, at).expect("its hashes fit");
    assert_eq!((chunk.header, chunk.data), (header, data));
    scan(header, &bytes, usize::from(flags) + 1);

    let mut before = Records::new();
    before.push(b"before");
    let used = USED.with_borrow_mut(|decoder| decode(decoder, &chunk, &before));
    let fresh = decode(&mut RecordDecoder::new(), &chunk, &before);
    assert_eq!(used, fresh, "a decoder that was used, and a new one");
    if let Ok(records) = fresh {
        assert_eq!(records.len() as u64, header.num_records + 1);
        let decoded = records.bytes_len() - b"before".len();
        assert_eq!(decoded as u64, header.decoded_bytes);
        assert_eq!(records.get(0), Some(&b"before"[..]));
        again(&records, flags);
    }
}

fn decode(
    decoder: &mut RecordDecoder,
    chunk: &Chunk<'_>,
    before: &Records,
) -> Result<Records, FormatError> {
    let options = ReaderOptions::new()
        .with_max_chunk_bytes(LIMITS.max_chunk_bytes)
        .with_max_record_bytes(LIMITS.max_record_bytes)
        .with_max_batch_bytes(1)
        .with_chunk_cache_bytes(0);
    let mut records = before.clone();
    let most = bound(&options, chunk.data.len());
    let result = within("decode", most, || {
        decoder.decode(chunk, &LIMITS, &mut records)
    });
    if result.is_err() {
        assert_eq!(&records, before, "an error leaves records behind");
    }
    result.map(|()| records)
}

/// Encodes the records with one of the codecs and decodes them again.
fn again(records: &Records, flags: u8) {
    let codecs = [
        Codec::Uncompressed,
        Codec::Snappy,
        Codec::Zstd { level: 1 },
        Codec::Brotli { level: 1 },
    ];
    let mut group = RecordGroup::new();
    records.iter().for_each(|record| group.push(record));
    let mut bytes = Vec::new();
    let codec = codecs[usize::from(flags % 4)];
    let header = group.encode(codec, None, &mut Compressor::new(), &mut bytes);
    header.expect("codecs are built in");
    let chunk = Chunk::parse(&bytes, At::byte(64)).expect("its hashes fit");
    let mut copy = Records::new();
    let limits = Limits::default();
    let decoded = RecordDecoder::new().decode(&chunk, &limits, &mut copy);
    decoded.expect("what was encoded can be decoded");
    assert_eq!(&copy, records);
}

/// Pushes the chunk in pieces: the data come out, and the hash fits.
fn scan(header: ChunkHeader, bytes: &[u8], piece: usize) {
    // Without a block header in it, which the pieces would have to hold.
    if bytes.len() > 65_000 {
        return;
    }
    let mut scan = ChunkScan::new(header, At::byte(64));
    let mut data = Vec::new();
    for piece in bytes.chunks(piece) {
        scan.push(piece, |part| match part {
            ScanPart::Data(part) => data.extend_from_slice(part),
            ScanPart::Block(result) => panic!("no block begins there: {result:?}"),
        });
    }
    assert_eq!(scan.finish(), Ok(()));
    assert_eq!(data, &bytes[40..]);
}

/// The input that stands for a chunk.
#[must_use]
pub fn input_of(chunk: &Chunk<'_>) -> Vec<u8> {
    let mut input = vec![0, chunk.header.chunk_type.to_byte()];
    push_varint(&mut input, chunk.header.num_records);
    push_varint(&mut input, chunk.header.decoded_bytes);
    input.extend_from_slice(chunk.data);
    input
}
