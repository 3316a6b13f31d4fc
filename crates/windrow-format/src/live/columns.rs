//! Column chunks among the live ones. They supersede nothing and nothing supersedes them: there are no short groups and no
//! provisional chunks in a file of columns.

use super::{Contents, LiveChunk, LiveChunks, Pushed, foreign};
use crate::chunk::Chunk;
use crate::chunk_header::ChunkType;
use crate::column_chunk::{ColumnFront, parse_schema_chunk, schema_hash};
use crate::error::FormatError;
use crate::footer::FooterMetadata;
use crate::index::ChunkLocation;

impl LiveChunks {
    /// Says that the file, or its front, has an index with this metadata: it tells what the data chunks are.
    pub fn begin_index(&mut self, metadata: &FooterMetadata) {
        self.take_contents(metadata);
    }

    /// Checks that a chunk whose hashes fit is the one that the index lists: `chunk` has the first byte of its data, or, of
    /// a column chunk, the first [`COLUMN_FRONT_BYTES`](crate::COLUMN_FRONT_BYTES).
    ///
    /// # Errors
    /// [`FormatError::EntryMismatch`], [`FormatError::ChunkEnd`], [`FormatError::ChunkType`], and those of
    /// [`ColumnFront::parse`] and [`Chunk::check_records_type`].
    pub fn check_listed(
        &self,
        location: &ChunkLocation,
        chunk: &Chunk<'_>,
    ) -> Result<(), FormatError> {
        location.check(&chunk.header)?;
        if chunk.header.chunk_type == ChunkType::Columns {
            return location.check_rows(self.column_front(chunk)?.rows);
        }
        if self.contents == Some(Contents::Columns) {
            return Err(foreign(chunk));
        }
        chunk.check_records_type().map(|_| ())
    }

    pub(super) fn take_contents(&mut self, metadata: &FooterMetadata) {
        self.contents = Some(Contents::of(metadata));
        if let Some(schema) = &metadata.arrow_schema {
            self.schema_hash = Some(schema_hash(schema));
            self.schema = Some(schema.clone());
        }
    }

    /// A footer without postscript proves nothing, but for a schema that has the hash of the column chunks: the schema chunk
    /// may be damaged.
    pub(super) fn take_unsealed_schema(&mut self, metadata: &FooterMetadata) {
        if self.schema.is_none()
            && self.contents == Some(Contents::Columns)
            && let Some(schema) = &metadata.arrow_schema
            && self.schema_hash == Some(schema_hash(schema))
        {
            self.schema = Some(schema.clone());
        }
    }

    /// The first schema is that of the file.
    pub(super) fn push_schema(&mut self, chunk: &Chunk<'_>) -> Result<Pushed, FormatError> {
        let schema = parse_schema_chunk(chunk)?;
        if self.schema.is_none() && self.contents != Some(Contents::Records) {
            let hash = schema_hash(schema);
            // Where column chunks came before it, they are of another file, or it is.
            if self.schema_hash.is_none_or(|known| known == hash) {
                self.schema_hash = Some(hash);
                self.schema = Some(schema.to_vec());
            }
        }
        Ok(Pushed::Passed)
    }

    /// The chunk that is held back is a footer of columns that has no postscript, or else data.
    pub(super) fn release_in_front_of_columns<E>(
        &mut self,
        holds: impl FnMut(&[LiveChunk], &LiveChunk) -> Result<bool, E>,
    ) -> Result<(), E> {
        match &self.held {
            Some((_, candidate)) if candidate.metadata.has_columns() => {
                self.hold_for_footer();
                Ok(())
            }
            _ => self.release_held(holds),
        }
    }

    pub(super) fn push_columns(
        &mut self,
        mut live: LiveChunk,
        chunk: &Chunk<'_>,
    ) -> Result<Pushed, FormatError> {
        let front = self.column_front(chunk)?;
        let rows_in_front = self.num_records();
        if rows_in_front.checked_add(front.rows).is_none() {
            return Err(FormatError::ColumnFront {
                at: chunk.at,
                what: "it has more rows than a file may have",
            });
        }
        live.records = front.rows;
        self.contents = Some(Contents::Columns);
        self.schema_hash = Some(front.schema_hash);
        let begin = self.next_group_begin();
        self.push_live(live, begin, self.live.len());
        Ok(Pushed::Data)
    }

    fn column_front(&self, chunk: &Chunk<'_>) -> Result<ColumnFront, FormatError> {
        if self.contents == Some(Contents::Records) {
            return Err(foreign(chunk));
        }
        let front = ColumnFront::parse(&chunk.header, chunk.data, chunk.at)?;
        if let Some(hash) = self.schema_hash {
            front.check_schema(hash, chunk.at)?;
        }
        Ok(front)
    }
}
