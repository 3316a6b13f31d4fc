//! Files that grew: written, flushed, left unfinished, gone on with; and what happens to them.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use windrow::format::{FooterEntry, FooterMetadata};
use windrow::{
    AppendOptions, Codec, Dictionary, DictionaryOption, Layout, RecoverOptions, SourceName, Writer,
    WriterOptions, recover_store,
};
use windrow_tests::hostile::push_varint;

use crate::input::{Input, push_bytes};

/// No step begins behind so many records, or bytes of them.
const MAX_RECORDS: usize = 100;
const MAX_BYTES: usize = 256 << 10;
/// Each is 128 KiB of tail.
const MAX_FINISHES: usize = 4;
/// Most bytes of one record, or of what is put behind a file.
const MAX_RECORD_BYTES: usize = 150_000;

/// What a step does. Its byte in an input is its number, modulo their count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Op {
    /// Pattern: a record.
    Write,
    /// Count, pattern: records that differ in their number.
    Many,
    /// Pattern, size: a record of the pattern again and again.
    Long,
    /// Flush.
    Flush,
    /// Whether to a copy: finish, and go on with the file.
    Finish,
    /// The writer stops without a word, and another goes on.
    Again,
    /// A footer of what is there, as records.
    Mimic,
    /// Whether to finish: the last step.
    End,
}

const OPS: [Op; 8] = [
    Op::Write,
    Op::Many,
    Op::Long,
    Op::Flush,
    Op::Finish,
    Op::Again,
    Op::Mimic,
    Op::End,
];

/// A file, and what is known of it.
#[derive(Debug, Default)]
pub struct Grown {
    /// The file.
    pub file: Vec<u8>,
    /// The records that were written, all different.
    pub records: Vec<Vec<u8>>,
    /// Sizes that the file had, and how many records could be counted on from then on; ascending.
    pub promises: Vec<(usize, usize)>,
    /// Whether the file is complete.
    pub is_finished: bool,
    /// Whether some records are footers.
    pub has_footers: bool,
}

impl Grown {
    /// Records that were promised when the file had `bytes` bytes.
    #[must_use]
    pub fn promised(&self, bytes: usize) -> usize {
        let made = self.promises.iter().rev().find(|made| made.0 <= bytes);
        made.map_or(0, |made| made.1)
    }
}

/// A sink whose bytes stay when the writer is gone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the file that an input describes: the options, then steps.
///
/// # Panics
/// If a file that is sound cannot be written or gone on with, or loses a record that was flushed.
pub fn make(input: &mut Input<'_>) -> Grown {
    let options = writer_options(input);
    let file = Shared::default();
    let mut grown = Grown::default();
    let mut writer = Writer::create(file.clone(), options).expect("valid options");
    let (mut bytes, mut finishes) = (0, 0);
    while !input.is_empty() && bytes < MAX_BYTES && grown.records.len() < MAX_RECORDS {
        let before = grown.records.len();
        match OPS[usize::from(input.byte()) % OPS.len()] {
            Op::Write => grown.records.push(numbered(before, input.bytes())),
            Op::Many => {
                let count = 1 + input.below(40);
                let pattern = input.bytes();
                let numbers = before..before + count;
                grown
                    .records
                    .extend(numbers.map(|number| numbered(number, pattern)));
            }
            Op::Long => {
                let pattern = input.bytes();
                let len = input.below(MAX_RECORD_BYTES);
                let record: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
                grown.records.push(numbered(before, &record));
            }
            Op::Flush => {
                writer.flush().expect("writing to memory");
                grown.promises.push((file.0.borrow().len(), before));
            }
            Op::Finish if finishes < MAX_FINISHES => {
                let copy = input.byte() & 1 != 0;
                finishes += 1;
                writer.finish().expect("writing to memory");
                grown.promises.push((file.0.borrow().len(), before));
                writer = go_on(&file, copy, &mut grown);
            }
            Op::Finish => {}
            Op::Again => {
                drop(writer);
                writer = go_on(&file, false, &mut grown);
            }
            Op::Mimic => {
                writer.flush().expect("writing to memory");
                grown.promises.push((file.0.borrow().len(), before));
                mimic(&file.bytes(), &mut grown.records);
                grown.has_footers = true;
            }
            Op::End => {
                grown.is_finished = input.byte() & 1 != 0;
                break;
            }
        }
        for record in &grown.records[before.min(grown.records.len())..] {
            bytes += record.len();
            writer.write(record).expect("writing to memory");
        }
    }
    if grown.is_finished {
        writer.finish().expect("writing to memory");
        grown
            .promises
            .push((file.0.borrow().len(), grown.records.len()));
    } else {
        drop(writer);
    }
    grown.file = file.bytes();
    grown
}

/// Another writer goes on with the file as it is.
fn go_on(file: &Shared, copy: bool, grown: &mut Grown) -> Writer<Shared> {
    let options = AppendOptions::new().with_copy(copy).with_max_parallelism(1);
    let cut = |keep| {
        let keep = usize::try_from(keep).expect("a file in memory");
        file.0.borrow_mut().truncate(keep);
        Ok(file.clone())
    };
    // Nothing is there before the first flush, if little was written.
    let bytes = file.bytes();
    let writer = if bytes.is_empty() {
        Writer::create(file.clone(), WriterOptions::new())
    } else {
        Writer::resume(bytes, SourceName::MEMORY, &options, cut)
    };
    let writer = writer.unwrap_or_else(|error| panic!("a sound file: {error}"));
    let there = usize::try_from(writer.records()).expect("few records");
    let promised = grown.promises.last().map_or(0, |made| made.1);
    assert!(there >= promised, "{promised} promised, {there} found");
    grown.records.truncate(there);
    let size = file.0.borrow().len();
    if copy {
        // There is only one file, and it has fewer bytes than before.
        grown.promises.clear();
    }
    grown.promises.retain(|made| made.0 <= size);
    writer
}

