//! The entries of a footer: checked one by one, packed page by page.

use std::ops::Range;

use super::buffers::FooterBuffers;
use super::{Footer, IndexPages, PageStart};
use crate::block::is_chunk_boundary;
use crate::chunk_header::{CHUNK_HEADER_BYTES, MAX_CHUNK_RECORDS, SIGNATURE_BYTES};
use crate::error::{At, FormatError};
use crate::footer::{FooterEntry, FooterMetadata, VERSION_UPSTREAM};
use crate::index::{PAGE_CHUNKS, encode_page};
use crate::varint::take_varint;

/// Pages that one step of a decoder brings at the most (a few hundred KB).
const PAGES_PER_ITEM: usize = 256;
/// Entries that make a page: its own, and the one that tells where its last chunk ends.
const PAGE_AND_NEXT: usize = PAGE_CHUNKS + 1;

/// What the entries want, or have.
pub(super) enum EntriesStep {
    Need(Range<u64>),
    Pages(IndexPages),
}

/// The entries that are left, and the page that is being filled.
#[derive(Debug)]
pub(super) struct Entries {
    at: At,
    pub(super) buffers: FooterBuffers,
    /// Records of the footer chunk that are left.
    left: u64,
    has_metadata: bool,
    pending: Vec<FooterEntry>,
    pages: IndexPages,
    /// Records in front of the pending page.
    first_record: u64,
    /// Records in all entries so far.
    sum: u64,
    /// Entries so far.
    done: u64,
    previous: Option<FooterEntry>,
}

impl Entries {
    pub(super) fn new(at: At, buffers: FooterBuffers, num_records: u64) -> Self {
        Self {
            at,
            buffers,
            left: num_records,
            has_metadata: false,
            pending: Vec::with_capacity(PAGE_AND_NEXT),
            pages: IndexPages::default(),
            first_record: 0,
            sum: 0,
            done: 0,
            previous: None,
        }
    }

    /// The next pages, none at the end, when the totals are checked; or the bytes that they take.
    pub(super) fn step(&mut self, footer: &mut Footer) -> Result<EntriesStep, FormatError> {
        loop {
            if self.buffers.is_short() && (self.left > 0 || !self.has_metadata) {
                if let Some(range) = self.buffers.refill()? {
                    return Ok(EntriesStep::Need(range));
                }
                continue;
            }
            if !self.has_metadata {
                self.take_metadata(footer)?;
            } else if self.left == 0 {
                self.finish(footer)?;
                return Ok(EntriesStep::Pages(std::mem::take(&mut self.pages)));
            } else {
                self.take_plain_entries(footer);
                if self.left > 0 && self.pending.len() < PAGE_AND_NEXT && !self.buffers.is_short() {
                    self.take_entry(footer)?;
                }
            }
            if self.pending.len() >= PAGE_AND_NEXT {
                self.push_full_page();
                if self.pages.starts.len() >= PAGES_PER_ITEM {
                    return Ok(EntriesStep::Pages(std::mem::take(&mut self.pages)));
                }
            }
        }
    }

    fn take_metadata(&mut self, footer: &mut Footer) -> Result<(), FormatError> {
        let at = self.at;
        let Some(record) = self.next_record()? else {
            return Err(FormatError::FooterMetadata { at });
        };
        let metadata = FooterMetadata::parse(record, at)?;
        if metadata.num_chunks > self.left {
            return Err(FormatError::FooterChunks {
                at,
                declared: metadata.num_chunks,
                present: self.left,
            });
        }
        // Upstream never looks at records behind the entries, so they may be anything.
        self.left = metadata.num_chunks;
        self.has_metadata = true;
        footer.metadata = metadata;
        footer.uniform = true;
        Ok(())
    }

    /// The next record of the footer chunk.
    fn next_record(&mut self) -> Result<Option<&[u8]>, FormatError> {
        let (at, what) = (self.at, "record sizes");
        if self.left == 0 {
            return Ok(None);
        }
        let FooterBuffers {
            bytes,
            sizes,
            values,
            ..
        } = &mut self.buffers;
        let mut rest = bytes.get(sizes.clone()).unwrap_or_default();
        let size = take_varint(&mut rest).ok_or(FormatError::Varint { what, at })?;
        sizes.start = sizes.end.saturating_sub(rest.len());
        let have = values.len() as u64;
        let start = values.start;
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .filter(|&end| end <= values.end)
            .ok_or(FormatError::Truncated {
                what: "footer records",
                at,
                need: size,
                have,
            })?;
        values.start = end;
        self.left = self.left.saturating_sub(1);
        Ok(bytes.get(start..end))
    }

    /// Takes entries as long as they are what nearly all are: a full group behind a full group, encoded as every
    /// writer does. Footers have millions of entries, and this is what opening them costs.
    fn take_plain_entries(&mut self, footer: &Footer) {
        let Self {
            buffers,
            left,
            pending,
            sum,
            done,
            previous,
            ..
        } = self;
        let FooterBuffers {
            bytes,
            sizes,
            values,
            ..
        } = buffers;
        if footer.metadata.has_columns() {
            // They are few, and the counts of each are checked.
            return;
        }
        let group = footer.group_size;
        let Some(mut last) = previous.filter(|last| last.num_records == group && group > 0) else {
            return;
        };
        let mut sizes_left = bytes.get(sizes.clone()).unwrap_or_default();
        let mut values_left = bytes.get(values.clone()).unwrap_or_default();
        let room = PAGE_AND_NEXT.saturating_sub(pending.len());
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(room);
        let before = pending.len();
        let limit = footer.footer_offset;
        for _ in 0..most {
            let Some((entry, sizes_behind, values_behind)) = next_entry(sizes_left, values_left)
            else {
                break;
            };
            let min = last.chunk_offset.saturating_add(CHUNK_HEADER_BYTES);
            let plain = entry.num_records == group
                && group <= entry.chunk_offset.saturating_sub(last.chunk_offset)
                && entry.chunk_offset >= min
                && entry.chunk_offset < limit
                && is_chunk_boundary(entry.chunk_offset);
            if !plain {
                break;
            }
            (sizes_left, values_left, last) = (sizes_behind, values_behind, entry);
            pending.push(entry);
        }
        let taken = pending.len().saturating_sub(before) as u64;
        sizes.start = sizes.end.saturating_sub(sizes_left.len());
        values.start = values.end.saturating_sub(values_left.len());
        *previous = Some(last);
        *left = left.saturating_sub(taken);
        *sum = sum.saturating_add(taken.saturating_mul(group));
        *done = done.saturating_add(taken);
    }

