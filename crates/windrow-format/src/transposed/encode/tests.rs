//! Round trips through the decoder, and what chunks look like inside.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::chunk::Chunk;
use crate::limits::Limits;
use crate::record_chunk::RecordGroup;
use crate::records::Records;
use crate::transposed::TransposedDecoder;
use crate::wire::{push_bytes_field, push_varint_field};

fn group_of<R: AsRef<[u8]>>(records: &[R]) -> RecordGroup {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record.as_ref());
    }
    group
}

fn encode(
    encoder: &mut TransposedEncoder,
    group: &RecordGroup,
    codec: Codec,
    bucket_bytes: u64,
) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let mut compressor = Compressor::new();
    let header = encoder
        .encode(
            &group.as_slice(),
            codec,
            None,
            bucket_bytes,
            &mut compressor,
            &mut out,
        )
        .unwrap();
    assert_eq!(header.chunk_type, ChunkType::Transposed);
    assert_eq!(header.num_records, group.len());
    assert_eq!(header.decoded_bytes, group.bytes_len() as u64);
    out.split_off(6)
}

fn round_trip<R: AsRef<[u8]>>(
    encoder: &mut TransposedEncoder,
    records: &[R],
    codec: Codec,
    bucket_bytes: u64,
) -> Vec<u8> {
    let bytes = encode(encoder, &group_of(records), codec, bucket_bytes);
    let chunk = Chunk::parse(&bytes, At::byte(64)).unwrap();
    let mut decoded = Records::new();
    TransposedDecoder::new()
        .decode(&chunk, &Limits::default(), None, &mut decoded)
        .unwrap();
    let expected: Records = records.iter().collect();
    assert!(decoded == expected);
    bytes
}

const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 3 },
    Codec::Snappy,
    Codec::Brotli { level: 1 },
];

/// Varints in their shortest encoding and, now and then, in a longer one.
fn number() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![0..5_u64, any::<u8>().prop_map(u64::from), any::<u64>()];
    (value, 0..20_usize).prop_map(|(value, longer)| {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, value);
        if let Some(last) = bytes.last_mut()
            && longer == 0
        {
            *last |= 0x80;
            bytes.push(0);
        }
        bytes
    })
}

fn field_number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1..6_u64, 1 => 1..40_u64, 1 => 1..1_u64 << 29]
}

fn leaf() -> impl Strategy<Value = Vec<u8>> {
    let text = select(vec!["", "a", "wind", "some more words", "\u{8}\u{1}"]);
    prop_oneof![
        (field_number(), number()).prop_map(|(field, number)| {
            let mut out = Vec::new();
            push_varint(&mut out, field << 3);
            [out, number].concat()
        }),
        (field_number(), any::<[u8; 4]>()).prop_map(|(field, value)| {
            let mut out = Vec::new();
            push_varint(&mut out, field << 3 | 5);
            [out, value.to_vec()].concat()
        }),
        (field_number(), any::<[u8; 8]>()).prop_map(|(field, value)| {
            let mut out = Vec::new();
            push_varint(&mut out, field << 3 | 1);
            [out, value.to_vec()].concat()
        }),
        (field_number(), text).prop_map(|(field, text)| bytes_field(field, text.as_bytes())),
        (field_number(), vec(any::<u8>(), 0..20))
            .prop_map(|(field, bytes)| { bytes_field(field, &bytes) }),
        (field_number(), vec(number(), 0..9))
            .prop_map(|(field, numbers)| bytes_field(field, &numbers.concat())),
    ]
}

fn bytes_field(field: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_bytes_field(&mut out, field, bytes);
    out
}

fn group(field: u64, fields: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_varint(&mut out, field << 3 | 3);
    out.extend_from_slice(fields);
    push_varint(&mut out, field << 3 | 4);
    out
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let fields = vec(leaf(), 0..8).prop_map(|fields| fields.concat());
    fields.prop_recursive(4, 60, 5, |inner| {
        let field = (field_number(), inner, any::<bool>()).prop_map(|(number, fields, nested)| {
            if nested {
                bytes_field(number, &fields)
            } else {
                group(number, &fields)
            }
        });
        vec(prop_oneof![field, leaf()], 0..6).prop_map(|fields| fields.concat())
    })
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let record = prop_oneof![
        12 => message(),
        1 => vec(any::<u8>(), 0..30),
        1 => (message(), any::<prop::sample::Index>()).prop_map(|(mut record, cut)| {
            record.truncate(cut.index(record.len() + 1));
            record
        }),
    ];
    // Few different records, and each of them many times: transitions must be frequent, too.
    (vec(record, 1..6), vec(any::<prop::sample::Index>(), 0..150))
        .prop_map(|(few, picks)| picks.iter().map(|pick| pick.get(&few).clone()).collect())
}

