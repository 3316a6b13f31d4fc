//! `windrow cat` and `windrow head`: records on standard output.

use std::ops::Range;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, ValueEnum};
use serde::Serialize;
use windrow::Reader;

use crate::error::{CliError, Exit};
use crate::output::Stdout;

/// What `cat` is asked to do.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The array_record file
    file: PathBuf,
    /// Records a up to, not including, b: a:b, a: or :b, counted from 0
    #[arg(long, value_name = "A:B", value_parser = parse_range, conflicts_with = "indices")]
    range: Option<Bounds>,
    /// Single records in this order, counted from 0: 1,5,9
    #[arg(long, value_name = "I,J,...", value_delimiter = ',')]
    indices: Option<Vec<u64>>,
    /// How each record looks
    #[arg(long, value_enum, default_value_t = Look::Raw)]
    format: Look,
}

/// What `head` is asked to do.
#[derive(Debug, Args)]
pub struct HeadArgs {
    /// The array_record file
    file: PathBuf,
    /// How many records, from the first on
    #[arg(short, value_name = "RECORDS", default_value_t = 10)]
    n: u64,
    /// How each record looks
    #[arg(long, value_enum, default_value_t = Look::Raw)]
    format: Look,
}

/// How a record is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Look {
    /// The record's bytes and a line break
    Raw,
    /// Two hexadecimal digits per byte, one record per line
    Hex,
    /// Base64 with padding, one record per line
    Base64,
    /// {"index":0,"text":"..."} per line, or "base64" in place of "text" for a record that is not UTF-8
    Jsonl,
}

/// Either end may be left open.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    begin: Option<u64>,
    end: Option<u64>,
}

#[derive(Debug, Serialize)]
struct JsonRecord<'a> {
    index: u64,
    #[serde(flatten)]
    data: Data<'a>,
}

/// Bytes in JSON: as text where they are UTF-8.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Data<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Data<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(|_| Self::Base64(BASE64.encode(bytes)), Self::Text)
    }
}

pub fn run_cat(args: &CatArgs) -> Result<Exit, CliError> {
    let reader = Reader::open(&args.file)?;
    let mut printer = Printer::new(args.format);
    if let Some(indices) = &args.indices {
        for &index in indices {
            let printed = reader.read_with(index, |record| printer.print(index, record));
            printer.keep_what_was_read(printed)??;
        }
    } else {
        let range = match args.range {
            Some(bounds) => bounds.within(&reader, args)?,
            None => 0..reader.len(),
        };
        printer.print_all(&reader, range)?;
    }
    printer.out.finish()?;
    Ok(Exit::Fine)
}

pub fn run_head(args: &HeadArgs) -> Result<Exit, CliError> {
    let reader = Reader::open(&args.file)?;
    let mut printer = Printer::new(args.format);
    printer.print_all(&reader, 0..args.n.min(reader.len()))?;
    printer.out.finish()?;
    Ok(Exit::Fine)
}

struct Printer {
    out: Stdout,
    look: Look,
    line: Vec<u8>,
}

impl Printer {
    fn new(look: Look) -> Self {
        Self {
            out: Stdout::lock(),
            look,
            line: Vec::new(),
        }
    }

    fn print_all(&mut self, reader: &Reader, range: Range<u64>) -> Result<(), CliError> {
        let mut cursor = reader.records_in(range);
        loop {
            let index = cursor.tell();
            let record = cursor.next_record();
            let Some(record) = self.keep_what_was_read(record)? else {
                return Ok(());
            };
            self.print(index, record)?;
        }
    }

    /// In front of an error, the records that came before it go out.
    fn keep_what_was_read<T>(&mut self, result: windrow::Result<T>) -> Result<T, CliError> {
        if result.is_err() {
            self.out.flush()?;
        }
        Ok(result?)
    }

    fn print(&mut self, index: u64, record: &[u8]) -> Result<(), CliError> {
        match self.look {
            Look::Raw => {
                self.out.write(record)?;
                self.out.write(b"\n")
            }
            Look::Hex => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                self.line.clear();
                for &byte in record {
                    self.line.push(DIGITS[usize::from(byte >> 4)]);
                    self.line.push(DIGITS[usize::from(byte & 15)]);
                }
                self.line.push(b'\n');
                self.out.write(&self.line)
            }
            Look::Base64 => self.out.line(&BASE64.encode(record)),
            Look::Jsonl => self.out.json(&JsonRecord {
                index,
                data: Data::new(record),
            }),
        }
    }
}

impl Bounds {
    /// The range in the file. One that reaches beyond the last record is refused, not shortened.
    fn within(self, reader: &Reader, args: &CatArgs) -> Result<Range<u64>, CliError> {
        let len = reader.len();
        let begin = self.begin.unwrap_or(0);
        let end = self.end.unwrap_or(len);
        if begin > end || end > len {
            return Err(CliError::Range {
                path: args.file.clone(),
                range: format!("{begin}..{end}"),
                len,
            });
        }
        Ok(begin..end)
    }
}

fn parse_range(text: &str) -> Result<Bounds, String> {
    let bound = |text: &str| match text {
        "" => Ok(None),
        digits => digits
            .parse()
            .map(Some)
            .map_err(|error| format!("{digits:?}: {error}")),
    };
    let (begin, end) = text.split_once(':').ok_or("expected a:b, a: or :b")?;
    let bounds = Bounds {
        begin: bound(begin)?,
        end: bound(end)?,
    };
    match (bounds.begin, bounds.end) {
        (Some(begin), Some(end)) if begin > end => Err(format!(
            "the range is backwards: {begin} is behind {end}; expected a:b with a <= b"
        )),
        _ => Ok(bounds),
    }
}
