//! `advise`.

use windrow::WriterOptions;

use crate::pages::events;
use crate::scratch::{Scratch, documented, fields};

#[test]
fn a_table_a_recommendation_and_a_picture() {
    let scratch = Scratch::new();
    scratch.put("a.jsonl", events(0, 3000));
    let args = ["advise", "a.jsonl", "--rounds", "1"];
    let ran = scratch.ok(&[&args[..], &["--access", "random", "--plot", "a.svg"]].concat());
    let text = ran.text();
    assert!(
        text.starts_with("a.jsonl: tried with 3000 records of "),
        "{text}"
    );
    assert!(text.contains("\n  group_size:1,zstd:3 "), "{text}");
    assert!(
        text.contains(" layout:pages,zstd:3,dictionary:auto "),
        "{text}"
    );
    assert_eq!(
        text.lines().filter(|line| line.starts_with("* ")).count(),
        1
    );
    assert!(text.contains("\nFor random access: "), "{text}");
    // The command that it gives does what it says.
    let command = text
        .lines()
        .find_map(|line| line.strip_prefix("  windrow "));
    scratch.ok(&command.unwrap().split(' ').collect::<Vec<_>>());
    assert_eq!(scratch.reader("OUT.array_record").len(), 3000);
    let svg = String::from_utf8(scratch.get("a.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("layout:pages,snappy"));
    scratch.fails(
        &[&args[..], &["--plot", "a.svg"]].concat(),
        2,
        &["a.svg", "--force"],
    );
    scratch.fails(&[&args[..], &["--plot", "-"]].concat(), 2, &["--plot FILE"]);
}

#[test]
fn json_has_the_documented_shape() {
    let scratch = Scratch::new();
    let lines: Vec<String> = events(0, 3000).lines().map(str::to_owned).collect();
    scratch.write("a.array_record", "layout:pages", &lines);
    let args = ["advise", "--json", "--rounds", "1", "a.array_record"];
    let ran = scratch.ok(&[&args[..], &["--access", "sequential", "--sample", "1M"]].concat());
    let line = &ran.json()[0];
    let section = "windrow advise";
    assert_eq!(
        fields(line),
        documented(section, "kind: \"advice\"", &["kind"])
    );
    assert_eq!(
        (&line["access"], &line["records"]),
        (&"sequential".into(), &3000.into())
    );
    let outcomes = line["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 22);
    let shape = documented(section, "| outcome |", &[]);
    for outcome in outcomes {
        assert_eq!(fields(outcome), shape);
        let options = outcome["options"].as_str().unwrap();
        let parsed: WriterOptions = options.parse().unwrap();
        assert_eq!(outcome["layout"], parsed.layout().name());
        for (name, value) in outcome.as_object().unwrap() {
            let is_figure = !matches!(name.as_str(), "options" | "layout");
            assert!(
                !is_figure || value.as_f64().unwrap() > 0.0,
                "{options}: {name}"
            );
        }
    }
    for name in ["recommended", "recommended_groups"] {
        assert!(
            outcomes
                .iter()
                .any(|outcome| outcome["options"] == line[name])
        );
    }
}

#[test]
fn without_bytes_there_is_nothing_to_try() {
    let scratch = Scratch::new();
    scratch.write("a.array_record", "", &["", ""]);
    scratch.fails(
        &["advise", "a.array_record"],
        1,
        &["a.array_record", "no bytes"],
    );
    scratch.fails(&["advise", "missing.csv"], 2, &["missing.csv"]);
    let ran = scratch.run(&["advise", "a.array_record", "--sample", "2G"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("1M to 1G bytes, as 64M"), "{}", ran.err);
}
