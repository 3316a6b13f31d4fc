//! What the tests share: the upstream package as a process, record generators, file builders.
//!
//! Nothing here is for users of the library.

pub mod any_message;
pub mod both_sides;
pub mod crash;
pub mod damage;
pub mod every_way;
pub mod file_builder;
pub mod hex_file;
pub mod hostile;
pub mod message_sets;
pub mod progress;
pub mod record_spec;
pub mod repository;
pub mod tables;
pub mod torture;
pub mod transposed_chunk;
pub mod upstream;
pub mod written;
