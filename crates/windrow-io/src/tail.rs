//! Following a file that is being written.

use std::path::Path;
use std::time::{Duration, Instant};

use windrow_format::options::{OnCorrupt, ReaderOptions};
use windrow_format::{
    At, ChunkHeader, ChunkType, FieldProjection, FormatError, LiveChunk, Records, RecordsMetadata,
};

use crate::cursor::RecordRun;
use crate::error::{Error, Result, SourceName};
use crate::fields::projection;
use crate::live_scan::{LiveReader, LiveScan};
use crate::reader::limits_of;
use crate::records_metadata::read_records_metadata;
use crate::retry::twice;
use crate::store::{FileStore, Store};
use crate::verify::{Fault, FaultError, ReadError, SharedStore};

/// How long a waiting reader sleeps between two looks at the file, at first and at the most.
const SLEEP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Yields the records of a file in order, each once, while a writer is still at work on it: as soon as the writer has
/// flushed them, or has written their group.
///
/// The reader follows appends, too. It takes no lock, starts no thread and keeps about 50 bytes a chunk. What the
/// options say of readahead and parallelism does not matter to it.
///
/// ```no_run
/// use std::time::Duration;
///
/// let mut tail = windrow_io::TailReader::open("growing.array_record", Default::default())?;
/// while !tail.is_sealed() {
///     while let Some(run) = tail.wait(Duration::from_secs(1))? {
///         println!("{} more records", run.len());
///     }
/// }
/// # Ok::<(), windrow_io::Error>(())
/// ```
pub struct TailReader {
    store: SharedStore,
    name: SourceName,
    options: ReaderOptions,
    scan: LiveScan,
    /// Size of the file when it was last looked at.
    file_bytes: u64,
    has_signature: bool,
    /// Number of records that were shown, or passed over at the beginning.
    position: u64,
    /// What is read of each record. Found with the first record, as names stand in the file, in front of it.
    fields: Option<Option<FieldProjection>>,
    /// The error that ended it.
    failed: Option<FaultError>,
}

