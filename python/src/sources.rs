//! `RecordReader` and `DataSource`: how they are opened, pickled and named.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use windrow::{
    DEFAULT_MAX_OPEN_FILES, DataSource as Files, FileInstruction, Layout, OnCorrupt, Reader,
    ReaderOptions, SourceName, SourcePart, expand_pattern,
};

use crate::bytes::Missing;
use crate::dictionary::Dictionary;
use crate::errors::{exception, raise};
use crate::indices::{number, type_name};
use crate::place::{Place, is_path, local_path};
use crate::records::{Origin, Pickled, Records};
use crate::records_metadata::to_object;
use crate::recover::recover_place;
use crate::sequence::Base;
use crate::verify::{Fault, VerifyReport, fault, verify};
use crate::view::View;

const _: () = assert!(
    DEFAULT_MAX_OPEN_FILES == 256,
    "the signature below, and the stubs, say so"
);

/// A part of a source as it stands in a pickle: file, first record, records, records in the file if that is known.
type Part = (PathBuf, u64, u64, Option<u64>);

/// The records of one file.
#[pyclass(frozen, extends = Records, sequence, module = "windrow")]
pub struct RecordReader;

#[pymethods]
impl RecordReader {
    #[new]
    #[pyo3(signature = (source, options=None, **keywords))]
    fn new(
        source: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyAny>>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let options = crate::options::reader(options, keywords)?;
        Ok(PyClassInitializer::from(open_reader(source, options)?).add_subclass(Self))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let records = slf.as_super().get();
        // A reader that was closed has no options any more.
        let fields = records.base().ok().and_then(|base| fields_of(&base));
        let fields = fields.map_or(String::new(), |fields| format!(", fields={fields:?}"));
        format!(
            "RecordReader({:?}, records={}{fields})",
            records.name(),
            records.view.len
        )
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, records) = (slf.py(), slf.as_super().get());
        let source = match &records.origin.pickled {
            Some(Pickled::Path(path)) => path.into_pyobject(py)?.into_any(),
            Some(Pickled::Content(content)) => content.bind(py).clone().into_any(),
            _ => {
                return Err(PyTypeError::new_err(
                    "a reader of a file object cannot be pickled",
                ));
            }
        };
        let options = pickled(records.base()?.options());
        let View { start, step, len } = records.view;
        let recovered = records.origin.recovered;
        let arguments = (source, options, (start, step, len), recovered).into_pyobject(py)?;
        Ok((function(py, "_open_reader")?, arguments))
    }

    /// The file's path.
    #[getter]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyString>>> {
        let path = slf.as_super().get().path();
        Ok(path.map(|path| path.into_pyobject(slf.py())).transpose()?)
    }

    /// Size of the file in bytes.
    #[getter]
    fn file_bytes(slf: &Bound<'_, Self>) -> PyResult<u64> {
        with_reader(slf, Reader::file_bytes)
    }

    /// Bytes of the file that its index covers.
    #[getter]
    fn sealed_bytes(slf: &Bound<'_, Self>) -> PyResult<u64> {
        with_reader(slf, Reader::sealed_bytes)
    }

    /// Whether the file has no index that can be used.
    #[getter]
    fn is_scanned(slf: &Bound<'_, Self>) -> PyResult<bool> {
        with_reader(slf, Reader::is_scanned)
    }

    /// What was skipped so far.
    #[getter]
    fn skipped(slf: &Bound<'_, Self>) -> PyResult<Vec<Fault>> {
        with_reader(slf, |reader| reader.skipped().iter().map(fault).collect())
    }

    /// Chunks of records in the file.
    #[getter]
    fn num_chunks(slf: &Bound<'_, Self>) -> PyResult<u64> {
        with_reader(slf, Reader::num_chunks)
    }

    /// Records per chunk.
    #[getter]
    fn group_size(slf: &Bound<'_, Self>) -> PyResult<u64> {
        with_reader(slf, |reader| reader.footer().group_size)
    }

    /// How the records are laid out.
    #[getter]
    fn layout(slf: &Bound<'_, Self>) -> PyResult<&'static str> {
        let layout = |has_pages| {
            if has_pages {
                Layout::Pages
            } else {
                Layout::Groups
            }
        };
        with_reader(slf, |reader| {
            layout(reader.footer().metadata.has_pages).name()
        })
    }

    /// The dictionaries in the file.
    #[getter]
    fn dictionaries(slf: &Bound<'_, Self>) -> PyResult<Vec<Dictionary>> {
        let py = slf.py();
        let read = with_reader(slf, |reader| {
            py.detach(|| reader.dictionaries().map(<[_]>::to_vec))
        })?;
        Ok(read.map_err(raise)?.into_iter().map(Dictionary).collect())
    }

    /// What the writer said of its options.
    #[getter]
    fn writer_options(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        with_reader(slf, |reader| {
            reader.writer_options_string().map(str::to_owned)
        })
    }

    /// The fields that are read of each record.
    #[getter]
    fn fields(slf: &Bound<'_, Self>) -> PyResult<Option<Vec<String>>> {
        Ok(fields_of(&*slf.as_super().get().base()?))
    }

    /// What the file says of its records.
    fn records_metadata<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, base) = (slf.py(), slf.as_super().get().base()?);
        let Base::File(reader) = &*base else {
            unreachable!("a RecordReader is made of one file");
        };
        let metadata = py.detach(|| reader.records_metadata()).map_err(raise)?;
        metadata.map(|metadata| to_object(py, metadata)).transpose()
    }

    /// The key/value pairs of the footer.
    #[getter]
    fn metadata<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let pairs = with_reader(slf, |reader| reader.user_metadata().to_vec())?;
        let metadata = PyDict::new(slf.py());
        for (key, value) in pairs {
            metadata.set_item(key, PyBytes::new(slf.py(), &value))?;
        }
        Ok(metadata)
    }

    /// What was done so far.
    fn stats(slf: &Bound<'_, Self>) -> PyResult<HashMap<&'static str, u64>> {
        let stats = with_reader(slf, Reader::stats)?;
        Ok(HashMap::from([
            ("reads", stats.reads),
            ("bytes_read", stats.bytes_read),
            ("chunks_decoded", stats.chunks_decoded),
            ("cache_hits", stats.cache_hits),
            ("chunks_skipped", stats.chunks_skipped),
            ("index_bytes", stats.index_bytes),
        ]))
    }

    /// Checks the file behind this reader.
    #[pyo3(signature = (deep=false))]
    fn verify(slf: &Bound<'_, Self>, deep: bool) -> PyResult<VerifyReport> {
        let path = Self::path(slf)?
            .ok_or_else(|| PyValueError::new_err("only a file with a path can be verified"))?;
        verify(slf.py(), path.as_any(), deep, 1000, None)
    }
}

