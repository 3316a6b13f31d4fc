//! Record pages and dictionaries, through all commands that write.

use serde_json::{Value, json};
use windrow::{Dictionary, DictionaryOption, Layout, Reader, Writer, WriterOptions};

use crate::scratch::{Scratch, documented, fields};

/// Small records that resemble each other, as lines of JSON.
pub fn events(seed: usize, count: usize) -> String {
    let line = |i: usize| {
        let user = (i * 2_654_435_761 + seed) % 10_007;
        format!("{{\"user\":{user},\"action\":\"view\",\"session\":\"s-{i:06}\"}}\n")
    };
    (0..count).map(line).collect()
}

pub fn id_of(reader: &Reader) -> Option<u64> {
    let dictionary = reader.dictionaries().unwrap().first();
    dictionary.map(Dictionary::id)
}

fn options_of(reader: &Reader) -> WriterOptions {
    let told = reader.footer().metadata.parsed_writer_options();
    told.unwrap()
}

/// `a.array_record` of 6000 events, in pages of 500, with a dictionary of its own.
fn with_pages() -> Scratch {
    let scratch = Scratch::new();
    scratch.put("a.jsonl", events(0, 6000));
    scratch.ok(&[
        "convert",
        "a.jsonl",
        "a.array_record",
        "--layout",
        "pages",
        "--dictionary",
        "auto",
        "--group-size",
        "500",
    ]);
    scratch
}

#[test]
fn a_dictionary_is_trained_given_or_taken_from_another_file() {
    let scratch = with_pages();
    let own = scratch.reader("a.array_record");
    assert_eq!(own.footer().metadata.version, 2);
    assert!(own.footer().metadata.has_pages);
    let id = id_of(&own).unwrap();
    scratch.put("a.dict", own.dictionaries().unwrap()[0].as_bytes());
    let whole = scratch.get("a.array_record");
    for dictionary in ["a.dict", "a.array_record", "./a.dict"] {
        let layout = ["--layout", "pages", "--dictionary", dictionary];
        let args = ["convert", "a.jsonl", "b.array_record", "--force"];
        scratch.ok(&[&args[..], &layout, &["--group-size", "500"]].concat());
        assert!(scratch.get("b.array_record") == whole, "{dictionary}");
    }
    let args = ["convert", "a.jsonl", "c.array_record", "--layout", "pages"];
    scratch.ok(&[&args[..], &["--dictionary", "4K"]].concat());
    let reader = scratch.reader("c.array_record");
    let [dictionary] = reader.dictionaries().unwrap() else {
        panic!("one dictionary");
    };
    assert!(dictionary.as_bytes().len() <= 4096 && dictionary.id() != id);
    scratch.ok(&[&args[..], &["--dictionary", "off", "--force"]].concat());
    assert_eq!(id_of(&scratch.reader("c.array_record")), None);
}

#[test]
fn what_cannot_be_a_dictionary() {
    let scratch = with_pages();
    scratch.write("plain.array_record", "", &["x"]);
    scratch.put("short.dict", [1; 255]);
    scratch.put(
        "broken.dict",
        [&[0x37, 0xa4, 0x30, 0xec][..], &[0xff; 300]].concat(),
    );
    let args = ["convert", "a.jsonl", "b.array_record", "--layout", "pages"];
    for (dictionary, words) in [
        (
            "atuo",
            &["atuo", "off, auto, a size such as 112K, or a file"][..],
        ),
        ("100", &["dictionary", "invalid value: 100"]),
        ("1P", &["dictionary", "invalid value: 1P"]),
        ("short.dict", &["short.dict", "255 bytes"]),
        ("broken.dict", &["broken.dict", "damaged"]),
        (
            "plain.array_record",
            &["plain.array_record", "no dictionary"],
        ),
    ] {
        scratch.fails(
            &[&args[..], &["--dictionary", dictionary]].concat(),
            2,
            words,
        );
    }
    for more in [
        &["--dictionary", "auto"][..],
        &["--layout", "pages", "--options", "transpose"],
        &[
            "--layout",
            "pages",
            "--dictionary",
            "auto",
            "--codec",
            "snappy",
        ],
        &["--layout", "pages", "--options", "layout:pages"],
        &["--layout", "columns"],
    ] {
        scratch.fails(
            &[&["convert", "a.jsonl", "b.array_record"][..], more].concat(),
            2,
            &["invalid options"],
        );
    }
    assert!(!scratch.path("b.array_record").exists());
}

