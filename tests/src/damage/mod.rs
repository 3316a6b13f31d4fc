//! Where the structures of a file lie, what can happen to them, and what readers make of it.

mod anatomy;
mod fixtures;
mod inflict;
mod observe;
mod observe_table;
mod table;
mod table_fixtures;

pub use anatomy::*;
pub use fixtures::*;
pub use inflict::*;
pub use observe::*;
pub use observe_table::*;
pub use table::*;
pub use table_fixtures::*;