/// A record that no other is.
fn numbered(number: usize, pattern: &[u8]) -> Vec<u8> {
    let number = u16::try_from(number).expect("few records");
    let mut record = number.to_le_bytes().to_vec();
    record.extend_from_slice(pattern);
    record
}

/// Appends the records of a footer of what is there, each with a field that no reader knows, so that it differs from
/// all others.
fn mimic(file: &[u8], records: &mut Vec<Vec<u8>>) {
    let recovered = recover_store(file.to_vec(), SourceName::MEMORY, &RecoverOptions::new());
    let reader = recovered.expect("a sound file").reader;
    let metadata = FooterMetadata {
        version: 1,
        num_chunks: reader.num_chunks(),
        num_records: reader.len(),
        ..FooterMetadata::default()
    };
    let mut number = records.len();
    let mut push = |mut message: Vec<u8>| {
        push_varint(&mut message, 100 << 3);
        push_varint(&mut message, number as u64);
        number += 1;
        records.push(message);
    };
    push(metadata.encode());
    for chunk in 0..reader.num_chunks() {
        let chunk = reader.chunk_location(chunk).expect("an index in memory");
        let mut message = Vec::new();
        FooterEntry {
            chunk_offset: chunk.begin,
            decoded_bytes: chunk.decoded_bytes,
            num_records: chunk.records,
        }
        .encode(&mut message);
        push(message);
    }
}

/// Codec, extras, group size, and what the extras ask for.
fn writer_options(input: &mut Input<'_>) -> WriterOptions {
    let codecs = [
        Codec::Uncompressed,
        Codec::Snappy,
        Codec::Zstd { level: 1 },
        Codec::Brotli { level: 1 },
    ];
    let extras = input.byte();
    let group_size = 1 + u32::try_from(input.below(60)).expect("below 60");
    let group_bytes = (extras & 16 != 0).then(|| 1 + input.number() % 2000);
    let mut options = WriterOptions::new()
        .with_codec(codecs[usize::from(extras % 4)])
        .with_group_size(group_size)
        .with_max_group_bytes(group_bytes)
        .with_pad_to_block_boundary(extras & 4 != 0)
        .with_max_parallelism(Some(1));
    if extras & 8 != 0 {
        options = options.with_metadata("key", "value");
    }
    pages(options, extras >> 5)
}

/// The same options, or those of record pages: with a dictionary where the codec takes one.
#[must_use]
pub fn pages(options: WriterOptions, kind: u8) -> WriterOptions {
    if kind % 8 < 5 {
        return options;
    }
    let has_zstd = matches!(options.codec(), Codec::Zstd { .. });
    let options = options.with_layout(Layout::Pages);
    match kind % 8 {
        6 if has_zstd => options.with_dictionary(DictionaryOption::Size(256)),
        7 if has_zstd => options.with_dictionary(DictionaryOption::Given(dictionary())),
        _ => options,
    }
}

/// A dictionary that is the same in all inputs.
fn dictionary() -> Dictionary {
    let bytes: Vec<u8> = b"a record of the field, and another; ".repeat(9);
    Dictionary::new(bytes).expect("any bytes will do")
}

/// Writes inputs.
#[derive(Debug, Clone)]
pub struct Steps(pub Vec<u8>);

impl Steps {
    /// The options: a codec (uncompressed, snappy, zstd, brotli), padded or not, a group size from 1 to 60.
    #[must_use]
    pub fn new(codec: u8, padded: bool, group_size: u8) -> Self {
        Self(vec![(codec % 4) | (u8::from(padded) << 2), group_size - 1])
    }

    /// The same of record pages; with a dictionary that is trained or given, for zstd.
    #[must_use]
    pub fn of_pages(mut self, kind: u8) -> Self {
        self.0[0] |= (5 + kind % 3) << 5;
        self
    }

    /// Writes `count` records, 1 to 40.
    #[must_use]
    pub fn write(mut self, count: u8, pattern: &[u8]) -> Self {
        self.0.extend([Op::Many as u8, count - 1]);
        push_bytes(&mut self.0, pattern);
        self
    }

    /// Writes one record of this size.
    #[must_use]
    pub fn long(mut self, bytes: u64) -> Self {
        self.0.push(Op::Long as u8);
        push_bytes(&mut self.0, b"long ");
        push_varint(&mut self.0, bytes);
        self
    }

    /// Flushes.
    #[must_use]
    pub fn flush(self) -> Self {
        self.op(&[Op::Flush as u8])
    }

    /// Finishes and goes on, with a copy if so asked.
    #[must_use]
    pub fn append(self, copy: bool) -> Self {
        self.op(&[Op::Finish as u8, u8::from(copy)])
    }

    /// Stops and goes on.
    #[must_use]
    pub fn again(self) -> Self {
        self.op(&[Op::Again as u8])
    }

    /// Writes a footer as records.
    #[must_use]
    pub fn mimic(self) -> Self {
        self.op(&[Op::Mimic as u8])
    }

    /// The end of the steps; the file is finished, or the writer just stops.
    #[must_use]
    pub fn end(self, finished: bool) -> Self {
        self.op(&[Op::End as u8, u8::from(finished)])
    }

    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
