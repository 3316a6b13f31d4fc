//! `verify` on files that the writer made: silent on sound ones, exact on damaged ones.
use std::ops::Range;

use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_format::{At, BLOCK_BYTES, BlockHeader, ChunkHeader, Codec, take_out_block_headers};
use windrow_io::{
    ChunkRole, Reader, Scanned, ScannedChunk, SourceName, VerifyOptions, VerifyReport, Writer,
    scan_store, verify, verify_store,
};

fn write(records: &[Vec<u8>], options: WriterOptions) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), options).unwrap();
    writer.write_batch(records).unwrap();
    writer.finish().unwrap().0
}

fn check(bytes: &[u8], deep: bool) -> VerifyReport {
    let options = VerifyOptions::new().with_deep(deep);
    verify_store(bytes.to_vec(), SourceName::MEMORY, &options).unwrap()
}

/// All chunks, found without the code under test.
fn chunks(bytes: &[u8]) -> Vec<(Range<usize>, ChunkHeader)> {
    let (mut all, mut begin) = (Vec::new(), 0);
    while begin < bytes.len() {
        let at = begin as u64;
        let flat = take_out_block_headers(at, &bytes[begin..bytes.len().min(begin + 100)]);
        let header = ChunkHeader::parse(&flat, At::byte(at)).unwrap();
        let end = usize::try_from(header.chunk_end(at)).unwrap();
        all.push((begin..end, header));
        begin = end;
    }
    all
}

