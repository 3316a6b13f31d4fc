//! Footers that lie: each is refused at open, or its lie is found when the chunk is read. Upstream crashes on many of
//! them, or returns wrong records.

use windrow::{Codec, Reader, ReaderOptions};
use windrow_format::{ChunkHeader, ChunkType};
use windrow_tests::hostile::{
    Forge, Outcome, Seen, assert_reads, assert_refused, entry, metadata, push_bytes_field,
    push_varint,
};

type Fields = [Option<u64>; 3];

/// A file of three chunks of three records each, and what its footer says.
struct Lie {
    forge: Forge,
    records: Vec<Vec<u8>>,
    /// Version, `num_chunks`, `num_records`.
    metadata: Fields,
    /// Offset, decoded bytes, records.
    entries: Vec<Fields>,
    codec: Codec,
}

fn chunks(sizes: &[usize]) -> Lie {
    let records: Vec<Vec<u8>> = (0..sizes.iter().sum())
        .map(|n: usize| vec![0xf0 | u8::try_from(n % 16).unwrap(); 30 + n])
        .collect();
    let mut forge = Forge::new();
    let mut rest = records.as_slice();
    for &size in sizes {
        let (now, later) = rest.split_at(size);
        forge.records(now);
        rest = later;
    }
    of(forge, records)
}

fn of(forge: Forge, records: Vec<Vec<u8>>) -> Lie {
    let entries = forge.entries.iter();
    Lie {
        metadata: [1, forge.entries.len() as u64, records.len() as u64].map(Some),
        entries: entries
            .map(|e| [e.chunk_offset, e.decoded_bytes, e.num_records].map(Some))
            .collect(),
        forge,
        records,
        codec: Codec::Uncompressed,
    }
}

impl Lie {
    fn offset(&self, chunk: usize) -> u64 {
        self.forge.entries[chunk].chunk_offset
    }

    fn footer(&self) -> u64 {
        self.forge.position()
    }

    fn footer_records(&self) -> Vec<Vec<u8>> {
        let entries = self.entries.iter().copied().map(entry);
        [metadata(self.metadata)]
            .into_iter()
            .chain(entries)
            .collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let forge = self.forge.clone().with_codec(self.codec);
        forge.seal(&self.footer_records()).0
    }

    fn good(&self) -> Vec<Outcome> {
        self.records.iter().cloned().map(Ok).collect()
    }

    fn assert_refused(&self, what: &str, code: &'static str) {
        let expected = Seen::open(code, self.footer());
        for codec in [Codec::Uncompressed, Codec::Zstd { level: 3 }] {
            let forge = self.forge.clone().with_codec(codec);
            let (bytes, offset) = forge.seal(&self.footer_records());
            assert_eq!(offset, self.footer());
            assert_refused(&format!("{what}, footer in {codec:?}"), &bytes, &expected);
        }
    }

    /// Opens, and chunk number `chunk` fails with `code` at `byte`; all other records are right.
    fn assert_late(&self, what: &str, chunk: usize, code: &'static str, byte: u64) {
        let first: u64 = self.entries[..chunk].iter().filter_map(|e| e[2]).sum();
        let range = first..first + self.entries[chunk][2].unwrap_or(0);
        let error = Seen::chunk(code, byte, chunk as u64, range.clone());
        let total = self.metadata[2].unwrap_or(0);
        let mut good = self.good().into_iter();
        let expected: Vec<Outcome> = (0..total)
            .map(|n| match good.next() {
                Some(outcome) if !range.contains(&n) => outcome,
                _ => Err(error.clone()),
            })
            .collect();
        assert_reads(what, &self.bytes(), &expected);
    }
}

fn lie(change: impl FnOnce(&mut Lie)) -> Lie {
    let mut lie = chunks(&[3, 3, 3]);
    change(&mut lie);
    lie
}

#[test]
fn the_truth_is_read() {
    let honest = lie(|_| ());
    assert_reads("honest", &honest.bytes(), &honest.good());
    assert_eq!(honest.forge.honest_footer(1), honest.footer_records());
}

