//! `windrow.Dictionary`, and what a writer's option or a sample of records makes one of.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use windrow::format::{MAX_DICTIONARY_BYTES, MIN_DICTIONARY_BYTES, RecordGroup};
use windrow::{DictionaryError, DictionaryOption, Error, Layout, SourceName, WriterOptions};

use crate::errors::{exception, raise};
use crate::indices::type_name;
use crate::place::{buffer_or_none, bytes_of, each_record, local_path};
use crate::tables::{Table, TableReader, TableSource};

/// Bytes of records that are taken in.
const SAMPLE_BYTES: usize = 16 << 20;
/// Bytes of one record that are taken in at the most.
const SAMPLE_RECORD_BYTES: usize = 64 << 10;
/// Records that are taken in between two looks for Ctrl-C.
const STEP_RECORDS: usize = 1024;
/// How long training goes on between two looks for Ctrl-C.
const STEP: Duration = Duration::from_millis(100);

/// A zstd dictionary.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct Dictionary(pub windrow::Dictionary);

#[pymethods]
impl Dictionary {
    #[new]
    #[pyo3(signature = (content, /))]
    fn new(content: &Bound<'_, PyAny>) -> PyResult<Self> {
        let prepared = prepare(&bytes_of(content)?);
        prepared.map(Self).map_err(|error| refused("", error))
    }

    /// Names it in messages and reports.
    #[getter]
    fn id(&self) -> String {
        format!("{:016x}", self.0.id())
    }

    fn __len__(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        self.0.id()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (slf.get_type(), (slf.get().__bytes__(slf.py()),))
    }

    fn __repr__(&self) -> String {
        format!("Dictionary(<{} bytes>, id={:?})", self.__len__(), self.id())
    }
}

/// What a writer is to compress with.
pub fn option(value: &Bound<'_, PyAny>) -> PyResult<DictionaryOption> {
    if let Ok(dictionary) = value.cast::<Dictionary>() {
        return Ok(DictionaryOption::Given(dictionary.get().0.clone()));
    }
    match value.extract::<&str>() {
        Ok("off") => return Ok(DictionaryOption::Off),
        Ok("auto") => return Ok(DictionaryOption::Auto),
        _ => {}
    }
    if let Ok(bytes) = value.extract::<u32>() {
        return Ok(DictionaryOption::Size(bytes));
    }
    let given = if value.hasattr("__fspath__")? {
        load(value.py(), &local_path(value)?)?
    } else if let Some(bytes) = buffer_or_none(value)? {
        prepare(&bytes).map_err(|error| refused("dictionary: ", error))?
    } else {
        let message = format!(
            "dictionary cannot be {}: give \"off\", \"auto\", a size in bytes, a Dictionary, its bytes, \
             or the pathlib.Path of its file",
            value.repr()?
        );
        return Err(exception("OptionsError", "invalid_option_value", message));
    };
    Ok(DictionaryOption::Given(given))
}

fn prepare(bytes: &Bound<'_, PyBytes>) -> Result<windrow::Dictionary, DictionaryError> {
    let content = bytes.as_bytes();
    bytes.py().detach(|| windrow::Dictionary::new(content))
}

fn load(py: Python<'_>, path: &Path) -> PyResult<windrow::Dictionary> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // One more than there may be is enough to tell that there are too many.
        let most = MAX_DICTIONARY_BYTES as u64 + 1;
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let loaded = py.detach(|| read().map(windrow::Dictionary::new));
    let loaded = loaded.map_err(|source| {
        raise(Error::Io {
            name: SourceName::path(path),
            action: "read",
            at: None,
            records: None,
            source,
        })
    })?;
    loaded.map_err(|error| refused(&format!("dictionary {}: ", path.display()), error))
}

fn refused(place: &str, error: DictionaryError) -> PyErr {
    exception("OptionsError", "dictionary", format!("{place}{error}"))
}

/// Trains a dictionary on the first of these records.
#[pyfunction]
#[pyo3(signature = (records, *, max_bytes=None))]
pub fn train_dictionary(
    records: &Bound<'_, PyAny>,
    max_bytes: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Dictionary>> {
    let dictionary = match max_bytes {
        Some(bytes) => DictionaryOption::Size(size(bytes)?),
        None => DictionaryOption::Auto,
    };
    let options = WriterOptions::new()
        .with_layout(Layout::Pages)
        .with_dictionary(dictionary);
    train(records.py(), sample(records, SAMPLE_RECORD_BYTES)?, options)
}

fn size(bytes: &Bound<'_, PyAny>) -> PyResult<u32> {
    let sizes = MIN_DICTIONARY_BYTES..=MAX_DICTIONARY_BYTES;
    let fits = |size: &u32| usize::try_from(*size).is_ok_and(|size| sizes.contains(&size));
    bytes.extract().ok().filter(fits).ok_or_else(|| {
        let message = format!(
            "max_bytes is {bytes}, not one of {MIN_DICTIONARY_BYTES} to {MAX_DICTIONARY_BYTES}"
        );
        exception("OptionsError", "invalid_option_value", message)
    })
}

/// Takes in the first of these records, of each no more than `record_bytes`.
pub fn sample(records: &Bound<'_, PyAny>, record_bytes: usize) -> PyResult<RecordGroup> {
    if records.is_instance_of::<TableReader>()
        || records.is_instance_of::<TableSource>()
        || records.is_instance_of::<Table>()
    {
        return Err(PyTypeError::new_err(format!(
            "records are needed, and {} has rows: of tables, `profile` of write_table says what they are made for, and \
             columns have dictionaries of their own",
            type_name(records)
        )));
    }
    let mut samples = RecordGroup::new();
    for (number, record) in each_record(records)?.enumerate() {
        let record = bytes_of(&record?)?;
        let record = record.as_bytes();
        samples.push(&record[..record.len().min(record_bytes)]);
        // Empty ones take time and memory, too.
        if samples.bytes_len() + 8 * number >= SAMPLE_BYTES {
            break;
        }
        if number % STEP_RECORDS == 0 {
            records.py().check_signals()?;
        }
    }
    Ok(samples)
}

/// Trains in a thread of its own, which Ctrl-C leaves to itself: nothing can stop it.
fn train(
    py: Python<'_>,
    samples: RecordGroup,
    options: WriterOptions,
) -> PyResult<Option<Dictionary>> {
    let (sender, mut receiver) = channel();
    thread::spawn(move || {
        let trained = windrow::train_dictionary(samples.iter(), &options);
        // Nobody may be waiting any more.
        let _ = sender.send(trained);
    });
    loop {
        let receiver = &mut receiver;
        match py.detach(move || receiver.recv_timeout(STEP)) {
            Ok(trained) => return Ok(trained.map(|trained| Dictionary(trained.dictionary))),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => unreachable!("training does not panic"),
        }
    }
}
