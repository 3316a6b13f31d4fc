//! `pages_decode`: any data as a page chunk, read whole and slot by slot, or as a dictionary chunk.
//!
//! An input is a byte of flags, the number of records and of decoded bytes, and the data. With the lowest bit of the flags
//! they are the parts of a page chunk, whose front gets a checksum that fits; with the next one, slots get theirs: a
//! number of bytes and the stored record, again and again, behind a table that fits too. With the third bit the data are those of
//! a dictionary chunk, behind the id that its contents have if the fourth is set as well.

use std::cell::RefCell;

use windrow::format::{
    At, BufferLimits, Chunk, ChunkHeader, ChunkType, CompressionType, Decompressor, Dictionaries,
    FormatError, Limits, MAX_CHUNK_RECORDS, NO_DICTIONARY, PageFront, PageTable, RecordDecoder,
    Records, hash,
};
use windrow::{Dictionary, ReaderOptions};
use windrow_tests::hostile::{Pages, push_varint};

use crate::input::{Input, push_bytes};
use crate::memory::{bound, within};

/// Small, so that a few bytes that claim more are soon found.
const LIMITS: Limits = Limits {
    max_chunk_bytes: 1 << 17,
    max_record_bytes: 1 << 16,
};
const PARTS: u8 = 1;
const SLOTS: u8 = 2;
const DICTIONARY: u8 = 4;
const FITTING_ID: u8 = 8;
const BEFORE: &[u8] = b"before";

thread_local! {
    /// One that has seen all inputs before: what it keeps must not show.
    static USED: RefCell<RecordDecoder> = RefCell::new(RecordDecoder::new());
    static DICTIONARIES: Dictionaries = {
        let mut dictionaries = Dictionaries::default();
        dictionaries.push(Ok(dictionary()));
        dictionaries
    };
}

/// The one that page chunks find.
///
/// # Panics
/// Never: any bytes make a dictionary.
#[must_use]
pub fn dictionary() -> Dictionary {
    let bytes: Vec<u8> = b"a record of the field, and another; ".repeat(9);
    Dictionary::new(bytes).expect("any bytes will do")
}

/// Runs the target.
///
/// # Panics
/// If decoding depends on what was decoded before, leaves something behind on an error, gives records that the header does
/// not announce, or other ones whole than one by one; if a call takes more memory than it may.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.byte();
    let (num_records, decoded_bytes) = (input.number(), input.number());
    if flags & DICTIONARY != 0 {
        return run_dictionary(decoded_bytes, input.rest(), flags & FITTING_ID != 0);
    }
    let (data, count) = match flags & (PARTS | SLOTS) {
        0 => (input.rest().to_vec(), None),
        PARTS => (with_checksum(&mut input, num_records), None),
        _ => slots(&mut input),
    };
    let header = ChunkHeader {
        num_records: count.unwrap_or(num_records) & MAX_CHUNK_RECORDS,
        ..ChunkHeader::new(ChunkType::Pages, 0, decoded_bytes, &data)
    };
    let chunk = Chunk {
        header,
        data: &data,
        at: At::chunk(64, 0),
    };
    let whole = USED.with_borrow_mut(|decoder| decode(decoder, &chunk));
    let fresh = decode(&mut RecordDecoder::new(), &chunk);
    assert_eq!(whole, fresh, "a decoder that was used, and a new one");
    let single = one_by_one(&chunk);
    match (&whole, &single) {
        (Ok(records), Ok(single)) => {
            assert_eq!(records.len(), single.len() + 1);
            for (record, single) in records.iter().skip(1).zip(single) {
                match single {
                    Ok(single) => assert_eq!(record, single, "whole and alone"),
                    // The hash of the chunk stands for the checksums where it is read whole.
                    Err(error) => assert_eq!(error.code(), "crc", "{error}"),
                }
            }
        }
        (Ok(_), Err(error)) => panic!("whole, but not alone: {error}"),
        (Err(error), Ok(single)) if !single.is_empty() && single.iter().all(Result::is_ok) => {
            // Each is sound, but not all together.
            let codes = ["page_table", "decoded_size", "implausible_size", "limit"];
            assert!(codes.contains(&error.code()), "{error}");
        }
        (Err(_), _) => {}
    }
}

