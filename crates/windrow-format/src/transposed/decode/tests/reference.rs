//! What a projection leaves of a record, worked out on the record itself, slowly.

use crate::varint::{push_varint, take_varint};

/// Nesting beyond which a writer keeps messages as they are.
const MAX_DEPTH: usize = 100;

fn take(message: &mut &[u8], bytes: usize) -> Option<()> {
    *message = message.get(bytes..)?;
    Some(())
}

/// A varint in its shortest form.
fn shortest(message: &mut &[u8], max: u64) -> Option<u64> {
    let before = *message;
    let number = take_varint(message)?;
    let mut again = Vec::new();
    push_varint(&mut again, number);
    (number <= max && before.starts_with(&again) && before.len() - message.len() == again.len())
        .then_some(number)
}

/// A field: number, wire type, where its value begins, and where it ends. Begin and end of a group are fields.
fn take_field(message: &mut &[u8]) -> Option<(u32, u32)> {
    let tag = u32::try_from(shortest(message, u64::from(u32::MAX))?).unwrap();
    match tag & 7 {
        0 => shortest(message, u64::MAX).map(drop),
        1 => take(message, 8),
        2 => {
            let len = shortest(message, u64::from(u32::MAX))?;
            take(message, usize::try_from(len).unwrap())
        }
        5 => take(message, 4),
        3 | 4 => Some(()),
        _ => None,
    }?;
    (tag >= 8).then_some((tag >> 3, tag & 7))
}

/// Whether a writer takes a message apart.
pub(super) fn is_message(mut message: &[u8]) -> bool {
    let mut groups = Vec::new();
    while !message.is_empty() {
        match take_field(&mut message) {
            Some((number, 3)) => groups.push(number),
            Some((number, 4)) if groups.pop() != Some(number) => return false,
            Some(_) => {}
            None => return false,
        }
    }
    groups.is_empty()
}

/// What `paths` want of a record.
pub(super) fn project(record: &[u8], paths: &[&[u32]]) -> Vec<u8> {
    if !is_message(record) || paths.iter().any(|path| path.is_empty()) {
        return record.to_vec();
    }
    let mut out = Vec::new();
    let rest = message(record, paths, 0, &mut out);
    assert!(rest.is_empty());
    out
}

/// Appends what is wanted of a message or a group; gives what follows the group's end.
fn message<'a>(
    mut message_bytes: &'a [u8],
    paths: &[&[u32]],
    depth: usize,
    out: &mut Vec<u8>,
) -> &'a [u8] {
    while !message_bytes.is_empty() {
        let field = message_bytes;
        let (number, wire_type) = take_field(&mut message_bytes).unwrap();
        let raw = &field[..field.len() - message_bytes.len()];
        let below: Vec<&[u32]> = (paths.iter())
            .filter(|path| path.first() == Some(&number))
            .map(|path| &path[1..])
            .collect();
        let all = below.iter().any(|path| path.is_empty());
        match wire_type {
            4 => return message_bytes,
            3 => {
                let mut inner = Vec::new();
                let everything: &[&[u32]] = &[];
                let inner_paths = if all { everything } else { &below };
                let rest = message(message_bytes, inner_paths, depth + 1, &mut inner);
                if all {
                    out.extend(&field[..field.len() - rest.len()]);
                } else if !below.is_empty() {
                    out.extend(raw);
                    out.extend(inner);
                    push_varint(out, u64::from(number << 3 | 4));
                }
                message_bytes = rest;
            }
            _ if below.is_empty() => {}
            2 if !all && depth < MAX_DEPTH => {
                let mut value = raw;
                let tag = shortest(&mut value, u64::MAX).unwrap();
                shortest(&mut value, u64::MAX).unwrap();
                if value.is_empty() || !is_message(value) {
                    out.extend(raw);
                    continue;
                }
                let mut inner = Vec::new();
                message(value, &below, depth + 1, &mut inner);
                push_varint(out, tag);
                push_varint(out, inner.len() as u64);
                out.extend(inner);
            }
            _ => out.extend(raw),
        }
    }
    message_bytes
}
