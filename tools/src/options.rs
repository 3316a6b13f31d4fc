//! Writer options on the command line, and their part of the help text.

mod dictionary;

use std::fmt::Write as _;

use clap::Args;
use windrow::{
    AppendOptions, Codec, CompressionType, Dictionary, DictionaryOption, Layout, ReaderOptions,
    WRITER_KEYS, WriterOptions,
};

use crate::error::CliError;
use crate::table::TableUsage;
use dictionary::DictionaryArg;

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
    #[arg(long, value_name = "LAYOUT", help = doc("layout"))]
    layout: Option<String>,
    #[arg(long, value_name = "off|auto|SIZE|FILE", help = dictionary_doc())]
    dictionary: Option<String>,
}

/// What was given.
struct Given {
    /// As one option string, so that repeated and conflicting keys are found by its grammar.
    text: String,
    /// A dictionary, which no string can express: `auto` stands for it there.
    dictionary: Option<Dictionary>,
}

impl WriterArgs {
    fn given(&self) -> Result<Given, CliError> {
        let mut items: Vec<String> = self.options.iter().cloned().collect();
        items.extend(self.group_size.iter().map(|n| format!("group_size:{n}")));
        items.extend(self.layout.iter().map(|word| format!("layout:{word}")));
        if let Some(text) = &self.codec {
            if text.contains(',') || !is_codec(key_and_value(text).0) {
                return Err(CliError::Codec { text: text.clone() });
            }
            items.push(text.clone());
        }
        let dictionary = self.dictionary.as_deref().map(DictionaryArg::new);
        let dictionary = match dictionary {
            None => None,
            Some(DictionaryArg::Word(word)) => {
                items.push(format!("dictionary:{word}"));
                None
            }
            Some(DictionaryArg::File(path)) => {
                items.push("dictionary:auto".to_owned());
                Some(dictionary::read(&path)?)
            }
        };
        Ok(Given {
            text: items.join(","),
            dictionary,
        })
    }

    /// The options, defaults for what was not given.
    pub fn parse(&self) -> Result<WriterOptions, CliError> {
        let Given { text, dictionary } = self.given()?;
        Ok(with_dictionary(parse(&text)?, dictionary))
    }

    /// The codec, if nothing else was given.
    pub fn only_codec(&self) -> Result<Option<&str>, TableUsage> {
        let Self {
            options,
            group_size,
            codec,
            layout,
            dictionary,
        } = self;
        let others = [options, group_size, layout, dictionary];
        if others.iter().any(|given| given.is_some()) {
            return Err(TableUsage::RecordOptions);
        }
        Ok(codec.as_deref())
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        let Self {
            options,
            group_size,
            codec,
            layout,
            dictionary,
        } = self;
        let all = [options, group_size, codec, layout, dictionary];
        all.iter().all(|given| given.is_none())
    }

    /// Only what was given.
    pub fn parse_given(&self) -> Result<AppendOptions, CliError> {
        let Given { text, dictionary } = self.given()?;
        let options: AppendOptions = text.parse().map_err(windrow::Error::from)?;
        Ok(match dictionary {
            Some(dictionary) => options.with_dictionary(DictionaryOption::Given(dictionary)),
            None => options,
        })
    }

    /// `base` with what was given put in its place. A codec brings its own window, another layout its own group size.
    /// The dictionary of the base stays wherever its layout and its codec do.
    pub fn parse_over(&self, base: &WriterOptions) -> Result<WriterOptions, CliError> {
        let Given { text, dictionary } = self.given()?;
        let given: Vec<(&str, &str)> = text.split(',').map(key_and_value).collect();
        let value_of = |key| given.iter().find(|(name, _)| *name == key).map(|(_, v)| *v);
        let codec_given = given.iter().any(|(key, _)| is_codec(key));
        let transposes = matches!(value_of("transpose"), Some("" | "true"));
        let layout = match value_of("layout") {
            None if transposes => Some(Layout::Groups.name()),
            given => given,
        };
        let relaid = layout.is_some_and(|layout| layout != base.layout().name());
        let printed = base.to_string();
        let kept = printed.split(',').filter(|item| {
            let (key, _) = key_and_value(item);
            let replaced = match key {
                // The printed form always says 1, whatever the options are.
                "max_parallelism" => true,
                "window_log" => codec_given,
                "group_size" | "layout" | "transpose" | "transpose_bucket_size" => relaid,
                key => codec_given && is_codec(key),
            };
            !replaced && value_of(key).is_none()
        });
        // What was given comes first, for `default` has to. The grammar then finds what does not go together.
        let all: Vec<&str> = std::iter::once(text.as_str()).chain(kept).collect();
        let options = with_dictionary(parse(&all.join(","))?, dictionary);
        let takes_dictionary =
            options.layout() == Layout::Pages && matches!(options.codec(), Codec::Zstd { .. });
        Ok(match base.dictionary() {
            DictionaryOption::Given(kept) if takes_dictionary => match value_of("dictionary") {
                None => with_dictionary(options, Some(kept.clone())),
                Some(_) => options,
            },
            _ => options,
        })
    }
}

