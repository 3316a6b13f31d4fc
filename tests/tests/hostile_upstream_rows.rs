//! Damage to one known file, row by row: what upstream's reader answers with an unreadable file, an empty record or a
//! crash is here an exact error, and costs no more than what was hit.
#![cfg(unix)]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use windrow::{Codec, Reader, ReaderOptions, SourceName, VerifyOptions, verify_store};
use windrow_tests::hostile::{
    Outcome, Random, Seen, assert_methods, assert_reads, assert_refused, open_each, random_records,
    write_file,
};

const RECORDS: usize = 1000;
const RECORD_BYTES: usize = 500;
const FILE_BYTES: usize = 655_360;
/// The last block of 64 KiB.
const POSTSCRIPT: usize = 589_824;
const FOOTER: usize = 544_256;
/// A chunk: header, compression type, size of the sizes, one size, one record.
const CHUNK_BYTES: usize = 40 + 1 + 1 + 2 + RECORD_BYTES;

fn records() -> Vec<Vec<u8>> {
    random_records(11, RECORDS, RECORD_BYTES)
}

fn sample() -> Vec<u8> {
    write_file(&records(), Codec::Uncompressed, 1)
}

fn outcomes() -> Vec<Outcome> {
    records().into_iter().map(Ok).collect()
}

/// The records with an error in the place of each of `bad`.
fn outcomes_but(bad: Range<usize>, error: &Seen) -> Vec<Outcome> {
    let mut outcomes = outcomes();
    outcomes[bad].fill(Err(error.clone()));
    outcomes
}

/// Where chunk number `chunk` of the sample begins.
fn chunk_begin(chunk: usize) -> usize {
    let bytes = chunk * CHUNK_BYTES;
    // Of the first block, 64 bytes are taken; each further one has 24 bytes of header.
    64 + bytes + 24 * ((bytes + 39) / 65_512)
}

fn flip(bytes: &[u8], range: Range<usize>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[range].iter_mut().for_each(|byte| *byte ^= 0x5a);
    bytes
}

#[test]
fn the_sample_is_laid_out_as_upstreams() {
    let bytes = sample();
    assert_eq!(bytes.len(), FILE_BYTES);
    let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    assert_eq!(reader.footer().footer_offset, FOOTER as u64);
    for chunk in [0, 1, 119, 120, 240, 241, 293, 999] {
        let location = reader.chunk_location(chunk as u64).unwrap();
        assert_eq!(location.begin, chunk_begin(chunk) as u64, "chunk {chunk}");
    }
    assert_eq!((chunk_begin(293), chunk_begin(120)), (159_504, 65_344));
    assert_reads("sound", &bytes, &outcomes());
}

#[test]
fn cuts_are_told_by_their_length() {
    let bytes = sample();
    let short = |code| Seen::tail(code, "file_too_short", None);
    let misaligned = Seen::tail("no_postscript", "tail_misaligned", None);
    let mismatch = |byte| Seen::tail("no_postscript", "block_header_mismatch", byte);
    for (len, expected) in [
        // Too short to show the signature: nothing says that this ever was such a file.
        (0, short("not_array_record")),
        (1, short("not_array_record")),
        (63, short("not_array_record")),
        (64, short("no_postscript")),
        (65_535, short("no_postscript")),
        // Upstream takes the signature for a postscript here and returns empty records.
        (65_536, short("no_postscript")),
        (65_537, short("no_postscript")),
        (131_071, short("no_postscript")),
        (131_072, mismatch(65_536)),
        (131_073, misaligned.clone()),
        (POSTSCRIPT, mismatch(524_288)),
        (FILE_BYTES - 64, misaligned.clone()),
        (FILE_BYTES - 1, misaligned),
    ] {
        assert_refused(&format!("cut to {len}"), &bytes[..len], &expected);
    }
}

#[test]
fn every_cut_at_a_block_is_refused() {
    let bytes = sample();
    for block in 0..FILE_BYTES / 65_536 {
        let cut = &bytes[..block * 65_536];
        let error = Reader::from_bytes(cut, ReaderOptions::new()).unwrap_err();
        assert_ne!(Seen::from(&error).cause, error.code(), "{block} blocks");
    }
}

