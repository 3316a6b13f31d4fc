//! Dictionaries of page chunks, and the chunk (`d`) that holds one. `format-spec/record-pages.md` has the rules.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::chunk::Chunk;
use crate::chunk_header::{ChunkHeader, ChunkType, check_field};
use crate::codec::{BufferLimits, Codec, CompressionType, Compressor, Decompressor};
use crate::error::{At, FormatError};
use crate::footer::MAX_DICTIONARIES;
use crate::hash::hash;
use crate::limits::Limits;
use crate::record_chunk::encode_chunk;

/// The least bytes of a dictionary.
pub const MIN_DICTIONARY_BYTES: usize = 256;
/// The most bytes of a dictionary.
pub const MAX_DICTIONARY_BYTES: usize = 16 << 20;
/// Id that a page chunk names where its records were compressed without a dictionary.
pub const NO_DICTIONARY: u64 = 0;

/// The least bytes of a sample. zstd's training looks for pieces of eight bytes, and reads far behind samples that have
/// fewer in all.
#[cfg(feature = "zstd")]
const MIN_SAMPLE_BYTES: usize = 8;
/// Level at which dictionaries are compressed themselves: each file waits for it twice.
const STORED_LEVEL: i32 = 3;
const WHAT: &str = "dictionary";

/// A zstd dictionary, prepared for decoding. Clones share it.
#[derive(Debug, Clone)]
pub struct Dictionary(Arc<Prepared>);

/// A [`Dictionary`] that is not kept by this value.
#[derive(Debug, Clone)]
pub struct WeakDictionary(Weak<Prepared>);

struct Prepared {
    id: u64,
    bytes: Vec<u8>,
    #[cfg(feature = "zstd")]
    decode: zstd_safe::DDict<'static>,
}

/// Why bytes are no [`Dictionary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are named and the messages explain them"
)]
pub enum DictionaryError {
    #[error(
        "a dictionary of {bytes} bytes: it may have {MIN_DICTIONARY_BYTES} to {MAX_DICTIONARY_BYTES}"
    )]
    Size { bytes: usize },
    #[error("zstd does not take these {bytes} bytes for a dictionary: they are damaged")]
    Invalid { bytes: usize },
    #[error("dictionaries need the codec zstd, which is not built in; enable feature `zstd`")]
    NotBuiltIn,
}

