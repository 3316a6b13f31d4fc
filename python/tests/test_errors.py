"""What is raised: classes, messages of one line, places in the file, and what survives pickling."""

import copy
import errno
import io
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import windrow
from windrow import _errors

RECORDS = [b"record %04d;" % number for number in range(100)]
BLOCK = 65536


def content(records: list[bytes], **options: Any) -> bytearray:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, **options) as writer:
        writer.write_batch(records)
    return bytearray(sink.getvalue())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records.array_record"
    path.write_bytes(content(RECORDS, group_size=10, codec="uncompressed"))
    return path


CLASSES = [kind for kind in vars(_errors).values() if isinstance(kind, type) and issubclass(kind, windrow.WindrowError)]
ALSO = {
    "WindrowError": (RuntimeError,),
    "CorruptError": (),
    "UnsupportedError": (NotImplementedError,),
    "LimitError": (ValueError,),
    "OptionsError": (ValueError,),
    "OutOfRangeError": (IndexError, ValueError),
    "SourceError": (ValueError,),
    "ClosedError": (ValueError,),
    "WriterError": (),
    "StorageError": (OSError,),
    "MissingFileError": (FileNotFoundError, windrow.StorageError),
    "ForbiddenError": (PermissionError, windrow.StorageError),
    "DirectoryError": (IsADirectoryError, windrow.StorageError),
}


def test_every_class_is_listed() -> None:
    assert {kind.__name__ for kind in CLASSES} >= ALSO.keys()
    for kind in CLASSES:
        assert getattr(windrow, kind.__name__) is kind and kind.__name__ in windrow.__all__


@pytest.mark.parametrize("kind", CLASSES)
def test_classes(kind: type[windrow.WindrowError]) -> None:
    assert issubclass(kind, RuntimeError) and all(issubclass(kind, other) for other in ALSO.get(kind.__name__, ()))
    error = kind("one line")
    assert str(error) == "one line" and error.args == ("one line",) and str(kind()) == ""
    for name in ("code", "path", "byte_offset", "chunk_index", "record_range"):
        assert getattr(error, name) is None
    # As torch does in the parent of a worker.
    again = type(error)(str(error))
    assert type(again) is kind and str(again) == "one line"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", CLASSES)
def test_attributes_survive_pickling(kind: Any, protocol: int) -> None:
    error = kind("one line")
    error.code, error.path, error.byte_offset, error.chunk_index, error.record_range = "x", "a/b", 5, 6, (7, 8)
    if issubclass(kind, OSError):
        error.errno, error.strerror, error.filename = 5, "five", "a/b"
    error.note = "more"
    for made in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(made) is kind and str(made) == "one line" and made.args == error.args
        assert (made.code, made.path, made.byte_offset, made.chunk_index) == ("x", "a/b", 5, 6)
        assert made.record_range == (7, 8) and made.note == "more"
        if issubclass(kind, OSError):
            assert (made.errno, made.strerror, made.filename) == (5, "five", "a/b")


def check(error: BaseException, path: Path | str) -> None:
    """What holds for every error about a file, before and after pickling."""
    assert isinstance(error, windrow.WindrowError)
    for one in (error, pickle.loads(pickle.dumps(error))):
        message = str(one)
        assert type(one) is type(error) and message == str(error)
        assert "\n" not in message and message == message.strip() and str(path) in message
        assert one.path == str(path) and one.code
    if isinstance(error, OSError) and error.errno is not None:
        assert os.strerror(error.errno).lower() in str(error).lower() and error.filename == str(path)


