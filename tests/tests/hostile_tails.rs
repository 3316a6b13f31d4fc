//! Postscripts and footer chunks that are not what they should be.

use windrow::Codec;
use windrow_format::{ChunkHeader, ChunkType, encode_postscript};
use windrow_tests::hostile::{
    Forge, Outcome, Seen, assert_reads, assert_refused, chunk_data, encode_records, header,
    push_bytes_field,
};

/// Nine records in three chunks.
fn forge() -> (Forge, Vec<Vec<u8>>) {
    let records: Vec<Vec<u8>> = (0..9_u8)
        .map(|n| vec![0xf0 | n; 20 + usize::from(n)])
        .collect();
    let mut forge = Forge::new();
    for group in records.chunks(3) {
        forge.records(group);
    }
    (forge, records)
}

/// The same with a footer, and the footer's offset.
fn with_footer() -> (Forge, u64, Vec<Outcome>) {
    let (mut forge, records) = forge();
    let footer = forge.honest_footer(1);
    let (header, data) = encode_records(&footer, Codec::Uncompressed);
    let offset = forge.chunk(&header, &data);
    (forge, offset, records.into_iter().map(Ok).collect())
}

const POSTSCRIPT: u64 = 65_536;

fn refused(what: &str, bytes: &[u8], cause: &'static str) {
    let expected = Seen::tail("no_postscript", cause, POSTSCRIPT);
    assert_refused(what, bytes, &expected);
}

#[test]
fn an_honest_tail_is_read() {
    let (forge, offset, good) = with_footer();
    assert_reads("honest", &forge.postscript(offset), &good);
}

#[test]
fn postscripts_of_other_records() {
    let (forge, offset, _) = with_footer();
    let message = encode_postscript(offset);
    let other = encode_postscript(64);
    let mut wrong_magic = message.clone();
    *wrong_magic.last_mut().unwrap() ^= 1;
    for (what, records, cause) in [
        ("no copy", vec![], "postscript_copies"),
        ("one copy", vec![message.clone()], "postscript_copies"),
        ("two copies", vec![message.clone(); 2], "postscript_copies"),
        ("four copies", vec![message.clone(); 4], "postscript_copies"),
        (
            "different copies",
            vec![message.clone(), message.clone(), other],
            "postscript_differs",
        ),
        ("wrong magic", vec![wrong_magic; 3], "postscript_magic"),
        ("no magic", vec![vec![0x08, 64]; 3], "postscript_magic"),
        ("empty", vec![vec![]; 3], "postscript_magic"),
        ("no message", vec![vec![0x10, 0x85]; 3], "message"),
        ("field 0", vec![vec![0, 1]; 3], "message"),
    ] {
        refused(what, &forge.clone().postscript_of(&records), cause);
    }
    let mut more = message;
    push_bytes_field(&mut more, 100, &[1; 1000]);
    let (forge, _, good) = with_footer();
    let bytes = forge.postscript_of(&vec![more; 3]);
    assert_reads("unknown fields", &bytes, &good);
}

#[test]
fn postscripts_of_another_kind() {
    let (forge, offset, good) = with_footer();
    let copies = vec![encode_postscript(offset); 3];
    let (honest, data) = encode_records(&copies, Codec::Uncompressed);
    for kind in *b"smptc" {
        let mut header = honest;
        header.chunk_type = ChunkType::from_byte(kind);
        let cause = "chunk_header_field";
        refused("another type", &forge.clone().tail(&header, &data), cause);
        // A chunk without records in that place, a signature for one, is no postscript either.
        header.num_records = 0;
        let cause = "postscript_copies";
        refused("no records", &forge.clone().tail(&header, &data), cause);
    }
    let mut unknown = data.clone();
    unknown[0] = b'l';
    let bytes = forge
        .clone()
        .tail(&header(3, honest.decoded_bytes, &unknown), &unknown);
    refused("compression type", &bytes, "compression_type");
    let mut longer = data.clone();
    longer.push(0);
    let bytes = forge
        .clone()
        .tail(&header(3, honest.decoded_bytes, &longer), &longer);
    refused("bytes behind the records", &bytes, "decoded_size");
    let mut longer = data;
    longer.push(0);
    let bytes = forge.clone().tail(&honest, &longer);
    assert_reads("padding that is not zero", &bytes, &good);
    let (zstd, data) = encode_records(&copies, Codec::Zstd { level: 3 });
    assert_reads("compressed", &forge.tail(&zstd, &data), &good);
}

#[test]
fn a_postscript_above_one_block() {
    let (forge, offset, _) = with_footer();
    let mut message = encode_postscript(offset);
    push_bytes_field(&mut message, 100, &[1; 30_000]);
    let bytes = forge.postscript_of(&vec![message; 3]);
    assert_eq!(bytes.len(), 3 * 65_536);
    // The last block is the middle of the postscript.
    let expected = Seen::tail("no_postscript", "block_header_mismatch", 131_072);
    assert_refused("two blocks", &bytes, &expected);
}

#[test]
fn postscripts_that_claim_too_much() {
    let (forge, offset, _) = with_footer();
    let (honest, data) = encode_records(&vec![encode_postscript(offset); 3], Codec::Uncompressed);
    for (what, change, cause) in [
        (
            "2^60 bytes of data",
            (|h| h.data_bytes = 1 << 60) as fn(&mut ChunkHeader),
            "truncated",
        ),
        ("2^60 bytes decoded", |h| h.decoded_bytes = 1 << 60, "limit"),
        (
            "one byte decoded too much",
            |h| h.decoded_bytes += 1,
            "decoded_size",
        ),
        (
            "one byte decoded too little",
            |h| h.decoded_bytes -= 1,
            "decoded_size",
        ),
        (
            "2^56 - 1 records",
            |h| h.num_records = (1 << 56) - 1,
            "truncated",
        ),
        ("four records", |h| h.num_records = 4, "truncated"),
        ("two records", |h| h.num_records = 2, "decoded_size"),
    ] {
        let mut header = honest;
        change(&mut header);
        refused(what, &forge.clone().tail(&header, &data), cause);
    }
}

