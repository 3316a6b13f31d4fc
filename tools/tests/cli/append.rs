//! `append`.

use windrow::{AppendOptions, Writer, WriterOptions};

use crate::scratch::{Scratch, documented, fields};

/// A file of five records in groups of two, with user metadata.
fn five() -> Scratch {
    let scratch = Scratch::new();
    let options: WriterOptions = "group_size:2,zstd:3".parse().unwrap();
    let options = options.with_metadata("owner", "us");
    scratch.write_with("a.array_record", options, &["r0", "r1", "r2", "r3", "r4"]);
    scratch
}

/// An append that ended without a word after these records were flushed, with `torn` behind them.
fn cut_off(scratch: &Scratch, records: &[&str], torn: &[u8]) {
    let path = scratch.path("a.array_record");
    let mut writer = Writer::append(&path, AppendOptions::new()).unwrap();
    writer.write_batch(records).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let mut bytes = scratch.get("a.array_record");
    bytes.extend_from_slice(torn);
    scratch.put("a.array_record", bytes);
}

#[test]
fn records_of_all_inputs_follow_in_order() {
    let scratch = five();
    scratch.put("b.txt", "r5\nr6\n");
    scratch.put("c.jsonl", "7\n8\n");
    let ran = scratch.ok(&["append", "a.array_record", "b.txt", "c.jsonl"]);
    assert!(ran.out.is_empty());
    assert!(
        ran.err
            .starts_with("windrow: a.array_record: 4 records appended: 9 records in 5 chunks, "),
        "{}",
        ran.err
    );
    let ran = scratch.run_with(
        &[
            "append",
            "-q",
            "--sync",
            "--from",
            "lines",
            "a.array_record",
            "-",
        ],
        b"r9\n",
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let all: [&[u8]; 10] = [
        b"r0", b"r1", b"r2", b"r3", b"r4", b"r5", b"r6", b"7", b"8", b"r9",
    ];
    assert_eq!(scratch.records("a.array_record"), all);
    let reader = scratch.reader("a.array_record");
    assert_eq!(reader.footer().group_size, 2);
    assert_eq!(reader.footer().metadata.version, 1);
    assert_eq!(reader.user_metadata()[0].0, "owner");
    scratch.ok(&["verify", "--deep", "a.array_record"]);
    let file = &scratch.ok(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!(file["indexes"], 3);
    let ran = scratch.ok(&["inspect", "a.array_record"]);
    let line = "  indexes    3, of which the last one counts: 2 appends so far";
    assert!(ran.text().lines().any(|l| l == line), "{}", ran.text());
}

#[test]
fn a_missing_file_is_made() {
    let scratch = Scratch::new();
    scratch.put("rows.csv", "n\n1\n2\n");
    scratch.put("more.csv", "n\n3\n");
    scratch.ok(&["append", "--group-size", "3", "a.array_record", "rows.csv"]);
    scratch.ok(&["append", "a.array_record", "more.csv"]);
    scratch.ok(&["convert", "a.array_record", "back.csv"]);
    assert_eq!(scratch.get("back.csv"), b"n\n1\n2\n3\n");
    assert_eq!(scratch.reader("a.array_record").num_chunks(), 1);

    // What is most likely a slip makes nothing.
    scratch.fails(&["append", "b.csv", "rows.csv"], 2, &["b.csv", "csv"]);
    scratch.fails(&["append", "b.array_record"], 2, &["b.array_record"]);
    let args = ["append", "b.array_record", "rows.csv", "missing.csv"];
    scratch.fails(&args, 2, &["missing.csv"]);
    scratch.fails(&["append", "-", "rows.csv"], 2, &["needs a name"]);
    assert!(!scratch.path("b.csv").exists() && !scratch.path("b.array_record").exists());
}

#[test]
fn contradictions_are_refused() {
    let scratch = five();
    let before = scratch.get("a.array_record");
    scratch.put("b.txt", "x\n");
    scratch.put("rows.csv", "n\n1\n");
    scratch.write_with(
        "b.array_record",
        WriterOptions::new().with_metadata("owner", "them"),
        &["x"],
    );
    std::fs::hard_link(
        scratch.path("a.array_record"),
        scratch.path("same.array_record"),
    )
    .unwrap();
    for (args, words) in [
        (
            &["--group-size", "3", "b.txt"][..],
            &["group_size", "3", "2"][..],
        ),
        (
            &["--options", "group_size:3", "--codec", "brotli:1", "b.txt"],
            &["group_size", "brotli:1", "zstd:3"],
        ),
        (&["--options", "transpose:true", "b.txt"], &["transpose"]),
        (&["b.array_record"], &["owner", "--no-metadata"]),
        (&["a.array_record"], &["both are the same file"]),
        (&["same.array_record"], &["both are the same file"]),
        (&["missing.txt"], &["missing.txt"]),
    ] {
        let args = [&["append", "a.array_record"], args].concat();
        scratch.fails(&args, 2, words);
        assert_eq!(scratch.get("a.array_record"), before, "{args:?}");
    }
    scratch.ok(&[
        "append",
        "--no-metadata",
        "a.array_record",
        "b.array_record",
    ]);
    // What the file has already is no contradiction.
    let same = [
        "append",
        "--group-size",
        "2",
        "--codec",
        "zstd:3",
        "a.array_record",
        "b.txt",
    ];
    scratch.ok(&same);
    assert_eq!(scratch.records("a.array_record").len(), 7);
}

#[test]
fn an_error_takes_away_what_was_appended() {
    let scratch = five();
    // Enough for chunks to reach the file in front of the bad line.
    let line = "\"some words, and some words more\"\n";
    scratch.put("b.jsonl", line.repeat(200_000) + "no json\n");
    let before = scratch.get("a.array_record");
    for copy in [&[][..], &["--copy"]] {
        let args = [&["append"], copy, &["a.array_record", "b.jsonl"]].concat();
        scratch.fails(&args, 1, &["b.jsonl, line 200001", "not JSON"]);
        assert!(scratch.get("a.array_record") == before, "{copy:?}");
        scratch.fails(
            &[&["append"], copy, &["new", "b.jsonl"]].concat(),
            1,
            &["b.jsonl"],
        );
        assert!(!scratch.path("new").exists(), "{copy:?}");
    }
}

#[test]
fn a_copy_is_as_if_one_writer_had_written_all() {
    let scratch = five();
    scratch.put("b.txt", "r5\nr6\n");
    let old = std::fs::File::open(scratch.path("a.array_record")).unwrap();
    scratch.ok(&["append", "--copy", "a.array_record", "b.txt"]);
    let options: WriterOptions = "group_size:2,zstd:3".parse().unwrap();
    scratch.write_with(
        "one.array_record",
        options.with_metadata("owner", "us"),
        &["r0", "r1", "r2", "r3", "r4", "r5", "r6"],
    );
    assert_eq!(
        scratch.get("a.array_record"),
        scratch.get("one.array_record")
    );
    scratch.assert_tidy();
    drop(old);
}

#[test]
fn without_inputs_an_unfinished_file_is_completed() {
    let scratch = five();
    let before = scratch.get("a.array_record");
    let ran = scratch.ok(&["append", "a.array_record"]);
    assert!(
        ran.err
            .contains("a.array_record: complete already: 5 records in 3 chunks")
    );
    assert_eq!(scratch.get("a.array_record"), before);

    cut_off(&scratch, &["r5", "r6"], b"torn");
    let ran = scratch.ok(&["append", "a.array_record"]);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        lines[0],
        "windrow: a.array_record: an append was cut off: 2 records taken up, 4 B cut off"
    );
    assert!(
        lines[1].contains("a.array_record: completed: 7 records in 4 chunks"),
        "{lines:?}"
    );
    assert_eq!(
        scratch.records("a.array_record").concat(),
        b"r0r1r2r3r4r5r6"
    );

    // Cut in front of its index.
    let reader = scratch.reader("a.array_record");
    let end = usize::try_from(reader.chunk_location(3).unwrap().begin).unwrap() + 11;
    let whole = scratch.get("a.array_record");
    scratch.put("b.array_record", &whole[..end]);
    scratch.put("c.txt", "new\n");
    let args = ["append", "--json", "b.array_record", "c.txt"];
    let ran = scratch.ok(&args);
    assert!(
        ran.err
            .contains("an append was cut off: 2 records taken up, 11 B cut off"),
        "{}",
        ran.err
    );
    let report = &ran.json()[0];
    assert_eq!(
        fields(report),
        documented("append", "kind: \"appended\"", &["kind"])
    );
    assert_eq!(
        (
            &report["taken_up_records"],
            &report["cut_bytes"],
            &report["appended_records"]
        ),
        (&2.into(), &11.into(), &1.into())
    );
    assert_eq!(
        scratch.records("b.array_record").concat(),
        b"r0r1r2r3r4r5r6new"
    );
    scratch.ok(&["verify", "--deep", "b.array_record"]);
}

#[test]
fn a_damaged_unfinished_file_is_refused_and_repair_is_named() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "uncompressed", &["aaa", "bbb", "ccc"]);
    let whole = scratch.get("a.array_record");
    // Three chunks of 46 bytes from 64 on, and no index.
    scratch.put("a.array_record", &whole[..64 + 3 * 46]);
    scratch.damage("a.array_record", 64 + 46 + 44);
    let before = scratch.get("a.array_record");
    scratch.put("b.txt", "x\n");
    let words = [
        "bytes 110..156",
        "windrow repair",
        "chunk data hash differs",
    ];
    scratch.fails(&["append", "a.array_record", "b.txt"], 1, &words);
    assert_eq!(scratch.get("a.array_record"), before);
    scratch.put("text.array_record", "no file of ours");
    scratch.fails(
        &["append", "text.array_record", "b.txt"],
        1,
        &["not an ArrayRecord file"],
    );
}

