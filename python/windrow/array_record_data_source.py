"""Stands in for `array_record.python.array_record_data_source`.

The same class with the same signature, attributes and `repr`, over `windrow.DataSource`; the helper functions that
other libraries and launch scripts reach for are here under their names. See `windrow.compat` for programs that import
the module under its old name.

The command line flags that upstream defines exist where absl is installed, so that launch scripts which pass them go
on working, but threads are chosen by `max_parallelism` of the reader options. They may be defined again, so upstream
can be imported in the same process, before or after this module.
"""

from __future__ import annotations

import bisect
import concurrent.futures
import dataclasses
import hashlib
import itertools
import logging
import operator
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple, Self, SupportsIndex, TypeAlias, TypeVar, cast, overload

from windrow import array_record_module
from windrow._core import DataSource
from windrow._errors import OutOfRangeError, SourceError
from windrow._instruction import FileInstruction

__all__ = ["ArrayRecordDataSource", "ArrayRecordDataSourcePaths", "FileInstruction", "PathLikeOrFileInstruction"]

T = TypeVar("T")

PathLikeOrFileInstruction: TypeAlias = str | os.PathLike[str] | FileInstruction
"""One file, or some records of it. Also any object with `filename`, `skip`, `take` and `examples_in_shard`."""
ArrayRecordDataSourcePaths: TypeAlias = PathLikeOrFileInstruction | Sequence[PathLikeOrFileInstruction]
"""What a source is made of."""

# Upstream understands these in `reader_options`; it refuses `readahead_buffer_size`, which it sets itself.
_UPSTREAM_OPTIONS = ("max_parallelism", "index_storage_option", "footer_prefetch_bytes")

_RANGE = re.compile(r".*\[\d+:\d+\]", re.DOTALL)


class _PlainFlag(NamedTuple):
    """A flag where there is no absl: always its default."""

    default: int | None

    @property
    def value(self) -> int | None:
        return self.default


try:
    _absl_flags: Any = import_module("absl.flags")
except ImportError:
    _absl_flags = None


def _flag(name: str, default: int | None, meaning: str) -> Any:
    if _absl_flags is None:
        return _PlainFlag(default)
    if name in _absl_flags.FLAGS:
        return _absl_flags.FlagHolder(_absl_flags.FLAGS, _absl_flags.FLAGS[name])
    # Upstream may be imported after this module, and defines its flags without looking.
    return _absl_flags.DEFINE_integer(name, default, meaning, allow_override=True)


_GRAIN_NUM_THREADS_COMPUTING_NUM_RECORDS = _flag(
    "grain_num_threads_computing_num_records", 64, "Without effect: see max_parallelism of the reader options."
)
_GRAIN_NUM_THREADS_FETCHING_RECORDS = _flag(
    "grain_num_threads_fetching_records", 64, "Without effect: see max_parallelism of the reader options."
)
_ARRAY_RECORD_READER_POOL_SIZE = _flag("array_record_reader_pool_size", None, "Without effect.")


def _get_flag_value(flag: Any) -> Any:
    """The flag's value, or its default in a program that does not parse flags."""
    if _absl_flags is None:
        return flag.value
    try:
        return flag.value
    except _absl_flags.UnparsedFlagAccessError:
        return flag.default


@dataclasses.dataclass(frozen=True)
class _ReadInstruction:
    """Records `start` to `end` of a file."""

    filename: str
    start: int
    end: int
    num_records: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_records", self.end - self.start)


def _run_in_parallel(
    function: Callable[..., T], list_of_kwargs_to_function: Sequence[Mapping[str, Any]], num_workers: int
) -> list[T]:
    """Calls `function` with each of the mappings as keywords, in `num_workers` threads (at least 1).

    The results come in the order of the mappings. An exception of the function is raised, and calls that have not
    begun by then are not made.
    """
    if num_workers < 1:
        raise ValueError("num_workers must be >=1 for parallelism.")
    with concurrent.futures.ThreadPoolExecutor(num_workers) as pool:
        calls = [pool.submit(function, **keywords) for keywords in list_of_kwargs_to_function]
        for call in concurrent.futures.wait(calls, return_when=concurrent.futures.FIRST_EXCEPTION).not_done:
            call.cancel()
        # Calls begin in order, so none in front of the one that failed was cancelled.
        return [call.result() for call in calls]


