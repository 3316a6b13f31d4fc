//! The `windrow` command: looks into ArrayRecord files, checks them and converts them.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Keeps the large buffers of one chunk for the next one, where the system's allocator gives most of them back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(windrow_cli::run(std::env::args_os()))
}
