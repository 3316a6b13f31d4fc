//! Option strings, tried on the upstream package as it runs: it says today what the recorded tables say, and random
//! strings mean the same on both sides.

use std::fmt::Display;
use std::str::FromStr;

use windrow::{OptionsError, ReaderOptions, WriterOptions};
use windrow_tests::progress::report;
use windrow_tests::record_spec::Choices;
use windrow_tests::repository;
use windrow_tests::upstream::{Upstream, Verdict};

const TABLES: &str = "crates/windrow-format/src/options/tests";
const RANDOM_STRINGS: usize = 4000;

/// What a string means: the form in which it is stored (for reader options our own form), or the message.
type Outcome = Result<String, String>;

/// The string, the recorded outcome upstream, and ours where it differs.
struct Row {
    options: String,
    theirs: Outcome,
    ours: Option<Outcome>,
}

fn rows(table: &str) -> Vec<Row> {
    let text = repository::read_text(format!("{TABLES}/{table}"));
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let quoted = columns[0].strip_prefix('"').unwrap();
            Row {
                options: unescape(quoted.strip_suffix('"').unwrap()),
                theirs: outcome(columns[1], columns[2]),
                ours: (columns.len() == 5).then(|| outcome(columns[3], columns[4])),
            }
        })
        .collect()
}

fn outcome(kind: &str, text: &str) -> Outcome {
    match kind {
        "ok" => Ok(unescape(text)),
        "error" => Err(unescape(text)),
        other => panic!("neither ok nor error: {other}"),
    }
}

/// Undoes the escapes of the tables' C strings.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' {
            match chars.next().unwrap() {
                '0' => '\0',
                't' => '\t',
                'n' => '\n',
                'v' => '\x0b',
                'f' => '\x0c',
                'r' => '\r',
                '\\' => '\\',
                'x' => {
                    let code: String = chars.by_ref().take(2).collect();
                    char::from(u8::from_str_radix(&code, 16).unwrap())
                }
                other => panic!("unknown escape {other}"),
            }
        } else {
            c
        };
        plain.push(c);
    }
    plain
}

fn ours<T: FromStr<Err = OptionsError> + Display>(options: &str) -> Outcome {
    options
        .parse::<T>()
        .map(|options| options.to_string())
        .map_err(|error| error.to_string())
}

/// The list of valid options ends with those that only we have.
fn with_our_keys(outcome: &Outcome) -> Outcome {
    outcome.clone().map_err(|text| {
        if text.ends_with(", pad_to_block_boundary") {
            text + ", layout, dictionary"
        } else {
            text
        }
    })
}

fn writer_outcome(upstream: &mut Upstream, options: &str) -> Outcome {
    match upstream.writer_options(options).unwrap() {
        Verdict::Accepted { writer_options, .. } => Ok(writer_options.unwrap_or_default()),
        Verdict::Refused { error } => Err(error),
    }
}

/// Upstream prints no reader options, so what was accepted has no text.
fn reader_outcome(upstream: &mut Upstream, options: &str) -> Result<(), String> {
    match upstream.reader_options(options).unwrap() {
        Verdict::Accepted { .. } => Ok(()),
        Verdict::Refused { error } => Err(error),
    }
}

