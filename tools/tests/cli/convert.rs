//! `convert`: formats other than CSV and TFRecord, and what holds for all.

use windrow::WriterOptions;

use crate::scratch::{Scratch, documented, fields};

#[test]
fn lines_go_round() {
    let scratch = Scratch::new();
    let text = b"one\n\n  two \r\n\xff\x00\nlast\n";
    scratch.put("a.txt", text);
    scratch.ok(&["convert", "a.txt", "a.array_record"]);
    let records: [&[u8]; 5] = [b"one", b"", b"  two \r", b"\xff\x00", b"last"];
    assert_eq!(scratch.records("a.array_record"), records);
    scratch.ok(&["convert", "a.array_record", "b.lines"]);
    assert_eq!(scratch.get("b.lines"), text);
    scratch.put("c.txt", "a\nb");
    scratch.ok(&["convert", "c.txt", "c.array_record"]);
    assert_eq!(scratch.records("c.array_record"), [b"a", b"b"]);
}

#[test]
fn json_lines_go_round_and_must_be_json() {
    let scratch = Scratch::new();
    let text = "{\"a\": 1}\n[2]\n\"\\n\"\nnull\n";
    scratch.put("a.jsonl", text);
    scratch.ok(&[
        "convert",
        "a.jsonl",
        "a.array_record",
        "--options",
        "group_size:3,brotli:2",
    ]);
    assert_eq!(scratch.reader("a.array_record").num_chunks(), 2);
    scratch.ok(&["convert", "a.array_record", "b.ndjson"]);
    assert_eq!(scratch.get("b.ndjson"), text.as_bytes());
    for (bad, place) in [
        ("{}\n{\n", "record 1 at byte 3"),
        ("{}\n\n{}\n", "record 1 at byte 3"),
        ("{} {}\n", "record 0 at byte 0"),
        ("\u{0}\n", "record 0 at byte 0"),
    ] {
        scratch.put("bad.jsonl", bad);
        let args = ["convert", "bad.jsonl", "bad.array_record"];
        scratch.fails(&args, 1, &[place, "not JSON", "--from lines"]);
        assert!(!scratch.path("bad.array_record").exists());
    }
    scratch.write("text.array_record", "", &["{}", "text"]);
    let args = ["convert", "text.array_record", "text.jsonl"];
    scratch.fails(
        &args,
        2,
        &["text.array_record, record 1: is not JSON", "--to lines"],
    );
}

#[test]
fn a_record_with_a_line_break_is_no_line() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "", &["1", "{}", "[1,\n2]"]);
    for output in ["b.jsonl", "b.txt"] {
        let args = ["convert", "a.array_record", output];
        scratch.fails(&args, 2, &["a.array_record, record 2: holds a line break"]);
        assert!(!scratch.path(output).exists());
    }
    // The number is that of the input, also in the second one.
    scratch.write("b.array_record", "", &["1"]);
    let args = ["convert", "b.array_record", "a.array_record", "ab.txt"];
    scratch.fails(&args, 2, &["a.array_record, record 2"]);
}

