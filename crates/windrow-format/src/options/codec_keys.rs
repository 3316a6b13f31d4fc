//! The keys that choose the codec: `uncompressed`, `brotli`, `zstd`, `snappy` and `window_log`.
//!
//! What `window_log` allows depends on the codec, which may be named after it. So these keys are
//! collected first and read here once the whole string is known.

use crate::Codec;

use super::error::OptionsError;
use super::items::Item;
use super::keys::{BROTLI_WINDOW_LOG, WRITER_KEYS};
use super::writer::{
    BROTLI_LEVELS, BROTLI_WINDOW_LOGS, DEFAULT_BROTLI_LEVEL, DEFAULT_ZSTD_LEVEL, WriterOptions,
    ZSTD_AUTO_WINDOW_LOG, ZSTD_LEVELS, ZSTD_WINDOW_LOGS,
};

const WINDOW_LOG: &str = "window_log";

/// Fills codec and window of `options` from `items`, which stand in the order of the string.
pub(super) fn apply(
    mut options: WriterOptions,
    items: &[Item<'_>],
) -> Result<WriterOptions, OptionsError> {
    let codec = only_codec(items)?;
    let mut earlier: Option<&'static str> = None;
    for item in items {
        options = match item.key.name {
            "uncompressed" => {
                fail_after_window(item, earlier)?;
                if !item.value.is_empty() {
                    return Err(item.invalid());
                }
                options.with_codec(Codec::Uncompressed)
            }
            "snappy" => {
                fail_after_window(item, earlier)?;
                item.level(1, 1..=2)?;
                options.with_codec(Codec::Snappy)
            }
            "brotli" => {
                let level = item.level(DEFAULT_BROTLI_LEVEL, BROTLI_LEVELS)?;
                options.with_codec(Codec::Brotli { level })
            }
            "zstd" => {
                let level = item.level(DEFAULT_ZSTD_LEVEL, ZSTD_LEVELS)?;
                options.with_codec(Codec::Zstd { level })
            }
            WINDOW_LOG => match codec {
                None | Some("zstd") => {
                    let log = item.auto_or_integer(ZSTD_WINDOW_LOGS)?;
                    // The echo names the automatic window, too: reading it back must give the
                    // options it came from.
                    options.with_window_log(log.filter(|log| *log != ZSTD_AUTO_WINDOW_LOG))
                }
                Some("brotli") => {
                    let log = item
                        .auto_or_integer(BROTLI_WINDOW_LOGS)
                        .map_err(|_| item.invalid_for(BROTLI_WINDOW_LOG))?;
                    options.with_window_log(log)
                }
                // A codec without a window conflicts. If it comes later, then it is the one to be
                // named.
                Some(codec) if earlier == Some(codec) => return Err(item.conflicts_with(codec)),
                Some(_) => options,
            },
            // A key that the table has and this function lacks; a test rules it out.
            name => {
                return Err(OptionsError::Unknown {
                    option: name.to_owned(),
                    valid: WRITER_KEYS,
                });
            }
        };
        earlier = Some(item.key.name);
    }
    Ok(options)
}

/// The codec that is named, or an error if there are two.
fn only_codec(items: &[Item<'_>]) -> Result<Option<&'static str>, OptionsError> {
    let mut codec = None;
    for item in items.iter().filter(|item| item.key.name != WINDOW_LOG) {
        match codec {
            None => codec = Some(item.key.name),
            Some(earlier) => return Err(item.conflicts_with(earlier)),
        }
    }
    Ok(codec)
}

/// With only one codec there is at most one item before it, the window.
fn fail_after_window(item: &Item<'_>, earlier: Option<&'static str>) -> Result<(), OptionsError> {
    match earlier {
        Some(WINDOW_LOG) => Err(item.conflicts_with(WINDOW_LOG)),
        _ => Ok(()),
    }
}
