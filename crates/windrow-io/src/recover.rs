//! Reading what is whole of a file whose index is lost, or whose chunks are damaged.

mod options;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use windrow_format::{
    At, Footer, FooterMetadata, FormatError, LiveChunk, LiveChunks, VERSION_WINDROW, schema_hash,
};

use crate::error::{Error, Result, SourceName};
use crate::index::Index;
use crate::live_scan::LiveScan;
use crate::reader::{Reader, ScannedIndex, limits_of};
use crate::skipped::SkipLog;
use crate::store::{FileStore, Store};
use crate::verify::{DEFAULT_MAX_FAULTS, Fault, SharedStore};

pub use options::RecoverOptions;

/// A file as far as it is whole.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// Reads the records of all whole chunks, in the order of the file, numbered from zero without gaps. It lists as
    /// skipped what the report lists.
    pub reader: Reader,
    /// What was found, and what was not.
    pub report: RecoveryReport,
}

/// What [`recover`] found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Size of the file.
    pub file_bytes: u64,
    /// Records that can be read.
    pub records: u64,
    /// Chunks that hold them.
    pub chunks: u64,
    /// How many of the records stand in provisional chunks: they were flushed, and their group was never written.
    pub provisional_records: u64,
    /// What is wrong with the index at the end of the file; `None` if the file is complete.
    pub index: Option<FormatError>,
    /// Parts of the file that cannot be read, by their first byte. Their records, where they are known, are numbered as
    /// the writer numbered them.
    pub skipped: Vec<Fault>,
    /// Skipped parts beyond those that are listed.
    pub skipped_omitted: u64,
}

impl RecoveryReport {
    /// Whether the file is complete and nothing of it was skipped.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.index.is_none() && self.skipped.is_empty() && self.skipped_omitted == 0
    }

    /// Records that are known to be lost.
    #[must_use]
    pub fn records_lost(&self) -> u64 {
        let lost = self.skipped.iter().filter_map(|fault| {
            let records = fault.records.as_ref()?;
            Some(records.end.saturating_sub(records.start))
        });
        lost.fold(0, u64::saturating_add)
    }
}

/// Finds every whole record of the file at `path`, with default options: of one that was cut, was never finished, or is
/// damaged anywhere. The file is only read.
///
/// Reads all of the file once and checks the hashes of all chunks, on the calling thread. Memory: about 1 MiB, and while
/// it runs 40 bytes a chunk.
///
/// ```no_run
/// let recovered = windrow_io::recover("cut.array_record")?;
/// for fault in &recovered.report.skipped {
///     eprintln!("bytes {:?}: {}", fault.bytes, fault.error);
/// }
/// for record in recovered.reader.records() {
///     println!("{} bytes", record?.len());
/// }
/// # Ok::<(), windrow_io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it holds no chunk at all: it is of another kind.
pub fn recover(path: impl AsRef<Path>) -> Result<Recovered> {
    recover_with(path, &RecoverOptions::new())
}

/// Finds every whole record of the file at `path`. See [`recover`].
///
/// # Errors
/// Those of [`recover`], and [`Error::Options`]; where a schema is given, [`Error::OtherSchema`] if it is needed and not that
/// of the file, and `Error::Column` if no file can have it.
pub fn recover_with(path: impl AsRef<Path>, options: &RecoverOptions) -> Result<Recovered> {
    let name = SourceName::path(path.as_ref());
    recover_store(FileStore::open(&name)?, name, options)
}

/// Finds every whole record of a file from any store; `name` stands for it in messages. See [`recover`].
///
/// # Errors
/// Those of [`recover_with`].
pub fn recover_store(
    store: impl Store + 'static,
    name: SourceName,
    options: &RecoverOptions,
) -> Result<Recovered> {
    recover_with_log(store, name, options, Arc::default())
}

