//! Every vector of `tests/data/transposed`: whole, and by projections.

use super::reference::project;
use super::*;

macro_rules! vector {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/data/transposed/",
                $name,
                ".txt"
            )),
        )
    };
}

/// Name and text of each file.
const VECTORS: &[(&str, &str)] = &[
    vector!("deep"),
    vector!("empty_messages"),
    vector!("group_and_text"),
    vector!("many_fields"),
    vector!("odd_records"),
    vector!("one_group"),
    vector!("people_brotli"),
    vector!("people_one_bucket"),
    vector!("people_snappy"),
    vector!("people_uncompressed"),
    vector!("people_zstd"),
    vector!("texts_only"),
    vector!("two_megabytes"),
    vector!("two_uncompressed"),
    vector!("two_zstd"),
];

pub(super) struct Vector {
    pub(super) name: String,
    pub(super) options: String,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) num_records: u64,
    pub(super) decoded_bytes: u64,
    pub(super) data: Vec<u8>,
}

impl Vector {
    pub(super) fn chunk(&self) -> Chunk<'_> {
        chunk(self.num_records, self.decoded_bytes, &self.data)
    }
}

/// Hex with runs: `xx*n` is n times the byte xx.
fn expand(text: &str) -> Vec<u8> {
    let piece = |piece: &str| match piece.split_once('*') {
        Some((byte, times)) => unhex(byte).repeat(times.parse().unwrap()),
        None => unhex(piece),
    };
    text.split_whitespace().flat_map(piece).collect()
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (name, text) in VECTORS {
        let mut vector = Vector {
            name: (*name).to_owned(),
            options: String::new(),
            records: Vec::new(),
            num_records: 0,
            decoded_bytes: 0,
            data: Vec::new(),
        };
        for line in text.lines() {
            let (key, value) = line.split_once(':').unwrap();
            match key {
                "options" => vector.options = value.trim().to_owned(),
                "record" => vector.records.push(expand(value)),
                "header" => {
                    let (records, bytes) = value.trim().split_once(' ').unwrap();
                    vector.num_records = records.parse().unwrap();
                    vector.decoded_bytes = bytes.parse().unwrap();
                }
                "data" => vector.data.extend(unhex(value)),
                _ => panic!("{}: {line}", vector.name),
            }
        }
        vectors.push(vector);
    }
    vectors
}

#[test]
fn each_vector_is_read() {
    for vector in vectors() {
        let decoded = decode(&vector.chunk(), &LIMITS, None).unwrap();
        assert!(decoded == vector.records, "{}", vector.name);
        let all = decode(&vector.chunk(), &LIMITS, Some(&fields(&[&[], &[3]]))).unwrap();
        assert!(all == vector.records, "{}", vector.name);
    }
}

/// The name of the option says one thing, the chunk must say the same.
#[test]
fn vectors_have_the_buckets_that_they_are_named_for() {
    let buckets = |name: &str| {
        let vectors = vectors();
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        assert!(vector.options.contains("transpose:true"));
        let mut decoder = TransposedDecoder::new();
        let mut records = Records::new();
        let chunk = vector.chunk();
        decoder.decode(&chunk, &LIMITS, None, &mut records).unwrap();
        decoder.buckets.len()
    };
    for name in ["people_zstd", "people_brotli", "people_snappy"] {
        assert!(buckets(name) > 10, "{name}: {}", buckets(name));
    }
    // One for each kind of buffers: varints, fixed32, fixed64, texts.
    assert_eq!(buckets("people_one_bucket"), 4);
    assert_eq!(buckets("empty_messages"), 0);
}

#[test]
fn projections_leave_what_the_slow_way_leaves() {
    let sets: &[&[&[u32]]] = &[
        &[],
        &[&[1]],
        &[&[2]],
        &[&[1], &[3]],
        &[&[4, 2]],
        &[&[4]],
        &[&[4, 7]],
        &[&[5, 2, 1], &[5, 1]],
        &[&[5, 2]],
        &[&[6, 1]],
        &[&[7, 2, 1], &[536_870_911]],
        &[&[7, 1]],
        &[&[7]],
        &[&[7, 3]],
        &[&[8, 1]],
        &[&[8, 2], &[8, 1], &[2]],
        &[&[1, 1]],
        &[&[2, 2, 2, 2, 1]],
        &[&[2, 1]],
        &[&[15], &[16], &[2048]],
        &[&[99]],
    ];
    // One decoder for all: what it keeps from the last chunk must not show.
    let mut decoder = TransposedDecoder::new();
    for vector in vectors() {
        for &paths in sets {
            let mut out = Records::new();
            let result = decoder.decode(&vector.chunk(), &LIMITS, Some(&fields(paths)), &mut out);
            result.unwrap_or_else(|error| panic!("{} {paths:?}: {error}", vector.name));
            let expected = vector.records.iter().map(|record| project(record, paths));
            assert_eq!(out.len(), vector.records.len());
            for (number, (got, expected)) in out.iter().zip(expected).enumerate() {
                assert!(
                    got == expected,
                    "{} {paths:?} record {number}: {got:02x?} instead of {expected:02x?}",
                    vector.name
                );
            }
        }
    }
}

#[test]
fn buckets_without_a_wanted_field_stay_compressed() {
    let vectors = vectors();
    let vector = vectors.iter().find(|v| v.name == "people_zstd").unwrap();
    let mut decoder = TransposedDecoder::new();
    let mut decoded_bytes = |paths: &[&[u32]]| {
        let mut out = Records::new();
        let chunk = vector.chunk();
        let result = decoder.decode(&chunk, &LIMITS, Some(&fields(paths)), &mut out);
        result.unwrap();
        decoder.buckets.data.len()
    };
    assert_eq!(decoded_bytes(&[]), 0);
    // A message on the way is not asked for its fields.
    assert_eq!(decoded_bytes(&[&[4, 9]]), 0);
    // 40 of four bytes, and what shares their bucket.
    let (one, all) = (decoded_bytes(&[&[4, 3]]), decoded_bytes(&[&[]]));
    assert!((160..320).contains(&one), "{one}");
    assert!(all > 10 * one, "{all}");
}

#[test]
fn limits_hold() {
    let vectors = vectors();
    let vector = vectors.iter().find(|v| v.name == "two_megabytes").unwrap();
    let longest = vector.records[0].len() as u64;
    let exactly = Limits {
        max_chunk_bytes: vector.decoded_bytes,
        max_record_bytes: longest,
    };
    assert!(decode(&vector.chunk(), &exactly, None).is_ok());
    let small_record = Limits {
        max_record_bytes: longest - 1,
        ..exactly
    };
    let error = decode(&vector.chunk(), &small_record, None).unwrap_err();
    assert!(matches!(
        error,
        FormatError::Limit { option: "max_record_bytes", value, .. } if value == longest
    ));
    // What comes out counts, not what is stored.
    let first = fields(&[&[1]]);
    assert!(decode(&vector.chunk(), &small_record, Some(&first)).is_ok());
    let small_chunk = Limits {
        max_chunk_bytes: vector.decoded_bytes - 1,
        ..exactly
    };
    let error = decode(&vector.chunk(), &small_chunk, None).unwrap_err();
    assert_eq!(error.code(), "limit");
}
