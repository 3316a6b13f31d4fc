//! Tables: files of columns, and CSV, JSON lines, Parquet and Arrow on both sides.

use std::process::Stdio;

use windrow::{TableReader, Writer};

use crate::scratch::{Ran, Scratch, documented, fields};

const PAGE: &str = include_str!("../../../docs/tables-command.md");

const FLIGHTS: &str = "\
number,carrier,delay,day,share,late,at,zip
1,UA,5,2013-01-01,0.5,true,2013-01-01T10:00:00Z,007
2,\"B,6\",,2013-01-02,1.25,false,2013-01-01T11:00:00Z,123
3,\"say \"\"hi\"\"\",61,,,,,
4,\"two
lines\",-3,2013-01-04,-2.0,true,2013-01-01T13:30:00Z,1
";

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.put("flights.csv", FLIGHTS);
    scratch.ok(&["convert", "flights.csv", "flights.columns"]);
    scratch
}

/// Rows of `file` as CSV.
fn csv(scratch: &Scratch, file: &str) -> String {
    scratch
        .ok(&["cat", "--format", "csv", file])
        .text()
        .to_owned()
}

#[test]
fn the_page_on_tables_runs() {
    let scratch = Scratch::new();
    let (_, csv) = PAGE.split_once("printf '").unwrap();
    let (csv, _) = csv.split_once("' >").unwrap();
    scratch.put("flights.csv", csv.replace("\\n", "\n"));
    let mut commands = 0;
    for block in PAGE.split("```sh\n").skip(2) {
        for line in block.split("```").next().unwrap().lines() {
            let mut args = Vec::new();
            for (number, part) in line
                .strip_prefix("windrow ")
                .unwrap()
                .split('"')
                .enumerate()
            {
                if number % 2 == 1 {
                    args.push(part);
                } else {
                    args.extend(part.split_whitespace());
                }
            }
            scratch.ok(&args);
            commands += 1;
        }
    }
    assert_eq!(commands, 18);
    assert_eq!(scratch.get("late.csv"), b"carrier,delay\nUA,61\n");
    let again = TableReader::open(scratch.path("again.array_record")).unwrap();
    assert_eq!(again.len(), 4);
}

#[test]
fn tables_go_through_every_format_and_back() {
    let scratch = scratch();
    let expected = csv(&scratch, "flights.columns");
    for name in ["a.parquet", "a.arrow", "a.arrows", "a.jsonl", "a.csv"] {
        scratch.ok(&["convert", "flights.columns", name]);
        let back = format!("{name}.columns");
        let types = "day=date,at=timestamp(UTC),zip=utf8,share=float64";
        let mut args = vec!["convert", name, back.as_str()];
        if name.ends_with(".jsonl") {
            args.extend(["--types", types]);
        }
        scratch.ok(&args);
        assert_eq!(csv(&scratch, &back), expected, "{name}");
        let (one, other) = (
            TableReader::open(scratch.path("flights.columns")).unwrap(),
            TableReader::open(scratch.path(&back)).unwrap(),
        );
        assert_eq!(one.schema().fields(), other.schema().fields(), "{name}");
        scratch.ok(&["verify", "--deep", &back]);
    }
    for codec in ["zstd:9", "snappy", "lz4", "uncompressed"] {
        scratch.ok(&[
            "convert",
            "--force",
            "--codec",
            codec,
            "flights.columns",
            "b.parquet",
        ]);
        scratch.ok(&["convert", "--force", "b.parquet", "b.columns"]);
        assert_eq!(csv(&scratch, "b.columns"), expected);
    }
    // The other implementations read what was written.
    let file = std::fs::File::open(scratch.path("b.parquet")).unwrap();
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024).unwrap();
    assert_eq!(
        reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
        4
    );
}