#[test]
fn recorded_writer_rows_hold_today() {
    let mut upstream = Upstream::start();
    let rows = rows("writer_rows.tsv");
    let mut wrong = Vec::new();
    for row in &rows {
        let live = writer_outcome(&mut upstream, &row.options);
        if live != row.theirs {
            wrong.push(format!(
                "{:?}: recorded {:?}, live {live:?}",
                row.options, row.theirs
            ));
        }
        let ours = ours::<WriterOptions>(&row.options);
        if ours != with_our_keys(row.ours.as_ref().unwrap_or(&live)) {
            wrong.push(format!("{:?}: ours {ours:?}, live {live:?}", row.options));
        }
    }
    report(&format!(
        "options_live: {} recorded writer strings",
        rows.len()
    ));
    assert!(rows.len() >= 352, "{} rows", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recorded_reader_rows_hold_today() {
    let mut upstream = Upstream::start();
    let rows = rows("reader_rows.tsv");
    let mut wrong = Vec::new();
    for row in &rows {
        let live = reader_outcome(&mut upstream, &row.options);
        if live != row.theirs.clone().map(drop) {
            wrong.push(format!(
                "{:?}: recorded {:?}, live {live:?}",
                row.options, row.theirs
            ));
        }
        let ours = ours::<ReaderOptions>(&row.options);
        if ours != *row.ours.as_ref().unwrap_or(&row.theirs) {
            wrong.push(format!(
                "{:?}: ours {ours:?}, recorded {:?}",
                row.options, row.theirs
            ));
        }
    }
    report(&format!(
        "options_live: {} recorded reader strings",
        rows.len()
    ));
    assert!(rows.len() >= 87, "{} rows", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const WRITER_WORDS: &[&str] = &[
    "default",
    "group_size",
    "max_parallelism",
    "saturation_delay_ms",
    "transpose",
    "transpose_bucket_size",
    "uncompressed",
    "brotli",
    "zstd",
    "snappy",
    "window_log",
    "pad_to_block_boundary",
    "Zstd",
    "group",
];
const READER_WORDS: &[&str] = &[
    "max_parallelism",
    "readahead_buffer_size",
    "index_storage_option",
    "footer_prefetch_bytes",
    "group_size",
];
const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "11",
    "12",
    "22",
    "23",
    "30",
    "31",
    "32",
    "-1",
    "-5",
    "-131072",
    "-131073",
    "+4",
    "007",
    "auto",
    "true",
    "false",
    "True",
    "2147483647",
    "2147483648",
    "18446744073709551615",
    "18446744073709551616",
    "1k",
    "1K",
    "0.5M",
    "1.5G",
    "2E",
    "16E",
    "1e3",
    "1e3k",
    "0x10",
    "0x1p4",
    "0x1p-1",
    ".5",
    "5.",
    ".",
    "e3",
    "1e",
    "1e+",
    "nan",
    "inf",
    "-0",
    "-0.4",
    "0.5",
    "0.49999999999999994",
    "9007199254740993",
    " 5",
    "5 ",
    " 5 ",
    "5 k",
    "1 2",
    "5:6",
    ":",
    "in_memory",
    "IN_MEMORY",
    "1G",
    "1073741824",
    "1073741825",
    "9B",
    "9b",
    "\u{e9}",
];

/// A string of up to four items, of the keys `words`, without what the two sides treat differently on purpose: white
/// space around keys, units of more than one letter, control characters.
fn random_string(choices: &mut Choices, words: &[&str]) -> String {
    let items: Vec<String> = (0..choices.below(5))
        .map(|_| match choices.below(20) {
            0 => String::new(),
            1 => format!("{}:", choices.pick(words)),
            2..=6 => (*choices.pick(words)).to_owned(),
            7 => random_number(choices, words),
            _ => format!("{}:{}", choices.pick(words), choices.pick(VALUES)),
        })
        .collect();
    items.join(",")
}

/// A key with a number put together of random characters.
fn random_number(choices: &mut Choices, words: &[&str]) -> String {
    const CHARACTERS: &[char] = &[
        '0', '1', '2', '5', '9', '.', 'e', '-', '+', 'x', 'p', 'k', 'M', 'a', ' ',
    ];
    let number: String = (0..choices.below(7))
        .map(|_| *choices.pick(CHARACTERS))
        .collect();
    format!("{}:{number}", choices.pick(words))
}

#[test]
fn random_writer_strings_mean_the_same() {
    let mut upstream = Upstream::start();
    let mut choices = Choices::new(1);
    let (mut accepted, mut wrong) = (0, Vec::new());
    for _ in 0..RANDOM_STRINGS {
        let options = random_string(&mut choices, WRITER_WORDS);
        let theirs = with_our_keys(&writer_outcome(&mut upstream, &options));
        let ours = ours::<WriterOptions>(&options);
        accepted += usize::from(theirs.is_ok());
        if ours != theirs {
            wrong.push(format!("{options:?}: ours {ours:?}, upstream's {theirs:?}"));
        }
    }
    report(&format!(
        "options_live: {RANDOM_STRINGS} random writer strings, {accepted} of them accepted"
    ));
    assert!(accepted > RANDOM_STRINGS / 20, "{accepted}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn random_reader_strings_mean_the_same() {
    let mut upstream = Upstream::start();
    let mut choices = Choices::new(2);
    let (mut accepted, mut wrong) = (0, Vec::new());
    for _ in 0..RANDOM_STRINGS {
        let options = random_string(&mut choices, READER_WORDS);
        let theirs = reader_outcome(&mut upstream, &options);
        let ours = ours::<ReaderOptions>(&options).map(drop);
        accepted += usize::from(theirs.is_ok());
        if ours != theirs {
            wrong.push(format!("{options:?}: ours {ours:?}, upstream's {theirs:?}"));
        }
    }
    report(&format!(
        "options_live: {RANDOM_STRINGS} random reader strings, {accepted} of them accepted"
    ));
    assert!(accepted > RANDOM_STRINGS / 20, "{accepted}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Strings as people write them, with white space and long units: what upstream accepts must mean the same.
#[test]
fn what_upstream_accepts_means_the_same() {
    const PIECES: &[&str] = &[
        " ",
        "\t",
        ",",
        ":",
        "B",
        "KB",
        "KiB",
        "0",
        "5",
        "1.5",
        "zstd",
        "group_size",
        "transpose_bucket_size",
        "transpose",
        "window_log",
        "auto",
        "\0",
        "\n",
        "-",
        "brotli",
    ];
    let mut upstream = Upstream::start();
    let mut choices = Choices::new(3);
    let (mut accepted, mut wrong) = (0, Vec::new());
    for _ in 0..RANDOM_STRINGS {
        let mut options = random_string(&mut choices, WRITER_WORDS);
        for _ in 0..1 + choices.below(3) {
            let ends: Vec<usize> = (0..=options.len())
                .filter(|place| options.is_char_boundary(*place))
                .collect();
            let place = *choices.pick(&ends);
            let piece: &&str = choices.pick(PIECES);
            options.insert_str(place, piece);
        }
        if let Ok(theirs) = writer_outcome(&mut upstream, &options) {
            accepted += 1;
            let ours = ours::<WriterOptions>(&options);
            if ours.as_ref() != Ok(&theirs) {
                wrong.push(format!("{options:?}: ours {ours:?}, upstream's {theirs:?}"));
            }
        }
    }
    report(&format!(
        "options_live: {RANDOM_STRINGS} careless writer strings, {accepted} of them accepted by upstream"
    ));
    assert!(accepted > 50, "{accepted}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
