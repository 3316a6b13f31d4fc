//! `train-dictionary`.

use windrow::Dictionary;

use crate::pages::{events, id_of};
use crate::scratch::{Scratch, documented, fields};

#[test]
fn a_dictionary_of_several_inputs_is_written_and_used() {
    let scratch = Scratch::new();
    scratch.put("a.jsonl", events(0, 3000));
    let lines: Vec<String> = events(7, 3000).lines().map(str::to_owned).collect();
    scratch.write("b.array_record", "group_size:100", &lines);
    let args = [
        "train-dictionary",
        "a.jsonl",
        "b.array_record",
        "-o",
        "c.dict",
    ];
    let ran = scratch.ok(&[&args[..], &["--size", "4K"]].concat());
    assert!(ran.out.is_empty());
    assert!(
        ran.err.starts_with("windrow: c.dict: dictionary "),
        "{}",
        ran.err
    );
    assert!(ran.err.ends_with(" % saved\n"), "{}", ran.err);
    let dictionary = Dictionary::new(scratch.get("c.dict")).unwrap();
    let bytes = dictionary.as_bytes();
    assert!(bytes.len() <= 4096);
    assert_eq!(bytes[..4], [0x37, 0xa4, 0x30, 0xec], "as zstd -D takes it");

    scratch.fails(&args, 2, &["c.dict", "--force"]);
    let ran = scratch.ok(&[&args[..], &["--force", "--json"]].concat());
    let report = &ran.json()[0];
    let section = "windrow train-dictionary";
    assert_eq!(
        fields(report),
        documented(section, "kind: \"dictionary\"", &["kind"])
    );
    assert_eq!(
        fields(&report["held_back"]),
        documented("windrow inspect", "| gain |", &[])
    );
    assert_eq!(
        (&report["inputs"], &report["records"]),
        (&2.into(), &6000.into())
    );
    let bytes = |name: &str| report["held_back"][name].as_u64().unwrap();
    assert!(bytes("with_bytes") * 2 < bytes("without_bytes"), "{report}");
    let dictionary = Dictionary::new(scratch.get("c.dict")).unwrap();
    assert_eq!(report["id"], format!("{:016x}", dictionary.id()));

    let pages = ["--layout", "pages", "--dictionary", "c.dict"];
    scratch.ok(&[&["convert", "a.jsonl", "d.array_record"][..], &pages].concat());
    assert_eq!(
        id_of(&scratch.reader("d.array_record")),
        Some(dictionary.id())
    );
}

#[test]
fn without_anything_to_train_on_nothing_is_written() {
    let scratch = Scratch::new();
    scratch.put("few.txt", "one\ntwo\nthree\n");
    let mut state = 1_u64;
    let noise: Vec<[u8; 64]> = std::iter::repeat_with(|| {
        std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        })
    })
    .take(4000)
    .collect();
    scratch.write("noise.array_record", "", &noise);
    scratch.write::<&str>("empty.array_record", "", &[]);
    for input in ["few.txt", "noise.array_record", "empty.array_record"] {
        let args = ["train-dictionary", input, "-o", "a.dict"];
        scratch.fails(&args, 1, &["nothing to train on"]);
    }
    scratch.fails(
        &["train-dictionary", "missing.csv", "-o", "a.dict"],
        2,
        &["missing.csv"],
    );
    scratch.fails(
        &["train-dictionary", "few.txt", "-o", "-"],
        2,
        &["needs a name"],
    );
    assert!(!scratch.path("a.dict").exists());
}
