//! The whole files of `format-spec/vectors`, and the worked buffers of its pages: read by both sides, and written where
//! the bytes are ruled.

use windrow::format::{
    At, BufferLimits, ChunkType, CompressionType, Decompressor, VERSION_UPSTREAM,
};
use windrow::{AppendOptions, Codec, Reader, SourceName, Writer, WriterOptions};
use windrow_tests::every_way::check_file;
use windrow_tests::file_builder::{FileBuilder, RawChunk, Tail, records_chunk};
use windrow_tests::hex_file::HexFile;
use windrow_tests::repository;
use windrow_tests::upstream::{Upstream, Verdict};
use windrow_tests::written::{uncompressed, write};

const VECTORS: &str = "format-spec/vectors";

/// A row of the table in `vectors/README.md`.
struct Vector {
    name: String,
    options: String,
    same_bytes: bool,
}

/// Those that hold records.
fn vectors() -> Vec<Vector> {
    let page = repository::read_text(format!("{VECTORS}/README.md"));
    // Files of columns have tests of their own.
    let (page, _) = page.split_once("\n## Files of columns\n").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let quoted = |column: &str| column.split('`').nth(1).unwrap().to_owned();
        let rule = columns[4];
        assert!(["same bytes", "read"].contains(&rule), "{row}");
        Vector {
            name: quoted(columns[1]),
            options: quoted(columns[2]),
            same_bytes: rule == "same bytes",
        }
    })
    .collect()
}

impl Vector {
    fn file(&self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let text = repository::read_text(format!("{VECTORS}/{}", self.name));
        let file = HexFile::parse(&text);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let records = file.records;
        (
            file.bytes,
            records.unwrap_or_else(|| panic!("{} has no records", self.name)),
        )
    }

    /// The options of the table; those that have no key are here.
    fn writer_options(&self) -> WriterOptions {
        let options: WriterOptions = self.options.parse().unwrap();
        match self.name.as_str() {
            "user_metadata.hex" => options
                .with_metadata("schema", "{\"x\":1}")
                .with_metadata("blob", [0, 255, 128]),
            "early_close_version2.hex" => options.with_max_group_bytes(Some(5)),
            _ => options,
        }
    }
}

#[test]
fn each_vector_has_a_row() {
    let mut expected: Vec<String> = vectors().into_iter().map(|vector| vector.name).collect();
    expected.push("README.md".to_owned());
    expected.sort_unstable();
    let mut files = repository::files_in(VECTORS);
    files.retain(|name| !name.starts_with("columns_"));
    assert_eq!(files, expected);
    assert!(expected.len() > 10);
}

#[test]
fn each_vector_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector");
    for vector in vectors() {
        let (bytes, records) = vector.file();
        std::fs::write(&path, &bytes).unwrap();
        let checks = check_file(&path, &records);
        checks.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        let echo = vector.writer_options().to_string();
        let reader = Reader::open(&path).unwrap();
        let text = reader.writer_options_string().unwrap();
        assert!(text.starts_with(&echo), "{}: {text}", vector.name);
        let metadata = vector.writer_options().metadata().to_vec();
        assert_eq!(reader.user_metadata(), metadata, "{}", vector.name);
    }
}

#[test]
fn each_vector_of_same_bytes_is_written() {
    let mut written = 0;
    for vector in vectors().iter().filter(|vector| vector.same_bytes) {
        let (bytes, records) = vector.file();
        assert!(
            write(&records, vector.writer_options()) == bytes,
            "{}",
            vector.name
        );
        written += 1;
    }
    assert!(written >= 5, "{written}");
}

/// Those that a writer makes in more than one go.
#[test]
fn grown_vectors_are_written() {
    let vectors = vectors();
    let bytes = |name: &str| vectors.iter().find(|v| v.name == name).unwrap().file().0;
    let begin = || {
        let mut writer = Writer::create(Vec::new(), uncompressed(3)).unwrap();
        writer.write_batch(["abc", "defgh"]).unwrap();
        writer
    };
    let mut writer = begin();
    writer.flush().unwrap();
    writer.write(b"").unwrap();
    assert!(writer.finish().unwrap().0 == bytes("flushed_group3.hex"));

    let (old, _) = begin().finish().unwrap();
    let options = AppendOptions::new();
    let mut writer = Writer::resume(old.clone(), SourceName::MEMORY, &options, |keep| {
        assert_eq!(keep, old.len() as u64);
        Ok(old.clone())
    })
    .unwrap();
    writer.write(b"").unwrap();
    assert!(writer.finish().unwrap().0 == bytes("appended_group3.hex"));

    // On a copy the result is that of one go.
    let mut copy = Vec::new();
    let options = options.with_copy(true);
    let mut writer = Writer::resume(old.clone(), SourceName::MEMORY, &options, |keep| {
        copy = old[..usize::try_from(keep).unwrap()].to_vec();
        Ok(Vec::new())
    })
    .unwrap();
    writer.write(b"").unwrap();
    copy.extend(writer.finish().unwrap().0);
    let records = ["abc", "defgh", ""].map(|record| record.as_bytes().to_vec());
    assert!(copy == write(&records, uncompressed(3)));
}

#[test]
fn upstream_reads_each_vector_of_version_1() {
    let mut upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vector");
    for vector in vectors() {
        let (bytes, records) = vector.file();
        std::fs::write(&path, &bytes).unwrap();
        let reader = Reader::open(&path).unwrap();
        if reader.footer().metadata.version == VERSION_UPSTREAM {
            let read = upstream.read_literal(&path, &records);
            read.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        } else {
            let verdict = upstream.open(&path, "").unwrap();
            assert!(
                matches!(verdict, Verdict::Refused { .. }),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn the_vector_with_a_cut_header_is_built_as_described() {
    let vectors = vectors();
    let vector = vectors.iter().find(|v| v.name == "header_across_block.hex");
    let (bytes, records) = vector.unwrap().file();
    let mut builder = FileBuilder::new();
    builder.unlisted(&RawChunk {
        data: vec![0; 65_396],
        ..RawChunk::without_records(ChunkType::Padding, 0)
    });
    assert_eq!(builder.position(), 65_500);
    for record in records {
        builder.data(&[record], Codec::Uncompressed);
    }
    let mut tail = Tail::default();
    tail.metadata.writer_options = Some(uncompressed(1).to_string());
    assert!(builder.finish(&tail) == bytes);
}

/// The worked buffers of codecs.md: the sizes `03 05 00` of three records in each codec.
#[test]
fn worked_buffers_decode() {
    let page = repository::read_text("format-spec/codecs.md");
    let mut seen = 0;
    for (name, compression) in [
        ("none", CompressionType::None),
        ("zstd", CompressionType::Zstd),
        ("brotli", CompressionType::Brotli),
        ("snappy", CompressionType::Snappy),
    ] {
        let prefix = format!("{name:<6}  ");
        let line = page.lines().find_map(|line| line.strip_prefix(&prefix));
        let buffer: Vec<u8> = line
            .unwrap()
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        let limits = BufferLimits {
            exact: None,
            max: 100,
            limit: u64::MAX,
            option: "max_chunk_bytes",
            what: "sizes",
            at: At::byte(0),
        };
        let mut out = Vec::new();
        let decoded = Decompressor::new().decompress_into(compression, &buffer, &limits, &mut out);
        decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(out, [3, 5, 0], "{name}");
        seen += 1;
    }
    assert_eq!(seen, 4);
    let (header, _) = records_chunk(&["abc", "defgh", ""], Codec::Uncompressed);
    assert_eq!((header.num_records, header.decoded_bytes), (3, 8));
}
