//! Cut files: what is whole in front of the cut is there, and nothing else.

use std::fmt;

use windrow::{Reader, ReaderOptions, RecoverOptions, SourceName, recover_store};

use super::{each_case, grown_files, sealed_files};
use crate::damage::{Anatomy, Part};
use crate::every_way::full_text;
use crate::hostile::Random;
use crate::torture::Sealed;

/// What came of many cuts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutCounts {
    /// Files of which nothing was left, not even the signature.
    pub nothing: u64,
    /// Files that were recovered.
    pub recovered: u64,
    /// Those of them that open as well: cut behind an earlier end.
    pub opened: u64,
    /// Records, or rows, in front of the cuts, all of them returned.
    pub records: u64,
}

impl fmt::Display for CutCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            nothing,
            recovered,
            opened,
            records,
        } = self;
        write!(
            f,
            "{recovered} recovered, {nothing} with no chunk left, {records} records in front of the cuts, 0 lost, \
             0 invented; {opened} open by an earlier postscript"
        )
    }
}

/// Cuts a file at a random byte, `cases` times, and recovers it.
///
/// # Panics
/// If a record in front of the cut is missing, or anything else comes.
#[must_use]
pub fn cut_files(seed: u64, cases: u64) -> CutCounts {
    let mut files = sealed_files(seed);
    files.extend(grown_files(seed));
    let mut counts = CutCounts::default();
    each_case(seed, 2, cases, |random, what| {
        let file = &files[random.below(files.len())];
        let cut = cut_of(random, file.bytes.len(), &file.anatomy);
        *what = format!("cut of {}, to {cut} bytes", file.name);
        cut_one(file, cut, &mut counts);
    });
    counts
}

/// Anywhere; or within some bytes of the beginning of a chunk.
pub(super) fn cut_of(random: &mut Random, file_bytes: usize, anatomy: &Anatomy) -> usize {
    if random.below(2) == 0 {
        return random.below(file_bytes);
    }
    let chunks = &anatomy.chunks;
    let begin = chunks[random.below(chunks.len())].bytes.start;
    (begin + random.below(80))
        .saturating_sub(random.below(30))
        .min(file_bytes - 1)
}

/// Where a file that is cut at `cut` ended before an append, at last.
pub(super) fn last_end(anatomy: &Anatomy, cut: usize) -> Option<usize> {
    (anatomy.chunks.iter())
        .filter(|chunk| chunk.part == Part::OldPostscript)
        .map(|chunk| chunk.bytes.end.next_multiple_of(65_536))
        .rfind(|end| *end <= cut)
}

fn cut_one(file: &Sealed, cut: usize, counts: &mut CutCounts) {
    let bytes = file.bytes[..cut].to_vec();
    let expected = records_before(file, cut);
    let earlier_end = last_end(&file.anatomy, cut);
    match recover_store(bytes.clone(), SourceName::MEMORY, &RecoverOptions::new()) {
        Ok(recovered) => {
            let (reader, report) = (recovered.reader, recovered.report);
            assert_eq!(reader.len(), expected, "records");
            assert_eq!(report.records, expected);
            assert_eq!(report.index.is_none(), earlier_end == Some(cut));
            assert_front(file, &reader);
            counts.recovered += 1;
            counts.records += expected;
        }
        Err(error) => {
            assert!(cut < 64, "{}", full_text(&error));
            assert_eq!(error.code(), "not_array_record");
            counts.nothing += 1;
        }
    }
    // Without an earlier end it does not open; with one it does, and has the records of then.
    match (Reader::from_bytes(bytes, ReaderOptions::new()), earlier_end) {
        (Ok(reader), Some(end)) => {
            assert_eq!(reader.len(), records_before(file, end), "as it was then");
            assert_front(file, &reader);
            counts.opened += 1;
        }
        (Err(error), None) => {
            let code = error.code();
            let expected = if cut < 64 {
                "not_array_record"
            } else {
                "no_postscript"
            };
            assert_eq!(code, expected);
        }
        (Ok(reader), None) => panic!("opens with {} records", reader.len()),
        (Err(error), Some(_)) => panic!("{}", full_text(&error)),
    }
}

/// How many records the chunks that end in front of `cut` hold: always the front of the sequence.
fn records_before(file: &Sealed, cut: usize) -> u64 {
    (file.anatomy.chunks.iter())
        .filter(|chunk| chunk.bytes.end <= cut)
        .map(|chunk| chunk.records.end)
        .max()
        .unwrap_or(0)
}

fn assert_front(file: &Sealed, reader: &Reader) {
    let all = reader
        .read_all()
        .unwrap_or_else(|error| panic!("{}", full_text(&error)));
    let front = file.records.iter().take(all.len());
    assert!(all.iter().eq(front.map(Vec::as_slice)), "other records");
}
