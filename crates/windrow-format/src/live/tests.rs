//! Scans of files of columns. What is told of files of records is in the tests of the files themselves.

use super::*;
use crate::chunk_header::ChunkHeader;
use crate::codec::{Codec, Compressor};
use crate::column_chunk::{ColumnFront, encode_schema_chunk, schema_hash};
use crate::error::At;
use crate::footer::{FooterEntry, VERSION_WINDROW};
use crate::postscript::encode_postscript;
use crate::record_chunk::RecordGroup;

const SCHEMA: &[u8] = b"a schema";

struct Scan {
    live: LiveChunks,
    position: u64,
}

impl Scan {
    fn new() -> Self {
        let limits = Limits::default();
        Self {
            live: LiveChunks::new(limits),
            position: 64,
        }
    }

    /// The chunk lies at the position, whatever that is: nothing here depends on block headers.
    fn push(&mut self, header: ChunkHeader, data: &[u8]) -> Result<Pushed, &'static str> {
        let begin = self.position;
        self.position += 40 + data.len() as u64;
        let at = At::byte(begin);
        let chunk = Chunk { header, data, at };
        let pushed = self.live.push(&chunk, self.position, |_, _| Err(()));
        let pushed = pushed.expect("nobody asks what records a column chunk holds");
        if pushed.is_err() {
            self.live.skip_chunk(begin..self.position, &header);
        }
        pushed.map_err(|error| error.code())
    }

    fn columns(&mut self, rows: u64, schema: &[u8]) -> Result<Pushed, &'static str> {
        let (header, data) = columns(rows, schema);
        self.push(header, &data[..24])
    }

    fn schema(&mut self) {
        let mut chunk = Vec::new();
        let header = encode_schema_chunk(SCHEMA, &mut chunk);
        assert_eq!(self.push(header, &chunk[40..]), Ok(Pushed::Passed));
    }

    fn records(&mut self, records: &[Vec<u8>]) -> Result<Pushed, &'static str> {
        let mut group = RecordGroup::new();
        records.iter().for_each(|record| group.push(record));
        let mut chunk = Vec::new();
        let header = group
            .encode(
                Codec::Uncompressed,
                None,
                &mut Compressor::new(),
                &mut chunk,
            )
            .unwrap();
        self.push(header, &chunk[40..])
    }

    fn footer(&mut self) -> Result<Pushed, &'static str> {
        let metadata = FooterMetadata {
            version: VERSION_WINDROW,
            num_chunks: self.live.chunks().len() as u64,
            num_records: self.live.num_records(),
            arrow_schema: Some(SCHEMA.to_vec()),
            ..FooterMetadata::default()
        };
        let mut records = vec![metadata.encode()];
        for chunk in self.live.chunks() {
            let entry = FooterEntry {
                chunk_offset: chunk.begin,
                decoded_bytes: chunk.decoded_bytes,
                num_records: chunk.records,
            };
            let mut record = Vec::new();
            entry.encode(&mut record);
            records.push(record);
        }
        self.records(&records)
    }

    fn postscript(&mut self, footer: u64) -> Result<Pushed, &'static str> {
        self.position = self.position.next_multiple_of(BLOCK_BYTES);
        let copies = vec![encode_postscript(footer); 3];
        self.records(&copies)
    }

    fn rows(&self) -> Vec<u64> {
        let chunks = self.live.chunks().iter();
        chunks.map(|chunk| chunk.records).collect()
    }
}

fn columns(rows: u64, schema: &[u8]) -> (ChunkHeader, Vec<u8>) {
    let front = ColumnFront {
        front_bytes: 32,
        rows,
        schema_hash: schema_hash(schema),
    };
    let mut data = front.encode().to_vec();
    data.resize(40, 0);
    let header = ChunkHeader::new(ChunkType::Columns, 1, 9, &data);
    (header, data)
}

