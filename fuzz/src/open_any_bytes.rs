//! `open_any_bytes`: any bytes as a file.
//!
//! Files are mostly zeros, which would take most of a fuzzer's time. An input is therefore a byte of flags and, for
//! each block of 64 KiB, the bytes in front of its zeros: their number less one in two bytes, little-endian, and they.
//! Every file whose size is below the limit can be written so.

use windrow::format::BLOCK_BYTES;

use crate::examine::{Findings, examine, reader_options};

/// Inputs that make larger files are cut.
const MAX_FILE_BYTES: usize = 1 << 20;
/// Block size as a size in memory.
const BLOCK: usize = 1 << 16;
const _: () = assert!(BLOCK as u64 == BLOCK_BYTES);

/// The flag by which the last block ends with its bytes, rather than be filled up with zeros.
const CUT: u8 = 1 << 7;

/// Runs the target; returns what was found.
///
/// # Panics
/// See [`examine`].
pub fn run(input: &[u8]) -> Findings {
    let (flags, file) = expand(input);
    examine(&file, &reader_options(flags))
}

/// The flags and the file that an input stands for.
#[must_use]
pub fn expand(input: &[u8]) -> (u8, Vec<u8>) {
    let mut file = Vec::new();
    let Some((&flags, mut rest)) = input.split_first() else {
        return (0, file);
    };
    while let Some((&[low, high], behind)) = rest.split_first_chunk() {
        let len = (usize::from(u16::from_le_bytes([low, high])) + 1).min(behind.len());
        let (bytes, behind) = behind.split_at(len);
        rest = behind;
        file.extend_from_slice(bytes);
        if file.len() >= MAX_FILE_BYTES {
            break;
        }
        if flags & CUT == 0 || !rest.is_empty() {
            file.resize(file.len().next_multiple_of(BLOCK), 0);
        }
    }
    (flags, file)
}

/// The input that stands for a file.
#[must_use]
pub fn compact(file: &[u8]) -> Vec<u8> {
    let whole = file.len().is_multiple_of(BLOCK);
    let mut input = vec![if whole { 0 } else { CUT }];
    let blocks = file.chunks(BLOCK);
    let last = blocks.len().saturating_sub(1);
    for (number, block) in blocks.enumerate() {
        let mut len = block.len();
        if whole || number < last {
            len = block.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        }
        let less_one = u16::try_from(len - 1).expect("a block has 65,536 bytes");
        input.extend_from_slice(&less_one.to_le_bytes());
        input.extend_from_slice(&block[..len]);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_out_as_they_went_in() {
        for len in [0, 1, 40, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 200_000] {
            let mut file: Vec<u8> = (0..len).map(|n| n.to_le_bytes()[0]).collect();
            assert_eq!(expand(&compact(&file)).1, file, "{len}");
            file[len / 3..].fill(0);
            assert_eq!(expand(&compact(&file)).1, file, "{len}, zeros at the end");
        }
    }
}