#[test]
fn counts_that_do_not_agree() {
    for chunks in [Some(2), Some(0), None] {
        let lie = lie(|l| l.metadata[1] = chunks);
        lie.assert_refused(&format!("num_chunks {chunks:?}"), "footer_records");
    }
    for chunks in [4, 1 << 40, 1 << 63, u64::MAX] {
        let lie = lie(|l| l.metadata[1] = Some(chunks));
        lie.assert_refused(&format!("num_chunks {chunks}"), "footer_chunks");
    }
    for records in [
        Some(8),
        Some(0),
        None,
        Some(10),
        Some(1 << 63),
        Some(u64::MAX),
    ] {
        let lie = lie(|l| l.metadata[2] = records);
        lie.assert_refused(&format!("num_records {records:?}"), "footer_records");
    }
    for chunks in [Some(0), None] {
        let nothing = lie(|l| (l.metadata[1], l.metadata[2]) = (chunks, Some(0)));
        assert_reads("no chunks, no records", &nothing.bytes(), &[]);
    }
}

#[test]
fn totals_beyond_64_bits_are_no_totals() {
    // 300 entries of 2^56 - 1 records: more than 2^64 in all, and more than any file of this size has.
    let mut lie = of(Forge::new(), Vec::new());
    let header = ChunkHeader::new(ChunkType::Simple, 0, 0, &[0; 8]);
    for _ in 0..300 {
        let offset = lie.forge.chunk(&header, &[0; 8]);
        lie.entries.push([offset, 0, (1 << 56) - 1].map(Some));
    }
    lie.metadata = [2, 300, u64::MAX].map(Some);
    let opened = Reader::from_bytes(lie.bytes(), ReaderOptions::new());
    let error = opened.expect_err("the sum does not fit 64 bits");
    assert!(
        ["footer_records", "entry_records"].contains(&error.code()),
        "{:?}",
        Seen::from(&error)
    );
}

#[test]
fn more_records_than_a_chunk_has_bytes() {
    // A chunk spans at least one byte per record (framing), so the room between two offsets bounds an entry's count.
    let lie = lie(|l| {
        l.metadata = [1, 1, 1 << 40].map(Some);
        l.entries.truncate(1);
        l.entries[0][2] = Some(1 << 40);
    });
    lie.assert_refused("2^40 records in a few bytes", "entry_records");
}

#[test]
fn offsets_out_of_place() {
    type Change = fn(&mut Lie);
    let changes: [(&str, Change); 12] = [
        ("duplicate", |l| l.entries[1][0] = l.entries[0][0]),
        ("duplicate at the end", |l| {
            l.entries[2][0] = l.entries[1][0]
        }),
        ("swapped", |l| l.entries.swap(0, 1)),
        ("reversed", |l| l.entries.reverse()),
        ("last first", |l| l.entries.rotate_right(1)),
        ("past the end", |l| l.entries[2][0] = Some(1 << 20)),
        ("far past the end", |l| l.entries[2][0] = Some(u64::MAX)),
        ("zero", |l| l.entries[0][0] = Some(0)),
        ("zero, later", |l| l.entries[1][0] = Some(0)),
        ("absent", |l| l.entries[1][0] = None),
        ("in the signature", |l| l.entries[0][0] = Some(63)),
        ("the footer itself", |l| {
            l.entries[2][0] = Some(l.forge.position());
        }),
    ];
    for (what, change) in changes {
        lie(change).assert_refused(what, "entry_offset");
    }
}

#[test]
fn an_offset_inside_a_block_header() {
    let mut forge = Forge::new();
    let records = vec![vec![7; 60_000], vec![8; 60_000]];
    forge.records(&records[..1]);
    forge.records(&records[1..]);
    let honest = of(forge, records);
    assert_reads("two blocks", &honest.bytes(), &honest.good());
    for byte in [65_537, 65_560] {
        let mut lie = chunks(&[]);
        lie.forge = honest.forge.clone();
        lie.metadata = [1, 2, 2].map(Some);
        lie.entries = honest.entries.clone();
        lie.entries[1][0] = Some(byte);
        lie.assert_refused(&format!("offset {byte}"), "entry_offset");
    }
}

