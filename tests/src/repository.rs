//! Files of the repository.

use std::path::{Path, PathBuf};

/// The path of a file that is named from the repository's root.
#[must_use]
pub fn path(name: impl AsRef<Path>) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).join(name)
}

/// The names of the files in a folder of the repository, sorted.
///
/// # Panics
/// If the folder cannot be read.
#[must_use]
pub fn files_in(folder: &str) -> Vec<String> {
    let entries = match std::fs::read_dir(path(folder)) {
        Ok(entries) => entries,
        Err(error) => panic!("{folder}: {error}"),
    };
    let mut names: Vec<String> = entries
        .map(|entry| match entry {
            Ok(entry) => entry.file_name().to_string_lossy().into_owned(),
            Err(error) => panic!("{folder}: {error}"),
        })
        .collect();
    names.sort_unstable();
    names
}

/// A text file of the repository.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn read_text(name: impl AsRef<Path>) -> String {
    let path = path(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
