//! Options of a writer that goes on with a file.

use std::str::FromStr;

use crate::Codec;

use super::error::{OptionsError, OptionsErrors};
use super::items::Items;
use super::keys::WRITER_KEYS;
use super::writer::{DictionaryOption, Layout, WriterOptions};
use super::writer_string::parse_items;

/// How records are appended to a file. What is not given is taken from the file; what is given must not contradict it.
///
/// ```
/// use windrow_format::Codec;
/// use windrow_format::options::{AppendOptions, WriterOptions};
///
/// let file: WriterOptions = "group_size:64,snappy".parse()?;
/// let options: AppendOptions = "group_size:64".parse()?;
/// assert_eq!(options.over(&file)?, file);
/// let other = AppendOptions::new().with_codec(Codec::Uncompressed);
/// assert_eq!(other.over(&file).unwrap_err().as_slice()[0].code(), "contradicting_option");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppendOptions {
    group_size: Option<u32>,
    codec: Option<Codec>,
    /// Given or not, and then automatic or not.
    window_log: Option<Option<u32>>,
    pad_to_block_boundary: Option<bool>,
    transpose: Option<bool>,
    transpose_bucket_bytes: Option<u64>,
    layout: Option<Layout>,
    dictionary: Option<DictionaryOption>,
    max_group_bytes: Option<u64>,
    max_parallelism: Option<u32>,
    metadata: Vec<(String, Vec<u8>)>,
    copy: bool,
}

impl AppendOptions {
    /// Everything as in the file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The records per chunk, which must be those of the file, unless that has no chunk.
    #[must_use]
    pub fn with_group_size(mut self, records: u32) -> Self {
        self.group_size = Some(records);
        self
    }

    /// The codec and its level, which must be those of the file.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// The binary logarithm of the codec's window in bytes, which must be that of the file.
    #[must_use]
    pub fn with_window_log(mut self, log: u32) -> Self {
        self.window_log = Some(Some(log));
        self
    }

    /// Whether chunks start at multiples of 64 KiB, which must be so in the file.
    #[must_use]
    pub fn with_pad_to_block_boundary(mut self, pad: bool) -> Self {
        self.pad_to_block_boundary = Some(pad);
        self
    }

    /// Whether chunks are transposed, which must be as in the file.
    #[must_use]
    pub fn with_transpose(mut self, transpose: bool) -> Self {
        self.transpose = Some(transpose);
        self
    }

    /// The bytes of a column that are compressed together where chunks are transposed, as in the file.
    #[must_use]
    pub fn with_transpose_bucket_bytes(mut self, bytes: u64) -> Self {
        self.transpose_bucket_bytes = Some(bytes);
        self
    }

    /// How the records of a chunk are laid out, which must be as in the file.
    #[must_use]
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// The dictionary, which must be that of the file: [`DictionaryOption::Off`] if it has none. A trained one stands for
    /// whatever the file has.
    #[must_use]
    pub fn with_dictionary(mut self, dictionary: DictionaryOption) -> Self {
        self.dictionary = Some(dictionary);
        self
    }

    /// See [`WriterOptions::with_max_group_bytes`]. Files do not tell it, so it never contradicts one. Default none.
    #[must_use]
    pub fn with_max_group_bytes(mut self, bytes: u64) -> Self {
        self.max_group_bytes = Some(bytes);
        self
    }

    /// See [`WriterOptions::with_max_parallelism`]. Default the number of processors.
    #[must_use]
    pub fn with_max_parallelism(mut self, jobs: u32) -> Self {
        self.max_parallelism = Some(jobs);
        self
    }

    /// Sets a pair of user metadata: adds it, or puts it in the place of the file's pair with this key. A key may be set
    /// once. Pairs of the file that are not named stay.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Appends to a copy under a temporary name, which takes the file's place at the end, so that every reader, upstream's
    /// too, finds a complete file at every moment. Default false: the file itself grows, and keeps its old contents for
    /// readers until the end. The copy has the same bytes as if one writer had written all of it, where no bytes of
    /// earlier appends are dead.
    #[must_use]
    pub fn with_copy(mut self, copy: bool) -> Self {
        self.copy = copy;
        self
    }

