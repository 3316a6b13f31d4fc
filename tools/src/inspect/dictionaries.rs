//! The dictionaries of a file: their copies, and what they save.

use std::path::Path;

use serde::Serialize;
use windrow::format::{Chunk, Limits};
use windrow::{At, Dictionary, DictionaryGain, Reader, ScannedChunk, dictionary_gain};

use crate::convert::Source;
use crate::error::CliError;
use crate::output::size;
use crate::sample::Sampler;
use crate::train::GainLine;

/// Bytes of records that are compressed with and without a dictionary, in runs of so many.
const SAMPLE_BYTES: usize = 1 << 20;
const RUN_RECORDS: u64 = 16;
/// Where the id stands behind the header of a dictionary chunk.
const ID: std::ops::Range<usize> = 41..49;

/// A dictionary, or what is left of it.
#[derive(Debug)]
pub struct FoundDictionary {
    /// As its chunks say.
    id: u64,
    /// `None` if no copy is sound.
    dictionary: Option<Dictionary>,
    copies: Vec<CopyLine>,
    gain: Option<DictionaryGain>,
}

/// One line of `--json` holds these for each dictionary.
#[derive(Debug, Serialize)]
pub struct DictionaryLine {
    id: String,
    dictionary_bytes: Option<u64>,
    copies: Vec<CopyLine>,
    gain: Option<GainLine>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct CopyLine {
    offset: u64,
    bytes: u64,
    sound: bool,
}

/// Adds the copy in `chunk`, whose header and data `flat` holds.
pub fn push(found: &mut Vec<FoundDictionary>, chunk: &ScannedChunk, flat: &[u8]) {
    let at = At::byte(chunk.bytes.start);
    let dictionary = Chunk::parse(flat, at)
        .and_then(|chunk| Dictionary::parse_chunk(&chunk, &Limits::default()))
        .ok();
    let stored = flat.get(ID).and_then(|id| id.try_into().ok());
    let stored = u64::from_le_bytes(stored.unwrap_or_default());
    let id = dictionary.as_ref().map_or(stored, Dictionary::id);
    let copy = CopyLine {
        offset: chunk.bytes.start,
        bytes: chunk.bytes.end - chunk.bytes.start,
        sound: dictionary.is_some(),
    };
    match found.iter_mut().find(|known| known.id == id) {
        Some(known) => {
            known.copies.push(copy);
            known.dictionary = known.dictionary.take().or(dictionary);
        }
        None => found.push(FoundDictionary {
            id,
            dictionary,
            copies: vec![copy],
            gain: None,
        }),
    }
}

/// Measures on some records of the file what each dictionary saves, where they can be read.
pub fn measure(
    path: &Path,
    reader: &Reader,
    found: &mut [FoundDictionary],
) -> Result<(), CliError> {
    if found.is_empty() || reader.is_empty() {
        return Ok(());
    }
    let mut sampler = Sampler::new(SAMPLE_BYTES, RUN_RECORDS);
    match sampler.take(&mut Source::of_reader(path, reader.clone())) {
        // Damage is told by others.
        Err(CliError::Library(windrow::Error::Format { .. })) => return Ok(()),
        sampled => sampled?,
    }
    let records = sampler.finish();
    let options = reader.footer().metadata.parsed_writer_options();
    let options = options.unwrap_or_default();
    for FoundDictionary {
        dictionary, gain, ..
    } in found
    {
        *gain = dictionary
            .as_ref()
            .and_then(|dictionary| dictionary_gain(dictionary, &records, &options).ok());
    }
    Ok(())
}

impl DictionaryLine {
    pub fn new(found: &FoundDictionary) -> Self {
        let dictionary = found.dictionary.as_ref();
        Self {
            id: format!("{:016x}", found.id),
            dictionary_bytes: dictionary.map(|dictionary| dictionary.as_bytes().len() as u64),
            copies: found.copies.clone(),
            gain: found.gain.as_ref().map(GainLine::new),
        }
    }

    pub fn in_words(&self) -> String {
        let id = &self.id;
        let gain = self.gain.as_ref();
        let gain = gain.map_or(String::new(), |gain| format!("; {}", gain.in_words()));
        match self.dictionary_bytes {
            Some(bytes) => format!("{id}, {}{gain}", size(bytes)),
            None => format!("{id}, lost: no copy is sound"),
        }
    }

    /// As in `64 (1.1 KiB, sound), 4096 (1.1 KiB, damaged)`.
    pub fn copies_in_words(&self) -> String {
        let copies = self.copies.iter().map(|copy| {
            let state = if copy.sound { "sound" } else { "damaged" };
            format!("byte {}: {}, {state}", copy.offset, size(copy.bytes))
        });
        let mut words = copies.collect::<Vec<_>>().join("; ");
        if self.copies.len() < 2 {
            words += "; the other one is missing";
        }
        words
    }
}
