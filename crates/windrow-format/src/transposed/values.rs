//! Taking values from the columns of a transposed chunk.

use crate::codec::Decompressor;
use crate::error::{At, FormatError};
use crate::varint::take_varint;

use super::buckets::{Buckets, Buffer, Stored};
use super::machine::{Machine, Node, broken, shifted};

/// The columns, and what it takes to decompress them.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    pub(super) buckets: &'a mut Buckets,
    pub(super) stored: &'a Stored<'a>,
    pub(super) decompressor: &'a mut Decompressor,
}

impl Columns<'_> {
    pub(super) fn load(&mut self, buffer: u32) -> Result<(), FormatError> {
        self.buckets.load(buffer, self.stored, self.decompressor)
    }

    /// The next number of fixed size, at the end of a word.
    #[inline]
    pub(super) fn take_value(&mut self, node: &Node, at: At) -> Result<u128, FormatError> {
        let place = usize::try_from(node.buffer).unwrap_or(usize::MAX);
        let Some(buffer) = self.buckets.buffers.get_mut(place) else {
            return Err(used_up(at));
        };
        let from = buffer.next;
        let to = from.saturating_add(usize::from(node.value_bytes));
        if to > buffer.end {
            return Err(used_up(at));
        }
        buffer.next = to;
        let rest = self.buckets.data.get(from..).unwrap_or_default();
        let word = match rest.first_chunk::<16>() {
            Some(word) => u128::from_le_bytes(*word),
            None => last_word(rest),
        };
        // What follows the value is shifted out.
        Ok(shifted(word, 16_u8.saturating_sub(node.value_bytes)))
    }

    /// Where the next text lies, its size included.
    #[inline]
    pub(super) fn take_text(&mut self, node: &Node, at: At) -> Result<(usize, usize), FormatError> {
        let place = usize::try_from(node.buffer).unwrap_or(usize::MAX);
        let Some(buffer) = self.buckets.buffers.get_mut(place) else {
            return Err(used_up(at));
        };
        let from = buffer.next;
        let rest = self.buckets.data.get(from..buffer.end).unwrap_or_default();
        let (len, len_bytes) = match rest.first() {
            Some(&len) if len < 0x80 => (usize::from(len), 1),
            Some(_) => long_size(rest, at)?,
            None => return Err(used_up(at)),
        };
        let bytes = len.saturating_add(len_bytes);
        if bytes > rest.len() {
            return Err(used_up(at));
        }
        let to = from.saturating_add(bytes);
        buffer.next = to;
        Ok((from, to))
    }

    /// Where the next record that is no message lies.
    pub(super) fn take_record(
        &mut self,
        node: &Node,
        machine: &Machine,
        at: At,
    ) -> Result<(usize, usize), FormatError> {
        let Buckets { buffers, data, .. } = &mut *self.buckets;
        let place = |buffer: u32| usize::try_from(buffer).unwrap_or(usize::MAX);
        let sizes = buffers.get_mut(place(machine.sizes_buffer));
        let size = sizes.and_then(|sizes| {
            let mut rest = data.get(sizes.next..sizes.end)?;
            let size = take_varint(&mut rest)?;
            sizes.next = sizes.end.saturating_sub(rest.len());
            Some(size)
        });
        let size = size.ok_or(FormatError::Varint {
            what: "size of a record",
            at,
        })?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(buffer) = buffers.get_mut(place(node.buffer)) else {
            return Err(used_up(at));
        };
        let from = buffer.next;
        let to = from.saturating_add(size);
        if to > buffer.end {
            return Err(used_up(at));
        }
        buffer.next = to;
        Ok((from, to))
    }

    /// All values must have been taken.
    pub(super) fn check_used_up(&self, at: At) -> Result<(), FormatError> {
        let left = |buffer: &Buffer| buffer.end.saturating_sub(buffer.next);
        match self.buckets.buffers.iter().map(left).find(|&left| left > 0) {
            None => Ok(()),
            Some(left) => Err(FormatError::TrailingBytes {
                what: "last value of a buffer",
                at,
                extra: left as u64,
            }),
        }
    }
}

/// Less than 16 bytes as a word.
#[cold]
fn last_word(rest: &[u8]) -> u128 {
    let mut word = [0; 16];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    u128::from_le_bytes(word)
}

/// A size in front of a text, of more than one byte: its value and how many bytes it takes. At most five, as it goes into
/// the record as it is.
fn long_size(rest: &[u8], at: At) -> Result<(usize, usize), FormatError> {
    let what = "size of a text";
    let invalid = || FormatError::Varint { what, at };
    let mut rest = rest.get(..rest.len().min(5)).unwrap_or_default();
    let have = rest.len();
    let size = take_varint(&mut rest).ok_or_else(invalid)?;
    let size = u32::try_from(size).map_err(|_| invalid())?;
    let size = usize::try_from(size).map_err(|_| invalid())?;
    Ok((size, have.saturating_sub(rest.len())))
}

#[cold]
fn used_up(at: At) -> FormatError {
    broken("a buffer ends within a value", at)
}
