//! `windrow._core`: what the Python package does in Rust. Documented in `python/windrow/_core.pyi`.

mod advise;
mod array;
mod arrow;
mod batch;
mod bytes;
mod command;
mod dictionary;
mod drop_in;
mod errors;
mod indices;
mod iterator;
mod options;
mod permutation;
mod place;
mod process;
mod progress;
mod records;
mod records_metadata;
mod recover;
mod sequence;
mod sources;
mod tables;
mod tail;
mod turn;
mod verify;
mod view;
mod writer;

/// The compiled part of windrow.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::advise::{Advice, Outcome, advise};
    #[pymodule_export]
    use crate::batch::{Batch, BatchIterator, BatchViews, RecordView};
    #[pymodule_export]
    use crate::command::run_command;
    #[pymodule_export]
    use crate::dictionary::{Dictionary, train_dictionary};
    #[pymodule_export]
    use crate::drop_in::{ArrayRecordReader, ArrayRecordWriter};
    #[pymodule_export]
    use crate::iterator::RecordIterator;
    #[pymodule_export]
    use crate::permutation::{Permutation, PermutationIterator};
    #[pymodule_export]
    use crate::process::{_ending, _forked};
    #[pymodule_export]
    use crate::records::Records;
    #[pymodule_export]
    use crate::recover::{Recovered, RecoveryReport, recover};
    #[pymodule_export]
    use crate::sources::{_open_reader, _open_source, DataSource, RecordReader};
    #[pymodule_export]
    use crate::tables::{
        _open_schema, _open_table, _open_table_reader, _open_table_source, Column, RowIterator,
        ScanIterator, Table, TableReader, TableScan, TableSchema, TableSource, TableSummary,
        TableWriter, open, read_table, write_table,
    };
    #[pymodule_export]
    use crate::tail::TailReader;
    #[pymodule_export]
    use crate::verify::{Fault, VerifyReport, verify};
    #[pymodule_export]
    use crate::writer::RecordWriter;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // Nobody imports all of a private module.
        module.delattr("__all__")?;
        crate::process::watch(module)
    }
}