fn parse(text: &str) -> Result<WriterOptions, CliError> {
    Ok(text.parse().map_err(windrow::Error::from)?)
}

fn with_dictionary(options: WriterOptions, dictionary: Option<Dictionary>) -> WriterOptions {
    match dictionary {
        Some(dictionary) => options.with_dictionary(DictionaryOption::Given(dictionary)),
        None => options,
    }
}

/// What the table of keys says of `name`.
fn doc(name: &str) -> &'static str {
    let key = WRITER_KEYS.iter().find(|key| key.name == name);
    key.map_or("", |key| key.doc)
}

fn dictionary_doc() -> String {
    format!(
        "{}; or a FILE that holds one, as train-dictionary writes it, or an array_record file, whose dictionary is \
         taken: ./FILE if its name is a word or a number",
        doc("dictionary")
    )
}

/// A size of a sample in bytes, as option strings write sizes.
pub fn parse_sample_bytes(text: &str) -> Result<usize, &'static str> {
    // A key with the same upper bound.
    let options: Result<ReaderOptions, _> = format!("readahead_buffer_size:{text}").parse();
    let bytes = options
        .ok()
        .and_then(|options| options.readahead_buffer_bytes());
    bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|&bytes| bytes >= 1 << 20)
        .ok_or("1M to 1G bytes, as 64M")
}

fn is_codec(key: &str) -> bool {
    use CompressionType::{Brotli, None, Snappy, Zstd};
    [None, Brotli, Zstd, Snappy]
        .iter()
        .any(|codec| codec.name() == key)
}

fn key_and_value(item: &str) -> (&str, &str) {
    let (key, value) = item.split_once(':').unwrap_or((item, ""));
    (key.trim(), value)
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
            ..WriterArgs::default()
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
    fn another_layout_brings_its_group_size_and_leaves_dictionaries() {
        let samples: Vec<u8> = (0..=255).collect();
        let dictionary = DictionaryOption::Given(Dictionary::new(samples).unwrap());
        let pages: WriterOptions = "layout:pages,group_size:500,zstd:9".parse().unwrap();
        let pages = pages.with_dictionary(dictionary.clone());
        let groups: WriterOptions = "group_size:16,transpose".parse().unwrap();
        let over = |base: &WriterOptions, text| args(text, "", "").parse_over(base).unwrap();
        assert_eq!(over(&pages, ""), pages);
        assert_eq!(over(&pages, "layout:pages"), pages);
        assert_eq!(over(&pages, "zstd:1").dictionary(), &dictionary);
        let off = pages.clone().with_dictionary(DictionaryOption::Off);
        assert_eq!(over(&pages, "dictionary:off"), off);
        let snappy = over(&pages, "snappy");
        assert_eq!(snappy.dictionary(), &DictionaryOption::Off);
        assert_eq!((snappy.layout(), snappy.group_size()), (Layout::Pages, 500));
        let zstd = "zstd:9".parse().unwrap();
        assert_eq!(over(&pages, "layout:groups"), zstd);
        assert_eq!(over(&pages, "transpose"), zstd.with_transpose(true));
        assert_eq!(over(&pages, "transpose:false"), pages);
        assert_eq!(over(&groups, "layout:pages").group_size(), 1024);
        assert_eq!(over(&groups, "layout:pages,group_size:7").group_size(), 7);
        assert_eq!(over(&groups, "layout:groups"), groups);
        let conflict = args("dictionary:auto", "", "").parse_over(&groups);
        assert_eq!(conflict.unwrap_err().code(), "conflicting_options");
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
