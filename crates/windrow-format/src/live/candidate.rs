//! Chunks that look like a footer.

use super::{Contents, LiveChunks};
use crate::chunk::Chunk;
use crate::footer::{FooterEntry, FooterMetadata};

/// What a chunk says that may be a footer.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) metadata: FooterMetadata,
    /// Where the last chunk begins that it lists.
    pub(super) last_offset: Option<u64>,
    /// Records of the first and of the last chunk that it lists.
    pub(super) first_records: u64,
    pub(super) last_records: u64,
}

impl LiveChunks {
    /// Whether a footer of what was found so far could have as few records as this: it lists each live chunk, but for
    /// those that a skipped one would have superseded.
    pub(super) fn may_be_candidate(&self, num_records: u64) -> bool {
        num_records.saturating_add(self.skips.len() as u64) > self.data_chunks
    }

    /// Reads `chunk` as a footer of the chunks that were found.
    pub(super) fn candidate(&mut self, chunk: &Chunk<'_>) -> Option<Candidate> {
        self.decode(chunk)?;
        let metadata = FooterMetadata::parse(self.records.get(0)?, chunk.at).ok()?;
        let contents = Contents::of(&metadata);
        if self.contents.is_some_and(|known| known != contents) {
            return None;
        }
        let len = usize::try_from(metadata.num_chunks).ok()?;
        if len >= self.records.len() {
            return None;
        }
        let mut live = self.live.iter().filter(|chunk| !chunk.provisional);
        let mut skips = self.skips.iter();
        let mut skip = skips.next();
        let mut next = live.next();
        let mut last_offset = None;
        let (mut first_records, mut last_records) = (None, 0);
        for record in self.records.iter().skip(1).take(len) {
            let entry = FooterEntry::parse(record).ok()?;
            let offset = entry.chunk_offset;
            if last_offset.is_some_and(|last| last >= offset) {
                return None;
            }
            last_offset = Some(offset);
            last_records = entry.num_records;
            first_records.get_or_insert(last_records);
            while skip.is_some_and(|skip| skip.end <= offset) {
                skip = skips.next();
            }
            while next.is_some_and(|next| next.begin < offset) {
                next = live.next();
            }
            match next.filter(|next| next.begin == offset) {
                Some(found) => {
                    let same = found.records == entry.num_records
                        && found.decoded_bytes == entry.decoded_bytes;
                    if !same {
                        return None;
                    }
                    next = live.next();
                }
                None if skip.is_some_and(|skip| skip.contains(&offset)) => {}
                None => return None,
            }
        }
        // A live chunk is left that it does not list: it is not a footer of this file.
        next.is_none().then_some(Candidate {
            metadata,
            last_offset,
            first_records: first_records.unwrap_or_default(),
            last_records,
        })
    }
}
