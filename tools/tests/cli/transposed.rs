//! Transposed chunks, and what a file says of its records.

use windrow::WriterOptions;
use windrow::format::{ChunkHeader, ChunkType};

use crate::scratch::{Scratch, documented, fields};
use crate::shop::{self, visits};

/// Transposed and all chunks of the file, as `inspect` counts them.
fn transposed(scratch: &Scratch, name: &str) -> (u64, u64) {
    let file = &scratch.ok(&["inspect", "--json", name]).json()[0];
    let number = |field: &str| file[field].as_u64().unwrap();
    (number("transposed_chunks"), number("chunks"))
}

fn options_of(scratch: &Scratch, name: &str) -> WriterOptions {
    let reader = scratch.reader(name);
    reader.writer_options_string().unwrap().parse().unwrap()
}

#[test]
fn other_formats_go_in_and_come_back() {
    let scratch = Scratch::new();
    let lines: String = (0..100).map(|n| format!("{{\"line\": {n}}}\n")).collect();
    scratch.put("a.jsonl", &lines);
    let options = "transpose,transpose_bucket_size:16K,group_size:30";
    let args = ["convert", "--options", options, "a.jsonl", "a.array_record"];
    scratch.ok(&args);
    assert_eq!(transposed(&scratch, "a.array_record"), (4, 4));
    let written = options_of(&scratch, "a.array_record");
    assert_eq!(
        (written.transpose(), written.transpose_bucket_bytes()),
        (true, 16 << 10)
    );
    scratch.ok(&["verify", "--deep", "a.array_record"]);
    scratch.ok(&["convert", "a.array_record", "b.jsonl"]);
    assert_eq!(scratch.get("b.jsonl"), lines.as_bytes());
}

#[test]
fn rechunk_changes_the_layout_and_keeps_the_rest() {
    let scratch = Scratch::new();
    let options = shop::options("group_size:10,snappy").with_metadata("k", "v");
    scratch.write_with("a.array_record", options, &visits(100));
    let base = ["rechunk", "--force"];
    let rechunk = |from: &str, to: &str, options: &[&str]| {
        scratch.ok(&[&base[..], options, &[from, to]].concat());
        let reader = scratch.reader(to);
        assert_eq!(reader.records_metadata().unwrap(), Some(shop::metadata()));
        assert_eq!(reader.user_metadata(), [("k".to_owned(), b"v".to_vec())]);
        assert_eq!(scratch.records(to), visits(100));
        scratch.ok(&["verify", "--deep", to]);
        transposed(&scratch, to)
    };
    let (a, b, c) = ("a.array_record", "b.array_record", "c.array_record");
    assert_eq!(rechunk(a, b, &["--options", "transpose"]), (10, 10));
    assert_eq!(rechunk(b, c, &["--group-size", "50"]), (2, 2), "it stays");
    let back = ["--options", "transpose:false,group_size:10"];
    assert_eq!(rechunk(c, b, &back), (0, 10));
    assert_eq!(scratch.get(b), scratch.get(a));
}

#[test]
fn append_goes_on_in_the_layout_of_the_file() {
    let scratch = Scratch::new();
    let old: Vec<String> = (0..25).map(|n| format!("old {n}")).collect();
    scratch.put("new", "x\ny\nz\n");
    let all: Vec<&[u8]> = old.iter().map(|old| old.as_bytes()).collect();
    let all = [&all[..], &[b"x", b"y", b"z"]].concat();
    for args in [&[][..], &["--copy"]] {
        scratch.write_with(
            "a.array_record",
            shop::options("transpose,group_size:10"),
            &old,
        );
        let append = ["append", "--from", "lines", "a.array_record", "new"];
        scratch.ok(&[&append[..], args].concat());
        assert_eq!(scratch.records("a.array_record"), all);
        assert_eq!(transposed(&scratch, "a.array_record"), (3, 3), "{args:?}");
        let said = scratch.reader("a.array_record").records_metadata().unwrap();
        assert_eq!(said, Some(shop::metadata()));
        scratch.ok(&["verify", "--deep", "a.array_record"]);
    }
    // A file that append makes.
    let append = ["append", "--from", "lines", "b.array_record", "new"];
    scratch.ok(&[&append[..], &["--options", "transpose,group_size:2"]].concat());
    assert_eq!(transposed(&scratch, "b.array_record"), (2, 2));
}

