//! Groups of records on their way to chunks, and what the footer will say of them.

use windrow_format::options::{DictionaryOption, Layout, WriterOptions};
use windrow_format::{
    ChunkHeader, Codec, Compressor, Dictionary, FooterEntry, FormatError, GroupSlice,
    MAX_CHUNK_RECORDS, RecordGroup,
};

use crate::scratch::{with_compressor, with_transposer};

/// How groups become chunks.
#[derive(Debug, Clone)]
pub(super) struct Encoding {
    codec: Codec,
    window_log: Option<u32>,
    chunks: Chunks,
}

#[derive(Debug, Clone)]
enum Chunks {
    Groups,
    Transposed { bucket_bytes: u64 },
    Pages { dictionary: Option<Dictionary> },
}

impl Encoding {
    /// With the dictionary that the options give.
    pub(super) fn of(options: &WriterOptions) -> Self {
        let chunks = match (options.layout(), options.dictionary()) {
            (Layout::Pages, DictionaryOption::Given(dictionary)) => Chunks::Pages {
                dictionary: Some(dictionary.clone()),
            },
            (Layout::Pages, _) => Chunks::Pages { dictionary: None },
            _ if options.transpose() => Chunks::Transposed {
                bucket_bytes: options.transpose_bucket_bytes(),
            },
            _ => Chunks::Groups,
        };
        Self {
            codec: options.codec(),
            window_log: options.window_log(),
            chunks,
        }
    }

    fn encode(
        &self,
        group: &GroupSlice<'_>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let Self {
            codec,
            window_log,
            chunks,
        } = self;
        let (codec, window_log) = (*codec, *window_log);
        match chunks {
            Chunks::Groups => group.encode(codec, window_log, compressor, out),
            &Chunks::Transposed { bucket_bytes } => with_transposer(|transposer| {
                transposer.encode(group, codec, window_log, bucket_bytes, compressor, out)
            }),
            Chunks::Pages { dictionary } => {
                group.encode_pages(codec, window_log, dictionary.as_ref(), compressor, out)
            }
        }
    }
}

/// Groups on their way through the pool.
#[derive(Debug, Default)]
pub(super) struct GroupBatch {
    pub(super) records: RecordGroup,
    /// Records in each group.
    pub(super) lens: Vec<u64>,
    /// The chunks, header and data, back to back.
    pub(super) encoded: Vec<u8>,
    pub(super) headers: Vec<ChunkHeader>,
}

/// What a group adds to the fill of its batch beside its bytes.
pub(super) const GROUP_FILL_BYTES: usize = 16;

pub(super) type EncodedBatch = (GroupBatch, Result<(), FormatError>);

/// The footer's entries, encoded as they come.
#[derive(Debug, Default)]
pub(super) struct FooterEntries {
    pub(super) group: RecordGroup,
    /// Scratch for one entry.
    message: Vec<u8>,
    first_len: u64,
    last_len: u64,
    /// Every chunk but the last has as many records as the first, and the last no more.
    pub(super) uniform: bool,
}

impl GroupBatch {
    /// How much work there is in it so far, in bytes.
    pub(super) fn fill_bytes(&self) -> usize {
        self.records.bytes_len() + GROUP_FILL_BYTES * self.lens.len()
    }

    pub(super) fn encode(mut self, encoding: &Encoding) -> EncodedBatch {
        let Self {
            records,
            lens,
            encoded,
            headers,
        } = &mut self;
        let result = with_compressor(|compressor| {
            records.split(lens).try_for_each(|group| {
                headers.push(encoding.encode(&group, compressor, encoded)?);
                Ok(())
            })
        });
        (self, result)
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.lens.clear();
        self.encoded.clear();
        self.headers.clear();
    }
}

impl FooterEntries {
    pub(super) fn new() -> Self {
        Self {
            uniform: true,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, entry: &FooterEntry) {
        let num_records = entry.num_records;
        debug_assert!(
            num_records > 0 && num_records <= MAX_CHUNK_RECORDS,
            "groups are bounded"
        );
        if self.group.is_empty() {
            self.first_len = num_records;
        } else if self.last_len != self.first_len || num_records > self.first_len {
            self.uniform = false;
        }
        self.last_len = num_records;
        self.message.clear();
        entry.encode(&mut self.message);
        self.group.push(&self.message);
    }
}
