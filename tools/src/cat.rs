//! `windrow cat` and `windrow head`: records on standard output.

mod follow;

use std::ops::Range;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, ValueEnum};
use serde::Serialize;
use windrow::Reader;

use crate::error::{CliError, Exit};
use crate::output::{Stdout, complain};
use crate::reading::{self, ReadArgs};

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
    /// Go on with a file that is being written: print records as they are flushed, until the file is complete
    #[arg(long, conflicts_with = "indices")]
    follow: bool,
    /// How each record looks
    #[arg(long, value_enum, default_value_t = Look::Raw)]
    format: Look,
    #[command(flatten)]
    read: ReadArgs,
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
    #[command(flatten)]
    read: ReadArgs,
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
    let mut printer = Printer::new(args.format);
    if args.follow {
        return follow::run(args, printer);
    }
    let reader = Reader::open_with(&args.file, args.read.options())?;
    let mut skipped = 0;
    if let Some(indices) = &args.indices {
        for &index in indices {
            skipped += printer.print_single(&reader, index, args.read)?;
        }
    } else {
        let range = match args.range {
            Some(bounds) => bounds.within(&reader, args)?,
            None => 0..reader.len(),
        };
        printer.print_all(&reader, range)?;
    }
    printer.out.finish()?;
    Ok(Exit::bad_if(
        skipped + reading::tell(&args.file, &reader) > 0,
    ))
}

pub fn run_head(args: &HeadArgs) -> Result<Exit, CliError> {
    let reader = Reader::open_with(&args.file, args.read.options())?;
    let mut printer = Printer::new(args.format);
    printer.print_all(&reader, 0..args.n.min(reader.len()))?;
    printer.out.finish()?;
    Ok(Exit::bad_if(reading::tell(&args.file, &reader) > 0))
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
        let mut record = Vec::new();
        loop {
            let any = cursor.read_into(&mut record);
            if !self.keep_what_was_read(any)? {
                return Ok(());
            }
            // Only now: what was skipped lies in between.
            self.print(cursor.tell() - 1, &record)?;
        }
    }

    /// Prints one record, or tells that it was skipped. Returns how many were.
    fn print_single(
        &mut self,
        reader: &Reader,
        index: u64,
        read: ReadArgs,
    ) -> Result<u64, CliError> {
        let printed = reader.read_with(index, |record| self.print(index, record));
        match self.keep_what_was_read(printed) {
            Ok(printed) => printed.map(|()| 0),
            Err(error @ CliError::Library(windrow::Error::Format { .. })) if read.skips() => {
                complain(&format!("skipped: {}", error.one_line()));
                Ok(1)
            }
            Err(error) => Err(error),
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
