//! What a writer of columns has to know of a file that it goes on with.

use windrow_format::{At, LiveChunk};

use super::{Found, end_of, find};
use crate::column_file::{ColumnFile, without_hint};
use crate::error::{Error, Result, SourceName};
use crate::records_metadata::front_end;
use crate::store::Store;
use crate::verify::SharedStore;

/// A file of columns that is to grow.
pub(crate) struct ColumnGrowth {
    /// Column chunks, all of which stay.
    pub(crate) chunks: Vec<LiveChunk>,
    /// How many bytes of the file stay.
    pub(crate) keep: u64,
    /// A schema chunk, or a footer that tells the schema, is among them.
    pub(crate) has_schema_chunk: bool,
    pub(crate) file: ColumnFile,
    /// The file ends with a postscript, and with nothing else.
    ends_sealed: bool,
}

impl ColumnGrowth {
    /// With `copy`, only what will not be written again stays.
    pub(crate) fn load(store: impl Store + 'static, name: &SourceName, copy: bool) -> Result<Self> {
        let store = SharedStore::new(store);
        let file_bytes = store.file_bytes(name)?;
        let Found {
            live,
            keep,
            metadata,
            index,
            ..
        } = find(&store, name, file_bytes)?;
        let is_empty = live.chunks().is_empty() && metadata.is_none();
        if !live.has_columns() && !is_empty {
            return Err(Error::HoldsRecords { name: name.clone() });
        }
        let sealed_end = live.footer().and_then(|footer| footer.sealed_end);
        let chunks = live.chunks().to_vec();
        let statistics = match &index {
            Some(reader) => reader.inner().statistics()?,
            None => None,
        };
        let (writer_options, user_metadata) = match metadata {
            Some(metadata) => (metadata.writer_options, metadata.user_metadata),
            None => (None, Vec::new()),
        };
        let mut growth = Self {
            keep,
            has_schema_chunk: live.schema().is_some(),
            file: ColumnFile {
                schema: live.schema().map(<[u8]>::to_vec),
                writer_options: writer_options
                    .as_deref()
                    .map(|text| without_hint(text).to_owned()),
                user_metadata,
                statistics,
                rows: live.num_records(),
                chunks: chunks.len() as u64,
            },
            ends_sealed: sealed_end == Some(keep),
            chunks,
        };
        if let (None, Some(first)) = (&growth.file.schema, growth.chunks.first()) {
            return Err(Error::SchemaLost {
                name: name.clone(),
                at: At::byte(first.begin),
            });
        }
        if copy {
            growth.ends_sealed = false;
            growth.keep = match growth.chunks.last() {
                Some(last) => end_of(&store, last).map_err(|error| error.into_error(name))?,
                None => {
                    // The schema is written anew.
                    growth.has_schema_chunk = false;
                    front_end(&store, name)?.min(keep)
                }
            };
        }
        Ok(growth)
    }

    /// Whether the file is complete if nothing is appended, with these pairs of user metadata.
    pub(crate) fn is_complete(&self, metadata: &[(String, Vec<u8>)]) -> bool {
        self.ends_sealed && self.file.user_metadata == metadata
    }
}
