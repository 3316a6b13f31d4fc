//! Random damage to sound files: never a panic, and never a record that was not written.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use windrow::{
    Codec, DictionaryOption, IndexStorage, Layout, Reader, ReaderOptions, WriterOptions,
};
use windrow_tests::hostile::{Random, push_text, write_file};
use windrow_tests::written::write;

/// How many cases run; `WINDROW_HOSTILE_CASES` asks for more.
const DEFAULT_CASES: u64 = 300;

struct Sound {
    name: &'static str,
    records: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// Where the footer begins and ends.
    footer: std::ops::Range<usize>,
}

fn sound_files() -> Vec<Sound> {
    let mut random = Random::new(77);
    let mut text = |count: usize, most: usize| -> Vec<Vec<u8>> {
        let record = |_| {
            let mut record = Vec::new();
            let len = random.below(most);
            push_text(&mut random, len, &mut record);
            record
        };
        (0..count).map(record).collect()
    };
    let zstd = Codec::Zstd { level: 3 };
    let files = [
        ("one by one", text(300, 500), Codec::Uncompressed, 1),
        ("groups of ten", text(400, 900), zstd, 10),
        (
            "groups of seven",
            text(200, 900),
            Codec::Brotli { level: 4 },
            7,
        ),
        ("one group", text(500, 100), Codec::Snappy, 1000),
        ("long records", text(9, 150_000), Codec::Uncompressed, 2),
        ("long records, compressed", text(9, 300_000), zstd, 1),
        ("empty records", vec![Vec::new(); 900], zstd, 100),
        ("no records", Vec::new(), zstd, 1),
    ];
    let sound = |(name, records, bytes): (_, Vec<Vec<u8>>, Vec<u8>)| {
        let reader = Reader::from_bytes(bytes.clone(), ReaderOptions::new()).unwrap();
        let footer = reader.footer();
        let [begin, end] =
            [footer.footer_offset, footer.footer_end].map(|at| usize::try_from(at).unwrap());
        Sound {
            name,
            records,
            bytes,
            footer: begin..end,
        }
    };
    let pages = [
        ("pages", text(300, 700), Codec::Uncompressed, 50, false),
        ("compressed pages", text(300, 700), zstd, 60, false),
        ("pages with a dictionary", text(400, 300), zstd, 40, true),
        ("long pages", text(9, 150_000), Codec::Snappy, 4, false),
    ];
    let write_pages =
        |(name, records, codec, group, with_dictionary): (_, Vec<Vec<u8>>, _, _, _)| {
            let mut options = WriterOptions::new()
                .with_layout(Layout::Pages)
                .with_codec(codec)
                .with_group_size(group);
            if with_dictionary {
                options = options.with_dictionary(DictionaryOption::Size(2000));
            }
            let bytes = write(&records, options);
            sound((name, records, bytes))
        };
    let groups = files.into_iter().map(|(name, records, codec, group)| {
        let bytes = write_file(&records, codec, group);
        sound((name, records, bytes))
    });
    groups.chain(pages.into_iter().map(write_pages)).collect()
}

/// What was done to a file.
#[derive(Debug)]
struct Mutation {
    what: String,
    bytes: Vec<u8>,
    /// Whether a chunk may have come to stand in the place of another, which nothing in the format tells.
    moved: bool,
    /// Footer, postscript and the file's length are as they were.
    index_whole: bool,
}

