//! Live chunks of a file, or of its front, that has an index: that tells which chunks are data, and a scan looks only for
//! what is left of those that are damaged.

use super::{Contents, FoundFooter, LiveChunk, LiveChunks, Pushed};
use crate::chunk::Chunk;
use crate::error::FormatError;
use crate::footer::FooterMetadata;
use crate::index::ChunkLocation;
use crate::page_chunk::PageFront;
use crate::postscript::parse_postscript;

impl LiveChunks {
    /// Takes a chunk that the index lists and whose hashes fit: it supersedes all that the index does not list.
    pub fn push_listed(&mut self, location: &ChunkLocation, end: u64) {
        self.forget_from(self.settled);
        self.live.push(LiveChunk {
            begin: location.begin,
            end,
            first_record: self.num_records(),
            records: location.records,
            decoded_bytes: location.decoded_bytes,
            provisional: false,
        });
        self.data_chunks = self.data_chunks.saturating_add(1);
        self.settle(location);
    }

    /// Takes a chunk that the index lists and that cannot be read. What was pushed in front of it that the index does not
    /// list holds the first of its records, and stays. Returns those that are lost, as the writer counts.
    pub fn skip_listed(&mut self, location: &ChunkLocation, end: u64) -> std::ops::Range<u64> {
        self.add_skip(location.begin..end);
        if self.records_of_tail(self.settled) > location.records {
            self.forget_from(self.settled);
        }
        let kept = self.records_of_tail(self.settled);
        self.settle(location);
        let records_end = location.first_record.saturating_add(location.records);
        location.first_record.saturating_add(kept)..records_end
    }

    /// Takes a sound chunk that the index does not list, with all its data.
    ///
    /// # Errors
    /// Why it is not sound after all.
    pub fn push_unlisted(&mut self, chunk: &Chunk<'_>, end: u64) -> Result<Pushed, FormatError> {
        let header = &chunk.header;
        if self.contents == Some(Contents::Columns) {
            // What its index does not list was never data.
            return Ok(Pushed::Passed);
        }
        let mut live = LiveChunk {
            begin: chunk.at.byte,
            end,
            first_record: self.num_records(),
            records: header.num_records,
            decoded_bytes: header.decoded_bytes,
            provisional: false,
        };
        if header.chunk_type == crate::ChunkType::Provisional {
            let told = self.decode_provisional(chunk)?;
            live.records = told.records;
            live.provisional = true;
            if told.repeated > 0 {
                self.forget_from(self.settled);
            }
        } else if header.chunk_type == crate::ChunkType::Pages {
            // Never a footer, and what its records are needs the dictionary.
            PageFront::parse(header, chunk.data, chunk.at)?.check_slots()?;
            self.has_pages = true;
        } else if header.num_records > 0 {
            self.records.clear();
            self.decoder
                .decode(chunk, &self.limits, &mut self.records)?;
            // Footers and postscripts of earlier appends: what the index does not list is not data of that form.
            let first = self.records.get(0).unwrap_or_default();
            if FooterMetadata::parse(first, chunk.at).is_ok()
                || parse_postscript(&self.records, chunk.at).is_ok()
            {
                return Ok(Pushed::Passed);
            }
        }
        if live.records == 0 {
            return Ok(Pushed::Passed);
        }
        if !live.provisional {
            // The group that it begins with is that of what came before it.
            self.forget_from(self.settled);
            self.data_chunks = self.data_chunks.saturating_add(1);
        }
        live.first_record = self.num_records();
        self.live.push(live);
        Ok(Pushed::Data)
    }

    /// Ends the part of the file that the index covers. `last` is the last chunk that it lists, and `first_records` the
    /// count of the first one.
    pub fn end_of_index(
        &mut self,
        footer: FoundFooter,
        first_records: u64,
        last: Option<&ChunkLocation>,
    ) {
        self.forget_from(self.settled);
        self.group_begin = last.map(|last| last.begin);
        let last_records = last.map_or(0, |last| last.records);
        self.seal_group(&footer.metadata, first_records, last_records);
        self.gaps.clear();
        self.has_pages |= footer.metadata.has_pages;
        self.take_contents(&footer.metadata);
        self.footer = Some(footer);
    }

    fn settle(&mut self, location: &ChunkLocation) {
        // What is whole of this group, if the group is the last one.
        self.group = self.settled;
        self.settled = self.live.len();
        self.open = self.settled;
        let next = location.first_record.saturating_add(location.records);
        self.next_record = Some(next);
    }
}
