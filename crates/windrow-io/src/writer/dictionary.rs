//! The dictionary of a file of record pages: given, or trained on its first records.

use windrow_format::options::{DictionaryOption, Layout};
use windrow_format::{Dictionary, RecordGroup};

use super::Writer;
use super::lay::buffer;
use crate::dictionaries::share;
use crate::error::Result;
use crate::scratch::with_compressor;
use crate::sink::Sink;
use crate::training::train_dictionary;

/// Bytes of records that are held before a dictionary is trained on them.
const SAMPLE_BYTES: usize = 16 << 20;

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
        let is_auto = *self.options.dictionary() == DictionaryOption::Auto;
        let trained = train_dictionary(records.iter(), &self.options);
        match trained.filter(|trained| !is_auto || trained.pays_in_a_file()) {
            Some(trained) => self.use_dictionary(share(trained.dictionary))?,
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
