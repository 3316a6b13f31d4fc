"""Which records of a file to read."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any, NoReturn, SupportsIndex

_TFDS_ATTRIBUTES = ("filename", "skip", "take", "examples_in_shard")


class _DuckTyped(type):
    """Lets instructions of other libraries pass `isinstance(x, FileInstruction)`.

    TFDS and others have classes of their own; what they share is four attributes, as in `array_record`.
    """

    def __instancecheck__(cls, instance: object) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        # A subclass of FileInstruction means itself only.
        return cls is FileInstruction and all(hasattr(instance, name) for name in _TFDS_ATTRIBUTES)


class FileInstruction(metaclass=_DuckTyped):
    """Records `start` to `start + num_records` of one file. Immutable and hashable.

    A source takes the file's length from its instructions and opens the file when it is first read. There are two
    ways to write the same instruction:

        FileInstruction("data.array_record", 1000, 500)
        FileInstruction(filename="data.array_record", skip=1000, take=500, examples_in_shard=32000)

    `isinstance(x, FileInstruction)` holds for every object with `filename`, `skip`, `take` and `examples_in_shard`,
    so the instructions of TFDS pass as they are.

    Args:
        filename: the file: `str` or any `os.PathLike` of it.
        start: first record, counted from 0. Default 0.
        num_records: how many records, 0 or more; -1 means the rest of `examples_in_shard`, which is the default if
            that is known.
        examples_in_shard: how many records the file holds. Default `None`: not known.
        skip: another name of `start`, by keyword only.
        take: another name of `num_records`, by keyword only.

    Raises:
        ValueError: a negative number, more records than `examples_in_shard`, or a number that is missing.
        TypeError: a filename that is no path, a number that is no integer, or a number under both of its names.
    """

    __slots__ = ("_examples_in_shard", "_filename", "_num_records", "_start")
    __match_args__ = ("filename", "start", "num_records")

    _filename: str
    _start: int
    _num_records: int
    _examples_in_shard: int | None

    def __init__(
        self,
        filename: str | os.PathLike[str],
        start: SupportsIndex | None = None,
        num_records: SupportsIndex | None = None,
        examples_in_shard: SupportsIndex | None = None,
        *,
        skip: SupportsIndex | None = None,
        take: SupportsIndex | None = None,
    ) -> None:
        path = os.fspath(filename)
        if not isinstance(path, str):
            raise TypeError(f"filename must be a str or a path of one, not {type(filename).__name__}")
        held = None if examples_in_shard is None else operator.index(examples_in_shard)
        if held is not None and held < 0:
            raise ValueError(f"examples_in_shard must not be negative: {held}")
        first = _either("start", start, "skip", skip, 0)
        if first < 0:
            raise ValueError(f"the first record must not be negative: {first}")
        count = _either("num_records", num_records, "take", take, None if held is None else -1)
        if count == -1:
            if held is None:
                raise ValueError("num_records may be -1 only where examples_in_shard is given")
            count = held - first
        elif count < 0:
            raise ValueError(f"num_records must be -1, 0 or more: {count}")
        if held is not None and not 0 <= count <= held - first:
            raise ValueError(f"records {first} to {first + max(count, 0)} are not within examples_in_shard: {held}")
        for name, value in zip(self.__slots__, (held, path, count, first), strict=True):
            object.__setattr__(self, name, value)

    @property
    def filename(self) -> str:
        """The file."""
        return self._filename

    @property
    def start(self) -> int:
        """First record, counted from 0."""
        return self._start

    @property
    def num_records(self) -> int:
        """How many records, 0 or more."""
        return self._num_records

    @property
    def skip(self) -> int:
        """The same as `start`."""
        return self._start

    @property
    def take(self) -> int:
        """The same as `num_records`."""
        return self._num_records

    @property
    def examples_in_shard(self) -> int | None:
        """How many records the file holds, `None` if that is not known."""
        return self._examples_in_shard

    def _key(self) -> tuple[str, int, int, int | None]:
        return self._filename, self._start, self._num_records, self._examples_in_shard

    def __eq__(self, other: object) -> bool:
        # Not `isinstance`: what merely looks like an instruction has an equality of its own.
        return self._key() == other._key() if type(other) is FileInstruction else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        held = "" if self._examples_in_shard is None else f", examples_in_shard={self._examples_in_shard}"
        return (
            f"FileInstruction(filename={self._filename!r}, start={self._start}, num_records={self._num_records}{held})"
        )

    def __reduce__(self) -> tuple[Callable[..., FileInstruction], tuple[Any, ...]]:
        return type(self), self._key()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name!r}: a FileInstruction is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a FileInstruction is immutable")


def _either(
    name: str, value: SupportsIndex | None, other_name: str, other_value: SupportsIndex | None, default: int | None
) -> int:
    """A number that has two names."""
    if value is not None and other_value is not None:
        raise TypeError(f"{name} and {other_name} are the same: give one of them")
    given = value if value is not None else other_value
    if given is not None:
        return operator.index(given)
    if default is None:
        raise ValueError(f"{name} is needed where examples_in_shard is not given")
    return default
