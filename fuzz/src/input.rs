//! Taking a fuzzer's bytes apart.

use windrow_tests::hostile::push_varint;

/// Takes values from the front of bytes. Behind the end everything is zero or empty, so that any bytes mean something.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A number of up to ten bytes, LEB128; bits above the 64th are lost.
    pub fn number(&mut self) -> u64 {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    /// A number below `limit`, which is above 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    /// A number and as many bytes, or what is left.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::try_from(self.number()).unwrap_or(usize::MAX);
        self.take(len)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }
}

/// Appends what [`Input::bytes`] takes.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_went_in() {
        let mut out = vec![7];
        for number in [0, 127, 128, u64::MAX] {
            push_varint(&mut out, number);
        }
        push_bytes(&mut out, b"abc");
        out.extend_from_slice(b"rest");
        let mut input = Input::new(&out);
        assert_eq!(input.byte(), 7);
        for number in [0, 127, 128, u64::MAX] {
            assert_eq!(input.number(), number);
        }
        assert_eq!(input.bytes(), b"abc");
        assert_eq!(input.rest(), b"rest");
        assert_eq!(
            (input.byte(), input.number(), input.bytes()),
            (0, 0, &b""[..])
        );
    }
}
