//! Page chunks and dictionaries that lie, with hashes and checksums that fit: exact errors, and every way of reading says
//! the same.

use windrow::{Codec, Dictionary, Reader, ReaderOptions, SourceName, VerifyOptions, verify_store};
use windrow_format::{ChunkHeader, ChunkType};
use windrow_tests::hostile::{
    Forge, Outcome, Pages, PagesSeen, assert_reads, compressed, crc32c, dictionary_chunk,
    encode_pages, encode_records, honest_dictionary, pages_fields, random_records, seal_pages,
    see_pages, slot, table, table_of, zstd_frame,
};

const ZSTD: Codec = Codec::Zstd { level: 3 };

fn see(what: &str, bytes: &[u8]) -> PagesSeen {
    let limits = ReaderOptions::new()
        .with_max_chunk_bytes(1 << 20)
        .with_max_record_bytes(1 << 20);
    see_pages(what, bytes, &limits)
}

fn records() -> Vec<Vec<u8>> {
    (0..8_u8)
        .map(|n| vec![b'a' + n; 10 + 3 * usize::from(n)])
        .collect()
}

/// Where the slots of [`records`] begin, and the last one ends.
fn ends() -> Vec<u64> {
    let mut ends = vec![0];
    for record in records() {
        ends.push(ends[ends.len() - 1] + record.len() as u64 + 4);
    }
    ends
}

#[test]
fn an_honest_forgery_is_read() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    let expected: Vec<Outcome> = records().into_iter().map(Ok).collect();
    assert_reads("one chunk", &Pages::plain(&records()).file(), &expected);
    let mut forge = Forge::new();
    let mut expected = Vec::new();
    for _ in 0..3 {
        Pages::plain(&records()).lay(&mut forge);
        forge.records(&[b"between"]);
        expected.extend(records().into_iter().map(Ok));
        expected.push(Ok(b"between".to_vec()));
    }
    assert_reads("chunks of both kinds", &seal_pages(forge, &[]), &expected);
}

#[test]
fn tables_that_lie() {
    let honest = ends();
    let with = |changes: &[(usize, u64)]| {
        let mut ends = honest.clone();
        changes.iter().for_each(|(place, end)| ends[*place] = *end);
        ends
    };
    let last = honest[8];
    // What stands at the records that cannot be read.
    for (what, ends, bad, code) in [
        (
            "a slot without a checksum",
            with(&[(1, 3)]),
            vec![0, 1],
            "page_table",
        ),
        (
            "a slot of nothing",
            with(&[(1, 0)]),
            vec![0, 1],
            "page_table",
        ),
        (
            "slots in another order",
            with(&[(1, honest[5]), (5, honest[1])]),
            vec![0, 1, 4, 5],
            "page_table",
        ),
        (
            "the last behind the chunk",
            with(&[(8, last + 1)]),
            vec![7],
            "page_table",
        ),
        (
            "the last in front of the end",
            with(&[(8, last - 1)]),
            vec![7],
            "crc",
        ),
        (
            "the first behind the front",
            with(&[(0, 1)]),
            vec![0],
            "crc",
        ),
        (
            "in front of the front",
            with(&[(0, u64::MAX - 20)]),
            vec![0],
            "page_table",
        ),
        (
            "at the end of all numbers",
            with(&[(7, u64::MAX), (8, u64::MAX)]),
            vec![6, 7],
            "page_table",
        ),
        ("huge", with(&[(4, 1 << 63)]), vec![3, 4], "page_table"),
        ("all the same", vec![0; 9], (0..8).collect(), "page_table"),
    ] {
        let seen = see(what, &Pages::plain(&records()).with_ends(&ends).file());
        assert_eq!(seen.all, Some("page_table"), "{what}");
        for (index, outcome) in (0..).zip(&seen.single) {
            match outcome {
                Ok(record) => assert!(
                    !bad.contains(&index) && *record == records()[index],
                    "{what}: {index}"
                ),
                Err(seen) => {
                    assert!(bad.contains(&index), "{what}: {index}: {seen:?}");
                    assert!([code, "crc", "page_table"].contains(&seen.code), "{what}");
                    let records = (index as u64)..(index as u64 + 1);
                    assert_eq!(seen.records, Some(records), "{what}");
                    assert_eq!((seen.byte, seen.chunk), (Some(64), Some(0)), "{what}");
                }
            }
        }
        let codes = seen.codes();
        assert!(codes.contains(&Some(code)), "{what}: {codes:?}");
    }
}

