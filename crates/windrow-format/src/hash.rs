//! HighwayHash-64 with the key of Riegeli.

use highway::{HighwayHash, HighwayHasher, Key};

/// `Riegeli/records\nRiegeli/records\n` as four little-endian words. The key is public: a hash that fits proves
/// that nothing was damaged by accident, never that nobody meant harm.
pub const HASH_KEY: [u64; 4] = [
    0x2f69_6c65_6765_6952,
    0x0a73_6472_6f63_6572,
    0x2f69_6c65_6765_6952,
    0x0a73_6472_6f63_6572,
];

/// The hash that guards block headers, chunk headers and chunk data.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    HighwayHasher::new(Key(HASH_KEY)).hash64(bytes)
}

/// The same hash of bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Hasher(HighwayHasher);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(HighwayHasher::new(Key(HASH_KEY)))
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.0.append(bytes);
    }

    pub(crate) fn finish(self) -> u64 {
        self.0.finalize64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_chunk_header_of_every_file() {
        // The signature chunk is the same in every file, so its stored hash is a known answer.
        let mut header = [0_u8; 32];
        header[8..16].copy_from_slice(&0xa9e1_8792_3cc2_ba91_u64.to_le_bytes());
        let stored = 0xa9e1_8792_3cc2_ba91_u64;
        header[8..16].copy_from_slice(&0x72c3_b1e9_c013_9fe1_u64.to_le_bytes());
        header[16] = b's';
        assert_eq!(hash(&header), stored);
        assert_eq!(hash(&[]), 0x72c3_b1e9_c013_9fe1);
    }
}