#[test]
fn rechunk_keeps_layout_and_dictionary_and_makes_groups_again() {
    let scratch = with_pages();
    let before = scratch.reader("a.array_record");
    scratch.ok(&["rechunk", "a.array_record", "b.array_record"]);
    assert!(scratch.get("a.array_record") == scratch.get("b.array_record"));
    let args = ["rechunk", "a.array_record", "c.array_record", "--force"];
    scratch.ok(&[&args[..], &["--codec", "zstd:9"]].concat());
    assert_eq!(id_of(&scratch.reader("c.array_record")), id_of(&before));
    scratch.ok(&[&args[..], &["--codec", "snappy"]].concat());
    assert_eq!(id_of(&scratch.reader("c.array_record")), None);

    scratch.ok(&[&args[..], &["--layout", "groups"]].concat());
    let groups = scratch.reader("c.array_record");
    assert_eq!(groups.footer().metadata.version, 1);
    assert_eq!(groups.num_chunks(), 6000, "upstream's group size");
    assert_eq!(
        scratch.records("c.array_record"),
        scratch.records("a.array_record")
    );
    let back = [
        "rechunk",
        "c.array_record",
        "d.array_record",
        "--layout",
        "pages",
    ];
    scratch.ok(&[&back[..], &["--dictionary", "a.array_record"]].concat());
    let back = scratch.reader("d.array_record");
    assert_eq!(back.num_chunks(), 6, "groups of 1024");
    assert_eq!(id_of(&back), id_of(&before));
    scratch.ok(&[
        "verify",
        "--deep",
        "a.array_record",
        "c.array_record",
        "d.array_record",
    ]);
}

#[test]
fn files_with_different_dictionaries_become_one() {
    let scratch = with_pages();
    scratch.put("b.jsonl", events(99, 5000));
    let pages = ["--layout", "pages", "--dictionary", "8K"];
    scratch.ok(&[&["convert", "b.jsonl", "b.array_record"][..], &pages].concat());
    let both = ["a.array_record", "b.array_record"];
    let ids = both.map(|name| id_of(&scratch.reader(name)).unwrap());
    assert_ne!(ids[0], ids[1]);
    let all = [scratch.records(both[0]), scratch.records(both[1])].concat();
    scratch.ok(&["convert", both[0], both[1], "plain.array_record"]);
    assert_eq!(scratch.records("plain.array_record"), all);
    let args = ["convert", both[0], both[1], "all.array_record"];
    scratch.ok(&[&args[..], &["--layout", "pages", "--dictionary", "auto"]].concat());
    assert_eq!(scratch.records("all.array_record"), all);
    assert_eq!(
        scratch
            .reader("all.array_record")
            .dictionaries()
            .unwrap()
            .len(),
        1
    );
    // An append goes on with the dictionary that is there.
    scratch.ok(&["append", "a.array_record", "b.array_record"]);
    assert_eq!(scratch.records("a.array_record"), all);
    assert_eq!(id_of(&scratch.reader("a.array_record")), Some(ids[0]));
    scratch.ok(&[
        "append",
        "a.array_record",
        "b.jsonl",
        "--dictionary",
        "auto",
    ]);
    let same = [
        "append",
        "a.array_record",
        "b.jsonl",
        "--dictionary",
        "plain.array_record",
    ];
    scratch.fails(&same, 2, &["no dictionary"]);
    let other = [
        "append",
        "a.array_record",
        "b.jsonl",
        "--dictionary",
        "b.array_record",
    ];
    scratch.fails(
        &[&other[..], &["--layout", "pages"]].concat(),
        2,
        &["dictionary"],
    );
    scratch.ok(&["verify", "--deep", "a.array_record", "all.array_record"]);
}

