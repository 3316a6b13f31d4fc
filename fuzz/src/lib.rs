//! What the fuzz targets do with their input. Each target is one function of bytes, so that tests and programs without
//! libFuzzer can run it too.

pub mod append_after_damage;
pub mod chunk_decode;
pub mod column_chunk_any_bytes;
mod damage;
mod examine;
mod following;
pub mod grown;
mod input;
mod memory;
pub mod mutate_valid_file;
pub mod open_any_bytes;
pub mod options_string;
pub mod pages_decode;
pub mod recipe;
pub mod recover_any_bytes;
mod recovery;
pub mod round_trip;
pub mod seeds;
pub mod transposed_decode;

pub use damage::{Harm, inflict};
pub use examine::{Findings, examine, reader_options};
pub use following::{Followed, follow};
pub use input::{Input, push_bytes};
pub use recovery::{Recovery, recover};
