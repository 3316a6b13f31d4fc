//! Help texts and the command line itself.

use windrow::WRITER_KEYS;

use crate::scratch::Scratch;

const COMMANDS: [&str; 11] = [
    "inspect",
    "cat",
    "head",
    "verify",
    "convert",
    "rechunk",
    "append",
    "repair",
    "train-dictionary",
    "advise",
    "bench",
];

#[test]
fn help_lists_every_key_of_the_option_table() {
    let scratch = Scratch::new();
    for command in ["convert", "rechunk", "append", "repair"] {
        let ran = scratch.ok(&[command, "--help"]);
        // Long lines are wrapped, so white space does not count.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let help = words(ran.text());
        assert!(!WRITER_KEYS.is_empty());
        for key in WRITER_KEYS {
            let mut entry = format!("{} {} values: {}", key.name, key.doc, key.values);
            if !key.default.is_empty() {
                entry += &format!("; default: {}", key.default);
            }
            assert!(help.contains(&words(&entry)), "{entry}");
        }
    }
}

#[test]
fn each_command_has_examples_that_parse() {
    let scratch = Scratch::new();
    let ran = scratch.ok(&["--help"]);
    for command in COMMANDS {
        assert!(ran.text().contains(&format!("\n  {command} ")), "{command}");
        let ran = scratch.ok(&[command, "--help"]);
        let examples: Vec<&str> = ran
            .text()
            .lines()
            .filter_map(|line| line.split_once("  windrow ").map(|(_, rest)| rest))
            .collect();
        assert!(examples.len() >= 2, "{command}: {}", ran.text());
        for example in examples {
            // What stands behind two spaces explains; the names are not there, so each ends in code 2.
            let line = example.split("  ").next().unwrap();
            let line = line.split(" | ").next().unwrap().replace('"', "");
            let args: Vec<&str> = line.split_whitespace().collect();
            let ran = scratch.run(&args);
            assert_eq!(ran.code, 2, "{line}");
            assert!(ran.err.starts_with("windrow: "), "{line}: {}", ran.err);
        }
    }
}

#[test]
fn help_names_the_file_of_the_repository() {
    let scratch = Scratch::new();
    for command in [
        "inspect",
        "verify",
        "convert",
        "rechunk",
        "append",
        "repair",
        "train-dictionary",
        "advise",
        "bench",
    ] {
        let ran = scratch.ok(&[command, "--help"]);
        let text = ran.text();
        let named = text.matches("JSON.md").count();
        assert!(named > 0, "{command}");
        assert_eq!(text.matches("tools/JSON.md").count(), named, "{command}");
    }
    let ran = scratch.ok(&["convert", "--help"]);
    assert!(ran.text().contains("a missing last line end is added"));
}

#[test]
fn the_version_is_told() {
    let scratch = Scratch::new();
    let version = format!("windrow {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(scratch.ok(&["--version"]).text(), version);
}

#[test]
fn a_wrong_command_line_is_code_2() {
    let scratch = Scratch::new();
    for args in [
        &[][..],
        &["frobnicate"],
        &["--frobnicate"],
        &["inspect"],
        &["verify"],
        &["cat"],
        &["cat", "a", "b"],
        &["cat", "--format", "xml", "a"],
        &["head", "-n", "-1", "a"],
        &["head", "-n", "many", "a"],
        &["convert", "a.csv"],
        &["convert", "--from", "parquet", "a", "b"],
        &["rechunk", "a"],
        &["rechunk", "a", "b", "c"],
        &["append"],
        &["repair", "a"],
        &["repair", "a", "b"],
        &["repair", "-o", "b"],
        &["advise"],
        &["bench"],
        &["bench", "--seconds", "0", "a"],
        &["advise", "a.csv", "b.csv"],
        &["advise", "a.csv", "--access", "backwards"],
        &["advise", "a.csv", "--force"],
        &["train-dictionary", "a.jsonl"],
        &["train-dictionary", "-o", "b"],
        &["train-dictionary", "a.jsonl", "-o", "b", "--size", "off"],
        &["train-dictionary", "a.jsonl", "-o", "b", "--size", "255"],
        &["cat", "--follow", "--indices", "1", "a"],
        &["cat", "--on-corrupt", "stop", "a"],
        &["head", "--follow", "a"],
        &["cat", "--descriptor", "b", "a"],
        &["cat", "--message", "b", "a"],
        &["head", "--fields", "a"],
        &["inspect", "--deep", "a"],
    ] {
        let ran = scratch.run(args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.out.is_empty(), "{args:?}: words go to standard error");
        assert!(!ran.err.contains("panicked"), "{args:?}: {}", ran.err);
    }
    for command in COMMANDS {
        assert_eq!(scratch.run(&[command, "--frobnicate", "a", "b"]).code, 2);
    }
}

#[test]
fn unknown_options_are_named_and_nothing_is_written() {
    let scratch = Scratch::new();
    scratch.put("a.txt", "x\n");
    for (args, words) in [
        (
            ["--options", "frobnicate:1"],
            &["Unknown option frobnicate", "group_size"][..],
        ),
        (
            ["--options", "group_size:0"],
            &["group_size", "invalid value: 0"],
        ),
        (["--options", "zstd:3,zstd:4"], &["zstd", "more than once"]),
        (
            ["--options", "snappy,window_log:20"],
            &["window_log conflicts with option snappy"],
        ),
        (["--group-size", "0"], &["group_size", "[1..2147483647]"]),
        (["--group-size", "-5"], &["group_size", "-5"]),
        (["--codec", "zstd:99"], &["zstd", "99"]),
        (
            ["--codec", "lz4"],
            &[
                "--codec lz4",
                "expected zstd, brotli, snappy or uncompressed",
            ],
        ),
        (
            ["--codec", "pad_to_block_boundary"],
            &["expected zstd, brotli"],
        ),
        (
            ["--options", "transpose:perhaps"],
            &["transpose", "invalid value: perhaps"],
        ),
    ] {
        let args = [&["convert", "a.txt", "a.array_record"], &args[..]].concat();
        let ran = scratch.run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        if ran.err.starts_with("windrow: ") {
            for word in words {
                assert!(ran.err.contains(word), "{word}: {}", ran.err);
            }
        }
        assert!(!scratch.path("a.array_record").exists(), "{args:?}");
    }
}

/// Whatever is typed, the answer is an exit code of ours and never a panic.
#[test]
fn odd_arguments_do_not_panic() {
    let odd = [
        "",
        " ",
        "-",
        "--",
        "18446744073709551616",
        "0:0:0",
        ",",
        "\u{fffd}",
        "/",
        "a.array_record/b",
    ];
    for command in COMMANDS {
        // Each in its own folder: those that measure take their time with a file that is there.
        let scratch = Scratch::new();
        scratch.write("a.array_record", "", &["x"]);
        let file = match command {
            "advise" | "bench" => "missing.array_record",
            _ => "a.array_record",
        };
        for one in odd {
            for args in [
                vec![command, one],
                vec![command, one, one],
                vec![command, file, one],
                vec![command, "--options", one, file, "b.array_record", "--force"],
                vec![command, "--range", one, file],
                vec![command, "--indices", one, file],
                vec![command, "--from", one, file, "b.array_record"],
            ] {
                let ran = scratch.run(&args);
                assert!((0..=2).contains(&ran.code), "{args:?}: {ran:?}");
                assert!(!ran.err.contains("panicked"), "{args:?}: {}", ran.err);
            }
        }
    }
}
