//! The command line, and what runs when it is read.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

use crate::error::{CliError, Exit};
use crate::interrupt::Session;
use crate::{
    advise, append, bench, cat, convert, inspect, options, output, rechunk, repair, train, verify,
};

/// Looks into files of records, checks them, and converts them from and to other formats.
///
/// Files are ArrayRecord files, as Windrow and the Python package array_record write them. Data go to standard output,
/// words to standard error.
#[derive(Debug, Parser)]
#[command(name = "windrow", version, after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  windrow convert rows.csv rows.array_record --group-size 256
  windrow inspect rows.array_record
  windrow head rows.array_record -n 3
  windrow verify --deep rows.array_record
  windrow append rows.array_record more.csv

Exit codes: 0 fine, 1 a file is bad, 2 usage or operating system, 130 Ctrl-C, SIGTERM or SIGHUP.
Each command has its own examples: windrow convert --help";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what files hold: records, chunks, codecs, options, metadata, sizes
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(inspect::InspectArgs),
    /// Print records
    #[command(after_help = CAT_EXAMPLES)]
    Cat(cat::CatArgs),
    /// Print the first records
    #[command(after_help = HEAD_EXAMPLES)]
    Head(cat::HeadArgs),
    /// Check every hash of files, and that their parts agree
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(verify::VerifyArgs),
    /// Convert records between array_record, tfrecord, jsonl, lines and csv, and tables between columns, parquet, arrow, csv and jsonl
    #[command(after_help = CONVERT_EXAMPLES, after_long_help = with_keys(CONVERT_EXAMPLES))]
    Convert(convert::ConvertArgs),
    /// Write the records of a file into other chunks: another layout, group size or codec; or the rows of a table into other row groups
    ///
    /// Records, user metadata and what the file says of its messages stay the same. Options that are not given are those
    /// that the input was written with, its dictionary included; another layout brings its own group size. Bytes that no
    /// chunk of the input uses are left behind.
    #[command(after_help = RECHUNK_EXAMPLES, after_long_help = with_keys(RECHUNK_EXAMPLES))]
    Rechunk(rechunk::RechunkArgs),
    /// Append records to an array_record file
    ///
    /// What is not given is as in the file; what contradicts it is refused. The file keeps its old contents for everybody
    /// else until the append is complete. One append at a time: the file is locked meanwhile.
    #[command(after_help = APPEND_EXAMPLES, after_long_help = with_keys(APPEND_EXAMPLES))]
    Append(append::AppendArgs),
    /// Write what is whole of a damaged or unfinished file to a new one
    ///
    /// Every whole record is written, in the order of the file, those included that were flushed and never finished. What
    /// is skipped is listed on standard error. Options that are not given are those of the file, as far as it tells them.
    #[command(after_help = REPAIR_EXAMPLES, after_long_help = with_keys(REPAIR_EXAMPLES))]
    Repair(repair::RepairArgs),
    /// Train a zstd dictionary for files of record pages, and tell what it saves
    ///
    /// Trains on 16 MiB of records, evenly from all inputs. What it saves is measured on records that it was not trained
    /// on. --layout pages --dictionary FILE writes with it, so that many files share one; zstd -D takes it, too.
    #[command(after_help = TRAIN_EXAMPLES)]
    TrainDictionary(train::TrainArgs),
    /// Try layouts, group sizes, codecs and dictionaries on records, and recommend one
    ///
    /// Some of the records are written in about twenty ways into a temporary folder and read again, round by round. Size
    /// is that of chunks and index; a file has about 128 KiB more, and its dictionary twice. Single reads and batches are
    /// those of a file that is much larger than what is tried: no decoded chunk is kept, and no two records of a batch
    /// lie in one chunk of groups.
    ///
    /// Recommended is what has the least size, where being read four times as fast is worth twice the size.
    #[command(after_help = ADVISE_EXAMPLES)]
    Advise(advise::command::AdviseArgs),
    /// Measure how fast files are read on this machine
    ///
    /// Each kind of read is measured in three rounds, one after the other, and the best counts: that of a file that is in
    /// memory already, if it fits. No decoded chunk is kept between reads.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(bench::BenchArgs),
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  windrow inspect a.array_record             a summary
  windrow inspect --chunks a.array_record    and a line for each chunk
  windrow inspect --json *.array_record      for programs, one line of JSON per file

