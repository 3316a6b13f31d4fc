//! Where the structures of a file lie, what can happen to them, and what readers make of it.

mod anatomy;
mod fixtures;
mod inflict;
mod observe;
mod table;

pub use anatomy::*;
pub use fixtures::*;
pub use inflict::*;
pub use observe::*;
pub use table::*;
