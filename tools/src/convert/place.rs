//! Whether a file may be written where the command line says.

use std::path::{Path, PathBuf};

use super::format::Format;
use crate::error::CliError;

/// Refuses a name that can only be a folder's, before anything is read.
pub fn check_name(path: &Path) -> Result<(), CliError> {
    let name = path.as_os_str().as_encoded_bytes();
    let last = name
        .rsplit(|&byte| std::path::is_separator(char::from(byte)))
        .next()
        .unwrap_or_default();
    // `Path` does not see a separator at the end, but the system does when the file is to get its name.
    let names_folder = !name.is_empty() && matches!(last, b"" | b"." | b"..");
    if names_folder || path.is_dir() {
        let path = path.to_path_buf();
        return Err(CliError::OutputFolder { path });
    }
    Ok(())
}

/// Where to write to reach `path`. A link is followed, for the file behind it is to be replaced and not the link.
pub fn check_output(path: &Path, force: bool) -> Result<PathBuf, CliError> {
    if path == Path::new("-") {
        return Ok(path.to_path_buf());
    }
    check_name(path)?;
    let Ok(metadata) = path.metadata() else {
        // Not there, or not to be seen: creating it will tell.
        return Ok(path.to_path_buf());
    };
    if !metadata.is_file() {
        let path = path.to_path_buf();
        return Err(CliError::OutputSpecial { path });
    }
    if !force {
        let path = path.to_path_buf();
        return Err(CliError::OutputExists { path });
    }
    path.canonicalize().map_err(CliError::io("open", path))
}

/// Whether two paths lead to one file. `-` is what standard input comes from.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| {
        let is_stdin = path == Path::new("-");
        identity(if is_stdin {
            Path::new("/dev/stdin")
        } else {
            path
        })
    };
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

/// What tells files apart, links of both kinds followed; `None` if there is no file.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

/// Refuses to replace a file of text by text of the same format. Most likely its name was meant as one more input, as
/// where a shell puts all names of a pattern on the command line.
pub fn check_purpose(path: &Path, from: &[Format], to: Format) -> Result<(), CliError> {
    let text = matches!(to, Format::JsonLines | Format::Lines | Format::Csv);
    if text && from.iter().all(|&format| format == to) && path.is_file() {
        return Err(CliError::SameFormat {
            path: path.to_path_buf(),
            format: to,
        });
    }
    Ok(())
}
