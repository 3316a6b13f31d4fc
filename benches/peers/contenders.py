"""What each library is asked to do: contenders.py LIBRARY RECORDS, with LIBRARY array_record, bagz or windrow.

A child of `records.py`, `messages.py` and `pages.py`, which see; `side_by_side.py` has the protocol. RECORDS is what a script of
`benches/data` wrote. The clock runs in here, around the library's calls alone. Reading and writing in order includes
opening and closing the file; random reads find it open.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import give_memory_back, serve

SMALL_RECORDS = 3_000_000
SMALL_BYTES = 24


class Contender:
    """The data, and what all libraries have in common. Data is made when it is first needed."""

    library: str

    def __init__(self, records: Path) -> None:
        self._path = records
        self._open: dict[tuple[str, str], Any] = {}

    @cached_property
    def records(self) -> list[bytes]:
        """The records; `benches/data/make_text.py` and `make_messages.py` describe the file."""
        content = self._path.read_bytes()
        records = []
        place = 0
        while place < len(content):
            begin = place + 4
            place = begin + int.from_bytes(content[place:begin], "little")
            records.append(content[begin:place])
        return records

    @cached_property
    def small_records(self) -> list[bytes]:
        """The many small records: their number in eight bytes, then zeros."""
        return [n.to_bytes(8, "little") + bytes(SMALL_BYTES - 8) for n in range(SMALL_RECORDS)]

    @cached_property
    def order(self) -> list[int]:
        """All record numbers in an order that a fixed seed decides."""
        order: list[int] = np.random.default_rng(1).permutation(len(self.records)).tolist()
        return order

    def versions(self) -> dict[str, Any]:
        """The library's version."""
        return {"version": importlib.metadata.version(self.library)}

    def sizes(self) -> dict[str, Any]:
        """Bytes of all records."""
        return {"record_bytes": sum(map(len, self.records))}

    def forget(self) -> dict[str, Any]:
        """Closes files and frees what one row alone needed."""
        self._open.clear()
        self.__dict__.pop("small_records", None)
        give_memory_back()
        return {}

    def kept(self, kind: str, path: str, make: Callable[[], Any]) -> Any:
        """An open reader or source, made once per row."""
        if (kind, path) not in self._open:
            self._open[kind, path] = make()
        return self._open[kind, path]

    def wanted(self, indices: Sequence[int] | None = None) -> list[bytes]:
        """The records with these numbers, or all, as they are known."""
        return self.records if indices is None else [self.records[index] for index in indices]

    def in_batches(self, read: Callable[[list[int]], list[Any]], size: int, check: bool) -> dict[str, Any]:
        """One call for `size` numbers of the shuffled order at a time."""
        order = self.order
        batches = [order[begin : begin + size] for begin in range(0, len(order), size)]

        def work() -> list[Any]:
            if check:
                return [record for batch in batches for record in read(batch)]
            for batch in batches:
                read(batch)
            return []

        return self.timed(work, len(order), check, lambda: self.wanted(order))

    def timed(
        self, work: Callable[[], Any], count: int, check: bool, wanted: Callable[[], list[bytes]] | None = None
    ) -> dict[str, Any]:
        """Runs `work`; when asked to, compares the records that it returns with those that were wanted."""
        begin = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - begin
        if check and wanted is not None and [bytes(record) for record in result] != wanted():
            raise AssertionError("other records were read than were asked for")
        return {"seconds": seconds, "records": count}

    def written(self, path: str, small: bool, work: Callable[[list[bytes]], None]) -> dict[str, Any]:
        """Runs a writer on a path that is free; says how large the file has become."""
        records = self.small_records if small else self.records
        Path(path).unlink(missing_ok=True)
        answer = self.timed(lambda: work(records), len(records), False)
        return {**answer, "file_bytes": os.path.getsize(path)}


