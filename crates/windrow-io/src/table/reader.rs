//! Opening a table, and what a reader keeps of it.

use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use hashbrown::HashMap;
use once_cell::race::OnceBox;
use windrow_columnar::{
    ChunkRead, ColumnSchema, ColumnSize, Front, GroupStatistics, PagePlace, Strings,
};
use windrow_format::options::{OnCorrupt, ReaderOptions};
use windrow_format::{
    At, ChunkHeader, ChunkLocation, Decompressor, ErrorKind, FormatError, check_crc,
};

use super::column_error;
use super::scan::Scan;
use crate::column_file::schema_lost;
use crate::error::{Error, Result, SourceName};
use crate::reader::Reader;
use crate::scratch::{ReadScratch, with_decompressor, with_read_scratch};
use crate::store::Store;
use crate::verify::{Fault, FaultError};

/// Reads the rows of one file of columns: all, some columns, a slice, those that a predicate wants, or single ones, from any
/// number of threads at once.
///
/// Opening reads the footer. What locates the pages of a row group is read when the group is first needed, and kept; with it,
/// any row is one read and one check for each column. Cloning is cheap and shares everything.
#[derive(Debug, Clone)]
pub struct TableReader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) reader: Reader,
    pub(super) schema: ColumnSchema,
    heads: Box<[OnceBox<Head>]>,
    kept_bytes: AtomicUsize,
    statistics: OnceBox<Statistics>,
}

/// What the file tells of its row groups.
#[derive(Debug)]
struct Statistics {
    /// In the order of the file.
    all: Vec<GroupStatistics>,
    /// By the hash of the data that they tell of.
    by_hash: HashMap<u64, usize>,
}

/// What locates the pages of a row group.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) front: Front,
    pub(super) header: ChunkHeader,
}

/// A head that is kept, or, beyond the limit of what is kept, one for this call only.
pub(super) enum HeadRef<'a> {
    Kept(&'a Head),
    Own(Box<Head>),
}

impl Deref for HeadRef<'_> {
    type Target = Head;

    fn deref(&self) -> &Head {
        match self {
            Self::Kept(head) => head,
            Self::Own(head) => head,
        }
    }
}

/// Which rows of a row group, and which columns in which form.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) schema: &'a ColumnSchema,
    pub(super) columns: &'a [usize],
    /// Within the row group.
    pub(super) rows: Vec<Range<u64>>,
}

impl TableReader {
    /// Opens the file at `path` with default options.
    ///
    /// # Errors
    /// Those of [`Reader::open`]; [`Error::HoldsRecords`]; [`Error::Column`] for a schema that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, ReaderOptions::default())
    }

    /// Opens the file at `path`. Of the options those of opening, limits, caches and damage count: with
    /// [`OnCorrupt::Skip`] scans leave out what cannot be read, and [`take`](Self::take) fails all the same.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Error::Options`].
    pub fn open_with(path: impl AsRef<Path>, options: ReaderOptions) -> Result<Self> {
        Self::from_reader(Reader::open_with(path, options)?)
    }

    /// Reads a table that lies in memory.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, options: ReaderOptions) -> Result<Self> {
        Self::from_reader(Reader::from_bytes(bytes, options)?)
    }

    /// Reads a table from any store; `name` stands for it in messages.
    ///
    /// # Errors
    /// Those of [`open_with`](Self::open_with).
    pub fn from_store(
        store: impl Store + 'static,
        name: SourceName,
        options: ReaderOptions,
    ) -> Result<Self> {
        Self::from_reader(Reader::from_store(store, name, options)?)
    }

    /// Reads the table of a file that is open: one that was [recovered](crate::recover), for example.
    ///
    /// # Errors
    /// [`Error::HoldsRecords`]; [`Error::SchemaLost`]; [`Error::Column`] if it cannot be read.
    pub fn from_reader(reader: Reader) -> Result<Self> {
        reader.inner().check_holds_columns()?;
        let at = reader.footer().footer_offset;
        let Some(message) = reader.arrow_schema() else {
            return Err(schema_lost(&reader));
        };
        let schema = ColumnSchema::parse(message, At::byte(at))
            .map_err(|source| column_error(reader.name(), None, source))?;
        let groups = usize::try_from(reader.num_chunks()).unwrap_or(usize::MAX);
        let heads = std::iter::repeat_with(OnceBox::new).take(groups).collect();
        Ok(Self {
            inner: Arc::new(Inner {
                reader,
                schema,
                heads,
                kept_bytes: AtomicUsize::new(0),
                statistics: OnceBox::new(),
            }),
        })
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The schema of the table, as it was written.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.inner.schema.arrow()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.reader.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of row groups.
    #[must_use]
    pub fn num_row_groups(&self) -> u64 {
        self.inner.reader.num_chunks()
    }

    /// The file below: its size, metadata, chunks.
    #[must_use]
    pub fn file(&self) -> &Reader {
        &self.inner.reader
    }

    /// A scan of all rows and columns, to be narrowed down.
    pub fn scan(&self) -> Scan {
        Scan::new(self)
    }

    /// The rows with these numbers, in their order, which may repeat. `columns` name those that are wanted, in their order;
    /// `None` for all.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Column`] for an unknown column, [`Error::Io`], [`Error::Format`].
    pub fn take(&self, rows: &[u64], columns: Option<&[&str]>) -> Result<RecordBatch> {
        self.take_as(rows, columns, Strings::AsWritten)
    }

    /// The same, with text in the form that is asked for.
    ///
    /// # Errors
    /// Those of [`take`](Self::take).
    pub fn take_as(
        &self,
        rows: &[u64],
        columns: Option<&[&str]>,
        strings: Strings,
    ) -> Result<RecordBatch> {
        let columns = self.inner.columns(columns)?;
        let schema = self.inner.schema.with_strings(strings);
        super::take::take(&self.inner, &schema, &columns, rows)
    }

    /// The same, without the rows that cannot be read: with
    /// [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), those of damaged row groups are left out and listed
    /// in [`Reader::skipped`].
    ///
    /// # Errors
    /// Those of [`take`](Self::take); damage only where it is not to be skipped.
    pub fn take_readable(
        &self,
        rows: &[u64],
        columns: Option<&[&str]>,
        strings: Strings,
    ) -> Result<RecordBatch> {
        let mut left = rows.to_vec();
        loop {
            let error = match self.take_as(&left, columns, strings) {
                Err(error) => error,
                taken => return taken,
            };
            let Some(lost) = error.records() else {
                return Err(error);
            };
            if !left.iter().any(|row| lost.contains(row)) {
                return Err(error);
            }
            let location = self.inner.reader.chunk_of(lost.start)?;
            let fault = self.inner.fault_to_skip(&location, lost.clone(), error)?;
            self.inner.list_skipped(fault);
            left.retain(|row| !lost.contains(row));
        }
    }

    /// What each column takes in row group number `group`, in the order of the schema.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] (in row groups), [`Error::Io`], [`Error::Format`].
    pub fn column_sizes(&self, group: u64) -> Result<Vec<ColumnSize>> {
        let location = self.inner.reader.chunk_location(group)?;
        let head = self.inner.head(&location)?;
        Ok(head.front.column_sizes(&self.inner.schema))
    }

    /// The statistics of row group number `group`: least and largest values, and how many are null, of each node of the
    /// schema's tree. `None` if the file has none that belong to it.
    ///
    /// # Errors
    /// Those of [`column_sizes`](Self::column_sizes).
    pub fn statistics(&self, group: u64) -> Result<Option<&GroupStatistics>> {
        let location = self.inner.reader.chunk_location(group)?;
        let head = self.inner.head(&location)?;
        self.inner.statistics_of(head.header.data_hash)
    }
}

