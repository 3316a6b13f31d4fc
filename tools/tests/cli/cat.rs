//! `cat` and `head`.

use std::io::Read;
use std::process::Stdio;

use crate::scratch::Scratch;

fn ten() -> Scratch {
    let scratch = Scratch::new();
    let records: Vec<String> = (0..10).map(|i| format!("r{i}")).collect();
    scratch.write("a.array_record", "group_size:3", &records);
    scratch
}

#[test]
fn records_come_one_per_line() {
    let scratch = ten();
    let all = "r0\nr1\nr2\nr3\nr4\nr5\nr6\nr7\nr8\nr9\n";
    assert_eq!(scratch.ok(&["cat", "a.array_record"]).text(), all);
    assert_eq!(scratch.ok(&["head", "a.array_record"]).text(), all);
    for (args, lines) in [
        (&["head", "-n", "2", "a.array_record"][..], "r0\nr1\n"),
        (&["head", "-n", "0", "a.array_record"], ""),
        (&["head", "-n", "99", "a.array_record"], all),
        (&["cat", "--range", "8:", "a.array_record"], "r8\nr9\n"),
        (&["cat", "--range", ":1", "a.array_record"], "r0\n"),
        (&["cat", "--range", "2:4", "a.array_record"], "r2\nr3\n"),
        (&["cat", "--range", "4:4", "a.array_record"], ""),
        (&["cat", "--range", ":", "a.array_record"], all),
        (
            &["cat", "--indices", "7,0,7", "a.array_record"],
            "r7\nr0\nr7\n",
        ),
    ] {
        assert_eq!(scratch.ok(args).text(), lines, "{args:?}");
    }
}

#[test]
fn every_look() {
    let scratch = Scratch::new();
    let records: [&[u8]; 4] = [b"", b"a\nb", "\u{e9}\"".as_bytes(), b"\xff\x00"];
    scratch.write("a.array_record", "", &records);
    let look = |format| {
        scratch
            .ok(&["cat", "--format", format, "a.array_record"])
            .out
    };
    assert_eq!(look("raw"), b"\na\nb\n\xc3\xa9\"\n\xff\x00\n");
    assert_eq!(look("hex"), b"\n610a62\nc3a922\nff00\n");
    assert_eq!(look("base64"), b"\nYQpi\nw6ki\n/wA=\n");
    assert_eq!(
        String::from_utf8(look("jsonl")).unwrap(),
        "{\"index\":0,\"text\":\"\"}\n{\"index\":1,\"text\":\"a\\nb\"}\n\
         {\"index\":2,\"text\":\"\u{e9}\\\"\"}\n{\"index\":3,\"base64\":\"/wA=\"}\n"
    );
    let two = ["--format", "jsonl", "--indices", "3,1", "a.array_record"];
    let two = scratch.ok(&[&["cat"], &two[..]].concat()).json();
    assert_eq!(
        (two[0]["index"].as_u64(), two[1]["index"].as_u64()),
        (Some(3), Some(1))
    );
}

#[test]
fn what_is_not_there_is_refused() {
    let scratch = ten();
    let all = "10";
    scratch.fails(
        &["cat", "--range", "5:11", "a.array_record"],
        2,
        &["5..11", all],
    );
    for range in ["3:1", "99:98"] {
        let ran = scratch.run(&["cat", "--range", range, "a.array_record"]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("the range is backwards"), "{}", ran.err);
    }
    let behind = ["cat", "--range", "11:", "a.array_record"];
    scratch.fails(&behind, 2, &["11..10", all]);
    let ran = scratch.fails(&["cat", "--indices", "1,10", "a.array_record"], 2, &["10"]);
    assert_eq!(ran.text(), "r1\n", "what came before is printed");
    scratch.fails(&["cat", "missing"], 2, &["missing", "No such file"]);
    scratch.fails(&["cat", "."], 2, &["directory"]);
    for range in ["5", "a:b", "-1:2", "1:2:3", "99999999999999999999:"] {
        assert_eq!(
            scratch
                .run(&["cat", "--range", range, "a.array_record"])
                .code,
            2
        );
    }
    for indices in ["", "1,", "x", "-1"] {
        assert_eq!(
            scratch
                .run(&["cat", "--indices", indices, "a.array_record"])
                .code,
            2
        );
    }
    let both = ["cat", "--range", ":1", "--indices", "1", "a.array_record"];
    assert_eq!(scratch.run(&both).code, 2);
}

#[test]
fn records_in_front_of_damage_are_printed() {
    let scratch = ten();
    let chunk = scratch.reader("a.array_record").chunk_location(2).unwrap();
    let inside = usize::try_from(chunk.begin).unwrap() + 41;
    scratch.damage("a.array_record", inside);
    let place = format!("byte {}", chunk.begin);
    let ran = scratch.fails(
        &["cat", "a.array_record"],
        1,
        &["a.array_record", "records 6..9", &place],
    );
    assert_eq!(ran.text(), "r0\nr1\nr2\nr3\nr4\nr5\n");
    assert_eq!(
        scratch
            .ok(&["cat", "--range", "9:", "a.array_record"])
            .text(),
        "r9\n"
    );
}

#[test]
fn files_of_other_kinds_are_bad_files() {
    let scratch = Scratch::new();
    scratch.put("a.array_record", "some text\n");
    scratch.put("empty", "");
    scratch.fails(&["cat", "a.array_record"], 1, &["not an ArrayRecord file"]);
    scratch.fails(&["head", "empty"], 1, &["empty"]);
}

#[test]
fn names_with_line_breaks_stay_on_one_line() {
    let scratch = Scratch::new();
    scratch.fails(&["cat", "a\n\u{1b}[31mb"], 2, &["a\\n\\u{1b}[31mb"]);
}

/// `windrow cat | head -c 1`: the reader of the pipe goes away with most of the data unread.
#[test]
fn a_broken_pipe_is_success() {
    let scratch = Scratch::new();
    let records = vec![vec![b'x'; 1000]; 5000];
    scratch.write("a.array_record", "group_size:100", &records);
    for args in [
        &["cat", "a.array_record"][..],
        &["cat", "--format", "jsonl", "a.array_record"],
        &["head", "-n", "5000", "a.array_record"],
        &["convert", "--to", "lines", "a.array_record", "-"],
    ] {
        let mut child = scratch
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(output.stderr, b"", "{args:?}");
    }
}

/// A full disk, unlike a broken pipe, is trouble.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let scratch = ten();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = scratch
        .command(&["cat", "a.array_record"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.starts_with("windrow: cannot write standard output: No space"),
        "{err}"
    );
}
