//! Reading a file chunk by chunk, without its index, and keeping track of what its records are.

use std::ops::Range;

use windrow_format::{
    At, COLUMN_FRONT_BYTES, Chunk, ChunkLocation, ChunkScan, ChunkType, CompressionType,
    DICTIONARY_ID_END, Dictionaries, FieldProjection, FormatError, Limits, LiveChunk, LiveChunks,
    Provisional, Pushed, RecordDecoder, Records, ScanPart, compression_of, needed_dictionary,
    take_out_block_headers,
};

use crate::dictionaries::share;
use crate::reader::Reader;
use crate::retry::twice;
use crate::verify::{
    DEFAULT_MAX_FAULTS, Fault, Found, FoundChunk, ReadError, Section, SharedStore, Walk, Window,
};

/// Bytes read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// A scan of a file, or of its end.
pub(crate) struct LiveScan {
    store: SharedStore,
    walk: Walk,
    window: Window,
    live: LiveChunks,
    limits: Limits,
    /// Those that the scan came by, or was given.
    dictionaries: Dictionaries,
    /// Where the first copy of each begins.
    dictionary_offsets: Vec<u64>,
    /// Page chunks that need a dictionary which was not there when they came: where they begin, and its id.
    without_dictionary: Vec<(u64, u64)>,
    /// The data of the chunk at hand, as far as they are needed.
    data: Vec<u8>,
    faults: Vec<Fault>,
    faults_omitted: u64,
    sound_end: u64,
    /// Tells of the front of the file, until that is scanned.
    index: Option<Reader>,
}

impl LiveScan {
    /// A scan from the beginning of a file of `end` bytes. An index tells where to go on behind damage.
    pub(crate) fn new(store: SharedStore, end: u64, limits: Limits, index: Option<Reader>) -> Self {
        let walk = Walk::new(Section::whole_file(end), end).with_index(index.clone());
        let mut scan = Self::with(store, walk, 0..end, limits, LiveChunks::new(limits));
        if let Some(reader) = &index {
            scan.live.begin_index(&reader.footer().metadata);
        }
        scan.index = index;
        scan
    }

    /// A scan of what stands behind a postscript; `live` is what its footer lists, and `dictionaries` what it names.
    pub(crate) fn behind(
        store: SharedStore,
        range: Range<u64>,
        limits: Limits,
        live: LiveChunks,
        (dictionaries, dictionary_offsets): (Dictionaries, Vec<u64>),
    ) -> Self {
        let walk = Walk::new(Section::behind(range.clone()), range.end);
        let scan = Self::with(store, walk, range, limits, live);
        Self {
            dictionaries,
            dictionary_offsets,
            ..scan
        }
    }

    fn with(
        store: SharedStore,
        walk: Walk,
        range: Range<u64>,
        limits: Limits,
        live: LiveChunks,
    ) -> Self {
        Self {
            window: Window::new(store.clone(), range.end, WINDOW_BYTES, Vec::new()),
            store,
            walk,
            live,
            limits,
            dictionaries: Dictionaries::default(),
            dictionary_offsets: Vec::new(),
            without_dictionary: Vec::new(),
            data: Vec::new(),
            faults: Vec::new(),
            faults_omitted: 0,
            sound_end: range.start,
            index: None,
        }
    }

    /// Scans to the end, or until `go_on`, which is told the position now and then, says no.
    pub(crate) fn run(&mut self, mut go_on: impl FnMut(u64) -> bool) -> Result<(), ReadError> {
        while let Some(found) = self.walk.next(&mut self.window)? {
            self.leave_index(match &found {
                Found::Chunk(chunk) => chunk.at.byte,
                Found::Skipped(fault) | Found::Block(fault) => fault.bytes.start,
            });
            match found {
                Found::Chunk(chunk) => {
                    let checked = self.check(&chunk, &mut go_on)?;
                    self.take(&chunk, checked)?;
                }
                Found::Skipped(fault) => self.skip(fault, &mut go_on)?,
                // It lies in a part that will be skipped.
                Found::Block(fault) => self.push_fault(fault),
            }
        }
        self.leave_index(u64::MAX);
        Ok(())
    }

    /// Behind what the index covers the scan is on its own.
    fn leave_index(&mut self, position: u64) {
        let Some(reader) = self.index.take_if(|index| index.sealed_bytes() <= position) else {
            return;
        };
        let chunk = |number: Option<u64>| number.and_then(|n| reader.chunk_location(n).ok());
        let first = chunk(Some(0)).map_or(0, |first| first.records);
        let last = chunk(reader.num_chunks().checked_sub(1));
        self.live
            .end_of_index(reader.found_footer(), first, last.as_ref());
    }