#[test]
fn slots_that_overlap() {
    // Every second slot is the same sound one; those in between end before they begin.
    let one = slot(b"again and again");
    let end = one.len() as u64;
    let mut pages = Pages::plain(&records());
    pages.slots = [one, vec![0; 100]].concat();
    let ends = [0, end, 0, end, 0, end, 0, end, 0];
    let seen = see("the same again", &pages.with_ends(&ends).file());
    assert_eq!(seen.all, Some("page_table"));
    for (index, outcome) in seen.single.iter().enumerate() {
        match outcome {
            Ok(record) => assert_eq!((index % 2, record.as_slice()), (0, &b"again and again"[..])),
            Err(seen) => assert_eq!((index % 2, seen.code), (1, "page_table")),
        }
    }
}

#[test]
fn wanted_slots_that_go_back() {
    // Sound slots behind each other in the table, but not in the chunk.
    let slots: Vec<Vec<u8>> = records().iter().map(|record| slot(record)).collect();
    let mut pages = Pages::plain(&records());
    pages.slots = slots.concat();
    let honest = ends();
    let ends = [
        honest[6], honest[7], honest[3], honest[4], honest[2], honest[3], honest[0], honest[1], 0,
    ];
    let seen = see("going back", &pages.with_ends(&ends).file());
    assert_eq!(seen.all, Some("page_table"));
    for (index, expected) in [(0, 6), (2, 3), (4, 2), (6, 0)] {
        assert_eq!(seen.single[index], Ok(records()[expected].clone()));
    }
    for index in [1, 3, 5, 7] {
        assert_eq!(seen.codes()[index], Some("page_table"));
    }
}

#[test]
fn columns_of_every_width() {
    let honest = ends();
    // The right numbers in more bits than they need.
    for width in [9_usize, 17, 31, 33, 57, 61, 63, 64] {
        let mut bits = vec![0_u8; (9 * width).div_ceil(8)];
        for (number, end) in honest.iter().enumerate() {
            for bit in 0..width {
                if bit < 64 && end >> bit & 1 == 1 {
                    let place = number * width + bit;
                    bits[place / 8] |= 1 << (place % 8);
                }
            }
        }
        let column = table(0, 0, u8::try_from(width).unwrap(), &bits);
        let expected: Vec<Outcome> = records().into_iter().map(Ok).collect();
        let file = Pages::plain(&records()).with_table(column).file();
        assert_reads("a wide column", &file, &expected);
    }
    for (what, column, code) in [
        ("width 65", table(0, 0, 65, &[0; 100]), "page_table"),
        ("width 255", table(0, 0, 255, &[0; 300]), "page_table"),
        ("no bits", table(0, 0, 64, &[]), "crc"),
        (
            "a line that wraps",
            table(u64::MAX, u64::MAX / 3, 0, &[]),
            "page_table",
        ),
        ("a line without slope", table(0, 0, 0, &[]), "page_table"),
        ("no header", vec![0; 10], "page_table"),
    ] {
        let seen = see(what, &Pages::plain(&records()).with_table(column).file());
        assert_eq!(seen.all, Some(code), "{what}");
        assert_eq!(seen.codes(), [Some(code); 8], "{what}");
    }
}