    /// See [`with_copy`](Self::with_copy).
    #[must_use]
    pub fn copy(&self) -> bool {
        self.copy
    }

    /// The records per chunk, if given.
    #[must_use]
    pub fn group_size(&self) -> Option<u32> {
        self.group_size
    }

    /// The codec, if given.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// The pairs of user metadata that are set.
    #[must_use]
    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        &self.metadata
    }

    /// The options of a writer that goes on with a file that was written with `file`.
    ///
    /// # Errors
    /// All contradictions, each an [`OptionsError::Contradiction`].
    pub fn over(&self, file: &WriterOptions) -> Result<WriterOptions, OptionsErrors> {
        let mut given = self.clone().into_options(file.clone());
        if matches!(
            given.dictionary(),
            DictionaryOption::Auto | DictionaryOption::Size(_)
        ) {
            given = given.with_dictionary(file.dictionary().clone());
        }
        let mut errors = Vec::new();
        let mut compare = |option, given: String, file: String| {
            if given != file {
                errors.push(OptionsError::Contradiction {
                    option,
                    given,
                    file,
                });
            }
        };
        let text = |value: &dyn ToString| value.to_string();
        compare(
            "group_size",
            text(&given.group_size()),
            text(&file.group_size()),
        );
        compare("codec", codec_text(&given), codec_text(file));
        if given.codec() == file.codec() {
            let window =
                |options: &WriterOptions| options.effective_window_log().unwrap_or_default();
            compare("window_log", text(&window(&given)), text(&window(file)));
        }
        compare(
            "pad_to_block_boundary",
            text(&given.pad_to_block_boundary()),
            text(&file.pad_to_block_boundary()),
        );
        compare(
            "transpose",
            text(&given.transpose()),
            text(&file.transpose()),
        );
        if given.transpose() {
            compare(
                "transpose_bucket_size",
                text(&given.transpose_bucket_bytes()),
                text(&file.transpose_bucket_bytes()),
            );
        }
        compare(
            "layout",
            text(&given.layout().name()),
            text(&file.layout().name()),
        );
        compare("dictionary", dictionary_text(&given), dictionary_text(file));
        OptionsErrors::check(errors)?;
        Ok(given)
    }

    /// The options of a writer that begins a file: `base` for what is not given.
    #[must_use]
    pub fn into_options(self, base: WriterOptions) -> WriterOptions {
        let mut options = base
            .with_max_group_bytes(self.max_group_bytes)
            .with_max_parallelism(self.max_parallelism)
            .with_merged_metadata(self.metadata);
        if let Some(records) = self.group_size {
            options = options.with_group_size(records);
        }
        if let Some(codec) = self.codec {
            if codec != options.codec() {
                options = options.with_window_log(None);
            }
            options = options.with_codec(codec);
        }
        if let Some(log) = self.window_log {
            options = options.with_window_log(log);
        }
        if let Some(pad) = self.pad_to_block_boundary {
            options = options.with_pad_to_block_boundary(pad);
        }
        if let Some(transpose) = self.transpose {
            options = options.with_transpose(transpose);
        }
        if let Some(layout) = self.layout {
            options = options.with_layout(layout);
        }
        if let Some(dictionary) = self.dictionary {
            options = options.with_dictionary(dictionary);
        }
        if let Some(bytes) = self.transpose_bucket_bytes {
            options = options.with_transpose_bucket_bytes(bytes);
        }
        options
    }
}

fn dictionary_text(options: &WriterOptions) -> String {
    match options.dictionary() {
        DictionaryOption::Given(dictionary) => format!("{:016x}", dictionary.id()),
        _ => "off".into(),
    }
}

fn codec_text(options: &WriterOptions) -> String {
    match options.codec() {
        Codec::Uncompressed => "uncompressed".into(),
        Codec::Snappy => "snappy".into(),
        Codec::Brotli { level } => format!("brotli:{level}"),
        Codec::Zstd { level } => format!("zstd:{level}"),
    }
}