/// Code, bytes, chunk and records of each fault.
type Found = (&'static str, Range<usize>, Option<u64>, Option<Range<u64>>);

fn found(report: &VerifyReport) -> Vec<Found> {
    let small = |byte: u64| usize::try_from(byte).unwrap();
    let faults = report.faults.iter().map(|fault| {
        let bytes = small(fault.bytes.start)..small(fault.bytes.end);
        (fault.code(), bytes, fault.chunk, fault.records.clone())
    });
    faults.collect()
}

fn listed(bytes: &[u8]) -> Vec<ScannedChunk> {
    let scan = scan_store(bytes.to_vec(), SourceName::MEMORY, &ReaderOptions::new()).unwrap();
    scan.map(|scanned| match scanned.unwrap() {
        Scanned::Chunk(chunk) => chunk,
        other => panic!("{other:?}"),
    })
    .collect()
}

#[test]
fn sound_files_have_no_faults() {
    let sets: Vec<Vec<Vec<u8>>> = vec![
        vec![],
        vec![vec![]],
        (0..1000_u32)
            .map(|n| n.to_le_bytes()[..(n % 4) as usize].to_vec())
            .collect(),
        vec![vec![]; 70_000],
        (0..50_usize)
            .map(|n| vec![u8::try_from(n).unwrap(); n * 1999])
            .collect(),
        vec![vec![7; 3_000_000], vec![], vec![8; 200_000]],
    ];
    for records in &sets {
        for codec in [
            Codec::Uncompressed,
            Codec::Zstd { level: 1 },
            Codec::Brotli { level: 1 },
            Codec::Snappy,
        ] {
            for (group, pad) in [(1, false), (3, true), (1000, false), (70_000, true)] {
                if records.len() / group > 1000 {
                    continue;
                }
                let options = WriterOptions::new()
                    .with_codec(codec)
                    .with_group_size(u32::try_from(group).unwrap())
                    .with_pad_to_block_boundary(pad);
                let bytes = write(records, options);
                let expected = chunks(&bytes);
                for threads in [None, Some(0)] {
                    let options = VerifyOptions::new()
                        .with_deep(threads.is_none())
                        .with_reader_options(ReaderOptions::new().with_max_parallelism(threads));
                    let report = verify_store(bytes.clone(), SourceName::MEMORY, &options).unwrap();
                    assert_eq!(report.faults, [], "{codec:?} {group} {pad}");
                    assert!(report.is_sound());
                    assert_eq!(report.file_bytes, bytes.len() as u64);
                    assert_eq!(report.blocks, report.file_bytes / BLOCK_BYTES);
                    assert_eq!(report.chunks, expected.len() as u64);
                    assert_eq!(report.data_chunks, records.len().div_ceil(group) as u64);
                    assert_eq!(report.records, Some(records.len() as u64));
                    let decoded: usize = records.iter().map(Vec::len).sum();
                    assert_eq!(report.decoded_bytes, decoded as u64);
                    assert_eq!(report.dead_bytes, 0);
                }
                let scanned = listed(&bytes);
                assert!(
                    scanned
                        .iter()
                        .map(|chunk| chunk.header)
                        .eq(expected.iter().map(|(_, header)| *header))
                );
                let data = scanned.iter().filter(|chunk| chunk.role == ChunkRole::Data);
                for (number, chunk) in data.enumerate() {
                    assert_eq!(chunk.chunk, Some(number as u64));
                    assert_eq!(chunk.compression, Some(codec.compression_type()));
                }
            }
        }
    }
}

/// Five data chunks of one record: three small ones, one over four blocks, one small.
fn subject() -> Vec<u8> {
    let mut records: Vec<Vec<u8>> = vec![vec![1; 100], vec![2; 50], vec![3; 70], vec![4; 200_000]];
    records.push(vec![5; 10]);
    let options = WriterOptions::new().with_codec(Codec::Uncompressed);
    write(&records, options)
}

/// Puts `header` where a block begins.
fn put(bytes: &mut [u8], block: usize, header: BlockHeader) {
    bytes[block..block + 24].copy_from_slice(&header.encode());
}

#[test]
fn one_flipped_bit_is_one_exact_fault() {
    let good = subject();
    let all = chunks(&good);
    let [
        signature,
        c0,
        c1,
        c2,
        c3,
        c4,
        footer,
        padding,
        postscript,
        last,
    ] = all
        .iter()
        .map(|(range, _)| range.clone())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!((signature.clone(), c3.end > 200_000), (0..64, true));
    let records = |n: u64| Some(n..n + 1);
    let tail = postscript.start..good.len();
    let index = footer.start..postscript.start;
    let cases: [(usize, Found); 20] = [
        (0, ("block_header_hash", 0..24, None, None)),
        (23, ("block_header_hash", 0..24, None, None)),
        (24, ("chunk_header_hash", 0..64, None, None)),
        (48, ("chunk_header_hash", 0..64, None, None)),
        (
            c0.start,
            ("chunk_header_hash", c0.clone(), Some(0), records(0)),
        ),
        (c0.end - 1, ("chunk_data_hash", c0, Some(0), records(0))),
        (
            c1.start + 39,
            ("chunk_header_hash", c1, Some(1), records(1)),
        ),
        (c2.start + 40, ("chunk_data_hash", c2, Some(2), records(2))),
        (
            c3.start + 8,
            ("chunk_header_hash", c3.clone(), Some(3), records(3)),
        ),
        (65_535, ("chunk_data_hash", c3.clone(), Some(3), records(3))),
        (65_536, ("block_header_hash", 65_536..65_560, Some(3), None)),
        (
            131_072 + 23,
            ("block_header_hash", 131_072..131_096, Some(3), None),
        ),
        (131_096, ("chunk_data_hash", c3, Some(3), records(3))),
        (c4.start + 45, ("chunk_data_hash", c4, Some(4), records(4))),
        (
            footer.start + 1,
            ("chunk_header_hash", index.clone(), None, None),
        ),
        (footer.end - 1, ("chunk_data_hash", index, None, None)),
        (
            padding.start + 5,
            ("chunk_header_hash", padding.clone(), None, None),
        ),
        (padding.end - 1, ("chunk_data_hash", padding, None, None)),
        (
            postscript.start + 30,
            ("no_postscript", tail.clone(), None, None),
        ),
        (postscript.end - 1, ("no_postscript", tail, None, None)),
    ];
    let behind = [
        (
            last.start + 9,
            ("chunk_header_hash", last.clone(), None, None),
        ),
        (last.end - 1, ("chunk_data_hash", last, None, None)),
    ];
    for (byte, expected) in cases.into_iter().chain(behind) {
        for bit in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[byte] ^= bit;
            let report = check(&bytes, true);
            assert_eq!(
                found(&report),
                std::slice::from_ref(&expected),
                "byte {byte}"
            );
            let at = report.faults[0].error.at().unwrap();
            assert_eq!((at.byte, at.chunk), (expected.1.start as u64, expected.2));
        }
    }
}

