//! Single flipped bits: each is noticed, or harmless.

use std::collections::BTreeSet;
use std::fmt;

use windrow::{
    OnCorrupt, Reader, ReaderOptions, RecoverOptions, SourceName, VerifyOptions, recover_store,
    verify_store,
};

use super::{Sealed, each_case, grown_files, sealed_files};
use crate::damage::{Field, Part, Piece, Structure};
use crate::hostile::Random;

/// What came of many flips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlipCounts {
    /// The file did not open.
    pub refused: u64,
    /// It opened, and the records of one chunk, or one of a page chunk, or the rows of one, could not be read.
    pub unreadable: u64,
    /// All was read, and `verify` has a fault.
    pub reported: u64,
    /// All was read, and nobody looks at the bit: it is in what fills a chunk up.
    pub harmless: u64,
}

impl fmt::Display for FlipCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            refused,
            unreadable,
            reported,
            harmless,
        } = self;
        write!(
            f,
            "{refused} refused at open, {unreadable} in a chunk that is then refused, {reported} seen by verify alone, \
             {harmless} harmless, 0 silent"
        )
    }
}

/// Flips one bit at a time, `cases` times.
///
/// # Panics
/// If one goes unnoticed or crashes a reader.
#[must_use]
pub fn flip_bits(seed: u64, cases: u64) -> FlipCounts {
    let mut files = sealed_files(seed);
    files.extend(grown_files(seed));
    let structures: Vec<Vec<Structure>> = (files.iter())
        .map(|file| file.anatomy.structures(&file.bytes))
        .collect();
    let mut counts = FlipCounts::default();
    each_case(seed, 1, cases, |random, what| {
        let number = random.below(files.len());
        let (file, structures) = (&files[number], &structures[number]);
        let place = place_in(random, file.bytes.len(), structures);
        let bit = random.below(8);
        *what = format!("flip of {}, bit {bit} of byte {place}", file.name);
        flip_one(file, structures, place, bit, &mut counts);
    });
    counts
}

/// Half of them anywhere, half in some structure of some part: most of a file is one or the other.
pub(super) fn place_in(random: &mut Random, file_bytes: usize, structures: &[Structure]) -> usize {
    if random.below(2) == 0 {
        return random.below(file_bytes);
    }
    let parts: BTreeSet<Part> = structures.iter().map(|structure| structure.part).collect();
    let parts: Vec<Part> = parts.into_iter().collect();
    let part = parts[random.below(parts.len())];
    let candidates: Vec<&Structure> = (structures.iter())
        .filter(|structure| structure.part == part && structure.field != Field::Whole)
        .collect();
    let structure = candidates[random.below(candidates.len())];
    structure.place(random.below(structure.len()))
}

fn flip_one(
    file: &Sealed,
    structures: &[Structure],
    place: usize,
    bit: usize,
    counts: &mut FlipCounts,
) {
    let mut bytes = file.bytes.clone();
    bytes[place] ^= 1 << bit;
    let options = VerifyOptions::new().with_deep(true);
    let report = verify_store(bytes.clone(), SourceName::MEMORY, &options).expect("no IO");
    let chunk = (file.anatomy.chunks.iter())
        .find(|chunk| chunk.bytes.contains(&place))
        .expect("chunks fill the file");
    // What only the damaged chunk may lose.
    let costs = file.anatomy.records_in(&chunk.bytes);
    recover(file, bytes.clone(), chunk);
    let Ok(reader) = Reader::from_bytes(bytes.clone(), ReaderOptions::new()) else {
        assert!(!report.is_sound(), "refused at open, sound for verify");
        counts.refused += 1;
        return;
    };
    // To show what was there before the last append would be to lose records without a word.
    assert_eq!(reader.sealed_bytes(), reader.file_bytes());
    let lost = read(file, &reader);
    match record_at(file, structures, place) {
        Some(record) => assert_eq!(lost, [record], "other records than the damaged one"),
        None => assert!(
            lost.is_empty() || lost == costs,
            "other records than those of the chunk"
        ),
    }
    skip(file, bytes, &lost);
    if !lost.is_empty() {
        assert!(!report.is_sound(), "records are lost, sound for verify");
        counts.unreadable += 1;
    } else if !report.is_sound() {
        counts.reported += 1;
    } else {
        let fill = (structures.iter())
            .any(|structure| structure.field == Field::Fill && structure.covers(place));
        assert!(
            fill,
            "nobody saw it, though it is not in what fills a chunk"
        );
        counts.harmless += 1;
    }
}

