"""`RecordWriter`: sinks, options, ends of a file, and what array_record makes of it."""

import array
import gc
import io
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import windrow

RECORDS = [b"%d" % number * (number % 6) for number in range(200)]


def test_writes_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "records"
    writer = windrow.RecordWriter(path, group_size=3)
    assert writer.path == str(path) and not writer.closed and writer.records == 0
    writer.write(RECORDS[0])
    assert writer.records == 1
    writer.write_batch(iter(RECORDS[1:100]))
    writer.write_batch([])
    writer.flush()
    writer.write_batch(tuple(RECORDS[100:]))
    assert writer.records == 200
    writer.close()
    writer.close()
    assert writer.closed and writer.records == 200
    assert windrow.RecordReader(path).read_all() == RECORDS
    for call in (lambda: writer.write(b"x"), lambda: writer.write_batch([b"x"]), writer.flush):
        with pytest.raises(windrow.ClosedError, match=path.name) as info:
            call()
        assert isinstance(info.value, ValueError)
    assert windrow.RecordReader(path).read_all() == RECORDS


def test_no_records(tmp_path: Path) -> None:
    with windrow.RecordWriter(tmp_path / "empty") as writer:
        pass
    reader = windrow.RecordReader(tmp_path / "empty")
    assert writer.records == len(reader) == reader.num_chunks == 0 and list(reader) == reader.read_all() == []
    with pytest.raises(IndexError):
        reader[0]


@pytest.mark.parametrize(
    "record",
    [
        b"12345678",
        bytearray(b"12345678"),
        memoryview(b"12345678"),
        memoryview(b"x12345678")[1:],
        array.array("B", b"12345678"),
        array.array("q", b"12345678"),
        np.frombuffer(b"12345678", "u1"),
        np.frombuffer(b"12345678", "<f4"),
        np.frombuffer(b"12345678", "<u2").reshape(2, 2),
    ],
    ids=lambda record: type(record).__name__,
)
def test_kinds_of_buffers(record: Any) -> None:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink) as writer:
        writer.write(record)
        writer.write_batch([record, record])
    assert windrow.RecordReader(sink.getvalue()).read_all() == [b"12345678"] * 3


def test_buffers_are_copied() -> None:
    sink, record = io.BytesIO(), bytearray(b"before")
    with windrow.RecordWriter(sink, group_size=10) as writer:
        writer.write(record)
        record[:] = b"behind"
        writer.write_batch([record])
        record.clear()
    assert windrow.RecordReader(sink.getvalue()).read_all() == [b"before", b"behind"]


@pytest.mark.parametrize("record", ["text", 5, None, [1], object()])
def test_what_is_no_record(record: Any) -> None:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink) as writer:
        with pytest.raises(TypeError, match="bytes or another contiguous buffer"):
            writer.write(record)
        with pytest.raises(TypeError, match="bytes or another contiguous buffer"):
            writer.write_batch([b"taken", record, b"not taken"])
        assert writer.records == 1
        writer.write(b"next")
    assert windrow.RecordReader(sink.getvalue()).read_all() == [b"taken", b"next"]


@pytest.mark.parametrize("records", [b"bytes", "text", 5, None])
def test_what_is_no_batch(records: Any) -> None:
    with windrow.RecordWriter(io.BytesIO()) as writer, pytest.raises(TypeError):
        writer.write_batch(records)
    assert writer.records == 0


def test_an_iterable_that_raises() -> None:
    def records() -> Iterator[bytes]:
        yield from [b"x"] * 3000
        raise KeyError("from the iterable")

    sink = io.BytesIO()
    with windrow.RecordWriter(sink) as writer:
        with pytest.raises(KeyError, match="from the iterable"):
            writer.write_batch(records())
        assert writer.records == 3000
    assert len(windrow.RecordReader(sink.getvalue())) == 3000


class Trickle(io.RawIOBase):
    """Takes a few bytes per call, as a raw file may."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.calls = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)[: 1 + self.calls % 5000]
        self.calls += 1
        self.bytes += taken
        return len(taken)


class Silent:
    """Says nothing of how much it took."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def write(self, data: bytes) -> None:
        self.bytes += data


