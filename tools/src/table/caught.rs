//! Panics of other libraries, as errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use arrow_schema::ArrowError;

use super::fault::TableFault;

thread_local! {
    static IS_CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or what it panicked with; nothing is printed.
///
/// The readers of Parquet and Arrow check a part of what a file says of itself: of a hundred files with random damage some
/// make them index behind the end of a slice, unwrap an error or overflow. None of that leaves more behind than a reader or
/// a writer that is of no use, and after an error nobody asks it again.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_CATCHING.get() {
                told(panic);
            }
        }));
    });
    IS_CATCHING.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_CATCHING.set(false);
    result.map_err(in_words)
}

fn in_words(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(what) => *what,
        Err(panic) => panic.downcast_ref().copied().unwrap_or("panic").to_owned(),
    }
}

/// What `write` returns, where a panic is an error like others.
pub fn written<T>(write: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, TableFault> {
    let written = caught(write).map_err(|what| TableFault::CannotWrite { what })?;
    written.map_err(TableFault::Arrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_words() {
        for (work, expected) in [
            ((|| panic!("a word")) as fn(), "a word"),
            (|| panic!("{} words", 2), "2 words"),
            (|| panic::panic_any(3), "panic"),
        ] {
            assert_eq!(caught(work), Err(expected.to_owned()));
            assert!(!IS_CATCHING.get());
        }
        assert_eq!(caught(|| 5), Ok(5));
    }
}
