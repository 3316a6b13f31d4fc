//! All chunks of a file in order, listed or not.

use std::ops::Range;
use std::path::Path;

use windrow_format::options::ReaderOptions;
use windrow_format::{
    CHUNK_HEADER_BYTES, Chunk, ChunkHeader, CompressionType, add_with_block_headers, compression_of,
};

use super::file::index_fault;
use super::report::Fault;
use super::section::{ChunkRole, Section};
use super::walk::{Found, FoundChunk, Walk};
use super::window::{ReadError, SharedStore, Window};
use crate::error::{Result, SourceName};
use crate::reader::Reader;
use crate::store::{FileStore, Store};

/// Bytes read at once: enough for many small chunks, and little lost on a large one.
const WINDOW_BYTES: u64 = 16 << 10;

/// One chunk as its header describes it. The data were not read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScannedChunk {
    /// Where it lies in the file, block headers and padding included.
    pub bytes: Range<u64>,
    /// Its header, whose hash fits.
    pub header: ChunkHeader,
    /// The codec of its records; `None` if it holds none, or one that nobody defined.
    pub compression: Option<CompressionType>,
    /// What it is for.
    pub role: ChunkRole,
    /// Its number in the index, if the footer lists it.
    pub chunk: Option<u64>,
}

/// What a [`ChunkScanner`] yields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scanned {
    /// A chunk with a sound header.
    Chunk(ScannedChunk),
    /// Something wrong: with the footer, with the place of the chunk in front, or with a part of the file that holds
    /// no chunk that can be told. The scan goes on behind it.
    Fault(Fault),
}

/// Lists the chunks of the file at `path`, with default options.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn scan_chunks(path: impl AsRef<Path>) -> Result<ChunkScanner> {
    let name = SourceName::path(path.as_ref());
    scan_store(FileStore::open(&name)?, name, &ReaderOptions::new())
}

/// Lists the chunks of a file from any store; `name` stands for it in messages.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), [`Error::Options`](crate::Error::Options).
pub fn scan_store(
    store: impl Store + 'static,
    name: SourceName,
    options: &ReaderOptions,
) -> Result<ChunkScanner> {
    let store = SharedStore::new(store);
    let mut file_bytes = store.file_bytes(&name)?;
    let (index, fault) = match store.open(&name, options) {
        Ok(reader) => (Some(reader), None),
        Err(error) => (None, Some(index_fault(error, file_bytes)?)),
    };
    if let Some(reader) = &index {
        file_bytes = reader.file_bytes();
    }
    let mut scanner = ChunkScanner {
        window: Window::new(store, file_bytes, WINDOW_BYTES, Vec::new()),
        walk: None,
        next_section: 0,
        pending: fault,
        index,
        file_bytes,
        name,
    };
    scanner.walk = scanner.next_walk()?;
    Ok(scanner)
}

/// Yields the chunks of a file in order, made by [`scan_chunks`]. Reads headers only, so damage to data and block
/// headers is not seen; [`verify`](crate::verify) sees it. After an error it is finished.
pub struct ChunkScanner {
    window: Window,
    /// The section at hand; `None` when finished.
    walk: Option<Walk>,
    /// Number of the section that comes then.
    next_section: u64,
    pending: Option<Fault>,
    index: Option<Reader>,
    file_bytes: u64,
    name: SourceName,
}

impl std::fmt::Debug for ChunkScanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkScanner")
            .field("name", &self.name)
            .field("walk", &self.walk)
            .finish_non_exhaustive()
    }
}

impl ChunkScanner {
    /// What the footer says, if it can be used.
    #[must_use]
    pub fn reader(&self) -> Option<&Reader> {
        self.index.as_ref()
    }

    fn advance(&mut self) -> Result<Option<Scanned>> {
        if let Some(fault) = self.pending.take() {
            return Ok(Some(Scanned::Fault(fault)));
        }
        while let Some(walk) = &mut self.walk {
            match walk.next(&mut self.window) {
                Ok(None) => self.walk = self.next_walk()?,
                Ok(Some(Found::Block(_))) => {}
                Ok(Some(Found::Skipped(fault))) => return Ok(Some(Scanned::Fault(fault))),
                Ok(Some(Found::Chunk(chunk))) => match self.describe(&chunk) {
                    Ok(scanned) => {
                        self.pending = chunk.complaint.clone().map(|error| {
                            Fault::of_chunk(chunk.bytes(), chunk.location.as_ref(), error)
                        });
                        return Ok(Some(Scanned::Chunk(scanned)));
                    }
                    Err(error) => return self.stop(chunk.at.byte, error).map(Some),
                },
                Err(error) => {
                    let position = walk.position();
                    return self.stop(position, error).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The end of a file that became shorter, or an error of the medium.
    fn stop(&mut self, position: u64, error: ReadError) -> Result<Scanned> {
        self.walk = None;
        let is_end_of_file = error.is_end_of_file();
        let error = error.into_error(&self.name);
        if !is_end_of_file {
            return Err(error);
        }
        let mut fault = index_fault(error, self.file_bytes)?;
        fault.bytes = position..self.file_bytes;
        Ok(Scanned::Fault(fault))
    }

    fn next_walk(&mut self) -> Result<Option<Walk>> {
        let number = self.next_section;
        self.next_section += 1;
        let section = match &self.index {
            Some(reader) => Section::number(reader, number)?,
            None => (number == 0).then(|| Section::whole_file(self.file_bytes)),
        };
        Ok(section.map(|section| Walk::new(section, self.file_bytes)))
    }

    fn describe(&mut self, chunk: &FoundChunk) -> Result<ScannedChunk, ReadError> {
        let mut compression = None;
        if chunk.header.data_bytes > 0 {
            let end = add_with_block_headers(chunk.at.byte, CHUNK_HEADER_BYTES + 1);
            let chunk = Chunk {
                header: chunk.header,
                data: self.window.bytes(end - 1..end)?,
                at: chunk.at,
            };
            compression = compression_of(&chunk);
        }
        Ok(ScannedChunk {
            bytes: chunk.bytes(),
            header: chunk.header,
            compression,
            role: chunk.role,
            chunk: chunk.location.map(|location| location.chunk),
        })
    }
}

impl Iterator for ChunkScanner {
    type Item = Result<Scanned>;

    fn next(&mut self) -> Option<Result<Scanned>> {
        let next = self.advance();
        if next.is_err() {
            self.walk = None;
            self.pending = None;
        }
        next.transpose()
    }
}