def test_kinds_of_sinks(tmp_path: Path) -> None:
    with (tmp_path / "buffered").open("wb") as buffered, (tmp_path / "raw").open("wb", buffering=0) as raw:
        sinks: list[Any] = [io.BytesIO(), Trickle(), Silent(), buffered, raw]
        for sink in sinks:
            with windrow.RecordWriter(sink, group_size=5) as writer:
                assert writer.path is None
                writer.write_batch(RECORDS)
            # Left open.
            assert not getattr(sink, "closed", False)
    contents = [sinks[0].getvalue(), sinks[1].bytes, sinks[2].bytes]
    contents += [(tmp_path / name).read_bytes() for name in ("buffered", "raw")]
    assert len({bytes(content) for content in contents}) == 1
    assert windrow.RecordReader(contents[0]).read_all() == RECORDS


def test_a_sink_that_takes_nothing() -> None:
    class Full:
        def write(self, data: bytes) -> int:
            return 0

    sink: Any = Full()
    writer = windrow.RecordWriter(sink)
    with pytest.raises(OSError):
        writer.write(b"x")
        writer.close()


def test_a_sink_that_would_block() -> None:
    """A raw file says `None` when it took nothing, for example a pipe that is full."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "wb", buffering=0) as sink, os.fdopen(reading, "rb"):
        writer = windrow.RecordWriter(sink, codec="uncompressed")
        with pytest.raises(OSError):
            writer.write_batch([bytes(100_000)] * 10)
            writer.close()


def test_a_sink_that_writes_to_its_writer() -> None:
    """It must not hang: nothing could end it."""
    program = """
import io, os, windrow
writer = None
class Sink(io.BytesIO):
    def write(self, data):
        if writer is not None:
            writer.write(b"again")
        return super().write(data)
try:
    writer = windrow.RecordWriter(Sink())
    writer.write_batch([os.urandom(100_000)] * 30)
    writer.close()
except RuntimeError:
    print("refused")
"""
    assert run(program, "-Wignore").stdout == "refused\n"


@pytest.mark.parametrize("sink", [None, 5, b"path", object(), ["path"]])
def test_what_is_no_sink(sink: Any) -> None:
    with pytest.raises(TypeError):
        windrow.RecordWriter(sink)


def test_a_text_file_is_no_sink() -> None:
    sink: Any = io.StringIO()
    with pytest.raises(TypeError):
        writer = windrow.RecordWriter(sink)
        writer.write(b"x")
        writer.close()


def test_an_exception_leaves_the_file_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(LookupError), windrow.RecordWriter(path, group_size=10, codec="uncompressed") as writer:
        writer.write_batch([b"record %d" % number for number in range(25)])
        raise LookupError
    assert writer.closed and writer.records == 25
    with pytest.raises(windrow.CorruptError, match="unfinished.*was its writer closed") as info:
        windrow.RecordReader(path)
    assert info.value.code == "no_postscript"
    # Every record is there, those of the open group too.
    assert windrow.recover(path).reader.read_all() == [b"record %d" % number for number in range(25)]
    assert windrow.verify(path).chunks == 2


def test_atomic(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    with pytest.raises(LookupError), windrow.RecordWriter(path, atomic=True) as writer:
        writer.write_batch(RECORDS)
        raise LookupError
    assert not path.exists()
    path.write_bytes(b"before")
    with windrow.RecordWriter(path, atomic=True) as writer:
        writer.write_batch(RECORDS)
        writer.flush()
        assert path.read_bytes() == b"before"
    assert windrow.RecordReader(path).read_all() == RECORDS
    gc.collect()
    assert [entry.name for entry in tmp_path.iterdir()] == ["whole"]


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments[:1], "-c", program, *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("warnings", ["-Wdefault", "-Werror"])
def test_a_forgotten_writer_warns(tmp_path: Path, warnings: str) -> None:
    program = (
        "import gc, sys, windrow\n"
        "def forget(): windrow.RecordWriter(sys.argv[1]).write(b'x')\n"
        "forget(); gc.collect(); print('went on')\n"
    )
    ran = run(program, warnings, tmp_path / "forgotten")
    assert ran.returncode == 0 and ran.stdout == "went on\n"
    assert "ResourceWarning: unclosed writer of" in ran.stderr and "forgotten" in ran.stderr
    with pytest.raises(windrow.CorruptError):
        windrow.RecordReader(tmp_path / "forgotten")


def test_a_writer_that_is_open_at_exit(tmp_path: Path) -> None:
    program = "import sys, windrow\nwriter = windrow.RecordWriter(sys.argv[1]); writer.write(b'x')\n"
    assert run(program, "-Wdefault", tmp_path / "open").returncode == 0
    with pytest.raises(windrow.CorruptError):
        windrow.RecordReader(tmp_path / "open")


def test_a_warning_names_the_class(tmp_path: Path) -> None:
    with pytest.warns(ResourceWarning, match="unclosed writer"):
        windrow.RecordWriter(tmp_path / "x")
        gc.collect()


def test_a_closed_writer_does_not_warn(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    writer = windrow.RecordWriter(tmp_path / "x")
    assert weakref.ref(writer)() is writer
    writer.close()
    del writer
    gc.collect()
    assert not recwarn.list


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk() -> None:
    writer = windrow.RecordWriter("/dev/full")
    with pytest.raises(OSError, match="No space left") as info:
        writer.write_batch([os.urandom(100_000)] * 200)
        writer.close()
    assert (info.value.errno, info.value.filename) == (28, "/dev/full") and "\n" not in str(info.value)
    calls: list[Callable[[], object]] = [lambda: writer.write(b"x"), writer.flush, writer.close]
    for call in calls[:2]:
        with pytest.raises(windrow.WindrowError):
            call()


def test_threads_share_a_writer() -> None:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, group_size=4) as writer, ThreadPoolExecutor(8) as pool:
        for _ in pool.map(writer.write, RECORDS * 20):
            pass
    assert sorted(windrow.RecordReader(sink.getvalue())) == sorted(RECORDS * 20)


def test_the_same_bytes_with_any_parallelism() -> None:
    contents = set()
    for threads in (1, 2, 7, None):
        sink = io.BytesIO()
        with windrow.RecordWriter(sink, group_size=16, max_parallelism=threads) as writer:
            writer.write_batch(RECORDS)
        contents.add(sink.getvalue())
    assert len(contents) == 1


UPSTREAM = """
import json, sys
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
command, path, options = sys.argv[1:]
if command == "write":
    writer = ArrayRecordWriter(path, options)
    for text in json.load(sys.stdin):
        writer.write(bytes.fromhex(text))
    writer.close()