fn options() -> ReaderOptions {
    ReaderOptions::new()
        .with_max_chunk_bytes(LIMITS.max_chunk_bytes)
        .with_max_record_bytes(LIMITS.max_record_bytes)
        .with_max_batch_bytes(1)
        .with_chunk_cache_bytes(0)
}

fn decode(decoder: &mut RecordDecoder, chunk: &Chunk<'_>) -> Result<Records, FormatError> {
    let mut records = Records::new();
    records.push(BEFORE);
    let before = records.clone();
    let most = bound(&options(), chunk.data.len());
    let result = DICTIONARIES.with(|dictionaries| {
        within("decode", most, || {
            decoder.decode_fields(chunk, &LIMITS, None, dictionaries, &mut records)
        })
    });
    if result.is_err() {
        assert_eq!(records, before, "an error leaves records behind");
    } else {
        assert_eq!(records.len() as u64, chunk.header.num_records + 1);
        let decoded = records.bytes_len() - BEFORE.len();
        assert_eq!(decoded as u64, chunk.header.decoded_bytes);
        let longest = records.iter().map(<[u8]>::len).max().unwrap_or(0);
        assert!(longest as u64 <= LIMITS.max_record_bytes);
    }
    result.map(|()| records)
}

/// Each record by its slot; an error where the front is none.
fn one_by_one(chunk: &Chunk<'_>) -> Result<Vec<Result<Vec<u8>, FormatError>>, FormatError> {
    let most = bound(&options(), chunk.data.len());
    let table = within("front", most, || {
        let front = PageFront::parse(&chunk.header, chunk.data, chunk.at)?;
        let end = usize::try_from(front.bytes()).expect("a front in memory");
        let front = &chunk.data[..end];
        // What is needed of the data is told, and is enough.
        for cut in [0, 8, 20, end - 1] {
            let short = PageTable::new(&chunk.header, &front[..cut.min(end - 1)], chunk.at);
            assert!(
                matches!(short, Err(FormatError::Truncated { need, .. }) if need <= end as u64),
                "{short:?}"
            );
        }
        PageTable::new(&chunk.header, front, chunk.at)
    })?;
    let front = table.front();
    let mut decoder = RecordDecoder::new();
    let mut records = Records::new();
    // A few bytes may claim many.
    let count = front.records().min(5000);
    let mut read = |index| {
        let slot = front.slot(index)?;
        let slot = usize::try_from(slot.start).expect("in memory")
            ..usize::try_from(slot.end).expect("in memory");
        assert!(slot.start as u64 >= front.bytes() && slot.len() >= 4);
        records.clear();
        DICTIONARIES.with(|dictionaries| {
            within("slot", most, || {
                let slot = &chunk.data[slot];
                decoder.decode_slot(&front, slot, &LIMITS, None, dictionaries, &mut records)
            })
        })?;
        assert_eq!(records.len(), 1);
        let record = records.get(0).expect("one record").to_vec();
        assert!(record.len() as u64 <= LIMITS.max_record_bytes.min(chunk.header.decoded_bytes));
        Ok(record)
    };
    let all: Vec<Result<Vec<u8>, FormatError>> = (0..count).map(&mut read).collect();
    Ok(all)
}

