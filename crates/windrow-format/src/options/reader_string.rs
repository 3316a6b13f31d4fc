//! The string form of [`ReaderOptions`].

use std::fmt;
use std::str::FromStr;

use super::error::OptionsError;
use super::items::Items;
use super::keys::READER_KEYS;
use super::reader::{
    IndexStorage, MAX_FOOTER_PREFETCH_BYTES, MAX_READAHEAD_BUFFER_BYTES, ReaderOptions,
};
use super::writer::MAX_PARALLELISM;

/// Parses the grammar of the [module](super), with the keys of [`READER_KEYS`]. What parses also
/// passes [`validate`](ReaderOptions::validate).
impl FromStr for ReaderOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let mut options = Self::new();
        for item in Items::new(text, READER_KEYS) {
            let item = item?;
            options = match item.key.name {
                "max_parallelism" => {
                    options.with_max_parallelism(item.auto_or_integer(0..=MAX_PARALLELISM)?)
                }
                "readahead_buffer_size" => options.with_readahead_buffer_bytes(
                    item.auto_or_bytes(0..=MAX_READAHEAD_BUFFER_BYTES)?,
                ),
                "index_storage_option" => options.with_index_storage(match item.value {
                    "" | "in_memory" => IndexStorage::InMemory,
                    "offloaded" => IndexStorage::Offloaded,
                    _ => return Err(item.invalid()),
                }),
                "footer_prefetch_bytes" => options
                    .with_footer_prefetch_bytes(item.auto_or_bytes(0..=MAX_FOOTER_PREFETCH_BYTES)?),
                // A key that the table has and this function lacks; a test rules it out.
                name => {
                    return Err(OptionsError::Unknown {
                        option: name.to_owned(),
                        valid: READER_KEYS,
                    });
                }
            };
        }
        Ok(options)
    }
}

/// The keys that differ from their defaults, in the order of [`READER_KEYS`]; empty if there are
/// none.
///
/// Parsing gives the options back, but for the limits, the cache and `on_corrupt`, which option
/// strings cannot express.
impl fmt::Display for ReaderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(jobs) = self.max_parallelism() {
            write!(f, "{separator}max_parallelism:{jobs}")?;
            separator = ",";
        }
        if let Some(bytes) = self.readahead_buffer_bytes() {
            write!(f, "{separator}readahead_buffer_size:{bytes}")?;
            separator = ",";
        }
        if self.index_storage() != IndexStorage::default() {
            write!(
                f,
                "{separator}index_storage_option:{}",
                self.index_storage()
            )?;
            separator = ",";
        }
        if let Some(bytes) = self.footer_prefetch_bytes() {
            write!(f, "{separator}footer_prefetch_bytes:{bytes}")?;
        }
        Ok(())
    }
}