else:
    reader = ArrayRecordReader(path)
    all = reader.read_all() if reader.num_records() else []
    told = [reader.num_records(), reader.writer_options_string(), [record.hex() for record in all]]
    print(json.dumps(told))
"""
OPTIONS = [
    "",
    "group_size:1,uncompressed",
    "group_size:7,zstd:9",
    "group_size:64,brotli:3",
    "group_size:3,snappy",
    "pad_to_block_boundary:true",
]


def upstream(command: str, path: Path, options: str = "", given: str = "") -> str:
    ran = subprocess.run(
        [sys.executable, "-c", UPSTREAM, command, path, options],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(
    "records", [[], [b""], RECORDS, [os.urandom(70_000)] * 5], ids=["none", "empty", "small", "large"]
)
def test_array_record_reads_ours_and_we_its(tmp_path: Path, options: str, records: list[bytes]) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with windrow.RecordWriter(ours, options) as writer:
        writer.write_batch(records)
    assert json.loads(upstream("read", ours)) == [len(records), writer.options, [record.hex() for record in records]]
    upstream("write", theirs, options, json.dumps([record.hex() for record in records]))
    reader = windrow.RecordReader(theirs)
    assert reader.read_all() == list(reader) == records
    assert reader.writer_options == writer.options
    assert windrow.verify(theirs, deep=True).ok
    if "uncompressed" in options:
        assert ours.read_bytes() == theirs.read_bytes()


def test_array_record_refuses_groups_of_different_sizes(tmp_path: Path) -> None:
    with windrow.RecordWriter(tmp_path / "ours", group_size=4, max_group_bytes=5) as writer:
        writer.write_batch([b"a" * 9, b"b", b"c", b"d", b"e" * 9])
    assert windrow.RecordReader(tmp_path / "ours").num_chunks == 3
    # Its reader opens nothing then; `ok()` says so.
    assert json.loads(upstream("read", tmp_path / "ours")) == [0, None, []]