fn run_dictionary(decoded_bytes: u64, data: &[u8], fits: bool) {
    let mut data = data.to_vec();
    if fits && data.len() >= 9 {
        let compression = CompressionType::from_byte(data[0]);
        let limits = BufferLimits {
            exact: Some(decoded_bytes),
            max: 1 << 20,
            limit: 1 << 20,
            option: "none",
            what: "dictionary",
            at: At::byte(0),
        };
        let mut contents = Vec::new();
        let decoded = compression.map(|compression| {
            Decompressor::new().decompress_into(compression, &data[9..], &limits, &mut contents)
        });
        if matches!(decoded, Some(Ok(()))) {
            data[1..9].copy_from_slice(&hash(&contents).max(1).to_le_bytes());
        }
    }
    let chunk = Chunk {
        header: ChunkHeader::new(ChunkType::Dictionary, 0, decoded_bytes, &data),
        data: &data,
        at: At::byte(64),
    };
    let most = bound(&options(), data.len());
    let parsed = within("dictionary", most, || {
        Dictionary::parse_chunk(&chunk, &LIMITS)
    });
    if let Ok(dictionary) = parsed {
        assert_ne!(dictionary.id(), NO_DICTIONARY);
        assert_eq!(dictionary.as_bytes().len() as u64, decoded_bytes);
        let mut dictionaries = Dictionaries::default();
        for _ in 0..2 {
            let again = dictionaries.parse_chunk(&chunk, &LIMITS);
            assert_eq!(again.as_ref(), Ok(&dictionary));
            dictionaries.push(again);
        }
        assert_eq!(dictionaries.as_slice(), [dictionary]);
    }
}

/// Compression type, dictionary (whether it is the one that is there), a column's header, its bits, slots.
fn with_checksum(input: &mut Input<'_>, num_records: u64) -> Vec<u8> {
    let mut pages = front(input);
    let (base, slope, width) = (input.number(), input.number(), input.byte());
    let bits = input.bytes();
    pages.table = windrow_tests::hostile::table(base, slope, width, bits);
    pages.slots = input.rest().to_vec();
    pages.num_records = num_records;
    pages.data()
}

/// Compression type, dictionary, stored records; returns the data and the number of records.
fn slots(input: &mut Input<'_>) -> (Vec<u8>, Option<u64>) {
    let front = front(input);
    let mut stored = Vec::new();
    while !input.is_empty() && stored.len() < 2000 {
        stored.push(input.bytes().to_vec());
    }
    let mut pages = Pages::of(front.compression, &stored, 0);
    pages.dictionary = front.dictionary;
    (pages.data(), Some(pages.num_records))
}

fn front(input: &mut Input<'_>) -> Pages {
    let mut pages = Pages::of(input.byte(), &[], 0);
    pages.dictionary = match input.byte() {
        0 => NO_DICTIONARY,
        1 => dictionary().id(),
        _ => input.number(),
    };
    pages
}

/// The input that stands for a page chunk.
#[must_use]
pub fn input_of(num_records: u64, decoded_bytes: u64, data: &[u8]) -> Vec<u8> {
    let mut input = vec![0];
    push_varint(&mut input, num_records);
    push_varint(&mut input, decoded_bytes);
    input.extend_from_slice(data);
    input
}

/// The input that stands for a page chunk by its stored records; `None` if it is none.
#[must_use]
pub fn laid_out(header: &ChunkHeader, data: &[u8]) -> Option<Vec<u8>> {
    let front = PageFront::parse(header, data, At::byte(0)).ok()?;
    let mut input = vec![SLOTS];
    push_varint(&mut input, header.num_records);
    push_varint(&mut input, header.decoded_bytes);
    input.push(data[0]);
    input.push(u8::from(front.dictionary_id() != NO_DICTIONARY));
    for index in 0..front.records() {
        let slot = front.slot(index).ok()?;
        let begin = usize::try_from(slot.start).ok()?;
        let end = usize::try_from(slot.end).ok()?;
        push_bytes(&mut input, &data[begin..end - 4]);
    }
    Some(input)
}

/// The input that stands for a dictionary chunk.
#[must_use]
pub fn dictionary_input(decoded_bytes: u64, data: &[u8]) -> Vec<u8> {
    let mut input = vec![DICTIONARY | FITTING_ID];
    push_varint(&mut input, 0);
    push_varint(&mut input, decoded_bytes);
    input.extend_from_slice(data);
    input
}
