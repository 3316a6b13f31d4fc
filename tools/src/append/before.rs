//! The file as it was before an append, and how it becomes so again if that fails.

use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use windrow::{OnCorrupt, Reader, ReaderOptions, Sink, Writer};

use crate::error::{CliError, printable};
use crate::output::{complain, count, size};

/// What is known of the file before it is locked.
#[derive(Debug)]
pub struct Before {
    path: PathBuf,
    is_missing: bool,
    /// Its contents, recovered if need be. `None` if it is empty, or nothing that can grow.
    reader: Option<Reader>,
}

/// Where the append begins.
#[derive(Debug)]
pub struct Start {
    path: PathBuf,
    made: bool,
    copy: bool,
    /// Records in the file, those included that were taken up.
    pub records: u64,
    /// Records that no index listed, and that belong to the file from now on.
    pub taken_up: u64,
    /// Bytes that were cut off in front of the append; `None` where the file itself does not grow.
    pub cut_bytes: Option<u64>,
    /// Whether the file was complete, so that nothing has to be written if nothing is appended.
    pub was_complete: bool,
    /// Size of the file, behind what was cut off.
    file_bytes: u64,
    /// Where its last index ends.
    sealed_bytes: Option<u64>,
}

impl Before {
    pub fn look(path: &Path) -> Result<Self, CliError> {
        let mut before = Self {
            path: path.to_path_buf(),
            is_missing: false,
            reader: None,
        };
        match path.metadata() {
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {
                let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
                before.reader = Some(Reader::open_with(path, options)?);
            }
            Ok(_) => {}
            // Anything else is told when it is opened.
            Err(error) => before.is_missing = error.kind() == io::ErrorKind::NotFound,
        }
        Ok(before)
    }

    pub fn is_missing(&self) -> bool {
        self.is_missing
    }

    pub fn has_columns(&self) -> bool {
        self.reader.as_ref().is_some_and(Reader::has_columns)
    }

    /// Where an append to a file of columns begins. What its writer takes up is told by [`Start::take_up`].
    pub fn start(self, copy: bool) -> Result<Start, CliError> {
        let file_bytes = if self.is_missing {
            0
        } else {
            let file = self.path.metadata();
            file.map_err(CliError::io("read", &self.path))?.len()
        };
        let sealed = self.reader.as_ref().filter(|reader| !reader.is_scanned());
        Ok(Start {
            made: self.is_missing,
            copy: copy && !self.is_missing,
            records: sealed.map_or(0, Reader::len),
            taken_up: 0,
            cut_bytes: None,
            was_complete: sealed.is_some_and(|reader| reader.sealed_bytes() == reader.file_bytes()),
            file_bytes,
            sealed_bytes: sealed.map(Reader::sealed_bytes),
            path: self.path,
        })
    }

    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        self.reader.as_ref().map_or(&[], Reader::user_metadata)
    }

    /// Tells what the writer took up and what it cut off, if the file was not complete.
    pub fn tell_taken_up<S: Sink>(self, writer: &Writer<S>, copy: bool) -> Result<Start, CliError> {
        let file = self.path.metadata();
        let file_bytes = file.map_err(CliError::io("read", &self.path))?.len();
        let reader = self.reader.as_ref();
        // A file without contents is not copied: it is made, or filled, where it is.
        let copy = copy && reader.is_some();
        let sealed = reader.filter(|reader| !reader.is_scanned());
        let bytes = |reader: Option<&Reader>| reader.map_or(0, Reader::file_bytes);
        let start = Start {
            made: self.is_missing,
            copy,
            records: writer.records(),
            taken_up: writer
                .records()
                .saturating_sub(sealed.map_or(0, Reader::len)),
            cut_bytes: (!copy).then(|| bytes(reader).saturating_sub(file_bytes)),
            was_complete: sealed.is_some_and(|reader| reader.sealed_bytes() == reader.file_bytes()),
            file_bytes,
            sealed_bytes: sealed.map(Reader::sealed_bytes),
            path: self.path,
        };
        if reader.is_some() && !start.was_complete {
            let what = match sealed {
                Some(_) => "an append was cut off",
                None => "no index can be used",
            };
            let cut = start.cut_bytes.filter(|&bytes| bytes > 0);
            complain(&printable(&format!(
                "{}: {what}: {} taken up{}",
                start.path.display(),
                count(start.taken_up, "record"),
                cut.map_or(String::new(), |bytes| format!(", {} cut off", size(bytes))),
            )));
        }
        Ok(start)
    }
}

impl Start {
    /// Tells how many rows the writer began with: those that no index listed were taken up.
    pub fn take_up(&mut self, rows: u64) {
        self.taken_up = rows.saturating_sub(self.records);
        self.records = rows;
        if self.taken_up > 0 {
            complain(&printable(&format!(
                "{}: {} taken up",
                self.path.display(),
                count(self.taken_up, "row")
            )));
        }
    }

    /// Takes away again what was appended. The writer is gone; if that cannot be done, tells what became of the file.
    pub fn put_back(&self) {
        if self.copy || self.made && !self.path.exists() {
            return;
        }
        if let Err(error) = self.try_put_back() {
            complain(&printable(&format!(
                "{}: keeps its old contents, but what was appended so far stands behind them, and the next append \
                 takes it up: {error}",
                self.path.display()
            )));
        }
    }

    fn try_put_back(&self) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {}
            // There was no lock to be had at first, either.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(error.into()),
        }
        // Between the writer's lock and this one, another append may have been completed.
        let sealed = Reader::open(&self.path)
            .ok()
            .map(|reader| reader.sealed_bytes());
        if sealed != self.sealed_bytes {
            return Err(io::Error::other("another process has appended to it"));
        }
        if self.made {
            std::fs::remove_file(&self.path)?;
        } else if file.metadata()?.len() > self.file_bytes {
            file.set_len(self.file_bytes)?;
        }
        Ok(())
    }
}
