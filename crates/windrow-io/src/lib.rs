//! Reading and writing files of records: storage, writer, reader, readahead, worker pool and data source.

mod batch;
mod cache;
mod cursor;
mod error;
mod index;
mod pool;
mod reader;
mod scratch;
mod sink;
mod store;
mod writer;

pub use batch::Batch;
pub use cursor::{Record, RecordCursor};
pub use error::{Error, Result, SourceName};
pub use reader::{Reader, ReaderStats};
pub use sink::{FileSink, Sink};
#[cfg(feature = "mmap")]
pub use store::MmapStore;
pub use store::{FileStore, Store};
pub use writer::{Summary, Writer};
