"""What a file says of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn


class RecordsMetadata:
    """What a file says of its records, in front of them. Readers find fields by their names with it.

    Nothing of it is needed to read a file, and none of it is checked against the records. Immutable and hashable.

        metadata = RecordsMetadata.for_message(Visit)
        windrow.RecordWriter(path, "group_size:1000,transpose", records_metadata=metadata)

    Args:
        record_type_name: the full name of the protocol buffer message that every record is, such as `"shop.Visit"`.
        file_comment: what the file holds, for people.
        file_descriptors: serialized `google.protobuf.FileDescriptorProto` messages that define the type, each behind
            all that it needs. Default: none.
        record_writer_options: the options of a writer, in the grammar of that writer. Windrow says its own elsewhere;
            see `RecordReader.writer_options`.
        num_records: about how many records the file has, -2**63 to 2**63 - 1. Windrow neither fills nor uses it.
        other_fields: fields of the message that this class does not know, as they stand in it. Default: none.

    Text and number default to `None`: not said.

    Raises:
        TypeError: a value of another type.
        ValueError: `num_records` of more than 64 bits.
    """

    __slots__ = (
        "_file_comment",
        "_file_descriptors",
        "_num_records",
        "_other_fields",
        "_record_type_name",
        "_record_writer_options",
    )

    _record_type_name: str | None
    _file_comment: str | None
    _file_descriptors: tuple[bytes, ...]
    _record_writer_options: str | None
    _num_records: int | None
    _other_fields: bytes

    def __init__(
        self,
        record_type_name: str | None = None,
        file_comment: str | None = None,
        file_descriptors: Iterable[bytes] = (),
        *,
        record_writer_options: str | None = None,
        num_records: int | None = None,
        other_fields: bytes = b"",
    ) -> None:
        if isinstance(file_descriptors, (bytes, str)):
            raise TypeError("file_descriptors must be an iterable of bytes: one for each file")
        descriptors = tuple(_checked("a file descriptor", bytes, value) for value in file_descriptors)
        if num_records is not None and not -(2**63) <= _checked("num_records", int, num_records) < 2**63:
            raise ValueError(f"num_records has more than 64 bits: {num_records}")
        values = (
            _checked("file_comment", str, file_comment, optional=True),
            descriptors,
            num_records,
            _checked("other_fields", bytes, other_fields),
            _checked("record_type_name", str, record_type_name, optional=True),
            _checked("record_writer_options", str, record_writer_options, optional=True),
        )
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def for_message(cls, message: Any, *, file_comment: str | None = None) -> RecordsMetadata:
        """For records that are messages of one type: its name, and the descriptors that define it.

        Args:
            message: a message class of `protobuf`, one of its messages, or its descriptor.
            file_comment: what the file holds, for people. Default `None`.

        Raises:
            TypeError: not a message.
        """
        descriptor = getattr(message, "DESCRIPTOR", message)
        # Enums, fields and services have a name and a file too.
        if not all(hasattr(descriptor, name) for name in ("full_name", "file", "fields_by_number")):
            raise TypeError(f"a message class of protobuf, or its descriptor, is needed, not {message!r}")
        return cls(descriptor.full_name, file_comment, _files(descriptor.file, set()))

    @property
    def record_type_name(self) -> str | None:
        """The full name of the message that every record is."""
        return self._record_type_name

    @property
    def file_comment(self) -> str | None:
        """What the file holds, for people."""
        return self._file_comment

    @property
    def file_descriptors(self) -> tuple[bytes, ...]:
        """Serialized `FileDescriptorProto` messages, each behind all that it needs."""
        return self._file_descriptors

    @property
    def record_writer_options(self) -> str | None:
        """The options of a writer."""
        return self._record_writer_options

    @property
    def num_records(self) -> int | None:
        """About how many records the file has."""
        return self._num_records

    @property
    def other_fields(self) -> bytes:
        """Fields of the message that this class does not know."""
        return self._other_fields

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, RecordsMetadata) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        texts = ("record_type_name", "file_comment", "record_writer_options", "num_records")
        said = {name: repr(getattr(self, name)) for name in texts if getattr(self, name) is not None}
        if self._file_descriptors:
            # They are long, and not for people.
            sizes = ", ".join(f"<{len(descriptor)} bytes>" for descriptor in self._file_descriptors)
            said["file_descriptors"] = f"[{sizes}]"
        if self._other_fields:
            said["other_fields"] = f"<{len(self._other_fields)} bytes>"
        return f"RecordsMetadata({', '.join(f'{name}={value}' for name, value in said.items())})"

    def __reduce__(self) -> tuple[Callable[..., RecordsMetadata], tuple[Any, ...]]:
        return _restored, (
            self._record_type_name,
            self._file_comment,
            self._file_descriptors,
            self._record_writer_options,
            self._num_records,
            self._other_fields,
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name!r}: a RecordsMetadata is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a RecordsMetadata is immutable")


def _restored(
    record_type_name: str | None,
    file_comment: str | None,
    file_descriptors: tuple[bytes, ...],
    record_writer_options: str | None,
    num_records: int | None,
    other_fields: bytes,
) -> RecordsMetadata:
    """From a pickle, or from a file."""
    return RecordsMetadata(
        record_type_name,
        file_comment,
        file_descriptors,
        record_writer_options=record_writer_options,
        num_records=num_records,
        other_fields=other_fields,
    )


def _checked(name: str, kind: type, value: Any, *, optional: bool = False) -> Any:
    if (optional and value is None) or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def _files(file: Any, seen: set[str]) -> Iterator[bytes]:
    """The descriptor of a file behind those of all files that it needs, each once."""
    if file.name not in seen:
        seen.add(file.name)
        for needed in file.dependencies:
            yield from _files(needed, seen)
        yield file.serialized_pb
