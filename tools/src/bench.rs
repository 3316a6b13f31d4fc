//! `windrow bench`: how fast files are read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use windrow::{Reader, ReaderOptions};

use crate::error::{CliError, Exit, printable};
use crate::measure::{Shuffled, Timing, batches, in_order, singles};
use crate::output::{ErrorLine, Stdout, complain, count, exact_size, grouped, size};

const ROUNDS: u32 = 3;
/// Records of the batches that are measured.
const SMALL_BATCH: usize = 256;
const LARGE_BATCH: usize = 1024;

/// What `bench` is asked to do.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The array_record files to read
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How long each kind of read is measured for, in seconds: 1 to 3600
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Print one line of JSON per file (see tools/JSON.md in the repository)
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Debug, Serialize)]
struct BenchLine {
    kind: &'static str,
    path: String,
    file_bytes: u64,
    records: u64,
    chunks: u64,
    open_us: f64,
    index_bytes: u64,
    in_order_per_second: Option<f64>,
    in_order_bytes_per_second: Option<f64>,
    single_us: Option<f64>,
    single_per_second: Option<f64>,
    batch_256_per_second: Option<f64>,
    batch_1024_per_second: Option<f64>,
}

/// The best of the rounds so far.
#[derive(Debug, Default)]
struct Best {
    open: Option<Duration>,
    in_order: Option<Timing>,
    single: Option<Timing>,
    small_batch: Option<Timing>,
    large_batch: Option<Timing>,
}

pub fn run(args: &BenchArgs) -> Result<Exit, CliError> {
    let mut out = Stdout::lock();
    let mut exit = Exit::Fine;
    for path in &args.files {
        match bench(path, Duration::from_secs(args.seconds)) {
            Ok(line) if args.json => out.json(&line)?,
            Ok(line) => line.print(&mut out)?,
            Err(error) => {
                if args.json {
                    out.json(&ErrorLine::new(path, &error))?;
                }
                out.flush()?;
                complain(&error.one_line());
                exit = exit.max(error.exit());
            }
        }
        out.flush()?;
    }
    out.finish()?;
    Ok(exit)
}

fn bench(path: &Path, time: Duration) -> Result<BenchLine, CliError> {
    let options = ReaderOptions::new().with_chunk_cache_bytes(0);
    let mut reader = Reader::open_with(path, options.clone())?;
    if reader.has_columns() {
        return Err(CliError::NotOfTables {
            path: path.to_path_buf(),
            command: "bench",
            instead: "`windrow inspect` tells what each column takes, and `windrow cat --where` how long a query takes",
        });
    }
    let mut shuffled = Shuffled::new(reader.len());
    let mut best = Best::default();
    let budget = time / ROUNDS;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        reader = Reader::open_with(path, options.clone())?;
        let open = start.elapsed();
        best.open = Some(best.open.map_or(open, |best| best.min(open)));
        let in_order = in_order(&reader, budget)?;
        let single = singles(&reader, &mut shuffled, budget)?;
        let small_batch = batches(&reader, &mut shuffled, SMALL_BATCH, budget)?;
        let large_batch = batches(&reader, &mut shuffled, LARGE_BATCH, budget)?;
        for (best, timing) in [
            (&mut best.in_order, in_order),
            (&mut best.single, single),
            (&mut best.small_batch, small_batch),
            (&mut best.large_batch, large_batch),
        ] {
            *best = Some(timing.better(*best));
        }
    }
    Ok(BenchLine::new(path, &reader, &best))
}

impl BenchLine {
    fn new(path: &Path, reader: &Reader, best: &Best) -> Self {
        let per_second = |timing: Option<Timing>| {
            let read = timing.filter(|timing| timing.records > 0);
            read.map(|timing| timing.records_per_second())
        };
        let single = per_second(best.single);
        Self {
            kind: "bench",
            path: path.display().to_string(),
            file_bytes: reader.file_bytes(),
            records: reader.len(),
            chunks: reader.num_chunks(),
            open_us: best.open.unwrap_or_default().as_secs_f64() * 1e6,
            index_bytes: reader.stats().index_bytes,
            in_order_per_second: per_second(best.in_order),
            in_order_bytes_per_second: best
                .in_order
                .filter(|timing| timing.records > 0)
                .map(|timing| timing.bytes_per_second()),
            single_us: single.map(|speed| 1e6 / speed),
            single_per_second: single,
            batch_256_per_second: per_second(best.small_batch),
            batch_1024_per_second: per_second(best.large_batch),
        }
    }

    fn print(&self, out: &mut Stdout) -> Result<(), CliError> {
        out.line(&printable(&format!(
            "{}: {} in {}, {}",
            self.path,
            count(self.records, "record"),
            count(self.chunks, "chunk"),
            exact_size(self.file_bytes)
        )))?;
        let mut row = |name: &str, value: &str| out.line(&format!("  {name:<16}{value}"));
        row("open", &format!("{} us", grouped(self.open_us)))?;
        let index = size(self.index_bytes);
        row("index", &format!("{index} of memory, when all is read"))?;
        let speed = |speed: f64| format!("{} records/s", grouped(speed));
        if let (Some(records), Some(bytes)) =
            (self.in_order_per_second, self.in_order_bytes_per_second)
        {
            let bytes = grouped(bytes / 1_048_576.0);
            row("in order", &format!("{}, {bytes} MiB/s", speed(records)))?;
        }
        if let (Some(us), Some(records)) = (self.single_us, self.single_per_second) {
            let us = grouped(us);
            row(
                "single, random",
                &format!("{}, {us} us each", speed(records)),
            )?;
        }
        for (name, batches) in [
            ("batches of 256", self.batch_256_per_second),
            ("batches of 1024", self.batch_1024_per_second),
        ] {
            if let Some(batches) = batches {
                row(name, &speed(batches))?;
            }
        }
        Ok(())
    }
}