#[test]
fn counts_that_lie() {
    for (what, records, decoded) in [
        ("one record more", 9, None),
        ("one record less", 7, None),
        ("a byte more", 8, Some(1)),
        ("a byte less", 8, Some(u64::MAX)),
    ] {
        let mut pages = Pages::plain(&self::records());
        pages.num_records = records;
        pages.decoded_bytes = pages.decoded_bytes.wrapping_add(decoded.unwrap_or(0));
        let seen = see(what, &pages.file());
        let expected = match (records, decoded) {
            (8, Some(1)) => "decoded_size",
            (8, _) => "implausible_size",
            _ => "crc",
        };
        assert_eq!(seen.all, Some(expected), "{what}");
        assert_eq!(seen.single.len() as u64, records);
    }
    // As many records as the chunk has room for, and no slots.
    let mut pages = Pages::plain(&[]).with_table(table(0, 4, 0, &[]));
    pages.num_records = 1000;
    let seen = see("slots that are not there", &pages.file());
    assert_eq!(seen.all, Some("truncated"));
    assert_eq!(seen.codes()[999], Some("truncated"));
}

#[test]
fn thousands_of_empty_records() {
    let stored = vec![Vec::new(); 3000];
    for compression in *b"\0zbs" {
        let mut pages = Pages::of(compression, &stored, 0);
        pages.table = table(0, 4, 0, &[]);
        let mut forge = Forge::new();
        for _ in 0..3 {
            pages.lay(&mut forge);
        }
        let seen = see_pages("empty", &seal_pages(forge, &[]), &ReaderOptions::new());
        assert_eq!(seen.single, vec![Ok(Vec::new()); 9000]);
        assert_eq!((seen.all, seen.verify), (None, vec![]));
    }
    // Streams that decode to nothing are allowed, too.
    for (compression, stored) in [
        (b'z', zstd_frame(0, 0)),
        (b's', vec![0]),
        (b'b', compressed(Codec::Brotli { level: 1 }, None, b"")),
    ] {
        let seen = see(
            "nothing",
            &Pages::of(compression, &vec![stored; 5], 0).file(),
        );
        assert_eq!(seen.single, vec![Ok(Vec::new()); 5]);
        assert_eq!((seen.all, seen.verify), (None, vec![]));
    }
}

