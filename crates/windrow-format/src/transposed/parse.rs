//! Which bytes are taken for a message: those that come out the same after being taken apart.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts of a varint's bytes and bits"
)]

use super::node::{END_GROUP, FIXED32, FIXED64, LENGTH_DELIMITED, START_GROUP, VARINT, wire_type};
use crate::varint::MAX_VARINT_BYTES;

/// Takes a number of up to 32 bits in its shortest encoding off the front of `bytes`. `None`, and `bytes` as they
/// were, if there is none.
#[inline]
pub(super) fn take_canonical(bytes: &mut &[u8]) -> Option<u32> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u32::from(first));
    }
    take_long_canonical(bytes)
}

fn take_long_canonical(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for (position, &byte) in bytes.iter().enumerate().take(5) {
        if position == 4 && byte > 0x0f {
            return None;
        }
        value |= u32::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            *bytes = bytes.get(position + 1..)?;
            return (byte != 0).then_some(value);
        }
    }
    None
}

/// Bytes of the number at the front of `bytes`. `None` if there is none of 64 bits in its shortest encoding.
#[inline]
pub(super) fn canonical_len(bytes: &[u8]) -> Option<usize> {
    if *bytes.first()? < 0x80 {
        return Some(1);
    }
    for (position, &byte) in bytes.iter().enumerate().take(MAX_VARINT_BYTES) {
        if byte < 0x80 {
            let fits = position + 1 < MAX_VARINT_BYTES || byte == 1;
            return (byte != 0 && fits).then_some(position + 1);
        }
    }
    None
}

/// Whether `bytes` are fields to the end: numbers in their shortest encoding, groups closed in the order in which they
/// were opened. Nested messages are not looked into. `groups` is scratch.
pub(super) fn is_message(mut bytes: &[u8], groups: &mut Vec<u32>) -> bool {
    groups.clear();
    while !bytes.is_empty() {
        if skip_field(&mut bytes, groups).is_none() {
            return false;
        }
    }
    groups.is_empty()
}

/// Takes a field off the front of `bytes`. One that begins or ends a group changes `groups`.
#[inline]
pub(super) fn skip_field(bytes: &mut &[u8], groups: &mut Vec<u32>) -> Option<()> {
    let tag = take_canonical(bytes)?;
    let number = tag >> 3;
    if number == 0 {
        return None;
    }
    let value = match wire_type(tag) {
        VARINT => canonical_len(bytes)?,
        FIXED64 => 8,
        LENGTH_DELIMITED => usize::try_from(take_canonical(bytes)?).ok()?,
        START_GROUP => {
            groups.push(number);
            0
        }
        END_GROUP => {
            if groups.pop()? != number {
                return None;
            }
            0
        }
        FIXED32 => 4,
        _ => return None,
    };
    *bytes = bytes.get(value..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_from_other_bytes() {
        for (bytes, expected) in [
            (&[][..], true),
            (&[0x08, 0x00], true),
            (&[0x08, 0xff, 0x01], true),
            (&[0x08], false),                   // no value
            (&[0x00, 0x01], false),             // field number 0
            (&[0x88, 0x00, 0x01], false),       // tag longer than necessary
            (&[0x08, 0x80, 0x00], false),       // value longer than necessary
            (&[0x0a, 0x81, 0x00, 0x61], false), // length longer than necessary
            (&[0x0a, 0x02, 0x61], false),       // cut short
            (&[0x0d, 1, 2, 3], false),          // cut short
            (&[0x09, 1, 2, 3, 4, 5, 6], false), // cut short
            (&[0x0e, 0x01], false),             // wire type 6
            (&[0x0f, 0x01], false),             // wire type 7
            (&[0x0b, 0x0c], true),              // a group
            (&[0x0b], false),                   // never closed
            (&[0x0c], false),                   // never opened
            (&[0x0b, 0x13, 0x0c, 0x14], false), // closed in another order
            (&[0x0b, 0x13, 0x14, 0x0c], true),  // a group in a group
            (b"hello", false),
        ] {
            assert_eq!(is_message(bytes, &mut vec![7]), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn numbers_at_the_edges() {
        let take = |mut bytes: &[u8]| take_canonical(&mut bytes);
        assert_eq!(take(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Some(u32::MAX));
        assert_eq!(take(&[0xff, 0xff, 0xff, 0xff, 0x10]), None);
        assert_eq!(take(&[0x80, 0x80, 0x80, 0x80, 0x00]), None);
        assert_eq!(take(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), None);
        assert_eq!(take(&[0x80, 0x80, 0x01, 0x05]), Some(1 << 14));
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(canonical_len(&max), Some(10));
        assert_eq!(canonical_len(&max[..9]), None);
        for last in [0, 2] {
            let mut other = max;
            other[9] = last;
            assert_eq!(canonical_len(&other), None);
        }
    }
}
