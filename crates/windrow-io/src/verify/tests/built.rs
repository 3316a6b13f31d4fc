//! Files that are hashed well and say something odd.

use windrow_format::options::ReaderOptions;
use windrow_format::{BLOCK_BYTES, ChunkHeader, ChunkType};

use super::*;

#[test]
fn chunks_that_no_entry_lists() {
    let mut file = FileBuilder::new();
    let first = file.chunk(ChunkType::Unknown(b'x'), 0, 5, b"hint");
    let hint_bytes = file.position() - first;
    file.data(&[b"one", b"two"]);
    let dead = file.unlisted(&[b"superseded"]);
    file.pad();
    let dead_bytes = file.position() - dead;
    file.data(&[b"three"]);
    file.pad();
    let footer = file.footer();
    let behind = file.chunk(ChunkType::Unknown(b'y'), 0, 0, &[7; 70_000]);
    let behind_bytes = file.position() - behind;
    file.pad();
    file.postscript(footer);
    file.chunk(ChunkType::Metadata, 0, 9, b"meta");
    file.pad();
    let bytes = file.bytes;
    let report = check(&bytes, true);
    assert_eq!(report.faults, []);
    assert_eq!((report.data_chunks, report.records), (2, Some(3)));
    assert_eq!(report.decoded_bytes, 11);
    let roles: Vec<_> = scan_store(bytes, SourceName::MEMORY, &ReaderOptions::new())
        .unwrap()
        .map(|scanned| match scanned.unwrap() {
            Scanned::Chunk(chunk) => (chunk.role, chunk.bytes.end - chunk.bytes.start),
            Scanned::Fault(fault) => panic!("{fault:?}"),
        })
        .collect();
    assert_eq!(roles.len() as u64, report.chunks);
    let dead: u64 = roles
        .iter()
        .filter(|(role, _)| *role == ChunkRole::Dead)
        .map(|(_, bytes)| bytes)
        .sum();
    assert_eq!(dead, report.dead_bytes);
    assert!(dead > hint_bytes + dead_bytes + behind_bytes);
    let roles: Vec<_> = roles.into_iter().map(|(role, _)| role).collect();
    // Padding goes with the chunk in front of it.
    let expected = [
        ChunkRole::Signature,
        ChunkRole::Dead,
        ChunkRole::Data,
        ChunkRole::Dead,
        ChunkRole::Dead,
        ChunkRole::Data,
        ChunkRole::Padding,
        ChunkRole::Footer,
        ChunkRole::Dead,
        ChunkRole::Dead,
        ChunkRole::Postscript,
        ChunkRole::Dead,
        ChunkRole::Dead,
    ];
    assert_eq!(roles, expected);
}

#[test]
fn records_behind_the_footer() {
    let mut file = FileBuilder::new();
    file.data(&[b"a"]);
    let footer = file.footer();
    let hidden = file.unlisted(&[b"hidden"]);
    file.pad();
    let postscript = file.postscript(footer);
    let late = file.unlisted(&[b"late"]);
    file.pad();
    assert_eq!(
        faults(&check(&file.bytes, false)),
        [
            ("chunk_header_field", hidden, None),
            ("chunk_header_field", late, None),
        ]
    );
    assert!(postscript < late);
}

#[test]
fn a_gap_in_front_of_the_postscript() {
    // The padding ends too early: the rest of the block is no chunk.
    let mut file = FileBuilder::new();
    file.data(&[b"a"]);
    let footer = file.footer();
    file.pad();
    let end = usize::try_from(BLOCK_BYTES).unwrap();
    let begin = usize::try_from(footer).unwrap();
    let flat = ChunkHeader::parse(&file.bytes[begin..], windrow_format::At::byte(footer)).unwrap();
    let padding = flat.chunk_end(footer);
    file.postscript(footer);
    file.pad();
    let short = ChunkHeader::new(ChunkType::Padding, 0, 0, &[]);
    let at = usize::try_from(padding).unwrap();
    file.bytes[at..end].fill(0);
    file.bytes[at..at + 40].copy_from_slice(&short.encode());
    assert_eq!(
        faults(&check(&file.bytes, false)),
        [("chunk_header_hash", padding + 40, None)]
    );
    // Fewer bytes than a header.
    let data = vec![0; end - at - 40 - 39];
    let short = ChunkHeader::new(ChunkType::Padding, 0, 0, &data);
    file.bytes[at..at + 40].copy_from_slice(&short.encode());
    assert_eq!(
        faults(&check(&file.bytes, false)),
        [("chunk_end", BLOCK_BYTES - 39, None)]
    );
}

#[test]
fn the_footer_lies() {
    let mut file = FileBuilder::new();
    let a = file.unlisted(&[b"aaaa"]);
    let b = file.unlisted(&[b"bb", b"b"]);
    let c = file.unlisted(&[b"c"]);
    file.list(a, 1, 5);
    file.list(b, 3, 3);
    file.list(c + 3, 1, 1);
    let bytes = file.finish();
    let report = check(&bytes, true);
    let c_chunk = report.faults.iter().find(|fault| fault.bytes.start == c);
    assert_eq!(c_chunk.map(Fault::code), Some("chunk_end"));
    assert_eq!(
        faults(&report),
        [
            ("entry_mismatch", a, Some(0)),
            ("entry_mismatch", b, Some(1)),
            ("chunk_end", c, None),
            ("chunk_header_hash", c + 3, Some(2)),
        ]
    );
    assert_eq!(report.faults[1].records, Some(1..4));
    assert_eq!(report.data_chunks, 0);
}

