//! What becomes of the process: forks, and its end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The thread that ends the interpreter, once it does.
static ENDING: OnceLock<ThreadId> = OnceLock::new();

/// Counts the forks that lie between the first process and this one. A value that was made in another generation was
/// inherited: its locks may be held for ever by threads that stayed in the parent.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Threads that run Python from within our frames.
static VISITS: AtomicUsize = AtomicUsize::new(0);

/// How long the end of the interpreter waits for them.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Leave to run Python from within our frames, until it is dropped.
pub struct Visit(());

/// Whether the interpreter is ending and this is not the thread that ends it.
pub fn is_left_behind() -> bool {
    ENDING
        .get()
        .is_some_and(|thread| *thread != std::thread::current().id())
}

/// Asks for leave to run Python; to be called without the interpreter's lock. Before 3.14 a thread that the interpreter
/// leaves behind would be torn down in the middle of our frames, and the process with it: it stays here instead.
pub fn visit() -> Visit {
    VISITS.fetch_add(1, Ordering::SeqCst);
    let visit = Visit(());
    if is_left_behind() {
        drop(visit);
        loop {
            std::thread::park();
        }
    }
    visit
}

impl Drop for Visit {
    fn drop(&mut self) {
        VISITS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Called in a forked process, before the hooks of whatever was imported later.
#[pyfunction]
pub fn _forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    // The others stayed in the parent; the one that forked is in Python.
    VISITS.store(0, Ordering::SeqCst);
}

/// Called when the interpreter ends: lets those end who run Python from within our frames.
#[pyfunction]
pub fn _ending(py: Python<'_>) {
    // A second end in one process would be the same thread's.
    let _ = ENDING.set(std::thread::current().id());
    py.detach(|| {
        let begin = Instant::now();
        while VISITS.load(Ordering::SeqCst) > 0 && begin.elapsed() < LONGEST_WAIT {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Asks Python for these calls.
pub fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let atexit = py.import("atexit")?;
    atexit.call_method1("register", (module.getattr("_ending")?,))?;
    if let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? {
        let hook = [("after_in_child", module.getattr("_forked")?)];
        register.call((), Some(&hook.into_py_dict(py)?))?;
    }
    Ok(())
}
