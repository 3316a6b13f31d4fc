//! How a decoder that does no I/O talks to its caller.

use std::ops::Range;

/// What a decoder wants next. Needing bytes is a value, not an error, so that local files, object stores and the
/// fuzzer share one decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// The bytes of this range of the file: absolute offsets, half-open, never empty.
    Need(Range<u64>),
    /// Something decoded.
    Item(T),
    /// All is decoded.
    End,
}
