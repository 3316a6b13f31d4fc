//! The dictionary of a file of record pages: given, or trained on its first records.

use windrow_format::options::{DictionaryOption, Layout, WriterOptions};
use windrow_format::{Compressor, Dictionary, FormatError, MIN_DICTIONARY_BYTES, RecordGroup};

use super::Writer;
use super::lay::buffer;
use crate::dictionaries::share;
use crate::error::Result;
use crate::scratch::with_compressor;
use crate::sink::Sink;

/// Bytes of records that are held before a dictionary is trained on them.
const SAMPLE_BYTES: usize = 16 << 20;
/// Of these, bytes that it is trained on at the most: four times as many take four times as long, and gain little.
const TRAINING_BYTES: usize = 6 << 20;
/// Bytes of one record that it is trained on at the most.
const MAX_TRAINING_RECORD_BYTES: usize = 64 << 10;
/// One record in so many is not trained on, but compressed with and without the dictionary to see whether that pays.
const HELD_BACK: usize = 8;
/// Bytes of held-back records that are compressed at the most.
const HELD_BACK_BYTES: usize = 1 << 20;
/// The largest dictionary that is trained if no size is asked for. A larger one gains a few per cent more, and is paid
/// for by cache misses when single records are read.
const AUTO_BYTES: usize = 256 << 10;
/// Bytes of training for a byte of dictionary.
const TRAINING_RATIO: usize = 24;

/// The dictionaries of a file that is being written.
#[derive(Debug, Default)]
pub(super) struct FileDictionaries {
    /// Where their chunks begin.
    offsets: Vec<u64>,
    /// Those that are written once more behind the footer.
    dictionaries: Vec<Dictionary>,
}

impl FileDictionaries {
    /// Those of a file that is gone on with.
    pub(super) fn of(offsets: Vec<u64>, dictionaries: &[Dictionary]) -> Self {
        Self {
            offsets,
            dictionaries: dictionaries.to_vec(),
        }
    }

    pub(super) fn offsets(&self) -> &[u64] {
        &self.offsets
    }
}

/// The first records of a file, held until it is decided how they are compressed.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    records: RecordGroup,
}

impl Sampling {
    /// Whether one more record of this size makes it full.
    pub(super) fn is_full_with(&self, record_bytes: usize) -> bool {
        self.records.bytes_len().saturating_add(record_bytes) >= SAMPLE_BYTES
    }
}

impl<S: Sink> Writer<S> {
    /// Writes the dictionary that the options give, unless the file has it, or begins to hold the records that one will be
    /// trained on.
    pub(super) fn begin_dictionary(&mut self) -> Result<()> {
        if self.options.layout() != Layout::Pages {
            return Ok(());
        }
        match self.options.dictionary() {
            DictionaryOption::Off => Ok(()),
            DictionaryOption::Given(dictionary) => {
                if self.dictionaries.dictionaries.contains(dictionary) {
                    return Ok(());
                }
                let dictionary = dictionary.clone();
                self.is_sealed = false;
                self.use_dictionary(dictionary)
            }
            _ => {
                self.sampling = Some(Sampling::default());
                Ok(())
            }
        }
    }

    /// Holds a record, and decides if there are enough.
    pub(super) fn sample(&mut self, record: &[u8]) -> Result<()> {
        let Some(sampling) = &mut self.sampling else {
            return self.write_to_group(record);
        };
        let is_full = sampling.is_full_with(record.len());
        sampling.records.push(record);
        if is_full { self.end_sampling() } else { Ok(()) }
    }

    /// Decides upon the dictionary, by the records that are there, and writes them.
    pub(super) fn end_sampling(&mut self) -> Result<()> {
        let Some(Sampling { records }) = self.sampling.take() else {
            return Ok(());
        };
        match choose(&records, &self.options) {
            Some(dictionary) => self.use_dictionary(share(dictionary))?,
            None => self.set_dictionary(DictionaryOption::Off),
        }
        for record in records.iter() {
            self.write_to_group(record)?;
        }
        Ok(())
    }

    /// Writes the chunk of a dictionary, which all that follows is compressed with.
    fn use_dictionary(&mut self, dictionary: Dictionary) -> Result<()> {
        self.lay_dictionary(&dictionary, |writer, begin| {
            writer.dictionaries.offsets.push(begin)
        })?;
        if self.options.pad_to_block_boundary() {
            self.lay_padding()?;
        }
        self.dictionaries.dictionaries.push(dictionary.clone());
        self.set_dictionary(DictionaryOption::Given(dictionary));
        Ok(())
    }

