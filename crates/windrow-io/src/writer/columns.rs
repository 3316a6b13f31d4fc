//! The lower half of a writer of columns: chunks that are ready are laid into the file and listed.

use std::io;

use windrow_format::options::WriterOptions;
use windrow_format::{
    At, CHUNK_HEADER_BYTES, ChunkHeader, ColumnFront, FooterEntry, encode_schema_chunk,
    encode_statistics_chunk, schema_hash,
};

use super::append::entry_of;
use super::lay::buffer;
use super::{Writer, check_options};
use crate::error::{Error, Result, SourceName};
use crate::growth::ColumnGrowth;
use crate::scratch::with_compressor;
use crate::sink::Sink;

/// What a file of columns says of itself.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) schema: Vec<u8>,
    schema_hash: u64,
    pub(super) writer_options: String,
    /// Contents of the chunk behind the footer.
    pub(super) statistics: Option<Vec<u8>>,
}

impl Columns {
    fn new(schema: Vec<u8>, writer_options: String) -> Self {
        debug_assert!(
            writer_options.starts_with("group_size:"),
            "upstream's data source raises without it"
        );
        Self {
            schema_hash: schema_hash(&schema),
            schema,
            writer_options,
            statistics: None,
        }
    }
}

impl<S: Sink> Writer<S> {
    /// Makes a file that has no chunk of records yet one of columns, and writes its schema.
    pub(crate) fn begin_columns(&mut self, schema: Vec<u8>, writer_options: String) -> Result<()> {
        self.is_sealed = false;
        self.lay_guard()?;
        let mut chunk = Vec::new();
        let header = encode_schema_chunk(&schema, &mut chunk);
        self.lay(&header, &chunk)?;
        if self.options.pad_to_block_boundary() {
            self.lay_padding()?;
        }
        self.columns = Some(Columns::new(schema, writer_options));
        Ok(())
    }

    /// Goes on with the file that `growth` tells of; `sink` stands where that says.
    pub(crate) fn resume_columns(
        growth: &ColumnGrowth,
        name: SourceName,
        options: WriterOptions,
        (schema, writer_options): (Vec<u8>, String),
        make: impl FnOnce(u64) -> io::Result<S>,
    ) -> Result<Self> {
        check_options(&options, &name)?;
        let sink = make(growth.keep).map_err(|source| Error::io(&name, "append to", source))?;
        let mut writer = Self::at(growth.keep, sink, name, options);
        for chunk in &growth.chunks {
            writer.footer.push(&entry_of(chunk));
            writer.count(chunk.records, chunk.decoded_bytes);
        }
        writer.laid_decoded_bytes = writer.decoded_bytes;
        if writer.options.pad_to_block_boundary() {
            writer.lay_padding()?;
        }
        if growth.has_schema_chunk {
            writer.columns = Some(Columns::new(schema, writer_options));
            writer.is_sealed = growth.is_complete(writer.options.metadata());
        } else {
            writer.begin_columns(schema, writer_options)?;
        }
        Ok(writer)
    }

    /// Appends a column chunk: header and data, as [`push_chunk`](windrow_format::push_chunk) leaves them. How many rows it
    /// has stands in its front, which is checked.
    pub(crate) fn push_columns(&mut self, header: &ChunkHeader, chunk: &[u8]) -> Result<()> {
        self.check_usable()?;
        let at = At::byte(self.blocks.position());
        let data_begin = usize::try_from(CHUNK_HEADER_BYTES).unwrap_or(usize::MAX);
        let front = ColumnFront::parse(header, chunk.get(data_begin..).unwrap_or_default(), at);
        let front = front.and_then(|front| {
            let hash = self
                .columns
                .as_ref()
                .map_or(0, |columns| columns.schema_hash);
            front.check_schema(hash, at).map(|()| front)
        });
        let front = front.map_err(|source| Error::format(&self.name, None, source))?;
        self.is_sealed = false;
        self.lay(header, chunk)?;
        self.footer.push(&FooterEntry {
            chunk_offset: at.byte,
            decoded_bytes: header.decoded_bytes,
            num_records: front.rows,
        });
        self.count(front.rows, header.decoded_bytes);
        self.laid_decoded_bytes += header.decoded_bytes;
        if self.options.pad_to_block_boundary() {
            self.lay_padding()?;
        }
        Ok(())
    }

    /// Sets what stands in the chunk of statistics.
    pub(crate) fn set_statistics(&mut self, contents: Vec<u8>) {
        if let Some(columns) = &mut self.columns {
            columns.statistics = Some(contents);
        }
    }

    /// Writes the statistics, behind the footer.
    pub(super) fn lay_statistics(&mut self) -> Result<()> {
        let statistics = self
            .columns
            .as_mut()
            .and_then(|columns| columns.statistics.take());
        let Some(contents) = statistics else {
            return Ok(());
        };
        self.lay_guard()?;
        let mut chunk = Vec::new();
        let header = with_compressor(|compressor| {
            encode_statistics_chunk(&contents, compressor, &mut chunk)
        });
        self.lay_encoded(header, &chunk)
    }

    /// Padding, where a chunk without records would begin on a block.
    fn lay_guard(&mut self) -> Result<()> {
        let Self {
            blocks, out, sink, ..
        } = self;
        let guarded = blocks.lay_guard(|bytes| buffer(out, sink, bytes));
        self.check_io("write", guarded)
    }
}
