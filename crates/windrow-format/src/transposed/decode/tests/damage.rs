//! Every truncation and every flipped bit of small chunks whose hashes fit.

use super::upstream::vectors;
use super::*;

/// An error, or records that are as many and as long as the header says.
fn check(chunk: &Chunk<'_>, limits: &Limits, what: &str) -> bool {
    let header = chunk.header;
    let all = decode(chunk, limits, None);
    if let Ok(records) = &all {
        assert_eq!(records.len() as u64, header.num_records, "{what}");
        let bytes: usize = records.iter().map(Vec::len).sum();
        assert_eq!(bytes as u64, header.decoded_bytes, "{what}");
    }
    for paths in [&[][..], &[&[1][..], &[4, 2]], &[&[5, 2, 1], &[7, 2]]] {
        if let Ok(records) = decode(chunk, limits, Some(&fields(paths))) {
            assert_eq!(records.len() as u64, header.num_records, "{what}");
            let bytes: usize = records.iter().map(Vec::len).sum();
            assert!(bytes as u64 <= header.decoded_bytes, "{what}");
        }
    }
    all.is_ok()
}

#[test]
fn flipped_bits_and_cuts() {
    let limits = Limits {
        max_chunk_bytes: 1 << 16,
        max_record_bytes: 1 << 16,
    };
    let (mut refused, mut accepted) = (0, 0);
    for vector in vectors() {
        let large = vector.data.len() > 1000;
        if vector.name == "two_megabytes" {
            continue;
        }
        // Of the larger ones, the front: header and nodes; and a sample of the rest.
        let of_interest = |byte: usize| !large || byte < 40 || byte.is_multiple_of(61);
        for byte in (0..vector.data.len()).filter(|&byte| of_interest(byte)) {
            let cut = &vector.data[..byte];
            let chunk_of_cut = chunk(vector.num_records, vector.decoded_bytes, cut);
            let what = format!("{} cut at {byte}", vector.name);
            assert!(!check(&chunk_of_cut, &limits, &what), "{what}");
            for bit in 0..8 {
                let mut data = vector.data.clone();
                data[byte] ^= 1 << bit;
                let flipped = chunk(vector.num_records, vector.decoded_bytes, &data);
                let what = format!("{} byte {byte} bit {bit}", vector.name);
                if check(&flipped, &limits, &what) {
                    accepted += 1;
                } else {
                    refused += 1;
                }
            }
        }
        for (num_records, decoded_bytes) in [
            (vector.num_records + 1, vector.decoded_bytes),
            (vector.num_records - 1, vector.decoded_bytes),
            (vector.num_records, vector.decoded_bytes + 1),
            (vector.num_records, vector.decoded_bytes.wrapping_sub(1)),
            (u64::MAX >> 8, vector.decoded_bytes),
            (vector.num_records, u64::MAX),
        ] {
            let lie = chunk(num_records, decoded_bytes, &vector.data);
            assert!(!check(&lie, &limits, &vector.name), "{}", vector.name);
        }
    }
    // Values change unseen, as the hash was made to fit; the layout does not.
    assert!(refused > 5000 && accepted > 1000, "{refused} {accepted}");
}
