//! Files that no writer of ours makes: built by hand, on failing stores, and at random.

mod built;
mod mutations;
mod stores;

use windrow_format::{
    BLOCK_BYTES, BlockWriter, ChunkHeader, ChunkType, Codec, Compressor, FooterEntry,
    FooterMetadata, RecordGroup, encode_postscript, push_chunk,
};

use super::*;
use crate::error::SourceName;

/// Builds a file chunk by chunk.
pub(super) struct FileBuilder {
    pub(super) bytes: Vec<u8>,
    blocks: BlockWriter,
    entries: Vec<FooterEntry>,
}

impl FileBuilder {
    pub(super) fn new() -> Self {
        let mut file = Self {
            bytes: Vec::new(),
            blocks: BlockWriter::new(0),
            entries: Vec::new(),
        };
        file.chunk(ChunkType::Signature, 0, 0, &[]);
        file
    }

    /// Chunks for a place in the middle of a file; `begin` is rounded up to where a chunk may begin.
    pub(super) fn at(begin: u64) -> Self {
        let boundary = windrow_format::round_up_to_chunk_boundary(begin);
        Self {
            bytes: vec![0; usize::try_from(boundary - begin).unwrap()],
            blocks: BlockWriter::new(boundary),
            entries: Vec::new(),
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.blocks.position()
    }

    /// Lays a chunk with a header of its own, and returns where it begins.
    pub(super) fn raw_chunk(&mut self, header: &ChunkHeader, data: &[u8]) -> u64 {
        let begin = self.position();
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, header, data);
        let out = &mut self.bytes;
        let laid = self.blocks.lay(header, &chunk, |bytes| {
            out.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
        laid.unwrap();
        begin
    }

    pub(super) fn chunk(
        &mut self,
        chunk_type: ChunkType,
        num_records: u64,
        decoded_bytes: u64,
        data: &[u8],
    ) -> u64 {
        let header = ChunkHeader::new(chunk_type, num_records, decoded_bytes, data);
        self.raw_chunk(&header, data)
    }

    fn group(&mut self, records: &RecordGroup) -> (u64, ChunkHeader) {
        let mut chunk = Vec::new();
        let encoded = records.encode(
            Codec::Uncompressed,
            None,
            &mut Compressor::default(),
            &mut chunk,
        );
        let header = encoded.unwrap();
        (self.raw_chunk(&header, &chunk[40..]), header)
    }

    /// A chunk of records that no entry lists.
    pub(super) fn unlisted(&mut self, records: &[&[u8]]) -> u64 {
        let mut group = RecordGroup::new();
        records.iter().for_each(|record| group.push(record));
        self.group(&group).0
    }

    pub(super) fn list(&mut self, chunk_offset: u64, num_records: u64, decoded_bytes: u64) {
        self.entries.push(FooterEntry {
            chunk_offset,
            decoded_bytes,
            num_records,
        });
    }

    /// A data chunk.
    pub(super) fn data(&mut self, records: &[&[u8]]) -> u64 {
        let begin = self.unlisted(records);
        let bytes: usize = records.iter().map(|record| record.len()).sum();
        self.list(begin, records.len() as u64, bytes as u64);
        begin
    }

    /// The footer, under version 2, which leaves the counts free.
    pub(super) fn footer(&mut self) -> u64 {
        let mut records = RecordGroup::new();
        let metadata = FooterMetadata {
            version: 2,
            num_chunks: self.entries.len() as u64,
            num_records: self.entries.iter().map(|entry| entry.num_records).sum(),
            ..FooterMetadata::default()
        };
        records.push(&metadata.encode());
        for entry in &self.entries {
            let mut message = Vec::new();
            entry.encode(&mut message);
            records.push(&message);
        }
        self.group(&records).0
    }

    pub(super) fn pad(&mut self) {
        let out = &mut self.bytes;
        let laid = self.blocks.lay_padding(|bytes| {
            out.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
        laid.unwrap();
    }

    pub(super) fn postscript(&mut self, footer: u64) -> u64 {
        assert!(self.position().is_multiple_of(BLOCK_BYTES));
        let message = encode_postscript(footer);
        self.unlisted(&[&message, &message, &message])
    }

    /// Footer, padding, postscript, padding.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let footer = self.footer();
        self.pad();
        self.postscript(footer);
        self.pad();
        self.bytes
    }
}

pub(super) fn check(bytes: &[u8], deep: bool) -> VerifyReport {
    let options = VerifyOptions::new().with_deep(deep);
    verify_store(bytes.to_vec(), SourceName::MEMORY, &options).unwrap()
}

/// Code, first byte and chunk of each fault.
pub(super) fn faults(report: &VerifyReport) -> Vec<(&'static str, u64, Option<u64>)> {
    let faults = report.faults.iter();
    faults
        .map(|fault| (fault.code(), fault.bytes.start, fault.chunk))
        .collect()
}
