//! Inputs of text formats that are not such text.

use crate::scratch::Scratch;

const MARKS: [(&[u8], &str, &str); 10] = [
    (b"\x1f\x8b\x08\x00more", "gzip", "zcat"),
    (b"\x28\xb5\x2f\xfdmore", "zstd", "zstdcat"),
    (b"BZh91AY&SYmore", "bzip2", "bzcat"),
    (b"BZh1\x17\x72\x45\x38\x50\x90", "bzip2", "bzcat"),
    (b"\xfd7zXZ\x00more", "xz", "xzcat"),
    (b"\xff\xfea\x00\n\x00", "UTF-16", "iconv -f UTF-16"),
    (b"\xfe\xff\x00a\x00\n", "UTF-16", "iconv -f UTF-16"),
    (b"\xff\xfe", "UTF-16", "iconv -f UTF-16"),
    (
        b"\xff\xfe\x00\x00a\x00\x00\x00",
        "UTF-32",
        "iconv -f UTF-32",
    ),
    (
        b"\x00\x00\xfe\xff\x00\x00\x00a",
        "UTF-32",
        "iconv -f UTF-32",
    ),
];

#[test]
fn what_is_not_plain_text_is_refused_by_its_first_bytes() {
    let scratch = Scratch::new();
    for (bytes, name, remedy) in MARKS {
        for format in ["csv", "jsonl", "lines"] {
            scratch.put("a", bytes);
            let args = ["convert", "--from", format, "a", "a.array_record"];
            let looks = format!("a: looks like {name}, not {format}; ");
            let command = format!("INPUT | windrow convert --from {format} - OUTPUT");
            scratch.fails(&args, 1, &[&looks, remedy, &command]);
            assert!(!scratch.path("a.array_record").exists());
            let args = ["convert", "--from", format, "-", "a.array_record"];
            let ran = scratch.run_with(&args, bytes);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.err.contains(&looks.replacen('a', "-", 1)), "{ran:?}");
        }
    }
    // Nothing is written before the last input was looked at.
    scratch.put("b.txt", "fine\n");
    scratch.put("c.txt", MARKS[0].0);
    let args = ["convert", "b.txt", "c.txt", "d.array_record"];
    scratch.fails(&args, 1, &["c.txt: looks like gzip"]);
}

#[test]
fn text_that_begins_a_little_like_that_is_text() {
    let scratch = Scratch::new();
    for text in [
        &b"BZh9"[..],
        b"BZh91AY&S",
        b"BZh01AY&SYmore",
        b"\x1f",
        b"\xff",
        b"\xfd7zXZ",
        b"\xef\xbb\xbfmarked",
        b"\x00\x00\xfe",
        b"",
    ] {
        scratch.put("a.txt", text);
        scratch.ok(&["convert", "--force", "a.txt", "a.array_record"]);
        assert_eq!(scratch.records("a.array_record").concat(), text);
        let args = ["convert", "--from", "lines", "--to", "lines", "-", "-"];
        let out = scratch.run_with(&args, text).out;
        assert_eq!(out.strip_suffix(b"\n").unwrap_or(&out), text);
    }
}

#[test]
fn a_compressed_tfrecord_is_told_from_a_length_of_the_same_bytes() {
    let scratch = Scratch::new();
    for head in [&b"\x1f\x8b\x08\x00more and more"[..], b"\x1f\x8b\x08"] {
        scratch.put("a.tfrecord", head);
        let args = ["convert", "a.tfrecord", "a.array_record"];
        scratch.fails(&args, 1, &["looks like gzip, not tfrecord", "zcat"]);
    }
    // The length of this record begins with the bytes of gzip.
    let record = vec![b'x'; 0x8b1f];
    scratch.write("b.array_record", "", &[&record]);
    scratch.ok(&["convert", "b.array_record", "b.tfrecord"]);
    assert_eq!(scratch.get("b.tfrecord")[..2], *b"\x1f\x8b");
    scratch.ok(&["convert", "b.tfrecord", "c.array_record"]);
    assert_eq!(scratch.records("c.array_record"), [record]);
}

#[test]
fn a_byte_order_mark_in_front_of_json_is_named() {
    let scratch = Scratch::new();
    scratch.put("a.jsonl", b"\xef\xbb\xbf{}\n");
    scratch.fails(
        &["convert", "a.jsonl", "a.array_record"],
        1,
        &[
            "UTF-8 with a byte order mark, not jsonl",
            "tail -c +4 INPUT",
        ],
    );
}

#[test]
fn rows_that_end_in_returns_alone_are_refused() {
    let scratch = Scratch::new();
    for csv in ["h\ra\rb\r", "h\ra", "h,\"x\ny\"\ra,b\r"] {
        for header in ["keep", "none"] {
            scratch.put("a.csv", csv);
            let args = ["convert", "--header", header, "a.csv", "a.array_record"];
            scratch.fails(
                &args,
                1,
                &[
                    "a.csv, record 0 at byte 0",
                    "end in \\r alone",
                    "tr '\\r' '\\n'",
                ],
            );
        }
    }
    // Within quotes, and where there is a line end, it is data.
    for csv in ["\"a\rb\"", "h\na\rb"] {
        scratch.put("a.csv", csv);
        scratch.ok(&[
            "convert",
            "--force",
            "--header",
            "none",
            "a.csv",
            "a.array_record",
        ]);
    }
}

#[test]
fn lines_are_counted_from_1_beside_records() {
    let scratch = Scratch::new();
    scratch.put("a.jsonl", "{}\n[1]\n{\"a\":}\n");
    scratch.fails(
        &["convert", "a.jsonl", "a.array_record"],
        1,
        &[
            "a.jsonl, line 3, record 2 at byte 7: not JSON",
            "expected value at column 6\n",
        ],
    );
    scratch.put("b.txt", "{}\nplain\n");
    scratch.fails(
        &["convert", "b.txt", "b.jsonl"],
        2,
        &["b.txt, line 2, record 1: is not JSON"],
    );
}