    fn set_dictionary(&mut self, dictionary: DictionaryOption) {
        self.options = std::mem::take(&mut self.options).with_dictionary(dictionary);
    }

    /// Writes the second copies, behind the footer.
    pub(super) fn lay_dictionary_copies(&mut self) -> Result<()> {
        let dictionaries = std::mem::take(&mut self.dictionaries.dictionaries);
        for dictionary in &dictionaries {
            self.lay_dictionary(dictionary, |_, _| {})?;
        }
        Ok(())
    }

    fn lay_dictionary(
        &mut self,
        dictionary: &Dictionary,
        begins_at: impl FnOnce(&mut Self, u64),
    ) -> Result<()> {
        let Self {
            blocks, out, sink, ..
        } = self;
        let guarded = blocks.lay_guard(|bytes| buffer(out, sink, bytes));
        self.check_io("write", guarded)?;
        let begin = self.blocks.position();
        begins_at(self, begin);
        let mut chunk = Vec::new();
        let header = with_compressor(|compressor| dictionary.encode_chunk(compressor, &mut chunk));
        self.lay_encoded(header, &chunk)
    }
}

/// The dictionary that records like these are best compressed with; `None` where they are better off without.
pub(crate) fn choose(records: &RecordGroup, options: &WriterOptions) -> Option<Dictionary> {
    let (samples, held_back) = split(records);
    let samples_bytes: usize = samples.iter().map(|sample| sample.len()).sum();
    let size = match options.dictionary() {
        DictionaryOption::Size(bytes) => {
            let size = usize::try_from(*bytes).unwrap_or(usize::MAX);
            return Dictionary::train(samples, size);
        }
        DictionaryOption::Auto => (samples_bytes / TRAINING_RATIO).min(AUTO_BYTES),
        _ => return None,
    };
    if size < MIN_DICTIONARY_BYTES {
        return None;
    }
    let dictionary = Dictionary::train(samples, size)?;
    pays(&dictionary, &held_back, records, options)
        .unwrap_or(false)
        .then_some(dictionary)
}

/// Records to train on, evenly from all of `records`, and others to try the outcome on.
fn split(records: &RecordGroup) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let mean = records.bytes_len() / usize::try_from(records.len().max(1)).unwrap_or(usize::MAX);
    let mean = mean.clamp(1, MAX_TRAINING_RECORD_BYTES);
    let all = usize::try_from(records.len()).unwrap_or(usize::MAX);
    let step = all.div_ceil((TRAINING_BYTES / mean).max(1)).max(1);
    let (mut samples, mut held_back) = (Vec::new(), Vec::new());
    let mut held_bytes = 0;
    for (number, record) in records.iter().enumerate() {
        if number % HELD_BACK == HELD_BACK - 1 {
            if held_bytes < HELD_BACK_BYTES {
                held_bytes += record.len();
                held_back.push(record);
            }
        } else if number % step == 0 {
            samples.push(&record[..record.len().min(MAX_TRAINING_RECORD_BYTES)]);
        }
    }
    (samples, held_back)
}

/// Whether a dictionary makes the records so much smaller that its two copies pay, going by those that were held back.
fn pays(
    dictionary: &Dictionary,
    held_back: &[&[u8]],
    records: &RecordGroup,
    options: &WriterOptions,
) -> std::result::Result<bool, FormatError> {
    let mut group = RecordGroup::new();
    for record in held_back {
        group.push(record);
    }
    if group.bytes_len() == 0 {
        return Ok(false);
    }
    with_compressor(|compressor| {
        let mut bytes = |dictionary| {
            let mut out = Vec::new();
            let (codec, window_log) = (options.codec(), options.window_log());
            let group = group.as_slice();
            group.encode_pages(codec, window_log, dictionary, compressor, &mut out)?;
            Ok(out.len() as u64)
        };
        let (with, without) = (bytes(Some(dictionary))?, bytes(None)?);
        let saved = without.saturating_sub(with);
        let mut stored = Vec::new();
        dictionary.encode_chunk(&mut Compressor::new(), &mut stored)?;
        let all = (records.bytes_len() / group.bytes_len()) as u64;
        Ok(saved.saturating_mul(all) > 2 * stored.len() as u64)
    })
}