#[test]
fn types_are_told_by_the_values() {
    let scratch = scratch();
    let table = TableReader::open(scratch.path("flights.columns")).unwrap();
    let types: Vec<String> = table
        .schema()
        .fields()
        .iter()
        .map(|field| field.data_type().to_string())
        .collect();
    assert_eq!(
        types,
        [
            "Int64",
            "Utf8",
            "Int64",
            "Date32",
            "Float64",
            "Boolean",
            "Timestamp(µs, \"+00:00\")",
            "Utf8"
        ]
    );
    scratch.ok(&[
        "convert",
        "--types",
        "number=float64,zip=int32",
        "flights.csv",
        "b.columns",
    ]);
    let table = TableReader::open(scratch.path("b.columns")).unwrap();
    assert_eq!(table.schema().field(0).data_type().to_string(), "Float64");
    scratch.put("nulls.csv", "a,b\nNA,NA\n1,\n");
    scratch.ok(&["convert", "--null", "NA", "nulls.csv", "nulls.columns"]);
    let rows = scratch.ok(&["cat", "--format", "jsonl", "nulls.columns"]);
    assert_eq!(
        rows.text(),
        "{\"a\":null,\"b\":null}\n{\"a\":1,\"b\":\"\"}\n"
    );
    scratch.ok(&["convert", "--header", "none", "nulls.csv", "plain.columns"]);
    assert_eq!(
        csv(&scratch, "plain.columns").lines().next(),
        Some("column_1,column_2")
    );
}

#[test]
fn hostile_text_is_refused_with_its_line() {
    let scratch = Scratch::new();
    let late = |value: &str| format!("a,b\n{}{value},x\n", "1,x\n".repeat(2_000_000));
    for (name, text, words) in [
        (
            "late.csv",
            late("1.5"),
            &["line 2000002", "`a`", "\"1.5\"", "Int64", "--types"][..],
        ),
        (
            "short.csv",
            "a,b\n1,2\n3\n".into(),
            &["line 3", "1 fields, where there are 2"],
        ),
        (
            "long.csv",
            "a,b\n1,\"x\ny\"\n1,2,3\n".into(),
            &["line 4", "3 fields"],
        ),
        (
            "open.csv",
            "a,b\n1,\"2\n3,4\n".into(),
            &["line 2", "never closed"],
        ),
        ("twice.csv", "a,a\n1,2\n".into(), &["line 1", "`a` twice"]),
        ("empty.csv", String::new(), &["no columns"]),
        (
            "bad.jsonl",
            "{\"a\":1}\n{\"a\":\n".into(),
            &["line 2", "not JSON"],
        ),
        (
            "list.jsonl",
            "[1]\n".into(),
            &["line 1", "not one JSON object"],
        ),
        (
            "two.jsonl",
            "{\"a\":1}{\"a\":2}\n".into(),
            &["line 1", "not JSON"],
        ),
        ("none.arrow", "nonsense".into(), &["none.arrow"]),
        (
            "none.parquet",
            "nonsense, but long enough".into(),
            &["none.parquet"],
        ),
    ] {
        scratch.put(name, text);
        let mut words = words.to_vec();
        words.push(name);
        scratch.fails(&["convert", name, "out.columns"], 1, &words);
        assert!(!scratch.path("out.columns").exists());
    }
    scratch.put("bytes.csv", b"a,b\n1,\xff\n");
    scratch.fails(
        &["convert", "bytes.csv", "out.columns"],
        1,
        &["line 2", "`b`", "UTF-8"],
    );
    let lines = "{\"a\":1}\n".repeat(700_000);
    for (last, words) in [
        ("{\"a\":\"x\"}", "does not fit"),
        ("{\"a\":1,\"b\":2}", "adds columns"),
    ] {
        scratch.put("late.jsonl", format!("{lines}\n{last}\n"));
        scratch.fails(
            &["convert", "late.jsonl", "out.columns"],
            1,
            &["line 700002", words, "--types"],
        );
    }
    scratch.ok(&["convert", "--types", "b=int64", "late.jsonl", "out.columns"]);
    for (args, words) in [
        (&["--types", "a"][..], "COLUMN=TYPE"),
        (&["--types", "z=utf8"], "`z`"),
        (&["--where", "a >"], "character 4"),
        (&["--select", "z"], "no column `z`"),
        (&["--codec", "zip"], "--codec zip"),
        (&["--layout", "pages"], "--layout"),
    ] {
        scratch.put("ok.csv", "a,b\n1,2\n");
        let mut all = vec!["convert", "ok.csv", "other.columns"];
        all.extend(args);
        scratch.fails(&all, 2, &[words]);
    }
    scratch.fails(
        &["convert", "--select", "a", "ok.csv", "x.array_record"],
        2,
        &["--to columns"],
    );
}

