//! Options of tables as keywords.

use arrow_schema::SchemaRef;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping, PyString};
use windrow::{Codec, PageCodec, Profile, ReaderOptions, Strings, TableOptions, WriterOptions};

use super::table::no_column;
use crate::errors::exception;
use crate::options::{optional, parse, unfit};
use crate::place::bytes_of;

const WRITER_KEYWORDS: &str =
    "profile, group_rows, group_bytes, codec, column_codecs, metadata, atomic, max_parallelism";
const READER_KEYWORDS: &[&str] = &[
    "max_parallelism",
    "index_storage",
    "footer_prefetch_bytes",
    "max_chunk_bytes",
    "max_record_bytes",
    "max_batch_bytes",
    "chunk_cache_bytes",
    "on_corrupt",
];

fn invalid(message: String) -> PyErr {
    exception("OptionsError", "invalid_option_value", message)
}

/// Options of a writer of tables, and whether `atomic` is among them.
pub fn writer(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<(TableOptions, bool)> {
    let mut all = TableOptions::new();
    let mut atomic = false;
    for (name, value) in keywords.iter().flat_map(|keywords| keywords.iter()) {
        let name: String = name.extract()?;
        if value.is_none() && name != "atomic" {
            continue;
        }
        all = match name.as_str() {
            "profile" => all.with_profile(profile(&value)?),
            "group_rows" => match value.extract() {
                Ok(0) | Err(_) => return Err(unfit(&name, &value)),
                Ok(rows) => all.with_group_rows(rows),
            },
            "group_bytes" => match value.extract() {
                Ok(0) | Err(_) => return Err(unfit(&name, &value)),
                Ok(bytes) => all.with_group_bytes(bytes),
            },
            "codec" => all.with_codec(codec(&name, &value)?),
            "column_codecs" => {
                for pair in value
                    .cast::<PyMapping>()
                    .map_err(|_| unfit(&name, &value))?
                    .items()?
                {
                    let (column, value) = named(&name, &pair)?;
                    all = all.with_column_codec(column, codec(&name, &value)?);
                }
                all
            }
            "metadata" => {
                for pair in value
                    .cast::<PyMapping>()
                    .map_err(|_| unfit(&name, &value))?
                    .items()?
                {
                    let (key, value) = named(&name, &pair)?;
                    all = match value.cast::<PyString>() {
                        Ok(text) => all.with_metadata(key, text.to_str()?),
                        Err(_) => all.with_metadata(key, bytes_of(&value)?.as_bytes()),
                    };
                }
                all
            }
            "atomic" => {
                let flag = value.cast::<PyBool>().map_err(|_| unfit(&name, &value))?;
                atomic = flag.is_true();
                all.with_atomic(atomic)
            }
            "max_parallelism" => all.with_max_parallelism(optional(&name, &value)?),
            _ => {
                return Err(PyTypeError::new_err(format!(
                    "unexpected keyword {name:?}; there are {WRITER_KEYWORDS}"
                )));
            }
        };
    }
    Ok((all, atomic))
}

/// A pair of a mapping whose keys are text.
fn named<'py>(option: &str, pair: &Bound<'py, PyAny>) -> PyResult<(String, Bound<'py, PyAny>)> {
    let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = pair.extract()?;
    let name = key
        .extract()
        .map_err(|_| unfit(&format!("a key of {option}"), &key))?;
    Ok((name, value))
}

/// Checks that the columns are there that have codecs of their own.
pub fn check_codecs(options: &TableOptions, schema: &SchemaRef) -> PyResult<()> {
    for (column, _) in options.column_codecs() {
        if schema.field_with_name(column).is_err() {
            return Err(no_column(column, schema));
        }
    }
    Ok(())
}

fn profile(value: &Bound<'_, PyAny>) -> PyResult<Profile> {
    let known = [Profile::Spill, Profile::Balanced, Profile::Small];
    let name: &str = value.extract().map_err(|_| unfit("profile", value))?;
    let found = known.into_iter().find(|profile| profile.name() == name);
    found.ok_or_else(|| {
        invalid(format!(
            "profile {name:?} is not one of spill, balanced, small"
        ))
    })
}

/// `name` or `name:level`.
fn codec(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PageCodec> {
    let text: &str = value.extract().map_err(|_| unfit(name, value))?;
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level)),
        None => (text, None),
    };
    match (codec, level) {
        ("lz4", None) => Ok(PageCodec::Lz4),
        ("snappy", None) => Ok(PageCodec::Buffer(Codec::Snappy)),
        ("uncompressed", None) => Ok(PageCodec::Buffer(Codec::Uncompressed)),
        ("zstd" | "brotli", _) => {
            // By way of the option string, which knows ranges and defaults.
            parse::<WriterOptions>(text).map(|options| PageCodec::Buffer(options.codec()))
        }
        ("lz4" | "snappy" | "uncompressed", Some(_)) => Err(exception(
            "OptionsError",
            "conflicting_options",
            format!("{codec} has no level"),
        )),
        _ => Err(invalid(format!(
            "{name} {text:?} is not one of zstd, zstd:3, brotli, brotli:6, snappy, lz4, uncompressed"
        ))),
    }
}

/// Options of a reader of tables.
pub fn reader(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<ReaderOptions> {
    for name in keywords.iter().flat_map(|keywords| keywords.keys()) {
        let name: String = name.extract()?;
        if !READER_KEYWORDS.contains(&name.as_str()) {
            return Err(PyTypeError::new_err(format!(
                "unexpected keyword {name:?}; there are {}",
                READER_KEYWORDS.join(", ")
            )));
        }
    }
    crate::options::reader(None, keywords)
}

/// The form of text; `None` stands for that of the file.
pub fn strings(name: Option<&str>) -> PyResult<Strings> {
    match name {
        None => Ok(Strings::AsWritten),
        Some("plain") => Ok(Strings::Plain),
        Some("large") => Ok(Strings::Large),
        Some("view") => Ok(Strings::View),
        Some(other) => Err(invalid(format!(
            "strings {other:?} is not one of plain, large, view, None"
        ))),
    }
}
