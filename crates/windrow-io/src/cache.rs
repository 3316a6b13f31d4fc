//! Decoded chunks, kept for neighbours that are read soon after.

use std::sync::{Arc, Mutex};

use windrow_format::Records;

/// Number of slots. Chunk `n` goes to slot `n % SLOTS` only.
const SLOTS: usize = 16;

/// A small cache whose slots are only ever tried: a slot that another thread is at is a miss. So no reader waits for
/// another, and a fork at any moment costs at most a slot.
#[derive(Debug)]
pub(crate) struct ChunkCache {
    slots: [Slot; SLOTS],
    /// The largest chunk that is kept: all slots together stay within the limit.
    max_chunk_bytes: usize,
}

type Slot = Mutex<Option<(u64, Arc<Records>)>>;

impl ChunkCache {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            slots: Default::default(),
            max_chunk_bytes: usize::try_from(limit_bytes).unwrap_or(usize::MAX) / SLOTS,
        }
    }

    fn slot(&self, chunk: u64) -> &Slot {
        let slot = usize::try_from(chunk % SLOTS as u64).unwrap_or(0);
        &self.slots[slot]
    }

    pub(crate) fn get(&self, chunk: u64) -> Option<Arc<Records>> {
        let slot = self.slot(chunk).try_lock().ok()?;
        slot.as_ref()
            .filter(|(cached, _)| *cached == chunk)
            .map(|(_, records)| Arc::clone(records))
    }

    pub(crate) fn insert(&self, chunk: u64, records: &Arc<Records>) {
        if records.capacity_bytes() <= self.max_chunk_bytes
            && let Ok(mut slot) = self.slot(chunk).try_lock()
        {
            *slot = Some((chunk, Arc::clone(records)));
        }
    }
}
