//! Unsigned LEB128 numbers of up to 64 bits.

/// The longest encoding of a 64-bit number, in bytes.
pub const MAX_VARINT_BYTES: usize = 10;

/// Reads one number from the front of `bytes` and moves `bytes` behind it. `None` if the bytes end first or the
/// number does not fit 64 bits; `bytes` is then left where it was.
#[inline]
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    take_long_varint(bytes)
}

/// Two bytes or more.
#[inline]
fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    const STOP_BITS: u64 = 0x8080_8080_8080_8080;
    if let Some(word) = bytes.first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let stop = !word & STOP_BITS;
        if stop != 0 {
            // All bytes up to the first one without the continuation bit, at once: drop what follows, then close
            // the gaps between groups of 7, 14 and 28 bits.
            let word = word & (stop ^ stop.wrapping_sub(1)) & !STOP_BITS;
            let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
            let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
            let word = (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
            *bytes = bytes.get((stop.trailing_zeros() >> 3).saturating_add(1) as usize..)?;
            return Some(word);
        }
    }
    take_varint_bytewise(bytes)
}

/// Near the end of the bytes, or longer than eight of them.
#[cold]
fn take_varint_bytewise(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut shift = 0_u32;
    for (position, &byte) in bytes.iter().enumerate().take(MAX_VARINT_BYTES) {
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && byte > 1 {
            return None;
        }
        value |= bits.checked_shl(shift)?;
        if byte < 0x80 {
            *bytes = bytes.get(position.checked_add(1)?..)?;
            return Some(value);
        }
        shift = shift.checked_add(7)?;
    }
    None
}

/// Appends `value` in its shortest encoding.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_at_the_edges() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = Vec::new();
                push_varint(&mut bytes, value);
                bytes.push(7);
                let mut rest = bytes.as_slice();
                assert_eq!(take_varint(&mut rest), Some(value));
                assert_eq!(rest, [7]);
                let mut short = &bytes[..bytes.len() - 2];
                assert_eq!(take_varint(&mut short), None);
            }
        }
    }

    #[test]
    fn both_ways_agree() {
        for shift in 0..64 {
            for value in [
                1_u64 << shift,
                u64::MAX >> shift,
                0x5555_5555_5555_5555 >> shift,
            ] {
                let mut bytes = Vec::new();
                push_varint(&mut bytes, value);
                let len = bytes.len();
                bytes.extend([0xff; 8]);
                let (mut fast, mut slow) = (bytes.as_slice(), bytes.as_slice());
                assert_eq!(take_varint(&mut fast), Some(value));
                assert_eq!(take_varint_bytewise(&mut slow), Some(value));
                assert_eq!(
                    (fast.len(), slow.len()),
                    (bytes.len() - len, bytes.len() - len)
                );
            }
        }
    }

    #[test]
    fn more_than_64_bits_is_refused() {
        let mut bytes: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(take_varint(&mut bytes), None);
        let mut bytes: &[u8] = &[0x80; 11];
        assert_eq!(take_varint(&mut bytes), None);
        // Longer than necessary, but within ten bytes: upstream reads it, so do we.
        let mut bytes: &[u8] = &[0x85, 0x80, 0];
        assert_eq!(take_varint(&mut bytes), Some(5));
    }
}
