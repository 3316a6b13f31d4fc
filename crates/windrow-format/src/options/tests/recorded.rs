//! Holds the grammar against what `array_record` was seen to do, string by string.

use std::fmt::Display;
use std::str::FromStr;

use super::super::{OptionsError, ReaderOptions, WriterOptions};

const WRITER_ROWS: &str = include_str!("writer_rows.tsv");
const READER_ROWS: &str = include_str!("reader_rows.tsv");

/// The strings of `writer_rows.tsv` that we treat in another way, on purpose.
const WRITER_DIFFERENCES: &[&str] = &[
    // White space around keys.
    " group_size:5",
    "group_size :5",
    "group_size:5, zstd",
    // Suffixes of more than one letter.
    "transpose,transpose_bucket_size:16MB",
    "transpose,transpose_bucket_size:16KB",
    "transpose,transpose_bucket_size:16 MB",
    "transpose,transpose_bucket_size:16MiB",
    "transpose,transpose_bucket_size:16kiB",
    "transpose,transpose_bucket_size:16kB",
    "transpose,transpose_bucket_size:1EB",
    "transpose,transpose_bucket_size:2EiB",
    "transpose,transpose_bucket_size:infMB",
    // White space around keys, and in place of them.
    " ",
    "\t",
    " group_size : 5",
    "group_size:5, ,zstd",
    "group_size\t:5",
    "\ngroup_size:5",
    "group_size:5,\r\n",
    // Control characters in messages.
    "group_size:3\0",
    "bl\0ah",
    "group_size\0:5",
    "group_size:x\ty",
    "window_log:1\x7f",
    // White space around keys.
    "group_size:5, group_size:6",
    "group_size:5,zstd ,window_log :15",
];

/// The strings of `reader_rows.tsv` that we treat in another way, on purpose.
const READER_DIFFERENCES: &[&str] = &[
    "readahead_buffer_size:16MB",
    // An offloaded index and a prefetch do not exclude each other.
    "index_storage_option:offloaded",
    "index_storage_option:offloaded,footer_prefetch_bytes:1K",
    "readahead_buffer_size:16MiB",
    "readahead_buffer_size:16 KB",
    "readahead_buffer_size:1GB",
    "footer_prefetch_bytes:auto,index_storage_option:offloaded",
    "footer_prefetch_bytes:64KB",
    " max_parallelism:2, readahead_buffer_size :1K",
    " ",
    "blah\0",
    "max_parallelism:1\0",
];

/// The string form of the options, or the message of the error.
type Outcome = Result<String, String>;

struct Row {
    options: String,
    theirs: Outcome,
    ours: Option<Outcome>,
}

fn rows(table: &str) -> Vec<Row> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(row)
        .collect()
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    assert!(matches!(columns.len(), 3 | 5), "columns of {line}");
    let quoted = columns[0]
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or_else(|| panic!("quotes of {line}"));
    Row {
        options: unescape(quoted),
        theirs: outcome(columns[1], columns[2]),
        ours: (columns.len() == 5).then(|| outcome(columns[3], columns[4])),
    }
}

fn outcome(kind: &str, text: &str) -> Outcome {
    match kind {
        "ok" => Ok(unescape(text)),
        "error" => Err(unescape(text)),
        _ => panic!("neither ok nor error: {kind}"),
    }
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next().unwrap() {
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
            },
            c => c,
        });
    }
    plain
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

/// Checks every row, and that the rows with an answer of our own are `differences`.
fn check<T>(table: &str, count: usize, differences: &[&str])
where
    T: FromStr<Err = OptionsError> + Display,
{
    let rows = rows(table);
    assert_eq!(rows.len(), count);
    let mut wrong = Vec::new();
    for row in &rows {
        let got = row
            .options
            .parse::<T>()
            .map(|options| options.to_string())
            .map_err(|error| error.to_string());
        let want = with_our_keys(row.ours.as_ref().unwrap_or(&row.theirs));
        if got != want {
            wrong.push(format!("{:?}: want {want:?}, got {got:?}", row.options));
        }
        if row.ours.as_ref() == Some(&row.theirs) {
            wrong.push(format!("{:?}: not a difference", row.options));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let differing: Vec<&str> = rows
        .iter()
        .filter(|row| row.ours.is_some())
        .map(|row| row.options.as_str())
        .collect();
    assert_eq!(differing, differences);
}

#[test]
fn writer_strings_are_read_as_recorded() {
    check::<WriterOptions>(WRITER_ROWS, 352, WRITER_DIFFERENCES);
}

#[test]
fn reader_strings_are_read_as_recorded() {
    check::<ReaderOptions>(READER_ROWS, 87, READER_DIFFERENCES);
}

#[test]
fn what_a_writer_stores_reads_back_to_itself() {
    for row in rows(WRITER_ROWS) {
        let Ok(stored) = row.theirs else { continue };
        let options: WriterOptions = stored.parse().unwrap();
        assert_eq!(options.to_string(), stored);
    }
}
