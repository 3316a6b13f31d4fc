//! Records out of one input.

use std::path::{Path, PathBuf};

use windrow::{Reader, ReaderOptions, RecordCursor};

use super::csv::Rows;
use super::disguise::Disguise;
use super::format::Format;
use super::header::{CSV_HEADER, CSV_LINE_END, Header};
use super::input::{Fault, Input};
use super::{lines, tfrecord};
use crate::error::CliError;
use crate::reading;

/// An open input.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: Kind,
    metadata: Vec<(String, Vec<u8>)>,
    /// Records delivered.
    records: u64,
    /// Whether it is told where the records were found: somebody else does that for recovered files.
    tells_state: bool,
}

#[derive(Debug)]
enum Kind {
    ArrayRecord {
        reader: Reader,
        cursor: Box<RecordCursor>,
    },
    TfRecord(Input),
    JsonLines(Input),
    Lines(Input),
    Csv {
        input: Input,
        rows: Rows,
    },
}

impl Source {
    /// Opens `path`, which holds records in `format`; of CSV, `header` says what the first row is, and `options` how
    /// array_record files are read.
    pub fn open(
        path: &Path,
        format: Format,
        header: Header,
        options: ReaderOptions,
    ) -> Result<Self, CliError> {
        let mut source = Self {
            path: path.to_path_buf(),
            kind: match format {
                Format::ArrayRecord => {
                    let reader = Reader::open_with(path, options)?;
                    if reader.has_columns() {
                        let (path, format) = (path.to_path_buf(), Format::Columns);
                        return Err(CliError::HoldsTable { path, format });
                    }
                    return Ok(Self::of_reader(path, reader));
                }
                Format::Columns | Format::Parquet | Format::Arrow | Format::ArrowStream => {
                    let path = path.to_path_buf();
                    return Err(CliError::HoldsTable { path, format });
                }
                Format::TfRecord => Kind::TfRecord(Input::open(path)?),
                Format::JsonLines => Kind::JsonLines(Input::open(path)?),
                Format::Lines => Kind::Lines(Input::open(path)?),
                Format::Csv => Kind::Csv {
                    input: Input::open(path)?,
                    rows: Rows::new(),
                },
            },
            metadata: Vec::new(),
            records: 0,
            tells_state: true,
        };
        source.refuse_disguise(format)?;
        source.read_metadata(header)?;
        Ok(source)
    }

    /// The records of an array_record file that is open.
    pub fn of_reader(path: &Path, reader: Reader) -> Self {
        Self {
            path: path.to_path_buf(),
            metadata: reader.user_metadata().to_vec(),
            kind: Kind::ArrayRecord {
                cursor: Box::new(reader.records()),
                reader,
            },
            records: 0,
            tells_state: true,
        }
    }

    /// The records of a file that was recovered.
    pub fn recovered(path: &Path, reader: Reader) -> Self {
        Self {
            tells_state: false,
            ..Self::of_reader(path, reader)
        }
    }

    fn refuse_disguise(&mut self, format: Format) -> Result<(), CliError> {
        let (Kind::TfRecord(input)
        | Kind::JsonLines(input)
        | Kind::Lines(input)
        | Kind::Csv { input, .. }) = &mut self.kind
        else {
            return Ok(());
        };
        match Disguise::of(input, format).map_err(CliError::io("read", &self.path))? {
            None => Ok(()),
            Some(disguise) => Err(CliError::Disguised {
                path: self.path.clone(),
                format,
                disguise,
            }),
        }
    }

    fn read_metadata(&mut self, header: Header) -> Result<(), CliError> {
        if matches!(self.kind, Kind::Csv { .. }) && header != Header::None {
            let mut row = Vec::new();
            let any = self.next(&mut row)?;
            self.records = 0;
            if let Kind::Csv { rows, .. } = &self.kind
                && any
                && header == Header::Keep
            {
                self.metadata.push((CSV_HEADER.to_owned(), row));
                if rows.crlf() {
                    self.metadata
                        .push((CSV_LINE_END.to_owned(), b"\r\n".to_vec()));
                }
            }
        }
        Ok(())
    }

    /// User metadata, or what takes its place in the format.
    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        &self.metadata
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records delivered so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The line that a record is, counted from 1, where each line is a record.
    pub fn line_of(&self, record: u64) -> Option<u64> {
        matches!(self.kind, Kind::JsonLines(_) | Kind::Lines(_)).then(|| record + 1)
    }

    /// Bytes of the input that were used up; for array_record files an estimate.
    pub fn bytes_done(&self) -> u64 {
        match &self.kind {
            Kind::ArrayRecord { reader, .. } => {
                let share = u128::from(reader.file_bytes()) * u128::from(self.records)
                    / u128::from(reader.len().max(1));
                u64::try_from(share).unwrap_or(u64::MAX)
            }
            Kind::TfRecord(input) | Kind::JsonLines(input) | Kind::Lines(input) => input.taken(),
            Kind::Csv { input, .. } => input.taken(),
        }
    }

    /// Whether it can be opened once more from the beginning.
    pub fn can_reopen(&self) -> bool {
        match &self.kind {
            Kind::ArrayRecord { .. } => true,
            Kind::TfRecord(input) | Kind::JsonLines(input) | Kind::Lines(input) => {
                input.can_reopen()
            }
            Kind::Csv { input, .. } => input.can_reopen(),
        }
    }

    /// Tells on standard error what was left out, and returns how many parts were skipped. To be called at the end.
    pub fn tell(&self) -> u64 {
        match &self.kind {
            Kind::ArrayRecord { reader, .. } => {
                if self.tells_state {
                    reading::tell_state(&self.path, reader);
                }
                reading::tell_skips(&self.path, reader)
            }
            _ => 0,
        }
    }

    /// Passes over `count` records, or as many as there are. `false` at the end.
    pub fn skip(&mut self, count: u64) -> Result<bool, CliError> {
        if let Kind::ArrayRecord { reader, cursor } = &mut self.kind {
            let position = cursor.tell().saturating_add(count);
            cursor.seek(position);
            return Ok(position < reader.len());
        }
        let mut record = Vec::new();
        for _ in 0..count {
            if !self.next(&mut record)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next record into `record`; `false` at the end.
    pub fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, CliError> {
        record.clear();
        let byte = self.bytes_done();
        let result = match &mut self.kind {
            Kind::ArrayRecord { cursor, .. } => {
                let any = cursor.read_into(record)?;
                self.records += u64::from(any);
                return Ok(any);
            }
            Kind::TfRecord(input) => tfrecord::read(input, record),
            Kind::JsonLines(input) => lines::read_json(input, record),
            Kind::Lines(input) => lines::read(input, record),
            Kind::Csv { input, rows } => rows.read(input, record),
        };
        match result {
            Ok(any) => {
                self.records += u64::from(any);
                Ok(any)
            }
            Err(Fault::Io(source)) => Err(CliError::io("read", &self.path)(source)),
            Err(Fault::Input(source)) => Err(CliError::Input {
                path: self.path.clone(),
                record: self.records,
                line: self.line_of(self.records),
                byte,
                source,
            }),
        }
    }
}
