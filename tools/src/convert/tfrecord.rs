//! TFRecord: each record between its length and two checksums.
//!
//! A record is its length (8 bytes, little-endian), the masked CRC-32C of these 8 bytes, the data, and their masked
//! CRC-32C. Masking keeps the checksum of data that hold checksums from being trivial.

use std::io::{self, Read};

use super::fault::InputFault;
use super::input::{Fault, Input, MAX_RECORD_BYTES};

const LENGTH_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;
/// What stands in front of a record's data.
pub const HEAD_BYTES: usize = LENGTH_BYTES + CHECKSUM_BYTES;

fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// Appends `record` to `out` as a TFRecord.
pub fn encode(record: &[u8], out: &mut Vec<u8>) {
    let length = (record.len() as u64).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked_checksum(&length).to_le_bytes());
    out.extend_from_slice(record);
    out.extend_from_slice(&masked_checksum(record).to_le_bytes());
}

/// Whether `bytes` begin with a length whose checksum is right.
pub fn begins_well(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|head: &[u8; HEAD_BYTES]| {
        let (length, stored) = head.split_at(LENGTH_BYTES);
        u32_at(stored) == masked_checksum(length)
    })
}

/// The next record into `record`; `false` at the end.
pub fn read(input: &mut Input, record: &mut Vec<u8>) -> Result<bool, Fault> {
    let mut head = [0; HEAD_BYTES];
    match fill(input, &mut head)? {
        0 => return Ok(false),
        have if have < head.len() => {
            return Err(cut(head.len() as u64, have as u64));
        }
        _ => {}
    }
    let (length, stored) = head.split_at(LENGTH_BYTES);
    let (stored, computed) = (u32_at(stored), masked_checksum(length));
    if stored != computed {
        return Err(InputFault::LengthChecksum { stored, computed }.into());
    }
    let length = length.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    if length > MAX_RECORD_BYTES {
        let limit = MAX_RECORD_BYTES;
        return Err(InputFault::TooLarge { limit }.into());
    }
    // Grows with the bytes that are there, not with the length that is claimed.
    let have = input.by_ref().take(length).read_to_end(record)? as u64;
    let mut tail = [0; CHECKSUM_BYTES];
    let have = have + fill(input, &mut tail)? as u64;
    let need = length + CHECKSUM_BYTES as u64;
    if have < need {
        return Err(cut(need, have));
    }
    let (stored, computed) = (u32::from_le_bytes(tail), masked_checksum(record));
    if stored != computed {
        return Err(InputFault::DataChecksum { stored, computed }.into());
    }
    Ok(true)
}

fn cut(need: u64, have: u64) -> Fault {
    InputFault::Truncated { need, have }.into()
}

fn u32_at(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

/// Fills `buffer` as far as there are bytes, and returns how many there were.
fn fill(input: &mut Input, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        // RFC 3720 publishes the CRC-32C of 32 zero bytes.
        assert_eq!(
            masked_checksum(&[0; 32]),
            0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
        let mut out = Vec::new();
        encode(b"", &mut out);
        assert_eq!(out.len(), 16);
        assert_eq!(out[..8], [0; 8]);
        // The CRC-32C of nothing is 0, so the mask stands alone.
        assert_eq!(out[12..], 0xa282_ead8_u32.to_le_bytes());
    }
}
