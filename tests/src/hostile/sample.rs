//! Records and files whose content is known, and random numbers that are the same in every run.

use windrow::{Codec, Writer, WriterOptions};

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence that depends on `seed` only.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next_u64() % limit).unwrap_or(0)
    }

    /// `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// `count` records of `len` random bytes each.
#[must_use]
pub fn random_records(seed: u64, count: usize, len: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.bytes(len)).collect()
}

/// About `bytes` bytes of words, which compress as text does.
pub fn push_text(random: &mut Random, bytes: usize, out: &mut Vec<u8>) {
    const WORDS: [&str; 16] = [
        "the", "of", "a", "record", "chunk", "and", "reader", "writes", "block", "in", "footer",
        "every", "to", "which", "file", "index",
    ];
    let end = out.len() + bytes;
    while out.len() < end {
        let word = random.next_u64();
        let place = usize::try_from(word % 16).unwrap_or(0);
        out.extend_from_slice(WORDS[place].as_bytes());
        if word & 0x700 == 0 {
            out.extend_from_slice((word >> 40).to_string().as_bytes());
        }
        out.push(b' ');
    }
    out.truncate(end);
}

/// A complete file of these records.
///
/// # Panics
/// If it cannot be written.
#[must_use]
pub fn write_file<R: AsRef<[u8]>>(records: &[R], codec: Codec, group_size: u32) -> Vec<u8> {
    let options = WriterOptions::new()
        .with_codec(codec)
        .with_group_size(group_size);
    let mut writer = Writer::create(Vec::new(), options).expect("valid options");
    writer.write_batch(records).expect("writing to memory");
    writer.finish().expect("writing to memory").0
}