def flipped(path: Path, offset: int) -> None:
    """Changes one bit."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))


def footer_offset(path: Path) -> int:
    """Where the last of the data chunks ends, as the fault of a damaged footer tells."""
    data = path.read_bytes()
    return data.rindex(b"record 0099;") + len(b"record 0099;")


def test_damaged_data(path: Path) -> None:
    offset = path.read_bytes().index(b"record 0034;")
    flipped(path, offset + 3)
    reader = windrow.RecordReader(path)
    calls: list[Callable[[], object]] = [
        lambda: reader[34],
        lambda: reader[-66],
        lambda: reader.read_view(30),
        lambda: reader.read_many([1, 39, 2]),
        lambda: reader.read_range(25, 31),
        lambda: reader.read_all(),
        lambda: reader.read_batch(),
        lambda: reader.read_array(None, "S12"),
        lambda: list(reader),
        lambda: list(reversed(reader)),
        lambda: list(reader.batches()),
        lambda: reader.index(b"absent"),
        lambda: b"absent" in reader,
        lambda: reader.count(b"absent"),
        lambda: windrow.DataSource(path)[30],
        lambda: list(windrow.DataSource(path)),
    ]
    for call in calls:
        with pytest.raises(windrow.CorruptError) as info:
            call()
        error = info.value
        check(error, path)
        assert (error.code, error.chunk_index, error.record_range) == ("chunk_data_hash", 3, (30, 40))
        assert error.byte_offset is not None and error.byte_offset < offset
        for told in ("records 30..40", f"byte {error.byte_offset}", "chunk 3", "`windrow verify`"):
            assert told in str(error)
    assert reader[29] == RECORDS[29] and reader[40] == RECORDS[40]
    assert reader.read_many(range(30)) == RECORDS[:30]


def test_a_damaged_header_of_a_chunk(path: Path) -> None:
    offset = path.read_bytes().index(b"record 0034;")
    start = path.read_bytes().rindex(b"record 0029;", 0, offset) + len(b"record 0029;")
    flipped(path, start + 10)
    with pytest.raises(windrow.CorruptError) as info:
        windrow.RecordReader(path)[35]
    check(info.value, path)
    assert (info.value.code, info.value.chunk_index) == ("chunk_header_hash", 3)
    assert (info.value.byte_offset, info.value.record_range) == (start, (30, 40))


def test_one_record_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "single"
    path.write_bytes(content(RECORDS, codec="uncompressed"))
    flipped(path, path.read_bytes().index(b"record 0034;"))
    with pytest.raises(windrow.CorruptError, match=", record 34: ") as info:
        windrow.RecordReader(path)[34]
    assert info.value.record_range == (34, 35)


def footer_header(path: Path) -> int:
    return footer_offset(path) + 9


def footer_data(path: Path) -> int:
    return footer_offset(path) + 45


def postscript_header(path: Path) -> int:
    return path.stat().st_size - BLOCK + 24 + 9


def postscript_data(path: Path) -> int:
    return path.stat().st_size - BLOCK + 24 + 45


@pytest.mark.parametrize("place", [footer_header, footer_data, postscript_header, postscript_data])
def test_damage_that_shows_at_open(path: Path, place: Callable[[Path], int]) -> None:
    flipped(path, place(path))
    for kind in (windrow.RecordReader, windrow.DataSource):
        with pytest.raises(windrow.CorruptError) as info:
            kind(path)
        check(info.value, path)
        assert "byte " in str(info.value) and "; " in str(info.value)
    with pytest.raises(windrow.CorruptError, match="<memory>") as info:
        windrow.RecordReader(path.read_bytes())
    assert info.value.path is None
    assert not windrow.verify(path).ok


def test_a_damaged_block_header_costs_no_record(path: Path) -> None:
    flipped(path, path.stat().st_size - BLOCK + 3)
    assert windrow.RecordReader(path).read_all() == RECORDS
    assert [fault.code for fault in windrow.verify(path).faults] == ["block_header_hash"]


@pytest.mark.parametrize("size", [1, 64, 65535, BLOCK, BLOCK + 1, 2 * BLOCK - 1])
def test_files_that_are_cut(path: Path, size: int) -> None:
    os.truncate(path, size)
    with pytest.raises(windrow.CorruptError, match="was its writer closed|is this the right file") as info:
        windrow.RecordReader(path)
    check(info.value, path)
    assert info.value.code in ("no_postscript", "not_array_record")


def test_files_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for other in (b"", b"text\n", os.urandom(3 * BLOCK), bytes(2 * BLOCK), b"PK\x03\x04" * BLOCK):
        path.write_bytes(other)
        with pytest.raises(windrow.CorruptError, match="not an ArrayRecord file.*is this the right file") as info:
            windrow.RecordReader(path)
        check(info.value, path)
        assert info.value.code == "not_array_record"


def test_a_file_of_no_records(tmp_path: Path) -> None:
    """Upstream reads an empty record from it."""
    path = tmp_path / "none"
    path.write_bytes(content([]))
    reader = windrow.RecordReader(path)
    assert len(reader) == 0 and reader.read_all() == []
    for number in (0, -1):
        with pytest.raises(windrow.OutOfRangeError, match="has 0 records") as info:
            reader[number]
        assert isinstance(info.value, IndexError)
    with pytest.raises(StopIteration):
        next(iter(reader))


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """Upstream reads empty records from it."""
    path = tmp_path / "shrinks"
    path.write_bytes(content([os.urandom(5000) for _ in range(100)]))
    reader = windrow.RecordReader(path, chunk_cache_bytes=0, readahead_buffer_bytes=0)
    iterator = iter(reader)
    first = next(iterator)
    for size in (BLOCK, 0):
        os.truncate(path, size)
        calls: list[Callable[[], object]] = [
            lambda: reader[99],
            lambda: reader.read_many([0, 99]),
            lambda: reader.read_all(),
            lambda: reader.read_batch(),
            lambda: list(iterator),
        ]
        for call in calls:
            with pytest.raises(windrow.CorruptError) as info:
                call()
            check(info.value, path)
            assert info.value.byte_offset is not None and info.value.record_range is not None
        with pytest.raises(windrow.CorruptError):
            windrow.RecordReader(path)
    assert len(first) == 5000


UNREADABLE: list[tuple[str, type[OSError], int | None]] = [
    ("missing", FileNotFoundError, errno.ENOENT),
    ("no\nsuch", FileNotFoundError, errno.ENOENT),
    (".", IsADirectoryError, None),
    ("records.array_record/below", NotADirectoryError, errno.ENOTDIR),
    ("loop", OSError, errno.ELOOP),
    ("long" * 100, OSError, errno.ENAMETOOLONG),
]


@pytest.mark.parametrize("open_it", [windrow.RecordReader, windrow.DataSource, windrow.verify])
@pytest.mark.parametrize(("name", "kind", "number"), UNREADABLE, ids=[repr(name[:20]) for name, _, _ in UNREADABLE])
def test_paths_that_cannot_be_read(
    path: Path, open_it: Callable[[str], object], name: str, kind: type[OSError], number: int | None
) -> None:
    path.with_name("loop").symlink_to("loop")
    given = str(path.parent / name)
    with pytest.raises(kind) as info:
        open_it(given)
    error = info.value
    assert isinstance(error, windrow.StorageError) and "\n" not in str(error)
    assert (error.path, error.filename, error.code) == (given, given, "io")
    if number is not None:
        assert error.errno == number
    if "\n" not in given:
        check(error, given)


def test_kinds_of_files_that_are_none(tmp_path: Path) -> None:
    pipe, place = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(place))
        for path in (pipe, place, Path("/dev/null"), Path("/dev/zero")):
            for open_it in (windrow.RecordReader, windrow.verify):
                with pytest.raises((OSError, windrow.UnsupportedError)) as info:
                    open_it(path)
                check(info.value, path)


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [
        ("no/folder", FileNotFoundError, errno.ENOENT),
        (".", IsADirectoryError, errno.EISDIR),
        ("records.array_record/below", NotADirectoryError, errno.ENOTDIR),
    ],
)
def test_paths_that_cannot_be_written(path: Path, atomic: bool, name: str, kind: type[OSError], number: int) -> None:
    given = path.parent / name
    with pytest.raises(kind) as info:
        windrow.RecordWriter(given, atomic=atomic)
    check(info.value, given)
    assert info.value.errno == number


def test_paths_without_permission(path: Path) -> None:
    program = """
