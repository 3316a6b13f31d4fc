//! `windrow cat` and `windrow head` of files of columns.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use clap::{Args, ValueEnum};
use windrow::{Strings, TableReader};

use super::fault::{TableFault, TableUsage};
use super::source::{Failure, Narrow};
use super::text::Texts;
use super::{condition, csv, target};
use crate::error::{CliError, Exit, printable};
use crate::output::{Stdout, count};
use crate::reading::{self, ReadArgs};

/// Which rows and columns of a table are shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Files of columns")]
pub struct ShowTableArgs {
    /// Only these columns, in this order: a,b
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Only rows for which this is true, as in "dep_delay > 60 and carrier = 'UA'"
    #[arg(long = "where", value_name = "CONDITION")]
    filter: Option<String>,
}

impl ShowTableArgs {
    /// The option that was given and is only for files of columns.
    pub fn given(&self) -> Option<&'static str> {
        match self {
            Self {
                columns: Some(_), ..
            } => Some("columns"),
            Self {
                filter: Some(_), ..
            } => Some("where"),
            _ => None,
        }
    }
}

/// How rows look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowLook {
    Table,
    Csv,
    Jsonl,
}

/// What is to be shown.
#[derive(Debug)]
pub struct Show<'a> {
    pub path: &'a Path,
    pub table: &'a ShowTableArgs,
    pub look: RowLook,
    pub read: ReadArgs,
    /// Numbers of rows; either end may be left open. One that reaches beyond the last row is refused.
    pub range: Option<(Option<u64>, Option<u64>)>,
    pub indices: Option<&'a [u64]>,
    /// The most rows.
    pub limit: Option<u64>,
}

/// Prints rows of a file of columns.
pub fn show(asked: &Show<'_>) -> Result<Exit, CliError> {
    let path = asked.path;
    let table = TableReader::open_with(path, asked.read.options())?;
    let columns = asked.table.columns.as_deref();
    let filter = asked.table.filter.as_deref().map(condition).transpose()?;
    let mut printer = Printer::new(path, asked.look);
    if let Some(indices) = asked.indices {
        let is_filtered = filter.is_some();
        let narrow = Narrow {
            columns: asked.table.columns.clone(),
            condition: filter,
        };
        let wrong = |failure: Failure| failure.at(path);
        let names = narrow.names(table.schema()).map_err(wrong)?;
        let names: Option<Vec<&str>> = names
            .as_ref()
            .map(|names| names.iter().map(String::as_str).collect());
        let names = names.as_deref();
        let take = |part: &[u64]| {
            let rows = if asked.read.skips() {
                table.take_readable(part, names, Strings::AsWritten)?
            } else {
                table.take(part, names)?
            };
            narrow.of(rows).map_err(wrong)
        };
        let mut left = usize::try_from(asked.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let indices = if is_filtered {
            indices
        } else {
            &indices[..indices.len().min(left)]
        };
        printer.begin(&take(&[])?.schema())?;
        for part in indices.chunks(8192) {
            if left == 0 {
                break;
            }
            let rows = take(part)?;
            let rows = rows.slice(0, left.min(rows.num_rows()));
            left -= rows.num_rows();
            printer.print(&rows)?;
        }
        printer.is_filtered = is_filtered;
    } else {
        let rows = within(path, asked.range, table.len())?;
        let mut left = asked.limit.unwrap_or(u64::MAX);
        let mut scan = table.scan().rows(
            rows.start..if filter.is_none() {
                rows.end.min(rows.start.saturating_add(left))
            } else {
                rows.end
            },
        );
        if let Some(names) = columns {
            scan = scan.columns(names.iter().cloned());
        }
        let is_filtered = filter.is_some();
        if let Some(filter) = filter {
            let predicate = filter.predicate(table.schema());
            scan = scan.filter(predicate.map_err(TableUsage::Where)?);
        }
        // A part of a row group is enough where few rows are wanted.
        let few = usize::try_from(left.min(8192)).unwrap_or(8192);
        let batches = scan.batch_rows(few.max(1)).batches()?;
        printer.begin(batches.schema())?;
        for batch in batches {
            if left == 0 {
                break;
            }
            let batch = batch?;
            let rows = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(batch.num_rows());
            left -= rows as u64;
            printer.print(&batch.slice(0, rows))?;
        }
        printer.is_filtered = is_filtered;
    }
    printer.finish(table.len())?;
    Ok(Exit::bad_if(reading::tell(path, table.file()) > 0))
}

fn within(
    path: &Path,
    range: Option<(Option<u64>, Option<u64>)>,
    len: u64,
) -> Result<Range<u64>, CliError> {
    let (begin, end) = range.unwrap_or_default();
    let (begin, end) = (begin.unwrap_or(0), end.unwrap_or(len));
    if begin > end || end > len {
        return Err(CliError::Range {
            path: path.to_path_buf(),
            range: format!("{begin}..{end}"),
            len,
        });
    }
    Ok(begin..end)
}

struct Printer<'a> {
    path: &'a Path,
    out: Stdout,
    look: RowLook,
    begun: bool,
    /// Of the table, once its first rows told them.
    layout: Option<Layout>,
    schema: Option<Schema>,
    buffer: Vec<u8>,
    rows: u64,
    is_filtered: bool,
}

impl<'a> Printer<'a> {
    fn new(path: &'a Path, look: RowLook) -> Self {
        Self {
            path,
            out: Stdout::lock(),
            look,
            begun: false,
            layout: None,
            schema: None,
            buffer: Vec::new(),
            rows: 0,
            is_filtered: false,
        }
    }

