//! Random damage in great numbers: flipped bits, cut files, killed writers. The tests run some of it, `make torture` all.

mod cuts;
mod files;
mod flips;
mod kills;
mod tables;
mod writing;

pub use cuts::*;
pub use files::*;
pub use flips::*;
pub use kills::*;
pub use tables::*;
pub use writing::*;
