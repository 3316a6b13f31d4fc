//! Many files as one sequence of records.

mod instruction;
mod open_files;
mod shards;

pub use instruction::{FileInstruction, SourcePart};
pub use shards::{expand_pattern, shard_path};

pub(crate) use instruction::FilePart;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow_format::options::ReaderOptions;

use crate::batch::{Batch, lock};
use crate::cursor::{Record, RecordCursor, RecordRun};
use crate::error::{Error, Result, SourceName};
use crate::pool;
#[cfg(doc)]
use crate::reader::Reader;
use crate::reader::RecordSizes;
use crate::verify::Fault;
use open_files::OpenFiles;

/// Files that a source keeps open at once by default.
pub const DEFAULT_MAX_OPEN_FILES: usize = 256;

/// The records of many files, or of parts of them, numbered through.
///
/// Whole files have their footers read at construction, in parallel, because their lengths are needed; instructions
/// and `path[a:b]` are opened when first read, and checked against the footer then. At most
/// [`DEFAULT_MAX_OPEN_FILES`] files are open at once; the one that was not used for longest is closed first. Cloning
/// and slicing are cheap and share the open files. Safe to share between threads, and after a fork.
#[derive(Debug, Clone)]
pub struct DataSource {
    files: Arc<OpenFiles>,
    range: Range<u64>,
}

/// Records of one file: the file, the records in it, and their positions in the caller's list.
type InFile = (usize, Vec<u64>, Vec<usize>);