/// The records of many files.
#[pyclass(frozen, extends = Records, sequence, module = "windrow")]
pub struct DataSource;

#[pymethods]
impl DataSource {
    #[new]
    #[pyo3(signature = (
        paths, reader_options=None, *, max_open_files=256, fingerprint=None, **keywords
    ))]
    fn new(
        paths: &Bound<'_, PyAny>,
        reader_options: Option<&Bound<'_, PyAny>>,
        max_open_files: usize,
        fingerprint: Option<String>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let options = crate::options::reader(reader_options, keywords)?;
        if max_open_files == 0 {
            return Err(PyValueError::new_err("max_open_files must be at least 1"));
        }
        let parts = parts_of(paths)?;
        let py = paths.py();
        let records = open_source(py, parts, options, max_open_files, fingerprint)?;
        Ok(PyClassInitializer::from(records).add_subclass(Self))
    }

    /// The records with these numbers, for torch and TFDS.
    #[pyo3(signature = (indices, /))]
    fn __getitems__<'py>(
        slf: &Bound<'py, Self>,
        indices: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let records = slf.as_super().get();
        Ok(records.read_places(indices, &Missing::Raise)?.into_any())
    }

    /// The records with these numbers, for Grain.
    #[pyo3(signature = (indices, /))]
    fn _getitems<'py>(
        slf: &Bound<'py, Self>,
        indices: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::__getitems__(slf, indices)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let records = slf.as_super().get();
        let fingerprint = Self::fingerprint(slf)?;
        Ok(format!(
            "DataSource(records={}, fingerprint={fingerprint})",
            records.view.len
        ))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, records) = (slf.py(), slf.as_super().get());
        let Some(Pickled::Parts { max_open_files }) = &records.origin.pickled else {
            return Err(PyTypeError::new_err("this source cannot be pickled"));
        };
        let options = pickled(records.base()?.options());
        let parts: Vec<Part> = with_files(slf, |files| {
            files
                .instructions()
                .map(|part| {
                    (
                        part.filename,
                        part.start,
                        part.num_records,
                        part.examples_in_shard,
                    )
                })
                .collect()
        })?;
        let View { start, step, len } = records.view;
        let fingerprint = records.origin.fingerprint.clone();
        let arguments = (
            parts,
            options,
            *max_open_files,
            fingerprint,
            (start, step, len),
        );
        Ok((function(py, "_open_source")?, arguments.into_pyobject(py)?))
    }

    /// The file of each part, in order.
    #[getter]
    fn paths(slf: &Bound<'_, Self>) -> PyResult<Vec<OsString>> {
        with_files(slf, |files| {
            files
                .instructions()
                .map(|part| part.filename.into_os_string())
                .collect()
        })
    }

    /// Number of parts.
    #[getter]
    fn num_files(slf: &Bound<'_, Self>) -> PyResult<usize> {
        with_files(slf, Files::num_files)
    }

    /// File, first record and number of records of each part.
    #[getter]
    fn parts(slf: &Bound<'_, Self>) -> PyResult<Vec<(OsString, u64, u64)>> {
        with_files(slf, |files| {
            files
                .instructions()
                .map(|part| (part.filename.into_os_string(), part.start, part.num_records))
                .collect()
        })
    }

    /// Names what this source holds.
    #[getter]
    fn fingerprint(slf: &Bound<'_, Self>) -> PyResult<String> {
        let (py, records) = (slf.py(), slf.as_super().get());
        if let Some(given) = &records.origin.fingerprint {
            let View { start, step, len } = records.view;
            return Ok(if records.view == View::all(records.base()?.len()) {
                given.clone()
            } else {
                format!("{given}, start={start}, step={step}, len={len}")
            });
        }
        let hash = py.import("hashlib")?.call_method0("sha256")?;
        let update =
            |text: String| hash.call_method1("update", (PyBytes::new(py, text.as_bytes()),));
        for (file, start, len) in Self::parts(slf)? {
            let file = file.to_string_lossy();
            update(format!("{}:{file}[{start}:{}]\n", file.len(), start + len))?;
        }
        let View { start, step, len } = records.view;
        update(format!("{start},{step},{len}\n"))?;
        if let Some(fields) = Self::fields(slf)? {
            update(format!("{} fields\n", fields.len()))?;
            for field in fields {
                update(format!("{}:{field}\n", field.len()))?;
            }
        }
        let digest: String = hash.call_method0("hexdigest")?.extract()?;
        Ok(digest.chars().take(32).collect())
    }

    /// The fields that are read of each record.
    #[getter]
    fn fields(slf: &Bound<'_, Self>) -> PyResult<Option<Vec<String>>> {
        Ok(fields_of(&*slf.as_super().get().base()?))
    }

    /// The part that holds a record, and the record's number in that part's file.
    fn locate(slf: &Bound<'_, Self>, index: &Bound<'_, PyAny>) -> PyResult<(usize, u64)> {
        let records = slf.as_super().get();
        let index = number(index, &records.view, records.name())?;
        let record = records.view.at(records.view.place(index, records.name())?);
        with_files(slf, |files| files.locate(record))?.map_err(raise)
    }

    /// What was skipped so far: file and fault.
    #[getter]
    fn skipped(slf: &Bound<'_, Self>) -> PyResult<Vec<(OsString, Fault)>> {
        with_files(slf, |files| {
            let of_file = |(name, skipped): (SourceName, windrow::Fault)| {
                let path = name.as_path().map(|path| path.as_os_str().to_owned());
                (path.unwrap_or_default(), fault(&skipped))
            };
            files.skipped().into_iter().map(of_file).collect()
        })
    }

    /// Closes the files that are open; the next read opens them again.
    fn close_files(slf: &Bound<'_, Self>) -> PyResult<()> {
        with_files(slf, Files::close_files)
    }
}

