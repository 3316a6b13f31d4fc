//! `bench`.

use serde_json::json;

use crate::scratch::{Scratch, documented, fields};

#[test]
fn figures_of_each_file() {
    let scratch = Scratch::new();
    let records: Vec<String> = (0..3000).map(|n| format!("record {n}")).collect();
    scratch.write("a.array_record", "group_size:50", &records);
    scratch.write("b.array_record", "layout:pages", &records);
    scratch.write::<&str>("none.array_record", "", &[]);
    let files = ["a.array_record", "b.array_record", "none.array_record"];
    let ran = scratch.ok(&[&["bench", "--json"][..], &files].concat());
    let lines = ran.json();
    let shape = documented("windrow bench", "kind: \"bench\"", &["kind"]);
    for (line, path) in lines.iter().zip(files) {
        assert_eq!(fields(line), shape);
        assert_eq!(line["path"], path);
        for (name, value) in line.as_object().unwrap() {
            if name.ends_with("_us") || name.ends_with("_per_second") {
                let measured = value.as_f64().is_some_and(|value| value > 0.0);
                let has_records = path != "none.array_record" || name == "open_us";
                assert_eq!(measured, has_records, "{path} {name}: {value}");
            }
        }
    }
    assert_eq!(
        (&lines[0]["records"], &lines[0]["chunks"]),
        (&json!(3000), &json!(60))
    );
    let ran = scratch.run(&["bench", "missing", "a.array_record"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("missing"), "{}", ran.err);
    let text = ran.text();
    assert!(
        text.starts_with("a.array_record: 3000 records in 60 chunks, "),
        "{text}"
    );
    for name in [
        "open",
        "index",
        "in order",
        "single, random",
        "batches of 256",
    ] {
        assert!(text.contains(&format!("\n  {name}")), "{name}: {text}");
    }
    scratch.damage("a.array_record", 120);
    scratch.fails(
        &["bench", "a.array_record"],
        1,
        &["chunk data hash differs", "a.array_record"],
    );
}
