//! Files of columns, as far as their framing goes: what the pages of a column chunk hold does not matter here.

use std::path::Path;

use windrow_format::options::{AppendOptions, OnCorrupt, ReaderOptions, WriterOptions};
use windrow_format::{
    BlockWriter, CHUNK_HEADER_BYTES, ChunkHeader, ChunkType, ColumnFront, ErrorKind, crc_of,
    push_chunk, schema_hash,
};
use windrow_io::{
    ColumnFile, ColumnFileOptions, ColumnFileWriter, DataSource, Error, FileSink, Reader,
    RecoverOptions, Recovered, SourceName, TailReader, VerifyOptions, VerifyReport, Writer,
    recover_store, verify_store,
};

const SCHEMA: &[u8] = b"a schema message";
const ROWS: [u64; 3] = [5, 1 << 40, 7];

/// A column chunk of `rows` rows of `schema`, with `bytes` bytes of pages.
fn chunk_of(rows: u64, schema: &[u8], bytes: usize) -> (ChunkHeader, Vec<u8>) {
    let front = ColumnFront {
        front_bytes: 40,
        rows,
        schema_hash: schema_hash(schema),
    };
    let mut data = front.encode().to_vec();
    data.extend_from_slice(&[0; 12]);
    data.extend_from_slice(&crc_of(&data).to_le_bytes());
    data.extend((0..bytes).map(|byte| (byte as u64 ^ rows).to_le_bytes()[0]));
    let header = ChunkHeader::new(ChunkType::Columns, 1, 9 * rows, &data);
    let mut chunk = Vec::new();
    push_chunk(&mut chunk, &header, &data);
    (header, chunk)
}

fn options() -> ColumnFileOptions {
    ColumnFileOptions {
        writer: WriterOptions::new().with_metadata("key", "value"),
        schema: SCHEMA.to_vec(),
        writer_options: "group_size:5,columns".to_owned(),
    }
}

fn push(writer: &mut ColumnFileWriter<impl windrow_io::Sink>, rows: &[u64]) {
    for &rows in rows {
        let (header, chunk) = chunk_of(rows, SCHEMA, 100_000);
        writer.push(&header, &chunk).unwrap();
    }
}

fn file_of(rows: &[u64], statistics: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ColumnFileWriter::create(&mut bytes, options()).unwrap();
    push(&mut writer, rows);
    if let Some(contents) = statistics {
        writer.set_statistics(contents.to_vec());
    }
    let (_, summary) = writer.finish().unwrap();
    assert_eq!(summary.records, rows.iter().sum::<u64>());
    assert_eq!(summary.version, 2);
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    bytes
}

fn open(bytes: &[u8]) -> Reader {
    Reader::from_bytes(bytes, ReaderOptions::new()).unwrap()
}

fn rows_of(reader: &Reader) -> Vec<u64> {
    let chunks = 0..reader.num_chunks();
    chunks
        .map(|chunk| reader.chunk_location(chunk).unwrap().records)
        .collect()
}

fn verify(bytes: &[u8]) -> VerifyReport {
    let check = |deep| {
        let options = VerifyOptions::new().with_deep(deep);
        verify_store(bytes.to_vec(), SourceName::MEMORY, &options).unwrap()
    };
    let report = check(false);
    // Who decodes columns finds that the schema of these files is none.
    let mut deep = check(true).faults;
    deep.retain(|fault| fault.code() != "schema");
    assert_eq!(report.faults, deep);
    report
}

fn codes(report: &VerifyReport) -> Vec<&'static str> {
    report.faults.iter().map(|fault| fault.code()).collect()
}

fn recover(bytes: &[u8]) -> Recovered {
    recover_store(bytes.to_vec(), SourceName::MEMORY, &RecoverOptions::new()).unwrap()
}

#[test]
fn a_file_opens_and_counts_its_rows() {
    for statistics in [None, Some(&b"contents"[..])] {
        let bytes = file_of(&ROWS, statistics);
        let reader = open(&bytes);
        assert!(reader.has_columns());
        assert_eq!(reader.len(), ROWS.iter().sum::<u64>());
        assert_eq!(rows_of(&reader), ROWS);
        assert_eq!(reader.arrow_schema(), Some(SCHEMA));
        assert_eq!(reader.user_metadata(), [("key".into(), b"value".to_vec())]);
        assert_eq!(
            reader.writer_options_string(),
            Some("group_size:5,columns,needs:windrow")
        );
        let metadata = &reader.footer().metadata;
        assert_eq!(
            (metadata.version, metadata.has_statistics),
            (2, statistics.is_some())
        );
        assert_eq!(reader.chunk_of(5 + (1 << 40)).unwrap().chunk, 2);
        let report = verify(&bytes);
        assert_eq!(codes(&report), [""; 0]);
        assert_eq!((report.data_chunks, report.dead_bytes), (3, 0));
    }
}

