//! Every structure of a file times every kind of damage, with exactly what readers say of it.
//!
//! The tables of `tests/corruption` are what is expected; their page explains the words. They were looked through by
//! hand against `format-spec`, and are not made by these tests.

use std::collections::BTreeSet;
use std::path::Path;

use windrow_tests::damage::{
    Anatomy, Damage, Field, Made, MadeTable, Part, Structure, Table, columns_file, dictionary_file,
    grown_columns_file, grown_file, padded_file, pages_file, plain_file, seen_at_open,
    seen_by_reader, seen_by_recover, seen_by_verify, seen_with_skip, shared_columns_file,
    table_seen_at_open, table_seen_by_reader, table_seen_by_recover, table_seen_by_verify,
    table_seen_with_skip, transposed_file, unfinished_append, unfinished_columns_append,
    unfinished_columns_file, unfinished_file,
};
use windrow_tests::repository;

const FOLDER: &str = "tests/corruption";
/// Where the codes are given out.
const CODES: &str = include_str!("../../crates/windrow-format/src/error.rs");
/// Where each code that damage does not lead to has an example of its own.
const EXAMPLES: &str = include_str!("hostile_codes.rs");
const BOMBS: &str = include_str!("hostile_bombs.rs");

const HEAD: [&str; 8] = [
    "structure",
    "bytes",
    "damage",
    "open",
    "read",
    "verify",
    "skip",
    "recover",
];

struct Fixture {
    name: &'static str,
    make: Make,
}

/// Makes a file and what it holds; another seed gives another file of the same layout.
enum Make {
    Records(fn(u8) -> Made),
    Table(fn(u8) -> MadeTable),
}

/// What readers say of bytes, in the order of the columns.
type See = Box<dyn Fn(&[u8]) -> [String; 5]>;

impl Make {
    fn bytes(&self, seed: u8) -> Vec<u8> {
        match self {
            Self::Records(make) => make(seed).bytes,
            Self::Table(make) => make(seed).bytes,
        }
    }

    /// What readers say of the file of this seed when it is damaged.
    fn see(&self, seed: u8) -> See {
        match self {
            Self::Records(make) => {
                let records = make(seed).records;
                Box::new(move |damaged| {
                    [
                        seen_at_open(damaged),
                        seen_by_reader(damaged, &records),
                        seen_by_verify(damaged),
                        seen_with_skip(damaged, &records),
                        seen_by_recover(damaged, &records),
                    ]
                })
            }
            Self::Table(make) => {
                let rows = make(seed).rows;
                Box::new(move |damaged| {
                    [
                        table_seen_at_open(damaged),
                        table_seen_by_reader(damaged, &rows),
                        table_seen_by_verify(damaged),
                        table_seen_with_skip(damaged, &rows),
                        table_seen_by_recover(damaged, &rows),
                    ]
                })
            }
        }
    }
}

const FIXTURES: [Fixture; 13] = [
    Fixture {
        name: "plain",
        make: Make::Records(plain_file),
    },
    Fixture {
        name: "transposed",
        make: Make::Records(transposed_file),
    },
    Fixture {
        name: "pages",
        make: Make::Records(pages_file),
    },
    Fixture {
        name: "dictionary",
        make: Make::Records(dictionary_file),
    },
    Fixture {
        name: "padded",
        make: Make::Records(padded_file),
    },
    Fixture {
        name: "grown",
        make: Make::Records(grown_file),
    },
    Fixture {
        name: "unfinished",
        make: Make::Records(unfinished_file),
    },
    Fixture {
        name: "unfinished_append",
        make: Make::Records(unfinished_append),
    },
    Fixture {
        name: "columns",
        make: Make::Table(columns_file),
    },
    Fixture {
        name: "columns_shared",
        make: Make::Table(shared_columns_file),
    },
    Fixture {
        name: "columns_grown",
        make: Make::Table(grown_columns_file),
    },
    Fixture {
        name: "columns_unfinished",
        make: Make::Table(unfinished_columns_file),
    },
    Fixture {
        name: "columns_unfinished_append",
        make: Make::Table(unfinished_columns_append),
    },
];

