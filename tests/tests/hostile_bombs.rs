//! Little that decodes to much, read in a process of its own: an error, and no more memory than the limits allow.
#![cfg(unix)]

use windrow::Codec;
use windrow_format::ChunkHeader;
use windrow_tests::hostile::{
    BOMB_CAP_BYTES, BOMB_CODECS, BROTLI_WINDOW_BYTES, Forge, MAX_CHUNK_BYTES, Pages, Random,
    SLACK_BYTES, assert_memory, bomb, chunk_data, compressed, dictionary_chunk, encode_records,
    entry, header, honest_dictionary, metadata, one_chunk, one_size, push_bytes_field, push_varint,
    seal_pages, table, zstd_frame,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hostile");
const BROTLI: Codec = Codec::Brotli { level: 3 };

fn check(what: &str, bytes: &[u8], codes: &[&str], cap: u64) {
    assert_memory(PROGRAM, what, bytes, codes, cap);
}

#[test]
fn bombs_of_sizes() {
    for (codec, byte, bomb_bytes) in BOMB_CODECS {
        // A sizes buffer that decodes to far more than one record's size.
        for declared in [1, 10, MAX_CHUNK_BYTES, bomb_bytes as u64, 1 << 60] {
            let data = chunk_data(byte, &bomb(codec, None, bomb_bytes, declared), &[0]);
            check(
                &format!("{codec:?} bomb of sizes that declares {declared}"),
                &one_chunk(&header(1, 3, &data), &data),
                &["decoded_size", "implausible_size"],
                SLACK_BYTES,
            );
        }
    }
}

#[test]
fn bombs_of_values() {
    for (codec, byte, bomb_bytes) in BOMB_CODECS {
        let sizes = one_size(codec, MAX_CHUNK_BYTES);
        let chunk = |declared: u64, bytes| {
            let data = chunk_data(byte, &sizes, &bomb(codec, None, bytes, declared));
            one_chunk(&header(1, declared, &data), &data)
        };
        check(
            &format!("{codec:?} bomb that admits it"),
            &chunk(bomb_bytes as u64, bomb_bytes),
            &["limit"],
            SLACK_BYTES,
        );
        // Header, entry and sizes declare 16 MiB; the frame goes on and on.
        check(
            &format!("{codec:?} bomb that lies"),
            &chunk(MAX_CHUNK_BYTES, bomb_bytes),
            &["decoded_size"],
            BOMB_CAP_BYTES,
        );
        let allowed = usize::try_from(MAX_CHUNK_BYTES).unwrap();
        check(
            &format!("{codec:?} chunk of 16 MiB"),
            &chunk(MAX_CHUNK_BYTES, allowed),
            &["ok"],
            // What the caller of `read` gets is a copy.
            BOMB_CAP_BYTES + MAX_CHUNK_BYTES,
        );
    }
}

#[test]
fn frames_that_are_not_there() {
    // A size that the ratio allows, above bytes that are no frame: memory for it may be reserved, but not more.
    let mut random = Random::new(4);
    for (codec, byte, _) in BOMB_CODECS {
        let mut values = Vec::new();
        push_varint(&mut values, MAX_CHUNK_BYTES);
        values.extend_from_slice(&random.bytes(1 << 20));
        let data = chunk_data(byte, &one_size(codec, MAX_CHUNK_BYTES), &values);
        check(
            &format!("{codec:?}: noise"),
            &one_chunk(&header(1, MAX_CHUNK_BYTES, &data), &data),
            &["decompress", "decoded_size", "trailing_bytes"],
            MAX_CHUNK_BYTES + SLACK_BYTES,
        );
    }
}

#[test]
fn memory_that_there_is_not() {
    // More than the process may have; the ratio would allow it, and so do the options.
    const DECLARED: u64 = 5 << 30;
    let mut values = Vec::new();
    push_varint(&mut values, DECLARED);
    let zstd = Codec::Zstd { level: 3 };
    let frame = compressed(zstd, None, &Random::new(5).bytes(256 << 10));
    // Behind the varint of the true size.
    values.extend(&frame[3..]);
    let data = chunk_data(b'z', &one_size(zstd, DECLARED), &values);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case");
    std::fs::write(&path, one_chunk(&header(1, DECLARED, &data), &data)).unwrap();
    let args = ["read", path.to_str().unwrap(), "1000000000000"];
    let limit = std::time::Duration::from_secs(60);
    let answer = windrow_tests::hostile::run_json(PROGRAM.as_ref(), &args, limit);
    for answer in answer["answers"].as_array().unwrap() {
        assert_eq!(answer["code"], "out_of_memory", "{answer}");
        assert_eq!(answer["byte"], 64, "{answer}");
    }
}

#[test]
fn a_large_brotli_window_reserves_nothing() {
    // The stream's header asks for a window of 1 GiB, the largest there is.
    let values = compressed(BROTLI, Some(30), &vec![0; 1 << 20]);
    let data = chunk_data(b'b', &one_size(BROTLI, 1 << 20), &values);
    check(
        "a window of 1 GiB",
        &one_chunk(&header(1, 1 << 20, &data), &data),
        &["ok"],
        // A MiB decoded, held by several methods, and a window that grows with what was decoded.
        16 << 20,
    );
}

#[test]
fn a_brotli_bomb_in_a_large_window() {
    let values = bomb(BROTLI, Some(30), 256 << 20, MAX_CHUNK_BYTES);
    let data = chunk_data(b'b', &one_size(BROTLI, MAX_CHUNK_BYTES), &values);
    check(
        "a bomb in a window of 1 GiB",
        &one_chunk(&header(1, MAX_CHUNK_BYTES, &data), &data),
        &["decoded_size"],
        // The window holds no more than what may be decoded, once more while it grows.
        BOMB_CAP_BYTES + 2 * MAX_CHUNK_BYTES,
    );
}

#[test]
fn bombs_in_the_footers_own_compression() {
    for (codec, byte, bomb_bytes) in BOMB_CODECS {
        for (decoded, declared, code) in [
            (bomb_bytes as u64, bomb_bytes as u64, "limit"),
            (MAX_CHUNK_BYTES, MAX_CHUNK_BYTES, "decoded_size"),
            (3, bomb_bytes as u64, "decoded_size"),
        ] {
            let values = bomb(codec, None, bomb_bytes, declared);
            let data = chunk_data(byte, &one_size(codec, 3), &values);
            let mut forge = Forge::new();
            let offset = forge.chunk(&header(1, decoded, &data), &data);
            check(
                &format!("{codec:?} footer that declares {decoded} bytes"),
                &forge.postscript(offset),
                &[code],
                MAX_CHUNK_BYTES + SLACK_BYTES + BROTLI_WINDOW_BYTES,
            );
        }
    }
}

/// A compressed footer whose metadata record is `inner` in its field 1.
fn footer_of(inner: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    push_bytes_field(&mut record, 1, inner);
    let (header, data) = encode_records(&[record], Codec::Zstd { level: 3 });
    let mut forge = Forge::new();
    let offset = forge.chunk(&header, &data);
    forge.postscript(offset)
}

fn version() -> Vec<u8> {
    entry([Some(1), Some(0), Some(0)])
}

/// `version` and as many empty fields of this number as fit into `max_chunk_bytes`.
fn countless(number: u64) -> Vec<u8> {
    let mut fields = version();
    while fields.len() as u64 + 64 < MAX_CHUNK_BYTES {
        push_bytes_field(&mut fields, number, &[]);
    }
    fields
}

#[test]
fn countless_pairs_of_user_metadata() {
    // Three bytes in the file become two vectors in memory.
    check(
        "five million empty pairs of user metadata",
        &footer_of(&countless(100)),
        &["too_many"],
        4 * MAX_CHUNK_BYTES + SLACK_BYTES,
    );
}

#[test]
fn writer_options_that_are_no_text() {
    let mut options = version();
    let room = usize::try_from(MAX_CHUNK_BYTES).unwrap() - 128;
    push_bytes_field(&mut options, 4, &vec![0xff; room]);
    check(
        "writer options that are not UTF-8",
        &footer_of(&options),
        &["ok", "out_of_range", "limit", "message"],
        // Three bytes for each that is wrong; a buffer that doubles holds at most twice that.
        7 * MAX_CHUNK_BYTES + SLACK_BYTES,
    );
}

#[test]
fn fields_that_nobody_reads() {
    check(
        "five million unknown fields",
        &footer_of(&countless(101)),
        &["ok", "out_of_range"],
        MAX_CHUNK_BYTES + SLACK_BYTES,
    );
    // Groups, each in the other: 16 MiB of them must not take 16 million frames of a stack.
    let mut groups = version();
    groups.resize(usize::try_from(MAX_CHUNK_BYTES).unwrap() - 128, 0x2b);
    check(
        "deep groups",
        &footer_of(&groups),
        &["message"],
        MAX_CHUNK_BYTES + SLACK_BYTES,
    );
}

#[test]
fn countless_entries() {
    // The sizes of 16 million entries of no bytes, which compress to almost nothing.
    let zstd = Codec::Zstd { level: 3 };
    let count = 16_000_000_u64;
    let metadata = metadata([1, count, count].map(Some));
    let mut sizes = vec![u8::try_from(metadata.len()).unwrap()];
    sizes.resize(usize::try_from(count).unwrap() + 1, 0);
    let [sizes, values] = [&sizes, &metadata].map(|bytes| compressed(zstd, None, bytes));
    let data = chunk_data(b'z', &sizes, &values);
    let mut forge = Forge::new();
    let header = header(count + 1, metadata.len() as u64, &data);
    let offset = forge.chunk(&header, &data);
    // The chunk would have to be as long as it has records.
    check(
        "too many entries for the file",
        &forge.postscript(offset),
        &["chunk_end"],
        SLACK_BYTES,
    );
}

/// What the dictionaries of a file may take: as many decoded bytes as one chunk may, and each once more as zstd keeps it;
/// and the one that is decoded.
const DICTIONARIES_CAP_BYTES: u64 = 4 * MAX_CHUNK_BYTES;

/// A dictionary of 16 MiB, which differs from others by its number.
fn large_dictionary(number: u8, bytes: usize) -> (ChunkHeader, Vec<u8>) {
    let mut dictionary = vec![b'd'; bytes];
    dictionary[..300].fill(number);
    honest_dictionary(&dictionary)
}

/// A page chunk of one record that needs a dictionary which is nowhere, behind these chunks.
fn pages_behind(chunks: &[(ChunkHeader, Vec<u8>)]) -> (Forge, Vec<u64>) {
    let mut forge = Forge::new();
    let lay = |(header, data): &(ChunkHeader, Vec<u8>)| forge.chunk(header, data);
    let offsets: Vec<u64> = chunks.iter().map(lay).collect();
    let mut pages = Pages::of(b'z', &[zstd_frame(1000, 1000)], 1000);
    pages.dictionary = 7;
    pages.lay(&mut forge);
    (forge, offsets)
}

#[test]
fn many_large_dictionaries() {
    let large = usize::try_from(MAX_CHUNK_BYTES).unwrap();
    // One of the largest size is kept twice, and is there a third time while it is prepared.
    let (forge, offsets) = pages_behind(&[large_dictionary(1, large)]);
    check(
        "a dictionary of 16 MiB",
        &seal_pages(forge, &offsets),
        &["dictionary_missing"],
        DICTIONARIES_CAP_BYTES + SLACK_BYTES,
    );
    let all: Vec<_> = (1..=64)
        .map(|number| large_dictionary(number, large))
        .collect();
    let (forge, offsets) = pages_behind(&all);
    let bytes = seal_pages(forge, &offsets);
    assert!(bytes.len() < 1 << 20);
    check(
        "64 dictionaries of 16 MiB",
        &bytes,
        &["dictionary_missing"],
        DICTIONARIES_CAP_BYTES + SLACK_BYTES,
    );
}

#[test]
fn a_dictionary_bomb() {
    let bomb = bomb(Codec::Zstd { level: 3 }, None, 256 << 20, MAX_CHUNK_BYTES);
    let chunk = dictionary_chunk(b'z', 7, MAX_CHUNK_BYTES, &bomb);
    let (forge, offsets) = pages_behind(&vec![chunk; 64]);
    check(
        "64 bombs in the place of dictionaries",
        &seal_pages(forge, &offsets),
        &["dictionary_missing"],
        DICTIONARIES_CAP_BYTES + SLACK_BYTES,
    );
}

#[test]
fn records_of_pages_that_are_more_than_the_chunk_says() {
    let large = usize::try_from(MAX_CHUNK_BYTES).unwrap();
    // Each within the limit of a record, and 1,000 of them.
    for decoded in [MAX_CHUNK_BYTES, 1000, 1 << 60] {
        let stored = vec![zstd_frame(MAX_CHUNK_BYTES, large); 1000];
        check(
            &format!("a thousand times 16 MiB in a page chunk of {decoded}"),
            &Pages::of(b'z', &stored, decoded).file(),
            &["ok", "implausible_size", "limit"],
            BOMB_CAP_BYTES + 2 * MAX_CHUNK_BYTES,
        );
    }
}

#[test]
fn fronts_that_claim_too_much() {
    for (what, records, column, code) in [
        ("2^40 records", 1 << 40, table(0, 4, 0, &[]), "truncated"),
        (
            "2^55 records of 64 bits",
            1 << 55,
            table(0, 4, 64, &[]),
            "truncated",
        ),
        (
            "a hundred thousand records",
            100_000,
            table(0, 4, 64, &[]),
            "truncated",
        ),
    ] {
        let mut pages = Pages::plain(&[b"abc".to_vec()]).with_table(column);
        pages.num_records = records;
        let mut forge = Forge::new();
        pages.lay(&mut forge);
        check(
            what,
            &seal_pages(forge, &[]),
            &[code, "entry_records", "entry_mismatch"],
            SLACK_BYTES,
        );
    }
}
