//! Going on with a file that is there already.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use windrow_format::options::{AppendOptions, WriterOptions};
use windrow_format::{FooterEntry, LiveChunk, Records};

use super::dictionary::FileDictionaries;
use super::{Writer, check_options};
use crate::error::{Error, Result, SourceName};
use crate::growth::Growth;
use crate::sink::{FileSink, Sink};
use crate::store::{FileStore, Store};

/// The last chunk of a file, which holds fewer records than a group.
#[derive(Debug)]
pub(super) struct ShortChunk {
    pub(super) entry: FooterEntry,
    records: Records,
    /// No postscript stands behind it that would tell that the next chunk supersedes it.
    repeat: bool,
}

impl Writer<FileSink> {
    /// Goes on with the file at `path`; makes it if there is none. The file keeps its old contents for everybody else
    /// until [`finish`](Self::finish), and if this writer never gets there. A file that was never finished is recovered
    /// first: what follows its last sound chunk is cut off.
    ///
    /// Costs reading the index and the last chunk, or, of an unfinished file, all that stands behind its last
    /// postscript; then a footer of all chunks and at least 128 KiB of tail for each append.
    ///
    /// # Errors
    /// [`Error::Locked`] while another writer is at work on the file; [`Error::Options`] with every option that
    /// contradicts the file; [`Error::Damaged`] if records follow a part that cannot be read; [`Error::Format`] for what
    /// is not an ArrayRecord file; [`Error::Io`]. In each case the file is as it was.
    pub fn append(path: impl AsRef<Path>, options: AppendOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = SourceName::path(path);
        if !path.exists() {
            // Bad options leave no empty file behind.
            check_options(&options.clone().into_options(WriterOptions::new()), &name)?;
        }
        let (file, is_new) = open_locked(path, &name)?;
        if is_new {
            let options = options.into_options(WriterOptions::new());
            return Self::create_with(&name, options, || FileSink::resume(file, path, 0));
        }
        let store = file.try_clone().map(FileStore::from);
        let store = store.map_err(|source| Error::io(&name, "open", source))?;
        if options.copy() {
            Self::resume(store, name, &options, |keep| {
                FileSink::resume_copy(file, path, keep)
            })
        } else {
            Self::resume(store, name, &options, |keep| {
                FileSink::resume(file, path, keep)
            })
        }
    }
}

impl<S: Sink> Writer<S> {
    /// Goes on with the file in `store`. `make` is told how many of its bytes stay, and gives a sink that stands behind
    /// them; nothing is changed before. With [`AppendOptions::with_copy`] that may be fewer than there are, because the
    /// old index is left behind. `name` stands for the file in messages.
    ///
    /// # Errors
    /// Those of [`append`](Writer::append).
    pub fn resume(
        store: impl Store + 'static,
        name: SourceName,
        options: &AppendOptions,
        make: impl FnOnce(u64) -> io::Result<S>,
    ) -> Result<Self> {
        let mut growth = Growth::load(store, &name, options)?;
        if options.copy() {
            growth.leave_index_behind(&name)?;
        }
        check_options(&growth.options, &name)?;
        let short = match &growth.short {
            Some(chunk) => Some(ShortChunk {
                entry: entry_of(chunk),
                records: growth.records_of(&name, chunk)?,
                repeat: !growth.is_sealed,
            }),
            None => None,
        };
        let looks_like_footer = growth.ends_like_footer(&name)?;
        let mut open = Vec::new();
        for chunk in &growth.open {
            open.push(growth.records_of(&name, chunk)?);
        }
        let sink = make(growth.keep).map_err(|source| Error::io(&name, "append to", source))?;
        let dictionaries =
            FileDictionaries::of(growth.dictionary_offsets.clone(), growth.dictionaries());
        let mut writer = Self::at(growth.keep, sink, name, growth.options);
        writer.has_pages = growth.has_pages;
        writer.dictionaries = dictionaries;
        for chunk in &growth.chunks {
            writer.footer.push(&entry_of(chunk));
            writer.count(chunk.records, chunk.decoded_bytes);
        }
        writer.laid_decoded_bytes = writer.decoded_bytes;
        for record in open.iter().flat_map(Records::iter) {
            writer.add_to_group(record);
            writer.count(1, record.len() as u64);
        }
        writer.open_flushed = if options.copy() {
            0
        } else {
            writer.open_records
        };
        if let Some(short) = short {
            writer.count(short.entry.num_records, short.entry.decoded_bytes);
            writer.laid_decoded_bytes += short.entry.decoded_bytes;
            writer.short = Some(short);
        }
        if writer.open_records == 0 {
            writer.looks_like_footer = looks_like_footer;
        }
        writer.is_sealed = growth.is_complete;
        if writer.options.pad_to_block_boundary() {
            writer.lay_padding()?;
        }
        writer.begin_dictionary()?;
        Ok(writer)
    }

    pub(super) fn count(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.decoded_bytes += bytes;
    }

    /// Makes the short last chunk the open group, because a record comes that belongs to it.
    pub(super) fn reopen_short(&mut self) -> Result<()> {
        let Some(ShortChunk {
            entry,
            records,
            repeat,
        }) = self.short.take()
        else {
            return Ok(());
        };
        self.laid_decoded_bytes -= entry.decoded_bytes;
        for record in records.iter() {
            self.add_to_group(record);
        }
        self.open_flushed = self.open_records;
        if repeat {
            self.lay_provisional(entry.num_records, entry.num_records)?;
        }
        Ok(())
    }
}

pub(super) fn entry_of(chunk: &LiveChunk) -> FooterEntry {
    FooterEntry {
        chunk_offset: chunk.begin,
        decoded_bytes: chunk.decoded_bytes,
        num_records: chunk.records,
    }
}

/// Opens the regular file at `path`, or makes it, and locks it. Whether it is empty, which an interrupted writer may
/// have left it.
pub(crate) fn open_locked(path: &Path, name: &SourceName) -> Result<(File, bool)> {
    let refuse = |source| Error::io(name, "append to", source);
    loop {
        let file = open_or_make(path).map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { name: name.clone() }),
            // A file system without locks cannot tell of another writer.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(refuse(error)),
        }
        // Looked at under the lock: the writer before this one may have replaced the file by its copy.
        let mine = file.metadata().map_err(refuse)?;
        let there = std::fs::metadata(path).map_err(refuse)?;
        if is_same_file(&mine, &there) {
            return Ok((file, mine.len() == 0));
        }
    }
}

fn open_or_make(path: &Path) -> io::Result<File> {
    let is_there = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => true,
        Ok(metadata) if metadata.is_dir() => return Err(crate::store::is_a_directory()),
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "not a regular file: appending needs one",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(!is_there);
    open.open(path)
}

#[cfg(unix)]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    // An open file cannot be replaced there.
    true
}
