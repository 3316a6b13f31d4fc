//! Small files that claim to be enormous, read in a process of its own: an error, exit 0, and memory that follows what
//! is there, not what is claimed.
#![cfg(unix)]

use windrow_format::ChunkHeader;
use windrow_tests::hostile::{
    Forge, MAX_CHUNK_BYTES, Random, SLACK_BYTES, assert_memory, chunk_data, entry, header,
    metadata, one_chunk,
};

fn claims(what: &str, bytes: &[u8], codes: &[&str]) {
    let program = env!("CARGO_BIN_EXE_hostile");
    assert_memory(program, what, bytes, codes, SLACK_BYTES);
}

#[test]
fn files_of_a_hundred_bytes() {
    let mut forged = Forge::new();
    forged.records(&[b"abc"]);
    let signature = &forged.postscript(64)[..100];
    claims("noise", &Random::new(2).bytes(100), &["not_array_record"]);
    claims("a signature", signature, &["no_postscript"]);
    claims("nothing", &[], &["not_array_record"]);
}

/// A file of one record whose footer says this: version, `num_chunks`, `num_records`; offset, bytes, records.
fn claim(fields: [u64; 3], listed: [u64; 3]) -> Vec<u8> {
    let mut forge = Forge::new();
    forge.records(&[b"abc"]);
    let footer = [metadata(fields.map(Some)), entry(listed.map(Some))];
    forge.seal(&footer).0
}

#[test]
fn footers_that_claim_exabytes() {
    claims(
        "2^62 chunks",
        &claim([1, 1 << 62, 1], [64, 3, 1]),
        &["footer_chunks"],
    );
    claims(
        "2^63 records",
        &claim([1, 1, 1 << 63], [64, 3, 1]),
        &["footer_records"],
    );
    for bytes in [1 << 60, u64::MAX, MAX_CHUNK_BYTES] {
        let file = claim([1, 1, 1], [64, bytes, 1]);
        claims(
            &format!("{bytes} bytes in a chunk"),
            &file,
            &["entry_mismatch"],
        );
    }
}

fn claimed_records(version: u64, records: u64) {
    claims(
        &format!("{records} records in a chunk"),
        &claim([version, 1, records], [64, 3, records]),
        &["entry_records", "entry_mismatch"],
    );
}

#[test]
fn a_million_records_without_bytes() {
    claimed_records(1, 1 << 20);
}

#[test]
fn a_trillion_records_without_bytes() {
    claimed_records(1, 1 << 40);
}

#[test]
fn the_most_records_without_bytes() {
    claimed_records(2, (1 << 56) - 1);
}

#[test]
fn chunk_headers_that_claim_exabytes() {
    let data = chunk_data(0, &[3], b"abc");
    let honest = header(1, 3, &data);
    let with = |change: fn(&mut ChunkHeader)| {
        let mut header = honest;
        change(&mut header);
        let mut forge = Forge::new();
        let offset = forge.chunk(&header, &data);
        let fields = [offset, header.decoded_bytes, header.num_records.min(1000)];
        let footer = [
            metadata([1, 1, fields[2]].map(Some)),
            entry(fields.map(Some)),
        ];
        forge.seal(&footer).0
    };
    claims(
        "2^60 bytes of data",
        &with(|h| h.data_bytes = 1 << 60),
        &["chunk_end"],
    );
    claims(
        "2^64 - 1 bytes of data",
        &with(|h| h.data_bytes = u64::MAX),
        &["chunk_end"],
    );
    claims(
        "2^60 bytes decoded",
        &with(|h| h.decoded_bytes = 1 << 60),
        &["limit"],
    );
    claims(
        "16 MiB decoded",
        &with(|h| h.decoded_bytes = MAX_CHUNK_BYTES),
        &["decoded_size"],
    );
    claims(
        "2^56 - 1 records",
        &with(|h| h.num_records = (1 << 56) - 1),
        &["entry_mismatch", "entry_records"],
    );
}

#[test]
fn sizes_that_claim_too_much() {
    for (name, sizes) in [
        (
            "2^63",
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1][..],
        ),
        ("2^35 - 1", &[0xff, 0xff, 0xff, 0xff, 0x7f]),
    ] {
        let data = chunk_data(0, sizes, b"abc");
        let file = one_chunk(&header(1, 3, &data), &data);
        claims(
            &format!("a record of {name} bytes"),
            &file,
            &["limit", "decoded_size"],
        );
    }
}