#[test]
fn repair_keeps_layout_and_dictionary() {
    let scratch = with_pages();
    let before = scratch.reader("a.array_record");
    let id = id_of(&before);
    let first = before.chunk_location(0).unwrap();
    // The first copy of the dictionary is damaged: the second one is behind the footer.
    scratch.damage("a.array_record", 64 + 200);
    let report = scratch.run(&["verify", "a.array_record"]);
    assert_eq!(report.code, 1);
    assert!(
        report.text().contains("0 records lost of 6000"),
        "{}",
        report.text()
    );
    let ran = scratch.run(&["repair", "a.array_record", "-o", "b.array_record"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("1 part skipped (1."), "{}", ran.err);
    assert!(
        ran.err.contains(", 0 records known to be lost"),
        "{}",
        ran.err
    );
    let repaired = scratch.reader("b.array_record");
    assert_eq!((repaired.len(), id_of(&repaired)), (6000, id));
    assert_eq!(options_of(&repaired), options_of(&before));
    // A chunk more.
    scratch.damage("a.array_record", usize::try_from(first.end - 100).unwrap());
    let ran = scratch.run(&["repair", "a.array_record", "-o", "c.array_record"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let repaired = scratch.reader("c.array_record");
    assert_eq!((repaired.len(), id_of(&repaired)), (5500, id));
    scratch.ok(&["verify", "--deep", "b.array_record", "c.array_record"]);
}

#[test]
fn a_file_that_was_never_finished_keeps_them_too() {
    let scratch = with_pages();
    let dictionary = scratch.reader("a.array_record").dictionaries().unwrap()[0].clone();
    let options = WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_group_size(500)
        .with_dictionary(DictionaryOption::Given(dictionary.clone()));
    let mut writer = Writer::create_file(scratch.path("cut.array_record"), options).unwrap();
    for line in events(0, 1600).lines() {
        writer.write(line.as_bytes()).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    scratch.ok(&["repair", "cut.array_record", "-o", "b.array_record"]);
    let repaired = scratch.reader("b.array_record");
    assert_eq!(repaired.len(), 1600);
    assert_eq!(options_of(&repaired).layout(), Layout::Pages);
    assert_eq!(id_of(&repaired), Some(dictionary.id()));
}

#[test]
fn inspect_shows_layout_and_dictionaries() {
    let scratch = with_pages();
    let args = ["inspect", "--json", "--chunks", "a.array_record"];
    let lines = scratch.ok(&args).json();
    let file = &lines[0];
    assert_eq!(
        fields(file),
        documented("windrow inspect", "kind: \"file\"", &["kind"])
    );
    assert_eq!(
        (&file["layout"], &file["page_chunks"]),
        (&json!("pages"), &json!(12))
    );
    let [dictionary] = &file["dictionaries"].as_array().unwrap()[..] else {
        panic!("one dictionary: {file}");
    };
    let shape = documented("windrow inspect", "| `dictionaries` | type", &[]);
    assert_eq!(fields(dictionary), shape);
    let reader = scratch.reader("a.array_record");
    let id = format!("{:016x}", id_of(&reader).unwrap());
    assert_eq!(dictionary["id"], id);
    assert_eq!(
        fields(&dictionary["gain"]),
        documented("windrow inspect", "| gain |", &[])
    );
    let gain = |name: &str| dictionary["gain"][name].as_u64().unwrap();
    assert!(
        gain("with_bytes") * 3 < gain("without_bytes") * 2,
        "{dictionary}"
    );
    assert_eq!(gain("records"), 6000, "all of them, for they are few");
    let copies = dictionary["copies"].as_array().unwrap();
    let footer = reader.footer();
    assert_eq!(copies[0]["offset"], footer.metadata.dictionaries[0]);
    assert_eq!(copies[1]["offset"], footer.footer_end);
    assert!(copies.iter().all(|copy| copy["sound"] == true));
    let bytes: u64 = copies
        .iter()
        .map(|copy| copy["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(file["dictionary_bytes"], bytes);
    let parts = [
        "signature_bytes",
        "data_bytes",
        "footer_bytes",
        "postscript_bytes",
        "padding_bytes",
        "dictionary_bytes",
        "dead_bytes",
    ];
    let sum: u64 = parts.iter().map(|name| file[name].as_u64().unwrap()).sum();
    assert_eq!(file["file_bytes"], sum, "the parts make the whole");
    let count = |key: &str, value: &Value| lines.iter().filter(|line| line[key] == *value).count();
    assert_eq!(count("role", &json!("dictionary")), 2);
    assert_eq!(
        count("layout", &json!("pages")),
        12 + 1,
        "the file's line, too"
    );

    let ran = scratch.ok(&["inspect", "--chunks", "a.array_record"]);
    let text = ran.text();
    assert!(text.contains("  layout     pages\n"), "{text}");
    assert!(text.contains(&format!("  dictionary {id}, ")), "{text}");
    assert!(text.contains(" % saved\n"), "{text}");
    assert!(text.contains("  copies     byte 64: "), "{text}");
    assert!(text.contains("zstd, pages\n"), "{text}");
    assert!(text.contains("\n  dictionary         - "), "{text}");
}

#[test]
fn a_damaged_copy_is_told() {
    let scratch = with_pages();
    let whole = scratch.get("a.array_record");
    let behind = scratch.reader("a.array_record").footer().footer_end;
    scratch.damage("a.array_record", 64 + 200);
    let ran = scratch.run(&["inspect", "--json", "a.array_record"]);
    let line = &ran.json()[0];
    let sound = |line: &Value| -> Vec<bool> {
        let copies = line["dictionaries"][0]["copies"].as_array().unwrap();
        copies.iter().map(|copy| copy["sound"] == true).collect()
    };
    assert_eq!(sound(line), [false, true]);
    assert_eq!(line["dictionaries"].as_array().unwrap().len(), 1);
    let text = scratch.run(&["inspect", "a.array_record"]);
    assert!(text.text().contains(", damaged; byte "), "{text:?}");
    let verify = scratch.run(&["verify", "a.array_record"]);
    assert_eq!(verify.code, 1);
    assert!(
        verify.text().contains("byte 64: chunk_data_hash: "),
        "{verify:?}"
    );
    // Without both, every record is lost.
    scratch.damage("a.array_record", usize::try_from(behind).unwrap() + 200);
    let line = &scratch.run(&["inspect", "--json", "a.array_record"]).json()[0];
    assert_eq!(sound(line), [false, false]);
    assert_eq!(line["dictionaries"][0]["gain"], json!(null));
    let text = scratch.run(&["inspect", "a.array_record"]);
    assert!(text.text().contains(", lost: no copy is sound"), "{text:?}");
    scratch.fails(&["cat", "a.array_record"], 1, &["dictionary"]);
    let deep = scratch.run(&["verify", "--deep", "a.array_record"]);
    assert!(deep.text().contains("dictionary_missing"), "{deep:?}");
    // One whose header is damaged is not seen at all.
    scratch.put("a.array_record", &whole);
    scratch.damage("a.array_record", 64 + 3);
    let text = scratch.run(&["inspect", "a.array_record"]);
    assert!(
        text.text().contains("; the other one is missing"),
        "{text:?}"
    );
    scratch.ok(&["cat", "a.array_record"]);
}