#[test]
fn reading_records_of_it_is_refused() {
    for rows in [&ROWS[..], &[]] {
        let bytes = file_of(rows, None);
        for on_corrupt in [OnCorrupt::Raise, OnCorrupt::Skip] {
            let options = ReaderOptions::new().with_on_corrupt(on_corrupt);
            let reader = Reader::from_bytes(bytes.clone(), options.clone()).unwrap();
            let mut buffer = Vec::new();
            let mut tail =
                TailReader::from_store(bytes.clone(), SourceName::MEMORY, options).unwrap();
            let errors = [
                reader.read(0).unwrap_err(),
                reader.read_into(0, &mut buffer).unwrap_err(),
                reader.read_many(&[]).unwrap_err(),
                reader.read_range(0..0).unwrap_err(),
                reader.read_all().unwrap_err(),
                reader.read_many_with(&[], |_, _| {}).unwrap_err(),
                reader.read_range_with(0..0, |_, _| {}).unwrap_err(),
                reader.record_sizes(&[]).unwrap_err(),
                reader.records().next_record().unwrap_err(),
                reader.records().next_records().unwrap_err(),
                reader.records().next().unwrap().unwrap_err(),
                tail.poll().unwrap_err(),
            ];
            for error in errors {
                assert_eq!(
                    (error.code(), error.kind()),
                    ("holds_columns", ErrorKind::Usage)
                );
                assert!(error.to_string().contains("windrow.TableReader"), "{error}");
            }
            assert_eq!(reader.skipped(), []);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    std::fs::write(&path, file_of(&ROWS, None)).unwrap();
    let error = DataSource::open([&path]).unwrap_err();
    assert_eq!(error.code(), "holds_columns");
}

#[test]
fn what_is_no_chunk_of_the_file_is_refused() {
    let mut bytes = Vec::new();
    let mut writer = ColumnFileWriter::create(&mut bytes, options()).unwrap();
    let (header, chunk) = chunk_of(3, b"another schema", 10);
    let error = writer.push(&header, &chunk).unwrap_err();
    assert_eq!(error.code(), "column_front");
    push(&mut writer, &[4]);
    writer.finish().unwrap();
    assert_eq!(rows_of(&open(&bytes)), [4]);
}

#[test]
fn what_is_cut_or_was_never_finished_is_recovered() {
    let bytes = file_of(&ROWS, Some(b"contents"));
    let reader = open(&bytes);
    let ends: Vec<u64> = (0..3)
        .map(|chunk| reader.chunk_location(chunk).unwrap().end)
        .collect();
    let cuts = (64..bytes.len()).step_by(7001).chain([bytes.len() - 1]);
    for cut in cuts {
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count();
        let Recovered { reader, report, .. } = recover(&bytes[..cut]);
        assert_eq!(rows_of(&reader), ROWS[..whole], "{cut}");
        assert_eq!(reader.has_columns(), cut > 64 + 56, "{cut}");
        assert!(report.index.is_some());
        if reader.has_columns() {
            assert_eq!(reader.arrow_schema(), Some(SCHEMA));
            assert_eq!(reader.read(0).unwrap_err().code(), "holds_columns");
            // Another file is made of it.
            let mut copy = Vec::new();
            let options = ColumnFileOptions::of(&reader).unwrap();
            let mut writer = ColumnFileWriter::create(&mut copy, options).unwrap();
            writer.push_all(&reader, |_| true).unwrap();
            writer.finish().unwrap();
            assert_eq!(rows_of(&open(&copy)), ROWS[..whole]);
            assert!(verify(&copy).is_sound());
        }
    }
}

#[test]
fn a_damaged_chunk_costs_its_rows() {
    let bytes = file_of(&ROWS, None);
    let location = open(&bytes).chunk_location(1).unwrap();
    let middle = usize::try_from(location.begin + 5000).unwrap();
    let mut damaged = bytes.clone();
    damaged[middle] ^= 4;
    assert_eq!(codes(&verify(&damaged)), ["chunk_data_hash"]);
    // The index tells how many they are.
    let Recovered { reader, report, .. } = recover(&damaged);
    assert_eq!(rows_of(&reader), [5, 7]);
    assert_eq!(report.records_lost(), 1 << 40);
    // Without it nobody knows.
    let Recovered { reader, report, .. } = recover(&damaged[..damaged.len() - 70_000]);
    assert_eq!(rows_of(&reader), [5, 7]);
    assert_eq!(report.skipped[0].code(), "chunk_data_hash");
    assert_eq!(
        (report.records_lost(), &report.skipped[0].records),
        (0, &None)
    );
}

#[test]
fn a_damaged_schema_chunk_is_told_and_the_footer_stands_for_it() {
    let mut bytes = file_of(&ROWS, None);
    let data = 64 + usize::try_from(CHUNK_HEADER_BYTES).unwrap();
    assert_eq!(&bytes[data..data + SCHEMA.len()], SCHEMA);
    bytes[data] ^= 1;
    assert_eq!(codes(&verify(&bytes)), ["chunk_data_hash"]);
    assert_eq!(open(&bytes).arrow_schema(), Some(SCHEMA));
    assert_eq!(recover(&bytes).reader.arrow_schema(), Some(SCHEMA));
    let cut = recover(&bytes[..bytes.len() - 140_000]).reader;
    assert_eq!((cut.arrow_schema(), cut.has_columns()), (None, true));
    let error = ColumnFileOptions::of(&cut).unwrap_err();
    assert_eq!(error.code(), "schema_lost");
}

/// Each header and what stands at the front of each chunk, flipped bit by bit: nothing is read as something else.
#[test]
fn flips_are_told() {
    let bytes = file_of(&[5, 6], Some(b"contents"));
    let reader = open(&bytes);
    let second = usize::try_from(reader.chunk_location(1).unwrap().begin).unwrap();
    let footer = usize::try_from(reader.footer().footer_offset).unwrap();
    let ends = [
        footer..footer + 500,
        bytes.len() - 65_536..bytes.len() - 65_300,
    ];
    for range in [0..300, second..second + 100].into_iter().chain(ends) {
        for place in range.step_by(3) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            assert!(!verify(&damaged).is_sound(), "{place}");
            let Recovered { reader, report, .. } = recover(&damaged);
            let rows = rows_of(&reader);
            assert!(
                [&[5, 6][..], &[5], &[6]].contains(&&rows[..]),
                "{place}: {rows:?}"
            );
            assert!(reader.has_columns(), "{place}");
            assert!(rows.len() == 2 || !report.is_whole(), "{place}");
        }
    }
}

/// Lays chunks into a file behind its signature, without any index.
fn laid(chunks: &[(ChunkHeader, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut blocks) = (Vec::new(), BlockWriter::new(0));
    let mut emit = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok::<_, std::convert::Infallible>(())
    };
    blocks.lay_signature(&mut emit).unwrap();
    for (header, chunk) in chunks {
        blocks.lay(header, chunk, &mut emit).unwrap();
    }
    bytes
}

#[test]
fn chunks_of_another_schema_are_skipped_by_a_scan() {
    let chunks = [(5, SCHEMA), (6, &b"another"[..]), (7, SCHEMA)];
    let chunks = chunks.map(|(rows, schema)| chunk_of(rows, schema, 10));
    let Recovered { reader, report, .. } = recover(&laid(&chunks));
    assert_eq!(rows_of(&reader), [5, 7]);
    assert_eq!(report.skipped[0].code(), "column_front");
    let mut damaged = chunk_of(5, SCHEMA, 10);
    let mut data = damaged.1.split_off(40);
    data[0] = 9;
    damaged.0 = ChunkHeader::new(ChunkType::Columns, 1, 9, &data);
    damaged.1.clear();
    push_chunk(&mut damaged.1, &damaged.0, &data);
    let Recovered { reader, report, .. } = recover(&laid(&[damaged, chunk_of(7, SCHEMA, 10)]));
    assert_eq!(rows_of(&reader), [7]);
    assert_eq!(report.skipped[0].code(), "column_version");
}

/// Goes on with the bytes of a file, and gives what becomes of them.
fn appended(
    bytes: &[u8],
    copy: bool,
    rows: &[u64],
    decide: impl Fn(&ColumnFile) -> ColumnFileOptions,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let kept = std::cell::Cell::new(0);
    let mut writer = ColumnFileWriter::resume(
        bytes.to_vec(),
        SourceName::MEMORY,
        copy,
        |file| Ok(decide(file)),
        |keep| {
            kept.set(usize::try_from(keep).unwrap());
            Ok(&mut out)
        },
    )?;
    push(&mut writer, rows);
    writer.finish()?;
    Ok([&bytes[..kept.get()], &out].concat())
}

#[test]
fn files_grow() {
    let bytes = file_of(&ROWS, Some(b"contents"));
    let decide = |file: &ColumnFile| {
        assert_eq!(file.schema.as_deref(), Some(SCHEMA));
        assert_eq!(file.writer_options.as_deref(), Some("group_size:5,columns"));
        assert_eq!(file.user_metadata, [("key".into(), b"value".to_vec())]);
        assert_eq!(file.statistics.as_deref(), Some(&b"contents"[..]));
        assert_eq!((file.rows, file.chunks), (ROWS.iter().sum(), 3));
        options()
    };
    // Nothing is written where nothing comes.
    assert_eq!(appended(&bytes, false, &[], decide).unwrap(), bytes);
    for copy in [false, true] {
        let grown = appended(&bytes, copy, &[100, 2], decide).unwrap();
        assert_eq!(grown.starts_with(&bytes), !copy);
        assert_eq!(rows_of(&open(&grown)), [5, 1 << 40, 7, 100, 2]);
        let report = verify(&grown);
        assert_eq!(codes(&report), [""; 0]);
        assert_eq!(report.dead_bytes == 0, copy);
        assert_eq!(rows_of(&recover(&grown).reader), [5, 1 << 40, 7, 100, 2]);
        // And once more, with what a scan finds when the new index is gone.
        let cut = &grown[..grown.len() - 70_000];
        assert_eq!(rows_of(&recover(cut).reader), [5, 1 << 40, 7, 100, 2]);
    }
}

#[test]
fn unfinished_files_are_gone_on_with() {
    let bytes = file_of(&ROWS, None);
    let ends: Vec<u64> = (0..3)
        .map(|chunk| open(&bytes).chunk_location(chunk).unwrap().end)
        .collect();
    for cut in (64..bytes.len()).step_by(9001) {
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count();
        let decide = |file: &ColumnFile| {
            assert_eq!(file.chunks, whole as u64);
            options()
        };
        let grown = appended(&bytes[..cut], false, &[3], decide).unwrap();
        let mut rows = ROWS[..whole].to_vec();
        rows.push(3);
        assert_eq!(rows_of(&open(&grown)), rows, "{cut}");
        assert!(verify(&grown).is_sound(), "{cut}");
        assert_eq!(recover(&grown).reader.arrow_schema(), Some(SCHEMA));
    }
}

#[test]
fn records_and_columns_are_not_mixed_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let unchanged = |bytes: &[u8], code: &str, append: &dyn Fn(&Path) -> Error| {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(append(&path).code(), code);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    };
    let records = |path: &Path| Writer::append(path, AppendOptions::new()).unwrap_err();
    let columns =
        |path: &Path| ColumnFileWriter::append(path, false, |_| Ok(options())).unwrap_err();
    let table = file_of(&ROWS, None);
    unchanged(&table, "holds_columns", &records);
    unchanged(&table[..200_000], "holds_columns", &records);
    unchanged(&file_of(&[], None), "holds_columns", &records);
    let record_file = |written: &[&str]| {
        let mut bytes = Vec::new();
        let mut writer = Writer::create(&mut bytes, WriterOptions::new()).unwrap();
        writer.write_batch(written).unwrap();
        writer.finish().unwrap();
        bytes
    };
    unchanged(&record_file(&["a", "b"]), "holds_records", &columns);
    unchanged(&record_file(&["a", "b"])[..150], "holds_records", &columns);
    unchanged(&record_file(&[]), "holds_records", &columns);
    std::fs::write(&path, record_file(&["a"])).unwrap();
    let error = ColumnFileOptions::of(&Reader::open(&path).unwrap()).unwrap_err();
    assert_eq!(error.code(), "holds_records");
}

