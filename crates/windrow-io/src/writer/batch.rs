//! Groups of records on their way to chunks, and what the footer will say of them.

use windrow_format::options::WriterOptions;
use windrow_format::{
    ChunkHeader, Codec, Compressor, FooterEntry, FormatError, GroupSlice, MAX_CHUNK_RECORDS,
    RecordGroup,
};

use crate::scratch::{with_compressor, with_transposer};

/// How groups become chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    codec: Codec,
    window_log: Option<u32>,
    /// Of transposed chunks.
    bucket_bytes: Option<u64>,
}

impl Layout {
    pub(super) fn of(options: &WriterOptions) -> Self {
        Self {
            codec: options.codec(),
            window_log: options.window_log(),
            bucket_bytes: options
                .transpose()
                .then(|| options.transpose_bucket_bytes()),
        }
    }

    fn encode(
        self,
        group: &GroupSlice<'_>,
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> Result<ChunkHeader, FormatError> {
        let Self {
            codec, window_log, ..
        } = self;
        match self.bucket_bytes {
            None => group.encode(codec, window_log, compressor, out),
            Some(bucket_bytes) => with_transposer(|transposer| {
                transposer.encode(group, codec, window_log, bucket_bytes, compressor, out)
            }),
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

    pub(super) fn encode(mut self, layout: Layout) -> EncodedBatch {
        let Self {
            records,
            lens,
            encoded,
            headers,
        } = &mut self;
        let result = with_compressor(|compressor| {
            records.split(lens).try_for_each(|group| {
                headers.push(layout.encode(&group, compressor, encoded)?);
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