#[test]
fn block_headers_agree_with_their_chunk() {
    let good = subject();
    let at = |block: usize| BlockHeader::parse(&good[block..], 0).unwrap();
    for (block, change) in [(65_536, (1, 0)), (131_072, (0, 1)), (0, (0, 100))] {
        let mut bytes = good.clone();
        let header = BlockHeader {
            previous_chunk: at(block).previous_chunk + change.0,
            next_chunk: at(block).next_chunk + change.1,
        };
        put(&mut bytes, block, header);
        let chunk = (block > 0).then_some(3);
        let expected = ("block_header_mismatch", block..block + 24, chunk, None);
        assert_eq!(found(&check(&bytes, false)), [expected]);
    }
}

#[test]
fn block_header_in_front_of_a_chunk() {
    let options = WriterOptions::new().with_pad_to_block_boundary(true);
    let good = write(&vec![vec![1; 9]; 3], options);
    // 0: signature, chunk 0; 1: chunk 1; ...
    for (byte, code, bytes) in [
        (65_540, "block_header_hash", 65_536..65_560),
        (65_561, "chunk_header_hash", 65_536..131_072),
    ] {
        let mut bad = good.clone();
        bad[byte] ^= 4;
        let lost = (code == "chunk_header_hash").then_some(1..2);
        assert_eq!(found(&check(&bad, false)), [(code, bytes, Some(1), lost)]);
    }
}

#[test]
fn block_headers_of_a_lost_chunk_are_checked_too() {
    let other = BlockHeader {
        previous_chunk: 7,
        next_chunk: 100,
    };
    let mut bytes = subject();
    let c3 = chunks(&bytes)[4].0.clone();
    bytes[c3.start] ^= 1;
    put(&mut bytes, 131_072, other);
    assert_eq!(
        found(&check(&bytes, false)),
        [
            ("chunk_header_hash", c3, Some(3), Some(3..4)),
            ("block_header_mismatch", 131_072..131_096, Some(3), None),
        ]
    );
    // The one in front of it.
    let options = WriterOptions::new().with_pad_to_block_boundary(true);
    let mut bytes = write(&vec![vec![1; 9]; 3], options);
    put(&mut bytes, 65_536, other);
    bytes[65_560] ^= 1;
    let header = ("chunk_header_hash", 65_536..131_072, Some(1), Some(1..2));
    let block = |code| (code, 65_536..65_560, Some(1), None);
    assert_eq!(
        found(&check(&bytes, false)),
        [block("block_header_mismatch"), header.clone()]
    );
    bytes[65_536..65_600].fill(0);
    assert_eq!(
        found(&check(&bytes, false)),
        [block("block_header_hash"), header]
    );
}

#[test]
fn a_zeroed_block_costs_what_lies_in_it() {
    let mut bytes = subject();
    let c3 = chunks(&bytes)[4].0.clone();
    bytes[131_072..196_608].fill(0);
    assert_eq!(
        found(&check(&bytes, false)),
        [
            ("chunk_data_hash", c3, Some(3), Some(3..4)),
            ("block_header_hash", 131_072..131_096, Some(3), None),
        ]
    );
}

#[test]
fn swapped_chunks() {
    let mut bytes = subject();
    let all = chunks(&bytes);
    let (a, b) = (all[1].0.clone(), all[2].0.clone());
    let swapped = [&bytes[b.clone()], &bytes[a.clone()]].concat();
    bytes[a.start..b.end].copy_from_slice(&swapped);
    let middle = a.start + b.len();
    assert_eq!(
        found(&check(&bytes, true)),
        [
            ("entry_mismatch", a.start..middle, Some(0), Some(0..1)),
            ("chunk_end", middle..a.end, None, None),
            ("chunk_header_hash", b.clone(), Some(1), Some(1..2)),
        ]
    );
}

