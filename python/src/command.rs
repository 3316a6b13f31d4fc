//! The `windrow` command.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the windrow command; the program's name is the first argument.
#[pyfunction]
pub fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| windrow_cli::run(arguments))
}
