//! Writer options on the command line, and their part of the help text.

use std::fmt::Write as _;

use clap::Args;
use windrow::{AppendOptions, CompressionType, WRITER_KEYS, WriterOptions};

use crate::error::CliError;

/// How the output is written.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Writer options")]
pub struct WriterArgs {
    /// Options of the writer, as "group_size:64,zstd:3"; all keys are listed at the end of --help
    #[arg(long, value_name = "OPTIONS")]
    options: Option<String>,
    /// Records per chunk: the same as group_size in --options
    #[arg(long, value_name = "RECORDS")]
    group_size: Option<String>,
    /// Codec and level, as zstd:3, brotli:6, snappy or uncompressed: the same as in --options
    #[arg(long, value_name = "CODEC")]
    codec: Option<String>,
}

impl WriterArgs {
    /// The three arguments as one option string, so that repeated and conflicting keys are found by its grammar.
    fn text(&self) -> Result<String, CliError> {
        let mut items: Vec<String> = self.options.iter().cloned().collect();
        items.extend(self.group_size.iter().map(|n| format!("group_size:{n}")));
        if let Some(text) = &self.codec {
            if text.contains(',') || !is_codec(key_of(text)) {
                return Err(CliError::Codec { text: text.clone() });
            }
            items.push(text.clone());
        }
        Ok(items.join(","))
    }

    /// The options, defaults for what was not given.
    pub fn parse(&self) -> Result<WriterOptions, CliError> {
        Ok(self.text()?.parse().map_err(windrow::Error::from)?)
    }

    /// Only what was given.
    pub fn parse_given(&self) -> Result<AppendOptions, CliError> {
        Ok(self.text()?.parse().map_err(windrow::Error::from)?)
    }

    /// `base` with what was given put in its place. A codec brings its own window.
    pub fn parse_over(&self, base: &WriterOptions) -> Result<WriterOptions, CliError> {
        let given = self.text()?;
        let keys: Vec<&str> = given.split(',').map(key_of).collect();
        let codec_given = keys.iter().any(|key| is_codec(key));
        let base = base.to_string();
        let kept = base.split(',').filter(|item| {
            let key = key_of(item);
            let replaced = codec_given && (is_codec(key) || key == "window_log");
            // The printed form always says 1, whatever the options are.
            !replaced && key != "max_parallelism" && !keys.contains(&key)
        });
        // What was given comes first, for `default` has to. The grammar then finds what does not go together.
        let all: Vec<&str> = std::iter::once(given.as_str()).chain(kept).collect();
        Ok(all.join(",").parse().map_err(windrow::Error::from)?)
    }
}

fn is_codec(key: &str) -> bool {
    use CompressionType::{Brotli, None, Snappy, Zstd};
    [None, Brotli, Zstd, Snappy]
        .iter()
        .any(|codec| codec.name() == key)
}

fn key_of(item: &str) -> &str {
    item.split(':').next().unwrap_or_default().trim()
}

/// The keys of `--options`, made from the table that the parser uses.
pub fn help() -> String {
    let mut text = String::from(
        "Keys of --options. Items stand between commas, as in \"group_size:64,brotli:9\".\n",
    );
    for key in WRITER_KEYS {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n  {}\n      {}", key.name, key.doc);
        let _ = write!(text, "\n      values: {}", key.values);
        if !key.default.is_empty() {
            let _ = write!(text, "; default: {}", key.default);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use windrow::Codec;

    fn args(options: &str, group_size: &str, codec: &str) -> WriterArgs {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        WriterArgs {
            options: given(options),
            group_size: given(group_size),
            codec: given(codec),
        }
    }

    #[test]
    fn what_is_given_stands_above_the_base() {
        let base: WriterOptions = "group_size:7,zstd:9,window_log:25".parse().unwrap();
        let over = |args: WriterArgs| args.parse_over(&base).unwrap();
        assert_eq!(over(args("", "", "")), base);
        assert_eq!(
            over(args("", "8", "")),
            base.clone().with_group_size(8),
            "only the group size"
        );
        assert_eq!(
            over(args("", "", "snappy")),
            base.clone().with_codec(Codec::Snappy).with_window_log(None)
        );
        assert_eq!(
            over(args("window_log:21", "", "")),
            base.clone().with_window_log(Some(21))
        );
        assert_eq!(
            over(args(
                "pad_to_block_boundary:true, max_parallelism:2",
                "",
                ""
            )),
            base.clone()
                .with_pad_to_block_boundary(true)
                .with_max_parallelism(Some(2))
        );
    }

    #[test]
    fn a_window_belongs_to_the_codec_of_the_base() {
        let base: WriterOptions = "brotli:4,window_log:18".parse().unwrap();
        let over = |options| args(options, "", "").parse_over(&base);
        // 20 is what zstd takes by itself, but brotli does not.
        assert_eq!(over("window_log:20").unwrap().window_log(), Some(20));
        assert_eq!(over("default,brotli").unwrap().window_log(), None);
        let snappy = "snappy".parse().unwrap();
        let error = args("window_log:20", "", "").parse_over(&snappy);
        assert_eq!(error.unwrap_err().code(), "conflicting_options");
    }

    #[test]
    fn repeated_and_foreign_keys_are_refused() {
        for (given, code) in [
            (args("group_size:2", "3", ""), "repeated_option"),
            (args("zstd", "", "brotli:3"), "conflicting_options"),
            (args("", "zero", ""), "invalid_option_value"),
            (args("", "", "lz4"), "usage"),
            (args("", "", "zstd:99"), "invalid_option_value"),
            (args("", "", "group_size:3"), "usage"),
            (args("", "", "zstd:3,group_size:3"), "usage"),
        ] {
            assert_eq!(given.parse().unwrap_err().code(), code, "{given:?}");
        }
    }
}