#[test]
fn repair_keeps_layout_and_messages() {
    let scratch = Scratch::new();
    let options = shop::options("transpose,group_size:10");
    scratch.write_with("a.array_record", options, &visits(30));
    let repair = [
        "repair",
        "--force",
        "a.array_record",
        "-o",
        "b.array_record",
    ];
    scratch.ok(&repair);
    assert_eq!(scratch.get("b.array_record"), scratch.get("a.array_record"));

    let chunk = scratch.reader("a.array_record").chunk_location(1).unwrap();
    scratch.damage("a.array_record", usize::try_from(chunk.end).unwrap() - 1);
    assert_eq!(scratch.run(&repair).code, 1);
    let reader = scratch.reader("b.array_record");
    assert_eq!(reader.records_metadata().unwrap(), Some(shop::metadata()));
    let left = [&visits(10)[..], &visits(30)[20..]].concat();
    assert_eq!(scratch.records("b.array_record"), left);
    assert_eq!(transposed(&scratch, "b.array_record"), (2, 2));

    // Without an index.
    let whole = scratch.get("b.array_record");
    let end = reader.chunk_location(1).unwrap().end;
    scratch.put("a.array_record", &whole[..usize::try_from(end).unwrap()]);
    scratch.ok(&[&repair[..], &["--options", "transpose"]].concat());
    assert_eq!(scratch.records("b.array_record"), left);
    assert_eq!(
        scratch.reader("b.array_record").records_metadata().unwrap(),
        Some(shop::metadata())
    );
}