fn mutate(random: &mut Random, sound: &Sound) -> Mutation {
    let mut bytes = sound.bytes.clone();
    let len = bytes.len();
    // Half of the damage hits the data, most of which would be padding otherwise.
    let place = |random: &mut Random| {
        if random.below(2) == 0 {
            random.below(sound.footer.end)
        } else {
            random.below(len)
        }
    };
    let from = place(random);
    let count = (1 << random.below(17)).min(len - from);
    let (mut moved, mut whole) = (false, false);
    let harmless = |range: std::ops::Range<usize>| {
        let postscript = len - 65_536..len - 65_536 + 200;
        let apart =
            |other: &std::ops::Range<usize>| range.end <= other.start || range.start >= other.end;
        apart(&sound.footer) && apart(&postscript)
    };
    let what = match random.below(6) {
        0 | 1 => {
            whole = true;
            let mut flipped = Vec::new();
            for _ in 0..=random.below(3) {
                let at = place(random);
                bytes[at] ^= 1 << random.below(8);
                whole &= harmless(at..at + 1);
                flipped.push(at);
            }
            format!("bits flipped in {flipped:?}")
        }
        2 => {
            bytes[from..from + count].fill(0);
            whole = harmless(from..from + count);
            format!("{from}..{} zeroed", from + count)
        }
        3 => {
            let mut to = random.below(len);
            if random.below(2) == 0 {
                to -= to % 65_536;
            }
            bytes.truncate(to);
            format!("cut to {to}")
        }
        4 => {
            let to = place(random).min(len - count);
            bytes.copy_within(from..from + count, to);
            moved = true;
            whole = harmless(to..to + count);
            format!("{from}..{} copied to {to}", from + count)
        }
        _ => {
            bytes.drain(from..from + count);
            if random.below(2) == 0 {
                bytes.resize(len, 0);
            }
            moved = true;
            format!("{from}..{} taken out", from + count)
        }
    };
    Mutation {
        what: format!("{}: {what}", sound.name),
        bytes,
        moved,
        index_whole: whole,
    }
}

fn check(sound: &Sound, mutation: Mutation) -> bool {
    let written: HashSet<&[u8]> = sound.records.iter().map(Vec::as_slice).collect();
    let right = |index: u64, record: &[u8]| {
        let index = usize::try_from(index).unwrap();
        let expected = sound.records.get(index).map(Vec::as_slice);
        let right = expected == Some(record) || mutation.moved && written.contains(record);
        assert!(right, "record {index} is another one");
    };
    let mut opened = false;
    for options in [
        ReaderOptions::new(),
        ReaderOptions::new()
            .with_index_storage(IndexStorage::Offloaded)
            .with_max_parallelism(Some(0))
            .with_readahead_buffer_bytes(Some(0)),
    ] {
        let reader = match Reader::from_bytes(mutation.bytes.clone(), options) {
            Ok(reader) => reader,
            Err(error) => {
                assert!(!mutation.index_whole, "does not open: {error:?}");
                continue;
            }
        };
        opened = true;
        assert_eq!(reader.len(), sound.records.len() as u64, "len");
        for index in 0..reader.len() {
            if let Ok(record) = reader.read(index) {
                right(index, &record);
            }
        }
        if let Ok(all) = reader.read_all() {
            assert_eq!(all.len(), sound.records.len());
            (0..)
                .zip(all.iter())
                .for_each(|(index, record)| right(index, record));
        }
        let mut cursor = reader.records();
        while cursor.tell() < reader.len() {
            let position = cursor.tell();
            match cursor.next_record() {
                Ok(record) => right(position, record.expect("not the end yet")),
                Err(error) => {
                    let behind = error.records().map_or(position + 1, |records| records.end);
                    assert!(behind > position, "an error for other records");
                    cursor.seek(behind);
                }
            }
        }
    }
    opened
}

#[test]
fn damage_is_noticed_or_harmless() {
    let cases = std::env::var("WINDROW_HOSTILE_CASES").map_or(DEFAULT_CASES, |cases| {
        cases.parse().expect("WINDROW_HOSTILE_CASES is a number")
    });
    let files = sound_files();
    let mut opened = 0;
    for case in 0..cases {
        let mut random = Random::new(case);
        let sound = &files[random.below(files.len())];
        let mutation = mutate(&mut random, sound);
        let what = mutation.what.clone();
        match catch_unwind(AssertUnwindSafe(|| check(sound, mutation))) {
            Ok(open) => opened += u64::from(open),
            Err(_) => panic!("case {case}: {what}"),
        }
    }
    // Else the cases say nothing of reading.
    assert!(opened > cases / 4, "{opened} of {cases} files open");
    eprintln!("{cases} mutations, {opened} of which open");
}

#[test]
fn sound_files_are_read() {
    for sound in sound_files() {
        let mutation = Mutation {
            what: String::new(),
            bytes: sound.bytes.clone(),
            moved: false,
            index_whole: true,
        };
        assert!(check(&sound, mutation), "{}", sound.name);
        let reader = Reader::from_bytes(sound.bytes.clone(), ReaderOptions::new()).unwrap();
        assert_eq!(
            reader.read_all().unwrap().to_vecs(),
            sound.records,
            "{}",
            sound.name
        );
    }
}
