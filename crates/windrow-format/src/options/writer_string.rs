//! The string form of [`WriterOptions`].

use std::fmt;
use std::str::FromStr;

use crate::Codec;

use super::codec_keys;
use super::error::OptionsError;
use super::items::Items;
use super::keys::WRITER_KEYS;
use super::writer::{
    DEFAULT_TRANSPOSE_BUCKET_BYTES, DICTIONARY_BYTES, DictionaryOption, Layout, MAX_GROUP_SIZE,
    MAX_PARALLELISM, WriterOptions, ZSTD_AUTO_WINDOW_LOG,
};

/// Parses the grammar of the [module](super), with the keys of [`WRITER_KEYS`]. What parses also
/// passes [`validate`](WriterOptions::validate).
impl FromStr for WriterOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let options = parse_items(text)?;
        let problem = options.layout_problems().next();
        problem.map_or(Ok(options), Err)
    }
}

/// The options that stand in a string, each by itself but for the codec: what layout and dictionary do not go with is not
/// looked at.
pub(super) fn parse_items(text: &str) -> Result<WriterOptions, OptionsError> {
    let mut options = WriterOptions::new();
    let mut codec_items = Vec::new();
    for item in Items::new(text, WRITER_KEYS) {
        let item = item?;
        options = match item.key.name {
            "default" if item.first => options,
            "default" => {
                return Err(OptionsError::NotFirst {
                    option: item.key.name,
                });
            }
            "group_size" => options.with_group_size(item.integer(1..=MAX_GROUP_SIZE)?),
            "max_parallelism" => {
                options.with_max_parallelism(item.auto_or_integer(1..=MAX_PARALLELISM)?)
            }
            "saturation_delay_ms" => {
                item.integer(1..=i32::MAX)?;
                options
            }
            "transpose" => options.with_transpose(item.flag(true)?),
            "transpose_bucket_size" => options.with_transpose_bucket_bytes(
                item.auto_or_bytes(1..=u64::MAX)?
                    .unwrap_or(DEFAULT_TRANSPOSE_BUCKET_BYTES),
            ),
            "pad_to_block_boundary" => options.with_pad_to_block_boundary(item.flag(false)?),
            "layout" => options.with_layout(match item.value {
                "groups" => Layout::Groups,
                "pages" => Layout::Pages,
                _ => return Err(item.invalid()),
            }),
            "dictionary" => options.with_dictionary(match item.value {
                "off" => DictionaryOption::Off,
                _ => match item.auto_or_bytes(DICTIONARY_BYTES)? {
                    None => DictionaryOption::Auto,
                    Some(bytes) => DictionaryOption::Size(u32::try_from(bytes).unwrap_or(u32::MAX)),
                },
            }),
            _ => {
                codec_items.push(item);
                options
            }
        };
    }
    codec_keys::apply(options, &codec_items)
}

/// The string that `array_record` stores in a file for the same options.
///
/// It names every option that shapes the file, in a fixed order, and always ends in
/// `max_parallelism:1`, behind which `layout` and `dictionary` follow in files of record pages. Parsing it gives the options back, but for `max_parallelism`, for the
/// bucket size of files that are not transposed, for the low bits of one beyond 2^53 bytes, and for
/// what option strings cannot express.
impl fmt::Display for WriterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "group_size:{},transpose:{},pad_to_block_boundary:{}",
            self.group_size(),
            self.transpose(),
            self.pad_to_block_boundary()
        )?;
        if self.transpose() {
            write!(
                f,
                ",transpose_bucket_size:{}",
                self.transpose_bucket_bytes()
            )?;
        }
        let window_log = match self.codec() {
            Codec::Uncompressed => {
                f.write_str(",uncompressed")?;
                self.window_log()
            }
            Codec::Brotli { level } => {
                write!(f, ",brotli:{level}")?;
                self.window_log()
            }
            Codec::Zstd { level } => {
                write!(f, ",zstd:{level}")?;
                Some(self.window_log().unwrap_or(ZSTD_AUTO_WINDOW_LOG))
            }
            Codec::Snappy => {
                f.write_str(",snappy")?;
                self.window_log()
            }
        };
        if let Some(log) = window_log {
            write!(f, ",window_log:{log}")?;
        }
        f.write_str(",max_parallelism:1")?;
        if self.layout() == Layout::Groups {
            return Ok(());
        }
        write!(f, ",layout:{}", self.layout().name())?;
        match self.dictionary() {
            DictionaryOption::Off | DictionaryOption::Given(_) => Ok(()),
            DictionaryOption::Auto => f.write_str(",dictionary:auto"),
            DictionaryOption::Size(bytes) => write!(f, ",dictionary:{bytes}"),
        }
    }
}
