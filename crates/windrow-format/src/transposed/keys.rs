//! Numbers for pairs of numbers, in the order in which the pairs are first seen.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "slots are taken modulo their number, which is a power of two; indices are of keys that are there"
)]

use std::hash::{BuildHasher, RandomState};

/// Slots of an empty table, as the number's logarithm.
const FEWEST_SLOTS_LOG: u32 = 8;

/// Open addressing. The multiplier differs from run to run, so that nobody can prepare keys that share their slots;
/// what is numbered how does not depend on it.
#[derive(Debug)]
pub(super) struct KeyTable {
    /// Index of a key and one more; 0 is free.
    slots: Vec<u32>,
    shift: u32,
    multiplier: u64,
    keys: Vec<u64>,
}

impl Default for KeyTable {
    fn default() -> Self {
        Self {
            slots: vec![0; 1 << FEWEST_SLOTS_LOG],
            shift: u64::BITS - FEWEST_SLOTS_LOG,
            multiplier: RandomState::new().hash_one(0_u8) | 1,
            keys: Vec::new(),
        }
    }
}

/// Two numbers as one key.
#[inline]
pub(super) const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

/// The two numbers of a key.
pub(super) fn unpair(key: u64) -> (u32, u32) {
    let high = u32::try_from(key >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(key & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (high, low)
}

impl KeyTable {
    /// The number of a key, which is new if it is [`len`](Self::len) before the call.
    #[inline]
    pub(super) fn number(&mut self, key: u64) -> u32 {
        let mut slot = self.slot(key);
        loop {
            let taken = self.slots[slot];
            if taken == 0 {
                return self.add(key, slot);
            }
            if self.keys[taken as usize - 1] == key {
                return taken - 1;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn slot(&self, key: u64) -> usize {
        usize::try_from(key.wrapping_mul(self.multiplier) >> self.shift).unwrap_or(0)
    }

    #[cold]
    fn add(&mut self, key: u64, slot: usize) -> u32 {
        let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key);
        self.slots[slot] = number.saturating_add(1);
        if self.keys.len() * 4 > self.slots.len() {
            self.resize((self.slots.len() * 4).ilog2());
        }
        number
    }

    fn resize(&mut self, log: u32) {
        self.slots.clear();
        self.slots.resize(1 << log, 0);
        self.shift = u64::BITS - log;
        for (taken, index) in (1..).zip(0..self.keys.len()) {
            let mut slot = self.slot(self.keys[index]);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = taken;
        }
    }

    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that a number was given to.
    #[inline]
    pub(super) fn key(&self, number: u32) -> u64 {
        self.keys[number as usize]
    }

    /// Forgets all keys, and keeps the memory if about as much was needed.
    pub(super) fn clear(&mut self) {
        let enough = (self.keys.len().max(1) * 8).ilog2().max(FEWEST_SLOTS_LOG);
        self.keys.clear();
        if self.slots.len() > 1 << enough {
            self.slots = Vec::new();
            self.resize(enough);
        } else {
            self.slots.fill(0);
        }
    }

    /// Heap bytes that this value holds.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>() + self.keys.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_and_stay() {
        let mut table = KeyTable::default();
        for round in [5_000_u32, 3, 0, 70_000, 1] {
            for again in 0..2 {
                for number in 0..round {
                    let key = pair(number % 7, number ^ 0x5555);
                    assert_eq!(table.number(key), number, "{again}");
                    assert_eq!(table.key(number), key);
                    assert_eq!(unpair(key), (number % 7, number ^ 0x5555));
                }
                assert_eq!(table.len(), round as usize);
            }
            table.clear();
            assert_eq!(table.len(), 0);
        }
        assert!(table.slots.len() < 1024);
    }
}
