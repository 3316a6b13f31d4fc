//! Where the bytes of a file come from.

use std::fs::File;
use std::io;

use windrow_format::At;

use crate::error::{Error, Result, SourceName};

/// Positional reads of something that does not change. Object stores and caches implement it as well as files.
pub trait Store: Send + Sync {
    /// Size in bytes.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are no bytes.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills all of `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are fewer; whatever the medium says.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// All bytes, where they are in memory anyway: readers then borrow instead of copying.
    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }
}

impl Store for Vec<u8> {
    fn len(&self) -> io::Result<u64> {
        Ok(Self::len(self) as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_slice_at(self, buffer, offset)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

fn read_slice_at(bytes: &[u8], buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let range = usize::try_from(offset)
        .ok()
        .and_then(|begin| Some(begin..begin.checked_add(buffer.len())?))
        .and_then(|range| bytes.get(range))
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    buffer.copy_from_slice(range);
    Ok(())
}

/// A local file, read with positional reads: no seek position, no lock, safe to share.
#[derive(Debug)]
pub struct FileStore(File);

impl FileStore {
    /// Opens the regular file `name`.
    ///
    /// # Errors
    /// [`Error::Io`] if it does not exist, is a directory, or may not be read.
    pub fn open(name: &SourceName) -> Result<Self> {
        let Some(path) = name.as_path() else {
            return Err(Error::io(name, "open", io::ErrorKind::NotFound.into()));
        };
        let refuse = |source| Error::io(name, "open", source);
        // Looked at before it is opened, because opening a pipe waits for a writer.
        let metadata = std::fs::metadata(path).map_err(refuse)?;
        if metadata.is_dir() {
            return Err(refuse(is_a_directory()));
        }
        if !metadata.is_file() {
            return Err(refuse(io::Error::new(
                io::ErrorKind::Unsupported,
                "not a regular file: reading at random needs one",
            )));
        }
        let file = File::open(path).map_err(refuse)?;
        Ok(Self(file))
    }
}

/// Reads `len` bytes from `begin` on.
pub(crate) fn read_bytes(
    store: &dyn Store,
    name: &SourceName,
    begin: u64,
    len: usize,
) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let read = store.read_exact_at(&mut bytes, begin);
    read.map(|()| bytes).map_err(|source| Error::Io {
        name: name.clone(),
        action: "read",
        at: Some(At::byte(begin)),
        records: None,
        source,
    })
}

/// The system's own error for a folder where a file is needed.
pub(crate) fn is_a_directory() -> io::Error {
    /// `EISDIR`, the same on every Unix.
    const IS_A_DIRECTORY: i32 = 21;
    if cfg!(unix) {
        io::Error::from_raw_os_error(IS_A_DIRECTORY)
    } else {
        io::ErrorKind::IsADirectory.into()
    }
}

impl From<File> for FileStore {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl Store for FileStore {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        while !buffer.is_empty() {
            match self.0.seek_read(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A local file mapped into memory: no copy and no system call per read.
#[cfg(feature = "mmap")]
#[derive(Debug)]
pub struct MmapStore(memmap2::Mmap);

#[cfg(feature = "mmap")]
impl MmapStore {
    /// Maps the regular file `name`.
    ///
    /// # Safety
    /// Nobody may shorten or change the file while the map exists: reading behind the new end of a shortened file
    /// kills the process, and changed bytes break what the compiler may assume of a `&[u8]`.
    ///
    /// # Errors
    /// Those of [`FileStore::open`], and [`Error::Io`] if the file cannot be mapped.
    #[allow(
        unsafe_code,
        reason = "the promise cannot be kept here, so it is handed to the caller"
    )]
    pub unsafe fn open(name: &SourceName) -> Result<Self> {
        let FileStore(file) = FileStore::open(name)?;
        // SAFETY: the caller promises that the file stays as it is.
        let map = unsafe { memmap2::Mmap::map(&file) };
        Ok(Self(map.map_err(|source| Error::io(name, "map", source))?))
    }
}

#[cfg(feature = "mmap")]
impl Store for MmapStore {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_slice_at(&self.0, buffer, offset)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}
