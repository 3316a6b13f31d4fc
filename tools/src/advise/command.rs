//! `windrow advise`: a table of all ways to write the records of a file, and the one that suits.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Access, AdviseOptions, DEFAULT_ROUNDS, advise, plot, report};
use crate::convert::{self, Format, SourceArgs};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::options::parse_sample_bytes;
use crate::output::Stdout;
use crate::progress::Progress;
use crate::sample::Sampler;

/// Neighbours that are taken together: a full group of most ways to write.
const RUN_RECORDS: u64 = 1024;

/// What `advise` is asked to do.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    /// File with the records; - is standard input
    input: PathBuf,
    /// How the records will be read
    #[arg(long, value_enum, default_value_t = Access::Both)]
    access: Access,
    /// Bytes of records that are tried, evenly from all of the input: 1M to 1G
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_sample_bytes)]
    sample: usize,
    /// How many times each way is tried; the best counts
    #[arg(long, default_value_t = DEFAULT_ROUNDS)]
    rounds: usize,
    /// Draw the table as a picture, too, in SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Replace the picture if it exists
    #[arg(long, requires = "plot")]
    force: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// Print the table as one line of JSON (see tools/JSON.md in the repository)
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

/// What to do about a table.
const INSTEAD: &str = "`windrow inspect` tells what each column takes, and `windrow rechunk --profile small` or `spill` \
    writes it otherwise";

pub fn run(args: &AdviseArgs) -> Result<Exit, CliError> {
    let input = &args.input;
    let formats = args.source.formats_of(std::slice::from_ref(input))?;
    let picture = match &args.plot {
        Some(path) if path == Path::new("-") => return Err(CliError::PlotStream),
        Some(path) => Some(convert::check_output(path, args.force)?),
        None => None,
    };
    // There is a folder to be removed.
    interrupt::catch();
    let mut sampler = Sampler::new(args.sample, RUN_RECORDS);
    let format = formats.first().copied().unwrap_or(Format::ArrayRecord);
    let source = args.source.open_for_parts(input, format);
    let mut source = source.map_err(|error| error.of_records_only("advise", INSTEAD))?;
    sampler.take(&mut source)?;
    let skipped = source.tell();
    let records = sampler.finish();
    if records.bytes_len() == 0 {
        return Err(CliError::NothingToTry {
            path: input.clone(),
        });
    }
    let progress = Progress::of_steps(args.quiet, &input.display().to_string());
    let options = AdviseOptions::new()
        .with_access(args.access)
        .with_rounds(args.rounds)
        .with_watch(|done, all| {
            progress.set_of(done as u64, all as u64);
            !interrupt::requested()
        });
    let advised = advise(&records, &options);
    drop(options);
    drop(progress);
    let advice = match advised {
        Err(_) if interrupt::requested() => return Err(CliError::Stopped),
        advised => advised?,
    };
    if let Some(path) = picture {
        let written = std::fs::write(&path, plot(&advice));
        written.map_err(CliError::io("write", &path))?;
    }
    let mut out = Stdout::lock();
    if args.json {
        out.json(&report::line(input, &advice))?;
    } else {
        report::print(input, format, &advice, &mut out)?;
    }
    out.finish()?;
    Ok(Exit::bad_if(skipped > 0))
}