#[test]
fn cut_files() {
    let good = subject();
    let all = chunks(&good);
    for cut in [
        1, 23, 64, 65, 100, 300, 65_535, 65_536, 65_560, 65_561, 131_072, 131_073, 200_000, 262_144,
    ] {
        let bytes = &good[..cut];
        let report = check(bytes, true);
        let open = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap_err();
        let index = report
            .faults
            .iter()
            .find(|fault| fault.code() == open.code());
        assert!(index.is_some(), "{cut}: {:?}", report.faults);
        assert_eq!(report.records, None);
        if cut < 64 {
            assert_eq!(found(&report), [("not_array_record", 0..cut, None, None)]);
            continue;
        }
        let whole = all.iter().filter(|(range, _)| range.end <= cut);
        assert_eq!(report.chunks, whole.count() as u64, "{cut}");
        let torn = all.iter().find(|(range, _)| range.contains(&cut));
        let torn = torn.filter(|(range, _)| range.start < cut);
        let faults = found(&report);
        let truncated = faults.iter().filter(|fault| fault.0 == "truncated");
        let expected = torn.map(|(range, _)| ("truncated", range.start..cut, None, None));
        assert!(truncated.eq(expected.iter()), "{cut}: {faults:?}");
        // The block headers of a torn chunk point behind the end; that is the same fault.
        let others = usize::from(torn.is_some());
        assert_eq!(faults.len(), 1 + others, "{cut}: {faults:?}");
    }
    let report = check(&[], false);
    assert_eq!(found(&report), [("not_array_record", 0..0, None, None)]);
}

#[test]
fn without_an_index_block_headers_lead_on() {
    let good = subject();
    let all = chunks(&good);
    let mut bytes = good.clone();
    // No index, and the second chunk's header is lost: all is lost up to the end of the chunk over the next block.
    bytes[good.len() - 65_536 + 30] ^= 1;
    let begin = all[2].0.start;
    bytes[begin] ^= 1;
    let large_end = all[4].0.end;
    let tail = good.len() - 65_536..good.len();
    let report = check(&bytes, true);
    assert_eq!(
        found(&report),
        [
            ("chunk_header_hash", begin..large_end, None, None),
            ("no_postscript", tail.clone(), None, None),
        ]
    );
    // Signature, chunks 0 and 4, footer, padding. Where the padding behind the postscript begins, nobody knows.
    assert_eq!((report.chunks, report.records), (5, None));
    // The first block header is bad too: the second one leads on.
    bytes[65_536] ^= 1;
    assert_eq!(
        found(&check(&bytes, true)),
        [
            ("chunk_header_hash", begin..large_end, None, None),
            ("block_header_hash", 65_536..65_560, None, None),
            ("no_postscript", tail, None, None),
        ]
    );
}

#[test]
fn files_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.array_record");
    std::fs::write(&path, subject()).unwrap();
    let report = verify(&path, &VerifyOptions::new()).unwrap();
    assert!(report.is_sound());
    let chunks: Vec<_> = windrow_io::scan_chunks(&path).unwrap().collect();
    assert_eq!(chunks.len() as u64, report.chunks);
    let missing = verify(folder.path().join("b"), &VerifyOptions::new()).unwrap_err();
    assert_eq!(missing.code(), "io");
}

#[test]
fn files_of_upstream_are_sound() {
    for shard in ["00000", "00001"] {
        let name = format!("../../tests/data/digits.array_record-{shard}-of-00002");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let report = verify(path, &VerifyOptions::new().with_deep(true)).unwrap();
        assert_eq!(report.faults, []);
        assert_eq!((report.records, report.data_chunks), (Some(5), 5));
    }
}

#[test]
fn a_text_file_is_one_fault() {
    let text = b"a,b,c\n".repeat(100_000);
    let report = check(&text, true);
    let whole = 0..text.len();
    assert_eq!(found(&report), [("not_array_record", whole, None, None)]);
    assert_eq!(report.chunks, 0);
}

#[test]
fn a_check_ends_when_it_is_told_to() {
    let records: Vec<Vec<u8>> = (0..4000_u32).map(|n| n.to_le_bytes().repeat(256)).collect();
    let sound = write(
        &records,
        WriterOptions::new().with_codec(Codec::Uncompressed),
    );
    let unfinished = sound[..sound.len() - 2 * 65536].to_vec();
    for bytes in [sound, unfinished] {
        let asked = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&asked);
        let options = VerifyOptions::new().with_stop(move || {
            count.set(count.get() + 1);
            true
        });
        let error = verify_store(bytes, SourceName::MEMORY, &options).unwrap_err();
        assert_eq!((error.code(), asked.get()), ("io", 1));
    }
}
