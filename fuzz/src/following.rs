//! Following a file that grows.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use windrow::{OnCorrupt, ReaderOptions, SourceName, Store, TailReader};
use windrow_tests::hostile::Seen;

use crate::examine::assert_message;
use crate::memory::{bound, within};

/// Nothing is taken of a file behind so many bytes of records: a few bytes may claim many.
const MAX_BYTES: usize = 4 << 20;

/// What was shown of a file.
#[derive(Debug, Default)]
pub struct Followed {
    /// The records, in the order in which they were shown.
    pub records: Vec<Vec<u8>>,
    /// The error that ended it.
    pub error: Option<Seen>,
    /// Whether the file was complete in the end and all of it shown.
    pub is_sealed: bool,
    /// Whether there was more than was taken.
    pub is_cut: bool,
}

/// Follows a file that has one of the sizes of `sizes`, which ascend, after the other, and then all of it.
///
/// # Panics
/// If the number of records shown is not what a reader that skips nothing says, if it goes on behind an error, or if a
/// call takes more memory than it may.
#[must_use]
pub fn follow(file: &[u8], options: &ReaderOptions, sizes: &[usize]) -> Followed {
    let most = bound(options, file.len());
    let store = Growing::default();
    let tail = TailReader::from_store(store.clone(), SourceName::MEMORY, options.clone());
    let mut tail = tail.expect("valid options");
    let mut followed = Followed::default();
    let mut bytes = 0;
    for size in sizes.iter().copied().chain([file.len()]) {
        store.grow(&file[..size]);
        loop {
            match within("poll", most, || tail.poll()) {
                Ok(None) => break,
                Ok(Some(run)) => {
                    assert!(!run.is_empty(), "a run without records");
                    let run = (0..run.len()).map(|place| run.get(place).expect("in the run"));
                    let records = run.map(<[u8]>::to_vec);
                    followed
                        .records
                        .extend(records.inspect(|r| bytes += r.len()));
                    // Behind damage some may be passed over.
                    if options.on_corrupt() == OnCorrupt::Raise {
                        assert_eq!(tail.position(), followed.records.len() as u64);
                    }
                    if bytes > MAX_BYTES {
                        followed.is_cut = true;
                        return followed;
                    }
                }
                Err(error) => {
                    assert_message(&error.to_string());
                    let again = tail.poll().expect_err("it goes on behind an error");
                    assert_eq!(error.code(), again.code());
                    followed.error = Some(Seen::from(&error));
                    return followed;
                }
            }
        }
    }
    followed.is_sealed = tail.is_sealed();
    followed
}

/// A file in memory that others see grow.
#[derive(Debug, Clone, Default)]
struct Growing(Arc<Mutex<Vec<u8>>>);

impl Growing {
    fn grow(&self, bytes: &[u8]) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = file.len();
        file.extend_from_slice(&bytes[old..]);
    }
}

impl Store for Growing {
    fn len(&self) -> io::Result<u64> {
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Store::len(&*file)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.read_exact_at(buffer, offset)
    }
}
