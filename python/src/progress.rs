//! Long work that tells how far it is, and can be stopped.

use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;

use crate::process::visit;

/// What the work is to call, from the thread that does it.
pub struct Watch {
    /// With the bytes that are done.
    pub progress: Box<dyn Fn(u64)>,
    /// Whether to stop.
    pub stop: Box<dyn Fn() -> bool>,
}

/// Does `work` without the interpreter's lock. What the callback raises ends it, and so does Ctrl-C.
pub fn watched<R: Send>(
    py: Python<'_>,
    callback: Option<Py<PyAny>>,
    work: impl FnOnce(Watch) -> R + Send,
) -> PyResult<R> {
    let raised: Arc<OnceLock<PyErr>> = Arc::default();
    let done = py.detach(|| {
        let (told, asked) = (Arc::clone(&raised), Arc::clone(&raised));
        let progress = move |bytes: u64| {
            let _visit = visit();
            let called = Python::attach(|py| {
                py.check_signals()?;
                callback
                    .as_ref()
                    .map(|callback| callback.call1(py, (bytes,)))
                    .transpose()
            });
            if let Err(error) = called {
                // Only the first one counts.
                let _ = told.set(error);
            }
        };
        work(Watch {
            progress: Box::new(progress),
            stop: Box::new(move || asked.get().is_some()),
        })
    });
    match raised.get() {
        Some(error) => Err(error.clone_ref(py)),
        None => Ok(done),
    }
}
