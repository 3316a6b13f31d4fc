//! Decoded chunks, kept for neighbours that are read soon after.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow_format::Records;

/// Number of slots. Chunk `n` goes to slot `n % SLOTS` only.
const SLOTS: usize = 16;

/// A small cache whose slots are only ever tried: a slot that another thread is at is a miss. So no reader waits for
/// another, and a fork at any moment costs at most a slot.
#[derive(Debug)]
pub(crate) struct ChunkCache {
    slots: [Slot; SLOTS],
    /// Bytes in all slots together, and the most that they may hold.
    held: AtomicUsize,
    limit: usize,
}

type Slot = Mutex<Option<(u64, Arc<Records>)>>;

impl ChunkCache {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            slots: Default::default(),
            held: AtomicUsize::new(0),
            limit: usize::try_from(limit_bytes).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn get(&self, chunk: u64) -> Option<Arc<Records>> {
        let slot = self.slots[slot_of(chunk)].try_lock().ok()?;
        slot.as_ref()
            .filter(|(cached, _)| *cached == chunk)
            .map(|(_, records)| Arc::clone(records))
    }

    /// Keeps a chunk of up to the whole limit, in the place of others if need be.
    pub(crate) fn insert(&self, chunk: u64, records: &Arc<Records>) {
        let bytes = records.capacity_bytes();
        if bytes > self.limit {
            return;
        }
        let own = slot_of(chunk);
        for slot in 0..SLOTS {
            let slot = (own + slot) % SLOTS;
            if slot == own || self.held.load(Ordering::Relaxed) + bytes > self.limit {
                self.put(slot, None);
            }
        }
        if self.held.load(Ordering::Relaxed) + bytes <= self.limit {
            self.put(own, Some((chunk, Arc::clone(records))));
        }
    }

    fn put(&self, slot: usize, new: Option<(u64, Arc<Records>)>) {
        let Ok(mut slot) = self.slots[slot].try_lock() else {
            return;
        };
        let bytes = |entry: &Option<(u64, Arc<Records>)>| {
            entry
                .as_ref()
                .map_or(0, |(_, records)| records.capacity_bytes())
        };
        self.held.fetch_add(bytes(&new), Ordering::Relaxed);
        let old = std::mem::replace(&mut *slot, new);
        self.held.fetch_sub(bytes(&old), Ordering::Relaxed);
    }
}

fn slot_of(chunk: u64) -> usize {
    usize::try_from(chunk % SLOTS as u64).unwrap_or(0)
}
