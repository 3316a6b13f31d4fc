//! Bad input: files built to lie, damage, and what a reader makes of them by every method.

mod bombs;
mod forge;
mod page_ways;
mod pages;
mod process;
mod sample;
mod seen;
mod ways;

pub use bombs::*;
pub use forge::*;
pub use page_ways::*;
pub use pages::*;
pub use process::*;
pub use sample::*;
pub use seen::*;
pub use ways::*;
