//! The tables of page chunks, kept beside the index: with them one record is one read of its own bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use once_cell::race::OnceBox;
use windrow_format::PageTable;

/// Chunks whose slots are made together, when the first of them is asked for.
const SHELF_CHUNKS: usize = 256;

/// What is known of a chunk.
#[derive(Debug)]
pub(crate) enum Front {
    Pages(PageTable),
    /// Records that are compressed together.
    Group,
}

/// A place for the table of each chunk, filled by whoever reads it first. No locks: two threads that read the same table
/// at once both have it, and one of them is kept.
#[derive(Debug)]
pub(crate) struct PageTables {
    shelves: Vec<OnceBox<Shelf>>,
    bytes: AtomicUsize,
}

type Shelf = Vec<OnceBox<Front>>;

impl PageTables {
    pub(crate) fn new(num_chunks: u64) -> Self {
        let shelves = num_chunks.div_ceil(SHELF_CHUNKS as u64);
        let shelves = usize::try_from(shelves).unwrap_or(usize::MAX);
        Self {
            shelves: (0..shelves).map(|_| OnceBox::new()).collect(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// What is known of chunk number `chunk`.
    pub(crate) fn get(&self, chunk: u64) -> Option<&Front> {
        let (shelf, place) = place_of(chunk);
        self.shelves.get(shelf)?.get()?.get(place)?.get()
    }

    /// Keeps what was read of chunk number `chunk`, which is one of the file's.
    pub(crate) fn keep(&self, chunk: u64, front: Front) -> Option<&Front> {
        let (shelf, place) = place_of(chunk);
        let shelf = self.shelves.get(shelf)?.get_or_init(|| {
            self.count(SHELF_CHUNKS * size_of::<OnceBox<Front>>());
            Box::new((0..SHELF_CHUNKS).map(|_| OnceBox::new()).collect())
        });
        Some(shelf.get(place)?.get_or_init(|| {
            self.count(match &front {
                Front::Pages(table) => table.memory_bytes(),
                Front::Group => size_of::<Front>(),
            });
            Box::new(front)
        }))
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Memory that is held, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.shelves.len() * size_of::<OnceBox<Shelf>>() + self.bytes.load(Ordering::Relaxed)
    }
}

fn place_of(chunk: u64) -> (usize, usize) {
    let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
    (chunk / SHELF_CHUNKS, chunk % SHELF_CHUNKS)
}
