//! Options as strings, mappings and keywords.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping, PyString};
use windrow::{
    AppendOptions, Codec, IndexStorage, Layout, OptionsError, OptionsErrors, ReaderOptions,
    RecordsMetadata, WriterOptions,
};

use crate::dictionary;
use crate::errors::{exception, raise};
use crate::indices::type_name;
use crate::place::bytes_of;
use crate::records_metadata;

const READER_KEYWORDS: &str = "readahead_buffer_bytes, max_parallelism, index_storage, footer_prefetch_bytes, \
    max_chunk_bytes, max_record_bytes, max_batch_bytes, chunk_cache_bytes, fields, on_corrupt";
const WRITER_KEYWORDS: &str = "group_size, codec, level, window_log, max_group_bytes, max_parallelism, \
    pad_to_block_boundary, transpose, transpose_bucket_bytes, layout, dictionary, metadata, records_metadata, atomic";

const CODECS: [&str; 4] = ["zstd", "brotli", "snappy", "uncompressed"];

/// Options of a reader: a string or a mapping, and keywords on top of it.
pub fn reader(
    options: Option<&Bound<'_, PyAny>>,
    keywords: Option<&Bound<'_, PyDict>>,
) -> PyResult<ReaderOptions> {
    let mut all: ReaderOptions = parse(&text(options)?)?;
    for (name, value) in keywords.iter().flat_map(|keywords| keywords.iter()) {
        let name: String = name.extract()?;
        let number = || value.extract().map_err(|_| unfit(&name, &value));
        all = match name.as_str() {
            "readahead_buffer_bytes" => all.with_readahead_buffer_bytes(optional(&name, &value)?),
            "max_parallelism" => all.with_max_parallelism(optional(&name, &value)?),
            "index_storage" => all.with_index_storage(match value.extract::<&str>() {
                Ok("in_memory") => IndexStorage::InMemory,
                Ok("offloaded") => IndexStorage::Offloaded,
                _ => return Err(unfit(&name, &value)),
            }),
            "footer_prefetch_bytes" => all.with_footer_prefetch_bytes(optional(&name, &value)?),
            "max_chunk_bytes" => all.with_max_chunk_bytes(number()?),
            "max_record_bytes" => all.with_max_record_bytes(number()?),
            "max_batch_bytes" => all.with_max_batch_bytes(number()?),
            "chunk_cache_bytes" => all.with_chunk_cache_bytes(number()?),
            "fields" => match optional::<Vec<String>>(&name, &value)? {
                Some(fields) => all.with_fields(fields),
                None => all.with_all_fields(),
            },
            "on_corrupt" => {
                let word: &str = value.extract().map_err(|_| unfit(&name, &value))?;
                all.with_on_corrupt(parse(word)?)
            }
            _ => return Err(unknown(&name, READER_KEYWORDS)),
        };
        check_values(&name, all.validate())?;
    }
    Ok(all)
}

/// What is given of a writer's options.
pub struct Given {
    pub options: AppendOptions,
    /// Only a new file can be told.
    pub records_metadata: Option<RecordsMetadata>,
    pub atomic: Option<bool>,
}

impl Given {
    /// The options of a new file.
    pub fn for_new_file(self) -> PyResult<WriterOptions> {
        let all = self.over_defaults();
        all.validate().map_err(|errors| raise(errors.into()))?;
        Ok(all)
    }

    fn over_defaults(&self) -> WriterOptions {
        let all = self.options.clone().into_options(WriterOptions::new());
        all.with_records_metadata(self.records_metadata.clone())
            .with_atomic(self.atomic.unwrap_or_default())
    }
}

