//! Following a file that is being written.

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use windrow::RecordRun;

use crate::batch::Batch;
use crate::errors::{closed, exception, raise};
use crate::place::local_path;
use crate::process::generation;
use crate::sequence::Held;
use crate::turn::{Inside, Turn};
use crate::verify::{Fault, fault};

/// How long a wait goes on before it looks for Ctrl-C and lets other threads have their turn.
const STEP: Duration = Duration::from_millis(100);

/// The records of a file that is being written, each once.
#[pyclass(frozen, weakref, module = "windrow")]
pub struct TailReader {
    generation: u32,
    path: OsString,
    /// `None` once it was closed.
    state: Turn<Option<State>>,
    /// What the state said last, for those who ask while somebody waits.
    position: AtomicU64,
    is_sealed: AtomicBool,
}

struct State {
    tail: windrow::TailReader,
    /// Records that were read but not given yet: all of a run but so many.
    rest: Option<(RecordRun, usize)>,
}

impl TailReader {
    fn lock(&self, py: Python<'_>) -> PyResult<Inside<'_, Option<State>>> {
        if self.generation != generation() {
            // Its lock may be held for ever by a thread of the parent.
            let message = format!(
                "tail of {} was inherited by a forked process: open it there",
                self.path.display()
            );
            return Err(exception("UnsupportedError", "forked", message));
        }
        self.state.lock(py)
    }

    fn closed_error(&self) -> PyErr {
        closed(&format!("tail of {}", self.path.display()))
    }

    fn note(&self, state: &State) {
        let left = state
            .rest
            .as_ref()
            .map_or(0, |(run, from)| run.len() - from);
        let position = state.tail.position() - left as u64;
        self.position.store(position, Ordering::Relaxed);
        let is_sealed = left == 0 && state.tail.is_sealed();
        self.is_sealed.store(is_sealed, Ordering::Relaxed);
    }

    /// Takes something of the next records. Waits for them for `timeout`, or until the file is complete.
    fn take<R>(
        &self,
        py: Python<'_>,
        timeout: Option<Duration>,
        take: impl FnOnce(&mut Option<(RecordRun, usize)>) -> Option<R>,
    ) -> PyResult<Option<R>> {
        let begin = Instant::now();
        // The first look does not wait.
        let mut pause = Duration::ZERO;
        loop {
            let mut slot = self.lock(py)?;
            let state = slot.as_mut().ok_or_else(|| self.closed_error())?;
            if state.rest.is_some() {
                let taken = take(&mut state.rest);
                self.note(state);
                return Ok(taken);
            }
            let waited = py.detach(|| state.tail.wait(pause));
            let is_there = waited.map(|run| {
                state.rest = run.map(|run| (run, 0));
                state.rest.is_some()
            });
            self.note(state);
            let is_there = is_there.map_err(raise)?;
            let is_sealed = state.tail.is_sealed();
            // What was read stays for the next call, and a handler that uses this reader finds no lock held.
            drop(slot);
            py.check_signals()?;
            let left = timeout.map_or(STEP, |timeout| timeout.saturating_sub(begin.elapsed()));
            if !is_there && (left.is_zero() || (timeout.is_none() && is_sealed)) {
                return Ok(None);
            }
            pause = left.min(STEP);
        }
    }

    fn batch(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<Option<Batch>> {
        self.take(py, timeout, |rest| {
            rest.take()
                .map(|(run, from)| Batch::new(Held::Run(run, from)))
        })
    }
}

#[pymethods]
impl TailReader {
    #[new]
    #[pyo3(signature = (path, *, start=0, **keywords))]
    fn new(
        path: &Bound<'_, PyAny>,
        start: u64,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = crate::options::reader(None, keywords)?;
        let (py, path) = (path.py(), local_path(path)?);
        let tail = py.detach(|| windrow::TailReader::open(&path, options));
        let tail = tail.map_err(raise)?.with_position(start);
        Ok(Self {
            generation: generation(),
            path: path.into_os_string(),
            position: AtomicU64::new(tail.position()),
            is_sealed: AtomicBool::new(false),
            state: Turn::new(Some(State { tail, rest: None })),
        })
    }

    /// The next records, as far as they are there.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        self.batch(py, Some(Duration::ZERO))
    }

    /// Waits for the next records.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Batch>> {
        let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
        let timeout = timeout.map_err(|_| {
            PyValueError::new_err("timeout must be a number of seconds, at least 0, or None")
        })?;
        self.batch(py, timeout)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.take(py, None, |rest| {
            let (run, place) = rest.as_mut()?;
            let record = run.get(*place).map(|record| PyBytes::new(py, record));
            *place += 1;
            if *place >= run.len() {
                *rest = None;
            }
            record
        })
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (exc_type, exc, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: &Bound<'_, PyAny>,
        exc: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc, traceback);
        self.close(py)
    }

    /// Lets go of the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.generation == generation() {
            self.lock(py)?.take();
        }
        Ok(())
    }

    /// Whether close was called.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock(py)?.is_none())
    }

    /// Whether the file is complete and every record of it was given.
    #[getter]
    fn is_sealed(&self) -> bool {
        self.is_sealed.load(Ordering::Relaxed)
    }

    /// Number of the record that comes next.
    #[getter]
    fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// What was skipped so far.
    #[getter]
    fn skipped(&self, py: Python<'_>) -> PyResult<Vec<Fault>> {
        let slot = self.lock(py)?;
        let state = slot.as_ref().ok_or_else(|| self.closed_error())?;
        Ok(state.tail.skipped().iter().map(fault).collect())
    }

    /// The file's path.
    #[getter]
    fn path(&self) -> OsString {
        self.path.clone()
    }

    fn __repr__(&self) -> String {
        format!(
            "TailReader({:?}, position={})",
            self.path.display().to_string(),
            self.position()
        )
    }
}

impl Drop for TailReader {
    fn drop(&mut self) {
        if self.generation != generation() {
            // Another thread may have been in the middle of a step when the process forked.
            std::mem::forget(self.state.get_mut().take());
        }
    }
}