tools/JSON.md in the repository says what --json prints.";

const CAT_EXAMPLES: &str = "\
Examples:
  windrow cat a.array_record                             all records, a line break behind each
  windrow cat --range 100:110 a.array_record             records 100 to 109
  windrow cat --indices 7,3,7 a.array_record             these three, in this order
  windrow cat --format jsonl --range 5: a.array_record   from record 5 on, as JSON lines
  windrow cat --format hex --range :1 a.array_record     the first record, byte by byte
  windrow cat --follow a.array_record                    as a writer flushes them, to the end
  windrow cat --follow --range 500: a.array_record       the same from record 500 on
  windrow cat --on-corrupt skip a.array_record           what is whole of a damaged file
  windrow cat --format json a.array_record               messages, by the descriptor in the file
  windrow cat --format json --descriptor shop.pb --message shop.Visit a.array_record
  windrow cat --fields 1,label.name --format json a.array_record    only these fields
  windrow cat --columns a,b --rows 5..9 a.columns        rows of a table
  windrow cat --format csv --limit 9 a.columns";

const HEAD_EXAMPLES: &str = "\
Examples:
  windrow head a.array_record                      the first ten records
  windrow head -n 3 --format jsonl a.array_record  the first three as JSON lines
  windrow head --fields 1,3.2 a.array_record       only these fields of protocol buffer messages";

const VERIFY_EXAMPLES: &str = "\
Examples:
  windrow verify a.array_record                hashes of blocks, chunks and footer
  windrow verify --deep *.array_record         and every record is decoded
  windrow verify --json a.array_record | jq    for programs

Each fault is a line: path, byte, chunk, code, message, records lost. The exit code is 1 if there is any.
tools/JSON.md in the repository says what --json prints.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  windrow convert a.csv a.array_record --group-size 256     rows; the header is kept apart
  windrow convert a.array_record a.csv                      and back, byte for byte;
                                                            a missing last line end is added
  windrow convert a.tfrecord b.tfrecord ab.array_record     two files into one
  windrow convert --options \"group_size:64,brotli:9\" a.jsonl a.array_record
  windrow convert --layout pages --dictionary auto a.jsonl a.array_record
                                                            small, and fast to read at random
  zcat a.jsonl.gz | windrow convert --from jsonl - a.array_record
  windrow convert --to lines a.array_record - | sort | head
  windrow convert a.csv a.columns                            a table of columns, not records
  windrow convert --profile small a.parquet a.columns
  windrow convert --select a,b a.columns a.arrow             docs/tables-command.md has more

Formats are told by extensions, unless --from and --to say otherwise. The output appears under
its name when it is complete: Ctrl-C, SIGTERM, SIGHUP or an error leaves nothing. Lines and rows
come out with the line ends that they had; a missing last line end is added.";

const RECHUNK_EXAMPLES: &str = "\
Examples:
  windrow rechunk --group-size 1 a.array_record b.array_record     for reading at random
  windrow rechunk --group-size 1024 --codec zstd:9 a.array_record small.array_record
  windrow rechunk --options \"window_log:22\" a.array_record b.array_record
  windrow rechunk --layout pages --dictionary auto a.array_record b.array_record
                                                    each record by itself, for reading at random
  windrow rechunk --layout groups b.array_record a.array_record    and back, for array_record
  windrow rechunk --options \"transpose,group_size:1000\" a.array_record b.array_record
                                                    messages field by field, for cat --fields";

const APPEND_EXAMPLES: &str = "\
Examples:
  windrow append log.array_record today.jsonl       one file more
  windrow append --copy --group-size 64 log.array_record a.csv b.csv
                                                    the old file stays until the end
  zcat a.jsonl.gz | windrow append --sync --from jsonl log.array_record -
  windrow append log.array_record                   completes a file that was never finished