/// Options of a writer: a string, and keywords that it does not set.
pub fn writer(options: &str, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Given> {
    let mut given = Given {
        options: parse(options)?,
        records_metadata: None,
        atomic: None,
    };
    let stated = |key: &str| {
        options
            .split(',')
            .any(|item| item.split(':').next().map(str::trim) == Some(key))
    };
    let mut codec: Option<String> = None;
    let mut level: Option<i32> = None;
    for (name, value) in keywords.iter().flat_map(|keywords| keywords.iter()) {
        let name: String = name.extract()?;
        let is_codec = name == "codec" || name == "level";
        let key = match name.as_str() {
            "transpose_bucket_bytes" => "transpose_bucket_size",
            other => other,
        };
        if stated(key) || (is_codec && CODECS.iter().any(|codec| stated(codec))) {
            let message = format!("{name} is given in the option string and as a keyword");
            return Err(exception("OptionsError", "conflicting_options", message));
        }
        let number = || value.extract().map_err(|_| unfit(&name, &value));
        let flag = || {
            let flag = value.cast::<PyBool>().map_err(|_| unfit(&name, &value));
            flag.map(|flag| flag.is_true())
        };
        let all = given.options.clone();
        given.options = match name.as_str() {
            "group_size" => all.with_group_size(number()?),
            "codec" => {
                codec = Some(value.extract().map_err(|_| unfit(&name, &value))?);
                all
            }
            "level" => {
                level = optional(&name, &value)?;
                all
            }
            "window_log" => {
                let log = optional(&name, &value)?;
                set(all, log, AppendOptions::with_window_log)
            }
            "max_group_bytes" => {
                let bytes = optional(&name, &value)?;
                set(all, bytes, AppendOptions::with_max_group_bytes)
            }
            "max_parallelism" => {
                let jobs = optional(&name, &value)?;
                set(all, jobs, AppendOptions::with_max_parallelism)
            }
            "pad_to_block_boundary" => all.with_pad_to_block_boundary(flag()?),
            "transpose" => all.with_transpose(flag()?),
            "transpose_bucket_bytes" => {
                let bytes = optional(&name, &value)?;
                set(all, bytes, AppendOptions::with_transpose_bucket_bytes)
            }
            "layout" => all.with_layout(match value.extract::<&str>() {
                Ok("groups") => Layout::Groups,
                Ok("pages") => Layout::Pages,
                _ => return Err(unfit(&name, &value)),
            }),
            "dictionary" if value.is_none() => all,
            "dictionary" => all.with_dictionary(dictionary::option(&value)?),
            "metadata" => with_metadata(all, &value)?,
            "records_metadata" => {
                given.records_metadata = records_metadata::given(&value)?;
                all
            }
            "atomic" => {
                given.atomic = Some(flag()?);
                all
            }
            _ => return Err(unknown(&name, WRITER_KEYWORDS)),
        };
        check_values(&name, given.over_defaults().validate())?;
    }
    if codec.is_some() || level.is_some() {
        let codec = codec_of(codec.as_deref().unwrap_or("zstd"), level)?;
        given.options = given.options.with_codec(codec);
    }
    Ok(given)
}

/// Sets an option unless it is `None`, which stands for its default.
fn set<T>(
    all: AppendOptions,
    value: Option<T>,
    setter: fn(AppendOptions, T) -> AppendOptions,
) -> AppendOptions {
    match value {
        Some(value) => setter(all, value),
        None => all,
    }
}

fn codec_of(name: &str, level: Option<i32>) -> PyResult<Codec> {
    // By way of the option string, which knows the codecs' names, ranges and defaults.
    if !CODECS.contains(&name) {
        let message = format!("codec {name:?} is not one of {}", CODECS.join(", "));
        return Err(exception("OptionsError", "invalid_option_value", message));
    }
    let text = match level {
        Some(_) if matches!(name, "snappy" | "uncompressed") => {
            let message = format!("{name} has no level");
            return Err(exception("OptionsError", "conflicting_options", message));
        }
        Some(level) => format!("{name}:{level}"),
        None => name.to_owned(),
    };
    parse::<WriterOptions>(&text).map(|options| options.codec())
}

fn with_metadata(mut all: AppendOptions, pairs: &Bound<'_, PyAny>) -> PyResult<AppendOptions> {
    for pair in pairs.cast::<PyMapping>()?.items()? {
        let (key, value): (String, Bound<'_, PyAny>) = pair.extract()?;
        all = match value.cast::<PyString>() {
            Ok(text) => all.with_metadata(key, text.to_str()?),
            Err(_) => all.with_metadata(key, bytes_of(&value)?.as_bytes()),
        };
    }
    Ok(all)
}

/// An option string from a string, or from a mapping with the same keys.
pub fn text(options: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
    let Some(options) = options.filter(|options| !options.is_none()) else {
        return Ok(String::new());
    };
    if let Ok(text) = options.extract::<String>() {
        return Ok(text);
    }
    let Ok(mapping) = options.cast::<PyMapping>() else {
        return Err(PyTypeError::new_err(format!(
            "options must be a string or a mapping, not {}",
            type_name(options)
        )));
    };
    let mut items = Vec::new();
    for item in mapping.items()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let item = format!("{}:{}", key.str()?, value.str()?);
        if item.contains(',') {
            let message = format!("option {item:?} holds a comma: give each option by itself");
            return Err(exception("OptionsError", "invalid_option_value", message));
        }
        items.push(item);
    }
    Ok(items.join(","))
}

pub fn parse<T: std::str::FromStr<Err = OptionsError>>(text: &str) -> PyResult<T> {
    text.parse()
        .map_err(|error: OptionsError| raise(error.into()))
}

pub fn optional<'py, T>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    value.extract().map_err(|_| unfit(name, value))
}

pub fn unfit(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let shown = value
        .repr()
        .map_or_else(|_| type_name(value), |repr| repr.to_string());
    exception(
        "OptionsError",
        "invalid_option_value",
        format!("{name} cannot be {shown}"),
    )
}

/// Whether the values so far are possible, with the parser's words for an option that has another name as a keyword.
/// What does not go together is told when all of them are known.
fn check_values(name: &str, checked: Result<(), OptionsErrors>) -> PyResult<()> {
    let mut problems = checked.err().into_iter().flatten();
    match problems.find(|problem| !matches!(problem, OptionsError::Conflict { .. })) {
        Some(problem) => {
            let message = format!("{name}: {problem}");
            Err(exception("OptionsError", problem.code(), message))
        }
        None => Ok(()),
    }
}

fn unknown(name: &str, known: &str) -> PyErr {
    PyTypeError::new_err(format!("unexpected keyword {name:?}; there are {known}"))
}
