//! Where the bytes of a file go.

use std::fs::File;
use std::io::{self, Write};
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
#[derive(Debug)]
pub struct FileSink {
    file: File,
    path: PathBuf,
    /// The temporary name, until the file has its own.
    unpublished: Option<tempfile::TempPath>,
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
            return Ok(Self {
                file,
                path,
                unpublished: None,
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
            owner,
        })
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

    fn finish(&mut self) -> io::Result<()> {
        let Some(unpublished) = self.unpublished.take() else {
            return Ok(());
        };
        self.file.sync_all()?;
        unpublished
            .persist(&self.path)
            .map_err(|error| error.error)?;
        sync_folder(&self.path)
    }

    fn name(&self) -> SourceName {
        SourceName::path(&self.path)
    }
}

impl Drop for FileSink {
    /// Removes the temporary file of a writer that was given up, but only in the process that made it.
    fn drop(&mut self) {
        if let Some(unpublished) = self.unpublished.take()
            && self.owner != std::process::id()
        {
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
