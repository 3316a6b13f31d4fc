//! Where the bytes of a file go.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::SourceName;
use crate::store::is_a_directory;

/// Takes the bytes of a file in order. Every [`io::Write`] is one.
pub trait Sink {
    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// Whatever the medium says, a full disk for one.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn flush(&mut self) -> io::Result<()>;

    /// Makes all bytes so far durable: they survive a loss of power.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where a sink cannot promise it, which is the default; whatever the medium says.
    fn sync(&mut self) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this sink cannot make bytes durable",
        ))
    }

    /// Called once, behind the last byte of a complete file: makes it visible under its name, where the sink holds
    /// that back.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }

    /// The name for messages.
    fn name(&self) -> SourceName {
        SourceName::MEMORY
    }
}

impl<W: Write> Sink for W {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(self)
    }
}

/// A local file. With atomic publishing the bytes go to a temporary name in the same folder; at the end they are
/// made durable and the file gets its name, so that nobody ever sees part of it.
///
/// While it lives it holds the file's advisory lock, where the system has such locks: nobody can append to a file that
/// is being written.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    path: PathBuf,
    /// The temporary name, until the file has its own.
    unpublished: Option<tempfile::TempPath>,
    /// The file that a copy will replace, locked.
    replaced: Option<File>,
    /// Whether the file's name is known to be durable.
    name_synced: bool,
    owner: u32,
}

impl FileSink {
    /// Creates (or, without `atomic`, empties) the file at `path`.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(path: &Path, atomic: bool) -> io::Result<Self> {
        let owner = std::process::id();
        let path = path.to_path_buf();
        if !atomic {
            let file = File::create(&path)?;
            // Best effort: to write a file anew has never asked whether somebody else does.
            let _ = file.try_lock();
            return Ok(Self {
                file,
                path,
                unpublished: None,
                replaced: None,
                name_synced: false,
                owner,
            });
        }
        let (path, permissions) = resolve(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        let prefix = format!(
            ".{}.",
            path.file_name().unwrap_or_default().to_string_lossy()
        );
        builder.prefix(&prefix).suffix(".unfinished");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As for any new file, the process's umask takes away from these.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let made = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
        let made = made.map_err(|error| explain(&error, folder.unwrap_or(Path::new("."))))?;
        let (file, unpublished) = made.into_parts();
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        Ok(Self {
            file,
            path,
            unpublished: Some(unpublished),
            replaced: None,
            name_synced: false,
            owner,
        })
    }

    /// Goes on with `file`, which is at `path` and locked, behind its first `keep` bytes. The rest is cut off.
    pub(crate) fn resume(file: File, path: &Path, keep: u64) -> io::Result<Self> {
        let mut sink = Self {
            file,
            path: path.to_path_buf(),
            unpublished: None,
            replaced: None,
            name_synced: false,
            owner: std::process::id(),
        };
        if sink.file.metadata()?.len() > keep {
            sink.file.set_len(keep)?;
        }
        sink.file.seek(SeekFrom::Start(keep))?;
        Ok(sink)
    }

    /// Goes on with a copy of the first `keep` bytes of `file`, which is at `path` and locked; at the end the copy takes
    /// its place.
    pub(crate) fn resume_copy(mut file: File, path: &Path, keep: u64) -> io::Result<Self> {
        let mut sink = Self::create(path, true)?;
        file.seek(SeekFrom::Start(0))?;
        let copied = io::copy(&mut (&file).take(keep), &mut sink.file)?;
        if copied < keep {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sink.replaced = Some(file);
        Ok(sink)
    }

    /// Gives the lock back at once. Closing the file would do so only when no forked process has it open any more.
    fn unlock(&self) {
        for file in [Some(&self.file), self.replaced.as_ref()]
            .into_iter()
            .flatten()
        {
            let _ = file.unlock();
        }
    }

    /// The path that the file has, or will have.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Sink for FileSink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(&mut self.file, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.file)
    }

    /// For a file without its final name that is the promise of its bytes alone.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.unpublished.is_none() && !self.name_synced {
            sync_folder(&self.path)?;
            self.name_synced = true;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(unpublished) = self.unpublished.take() {
            self.file.sync_all()?;
            unpublished
                .persist(&self.path)
                .map_err(|error| error.error)?;
            sync_folder(&self.path)?;
        }
        self.unlock();
        Ok(())
    }

    fn name(&self) -> SourceName {
        SourceName::path(&self.path)
    }
}

impl Drop for FileSink {
    /// Removes the temporary file of a writer that was given up, but only in the process that made it.
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            self.unlock();
        } else if let Some(unpublished) = self.unpublished.take() {
            // A forked process inherited this value; the file is not its to remove.
            std::mem::forget(unpublished);
        }
    }
}

/// What is wrong with the folder, if it is that. The error itself names the temporary file, which says nothing to
/// anybody, and hides the system's own.
fn explain(error: &io::Error, folder: &Path) -> io::Error {
    match std::fs::read_dir(folder) {
        Ok(_) => error.kind().into(),
        Err(reason) => reason,
    }
}

/// The path that a rename may replace, and the permissions of what is there: a regular file, through symbolic links, or
/// nothing yet.
fn resolve(path: PathBuf) -> io::Result<(PathBuf, Option<std::fs::Permissions>)> {
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            Ok((std::fs::canonicalize(path)?, Some(metadata.permissions())))
        }
        Ok(metadata) if metadata.is_dir() => Err(is_a_directory()),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "not a regular file: atomic publishing would replace it",
        )),
        Err(_) => Ok((path, None)),
    }
}

/// Makes a new name durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
