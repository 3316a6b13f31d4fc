//! A column of numbers that lie near a straight line: the line, and what each lies above it, in as few bits as the largest
//! of these needs. `format-spec/record-pages.md` has the layout. A lookup is O(1) on the bytes as they are.

/// Bytes in front of a column's bits: base and slope (two's complement, modulo 2^64) and the width of a value.
pub const COLUMN_HEADER_BYTES: usize = 17;

/// Appends the column of `values`, which are used up: they are not what they were afterwards.
pub fn push_column(out: &mut Vec<u8>, values: &mut [u64]) {
    let (first, last) = match (values.first(), values.last()) {
        (Some(&first), Some(&last)) => (first, last),
        _ => (0, 0),
    };
    let slope = match (values.len() as u64).checked_sub(1) {
        Some(steps) if last >= first => last.wrapping_sub(first).checked_div(steps).unwrap_or(0),
        _ => 0,
    };
    // Signed distance from the line, then moved up so that the smallest one is zero.
    let mut line = first;
    let mut lowest = 0_i64;
    for value in &mut *values {
        *value = value.wrapping_sub(line);
        line = line.wrapping_add(slope);
        lowest = lowest.min(value.cast_signed());
    }
    let lowest = lowest.cast_unsigned();
    let mut all_bits = 0;
    for value in &mut *values {
        *value = value.wrapping_sub(lowest);
        all_bits |= *value;
    }
    let width = u64::BITS.saturating_sub(all_bits.leading_zeros());
    push_column_header(out, first.wrapping_add(lowest), slope, width);
    if width > 0 {
        push_bits(out, values, width);
    }
}

pub(crate) fn push_column_header(out: &mut Vec<u8>, base: u64, slope: u64, width: u32) {
    out.extend_from_slice(&base.to_le_bytes());
    out.extend_from_slice(&slope.to_le_bytes());
    out.push(u8::try_from(width).unwrap_or(64));
}

/// Appends the lowest `width` bits of each value, the first value lowest.
fn push_bits(out: &mut Vec<u8>, values: &[u64], width: u32) {
    let (mut pending, mut bits) = (0_u128, 0_u32);
    for &value in values {
        pending |= u128::from(value).wrapping_shl(bits);
        bits = bits.saturating_add(width);
        if bits >= u64::BITS {
            out.extend_from_slice(&low_half(pending).to_le_bytes());
            pending >>= u64::BITS;
            bits = bits.saturating_sub(u64::BITS);
        }
    }
    let bytes = bits.div_ceil(8) as usize;
    out.extend_from_slice(
        low_half(pending)
            .to_le_bytes()
            .get(..bytes)
            .unwrap_or_default(),
    );
}

fn low_half(word: u128) -> u64 {
    u64::try_from(word & u128::from(u64::MAX)).unwrap_or_default()
}

/// A column that [`push_column`] made, in the bytes as they are in the file.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    base: u64,
    slope: u64,
    width: u32,
    bits: &'a [u8],
}

impl<'a> Column<'a> {
    /// A column of zeros.
    pub(crate) const ZEROS: Self = Self {
        base: 0,
        slope: 0,
        width: 0,
        bits: &[],
    };

    /// Size of the column of `len` values at the front of `bytes`: `None` if its header is not all there, `Err` if that is
    /// of no column.
    pub(crate) fn bytes(bytes: &[u8], len: u64) -> Option<Result<u64, ()>> {
        let (header, _) = bytes.split_first_chunk::<COLUMN_HEADER_BYTES>()?;
        let width = u64::from(*header.last()?);
        if width > u64::from(u64::BITS) {
            return Some(Err(()));
        }
        let bits = len.saturating_mul(width);
        Some(Ok(bits
            .div_ceil(8)
            .saturating_add(COLUMN_HEADER_BYTES as u64)))
    }

    /// Takes a column of `len` values off the front of `bytes`; `None` if they are too few, or no column.
    #[must_use]
    pub fn split(bytes: &'a [u8], len: usize) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(COLUMN_HEADER_BYTES)?;
        let width = u32::from(*header.last()?);
        if width > u64::BITS {
            return None;
        }
        let bits_bytes = len.checked_mul(width as usize)?.div_ceil(8);
        let (bits, rest) = rest.split_at_checked(bits_bytes)?;
        let column = Self {
            base: u64::from_le_bytes(*header.first_chunk()?),
            slope: u64::from_le_bytes(*header.get(8..)?.first_chunk()?),
            width,
            bits,
        };
        Some((column, rest))
    }

    /// Value number `index`, which is below the number of values: behind them it is any number.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> u64 {
        let line = self
            .base
            .wrapping_add(self.slope.wrapping_mul(index as u64));
        line.wrapping_add(self.above_line(index))
    }

    /// About where `value` stands among values that ascend: by the line, and by how far the values there are off it.
    #[inline]
    pub(crate) fn likely_index(&self, value: u64, len: usize) -> usize {
        let from_base = value.wrapping_sub(self.base);
        let on_line = |distance: u64| {
            let index = distance.checked_div(self.slope).unwrap_or(0);
            usize::try_from(index)
                .unwrap_or(usize::MAX)
                .min(len.saturating_sub(1))
        };
        on_line(from_base.saturating_sub(self.above_line(on_line(from_base))))
    }

    #[inline]
    fn above_line(&self, index: usize) -> u64 {
        let bit = index.wrapping_mul(self.width as usize);
        let bytes = self.bits.get(bit >> 3..).unwrap_or_default();
        // Nearly always one word holds all of it.
        if self.width <= u64::BITS - 7
            && let Some(word) = bytes.first_chunk::<8>()
        {
            let mask = 1_u64.wrapping_shl(self.width).wrapping_sub(1);
            return (u64::from_le_bytes(*word) >> (bit & 7)) & mask;
        }
        let word = match bytes.first_chunk::<16>() {
            Some(word) => u128::from_le_bytes(*word),
            None => bytes
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u128::from(byte)),
        };
        let mask = 1_u128.wrapping_shl(self.width).wrapping_sub(1);
        let value = (word >> (bit & 7)) & mask;
        u64::try_from(value).unwrap_or_default()
    }
}