impl std::fmt::Debug for TailReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TailReader")
            .field("name", &self.name)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl TailReader {
    /// Follows the file at `path` from its first record on. The file may be empty as yet.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Options`].
    pub fn open(path: impl AsRef<Path>, options: ReaderOptions) -> Result<Self> {
        let name = SourceName::path(path.as_ref());
        Self::from_store(FileStore::open(&name)?, name, options)
    }

    /// Follows a file in any store whose [`Store::len`] grows with it; `name` stands for it in messages.
    ///
    /// # Errors
    /// [`Error::Options`].
    pub fn from_store(
        store: impl Store + 'static,
        name: SourceName,
        options: ReaderOptions,
    ) -> Result<Self> {
        options.validate()?;
        let store = SharedStore::new(store);
        Ok(Self {
            scan: LiveScan::new(store.clone(), 0, limits_of(&options), None),
            store,
            name,
            options,
            file_bytes: 0,
            has_signature: false,
            position: 0,
            fields: None,
            failed: None,
        })
    }

    /// Passes over the records in front of number `position`: they are not shown. Those that were shown are not shown
    /// again. To begin with what is new, take the number of records of the file as it is.
    #[must_use]
    pub fn with_position(mut self, position: u64) -> Self {
        self.position = self.position.max(position);
        self
    }

    /// Number of the record that comes next, counted from zero.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What the file says of its records in front of them. See [`Reader::records_metadata`](crate::Reader::records_metadata);
    /// it is there as soon as there is a record.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] if it cannot be read.
    pub fn records_metadata(&self) -> Result<Option<RecordsMetadata>> {
        read_records_metadata(&self.store, &self.name, &limits_of(&self.options))
    }

    /// Whether the file was complete when it was last looked at, and every record of it was shown. Somebody may still
    /// append to it.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        let live = self.scan.live();
        live.sealed_end()
            .is_some_and(|end| end == self.file_bytes && end == self.scan.position())
            && self.position >= live.num_records()
    }

    /// The parts of the file that were skipped. Empty unless the options have
    /// [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip).
    #[must_use]
    pub fn skipped(&self) -> Vec<Fault> {
        self.scan.faults().to_vec()
    }

    /// The next records, as far as they are there already: those of one chunk. `None` if there is nothing new.
    ///
    /// # Errors
    /// [`Error::Format`] if a part of the file cannot be read and more follows it, and for good from then on, unless the
    /// options have [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip); if the file became shorter.
    /// [`Error::HoldsColumns`] for a file of columns; [`Error::Io`].
    pub fn poll(&mut self) -> Result<Option<RecordRun>> {
        loop {
            if self.scan.live().has_columns() {
                let name = self.name.clone();
                return Err(Error::HoldsColumns { name });
            }
            if let Some(run) = self.next_run()? {
                return Ok(Some(run));
            }
            if let Some(source) = &self.failed {
                return Err(source.clone().into_error(&self.name, None));
            }
            self.look()?;
            if !self.take_step()? {
                return Ok(None);
            }
        }
    }

    /// Waits for the next records, for `timeout` at the most. `None` if there were none in that time.
    ///
    /// # Errors
    /// Those of [`poll`](Self::poll).
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<RecordRun>> {
        let begin = Instant::now();
        let (mut sleep, longest) = SLEEP;
        loop {
            if let Some(run) = self.poll()? {
                return Ok(Some(run));
            }
            let left = timeout.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(sleep.min(left));
            sleep = (sleep * 2).min(longest);
        }
    }

    /// Asks the store how far the file goes.
    fn look(&mut self) -> Result<()> {
        let file_bytes = self.store.file_bytes(&self.name)?;
        if file_bytes != self.file_bytes {
            // A writer that goes on with an unfinished file cuts off its end first.
            self.scan.grow(file_bytes);
            self.file_bytes = file_bytes;
        }
        let position = self.scan.position();
        if file_bytes < position {
            return Err(self.fail(FormatError::Truncated {
                what: "file that is followed",
                at: At::byte(file_bytes),
                need: position,
                have: file_bytes,
            }));
        }
        if !self.has_signature && file_bytes >= 64 {
            self.check_signature()?;
        }
        Ok(())
    }

    fn check_signature(&mut self) -> Result<()> {
        let parsed = self.store.with_bytes(0..64, |bytes| {
            ChunkHeader::parse(bytes.get(24..).unwrap_or_default(), At::byte(0))
        });
        match self.medium(parsed)? {
            Ok(header) if header.chunk_type == ChunkType::Signature => {
                self.has_signature = true;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(source) => {
                let file_bytes = self.file_bytes;
                let source = Box::new(source);
                Err(self.fail(FormatError::NotArrayRecord { file_bytes, source }))
            }
        }
    }

    /// Scans on by one chunk. `false` if there is none yet.
    fn take_step(&mut self) -> Result<bool> {
        let known = self.scan.faults().len();
        let doubtful = self.scan.live().doubtful().to_vec();
        let stepped = self.scan.step(self.file_bytes);
        let stepped = self.medium(stepped)?;
        self.pass_over(doubtful)?;
        let fault = self.scan.faults().get(known);
        if let Some(fault) = fault.filter(|_| self.options.on_corrupt() != OnCorrupt::Skip) {
            let (records, source) = (fault.records.clone(), fault.error.clone());
            // Records in front of it are shown first.
            self.failed = Some(source.clone());
            if self.position >= self.scan.live().num_records() {
                return Err(source.into_error(&self.name, records));
            }
        }
        Ok(stepped)
    }

    /// Passes over the records of a chunk that superseded some of these behind damage: then it may begin with records
    /// that were never shown, so that their number tells nothing.
    fn pass_over(&mut self, mut before: Vec<LiveChunk>) -> Result<()> {
        let live = self.scan.live().chunks();
        before.retain(|chunk| {
            let place = live.binary_search_by_key(&chunk.begin, |live| live.begin);
            place.is_err() && chunk.first_record < self.position
        });
        let Some(last) = before.last() else {
            return Ok(());
        };
        let next = live.partition_point(|live| live.begin <= last.begin);
        let Some(&new) = live.get(next) else {
            return Ok(());
        };
        let place = self.live_reader().place_behind(&before, &new);
        self.position = new.first_record + self.medium(place)? as u64;
        Ok(())
    }

    /// What is left to show of the chunk that holds the next record.
    fn next_run(&mut self) -> Result<Option<RecordRun>> {
        let chunks = self.scan.live().chunks();
        let next =
            chunks.partition_point(|chunk| chunk.first_record + chunk.records <= self.position);
        let Some(chunk) = chunks.get(next).copied() else {
            return Ok(None);
        };
        let records = self.read(&chunk)?;
        let from = usize::try_from(self.position - chunk.first_record).unwrap_or(usize::MAX);
        let places = from.min(records.len())..records.len();
        self.position = chunk.first_record + chunk.records;
        Ok(Some(RecordRun::new(records, places)))
    }

    fn read(&mut self, chunk: &LiveChunk) -> Result<Records> {
        if self.fields.is_none() {
            self.fields = Some(projection(&self.store, &self.name, &self.options)?);
        }
        let fields = self.fields.as_ref().and_then(Option::as_ref);
        let read = twice(self.store.as_bytes().is_some(), |_| {
            let mut records = Records::new();
            let read = self.live_reader().read(chunk, fields, &mut records)?;
            Ok(read.map(|()| records))
        });
        self.medium(read)?.map_err(|source| {
            let records = chunk.first_record..chunk.first_record + chunk.records;
            Error::format(&self.name, Some(records), source)
        })
    }

    fn live_reader(&self) -> LiveReader<'_> {
        LiveReader {
            store: &self.store,
            limits: limits_of(&self.options),
            dictionaries: self.scan.dictionaries(),
        }
    }

    fn medium<T>(&self, result: Result<T, ReadError>) -> Result<T> {
        result.map_err(|error| error.into_error(&self.name))
    }

    fn fail(&mut self, source: FormatError) -> Error {
        self.failed = Some(source.clone().into());
        Error::format(&self.name, None, source)
    }
}
