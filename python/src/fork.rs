//! Knowing what was inherited by a forked process.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Counts the forks that lie between the first process and this one. A value that was made in another generation was
/// inherited: its locks may be held for ever by threads that stayed in the parent.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Called in a forked process, before anything else.
#[pyfunction]
pub fn _forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Asks Python to call [`_forked`] in the children of this process.
pub fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let os = module.py().import("os")?;
    if let Some(register) = os.getattr_opt("register_at_fork")? {
        let hook = [("after_in_child", module.getattr("_forked")?)];
        register.call(
            (),
            Some(&pyo3::types::IntoPyDict::into_py_dict(hook, module.py())?),
        )?;
    }
    Ok(())
}
