//! Reading and writing files of records: storage, writer, reader, readahead, worker pool and data source.

mod batch;
mod cache;
mod column_file;
mod cursor;
mod data_source;
mod dictionaries;
mod error;
mod fields;
mod growth;
mod index;
mod live_scan;
mod page_tables;
mod permutation;
mod pool;
mod reader;
mod records_metadata;
mod recover;
mod recycle;
mod retry;
mod scratch;
mod sharded;
mod sink;
mod skipped;
mod store;
#[cfg(feature = "columns")]
mod table;
mod tail;
mod training;
mod unlisted;
mod verify;
mod watch;
mod writer;

pub use batch::{BATCH_RECORD_BYTES, Batch};
pub use column_file::{ColumnFile, ColumnFileOptions, ColumnFileWriter};
pub use cursor::{Record, RecordCursor, RecordRun};
pub use data_source::{
    DEFAULT_MAX_OPEN_FILES, DataSource, FileInstruction, Iter as DataSourceIter, SourcePart,
    expand_pattern, shard_path,
};
pub use error::{Error, Result, SourceName};
#[cfg(feature = "descriptors")]
pub use fields::{DescriptorError, descriptor_pool, field_path, message_descriptor};
pub use permutation::{Permutation, PermutationIter};
pub use reader::{Reader, ReaderStats, RecordSizes};
pub use recover::{
    RecoverOptions, Recovered, RecoveryReport, recover, recover_store, recover_with,
};
pub use sharded::{ShardLimits, ShardedWriter};
pub use sink::{FileSink, Sink};
#[cfg(feature = "mmap")]
pub use store::MmapStore;
pub use store::{FileStore, Store};
#[cfg(feature = "columns")]
pub use table::{
    DEFAULT_GROUP_BYTES, DEFAULT_SCAN_BATCH_BYTES, Scan, TableOptions, TableReader, TableScan,
    TableWriter,
};
pub use tail::TailReader;
pub use training::{DictionaryGain, TrainedDictionary, dictionary_gain, train_dictionary};
pub use verify::*;
pub use writer::{Summary, Writer};
