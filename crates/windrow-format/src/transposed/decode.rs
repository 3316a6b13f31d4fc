//! Transposed chunks to records.

use crate::chunk::Chunk;
use crate::chunk_header::ChunkType;
use crate::codec::{BufferLimits, Decompressor};
use crate::error::FormatError;
use crate::limits::Limits;
use crate::record_chunk::split_front;
use crate::records::Records;

use super::backward::Backward;
use super::buckets::{Buckets, Stored, possible_bytes};
use super::choice::Choice;
use super::header::HeaderReader;
use super::machine::Machine;
use super::projection::FieldProjection;
use super::run::{Opened, Run};
use super::values::Columns;

/// Decodes transposed chunks into [`Records`]. Holds the codecs' contexts and the memory of the last chunk; make one per
/// thread.
#[derive(Debug, Default)]
pub struct TransposedDecoder {
    decompressor: Decompressor,
    header: Vec<u8>,
    transitions: Vec<u8>,
    buckets: Buckets,
    machine: Machine,
    choices: Vec<Choice>,
    opened: Vec<Opened>,
}

impl TransposedDecoder {
    /// A decoder without any context yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Heap bytes of the scratch buffers that are kept, codec contexts apart.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        let choices = self.choices.capacity().saturating_mul(size_of::<Choice>());
        let opened = self.opened.capacity().saturating_mul(size_of::<Opened>());
        [
            self.header.capacity(),
            self.transitions.capacity(),
            self.buckets.capacity_bytes(),
            self.machine.capacity_bytes(),
            choices,
            opened,
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Appends the records of `chunk` to `out`: with `fields` the parts of them that [`FieldProjection`] describes,
    /// without it byte for byte what was written. On an error `out` is as it was.
    ///
    /// Buckets that hold none of the fields are not decompressed, so that damage in them stays unseen here.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] for chunks of another type, [`FormatError::Limit`], and everything that contradicts
    /// itself in the data.
    pub fn decode(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        fields: Option<&FieldProjection>,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        let (records, bytes) = (out.ends.len(), out.bytes.len());
        let fields = fields.filter(|fields| !fields.includes_all());
        let result = self.decode_all(chunk, limits, fields, out);
        if result.is_err() {
            out.ends.truncate(records);
            out.bytes.truncate(bytes);
        }
        result
    }

    fn decode_all(
        &mut self,
        chunk: &Chunk<'_>,
        limits: &Limits,
        fields: Option<&FieldProjection>,
        out: &mut Records,
    ) -> Result<(), FormatError> {
        let (header, at) = (chunk.header, chunk.at);
        check_counts(chunk, limits)?;
        let (compression, stored_header, bytes) =
            split_front(chunk, "header of a transposed chunk")?;
        let stored = Stored {
            compression,
            bytes,
            max_chunk_bytes: limits.max_chunk_bytes,
            at,
        };
        let any_size = |what| BufferLimits {
            exact: None,
            max: u64::MAX,
            limit: limits.max_chunk_bytes,
            option: "max_chunk_bytes",
            what,
            at,
        };
        let what = any_size("header of a transposed chunk");
        self.header.clear();
        self.decompressor
            .decompress_into(compression, stored_header, &what, &mut self.header)?;
        let mut reader = HeaderReader::new(&self.header, limits.max_chunk_bytes, at);
        let possible = possible_bytes(header.decoded_bytes, header.num_records, limits);
        let stored_transitions = self.buckets.parse(&mut reader, &stored, possible)?;
        self.machine.parse(reader, self.buckets.buffers.len(), at)?;
        let what = any_size("transitions of a transposed chunk");
        self.transitions.clear();
        self.decompressor.decompress_into(
            compression,
            stored_transitions,
            &what,
            &mut self.transitions,
        )?;
        if fields.is_none() {
            self.buckets.load_all(&stored, &mut self.decompressor)?;
        }
        // A first guess at the room that records take: no more than what is there makes of itself in an ordinary chunk,
        // and little where most of it is not wanted.
        let guess = match fields {
            None => (self.buckets.data.len().saturating_mul(2))
                .saturating_add(self.transitions.len().saturating_mul(16)),
            Some(_) => self.transitions.len(),
        };
        let most = usize::try_from(header.decoded_bytes).unwrap_or(usize::MAX);
        self.opened.clear();
        self.choices.clear();
        let columns = Columns {
            buckets: &mut self.buckets,
            stored: &stored,
            decompressor: &mut self.decompressor,
        };
        let run = Run {
            machine: &self.machine,
            transitions: &self.transitions,
            columns,
            choices: &mut self.choices,
            opened: &mut self.opened,
            out: Backward::new(&mut out.bytes, most, guess),
            ends: &mut out.ends,
            header,
            limits,
            at,
        };
        match fields {
            None => run.all(),
            Some(fields) => run.projected(fields),
        }
    }
}

fn check_counts(chunk: &Chunk<'_>, limits: &Limits) -> Result<(), FormatError> {
    let (header, at) = (chunk.header, chunk.at);
    if header.chunk_type != ChunkType::Transposed {
        return Err(FormatError::ChunkType {
            at,
            chunk_type: header.chunk_type.to_byte(),
        });
    }
    limits.check_decoded(&header, at)?;
    // In a chunk of another type each record would have a size, of a byte at least.
    if header.num_records > limits.max_chunk_bytes {
        return Err(FormatError::Limit {
            what: "table of records",
            at,
            value: header.num_records,
            limit: limits.max_chunk_bytes,
            option: "max_chunk_bytes",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
