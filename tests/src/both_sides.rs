//! One file before both sides: ours and upstream's.

use std::path::PathBuf;

use windrow::{Codec, Reader, ReaderOptions};

use crate::every_way::{check_file, full_text};
use crate::file_builder::{FileBuilder, Tail};
use crate::record_spec::{Kind, RecordSpec, expand};
use crate::upstream::{Upstream, Verdict};

/// The codecs, each at its default level.
pub const CODECS: [Codec; 4] = [
    Codec::Uncompressed,
    Codec::Zstd { level: 3 },
    Codec::Brotli { level: 6 },
    Codec::Snappy,
];

/// Option strings of upstream's readers that open a file in different ways.
const WAYS_TO_OPEN: [&str; 4] = [
    "",
    "readahead_buffer_size:0",
    "readahead_buffer_size:1M",
    "index_storage_option:offloaded,footer_prefetch_bytes:0",
];

/// Upstream, and a place for files.
#[derive(Debug)]
pub struct BothSides {
    /// The other side.
    pub upstream: Upstream,
    folder: tempfile::TempDir,
}

impl BothSides {
    /// Starts upstream.
    ///
    /// # Panics
    /// As [`Upstream::start`], and if there is no place for files.
    #[must_use]
    pub fn start() -> Self {
        let upstream = Upstream::start();
        match tempfile::tempdir() {
            Ok(folder) => Self { upstream, folder },
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes a file, in the place of the one before.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("file.array_record");
        match std::fs::write(&path, bytes) {
            Ok(()) => path,
            Err(error) => panic!("{error}"),
        }
    }

    /// Has both sides read these records by every method.
    ///
    /// # Panics
    /// If one of them reads something else, or refuses.
    pub fn both_read(&mut self, what: &str, bytes: &[u8], records: &[RecordSpec]) {
        let path = self.put(bytes);
        if let Err(error) = self.upstream.read(&path, records) {
            panic!("{what}: upstream: {error}");
        }
        if let Err(error) = check_file(&path, &expand(records)) {
            panic!("{what}: {error}");
        }
    }

    /// Has upstream refuse the file at open, with each set of options. Returns its words.
    ///
    /// # Panics
    /// If it accepts the file.
    pub fn upstream_refuses(&mut self, what: &str, bytes: &[u8]) -> String {
        let path = self.put(bytes);
        let mut words = String::new();
        for options in WAYS_TO_OPEN {
            match self.upstream.open(&path, options) {
                Ok(Verdict::Refused { error }) => words = error,
                other => panic!("{what}: upstream with {options:?}: {other:?}"),
            }
        }
        words
    }
}

/// The six records that most built files hold.
#[must_use]
pub fn six_records() -> Vec<RecordSpec> {
    vec![
        RecordSpec::new(Kind::Text, 40, 1, 4),
        RecordSpec::new(Kind::Const, 0, 0, 1),
        RecordSpec::new(Kind::Random, 300, 2, 1),
    ]
}

/// A file with those records, one to a chunk.
#[must_use]
pub fn file_of_six(tail: &Tail) -> Vec<u8> {
    let mut builder = FileBuilder::new();
    for record in expand(&six_records()) {
        builder.data(&[record], Codec::Uncompressed);
    }
    builder.finish(tail)
}

/// Opens a file that lies in memory, with default options.
///
/// # Errors
/// Those of [`Reader::from_bytes`].
pub fn open(bytes: &[u8]) -> windrow::Result<Reader> {
    Reader::from_bytes(bytes, ReaderOptions::new())
}

/// The code with which a file in memory is refused at open.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn refusal(bytes: &[u8]) -> &'static str {
    match open(bytes) {
        Ok(reader) => panic!("accepted, with {} records", reader.len()),
        Err(error) => {
            // The words are made too, so that making them is tested.
            assert!(!full_text(&error).is_empty());
            error.code()
        }
    }
}