#[test]
fn what_follows_the_end_is_noticed() {
    let bytes = sample();
    let longer = |more: &[u8]| [bytes.as_slice(), more].concat();
    // So does an append begin, and so does one whose blocks never reached the disk: the contents in front of it are
    // shown, and `verify` tells.
    let whole = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
    let whole = whole.read_all().unwrap().to_vecs();
    for more in [1, 65_536] {
        let longer = longer(&vec![0; more]);
        let reader = Reader::from_bytes(longer.clone(), ReaderOptions::new()).unwrap();
        assert!(reader.read_all().unwrap().to_vecs() == whole);
        assert_eq!(reader.sealed_bytes(), FILE_BYTES as u64);
        let report = verify_store(longer, SourceName::MEMORY, &VerifyOptions::new()).unwrap();
        assert_eq!(report.faults[0].code(), "unfinished_append");
    }
    assert_refused(
        "a block of something else more",
        &longer(&[9; 65_536]),
        &Seen::tail("no_postscript", "block_header_hash", FILE_BYTES as u64),
    );
    let other = write_file(&random_records(12, 900, 77), Codec::Uncompressed, 1);
    let footer = Reader::from_bytes(other.clone(), ReaderOptions::new()).unwrap();
    assert_refused(
        "two files",
        &longer(&other),
        // The second postscript's offset is counted from the second file's beginning, and lies in a record here.
        &Seen::open("chunk_header_hash", footer.footer().footer_offset),
    );
}

#[test]
fn two_files_of_one_layout_are_not_read_as_one_of_them() {
    // The second postscript points into the first file, where a footer stands, too. Between that footer and the
    // postscript lie chunks with records.
    let second = write_file(
        &random_records(13, RECORDS, RECORD_BYTES),
        Codec::Uncompressed,
        1,
    );
    let both = [sample(), second].concat();
    assert_refused(
        "a twin behind",
        &both,
        &Seen::open("chunk_end", FOOTER as u64),
    );
}

#[test]
fn other_content_is_no_array_record() {
    let foreign = |cause, byte: u64| Seen::tail("not_array_record", cause, byte);
    assert_refused(
        "zeros",
        &[0; 131_072],
        &foreign("block_header_hash", 65_536),
    );
    assert_refused(
        "noise",
        &Random::new(1).bytes(131_072),
        &foreign("block_header_hash", 65_536),
    );
}

#[test]
fn a_damaged_signature_costs_nothing() {
    let bytes = sample();
    assert_reads("first byte", &flip(&bytes, 0..1), &outcomes());
    assert_reads("first 64 bytes", &flip(&bytes, 0..64), &outcomes());
}

#[test]
fn a_damaged_payload_costs_its_chunk() {
    let bytes = flip(&sample(), 160_000..160_001);
    let error = Seen::chunk("chunk_data_hash", 159_504, 293, 293..294);
    assert_reads("byte 160000", &bytes, &outcomes_but(293..294, &error));
    let header = flip(&sample(), 159_504..159_505);
    let error = Seen::chunk("chunk_header_hash", 159_504, 293, 293..294);
    assert_reads("byte 159504", &header, &outcomes_but(293..294, &error));
}

#[test]
fn a_damaged_payload_costs_its_group() {
    for codec in [Codec::Uncompressed, Codec::Zstd { level: 3 }, Codec::Snappy] {
        let bytes = write_file(&records(), codec, 10);
        let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
        let chunk = reader.chunk_location(31).unwrap();
        let byte = usize::try_from(chunk.begin).unwrap() + 700;
        let error = Seen::chunk("chunk_data_hash", chunk.begin, 31, 310..320);
        assert_reads(
            &format!("{codec:?}, groups of 10"),
            &flip(&bytes, byte..byte + 1),
            &outcomes_but(310..320, &error),
        );
    }
}

#[test]
fn a_damaged_block_header_costs_nothing() {
    // Upstream loses record 240, whose chunk it interrupts.
    let bytes = sample();
    assert!(chunk_begin(240) < 131_072 && chunk_begin(241) > 131_072);
    assert_reads("block 2", &flip(&bytes, 131_072..131_096), &outcomes());
}

#[test]
fn a_damaged_tail_costs_the_file() {
    let bytes = sample();
    let postscript = |cause| Seen::tail("no_postscript", cause, POSTSCRIPT as u64);
    for (what, byte, expected) in [
        (
            "postscript's header",
            POSTSCRIPT + 30,
            postscript("chunk_header_hash"),
        ),
        (
            "postscript's data",
            POSTSCRIPT + 70,
            postscript("chunk_data_hash"),
        ),
        (
            "footer's header",
            FOOTER + 9,
            Seen::open("chunk_header_hash", FOOTER as u64),
        ),
        (
            "footer's data",
            FOOTER + 2000,
            Seen::open("chunk_data_hash", FOOTER as u64),
        ),
    ] {
        assert_refused(what, &flip(&bytes, byte..byte + 1), &expected);
    }
    // Upstream refuses this one; the chunk behind the block header is sound, so nothing is lost.
    assert_reads(
        "postscript's block",
        &flip(&bytes, POSTSCRIPT + 3..POSTSCRIPT + 4),
        &outcomes(),
    );
    assert_reads(
        "padding behind the postscript",
        &flip(&bytes, POSTSCRIPT + 5000..FILE_BYTES),
        &outcomes(),
    );
}

