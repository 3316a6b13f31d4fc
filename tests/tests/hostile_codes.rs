//! Every code of a format error has an example that produces it: bytes that the library itself refuses with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use windrow::{
    At, Codec, FormatError, Reader, ReaderOptions, RecoverOptions, SourceName, VerifyOptions,
    recover_store, verify_store,
};
use windrow_format::{
    BlockHeader, Chunk, ChunkHeader, ChunkType, ColumnFront, Compressor, Dictionary, Limits,
    Provisional, RecordDecoder, RecordGroup, Records, encode_postscript,
};
use windrow_tests::hostile::{
    Forge, Pages, chunk_data, dictionary_chunk, encode_records, entry, format_error, header,
    metadata, table_of,
};

/// Where the codes are given out.
const SOURCE: &str = include_str!("../../crates/windrow-format/src/error.rs");

/// The error of opening or, where it opens, of reading these bytes; with what wraps it if `outer`.
fn refused(bytes: &[u8], outer: bool) -> FormatError {
    let options = ReaderOptions::new().with_max_chunk_bytes(1 << 20);
    let error = Reader::from_bytes(bytes, options)
        .and_then(|reader| reader.read(0))
        .expect_err("a file with a fault");
    match error {
        windrow::Error::Format { ref source, .. } if outer => source.clone(),
        ref error => format_error(error).expect("a format error").clone(),
    }
}

fn inner(bytes: &[u8]) -> FormatError {
    refused(bytes, false)
}

fn sound() -> Forge {
    let mut forge = Forge::new();
    forge.records(&[b"one", b"two"]);
    forge
}

fn sealed(forge: Forge) -> Vec<u8> {
    let footer = forge.honest_footer(1);
    forge.seal(&footer).0
}

fn flipped(byte: usize) -> FormatError {
    let mut bytes = sealed(sound());
    bytes[byte] ^= 1;
    inner(&bytes)
}

/// Block header and chunk header of the postscript are damaged; with the block header alone the file opens.
fn damaged_tail() -> FormatError {
    let mut bytes = sealed(sound());
    bytes[65_536] ^= 1;
    assert!(Reader::from_bytes(bytes.clone(), ReaderOptions::new()).is_ok());
    bytes[65_536 + 30] ^= 1;
    inner(&bytes)
}

/// Metadata with one pair of user metadata more than there may be.
fn many_pairs() -> Vec<u8> {
    let pairs = [0xa2, 0x06, 0x00].repeat(windrow_format::MAX_USER_METADATA_PAIRS + 1);
    let mut inner = vec![0x08, 1];
    inner.extend(pairs);
    let mut record = vec![0x0a];
    let mut len = inner.len();
    while len >= 0x80 {
        record.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
        len >>= 7;
    }
    record.push(u8::try_from(len).unwrap());
    record.extend(inner);
    record
}

/// The one data chunk has this header and these data.
fn chunk(header: ChunkHeader, data: &[u8]) -> FormatError {
    let mut forge = Forge::new();
    forge.listed(&header, data);
    inner(&sealed(forge))
}

fn data(records: u64, decoded: u64, data: &[u8]) -> FormatError {
    chunk(header(records, decoded, data), data)
}

fn footer(records: &[Vec<u8>]) -> FormatError {
    inner(&sound().seal(records).0)
}

fn postscript(records: &[Vec<u8>]) -> FormatError {
    inner(&sound().postscript_of(records))
}

fn of_type(kind: u8) -> FormatError {
    let (mut header, data) = encode_records(&[b"abc"], Codec::Uncompressed);
    header.chunk_type = ChunkType::from_byte(kind);
    chunk(header, &data)
}

/// Of a transposed chunk whose own header has no nodes.
fn transposed_header() -> ChunkHeader {
    ChunkHeader::new(ChunkType::Transposed, 1, 1, &[0, 4, 0, 0, 0, 0])
}

/// A page chunk of one record, changed.
fn pages(change: &dyn Fn(Pages) -> Pages) -> FormatError {
    inner(&change(Pages::plain(&[b"abc".to_vec()])).file())
}

/// A dictionary whose id is that of others.
fn false_dictionary() -> FormatError {
    let (header, data) = dictionary_chunk(0, 7, 300, &[1; 300]);
    let at = At::byte(64);
    let chunk = Chunk {
        header,
        data: &data,
        at,
    };
    Dictionary::parse_chunk(&chunk, &Limits::default()).unwrap_err()
}

fn footer_of_type(kind: u8) -> FormatError {
    let mut forge = sound();
    let (mut header, data) = encode_records(&forge.honest_footer(1), Codec::Uncompressed);
    header.chunk_type = ChunkType::from_byte(kind);
    let offset = forge.chunk(&header, &data);
    inner(&forge.postscript(offset))
}