def _get_read_instructions(paths: Sequence[PathLikeOrFileInstruction]) -> list[_ReadInstruction]:
    """The files and ranges that paths stand for. Whole files are opened, because their records must be counted."""
    return _instructions_of(DataSource(_plain_parts(paths)))


def _instructions_of(source: DataSource) -> list[_ReadInstruction]:
    return [_ReadInstruction(path, start, start + count) for path, start, count in source.parts]


def _create_reader(
    filename: str | os.PathLike[str], additional_reader_options: str
) -> array_record_module.ArrayRecordReader:
    """A reader for random reads; `additional_reader_options` is an option string."""
    options = additional_reader_options
    if "readahead_buffer_size" not in options:
        options = f"readahead_buffer_size:0,{options}"
    return array_record_module.ArrayRecordReader(filename, options)


def _check_group_size(filename: str | os.PathLike[str], reader: array_record_module.ArrayRecordReader) -> None:
    """Logs an error if the file's chunks hold more than one record, through absl where that is loaded.

    For callers that want files which are fast with upstream too. Sources do not call it: they keep decoded chunks, so
    that larger groups are read well.

    Raises:
        ValueError: the writer's options do not state the group size.
    """
    options = reader.writer_options_string()
    if not options:  # Files of before October 2022 do not say.
        return
    stated = re.search(r"group_size:(\d+),", options)
    if stated is None:
        raise ValueError(f"no group_size in the writer options of {filename}: {options}")
    if int(stated[1]) != 1:
        logger: Any = sys.modules.get("absl.logging", logging.getLogger("windrow"))
        logger.error(
            "File %s was created with group size %s. Grain requires group size 1 for good performance with "
            "array_record; write it again with 'group_size:1' if that is to read it.",
            filename,
            stated[1],
        )


def _plain_parts(paths: Any) -> list[str | FileInstruction]:
    """Checks what a source is made of, and brings it into the two forms that `DataSource` takes without a check of
    `examples_in_shard`: upstream never looked at it, so existing programs may state anything.
    """
    if isinstance(paths, str | os.PathLike | FileInstruction):
        paths = [paths]
    elif not isinstance(paths, Sequence):
        raise SourceError(
            f"paths must be a str, an os.PathLike, a FileInstruction or a sequence of these, not {type(paths).__name__}"
        )
    if len(paths) == 0:
        raise SourceError("paths must not be empty")
    return [_plain_part(path) for path in paths]


def _plain_part(path: Any) -> str | FileInstruction:
    if isinstance(path, str | os.PathLike):
        name = os.fspath(path)
        if isinstance(name, str):
            return name
    elif isinstance(path, FileInstruction):
        if path.take == -1:
            path = FileInstruction(path.filename, path.skip, -1, path.examples_in_shard)
        return FileInstruction(path.filename, path.skip, path.take)
    raise SourceError(f"paths must hold str, os.PathLike of str, or FileInstruction, not {type(path).__name__}")


def _out_of_range() -> OutOfRangeError:
    # In upstream's words: programs look for them.
    error = OutOfRangeError("Record key should be in [0, num_records)")
    error.code = "out_of_range"
    return error


def _option_items(reader_options: Mapping[str, object] | str | None) -> list[tuple[str, object]]:
    if isinstance(reader_options, str):
        split = (item.partition(":") for item in reader_options.split(",") if item)
        return [(key, value) for key, _, value in split]
    return list((reader_options or {}).items())


def _for_upstream(reader_options: Mapping[str, object] | str | None) -> dict[str, str] | None:
    """As much of reader options as upstream understands."""
    options = {key: str(value) for key, value in _option_items(reader_options) if key in _UPSTREAM_OPTIONS}
    if options.get("index_storage_option") == "offloaded":
        options["footer_prefetch_bytes"] = "0"  # Upstream refuses any other value, its own default included.
    return options or None


def _unpickle(cls: type[Any], source: DataSource, reader_options: Mapping[str, object] | str | None) -> Any:
    """Makes what a pickle holds, before its state is set.

    A class that is pickled by name, such as Grain's, has upstream's class for a base in a process that does not run
    under `windrow.compat`. Then this is an upstream source of the same records.
    """
    if issubclass(cls, ArrayRecordDataSource):
        return cls.__new__(cls)
    return cls([FileInstruction(*part) for part in source.parts], _for_upstream(reader_options))