class ArrayRecord(Contender):
    """`array_record`, and whatever has its interface."""

    library = "array_record"

    def __init__(self, records: Path) -> None:
        super().__init__(records)
        self.use("array_record.python")

    def use(self, package: str) -> None:
        """Takes the two modules from a package."""
        self.module: Any = import_module(f"{package}.array_record_module")
        source_module: Any = import_module(f"{package}.array_record_data_source")
        self.source: Any = source_module.ArrayRecordDataSource

    def write(self, path: str, options: str, check: bool = False, small: bool = False) -> dict[str, Any]:
        """`write` for each record, one after the other."""

        def work(records: list[bytes]) -> None:
            writer = self.module.ArrayRecordWriter(path, options)
            write = writer.write
            for record in records:
                write(record)
            writer.close()

        answer = self.written(path, small, work)
        if check and not small:
            self.read_all(path, check=True)
        return answer

    def sequential(self, path: str, options: str = "", check: bool = False) -> dict[str, Any]:
        """`read()` until all records were given."""
        count = len(self.records)

        def work() -> list[bytes]:
            read = self.module.ArrayRecordReader(path, options).read
            if check:
                return [read() for _ in range(count)]
            for _ in range(count):
                read()
            return []

        return self.timed(work, count, check, self.wanted)

    def read_all(self, path: str, check: bool = False) -> dict[str, Any]:
        """`read_all()`."""
        return self.timed(lambda: self.module.ArrayRecordReader(path).read_all(), len(self.records), check, self.wanted)

    def source_single(self, path: str, count: int, check: bool = False) -> dict[str, Any]:
        """`ds[i]` for the first `count` numbers of the shuffled order."""
        source = self.kept("source", path, lambda: self.source(path))
        return self.singles(source.__getitem__, count, check)

    def source_batch(self, path: str, check: bool = False) -> dict[str, Any]:
        """`ds.__getitems__` with all numbers, shuffled, in one call."""
        source = self.kept("source", path, lambda: self.source(path))
        order = self.order
        return self.timed(lambda: source.__getitems__(order), len(order), check, lambda: self.wanted(order))

    def reader_batch(self, path: str, check: bool = False) -> dict[str, Any]:
        """`reader.read(list)` with all numbers, shuffled, in one call."""
        reader = self.kept("reader", path, lambda: self.module.ArrayRecordReader(path))
        order = self.order
        return self.timed(lambda: reader.read(order), len(order), check, lambda: self.wanted(order))

    def seek_read(self, path: str, count: int, options: str = "", check: bool = False) -> dict[str, Any]:
        """`seek(i)` and `read()` for the first `count` numbers of the shuffled order."""
        reader = self.kept(f"seek {options}", path, lambda: self.module.ArrayRecordReader(path, options))
        seek, read = reader.seek, reader.read

        def single(index: int) -> bytes:
            seek(index)
            record: bytes = read()
            return record

        return self.singles(single, count, check)

    def singles(self, single: Callable[[int], Any], count: int, check: bool) -> dict[str, Any]:
        """One call per record."""
        order = self.order[:count]

        def work() -> list[bytes]:
            if check:
                return [single(index) for index in order]
            for index in order:
                single(index)
            return []

        return self.timed(work, count, check, lambda: self.wanted(order))

    def one_element(self, path: str, count: int, check: bool = False) -> dict[str, Any]:
        """`reader.read([i])`, `count` times, on the many small records."""
        read = self.kept("reader", path, lambda: self.module.ArrayRecordReader(path)).read
        numbers = [(n * 7_919_993) % SMALL_RECORDS for n in range(count)]

        def work() -> list[bytes]:
            return [read([number])[0] for number in numbers]

        return self.timed(
            work, count, check, lambda: [n.to_bytes(8, "little") + bytes(SMALL_BYTES - 8) for n in numbers]
        )

    def open(self, path: str, check: bool = False) -> dict[str, Any]:
        """Opens the file, in a process that has done nothing before, and reads one record.

        Memory is what the process holds more than before: `open_bytes` after opening, `read_bytes` after a record
        was read by its number too, `peak_bytes` at the worst moment of both.
        """
        before = resident_bytes()
        begin = time.perf_counter()
        reader = self.module.ArrayRecordReader(path)
        count = reader.num_records()
        seconds = time.perf_counter() - begin
        opened = resident_bytes()
        first = reader.read([5])
        first_seconds = time.perf_counter() - begin
        if count != SMALL_RECORDS or int.from_bytes(first[0][:8], "little") != 5:
            raise AssertionError("not the file that was asked for")
        return {
            "seconds": seconds,
            "records": 1,
            "first_record_seconds": first_seconds,
            "open_bytes": opened - before,
            "read_bytes": resident_bytes() - before,
            "peak_bytes": resident_bytes("VmHWM") - before,
        }


