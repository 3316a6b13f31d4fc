//! The process that is killed: it writes the sequence, flushes now and then, and says on a pipe how far it is.

use std::io::{self, Write};
use std::path::Path;

use windrow::{
    AppendOptions, Codec, FileSink, PageCodec, TableOptions, TableWriter, Writer, WriterOptions,
};

use super::{Kind, record};
use crate::both_sides::CODECS;
use crate::every_way::full_text;
use crate::hostile::Random;
use crate::tables::{rows, schema};

/// What a process is to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The sequence.
    pub seed: u64,
    /// Position in the list of codecs.
    pub codec: usize,
    /// Records in a group.
    pub group_size: u32,
    /// Position in the list of kinds.
    pub kind: usize,
    /// Whether each group begins on a block.
    pub padded: bool,
    /// Whether it writes rows of a table, of which kind and padding say nothing.
    pub columns: bool,
    /// The file is finished when it has this many records.
    pub records: u64,
    /// When to flush and to sync depends on this.
    pub rhythm: u64,
}

impl Task {
    /// As arguments of a process.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let Self {
            seed,
            codec,
            group_size,
            kind,
            padded,
            columns,
            records,
            rhythm,
        } = *self;
        let (codec, group_size, kind) = (codec as u64, group_size.into(), kind as u64);
        let (padded, columns) = (padded.into(), columns.into());
        [
            seed, codec, group_size, kind, padded, columns, records, rhythm,
        ]
        .map(|number| number.to_string())
        .to_vec()
    }

    /// From arguments of a process.
    #[must_use]
    pub fn parse(arguments: &[String]) -> Option<Self> {
        let numbers: Option<Vec<u64>> = arguments.iter().map(|text| text.parse().ok()).collect();
        let [
            seed,
            codec,
            group_size,
            kind,
            padded,
            columns,
            records,
            rhythm,
        ] = numbers?[..]
        else {
            return None;
        };
        Some(Self {
            seed,
            codec: usize::try_from(codec).ok()?,
            group_size: u32::try_from(group_size).ok()?,
            kind: usize::try_from(kind).ok()?,
            padded: padded > 0,
            columns: columns > 0,
            records,
            rhythm,
        })
    }

    /// The options of a file for this task.
    #[must_use]
    pub fn options(&self) -> WriterOptions {
        let codec: Codec = CODECS[self.codec % CODECS.len()];
        let options = WriterOptions::new()
            .with_codec(codec)
            .with_group_size(self.group_size)
            .with_pad_to_block_boundary(self.padded);
        Kind::ALL[self.kind % Kind::ALL.len()].over(options)
    }

    /// The options of a file of columns for this task.
    #[must_use]
    pub fn table_options(&self) -> TableOptions {
        let codec = CODECS[self.codec % CODECS.len()];
        TableOptions::new()
            .with_codec(PageCodec::Buffer(codec))
            .with_group_rows(usize::try_from(self.group_size).unwrap_or(usize::MAX))
    }

    /// Begins the file of columns at `path`, or goes on with it.
    ///
    /// # Errors
    /// Those of [`TableWriter::append`].
    pub fn table_writer(
        &self,
        path: &Path,
        append: bool,
    ) -> windrow::Result<TableWriter<FileSink>> {
        let (schema, options) = (schema(), self.table_options());
        if append {
            TableWriter::append(path, schema, options)
        } else {
            TableWriter::create_file(path, schema, options)
        }
    }
}

/// Begins the file at `path`, or goes on with it, and writes what is missing. On standard output, a line each time:
/// `has N` at the beginning, `kept N` when N records were flushed, `sealed N` at the end.
///
/// # Errors
/// What went wrong, in words.
pub fn write_sequence(path: &Path, task: &Task, append: bool) -> Result<(), String> {
    let words = |error: windrow::Error| full_text(&error);
    if task.columns {
        let mut writer = task.table_writer(path, append).map_err(words)?;
        say("has", writer.rows());
        write_rows(&mut writer, task).map_err(words)?;
        let (_, summary) = writer.finish().map_err(words)?;
        say("sealed", summary.records);
        return Ok(());
    }
    let mut writer = if append {
        Writer::append(path, AppendOptions::new()).map_err(words)?
    } else {
        Writer::create_file(path, task.options()).map_err(words)?
    };
    say("has", writer.records());
    write_on(&mut writer, task).map_err(words)?;
    let (_, summary) = writer.finish().map_err(words)?;
    say("sealed", summary.records);
    Ok(())
}

fn write_on(writer: &mut Writer<FileSink>, task: &Task) -> windrow::Result<()> {
    let mut random = Random::new(task.rhythm);
    let mut left = random.below(40);
    while writer.records() < task.records {
        writer.write(&record(task.seed, writer.records()))?;
        if left > 0 {
            left -= 1;
            continue;
        }
        left = random.below(80);
        if random.below(8) == 0 {
            writer.sync()?;
        } else {
            writer.flush()?;
        }
        say("kept", writer.records());
    }
    Ok(())
}

fn write_rows(writer: &mut TableWriter<FileSink>, task: &Task) -> windrow::Result<()> {
    let mut random = Random::new(task.rhythm);
    while writer.rows() < task.records {
        let begin = writer.rows();
        let end = task.records.min(begin + 1 + random.below(40) as u64);
        writer.write(&rows(task.seed, begin..end))?;
        match random.below(8) {
            0 => writer.sync()?,
            1..4 => writer.flush()?,
            _ => continue,
        }
        say("kept", writer.rows());
    }
    Ok(())
}

/// A line at once and in one piece.
fn say(what: &str, records: u64) {
    let mut out = io::stdout().lock();
    // Nobody may listen any more; the writing goes on.
    let _ = out.write_all(format!("{what} {records}\n").as_bytes());
    let _ = out.flush();
}
