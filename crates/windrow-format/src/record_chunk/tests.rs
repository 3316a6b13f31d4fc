use super::*;
use crate::error::At;
use crate::hash::hash;
use proptest::prelude::*;

const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 3 },
    Codec::Brotli { level: 4 },
    Codec::Snappy,
];

fn encode(records: &[Vec<u8>], codec: Codec) -> (ChunkHeader, Vec<u8>) {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record);
    }
    let mut out = Vec::new();
    let header = group
        .encode(codec, None, &mut Compressor::new(), &mut out)
        .unwrap();
    (header, out)
}

fn decode(bytes: &[u8], limits: &Limits) -> Result<Records, FormatError> {
    let mut records = Records::new();
    let chunk = Chunk::parse(bytes, At::chunk(64, 0))?;
    RecordDecoder::new().decode(&chunk, limits, &mut records)?;
    Ok(records)
}

/// A chunk with these data and fitting hashes.
fn forge(data: &[u8], num_records: u64, decoded_bytes: u64) -> Vec<u8> {
    let header = ChunkHeader::new(ChunkType::Simple, num_records, decoded_bytes, data);
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(data);
    bytes
}

fn code(bytes: &[u8]) -> &'static str {
    decode(bytes, &Limits::default()).unwrap_err().code()
}

#[test]
fn an_uncompressed_chunk_byte_by_byte() {
    let (header, bytes) = encode(&[b"abc".to_vec()], Codec::Uncompressed);
    assert_eq!(&bytes[40..], [0, 1, 3, b'a', b'b', b'c']);
    assert_eq!(
        (header.num_records, header.decoded_bytes, header.data_bytes),
        (1, 3, 6)
    );
    assert_eq!(header.data_hash, hash(&bytes[40..]));
}

#[test]
fn groups_of_a_group_hold_its_records() {
    let records: Vec<Vec<u8>> = (0..10_usize).map(|n| vec![7; n * 100]).collect();
    let mut group = RecordGroup::new();
    records.iter().for_each(|record| group.push(record));
    for size in [1, 3, 10, 11] {
        let mut all = Records::new();
        let mut decoder = RecordDecoder::new();
        for part in group.split(&[size; 10]) {
            let mut out = Vec::new();
            part.encode(Codec::Snappy, None, &mut Compressor::new(), &mut out)
                .unwrap();
            let chunk = Chunk::parse(&out, At::byte(0)).unwrap();
            decoder
                .decode(&chunk, &Limits::default(), &mut all)
                .unwrap();
        }
        assert!(all.iter().eq(records.iter().map(Vec::as_slice)));
    }
}

#[test]
fn contradictions_are_named() {
    // Each row: data, records, decoded bytes, code.
    for (data, records, decoded, expected) in [
        (&[][..], 1, 0, "truncated"),
        (&[0], 1, 0, "varint"),
        (&[0x6c, 0], 1, 0, "compression_type"),
        (&[0, 5, 1], 1, 1, "truncated"),
        (&[0, 1, 3, b'a', b'b'], 1, 3, "decoded_size"), // values too short
        (&[0, 1, 3, b'a', b'b', b'c', b'd'], 1, 3, "decoded_size"), // and too long
        (&[0, 1, 3, b'a', b'b', b'c'], 2, 3, "truncated"), // one size for two records
        (&[0, 2, 3, 0, b'a', b'b', b'c'], 1, 3, "trailing_bytes"),
        (&[0, 1, 4, b'a', b'b', b'c'], 1, 3, "decoded_size"),
        (&[0, 1, 2, b'a', b'b', b'c'], 1, 3, "decoded_size"),
        (
            &[
                0, 11, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1,
            ],
            2,
            0,
            "varint",
        ),
        (b"z\x00", 1, 0, "varint"), // no size in front of the sizes
        (b"z\x02\x01\xff\x00", 1, 0, "decompress"),
        (b"s\x03\x01\x01\x00\x00", 1, 0, "decompress"),
        (b"b\x02\x01\xff\x00", 1, 0, "decompress"),
    ] {
        assert_eq!(code(&forge(data, records, decoded)), expected, "{data:x?}");
    }
}

#[test]
fn other_chunk_types_are_refused() {
    for (chunk_type, expected) in [
        (ChunkType::Metadata, "chunk_type"),
        (ChunkType::Unknown(b'x'), "chunk_type"),
        (ChunkType::Padding, "chunk_type"),
    ] {
        let data = [0, 1, 0];
        let mut bytes = ChunkHeader::new(chunk_type, 1, 0, &data).encode().to_vec();
        bytes.extend(data);
        assert_eq!(code(&bytes), expected);
    }
}