class Windrow(ArrayRecord):
    """Windrow, by the interface of `array_record` and by its own (`own_*`)."""

    library = "windrow"

    def __init__(self, records: Path) -> None:
        Contender.__init__(self, records)
        self.use("windrow")
        self.windrow: Any = import_module("windrow")

    def own_write(
        self, path: str, options: str, check: bool = False, small: bool = False, dictionary_of: str | None = None
    ) -> dict[str, Any]:
        """`write_batch` with all records in one call; with the dictionary of another file, if one is named."""
        given = {}
        if dictionary_of is not None:
            [given["dictionary"]] = self.windrow.RecordReader(dictionary_of).dictionaries

        def work(records: list[bytes]) -> None:
            with self.windrow.RecordWriter(path, options, **given) as writer:
                writer.write_batch(records)

        answer = self.written(path, small, work)
        if check and not small:
            self.read_all(path, check=True)
        return answer

    def own_iterate(self, path: str, check: bool = False) -> dict[str, Any]:
        """`for record in RecordReader(path)`."""

        def work() -> list[bytes]:
            reader = self.windrow.RecordReader(path)
            if check:
                return list(reader)
            for _ in reader:
                pass
            return []

        return self.timed(work, len(self.records), check, self.wanted)

    def own_batches(self, path: str, check: bool = False, fields: list[str] | None = None) -> dict[str, Any]:
        """`reader.batches()`: all records in large buffers, no object per record; or these fields of each message."""
        options = {} if fields is None else {"fields": fields}

        def work() -> list[memoryview]:
            count, kept = 0, []
            for batch in self.windrow.RecordReader(path, **options).batches():
                count += len(batch)
                if check:
                    kept.extend(batch)
            assert count == len(self.records)
            return kept

        def wanted() -> list[bytes]:
            if fields is None:
                return self.records
            paths = [[int(number) for number in field.split(".")] for field in fields]
            return [project(message, paths) for message in self.records]

        return self.timed(work, len(self.records), check, wanted)

    def own_arrow(self, path: str, check: bool = False) -> dict[str, Any]:
        """All records through `__arrow_c_stream__`, taken by pyarrow."""
        pyarrow: Any = import_module("pyarrow")

        def work() -> list[bytes]:
            count, kept = 0, []
            for batch in pyarrow.RecordBatchReader.from_stream(self.windrow.RecordReader(path)):
                count += batch.num_rows
                if check:
                    kept.extend(batch.column(0).to_pylist())
            assert count == len(self.records)
            return kept

        return self.timed(work, len(self.records), check, self.wanted)

    def own_shuffled(self, path: str, size: int, check: bool = False) -> dict[str, Any]:
        """`source.__getitems__` with `size` numbers of the shuffled order at a time, until all were read."""
        source = self.kept("own source", path, lambda: self.windrow.DataSource(path))
        return self.in_batches(source.__getitems__, size, check)

    def train(self, size: int, check: bool = False) -> dict[str, Any]:
        """`windrow.train_dictionary` on all records."""
        records = self.records
        return self.timed(lambda: self.windrow.train_dictionary(records, max_bytes=size), len(records), False)

    def own_single(self, path: str, count: int, check: bool = False) -> dict[str, Any]:
        """`source[i]` of a `windrow.DataSource`."""
        source = self.kept("own source", path, lambda: self.windrow.DataSource(path))
        return self.singles(source.__getitem__, count, check)

    def own_single_uncached(self, path: str, count: int, check: bool = False) -> dict[str, Any]:
        """The same without a cache of decoded chunks."""
        source = self.kept("uncached", path, lambda: self.windrow.DataSource(path, chunk_cache_bytes=0))
        return self.singles(source.__getitem__, count, check)

    def own_read_batch(self, path: str, check: bool = False) -> dict[str, Any]:
        """`reader.read_batch` with all numbers, shuffled: one buffer, no object per record."""
        reader = self.kept("own reader", path, lambda: self.windrow.RecordReader(path))
        order = self.order
        return self.timed(lambda: reader.read_batch(order), len(order), check, lambda: self.wanted(order))