/// The last block is the middle of a chunk.
fn cut_in_a_chunk() -> FormatError {
    let mut forge = Forge::new();
    forge.records(&[[7; 200_000]]);
    inner(&sealed(forge)[..131_072])
}

/// Two files of one layout, one behind the other: the second postscript points at the first footer.
fn two_files() -> FormatError {
    inner(&sealed(sound()).repeat(2))
}

/// What recovery finds in a file whose provisional chunk says that it begins with record 7.
fn misnumbered() -> FormatError {
    let told = Provisional {
        first_record: 7,
        group_size: 2,
        ..Provisional::default()
    };
    let mut group = RecordGroup::new();
    group.push(b"one");
    let mut chunk = Vec::new();
    let mut compressor = Compressor::new();
    let encoded = told.encode(
        &group.as_slice(),
        Codec::Uncompressed,
        None,
        &mut compressor,
        &mut chunk,
    );
    let mut forge = Forge::new();
    forge.chunk(&encoded.unwrap(), &chunk[40..]);
    let bytes = forge.postscript(64);
    let recovered = recover_store(bytes, SourceName::MEMORY, &RecoverOptions::new()).unwrap();
    let fault = &recovered.report.skipped[0];
    fault.error.as_format().unwrap().clone()
}

/// What `verify` says of a file with bytes behind its last index.
fn unfinished_append() -> FormatError {
    let mut bytes = sealed(sound());
    bytes.extend([0; 100]);
    let report = verify_store(bytes, SourceName::MEMORY, &VerifyOptions::new()).unwrap();
    report.faults[0].error.as_format().unwrap().clone()
}

fn compressed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::new()
        .compress_into(codec, None, bytes, &mut out)
        .unwrap();
    out
}

/// Of a column chunk whose data begin with this and go on with zeros.
fn column_front(begin: &[u8]) -> FormatError {
    let mut data = begin.to_vec();
    data.resize(40, 0);
    let header = ChunkHeader::new(ChunkType::Columns, 1, 0, &data);
    ColumnFront::parse(&header, &data, At::byte(64)).unwrap_err()
}

/// All codes but `codec_missing` and `out_of_memory`, each with what produces it.
fn examples() -> Vec<(&'static str, FormatError)> {
    let copies = |offset| vec![encode_postscript(offset); 3];
    let zstd = |bytes: &[u8]| compressed(Codec::Zstd { level: 3 }, bytes);
    let two_frames = [zstd(b"abc"), zstd(b"abc")[1..].to_vec()].concat();
    vec![
        ("not_array_record", refused(&[0; 200_000], true)),
        ("no_postscript", refused(&sealed(sound())[..65_536], true)),
        ("file_too_short", inner(&[0; 100])),
        ("tail_misaligned", inner(&[0; 200_000])),
        ("block_header_hash", damaged_tail()),
        ("block_header_mismatch", cut_in_a_chunk()),
        ("chunk_header_hash", flipped(64)),
        ("chunk_data_hash", flipped(64 + 40)),
        ("truncated", data(2, 3, &chunk_data(0, &[3], b"abc"))),
        (
            "chunk_boundary",
            Chunk::check_boundary(At::byte(65_537)).unwrap_err(),
        ),
        ("chunk_header_field", footer_of_type(b'p')),
        ("chunk_type", of_type(b'x')),
        (
            "transposed",
            chunk(transposed_header(), &[0, 4, 0, 0, 0, 0]),
        ),
        (
            "page_table",
            pages(&|pages| pages.with_table(table_of(&[0, 1 << 40]))),
        ),
        ("column_version", column_front(&[2])),
        ("column_front", column_front(&[1])),
        (
            "crc",
            pages(&|pages| Pages {
                slots: vec![9; 7],
                ..pages
            }),
        ),
        ("dictionary_id", false_dictionary()),
        (
            "dictionary_missing",
            pages(&|pages| Pages {
                compression: b'z',
                dictionary: 7,
                ..pages
            }),
        ),
        (
            "compression_type",
            data(1, 3, &chunk_data(b'l', &[3], b"abc")),
        ),
        (
            "decompress",
            data(1, 3, &chunk_data(b'z', &[1, 9, 9], b"abc")),
        ),
        ("decoded_size", data(1, 3, &chunk_data(0, &[2], b"abc"))),
        (
            "trailing_bytes",
            data(1, 3, &chunk_data(b'z', &zstd(&[3]), &two_frames)),
        ),
        ("varint", data(1, 3, &[0, 0xff])),
        (
            "implausible_size",
            data(1, 3, &chunk_data(b'z', &[0xff, 0xff, 0x7f], b"")),
        ),
        ("limit", data(1, 1 << 40, &chunk_data(0, &[3], b"abc"))),
        ("too_many", footer(&[many_pairs()])),
        ("message", postscript(&vec![vec![0x10]; 3])),
        ("postscript_magic", postscript(&vec![vec![0x10, 1]; 3])),
        ("postscript_copies", postscript(&copies(64)[..2])),
        (
            "postscript_differs",
            postscript(&[&copies(64)[..2], &copies(65)[..1]].concat()),
        ),
        ("footer_offset", postscript(&copies(9))),
        ("footer_metadata", footer(&[Vec::new()])),
        ("version", footer(&[metadata([Some(3), None, None])])),
        ("footer_chunks", footer(&[metadata([1, 1, 1].map(Some))])),
        ("footer_records", footer(&[metadata([1, 0, 1].map(Some))])),
        (
            "entry_offset",
            footer(&[metadata([1, 1, 1].map(Some)), entry([9, 1, 1].map(Some))]),
        ),
        (
            "entry_records",
            footer(&[metadata([1, 1, 1].map(Some)), entry([64, 1, 0].map(Some))]),
        ),
        (
            "entry_mismatch",
            footer(&[metadata([1, 1, 2].map(Some)), entry([64, 1, 2].map(Some))]),
        ),
        ("chunk_end", two_files()),
        ("first_record", misnumbered()),
        ("unfinished_append", unfinished_append()),
    ]
}

