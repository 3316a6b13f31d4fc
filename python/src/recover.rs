//! Reading what is whole of a damaged or unfinished file.

use arrow_schema::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use windrow::{
    ColumnFileOptions, Error, OnCorrupt, Reader, ReaderOptions, RecoverOptions, SourceName,
    recover_store, recover_with,
};

use crate::errors::raise;
use crate::place::{Place, is_path, local_path};
use crate::progress::watched;
use crate::records::{Origin, Records};
use crate::sequence::Base;
use crate::sources::wrap;
use crate::tables::{self, TableReader, schema_of};
use crate::verify::{Fault, fault};

/// What recover found.
#[pyclass(frozen, get_all, module = "windrow")]
pub struct RecoveryReport {
    /// Size of the file.
    file_bytes: u64,
    /// Records, or rows, that can be read.
    records: u64,
    /// Chunks that hold them.
    chunks: u64,
    /// Records that were flushed, but whose group was never written.
    provisional_records: u64,
    /// Records, or rows, that are known to be lost.
    records_lost: u64,
    /// What is wrong with the index.
    index: Option<Py<PyAny>>,
    /// Parts of the file that cannot be read.
    skipped: Vec<Fault>,
    /// Skipped parts beyond those that are listed.
    skipped_omitted: u64,
    /// Whether the file is complete and nothing was skipped.
    is_whole: bool,
}

#[pymethods]
impl RecoveryReport {
    fn __repr__(&self) -> String {
        let skipped = self.skipped.len() as u64 + self.skipped_omitted;
        let is_whole = if self.is_whole { "True" } else { "False" };
        format!(
            "RecoveryReport(is_whole={is_whole}, records={}, skipped={skipped})",
            self.records
        )
    }
}

/// A file as far as it is whole.
#[pyclass(frozen, get_all, module = "windrow")]
pub struct Recovered {
    /// Reads the records, or the rows.
    reader: Py<PyAny>,
    /// What was found, and what was not.
    report: Py<RecoveryReport>,
}

#[pymethods]
impl Recovered {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let reader = self.reader.bind(py).repr()?;
        Ok(format!(
            "Recovered({reader}, {})",
            self.report.get().__repr__()
        ))
    }
}

/// Finds every whole record, or row, of a file.
#[pyfunction]
#[pyo3(signature = (source, *, schema=None, progress=None, **keywords))]
pub fn recover(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    schema: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<Recovered> {
    let options = crate::options::reader(None, keywords)?;
    let schema = schema.map(GivenSchema::of).transpose()?;
    let place = Place::new(source)?;
    let (reader, origin, report) = recover_place(py, place, options, schema, progress)?;
    let reader = if reader.has_columns() {
        tables::wrap(py, reader, origin)?
    } else {
        wrap(py, Records::new(Base::File(reader), origin))?
    };
    Ok(Recovered {
        reader: reader.unbind(),
        report: Py::new(py, report)?,
    })
}

/// The schema that a table was written with, for one that has lost its own.
pub enum GivenSchema {
    Message(Vec<u8>),
    Arrow(SchemaRef),
}

impl GivenSchema {
    /// The schema of an object, or of the table at a path.
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        // Other files have it as it was written, to the last bit.
        if let Ok(table) = object.cast::<TableReader>() {
            return Ok(Self::Message(table.get().schema_message()?));
        }
        if is_path(object)? {
            let path = local_path(object)?;
            let skipping = ReaderOptions::new().with_on_corrupt(OnCorrupt::Skip);
            let read = || ColumnFileOptions::of(&Reader::open_with(path, skipping)?);
            let other = object.py().detach(read).map_err(raise)?;
            return Ok(Self::Message(other.schema));
        }
        Ok(Self::Arrow(schema_of(object)?))
    }

    fn give(self, options: RecoverOptions) -> RecoverOptions {
        match self {
            Self::Message(message) => options.with_schema_message(message),
            Self::Arrow(schema) => options.with_schema(schema),
        }
    }
}

/// Recovers what stands at a place.
pub fn recover_place(
    py: Python<'_>,
    place: Place,
    options: ReaderOptions,
    schema: Option<GivenSchema>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Reader, Origin, RecoveryReport)> {
    let origin = Origin {
        recovered: true,
        ..Origin::of(py, &place)
    };
    let recovered = watched(py, progress, |watch| {
        let with = |options| {
            let all = RecoverOptions::new()
                .with_progress(watch.progress)
                .with_stop(watch.stop)
                .with_reader_options(options);
            match schema {
                Some(schema) => schema.give(all),
                None => all,
            }
        };
        match place {
            Place::Path(path) => recover_with(path, &with(options)),
            Place::Content(_, store) => recover_store(store, SourceName::MEMORY, &with(options)),
            Place::Object(file) => {
                let options = options.with_max_parallelism(Some(0));
                recover_store(file, SourceName::MEMORY, &with(options))
            }
        }
    })?;
    let windrow::Recovered { reader, report, .. } = recovered.map_err(raise)?;
    let index = report.index.clone().map(|source| {
        let name = reader.name().clone();
        let error = Error::Format {
            name,
            records: None,
            source,
        };
        raise(error).into_value(py).into_any()
    });
    let found = RecoveryReport {
        file_bytes: report.file_bytes,
        records: report.records,
        chunks: report.chunks,
        provisional_records: report.provisional_records,
        records_lost: report.records_lost(),
        index,
        skipped: report.skipped.iter().map(fault).collect(),
        skipped_omitted: report.skipped_omitted,
        is_whole: report.is_whole(),
    };
    Ok((reader, origin, found))
}
