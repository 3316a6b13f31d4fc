//! Writers that are killed at random moments: what they had flushed is there, and the file goes on.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use windrow::{
    AppendOptions, Fault, Reader, RecoverOptions, TableReader, VerifyOptions, Writer, recover_with,
    verify,
};

use super::{GROUP_SIZES, Kind, Task, record, seed_of};
use crate::both_sides::CODECS;
use crate::every_way::full_text;
use crate::hostile::Random;
use crate::tables::{collect, rows};

/// A process that says nothing for so long hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// What came of many killed processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KillCounts {
    /// Processes killed while they wrote a new file.
    pub creating: u64,
    /// Processes killed while they went on with a file that was not finished.
    pub resuming: u64,
    /// Processes killed while they appended to a finished file.
    pub appending: u64,
    /// Processes that were through before they could be killed.
    pub too_late: u64,
    /// Of these, how many wrote a file of columns.
    pub columns: u64,
    /// Records, or rows, that were flushed before a kill, all of them there.
    pub kept: u64,
    /// Records found behind the last flush.
    pub beyond: u64,
}

impl KillCounts {
    /// Processes killed.
    #[must_use]
    pub const fn killed(&self) -> u64 {
        self.creating + self.resuming + self.appending
    }
}

impl fmt::Display for KillCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            creating,
            resuming,
            appending,
            too_late,
            columns,
            kept,
            beyond,
        } = self;
        write!(
            f,
            "{} killed ({creating} in a new file, {resuming} in an unfinished one, {appending} in a finished one; \
             {columns} in a file of columns), {too_late} were through before; {kept} flushed records, 0 lost, 0 invented, {beyond} more found",
            self.killed()
        )
    }
}

/// In what state a file was when a process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Unfinished,
    Sealed,
}

/// Kills `kills` writing processes; `program` runs [`write_sequence`](super::write_sequence) for the arguments
/// `create` or `append`, a path, and those of a task.
///
/// # Panics
/// If a record that was flushed is lost, one is invented, or a file cannot be gone on with.
#[must_use]
pub fn kill_writers(seed: u64, kills: u64, program: &Path) -> KillCounts {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("killed.array_record");
    let mut counts = KillCounts::default();
    let mut case = 0;
    while counts.killed() < kills {
        assert!(case < 20 * kills, "hardly any process is killed: {counts}");
        let what = format!("seed {seed}, file {case}");
        let mut random = Random::new(seed_of(seed, 3, case));
        one_file(&what, &path, program, kills, &mut random, &mut counts);
        std::fs::remove_file(&path).expect("a finished file");
        case += 1;
    }
    counts
}

/// A file through up to five processes, and its end.
fn one_file(
    what: &str,
    path: &Path,
    program: &Path,
    kills: u64,
    random: &mut Random,
    counts: &mut KillCounts,
) {
    let mut task = Task {
        seed: random.next_u64(),
        codec: random.below(CODECS.len()),
        group_size: GROUP_SIZES[random.below(GROUP_SIZES.len())],
        kind: random.below(Kind::ALL.len()),
        padded: random.below(4) == 0,
        columns: random.below(3) == 0,
        records: 0,
        rhythm: 0,
    };
    let (mut before, mut there) = (Before::Nothing, 0);
    // Some begin as finished files, so that enough are killed while they append.
    let finished_first = random.below(3) == 0;
    for round in 0..=1 + random.below(4) {
        // Padding to a block is 64 KiB for each group of one.
        let most = if task.group_size == 1 && (task.padded || task.columns) {
            200
        } else {
            3000
        };
        task.records = there + 1 + random.below(most) as u64;
        task.rhythm = random.next_u64();
        let what = format!("{what}, round {round}, {task:?}");
        let kill = round > 0 || !finished_first;
        let run = run(
            &what,
            path,
            program,
            &task,
            before,
            kill.then_some(&mut *random),
        );
        assert!(
            run.has.is_none_or(|has| has == there),
            "{what}: goes on behind record {:?}, {there} were there",
            run.has
        );
        if run.sealed {
            counts.too_late += 1;
        } else {
            counts.columns += u64::from(task.columns);
            match before {
                Before::Nothing => counts.creating += 1,
                Before::Unfinished => counts.resuming += 1,
                Before::Sealed => counts.appending += 1,
            }
        }
        let least = run.kept.unwrap_or(0).max(there);
        there = check(&what, path, &task, least);
        counts.kept += least;
        counts.beyond += there - least;
        before = state(path);
        if counts.killed() == kills {
            break;
        }
    }
    finish(what, path, &task, there);
}

/// What the next process finds: without a first byte it is no file yet.
fn state(path: &Path) -> Before {
    let bytes = std::fs::metadata(path).map_or(0, |there| there.len());
    match Reader::open(path) {
        Ok(reader) if reader.sealed_bytes() == bytes => Before::Sealed,
        _ if bytes == 0 => Before::Nothing,
        _ => Before::Unfinished,
    }
}

/// What a process said before it ended.
#[derive(Debug, Default)]
struct Run {
    has: Option<u64>,
    kept: Option<u64>,
    sealed: bool,
}

