//! Decoding column chunks, and comparing statistics with what they hold.

#[cfg(feature = "columns")]
pub(super) use decoded::ColumnChecks;
#[cfg(not(feature = "columns"))]
pub(super) use missing::ColumnChecks;

#[cfg(feature = "columns")]
mod decoded {
    use std::sync::Arc;

    use hashbrown::HashMap;
    use windrow_columnar::{ChunkRead, ColumnError, ColumnSchema, Front, GroupStatistics};
    use windrow_format::{At, Chunk, FormatError, Limits, parse_statistics_chunk};

    use crate::error::Result;
    use crate::reader::Reader;
    use crate::scratch::with_decompressor;
    use crate::verify::{Fault, FaultError};

    /// What decoding the column chunks of a file takes. Cheap to clone.
    #[derive(Debug, Clone)]
    pub(in crate::verify) struct ColumnChecks {
        schema: ColumnSchema,
        /// By the hash of the data that they tell of.
        statistics: Arc<HashMap<u64, Vec<GroupStatistics>>>,
        /// These hashes in the order of the statistics, if there are as many as row groups.
        hashes: Option<Arc<[u64]>>,
    }

    impl ColumnChecks {
        /// That of a file with an index; `None` if it holds records, or a fault if nothing tells its columns.
        ///
        /// # Errors
        /// [`Error::Io`](crate::Error::Io).
        pub(in crate::verify) fn of_file(
            reader: &Reader,
        ) -> Result<std::result::Result<Option<Self>, Fault>> {
            if !reader.has_columns() {
                return Ok(Ok(None));
            }
            let footer = reader.footer();
            let at = At::byte(footer.footer_offset);
            let schema = match reader.arrow_schema() {
                Some(message) => ColumnSchema::parse(message, at).map_err(FaultError::from),
                None => Err(FaultError::from(FormatError::ColumnFront {
                    at,
                    what: "the file does not hold its schema",
                })),
            };
            let schema = match schema {
                Ok(schema) => schema,
                Err(error) => {
                    let mut fault = Fault::new(footer.footer_offset..footer.footer_end, error);
                    fault.records = (!reader.is_empty()).then(|| 0..reader.len());
                    return Ok(Err(fault));
                }
            };
            let contents = reader.inner().statistics()?.unwrap_or_default();
            // What is wrong with the chunk of statistics is told where it stands.
            let told = GroupStatistics::parse_all(&contents, schema.nodes_len(), at);
            let told = told.unwrap_or_default();
            let is_complete = told.len() as u64 == reader.num_chunks();
            let hashes = told.iter().map(|group| group.data_hash);
            let hashes = is_complete.then(|| hashes.collect());
            let mut statistics: HashMap<u64, Vec<GroupStatistics>> = HashMap::new();
            for group in told {
                statistics.entry(group.data_hash).or_default().push(group);
            }
            Ok(Ok(Some(Self {
                schema,
                statistics: Arc::new(statistics),
                hashes,
            })))
        }

        /// That of a file without an index, whose schema chunk has this message.
        pub(in crate::verify) fn of_message(
            message: &[u8],
            at: At,
        ) -> std::result::Result<Option<Self>, FaultError> {
            Ok(Some(Self {
                schema: ColumnSchema::parse(message, at)?,
                statistics: Arc::default(),
                hashes: None,
            }))
        }

        /// Decodes a column chunk, whose hashes fit, and looks whether its sizes and statistics are true.
        pub(in crate::verify) fn check(
            &self,
            chunk: &Chunk<'_>,
            limits: &Limits,
        ) -> std::result::Result<(), FaultError> {
            let Chunk { header, data, at } = *chunk;
            limits.check_decoded(&header, at)?;
            let front = Front::parse(&header, data, &self.schema, limits, at)?;
            let columns: Vec<usize> = (0..self.schema.arrow().fields().len()).collect();
            let rows = std::iter::once(0..front.rows()).collect();
            let mut read = ChunkRead::new(&front, &self.schema, &columns, rows);
            // Not verified: the checksum of each page is looked at, too.
            read.give(0, data);
            let rows = with_decompressor(|decompressor| read.finish(decompressor))?;
            let told = self.statistics.get(&header.data_hash);
            let (first, others) = match told.map(Vec::as_slice) {
                Some([first, others @ ..]) => (Some(first), others),
                _ => (None, &[][..]),
            };
            front.check_rows(&self.schema, &rows, first)?;
            for told in others {
                front.check_rows(&self.schema, &rows, Some(told))?;
            }
            let place = at.chunk.and_then(|chunk| usize::try_from(chunk).ok());
            let told = place.and_then(|place| self.hashes.as_ref()?.get(place));
            if told.is_some_and(|told| *told != header.data_hash) {
                let what = "they do not stand in the order of the row groups";
                return Err(ColumnError::Statistics { at, what }.into());
            }
            Ok(())
        }

        /// Looks whether statistics can be understood.
        pub(in crate::verify) fn check_statistics(
            &self,
            chunk: &Chunk<'_>,
            limits: &Limits,
        ) -> std::result::Result<(), FaultError> {
            let contents = parse_statistics_chunk(chunk, limits)?;
            GroupStatistics::parse_all(&contents, self.schema.nodes_len(), chunk.at)?;
            Ok(())
        }
    }
}

#[cfg(not(feature = "columns"))]
mod missing {
    use windrow_format::{At, Chunk, Limits};

    use crate::error::Result;
    use crate::reader::Reader;
    use crate::verify::{Fault, FaultError};

    /// There is none: without the feature `columns` no page is decoded.
    #[derive(Debug, Clone)]
    pub(in crate::verify) enum ColumnChecks {}

    impl ColumnChecks {
        #[allow(clippy::unnecessary_wraps, reason = "as with the feature")]
        pub(in crate::verify) fn of_file(
            _: &Reader,
        ) -> Result<std::result::Result<Option<Self>, Fault>> {
            Ok(Ok(None))
        }

        #[allow(clippy::unnecessary_wraps, reason = "as with the feature")]
        pub(in crate::verify) fn of_message(
            _: &[u8],
            _: At,
        ) -> std::result::Result<Option<Self>, FaultError> {
            Ok(None)
        }

        pub(in crate::verify) fn check(
            &self,
            _: &Chunk<'_>,
            _: &Limits,
        ) -> std::result::Result<(), FaultError> {
            match *self {}
        }

        pub(in crate::verify) fn check_statistics(
            &self,
            _: &Chunk<'_>,
            _: &Limits,
        ) -> std::result::Result<(), FaultError> {
            match *self {}
        }
    }
}
