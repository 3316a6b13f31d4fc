//! Looking into a table: what its row groups are made of.

use windrow_columnar::{ChunkRead, ColumnRange, ColumnSurvey, GroupStatistics};
use windrow_format::ChunkLocation;

use super::column_error;
use super::reader::{Head, Inner, TableReader, rows_of};
use crate::error::Result;
use crate::scratch::with_decompressor;

impl TableReader {
    /// What each column of row group number `group` is made of: encodings, codecs, sizes. All of the row group is read and
    /// decoded.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) (in row groups), [`Error::Io`](crate::Error::Io),
    /// [`Error::Format`](crate::Error::Format), [`Error::Column`](crate::Error::Column).
    pub fn survey(&self, group: u64) -> Result<Vec<ColumnSurvey>> {
        let inner = self.inner();
        let location = inner.reader.chunk_location(group)?;
        let head = inner.head(&location)?;
        inner.decode_all(&location, &head, |data, rows| {
            with_decompressor(|decompressor| {
                head.front.survey(&inner.schema, data, rows, decompressor)
            })
        })
    }

    /// What the statistics tell of each column of row group number `group`; `None` if there are none of it.
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics).
    pub fn column_ranges(&self, group: u64) -> Result<Option<Vec<ColumnRange>>> {
        let inner = self.inner();
        let rows = inner.reader.chunk_location(group)?.records;
        let range = |statistics: &GroupStatistics| {
            let columns = 0..inner.schema.arrow().fields().len();
            columns
                .map(|column| statistics.column_range(&inner.schema, column, rows))
                .collect()
        };
        Ok(self.statistics(group)?.map(range))
    }

    /// The statistics of row group number `group`, made of its rows.
    ///
    /// # Errors
    /// Those of [`survey`](Self::survey).
    pub fn compute_statistics(&self, group: u64) -> Result<GroupStatistics> {
        let inner = self.inner();
        let location = inner.reader.chunk_location(group)?;
        let head = inner.head(&location)?;
        inner.decode_all(&location, &head, |_, rows| {
            GroupStatistics::of_rows(&inner.schema, rows, head.header.data_hash)
        })
    }
}

impl Inner {
    /// Decodes a row group, and hands its data and its rows to `look`.
    fn decode_all<T>(
        &self,
        location: &ChunkLocation,
        head: &Head,
        look: impl Fn(
            &[u8],
            &arrow_array::RecordBatch,
        ) -> std::result::Result<T, windrow_columnar::ColumnError>,
    ) -> Result<T> {
        let columns: Vec<usize> = (0..self.num_columns()).collect();
        let file = self.reader.inner();
        let looked = file.with_column_chunk(location, &head.header, |chunk| {
            let rows = std::iter::once(0..head.front.rows()).collect();
            let mut read = ChunkRead::new(&head.front, &self.schema, &columns, rows);
            // Not verified: the checksum of each page is looked at, too.
            read.give(0, chunk.data);
            let batch = with_decompressor(|decompressor| read.finish(decompressor));
            Ok(batch.and_then(|batch| look(chunk.data, &batch)))
        })?;
        looked.map_err(|source| column_error(self.name(), Some(rows_of(location)), source))
    }
}
