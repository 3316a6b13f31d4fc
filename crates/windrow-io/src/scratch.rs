//! What a thread keeps from one chunk to the next: codec contexts and buffers.

use std::cell::Cell;

#[cfg(feature = "columns")]
use windrow_format::Decompressor;
use windrow_format::{Compressor, RecordDecoder, Records, TransposedEncoder};

use crate::reader::Slot;

/// Contexts and buffers above this size are given back instead of kept.
const KEEP_BYTES: usize = 32 << 20;

/// For reading.
#[derive(Debug, Default)]
pub(crate) struct ReadScratch {
    pub(crate) raw: Vec<u8>,
    /// A chunk whose block headers were taken out.
    pub(crate) flat: Vec<u8>,
    pub(crate) records: Records,
    pub(crate) decoder: RecordDecoder,
    /// Where the records of a page chunk lie that are read of it.
    pub(crate) slots: Vec<Slot>,
}

#[cfg(feature = "columns")]
thread_local! {
    static DECOMPRESSOR: Cell<Option<Box<Decompressor>>> = const { Cell::new(None) };
}

thread_local! {
    static READ: Cell<Option<Box<ReadScratch>>> = const { Cell::new(None) };
    static COMPRESSOR: Cell<Option<Box<Compressor>>> = const { Cell::new(None) };
    static TRANSPOSER: Cell<Option<Box<TransposedEncoder>>> = const { Cell::new(None) };
}

/// Lends this thread's scratch to `work`. A call from within `work` gets a fresh one.
pub(crate) fn with_read_scratch<R>(work: impl FnOnce(&mut ReadScratch) -> R) -> R {
    let mut scratch = READ.take().unwrap_or_default();
    let result = work(&mut scratch);
    let held = scratch.raw.capacity()
        + scratch.records.capacity_bytes()
        + scratch.decoder.scratch_bytes()
        + scratch.slots.capacity() * size_of::<Slot>();
    if held <= KEEP_BYTES {
        READ.set(Some(scratch));
    }
    result
}

/// Lends this thread's compressor to `work`.
pub(crate) fn with_compressor<R>(work: impl FnOnce(&mut Compressor) -> R) -> R {
    let mut compressor = COMPRESSOR.take().unwrap_or_default();
    let result = work(&mut compressor);
    if compressor.context_bytes() <= KEEP_BYTES {
        COMPRESSOR.set(Some(compressor));
    }
    result
}

/// Lends this thread's decompressor of pages to `work`.
#[cfg(feature = "columns")]
pub(crate) fn with_decompressor<R>(work: impl FnOnce(&mut Decompressor) -> R) -> R {
    let mut decompressor = DECOMPRESSOR.take().unwrap_or_default();
    let result = work(&mut decompressor);
    DECOMPRESSOR.set(Some(decompressor));
    result
}

/// Lends this thread's encoder of transposed chunks to `work`.
pub(crate) fn with_transposer<R>(work: impl FnOnce(&mut TransposedEncoder) -> R) -> R {
    let mut transposer = TRANSPOSER.take().unwrap_or_default();
    let result = work(&mut transposer);
    if transposer.scratch_bytes() <= KEEP_BYTES {
        TRANSPOSER.set(Some(transposer));
    }
    result
}