#[test]
fn offsets_that_are_a_little_off() {
    let honest = lie(|_| ());
    let begin = honest.offset(1);
    let off = lie(|l| l.entries[1][0] = Some(begin + 1));
    off.assert_late("one byte behind", 1, "chunk_header_hash", begin + 1);
    // There is no room for its records.
    let last = lie(|l| l.entries[2][0] = Some(l.forge.position() - 1));
    last.assert_refused("one byte in front of the footer", "entry_records");
    // In front: the chunk before it must then be over before it is.
    let off = lie(|l| l.entries[1][0] = Some(begin - 1));
    let mut expected = off.good();
    let cut = Seen::chunk("chunk_end", honest.offset(0), 0, 0..3);
    expected[..3].fill(Err(cut));
    expected[3..6].fill(Err(Seen::chunk("chunk_header_hash", begin - 1, 1, 3..6)));
    assert_reads("one byte in front", &off.bytes(), &expected);
}

#[test]
fn counts_of_the_first_entry() {
    for records in [Some(0), None] {
        let lie = lie(|l| l.entries[0][2] = records);
        lie.assert_refused(&format!("first entry {records:?}"), "entry_records");
    }
    let lie = lie(|l| l.entries[0][2] = Some(1 << 56));
    lie.assert_refused("first entry above 56 bits", "entry_records");
    for records in [2, 4] {
        // Not that of the other chunks, which version 1 does not allow.
        let lie = crate::lie(|l| {
            l.entries[0][2] = Some(records);
            l.metadata[2] = Some(6 + records);
        });
        lie.assert_refused(&format!("first entry {records}"), "entry_records");
    }
}

#[test]
fn counts_of_later_entries() {
    for (entry, records) in [
        (1, Some(2)),
        (1, Some(4)),
        (1, Some(0)),
        (1, None),
        (1, Some(999)),
        (2, Some(4)),
        (2, Some(0)),
        (2, None),
    ] {
        let lie = lie(|l| {
            l.entries[entry][2] = records;
            l.metadata[2] = Some(6 + records.unwrap_or(0));
        });
        lie.assert_refused(&format!("entry {entry}: {records:?}"), "entry_records");
    }
    for records in [1, 2] {
        let lie = lie(|l| {
            l.entries[2][2] = Some(records);
            l.metadata[2] = Some(6 + records);
        });
        lie.assert_late("too few in the last", 2, "entry_mismatch", lie.offset(2));
    }
    for records in [2, 4] {
        let lie = lie(|l| {
            l.metadata = [2, 3, 6 + records].map(Some);
            l.entries[1][2] = Some(records);
        });
        let error = Seen::chunk("entry_mismatch", lie.offset(1), 1, 3..3 + records);
        let mut expected = lie.good()[..3].to_vec();
        expected.extend((0..records).map(|_| Err(error.clone())));
        expected.extend_from_slice(&lie.good()[6..]);
        assert_reads("version 2, a wrong count", &lie.bytes(), &expected);
    }
}

#[test]
fn versions() {
    for (version, name) in [
        (Some(0), "0"),
        (None, "absent"),
        (Some(3), "3"),
        (Some(1 << 33), "2^33"),
    ] {
        let lie = lie(|l| l.metadata[0] = version);
        lie.assert_refused(&format!("version {name}"), "version");
    }
    for version in [2, (1 << 32) + 1, (1 << 32) + 2] {
        let lie = lie(|l| l.metadata[0] = Some(version));
        assert_reads(&format!("version {version}"), &lie.bytes(), &lie.good());
    }
    // Of a repeated field the last one counts.
    let honest = lie(|_| ());
    for (first, last, reads) in [(1, 2, true), (2, 1, true), (7, 1, true), (1, 7, false)] {
        let mut twice = Vec::new();
        for version in [first, last] {
            push_bytes_field(&mut twice, 1, &entry([Some(version), Some(3), Some(9)]));
        }
        let mut footer = honest.footer_records();
        footer[0] = twice;
        let (bytes, offset) = honest.forge.clone().seal(&footer);
        if reads {
            assert_reads("two versions", &bytes, &honest.good());
        } else {
            assert_refused("two versions", &bytes, &Seen::open("version", offset));
        }
    }
}

#[test]
fn odd_chunk_sizes_under_version_1_and_2() {
    for sizes in [
        &[3, 5, 2][..],
        &[5, 3, 2],
        &[4, 1, 1, 1],
        &[3, 2, 3],
        &[2, 3, 3],
        &[3, 3, 5],
        &[1, 1, 1, 4],
    ] {
        let mut odd = chunks(sizes);
        odd.assert_refused(&format!("{sizes:?}, version 1"), "entry_records");
        odd.metadata[0] = Some(2);
        assert_reads(&format!("{sizes:?}, version 2"), &odd.bytes(), &odd.good());
    }
    for sizes in [&[3, 3, 2][..], &[3, 3, 1], &[5], &[1, 1, 1]] {
        let even = chunks(sizes);
        assert_reads(
            &format!("{sizes:?}, version 1"),
            &even.bytes(),
            &even.good(),
        );
    }
}