    /// Goes on in a file that has `end` bytes now.
    pub(crate) fn grow(&mut self, end: u64) {
        if let Some(held) = self.live.take_back_held() {
            // An unfinished footer may have been cut off, and something else stands there now.
            self.walk.back_to_position(held);
        }
        self.walk.grow(end);
        // What stood at the end may have been read before it was all there.
        self.window = Window::new(self.store.clone(), end, WINDOW_BYTES, Vec::new());
    }

    /// Takes the next chunk of a file that is being written, or the next part that cannot be read. `false` if there is
    /// none yet: what stands at the end may be in the making.
    pub(crate) fn step(&mut self, end: u64) -> Result<bool, ReadError> {
        let begin = self.walk.position();
        let mut go_on = |_| true;
        loop {
            match self.walk.next(&mut self.window)? {
                None => return Ok(false),
                Some(Found::Block(_)) => {}
                Some(Found::Chunk(chunk)) => {
                    let checked = self.check(&chunk, &mut go_on)?;
                    if checked.is_err() && !self.is_followed(end)? {
                        self.walk.back_to_position(begin);
                        return Ok(false);
                    }
                    self.walk.back_to_position(chunk.end);
                    self.take(&chunk, checked)?;
                    return Ok(true);
                }
                Some(Found::Skipped(fault)) => {
                    let behind = fault.bytes.end;
                    if behind >= end || !self.is_followed(end)? {
                        self.walk.back_to_position(begin);
                        return Ok(false);
                    }
                    self.walk.back_to_position(behind);
                    self.skip(fault, &mut go_on)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Whether a sound chunk header stands anywhere from where the walk is on: what is bad in front of it is not in the
    /// making. Leaves the walk there.
    fn is_followed(&mut self, end: u64) -> Result<bool, ReadError> {
        let mut window = Window::new(self.store.clone(), end, WINDOW_BYTES, Vec::new());
        loop {
            match self.walk.next(&mut window)? {
                None => return Ok(false),
                Some(Found::Chunk(_)) => return Ok(true),
                Some(Found::Skipped(_) | Found::Block(_)) => {}
            }
        }
    }

    /// The position up to which everything was told of.
    pub(crate) fn position(&self) -> u64 {
        self.walk.position()
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is live so far.
    pub(crate) fn live(&self) -> &LiveChunks {
        &self.live
    }

    /// Where the last sound chunk ends.
    pub(crate) fn sound_end(&self) -> u64 {
        self.sound_end
    }

    /// The dictionaries so far.
    pub(crate) fn dictionaries(&self) -> &Dictionaries {
        &self.dictionaries
    }

    /// Where the first copy of each dictionary begins.
    pub(crate) fn dictionary_offsets(&self) -> &[u64] {
        &self.dictionary_offsets
    }

    /// The page chunks that cannot be read, as no sound copy of their dictionary was found, in the order of the file: where
    /// they begin, and the error.
    pub(crate) fn without_dictionary(&self) -> Vec<(u64, FormatError)> {
        let missing = self.without_dictionary.iter().filter_map(|&(begin, id)| {
            let found = self.dictionaries.get(id, At::byte(begin));
            Some((begin, found.err()?))
        });
        missing.collect()
    }

    /// What was found, and the faults with the number of those that were left out.
    pub(crate) fn finish(self) -> (LiveChunks, Vec<Fault>, u64) {
        (self.live, self.faults, self.faults_omitted)
    }

    fn skip(&mut self, fault: Fault, go_on: &mut impl FnMut(u64) -> bool) -> Result<(), ReadError> {
        let bytes = fault.bytes.clone();
        let location = self.walk.location_at(bytes.start);
        match location.filter(|_| self.index.is_some()) {
            Some(location) => {
                let lost = self.live.skip_listed(&location, bytes.end);
                self.push_fault(Fault {
                    records: Some(lost),
                    ..fault
                });
            }
            None => {
                self.live.skip(bytes.clone());
                self.push_fault(fault);
            }
        }
        check(go_on, bytes.end)
    }

    /// Reads a chunk whose header is sound, and as much of its data as telling what it is takes.
    fn check(
        &mut self,
        found: &FoundChunk,
        go_on: &mut impl FnMut(u64) -> bool,
    ) -> Result<Result<(), FormatError>, ReadError> {
        let header = &found.header;
        let wants_data = header.chunk_type == ChunkType::Dictionary
            || match &self.index {
                // What a footer lists is data, whatever it looks like.
                Some(_) if found.location.is_some() => false,
                Some(_) => header.num_records > 0 || header.chunk_type == ChunkType::Provisional,
                None => self.live.wants_data(found.at.byte, header),
            };
        let mut fits = Ok(());
        let keep = if wants_data {
            fits = self
                .limits
                .check_decoded(header, found.at)
                .and_then(|()| self.limits.check_stored(header, found.at));
            if fits.is_ok() { usize::MAX } else { 0 }
        } else if header.chunk_type == ChunkType::Pages {
            DICTIONARY_ID_END
        } else if header.chunk_type == ChunkType::Columns {
            COLUMN_FRONT_BYTES
        } else {
            1
        };
        let checked = twice(self.window.is_in_memory(), |again| {
            let mut second = again.then(|| self.window.again(found.end));
            let window = second.as_mut().unwrap_or(&mut self.window);
            read_data(found, window, &mut self.data, keep, go_on)
        })?;
        Ok(checked.and(fits))
    }

    /// Takes a chunk whose header is sound. `checked` says whether its data are, too.
    fn take(
        &mut self,
        found: &FoundChunk,
        checked: Result<(), FormatError>,
    ) -> Result<(), ReadError> {
        let pushed = match checked {
            Ok(()) => self.push(found)?,
            Err(error) => Err(error),
        };
        match pushed {
            Ok(pushed) => {
                self.sound_end = found.end;
                if pushed == Pushed::PostscriptOfSkipped
                    && let Some(fault) = self.faults.last_mut()
                {
                    // What was skipped was a footer: no record is lost by it.
                    fault.records = None;
                }
                if let Some(error) = &found.complaint {
                    let fault = Fault::of_chunk(found.bytes(), None, error.clone());
                    self.push_fault(fault);
                }
            }
            Err(error) => {
                if found.header.chunk_type == ChunkType::Dictionary {
                    self.dictionaries.push(Err(error.clone()));
                }
                let mut fault = Fault::of_chunk(found.bytes(), found.location.as_ref(), error);
                fault.records = match &found.location {
                    Some(location) if self.index.is_some() => {
                        Some(self.live.skip_listed(location, found.end))
                    }
                    _ if self.index.is_some() => None,
                    _ => self.live.skip_chunk(found.bytes(), &found.header),
                };
                self.push_fault(fault);
            }
        }
        Ok(())
    }

    fn push(&mut self, found: &FoundChunk) -> Result<Result<Pushed, FormatError>, ReadError> {
        let chunk = Chunk {
            header: found.header,
            data: &self.data,
            at: found.at,
        };
        if found.header.chunk_type == ChunkType::Dictionary {
            let dictionary = match self.dictionaries.parse_chunk(&chunk, &self.limits) {
                Ok(dictionary) => dictionary,
                Err(error) => return Ok(Err(error)),
            };
            let known = self.dictionaries.as_slice().len();
            self.dictionaries.push(Ok(share(dictionary)));
            if self.dictionaries.as_slice().len() > known {
                self.dictionary_offsets.push(found.at.byte);
            }
            return Ok(Ok(Pushed::Passed));
        }
        if found.header.chunk_type == ChunkType::Pages {
            let id = needed_dictionary(&self.data);
            if self.dictionaries.get(id, found.at).is_err() {
                self.without_dictionary.push((found.at.byte, id));
            }
        }
        if self.index.is_some() {
            return Ok(match &found.location {
                Some(location) => push_listed(&mut self.live, location, &chunk, found.end),
                None => self.live.push_unlisted(&chunk, found.end),
            });
        }
        let live_reader = LiveReader {
            store: &self.store,
            limits: self.limits,
            dictionaries: &self.dictionaries,
        };
        let mut all: Option<(u64, Option<Records>)> = None;
        self.live.push(&chunk, found.end, |tail, chunk| {
            if all.as_ref().is_none_or(|(begin, _)| *begin != chunk.begin) {
                let mut records = Records::new();
                let read = live_reader.read(chunk, None, &mut records)?;
                all = Some((chunk.begin, read.is_ok().then_some(records)));
            }
            match &all {
                Some((_, Some(records))) => live_reader.holds(tail, records),
                _ => Ok(false),
            }
        })
    }

    fn push_fault(&mut self, fault: Fault) {
        if self.faults.len() < DEFAULT_MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.faults_omitted += 1;
        }
    }
}

fn push_listed(
    live: &mut LiveChunks,
    location: &ChunkLocation,
    chunk: &Chunk<'_>,
    end: u64,
) -> Result<Pushed, FormatError> {
    live.check_listed(location, chunk)?;
    live.push_listed(location, end);
    Ok(Pushed::Data)
}

/// Reads a chunk and checks its hash; keeps the first `keep` bytes of its data. Block headers are not looked at: they
/// cost no record where the chunk's own hashes fit.
fn read_data(
    found: &FoundChunk,
    window: &mut Window,
    data: &mut Vec<u8>,
    keep: usize,
    go_on: &mut impl FnMut(u64) -> bool,
) -> Result<Result<(), FormatError>, ReadError> {
    data.clear();
    let mut scan = ChunkScan::new(found.header, found.at);
    let mut position = found.at.byte;
    while position < found.end {
        let raw = window.piece(position..found.end)?;
        scan.push(raw, |part| {
            if let ScanPart::Data(part) = part {
                let left = keep.saturating_sub(data.len()).min(part.len());
                data.extend_from_slice(&part[..left]);
            }
        });
        position += raw.len() as u64;
        check(go_on, position)?;
    }
    Ok(scan.finish())
}

fn check(go_on: &mut impl FnMut(u64) -> bool, position: u64) -> Result<(), ReadError> {
    if go_on(position) {
        return Ok(());
    }
    Err(ReadError::interrupted(position))
}

/// What reading live chunks takes.
#[derive(Clone, Copy)]
pub(crate) struct LiveReader<'a> {
    pub(crate) store: &'a SharedStore,
    pub(crate) limits: Limits,
    pub(crate) dictionaries: &'a Dictionaries,
}

impl LiveReader<'_> {
    /// Appends what the projection `fields` leaves of the records of a live chunk to `out`; with `None`, all.
    pub(crate) fn read(
        &self,
        live: &LiveChunk,
        fields: Option<&FieldProjection>,
        out: &mut Records,
    ) -> Result<Result<(), FormatError>, ReadError> {
        self.store.with_bytes(live.begin..live.end, |raw| {
            let flat = take_out_block_headers(live.begin, raw);
            let chunk = Chunk::parse(&flat, At::byte(live.begin))?;
            let records = match chunk.header.chunk_type {
                ChunkType::Provisional => Provisional::parse(&chunk)?.1,
                _ => chunk,
            };
            RecordDecoder::new().decode_fields(
                &records,
                &self.limits,
                fields,
                self.dictionaries,
                out,
            )
        })
    }

    /// Whether `all` holds the records of each chunk of `tail` in a row, one after the other; those of a data chunk at
    /// its beginning. What cannot be decoded is nowhere.
    fn holds(&self, tail: &[LiveChunk], all: &Records) -> Result<bool, ReadError> {
        let mut place = 0;
        for part in tail {
            let mut run = Records::new();
            if self.read(part, None, &mut run)?.is_err() {
                return Ok(false);
            }
            let found = if part.provisional {
                find_run(&run, all, place)
            } else {
                let is_there = (0..run.len()).all(|n| run.get(n) == all.get(place + n));
                is_there.then_some(place)
            };
            match found {
                Some(found) => place = found + run.len(),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// How many records of `chunk` come up to the last one of `parts`, each of which it holds in a row, in this order.
    pub(crate) fn place_behind(
        &self,
        parts: &[LiveChunk],
        chunk: &LiveChunk,
    ) -> Result<usize, ReadError> {
        let mut all = Records::new();
        let mut place = 0;
        if self.read(chunk, None, &mut all)?.is_ok() {
            for part in parts {
                let mut run = Records::new();
                if self.read(part, None, &mut run)?.is_ok()
                    && let Some(found) = find_run(&run, &all, place)
                {
                    place = found + run.len();
                }
            }
        }
        Ok(place)
    }
}

/// Where the records of `run` stand in a row in `all`, from `place` on: the search of Knuth, Morris and Pratt, which is
/// linear whatever the records are.
fn find_run(run: &Records, all: &Records, place: usize) -> Option<usize> {
    let mut borders = vec![0; run.len()];
    let mut matched = 0;
    for next in 1..run.len() {
        while matched > 0 && run.get(matched) != run.get(next) {
            matched = borders[matched - 1];
        }
        matched += usize::from(run.get(matched) == run.get(next));
        borders[next] = matched;
    }
    matched = 0;
    for next in place..all.len() {
        while matched > 0 && run.get(matched) != all.get(next) {
            matched = borders[matched - 1];
        }
        matched += usize::from(run.get(matched) == all.get(next));
        if matched == run.len() {
            return Some(next + 1 - matched);
        }
    }
    run.is_empty().then_some(place)
}

/// The codec of a live chunk, if it tells.
pub(crate) fn compression_of_live(
    store: &SharedStore,
    live: &LiveChunk,
) -> Result<Option<CompressionType>, ReadError> {
    let at = At::byte(live.begin);
    store.with_bytes(live.begin..live.end, |raw| {
        let flat = take_out_block_headers(live.begin, raw);
        let chunk = Chunk::parse(&flat, at).ok()?;
        match chunk.header.chunk_type {
            ChunkType::Provisional => compression_of(&Provisional::parse(&chunk).ok()?.1),
            _ => compression_of(&chunk),
        }
    })
}