#[test]
fn standard_input_and_output() {
    let scratch = Scratch::new();
    let args = ["convert", "--from", "lines", "-", "a.array_record"];
    let ran = scratch.run_with(&args, b"a\nb\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.is_empty());
    let ran = scratch.ok(&["convert", "--to", "lines", "a.array_record", "-"]);
    assert_eq!((ran.text(), ran.err.as_str()), ("a\nb\n", ""));
    let args = ["convert", "--from", "csv", "--to", "csv", "-", "-"];
    let ran = scratch.run_with(&args, b"h\n\"1\n2\"\n");
    assert_eq!(ran.out, b"h\n\"1\n2\"\n");
    // More than the pipe and all buffers hold.
    let text = b"0123456789abcde\n".repeat(200_000);
    let args = ["convert", "--from", "lines", "--to", "lines", "-", "-"];
    assert!(scratch.run_with(&args, &text).out == text);

    for (args, words) in [
        (&["convert", "-", "b.array_record"][..], "give --from"),
        (&["convert", "a.array_record", "-"], "give --to"),
        (
            &["convert", "--from", "array_record", "-", "b.txt"],
            "needs a name",
        ),
        (
            &["convert", "--to", "array_record", "a.array_record", "-"],
            "needs a name",
        ),
        (
            &["convert", "--from", "lines", "-", "-", "b.txt"],
            "only once",
        ),
        (
            &["convert", "--json", "--to", "lines", "a.array_record", "-"],
            "--json",
        ),
        (&["convert", "a.array_record", "b.xyz"], "give --to"),
        (&["convert", "a", "b.txt"], "give --from"),
    ] {
        scratch.fails(args, 2, &[words]);
    }
}

#[test]
fn an_existing_output_is_safe() {
    let scratch = Scratch::new();
    scratch.put("a.txt", "new\n");
    scratch.put("b.array_record", "old");
    scratch.fails(
        &["convert", "a.txt", "b.array_record"],
        2,
        &["b.array_record", "--force"],
    );
    assert_eq!(scratch.get("b.array_record"), b"old");
    scratch.put("bad.jsonl", "{");
    scratch.fails(
        &["convert", "--force", "bad.jsonl", "b.array_record"],
        1,
        &["bad.jsonl"],
    );
    assert_eq!(
        scratch.get("b.array_record"),
        b"old",
        "as long as the new one is not complete"
    );
    scratch.ok(&["convert", "--force", "a.txt", "b.array_record"]);
    assert_eq!(scratch.records("b.array_record"), [b"new"]);
    scratch.fails(
        &["convert", "--force", "--to", "lines", "a.txt", "."],
        2,
        &["names a folder"],
    );
    scratch.fails(
        &["convert", "a.txt", "no/such/folder.txt"],
        2,
        &["cannot create"],
    );
    scratch.fails(
        &["convert", "missing.txt", "c.txt"],
        2,
        &["missing.txt", "No such file"],
    );
}

/// Replacing `/dev/null` by a file would be a bad joke.
#[cfg(unix)]
#[test]
fn devices_are_not_replaced_and_links_stay_links() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "", &["new"]);
    let args = [
        "convert",
        "--force",
        "--to",
        "lines",
        "a.array_record",
        "/dev/null",
    ];
    scratch.fails(&args, 2, &["not a regular file"]);
    scratch.put("target.txt", "old\n");
    std::os::unix::fs::symlink("target.txt", scratch.path("link.txt")).unwrap();
    scratch.ok(&["convert", "--force", "a.array_record", "link.txt"]);
    assert_eq!(scratch.get("target.txt"), b"new\n");
    assert!(scratch.path("link.txt").is_symlink());
}

#[test]
fn several_inputs_become_one_output() {
    let scratch = Scratch::new();
    let options = |value: &str| WriterOptions::new().with_metadata("k", value);
    scratch.write_with("a.array_record", options("v"), &["1", "2"]);
    scratch.write_with(
        "b.array_record",
        options("v").with_metadata("m", ""),
        &["3"],
    );
    scratch.write_with("c.array_record", options("w"), &["4"]);
    scratch.put("d.txt", "5\n6\n");
    scratch.ok(&[
        "convert",
        "a.array_record",
        "d.txt",
        "b.array_record",
        "ab.array_record",
    ]);
    assert_eq!(scratch.records("ab.array_record").concat(), b"12563");
    assert_eq!(
        scratch.reader("ab.array_record").user_metadata(),
        [
            ("k".to_owned(), b"v".to_vec()),
            ("m".to_owned(), Vec::new())
        ]
    );
    let args = [
        "convert",
        "a.array_record",
        "c.array_record",
        "ac.array_record",
    ];
    scratch.fails(&args, 2, &["c.array_record", "\"k\"", "--no-metadata"]);
    scratch.ok(&[&args[..], &["--no-metadata"]].concat());
    assert_eq!(scratch.records("ac.array_record").concat(), b"124");
    assert!(scratch.reader("ac.array_record").user_metadata().is_empty());
}