class _PathsAttribute:
    """`paths`, unless a subclass or an instance has an attribute of that name, which a property would not allow."""

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: ArrayRecordDataSource, owner: type[Any]) -> list[str]: ...
    def __get__(self, instance: ArrayRecordDataSource | None, owner: type[Any]) -> Self | list[str]:
        return self if instance is None else instance._paths


class ArrayRecordDataSource:
    """The records of one or more files, numbered through: `source[i]` is a record, as `bytes`.

    Whole files are opened at construction, because their records must be counted; instructions and `"path[a:b]"` are
    opened when first read. May be used from several threads, and in forked processes. Pickles as paths, ranges and
    counts; nothing is opened when it is unpickled. A `with` statement closes the files at its end; later reads open
    them again.

    Args:
        paths: a path, a `FileInstruction` (or any object with `filename`, `skip`, `take`, where -1 means the rest, and
            `examples_in_shard`), or a sequence of these.
        reader_options: options of the readers, as a mapping such as `{"max_parallelism": "4"}`, whose values may also
            be numbers, or as an option string. Default: none.

    Raises:
        ValueError: no path, something that is no path, a range that is none, an option that does not exist or fit.
        RuntimeError, and OSError where the system refuses: a whole file that cannot be opened.
    """

    paths = _PathsAttribute()
    """The files, in order."""

    def __init__(
        self, paths: ArrayRecordDataSourcePaths, reader_options: Mapping[str, object] | str | None = None
    ) -> None:
        parts = _plain_parts(paths)
        source = DataSource(parts, reader_options)
        files = set(source.paths)
        # `name[1:3]` may be the name of a file.
        ranges = any(not isinstance(part, str) or (_RANGE.fullmatch(part) and part not in files) for part in parts)
        self._adopt(source, reader_options, ranges)

    def _adopt(self, source: DataSource, reader_options: Mapping[str, object] | str | None, ranges: bool) -> None:
        self._source = source
        self._reader_options = reader_options
        self._ranges = ranges
        self._reader_options_string = ",".join(f"{key}:{value}" for key, value in _option_items(reader_options))
        self._read_instructions = _instructions_of(source)
        self._paths = [instruction.filename for instruction in self._read_instructions]
        self._prefix_sums = list(itertools.accumulate(part.num_records for part in self._read_instructions))
        self._num_records = self._prefix_sums[-1]
        self._readers: list[array_record_module.ArrayRecordReader | None] = [None] * len(self._paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._source.close_files()
        readers, self._readers = self._readers, [None] * len(self._paths)
        for reader in readers:
            if reader is not None:
                reader.close()

    def __len__(self) -> int:
        return self._num_records

    def __iter__(self) -> Iterator[bytes]:
        if type(self).__getitem__ is ArrayRecordDataSource.__getitem__:
            return iter(self._source)
        # Iterating goes through the `__getitem__` of a subclass, as with upstream.
        return (self[key] for key in range(self._num_records))

    @overload
    def __getitem__(self, record_key: SupportsIndex) -> bytes: ...
    @overload
    def __getitem__(self, record_key: slice[Any, Any, Any]) -> DataSource: ...
    @overload
    def __getitem__(self, record_key: Iterable[SupportsIndex]) -> list[bytes]: ...
    def __getitem__(
        self, record_key: SupportsIndex | slice[Any, Any, Any] | Iterable[SupportsIndex]
    ) -> bytes | DataSource | list[bytes]:
        """One record; a view, for a slice; a list of records, for a sequence or an array of one dimension.

        Raises:
            OutOfRangeError: a number that is negative or beyond the last record. A slice is cut to what there is.
            CorruptError, OSError: a record that cannot be read.
        """
        # The common case first: this is called once per record.
        if type(record_key) is int and 0 <= record_key < self._num_records:
            return self._source[record_key]
        if isinstance(record_key, slice):
            return self._source[record_key]
        if getattr(record_key, "ndim", 0) == 0 and hasattr(record_key, "__index__"):
            return self._source[self._checked(cast(SupportsIndex, record_key))]
        if isinstance(record_key, Iterable) and not isinstance(record_key, str | bytes):
            return self._read_keys(record_key)
        raise TypeError(f"record keys are integers, slices or sequences of integers, not {type(record_key).__name__}")

    def __getitems__(self, record_keys: Iterable[SupportsIndex]) -> list[bytes]:
        """The records with these numbers, in this order; numbers may repeat.

        Raises:
            OutOfRangeError: before anything is read. CorruptError, OSError: a record that cannot be read.
        """
        return self._read_keys(record_keys)

    def _getitems(self, record_keys: Iterable[SupportsIndex]) -> list[bytes]:
        """The same under the name that Grain uses, with what a subclass makes of records."""
        cls = type(self)
        if cls.__getitems__ is not ArrayRecordDataSource.__getitems__:
            return list(self.__getitems__(record_keys))
        # Grain reads upstream's sources one by one, so a `__getitem__` that decodes must be seen here too. Grain's own
        # one only measures time.
        if cls.__getitem__ is ArrayRecordDataSource.__getitem__ or cls.__getitem__.__module__.startswith("grain."):
            return self._read_keys(record_keys)
        return [self[key] for key in record_keys]

    def _read_keys(self, record_keys: Iterable[SupportsIndex]) -> list[bytes]:
        keys: Any = record_keys if hasattr(record_keys, "__len__") else list(record_keys)
        if len(keys) == 0:
            return []
        # Arrays and tensors are much faster at this than `min`. Negative numbers would count from the end.
        lowest = keys.min() if hasattr(keys, "min") else min(keys)
        if lowest < 0:
            raise _out_of_range()
        try:
            return self._source.read_many(keys)
        except OutOfRangeError:
            if any(operator.index(key) >= self._num_records for key in keys):
                raise _out_of_range() from None
            raise
        except TypeError:
            # Upstream takes truth values for 0 and 1.
            if not any(isinstance(key, bool) for key in keys):
                raise
            return self._source.read_many([operator.index(key) for key in keys])

    def _checked(self, record_key: SupportsIndex) -> int:
        key = operator.index(record_key)
        if not 0 <= key < self._num_records:
            raise _out_of_range()
        return key

    def _reader_idx_and_position(self, record_key: SupportsIndex) -> tuple[int, int]:
        """The part that holds a record, and the record's number in that part's file."""
        key = self._checked(record_key)
        part = bisect.bisect_right(self._prefix_sums, key)
        records_before = self._prefix_sums[part - 1] if part else 0
        return part, key - records_before + self._read_instructions[part].start

    def _split_keys_per_reader(self, record_keys: Iterable[SupportsIndex]) -> dict[int, list[tuple[int, int]]]:
        """For each part: the numbers of its records in the part's file, each with its place in `record_keys`."""
        split: dict[int, list[tuple[int, int]]] = {}
        for place, key in enumerate(record_keys):
            part, position = self._reader_idx_and_position(key)
            split.setdefault(part, []).append((position, place))
        return split

    def _ensure_reader_exists(self, reader_idx: int) -> None:
        """Puts a reader of its own for a part into `_readers`. Reading records does not need it."""
        # Without a lock, which a fork could leave held: of two threads, one opens for nothing.
        if self._readers[reader_idx] is None:
            self._readers[reader_idx] = _create_reader(self._paths[reader_idx], self._reader_options_string)

    def __getstate__(self) -> dict[str, Any]:
        derived = (
            "_reader_options_string",
            "_read_instructions",
            "_paths",
            "_prefix_sums",
            "_num_records",
            "_readers",
        )
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        own = dict(state)
        if "_source" in own:
            self._adopt(own.pop("_source"), own.pop("_reader_options"), own.pop("_ranges"))
        else:  # A pickle that upstream wrote.
            options = own.pop("_reader_options_string")
            parts = [FileInstruction(part.filename, part.start, part.num_records) for part in own["_read_instructions"]]
            self._adopt(DataSource(parts, options), options, False)
        self.__dict__.update(own)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return _unpickle, (type(self), self._source, self._reader_options), self.__getstate__()

    def __repr__(self) -> str:
        """Where only whole files are meant, the same as upstream's, so that checkpoints which hold it fit both."""
        digest = hashlib.sha1(usedforsecurity=False)
        for part in self._read_instructions:
            # Upstream's hash has no separators, and does not know which records are meant.
            name = f"{part.filename}[{part.start}:{part.end}]\0" if self._ranges else part.filename
            digest.update(name.encode(errors="surrogateescape"))
        return f"ArrayRecordDataSource(hash_of_paths={digest.hexdigest()})"
