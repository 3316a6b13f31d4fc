//! `inspect`.

use serde_json::json;
use windrow::WriterOptions;

use crate::scratch::{DATA, Scratch, documented, fields};

#[test]
fn a_file_of_upstream_in_words() {
    let scratch = Scratch::new();
    let digits = format!("{DATA}/digits.array_record-00000-of-00002");
    let ran = scratch.ok(&["inspect", "--chunks", &digits]);
    for line in [
        "  version    1, array_record reads it too",
        "  records    5",
        "  chunks     5",
        "  group size 1 record",
        "  codecs     uncompressed",
        "  file       128.0 KiB (131072 bytes)",
        "  decoded    5 B",
        "  data       220 B, ratio 0.02",
        "  footer     178 B",
        "  dead bytes 0 B",
    ] {
        assert!(
            ran.text().lines().any(|l| l == line),
            "{line}: {}",
            ran.text()
        );
    }
    // Chunk 3 of format-spec/array-record.md, "a file made by upstream".
    let row: Vec<&str> = ran
        .text()
        .lines()
        .find(|line| line.contains(" 196 "))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        row,
        ["data", "3", "196", "44", "1", "1", "0.02", "uncompressed"]
    );
}

#[test]
fn json_has_the_documented_shape() {
    let scratch = Scratch::new();
    let options: WriterOptions = "group_size:2,brotli:5".parse().unwrap();
    let options = options
        .with_metadata("schema", "{}")
        .with_metadata("blob", b"\xff".to_vec());
    scratch.write_with("a.array_record", options, &["aaa", "bb", "c"]);
    let lines = scratch
        .ok(&["inspect", "--json", "--chunks", "a.array_record"])
        .json();
    let file = &lines[0];
    assert_eq!(
        fields(file),
        documented("inspect", "kind: \"file\"", &["kind"])
    );
    assert_eq!(file["kind"], "file");
    assert_eq!(file["path"], "a.array_record");
    assert_eq!(file["records"], 3);
    assert_eq!(file["chunks"], 2);
    assert_eq!(file["group_size"], 2);
    assert_eq!(file["uniform"], true);
    assert_eq!(file["decoded_bytes"], 6);
    assert_eq!(file["codecs"], json!([{"codec": "brotli", "chunks": 2}]));
    assert_eq!(
        file["user_metadata"],
        json!([{"key": "schema", "text": "{}"}, {"key": "blob", "base64": "/w=="}])
    );
    let bytes = |name: &str| file[name].as_u64().unwrap();
    let parts = [
        "signature_bytes",
        "data_bytes",
        "footer_bytes",
        "postscript_bytes",
        "padding_bytes",
        "dead_bytes",
        "damaged_bytes",
    ];
    let sum: u64 = parts.map(bytes).iter().sum();
    assert_eq!(sum, bytes("file_bytes"), "the parts make the whole");

    let chunks = &lines[1..];
    let roles: Vec<_> = chunks.iter().map(|c| c["role"].as_str().unwrap()).collect();
    let all = [
        "signature",
        "data",
        "data",
        "footer",
        "padding",
        "postscript",
        "padding",
    ];
    assert_eq!(roles, all);
    let mut end = 0;
    for chunk in chunks {
        assert_eq!(
            fields(chunk),
            documented("inspect", "kind: \"chunk\"", &["kind"])
        );
        assert_eq!(chunk["offset"], end);
        end += chunk["bytes"].as_u64().unwrap();
    }
    assert_eq!(end, bytes("file_bytes"));
    assert_eq!(
        (&chunks[1]["chunk"], &chunks[2]["chunk"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(chunks[1]["codec"], "brotli");
    assert_eq!(chunks[0]["codec"], json!(null));
}

#[test]
fn groups_that_differ_are_version_2() {
    let scratch = Scratch::new();
    let options = WriterOptions::new()
        .with_group_size(1000)
        .with_max_group_bytes(Some(5));
    scratch.write_with("a.array_record", options, &["defgh", "abc", ""]);
    let file = &scratch.ok(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!(file["version"], 2);
    assert_eq!(file["uniform"], false);
    let ran = scratch.ok(&["inspect", "a.array_record"]);
    assert!(ran.text().contains("version    2, for Windrow only"));
    assert!(
        ran.text()
            .contains("group size differs, 1 in the first chunk")
    );
}

#[test]
fn a_file_without_records() {
    let scratch = Scratch::new();
    scratch.write::<&str>("a.array_record", "", &[]);
    let file = &scratch.ok(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!(file["records"], 0);
    assert_eq!(file["ratio"], json!(null));
    assert_eq!(file["codecs"], json!([]));
    scratch.ok(&["inspect", "a.array_record"]);
}

#[test]
fn all_files_are_looked_at_whatever_is_wrong_with_one() {
    let scratch = Scratch::new();
    scratch.write("good.array_record", "uncompressed", &["x"; 3000]);
    let whole = scratch.get("good.array_record");
    scratch.put("cut.array_record", &whole[..whole.len() - 100]);
    let args = ["inspect", "cut.array_record", "good.array_record"];
    let ran = scratch.fails(&args, 1, &["cut.array_record", "no valid postscript"]);
    assert!(ran.text().contains("records    3000"));
    let args = [
        "inspect",
        "missing",
        "cut.array_record",
        "good.array_record",
        "--json",
    ];
    let ran = scratch.run(&args);
    assert_eq!(ran.code, 2);
    let lines = ran.json();
    assert_eq!(lines.len(), 3);
    let error = documented("`error` lines", "kind: \"error\"", &["kind"]);
    for (line, code) in [(&lines[0], "io"), (&lines[1], "no_postscript")] {
        assert_eq!(line["kind"], "error");
        assert_eq!(line["code"], code);
        assert_eq!(fields(line), error);
    }
    assert_eq!(lines[2]["path"], "good.array_record");
}

#[test]
fn the_chunks_of_a_cut_file_can_be_listed() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "uncompressed", &["x"; 3]);
    let whole = scratch.get("a.array_record");
    scratch.put("a.array_record", &whole[..190]);
    let ran = scratch.run(&["inspect", "--chunks", "--json", "a.array_record"]);
    assert_eq!(ran.code, 1);
    let lines = ran.json();
    assert_eq!(lines[0]["kind"], "error");
    let data: Vec<_> = lines
        .iter()
        .filter(|line| line["role"] == "unlisted")
        .collect();
    assert_eq!(data.len(), 2, "44 bytes each, from 64 on: {lines:?}");
    let fault = lines.iter().rfind(|line| line["kind"] == "fault").unwrap();
    assert_eq!(
        fields(fault),
        documented("verify", "| fault |", &["kind", "path"])
    );
}

#[test]
fn text_of_the_file_cannot_steer_the_terminal() {
    let scratch = Scratch::new();
    let options = WriterOptions::new().with_metadata("k\u{1b}[2J", "v\r\n\u{7}");
    scratch.write_with("a.array_record", options, &["x"]);
    let ran = scratch.ok(&["inspect", "a.array_record"]);
    assert!(
        ran.text()
            .contains("metadata   k\\u{1b}[2J = v\\r\\n\\u{7}")
    );
    assert!(ran.text().bytes().all(|b| b >= 0x20 || b == b'\n'));
}