impl Dictionary {
    /// Prepares a dictionary: one of zstd's own form, as `zstd --train` writes it, or any bytes that records share parts
    /// with. [`MIN_DICTIONARY_BYTES`] to [`MAX_DICTIONARY_BYTES`] bytes.
    ///
    /// # Errors
    /// [`DictionaryError`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, DictionaryError> {
        let bytes = bytes.into();
        let len = bytes.len();
        if !(MIN_DICTIONARY_BYTES..=MAX_DICTIONARY_BYTES).contains(&len) {
            return Err(DictionaryError::Size { bytes: len });
        }
        #[cfg(feature = "zstd")]
        return Ok(Self(Arc::new(Prepared {
            id: id_of(&bytes),
            decode: zstd_safe::DDict::try_create(&bytes)
                .ok_or(DictionaryError::Invalid { bytes: len })?,
            bytes,
        })));
        #[cfg(not(feature = "zstd"))]
        Err(DictionaryError::NotBuiltIn)
    }

    /// Trains a dictionary of at most `max_bytes` bytes on `samples`: what records like these share. `None` where there
    /// are too few of them, those of fewer than eight bytes not counted, or nothing is shared. Takes about a tenth of a
    /// second for each megabyte of samples; a hundred times `max_bytes` of them is plenty.
    #[must_use]
    pub fn train<'a>(
        samples: impl IntoIterator<Item = &'a [u8]>,
        max_bytes: usize,
    ) -> Option<Self> {
        #[cfg(feature = "zstd")]
        {
            let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
            for sample in samples {
                if sample.len() >= MIN_SAMPLE_BYTES {
                    bytes.extend_from_slice(sample);
                    sizes.push(sample.len());
                }
            }
            let room = max_bytes.clamp(MIN_DICTIONARY_BYTES, MAX_DICTIONARY_BYTES);
            let mut dictionary = Vec::with_capacity(room);
            zstd_safe::train_from_buffer(&mut dictionary, &bytes, &sizes).ok()?;
            Self::new(dictionary).ok()
        }
        #[cfg(not(feature = "zstd"))]
        {
            let _ = (samples.into_iter(), max_bytes);
            None
        }
    }

    /// What page chunks name it by: the hash of its bytes, never [`NO_DICTIONARY`].
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Its bytes, as zstd's tools take them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// A value that finds this preparation again for as long as somebody keeps it.
    #[must_use]
    pub fn downgrade(&self) -> WeakDictionary {
        WeakDictionary(Arc::downgrade(&self.0))
    }

    /// For decoding.
    #[cfg(feature = "zstd")]
    pub(crate) fn decoding(&self) -> &zstd_safe::DDict<'static> {
        &self.0.decode
    }

    /// Whether both share one preparation.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Appends the chunk that holds the dictionary to `out`: header and data, without block headers.
    ///
    /// # Errors
    /// Those of [`Compressor::compress_into`].
    pub fn encode_chunk(
        &self,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let codec = Codec::Zstd {
            level: STORED_LEVEL,
        };
        encode_chunk(out, |out| {
            out.push(codec.compression_type().to_byte());
            out.extend_from_slice(&self.id().to_le_bytes());
            compressor.compress_into(codec, None, self.as_bytes(), out)?;
            Ok((ChunkType::Dictionary, 0, self.as_bytes().len() as u64))
        })
    }

    /// Reads the chunk that holds a dictionary.
    ///
    /// # Errors
    /// [`FormatError::ChunkType`] for another chunk, [`FormatError::DictionaryId`] if the bytes are not those of the id,
    /// and what contradicts itself in the data.
    pub fn parse_chunk(chunk: &Chunk<'_>, limits: &Limits) -> Result<Self, FormatError> {
        let (at, header) = (chunk.at, &chunk.header);
        if header.chunk_type != ChunkType::Dictionary {
            return Err(FormatError::ChunkType {
                at,
                chunk_type: header.chunk_type.to_byte(),
            });
        }
        check_field(at, "num_records", header.num_records, 0)?;
        let truncated = FormatError::Truncated {
            what: WHAT,
            at,
            need: 9,
            have: chunk.data.len() as u64,
        };
        let Some((&[compression, ref stored @ ..], buffer)) = chunk.data.split_first_chunk::<9>()
        else {
            return Err(truncated);
        };
        let compression =
            CompressionType::from_byte(compression).ok_or(FormatError::CompressionType {
                at,
                compression_type: compression,
            })?;
        let stored = u64::from_le_bytes(*stored);
        let mut bytes = Vec::new();
        let buffer_limits = BufferLimits {
            exact: Some(header.decoded_bytes),
            max: MAX_DICTIONARY_BYTES as u64,
            limit: limits.max_chunk_bytes.min(MAX_DICTIONARY_BYTES as u64),
            option: "max_chunk_bytes",
            what: WHAT,
            at,
        };
        Decompressor::new().decompress_into(compression, buffer, &buffer_limits, &mut bytes)?;
        let computed = id_of(&bytes);
        if stored != computed {
            return Err(FormatError::DictionaryId {
                at,
                stored,
                computed,
            });
        }
        Self::new(bytes).map_err(|error| match error {
            DictionaryError::NotBuiltIn => FormatError::CodecMissing {
                codec: "zstd",
                at,
                feature: "zstd",
            },
            _ => FormatError::Decompress {
                codec: "zstd",
                what: WHAT,
                at,
            },
        })
    }
}

fn id_of(bytes: &[u8]) -> u64 {
    // 0 says that there is none.
    hash(bytes).max(1)
}

