//! `cat` and `head` of records that are protocol buffer messages.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use windrow::Writer;

use crate::scratch::Scratch;
use crate::shop::{self, bytes, number, visit, visits};

/// The layouts that a projection has to give the same of.
const LAYOUTS: [&str; 4] = [
    "group_size:7",
    "group_size:7,transpose",
    "group_size:7,transpose,transpose_bucket_size:1,uncompressed",
    "group_size:20,transpose,transpose_bucket_size:64,brotli:3",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(n: u64) -> String {
    let text = if n % 2 == 1 {
        format!(r#""text":"text {n}","#)
    } else {
        String::new()
    };
    let more: Vec<_> = (0..n % 3)
        .map(|more| format!(r#"{{"name":"{more}"}}"#))
        .collect();
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(r#","more":[{}]"#, more.join(","))
    };
    let id = n + 1;
    format!(
        "{{\"visitId\":\"{id}\",{text}\"label\":{{\"name\":\"label {n}\",\"score\":1.5}}{more}}}\n"
    )
}

#[test]
fn messages_become_json_by_the_descriptor_of_the_file() {
    let scratch = Scratch::new();
    let every: String = (0..20).map(shown).collect();
    for layout in LAYOUTS {
        scratch.write_with("a.array_record", shop::options(layout), &visits(20));
        let json = |args: &[&str]| {
            let args = [args, &["--format", "json", "a.array_record"]].concat();
            scratch.ok(&args).text().to_owned()
        };
        assert_eq!(json(&["cat"]), every, "{layout}");
        assert_eq!(json(&["cat", "--range", "6:8"]), shown(6) + &shown(7));
        assert_eq!(json(&["cat", "--indices", "19,0"]), shown(19) + &shown(0));
        assert_eq!(json(&["head", "-n", "1"]), shown(0));
        assert_eq!(json(&["cat", "--follow"]), every);
    }
}

#[test]
fn every_kind_of_value() {
    let scratch = Scratch::new();
    let records = [
        [number(5, 1), bytes(6, b"\xff\x00"), number(1, u64::MAX)].concat(),
        Vec::new(),
        // A number that the enum does not have, and a field that the type does not have.
        [number(5, 7), number(77, 1), bytes(2, "a\n\"")].concat(),
    ];
    scratch.write_with("a.array_record", shop::options("transpose"), &records);
    let ran = scratch.ok(&["cat", "--format", "json", "a.array_record"]);
    assert_eq!(
        ran.text(),
        "{\"visitId\":\"-1\",\"kind\":\"GUEST\",\"data\":\"/wA=\"}\n{}\n{\"text\":\"a\\n\\\"\",\"kind\":7}\n"
    );
}

#[test]
fn fields_are_what_is_left_in_every_layout() {
    let scratch = Scratch::new();
    let left = |n: u64| {
        let label = bytes(3, bytes(1, format!("label {n}")));
        [number(1, n + 1), label].concat()
    };
    for layout in LAYOUTS {
        scratch.write_with("a.array_record", shop::options(layout), &visits(20));
        for fields in ["1,3.1", "visit_id,label.name", "visitId,3.name"] {
            let look = |format: &str, args: &[&str]| {
                let with = ["--fields", fields, "--format", format, "a.array_record"];
                scratch.ok(&[args, &with].concat()).text().to_owned()
            };
            let expected: String = (0..20).map(|n| hex(&left(n)) + "\n").collect();
            assert_eq!(look("hex", &["cat"]), expected, "{layout}, {fields}");
            assert_eq!(look("hex", &["cat", "--follow"]), expected);
            assert_eq!(look("hex", &["head", "-n", "20"]), expected);
            assert_eq!(
                look("json", &["cat", "--indices", "8"]),
                "{\"visitId\":\"9\",\"label\":{\"name\":\"label 8\"}}\n"
            );
            assert_eq!(
                look("hex", &["cat", "--range", "3:4"]),
                hex(&left(3)) + "\n"
            );
        }
    }
}

#[test]
fn descriptors_can_be_given() {
    let scratch = Scratch::new();
    scratch.put("shop.pb", shop::descriptor_set());
    scratch.write("a.array_record", "transpose", &visits(3));
    let show = ["cat", "--format", "json", "a.array_record"];
    scratch.fails(
        &show,
        2,
        &[
            "a.array_record: cannot tell",
            "--descriptor FILE --message NAME",
            "does not name the type",
        ],
    );
    let given = [
        &show[..],
        &["--descriptor", "shop.pb", "--message", "shop.Visit"],
    ]
    .concat();
    let every: String = (0..3).map(shown).collect();
    assert_eq!(scratch.ok(&given).text(), every);
    for fields in ["text,more", "2,more", "2,4"] {
        let ran = scratch.ok(&[&given[..], &["--fields", fields, "--range", "2:"]].concat());
        assert_eq!(
            ran.text(),
            "{\"more\":[{\"name\":\"0\"},{\"name\":\"1\"}]}\n"
        );
    }

    // It stands above what the file says.
    scratch.write_with("a.array_record", shop::options(""), &[bytes(1, "x")]);
    let label = ["--descriptor", "shop.pb", "--message", "shop.Label"];
    let ran = scratch.ok(&[&show[..], &label].concat());
    assert_eq!(ran.text(), "{\"name\":\"x\"}\n");

    scratch.put("text", "no descriptor");
    for (descriptor, message, words) in [
        (
            "shop.pb",
            "shop.Sale",
            "shop.pb: holds no descriptor of a message `shop.Sale`",
        ),
        (
            "text",
            "shop.Visit",
            "text: not a set of message descriptors",
        ),
        ("missing", "shop.Visit", "cannot read missing"),
    ] {
        let given = ["--descriptor", descriptor, "--message", message];
        scratch.fails(&[&show[..], &given].concat(), 2, &[words]);
    }
    let field = ["--fields", "label.colour"];
    scratch.fails(
        &[&given[..], &field].concat(),
        2,
        &["`label.colour`", "shop.pb", "no field `colour`"],
    );
}

#[test]
fn fields_that_cannot_be_found_are_told() {
    let scratch = Scratch::new();
    scratch.write("plain.array_record", "", &visits(3));
    scratch.write_with("shop.array_record", shop::options(""), &visits(3));
    for (file, fields, words) in [
        ("plain.array_record", "0", "`0`"),
        ("plain.array_record", "1,", "``"),
        ("plain.array_record", "536870912", "536870911"),
        ("plain.array_record", "text", "no descriptor"),
        ("shop.array_record", "label.colour", "no field `colour`"),
        ("shop.array_record", "text.name", "`text` is not a message"),
    ] {
        for command in ["cat", "head"] {
            scratch.fails(&[command, "--fields", fields, file], 2, &[file, words]);
        }
    }
}

#[test]
fn records_that_are_no_messages_are_told_or_skipped() {
    let scratch = Scratch::new();
    let records = [visit(0), b"no message".to_vec(), visit(2)];
    for layout in LAYOUTS {
        scratch.write_with("a.array_record", shop::options(layout), &records);
        for select in [
            &[][..],
            &["--range", ":"],
            &["--indices", "0,1,2"],
            &["--follow"],
        ] {
            let args = [&["cat", "--format", "json", "a.array_record"], select].concat();
            let words = ["a.array_record, record 1: not a message of type `shop.Visit`: "];
            let ran = scratch.fails(&args, 1, &words);
            assert_eq!(ran.text(), shown(0), "what came before is printed");
            let ran = scratch.run(&[&args[..], &["--on-corrupt", "skip"]].concat());
            assert_eq!((ran.code, ran.text()), (1, &*(shown(0) + &shown(2))));
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
            assert!(ran.err.contains(words[0]), "{}", ran.err);
        }
        // Without a look inside, it is a record like any other.
        let args = ["cat", "--fields", "1", "--indices", "1", "a.array_record"];
        assert_eq!(scratch.ok(&args).text(), "no message\n");
    }
}

#[test]
fn damage_is_skipped_around_messages() {
    let scratch = Scratch::new();
    scratch.write_with(
        "a.array_record",
        shop::options("group_size:2,transpose"),
        &visits(6),
    );
    let chunk = scratch.reader("a.array_record").chunk_location(1).unwrap();
    scratch.damage("a.array_record", usize::try_from(chunk.end).unwrap() - 1);
    let args = [
        "cat",
        "--format",
        "json",
        "--fields",
        "visit_id",
        "a.array_record",
    ];
    let id = |n: u64| format!("{{\"visitId\":\"{}\"}}\n", n + 1);
    let ran = scratch.fails(&args, 1, &["records 2..4"]);
    assert_eq!(ran.text(), id(0) + &id(1));
    for select in [&[][..], &["--follow"]] {
        let ran = scratch.run(&[&args[..], &["--on-corrupt", "skip"], select].concat());
        assert_eq!(ran.code, 1);
        assert_eq!(ran.text(), [0, 1, 4, 5].map(id).concat());
        assert!(ran.err.contains("chunk_data_hash"), "{}", ran.err);
    }
}

#[test]
fn a_file_that_grows_is_shown_as_messages() {
    let scratch = Scratch::new();
    let options = shop::options("group_size:3,transpose");
    let mut writer = Writer::create_file(scratch.path("a.array_record"), options).unwrap();
    writer.write_batch(visits(2)).unwrap();
    writer.flush().unwrap();
    let mut child = scratch
        .command(&["cat", "--follow", "--format", "json", "a.array_record"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    for n in 0..2 {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, shown(n));
    }
    writer.write_batch([visit(2), visit(3)]).unwrap();
    writer.finish().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, shown(2) + &shown(3));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));

    // Without a descriptor, that is told when there is something to show.
    scratch.write("plain.array_record", "", &visits(1));
    let args = ["cat", "--follow", "--format", "json", "plain.array_record"];
    scratch.fails(&args, 2, &["--descriptor FILE --message NAME"]);
    let numbers = [
        "cat",
        "--follow",
        "--fields",
        "1",
        "--format",
        "hex",
        "plain.array_record",
    ];
    assert_eq!(scratch.ok(&numbers).text(), "0801\n");
}

/// Each is decoded when it is shown, so that nothing else bounds how deep they stand.
#[test]
fn messages_of_any_type_are_bounded() {
    fn any(name: &str, value: &[u8]) -> Vec<u8> {
        [bytes(1, format!("t/{name}")), bytes(2, value)].concat()
    }
    let scratch = Scratch::new();
    let nested = |depth: u32| {
        let inner = any("shop.Label", &bytes(1, "inside"));
        let any = (1..depth).fold(inner, |inner, _| any("shop.Visit", &bytes(9, inner)));
        bytes(9, any)
    };
    scratch.write_with(
        "a.array_record",
        shop::options(""),
        &[nested(1), nested(16)],
    );
    let show = ["cat", "--format", "json", "a.array_record"];
    let ran = scratch.ok(&show);
    let first = "{\"any\":{\"@type\":\"t/shop.Label\",\"name\":\"inside\"}}";
    assert_eq!(ran.text().lines().next(), Some(first));
    assert_eq!(ran.text().matches("t/shop.Visit").count(), 15);
    for depth in [17, 5000] {
        scratch.write_with("a.array_record", shop::options(""), &[nested(depth)]);
        scratch.fails(&show, 1, &["record 0: more than 16 messages"]);
    }
    scratch.write_with(
        "a.array_record",
        shop::options(""),
        &[bytes(9, any("shop.Sale", b""))],
    );
    scratch.fails(
        &show,
        1,
        &["record 0: cannot be shown in JSON", "shop.Sale"],
    );
}