proptest! {
    #[test]
    fn records_come_out_as_they_were(
        groups in vec(records(), 1..4),
        codec in select(CODECS.to_vec()),
        bucket_bytes in select(vec![1_u64, 50, 256, 1 << 16, u64::MAX]),
    ) {
        let mut encoder = TransposedEncoder::new();
        for records in groups {
            let bytes = round_trip(&mut encoder, &records, codec, bucket_bytes);
            // What was encoded before, and the seeds of tables, have no influence.
            let again = encode(&mut TransposedEncoder::new(), &group_of(&records), codec, bucket_bytes);
            prop_assert!(bytes == again);
        }
    }
}

#[test]
fn chunks_at_the_edges() {
    let mut encoder = TransposedEncoder::new();
    let long = bytes_field(1, &vec![0xff; 2 << 20]);
    let deep = (0..250).fold(vec![0x08, 1], |inner, _| bytes_field(1, &inner));
    let groups = (0..2_000).fold(vec![0x08, 1], |inner, _| group(1, &inner));
    let sets: [Vec<Vec<u8>>; 8] = [
        vec![],
        vec![vec![]],
        vec![vec![]; 300],
        vec![b"hello".to_vec()],
        vec![b"hello".to_vec(), vec![], b"hello".to_vec(), vec![0x08, 1]],
        vec![long.clone(), vec![0xff; 2 << 20], long],
        vec![deep.clone(), deep],
        vec![groups.clone(), groups],
    ];
    for codec in CODECS {
        for records in &sets {
            round_trip(&mut encoder, records, codec, 256);
        }
    }
}

/// Machines of more nodes than one transition reaches, in own lists and in the shared one.
#[test]
fn machines_of_many_blocks() {
    let mut seed = 7_u64;
    let mut below = |limit: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % limit
    };
    let mut encoder = TransposedEncoder::new();
    for (fields, records, width) in [
        (64, 40, 200),
        (65, 400, 20),
        (300, 300, 100),
        (5_000, 50, 1_000),
        (20_000, 20, 5_000),
    ] {
        let records: Vec<Vec<u8>> = (0..records)
            .map(|_| {
                let mut record = Vec::new();
                for _ in 0..below(width) {
                    // Most fields follow field 1, so that it has a long list of its own.
                    push_varint_field(&mut record, 1, below(2));
                    let field = below(fields).min(below(fields)) + 2;
                    push_varint_field(&mut record, field, below(1000));
                }
                record
            })
            .collect();
        round_trip(&mut encoder, &records, Codec::Uncompressed, 256);
    }
}

/// A worked example, byte by byte.
#[rustfmt::skip]
#[test]
fn one_message_in_bytes() {
    let record = [0x08, 0x96, 0x01, 0x12, 0x02, 0x18, 0x01, 0x22, 0x01, b'x'];
    let bytes = round_trip(
        &mut TransposedEncoder::new(),
        &[record],
        Codec::Uncompressed,
        256,
    );
    assert_eq!(
        bytes[40..],
        [
            0, // not compressed
            24, // bytes of the header
            2, 2, // buckets, buffers
            2, 2, // sizes of buckets
            2, 2, // sizes of buffers
            6, // states
            3, 0x08, 0x18, 2, 0x16, 0x22, // the start, field 1, field 3, the start of 2, the end of 2, field 4
            0, 6, 9, 7, 8, 10, // all but the first one are left without a transition
            1, 11, // subtypes of fields 1 and 3: two bytes; the number 1
            0, 1, // buffers of fields 1 and 4
            5, // begins in the last state
            0x16, 0x01, // field 1
            0x01, b'x', // field 4
        ]
    );
}
