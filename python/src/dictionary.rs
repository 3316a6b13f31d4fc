//! `windrow.Dictionary`, and what a writer's option or a sample of records makes one of.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use windrow::format::{MAX_DICTIONARY_BYTES, MIN_DICTIONARY_BYTES};
use windrow::{DictionaryError, DictionaryOption, Error, SourceName};

use crate::errors::{exception, raise};
use crate::place::{buffer_or_none, bytes_of, each_record, local_path};

/// Bytes of records that are taken in.
const SAMPLE_BYTES: usize = 16 << 20;
/// Bytes of one record that are taken in at the most.
const SAMPLE_RECORD_BYTES: usize = 64 << 10;
/// Bytes that are trained on at the most, evenly from those that were taken in.
const TRAINING_BYTES: usize = 6 << 20;
/// The largest dictionary if no size is asked for.
const DEFAULT_BYTES: usize = 256 << 10;
/// Bytes of training for a byte of dictionary, likewise.
const TRAINING_RATIO: usize = 24;
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
    let max_bytes = max_bytes.map(size).transpose()?;
    let samples = Samples::of(records)?;
    train(records.py(), samples, max_bytes)
}

fn size(bytes: &Bound<'_, PyAny>) -> PyResult<usize> {
    let sizes = MIN_DICTIONARY_BYTES..=MAX_DICTIONARY_BYTES;
    let size = bytes.extract().ok().filter(|size| sizes.contains(size));
    size.ok_or_else(|| {
        let message = format!(
            "max_bytes is {bytes}, not one of {} to {}",
            sizes.start(),
            sizes.end()
        );
        exception("OptionsError", "invalid_option_value", message)
    })
}

/// Records to train on, one behind the other.
#[derive(Default)]
struct Samples {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

impl Samples {
    /// Takes in the first of these records.
    fn of(records: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut samples = Self::default();
        for record in each_record(records)? {
            let record = bytes_of(&record?)?;
            let record = record.as_bytes();
            let size = record.len().min(SAMPLE_RECORD_BYTES);
            samples.bytes.extend_from_slice(&record[..size]);
            samples.sizes.push(size);
            // Empty records take memory, too.
            let held = samples.bytes.len() + samples.sizes.len() * size_of::<usize>();
            if held >= SAMPLE_BYTES {
                break;
            }
            if samples.sizes.len() % STEP_RECORDS == 0 {
                records.py().check_signals()?;
            }
        }
        Ok(samples)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        self.sizes.iter().map(move |&size| {
            let (sample, behind) = rest.split_at(size);
            rest = behind;
            sample
        })
    }

    fn train(&self, max_bytes: Option<usize>) -> Option<windrow::Dictionary> {
        let training_bytes = self.bytes.len().min(TRAINING_BYTES);
        let step = self.bytes.len().div_ceil(TRAINING_BYTES).max(1);
        let size = max_bytes.unwrap_or(DEFAULT_BYTES.min(training_bytes / TRAINING_RATIO));
        windrow::Dictionary::train(self.iter().step_by(step), size)
    }
}

/// Trains in a thread of its own, which Ctrl-C leaves to itself: nothing can stop it.
fn train(
    py: Python<'_>,
    samples: Samples,
    max_bytes: Option<usize>,
) -> PyResult<Option<Dictionary>> {
    let (sender, mut receiver) = channel();
    thread::spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(samples.train(max_bytes));
    });
    loop {
        let receiver = &mut receiver;
        match py.detach(move || receiver.recv_timeout(STEP)) {
            Ok(trained) => return Ok(trained.map(Dictionary)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => unreachable!("training does not panic"),
        }
    }
}