#[test]
fn a_claim_of_exabytes_reserves_nothing() {
    let mut data = b"z\x0c".to_vec();
    push_varint(&mut data, 1 << 58);
    data.extend([0; 3]);
    let bytes = forge(&data, 1 << 55, 0);
    assert_eq!(code(&bytes), "limit");
    let unlimited = Limits {
        max_chunk_bytes: u64::MAX,
        max_record_bytes: u64::MAX,
    };
    assert_eq!(
        decode(&bytes, &unlimited).unwrap_err().code(),
        "implausible_size"
    );
    assert_eq!(code(&forge(&data, 1, 1 << 60)), "limit");
    // As many records as the header can count, with one byte of sizes.
    assert_eq!(code(&forge(&[0, 1, 0], (1 << 56) - 1, 0)), "truncated");
}

#[test]
fn limits_name_their_option() {
    let (_, bytes) = encode(&[vec![1; 100], vec![2; 50]], Codec::Zstd { level: 1 });
    for (limits, option) in [
        (
            Limits {
                max_chunk_bytes: 149,
                ..Limits::default()
            },
            "max_chunk_bytes",
        ),
        (
            Limits {
                max_record_bytes: 99,
                ..Limits::default()
            },
            "max_record_bytes",
        ),
    ] {
        match decode(&bytes, &limits) {
            Err(FormatError::Limit { option: named, .. }) => assert_eq!(named, option),
            other => panic!("{other:?}"),
        }
    }
    let enough = Limits {
        max_chunk_bytes: 150,
        max_record_bytes: 100,
    };
    assert_eq!(decode(&bytes, &enough).unwrap().len(), 2);
}

/// Every way in which a compressed buffer can hold something else than its prefix says.
#[test]
fn compressed_buffers_hold_exactly_what_they_declare() {
    for codec in &CODECS[1..] {
        let mut frame = Vec::new();
        Compressor::new()
            .compress_into(*codec, None, &[5; 3000], &mut frame)
            .unwrap();
        let prefix = 2;
        let limits = |size| BufferLimits {
            exact: Some(size),
            max: size,
            limit: u64::MAX,
            option: "max_chunk_bytes",
            what: "x",
            at: At::byte(0),
        };
        let run = |bytes: &[u8], size: u64| {
            let kind = codec.compression_type();
            let mut out = vec![9];
            let result = Decompressor::new().decompress_into(kind, bytes, &limits(size), &mut out);
            if result.is_err() {
                assert_eq!(out, [9], "what was there before stays, and only that");
            }
            result.map(|()| out.len()).map_err(|error| error.code())
        };
        assert_eq!(run(&frame, 3000), Ok(3001));
        assert_eq!(run(&frame, 2999), Err("decoded_size"));
        for declared in [2999, 3001_u64, 3100] {
            let mut other = Vec::new();
            push_varint(&mut other, declared);
            other.extend_from_slice(&frame[prefix..]);
            assert_eq!(
                run(&other, declared),
                Err("decoded_size"),
                "{codec:?} {declared}"
            );
        }
        let mut longer = frame.clone();
        longer.extend_from_slice(&frame[prefix..]);
        let trailing = run(&longer, 3000).unwrap_err();
        match codec {
            // A raw snappy block has no end of its own.
            Codec::Snappy => assert_eq!(trailing, "decompress"),
            _ => assert_eq!(trailing, "trailing_bytes"),
        }
        assert_eq!(run(&frame[..frame.len() - 1], 3000), Err("decompress"));
    }
}

proptest! {
    #[test]
    fn round_trip(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..40),
        codec in prop::sample::select(CODECS.to_vec()),
        window_log in prop::option::of(10_u32..=24),
    ) {
        let window_log = window_log.filter(|_| matches!(codec, Codec::Zstd { .. } | Codec::Brotli { .. }));
        let mut group = RecordGroup::new();
        records.iter().for_each(|record| group.push(record));
        let mut bytes = Vec::new();
        group.encode(codec, window_log, &mut Compressor::new(), &mut bytes).unwrap();
        let read = decode(&bytes, &Limits::default()).unwrap();
        prop_assert!(read.iter().eq(records.iter().map(Vec::as_slice)));
    }

    #[test]
    fn any_data_decode_or_fail(
        data in prop::collection::vec(any::<u8>(), 0..200),
        first in prop::sample::select(vec![0, b'b', b'z', b's']),
        records in 0_u64..50,
        decoded in 0_u64..5000,
    ) {
        let mut all = vec![first];
        all.extend(data);
        // Only that it returns, and that what it returns adds up.
        if let Ok(read) = decode(&forge(&all, records, decoded), &Limits::default()) {
            prop_assert_eq!(read.len() as u64, records);
            prop_assert_eq!(read.bytes_len() as u64, decoded);
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed(byte in 0_usize..200, bit in 0_u8..8) {
        let records: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; 9]).collect();
        for codec in CODECS {
            let (_, mut bytes) = encode(&records, codec);
            let byte = byte % bytes.len();
            bytes[byte] ^= 1 << bit;
            let expected = if byte < 40 { "chunk_header_hash" } else { "chunk_data_hash" };
            prop_assert_eq!(code(&bytes), expected);
        }
    }
}
