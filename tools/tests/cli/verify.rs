//! `verify`.

use serde_json::json;

use crate::scratch::{DATA, Scratch, documented, fields};

#[test]
fn sound_files() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "group_size:2", &["aaa", "bb", "c"]);
    let digits = format!("{DATA}/digits.array_record-00001-of-00002");
    for deep in [&[][..], &["--deep"]] {
        let args = [&["verify", "a.array_record", &digits], deep].concat();
        let ran = scratch.ok(&args);
        let lines: Vec<&str> = ran.text().lines().collect();
        assert_eq!(
            lines[0],
            "a.array_record: sound: 3 records in 2 chunks, 128.0 KiB, 0 B of dead bytes"
        );
        assert!(lines[1].ends_with("sound: 5 records in 5 chunks, 128.0 KiB, 0 B of dead bytes"));
        assert_eq!(lines.len(), 2);
    }
    assert_eq!(scratch.ok(&["verify", "-q", "a.array_record"]).out, b"");
}

#[test]
fn each_fault_is_a_line_and_all_files_are_checked() {
    let scratch = Scratch::new();
    scratch.write("good.array_record", "", &["x"]);
    scratch.write(
        "bad.array_record",
        "group_size:2,uncompressed",
        &["aaa", "bb", "c", "d", "e"],
    );
    let reader = scratch.reader("bad.array_record");
    let begin = |chunk| reader.chunk_location(chunk).unwrap().begin;
    let place = |byte: u64| usize::try_from(byte).unwrap();
    // In the data of chunk 0, in the header of chunk 2.
    scratch.damage("bad.array_record", place(begin(0)) + 44);
    scratch.damage("bad.array_record", place(begin(2)) + 9);
    let ran = scratch.run(&["verify", "bad.array_record", "good.array_record"]);
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with(
        "bad.array_record: byte 64, chunk 0: chunk_data_hash: chunk data hash differs"
    ));
    assert!(lines[0].ends_with("; records 0..2 lost"));
    let second = format!(
        "bad.array_record: byte {}, chunk 2: chunk_header_hash: ",
        begin(2)
    );
    assert!(lines[1].starts_with(&second), "{}", lines[1]);
    assert!(lines[1].ends_with("; records 4..5 lost"));
    assert_eq!(
        lines[2],
        "bad.array_record: bad: 2 faults, 3 records lost of 5; \
         windrow repair bad.array_record -o OUT writes what is whole to another file"
    );
    assert!(lines[3].starts_with("good.array_record: sound"));

    let lines = scratch
        .run(&["verify", "--json", "bad.array_record", "good.array_record"])
        .json();
    let (bad, good) = (&lines[0], &lines[1]);
    for line in [bad, good] {
        assert_eq!(line["kind"], "file");
        assert_eq!(
            fields(line),
            documented("verify", "kind: \"file\"", &["kind"])
        );
    }
    assert_eq!(
        (&bad["sound"], &good["sound"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(bad["records_lost"], 3);
    assert_eq!(good["faults"], json!([]));
    let faults = bad["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 2);
    for fault in faults {
        assert_eq!(fields(fault), documented("verify", "| fault |", &[]));
    }
    assert_eq!(faults[0]["code"], "chunk_data_hash");
    assert_eq!(faults[0]["byte"], 64);
    assert_eq!(faults[0]["bytes"], json!([64, begin(1)]));
    assert_eq!(faults[0]["records"], json!([0, 2]));
    assert_eq!(faults[1]["chunk"], 2);
}

#[test]
fn a_cut_file_tells_that_the_loss_is_not_known() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "uncompressed", &["x"; 3]);
    let whole = scratch.get("a.array_record");
    scratch.put("a.array_record", &whole[..190]);
    let ran = scratch.run(&["verify", "a.array_record"]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains(": no_postscript: ") || ran.text().contains(": file_too_short: "));
    let summary = ran.text().lines().last().unwrap();
    let loss = "how many records are lost is not known; windrow append a.array_record completes it, windrow repair ";
    assert!(summary.contains(loss), "{summary}");
    let line = &scratch.run(&["verify", "--json", "a.array_record"]).json()[0];
    assert_eq!(
        (&line["records"], &line["records_lost"]),
        (&json!(null), &json!(null))
    );
}

#[test]
fn a_missing_file_is_trouble_and_the_others_are_checked() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "", &["x"]);
    scratch.put("text", "hello");
    let args = ["verify", "missing", "text", "a.array_record"];
    let ran = scratch.fails(&args, 2, &["missing", "No such file"]);
    assert!(ran.text().contains("text: "));
    assert!(ran.text().contains("a.array_record: sound"));
    let ran = scratch.run(&["verify", "--json", "missing", "text", "a.array_record"]);
    let kinds: Vec<_> = ran.json().iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["error", "file", "file"]);
}