impl WeakDictionary {
    /// The dictionary, if somebody keeps it still.
    #[must_use]
    pub fn upgrade(&self) -> Option<Dictionary> {
        self.0.upgrade().map(Dictionary)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary")
            .field("id", &format_args!("{:016x}", self.id))
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Dictionary {}

/// The dictionaries of a file, and what is wrong with those of its dictionary chunks that cannot be read.
#[derive(Debug, Clone, Default)]
pub struct Dictionaries {
    sound: Vec<Dictionary>,
    broken: Option<FormatError>,
}

impl Dictionaries {
    /// None at all.
    pub const NONE: &'static Self = &Self {
        sound: Vec::new(),
        broken: None,
    };

    /// Takes one copy of a dictionary, or what is wrong with it.
    pub fn push(&mut self, copy: Result<Dictionary, FormatError>) {
        match copy {
            Ok(dictionary) if self.find(dictionary.id()).is_some() => {}
            Ok(dictionary) => self.sound.push(dictionary),
            Err(error) => self.broken = Some(error),
        }
    }

    /// Reads the chunk that holds a dictionary, or another copy of one of these. All of them together may be no larger than
    /// a chunk.
    ///
    /// # Errors
    /// Those of [`Dictionary::parse_chunk`], [`FormatError::TooMany`], and [`FormatError::Limit`] naming
    /// `max_chunk_bytes`.
    pub fn parse_chunk(
        &self,
        chunk: &Chunk<'_>,
        limits: &Limits,
    ) -> Result<Dictionary, FormatError> {
        let id = chunk.data.get(1..).and_then(<[u8]>::first_chunk);
        let is_known = id.is_some_and(|id| self.find(u64::from_le_bytes(*id)).is_some());
        if chunk.header.chunk_type == ChunkType::Dictionary && !is_known {
            self.check_room(&chunk.header, limits, chunk.at)?;
        }
        Dictionary::parse_chunk(chunk, limits)
    }

    fn check_room(&self, header: &ChunkHeader, limits: &Limits, at: At) -> Result<(), FormatError> {
        if self.sound.len() >= MAX_DICTIONARIES {
            return Err(FormatError::TooMany {
                what: "dictionaries",
                at,
                limit: MAX_DICTIONARIES as u64,
            });
        }
        let sizes = self.sound.iter().map(|known| known.as_bytes().len() as u64);
        let value = sizes.fold(header.decoded_bytes, u64::saturating_add);
        let limit = limits.max_chunk_bytes;
        if value <= limit {
            return Ok(());
        }
        Err(FormatError::Limit {
            what: "dictionaries",
            at,
            value,
            limit,
            option: "max_chunk_bytes",
        })
    }

    /// Takes a dictionary, if there is one.
    #[cfg(test)]
    pub(crate) fn extend_with(&mut self, dictionary: Option<&Dictionary>) {
        self.sound.extend(dictionary.cloned());
    }

    /// The dictionaries that can be read, each once.
    #[must_use]
    pub fn as_slice(&self) -> &[Dictionary] {
        &self.sound
    }

    /// The dictionary with this id, if it can be read.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&Dictionary> {
        self.sound.iter().find(|dictionary| dictionary.id() == id)
    }

    /// The dictionary that the page chunk at `at` names; `None` for [`NO_DICTIONARY`].
    ///
    /// # Errors
    /// [`FormatError::DictionaryMissing`].
    pub fn get(&self, id: u64, at: At) -> Result<Option<&Dictionary>, FormatError> {
        if id == NO_DICTIONARY {
            return Ok(None);
        }
        match self.find(id) {
            None => Err(FormatError::DictionaryMissing {
                at,
                id,
                source: self.broken.clone().map(Box::new),
            }),
            found => Ok(found),
        }
    }
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use super::*;

    fn dictionary() -> Dictionary {
        let samples: Vec<Vec<u8>> = (0..2000_u32)
            .map(|i| {
                format!(
                    "{{\"user\":{},\"action\":\"view\",\"item\":{}}}",
                    i * 7919,
                    i % 13
                )
                .into()
            })
            .collect();
        Dictionary::train(samples.iter().map(Vec::as_slice), 4096).unwrap()
    }

