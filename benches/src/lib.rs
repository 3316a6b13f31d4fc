//! What the benchmarks share: text and messages, the floor under them, and interleaved measuring.

pub mod floor;
pub mod measure;
pub mod messages;
pub mod text;
