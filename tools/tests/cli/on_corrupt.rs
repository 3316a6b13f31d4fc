//! `--on-corrupt skip`.

use crate::scratch::Scratch;

/// Three chunks of two records; the second chunk is damaged.
fn damaged() -> Scratch {
    let scratch = Scratch::new();
    let records = ["r0", "r1", "r2", "r3", "r4", "r5"];
    scratch.write("a.array_record", "group_size:2,uncompressed", &records);
    let chunk = scratch.reader("a.array_record").chunk_location(1).unwrap();
    scratch.damage("a.array_record", usize::try_from(chunk.end).unwrap() - 1);
    scratch
}

#[test]
fn what_is_whole_goes_on_and_what_is_not_is_listed() {
    let scratch = damaged();
    let skipped = "windrow: a.array_record: skipped bytes 112..160, chunk 1: chunk_data_hash: ";
    for (args, out) in [
        (&["cat", "a.array_record"][..], "r0\nr1\nr4\nr5\n"),
        (&["head", "-n", "5", "a.array_record"], "r0\nr1\nr4\n"),
        (&["cat", "--range", "3:", "a.array_record"], "r4\nr5\n"),
        (
            &[
                "cat",
                "--format",
                "jsonl",
                "--range",
                "1:5",
                "a.array_record",
            ],
            "{\"index\":1,\"text\":\"r1\"}\n{\"index\":4,\"text\":\"r4\"}\n",
        ),
        (
            &["convert", "--to", "lines", "a.array_record", "-"],
            "r0\nr1\nr4\nr5\n",
        ),
    ] {
        scratch.fails(args, 1, &["records 2..4", "chunk data hash differs"]);
        scratch.fails(
            &[args, &["--on-corrupt", "raise"]].concat(),
            1,
            &["records 2..4"],
        );
        let ran = scratch.run(&[args, &["--on-corrupt", "skip"]].concat());
        assert_eq!((ran.code, ran.text()), (1, out), "{args:?}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.starts_with(skipped), "{}", ran.err);
        assert!(ran.err.ends_with("; records 2..4 lost\n"), "{}", ran.err);
    }
    // What needs none of it is fine.
    let ran = scratch.ok(&[
        "cat",
        "--on-corrupt",
        "skip",
        "--range",
        "4:",
        "a.array_record",
    ]);
    assert_eq!((ran.text(), ran.err.as_str()), ("r4\nr5\n", ""));
}

#[test]
fn single_records_are_skipped_one_by_one() {
    let scratch = damaged();
    let args = [
        "cat",
        "--on-corrupt",
        "skip",
        "--indices",
        "5,2,0,3",
        "a.array_record",
    ];
    let ran = scratch.run(&args);
    assert_eq!((ran.code, ran.text()), (1, "r5\nr0\n"));
    assert_eq!(
        ran.err
            .matches("skipped: a.array_record, records 2..4: ")
            .count(),
        2,
        "{}",
        ran.err
    );
}

#[test]
fn outputs_are_written_and_the_report_counts() {
    let scratch = damaged();
    for command in ["convert", "rechunk"] {
        let args = [
            command,
            "--json",
            "--force",
            "a.array_record",
            "b.array_record",
        ];
        scratch.fails(&args, 1, &["records 2..4"]);
        assert!(!scratch.path("b.array_record").exists());
        let ran = scratch.run(&[&args[..], &["--on-corrupt", "skip"]].concat());
        assert_eq!(ran.code, 1);
        assert_eq!(ran.json()[0]["skipped"], 1);
        assert_eq!(scratch.records("b.array_record").concat(), b"r0r1r4r5");
        std::fs::remove_file(scratch.path("b.array_record")).unwrap();
    }
}

#[test]
fn a_file_without_an_index_is_scanned() {
    let scratch = damaged();
    let whole = scratch.get("a.array_record");
    scratch.put("a.array_record", &whole[..64 + 3 * 48]);
    let words = [
        "no valid postscript",
        "windrow repair a.array_record -o OUT",
    ];
    for args in [
        &["cat", "a.array_record"][..],
        &["head", "a.array_record"],
        &["inspect", "a.array_record"],
        &["rechunk", "a.array_record", "b.array_record"],
        &["convert", "a.array_record", "b.txt"],
    ] {
        scratch.fails(args, 1, &words);
    }
    let ran = scratch.run(&["cat", "--on-corrupt", "skip", "a.array_record"]);
    assert_eq!((ran.code, ran.text()), (1, "r0\nr1\nr4\nr5\n"));
    assert!(
        ran.err.contains("its records were found by a scan"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("skipped bytes 112..160"), "{}", ran.err);
}

/// Three row groups of a thousand rows; the second one is damaged.
fn damaged_table() -> Scratch {
    let scratch = Scratch::new();
    let rows: String = (0..3000)
        .map(|n| format!("{n},{}\n", n * n % 977))
        .collect();
    scratch.put("a.csv", format!("number,other\n{rows}"));
    scratch.ok(&["convert", "--group-rows", "1000", "a.csv", "a.columns"]);
    let table = windrow::TableReader::open(scratch.path("a.columns")).unwrap();
    let middle = table.file().chunk_location(1).unwrap();
    scratch.damage("a.columns", usize::try_from(middle.end - 20).unwrap());
    scratch
}

#[test]
fn tables_go_on_behind_a_damaged_row_group() {
    let scratch = damaged_table();
    let whole: Vec<u32> = (0..1000).chain(2000..3000).collect();
    let cat = ["cat", "--format", "jsonl", "a.columns"];
    let convert = ["convert", "a.columns", "-", "--to", "jsonl"];
    for args in [&cat[..], &convert] {
        scratch.fails(args, 1, &["rows 1000..2000"]);
        let ran = scratch.run(&[args, &["--on-corrupt", "skip"]].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        let numbers = ran.text().lines().map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            u32::try_from(row["number"].as_u64().unwrap()).unwrap()
        });
        assert!(numbers.eq(whole.iter().copied()), "{args:?}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(
            ran.err.starts_with("windrow: a.columns: skipped bytes ")
                && ran.err.contains(", chunk 1: ")
                && ran.err.ends_with("; rows 1000..2000 lost\n"),
            "{}",
            ran.err
        );
    }
    // What needs none of it is fine.
    let skip = ["--on-corrupt", "skip"];
    let ran = scratch.ok(&[&cat[..], &skip, &["--range", "2999:"]].concat());
    assert_eq!((ran.text().lines().count(), ran.err.as_str()), (1, ""));
    // Single rows, too.
    let ran = scratch.run(&[&cat[..], &skip, &["--indices", "2999,1990,1999,7"]].concat());
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.text().lines().last().unwrap(),
        "{\"number\":7,\"other\":49}"
    );

    for (args, output) in [
        (&["rechunk", "a.columns", "b.columns"][..], "b.columns"),
        (&["convert", "a.columns", "c.columns"], "c.columns"),
        (&["append", "d.columns", "a.columns"], "d.columns"),
    ] {
        if args[0] == "append" {
            scratch.put("empty.csv", "number,other\n");
            scratch.ok(&[
                "convert",
                "--types",
                "number=int64,other=int64",
                "empty.csv",
                "d.columns",
            ]);
        }
        scratch.fails(args, 1, &["rows 1000..2000"]);
        let ran = scratch.run(&[args, &["--on-corrupt", "skip"]].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("; rows 1000..2000 lost"), "{}", ran.err);
        let written = windrow::TableReader::open(scratch.path(output)).unwrap();
        assert_eq!(written.len(), 2000);
    }
}