/// Damage to what the file says of its records costs no record.
#[test]
fn what_a_file_says_can_be_left_out() {
    let scratch = Scratch::new();
    let options = shop::options("uncompressed,group_size:10");
    scratch.write_with("a.array_record", options, &visits(30));
    // In the data of the metadata chunk, which begins at byte 64.
    scratch.damage("a.array_record", 64 + 40 + 100);
    let words = ["chunk data hash differs", "byte 64"];
    let rechunk = ["rechunk", "--force", "a.array_record", "b.array_record"];
    scratch.fails(&rechunk, 1, &words);
    scratch.fails(&["cat", "--format", "json", "a.array_record"], 1, &words);
    scratch.fails(&["inspect", "a.array_record"], 1, &words);
    let file = &scratch.run(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!((&file["faults"], &file["records"]), (&1.into(), &30.into()));
    for args in [
        &[&rechunk[..], &["--on-corrupt", "skip", "-q"]].concat()[..],
        &[
            "repair",
            "-q",
            "--force",
            "a.array_record",
            "-o",
            "b.array_record",
        ],
    ] {
        let ran = scratch.run(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        let said = ran.err.matches(words[0]).count();
        assert_eq!(said, 1, "{args:?}: {}", ran.err);
        assert_eq!(scratch.records("b.array_record"), visits(30));
        let reader = scratch.reader("b.array_record");
        assert_eq!(reader.records_metadata().unwrap(), None);
    }

    // Where the first chunk of records is damaged, nothing of that kind is missed.
    scratch.write("a.array_record", "uncompressed,group_size:10", &visits(30));
    scratch.damage("a.array_record", 64 + 1);
    scratch.fails(&rechunk, 1, &["records 0..10"]);
    let ran = scratch.run(&[&rechunk[..], &["--on-corrupt", "skip", "-q"]].concat());
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{}", ran.err);
    assert_eq!(scratch.records("b.array_record"), visits(30)[10..]);
}

#[test]
fn inspect_shows_what_the_file_says() {
    let scratch = Scratch::new();
    let options = shop::options("transpose,group_size:10");
    scratch.write_with("a.array_record", options, &visits(30));
    let lines = scratch
        .ok(&["inspect", "--json", "--chunks", "a.array_record"])
        .json();
    let said = &lines[0]["records_metadata"];
    assert_eq!(
        fields(said),
        documented("inspect", "| `records_metadata` | type", &[])
    );
    assert_eq!(said["record_type_name"], "shop.Visit");
    assert_eq!(said["file_comment"], "visits of a shop");
    assert_eq!(said["descriptors"], 2);
    let bytes: usize = shop::metadata().file_descriptor.iter().map(Vec::len).sum();
    assert_eq!(said["descriptor_bytes"], bytes);
    assert_eq!(lines[0]["dead_bytes"], 0);
    let chunk = &lines[2];
    assert_eq!(chunk["role"], "metadata");
    assert_eq!(chunk["bytes"], lines[0]["records_metadata_bytes"]);
    let parts = [
        "signature_bytes",
        "records_metadata_bytes",
        "data_bytes",
        "footer_bytes",
        "postscript_bytes",
        "padding_bytes",
    ];
    let sum: u64 = parts
        .map(|part| lines[0][part].as_u64().unwrap())
        .iter()
        .sum();
    assert_eq!(lines[0]["file_bytes"], sum, "the parts make the whole");
    assert_eq!(lines[3]["transposed"], true);

    let ran = scratch.ok(&["inspect", "--chunks", "a.array_record"]);
    for line in [
        "  chunks     3".to_owned(),
        "  layout     transposed".to_owned(),
        format!(
            "  messages   shop.Visit; 2 descriptors of {bytes} B; {} B in the file",
            chunk["bytes"]
        ),
        "  comment    visits of a shop".to_owned(),
    ] {
        assert!(
            ran.text().lines().any(|l| l == line),
            "{line}: {}",
            ran.text()
        );
    }
    assert!(
        ran.text().contains("  zstd, transposed\n"),
        "{}",
        ran.text()
    );

    scratch.put("more", "x\n");
    let append = ["append", "--from", "lines", "--options", "transpose:false"];
    let ran = scratch.run(&[&append[..], &["a.array_record", "more"]].concat());
    assert_ne!(ran.code, 0, "what contradicts the file is refused");
    scratch.write("plain.array_record", "", &["x"]);
    let file = &scratch
        .ok(&["inspect", "--json", "plain.array_record"])
        .json()[0];
    assert!(file["records_metadata"].is_null());
    assert_eq!(file["records_metadata_bytes"], 0);
}

#[test]
fn verify_decodes_transposed_chunks_if_asked() {
    let scratch = Scratch::new();
    let options = "transpose,group_size:10,uncompressed";
    scratch.write("a.array_record", options, &visits(10));
    scratch.ok(&["verify", "--deep", "a.array_record"]);
    // Other data, with hashes that fit: the header of the chunk's data tells more nodes than there are bytes.
    let begin = scratch
        .reader("a.array_record")
        .chunk_location(0)
        .unwrap()
        .begin;
    let begin = usize::try_from(begin).unwrap();
    let mut bytes = scratch.get("a.array_record");
    let old = ChunkHeader::parse(&bytes[begin..begin + 40], windrow::At::byte(64)).unwrap();
    let end = begin + 40 + usize::try_from(old.data_bytes).unwrap();
    bytes[begin + 41..begin + 60].fill(0x7f);
    let new = ChunkHeader::new(
        ChunkType::Transposed,
        old.num_records,
        old.decoded_bytes,
        &bytes[begin + 40..end],
    );
    bytes[begin..begin + 40].copy_from_slice(&new.encode());
    scratch.put("a.array_record", bytes);
    scratch.ok(&["verify", "a.array_record"]);
    let ran = scratch.run(&["verify", "--deep", "--json", "a.array_record"]);
    assert_eq!(ran.code, 1);
    let fault = &ran.json()[0]["faults"][0];
    assert_eq!(fault["byte"], begin);
    assert_eq!(fault["records"], serde_json::json!([0, 10]));
    scratch.fails(&["cat", "a.array_record"], 1, &["records 0..10"]);
}
