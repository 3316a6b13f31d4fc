//! ArrayRecord and Riegeli structures: bytes in, values out.
#![forbid(unsafe_code)]
// Bytes can never panic us. Modules that lay bytes out, rather than take them apart, say that they index and add.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod block;
mod chunk;
mod chunk_header;
mod codec;
mod column;
mod column_chunk;
mod crc;
mod dictionary;
mod error;
mod footer;
mod footer_decoder;
mod hash;
mod index;
mod limits;
mod live;
mod look_back;
mod metadata_chunk;
pub mod options;
mod page_chunk;
mod postscript;
mod provisional;
mod record_chunk;
mod records;
mod scan;
mod step;
mod transposed;
mod varint;
mod wire;

pub use block::*;
pub use chunk::*;
pub use chunk_header::*;
pub use codec::*;
pub use column::{COLUMN_HEADER_BYTES, Column, push_column};
pub use column_chunk::*;
pub use crc::{check_crc, crc_of};
pub use dictionary::*;
pub use error::*;
pub use footer::*;
pub use footer_decoder::*;
pub use hash::*;
pub use index::*;
pub use limits::*;
pub use live::{FoundFooter, LiveChunk, LiveChunks, Pushed};
pub use look_back::*;
pub use metadata_chunk::*;
pub use page_chunk::*;
pub use postscript::{POSTSCRIPT_COPIES, POSTSCRIPT_MAGIC, encode_postscript, parse_postscript};
pub use provisional::Provisional;
pub use record_chunk::*;
pub use records::*;
pub use scan::*;
pub use step::*;
pub use transposed::*;
pub use varint::{push_varint, take_varint};