/// Starts a process, and kills it after a random number of lines and a random time more if there is something random.
fn run(
    what: &str,
    path: &Path,
    program: &Path,
    task: &Task,
    before: Before,
    random: Option<&mut Random>,
) -> Run {
    let action = if before == Before::Nothing {
        "create"
    } else {
        "append"
    };
    let mut child = Command::new(program)
        .arg(action)
        .arg(path)
        .args(task.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = lines(child.stdout.take().expect("a pipe"));
    let mut run = Run::default();
    let (mut wait_for, spare) = random.map_or((usize::MAX, 0), |random| {
        (random.below(40), random.below(8000) as u64)
    });
    while wait_for > 0 && !run.sealed {
        match lines.recv_timeout(LIMIT) {
            Ok(line) => run.note(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: says nothing"),
        }
        wait_for -= 1;
    }
    std::thread::sleep(Duration::from_micros(spare));
    child.kill().expect("killing it");
    let status = child.wait().expect("waiting for it");
    // What it said up to its end counts.
    lines.iter().for_each(|line| run.note(&line));
    // Where there are no signals, a process that is killed exits with 1; one that fails, with another code.
    let killed = status.code().is_none_or(|code| cfg!(windows) && code == 1);
    assert!(status.success() || killed, "{what}: {action}: {status}");
    run
}

impl Run {
    fn note(&mut self, line: &str) {
        let (what, number) = line.split_once(' ').expect("a word and a number");
        let number = number.parse().expect("a number");
        match what {
            "has" => self.has = Some(number),
            "kept" => self.kept = Some(number),
            "sealed" => (self.kept, self.sealed) = (Some(number), true),
            other => panic!("{other}"),
        }
    }
}

/// The complete lines of a pipe.
fn lines(pipe: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
            if sender.send(line.trim_end().to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    receiver
}

/// Recovers the file, checks that it holds the front of the sequence, at least `least` records of it, and returns how
/// many.
fn check(what: &str, path: &Path, task: &Task, least: u64) -> u64 {
    if state(path) == Before::Nothing {
        assert_eq!(least, 0, "{what}: nothing is left");
        return 0;
    }
    let recovered = match recover_with(path, &RecoverOptions::new()) {
        Ok(recovered) => recovered,
        Err(error) => {
            assert_eq!(least, 0, "{what}: {}", full_text(&error));
            // Not even the signature was written as a whole.
            assert_eq!(error.code(), "not_array_record", "{what}");
            return 0;
        }
    };
    let (reader, report) = (recovered.reader, recovered.report);
    assert!(reader.len() >= least, "{what}: {} of {least}", reader.len());
    assert_eq!(report.records, reader.len(), "{what}");
    assert_eq!(
        report.index.is_none(),
        state(path) == Before::Sealed,
        "{what}"
    );
    let torn = |fault: &Fault| fault.code() == "truncated" && fault.bytes.end == report.file_bytes;
    assert!(
        report.skipped.iter().all(torn),
        "{what}: {:?}",
        report.skipped
    );
    let found = reader.len();
    if task.columns {
        assert_rows(what, reader, task.seed);
    } else {
        assert_sequence(what, &reader, task.seed);
    }
    found
}

/// The same of the rows of a file of columns.
fn assert_rows(what: &str, reader: Reader, seed: u64) {
    let len = reader.len();
    let table = match TableReader::from_reader(reader) {
        Ok(table) => table,
        // Not even the schema was written as a whole.
        Err(error) => return assert_eq!(len, 0, "{what}: {}", full_text(&error)),
    };
    let all = collect(table.scan());
    let all = all.unwrap_or_else(|error| panic!("{what}: {}", full_text(&error)));
    assert!(all == rows(seed, 0..len), "{what}: other rows");
}

/// Asserts that a reader has the front of the sequence, in order, nothing else, nothing twice.
fn assert_sequence(what: &str, reader: &Reader, seed: u64) {
    let all = reader.read_all();
    let all = all.unwrap_or_else(|error| panic!("{what}: {}", full_text(&error)));
    assert_eq!(all.len() as u64, reader.len(), "{what}");
    for (index, found) in (0..).zip(all.iter()) {
        let right = found == record(seed, index);
        assert!(
            right,
            "{what}: record {index} of {} is another",
            reader.len()
        );
    }
}

/// Goes on with the file in this process, finishes it, and checks all of it.
fn finish(what: &str, path: &Path, task: &Task, there: u64) {
    let count = there + 150;
    let finished = || -> windrow::Result<()> {
        if task.columns {
            return finish_table(what, path, task, there);
        }
        let mut writer = if state(path) == Before::Nothing {
            Writer::create_file(path, task.options())?
        } else {
            Writer::append(path, AppendOptions::new())?
        };
        assert_eq!(writer.records(), there, "{what}");
        for index in there..count {
            writer.write(&record(task.seed, index))?;
        }
        let (_, summary) = writer.finish()?;
        assert_eq!(summary.records, count, "{what}");
        // Full groups, as if one writer had written them all, so upstream can read the file. Pages that were killed before
        // there was a whole chunk or a dictionary may go on as groups, as nothing tells of them.
        let may_be_pages = Kind::ALL[task.kind] != Kind::Groups;
        assert!(summary.version == 1 || may_be_pages, "{what}: {summary:?}");
        let reader = Reader::open(path)?;
        assert_eq!(reader.len(), count, "{what}");
        assert_sequence(what, &reader, task.seed);
        let report = verify(path, &VerifyOptions::new().with_deep(true))?;
        assert!(report.is_sound(), "{what}: {:?}", report.faults);
        Ok(())
    };
    finished().unwrap_or_else(|error| panic!("{what}: {}", full_text(&error)));
}

fn finish_table(what: &str, path: &Path, task: &Task, there: u64) -> windrow::Result<()> {
    let mut writer = task.table_writer(path, state(path) != Before::Nothing)?;
    assert_eq!(writer.rows(), there, "{what}");
    writer.write(&rows(task.seed, there..there + 150))?;
    writer.finish()?;
    let reader = Reader::open(path)?;
    assert_eq!(reader.len(), there + 150, "{what}");
    assert_rows(what, reader, task.seed);
    let report = verify(path, &VerifyOptions::new().with_deep(true))?;
    assert!(report.is_sound(), "{what}: {:?}", report.faults);
    Ok(())
}
