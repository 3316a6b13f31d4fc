//! The outside of a zstd frame without its magic number: RFC 8878, section 3.1.1, from behind the magic number on.

/// What stands around the contents of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes that it decodes to, if it says so.
    pub(super) content_bytes: Option<u64>,
    pub(super) names_dictionary: bool,
    /// Size of the frame.
    pub(super) bytes: usize,
}

impl Frame {
    /// Takes apart what `bytes` begin with; `None` if that is no frame, or not all of one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&descriptor, mut rest) = bytes.split_first()?;
        if descriptor & 0x08 != 0 {
            return None;
        }
        let is_single_segment = descriptor & 0x20 != 0;
        rest = rest.get(usize::from(!is_single_segment)..)?;
        let id_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
        rest = rest.get(id_bytes..)?;
        let (content_bytes, size_bytes) = match descriptor >> 6 {
            0 if is_single_segment => (rest.first().map(|&byte| u64::from(byte)), 1),
            0 => (None, 0),
            1 => (
                rest.first_chunk()
                    .map(|size| u64::from(u16::from_le_bytes(*size)).saturating_add(256)),
                2,
            ),
            2 => (
                rest.first_chunk()
                    .map(|size| u64::from(u32::from_le_bytes(*size))),
                4,
            ),
            _ => (rest.first_chunk().map(|size| u64::from_le_bytes(*size)), 8),
        };
        rest = rest.get(size_bytes..)?;
        loop {
            let (&[low, middle, high], behind) = rest.split_first_chunk::<3>()?;
            let block = u32::from_le_bytes([low, middle, high, 0]);
            let block_bytes = match (block >> 1) & 3 {
                // One byte, repeated.
                1 => 1,
                3 => return None,
                _ => usize::try_from(block >> 3).ok()?,
            };
            rest = behind.get(block_bytes..)?;
            if block & 1 != 0 {
                break;
            }
        }
        let checksum_bytes = if descriptor & 0x04 != 0 { 4 } else { 0 };
        rest = rest.get(checksum_bytes..)?;
        Some(Self {
            content_bytes,
            names_dictionary: id_bytes > 0,
            bytes: bytes.len().saturating_sub(rest.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(content_bytes: u64, names_dictionary: bool, bytes: usize) -> Option<Frame> {
        Some(Frame {
            content_bytes: Some(content_bytes),
            names_dictionary,
            bytes,
        })
    }

    #[test]
    fn frames_of_zstd_itself() {
        for size in [0_usize, 1, 255, 256, 65_791, 65_792, 300_000] {
            let input: Vec<u8> = (0..size).map(|i| (i % 251).to_le_bytes()[0]).collect();
            let mut out = Vec::with_capacity(zstd_safe::compress_bound(size));
            zstd_safe::compress(&mut out, &input, 3).unwrap();
            // Behind the magic number.
            let bytes = &out[4..];
            assert_eq!(Frame::parse(bytes), frame(size as u64, false, bytes.len()));
            let longer = [bytes, &[0; 9]].concat();
            assert_eq!(Frame::parse(&longer), Frame::parse(bytes));
            for cut in 0..bytes.len().min(40) {
                assert_eq!(Frame::parse(&bytes[..cut]), None);
            }
        }
    }

    #[test]
    fn the_rest_of_the_header() {
        // A dictionary id of two bytes, a checksum, one repeated byte.
        let bytes = [0x26, 7, 7, 5, 0x2b, 0, 0, b'a', 1, 2, 3, 4];
        assert_eq!(Frame::parse(&bytes), frame(5, true, 12));
        // A window instead of a size.
        let unknown = [0x00, 0x58, 0x01, 0, 0];
        let parsed = Frame::parse(&unknown).unwrap();
        assert_eq!((parsed.content_bytes, parsed.bytes), (None, 5));
        // A reserved bit, a reserved kind of block.
        assert_eq!(Frame::parse(&[0x28, 0, 1, 0, 0]), None);
        assert_eq!(Frame::parse(&[0x20, 0, 7, 0, 0]), None);
    }
}