    /// Takes any entry.
    fn take_entry(&mut self, footer: &mut Footer) -> Result<(), FormatError> {
        let at = self.at;
        let record = self.next_record()?.unwrap_or_default();
        let entry = FooterEntry::parse(record).map_err(|()| FormatError::Message {
            what: "footer entry",
            at,
        })?;
        self.check(&entry, footer)?;
        self.pending.push(entry);
        self.previous = Some(entry);
        self.sum = self.sum.saturating_add(entry.num_records);
        self.done = self.done.saturating_add(1);
        Ok(())
    }

    /// Packs the pending page; the entry behind it stays.
    fn push_full_page(&mut self) {
        if let Some(next) = self.pending.pop() {
            let next_record = self.sum.saturating_sub(next.num_records);
            self.push_page(next_record, next.chunk_offset);
            self.pending.push(next);
        }
    }

    /// Packs the pending entries, behind which record number `next_record` and the byte `end` follow.
    fn push_page(&mut self, next_record: u64, end: u64) {
        self.pages.starts.push(PageStart {
            byte: self.pages.bytes.len() as u64,
            first_record: self.first_record,
        });
        encode_page(&self.pending, self.first_record, end, &mut self.pages.bytes);
        self.first_record = next_record;
        self.pending.clear();
    }

    /// Checks an entry against the one before it.
    fn check(&self, entry: &FooterEntry, footer: &mut Footer) -> Result<(), FormatError> {
        let FooterEntry {
            chunk_offset,
            num_records,
            ..
        } = *entry;
        let min = self.previous.map_or(SIGNATURE_BYTES, |previous| {
            previous.chunk_offset.saturating_add(CHUNK_HEADER_BYTES)
        });
        let limit = footer.footer_offset;
        if chunk_offset < min || chunk_offset >= limit || !is_chunk_boundary(chunk_offset) {
            return Err(FormatError::EntryOffset {
                at: self.at,
                entry: self.done,
                offset: chunk_offset,
                min,
                limit,
            });
        }
        if footer.metadata.has_columns() {
            // A row may take no byte at all, so that only the sum bounds them.
            let left = u64::MAX.saturating_sub(self.sum);
            self.check_records(num_records, 1, MAX_CHUNK_RECORDS.min(left), self.done)?;
        } else {
            self.check_span(chunk_offset)?;
        }
        let version_1 = footer.metadata.version == VERSION_UPSTREAM;
        let Some(previous) = self.previous else {
            footer.group_size = num_records;
            return self.check_records(num_records, 1, MAX_CHUNK_RECORDS, self.done);
        };
        if previous.num_records != footer.group_size || num_records > footer.group_size {
            footer.uniform = false;
        }
        if version_1 {
            // Upstream finds a record's chunk by division, so each chunk but the last is full.
            let group = footer.group_size;
            self.check_records(
                previous.num_records,
                group,
                group,
                self.done.saturating_sub(1),
            )?;
            return self.check_records(num_records, 1, group, self.done);
        }
        self.check_records(num_records, 1, MAX_CHUNK_RECORDS, self.done)
    }

    /// A chunk takes at least a byte of the file for each of its records: the previous one, behind which `end` is.
    fn check_span(&self, end: u64) -> Result<(), FormatError> {
        let Some(previous) = self.previous else {
            return Ok(());
        };
        let most = end.saturating_sub(previous.chunk_offset);
        self.check_records(previous.num_records, 1, most, self.done.saturating_sub(1))
    }

    fn check_records(
        &self,
        records: u64,
        min: u64,
        max: u64,
        entry: u64,
    ) -> Result<(), FormatError> {
        if (min..=max).contains(&records) {
            return Ok(());
        }
        Err(FormatError::EntryRecords {
            at: self.at,
            entry,
            records,
            max,
            exact: min == max,
        })
    }

    fn finish(&mut self, footer: &Footer) -> Result<(), FormatError> {
        if !footer.metadata.has_columns() {
            self.check_span(footer.footer_offset)?;
        }
        if footer.metadata.num_records != self.sum {
            return Err(FormatError::FooterRecords {
                at: self.at,
                declared: footer.metadata.num_records,
                sum: self.sum,
            });
        }
        if !self.pending.is_empty() {
            self.push_page(self.sum, footer.footer_offset);
        }
        Ok(())
    }
}

/// Takes one entry that is encoded as every writer does off the front of the two buffers.
#[inline(always)]
fn next_entry<'a>(
    mut sizes: &'a [u8],
    values: &'a [u8],
) -> Option<(FooterEntry, &'a [u8], &'a [u8])> {
    let size = usize::try_from(take_varint(&mut sizes)?).ok()?;
    let (record, behind) = values.split_at_checked(size)?;
    Some((FooterEntry::parse_as_written(record)?, sizes, behind))
}