/// A view in the class of what it is a view of.
pub fn wrap(py: Python<'_>, records: Records) -> PyResult<Bound<'_, PyAny>> {
    let is_file = matches!(&*records.base()?, Base::File(_));
    let base = PyClassInitializer::from(records);
    Ok(if is_file {
        Bound::new(py, base.add_subclass(RecordReader))?.into_any()
    } else {
        Bound::new(py, base.add_subclass(DataSource))?.into_any()
    })
}

/// Makes a reader from its pickle.
#[pyfunction]
pub fn _open_reader<'py>(
    source: &Bound<'py, PyAny>,
    options: PickledOptions,
    view: (u64, i64, u64),
    recovered: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let options = unpickled(&options)?;
    let records = if recovered {
        let (py, place) = (source.py(), Place::new(source)?);
        let (reader, origin, _) = recover_place(py, place, options, None, None)?;
        Records::new(Base::File(reader), origin)
    } else {
        open_reader(source, options)?
    };
    wrap(source.py(), restored(records, view)?)
}

/// Makes a source from its pickle.
#[pyfunction]
pub fn _open_source<'py>(
    py: Python<'py>,
    parts: Vec<Part>,
    options: PickledOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
    view: (u64, i64, u64),
) -> PyResult<Bound<'py, PyAny>> {
    let options = unpickled(&options)?;
    let records = open_source(
        py,
        unpickled_parts(parts),
        options,
        max_open_files,
        fingerprint,
    )?;
    wrap(py, restored(records, view)?)
}

