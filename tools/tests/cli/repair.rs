//! `repair`.

use serde_json::json;
use windrow::format::{ChunkHeader, ChunkType, ColumnFront, crc_of, push_chunk, schema_hash};
use windrow::{Codec, ColumnFileOptions, ColumnFileWriter, Writer, WriterOptions};

use crate::scratch::{Scratch, documented, fields};

const ARGS: [&str; 4] = ["repair", "a.array_record", "-o", "b.array_record"];

/// Four chunks of two records and 48 bytes, from 64 on.
fn eight() -> Scratch {
    let scratch = Scratch::new();
    let options: WriterOptions = "group_size:2,uncompressed".parse().unwrap();
    let records: Vec<String> = (0..8).map(|n| format!("r{n}")).collect();
    scratch.write_with("a.array_record", options.with_metadata("k", "v"), &records);
    scratch
}

/// Three column chunks of 5, 6 and 7 rows; what their pages hold does not matter.
fn columns(scratch: &Scratch) {
    let mut bytes = Vec::new();
    let options = ColumnFileOptions {
        writer: WriterOptions::new().with_metadata("k", "v"),
        schema: b"schema".to_vec(),
        writer_options: "group_size:5,".to_owned(),
    };
    let mut writer = ColumnFileWriter::create(&mut bytes, options).unwrap();
    for rows in 5..8 {
        let front = ColumnFront {
            front_bytes: 32,
            rows,
            schema_hash: schema_hash(b"schema"),
        };
        let mut data = front.encode().to_vec();
        data.extend_from_slice(&[0; 4]);
        data.extend_from_slice(&crc_of(&data).to_le_bytes());
        data.extend_from_slice(&[7; 100]);
        let header = ChunkHeader::new(ChunkType::Columns, 1, 9, &data);
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, &header, &data);
        writer.push(&header, &chunk).unwrap();
    }
    writer.finish().unwrap();
    scratch.put("a.array_record", bytes);
}

#[test]
fn chunks_of_columns_are_copied() {
    let scratch = Scratch::new();
    columns(&scratch);
    let second = scratch.reader("a.array_record").chunk_location(1).unwrap();
    scratch.damage(
        "a.array_record",
        usize::try_from(second.begin).unwrap() + 100,
    );
    let ran = scratch.run(&[&ARGS[..], &["--group-size", "4"]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("holds columns"), "{ran:?}");
    let ran = scratch.run(&ARGS);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(": 12 rows in 2 chunks, "), "{ran:?}");
    assert!(
        ran.err.contains("1 part skipped (172 B), 6 rows known"),
        "{ran:?}"
    );
    let reader = scratch.reader("b.array_record");
    assert!(reader.has_columns());
    assert_eq!(reader.user_metadata(), [("k".to_owned(), b"v".to_vec())]);
    assert_eq!(scratch.run(&["verify", "b.array_record"]).code, 0);
    // Commands for tables tell that this is none, those for records that it is none of theirs.
    for (args, code, words) in [
        (&["cat", "b.array_record"][..], 1, "Arrow schema"),
        (
            &["rechunk", "b.array_record", "c.array_record"],
            1,
            "Arrow schema",
        ),
        (&["inspect", "b.array_record"], 1, "Arrow schema"),
        (&["bench", "b.array_record"], 2, "bench is about records"),
    ] {
        let ran = scratch.run(args);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(words), "{ran:?}");
    }
    assert!(!scratch.path("c.array_record").exists());
}

/// Gives a chunk of the file other data, with hashes that fit.
fn forge(scratch: &Scratch, begin: usize, data: &[u8]) {
    let mut bytes = scratch.get("a.array_record");
    let header = ChunkHeader::new(ChunkType::Simple, 2, 4, data).encode();
    bytes[begin..begin + 40].copy_from_slice(&header);
    bytes[begin + 40..begin + 40 + data.len()].copy_from_slice(data);
    scratch.put("a.array_record", bytes);
}

