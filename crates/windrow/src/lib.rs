//! Chunked record files, byte-compatible with ArrayRecord: written in parallel, read in order or at random.
//!
//! ```
//! use windrow::{Reader, Writer, WriterOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("words.array_record");
//! let options: WriterOptions = "group_size:64,zstd:3".parse()?;
//! let mut writer = Writer::create_file(&path, options)?;
//! for word in ["wheat", "barley", "rye", "oats"] {
//!     writer.write(word.as_bytes())?;
//! }
//! let (_, summary) = writer.finish()?; // without it, the file stays unfinished
//! assert_eq!(summary.records, 4);
//!
//! let reader = Reader::open(&path)?;
//! assert_eq!(reader.read(2)?, b"rye");
//! let batch = reader.read_many(&[3, 0, 3])?;
//! assert_eq!(batch.to_vecs(), [b"oats".to_vec(), b"wheat".to_vec(), b"oats".to_vec()]);
//! for record in reader.records() {
//!     println!("{}", String::from_utf8_lossy(&record?));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Which type to pick
//!
//! | type | for | mind |
//! | --- | --- | --- |
//! | [`Writer`] | one file, or anything that is written to | the file is complete only after [`finish`](Writer::finish) |
//! | [`Writer::append`] | going on with a file, also one that was never finished | each append costs a tail of 128 KiB; keep a writer open and [`flush`](Writer::flush) |
//! | [`ShardedWriter`] | a set of files of bounded size | shards get their names at the end |
//! | [`Reader`] | one file: single records, batches, ranges | with `group_size` above 1, a single record costs decoding its group |
//! | [`RecordCursor`] | one file in order, decoded ahead; from [`Reader::records`] | a kept [`Record`] keeps its neighbours in memory |
//! | [`TailReader`] | a file that is still being written | shows what was flushed; [`Writer::sync`] makes it last |
//! | [`recover()`] | what is whole of a file that was cut, damaged or never finished | reads all of it once |
//! | `TableWriter`, `TableReader` | Arrow tables: columns, slices, predicates, single rows; feature `columns` | row groups, not rows, are what an append adds |
//! | [`DataSource`] | many files, or parts of them, as one sequence | instructions are checked when their file is first read |
//! | [`Permutation`] | all records in shuffled order, an epoch at a time, without a table | gives numbers; read them in batches |
//! | [`verify()`] | every hash of a file, and its footer against its chunks | goes on after a fault |
//!
//! All readers take `&self` and may be shared between threads. No thread starts before the first parallel call, and all
//! of it works on in a forked process, except that an inherited writer refuses to write.
//!
//! # Features
//!
//! | feature | default | what for |
//! | --- | --- | --- |
//! | `zstd`, `brotli`, `snappy` | on | the codecs; without one, its files are refused with an error that names it |
//! | `columns` | off | tables: `TableWriter`, `TableReader`, `Predicate`; brings in Arrow |
//! | `descriptors` | off | fields by name: reads the message descriptors that files hold |
//! | `mmap` | off | `MmapStore`, which reads through a memory map and is unsafe to open |
//!
//! # Memory
//!
//! Readers hold the index (two to four bytes a chunk), at most
//! [`chunk_cache_bytes`](ReaderOptions::with_chunk_cache_bytes) of decoded chunks, and what they return; a cursor holds
//! [`readahead_buffer_bytes`](ReaderOptions::with_readahead_buffer_bytes) more, and a thread up to 32 MiB of scratch.
//! Up to 128 MiB of buffers of batches that were dropped stay with the process, for the next ones. For writers, see
//! [`Writer`].
//!
//! The file format is specified in `format-spec/` of the repository.

/// Column chunks, without I/O: for tools that look into files.
#[cfg(feature = "columns")]
pub use windrow_columnar as columnar;
#[cfg(feature = "columns")]
pub use windrow_columnar::{
    Bound, BoundPredicate, Bounds, ColumnError, ColumnRange, ColumnSchema, ColumnSize,
    ColumnSurvey, Comparison, GroupStatistics, NodeStatistics, Predicate, Profile, Strings,
};
/// Bytes and structures, without I/O: for tools that look into files.
pub use windrow_format as format;
#[cfg(feature = "columns")]
pub use windrow_format::PageCodec;
pub use windrow_format::options::{
    AppendOptions, DictionaryOption, IndexStorage, Key, Layout, OnCorrupt, OptionsError,
    OptionsErrors, READER_KEYS, ReaderOptions, WRITER_KEYS, WriterOptions,
};
pub use windrow_format::{
    At, ChunkLocation, Codec, CompressionType, Dictionary, DictionaryError, ErrorKind, FieldPath,
    FieldPathError, FieldProjection, Footer, FormatError, Records, RecordsMetadata,
};
pub use windrow_io::*;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