/// The parts of a source, from its pickle.
pub fn unpickled_parts(parts: Vec<Part>) -> Vec<SourcePart> {
    let parts = parts
        .into_iter()
        .map(|(filename, start, num_records, examples_in_shard)| {
            SourcePart::Records(FileInstruction {
                filename,
                start,
                num_records,
                examples_in_shard,
            })
        });
    parts.collect()
}

/// An option string, and what it does not know: the limits in bytes (chunk, record, batch, cache), `on_corrupt` and the
/// fields.
pub type PickledOptions = (String, (u64, u64, u64, u64), String, Option<Vec<String>>);

pub fn pickled(options: &ReaderOptions) -> PickledOptions {
    let limits = (
        options.max_chunk_bytes(),
        options.max_record_bytes(),
        options.max_batch_bytes(),
        options.chunk_cache_bytes(),
    );
    let on_corrupt = options.on_corrupt().to_string();
    let fields = options.fields().map(<[String]>::to_vec);
    (options.to_string(), limits, on_corrupt, fields)
}

pub fn unpickled(
    (options, limits, on_corrupt, fields): &PickledOptions,
) -> PyResult<ReaderOptions> {
    let options = options.parse::<ReaderOptions>();
    let options = options.map_err(|error| raise(error.into()))?;
    let on_corrupt = on_corrupt.parse::<OnCorrupt>();
    let on_corrupt = on_corrupt.map_err(|error| raise(error.into()))?;
    let &(chunk, record, batch, cache) = limits;
    let options = match fields {
        Some(fields) => options.with_fields(fields),
        None => options,
    };
    Ok(options
        .with_max_chunk_bytes(chunk)
        .with_max_record_bytes(record)
        .with_max_batch_bytes(batch)
        .with_chunk_cache_bytes(cache)
        .with_on_corrupt(on_corrupt))
}

fn restored(mut records: Records, view: (u64, i64, u64)) -> PyResult<Records> {
    let total = records.view.len;
    records.view = View::checked(view, total).ok_or_else(|| {
        let message = format!(
            "{} has {total} records now, fewer than when it was pickled",
            records.name()
        );
        exception("SourceError", "instruction", message)
    })?;
    Ok(records)
}

/// Opens a path, content or a file object.
fn open_reader(source: &Bound<'_, PyAny>, options: ReaderOptions) -> PyResult<Records> {
    let (py, place) = (source.py(), Place::new(source)?);
    let origin = Origin::of(py, &place);
    let reader = py.detach(|| match place {
        Place::Path(path) => Reader::open_with(path, options),
        Place::Content(_, store) => Reader::from_store(store, SourceName::MEMORY, options),
        Place::Object(file) => {
            let options = options.with_max_parallelism(Some(0));
            Reader::from_store(file, SourceName::MEMORY, options)
        }
    });
    Ok(Records::new(Base::File(reader.map_err(raise)?), origin))
}

/// Opens a file.
pub fn open_path(py: Python<'_>, path: PathBuf, options: ReaderOptions) -> PyResult<Records> {
    let origin = Origin::of_path(&path);
    let reader = py.detach(|| Reader::open_with(path, options));
    Ok(Records::new(Base::File(reader.map_err(raise)?), origin))
}

