//! Laying chunks out in the file, and handing them to the sink.

use windrow_format::{
    ChunkHeader, ChunkType, Codec, FooterEntry, FooterMetadata, FormatError, RecordGroup,
    VERSION_2_HINT, VERSION_WINDROW, encode_postscript,
};

use super::Writer;
use super::batch::GroupBatch;
use crate::error::{Error, Result};
use crate::scratch::with_compressor;
use crate::sink::Sink;

/// Bytes handed to the sink at once, where there are as many.
const SINK_BYTES: usize = 256 << 10;
/// Pieces of at least this size are not copied together.
const DIRECT_BYTES: usize = 32 << 10;
impl<S: Sink> Writer<S> {
    pub(super) fn lay_batch(&mut self, batch: &GroupBatch) -> Result<()> {
        let padded = self.options.pad_to_block_boundary();
        // Chunks that lie in one block stand in the file as they stand in the batch.
        let (mut plain_begin, mut end) = (0, 0);
        for header in &batch.headers {
            let begin = end;
            end += usize::try_from(40 + header.data_bytes).unwrap_or(usize::MAX);
            let offset = self.blocks.position();
            if padded || self.blocks.step_over_plain(header).is_none() {
                self.hand_on(&batch.encoded[plain_begin..begin])?;
                self.lay(header, &batch.encoded[begin..end])?;
                plain_begin = end;
            }
            self.footer.push(&FooterEntry {
                chunk_offset: offset,
                decoded_bytes: header.decoded_bytes,
                num_records: header.num_records,
            });
            self.laid_decoded_bytes += header.decoded_bytes;
            self.has_pages |= header.chunk_type == ChunkType::Pages;
            if padded {
                self.lay_padding()?;
            }
        }
        self.hand_on(&batch.encoded[plain_begin..end])
    }

    pub(super) fn hand_on(&mut self, bytes: &[u8]) -> Result<()> {
        let written = buffer(&mut self.out, &mut self.sink, bytes);
        self.check_io("write", written)
    }

    pub(super) fn lay(&mut self, header: &ChunkHeader, chunk: &[u8]) -> Result<()> {
        let Self {
            blocks, out, sink, ..
        } = self;
        let laid = blocks.lay(header, chunk, |bytes| buffer(out, sink, bytes));
        self.check_io("write", laid).map(|_| ())
    }

    pub(super) fn lay_padding(&mut self) -> Result<()> {
        let Self {
            blocks, out, sink, ..
        } = self;
        let laid = blocks.lay_padding(|bytes| buffer(out, sink, bytes));
        self.check_io("write", laid)
    }

    /// Says what the records are, if the options tell.
    pub(super) fn lay_records_metadata(&mut self) -> Result<()> {
        let Some(metadata) = self.options.records_metadata() else {
            return Ok(());
        };
        let (codec, window_log) = (self.options.codec(), self.options.window_log());
        let mut chunk = Vec::new();
        let header = with_compressor(|compressor| {
            metadata.encode_chunk(codec, window_log, compressor, &mut chunk)
        });
        self.lay_encoded(header, &chunk)?;
        if self.options.pad_to_block_boundary() {
            self.lay_padding()?;
        }
        Ok(())
    }

    pub(super) fn lay_encoded(
        &mut self,
        header: Result<ChunkHeader, FormatError>,
        chunk: &[u8],
    ) -> Result<()> {
        let header = header.map_err(|source| {
            self.failed = true;
            Error::format(&self.name, None, source)
        })?;
        self.lay(&header, chunk)
    }

    pub(super) fn lay_footer(&mut self, version: u32) -> Result<()> {
        let columns = self.columns.as_ref();
        let mut writer_options = columns.map_or_else(
            || self.options.to_string(),
            |columns| columns.writer_options.clone(),
        );
        if version == VERSION_WINDROW {
            writer_options.push_str(VERSION_2_HINT);
        }
        let mut footer = std::mem::take(&mut self.footer.group);
        let metadata = FooterMetadata {
            version,
            num_chunks: footer.len(),
            num_records: self.records,
            writer_options: Some(writer_options),
            user_metadata: self.options.metadata().to_vec(),
            dictionaries: self.dictionaries.offsets().to_vec(),
            has_pages: self.has_pages,
            arrow_schema: columns.map(|columns| columns.schema.clone()),
            has_statistics: columns.is_some_and(|columns| columns.statistics.is_some()),
        };
        footer.push_front(&metadata.encode());
        self.lay_records(&footer, self.options.codec())
    }

    pub(super) fn lay_postscript(&mut self, footer_offset: u64) -> Result<()> {
        let message = encode_postscript(footer_offset);
        let mut copies = RecordGroup::new();
        for _ in 0..windrow_format::POSTSCRIPT_COPIES {
            copies.push(&message);
        }
        self.lay_records(&copies, Codec::Uncompressed)
    }

    pub(super) fn lay_records(&mut self, records: &RecordGroup, codec: Codec) -> Result<()> {
        let mut chunk = Vec::new();
        let window_log = self
            .options
            .window_log()
            .filter(|_| codec != Codec::Uncompressed);
        let header =
            with_compressor(|compressor| records.encode(codec, window_log, compressor, &mut chunk));
        self.lay_encoded(header, &chunk)
    }

    /// Hands all that is laid out to the sink.
    pub(super) fn hand_over(&mut self) -> Result<()> {
        let written = write_out(&mut self.out, &mut self.sink);
        self.check_io("write", written)
    }
}

/// Collects small pieces; large ones go to the sink directly, for copying them costs more than a call (they come from
/// another processor's cache).
pub(super) fn buffer<S: Sink>(
    out: &mut Vec<u8>,
    sink: &mut Option<S>,
    bytes: &[u8],
) -> std::io::Result<()> {
    let large = bytes.len() >= DIRECT_BYTES;
    if !out.is_empty() && (large || out.len() + bytes.len() > SINK_BYTES) {
        write_out(out, sink)?;
    }
    if large {
        return present(sink).write_all(bytes);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// Hands all that was collected to the sink.
pub(super) fn write_out<S: Sink>(out: &mut Vec<u8>, sink: &mut Option<S>) -> std::io::Result<()> {
    present(sink).write_all(out)?;
    out.clear();
    Ok(())
}

pub(super) fn present<S: Sink>(sink: &mut Option<S>) -> &mut S {
    match sink {
        Some(sink) => sink,
        None => unreachable!("only `finish` takes the sink, and it consumes the writer"),
    }
}
