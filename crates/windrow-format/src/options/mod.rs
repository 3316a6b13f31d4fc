//! Typed options of writers and readers, and their string grammar.
//!
//! [`WriterOptions`] and [`ReaderOptions`] are the truth. A string such as `group_size:64,zstd:3` is a second way to
//! fill them: parsing calls the setters, and [`Display`](std::fmt::Display) gives the string back.
//!
//! ```
//! use windrow_format::Codec;
//! use windrow_format::options::WriterOptions;
//!
//! let typed = WriterOptions::new().with_group_size(64).with_codec(Codec::Brotli { level: 9 });
//! let parsed: WriterOptions = "group_size:64,brotli:9".parse()?;
//! assert_eq!(parsed, typed);
//! assert_eq!(
//!     typed.to_string(),
//!     "group_size:64,transpose:false,pad_to_block_boundary:false,brotli:9,max_parallelism:1"
//! );
//! # Ok::<(), windrow_format::options::OptionsError>(())
//! ```
//!
//! # Grammar
//!
//! Items stand between commas; empty items are skipped. An item is a key, or a key, a colon and a value; a bare key
//! and a key with an empty value are the same. Keys are case-sensitive and may come once. [`WRITER_KEYS`] and
//! [`READER_KEYS`] list them.
//!
//! - Integers may have a sign, leading zeros, and ASCII white space on either side.
//! - Byte counts are reals, decimal or hexadecimal, with an optional suffix `B`, `k`, `K`, `M`, `G`, `T`, `P` or `E`
//!   in steps of 1024. They are computed in double precision, rounded half away from zero, and limited to 2^64 - 1,
//!   so `inf` is a byte count, and a plain integer above 2^53 may be rounded.
//! - `default` may only stand first, and takes any value. A bare `transpose` is true; a bare `pad_to_block_boundary`
//!   is false. `snappy` takes the levels 1 and 2 and forgets them.
//! - The codec keys are checked after all others, wherever they stand in the string.
//!
//! # Differences from `array_record` 0.8.6
//!
//! Every string which `array_record` accepts is accepted with the same meaning, but for the last row, and every
//! refusal has the same text, but for these and for the keys `layout` and `dictionary`, which are ours alone and stand at
//! the end of the list of valid options:
//!
//! | string | `array_record` | here |
//! |---|---|---|
//! | byte counts such as `16KB`, `16MB`, `16KiB`, `16MiB` | refused: one letter only | accepted, in steps of 1024 |
//! | ASCII white space around a key, as in `group_size:5, zstd` | refused: unknown option | accepted |
//! | an item of white space only | refused: unknown option | skipped, like an empty item |
//! | `index_storage_option:offloaded` alone or with `footer_prefetch_bytes` above 0 | refused | accepted |
//! | a control character in a text that is refused | message is cut at a NUL, else printed raw | printed escaped, as `\0` or `\t` |
//! | `readahead_buffer_size:auto` | the same as 0 | left open, as if not given; see [`ReaderOptions::with_readahead_buffer_bytes`] |

mod append;
mod codec_keys;
mod error;
mod hex_real;
mod items;
mod keys;
mod reader;
mod reader_string;
mod values;
mod writer;
mod writer_string;

#[cfg(test)]
mod tests;

pub use append::AppendOptions;
pub use error::{OptionsError, OptionsErrors};
pub use keys::{Key, READER_KEYS, WRITER_KEYS};
pub use reader::{
    DEFAULT_CHUNK_CACHE_BYTES, DEFAULT_FOOTER_PREFETCH_BYTES, DEFAULT_MAX_BATCH_BYTES,
    DEFAULT_MAX_CHUNK_BYTES, DEFAULT_MAX_RECORD_BYTES, DEFAULT_READAHEAD_BUFFER_BYTES,
    IndexStorage, MAX_FOOTER_PREFETCH_BYTES, MAX_READAHEAD_BUFFER_BYTES, OnCorrupt, ReaderOptions,
};
pub use writer::{
    BROTLI_AUTO_WINDOW_LOG, DEFAULT_BROTLI_LEVEL, DEFAULT_GROUP_SIZE, DEFAULT_PAGES_GROUP_SIZE,
    DEFAULT_PAGES_MAX_GROUP_BYTES, DEFAULT_TRANSPOSE_BUCKET_BYTES, DEFAULT_ZSTD_LEVEL,
    DictionaryOption, Layout, MAX_GROUP_SIZE, MAX_PARALLELISM, WriterOptions, ZSTD_AUTO_WINDOW_LOG,
};
