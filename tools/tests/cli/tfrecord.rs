//! TFRecord, both ways.

use crate::scratch::{DATA, Scratch};

/// A second implementation, straight from the polynomial.
fn crc32c_bit_by_bit(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (low * 0x82f6_3b78);
        }
    }
    !crc
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    let crc = crc32c_bit_by_bit(bytes);
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn tfrecord(records: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        let length = (record.len() as u64).to_le_bytes();
        out.extend_from_slice(&length);
        out.extend_from_slice(&masked(&length));
        out.extend_from_slice(record);
        out.extend_from_slice(&masked(record));
    }
    out
}

#[test]
fn bytes_are_those_of_the_format() {
    let two = tfrecord(&[b"abc", b""]);
    assert_eq!(
        crc32c_bit_by_bit(b"123456789"),
        0xe306_9283,
        "the published check value"
    );
    let scratch = Scratch::new();
    scratch.write("a.array_record", "", &["abc", ""]);
    scratch.ok(&["convert", "a.array_record", "a.tfrecord"]);
    assert_eq!(scratch.get("a.tfrecord"), two);
    assert_eq!(two.len(), 3 + 2 * 16);
}

#[test]
fn any_records_go_round() {
    let scratch = Scratch::new();
    let big = vec![0xa5; 700_000];
    let records: [&[u8]; 6] = [b"", b"\n\r\0", b"\xff", &big, b"", b"last"];
    scratch.put("a.tfrecords", tfrecord(&records));
    scratch.ok(&[
        "convert",
        "--codec",
        "uncompressed",
        "a.tfrecords",
        "a.array_record",
    ]);
    assert_eq!(scratch.records("a.array_record"), records);
    scratch.ok(&["convert", "a.array_record", "b.tfrecord"]);
    assert_eq!(scratch.get("b.tfrecord"), scratch.get("a.tfrecords"));
    let digits = format!("{DATA}/digits.array_record-00000-of-00002");
    let ran = scratch.ok(&["convert", "--to", "tfrecord", &digits, "-"]);
    assert_eq!(ran.out, tfrecord(&[b"0", b"1", b"2", b"3", b"4"]));
    let args = ["convert", "--from", "tfrecord", "-", "d.array_record"];
    assert_eq!(scratch.run_with(&args, &ran.out).code, 0);
    assert_eq!(scratch.records("d.array_record").concat(), b"01234");
}

#[test]
fn a_flipped_bit_is_told_with_its_place() {
    let scratch = Scratch::new();
    let whole = tfrecord(&[b"abc", b"defgh", b"i"]);
    // The second record begins at 19: length, checksum, data, checksum.
    for (byte, what) in [
        (19, "length checksum differs"),
        (26, "length checksum differs"),
        (27, "length checksum differs"),
        (31, "data checksum differs"),
        (35, "data checksum differs"),
        (39, "data checksum differs"),
    ] {
        scratch.put("a.tfrecord", &whole);
        scratch.damage("a.tfrecord", byte);
        scratch.fails(
            &["convert", "a.tfrecord", "a.array_record"],
            1,
            &["a.tfrecord, record 1 at byte 19: ", what],
        );
        assert!(!scratch.path("a.array_record").exists(), "nothing is left");
    }
}

#[test]
fn a_cut_file_is_told_wherever_it_is_cut() {
    let scratch = Scratch::new();
    let whole = tfrecord(&[b"abc", b"defgh"]);
    for len in (1..whole.len()).filter(|&len| len != 19) {
        scratch.put("a.tfrecord", &whole[..len]);
        let place = if len < 19 {
            "record 0 at byte 0: cut short"
        } else {
            "record 1 at byte 19: cut short"
        };
        scratch.fails(&["convert", "a.tfrecord", "a.array_record"], 1, &[place]);
    }
    scratch.put("a.tfrecord", "");
    scratch.ok(&["convert", "a.tfrecord", "a.array_record"]);
    assert_eq!(scratch.reader("a.array_record").len(), 0);
}

/// A sound length of 2^60 bytes must not be believed.
#[test]
fn a_length_that_the_file_does_not_have_reserves_nothing() {
    let scratch = Scratch::new();
    for (length, words) in [
        (1_u64 << 60, "the limit for one record"),
        (1 << 31, "cut short"),
    ] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&masked(&length.to_le_bytes()));
        bytes.extend_from_slice(b"short");
        scratch.put("a.tfrecord", bytes);
        scratch.fails(&["convert", "a.tfrecord", "a.array_record"], 1, &[words]);
    }
}