#[test]
fn each_code_is_produced() {
    let mut produced = BTreeSet::new();
    for (code, error) in examples() {
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.to_string().is_empty());
        assert!(produced.insert(code), "{code} twice");
    }
    // This one needs another build, below.
    produced.insert("codec_missing");
    // And this one a process with a limit, in hostile_bombs.
    produced.insert("out_of_memory");
    let listed = codes_in_source();
    assert!(listed.len() >= 34, "{listed:?}");
    let missing: Vec<_> = listed.symmetric_difference(&produced).collect();
    assert!(
        missing.is_empty(),
        "without an example, or no code: {missing:?}"
    );
    eprintln!("{} codes are produced: {produced:?}", produced.len());
}

/// What `FormatError::code` can return, so that a new variant needs an example here.
fn codes_in_source() -> BTreeSet<&'static str> {
    let begin = SOURCE.find("pub fn code(&self)").expect("the function");
    let body = &SOURCE[begin..];
    let body = &body[..body.find("\n    }\n").expect("its end")];
    body.lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'))
        .map(|(code, _)| code)
        .collect()
}

#[test]
fn block_headers_are_told_apart() {
    let header = BlockHeader {
        previous_chunk: 1,
        next_chunk: 1,
    };
    let mut bytes = header.encode();
    bytes[9] ^= 1;
    let error = BlockHeader::parse(&bytes, 0).unwrap_err();
    assert_eq!(error.code(), "block_header_hash");
}

#[test]
fn a_codec_that_is_left_out_is_named() {
    // Features of one build cannot differ, so this is another one, of the format alone.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let format = root.join("crates/windrow-format");
    let manifest = format!(
        "[package]\nname = \"without-codecs\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nwindrow-format = {{ path = {format:?}, default-features = false }}\n"
    );
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("src/main.rs"), WITHOUT_CODECS).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "codec_missing codec zstd at byte 64, chunk 0 is not built in; enable feature `zstd`",
            "codec_missing codec brotli at byte 64, chunk 0 is not built in; enable feature `brotli`",
            "codec_missing codec snappy at byte 64, chunk 0 is not built in; enable feature `snappy`",
        ],
        "{errors}"
    );
}

/// Decodes a chunk of each codec.
const WITHOUT_CODECS: &str = r#"
use windrow_format::{At, Chunk, ChunkHeader, ChunkType, Limits, RecordDecoder, Records};

fn main() {
    for codec in *b"zbs" {
        let data = [codec, 2, 1, 0, 1, 0];
        let header = ChunkHeader::new(ChunkType::Simple, 1, 1, &data);
        let chunk = Chunk { header, data: &data, at: At::chunk(64, 0) };
        let mut records = Records::new();
        let error = RecordDecoder::new().decode(&chunk, &Limits::default(), &mut records).unwrap_err();
        println!("{} {error}", error.code());
    }
}
"#;

#[test]
fn a_decoder_leaves_what_was_there() {
    let (header, mut data) = encode_records(&[b"abc"], Codec::Snappy);
    data.pop();
    let chunk = Chunk {
        header,
        data: &data,
        at: At::chunk(64, 0),
    };
    let mut records: Records = [b"before"].iter().collect();
    let before = records.clone();
    let limits = Limits::default();
    let error = RecordDecoder::new().decode(&chunk, &limits, &mut records);
    assert_eq!(error.unwrap_err().code(), "decompress");
    assert_eq!(records, before);
}
