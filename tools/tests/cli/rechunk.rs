//! `rechunk`.

use windrow::{Codec, WriterOptions};

use crate::scratch::{DATA, Scratch};

fn options_of(scratch: &Scratch, name: &str) -> WriterOptions {
    let reader = scratch.reader(name);
    reader.writer_options_string().unwrap().parse().unwrap()
}

#[test]
fn what_is_not_given_stays() {
    let scratch = Scratch::new();
    let records: Vec<String> = (0..100).map(|i| format!("record {i}")).collect();
    let options: WriterOptions = "group_size:10,brotli:4,window_log:18".parse().unwrap();
    let options = options
        .with_metadata("k", "v")
        .with_metadata("l", b"\xff".to_vec());
    scratch.write_with("a.array_record", options.clone(), &records);
    for (args, group_size, codec, window_log) in [
        (&[][..], 10, Codec::Brotli { level: 4 }, Some(18)),
        (
            &["--group-size", "7"],
            7,
            Codec::Brotli { level: 4 },
            Some(18),
        ),
        (&["--codec", "zstd:9"], 10, Codec::Zstd { level: 9 }, None),
        (&["--codec", "uncompressed"], 10, Codec::Uncompressed, None),
        (
            &["--options", "group_size:1,window_log:20"],
            1,
            Codec::Brotli { level: 4 },
            Some(20),
        ),
    ] {
        let args = [
            &["rechunk", "--force", "a.array_record", "b.array_record"],
            args,
        ]
        .concat();
        scratch.ok(&args);
        let written = options_of(&scratch, "b.array_record");
        assert_eq!(written.group_size(), group_size, "{args:?}");
        assert_eq!(written.codec(), codec, "{args:?}");
        assert_eq!(written.window_log(), window_log, "{args:?}");
        let reader = scratch.reader("b.array_record");
        assert_eq!(reader.user_metadata(), options.metadata(), "{args:?}");
        assert_eq!(reader.num_chunks(), 100_u64.div_ceil(group_size.into()));
        assert_eq!(
            scratch.records("b.array_record"),
            scratch.records("a.array_record")
        );
        scratch.ok(&["verify", "--deep", "b.array_record"]);
    }
}

#[test]
fn the_same_options_give_the_same_file() {
    let scratch = Scratch::new();
    let digits = format!("{DATA}/digits.array_record-00000-of-00002");
    scratch.ok(&["rechunk", &digits, "d.array_record"]);
    assert_eq!(
        scratch.get("d.array_record"),
        std::fs::read(digits).unwrap()
    );
}

/// The options string of version 2 ends in a hint that is no option.
#[test]
fn a_file_of_version_2_becomes_version_1() {
    let scratch = Scratch::new();
    let options: WriterOptions = "group_size:1000,snappy".parse().unwrap();
    let options = options.with_max_group_bytes(Some(5));
    scratch.write_with("a.array_record", options, &["defgh", "abc", ""]);
    assert_eq!(
        scratch.reader("a.array_record").footer().metadata.version,
        2
    );
    let ran = scratch.ok(&["rechunk", "a.array_record", "b.array_record"]);
    assert!(
        !ran.err.contains("does not tell its options"),
        "{}",
        ran.err
    );
    let reader = scratch.reader("b.array_record");
    assert_eq!(reader.footer().metadata.version, 1);
    let written = options_of(&scratch, "b.array_record");
    assert_eq!(
        (written.group_size(), written.codec()),
        (1000, Codec::Snappy)
    );
}

#[test]
fn damage_is_told_and_nothing_is_written() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "uncompressed", &["aaa", "bbb"]);
    scratch.damage("a.array_record", 111 + 42);
    let args = ["rechunk", "a.array_record", "b.array_record"];
    scratch.fails(&args, 1, &["a.array_record, record 1", "byte 110"]);
    assert!(!scratch.path("b.array_record").exists());
    scratch.put("c.array_record", "no file of ours");
    scratch.fails(
        &["rechunk", "c.array_record", "d.array_record"],
        1,
        &["not an ArrayRecord"],
    );
    scratch.fails(&["rechunk", "missing", "d.array_record"], 2, &["missing"]);
    scratch.fails(&["rechunk", "-", "d.array_record"], 2, &["needs a name"]);
}

#[test]
fn a_file_can_be_replaced_by_itself() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "group_size:2", &["a", "b", "c"]);
    let args = [
        "rechunk",
        "a.array_record",
        "a.array_record",
        "--group-size",
        "3",
    ];
    scratch.fails(&args, 2, &["exists", "--force"]);
    scratch.ok(&[&args[..], &["--force"]].concat());
    assert_eq!(scratch.reader("a.array_record").num_chunks(), 1);
    assert_eq!(scratch.records("a.array_record").concat(), b"abc");
    scratch.assert_tidy();
}
