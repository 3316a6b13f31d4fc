//! The `windrow` command: looks into ArrayRecord files, checks them and converts them.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(windrow_cli::run(std::env::args_os()))
}
