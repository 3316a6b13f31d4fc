//! What fuzzing found, one test for each symptom.

use windrow::{Codec, Reader, ReaderOptions, SourceName, VerifyOptions, verify_store};
use windrow_format::{At, BufferLimits, CompressionType, Compressor, Decompressor, RecordGroup};
use windrow_tests::hostile::{Forge, encode_records, entry, header, metadata};

/// Two entries that claim nearly 2^64 bytes each overflowed the sum of what a deep check holds.
#[test]
fn a_deep_check_adds_up_what_hostile_entries_claim() {
    let mut forge = Forge::new();
    let claim = u64::MAX - 5;
    let mut footer = vec![metadata([Some(1), Some(3), Some(3)])];
    for _ in 0..3 {
        let (_, data) = encode_records(&[vec![7; 70_000]], Codec::Uncompressed);
        let offset = forge.chunk(&header(1, claim, &data), &data);
        footer.push(entry([Some(offset), Some(claim), Some(1)]));
    }
    let (bytes, _) = forge.seal(&footer);
    let options = VerifyOptions::new().with_deep(true);
    let report = verify_store(bytes, SourceName::MEMORY, &options).unwrap();
    let codes: Vec<_> = report.faults.iter().map(windrow::Fault::code).collect();
    assert_eq!(codes, ["limit"; 3]);
}

/// The error of a bad zstd buffer depended on how much room the vector had from before.
#[test]
fn what_is_wrong_with_a_zstd_buffer_does_not_depend_on_what_came_before() {
    let mut buffer = Vec::new();
    let codec = Codec::Zstd { level: 3 };
    Compressor::new()
        .compress_into(codec, None, &[7; 301], &mut buffer)
        .unwrap();
    // The varint in front says 300.
    assert_eq!(buffer[..2], [0xad, 0x02]);
    buffer[0] = 0xac;
    let limits = BufferLimits {
        exact: None,
        max: 1000,
        limit: 1000,
        option: "max_chunk_bytes",
        what: "values",
        at: At::byte(64),
    };
    let error = |mut out: Vec<u8>| {
        let mut decompressor = Decompressor::new();
        decompressor
            .decompress_into(CompressionType::Zstd, &buffer, &limits, &mut out)
            .unwrap_err()
    };
    let fresh = error(Vec::new());
    assert_eq!(fresh.code(), "decoded_size");
    assert_eq!(error(Vec::with_capacity(1 << 20)), fresh);
}

/// A chunk whose header reaches behind the next chunk was `chunk_end` to one method and `truncated` to another, by how
/// much they had fetched.
#[test]
fn a_chunk_that_reaches_too_far_is_the_same_error_to_all_methods() {
    let mut group = RecordGroup::new();
    group.push(&[1; 100]);
    let mut encoded = Vec::new();
    let mut told = group
        .encode(
            Codec::Uncompressed,
            None,
            &mut Compressor::new(),
            &mut encoded,
        )
        .unwrap();
    for data_bytes in [5_000, 500_000, 1 << 40] {
        let mut forge = Forge::new();
        told.data_bytes = data_bytes;
        let first = forge.chunk(&told, &encoded[40..]);
        let second = forge.records(&[[2_u8; 40]]);
        let (bytes, _) = forge.seal(&[
            metadata([Some(1), Some(2), Some(2)]),
            entry([Some(first), Some(100), Some(1)]),
            entry([Some(second), Some(40), Some(1)]),
        ]);
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        for reader in [
            Reader::open(path.path()).unwrap(),
            Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap(),
        ] {
            let read = reader.read(0).unwrap_err();
            let many = reader.read_many(&[0, 1]).unwrap_err();
            let all = reader.read_all().unwrap_err();
            let next = reader.records().next().unwrap().unwrap_err();
            for error in [&read, &many, &all, &next] {
                assert_eq!(error.code(), "chunk_end", "{data_bytes}: {error:?}");
            }
            assert_eq!(reader.read(1).unwrap(), [2; 40]);
        }
    }
}