#[test]
fn damage_in_inputs_is_skipped_where_asked_for() {
    let scratch = five();
    scratch.write("b.array_record", "uncompressed", &["aaa", "bbb"]);
    scratch.damage("b.array_record", 64 + 44);
    let before = scratch.get("a.array_record");
    scratch.fails(
        &["append", "a.array_record", "b.array_record"],
        1,
        &["record 0"],
    );
    assert_eq!(scratch.get("a.array_record"), before);
    let ran = scratch.run(&[
        "append",
        "--on-corrupt",
        "skip",
        "a.array_record",
        "b.array_record",
    ]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("b.array_record: skipped bytes 64..110, chunk 0: chunk_data_hash: ")
    );
    assert_eq!(scratch.records("a.array_record").concat(), b"r0r1r2r3r4bbb");
}

#[test]
fn a_table_that_was_never_finished_is_gone_on_with() {
    let scratch = Scratch::new();
    let rows: String = (0..9).map(|n| format!("{n},text {n}\n")).collect();
    scratch.put("a.csv", format!("number,text\n{rows}"));
    scratch.put("more.csv", "number,text\n9,text 9\n");
    scratch.ok(&["convert", "--group-rows", "3", "a.csv", "a.columns"]);
    let last = scratch.reader("a.columns").chunk_location(2).unwrap();
    let mut bytes = scratch.get("a.columns");
    bytes.truncate(usize::try_from(last.end).unwrap());
    for copy in [&[][..], &["--copy"]] {
        scratch.put("a.columns", &bytes);
        scratch.ok(&[&["append", "a.columns", "more.csv"], copy].concat());
        scratch.ok(&["verify", "--deep", "a.columns"]);
        let ran = scratch.ok(&["cat", "--format", "csv", "a.columns"]);
        assert_eq!(ran.text(), format!("number,text\n{rows}9,text 9\n"));
    }
}