    #[test]
    fn chunks_read_back_and_damage_is_told() {
        let dictionary = dictionary();
        let mut bytes = Vec::new();
        let header = dictionary
            .encode_chunk(&mut Compressor::new(), &mut bytes)
            .unwrap();
        let at = At::byte(64);
        let chunk = Chunk::parse(&bytes, at).unwrap();
        assert_eq!(chunk.header, header);
        let limits = Limits::default();
        assert_eq!(Dictionary::parse_chunk(&chunk, &limits), Ok(dictionary));
        let code = |data: &[u8], chunk_type| {
            let header = ChunkHeader {
                chunk_type,
                ..ChunkHeader::new(chunk_type, 0, header.decoded_bytes, data)
            };
            let chunk = Chunk { header, data, at };
            Dictionary::parse_chunk(&chunk, &limits).unwrap_err().code()
        };
        let with = |place: usize, byte| {
            let mut data = chunk.data.to_vec();
            data[place] = byte;
            data
        };
        let kind = ChunkType::Dictionary;
        assert_eq!(code(&with(1, !chunk.data[1]), kind), "dictionary_id");
        assert_eq!(code(&with(0, 7), kind), "compression_type");
        assert_eq!(code(&with(9, 0), kind), "decoded_size");
        assert_eq!(code(&chunk.data[..8], kind), "truncated");
        assert_eq!(code(chunk.data, ChunkType::Simple), "chunk_type");
    }

    #[test]
    fn training_on_tiny_samples_reads_nothing_behind_them() {
        for len in 0..20_usize {
            for count in [5, 6, 7, 8, 11, 40] {
                // Most of them empty, so that those that are trained on have fewer than eight bytes in all.
                let mut samples = vec![vec![b'a'; len]; count];
                let _ = Dictionary::train(samples.iter().map(Vec::as_slice), 256);
                samples.rotate_left(1);
                for sample in samples.iter_mut().take(count - 1) {
                    sample.truncate(1);
                }
                let _ = Dictionary::train(samples.iter().map(Vec::as_slice), 256);
                samples.reverse();
                let _ = Dictionary::train(samples.iter().map(Vec::as_slice), 65_536);
            }
        }
    }

    #[test]
    fn what_is_no_dictionary() {
        let few: [&[u8]; 3] = [b"a", b"b", b"c"];
        assert_eq!(Dictionary::train(few, 4096), None);
        assert_eq!(Dictionary::train([], 4096), None);
        let size = |bytes| Err(DictionaryError::Size { bytes });
        assert_eq!(Dictionary::new(vec![1; 255]), size(255));
        assert_eq!(
            Dictionary::new(vec![1; MAX_DICTIONARY_BYTES + 1]),
            size(MAX_DICTIONARY_BYTES + 1)
        );
        // Any bytes will do, but for those that say that they are of zstd's form and are not.
        assert!(Dictionary::new(vec![1; 256]).is_ok());
        let mut broken = dictionary().as_bytes().to_vec();
        broken[8..300].fill(0xff);
        let bytes = broken.len();
        assert_eq!(
            Dictionary::new(broken),
            Err(DictionaryError::Invalid { bytes })
        );
    }

    #[test]
    fn a_missing_one_says_what_is_wrong_with_those_there() {
        let at = At::byte(64);
        let missing = |dictionaries: &Dictionaries| dictionaries.get(5, at).unwrap_err();
        assert_eq!(missing(Dictionaries::NONE).code(), "dictionary_missing");
        let mut dictionaries = Dictionaries::default();
        let broken = FormatError::ChunkBoundary { at };
        dictionaries.push(Err(broken.clone()));
        let FormatError::DictionaryMissing { source, .. } = missing(&dictionaries) else {
            panic!("another error");
        };
        assert_eq!(source, Some(Box::new(broken)));
        let dictionary = dictionary();
        dictionaries.push(Ok(dictionary.clone()));
        dictionaries.push(Ok(dictionary.clone()));
        assert_eq!(dictionaries.as_slice(), std::slice::from_ref(&dictionary));
        assert_eq!(dictionaries.get(dictionary.id(), at), Ok(Some(&dictionary)));
        assert_eq!(dictionaries.get(NO_DICTIONARY, at), Ok(None));
    }
}