/// Opens what the parts name.
fn open_source(
    py: Python<'_>,
    parts: Vec<SourcePart>,
    options: ReaderOptions,
    max_open_files: usize,
    fingerprint: Option<String>,
) -> PyResult<Records> {
    let name = match &parts[..] {
        [SourcePart::Path(path)] => path.display().to_string(),
        [SourcePart::Records(part)] => part.filename.display().to_string(),
        parts => format!("source of {} files", parts.len()),
    };
    let kept = options.clone();
    let files = py
        .detach(|| Files::open_parts(parts, kept, max_open_files))
        .map_err(raise)?;
    let pickled = Some(Pickled::Parts { max_open_files });
    Ok(Records::new(
        Base::Files(files, options),
        Origin {
            name,
            pickled,
            fingerprint,
            recovered: false,
        },
    ))
}

/// The parts that a user names: one or a sequence of paths, patterns and instructions.
pub fn parts_of(paths: &Bound<'_, PyAny>) -> PyResult<Vec<SourcePart>> {
    let mut parts = Vec::new();
    if is_path(paths)? || paths.hasattr("filename")? {
        push_part(paths, &mut parts)?;
        return Ok(parts);
    }
    if paths.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "paths must be str or PathLike, not bytes",
        ));
    }
    let all = paths.try_iter().map_err(|_| {
        PyTypeError::new_err(format!(
            "paths must be a path, an instruction or a sequence of them, not {}",
            type_name(paths)
        ))
    })?;
    for path in all {
        push_part(&path?, &mut parts)?;
    }
    Ok(parts)
}

fn push_part(path: &Bound<'_, PyAny>, parts: &mut Vec<SourcePart>) -> PyResult<()> {
    if let Some(filename) = path.getattr_opt("filename")? {
        parts.push(SourcePart::Records(instruction_of(
            path,
            local_path(&filename)?,
        )?));
        return Ok(());
    }
    if !is_path(path)? {
        return Err(PyTypeError::new_err(format!(
            "a path must be str, PathLike or an instruction, not {}",
            type_name(path)
        )));
    }
    let path = local_path(path)?;
    match path.to_str() {
        Some(pattern) => {
            let paths = expand_pattern(pattern).map_err(raise)?;
            parts.extend(paths.into_iter().map(SourcePart::Path));
        }
        None => parts.push(SourcePart::Path(path)),
    }
    Ok(())
}

/// The shape of TFDS: `take` records behind the first `skip`, -1 for all of the rest.
fn instruction_of(object: &Bound<'_, PyAny>, filename: PathBuf) -> PyResult<FileInstruction> {
    let skip: u64 = object.getattr("skip")?.extract()?;
    let take: i64 = object.getattr("take")?.extract()?;
    let in_shard: Option<i64> = match object.getattr_opt("examples_in_shard")? {
        Some(examples) => examples.extract()?,
        None => None,
    };
    match in_shard.and_then(|examples| u64::try_from(examples).ok()) {
        Some(examples) => FileInstruction::from_tfds(filename, skip, take, examples).map_err(raise),
        None => match u64::try_from(take) {
            Ok(take) => Ok(FileInstruction::new(filename, skip, take)),
            Err(_) => Err(PyValueError::new_err(format!(
                "an instruction with take={take} needs examples_in_shard"
            ))),
        },
    }
}

fn fields_of(base: &Base) -> Option<Vec<String>> {
    base.options().fields().map(<[String]>::to_vec)
}

fn with_reader<R>(slf: &Bound<'_, RecordReader>, get: impl FnOnce(&Reader) -> R) -> PyResult<R> {
    match &*slf.as_super().get().base()? {
        Base::File(reader) => Ok(get(reader)),
        Base::Files(..) => unreachable!("a RecordReader is made of one file"),
    }
}

fn with_files<R>(slf: &Bound<'_, DataSource>, get: impl FnOnce(&Files) -> R) -> PyResult<R> {
    match &*slf.as_super().get().base()? {
        Base::Files(files, _) => Ok(get(files)),
        Base::File(_) => unreachable!("a DataSource is made of many files"),
    }
}

pub fn function<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("windrow._core")?.getattr(name)
}
