//! `windrow train-dictionary`: a zstd dictionary for files of record pages.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use windrow::{
    DictionaryOption, FileSink, Layout, Sink, TrainedDictionary, WriterOptions, train_dictionary,
};

use crate::convert::{self, OutputArgs, SourceArgs};
use crate::error::{CliError, Exit, printable};
use crate::output::{Stdout, complain, count, exact_size, percent, size};
use crate::sample::Sampler;

/// Bytes of records that are looked at: a writer trains on as many.
const SAMPLE_BYTES: usize = 16 << 20;
/// Neighbours that are looked at together: few, for they resemble each other more than others do.
const RUN_RECORDS: u64 = 64;

/// What `train-dictionary` is asked to do.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Files to train on; - is standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// File to write the dictionary to
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Bytes of the dictionary at the most, as 112K, 256 to 16M; auto is a 24th of the records that are trained on, up to 256K
    #[arg(long, value_name = "SIZE", default_value = "auto", value_parser = parse_size)]
    size: DictionaryOption,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    output_args: OutputArgs,
}

fn parse_size(text: &str) -> Result<DictionaryOption, &'static str> {
    let item = format!("layout:pages,dictionary:{text}");
    match item.parse::<WriterOptions>() {
        Ok(options) if *options.dictionary() != DictionaryOption::Off => {
            Ok(options.dictionary().clone())
        }
        _ => Err("auto, or 256 to 16M bytes, as 112K"),
    }
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    output: String,
    inputs: usize,
    records: u64,
    record_bytes: u64,
    id: String,
    dictionary_bytes: u64,
    stored_bytes: u64,
    held_back: GainLine,
}

/// What a dictionary saves, in `--json`.
#[derive(Debug, Serialize)]
pub struct GainLine {
    records: u64,
    record_bytes: u64,
    with_bytes: u64,
    without_bytes: u64,
}

impl GainLine {
    pub fn new(gain: &windrow::DictionaryGain) -> Self {
        Self {
            records: gain.records,
            record_bytes: gain.record_bytes,
            with_bytes: gain.with_bytes,
            without_bytes: gain.without_bytes,
        }
    }

    /// As in `12.0 KiB with it, 30.0 KiB without: 60.0 % saved`.
    pub fn in_words(&self) -> String {
        let saved = self.without_bytes.saturating_sub(self.with_bytes);
        format!(
            "{} with it, {} without: {} saved",
            size(self.with_bytes),
            size(self.without_bytes),
            percent(saved, self.without_bytes)
        )
    }
}

/// What to do about a table.
const INSTEAD: &str = "its columns have dictionaries of their own wherever they help, and `windrow rechunk --profile small` \
    writes it as small as it gets";

pub fn run(args: &TrainArgs) -> Result<Exit, CliError> {
    if args.output == Path::new("-") {
        return Err(CliError::DictionaryStream);
    }
    let formats = args.source.formats_of(&args.inputs)?;
    let output = convert::check_output(&args.output, args.output_args.force)?;
    let mut sampler = Sampler::new(SAMPLE_BYTES, RUN_RECORDS);
    let mut skipped = 0;
    for (path, format) in args.inputs.iter().zip(formats) {
        let source = args.source.open_for_parts(path, format);
        let mut source =
            source.map_err(|error| error.of_records_only("train-dictionary", INSTEAD))?;
        sampler.take(&mut source)?;
        skipped += source.tell();
    }
    let records = sampler.finish();
    let options = WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_dictionary(args.size.clone());
    let trained = train_dictionary(records.iter(), &options)
        .filter(|trained| trained.gain.saved_bytes() > 0)
        .ok_or(CliError::NothingToTrain {
            records: records.len() as u64,
            record_bytes: records.bytes_len() as u64,
        })?;
    write(&output, trained.dictionary.as_bytes()).map_err(CliError::io("write", &output))?;
    report(args, &records, &trained)?;
    Ok(Exit::bad_if(skipped > 0))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut sink = FileSink::create(path, true)?;
    sink.write_all(bytes)?;
    sink.finish()
}

fn report(
    args: &TrainArgs,
    records: &windrow::Records,
    trained: &TrainedDictionary,
) -> Result<(), CliError> {
    let TrainedDictionary {
        dictionary, gain, ..
    } = trained;
    let held_back = GainLine::new(gain);
    let bytes = dictionary.as_bytes().len() as u64;
    if args.output_args.json {
        let mut out = Stdout::lock();
        out.json(&Report {
            kind: "dictionary",
            output: args.output.display().to_string(),
            inputs: args.inputs.len(),
            records: records.len() as u64,
            record_bytes: records.bytes_len() as u64,
            id: format!("{:016x}", dictionary.id()),
            dictionary_bytes: bytes,
            stored_bytes: gain.stored_bytes,
            held_back,
        })?;
        return out.finish();
    }
    if !args.output_args.quiet {
        complain(&printable(&format!(
            "{}: dictionary {:016x}, {}; {} that it was not trained on: {}",
            args.output.display(),
            dictionary.id(),
            exact_size(bytes),
            count(gain.records, "record"),
            held_back.in_words()
        )));
    }
    Ok(())
}
