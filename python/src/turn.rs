//! A lock for values whose use may call back into Python.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

/// One thread at a time. Others wait without the interpreter's lock; a thread that is inside already, because a file
/// object called back, gets an error instead of waiting for itself.
pub struct Turn<T> {
    /// Names the thread inside, 0 for none.
    thread: AtomicUsize,
    value: Mutex<T>,
}

/// The value, until this is dropped.
pub struct Inside<'a, T> {
    thread: &'a AtomicUsize,
    value: MutexGuard<'a, T>,
}

impl<T> Turn<T> {
    pub fn new(value: T) -> Self {
        Self {
            thread: AtomicUsize::new(0),
            value: Mutex::new(value),
        }
    }

    pub fn lock(&self, py: Python<'_>) -> PyResult<Inside<'_, T>> {
        let own = this_thread();
        if self.thread.load(Ordering::Relaxed) == own {
            return Err(PyRuntimeError::new_err(
                "reentrant call: a file object uses the reader or writer that is using it",
            ));
        }
        let value = self
            .value
            .lock_py_attached(py)
            .unwrap_or_else(PoisonError::into_inner);
        self.thread.store(own, Ordering::Relaxed);
        Ok(Inside {
            thread: &self.thread,
            value,
        })
    }

    /// The value of a turn that nobody shares.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Deref for Inside<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Inside<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        self.thread.store(0, Ordering::Relaxed);
    }
}

/// A number that no other living thread has: where a variable of this thread lies.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}
