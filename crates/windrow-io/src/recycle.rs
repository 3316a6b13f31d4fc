//! Buffers of decoded records that are used again.
//!
//! A batch may hold a hundred megabytes; giving them back to the system and faulting them in again for the next batch
//! costs more than a third of decoding it (two cores, groups of 256, zstd:3).

use std::sync::Mutex;

use windrow_format::Records;

/// Bytes that the process keeps for later batches at the most.
const KEEP_BYTES: usize = 128 << 20;

struct Kept {
    buffers: Vec<Records>,
    bytes: usize,
}

/// Only ever tried: whoever finds it locked, by another thread or for ever by one that a fork left behind, goes
/// without.
static KEPT: Mutex<Kept> = Mutex::new(Kept {
    buffers: Vec::new(),
    bytes: 0,
});

/// An empty buffer, with memory if there is some.
pub(crate) fn take() -> Records {
    let Ok(mut kept) = KEPT.try_lock() else {
        return Records::new();
    };
    let buffer = kept.buffers.pop().unwrap_or_default();
    kept.bytes -= buffer.capacity_bytes();
    buffer
}

/// Keeps the memory of a buffer for later.
pub(crate) fn give(mut buffer: Records) {
    buffer.clear();
    let bytes = buffer.capacity_bytes();
    if bytes > 0
        && let Ok(mut kept) = KEPT.try_lock()
        && kept.bytes + bytes <= KEEP_BYTES
    {
        kept.bytes += bytes;
        kept.buffers.push(buffer);
    }
}