impl Inner {
    pub(super) fn name(&self) -> &SourceName {
        self.reader.name()
    }

    pub(super) fn num_columns(&self) -> usize {
        self.schema.arrow().fields().len()
    }

    /// What is told of rows of the row group at `location` that are left out because of `error`; the error, if it is to be
    /// raised.
    pub(super) fn fault_to_skip(
        &self,
        location: &ChunkLocation,
        lost: Range<u64>,
        error: Error,
    ) -> Result<Fault> {
        if self.reader.options().on_corrupt() != OnCorrupt::Skip {
            return Err(error);
        }
        let error = match error {
            Error::Format { source, .. } => FaultError::from(source),
            Error::Column { source, .. } if source.kind() != ErrorKind::Usage => {
                FaultError::Column(source)
            }
            error => return Err(error),
        };
        let mut fault = Fault::of_chunk(location.begin..location.end, Some(location), error);
        fault.records = Some(lost);
        Ok(fault)
    }

    pub(super) fn list_skipped(&self, fault: Fault) {
        self.reader.inner().skip_log.add(&[fault]);
    }

    /// Numbers of the columns with these names.
    pub(super) fn columns<N: AsRef<str>>(&self, names: Option<&[N]>) -> Result<Vec<usize>> {
        match names {
            Some(names) => self
                .schema
                .columns(names)
                .map_err(|source| column_error(self.name(), None, source)),
            None => Ok((0..self.num_columns()).collect()),
        }
    }