    fn begin(&mut self, schema: &Schema) -> Result<(), CliError> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.schema = Some(schema.clone());
        if self.look == RowLook::Csv {
            csv::check_flat(schema)?;
            csv::push_header(schema, &mut self.buffer);
            self.flush_buffer()?;
        }
        Ok(())
    }

    fn flush_buffer(&mut self) -> Result<(), CliError> {
        self.out.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn print(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        let first = self.rows;
        self.rows += batch.num_rows() as u64;
        let pushed = match self.look {
            RowLook::Csv => csv::push_rows(batch, first, &mut self.buffer),
            RowLook::Jsonl => target::push_json(batch, first, &mut self.buffer),
            RowLook::Table => self.push_table(batch, first),
        };
        pushed.map_err(|fault| Failure::from(fault).at(self.path))?;
        self.flush_buffer()
    }

    fn push_table(&mut self, batch: &RecordBatch, first: u64) -> Result<(), TableFault> {
        let layout = match &self.layout {
            Some(layout) => layout,
            None => {
                let layout = Layout::of(batch, first, terminal_width())?;
                layout.push_header(&mut self.buffer);
                self.layout.insert(layout)
            }
        };
        layout.push_rows(batch, first, &mut self.buffer)
    }

    fn finish(mut self, all: u64) -> Result<(), CliError> {
        if self.look == RowLook::Table {
            if self.layout.is_none()
                && let Some(schema) = &self.schema
            {
                let empty = RecordBatch::new_empty(schema.clone().into());
                let layout = Layout::of(&empty, 0, terminal_width())
                    .map_err(|fault| Failure::from(fault).at(self.path))?;
                layout.push_header(&mut self.buffer);
                self.layout = Some(layout);
            }
            self.flush_buffer()?;
            let hidden = self
                .layout
                .as_ref()
                .map_or(&[][..], |layout| &layout.hidden);
            let hidden = if hidden.is_empty() {
                String::new()
            } else {
                let names = hidden.join(", ");
                format!("; not shown: {}", cut(&printable(&names), 200))
            };
            let of = if self.is_filtered || self.rows < all {
                format!(" of {all}")
            } else {
                String::new()
            };
            let rows = if of.is_empty() {
                count(self.rows, "row")
            } else {
                format!("{}{of} rows", self.rows)
            };
            self.out.line(&format!("({rows}{hidden})"))?;
        }
        self.out.finish()
    }
}

/// Columns of the terminal, if standard output is one.
fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (terminal_size::Width(width), _) = terminal_size::terminal_size()?;
    Some(usize::from(width))
}

/// The most characters of a cell.
const CELL_CHARS: usize = 60;
const NULL: &str = "null";

/// How wide the columns of a table are.
struct Layout {
    names: Vec<String>,
    widths: Vec<usize>,
    right: Vec<bool>,
    /// Names of columns for which there is no room.
    hidden: Vec<String>,
}

impl Layout {
    fn of(batch: &RecordBatch, first: u64, room: Option<usize>) -> Result<Self, TableFault> {
        let schema = batch.schema();
        let names: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| cut(&printable(field.name()), CELL_CHARS))
            .collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
        let mut text = String::new();
        for (texts, width) in Texts::of(batch, first, NULL)?.iter().zip(&mut widths) {
            for row in 0..batch.num_rows() {
                cell(texts, row, &mut text)?;
                *width = (*width).max(text.chars().count());
            }
        }
        let mut shown = widths.len();
        if let Some(room) = room {
            let mut used = 0;
            for (number, width) in widths.iter().enumerate() {
                used += width + if number > 0 { 2 } else { 0 };
                if used > room {
                    shown = number.max(1);
                    break;
                }
            }
            if let [first, ..] = widths.as_mut_slice() {
                *first = (*first).min(room.max(1));
            }
        }
        widths.truncate(shown);
        Ok(Self {
            hidden: names[shown..].to_vec(),
            right: schema
                .fields()
                .iter()
                .map(|field| field.data_type().is_numeric())
                .collect(),
            names,
            widths,
        })
    }

    fn push_header(&self, out: &mut Vec<u8>) {
        self.push_line(self.names.iter().map(String::as_str), out);
        let rules: Vec<String> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
        self.push_line(rules.iter().map(String::as_str), out);
    }

    fn push_rows(
        &self,
        batch: &RecordBatch,
        first: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), TableFault> {
        let columns = Texts::of(batch, first, NULL)?;
        let mut cells = vec![String::new(); self.widths.len()];
        for row in 0..batch.num_rows() {
            for (texts, text) in columns.iter().zip(&mut cells) {
                cell(texts, row, text)?;
            }
            self.push_line(cells.iter().map(String::as_str), out);
        }
        Ok(())
    }

    fn push_line<'c>(&self, cells: impl Iterator<Item = &'c str>, out: &mut Vec<u8>) {
        let mut line = String::new();
        for (number, (cell, &width)) in cells.zip(&self.widths).enumerate() {
            if number > 0 {
                line.push_str("  ");
            }
            let text = cut(cell, width);
            let _ = if self.right[number] {
                write!(line, "{text:>width$}")
            } else {
                write!(line, "{text:<width$}")
            };
        }
        out.extend_from_slice(line.trim_end().as_bytes());
        out.push(b'\n');
    }
}

fn cell(texts: &Texts<'_>, row: usize, text: &mut String) -> Result<(), TableFault> {
    text.clear();
    texts.push(row, text)?;
    if text.chars().any(char::is_control) {
        *text = printable(text);
    }
    if text.len() > CELL_CHARS {
        *text = cut(text, CELL_CHARS);
    }
    Ok(())
}

/// At most so many characters of `text`.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}
