//! `torture [seed] [flips] [cuts] [kills]`: flips bits, cuts files and kills writers, and prints what came of it.
//!
//! The writers that it kills are this program, too: `torture create|append <path> <numbers of a task>`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use windrow_tests::torture::{
    Task, cut_files, cut_tables, flip_bits, flip_table_bits, kill_writers, write_sequence,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [action, path, task @ ..] if matches!(action.as_str(), "create" | "append") => {
            write(path.as_ref(), task, action == "append")
        }
        numbers => torture(numbers),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::from(2)
        }
    }
}

fn write(path: &Path, task: &[String], append: bool) -> Result<(), String> {
    let task = Task::parse(task).ok_or("eight numbers make a task")?;
    write_sequence(path, &task, append)
}

fn torture(numbers: &[String]) -> Result<(), String> {
    let number = |place: usize, default: u64| match numbers.get(place) {
        Some(text) => text.parse().map_err(|error| format!("{text}: {error}")),
        None => Ok(default),
    };
    let (seed, flips, cuts, kills) = (
        number(0, 1)?,
        number(1, 2000)?,
        number(2, 2000)?,
        number(3, 200)?,
    );
    println!("seed {seed}");
    let begin = Instant::now();
    if flips > 0 {
        println!("{flips} flips: {}", flip_bits(seed, flips));
        let counts = flip_table_bits(seed, flips);
        println!("{flips} flips in files of columns: {counts}");
    }
    if cuts > 0 {
        println!("{cuts} cuts: {}", cut_files(seed, cuts));
        println!(
            "{cuts} cuts of files of columns: {}",
            cut_tables(seed, cuts)
        );
    }
    if kills > 0 {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        println!("{kills} kills: {}", kill_writers(seed, kills, &program));
    }
    println!("{} s", begin.elapsed().as_secs());
    Ok(())
}
