//! Chunked record files, byte-compatible with ArrayRecord.

/// Bytes and structures, without I/O: for tools that look into files.
pub use windrow_format as format;
pub use windrow_format::options::{
    IndexStorage, Key, OptionsError, OptionsErrors, READER_KEYS, ReaderOptions, WRITER_KEYS,
    WriterOptions,
};
pub use windrow_format::{
    At, ChunkLocation, Codec, CompressionType, ErrorKind, Footer, FormatError, Records,
};
pub use windrow_io::*;