impl DataSource {
    /// A source of the files, or `path[a:b]` parts of files, that `paths` name, in this order. A path that exists
    /// under exactly the given name is that file, brackets or not.
    ///
    /// # Errors
    /// [`Error::Source`] for an empty list or an inverted range; for whole files those of
    /// [`Reader::open`](crate::Reader::open), of the first one that has any.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        Self::open_with(paths, ReaderOptions::default(), DEFAULT_MAX_OPEN_FILES)
    }

    /// The same with options: of each file's reader, and how many files to keep open (at least 1).
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Error::Options`].
    pub fn open_with<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        options: ReaderOptions,
        max_open_files: usize,
    ) -> Result<Self> {
        let parts = paths
            .into_iter()
            .map(|path| SourcePart::Path(path.as_ref().to_path_buf()));
        Self::open_parts(parts, options, max_open_files)
    }

    /// A source of files and of parts of files.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn open_parts(
        parts: impl IntoIterator<Item = SourcePart>,
        options: ReaderOptions,
        max_open_files: usize,
    ) -> Result<Self> {
        let parts: Result<Vec<_>> = parts
            .into_iter()
            .map(|part| match part {
                SourcePart::Path(path) => FilePart::parse(&path),
                SourcePart::Records(instruction) => Ok(instruction.into()),
            })
            .collect();
        Self::from_parts(parts?, options, max_open_files)
    }

    /// A source of all files that a shard pattern names: a path, a glob, or `name@32` for `name-00000-of-00032` to
    /// `name-00031-of-00032`. Files that are named as shards must be complete sets.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with), and [`Error::Source`] if nothing matches or a shard is missing.
    pub fn open_pattern(
        pattern: &str,
        options: ReaderOptions,
        max_open_files: usize,
    ) -> Result<Self> {
        Self::open_with(expand_pattern(pattern)?, options, max_open_files)
    }

    /// A source of parts of files. No file is opened yet.
    ///
    /// # Errors
    /// [`Error::Source`] for an empty list, [`Error::Options`].
    pub fn from_instructions(
        instructions: impl IntoIterator<Item = FileInstruction>,
        options: ReaderOptions,
        max_open_files: usize,
    ) -> Result<Self> {
        Self::open_parts(
            instructions.into_iter().map(SourcePart::Records),
            options,
            max_open_files,
        )
    }

    fn from_parts(
        parts: Vec<FilePart>,
        options: ReaderOptions,
        max_open_files: usize,
    ) -> Result<Self> {
        if parts.is_empty() {
            return Err(Error::Source {
                what: "a data source needs at least one file",
                text: String::new(),
            });
        }
        options.validate()?;
        let files = OpenFiles::new(parts, options, max_open_files)?;
        let range = 0..files.len();
        Ok(Self {
            files: Arc::new(files),
            range,
        })
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Number of files, or parts of files, that this source was made of.
    #[must_use]
    pub fn num_files(&self) -> usize {
        self.files.parts().len()
    }

    /// Record number `index`. A damaged chunk is an error, whatever the options say.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; those of [`Reader::open`](crate::Reader::open) and
    /// [`Reader::read`](crate::Reader::read) for the file that holds it; [`Error::Instruction`] if that file is
    /// shorter than its instruction says.
    pub fn get(&self, index: u64) -> Result<Vec<u8>> {
        self.get_with(index, <[u8]>::to_vec)
    }

    /// Lends record number `index` to `use_record`, without a copy.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn get_with<R>(&self, index: u64, use_record: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let (file, record) = self.locate(index)?;
        self.files.reader(file)?.read_with(record, use_record)
    }

    /// The records with these numbers, in this order; numbers may repeat. Each file is read as
    /// [`Reader::read_many`](crate::Reader::read_many) does, several files at once; where damaged chunks are skipped,
    /// their records are missing in the batch.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), before anything is read if a number is out of range.
    pub fn get_many(&self, indices: &[u64]) -> Result<Batch> {
        let by_file = self.by_file(indices)?;
        struct Work {
            files: Arc<OpenFiles>,
            by_file: Vec<InFile>,
            next: AtomicUsize,
            results: Vec<Mutex<Option<Result<Batch>>>>,
        }
        let work = Arc::new(Work {
            files: Arc::clone(&self.files),
            next: AtomicUsize::new(0),
            results: by_file.iter().map(|_| Mutex::new(None)).collect(),
            by_file,
        });
        let shared = Arc::clone(&work);
        pool::share(self.files.threads().min(work.by_file.len()), move || {
            let Work {
                files,
                by_file,
                next,
                results,
            } = &*shared;
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                let Some((file, records, _)) = by_file.get(job) else {
                    break;
                };
                let batch = files
                    .reader(*file)
                    .and_then(|reader| reader.read_many(records));
                *lock(&results[job]) = Some(batch);
            }
        });
        let mut all = Batch::with_len(indices.len());
        for (result, (_, _, positions)) in work.results.iter().zip(&work.by_file) {
            if let Some(batch) = lock(result).take() {
                all.place(batch?, positions);
            }
        }
        Ok(all)
    }

    /// Lends the records with these numbers to `use_record`, without copies: position in `indices`, record. Several
    /// files are read at once, each as [`Reader::read_many_with`] does, which says what `use_record` may do and which
    /// records are left out.
    ///
    /// # Errors
    /// Those of [`get_many`](Self::get_many), but for the limit on the batch; some records may have been lent before.
    pub fn get_many_with(
        &self,
        indices: &[u64],
        use_record: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<()> {
        let by_file = self.by_file(indices)?;
        let next = AtomicUsize::new(0);
        let errors: Vec<Mutex<Option<Error>>> = by_file.iter().map(|_| Mutex::new(None)).collect();
        pool::broadcast(self.files.threads().min(by_file.len()), &|| {
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                let Some((file, records, positions)) = by_file.get(job) else {
                    break;
                };
                let read = self.files.reader(*file).and_then(|reader| {
                    reader.read_many_with(records, |place, record| {
                        use_record(positions[place], record);
                    })
                });
                if let Err(error) = read {
                    *lock(&errors[job]) = Some(error);
                    // Nobody wants the rest.
                    next.store(by_file.len(), Ordering::Relaxed);
                }
            }
        });
        let first = errors.iter().find_map(|error| lock(error).take());
        first.map_or(Ok(()), Err)
    }

    /// What the records with these numbers take, in bytes, according to the files' footers.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn record_sizes(&self, indices: &[u64]) -> Result<RecordSizes> {
        let mut all = RecordSizes {
            bytes: vec![0; indices.len()],
            exact: true,
        };
        for (file, records, positions) in self.by_file(indices)? {
            let sizes = self.files.reader(file)?.record_sizes(&records)?;
            all.exact &= sizes.exact;
            for (position, bytes) in positions.into_iter().zip(sizes.bytes) {
                all.bytes[position] = bytes;
            }
        }
        Ok(all)
    }

    /// The parts of files that this source was made of, whatever was sliced off. Whole files state their length.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = FileInstruction> + '_ {
        self.files.parts().iter().map(FilePart::to_instruction)
    }

    /// Which part holds record number `index`, and the record's number in that part's file.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn locate(&self, index: u64) -> Result<(usize, u64)> {
        Ok(self.files.locate(self.absolute(index)?))
    }

    /// Closes the files that are open. Calls that are under way end well; later ones open what they need again.
    pub fn close_files(&self) {
        self.files.close_all();
    }

    /// The chunks that calls of this source, its clones and its slices skipped so far, each once, file by file as in
    /// [`Reader::skipped`]. Files that were closed in between count.
    #[must_use]
    pub fn skipped(&self) -> Vec<(SourceName, Fault)> {
        self.files.skipped()
    }

    /// Groups records by file.
    fn by_file(&self, indices: &[u64]) -> Result<Vec<InFile>> {
        let mut by_file: Vec<InFile> = Vec::new();
        let mut slots = vec![usize::MAX; self.num_files()];
        for (position, &index) in indices.iter().enumerate() {
            let (file, record) = self.locate(index)?;
            if slots[file] == usize::MAX {
                slots[file] = by_file.len();
                by_file.push((file, Vec::new(), Vec::new()));
            }
            let (_, records, positions) = &mut by_file[slots[file]];
            records.push(record);
            positions.push(position);
        }
        Ok(by_file)
    }

    /// A view of the records of `range`, which is cut to the source's length.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let start = range.start.min(self.len());
        let end = range.end.clamp(start, self.len());
        Self {
            files: Arc::clone(&self.files),
            range: self.range.start + start..self.range.start + end,
        }
    }

    /// The records in order, decoded ahead. Where damaged chunks are skipped, it goes on behind them.
    #[must_use]
    pub fn iter(&self) -> Iter {
        Iter {
            source: self.clone(),
            cursor: None,
            failed: false,
        }
    }

    fn absolute(&self, index: u64) -> Result<u64> {
        if index < self.len() {
            return Ok(self.range.start + index);
        }
        Err(Error::OutOfRange {
            name: SourceName::MEMORY,
            index,
            len: self.len(),
        })
    }
}

impl IntoIterator for &DataSource {
    type Item = Result<Record>;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

/// Iterates over a [`DataSource`]. Finished after an error.
#[derive(Debug)]
pub struct Iter {
    /// What is left.
    source: DataSource,
    cursor: Option<RecordCursor>,
    failed: bool,
}

impl Iter {
    /// Whether there is a next record that is decoded already; see [`RecordCursor::is_ready`].
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.cursor.as_ref().is_some_and(RecordCursor::is_ready)
    }

    /// The next record, lent. `None` at the end.
    ///
    /// # Errors
    /// Those of [`DataSource::get`]; the position stays where it is.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>> {
        if !self.wait()? {
            return Ok(None);
        }
        self.source.range.start += 1;
        match &mut self.cursor {
            Some(cursor) => cursor.next_record(),
            None => Ok(None),
        }
    }

    /// The next records that were decoded together; see [`RecordCursor::next_records`].
    ///
    /// # Errors
    /// Those of [`next_record`](Self::next_record).
    pub fn next_records(&mut self) -> Result<Option<RecordRun>> {
        if !self.wait()? {
            return Ok(None);
        }
        let run = match &mut self.cursor {
            Some(cursor) => cursor.next_records()?,
            None => None,
        };
        self.source.range.start += run.as_ref().map_or(0, |run| run.len() as u64);
        Ok(run)
    }

    /// Waits until the next record is decoded. `false` at the end.
    ///
    /// # Errors
    /// Those of [`next_record`](Self::next_record).
    pub fn wait(&mut self) -> Result<bool> {
        if self.is_ready() {
            return Ok(true);
        }
        while !self.source.is_empty() {
            if let Some(cursor) = &mut self.cursor {
                let before = cursor.tell();
                let is_there = cursor.wait();
                // It may have gone on behind a damaged chunk.
                self.source.range.start += cursor.tell() - before;
                if is_there? {
                    return Ok(true);
                }
                self.cursor = None;
                continue;
            }
            let (file, record) = self.source.files.locate(self.source.range.start);
            let left = self.source.files.parts()[file].end() - record;
            let last = record + left.min(self.source.len());
            let reader = self.source.files.reader(file)?;
            self.cursor = Some(reader.records_in(record..last));
        }
        Ok(false)
    }
}

impl Iterator for Iter {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Result<Record>> {
        if self.failed {
            return None;
        }
        match self.wait() {
            Ok(true) => {
                self.source.range.start += 1;
                self.cursor.as_mut().and_then(Iterator::next)
            }
            Ok(false) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.source.len()).ok())
    }
}
