//! CSV, both ways.

use crate::scratch::{DATA, Scratch};

/// To array_record and back gives the same bytes; returns the records in between.
fn round_trip(csv: &[u8], args: &[&str]) -> Vec<Vec<u8>> {
    let scratch = Scratch::new();
    scratch.put("a.csv", csv);
    scratch.ok(&[&["convert", "a.csv", "a.array_record"], args].concat());
    scratch.ok(&[&["convert", "a.array_record", "b.csv"], args].concat());
    assert_eq!(
        String::from_utf8_lossy(&scratch.get("b.csv")),
        String::from_utf8_lossy(csv)
    );
    scratch.records("a.array_record")
}

fn strings(records: &[Vec<u8>]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(record).unwrap())
        .collect()
}

#[test]
fn line_breaks_within_quotes_do_not_end_a_row() {
    let csv = "id,text\n1,\"two\nlines\"\n2,\"say \"\"hi\"\"\n\n\"\n3,5\" disk\n4,plain\n";
    let records = round_trip(csv.as_bytes(), &[]);
    assert_eq!(
        strings(&records),
        [
            "1,\"two\nlines\"",
            "2,\"say \"\"hi\"\"\n\n\"",
            "3,5\" disk",
            "4,plain"
        ]
    );
}

#[test]
fn rows_keep_their_bytes() {
    for (csv, rows) in [
        ("", &[][..]),
        ("h\n", &[]),
        ("h\na\n\n\nb\n", &["a", "", "", "b"]),
        ("h\n \n, ,\n", &[" ", ", ,"]),
        ("\u{feff}\"h\nh\"\nx\n", &["x"]),
        ("h\r\na\r\n\"b\r\nc\"\r\n\r\n", &["a", "\"b\r\nc\"", ""]),
        ("h\na\rb\r\nc\n", &["a\rb\r", "c"]),
    ] {
        let records = round_trip(csv.as_bytes(), &[]);
        assert_eq!(strings(&records), rows, "{csv:?}");
    }
    let records = round_trip(b"h\n\xff,\x00\n", &[]);
    assert_eq!(records, [b"\xff,\x00"], "bytes need not be text");
}

#[test]
fn the_last_line_end_is_added() {
    let scratch = Scratch::new();
    scratch.put("a.csv", "h\na\n\"b\nc\"");
    scratch.ok(&["convert", "a.csv", "a.array_record"]);
    assert_eq!(
        strings(&scratch.records("a.array_record")),
        ["a", "\"b\nc\""]
    );
    let ran = scratch.ok(&["convert", "--to", "csv", "a.array_record", "-"]);
    assert_eq!(ran.text(), "h\na\n\"b\nc\"\n");
}

#[test]
fn what_becomes_of_the_header() {
    let scratch = Scratch::new();
    scratch.put("a.csv", "h,i\n1,2\n");
    for (header, metadata, records, back) in [
        ("keep", Some("h,i"), &["1,2"][..], "h,i\n1,2\n"),
        ("skip", None, &["1,2"], "1,2\n"),
        ("none", None, &["h,i", "1,2"], "h,i\n1,2\n"),
    ] {
        let args = [
            "convert",
            "--force",
            "--header",
            header,
            "a.csv",
            "a.array_record",
        ];
        scratch.ok(&args);
        let reader = scratch.reader("a.array_record");
        let pair = reader.user_metadata().first();
        assert_eq!(
            pair.map(|(key, _)| key.as_str()),
            metadata.map(|_| "csv_header")
        );
        assert_eq!(
            pair.map(|(_, value)| value.as_slice()),
            metadata.map(str::as_bytes)
        );
        assert_eq!(
            strings(&scratch.records("a.array_record")),
            records,
            "{header}"
        );
        let ran = scratch.ok(&["convert", "--to", "csv", "a.array_record", "-"]);
        assert_eq!(ran.text(), back, "{header}");
    }
    scratch.ok(&["convert", "--force", "a.csv", "a.array_record"]);
    let args = [
        "convert",
        "--to",
        "csv",
        "--header",
        "skip",
        "a.array_record",
        "-",
    ];
    assert_eq!(scratch.ok(&args).text(), "1,2\n");
    let args = [
        "convert",
        "--to",
        "csv",
        "--no-metadata",
        "a.array_record",
        "-",
    ];
    assert_eq!(scratch.ok(&args).text(), "1,2\n");
}

#[test]
fn several_files_must_have_one_header() {
    let scratch = Scratch::new();
    scratch.put("a.csv", "h\n1\n");
    scratch.put("b.csv", "h\n2\n");
    scratch.put("c.csv", "other\n3\n");
    scratch.ok(&["convert", "a.csv", "b.csv", "ab.csv"]);
    assert_eq!(scratch.get("ab.csv"), b"h\n1\n2\n");
    let args = ["convert", "a.csv", "b.csv", "c.csv", "abc.array_record"];
    scratch.fails(&args, 2, &["c.csv", "csv_header", "--no-metadata"]);
    assert!(!scratch.path("abc.array_record").exists());
    scratch.ok(&[&args[..], &["--no-metadata"]].concat());
    assert_eq!(scratch.records("abc.array_record").concat(), b"123");
}

#[test]
fn a_quote_that_is_never_closed_is_told() {
    let scratch = Scratch::new();
    scratch.put("a.csv", "h\n1\n\"2\n3\n4\n");
    let args = ["convert", "a.csv", "a.array_record"];
    scratch.fails(&args, 1, &["a.csv, record 1 at byte 4", "never closed"]);
    assert!(!scratch.path("a.array_record").exists());
}

#[test]
fn records_that_are_no_rows_are_refused() {
    let scratch = Scratch::new();
    for bad in ["a\nb", "\n", "\na", "\"a", "\"a\"\nb", "a\n", "\"\"\"\n"] {
        scratch.write("a.array_record", "", &["fine", "\"x\ny\"", bad]);
        let args = ["convert", "--to", "csv", "a.array_record", "-"];
        scratch.fails(&args, 2, &["a.array_record, record 2: is not one CSV row"]);
    }
    // As the first row it would make a reader think that lines end in \r\n.
    scratch.write("a.array_record", "", &["a\r"]);
    let args = ["convert", "--to", "csv", "a.array_record", "b.csv"];
    scratch.fails(&args, 2, &["record 0: is not one CSV row"]);
}

/// Rows that cross the buffers that files are read in.
#[test]
fn rows_larger_than_any_buffer() {
    let field = "x\"\"\n".repeat(200_000);
    let csv = format!(
        "h\n{}\n\"{field}\"\n\"{field}\",\"{field}\"\nend\n",
        "y,".repeat(300_000)
    );
    let records = round_trip(csv.as_bytes(), &["--group-size", "2"]);
    assert_eq!(records.len(), 4);
    assert_eq!(records[2].len(), 2 * field.len() + 5);
}

#[test]
fn the_weather_goes_round() {
    let weather = std::fs::read(format!("{DATA}/weather.csv")).unwrap();
    let records = round_trip(&weather, &["--group-size", "256"]);
    assert_eq!(records.len(), 26_115);
    let line = weather.split(|&byte| byte == b'\n').nth(12_346).unwrap();
    assert_eq!(records[12_345], line);
}
