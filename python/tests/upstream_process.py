"""array_record in a process of its own: imported here, it would keep `windrow.compat` from taking its name."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


class Upstream:
    """Writes and reads whole files. Ends with its `with` statement."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def __enter__(self) -> Upstream:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()
        self._process.join(10)

    def _ask(self, call: str, *arguments: object) -> Any:
        self._connection.send((call, arguments))
        return self._connection.recv()

    def write(self, path: Path, records: Sequence[bytes], options: str) -> Path:
        """Writes a file; its path."""
        assert self._ask("write", str(path), list(records), options) is None
        return path

    def read(self, path: Path) -> list[bytes]:
        """All records of a file."""
        records = self._ask("read", str(path))
        assert isinstance(records, list), records
        return records

    def options(self, path: Path) -> str:
        """What a file says of its writer's options."""
        return str(self._ask("options", str(path)))


def _serve(connection: Connection) -> None:
    calls = {"write": _write, "read": _read, "options": _options}
    while True:
        try:
            call, arguments = connection.recv()
        except EOFError:
            return
        try:
            result = calls[call](*arguments)
        except Exception as error:
            result = repr(error)
        connection.send(result)


def _write(path: str, records: list[bytes], options: str) -> None:
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(path, options)
    for record in records:
        writer.write(record)
    writer.close()


def _read(path: str) -> list[bytes]:
    from array_record.python.array_record_module import ArrayRecordReader

    reader = ArrayRecordReader(path)
    if not reader.ok():
        raise ValueError(f"upstream cannot open {path}")
    return list(reader.read_all())


def _options(path: str) -> str:
    from array_record.python.array_record_module import ArrayRecordReader

    return str(ArrayRecordReader(path).writer_options_string())
