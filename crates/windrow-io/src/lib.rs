//! Reading and writing files of records: storage, writer, reader, readahead, worker pool and data source.

mod batch;
mod cache;
mod cursor;
mod data_source;
mod error;
mod index;
mod permutation;
mod pool;
mod reader;
mod recycle;
mod scratch;
mod sharded;
mod sink;
mod store;
mod verify;
mod writer;

pub use batch::{BATCH_RECORD_BYTES, Batch};
pub use cursor::{Record, RecordCursor, RecordRun};
pub use data_source::{
    DEFAULT_MAX_OPEN_FILES, DataSource, FileInstruction, Iter as DataSourceIter, SourcePart,
    expand_pattern, shard_path,
};
pub use error::{Error, Result, SourceName};
pub use permutation::{Permutation, PermutationIter};
pub use reader::{Reader, ReaderStats, RecordSizes};
pub use sharded::{ShardLimits, ShardedWriter};
pub use sink::{FileSink, Sink};
#[cfg(feature = "mmap")]
pub use store::MmapStore;
pub use store::{FileStore, Store};
pub use verify::*;
pub use writer::{Summary, Writer};
