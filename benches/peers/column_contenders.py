"""What each format is asked to do with a table: column_contenders.py LIBRARY TABLE.

A child of `columns.py`, which see; `side_by_side.py` has the protocol. TABLE is a file of `column_data.py`. The clock
runs in here, around the library's calls alone. Reading includes opening the file, except for rows taken by their
numbers: those find it open, where the library has something to keep open.
"""

from __future__ import annotations

import gc
import importlib.metadata
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from column_data import load
from column_formats import FORMATS, Format
from contenders import resident_bytes
from side_by_side import give_memory_back, serve

SHOTS = 5
SHOT_SECONDS = 0.2
TAKEN = 1000
SINGLE_ROWS = 200
SINGLE_SECONDS = 0.3


class Measures:
    """What is measured of one format. The table is loaded when it is first needed."""

    def __init__(self, format: Format, data: Path) -> None:
        self.format = format
        self._data = data
        self._open: dict[str, tuple[Any, np.random.Generator]] = {}

    @cached_property
    def table(self) -> pa.Table:
        """The table."""
        return load(self._data)

    @cached_property
    def prepared(self) -> Any:
        """The table as the library's writer takes it, made outside of the clock."""
        return self.format.prepared(self.table)

    def about(self) -> dict[str, Any]:
        """The library's version, and how it takes rows."""
        return {"version": importlib.metadata.version(self.format.package), "takes": self.format.takes}

    def forget(self) -> dict[str, Any]:
        """Closes files and gives freed memory back."""
        self._open.clear()
        gc.collect()
        pa.default_memory_pool().release_unused()
        give_memory_back()
        return {}

    def write(self, path: str, check: bool = False, keep: bool = False, **options: Any) -> dict[str, Any]:
        """Writes the table; says how large the file has become, and removes it unless told to keep it."""
        remove(path)
        table = self.prepared
        begin = time.perf_counter()
        self.format.write(table, path, **options)
        answer = {"seconds": time.perf_counter() - begin, "records": self.table.num_rows, "file_bytes": file_bytes(path)}
        if check:
            compare(self.format.as_table(self.format.arrow(path)), self.table)
        if keep:
            settle(path)
        else:
            remove(path)
        return answer

    def memory(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Writes the table in a process that has done nothing before but load it (Linux).

        `peak_bytes` is what the process holds at the worst moment of writing, less what it held before.
        """
        remove(path)
        table = self.prepared
        self.forget()
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far
        before = resident_bytes()
        begin = time.perf_counter()
        self.format.write(table, path, **options)
        seconds = time.perf_counter() - begin
        peak_bytes = max(resident_bytes("VmHWM") - before, 0)
        remove(path)
        return {"seconds": seconds, "records": self.table.num_rows, "peak_bytes": peak_bytes}

    def scan(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Reads the whole table into the library's own arrays."""
        return self.whole(lambda: self.format.native(path, **options), check)

    def arrow(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Reads the whole table into a table of pyarrow."""
        return self.whole(lambda: self.format.arrow(path, **options), check)

    def first(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """The same as `scan` once, in a process that has done nothing before but import the library."""
        begin = time.perf_counter()
        result = self.format.native(path, **options)
        return {"seconds": time.perf_counter() - begin, "records": self.format.rows(result)}

    def project(self, path: str, columns: list[str], check: bool = False, **options: Any) -> dict[str, Any]:
        """Reads some columns into the library's own arrays."""
        return self.whole(lambda: self.format.native(path, columns, **options), check, columns)

    def take(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Takes all columns of some rows in one call. Rows rise: not every library allows another order."""
        reader, draws = self.opened(path, options)
        indices = np.sort(draws.choice(reader.rows, TAKEN, replace=False))
        begin = time.perf_counter()
        result = reader.take(indices)
        seconds = time.perf_counter() - begin
        if check:
            compare(self.format.as_table(result), self.table.take(pa.array(indices)))
        return {"seconds": seconds, "records": 1}

    def row(self, path: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Takes random rows, one per call, each as a dictionary of Python values."""
        reader, draws = self.opened(path, options)
        indices = draws.choice(reader.rows, SINGLE_ROWS, replace=False).tolist()
        if check:
            for index in indices[:3]:
                if dict(reader.row(index)) != self.table.slice(index, 1).to_pylist()[0]:
                    raise AssertionError(f"row {index} differs from what was written")
        count = 0
        begin = now = time.perf_counter()
        while count < len(indices) and now - begin < SINGLE_SECONDS:
            reader.row(indices[count])
            count += 1
            now = time.perf_counter()
        return {"seconds": now - begin, "records": count}

    def opened(self, path: str, options: dict[str, Any]) -> tuple[Any, np.random.Generator]:
        """The reader that rows are taken from, kept until the row of the comparison ends, and what draws their numbers.

        All entries of a row draw the same numbers, in every round others.
        """
        key = f"{path} {options}"
        if key not in self._open:
            self._open[key] = self.format.reader(path, **options), np.random.default_rng(21)
        return self._open[key]

    def whole(self, read: Callable[[], Any], check: bool, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """The best of a few calls, whose results are freed between them, outside of the clock."""
        best, spent = float("inf"), 0.0
        for _ in range(SHOTS):
            begin = time.perf_counter()
            result = read()
            seconds = time.perf_counter() - begin
            best, spent = min(best, seconds), spent + seconds
            rows = self.format.rows(result)
            if check:
                table = self.table if columns is None else self.table.select(columns)
                compare(self.format.as_table(result), table)
            del result
            if check or spent > SHOT_SECONDS:
                break
        return {"seconds": best, "records": rows}

    def work(self, name: str) -> Callable[..., dict[str, Any]]:
        """The method of that name, with failures as answers: one format's failure must not end the comparison."""
        method = getattr(self, name)

        def answered(**told: Any) -> dict[str, Any]:
            try:
                answer: dict[str, Any] = method(**told)
                return answer
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # panics of Rust are no `Exception`
                traceback.print_exc()
                return {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:300]}

        return answered


def compare(found: pa.Table, wanted: pa.Table) -> None:
    """AssertionError unless the tables hold the same values; string views and large lists are as good as others."""
    if found.column_names != wanted.column_names:
        raise AssertionError(f"columns {found.column_names} were read instead of {wanted.column_names}")
    for field in wanted.schema:
        column = found[field.name]
        if column.type != field.type:
            column = column.cast(field.type)
        if not column.equals(wanted[field.name]):
            raise AssertionError(f"column {field.name} differs from what was written")


def files(path: str) -> list[Path]:
    """The file, or all files of a directory."""
    place = Path(path)
    return [part for part in place.rglob("*") if part.is_file()] if place.is_dir() else [place]


def file_bytes(path: str) -> int:
    """Bytes of all of it."""
    return sum(part.stat().st_size for part in files(path))


def remove(path: str) -> None:
    """Removes the file or the directory, if there is one."""
    if Path(path).is_dir():
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def settle(path: str) -> None:
    """Waits until the disk has it, so that this disturbs no one later. It stays in the page cache."""
    for part in files(path):
        with part.open("rb") as file:
            os.fsync(file.fileno())


def main(arguments: list[str]) -> None:
    library, data = arguments
    # pyarrow imports pandas, where it is installed, when it is first given something of another library. That takes
    # 0.3 s and 40 MB, which are to be nobody's.
    pa.table(pa.table({"none": np.zeros(1)}))
    try:
        measures = Measures(FORMATS[library](), Path(data))
    except (ImportError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        serve(lambda work: lambda **told: {"absent": reason})
        return
    serve(measures.work)


if __name__ == "__main__":
    main(sys.argv[1:])
