//! `options_string`: any text as options of a writer and of a reader.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use windrow::{OptionsError, ReaderOptions, WriterOptions};

/// Runs the target.
///
/// # Panics
/// If options that were parsed are not valid, if their text does not mean the same, or if a message is not one line.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // The text leaves out how many threads there are, and the size of buckets that are not used.
    let writer = parse(&text, |again: WriterOptions, options: &WriterOptions| {
        again
            .with_max_parallelism(options.max_parallelism())
            .with_transpose_bucket_bytes(options.transpose_bucket_bytes())
    });
    if let Some(options) = writer {
        let valid = options.validate();
        assert!(valid.is_ok(), "{text:?}: {valid:?}");
    }
    if let Some(options) = parse(&text, |again: ReaderOptions, _: &ReaderOptions| again) {
        let valid = options.validate();
        assert!(valid.is_ok(), "{text:?}: {valid:?}");
    }
}

/// Parses the text, shows the options as text and parses that; `complete` adds what the text leaves out.
fn parse<T>(text: &str, complete: impl Fn(T, &T) -> T) -> Option<T>
where
    T: FromStr<Err = OptionsError> + Display + PartialEq + Debug,
{
    match text.parse::<T>() {
        Ok(options) => {
            let shown = options.to_string();
            let again: T = (shown.parse())
                .unwrap_or_else(|error| panic!("{text:?} is shown as {shown:?}: {error}"));
            assert_eq!(again.to_string(), shown, "{text:?}");
            assert_eq!(complete(again, &options), options, "{text:?}");
            Some(options)
        }
        Err(error) => {
            let message = error.to_string();
            assert!(
                !message.is_empty() && !message.contains(char::is_control),
                "{text:?}: {message:?}"
            );
            assert!(!error.code().is_empty());
            None
        }
    }
}