#[test]
fn every_whole_record_is_kept_and_every_skipped_part_listed() {
    let scratch = eight();
    scratch.damage("a.array_record", 64 + 47);
    // Chunk 2: sizes that add up to more than there is.
    forge(&scratch, 64 + 2 * 48, &[0, 2, 9, 9, b'r', b'4', b'r', b'5']);
    let before = scratch.get("a.array_record");
    let ran = scratch.run(&ARGS);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.is_empty());
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let first = "windrow: a.array_record: skipped bytes 64..112, chunk 0: chunk_data_hash: ";
    assert!(lines[0].starts_with(first), "{}", lines[0]);
    assert!(lines[0].ends_with("; records 0..2 lost"), "{}", lines[0]);
    assert!(lines[1].contains("skipped bytes 160..208"), "{}", lines[1]);
    assert!(
        lines[2].starts_with("windrow: b.array_record: 4 records in 2 chunks, "),
        "{}",
        lines[2]
    );
    assert!(
        lines[2].ends_with("; 2 parts skipped (96 B), 4 records known to be lost"),
        "{}",
        lines[2]
    );
    assert_eq!(scratch.records("b.array_record").concat(), b"r2r3r6r7");
    let reader = scratch.reader("b.array_record");
    assert_eq!(reader.user_metadata(), [("k".to_owned(), b"v".to_vec())]);
    let written: WriterOptions = reader.writer_options_string().unwrap().parse().unwrap();
    assert_eq!(
        (written.group_size(), written.codec()),
        (2, Codec::Uncompressed)
    );
    scratch.ok(&["verify", "--deep", "b.array_record"]);
    assert_eq!(scratch.get("a.array_record"), before, "it is only read");

    scratch.fails(&ARGS, 2, &["b.array_record", "exists", "--force"]);
    let ran = scratch.run(&[&ARGS[..], &["--force", "--json"]].concat());
    let report = &ran.json()[0];
    assert_eq!(
        fields(report),
        documented("repair", "kind: \"repaired\"", &["kind"])
    );
    assert_eq!(report["index"], json!(null));
    for (name, number) in [
        ("records", 4),
        ("records_lost", 4),
        ("bytes_skipped", 96),
        ("provisional_records", 0),
        ("skipped_omitted", 0),
    ] {
        assert_eq!(report[name], number, "{name}");
    }
    let skipped = report["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 2);
    assert_eq!(fields(&skipped[0]), documented("verify", "| fault |", &[]));
}

#[test]
fn flushed_records_of_an_unfinished_file_are_taken() {
    let scratch = Scratch::new();
    let options: WriterOptions = "group_size:3,snappy".parse().unwrap();
    let mut writer = Writer::create_file(scratch.path("a.array_record"), options).unwrap();
    writer.write_batch(["r0", "r1", "r2", "r3"]).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let ran = scratch.run(&["verify", "a.array_record"]);
    assert_eq!(ran.code, 1);
    let remedy = "windrow append a.array_record completes it, windrow repair a.array_record -o OUT";
    assert!(ran.text().contains(remedy), "{}", ran.text());
    let ran = scratch.run(&["inspect", "--chunks", "a.array_record"]);
    assert!(ran.text().contains("  provisional "), "{}", ran.text());

    let ran = scratch.ok(&ARGS);
    assert!(
        ran.err
            .contains("1 of them flushed and never finished; nothing was skipped"),
        "{}",
        ran.err
    );
    assert_eq!(scratch.records("b.array_record").concat(), b"r0r1r2r3");
    assert_eq!(scratch.reader("b.array_record").footer().group_size, 3);
    let report = &scratch
        .ok(&[&ARGS[..], &["--force", "--json", "-q"]].concat())
        .json()[0];
    assert_eq!(report["provisional_records"], 1);
    assert_eq!(report["index"]["code"], "no_postscript");

    // A torn end is a part that was skipped.
    let mut bytes = scratch.get("a.array_record");
    bytes.extend_from_slice(&[7; 99]);
    scratch.put("a.array_record", bytes);
    let args = [&ARGS[..], &["--force", "--group-size", "1"]].concat();
    let ran = scratch.run(&args);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("1 part skipped (99 B), 0 records known to be lost"),
        "{}",
        ran.err
    );
    assert_eq!(scratch.reader("b.array_record").num_chunks(), 4);
}

#[test]
fn a_whole_file_is_only_copied() {
    let scratch = eight();
    let ran = scratch.ok(&ARGS);
    assert!(ran.err.ends_with("; nothing was skipped\n"), "{}", ran.err);
    assert_eq!(scratch.get("b.array_record"), scratch.get("a.array_record"));
    scratch.write::<&str>("a.array_record", "", &[]);
    scratch.ok(&[&ARGS[..], &["--force", "--quiet"]].concat());
    assert!(scratch.records("b.array_record").is_empty());
}

