//! Many records in a few large buffers.

mod read;
mod wanted;

use std::sync::{Mutex, MutexGuard, PoisonError};

use windrow_format::Records;

use crate::recycle;

/// Bytes that a batch holds for each record beside the record's own: number and position, place, end.
pub const BATCH_RECORD_BYTES: u64 = 32;

/// Records in the order in which they were asked for, in a few large buffers.
///
/// With [`OnCorrupt::Skip`](windrow_format::options::OnCorrupt::Skip), records that were asked for by their numbers and
/// lie in damaged chunks are missing: their positions are there, and [`get`](Self::get) gives `None` for them.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    parts: Vec<Records>,
    places: Vec<Place>,
    missing: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    part: u32,
    index: u32,
}

impl Place {
    /// In no part.
    const MISSING: Self = Self {
        part: u32::MAX,
        index: 0,
    };

    /// The place when its part has `base` others in front of it.
    fn behind(self, base: u32) -> Self {
        Self {
            part: self.part.saturating_add(base),
            ..self
        }
    }
}

impl Batch {
    /// A batch of which all `len` records are missing, to be filled by [`place`](Self::place).
    pub(crate) fn with_len(len: usize) -> Self {
        Self {
            parts: Vec::new(),
            places: vec![Place::MISSING; len],
            missing: len,
        }
    }

    /// Puts the records of `batch` at these positions.
    pub(crate) fn place(&mut self, mut batch: Self, positions: &[usize]) {
        let base = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.append(&mut batch.parts);
        self.missing -= batch.len() - batch.missing;
        for (place, &position) in batch.places.iter().zip(positions) {
            self.places[position] = place.behind(base);
        }
    }

    /// Puts the records of `other` behind those of this batch.
    pub fn append(&mut self, mut other: Self) {
        let base = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.append(&mut other.parts);
        self.missing += other.missing;
        let places = other.places.drain(..);
        self.places.extend(places.map(|place| place.behind(base)));
    }

    /// Bytes of the buffers that hold the records, without room that is not used.
    #[must_use]
    pub fn bytes_len(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes_len() as u64).sum()
    }

    /// Number of records, missing ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none, not even missing ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many of the records are missing: always 0 unless damaged chunks are skipped, and for ranges.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Record number `position` of the batch. `None` if it is missing, and behind the end.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let place = self.places.get(position)?;
        self.parts
            .get(place.part as usize)?
            .get(place.index as usize)
    }

    /// The records in order. Missing ones are left out; where each record's position matters and
    /// [`missing`](Self::missing) is not 0, use [`get`](Self::get).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        Iter {
            batch: self,
            next: 0,
            left: self.len() - self.missing,
        }
    }

    /// The records, one allocation each, without the missing ones, like [`iter`](Self::iter).
    #[must_use]
    pub fn to_vecs(&self) -> Vec<Vec<u8>> {
        self.iter().map(<[u8]>::to_vec).collect()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.parts.drain(..).for_each(recycle::give);
    }
}

impl std::ops::Index<usize> for Batch {
    type Output = [u8];

    /// # Panics
    /// If `position` is not below [`len`](Batch::len), or if that record is missing.
    fn index(&self, position: usize) -> &[u8] {
        match self.get(position) {
            Some(record) => record,
            None if position < self.len() => panic!("record {position} of a batch is missing"),
            None => panic!("record {position} of a batch of {}", self.len()),
        }
    }
}

/// The records of a batch that are not missing.
struct Iter<'a> {
    batch: &'a Batch,
    next: usize,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.left > 0 {
            let record = self.batch.get(self.next);
            self.next += 1;
            if record.is_some() {
                self.left -= 1;
                return record;
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record that must be there: the counts of its chunk, of the footer and of the call were compared.
pub(crate) fn present(record: Option<&[u8]>) -> &[u8] {
    match record {
        Some(record) => record,
        None => unreachable!("a record whose chunk was decoded in full"),
    }
}
