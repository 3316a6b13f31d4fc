//! The protocol buffer wire format, as far as the footer's three small messages need it.
//!
//! Written here because a footer has an entry per chunk, millions of them: one pass over borrowed bytes, no message
//! objects. Unknown fields, and known fields of another wire type, are skipped, as the reference implementation does.

use crate::varint::{push_varint, take_varint};

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number or a group: none of our fields is one.
    Other,
}

/// Nesting of groups beyond which a message is refused.
const MAX_GROUP_DEPTH: usize = 100;

/// Takes one field off the front of `message`; `Err` if it is not valid.
#[inline]
pub(crate) fn take_field<'a>(message: &mut &'a [u8]) -> Result<(u64, Value<'a>), ()> {
    let tag = take_varint(message).ok_or(())?;
    if tag >> 32 != 0 || tag >> 3 == 0 {
        return Err(());
    }
    Ok((tag >> 3, take_value(message, tag)?))
}

fn take_value<'a>(message: &mut &'a [u8], tag: u64) -> Result<Value<'a>, ()> {
    match tag & 7 {
        0 => Ok(Value::Varint(take_varint(message).ok_or(())?)),
        1 => take_bytes(message, 8).map(|_| Value::Other),
        2 => {
            let len = take_varint(message).ok_or(())?;
            take_bytes(message, len).map(Value::Bytes)
        }
        3 => skip_group(message, tag >> 3).map(|()| Value::Other),
        5 => take_bytes(message, 4).map(|_| Value::Other),
        _ => Err(()),
    }
}

fn take_bytes<'a>(message: &mut &'a [u8], len: u64) -> Result<&'a [u8], ()> {
    let len = usize::try_from(len).map_err(|_| ())?;
    let (bytes, rest) = message.split_at_checked(len).ok_or(())?;
    *message = rest;
    Ok(bytes)
}

/// Skips to the end of a group. A loop, not recursion: the nesting comes from the file.
fn skip_group(message: &mut &[u8], number: u64) -> Result<(), ()> {
    let mut open = vec![number];
    while let Some(&innermost) = open.last() {
        let tag = take_varint(message).ok_or(())?;
        if tag >> 32 != 0 || tag >> 3 == 0 {
            return Err(());
        }
        match tag & 7 {
            3 if open.len() >= MAX_GROUP_DEPTH => return Err(()),
            3 => open.push(tag >> 3),
            4 if tag >> 3 == innermost => {
                open.pop();
            }
            _ => {
                take_value(message, tag)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn push_varint_field(out: &mut Vec<u8>, number: u64, value: u64) {
    push_varint(out, number << 3);
    push_varint(out, value);
}

pub(crate) fn push_bytes_field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push_varint(out, number << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_type_is_skipped() {
        let mut message = Vec::new();
        push_varint_field(&mut message, 1, 300);
        message.extend([0x11, 1, 2, 3, 4, 5, 6, 7, 8]); // field 2, fixed64
        message.extend([0x1b, 0x23, 0x08, 5, 0x24, 0x1c]); // field 3, a group in a group
        message.extend([0x25, 1, 2, 3, 4]); // field 4, fixed32
        push_bytes_field(&mut message, 536_870_911, b"far");
        let mut rest = message.as_slice();
        let mut seen = Vec::new();
        while !rest.is_empty() {
            seen.push(take_field(&mut rest).unwrap());
        }
        assert_eq!(
            seen,
            [
                (1, Value::Varint(300)),
                (2, Value::Other),
                (3, Value::Other),
                (4, Value::Other),
                (536_870_911, Value::Bytes(b"far")),
            ]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &[0x00, 1][..],                     // field number 0
            &[0x0c],                            // end of a group that never began
            &[0x0b, 0x14],                      // end of another group
            &[0x0a, 5, 1],                      // cut short
            &[0x0e, 1],                         // wire type 6
            &[0x0b; 101],                       // nested too deeply
            &[0x80, 0x80, 0x80, 0x80, 0x10, 0], // a tag above 32 bits
        ] {
            assert_eq!(take_field(&mut &*bytes), Err(()), "{bytes:x?}");
        }
    }
}
