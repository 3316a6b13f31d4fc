//! The reader and the writer of `array_record`, with its names and positional arguments.

mod reader;
mod writer;

pub use reader::ArrayRecordReader;
pub use writer::ArrayRecordWriter;

use pyo3::exceptions::{PyRuntimeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Keywords that upstream documents. What they tune has no counterpart here.
const WITHOUT_EFFECT: [&str; 2] = ["file_reader_buffer_size", "file_options"];

/// Upstream takes any keyword and ignores it; ours says so of those that nobody knows.
fn ignore(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    let Some(keywords) = keywords else {
        return Ok(());
    };
    for name in keywords.keys() {
        let name: String = name.extract()?;
        if !WITHOUT_EFFECT.contains(&name.as_str()) {
            let py = keywords.py();
            let message = format!("array_record has no keyword {name}: it is ignored");
            let category = py.get_type::<PyUserWarning>();
            py.import("warnings")?
                .call_method1("warn", (message, category))?;
        }
    }
    Ok(())
}

/// Something that may have failed when it was opened, and says so only when it is used.
enum Opened<T> {
    Fine(T),
    Failed(PyErr),
}

impl<T> Opened<T> {
    /// Keeps a failure for later if `lazy` says so. Wrong options and arguments are told at once, as upstream does.
    fn new(py: Python<'_>, result: PyResult<T>, lazy: bool) -> PyResult<Self> {
        match result {
            Ok(value) => Ok(Self::Fine(value)),
            Err(error) if lazy && error.is_instance_of::<PyRuntimeError>(py) => {
                Ok(Self::Failed(error))
            }
            Err(error) => Err(error),
        }
    }

    fn get(&self, py: Python<'_>) -> PyResult<&T> {
        match self {
            Self::Fine(value) => Ok(value),
            // A copy: an exception collects the frames that it passes, and keeps all that they hold.
            Self::Failed(error) => Err(PyErr::from_value(
                py.import("copy")?
                    .call_method1("copy", (error.value(py),))?,
            )),
        }
    }
}