#[test]
fn frames_that_lie() {
    let honest = zstd_frame(1000, 1000);
    let mut named = honest.clone();
    // A dictionary id of one byte.
    named[0] |= 1;
    named.insert(1, 7);
    let mut no_size = honest.clone();
    no_size[0] = 0;
    no_size.splice(1..9, [0x58]);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9];
    let mut checked = honest.clone();
    checked[0] |= 4;
    checked.extend([1, 2, 3, 4]);
    let magic = [&[0x28, 0xb5, 0x2f, 0xfd][..], &honest].concat();
    for (what, stored, code) in [
        ("fewer than it says", zstd_frame(1001, 1000), "decompress"),
        ("more than it says", zstd_frame(999, 1000), "decompress"),
        (
            "far more than it says",
            zstd_frame(1000, 500_000),
            "decompress",
        ),
        (
            "far above all",
            zstd_frame(1 << 40, 1000),
            "implausible_size",
        ),
        ("2^64 - 1", zstd_frame(u64::MAX, 1000), "implausible_size"),
        (
            "above the ratio",
            zstd_frame(1 << 20, 1000),
            "implausible_size",
        ),
        ("a named dictionary", named, "decompress"),
        ("no size", no_size, "decompress"),
        ("a second frame", honest.repeat(2), "trailing_bytes"),
        (
            "a skippable frame",
            [&honest[..], &skippable].concat(),
            "trailing_bytes",
        ),
        (
            "a skippable frame in front",
            [&skippable, &honest[..]].concat(),
            "trailing_bytes",
        ),
        ("a byte", [&honest[..], &[0]].concat(), "trailing_bytes"),
        ("cut", honest[..honest.len() - 1].to_vec(), "decompress"),
        ("a wrong checksum", checked, "decompress"),
        ("a magic number", magic, "decompress"),
        ("noise", vec![0xff; 100], "decompress"),
    ] {
        // Between two honest ones: 3,000 bytes if it were one.
        let stored = [honest.clone(), stored, honest.clone()];
        let seen = see(what, &Pages::of(b'z', &stored, 3000).file());
        assert_eq!(seen.codes(), [None, Some(code), None], "{what}");
        let whole = seen.all.unwrap();
        assert!(
            whole == code || whole == "implausible_size",
            "{what}: {whole}"
        );
        assert!(seen.verify == [whole], "{what}: {:?}", seen.verify);
    }
    for (codec, byte) in [(Codec::Snappy, b's'), (Codec::Brotli { level: 3 }, b'b')] {
        let record = vec![b'x'; 1000];
        let mut stored = compressed(codec, None, &record);
        if byte == b's' {
            // Without the prefix.
            stored.drain(..2);
        }
        for (what, bad, codes) in [
            (
                "cut",
                stored[..stored.len() - 1].to_vec(),
                &["decompress"][..],
            ),
            (
                "longer",
                [&stored[..], &[0; 9]].concat(),
                &["decompress", "trailing_bytes"],
            ),
            (
                "large",
                [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &stored].concat(),
                &["implausible_size"],
            ),
            ("no size", vec![0xff; 30], &["decompress", "varint"]),
        ] {
            let what = format!("{codec:?}, {what}");
            let stored = [stored.clone(), bad, stored.clone()];
            let seen = see(&what, &Pages::of(byte, &stored, 3000).file());
            let bad = seen.codes()[1].unwrap();
            assert!(codes.contains(&bad), "{what}: {bad}");
            assert_eq!([seen.codes()[0], seen.codes()[2]], [None; 2], "{what}");
            assert!(seen.all.is_some(), "{what}");
        }
    }
    let seen = see(
        "an unknown codec",
        &Pages::of(b'l', &vec![vec![1]; 3], 3).file(),
    );
    assert_eq!(seen.codes(), [Some("compression_type"); 3]);
}

#[test]
fn records_above_the_limits() {
    let limits = ReaderOptions::new()
        .with_max_chunk_bytes(1 << 20)
        .with_max_record_bytes(1000);
    for (byte, stored) in [
        (0, vec![b'x'; 1001]),
        (b'z', zstd_frame(1001, 1001)),
        (
            b's',
            compressed(Codec::Snappy, None, &[b'x'; 1001])[2..].to_vec(),
        ),
        (
            b'b',
            compressed(Codec::Brotli { level: 3 }, None, &[b'x'; 1001]),
        ),
    ] {
        let pages = Pages::of(byte, &[stored.clone(), stored], 2002);
        let seen = see_pages("a long record", &pages.file(), &limits);
        assert_eq!(seen.codes(), [Some("limit"); 2], "{byte}");
        assert_eq!(seen.all, Some("limit"), "{byte}");
    }
}

#[test]
fn checksums_that_do_not_fit() {
    let mut pages = Pages::plain(&records());
    let first = records()[0].len();
    pages.slots[first] ^= 1;
    let seen = see("a record", &pages.file());
    let mut expected = vec![None; 8];
    expected[0] = Some("crc");
    assert_eq!(seen.codes(), expected);
    // The hash fits, so those who read it whole see nothing.
    assert_eq!((seen.all, seen.verify), (None, vec!["crc"]));
}