#[test]
fn reports() {
    let scratch = Scratch::new();
    scratch.put("a.txt", "one\ntwo\nthree\n");
    let ran = scratch.ok(&["convert", "a.txt", "a.array_record", "--group-size", "2"]);
    assert_eq!(
        ran.err,
        "windrow: a.array_record: 3 records in 2 chunks, 128.0 KiB (131072 bytes)\n"
    );
    let args = ["convert", "--force", "-q", "a.txt", "a.array_record"];
    assert_eq!(scratch.ok(&args).err, "");
    for (args, chunks) in [
        (
            &[
                "convert",
                "--json",
                "--group-size",
                "2",
                "a.txt",
                "b.array_record",
            ][..],
            Some(2),
        ),
        (&["convert", "--json", "a.array_record", "b.txt"], None),
        (
            &[
                "rechunk",
                "--json",
                "--group-size",
                "3",
                "a.array_record",
                "c.array_record",
            ],
            Some(1),
        ),
    ] {
        let ran = scratch.ok(args);
        let lines = ran.json();
        let line = &lines[0];
        assert_eq!((lines.len(), ran.err.as_str()), (1, ""));
        assert_eq!(
            fields(line),
            documented("convert", "kind: \"written\"", &["kind"])
        );
        assert_eq!(line["kind"], "written");
        assert_eq!(line["output"], *args.last().unwrap());
        assert_eq!(
            (&line["records"], &line["decoded_bytes"]),
            (&3.into(), &11.into())
        );
        assert_eq!(line["chunks"].as_u64(), chunks);
        let size = scratch.get(args.last().unwrap()).len();
        assert_eq!(line["file_bytes"], size);
        assert_eq!(line["inputs"], 1);
    }
}

#[test]
fn the_name_of_a_folder_is_refused_before_any_work() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("folder.csv")).unwrap();
    scratch.write("a.array_record", "", &["x"]);
    for output in [
        "new/",
        "new.csv/",
        "folder.csv",
        "folder.csv/",
        ".",
        "..",
        "new/.",
    ] {
        // The input is missing: that would be found by the first look at it.
        let args = ["convert", "missing.txt", output];
        scratch.fails(&args, 2, &["cannot write", output, "names a folder"]);
        scratch.fails(&["rechunk", "missing", output], 2, &["names a folder"]);
    }
    assert!(!scratch.path("new").exists());
}

#[test]
fn text_is_not_replaced_by_text_of_the_same_format() {
    let scratch = Scratch::new();
    scratch.put("a.csv", "h\n1\n");
    scratch.put("b.csv", "h\n2\n");
    for args in [
        &["convert", "a.csv", "b.csv"][..],
        &["convert", "--force", "a.csv", "b.csv"],
        &["convert", "--force", "b.csv", "a.csv", "b.csv"],
    ] {
        let words = ["b.csv", "nothing to convert: both are csv"];
        scratch.fails(args, 2, &words);
        assert_eq!(scratch.get("b.csv"), b"h\n2\n");
    }
    scratch.ok(&["convert", "a.csv", "b.csv", "new.csv"]);
    scratch.ok(&["convert", "--force", "--from", "lines", "a.csv", "b.csv"]);
    assert_eq!(scratch.get("b.csv"), b"h\n1\n");
}

#[test]
fn a_file_larger_than_its_records_gives_a_hint() {
    let scratch = Scratch::new();
    scratch.put("a.txt", "record\n".repeat(1001));
    scratch.put("few.txt", "record\n".repeat(1000));
    scratch.put("large.txt", format!("{}\n", "x".repeat(1000)).repeat(1001));
    let hint = "windrow: hint: one record per chunk; --group-size 64 makes the file smaller, \
                at the cost of decoding 64 records to read one; --layout pages --dictionary auto \
                does without that, for Windrow only\n";
    for (args, hinted) in [
        (&["a.txt", "b.array_record"][..], true),
        (&["--json", "a.txt", "b.array_record"], true),
        (&["--quiet", "a.txt", "b.array_record"], false),
        (&["--group-size", "2", "a.txt", "b.array_record"], false),
        (&["few.txt", "b.array_record"], false),
        (&["large.txt", "b.array_record"], false),
        (&["a.txt", "b.tfrecord"], false),
    ] {
        let ran = scratch.ok(&[&["convert", "--force"], args].concat());
        assert_eq!(ran.err.ends_with(hint), hinted, "{args:?}: {}", ran.err);
        assert_eq!(ran.err.contains("hint"), hinted, "{args:?}: {}", ran.err);
    }
    // What the hint says is true.
    scratch.ok(&["convert", "a.txt", "one.array_record"]);
    scratch.ok(&[
        "convert",
        "--group-size",
        "64",
        "a.txt",
        "many.array_record",
    ]);
    assert!(scratch.get("many.array_record").len() < scratch.get("one.array_record").len());
}
