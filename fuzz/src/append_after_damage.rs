//! `append_after_damage`: a file that grew, and was damaged, is recovered, followed and gone on with.
//!
//! An input is the steps of [`grown`](crate::grown), the damage, and flags.

use std::cell::Cell;
use std::collections::HashMap;

use windrow::{
    AppendOptions, Error, OnCorrupt, Reader, ReaderOptions, SourceName, VerifyOptions, Writer,
    verify_store,
};

use crate::damage::{Harm, inflict};
use crate::examine::{assert_message, reader_options};
use crate::following::follow;
use crate::grown::{Grown, Shared, make};
use crate::input::Input;
use crate::memory::{bound, within};
use crate::recovery::{Recovery, recover};

/// What was found, for tests.
#[derive(Debug)]
pub struct Found {
    /// What was done to the file.
    pub harm: Harm,
    /// Numbers of the records that recovery gives; `None` if there is no file any more.
    pub recovered: Option<Vec<usize>>,
    /// Why the file cannot grow.
    pub refused: Option<Error>,
}

/// A file that was damaged, and all that is known of it.
struct Damaged<'a> {
    grown: &'a Grown,
    file: &'a [u8],
    harm: Harm,
    options: ReaderOptions,
    numbers: HashMap<&'a [u8], usize>,
}

/// The flags and the file that an input stands for.
#[must_use]
pub fn expand(input: &[u8]) -> Vec<u8> {
    let mut input = Input::new(input);
    input.byte();
    let mut grown = make(&mut input);
    inflict(&mut grown.file, &mut input);
    grown.file
}

/// Runs the target; returns what was found.
///
/// # Panics
/// If a record comes back that was not written, or twice, or in another order, or if one is missing that was flushed in
/// front of a cut; if a writer that is refused changed the file; if one that is not leaves a file whose new part is not
/// sound, or whose old records are others; if a call takes more memory than it may.
pub fn run(input: &[u8]) -> Found {
    let mut input = Input::new(input);
    let flags = input.byte();
    let grown = make(&mut input);
    let mut file = grown.file.clone();
    let harm = inflict(&mut file, &mut input);
    let numbers: HashMap<&[u8], usize> =
        (grown.records.iter().map(Vec::as_slice)).zip(0..).collect();
    assert_eq!(numbers.len(), grown.records.len(), "records are not unique");
    let damaged = Damaged {
        grown: &grown,
        file: &file,
        harm,
        options: reader_options(flags),
        numbers,
    };
    let recovered = damaged.recovered();
    let opened = damaged.opened();
    damaged.followed(recovered.as_deref());
    let refused = damaged.gone_on_with(flags, recovered.as_deref(), opened);
    Found {
        harm,
        recovered,
        refused,
    }
}