#[test]
fn rows_are_counted_and_the_schema_is_kept() {
    let mut scan = Scan::new();
    scan.schema();
    assert!(scan.live.has_columns());
    assert_eq!(scan.columns(1 << 40, SCHEMA), Ok(Pushed::Data));
    assert_eq!(scan.columns(5, SCHEMA), Ok(Pushed::Data));
    assert_eq!(scan.columns(7, b"another"), Err("column_front"));
    assert_eq!(scan.columns(2, SCHEMA), Ok(Pushed::Data));
    assert_eq!(scan.rows(), [1 << 40, 5, 2]);
    assert_eq!(scan.live.num_records(), (1 << 40) + 7);
    assert_eq!(scan.live.schema(), Some(SCHEMA));
    assert_eq!(scan.columns(0, SCHEMA), Err("column_front"));
}

#[test]
fn what_is_damaged_costs_itself_only() {
    let mut scan = Scan::new();
    scan.schema();
    scan.columns(5, SCHEMA).unwrap();
    let (header, _) = columns(6, SCHEMA);
    assert_eq!(scan.live.skip_chunk(104..200, &header), None);
    scan.position = 200;
    // The one behind is larger, which would supersede a group of records.
    scan.columns(7, SCHEMA).unwrap();
    assert_eq!(scan.rows(), [5, 7]);
    // Its footer lists what was skipped, too.
    let footer = scan.position;
    assert_eq!(scan.footer(), Ok(Pushed::Candidate));
    assert_eq!(scan.postscript(footer), Ok(Pushed::Postscript));
    assert_eq!(scan.columns(1, SCHEMA), Ok(Pushed::Data));
    assert!(!scan.live.has_short_tail());
    assert_eq!(scan.rows(), [5, 7, 1]);
}

#[test]
fn without_its_schema_the_first_chunk_tells() {
    let mut scan = Scan::new();
    assert_eq!(scan.columns(5, b"this"), Ok(Pushed::Data));
    scan.schema();
    assert_eq!(scan.columns(5, SCHEMA), Err("column_front"));
    assert_eq!((scan.live.schema(), scan.live.has_columns()), (None, true));
}

#[test]
fn a_footer_without_postscript_tells_the_schema_of_its_chunks() {
    // The footer of the scan has this schema.
    for (schema, told) in [(SCHEMA, Some(SCHEMA)), (b"another", None)] {
        let mut scan = Scan::new();
        assert_eq!(scan.columns(5, schema), Ok(Pushed::Data));
        assert_eq!(scan.footer(), Ok(Pushed::Candidate));
        scan.live.finish();
        assert_eq!(scan.live.schema(), told);
        assert_eq!(scan.rows(), [5]);
    }
}

#[test]
fn records_and_columns_do_not_mix() {
    let mut scan = Scan::new();
    scan.columns(5, SCHEMA).unwrap();
    assert_eq!(scan.records(&[b"record".to_vec()]), Err("chunk_type"));
    // One that is held back is a footer whatever comes.
    assert_eq!(scan.footer(), Ok(Pushed::Candidate));
    assert_eq!(scan.records(&[b"record".to_vec()]), Err("chunk_type"));
    assert_eq!(scan.footer(), Ok(Pushed::Candidate));
    assert_eq!(scan.columns(6, SCHEMA), Ok(Pushed::Data));
    assert_eq!(scan.rows(), [5, 6]);

    let mut scan = Scan::new();
    scan.records(&[b"record".to_vec()]).unwrap();
    assert_eq!(scan.columns(6, SCHEMA), Err("chunk_type"));
    scan.schema();
    assert_eq!(scan.live.schema(), None);
    assert!(!scan.live.has_columns());

    // A record that looks like the footer of an empty table.
    let mut scan = Scan::new();
    assert_eq!(scan.footer(), Ok(Pushed::Candidate));
    assert_eq!(scan.records(&[b"record".to_vec()]), Ok(Pushed::Data));
    assert_eq!(scan.rows(), [1, 1]);
}