import os, sys, windrow
# For the administrator nothing is forbidden.
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for open_it in (windrow.RecordReader, windrow.DataSource, windrow.RecordWriter, windrow.verify):
    try:
        open_it(sys.argv[1])
    except PermissionError as error:
        print(type(error).__name__, isinstance(error, RuntimeError), error.errno, error.filename == sys.argv[1])
"""
    path.chmod(0)
    ran = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    assert ran.stdout.splitlines() == [f"ForbiddenError True {errno.EACCES} True"] * 4, ran.stderr


@pytest.mark.parametrize(
    "place",
    ["gs://bucket/file", "s3://bucket/file", "https://host/file", "file:///etc/passwd", Path("gs://bucket/file")],
)
def test_urls(place: Any) -> None:
    for open_it in (windrow.RecordReader, windrow.DataSource, windrow.RecordWriter):
        with pytest.raises(windrow.UnsupportedError, match="not supported") as info:
            open_it(place)
        assert isinstance(info.value, NotImplementedError) and info.value.code == "url"


class Broken(Exception):
    pass


RAISED: list[BaseException] = [
    Broken("mine", 5),
    KeyboardInterrupt(),
    SystemExit(3),
    OSError(errno.EIO, "my words"),
    FileNotFoundError(errno.ENOENT, "gone", "name"),
    ValueError("mine"),
    StopIteration("mine"),
    MemoryError(),
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised).__name__)
def test_what_a_source_raises_arrives(raised: BaseException) -> None:
    class Source(io.BytesIO):
        broken = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.broken:
                raise raised
            return super().read(size)

    data = content(RECORDS, group_size=10)
    source = Source(data)
    reader = windrow.RecordReader(source, chunk_cache_bytes=0)
    source.broken = True
    calls: list[Callable[[], object]] = [
        lambda: windrow.RecordReader(source),
        lambda: reader[5],
        lambda: reader.read_view(5),
        lambda: reader.read_many(range(0, 100, 3)),
        lambda: reader.read_all(),
        lambda: reader.read_batch(),
        lambda: reader.read_array(None, "S12"),
        lambda: iter(reader).__next__(),
        lambda: next(reader.batches()),
        lambda: reader.count(b""),
    ]
    for call in calls:
        with pytest.raises(type(raised)) as info:
            call()
        assert info.value is raised
    source.broken = False
    assert reader.read_all() == RECORDS


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised).__name__)
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("method", ["write", "flush"])
@pytest.mark.filterwarnings("ignore:unclosed writer:ResourceWarning")
def test_what_a_sink_raises_arrives(raised: BaseException, after: int, method: str) -> None:
    class Sink(io.BytesIO):
        calls = 0

        def note(self, name: str) -> None:
            self.calls += name == method
            if self.calls > after:
                raise raised

        def write(self, data: Any, /) -> int:
            self.note("write")
            return super().write(data)

        def flush(self) -> None:
            self.note("flush")

    sink = Sink()
    with pytest.raises(type(raised)) as info:
        writer = windrow.RecordWriter(sink)
        for _ in range(4):
            writer.write_batch([os.urandom(100_000) for _ in range(20)])
            writer.flush()
    assert info.value is raised
    if sink.calls:
        with pytest.raises(windrow.CorruptError):
            windrow.RecordReader(sink.getvalue())


def test_a_writer_that_failed_stays_so() -> None:
    class Sink(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if self.tell() > 1000:
                raise Broken
            return super().write(data)

    writer = windrow.RecordWriter(Sink())
    with pytest.raises(Broken):
        writer.write_batch([os.urandom(100_000)] * 50)
        writer.close()
    calls: list[Callable[[], object]] = [lambda: writer.write(b"x"), lambda: writer.write_batch([b"x"]), writer.flush]
    for call in calls:
        with pytest.raises(windrow.WriterError, match="failed before") as info:
            call()
        assert info.value.code == "writer_failed"
    with pytest.raises(windrow.WriterError, match="failed before"):
        writer.close()
    writer.close()
    assert writer.closed


def test_one_bad_record_fails_no_others(path: Path) -> None:
    reader = windrow.RecordReader(path)
    with pytest.raises(windrow.OutOfRangeError):
        reader.read_many([0, 100])
    assert reader.read_many([0, 99]) == [RECORDS[0], RECORDS[99]]
