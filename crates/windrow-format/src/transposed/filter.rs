//! What a projection leaves of a record that lies there whole.

use super::encode::MAX_DEPTH;
use super::node::{LENGTH_DELIMITED, START_GROUP, wire_type};
use super::parse::{is_message, skip_field, take_canonical};
use super::projection::{FieldProjection, Wanted};
use crate::varint::push_varint;

/// Projects one record after the other.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    groups: Vec<u32>,
}

impl Filter {
    /// Heap bytes that are held.
    pub(crate) fn scratch_bytes(&self) -> usize {
        self.groups.capacity().saturating_mul(size_of::<u32>())
    }

    /// Appends to `out` what `fields` leaves of `record`: the same as of a transposed chunk.
    pub(crate) fn project(&mut self, record: &[u8], fields: &FieldProjection, out: &mut Vec<u8>) {
        if fields.includes_all() || !is_message(record, &mut self.groups) {
            out.extend_from_slice(record);
        } else {
            self.project_message(record, fields, 0, 0, out);
        }
    }

    /// Goes down only as far as the projection does. `depth` messages and groups are around this one.
    fn project_message(
        &mut self,
        mut message: &[u8],
        fields: &FieldProjection,
        branch: u32,
        depth: usize,
        out: &mut Vec<u8>,
    ) {
        while let Some((tag, field, value)) = self.take_field(&mut message) {
            let below = match fields.wanted(branch, tag >> 3) {
                Wanted::No => continue,
                Wanted::Below(below) => below,
                Wanted::All => {
                    out.extend_from_slice(field);
                    continue;
                }
            };
            let is_group = wire_type(tag) == START_GROUP;
            let is_nested = wire_type(tag) == LENGTH_DELIMITED
                && !value.is_empty()
                && depth < MAX_DEPTH
                && is_message(value, &mut self.groups);
            if !is_group && !is_nested {
                out.extend_from_slice(field);
                continue;
            }
            push_varint(out, tag.into());
            let begin = out.len();
            self.project_message(value, fields, below, depth.saturating_add(1), out);
            if is_group {
                // The tag of its end is the next one.
                push_varint(out, u64::from(tag).saturating_add(1));
            } else {
                let len = out.len().saturating_sub(begin);
                let mut size = Vec::new();
                push_varint(&mut size, len as u64);
                out.splice(begin..begin, size);
            }
        }
    }

    /// Takes a field off the front of a message: its tag, all of it, and what is in it if it is text or a group.
    fn take_field<'a>(&mut self, message: &mut &'a [u8]) -> Option<(u32, &'a [u8], &'a [u8])> {
        let field = *message;
        let mut value = field;
        let tag = take_canonical(&mut value)?;
        self.groups.clear();
        loop {
            let before = message.len();
            skip_field(message, &mut self.groups)?;
            if self.groups.is_empty() {
                let end = field.len().saturating_sub(message.len());
                let whole = field.get(..end)?;
                let tag_bytes = field.len().saturating_sub(value.len());
                let value = match wire_type(tag) {
                    START_GROUP => field.get(tag_bytes..field.len().saturating_sub(before))?,
                    LENGTH_DELIMITED => {
                        let mut text = field.get(tag_bytes..end)?;
                        take_canonical(&mut text)?;
                        text
                    }
                    _ => &[],
                };
                return Some((tag, whole, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(paths: &[&[u32]], record: &[u8]) -> Vec<u8> {
        let mut out = vec![7];
        let fields = FieldProjection::new(paths).unwrap();
        Filter::default().project(record, &fields, &mut out);
        out.split_off(1)
    }

    #[test]
    fn fields_stay_in_order() {
        let record = [
            0x08, 1, // 1: 1
            0x12, 3, b'a', b'b', b'c', // 2: "abc"
            0x1a, 4, 0x08, 5, 0x10, 6, // 3: {1: 5, 2: 6}
            0x23, 0x08, 9, 0x10, 8, 0x24, // 4: group {1: 9, 2: 8}
            0x08, 2, // 1: 2
        ];
        assert_eq!(project(&[], &record), []);
        assert_eq!(project(&[&[]], &record), record);
        assert_eq!(project(&[&[1]], &record), [8, 1, 8, 2]);
        assert_eq!(project(&[&[3, 2]], &record), [0x1a, 2, 0x10, 6]);
        assert_eq!(project(&[&[3, 9]], &record), [0x1a, 0]);
        assert_eq!(project(&[&[4, 1]], &record), [0x23, 8, 9, 0x24]);
        assert_eq!(project(&[&[4]], &record), [0x23, 8, 9, 0x10, 8, 0x24]);
        // What is no message comes whole where something in it is asked for.
        assert_eq!(project(&[&[2, 1]], &record), record[2..7]);
        assert_eq!(project(&[&[1, 1]], &record), [8, 1, 8, 2]);
        assert_eq!(project(&[&[1]], b"no message"), b"no message");
    }
}
