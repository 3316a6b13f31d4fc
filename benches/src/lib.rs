//! What the benchmarks share: the text, the floor under it, and interleaved measuring.

pub mod floor;
pub mod measure;
pub mod text;
