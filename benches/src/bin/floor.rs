//! The floor as a companion of benchmarks in other languages: `floor OPTIONS`, with the text that
//! `WINDROW_BENCH_TEXT` names and a writer's options such as `group_size:256,zstd:3`.
//!
//! Prepares the chunks once and says `{"ready":true,..}`. Then each line on stdin, `read THREADS` or `write THREADS`,
//! is answered with one line, `{"seconds":S}`: the time that the codec and the hashes of all chunks take. So a
//! benchmark can measure the floor right beside each of its own rows. The end of the input ends the program.

#![allow(missing_docs, reason = "a program")]

use std::io::{BufRead, Write};
use std::process::ExitCode;

use windrow::WriterOptions;
use windrow_bench::{floor, measure, text};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// Prepares the chunks and answers until the input ends.
fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [options] = arguments.as_slice() else {
        return Err("usage: floor OPTIONS, such as group_size:256,zstd:3".into());
    };
    let options: WriterOptions = options.parse().map_err(|error| format!("{error}"))?;
    let codec = options.codec();
    let group_size = usize::try_from(options.group_size()).map_err(|error| error.to_string())?;
    let groups = floor::groups(&text::records(), group_size);
    let chunks = floor::encode(codec, &groups);
    let in_order: Vec<usize> = (0..chunks.len()).collect();

    answer(&format!(r#"{{"ready":true,"chunks":{}}}"#, chunks.len()))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let (work, threads) = line
            .split_once(' ')
            .and_then(|(work, threads)| Some((work, threads.parse::<usize>().ok()?)))
            .filter(|&(_, threads)| threads > 0)
            .ok_or_else(|| format!("expected `read THREADS` or `write THREADS`, got `{line}`"))?;
        let time = match work {
            "read" => measure::time(&mut || floor::read(codec, threads, &chunks, &in_order)),
            "write" => measure::time(&mut || floor::write(codec, threads, &groups)),
            _ => return Err(format!("no such work: `{work}`")),
        };
        answer(&format!(r#"{{"seconds":{}}}"#, time.as_secs_f64()))?;
    }
    Ok(())
}

/// One line for the program at the other end of the pipe.
fn answer(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())
}
