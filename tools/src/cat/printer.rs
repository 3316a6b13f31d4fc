//! Records on standard output, one after the other.

use std::ops::Range;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, ValueEnum};
use serde::Serialize;
use windrow::{Reader, ReaderOptions, RecordsMetadata};

use super::message::{MessageArgs, MessageType};
use crate::error::CliError;
use crate::output::{Stdout, complain};
use crate::reading::ReadArgs;
use crate::table::{RowLook, TableUsage};

/// What of each record is shown, and how it looks.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// How each record looks; default raw, of files of columns table
    #[arg(long, value_enum)]
    format: Option<Look>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    messages: MessageArgs,
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
    /// The record as a protocol buffer message: its fields by name, one record per line
    Json,
    /// Rows in aligned columns, long values cut
    Table,
    /// Rows as CSV, with a header
    Csv,
}

impl ShowArgs {
    /// How the file is read.
    pub fn read(&self) -> ReadArgs {
        self.read
    }

    /// The look that was given and is only for files of columns.
    pub fn only_of_columns(&self) -> Option<&'static str> {
        match self.format? {
            Look::Table => Some("format table"),
            Look::Csv => Some("format csv"),
            _ => None,
        }
    }

    /// How rows look.
    pub fn row_look(&self) -> Result<RowLook, TableUsage> {
        if let Some(option) = self.messages.given() {
            return Err(TableUsage::NotOfColumns {
                option,
                instead: "--columns picks some of its columns",
            });
        }
        let not_of_columns = |option| TableUsage::NotOfColumns {
            option,
            instead: "its rows are shown as table, csv or jsonl",
        };
        match self.format {
            None | Some(Look::Table) => Ok(RowLook::Table),
            Some(Look::Csv) => Ok(RowLook::Csv),
            Some(Look::Jsonl) => Ok(RowLook::Jsonl),
            Some(Look::Raw) => Err(not_of_columns("format raw")),
            Some(Look::Hex) => Err(not_of_columns("format hex")),
            Some(Look::Base64) => Err(not_of_columns("format base64")),
            Some(Look::Json) => Err(not_of_columns("format json")),
        }
    }
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

/// Prints the records of one file.
pub struct Printer<'a> {
    out: Stdout,
    path: &'a Path,
    args: &'a ShowArgs,
    look: Look,
    /// What the records are: of the command line, else of the file.
    message_type: Option<MessageType>,
    line: Vec<u8>,
    /// Records that were told and left out.
    skipped: u64,
}

impl<'a> Printer<'a> {
    pub fn new(path: &'a Path, args: &'a ShowArgs) -> Result<Self, CliError> {
        let look = args.format.unwrap_or(Look::Raw);
        Ok(Self {
            look,
            message_type: args.messages.given_type()?,
            out: Stdout::lock(),
            path,
            args,
            line: Vec::new(),
            skipped: 0,
        })
    }

    /// How the file is to be read.
    pub fn options(&self) -> Result<ReaderOptions, CliError> {
        let options = self.args.read.options();
        self.args
            .messages
            .select(options, self.message_type.as_ref())
    }

    /// Takes the type of the records from what the file says of them, if it has to be known and was not given.
    pub fn find_type(
        &mut self,
        metadata: impl FnOnce() -> windrow::Result<Option<RecordsMetadata>>,
    ) -> Result<(), CliError> {
        if self.look == Look::Json && self.message_type.is_none() {
            self.message_type = Some(MessageType::of_file(self.path, metadata()?)?);
        }
        Ok(())
    }

    /// Hands on what is buffered, and returns how many records were left out.
    pub fn finish(self) -> Result<u64, CliError> {
        self.out.finish()?;
        Ok(self.skipped)
    }

    pub fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush()
    }

    pub fn print_all(&mut self, reader: &Reader, range: Range<u64>) -> Result<(), CliError> {
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

    /// Prints one record, or tells that it was skipped.
    pub fn print_single(&mut self, reader: &Reader, index: u64) -> Result<(), CliError> {
        let printed = reader.read_with(index, |record| self.print(index, record));
        match self.keep_what_was_read(printed) {
            Ok(printed) => printed,
            Err(error @ CliError::Library(windrow::Error::Format { .. })) => self.skip(error),
            Err(error) => Err(error),
        }
    }

    /// In front of an error, the records that came before it go out.
    pub fn keep_what_was_read<T>(&mut self, result: windrow::Result<T>) -> Result<T, CliError> {
        if result.is_err() {
            self.out.flush()?;
        }
        Ok(result?)
    }

    pub fn print(&mut self, index: u64, record: &[u8]) -> Result<(), CliError> {
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
            Look::Json | Look::Table | Look::Csv => self.print_message(index, record),
        }
    }

    fn print_message(&mut self, index: u64, record: &[u8]) -> Result<(), CliError> {
        self.line.clear();
        let message_type = self.message_type.as_ref();
        let encoded =
            message_type.map_or(Ok(()), |known| known.encode_json(record, &mut self.line));
        match encoded {
            Ok(()) => {
                self.line.push(b'\n');
                self.out.write(&self.line)
            }
            Err(source) => {
                self.out.flush()?;
                self.skip(CliError::Message {
                    path: self.path.to_path_buf(),
                    record: index,
                    source,
                })
            }
        }
    }

    /// Tells `error` and goes on, if that was asked for.
    fn skip(&mut self, error: CliError) -> Result<(), CliError> {
        if !self.args.read.skips() {
            return Err(error);
        }
        complain(&format!("skipped: {}", error.one_line()));
        self.skipped += 1;
        Ok(())
    }
}
