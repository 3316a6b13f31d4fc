//! Reading a file from front to back, each byte once, through a buffer of fixed size.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use windrow_format::options::{OnCorrupt, ReaderOptions};
use windrow_format::{At, FormatError};

use crate::error::{Error, Result, SourceName};
use crate::retry::twice;
use crate::store::Store;

/// A store that the reader and the jobs share.
#[derive(Clone)]
pub(crate) struct SharedStore(Arc<dyn Store>);

impl SharedStore {
    pub(crate) fn new(store: impl Store + 'static) -> Self {
        Self(Arc::new(store))
    }

    /// Opens the file's own index. Nothing is fetched ahead, because everything will be read anyway.
    pub(crate) fn open(&self, name: &SourceName, options: &ReaderOptions) -> Result<crate::Reader> {
        let options = options
            .clone()
            .with_footer_prefetch_bytes(Some(0))
            .with_all_fields()
            .with_on_corrupt(OnCorrupt::Raise);
        crate::Reader::from_store(self.clone(), name.clone(), options)
    }

    pub(crate) fn file_bytes(&self, name: &SourceName) -> Result<u64> {
        self.len().map_err(|source| Error::io(name, "open", source))
    }
}

impl SharedStore {
    /// Lends the bytes of `range` to `work`: borrowed from the store where it can lend them.
    pub(crate) fn with_bytes<R>(
        &self,
        range: Range<u64>,
        work: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ReadError> {
        let mut window = Window::new(self.clone(), range.end, 0, Vec::new());
        window.bytes(range).map(work)
    }
}

impl Store for SharedStore {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        self.0.as_bytes()
    }
}

/// A read that failed.
#[derive(Debug)]
pub(crate) struct ReadError {
    /// Where it began.
    pub(crate) byte: u64,
    pub(crate) source: io::Error,
}

impl ReadError {
    /// Somebody asked for the check to end.
    pub(crate) fn interrupted(byte: u64) -> Self {
        let source = io::ErrorKind::Interrupted.into();
        Self { byte, source }
    }

    /// Whether the file ended, as opposed to a medium that failed.
    pub(crate) fn is_end_of_file(&self) -> bool {
        self.source.kind() == io::ErrorKind::UnexpectedEof
    }

    pub(crate) fn into_error(self, name: &SourceName) -> Error {
        Error::Io {
            name: name.clone(),
            action: "read",
            at: Some(At::byte(self.byte)),
            records: None,
            source: self.source,
        }
    }
}

/// The part of the file that is being looked at. Ranges that are asked for may overlap the last one, but not begin in
/// front of it.
pub(crate) struct Window {
    store: SharedStore,
    /// Nothing behind this is read ahead.
    end: u64,
    /// Bytes to read at once.
    ahead: u64,
    begin: u64,
    filled: usize,
    buffer: Vec<u8>,
}

impl Window {
    /// `buffer` may be of any size; [`into_buffer`](Self::into_buffer) gives it back.
    pub(crate) fn new(store: SharedStore, end: u64, ahead: u64, buffer: Vec<u8>) -> Self {
        Self {
            store,
            end,
            ahead,
            begin: 0,
            filled: 0,
            buffer,
        }
    }

    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// A second window, for what is read again: it shows nothing behind `end`.
    pub(crate) fn again(&self, end: u64) -> Self {
        Self::new(self.store.clone(), end, self.ahead, Vec::new())
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.store.as_bytes().is_some()
    }

    /// Lends all bytes of `range`, which is small, to `parse`, and reads them once more if it refuses them.
    pub(crate) fn parse<T>(
        &mut self,
        range: Range<u64>,
        parse: impl Fn(&[u8]) -> Result<T, FormatError>,
    ) -> Result<Result<T, FormatError>, ReadError> {
        twice(self.is_in_memory(), |again| {
            if again {
                return Ok(parse(self.again(range.end).bytes(range.clone())?));
            }
            Ok(parse(self.bytes(range.clone())?))
        })
    }

    /// All bytes of `range`, which is small.
    pub(crate) fn bytes(&mut self, range: Range<u64>) -> Result<&[u8], ReadError> {
        if self.store.as_bytes().is_none() {
            self.fill(&range)?;
        }
        self.get(range)
    }

    /// The first bytes of `range`, as many as are at hand: at least one, if the range is not empty.
    pub(crate) fn piece(&mut self, range: Range<u64>) -> Result<&[u8], ReadError> {
        if self.store.as_bytes().is_some() {
            return self.get(range);
        }
        let one = range.start..range.end.min(range.start.saturating_add(1));
        self.fill(&one)?;
        let filled_end = self.begin.saturating_add(self.filled as u64);
        self.get(range.start..range.end.min(filled_end))
    }

    fn get(&self, range: Range<u64>) -> Result<&[u8], ReadError> {
        let (bytes, begin) = match self.store.as_bytes() {
            Some(bytes) => (bytes, 0),
            None => (
                self.buffer.get(..self.filled).unwrap_or_default(),
                self.begin,
            ),
        };
        let place = |byte: u64| usize::try_from(byte.checked_sub(begin)?).ok();
        place(range.start)
            .zip(place(range.end))
            .and_then(|(from, to)| bytes.get(from..to))
            .ok_or(ReadError {
                byte: range.start,
                source: io::ErrorKind::UnexpectedEof.into(),
            })
    }

    /// Reads on until `range` is in the buffer.
    fn fill(&mut self, range: &Range<u64>) -> Result<(), ReadError> {
        let filled_end = self.begin.saturating_add(self.filled as u64);
        if range.start >= self.begin && range.end <= filled_end {
            return Ok(());
        }
        // What is there of the range already is kept, so that no byte is read twice.
        let kept = match usize::try_from(range.start.saturating_sub(self.begin)) {
            Ok(from) if range.start >= self.begin && from < self.filled => {
                self.buffer.copy_within(from..self.filled, 0);
                self.filled - from
            }
            _ => 0,
        };
        self.begin = range.start;
        self.filled = kept;
        let ahead = range.start.saturating_add(self.ahead).min(self.end);
        let byte = range.start.saturating_add(kept as u64);
        let read_error = |source| ReadError { byte, source };
        let len = usize::try_from(ahead.max(range.end).saturating_sub(range.start))
            .map_err(|_| read_error(io::ErrorKind::OutOfMemory.into()))?;
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        let unread = self.buffer.get_mut(kept..len).unwrap_or_default();
        self.store.read_exact_at(unread, byte).map_err(read_error)?;
        self.filled = len;
        Ok(())
    }
}