/// Parses the grammar of the [module](super), with the keys of [`WRITER_KEYS`]; only the keys that stand in the string are
/// given.
impl FromStr for AppendOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        // What does not stand here may be in the file: a dictionary goes with its layout.
        let parsed = parse_items(text)?;
        let mut options = Self::new();
        for item in Items::new(text, WRITER_KEYS) {
            options = match item?.key.name {
                "group_size" => options.with_group_size(parsed.group_size()),
                "uncompressed" | "brotli" | "zstd" | "snappy" => options.with_codec(parsed.codec()),
                "window_log" => Self {
                    window_log: Some(parsed.window_log()),
                    ..options
                },
                "pad_to_block_boundary" => {
                    options.with_pad_to_block_boundary(parsed.pad_to_block_boundary())
                }
                "transpose" => options.with_transpose(parsed.transpose()),
                "transpose_bucket_size" => {
                    options.with_transpose_bucket_bytes(parsed.transpose_bucket_bytes())
                }
                "layout" => options.with_layout(parsed.layout()),
                "dictionary" => options.with_dictionary(parsed.dictionary().clone()),
                "max_parallelism" => Self {
                    max_parallelism: parsed.max_parallelism(),
                    ..options
                },
                _ => options,
            };
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(given: &str, file: &str) -> Result<WriterOptions, Vec<&'static str>> {
        let given: AppendOptions = given.parse().unwrap();
        let codes = |errors: OptionsErrors| {
            let errors = errors.into_iter().map(|error| match error {
                OptionsError::Contradiction { option, .. } => option,
                other => panic!("{other}"),
            });
            errors.collect()
        };
        given.over(&file.parse().unwrap()).map_err(codes)
    }

    #[test]
    fn what_is_not_given_comes_from_the_file() {
        let file = "group_size:64,brotli:7,window_log:18,pad_to_block_boundary:true";
        assert_eq!(over("", file).unwrap(), file.parse().unwrap());
        let jobs = over("max_parallelism:3", file).unwrap();
        assert_eq!((jobs.max_parallelism(), jobs.group_size()), (Some(3), 64));
        for same in ["group_size:64", "brotli:7", "window_log:18,brotli:7", file] {
            assert_eq!(over(same, file).unwrap(), file.parse().unwrap(), "{same}");
        }
        let new: AppendOptions = "brotli,window_log:auto".parse().unwrap();
        let parsed: WriterOptions = "brotli,window_log:auto".parse().unwrap();
        assert_eq!(new.into_options(WriterOptions::new()), parsed);
        // What `auto` stands for is the same.
        assert!(over("zstd,window_log:20", "zstd:3").is_ok());
    }

    #[test]
    fn a_dictionary_goes_with_the_layout_of_the_file() {
        let file = "layout:pages,group_size:64";
        assert_eq!(
            over("dictionary:auto", file).unwrap(),
            file.parse().unwrap()
        );
        let given: AppendOptions = "dictionary:auto".parse().unwrap();
        let groups = given.into_options(WriterOptions::new());
        assert!(groups.validate().is_err());
    }

    #[test]
    fn contradictions_are_all_told() {
        for (given, file, options) in [
            ("group_size:8", "group_size:64", vec!["group_size"]),
            ("zstd:4", "zstd:3", vec!["codec"]),
            ("snappy", "zstd:3,window_log:12", vec!["codec"]),
            ("zstd:3,window_log:21", "zstd:3", vec!["window_log"]),
            (
                "transpose_bucket_size:1k",
                "transpose",
                vec!["transpose_bucket_size"],
            ),
            (
                "group_size:2,uncompressed,pad_to_block_boundary:true,transpose",
                "",
                vec!["group_size", "codec", "pad_to_block_boundary", "transpose"],
            ),
        ] {
            assert_eq!(over(given, file).unwrap_err(), options, "{given} on {file}");
        }
    }

    #[test]
    fn metadata_is_merged() {
        let file = WriterOptions::new()
            .with_metadata("a", "1")
            .with_metadata("b", "2");
        let given = AppendOptions::new()
            .with_metadata("b", "3")
            .with_metadata("c", "4");
        let merged = given.over(&file).unwrap();
        let pairs = [("a", "1"), ("b", "3"), ("c", "4")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(merged.metadata(), pairs);
    }
}