/// For each kind of structure the one in the middle of those that the file has.
fn chosen(structures: &[Structure]) -> Vec<usize> {
    let mut kinds: Vec<(Part, Field)> = Vec::new();
    for structure in structures {
        let kind = (structure.part, structure.field);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let of_kind = |kind: &(Part, Field)| {
        let all: Vec<usize> = (0..structures.len())
            .filter(|&at| (structures[at].part, structures[at].field) == *kind)
            .collect();
        all[all.len() / 2]
    };
    let mut chosen: Vec<usize> = kinds.iter().map(of_kind).collect();
    chosen.sort_unstable();
    chosen
}

/// What happens to every chosen structure under every damage, and without.
fn table(fixture: &Fixture) -> Table {
    let (bytes, other) = (fixture.make.bytes(1), fixture.make.bytes(2));
    let see = fixture.make.see(1);
    let structures = Anatomy::of(&bytes).structures(&bytes);
    let row = |front: [String; 3], damaged: Option<&[u8]>| {
        let cells = damaged.map(&see);
        let unchanged = || ["unchanged", "", "", "", ""].map(str::to_owned);
        [front.to_vec(), cells.unwrap_or_else(unchanged).to_vec()].concat()
    };
    let front = |cells: [&str; 3]| cells.map(str::to_owned);
    let mut rows = vec![
        HEAD.map(str::to_owned).to_vec(),
        row(front(["file", "", "none"]), Some(&bytes)),
    ];
    for at in chosen(&structures) {
        let structure = &structures[at];
        let name = format!("{} {}", structure.part.name(), structure.field.name());
        let place = format!("{}..{}", structure.hull().start, structure.hull().end);
        for damage in Damage::ALL {
            let damaged = damage.inflict(&bytes, &other, &structures, at);
            rows.push(row(
                front([&name, &place, damage.name()]),
                damaged.as_deref(),
            ));
        }
    }
    for (names, damaged) in damaged_twice(&bytes, &other, &structures) {
        rows.push(row(names, damaged.as_deref()));
    }
    Table { rows }
}

/// The dictionary and its copy, damaged alike.
fn damaged_twice(
    bytes: &[u8],
    other: &[u8],
    structures: &[Structure],
) -> Vec<([String; 3], Option<Vec<u8>>)> {
    let mut rows = Vec::new();
    for (first, structure) in structures.iter().enumerate() {
        let is_copy =
            |copy: &Structure| copy.part == Part::DictionaryCopy && copy.field == structure.field;
        let copy = structures.iter().position(is_copy);
        let Some(second) = copy.filter(|_| structure.part == Part::Dictionary) else {
            continue;
        };
        for damage in [Damage::Flip, Damage::Zero, Damage::Splice] {
            let damaged = damage.inflict(bytes, other, structures, first);
            let damaged = damaged.map(|once| {
                let twice = damage.inflict(&once, other, structures, second);
                twice.expect("what changes one changes the other")
            });
            let [hull, other] = [first, second].map(|at| structures[at].hull());
            let names = [
                format!("both dictionaries {}", structure.field.name()),
                format!(
                    "{}..{}, {}..{}",
                    hull.start, hull.end, other.start, other.end
                ),
                damage.name().to_owned(),
            ];
            rows.push((names, damaged));
        }
    }
    rows
}

#[test]
fn each_damage_is_answered_as_the_tables_say() {
    let mut wrong = Vec::new();
    for fixture in &FIXTURES {
        let found = table(fixture);
        let path = repository::path(FOLDER).join(format!("{}.md", fixture.name));
        let expected = Table::parse(&std::fs::read_to_string(path).unwrap_or_default());
        let differences = expected.differences(&found);
        if !differences.is_empty() {
            let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.md", fixture.name));
            let text = format!("# {}\n\n{}", fixture.name, found.text());
            std::fs::write(&made, text).unwrap();
            wrong.push(format!("{}, now {}:", fixture.name, made.display()));
            wrong.extend(differences);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_whole_chunks_can_change_unnoticed() {
    let mut rows = 0;
    for fixture in &FIXTURES {
        let text = repository::read_text(format!("{FOLDER}/{}.md", fixture.name));
        for row in &Table::parse(&text).rows[1..] {
            let [structure, _, damage, _, read, verify, skip, recover] = &row[..] else {
                panic!("{}: {row:?}", fixture.name);
            };
            let others = [read, skip, recover].map(|cell| cell.contains("others"));
            if others.contains(&true) && verify == "sound" {
                // A chunk in the place of another with the same offset, size and count: nothing in the format tells.
                let moved = ["swap", "splice"].contains(&damage.as_str());
                assert!(
                    moved && structure.ends_with(" whole"),
                    "{}: {row:?}",
                    fixture.name
                );
            }
            rows += 1;
        }
    }
    assert!(rows > 400, "{rows} rows");
}

#[test]
fn each_code_has_a_row_or_an_example() {
    let begin = CODES.find("pub fn code(&self)").expect("the function");
    let body = &CODES[begin..];
    let body = &body[..body.find("\n    }\n").expect("its end")];
    let codes = body
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'));
    let codes: BTreeSet<&str> = codes.map(|(code, _)| code).collect();
    assert!(codes.len() >= 34, "{codes:?}");
    let begin = EXAMPLES.find("fn examples()").expect("the examples");
    let examples = &EXAMPLES[begin..];
    let examples = &examples[..examples.find("\n}\n").expect("their end")];
    let mut tables = String::new();
    for fixture in &FIXTURES {
        tables += &repository::read_text(format!("{FOLDER}/{}.md", fixture.name));
    }
    let words: BTreeSet<&str> = tables.split([' ', '|', ';', '\n']).collect();
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !words.contains(*code) && !examples.contains(&format!("\"{code}\",")))
        // The examples of these are programs: another build prints the first, one with little memory the other.
        .filter(|code| !EXAMPLES.contains(&format!("\"{code} ")))
        .filter(|code| !BOMBS.contains(&format!("\"{code}\"")))
        .collect();
    assert!(missing.is_empty(), "no row, no example: {missing:?}");
    let of_rows = codes.iter().filter(|code| words.contains(*code)).count();
    eprintln!("{of_rows} of {} codes have rows", codes.len());
}