#[test]
fn dictionaries_that_lie() {
    let text: Vec<u8> = b"{\"kind\":\"event\",\"place\":\"field\"}".repeat(20);
    let dictionary = Dictionary::new(text.clone()).unwrap();
    let records: Vec<Vec<u8>> = (0..6_u8)
        .map(|n| [&text[usize::from(n)..200], &[n]].concat())
        .collect();
    let (honest, data) = encode_pages(&records, ZSTD, Some(&dictionary));
    let file = |front: &dyn Fn(&mut Forge) -> Vec<u64>, behind: Option<(_, Vec<u8>)>| {
        let mut forge = Forge::new();
        let offsets = front(&mut forge);
        forge.listed(&honest, &data);
        let footer = forge.footer(2, &pages_fields(&offsets));
        let (header, footer) = encode_records(&footer, Codec::Uncompressed);
        let offset = forge.chunk(&header, &footer);
        if let Some((header, data)) = behind {
            forge.chunk(&header, &data);
        }
        forge.postscript(offset)
    };
    let good = honest_dictionary(&text);
    let lay = |chunk: &(ChunkHeader, Vec<u8>)| {
        let chunk = chunk.clone();
        move |forge: &mut Forge| vec![forge.chunk(&chunk.0, &chunk.1)]
    };
    for (what, bytes) in [
        ("in front", file(&lay(&good), None)),
        ("in both places", file(&lay(&good), Some(good.clone()))),
        ("behind", file(&|_| vec![64], Some(good.clone()))),
        (
            "behind, an offset at the end of all",
            file(&|_| vec![u64::MAX], Some(good.clone())),
        ),
        (
            "behind, an offset in a block header",
            file(&|_| vec![3], Some(good.clone())),
        ),
        (
            "behind, an offset of the footer",
            file(&|_| vec![65_536], Some(good.clone())),
        ),
    ] {
        let seen = see(what, &bytes);
        assert_eq!(
            seen.single,
            records.iter().cloned().map(Ok).collect::<Vec<_>>(),
            "{what}"
        );
        assert_eq!(seen.all, None, "{what}");
    }
    let id = dictionary.id();
    let contents = compressed(ZSTD, None, &text);
    let size = text.len() as u64;
    // Of zstd's own form, by its first bytes, and not what that takes.
    let false_form = [&[0x37, 0xa4, 0x30, 0xec][..], &[0xff; 300]].concat();
    let chunk =
        |compression, id, size, contents: &[u8]| dictionary_chunk(compression, id, size, contents);
    let hash = |bytes: &[u8]| windrow_format::hash(bytes).max(1);
    let bomb = compressed(ZSTD, None, &vec![b'd'; (16 << 20) + 1]);
    let bomb_id = hash(&vec![b'd'; (16 << 20) + 1]);
    for (what, bad, code) in [
        (
            "another id",
            chunk(b'z', id ^ 1, size, &contents),
            "dictionary_id",
        ),
        (
            "other bytes",
            chunk(0, id, size, &[b'x'; 660]),
            "decoded_size",
        ),
        (
            "other bytes of the size",
            chunk(0, id, size, &vec![b'x'; text.len()]),
            "dictionary_id",
        ),
        (
            "too small",
            chunk(0, hash(&[7; 255]), 255, &[7; 255]),
            "decompress",
        ),
        (
            "too large",
            chunk(b'z', bomb_id, (16 << 20) + 1, &bomb),
            "limit",
        ),
        (
            "a lying size",
            chunk(b'z', bomb_id, size, &bomb),
            "decoded_size",
        ),
        (
            "of no form",
            chunk(0, hash(&false_form), 304, &false_form),
            "decompress",
        ),
        (
            "an unknown codec",
            chunk(b'l', id, size, &contents),
            "compression_type",
        ),
        (
            "no data",
            (ChunkHeader::new(ChunkType::Dictionary, 0, 300, &[]), vec![]),
            "truncated",
        ),
        (
            "another type",
            (
                ChunkHeader::new(ChunkType::Padding, 0, 0, &[1; 9]),
                vec![1; 9],
            ),
            "chunk_type",
        ),
    ] {
        let mut bytes = file(&lay(&bad), None);
        let mut seen = see(what, &bytes);
        for _ in 0..2 {
            assert_eq!(seen.codes(), [Some("dictionary_missing"); 6], "{what}");
            assert_eq!(seen.all, Some("dictionary_missing"), "{what}");
            // In both places.
            bytes = file(&lay(&bad), Some(bad.clone()));
            seen = see(what, &bytes);
        }
        let cause = cause_of(&bytes);
        assert_eq!(cause, Some(code), "{what}");
        // The other copy is enough.
        let seen = see(what, &file(&lay(&bad), Some(good.clone())));
        assert_eq!((seen.codes(), seen.all), (vec![None; 6], None), "{what}");
    }
    let nowhere = file(&|_| vec![], None);
    assert_eq!(
        see("none", &nowhere).codes(),
        [Some("dictionary_missing"); 6]
    );
    assert_eq!(cause_of(&nowhere), None);
    // One that nobody names is of no concern, nor is one of another codec.
    let mut pages = Pages::plain(&records);
    pages.dictionary = 7;
    let seen = see("an uncompressed chunk that names one", &pages.file());
    assert_eq!((seen.codes(), seen.all), (vec![None; 6], None));
}