#[test]
fn files_on_disk_are_made_and_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    for (copy, rows) in [(false, 1), (false, 2), (true, 3)] {
        let mut writer: ColumnFileWriter<FileSink> =
            ColumnFileWriter::append(&path, copy, |_| Ok(options())).unwrap();
        assert!(matches!(
            ColumnFileWriter::append(&path, copy, |_| Ok(options())),
            Err(Error::Locked { .. })
        ));
        push(&mut writer, &[rows]);
        writer.sync().unwrap();
        assert_eq!(writer.rows(), (1..=rows).sum::<u64>());
        writer.finish_synced().unwrap();
    }
    assert_eq!(rows_of(&Reader::open(&path).unwrap()), [1, 2, 3]);
    let writer = ColumnFileWriter::create_file(&path, options()).unwrap();
    writer.finish().unwrap();
    assert!(Reader::open(&path).unwrap().is_empty());
}

#[test]
fn padded_files() {
    let mut bytes = Vec::new();
    let mut options = options();
    options.writer = options.writer.with_pad_to_block_boundary(true);
    let mut writer = ColumnFileWriter::create(&mut bytes, options).unwrap();
    push(&mut writer, &ROWS);
    writer.set_statistics(vec![7; 100]);
    writer.finish().unwrap();
    let reader = open(&bytes);
    for chunk in 0..3 {
        assert_eq!(reader.chunk_location(chunk).unwrap().begin % 65_536, 0);
    }
    assert_eq!(codes(&verify(&bytes)), [""; 0]);
    assert_eq!(rows_of(&recover(&bytes).reader), ROWS);
}