Ctrl-C, SIGTERM, SIGHUP or an error takes away again what was appended. Where the process is
killed or the power fails, the file keeps its old contents, and the next append or repair takes up
what was whole behind them, and says so; with --copy, nothing is left to take up. A group that was
not full is written again, and old indexes stay as dead bytes: windrow rechunk removes them.";

const REPAIR_EXAMPLES: &str = "\
Examples:
  windrow repair broken.array_record -o whole.array_record
  windrow repair --json broken.array_record -o whole.array_record | jq .skipped
  windrow repair --group-size 64 broken.array_record -o whole.array_record
  windrow repair --schema-from yesterday.columns today.columns -o whole.columns
                                                    a table that was never finished and lost its schema

Exit codes: 0 nothing was skipped, 1 something was, and the output is written; or there is nothing
to recover, and it is not; 2 usage or operating system.";

const TRAIN_EXAMPLES: &str = "\
Examples:
  windrow train-dictionary a.array_record b.jsonl -o events.dict
  windrow train-dictionary --size 16K a.csv -o small.dict
  windrow convert --layout pages --dictionary events.dict a.jsonl a.array_record

Exit codes: 0 fine, 1 an input is bad, or there is nothing to train on; 2 usage or operating system.";

const ADVISE_EXAMPLES: &str = "\
Examples:
  windrow advise a.array_record
  windrow advise --access random --plot a.svg a.jsonl
  windrow advise --access sequential --sample 64M a.array_record
  windrow advise --json a.csv | jq -r .recommended

It takes about a second for each MiB that is tried. tools/JSON.md in the repository says what --json prints.";

const BENCH_EXAMPLES: &str = "\
Examples:
  windrow bench a.array_record
  windrow bench --json a.array_record b.array_record
  windrow bench --seconds 10 large.array_record

tools/JSON.md in the repository says what --json prints.";

fn with_keys(examples: &str) -> String {
    format!("{examples}\n\n{}", options::help())
}

/// Runs the command that `args` name, and returns its exit code: 0 fine, 1 a file is bad, 2 usage or operating system,
/// 130 interrupted.
///
/// The first of `args` is the name of the program, as usage messages show it. Data go to standard output, words to
/// standard error; all of it has gone out when the function returns. Nothing but a signal ends the process.
///
/// It can be called again and again in one process, also while another call runs. Then these things matter:
///
/// - The first `convert`, `rechunk`, `append`, `repair` or `advise` takes over Ctrl-C, SIGTERM and SIGHUP of the process for good.
///   While such a command runs, a signal stops it, and the code is 130; a second one ends the process with this code, as
///   any does that comes after the command.
/// - The other commands leave signals to the process. One that has a handler for Ctrl-C, as Python has, should put the
///   default action back first: they do not look at it, and could not be stopped.
/// - SIGPIPE has to be ignored, as both Rust and Python do, so that a reader who closes the pipe is no error.
/// - A call that stopped in the middle of standard input may have taken more of it than it used.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    // Until the last word is out: of signals that come in a bunch, the later ones must not cut it off.
    let session = Session::begin();
    let exit = match Cli::try_parse_from(args) {
        Ok(cli) => execute(&cli.command).unwrap_or_else(|error| {
            if !error.is_broken_pipe() {
                output::complain(&error.one_line());
            }
            error.exit()
        }),
        Err(error) => {
            // Help goes to standard output; whoever closed it has seen enough.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Trouble
            } else {
                Exit::Fine
            }
        }
    };
    // Rust's `main` would hand on what is left after an error; a host in another language does not. That it cannot be
    // written was told, or is the error.
    let _ = io::stdout().flush();
    drop(session);
    exit as u8
}

fn execute(command: &Command) -> Result<Exit, CliError> {
    match command {
        Command::Inspect(args) => inspect::run(args),
        Command::Cat(args) => cat::run_cat(args),
        Command::Head(args) => cat::run_head(args),
        Command::Verify(args) => verify::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Rechunk(args) => rechunk::run(args),
        Command::Append(args) => append::run(args),
        Command::Repair(args) => repair::run(args),
        Command::TrainDictionary(args) => train::run(args),
        Command::Advise(args) => advise::command::run(args),
        Command::Bench(args) => bench::run(args),
    }
}