#[test]
fn rows_are_shown() {
    let scratch = scratch();
    let ran = scratch.ok(&[
        "head",
        "-n",
        "2",
        "--columns",
        "number,carrier,delay",
        "flights.columns",
    ]);
    assert_eq!(
        ran.text(),
        "number  carrier  delay\n\
         ------  -------  -----\n     \
         1  UA           5\n     \
         2  B,6       null\n\
         (2 of 4 rows)\n"
    );
    let numbers = |args: &[&str]| {
        let mut all = vec![
            "cat",
            "--format",
            "csv",
            "--columns",
            "number",
            "flights.columns",
        ];
        all.extend(args);
        let ran = scratch.ok(&all);
        let rows: Vec<String> = ran.text().lines().skip(1).map(str::to_owned).collect();
        rows.join(" ")
    };
    assert_eq!(numbers(&["--where", "delay > 0"]), "1 3");
    assert_eq!(
        numbers(&["--where", "day = '2013-01-04' or delay is null"]),
        "2 4"
    );
    assert_eq!(
        numbers(&["--where", "at >= '2013-01-01T11:00:00Z' and late = false"]),
        "2"
    );
    assert_eq!(numbers(&["--rows", "1..3"]), "2 3");
    assert_eq!(numbers(&["--range", "2:"]), "3 4");
    assert_eq!(numbers(&["--indices", "3,0,3"]), "4 1 4");
    assert_eq!(numbers(&["--limit", "1", "--where", "delay < 61"]), "1");
    assert_eq!(numbers(&["--limit", "0"]), "");
    scratch.fails(
        &["cat", "--rows", "3..9", "flights.columns"],
        2,
        &["3..9", "4"],
    );
    scratch.fails(
        &["cat", "--where", "nix = 1", "flights.columns"],
        2,
        &["no column `nix`"],
    );
    scratch.fails(
        &["cat", "--where", "delay = 'x'", "flights.columns"],
        2,
        &["delay"],
    );
    scratch.fails(
        &["cat", "--format", "hex", "flights.columns"],
        2,
        &["format"],
    );
    scratch.fails(&["cat", "--follow", "flights.columns"], 2, &["follow"]);
    scratch.write("records.array_record", "", &["a"]);
    scratch.fails(
        &["cat", "--columns", "a", "records.array_record"],
        2,
        &["columns"],
    );
    scratch.fails(
        &["cat", "--format", "table", "records.array_record"],
        2,
        &["format"],
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let scratch = Scratch::new();
    let rows: String = (0..300_000).map(|n| format!("{n},row {n}\n")).collect();
    scratch.put("many.csv", format!("number,text\n{rows}"));
    scratch.ok(&["convert", "many.csv", "many.columns"]);
    for args in [
        &["cat", "many.columns"][..],
        &["convert", "--to", "arrow_stream", "many.columns", "-"],
        &["convert", "--to", "parquet", "many.columns", "-"],
    ] {
        let mut child = scratch
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    }
    // Through a pipe and back.
    let stream = scratch
        .ok(&["convert", "--to", "arrow_stream", "many.columns", "-"])
        .out;
    let ran = scratch.run_with(
        &["convert", "--from", "arrow_stream", "-", "b.columns"],
        &stream,
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(csv(&scratch, "b.columns"), csv(&scratch, "many.columns"));
}

#[test]
fn inspect_tells_columns() {
    let scratch = scratch();
    let ran = scratch.ok(&["inspect", "flights.columns"]);
    for words in [
        "rows       4",
        "row groups 1",
        "profile    balanced",
        "layout     columns",
        "dead bytes 0 B",
    ] {
        assert!(ran.text().contains(words), "{words}: {}", ran.text());
    }
    let line = scratch
        .ok(&["inspect", "--json", "flights.columns"])
        .json()
        .remove(0);
    assert_eq!(
        fields(&line),
        documented("inspect", "kind: \"file\"", &["kind"])
    );
    let table = &line["table"];
    assert_eq!(
        fields(table),
        documented("inspect", "| `table` | type", &[])
    );
    let columns = table["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 8);
    for column in columns {
        assert_eq!(
            fields(column),
            documented("inspect", "| `columns` of a table | type", &[])
        );
    }
    let delay = &columns[2];
    assert_eq!((&delay["min"], &delay["max"]), (&"-3".into(), &"61".into()));
    assert_eq!(
        (delay["nulls"].as_u64(), delay["type"].as_str()),
        (Some(1), Some("Int64"))
    );
    assert_eq!(columns[3]["min"], "2013-01-01");
    assert_eq!(line["dead_bytes"], 0);
    assert!(line["statistics_bytes"].as_u64() > Some(0));
    assert!(line["schema_bytes"].as_u64() > Some(0));
}

#[test]
fn verify_finds_what_repair_leaves_out() {
    let scratch = Scratch::new();
    let rows: String = (0..3000)
        .map(|n| format!("{n},{}\n", n * n % 977))
        .collect();
    scratch.put("a.csv", format!("number,other\n{rows}"));
    scratch.ok(&["convert", "--group-rows", "1000", "a.csv", "a.columns"]);
    let ran = scratch.ok(&["verify", "--deep", "a.columns"]);
    assert!(
        ran.text().contains("sound: 3000 rows in 3 chunks"),
        "{}",
        ran.text()
    );
    let reader = TableReader::open(scratch.path("a.columns")).unwrap();
    let middle = reader.file().chunk_location(1).unwrap();
    scratch.damage("a.columns", usize::try_from(middle.end - 20).unwrap());
    let ran = scratch.run(&["verify", "--deep", "a.columns"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.text().contains("rows 1000..2000 lost"),
        "{}",
        ran.text()
    );
    let ran = scratch.run(&["repair", "a.columns", "-o", "b.columns"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("2000 rows in 2 chunks"), "{}", ran.err);
    let repaired = TableReader::open(scratch.path("b.columns")).unwrap();
    for group in 0..2 {
        assert!(repaired.statistics(group).unwrap().is_some());
    }
    scratch.ok(&["verify", "--deep", "b.columns"]);
}

#[test]
fn verify_finds_statistics_that_lie() {
    let scratch = scratch();
    let table = TableReader::open(scratch.path("flights.columns")).unwrap();
    let options = windrow::ColumnFileOptions::of(table.file()).unwrap();
    let mut told = table.statistics(0).unwrap().unwrap().clone();
    let honest = told.nodes[2].clone();
    let mut lies = vec![told.nodes[2].clone(); 3];
    lies[0].nulls = 2;
    lies[1].bounds.most.as_mut().unwrap().bytes = 60_i64.to_le_bytes().into();
    lies[2].bounds.least.as_mut().unwrap().bytes = 0_i64.to_le_bytes().into();
    lies[2].bounds.least.as_mut().unwrap().is_value = false;
    let mut loose = honest;
    loose.bounds.most = Some(windrow::Bound {
        bytes: 99_i64.to_le_bytes().into(),
        is_value: false,
    });
    lies.push(loose);
    for (number, lie) in lies.into_iter().enumerate() {
        told.nodes[2] = lie;
        let path = scratch.path(&format!("{number}.columns"));
        let mut writer = windrow::ColumnFileWriter::create_file(&path, options.clone()).unwrap();
        writer.push_all(table.file(), |_| true).unwrap();
        let mut contents = Vec::new();
        told.encode(&mut contents);
        writer.set_statistics(contents);
        writer.finish().unwrap();
        let name = format!("{number}.columns");
        scratch.ok(&["verify", &name]);
        let ran = scratch.run(&["verify", "--deep", "--json", &name]);
        let line = &ran.json()[0];
        assert_eq!(
            fields(line),
            documented("verify", "kind: \"file\"", &["kind"])
        );
        if number == 3 {
            assert_eq!(
                (ran.code, line["sound"].as_bool()),
                (0, Some(true)),
                "{line}"
            );
            continue;
        }
        assert_eq!(ran.code, 1, "{number}: {line}");
        assert_eq!(line["faults"][0]["code"], "statistics");
        assert_eq!(line["faults"][0]["records"], serde_json::Value::Null);
        assert_eq!(line["records_lost"], 0);
    }
}

#[test]
fn rows_are_appended() {
    let scratch = scratch();
    for name in ["more.parquet", "more.arrow", "more.csv", "more.columns"] {
        scratch.ok(&["convert", "flights.columns", name]);
    }
    let ran = scratch.ok(&[
        "append",
        "flights.columns",
        "more.parquet",
        "more.arrow",
        "more.csv",
    ]);
    assert!(
        ran.err.contains("12 rows appended: 16 rows in 2 chunks"),
        "{}",
        ran.err
    );
    let ran = scratch.ok(&[
        "append",
        "--json",
        "--copy",
        "flights.columns",
        "more.columns",
    ]);
    let line = &ran.json()[0];
    assert_eq!(
        fields(line),
        documented("append", "kind: \"appended\"", &["kind"])
    );
    assert_eq!(
        (line["records"].as_u64(), line["appended_records"].as_u64()),
        (Some(20), Some(4))
    );
    let once: Vec<String> = csv(&scratch, "more.columns")
        .lines()
        .skip(1)
        .map(str::to_owned)
        .collect();
    let all = csv(&scratch, "flights.columns");
    let all: Vec<&str> = all.lines().skip(1).collect();
    assert_eq!(all.len(), once.len() * 5);
    assert!(all.chunks(once.len()).all(|part| part == once));
    scratch.ok(&["verify", "--deep", "flights.columns"]);
    let before = scratch.get("flights.columns");
    scratch.put("other.csv", "a\n1\n");
    scratch.fails(
        &["append", "flights.columns", "other.csv"],
        1,
        &["1 columns instead of 8"],
    );
    assert_eq!(scratch.get("flights.columns"), before);
    let ran = scratch.ok(&["append", "new.columns", "more.csv"]);
    assert!(ran.err.contains("4 rows appended"), "{}", ran.err);
    scratch.put("bad.csv", "a\n\"1\n");
    scratch.fails(&["append", "none.columns", "bad.csv"], 1, &["never closed"]);
    assert!(!scratch.path("none.columns").exists());
}

#[test]
fn user_metadata_go_along() {
    let scratch = scratch();
    let table = TableReader::open(scratch.path("flights.columns")).unwrap();
    let batch = table.take(&[0], None).unwrap();
    for value in ["v", "w"] {
        let options = windrow::TableOptions::new().with_metadata("k", value);
        let path = scratch.path(&format!("{value}.columns"));
        let mut writer = windrow::TableWriter::create_file(path, batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
    let metadata = |name: &str| scratch.reader(name).user_metadata().to_vec();
    scratch.ok(&["convert", "v.columns", "flights.columns", "a.columns"]);
    assert_eq!(metadata("a.columns"), [("k".to_owned(), b"v".to_vec())]);
    scratch.ok(&["rechunk", "v.columns", "b.columns"]);
    assert_eq!(metadata("b.columns"), [("k".to_owned(), b"v".to_vec())]);
    scratch.ok(&[
        "convert",
        "--no-metadata",
        "v.columns",
        "w.columns",
        "c.columns",
    ]);
    assert_eq!(metadata("c.columns"), []);
    scratch.fails(
        &["convert", "v.columns", "w.columns", "d.columns"],
        2,
        &["\"k\"", "--no-metadata"],
    );
}

#[test]
fn rechunk_writes_other_row_groups() {
    let scratch = scratch();
    let expected = csv(&scratch, "flights.columns");
    scratch.ok(&[
        "rechunk",
        "--group-rows",
        "3",
        "--profile",
        "small",
        "flights.columns",
        "b.columns",
    ]);
    let table = TableReader::open(scratch.path("b.columns")).unwrap();
    assert_eq!(table.num_row_groups(), 2);
    assert_eq!(csv(&scratch, "b.columns"), expected);
    scratch.ok(&["rechunk", "b.columns", "c.columns"]);
    let table = TableReader::open(scratch.path("c.columns")).unwrap();
    assert_eq!(table.num_row_groups(), 2);
    let echo = table.file().writer_options_string().unwrap();
    assert!(echo.contains("profile:small"), "{echo}");
    scratch.fails(
        &["rechunk", "--group-size", "3", "b.columns", "d.columns"],
        2,
        &["--group-rows"],
    );
}

#[test]
fn records_are_no_table() {
    let scratch = Scratch::new();
    let mut writer = Writer::create_file(
        scratch.path("a.array_record"),
        windrow::WriterOptions::new(),
    )
    .unwrap();
    writer.write(b"x").unwrap();
    writer.finish().unwrap();
    scratch.fails(
        &["convert", "a.array_record", "a.parquet"],
        2,
        &["a.array_record"],
    );
    scratch.put("a.txt", "x\n");
    scratch.fails(
        &["convert", "a.txt", "a.columns"],
        2,
        &["lines holds records"],
    );
    scratch.put("a.csv", "a,b\n1,2\n");
    scratch.ok(&["convert", "a.csv", "b.array_record"]);
    assert_eq!(scratch.records("b.array_record"), [b"1,2"]);
}

#[test]
fn what_is_about_records_says_what_to_use_instead() {
    let scratch = scratch();
    let table = std::fs::read(scratch.path("flights.columns")).unwrap();
    std::fs::write(scratch.path("flights.array_record"), &table).unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["cat", "--follow"], "without it, cat shows the rows"),
        (&["cat", "--fields", "1"], "--columns picks some"),
        (&["cat", "--format", "hex"], "--format hex does not go"),
        (&["head", "--format", "json"], "table, csv or jsonl"),
        (
            &["bench"],
            "windrow bench is about records: `windrow inspect`",
        ),
        (
            &["advise"],
            "windrow advise is about records: `windrow inspect`",
        ),
        (
            &["train-dictionary", "-o", "new.dictionary"],
            "windrow train-dictionary is about records: its columns have",
        ),
    ];
    for (args, expected) in cases {
        for file in ["flights.columns", "flights.array_record"] {
            scratch.fails(&[args, &[file]].concat(), 2, &[expected]);
        }
    }
    // One that is being written: its first row group is there, and no footer.
    let reader = TableReader::open(scratch.path("flights.columns")).unwrap();
    let end = usize::try_from(reader.file().footer().footer_offset).unwrap();
    std::fs::write(scratch.path("open.columns"), &table[..end]).unwrap();
    scratch.fails(&["cat", "--follow", "open.columns"], 2, &["without it"]);
    let args = ["cat", "--on-corrupt", "skip", "open.columns"];
    assert!(scratch.run(&args).text().contains("carrier"));
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing() {
    use std::io::Write as _;
    let scratch = Scratch::new();
    for to in ["a.columns", "a.parquet", "a.arrow"] {
        let mut child = scratch
            .command(&[
                "convert",
                "--from",
                "csv",
                "--to",
                to.split('.').nth(1).unwrap(),
                "-",
                to,
            ])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // More than the sample that tells the types.
        let rows = format!("a\n{}", "1\n".repeat(3_000_000));
        stdin.write_all(rows.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let sent = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert_eq!(ran.code, 130, "{ran:?}");
        assert!(
            ran.err.contains(&format!("nothing was written to {to}")),
            "{ran:?}"
        );
        assert!(!scratch.path(to).exists());
        scratch.assert_tidy();
    }
}

#[test]
fn single_rows_are_filtered() {
    let scratch = scratch();
    for (args, expected) in [
        (&["--where", "delay > 0"][..], "61\n5\n5\n"),
        (&["--where", "delay > 0", "--limit", "2"], "61\n5\n"),
        (&["--where", "number = 1 and late = true"], "5\n5\n"),
        (&["--where", "number > 9"], ""),
        (&["--limit", "2"], "61\n5\n"),
    ] {
        let cat = "cat --format csv --columns delay --indices 2,0,3,0,1 flights.columns";
        let cat: Vec<&str> = cat.split(' ').collect();
        let rows = scratch.ok(&[&cat, args].concat());
        assert_eq!(rows.text(), format!("delay\n{expected}"), "{args:?}");
    }
    let all = [
        "cat",
        "--indices",
        "2,0",
        "--where",
        "delay > 60",
        "flights.columns",
    ];
    assert!(scratch.ok(&all).text().ends_with("(1 of 4 rows)\n"));
    let wrong = [
        "cat",
        "--indices",
        "2",
        "--where",
        "z > 60",
        "flights.columns",
    ];
    scratch.fails(&wrong, 2, &["no column `z`"]);
}

#[test]
fn a_table_that_does_not_open_is_told_as_such() {
    let scratch = scratch();
    let mut cut = scratch.get("flights.columns");
    cut.truncate(66_000);
    scratch.put("cut.columns", cut);
    scratch.write("records.array_record", "", &["a"]);
    for look in [
        &["cat", "--format", "csv"][..],
        &["cat", "--format", "table"],
        &["cat", "--columns", "number"],
        &["head", "--where", "number = 1"],
    ] {
        let fails = |name, code, words| scratch.fails(&[look, &[name]].concat(), code, &[words]);
        fails("no.columns", 2, "cannot open no.columns: No such file");
        fails("cut.columns", 1, "windrow repair cut.columns -o OUT");
        fails(
            "records.array_record",
            2,
            "goes only with a file of columns",
        );
    }
}

#[test]
fn records_where_a_table_is_needed_are_told_with_the_command_that_helps() {
    let scratch = scratch();
    scratch.write("r.array_record", "", &["{\"number\":9}"]);
    let words = "windrow convert --from array_record r.array_record OUT.jsonl";
    for args in [
        &["convert", "r.array_record", "new.columns"][..],
        &["append", "flights.columns", "r.array_record"],
        &[
            "repair",
            "--schema-from",
            "r.array_record",
            "flights.columns",
            "-o",
            "new.columns",
        ],
    ] {
        scratch.fails(
            args,
            2,
            &["r.array_record holds records, not a table", words],
        );
    }
    scratch.ok(&[
        "convert",
        "--from",
        "array_record",
        "r.array_record",
        "OUT.jsonl",
    ]);
    scratch.ok(&["convert", "OUT.jsonl", "new.columns"]);
    let words = "windrow convert flights.columns OUT.jsonl";
    scratch.fails(
        &["append", "r.array_record", "flights.columns"],
        2,
        &[words],
    );
}