#[test]
fn decoded_sizes_that_do_not_agree() {
    for chunk in 0..3 {
        for by in [-1_i64, 1, 1 << 40, i64::MAX] {
            let lie = lie(|l| {
                let bytes = l.entries[chunk][1].as_mut().unwrap();
                *bytes = bytes.wrapping_add_signed(by);
            });
            lie.assert_late(
                &format!("decoded size of {chunk} wrong by {by}"),
                chunk,
                "entry_mismatch",
                lie.offset(chunk),
            );
        }
    }
    for bytes in [None, Some(0), Some(u64::MAX), Some(u64::MAX - 1000)] {
        let lie = lie(|l| l.entries[1][1] = bytes);
        lie.assert_late(
            &format!("decoded size {bytes:?}"),
            1,
            "entry_mismatch",
            lie.offset(1),
        );
    }
}

#[test]
fn every_decoded_size_lies() {
    // The sums that readahead and batches make of them must not overflow.
    let lie = lie(|l| {
        for entry in &mut l.entries {
            entry[1] = Some(u64::MAX - 1);
        }
    });
    let expected: Vec<Outcome> = (0..9_u64)
        .map(|n| {
            let chunk = usize::try_from(n / 3).unwrap();
            let records = n / 3 * 3..n / 3 * 3 + 3;
            Err(Seen::chunk(
                "entry_mismatch",
                lie.offset(chunk),
                n / 3,
                records,
            ))
        })
        .collect();
    assert_reads("decoded sizes near 2^64", &lie.bytes(), &expected);
}

#[test]
fn records_that_are_no_messages() {
    let honest = lie(|_| ());
    for (what, first, code) in [
        ("empty", &[][..], "footer_metadata"),
        ("another field", &[0x10, 1], "footer_metadata"),
        ("another wire type", &[0x08, 1], "footer_metadata"),
        ("field number 0", &[0x00, 1], "message"),
        ("cut short", &[0x0a, 9, 8], "message"),
        ("wire type 7", &[0x0f], "message"),
        ("an open group", &[0x0b], "message"),
    ] {
        let mut footer = honest.footer_records();
        footer[0] = first.to_vec();
        let (bytes, offset) = honest.forge.clone().seal(&footer);
        assert_refused(what, &bytes, &Seen::open(code, offset));
    }
    for entry in [&[0x00, 1][..], &[0x08], &[0x1b], &[0x12, 5, 1]] {
        let mut footer = honest.footer_records();
        footer[2] = entry.to_vec();
        let (bytes, offset) = honest.forge.clone().seal(&footer);
        assert_refused("an entry", &bytes, &Seen::open("message", offset));
    }
    // Behind the entries nobody looks.
    let mut footer = honest.footer_records();
    footer.push(b"\x00\xff no message at all".to_vec());
    let (bytes, _) = honest.forge.clone().seal(&footer);
    assert_reads("more records than entries", &bytes, &honest.good());
}

#[test]
fn unknown_fields_are_skipped() {
    let honest = lie(|_| ());
    let mut footer = honest.footer_records();
    for record in &mut footer {
        push_bytes_field(record, 101, &[7; 1000]);
        push_bytes_field(record, 536_870_911, b"the last number there is");
        push_varint(record, 19_500 << 3);
        push_varint(record, u64::MAX);
        record.extend_from_slice(&[0x2b, 0x33, 0x35, 1, 2, 3, 4, 0x34, 0x2c]);
        record.extend_from_slice(&[0x29, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    // A known number with the wrong wire type is unknown, too.
    push_bytes_field(&mut footer[1], 3, b"three");
    for codec in [
        Codec::Uncompressed,
        Codec::Brotli { level: 5 },
        Codec::Snappy,
    ] {
        let (bytes, _) = honest.forge.clone().with_codec(codec).seal(&footer);
        assert_reads("unknown fields", &bytes, &honest.good());
    }
}