    /// The head of the row group at `location`, read when it is first needed.
    pub(super) fn head(&self, location: &ChunkLocation) -> Result<HeadRef<'_>> {
        let place = usize::try_from(location.chunk)
            .ok()
            .and_then(|group| self.heads.get(group));
        if let Some(head) = place.and_then(OnceBox::get) {
            return Ok(HeadRef::Kept(head));
        }
        let head = Box::new(self.read_head(location)?);
        // Shared pages, dictionaries above all, are decoded once and kept with it.
        let bytes = head.front.memory_bytes() + head.front.shared_bytes();
        let limit =
            usize::try_from(self.reader.options().chunk_cache_bytes()).unwrap_or(usize::MAX);
        match place {
            Some(place) if self.kept_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= limit => {
                Ok(HeadRef::Kept(place.get_or_init(|| head)))
            }
            _ => {
                self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Ok(HeadRef::Own(head))
            }
        }
    }

    fn read_head(&self, location: &ChunkLocation) -> Result<Head> {
        let file = self.reader.inner();
        let head = file.column_head(location)?;
        let at = At::chunk(location.begin, location.chunk);
        let front = Front::parse(&head.header, &head.data, &self.schema, &file.limits, at)
            .map_err(|source| column_error(self.name(), Some(rows_of(location)), source))?;
        Ok(Head {
            front,
            header: head.header,
        })
    }

    /// The statistics of the row group whose data have this hash.
    pub(super) fn statistics_of(&self, data_hash: u64) -> Result<Option<&GroupStatistics>> {
        let statistics = self.statistics()?;
        let found = statistics.by_hash.get(&data_hash);
        Ok(found.and_then(|&place| statistics.all.get(place)))
    }

    /// The statistics that stand where those of row group number `group` are to stand: where there are as many as row
    /// groups, these are in order. Whoever has come to know the hash of the data has to look whether they are of it.
    pub(super) fn statistics_at(&self, group: u64) -> Result<Option<&GroupStatistics>> {
        let all = &self.statistics()?.all;
        let is_complete = all.len() as u64 == self.reader.num_chunks();
        let place = usize::try_from(group).ok().filter(|_| is_complete);
        Ok(place.and_then(|place| all.get(place)))
    }

    fn statistics(&self) -> Result<&Statistics> {
        if let Some(statistics) = self.statistics.get() {
            return Ok(statistics);
        }
        let contents = self.reader.inner().statistics()?.unwrap_or_default();
        let at = At::byte(self.reader.footer().footer_end);
        // Statistics that cannot be read are none: they only help to pass over row groups. `verify` tells of them.
        let all =
            GroupStatistics::parse_all(&contents, self.schema.nodes_len(), at).unwrap_or_default();
        let places = all.iter().enumerate();
        let by_hash = places
            .map(|(place, group)| (group.data_hash, place))
            .collect();
        let statistics = Box::new(Statistics { all, by_hash });
        Ok(self.statistics.get_or_init(|| statistics))
    }

    /// Reads what is wanted of the row group at `location`.
    pub(super) fn read(
        &self,
        location: &ChunkLocation,
        head: &Head,
        wanted: &Wanted<'_>,
    ) -> Result<RecordBatch> {
        let file = self.reader.inner();
        let fault = |source| column_error(self.name(), Some(rows_of(location)), source);
        let front = &head.front;
        let all = matches!(wanted.rows.as_slice(), [rows] if *rows == (0..front.rows()));
        if all && front.stored_bytes(&self.schema, wanted.columns) * 2 > head.header.data_bytes {
            // With most of the chunk the rest comes along, under one hash.
            let batch = file.with_column_chunk(location, &head.header, |chunk| {
                let mut read =
                    ChunkRead::new(front, wanted.schema, wanted.columns, wanted.rows.clone());
                read.give_verified(0, chunk.data);
                Ok(with_decompressor(|decompressor| read.finish(decompressor)))
            });
            match batch {
                // It may be the rest that is damaged.
                Err(Error::Format { .. }) if wanted.columns.len() < self.num_columns() => {}
                batch => return batch?.map_err(fault),
            }
        }
        with_decompressor(|decompressor| {
            let rows = wanted.rows.clone();
            let read = ChunkRead::new(front, wanted.schema, wanted.columns, rows);
            self.read_pages(location, read, decompressor)
        })
    }

    /// Reads what a chunk is still missing, until it has all: values of lists once their parents tell which.
    fn read_pages(
        &self,
        location: &ChunkLocation,
        mut read: ChunkRead<'_>,
        decompressor: &mut Decompressor,
    ) -> Result<RecordBatch> {
        let at = At::chunk(location.begin, location.chunk);
        let fault = |source| column_error(self.name(), Some(rows_of(location)), source);
        let missing = read.missing(decompressor).map_err(fault)?;
        if missing.is_empty() {
            return read.finish(decompressor).map_err(fault);
        }
        let parts: Vec<Range<u64>> = missing.iter().map(|page| page.bytes.clone()).collect();
        with_read_scratch(|ReadScratch { raw, .. }| {
            let file = self.reader.inner();
            let runs = file.read_parts(location, &parts, raw, |numbers, bytes| {
                let pages = missing.get(numbers).unwrap_or_default();
                check_pages(pages, bytes, at)
            })?;
            let mut read = read;
            for run in &runs {
                read.give_verified(run.begin, run.bytes(raw));
            }
            self.read_pages(location, read, decompressor)
        })
    }
}

/// Checks pages that were read at once.
fn check_pages(pages: &[PagePlace], bytes: &[u8], at: At) -> Result<(), FormatError> {
    let begin = pages.first().map_or(0, |page| page.bytes.start);
    let place = |byte: u64| usize::try_from(byte - begin).unwrap_or(usize::MAX);
    pages.iter().try_for_each(|page| {
        let page_bytes = bytes.get(place(page.bytes.start)..place(page.bytes.end));
        let crc = page.crc.to_le_bytes();
        check_crc("page", page_bytes.unwrap_or_default(), crc, at)
    })
}

pub(super) fn rows_of(location: &ChunkLocation) -> Range<u64> {
    location.first_record..location.first_record + location.records
}
