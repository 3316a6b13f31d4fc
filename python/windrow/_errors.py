"""What can go wrong. Every class is also the class that Python, or `array_record`, would have raised."""

from __future__ import annotations

from typing import Any


class WindrowError(RuntimeError):
    """Anything that this package raises about files. The message is one line.

    Takes one string, so that worker processes can raise it again; attributes survive pickling.
    """

    code: str | None = None
    """A stable name of what is wrong, such as `"chunk_data_hash"`."""
    path: str | None = None
    """The file."""
    byte_offset: int | None = None
    """Where in the file."""
    chunk_index: int | None = None
    """The chunk of records, counted from zero."""
    record_range: tuple[int, int] | None = None
    """The records that cannot be read because of it, half-open."""

    def __str__(self) -> str:
        # OSError would put a text of its own together.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError keeps these outside of its dictionary.
        kept = {name: getattr(self, name, None) for name in ("errno", "strerror", "filename")}
        state = {name: value for name, value in kept.items() if value is not None}
        return type(self), self.args, {**state, **self.__dict__}


class CorruptError(WindrowError):
    """The bytes of a file are not what they should be: damaged, cut short, or of another kind."""


class UnsupportedError(WindrowError, NotImplementedError):
    """A kind of file, path or option that this release does not handle."""


class LimitError(WindrowError, ValueError):
    """More than an option allows; the message names the option."""


class OptionsError(WindrowError, ValueError):
    """An option that does not exist, is out of range, or contradicts another."""


class OutOfRangeError(WindrowError, IndexError, ValueError):
    """A record that is not there."""


class SourceError(WindrowError, ValueError):
    """Paths, patterns or instructions that are no source, or do not fit their file."""


class SchemaError(WindrowError, ValueError):
    """A table that no file can hold, or rows that do not fit theirs: other columns, other types."""


class NoColumnError(SchemaError, KeyError):
    """A column that is not there."""


class ClosedError(WindrowError, ValueError):
    """A reader or writer that was closed."""


class WriterError(WindrowError):
    """A writer that cannot go on: it failed before, or belongs to another process."""


class StorageError(WindrowError, OSError):
    """The operating system, or whatever holds the file, refused."""


class MissingFileError(StorageError, FileNotFoundError):
    """There is no such file."""


class ForbiddenError(StorageError, PermissionError):
    """The file may not be read or written."""


class NoDirectoryError(StorageError, NotADirectoryError):
    """A path leads through something that is not a folder."""


class DirectoryError(StorageError, IsADirectoryError):
    """A folder where a file is needed."""


class LockedError(StorageError, BlockingIOError):
    """Another writer is at work on the file."""