class Bagz(Contender):
    """bagz, which compresses each record for itself."""

    library = "bagz"

    def __init__(self, records: Path) -> None:
        super().__init__(records)
        self.bagz: Any = import_module("bagz")

    def write(self, path: str, level: int, check: bool = False) -> dict[str, Any]:
        """`write` for each record, one after the other."""

        def work(records: list[bytes]) -> None:
            options = self.bagz.Writer.Options(compression=self.bagz.CompressionZstd(level))
            with self.bagz.Writer(path, options) as writer:
                write = writer.write
                for record in records:
                    write(record)

        answer = self.written(path, False, work)
        if check:
            self.read_all(path, check=True)
        return answer

    def sequential(self, path: str, check: bool = False) -> dict[str, Any]:
        """`for record in Reader(path)`."""

        def work() -> list[bytes]:
            reader = self.bagz.Reader(path)
            if check:
                return list(reader)
            for _ in reader:
                pass
            return []

        return self.timed(work, len(self.records), check, self.wanted)

    def read_all(self, path: str, check: bool = False) -> dict[str, Any]:
        """`read()`, which gives all records."""
        return self.timed(lambda: self.bagz.Reader(path).read(), len(self.records), check, self.wanted)

    def single(self, path: str, count: int, check: bool = False) -> dict[str, Any]:
        """`reader[i]` for the first `count` numbers of the shuffled order."""
        reader = self.kept("reader", path, lambda: self.bagz.Reader(path))
        order = self.order[:count]

        def work() -> list[bytes]:
            if check:
                return [reader[index] for index in order]
            get = reader.__getitem__
            for index in order:
                get(index)
            return []

        return self.timed(work, count, check, lambda: self.wanted(order))

    def shuffled(self, path: str, size: int, check: bool = False) -> dict[str, Any]:
        """`read_indices` with `size` numbers of the shuffled order at a time, until all were read."""
        reader = self.kept("reader", path, lambda: self.bagz.Reader(path))
        return self.in_batches(reader.read_indices, size, check)

    def batch(self, path: str, check: bool = False) -> dict[str, Any]:
        """`read_indices` with all numbers, shuffled, in one call."""
        reader = self.kept("reader", path, lambda: self.bagz.Reader(path))
        order = self.order
        return self.timed(lambda: reader.read_indices(order), len(order), check, lambda: self.wanted(order))


def project(message: bytes, paths: list[list[int]]) -> bytes:
    """What the fields with these paths leave of a message that has no groups."""
    kept = []
    place = 0
    while place < len(message):
        begin = place
        tag, place = varint(message, place)
        size = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 0:
            _, place = varint(message, place)
        elif tag & 7 == 2:
            size, place = varint(message, place)
        value = message[place : place + size]
        place += size
        below = [path[1:] for path in paths if path[0] == tag >> 3]
        if [] in below:
            kept.append(message[begin:place])
        elif below:
            value = project(value, below)
            assert len(value) < 0x80
            kept.append(message[begin : begin + (tag >= 0x80) + 1] + bytes([len(value)]) + value)
    return b"".join(kept)


def varint(message: bytes, place: int) -> tuple[int, int]:
    """The number there, and where it ends."""
    value = shift = 0
    while True:
        value |= (message[place] & 0x7F) << shift
        if message[place] < 0x80:
            return value, place + 1
        place, shift = place + 1, shift + 7


def resident_bytes(figure: str = "VmRSS") -> int:
    """Memory that this process holds now, or (`VmHWM`) held at most (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(figure + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {figure} in /proc/self/status")


def main(arguments: list[str]) -> None:
    library, records = arguments
    contender = {"array_record": ArrayRecord, "bagz": Bagz, "windrow": Windrow}[library](Path(records))
    serve(lambda work: getattr(contender, work))


if __name__ == "__main__":
    main(sys.argv[1:])
