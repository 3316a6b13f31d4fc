//! `windrow inspect`: what files hold.

mod chunks;
mod dictionaries;
mod report;
mod survey;

use std::path::{Path, PathBuf};

use clap::Args;
use windrow::{Reader, ReaderOptions};

use crate::error::{CliError, Exit};
use crate::output::{ErrorLine, Stdout, complain};
use crate::table;
use chunks::ChunkTable;
use report::FileLine;

/// What `inspect` is asked to do.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Files to look into
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// List all chunks, too; also of a file that has no usable footer
    #[arg(long)]
    chunks: bool,
    /// Print one line of JSON per file, and with --chunks per chunk (see tools/JSON.md in the repository)
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &InspectArgs) -> Result<Exit, CliError> {
    let mut out = Stdout::lock();
    let mut exit = Exit::Fine;
    for (number, path) in args.files.iter().enumerate() {
        if number > 0 && !args.json {
            out.line("")?;
        }
        exit = exit.max(inspect(path, args, &mut out)?);
        out.flush()?;
    }
    out.finish()?;
    Ok(exit)
}

fn inspect(path: &Path, args: &InspectArgs, out: &mut Stdout) -> Result<Exit, CliError> {
    // Of the records, only a few are read, here and there.
    let options = ReaderOptions::new().with_readahead_buffer_bytes(Some(0));
    let surveyed = Reader::open_with(path, options)
        .map_err(CliError::from)
        .and_then(|reader| {
            let mut survey = survey::take(path, &reader, args.quiet)?;
            let columns = table::survey(&reader).or_else(|error| match error {
                CliError::Library(
                    windrow::Error::Format { .. } | windrow::Error::Column { .. },
                ) => {
                    survey.faults += 1;
                    complain(&error.one_line());
                    Ok(None)
                }
                error => Err(error),
            })?;
            Ok((survey, columns, reader))
        });
    let exit = match &surveyed {
        Ok((survey, columns, reader)) => {
            let line = FileLine::new(path, reader, survey, columns.as_ref());
            if args.json {
                out.json(&line)?;
            } else {
                line.print(reader, out)?;
            }
            Exit::bad_if(survey.faults > 0)
        }
        Err(error) => {
            if args.json {
                out.json(&ErrorLine::new(path, error))?;
            }
            out.flush()?;
            complain(&error.one_line());
            error.exit()
        }
    };
    // A file that is merely cut or damaged still has chunks to show; one that cannot be read has not.
    if args.chunks && exit != Exit::Trouble {
        ChunkTable::new(path, args.json).print(out)?;
    }
    Ok(exit)
}
