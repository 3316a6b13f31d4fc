//! Reading single records of page chunks.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::ops::Range;

use windrow_format::options::OnCorrupt;
use windrow_format::{
    At, CHUNK_HEADER_BYTES, CRC_BYTES, ChunkHeader, ChunkLocation, ChunkType, CompressionType,
    Dictionaries, FormatError, PageFront, PageTable, Records, add_with_block_headers,
};

use super::Inner;
use super::decode::{MAX_GAP_BYTES, MAX_RUN_BYTES, flatten};
use crate::error::{Error, Result};
use crate::page_tables::{Front, PageTables};
use crate::retry::twice;
use crate::scratch::ReadScratch;
use crate::verify::Fault;

/// The tables of page chunks.
#[derive(Debug)]
pub(super) enum Tables {
    /// There are no page chunks.
    None,
    /// Kept as they are read.
    Kept(PageTables),
    /// Read anew each time, as the index is.
    Offloaded,
}

impl Tables {
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Kept(tables) => tables.memory_bytes(),
            Self::None | Self::Offloaded => 0,
        }
    }
}

impl Inner {
    /// Whether there may be page chunks.
    pub(crate) fn has_pages(&self) -> bool {
        !matches!(self.tables, Tables::None)
    }

    /// The table of a page chunk; `None` for a chunk of another type.
    pub(crate) fn page_table(
        &self,
        location: &ChunkLocation,
        scratch: &mut ReadScratch,
    ) -> Result<Option<Cow<'_, PageTable>>> {
        match &self.tables {
            Tables::None => Ok(None),
            Tables::Offloaded => Ok(match self.read_front(location, scratch)? {
                Front::Pages(table) => Some(Cow::Owned(table)),
                Front::Group => None,
            }),
            Tables::Kept(tables) => {
                let front = match tables.get(location.chunk) {
                    Some(front) => Some(front),
                    None => tables.keep(location.chunk, self.read_front(location, scratch)?),
                };
                Ok(match front {
                    Some(Front::Pages(table)) => Some(Cow::Borrowed(table)),
                    Some(Front::Group) | None => None,
                })
            }
        }
    }

    /// Reads the header of a chunk, and, if it is one of pages, its table.
    fn read_front(&self, location: &ChunkLocation, scratch: &mut ReadScratch) -> Result<Front> {
        let at = At::chunk(location.begin, location.chunk);
        let ReadScratch { raw, flat, .. } = scratch;
        let read = twice(self.store.as_bytes().is_some(), |_| {
            let mut data_bytes = PageFront::likely_bytes(location.records);
            loop {
                let need = CHUNK_HEADER_BYTES.saturating_add(data_bytes);
                let end = add_with_block_headers(location.begin, need).min(location.end);
                let front = self.with_bytes(location.begin..end, raw, |raw| {
                    let flat = flatten(location.begin, raw, flat);
                    let header = ChunkHeader::parse(flat, at)?;
                    if header.chunk_type != ChunkType::Pages {
                        return Ok(Front::Group);
                    }
                    location.check(&header)?;
                    self.limits.check_stored(&header, at)?;
                    let data = flat.get(40..).unwrap_or_default();
                    PageTable::new(&header, data, at).map(Front::Pages)
                })?;
                match front {
                    Err(FormatError::Truncated { need, .. })
                        if need > data_bytes && end < location.end =>
                    {
                        data_bytes = need;
                    }
                    front => return Ok(front),
                }
            }
        });
        let records = location.first_record..location.first_record + location.records;
        self.checked(at, records, location.end, read)
    }

    /// Turns what came of reading something at `at`, on which `records` depend, into a result.
    pub(super) fn checked<T>(
        &self,
        at: At,
        records: Range<u64>,
        end: u64,
        read: std::io::Result<Result<T, FormatError>>,
    ) -> Result<T> {
        let source = match read {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(source)) => source,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.cut_short(at, end),
            Err(source) => {
                return Err(Error::Io {
                    name: self.name.clone(),
                    action: "read",
                    at: Some(at),
                    records: Some(records),
                    source,
                });
            }
        };
        Err(Error::format(&self.name, Some(records), source))
    }

    /// The dictionaries of the file, read when they are first needed.
    pub(crate) fn dictionaries(&self) -> std::io::Result<&Dictionaries> {
        if let Some(dictionaries) = self.dictionaries.get() {
            return Ok(dictionaries);
        }
        if self.footer.metadata.dictionaries.is_empty() {
            return Ok(Dictionaries::NONE);
        }
        self.dictionaries.get_or_try_init(|| {
            let loaded = crate::dictionaries::load(
                &*self.store,
                &self.footer,
                self.sealed_bytes,
                &self.limits,
            );
            loaded.map(Box::new)
        })
    }

    /// The same, for those who have no place in the file to name.
    pub(crate) fn all_dictionaries(&self) -> Result<&Dictionaries> {
        let dictionaries = self.dictionaries();
        dictionaries.map_err(|source| Error::io(&self.name, "read the dictionary of", source))
    }

    /// Lends record number `in_chunk` of a page chunk to `use_record`.
    pub(super) fn read_slot<R>(
        &self,
        location: &ChunkLocation,
        table: &PageTable,
        in_chunk: u64,
        scratch: &mut ReadScratch,
        use_record: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        let ReadScratch {
            raw,
            flat,
            decoder,
            records,
            ..
        } = scratch;
        let front = table.front();
        let at = front.at();
        let index = location.first_record + in_chunk;
        let mut use_record = Some(use_record);
        let mut used = None;
        let read = twice(self.store.as_bytes().is_some(), |_| {
            let slot = match front.slot(in_chunk) {
                Ok(slot) => slot,
                Err(error) => return Ok(Err(error)),
            };
            if front.compression() == CompressionType::None {
                let bytes = slot
                    .end
                    .saturating_sub(slot.start)
                    .saturating_sub(CRC_BYTES);
                if let Err(error) = self.limits.check_record(bytes, at) {
                    return Ok(Err(error));
                }
            }
            let is_plain = front.compression() == CompressionType::None && self.fields.is_none();
            let dictionaries = if is_plain {
                Dictionaries::NONE
            } else {
                self.dictionaries()?
            };
            let bytes = in_file(location.begin, &slot);
            self.with_bytes(bytes.clone(), raw, |raw| {
                let slot = flatten(bytes.start, raw, flat);
                if is_plain {
                    let record = front.check_slot(slot)?;
                    used = use_record.take().map(|use_record| use_record(record));
                    return Ok(());
                }
                records.clear();
                let fields = self.fields.as_ref();
                decoder.decode_slot(&front, slot, &self.limits, fields, dictionaries, records)?;
                let record = records.get(0).unwrap_or_default();
                used = use_record.take().map(|use_record| use_record(record));
                Ok(())
            })
        });
        self.checked(at, index..index + 1, location.end, read)?;
        match used {
            Some(used) => Ok(used),
            None => unreachable!("a read that succeeds lends its record"),
        }
    }

    /// Appends records of a page chunk to `out`: those with these numbers in the chunk, which ascend. A bad one is an error
    /// or adds to `skipped`, as the options have it, and is left out. What is wrong with the table is an error, before
    /// anything is done.
    pub(crate) fn decode_slots(
        &self,
        location: &ChunkLocation,
        table: &PageTable,
        wanted: impl Iterator<Item = u64>,
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        let mut slots = std::mem::take(&mut scratch.slots);
        slots.clear();
        let decoded = self
            .find_slots(location, table, wanted, &mut slots)
            .and_then(|()| {
                self.decode_found(location, &table.front(), &slots, scratch, out, skipped)
            });
        scratch.slots = slots;
        decoded
    }

    /// Appends where these records of a page chunk lie to `slots`, if the chunk may be decoded.
    fn find_slots(
        &self,
        location: &ChunkLocation,
        table: &PageTable,
        wanted: impl Iterator<Item = u64>,
        slots: &mut Vec<Slot>,
    ) -> Result<()> {
        let front = table.front();
        let at = front.at();
        for in_chunk in wanted {
            let bytes = match front.slot(in_chunk) {
                Ok(bytes) => bytes,
                Err(source) => {
                    let index = location.first_record + in_chunk;
                    return Err(Error::format(&self.name, Some(index..index + 1), source));
                }
            };
            slots.push(Slot { in_chunk, bytes });
        }
        // What they decode to in all may be no more than the chunk says, which may be no more than the limit.
        let may_hold = self.limits.check_decoded(table.header(), at);
        let all = location.first_record..location.first_record + location.records;
        may_hold.map_err(|source| Error::format(&self.name, Some(all), source))
    }

    /// Appends the records in `slots` to `out`, or what is wrong with them to `skipped`.
    fn decode_found(
        &self,
        location: &ChunkLocation,
        front: &PageFront<'_>,
        slots: &[Slot],
        scratch: &mut ReadScratch,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        let at = front.at();
        let records_of = |slot: &Slot| {
            let index = location.first_record + slot.in_chunk;
            index..index + 1
        };
        let most = usize::try_from(front.decoded_bytes()).unwrap_or(usize::MAX);
        let most = out.bytes_len().saturating_add(most);
        let mut rest = slots;
        while let Some(first) = rest.first() {
            let run = near(rest);
            let (mut decoded, error) = self
                .decode_near(location, front, run, most, scratch, out)
                .or_else(|error| {
                self.checked(at, records_of(first), location.end, Err(error))
            })?;
            if error.is_some()
                && let Some(bad) = run.get(decoded..=decoded)
            {
                // Once more, alone.
                let again = self.decode_near(location, front, bad, most, scratch, out);
                let again = again.map(|(_, error)| error.map_or(Ok(()), Err));
                let slot = &bad[0];
                let read = self.checked(at, records_of(slot), location.end, again);
                self.take_or_skip_slot(location, slot, read, skipped)?;
                decoded += 1;
            }
            rest = &rest[decoded..];
        }
        Ok(())
    }

    /// Appends what can be read of a damaged page chunk to `out`, and what cannot to `skipped`: each record has a checksum
    /// of its own. `false`, with nothing done, where its table cannot be read either, or it is another chunk.
    pub(super) fn decode_one_by_one(
        &self,
        location: &ChunkLocation,
        out: &mut Records,
        skipped: &mut Vec<Fault>,
    ) -> Result<bool> {
        // Whoever read it as a whole is at work with this thread's scratch.
        let mut scratch = ReadScratch::default();
        let decoded = match self.page_table(location, &mut scratch) {
            Ok(Some(table)) => {
                let all = 0..table.header().num_records;
                self.decode_slots(location, &table, all, &mut scratch, out, skipped)
            }
            Ok(None) => return Ok(false),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(()) => Ok(true),
            Err(Error::Format { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads slots that lie near each other at once, and appends their records to `out`, which then holds at most `most`
    /// bytes: those in front of a bad one. Returns their number, and what is wrong with that.
    fn decode_near(
        &self,
        location: &ChunkLocation,
        front: &PageFront<'_>,
        slots: &[Slot],
        most: usize,
        scratch: &mut ReadScratch,
        out: &mut Records,
    ) -> std::io::Result<(usize, Option<FormatError>)> {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
            return Ok((0, None));
        };
        let ReadScratch {
            raw, flat, decoder, ..
        } = scratch;
        let begin = first.bytes.start;
        let range = in_file(location.begin, &(begin..last.bytes.end));
        let dictionaries = self.dictionaries()?;
        self.with_bytes(range.clone(), raw, |raw| {
            let data = flatten(range.start, raw, flat);
            let place = |byte: u64| usize::try_from(byte - begin).unwrap_or(usize::MAX);
            for (done, slot) in slots.iter().enumerate() {
                let bytes = data.get(place(slot.bytes.start)..place(slot.bytes.end));
                let decoded = decoder.decode_slot(
                    front,
                    bytes.unwrap_or_default(),
                    &self.limits,
                    self.fields.as_ref(),
                    dictionaries,
                    out,
                );
                if let Err(error) = decoded {
                    return (done, Some(error));
                }
                if out.bytes_len() > most {
                    let declared = (out.bytes_len() - most) as u64 + front.decoded_bytes();
                    out.truncate(out.len() - 1);
                    let error = FormatError::Implausible {
                        what: "records",
                        at: front.at(),
                        declared,
                        possible: front.decoded_bytes(),
                    };
                    return (done, Some(error));
                }
            }
            (slots.len(), None)
        })
    }

    /// What a read of many records makes of one that is bad.
    fn take_or_skip_slot(
        &self,
        location: &ChunkLocation,
        slot: &Slot,
        read: Result<()>,
        skipped: &mut Vec<Fault>,
    ) -> Result<()> {
        match read {
            Err(Error::Format {
                source, records, ..
            }) if self.options.on_corrupt() == OnCorrupt::Skip => {
                skipped.push(Fault {
                    bytes: in_file(location.begin, &slot.bytes),
                    chunk: Some(location.chunk),
                    records,
                    error: source.into(),
                });
                Ok(())
            }
            read => read,
        }
    }
}

/// A record of a page chunk that is wanted.
#[derive(Debug)]
pub(crate) struct Slot {
    in_chunk: u64,
    /// Where it lies in the chunk's data.
    bytes: Range<u64>,
}

/// The first of `slots`, as many as are read at once; one at least, if there are any.
fn near(slots: &[Slot]) -> &[Slot] {
    &slots[..count_near(slots.iter().map(|slot| &slot.bytes))]
}

/// How many of these parts of a chunk's data, from the first one on, are read at once; one at least, if there are any.
pub(super) fn count_near<'a>(mut parts: impl Iterator<Item = &'a Range<u64>>) -> usize {
    let Some(first) = parts.next() else {
        return 0;
    };
    let mut end = first.end;
    let more = parts.take_while(|next| {
        // A table that lies may go back.
        let is_near = next.start >= end
            && next.start <= end.saturating_add(MAX_GAP_BYTES)
            && next.end.saturating_sub(first.start) <= MAX_RUN_BYTES;
        end = next.end;
        is_near
    });
    1 + more.count()
}

/// Where a part of the data of the chunk at `begin` lies in the file, block headers included.
pub(super) fn in_file(begin: u64, data: &Range<u64>) -> Range<u64> {
    let place = |byte| add_with_block_headers(begin, CHUNK_HEADER_BYTES.saturating_add(byte));
    place(data.start)..place(data.end)
}
