//! Training a zstd dictionary for record pages, and measuring what one saves.

use windrow_format::options::{DictionaryOption, WriterOptions};
use windrow_format::{Compressor, Dictionary, FormatError, MIN_DICTIONARY_BYTES, RecordGroup};

use crate::scratch::with_compressor;

/// Bytes of records that one is trained on at the most: twice as many take twice as long, and gain little.
const TRAINING_BYTES: usize = 8 << 20;
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

/// A dictionary, with what it saves of records that it was not trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrainedDictionary {
    /// The dictionary.
    pub dictionary: Dictionary,
    /// What it does for the records that were held back, at most about 1 MiB of them.
    pub gain: DictionaryGain,
    /// Sum of the sizes of all records that it was to be trained for, in bytes.
    sample_bytes: u64,
}

/// What some records take as record pages, with a dictionary and without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DictionaryGain {
    /// Records that were compressed.
    pub records: u64,
    /// Sum of their sizes in bytes.
    pub record_bytes: u64,
    /// Bytes that they take with the dictionary, itself not counted.
    pub with_bytes: u64,
    /// Bytes that they take without.
    pub without_bytes: u64,
    /// Bytes that the dictionary takes in a file, each of its two copies.
    pub stored_bytes: u64,
}

impl DictionaryGain {
    /// Bytes that the dictionary saves of these records; 0 if it makes them larger.
    #[must_use]
    pub fn saved_bytes(&self) -> u64 {
        self.without_bytes.saturating_sub(self.with_bytes)
    }
}

impl TrainedDictionary {
    /// Whether a file of the records that it was trained for, or of more like these, becomes smaller with the dictionary
    /// and its two copies.
    #[must_use]
    pub fn pays_in_a_file(&self) -> bool {
        let times = self.sample_bytes / self.gain.record_bytes.max(1);
        self.gain.saved_bytes().saturating_mul(times) > 2 * self.gain.stored_bytes
    }
}

/// Trains the dictionary that record pages of records like these are compressed with, as a writer with these options does:
/// of at most as many bytes as [`DictionaryOption::Size`] says, and with any other option of as many as pay, at most 256
/// KiB. `None` where there are too few records, or they share nothing.
///
/// Trains on up to 8 MiB of the records, evenly from all of them, in about a second; one in eight is held back to see
/// what the dictionary saves. 16 MiB of records are plenty.
///
/// ```
/// use windrow_format::options::{Layout, WriterOptions};
///
/// let lines: Vec<String> = (0..5000).map(|n| format!("{{\"user\":{},\"action\":\"view\"}}", n * 7919)).collect();
/// let records = lines.iter().map(|line| line.as_bytes());
/// let options = WriterOptions::new().with_layout(Layout::Pages);
/// let trained = windrow_io::train_dictionary(records, &options).expect("lines that resemble each other");
/// assert!(trained.gain.with_bytes < trained.gain.without_bytes);
/// std::fs::write(std::env::temp_dir().join("events.dict"), trained.dictionary.as_bytes())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn train_dictionary<'a>(
    records: impl Iterator<Item = &'a [u8]> + Clone,
    options: &WriterOptions,
) -> Option<TrainedDictionary> {
    let sample_bytes = records.clone().map(<[u8]>::len).sum();
    let (samples, held_back) = split(records, sample_bytes);
    let size = match options.dictionary() {
        DictionaryOption::Size(bytes) => usize::try_from(*bytes).unwrap_or(usize::MAX),
        _ => {
            let samples_bytes: usize = samples.iter().map(|sample| sample.len()).sum();
            let size = (samples_bytes / TRAINING_RATIO).min(AUTO_BYTES);
            Some(size).filter(|&size| size >= MIN_DICTIONARY_BYTES)?
        }
    };
    let dictionary = Dictionary::train(samples, size)?;
    let gain = dictionary_gain(&dictionary, held_back, options).ok()?;
    Some(TrainedDictionary {
        dictionary,
        gain,
        sample_bytes: sample_bytes as u64,
    })
}

/// Compresses records as pages, by the codec of the options, with `dictionary` and without. Holds what comes out; a
/// mebibyte of records tells enough. Codecs other than zstd take no dictionary.
///
/// # Errors
/// [`FormatError::CodecMissing`] if the codec is not built in.
pub fn dictionary_gain<'a>(
    dictionary: &Dictionary,
    records: impl IntoIterator<Item = &'a [u8]>,
    options: &WriterOptions,
) -> Result<DictionaryGain, FormatError> {
    let mut group = RecordGroup::new();
    for record in records {
        group.push(record);
    }
    let mut stored = Vec::new();
    dictionary.encode_chunk(&mut Compressor::new(), &mut stored)?;
    with_compressor(|compressor| {
        let mut bytes = |dictionary| {
            let mut out = Vec::new();
            let (codec, window_log) = (options.codec(), options.window_log());
            let group = group.as_slice();
            group.encode_pages(codec, window_log, dictionary, compressor, &mut out)?;
            Ok(out.len() as u64)
        };
        Ok(DictionaryGain {
            records: group.len(),
            record_bytes: group.bytes_len() as u64,
            with_bytes: bytes(Some(dictionary))?,
            without_bytes: bytes(None)?,
            stored_bytes: stored.len() as u64,
        })
    })
}

/// Records to train on, evenly from all of them, which have `bytes` bytes, and others to try the outcome on.
fn split<'a>(
    records: impl Iterator<Item = &'a [u8]>,
    bytes: usize,
) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    let (mut samples, mut held_back) = (Vec::new(), Vec::new());
    let (mut held_bytes, mut credit) = (0, 0);
    for (number, record) in records.enumerate() {
        if number % HELD_BACK == HELD_BACK - 1 {
            if held_bytes < HELD_BACK_BYTES {
                held_bytes += record.len();
                held_back.push(record);
            }
            continue;
        }
        credit += TRAINING_BYTES.min(bytes);
        if credit >= bytes {
            credit -= bytes;
            samples.push(&record[..record.len().min(MAX_TRAINING_RECORD_BYTES)]);
        }
    }
    (samples, held_back)
}