fn in_folder(test: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample");
    fs::write(&path, sample()).unwrap();
    test(&path);
}

#[test]
fn a_file_that_shrinks_while_open_is_truncated() {
    in_folder(|path| {
        let readers = open_each(path);
        let len = 100_000;
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(len).unwrap();
        let expected: Vec<Outcome> = (0..RECORDS)
            .zip(records())
            .map(|(n, record)| {
                let begin = chunk_begin(n) as u64;
                if chunk_begin(n + 1) as u64 <= len {
                    return Ok(record);
                }
                let records = n as u64..n as u64 + 1;
                Err(Seen::chunk("truncated", begin, n as u64, records))
            })
            .collect();
        assert_eq!(
            expected.iter().filter(|outcome| outcome.is_ok()).count(),
            183
        );
        for (name, reader) in &readers {
            assert_methods(&format!("shrunk ({name})"), reader, &expected);
        }
        file.set_len(0).unwrap();
        for (name, reader) in &readers {
            let error = reader.read(9).unwrap_err();
            assert_eq!(Seen::from(&error).code, "truncated", "emptied ({name})");
        }
    });
}

#[test]
fn a_file_rewritten_while_open_is_never_mixed_up() {
    in_folder(|path| {
        let readers = open_each(path);
        // In place, by a sound file of other records: a few chunks begin where one began before.
        let other = write_file(&random_records(14, 2000, 300), Codec::Uncompressed, 1);
        let new = Reader::from_bytes(other.clone(), ReaderOptions::new()).unwrap();
        let begins: HashSet<u64> = (0..new.num_chunks())
            .map(|chunk| new.chunk_location(chunk).unwrap().begin)
            .collect();
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(&other, 0).unwrap();
        let expected: Vec<Outcome> = (0..RECORDS)
            .map(|n| {
                let begin = chunk_begin(n) as u64;
                let code = if begins.contains(&begin) {
                    "entry_mismatch"
                } else {
                    "chunk_header_hash"
                };
                let records = n as u64..n as u64 + 1;
                Err(Seen::chunk(code, begin, n as u64, records))
            })
            .collect();
        for (name, reader) in &readers {
            assert_methods(&format!("rewritten ({name})"), reader, &expected);
        }
    });
}

#[test]
fn a_file_replaced_or_deleted_while_open_reads_on() {
    in_folder(|path| {
        let readers = open_each(path);
        let other = path.with_extension("new");
        fs::write(&other, b"something else").unwrap();
        fs::rename(&other, path).unwrap();
        for (name, reader) in &readers {
            assert_methods(&format!("replaced ({name})"), reader, &outcomes());
        }
        assert_eq!(
            Reader::open(path).unwrap_err().code(),
            "not_array_record",
            "a new reader sees the new file"
        );
        fs::remove_file(path).unwrap();
        for (name, reader) in &readers {
            assert_methods(&format!("deleted ({name})"), reader, &outcomes());
        }
        let error = Reader::open(path).unwrap_err();
        assert_eq!((error.code(), error.kind()), ("io", windrow::ErrorKind::Io));
    });
}

#[test]
fn an_error_does_not_poison_the_reader() {
    let bytes = flip(&sample(), 160_000..160_001);
    let reader = Reader::from_bytes(bytes, ReaderOptions::new()).unwrap();
    let mut cursor = reader.records();
    for expected in &records()[..293] {
        assert_eq!(cursor.next_record().unwrap(), Some(expected.as_slice()));
    }
    assert_eq!(cursor.next_record().unwrap_err().code(), "chunk_data_hash");
    assert_eq!((cursor.tell(), reader.len()), (293, 1000));
    cursor.seek(0);
    assert_eq!(cursor.next_record().unwrap(), Some(records()[0].as_slice()));
    assert_eq!(reader.read(0).unwrap(), records()[0]);
    cursor.seek(294);
    let rest: Vec<Vec<u8>> = cursor.map(|record| record.unwrap().to_vec()).collect();
    assert_eq!(rest, records()[294..]);
}

#[test]
fn messages_name_the_file_the_place_and_the_records() {
    in_folder(|path| {
        let mut file = File::options().write(true).open(path).unwrap();
        file.write_all_at(b"?", 160_000).unwrap();
        file.flush().unwrap();
        let error = Reader::open(path).unwrap().read(293).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(error.to_string(), format!("{}, record 293", path.display()));
        assert!(
            cause.starts_with("chunk data hash differs at byte 159504, chunk 293 (504 bytes): "),
            "{cause}"
        );
    });
}
