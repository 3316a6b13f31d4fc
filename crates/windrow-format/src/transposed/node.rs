//! Names for the numbers that a state machine is written in. `format-spec/transposed.md` has the rules.

/// A node that writes nothing: a stop on the way to another one.
pub(super) const NO_OP: u32 = 0;
/// A whole record that is not a message.
pub(super) const NON_PROTO: u32 = 1;
/// The beginning of a nested message.
pub(super) const START_OF_SUBMESSAGE: u32 = 2;
/// The beginning of a record that is a message.
pub(super) const START_OF_MESSAGE: u32 = 3;

/// The lowest tag: field 1, wire type 0.
pub(super) const MIN_TAG: u32 = 8;

// Wire types: the low three bits of a tag.
pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const LENGTH_DELIMITED: u32 = 2;
pub(super) const START_GROUP: u32 = 3;
pub(super) const END_GROUP: u32 = 4;
pub(super) const FIXED32: u32 = 5;
/// Stands in a node for [`LENGTH_DELIMITED`] at the end of a nested message. No message holds it.
pub(super) const END_OF_SUBMESSAGE: u32 = 6;

/// The wire type of a tag.
#[inline]
pub(super) const fn wire_type(tag: u32) -> u32 {
    tag & 7
}

/// Subtypes below this one: a varint of that many bytes and one more, from the buffer. From this one on: a varint of
/// one byte that is the subtype less this, and no buffer.
pub(super) const INLINE_VARINT: u8 = 10;
/// The highest subtype: the inline varint 127.
pub(super) const MAX_SUBTYPE: u8 = INLINE_VARINT + 127;

/// The farthest node that one transition reaches, counted from the base.
pub(super) const MAX_TRANSITION: u8 = 63;
/// How many further transitions by 0 one byte stands for at the most.
pub(super) const MAX_REPEATS: u8 = 3;
