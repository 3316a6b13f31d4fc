//! `windrow cat` and `windrow head`: records on standard output.

mod any;
mod follow;
mod message;
mod printer;

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use windrow::Reader;

use crate::error::{CliError, Exit};
use crate::reading;
use crate::table::{self, Show, ShowTableArgs, TableUsage};
pub use message::MessageFault;
pub use printer::Data;
use printer::{Printer, ShowArgs};

/// What `cat` is asked to do.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The array_record file
    file: PathBuf,
    /// Records or rows a up to, not including, b: a:b, a: or :b, counted from 0; a..b is the same
    #[arg(long, visible_alias = "rows", value_name = "A:B", value_parser = parse_range, conflicts_with = "indices")]
    range: Option<Bounds>,
    /// Single records in this order, counted from 0: 1,5,9
    #[arg(long, value_name = "I,J,...", value_delimiter = ',')]
    indices: Option<Vec<u64>>,
    /// Go on with a file that is being written: print records as they are flushed, until the file is complete
    #[arg(long, conflicts_with = "indices")]
    follow: bool,
    /// The most records or rows that are printed
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    limit: Option<u64>,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    table: ShowTableArgs,
}

/// What `head` is asked to do.
#[derive(Debug, Args)]
pub struct HeadArgs {
    /// The array_record file
    file: PathBuf,
    /// How many records, from the first on
    #[arg(short, value_name = "RECORDS", default_value_t = 10)]
    n: u64,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    table: ShowTableArgs,
}

/// Either end may be left open.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    begin: Option<u64>,
    end: Option<u64>,
}

pub fn run_cat(args: &CatArgs) -> Result<Exit, CliError> {
    if table::holds_columns(&args.file, args.show.read().options()) {
        if args.follow {
            return Err(follow::NOT_OF_COLUMNS.into());
        }
        return table::show(&Show {
            path: &args.file,
            table: &args.table,
            look: args.show.row_look()?,
            read: args.show.read(),
            range: args.range.map(|bounds| (bounds.begin, bounds.end)),
            indices: args.indices.as_deref(),
            limit: args.limit,
        });
    }
    refuse_table_options(&args.file, &args.table, &args.show)?;
    let mut printer = Printer::new(&args.file, &args.show)?;
    if args.follow {
        return follow::run(args, printer);
    }
    let reader = Reader::open_with(&args.file, printer.options()?)?;
    printer.find_type(|| reader.records_metadata())?;
    let limit = args.limit.unwrap_or(u64::MAX);
    if let Some(indices) = &args.indices {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        for &index in indices.iter().take(limit) {
            printer.print_single(&reader, index)?;
        }
    } else {
        let range = match args.range {
            Some(bounds) => bounds.within(&reader, args)?,
            None => 0..reader.len(),
        };
        let end = range.end.min(range.start.saturating_add(limit));
        printer.print_all(&reader, range.start..end)?;
    }
    let skipped = printer.finish()?;
    Ok(Exit::bad_if(
        skipped + reading::tell(&args.file, &reader) > 0,
    ))
}

/// Refuses what only tables have. First comes what is wrong with the file: one that does not open may well be a table.
fn refuse_table_options(
    path: &Path,
    table: &ShowTableArgs,
    show: &ShowArgs,
) -> Result<(), CliError> {
    let Some(option) = table.given().or(show.only_of_columns()) else {
        return Ok(());
    };
    Reader::open_with(path, show.read().options())?;
    Err(TableUsage::OnlyOfColumns { option }.into())
}

pub fn run_head(args: &HeadArgs) -> Result<Exit, CliError> {
    if table::holds_columns(&args.file, args.show.read().options()) {
        return table::show(&Show {
            path: &args.file,
            table: &args.table,
            look: args.show.row_look()?,
            read: args.show.read(),
            range: None,
            indices: None,
            limit: Some(args.n),
        });
    }
    refuse_table_options(&args.file, &args.table, &args.show)?;
    let mut printer = Printer::new(&args.file, &args.show)?;
    let reader = Reader::open_with(&args.file, printer.options()?)?;
    printer.find_type(|| reader.records_metadata())?;
    printer.print_all(&reader, 0..args.n.min(reader.len()))?;
    let skipped = printer.finish()?;
    Ok(Exit::bad_if(
        skipped + reading::tell(&args.file, &reader) > 0,
    ))
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
    let (begin, end) = text
        .split_once(':')
        .or_else(|| text.split_once(".."))
        .ok_or("expected a:b, a: or :b")?;
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
