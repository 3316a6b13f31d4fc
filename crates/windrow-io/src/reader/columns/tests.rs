//! Parts of column chunks, from stores that err.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windrow_format::options::{ReaderOptions, WriterOptions};
use windrow_format::{At, crc_of, push_chunk};

use super::*;
use crate::column_file::{ColumnFileOptions, ColumnFileWriter};
use crate::error::SourceName;
use crate::store::Store;

const SCHEMA: &[u8] = b"schema";
/// Bytes of the front, with descriptions of nodes that do not fit into the first guess.
const FRONT_BYTES: u32 = 8000;

/// A file of one chunk, and that chunk's data.
fn file() -> (Vec<u8>, Vec<u8>) {
    let front = ColumnFront {
        front_bytes: FRONT_BYTES,
        rows: 1000,
        schema_hash: schema_hash(SCHEMA),
    };
    let mut data = front.encode().to_vec();
    data.resize(7996, 3);
    data.extend_from_slice(&crc_of(&data).to_le_bytes());
    data.extend((0..300_000_u32).map(|byte| byte.wrapping_mul(0x9e37_79b9).to_le_bytes()[3]));
    let header = ChunkHeader::new(ChunkType::Columns, 1, 9, &data);
    let mut chunk = Vec::new();
    push_chunk(&mut chunk, &header, &data);
    let options = ColumnFileOptions {
        writer: WriterOptions::new(),
        schema: SCHEMA.to_vec(),
        writer_options: "group_size:1000,".to_owned(),
    };
    let mut bytes = Vec::new();
    let mut writer = ColumnFileWriter::create(&mut bytes, options).unwrap();
    writer.push(&header, &chunk).unwrap();
    writer.set_statistics(b"statistics".to_vec());
    writer.finish().unwrap();
    (bytes, data)
}

/// A file of which a read that crosses this byte brings another byte there: once, or always.
struct Flipping {
    bytes: Vec<u8>,
    place: u64,
    always: bool,
    flipped: Arc<AtomicBool>,
}

impl Store for Flipping {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.read_exact_at(buffer, offset)?;
        let place = self.place.checked_sub(offset);
        let place = place.and_then(|place| buffer.get_mut(usize::try_from(place).unwrap()));
        if let Some(byte) = place
            && (!self.flipped.swap(true, Ordering::Relaxed) || self.always)
        {
            *byte ^= 1;
        }
        Ok(())
    }
}

fn open(store: impl Store + 'static) -> (Reader, ChunkLocation) {
    let reader = Reader::from_store(store, SourceName::MEMORY, ReaderOptions::new()).unwrap();
    let location = reader.chunk_location(0).unwrap();
    (reader, location)
}

/// Parts near each other and far from each other, one of them empty, across blocks.
fn parts() -> Vec<Range<u64>> {
    vec![
        8000..8100,
        8104..8104,
        9000..9010,
        40_000..140_000,
        140_000..140_001,
        307_000..308_000,
    ]
}

/// Reads the parts, and checks each by a checksum, as they are checked in fact.
fn read(reader: &Reader, location: &ChunkLocation, data: &[u8]) -> Result<Vec<Range<usize>>> {
    let at = At::chunk(location.begin, 0);
    let mut taken = Vec::new();
    let mut buffer = vec![7; 10];
    let parts = parts();
    let place = |byte: u64| usize::try_from(byte).unwrap();
    let check = |numbers: Range<usize>, bytes: &[u8]| {
        let begin = place(parts[numbers.start].start);
        for part in &parts[numbers.clone()] {
            let range = place(part.start)..place(part.end);
            let part = &bytes[range.start - begin..range.end - begin];
            let crc = crc_of(&data[range]);
            windrow_format::check_crc("page", part, crc.to_le_bytes(), at)?;
        }
        taken.push(numbers);
        Ok(())
    };
    let runs = reader
        .inner()
        .read_parts(location, &parts, &mut buffer, check)?;
    for (run, numbers) in runs.iter().zip(&taken) {
        let (first, last) = (&parts[numbers.start], &parts[numbers.end - 1]);
        assert_eq!(run.begin, first.start);
        assert!(run.bytes(&buffer) == &data[place(first.start)..place(last.end)]);
    }
    assert_eq!(runs.len(), taken.len());
    Ok(taken)
}

#[test]
fn parts_are_read_together_and_once_more_where_they_are_bad() {
    let (bytes, data) = file();
    let (reader, location) = open(bytes.clone());
    assert_eq!(read(&reader, &location, &data).unwrap(), [0..3, 3..5, 5..6]);
    for (part, always) in [(0, false), (2, false), (3, false), (5, false), (3, true)] {
        let place = in_file(location.begin, &(parts()[part].end - 1..u64::MAX)).start;
        let flipped = Arc::new(AtomicBool::new(false));
        let store = Flipping {
            bytes: bytes.clone(),
            place,
            always,
            flipped: Arc::clone(&flipped),
        };
        let (reader, location) = open(store);
        // What opening read does not count.
        flipped.store(false, Ordering::Relaxed);
        let before = reader.stats().reads;
        let found = read(&reader, &location, &data);
        if always {
            let error = found.unwrap_err();
            assert_eq!((error.code(), error.records()), ("crc", Some(0..1000)));
            continue;
        }
        assert_eq!(found.unwrap(), [0..3, 3..5, 5..6]);
        let reads = reader.stats().reads - before;
        assert_eq!(reads, 4, "three runs, and again that of part {part}");
    }
}

#[test]
fn what_stands_around_the_pages() {
    let (bytes, data) = file();
    let (reader, location) = open(bytes.clone());
    let inner = reader.inner();
    let head = inner.column_head(&location).unwrap();
    assert_eq!(head.front.rows, 1000);
    assert_eq!(head.data, data[..8000]);
    assert_eq!(inner.statistics().unwrap().unwrap(), b"statistics");
    let whole = inner.with_column_chunk(&location, &head.header, |chunk| Ok(chunk.data.to_vec()));
    assert_eq!(whole.unwrap(), data);

    let damaged = |place: u64| {
        let mut bytes = bytes.clone();
        bytes[usize::try_from(place).unwrap()] ^= 1;
        open(bytes)
    };
    let (reader, location) = damaged(location.begin + 7000);
    let error = reader.inner().column_head(&location).unwrap_err();
    assert_eq!(error.code(), "crc");
    let (reader, location) = damaged(location.begin + 20_000);
    assert!(reader.inner().column_head(&location).is_ok());
    let whole = reader
        .inner()
        .with_column_chunk(&location, &head.header, |_| Ok(()));
    assert_eq!(whole.unwrap_err().code(), "chunk_data_hash");
    // Statistics that cannot be read are none.
    let (reader, _) = damaged(reader.footer().footer_end + 50);
    assert_eq!(reader.inner().statistics().unwrap(), None);
    let (reader, _) = damaged(reader.footer().footer_end + 9);
    assert_eq!(reader.inner().statistics().unwrap(), None);
}
