//! A medium that loses what was not synced, and the images that are left of it.

mod image;
mod medium;
mod table_workload;
mod workload;

pub use image::{Loss, images};
pub use medium::{Log, Medium, Op};
pub use table_workload::{TableRun, TableWorkload};
pub use workload::{Promise, Run, Step, Workload, record};
