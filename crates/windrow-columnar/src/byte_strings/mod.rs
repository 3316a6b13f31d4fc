//! Sequences of byte strings: how they are encoded, and how they come back.

mod buffers;
mod decode;
mod dictionary;
mod encode;

pub(crate) use buffers::{BytesOut, MOST_BYTES, Rules};
pub(crate) use decode::{BytesBody, Shared};
pub(crate) use dictionary::{ByteStrings, SAME_VALUES};
pub(crate) use encode::{BytesPlan, plan_bytes, push_bytes_body, push_dictionary_values};
