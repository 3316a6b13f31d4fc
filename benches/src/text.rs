//! The benchmark's records.

use std::path::{Path, PathBuf};

/// Where `make bench` puts the text.
#[must_use]
pub fn path() -> PathBuf {
    std::env::var_os("WINDROW_BENCH_TEXT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-data/text.bin"),
        PathBuf::from,
    )
}

/// The records of the text: 65,536 of 200 words each, 97.2 MB (see `benches/data/make_text.py`).
///
/// # Panics
/// If the file is not there or not as the script writes it.
#[must_use]
pub fn records() -> Vec<Vec<u8>> {
    with_sizes(&path())
}

/// The records of `NAME.bin` in the folder of the text: `code`, `events` (see `benches/data`), or the text itself.
///
/// # Panics
/// If the file is not there or not as its script writes it.
#[must_use]
pub fn records_of(name: &str) -> Vec<Vec<u8>> {
    with_sizes(&path().with_file_name(format!("{name}.bin")))
}

/// The records of a file that has a size of four bytes in front of each.
pub(crate) fn with_sizes(path: &Path) -> Vec<Vec<u8>> {
    let Ok(bytes) = std::fs::read(path) else {
        panic!("{} is missing: run `make bench`", path.display());
    };
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let (record, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        records.push(record.to_vec());
        rest = behind;
    }
    assert!(
        !records.is_empty() && rest.is_empty(),
        "{} is not complete",
        path.display()
    );
    records
}