impl Damaged<'_> {
    /// The numbers of these records, which ascend.
    fn numbers<'r>(&self, what: &str, records: impl Iterator<Item = &'r [u8]>) -> Vec<usize> {
        let numbers: Vec<Option<usize>> = records
            .map(|record| self.numbers.get(record).copied())
            .collect();
        let known: Vec<usize> = numbers.iter().flatten().copied().collect();
        if self.grown.has_footers && self.harm == Harm::Damaged {
            // Which of those that look like footers is one, nobody knows where what follows is missing.
            return known;
        }
        assert_eq!(
            known.len(),
            numbers.len(),
            "{what}: an invented record: {numbers:?}"
        );
        let ascend = known.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ascend, "{what}: twice or out of order: {known:?}");
        known
    }

    /// Recovers the file; returns the numbers of the records that it gives.
    fn recovered(&self) -> Option<Vec<usize>> {
        let promised = self.grown.promised(self.file.len());
        let Recovery {
            report, records, ..
        } = match recover(self.file, &self.options) {
            Ok(recovery) => recovery,
            Err(error) => {
                let gone = self.harm == Harm::Damaged || self.file.len() < 64;
                assert!(gone, "it cannot be recovered: {error}");
                return None;
            }
        };
        let records = records.expect("few records");
        let records = records.iter().map(|record| match record {
            Ok(record) => record.as_slice(),
            Err(error) => panic!("a record of a whole chunk: {error:?}"),
        });
        let numbers = self.numbers("recover", records);
        if self.harm != Harm::Damaged {
            let whole = numbers.iter().copied().eq(0..numbers.len());
            assert!(whole, "a gap without damage: {numbers:?}");
            assert!(
                numbers.len() >= promised,
                "{promised} promised, {} found: {:?}",
                numbers.len(),
                report.skipped
            );
        }
        if self.harm == Harm::None && self.grown.is_finished {
            assert!(report.is_whole(), "{report:?}");
            assert_eq!(numbers.len(), self.grown.records.len());
        }
        Some(numbers)
    }

    /// Opens the file, or what it was before an append; returns the number of records, if all can be read.
    fn opened(&self) -> Option<u64> {
        let reader = Reader::from_bytes(self.file, self.options.clone());
        if self.harm == Harm::None && self.grown.is_finished {
            assert!(reader.is_ok(), "a finished file: {reader:?}");
        }
        let reader = reader.ok()?;
        let batch = reader.read_all().ok()?;
        let numbers = self.numbers("open", batch.iter());
        let first = numbers.iter().copied().eq(0..numbers.len());
        assert!(first, "it opens with other contents: {numbers:?}");
        Some(reader.len())
    }

    /// Whether a sound postscript stands behind all damage.
    fn has_end(&self) -> bool {
        let original = &self.grown.file;
        let block = original.len().saturating_sub(1 << 16);
        self.grown.is_finished
            && self.file.len() == original.len()
            && self.file[block..] == original[block..]
    }

    /// Follows the file, whole and as it may have grown.
    fn followed(&self, recovered: Option<&[usize]>) {
        let middle = self.file.len() / 2;
        let sizes = [
            middle / 3,
            middle,
            middle + 1,
            self.file.len().saturating_sub(100).max(middle + 1),
        ];
        for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
            let what = format!("follow, {on_corrupt:?}");
            let options = self.options.clone().with_on_corrupt(on_corrupt);
            for sizes in [&[][..], &sizes] {
                if sizes.last().is_some_and(|size| *size > self.file.len()) {
                    continue;
                }
                let followed = follow(self.file, &options, sizes);
                let shown = followed.records.iter().map(Vec::as_slice);
                let numbers = self.numbers(&what, shown);
                if on_corrupt == OnCorrupt::Raise || self.harm != Harm::Damaged {
                    let whole = numbers.iter().copied().eq(0..numbers.len());
                    assert!(whole, "{what}: a gap without a word: {numbers:?}");
                }
                if self.has_end() {
                    let is_told = followed.error.is_some() || numbers.len() == self.numbers.len();
                    assert!(
                        on_corrupt == OnCorrupt::Skip || is_told,
                        "{what}: {} records, and no word of the others",
                        numbers.len()
                    );
                }
                let Some(recovered) = recovered else {
                    continue;
                };
                if self.harm != Harm::Damaged {
                    assert_eq!(numbers, recovered, "{what}: not what is recovered");
                    assert_eq!(followed.error, None);
                }
                if self.harm == Harm::None && self.grown.is_finished {
                    assert!(followed.is_sealed, "{what}: no end");
                }
            }
        }
    }

    /// Goes on with the file; returns why it cannot. `recovered` and `opened` are what was found before.
    fn gone_on_with(
        &self,
        flags: u8,
        recovered: Option<&[usize]>,
        opened: Option<u64>,
    ) -> Option<Error> {
        let copy = flags & 8 != 0;
        let mut options = AppendOptions::new().with_copy(copy).with_max_parallelism(1);
        if flags & 16 != 0 {
            options = options.with_metadata("new", "pair");
        }
        let most = bound(&self.options, self.file.len());
        let (kept, sink) = (Cell::new(None), Shared::default());
        let make = |keep| {
            kept.set(Some(usize::try_from(keep).expect("a file in memory")));
            Ok(sink.clone())
        };
        let store = self.file.to_vec();
        let resumed = within("resume", most, || {
            Writer::resume(store, SourceName::MEMORY, &options, make)
        });
        let mut writer = match resumed {
            Ok(writer) => writer,
            Err(error) => {
                assert_eq!(kept.get(), None, "refused with a changed file: {error}");
                assert_message(&error.to_string());
                let may = self.harm == Harm::Damaged || recovered.is_none();
                assert!(may, "a file without damage: {error}");
                return Some(error);
            }
        };
        let kept = &self.file[..kept.get().expect("only behind what is kept")];
        let old = usize::try_from(writer.records()).expect("few records");
        if flags & 2 != 0 {
            writer.flush().expect("writing to memory");
            self.check_flushed(&[kept, &sink.bytes()].concat(), old);
        }
        let count = 1 + usize::from(flags >> 5) * 9;
        let new: Vec<Vec<u8>> = (0..count)
            .map(|n| format!("new {n}").into_bytes())
            .collect();
        writer.write_batch(&new).expect("writing to memory");
        let (_, summary) = writer.finish().expect("writing to memory");
        let whole = [kept, &sink.bytes()].concat();
        assert_eq!(summary.file_bytes, whole.len() as u64);
        assert_eq!(summary.records, (old + count) as u64);
        if let Some(before) = opened.filter(|_| !copy) {
            let reader = Reader::from_bytes(kept, self.options.clone());
            let reader = reader.unwrap_or_else(|error| panic!("the old contents: {error}"));
            assert_eq!(reader.len(), before, "the old contents are cut off");
        }
        self.check_whole(whole, old, &new, kept.len() as u64, recovered);
        None
    }

    /// Checks what a crash would leave behind the first flush: the `old` records.
    fn check_flushed(&self, file: &[u8], old: usize) {
        if self.harm == Harm::Damaged {
            return;
        }
        let recovery = recover(file, &self.options).expect("a sound file");
        let records = recovery.records.expect("few records");
        let flushed: Vec<&Vec<u8>> = records.iter().flatten().collect();
        let old: Vec<&Vec<u8>> = self.grown.records[..old].iter().collect();
        assert!(
            flushed == old,
            "flushed: {} of {}",
            flushed.len(),
            old.len()
        );
    }

    /// Checks the file that came of it: `old` records that were found, and `new` ones, behind `kept` bytes.
    fn check_whole(
        &self,
        whole: Vec<u8>,
        old: usize,
        new: &[Vec<u8>],
        kept: u64,
        recovered: Option<&[usize]>,
    ) {
        let verify = VerifyOptions::new()
            .with_deep(true)
            .with_reader_options(self.options.clone());
        let report = verify_store(whole.clone(), SourceName::MEMORY, &verify);
        let report = report.expect("bytes in memory can be read");
        for fault in &report.faults {
            let lost = fault.records.as_ref().map_or(0, |records| records.end);
            assert!(
                fault.bytes.start < kept && lost <= old as u64,
                "the new part, behind {kept}, is not sound: {fault:?}"
            );
        }
        if self.harm != Harm::Damaged {
            assert!(report.is_sound(), "{:?}", report.faults);
            assert_eq!(recovered.map(<[usize]>::len), Some(old));
            let followed = follow(&whole, &self.options, &[]);
            assert_eq!(followed.error, None);
            assert!(followed.is_sealed, "the new end");
            assert_eq!(followed.records.len(), old + new.len());
        }
        let reader = Reader::from_bytes(whole, self.options.clone());
        let reader = reader.unwrap_or_else(|error| panic!("what was written: {error}"));
        assert_eq!(reader.len(), (old + new.len()) as u64);
        for (index, record) in (0..).zip(self.grown.records[..old].iter().chain(new)) {
            match reader.read(index) {
                Ok(read) => assert_eq!(&read, record, "record {index}"),
                Err(error) => {
                    let listed = report.faults.iter().any(|fault| {
                        let records = fault.records.as_ref();
                        records.is_some_and(|records| records.contains(&index))
                    });
                    assert!(listed, "record {index} is not listed: {error}");
                }
            }
        }
    }
}