#[test]
fn only_deep_looks_into_the_data() {
    let mut file = FileBuilder::new();
    let good = file.data(&[b"fine"]);
    let codec = file.chunk(ChunkType::Simple, 1, 1, &[0xee, 1, 1, b'x']);
    file.list(codec, 1, 1);
    let size = file.chunk(ChunkType::Simple, 1, 9, &[0, 1, 1, b'x']);
    file.list(size, 1, 9);
    // A header without nodes.
    let transposed = file.chunk(ChunkType::Transposed, 1, 1, &[0, 4, 0, 0, 0, 0]);
    file.list(transposed, 1, 1);
    let unknown = file.chunk(ChunkType::Unknown(b'x'), 1, 1, b"?");
    file.list(unknown, 1, 1);
    let bytes = file.finish();
    assert!(good < codec);
    assert_eq!(check(&bytes, false).faults, []);
    let report = check(&bytes, true);
    assert_eq!(
        faults(&report),
        [
            ("compression_type", codec, Some(1)),
            ("decoded_size", size, Some(2)),
            ("transposed", transposed, Some(3)),
            ("chunk_type", unknown, Some(4)),
        ]
    );
    assert_eq!(report.data_chunks, 1);
    // Without the index as well.
    let mut cut = bytes;
    cut.truncate(cut.len() - 1);
    let codes: Vec<_> = check(&cut, true).faults.iter().map(Fault::code).collect();
    for code in [
        "compression_type",
        "decoded_size",
        "transposed",
        "chunk_type",
    ] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}

#[test]
fn limits_hold() {
    let mut file = FileBuilder::new();
    file.data(&[&[1; 100]]);
    let large = file.data(&[&[1; 1001]]);
    let bytes = file.finish();
    let options = VerifyOptions::new()
        .with_deep(true)
        .with_reader_options(ReaderOptions::new().with_max_chunk_bytes(1000));
    let report = verify_store(bytes, SourceName::MEMORY, &options).unwrap();
    assert_eq!(faults(&report), [("limit", large, Some(1))]);
}

#[test]
fn types_that_fix_fields() {
    let mut file = FileBuilder::new();
    let padding = file.chunk(ChunkType::Padding, 0, 4, b"data");
    let signature = file.chunk(ChunkType::Signature, 0, 0, b"data");
    file.data(&[b"a"]);
    let metadata = file.chunk(ChunkType::Metadata, 1, 4, b"data");
    let bytes = file.finish();
    assert_eq!(
        faults(&check(&bytes, false)),
        [
            ("chunk_header_field", padding, None),
            ("chunk_header_field", signature, None),
            ("chunk_header_field", metadata, None),
        ]
    );
}

#[test]
fn a_block_header_that_was_never_written() {
    let mut file = FileBuilder::new();
    file.data(&[&[1; 65_000]]);
    file.data(&[&[2; 1000]]);
    let end = usize::try_from(file.position()).unwrap();
    let mut bytes = file.finish();
    // The chunk's data, alike all over, take its place: their hash fits with and without it.
    bytes.copy_within(65_560..end, 65_536);
    for deep in [false, true] {
        let found = check(&bytes, deep);
        assert_eq!(faults(&found), [("block_header_hash", 65_536, Some(1))]);
    }
}

#[test]
fn the_signature_comes_first() {
    let mut file = FileBuilder::new();
    file.data(&[b"a"]);
    let mut bytes = file.finish();
    let other = ChunkHeader::new(ChunkType::Padding, 0, 0, &[]);
    bytes[24..64].copy_from_slice(&other.encode());
    assert_eq!(
        faults(&check(&bytes, false)),
        [("not_array_record", 0, None)]
    );
}

#[test]
fn claims_beyond_the_file() {
    // Without an index, a header that claims more than there is costs only what lies up to the next trusted place.
    let mut file = FileBuilder::new();
    let lie = file.position();
    let header = ChunkHeader {
        data_bytes: u64::MAX,
        ..ChunkHeader::new(ChunkType::Simple, 1, u64::MAX, b"x")
    };
    file.bytes.extend_from_slice(&header.encode());
    let mut honest = FileBuilder::new();
    honest.chunk(ChunkType::Unknown(b'x'), 0, 0, &[1; 100_000]);
    let next = honest.data(&[b"a"]);
    let from = file.bytes.len();
    file.bytes.extend_from_slice(&honest.bytes[from..]);
    let report = check(&file.bytes, true);
    let tail = file.bytes.len() as u64 - BLOCK_BYTES;
    assert!(faults(&report).contains(&("no_postscript", tail, None)));
    let skipped = report
        .faults
        .iter()
        .find(|f| f.code() == "truncated")
        .unwrap();
    assert_eq!(skipped.bytes, lie..next);
    assert_eq!(report.chunks, 2);
}

#[test]
fn faults_that_are_too_many_are_counted() {
    let mut file = FileBuilder::new();
    for _ in 0..10 {
        let begin = file.unlisted(&[b"a"]);
        file.list(begin, 1, 2);
    }
    let options = VerifyOptions::new().with_max_faults(3);
    let report = verify_store(file.finish(), SourceName::MEMORY, &options).unwrap();
    assert_eq!((report.faults.len(), report.faults_omitted), (3, 7));
    assert!(!report.is_sound());
    let none = VerifyReport {
        faults: Vec::new(),
        ..report
    };
    assert!(!none.is_sound());
}
