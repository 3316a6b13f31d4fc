//! Arrow arrays to column chunks and back: bytes in, values out. `format-spec/columns.md` is the layout.
#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(target_endian = "big")]
compile_error!("column chunks are laid out for little-endian processors");

mod arrays;
mod byte_slices;
mod byte_strings;
mod decode;
mod distinct;
mod encode;
mod error;
mod fixed;
mod flatten;
mod front;
mod literal;
mod memory;
mod message;
mod node;
mod options;
mod page;
mod predicate;
mod room;
mod schema;
mod statistics;
mod survey;
mod symbols;
mod tokens;
mod words;

/// Constants of the layout; `format-spec/constants.toml` has them too.
pub mod constants {
    pub use crate::front::MAX_PAGE_LOG2;
    pub use crate::node::MAX_SCHEMA_DEPTH;
    pub use crate::statistics::MAX_BOUND_BYTES;
    pub use crate::words::kernels::BLOCK_VALUES;
    pub use crate::words::{MAX_BODY_DEPTH, MAX_EXPONENT};
}

pub use decode::{ChunkRead, PagePlace};
pub use encode::{EncodedGroup, EncodedNode, GroupNode, RowGroup};
pub use error::ColumnError;
pub use front::{ColumnSize, Front};
pub use memory::memory_bytes;
pub use options::{EncodeOptions, Profile, Strings};
pub use predicate::{BoundPredicate, Comparison, Predicate};
pub use schema::{ColumnSchema, schema_difference, type_metadata_difference};
pub use statistics::{Bound, Bounds, GroupStatistics, NodeStatistics};
pub use survey::{ColumnRange, ColumnSurvey};
