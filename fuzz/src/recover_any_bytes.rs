//! `recover_any_bytes`: any bytes as a file whose index is lost, that somebody still writes, or that is to grow.
//!
//! An input is a byte of flags and a file as [`open_any_bytes`](crate::open_any_bytes) has it; or, if [`RECIPE`] is
//! among the flags, a [recipe](crate::recipe).

use std::cell::Cell;

use windrow::{
    AppendOptions, Error, OnCorrupt, Reader, ReaderOptions, Scanned, SourceName, Writer, scan_store,
};

use crate::examine::{assert_message, reader_options};
use crate::following::follow;
use crate::recovery::{Recovery, recover};
use crate::{open_any_bytes, recipe};

/// The flag of inputs that are recipes.
pub const RECIPE: u8 = 1 << 6;

/// What was found, for tests.
#[derive(Debug)]
pub struct Found {
    /// What recovery gives.
    pub recovery: windrow::Result<Recovery>,
    /// Why the file cannot grow.
    pub refused: Option<Error>,
}

/// The flags and the file that an input stands for.
#[must_use]
pub fn expand(input: &[u8]) -> (u8, Vec<u8>) {
    match input.first() {
        Some(flags) if flags & RECIPE != 0 => {
            let made = recipe::make(input);
            (made.flags, made.file)
        }
        _ => open_any_bytes::expand(input),
    }
}

/// Runs the target; returns what was found.
///
/// # Panics
/// See [`recover`] and [`follow`]; if whoever follows the file sees other records than recovery finds, where no chunk
/// takes the place of another; if a writer that is refused changed the file, or one that is not leaves a file that
/// cannot be read.
pub fn run(input: &[u8]) -> Found {
    let (flags, file) = expand(input);
    let options = reader_options(flags);
    let recovery = recover(&file, &options);
    for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
        let options = options.clone().with_on_corrupt(on_corrupt);
        let followed = follow(&file, &options, &[]);
        let shown = &followed.records;
        let Ok(recovery) = &recovery else {
            assert!(shown.is_empty(), "no chunk is found, but {shown:?}");
            continue;
        };
        let Some(records) = &recovery.records else {
            continue;
        };
        if recovery.has_pages && records.iter().any(Result::is_err) {
            // Who reads records alone looks at checksums that others leave unread.
            continue;
        }
        if followed.is_cut || has_others(&file, &options, recovery) {
            continue;
        }
        // Each record at most once and in order.
        let all = records.iter().flatten();
        let good: Vec<&Vec<u8>> = match on_corrupt {
            OnCorrupt::Skip => all.collect(),
            _ => records
                .iter()
                .map_while(|record| record.as_ref().ok())
                .collect(),
        };
        assert!(
            good.len() >= shown.len() && good.iter().zip(shown).all(|(one, other)| *one == other),
            "{on_corrupt:?}: {} records, {} shown, error {:?}",
            good.len(),
            shown.len(),
            followed.error,
        );
    }
    // Writers have no limits to set: what a recipe claims, they take.
    let refused = (flags & RECIPE == 0).then(|| grow(&file, flags)).flatten();
    Found { recovery, refused }
}

/// Whether chunks that may hold records are not among those that were recovered: footers, and what was superseded.
fn has_others(file: &[u8], options: &ReaderOptions, recovery: &Recovery) -> bool {
    let store = file.to_vec();
    let scanner = scan_store(store, SourceName::MEMORY, options).expect("bytes in memory");
    let mut begins = scanner.filter_map(|scanned| match scanned {
        Ok(Scanned::Chunk(chunk)) => {
            let provisional = chunk.header.chunk_type == windrow::format::ChunkType::Provisional;
            (provisional || chunk.header.num_records > 0).then_some(chunk.bytes.start)
        }
        _ => None,
    });
    let recovered: Vec<u64> = recovery.chunks.iter().map(|chunk| chunk.begin).collect();
    begins.any(|begin| recovered.binary_search(&begin).is_err())
}

/// Goes on with the file; returns why it cannot.
fn grow(file: &[u8], flags: u8) -> Option<Error> {
    let kept = Cell::new(None);
    let options = AppendOptions::new()
        .with_copy(flags & 8 != 0)
        .with_max_parallelism(1);
    let make = |keep| {
        kept.set(Some(usize::try_from(keep).expect("a file in memory")));
        Ok(Vec::new())
    };
    let resumed = Writer::resume(file.to_vec(), SourceName::MEMORY, &options, make);
    let mut writer = match resumed {
        Ok(writer) => writer,
        Err(error) => {
            assert_eq!(kept.get(), None, "refused with a changed file: {error}");
            assert_message(&error.to_string());
            return Some(error);
        }
    };
    let old = writer.records();
    let new: [&[u8]; 3] = [b"one more", b"", b"and another"];
    writer.write_batch(new).expect("writing to memory");
    let (more, summary) = writer.finish().expect("writing to memory");
    let kept = kept.get().expect("only behind what is kept");
    let whole = [&file[..kept], more.as_slice()].concat();
    assert_eq!(summary.file_bytes, whole.len() as u64);
    assert_eq!(summary.records, old + 3);
    let reader = Reader::from_bytes(whole, ReaderOptions::new());
    let reader = reader.unwrap_or_else(|error| panic!("what was written: {error}"));
    assert_eq!(reader.len(), old + 3);
    let group = old.saturating_sub(1)..reader.len();
    for (index, record) in (old..).zip(new) {
        let read = reader.read(index);
        let read = read.unwrap_or_else(|error| panic!("of {group:?}: {error}"));
        assert_eq!(read, record, "record {index}");
    }
    None
}