/// Recovers a file for a reader that lists what it skips in `skip_log`.
pub(crate) fn recover_with_log(
    store: impl Store + 'static,
    name: SourceName,
    options: &RecoverOptions,
    skip_log: Arc<SkipLog>,
) -> Result<Recovered> {
    let reader_options = options.reader_options();
    reader_options.validate()?;
    let given_schema = options.schema_message(&name)?;
    let store = SharedStore::new(store);
    let file_bytes = store.file_bytes(&name)?;
    let limits = limits_of(reader_options);
    let (index, error) = match store.open(&name, reader_options) {
        Ok(reader) => {
            let error = reader.unfinished_append();
            (Some(reader), error)
        }
        Err(Error::Format { source, .. }) => (None, Some(source)),
        Err(error) => return Err(error),
    };
    let mut scan = LiveScan::new(store.clone(), file_bytes, limits, index);
    scan.run(|position| {
        options.watch().report_progress(position);
        !options.watch().is_stopped()
    })
    .map_err(|error| error.into_error(&name))?;
    let data_end = scan.sound_end();
    if let Some(source) = &error
        && data_end == 0
    {
        return Err(Error::format(&name, None, source.clone()));
    }
    let dictionaries = scan.dictionaries().clone();
    let unreadable = scan.without_dictionary();
    let (mut live, mut skipped, mut skipped_omitted) = scan.finish();
    let footer_begin = live.finish();
    let has_columns = live.has_columns();
    let schema = match (live.schema(), given_schema) {
        (Some(own), _) => Some(own.to_vec()),
        (None, Some(given)) if has_columns => Some(fitting_schema(&live, given, &name)?),
        _ => None,
    };
    let chunks = readable(&live, unreadable, &mut skipped, &mut skipped_omitted);
    skipped.sort_by_key(|fault| fault.bytes.start);
    options.watch().report_progress(file_bytes);
    let footer = footer_of(&live, schema, footer_begin.unwrap_or(data_end));
    let index = Index::of_chunks(&chunks, reader_options.index_storage(), footer);
    let (footer, index) =
        index.map_err(|source| Error::io(&name, "offload the index of", source))?;
    let provisional = chunks.iter().filter(|chunk| chunk.provisional);
    let report = RecoveryReport {
        file_bytes,
        records: footer.metadata.num_records,
        chunks: footer.metadata.num_chunks,
        provisional_records: provisional.map(|chunk| chunk.records).sum(),
        index: error,
        skipped,
        skipped_omitted,
    };
    skip_log.add(&report.skipped);
    let options = reader_options.clone();
    let reader = Reader::from_scan(
        store,
        name,
        options,
        file_bytes,
        ScannedIndex {
            footer,
            index,
            dictionaries,
            has_columns,
        },
        skip_log,
    )?;
    Ok(Recovered { reader, report })
}

/// The live chunks without those that lack their dictionary, which are added to what is skipped.
fn readable<'a>(
    live: &'a LiveChunks,
    unreadable: Vec<(u64, FormatError)>,
    skipped: &mut Vec<Fault>,
    skipped_omitted: &mut u64,
) -> Cow<'a, [LiveChunk]> {
    let all = live.chunks();
    if unreadable.is_empty() {
        return Cow::Borrowed(all);
    }
    // Behind a part that was skipped, nobody knows how the writer numbered them.
    let first_skipped = live.skipped().first().map_or(u64::MAX, |bytes| bytes.start);
    let mut unreadable = unreadable.into_iter().peekable();
    let mut chunks: Vec<LiveChunk> = Vec::new();
    for chunk in all {
        while unreadable
            .next_if(|(begin, _)| *begin < chunk.begin)
            .is_some()
        {}
        let Some((_, error)) = unreadable.next_if(|(begin, _)| *begin == chunk.begin) else {
            let first_record = chunks
                .last()
                .map_or(0, |last| last.first_record + last.records);
            chunks.push(LiveChunk {
                first_record,
                ..*chunk
            });
            continue;
        };
        if skipped.len() < DEFAULT_MAX_FAULTS {
            let mut fault = Fault::new(chunk.begin..chunk.end, error);
            fault.records = (chunk.begin < first_skipped)
                .then(|| chunk.first_record..chunk.first_record + chunk.records);
            skipped.push(fault);
        } else {
            *skipped_omitted += 1;
        }
    }
    Cow::Owned(chunks)
}

/// The schema message that was given for a file without one, if it is the one that the row groups were written with.
fn fitting_schema(live: &LiveChunks, given: Vec<u8>, name: &SourceName) -> Result<Vec<u8>> {
    match live.schema_hash() {
        Some(expected) if expected != schema_hash(&given) => Err(Error::OtherSchema {
            name: name.clone(),
            at: At::byte(live.chunks().first().map_or(0, |first| first.begin)),
            expected,
            given: schema_hash(&given),
        }),
        _ => Ok(given),
    }
}

/// What stands for the footer of a file that has none, or not of these chunks.
fn footer_of(live: &LiveChunks, schema: Option<Vec<u8>>, data_end: u64) -> Footer {
    let found = live.footer().map(|footer| footer.metadata.clone());
    let metadata = FooterMetadata {
        version: VERSION_WINDROW,
        has_pages: live.has_pages(),
        arrow_schema: schema,
        has_statistics: false,
        ..found.unwrap_or_default()
    };
    Footer {
        metadata,
        footer_offset: data_end,
        footer_end: data_end,
        ..Footer::default()
    }
}
