//! Checking files.

use pyo3::prelude::*;
use windrow::VerifyOptions;

use crate::errors::raise;
use crate::place::local_path;
use crate::progress::watched;

/// Something wrong with a file.
#[pyclass(frozen, get_all, from_py_object, module = "windrow")]
#[derive(Clone)]
pub struct Fault {
    /// A stable name.
    code: &'static str,
    /// What is wrong, in words.
    message: String,
    /// What of the file is affected: absolute offsets, half-open.
    byte_range: (u64, u64),
    /// The chunk of records that is affected.
    chunk_index: Option<u64>,
    /// The records that cannot be read because of it, half-open.
    record_range: Option<(u64, u64)>,
}

#[pymethods]
impl Fault {
    fn __repr__(&self) -> String {
        format!("Fault(code={:?}, message={:?})", self.code, self.message)
    }
}

/// What verify found.
#[pyclass(frozen, get_all, module = "windrow")]
pub struct VerifyReport {
    /// What is wrong, by its first byte.
    faults: Vec<Fault>,
    /// Faults beyond max_faults.
    faults_omitted: u64,
    /// Size of the file.
    file_bytes: u64,
    /// Sound chunks of records.
    chunks: u64,
    /// Records according to the footer.
    records: Option<u64>,
    /// Sum of the sizes of the records in sound chunks.
    decoded_bytes: u64,
    /// Whether nothing is wrong.
    ok: bool,
}

#[pymethods]
impl VerifyReport {
    fn __bool__(&self) -> bool {
        self.ok
    }

    fn __repr__(&self) -> String {
        let faults = self.faults.len() as u64 + self.faults_omitted;
        let ok = if self.ok { "True" } else { "False" };
        let records = self
            .records
            .map_or("None".to_owned(), |records| records.to_string());
        format!("VerifyReport(ok={ok}, faults={faults}, records={records})")
    }
}

/// Checks every hash of a file, and its footer against its chunks.
#[pyfunction]
#[pyo3(signature = (path, deep=false, *, max_faults=1000, progress=None))]
pub fn verify(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    deep: bool,
    max_faults: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<VerifyReport> {
    let path = local_path(path)?;
    let report = watched(py, progress, |watch| {
        let options = VerifyOptions::new()
            .with_deep(deep)
            .with_max_faults(max_faults)
            .with_progress(watch.progress)
            .with_stop(watch.stop);
        windrow::verify(&path, &options)
    })?;
    let report = report.map_err(raise)?;
    Ok(VerifyReport {
        ok: report.is_sound(),
        faults: report.faults.iter().map(fault).collect(),
        faults_omitted: report.faults_omitted,
        file_bytes: report.file_bytes,
        chunks: report.data_chunks,
        records: report.records,
        decoded_bytes: report.decoded_bytes,
    })
}

/// A fault of the library.
pub fn fault(fault: &windrow::Fault) -> Fault {
    Fault {
        code: fault.code(),
        message: fault.error.to_string(),
        byte_range: (fault.bytes.start, fault.bytes.end),
        chunk_index: fault.chunk,
        record_range: fault.records.as_ref().map(|range| (range.start, range.end)),
    }
}