#[test]
fn where_nothing_can_be_recovered_nothing_is_written() {
    let scratch = eight();
    let whole = scratch.get("a.array_record");
    let words = ["a.array_record: nothing to recover: no whole record"];
    for bytes in [
        &b""[..],
        b"some text\n",
        &[0; 100_000],
        &whole[..64],
        &whole[..63],
    ] {
        scratch.put("a.array_record", bytes);
        let ran = scratch.run(&ARGS);
        assert_eq!(ran.code, 1, "{} bytes: {ran:?}", bytes.len());
        assert!(ran.err.contains(words[0]), "{}", ran.err);
        assert!(!ran.err.contains("windrow repair"), "{}", ran.err);
        assert!(!scratch.path("b.array_record").exists());
    }
    scratch.fails(
        &["repair", "missing", "-o", "b.array_record"],
        2,
        &["missing"],
    );
    scratch.fails(&["repair", ".", "-o", "b.array_record"], 2, &["directory"]);
    scratch.fails(
        &["repair", "-", "-o", "b.array_record"],
        2,
        &["needs a name"],
    );
}

#[test]
fn the_file_itself_is_never_replaced() {
    let scratch = eight();
    let before = scratch.get("a.array_record");
    std::fs::hard_link(scratch.path("a.array_record"), scratch.path("same")).unwrap();
    for out in ["a.array_record", "./a.array_record", "same"] {
        let args = ["repair", "--force", "a.array_record", "-o", out];
        scratch.fails(&args, 2, &["it is the file to repair"]);
    }
    assert_eq!(scratch.get("a.array_record"), before);
}

#[test]
fn a_table_that_has_lost_its_schema_takes_that_of_another() {
    let scratch = Scratch::new();
    let rows: String = (0..9).map(|n| format!("{n},text {n}\n")).collect();
    scratch.put("a.csv", format!("number,text\n{rows}"));
    scratch.put("other.csv", format!("id,text\n{rows}"));
    for name in ["a", "other"] {
        let (from, to) = (format!("{name}.csv"), format!("{name}.columns"));
        scratch.ok(&["convert", "--group-rows", "3", &from, &to]);
    }
    scratch.ok(&["convert", "a.columns", "a.parquet"]);
    scratch.ok(&["convert", "a.columns", "a.arrow"]);
    // Never finished, with one bit of the schema flipped.
    let reader = scratch.reader("a.columns");
    let (first, last) = (reader.chunk_location(0), reader.chunk_location(2));
    let first = format!("byte {}", first.unwrap().begin);
    let mut bytes = scratch.get("a.columns");
    bytes.truncate(usize::try_from(last.unwrap().end).unwrap());
    scratch.put("lost.columns", bytes);
    scratch.damage("lost.columns", 64 + 40 + 20);

    let repair = ["repair", "lost.columns", "-o", "b.columns"];
    let words = ["lost.columns has lost its schema", "--schema-from", &first];
    // Behind the line that tells of the missing index.
    let ran = scratch.run(&repair);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(words.iter().all(|words| ran.err.contains(words)), "{ran:?}");
    // So does an append, which cannot go on without it.
    scratch.fails(&["append", "lost.columns", "a.csv"], 1, &words);
    let with = |schema_from: &'static str| [&repair[..], &["--schema-from", schema_from]].concat();
    let words = ["not that of lost.columns", "hash", &first];
    scratch.fails(&with("other.columns"), 2, &words);
    scratch.fails(&with("missing.columns"), 2, &["missing.columns"]);
    scratch.fails(&with("-"), 2, &["needs a name"]);
    assert!(!scratch.path("b.columns").exists());
    for schema_from in ["a.columns", "a.parquet", "a.arrow", "a.csv"] {
        let ran = scratch.run(&[&with(schema_from)[..], &["--force"]].concat());
        assert_eq!(ran.code, 1, "{schema_from}: {ran:?}");
        assert!(ran.err.contains(": 9 rows in 3 chunks, "), "{ran:?}");
        assert!(ran.err.contains("1 part skipped"), "{ran:?}");
        let (repaired, whole) = (["cat", "b.columns"], ["cat", "a.columns"]);
        assert_eq!(scratch.ok(&repaired).out, scratch.ok(&whole).out);
        scratch.ok(&["verify", "--deep", "b.columns"]);
    }

    scratch.write("a.array_record", "group_size:1", &["record"]);
    let words = [
        "a.array_record",
        "--schema-from goes only with a file of columns",
    ];
    scratch.fails(
        &[&ARGS[..], &["--schema-from", "a.columns"]].concat(),
        2,
        &words,
    );
}