/// The record that the byte at `place` belongs to, in a page chunk that is listed: no other needs it.
fn record_at(file: &Sealed, structures: &[Structure], place: usize) -> Option<u64> {
    let is_own = |one: &Structure| {
        let of_record = matches!(one.field, Field::Stored | Field::RecordCrc);
        of_record && one.part == Part::Data && one.covers(place)
    };
    let at = structures.iter().position(is_own)?;
    let chunk = structures[at].chunk;
    let crcs = |one: &&Structure| one.chunk == chunk && one.field == Field::RecordCrc;
    // An empty record has a checksum only, so these are what counts.
    let before = structures[..at].iter().filter(crcs).count() as u64;
    Some(file.anatomy.chunks[chunk].records.start + before)
}

/// Reads single records and a batch; returns which cannot be read.
fn read(file: &Sealed, reader: &Reader) -> Vec<u64> {
    assert_eq!(reader.len(), file.records.len() as u64);
    let mut lost = Vec::new();
    for index in 0..reader.len() {
        match reader.read(index) {
            Ok(record) => assert!(is(file, index, &record), "record {index} is another one"),
            Err(_) => lost.push(index),
        }
    }
    match reader.read_all() {
        Ok(batch) => {
            assert!(lost.is_empty(), "single reads fail, a batch does not");
            assert!(batch.iter().eq(file.records.iter().map(Vec::as_slice)));
        }
        Err(_) => assert!(!lost.is_empty(), "a batch fails, single reads do not"),
    }
    lost
}

/// Reads on behind the damage: all but what is `lost` comes, and that is listed.
fn skip(file: &Sealed, bytes: Vec<u8>, lost: &[u64]) {
    let options = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
    let reader = Reader::from_bytes(bytes, options).expect("it opens without skipping, too");
    let batch = reader.read_all().expect("damage is skipped");
    assert!(
        batch.iter().eq(without(file, lost)),
        "other records than the whole ones"
    );
    let listed = reader
        .skipped()
        .into_iter()
        .filter_map(|fault| fault.records);
    assert!(
        listed.flatten().eq(lost.iter().copied()),
        "{:?}",
        reader.skipped()
    );
}

/// Recovers the file, with and without its index: all records come in order, but for some of those that the damaged chunk
/// costs. Some of these may have been flushed before, and so stand elsewhere, too.
fn recover(file: &Sealed, mut bytes: Vec<u8>, chunk: &Piece) {
    assert_recovered(file, &bytes, &file.anatomy.records_in(&chunk.bytes));
    let last = file
        .anatomy
        .chunks
        .iter()
        .rfind(|chunk| chunk.part == Part::Postscript);
    let end = last.expect("a sealed file").bytes.start;
    if chunk.bytes.end <= end {
        bytes.truncate(end);
        // Now a bad header costs what lies up to the next place that can be trusted: the next block header tells it.
        let block = (chunk.bytes.start + 1).next_multiple_of(65_536);
        let around = |other: &&Piece| other.bytes.start < block && block < other.bytes.end;
        let trusted = file.anatomy.chunks.iter().find(around);
        let trusted = trusted.map_or(block, |around| around.bytes.end);
        let costs = file.anatomy.records_in(&(chunk.bytes.start..trusted));
        assert_recovered(file, &bytes, &costs);
    }
}

fn assert_recovered(file: &Sealed, bytes: &[u8], costs: &[u64]) {
    let recovered = recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new());
    let reader = recovered.expect("something is left").reader;
    let came = reader.read_all().expect("whole records").to_vecs();
    let [begin, end] = match costs {
        [] => [file.records.len(); 2],
        [first, ..] => [0, costs.len()].map(|more| to_usize(*first) + more),
    };
    let (front, costs) = file.records[..end].split_at(begin);
    let behind = &file.records[end..];
    let (len, most) = (came.len(), file.records.len());
    let least = front.len() + behind.len();
    assert!(
        len <= most && len >= least,
        "{len} records recovered, at least {least}, at most {most}"
    );
    let (found, rest) = came.split_at(front.len());
    let (middle, tail) = rest.split_at(rest.len() - behind.len());
    let mut left = costs.iter();
    let in_order = middle
        .iter()
        .all(|record| left.any(|other| other == record));
    assert!(
        found == front && tail == behind && in_order,
        "others are recovered"
    );
}

fn without<'a>(file: &'a Sealed, lost: &'a [u64]) -> impl Iterator<Item = &'a [u8]> {
    let is_whole = |(index, _): &(u64, &Vec<u8>)| lost.binary_search(index).is_err();
    let whole = (0..).zip(&file.records).filter(is_whole);
    whole.map(|(_, record)| record.as_slice())
}

fn is(file: &Sealed, index: u64, record: &[u8]) -> bool {
    file.records[to_usize(index)] == record
}

fn to_usize(index: u64) -> usize {
    usize::try_from(index).expect("a record in memory")
}