/// What is wrong with the dictionary, as the cause of the error of reading a record tells.
fn cause_of(bytes: &[u8]) -> Option<&'static str> {
    let limits = ReaderOptions::new();
    let reader = Reader::from_bytes(bytes, limits).unwrap();
    match reader.read(0).unwrap_err() {
        windrow::Error::Format {
            source: windrow::FormatError::DictionaryMissing { source, .. },
            ..
        } => source.map(|source| source.code()),
        other => panic!("{other}"),
    }
}

#[test]
fn noise_in_the_place_of_slots() {
    for seed in 0..30 {
        let mut stored = random_records(seed, 6, 40);
        stored[3] = zstd_frame(100, 100);
        for compression in *b"zbs" {
            let seen = see("noise", &Pages::of(compression, &stored, 700).file());
            assert_eq!(seen.single.len(), 6);
            if compression == b'z' {
                assert_eq!(seen.single[3], Ok(vec![b'x'; 100]));
            }
        }
    }
}

#[test]
fn fronts_of_noise() {
    for seed in 0..60 {
        let noise = random_records(seed, 2, 300);
        let mut pages = Pages::plain(&records());
        let (front, more) = noise[0].split_at(17 + usize::try_from(seed).unwrap());
        pages.table = [
            &front[..16],
            &[front[16] % 66],
            &front[17..],
            &table_of(&[]),
        ]
        .concat();
        pages.slots.extend(&more[..100]);
        let seen = see("noise", &pages.file());
        assert!(seen.all.is_some());
    }
}

#[test]
fn verify_is_not_satisfied_with_a_dictionary_that_no_footer_names() {
    let text: Vec<u8> = b"{\"kind\":\"event\",\"place\":\"field\"}".repeat(20);
    let dictionary = Dictionary::new(text.clone()).unwrap();
    let (honest, data) = encode_pages(&[&text[..200]; 3], ZSTD, Some(&dictionary));
    let (header, contents) = honest_dictionary(&text);
    for (named, fields) in [(true, pages_fields(&[64])), (false, pages_fields(&[]))] {
        let mut forge = Forge::new();
        assert_eq!(forge.chunk(&header, &contents), 64);
        forge.listed(&honest, &data);
        let footer = forge.footer(2, &fields);
        let bytes = forge.seal(&footer).0;
        let code = (!named).then_some("dictionary_missing");
        let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
        assert_eq!(reader.read(0).err().map(|error| error.code()), code);
        let options = VerifyOptions::new().with_deep(true);
        let report = verify_store(bytes, SourceName::MEMORY, &options).unwrap();
        let told = report.faults.iter().map(windrow::Fault::code);
        assert!(told.eq(code), "{:?}", report.faults);
    }
}