#[test]
fn footer_offsets_out_of_place() {
    let (forge, _, _) = with_footer();
    for offset in [
        0,
        1,
        63,
        POSTSCRIPT,
        POSTSCRIPT + 100,
        1 << 20,
        1 << 63,
        u64::MAX,
    ] {
        let bytes = forge.clone().postscript(offset);
        let expected = Seen::open("footer_offset", POSTSCRIPT);
        assert_refused(&format!("footer at {offset}"), &bytes, &expected);
    }
    let inside = forge.entries[1].chunk_offset + 7;
    assert_refused(
        "inside a chunk",
        &forge.clone().postscript(inside),
        &Seen::open("chunk_header_hash", inside),
    );
    // A chunk of records whose first is no message.
    let chunk = forge.entries[1].chunk_offset;
    assert_refused(
        "a data chunk",
        &forge.postscript(chunk),
        &Seen::open("message", chunk),
    );
}

#[test]
fn a_footer_inside_a_block_header_is_no_boundary() {
    let mut forge = Forge::new();
    forge.records(&[vec![1; 100_000]]);
    for offset in [65_537, 65_560] {
        assert_refused(
            "footer in a block header",
            &forge.clone().postscript(offset),
            &Seen::open("footer_offset", 131_072),
        );
    }
}

#[test]
fn footers_of_another_kind() {
    let (base, records) = forge();
    let good: Vec<Outcome> = records.into_iter().map(Ok).collect();
    let (honest, data) = encode_records(&base.honest_footer(1), Codec::Uncompressed);
    for kind in *b"smptc" {
        let mut forge = base.clone();
        let mut header = honest;
        header.chunk_type = ChunkType::from_byte(kind);
        let offset = forge.chunk(&header, &data);
        assert_refused(
            "type",
            &forge.postscript(offset),
            &Seen::open("chunk_header_field", offset),
        );
    }
    for (what, change, code) in [
        (
            "no records",
            (|h| (h.num_records, h.decoded_bytes) = (0, 0)) as fn(&mut ChunkHeader),
            "decoded_size",
        ),
        ("one record less", |h| h.num_records -= 1, "footer_chunks"),
        ("a byte less", |h| h.decoded_bytes -= 1, "decoded_size"),
        ("a byte more", |h| h.decoded_bytes += 1, "decoded_size"),
        ("2^40 bytes", |h| h.decoded_bytes = 1 << 40, "limit"),
        (
            "2^60 bytes of data",
            |h| h.data_bytes = 1 << 60,
            "truncated",
        ),
        (
            "2^56 - 1 records",
            |h| h.num_records = (1 << 56) - 1,
            "chunk_end",
        ),
    ] {
        let mut forge = base.clone();
        let mut header = honest;
        change(&mut header);
        let offset = forge.chunk(&header, &data);
        let bytes = forge.postscript(offset);
        assert_refused(what, &bytes, &Seen::open(code, offset));
    }
    // The metadata and three entries are there; nobody looks for what may follow.
    let mut forge = base.clone();
    let more = ChunkHeader {
        num_records: honest.num_records + 1,
        ..honest
    };
    let offset = forge.chunk(&more, &data);
    assert_reads("a record more", &forge.postscript(offset), &good);
    let mut unknown = data;
    unknown[0] = b'l';
    let mut forge = base;
    let offset = forge.chunk(&header(4, honest.decoded_bytes, &unknown), &unknown);
    assert_refused(
        "compression type",
        &forge.postscript(offset),
        &Seen::open("compression_type", offset),
    );
}

#[test]
fn footers_whose_buffers_lie() {
    let values = [0x0a_u8, 0];
    for (what, data, records, decoded, code) in [
        ("nothing", vec![], 1, 0, "truncated"),
        ("no sizes", vec![0], 1, 0, "varint"),
        ("sizes cut", vec![0, 9, 1], 1, 0, "truncated"),
        (
            "an endless varint",
            chunk_data(0, &[0xff; 11], &values),
            1,
            2,
            "varint",
        ),
        (
            "a size above the values",
            chunk_data(0, &[3], &values),
            1,
            2,
            "truncated",
        ),
        (
            "a huge size",
            chunk_data(0, &[0xff, 0xff, 0xff, 0xff, 0x0f], &values),
            1,
            2,
            "truncated",
        ),
        (
            "no frame",
            chunk_data(b'z', &[1, 9], &[2, 9]),
            1,
            2,
            "decompress",
        ),
        (
            "a frame that claims 2^40",
            chunk_data(b'z', &[0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 9], &[2]),
            1,
            2,
            "implausible_size",
        ),
    ] {
        let mut forge = Forge::new();
        let offset = forge.chunk(&header(records, decoded, &data), &data);
        assert_refused(what, &forge.postscript(offset), &Seen::open(code, offset));
    }
}

#[test]
fn a_footer_that_reaches_into_the_postscript() {
    let (mut forge, _) = forge();
    let (mut header, data) = encode_records(&forge.honest_footer(1), Codec::Uncompressed);
    header.num_records = (1 << 20) + 1;
    let offset = forge.chunk(&header, &data);
    assert_refused(
        "2^20 records in a footer",
        &forge.postscript(offset),
        &Seen::open("chunk_end", offset),
    );
}
