"""Appending to a file, and making records readable or durable before it is complete."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import windrow

OLD = [b"old %02d" % number for number in range(25)]
NEW = [b"new %02d" % number for number in range(30)]
LOCK = """
import sys, windrow
with windrow.RecordWriter(sys.argv[1], mode="append") as writer:
    print("ready", flush=True)
    sys.stdin.readline()
    writer.write(b"of the other")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    with windrow.RecordWriter(path, group_size=10, codec="brotli", level=4, metadata={"a": "1", "b": "2"}) as writer:
        writer.write_batch(OLD)
    return path


def append(path: Path, records: list[bytes], *arguments: Any, **keywords: Any) -> None:
    with windrow.RecordWriter(path, *arguments, mode="append", **keywords) as writer:
        writer.write_batch(records)


def with_all(path: Path) -> list[bytes]:
    """The records, read in every way and checked."""
    records = windrow.RecordReader(path).read_all()
    assert list(windrow.RecordReader(path)) == list(windrow.DataSource(path)) == records
    assert windrow.verify(path, deep=True).faults == []
    return records


@pytest.mark.parametrize("copy", [False, True])
def test_records_follow_those_that_are_there(path: Path, copy: bool) -> None:
    for record in NEW:
        append(path, [record], copy=copy)
    assert with_all(path) == OLD + NEW
    reader = windrow.RecordReader(path)
    assert (reader.group_size, reader.num_chunks) == (10, 6)
    assert reader.writer_options is not None and "group_size:10," in reader.writer_options
    assert "brotli:4" in reader.writer_options and reader.metadata == {"a": b"1", "b": b"2"}
    assert reader.sealed_bytes == reader.file_bytes == path.stat().st_size and not reader.is_scanned


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new"
    append(path, OLD, group_size=4, codec="snappy")
    append(path, NEW)
    assert with_all(path) == OLD + NEW
    assert windrow.RecordReader(path).group_size == 4
    (tmp_path / "empty").touch()
    append(tmp_path / "empty", NEW, "group_size:3")
    assert with_all(tmp_path / "empty") == NEW


def test_nothing_changes_if_nothing_is_appended(path: Path) -> None:
    before = path.read_bytes()
    append(path, [])
    assert path.read_bytes() == before


@pytest.mark.parametrize("copy", [False, True])
def test_readers_find_the_old_contents_until_the_end(path: Path, copy: bool) -> None:
    before = path.stat().st_size
    opened = windrow.RecordReader(path)
    writer = windrow.RecordWriter(path, mode="append", copy=copy)
    writer.write_batch(NEW)
    writer.sync()
    reader = windrow.RecordReader(path)
    assert reader.read_all() == OLD and reader.sealed_bytes == before
    assert (reader.file_bytes > before) is not copy
    assert windrow.verify(path).ok is copy
    writer.close()
    assert with_all(path) == OLD + NEW
    assert opened.read_all() == OLD


@pytest.mark.parametrize("copy", [False, True])
def test_an_exception_leaves_the_old_contents(path: Path, copy: bool) -> None:
    with pytest.raises(KeyError), windrow.RecordWriter(path, mode="append", copy=copy) as writer:
        writer.write_batch(NEW)
        raise KeyError
    assert windrow.RecordReader(path).read_all() == OLD
    assert list(path.parent.iterdir()) == [path]
    # The lock is gone. What was flushed is still there, but not in a copy that was given up.
    append(path, [b"last"])
    assert with_all(path) == [*OLD, *([] if copy else NEW), b"last"]


def test_what_is_given_must_be_as_in_the_file(path: Path) -> None:
    fitting: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("group_size:10",), {}),
        (("brotli:4",), {"group_size": 10}),
        ((), {"codec": "brotli", "level": 4, "pad_to_block_boundary": False, "window_log": None}),
        ((), {"max_parallelism": 2, "max_group_bytes": None, "atomic": False}),
        (("max_parallelism:1",), {"metadata": {"b": "3", "c": b"4"}}),
    ]
    for arguments, keywords in fitting:
        append(path, [b"more"], *arguments, **keywords)
    assert with_all(path) == OLD + [b"more"] * len(fitting)
    assert windrow.RecordReader(path).metadata == {"a": b"1", "b": b"3", "c": b"4"}
    before = path.read_bytes()
    contradicting: list[tuple[str, dict[str, Any], str]] = [
        ("group_size:9", {}, "group_size: 9 contradicts the file, which has 10"),
        ("", {"group_size": 1}, "group_size: 1 contradicts the file, which has 10"),
        ("zstd", {}, "codec: zstd:3 contradicts the file, which has brotli:4"),
        ("", {"codec": "brotli"}, "codec: brotli:6 contradicts"),
        ("", {"level": 4}, "codec: zstd:4 contradicts"),
        ("", {"pad_to_block_boundary": True}, "pad_to_block_boundary"),
        ("group_size:2", {"codec": "snappy"}, "group_size.*; .*codec"),
    ]
    for options, keywords, named in contradicting:
        with pytest.raises(windrow.OptionsError, match=named) as info:
            append(path, NEW, options, **keywords)
        assert isinstance(info.value, ValueError) and info.value.code == "contradicting_option"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"mode": "update"}, "invalid_option_value"),
        ({"mode": "a"}, "invalid_option_value"),
        ({"copy": True}, "conflicting_options"),
        ({"mode": "append", "atomic": True}, "conflicting_options"),
        ({"mode": "append", "group_size": 0}, "invalid_option_value"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit(path: Path, keywords: dict[str, Any], code: str) -> None:
    before = path.read_bytes()
    with pytest.raises(windrow.OptionsError) as info:
        windrow.RecordWriter(path, **keywords)
    assert info.value.code == code and path.read_bytes() == before


@pytest.mark.parametrize("sink", [io.BytesIO(), bytearray(b"x"), b"records"])
def test_only_paths_are_appended_to(sink: Any) -> None:
    with pytest.raises(TypeError, match=f"appending needs a path, not {type(sink).__name__}"):
        windrow.RecordWriter(sink, mode="append")


def test_other_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        windrow.RecordWriter(tmp_path, mode="append")
    with pytest.raises(FileNotFoundError):
        windrow.RecordWriter(tmp_path / "no" / "such", mode="append")
    with pytest.raises(windrow.UnsupportedError):
        windrow.RecordWriter("gs://bucket/file", mode="append")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(windrow.UnsupportedError, match="not a regular file"):
        windrow.RecordWriter(tmp_path / "fifo", mode="append")
    text = tmp_path / "text"
    text.write_bytes(b"some text\n" * 20_000)
    with pytest.raises(windrow.CorruptError):
        windrow.RecordWriter(text, mode="append")
    assert text.read_bytes() == b"some text\n" * 20_000


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    with pytest.raises(KeyError), windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch(OLD)
        raise KeyError
    damaged = path.read_bytes().replace(b"old 05", b"Old 05")
    path.write_bytes(damaged)
    with pytest.raises(windrow.CorruptError, match="windrow repair") as info:
        windrow.RecordWriter(path, mode="append")
    assert info.value.code == "damaged" and info.value.path == str(path) and info.value.byte_offset is not None
    assert path.read_bytes() == damaged


def test_one_writer_at_a_time(path: Path) -> None:
    with windrow.RecordWriter(path, mode="append") as writer:
        with pytest.raises(windrow.LockedError, match="another writer") as info:
            windrow.RecordWriter(path, mode="append")
        error = info.value
        assert isinstance(error, BlockingIOError) and isinstance(error, windrow.StorageError)
        assert (error.code, error.path, error.filename) == ("locked", str(path), str(path))
        assert type(pickle.loads(pickle.dumps(error))) is windrow.LockedError
        writer.write(b"mine")
    append(path, [b"yours"])
    assert with_all(path) == [*OLD, b"mine", b"yours"]


def test_a_writer_of_a_new_file_locks_it_too(tmp_path: Path) -> None:
    with windrow.RecordWriter(tmp_path / "new") as writer:
        writer.write(b"first")
        with pytest.raises(windrow.LockedError):
            windrow.RecordWriter(tmp_path / "new", mode="append")
    append(tmp_path / "new", [b"second"])
    assert with_all(tmp_path / "new") == [b"first", b"second"]


def test_a_writer_in_another_process(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "ready\n"
        with pytest.raises(windrow.LockedError):
            append(path, NEW)
        assert windrow.RecordReader(path).read_all() == OLD
        other.communicate("\n", timeout=20)
        assert other.returncode == 0
    append(path, NEW)
    assert with_all(path) == [*OLD, b"of the other", *NEW]


def test_a_writer_that_was_killed_is_gone_on_with(path: Path) -> None:
    program = LOCK.replace("print(", "writer.write(b'flushed'); writer.flush(); print(")
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "ready\n"
        other.kill()
        other.wait(timeout=20)
    reader = windrow.RecordReader(path)
    assert reader.read_all() == OLD and reader.sealed_bytes < reader.file_bytes
    assert [fault.code for fault in windrow.verify(path).faults] == ["unfinished_append"]
    append(path, NEW)
    assert with_all(path) == [*OLD, b"flushed", *NEW]


def test_the_lock_does_not_outlive_the_writer_in_forked_processes(path: Path) -> None:
    program = """
import os, sys, time, windrow
writer = windrow.RecordWriter(sys.argv[1], mode="append")
child = os.fork()
if child == 0:
    try:
        writer.write(b"no")
    except windrow.WriterError:
        time.sleep(60)
    os._exit(1)
writer.write(b"first")
writer.close()
with windrow.RecordWriter(sys.argv[1], mode="append") as writer:
    writer.write(b"second")
assert os.waitpid(child, os.WNOHANG) == (0, 0), "the child is gone"
os.kill(child, 9)
os.waitpid(child, 0)
"""
    ran = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, timeout=50)
    assert ran.returncode == 0, ran.stderr
    assert with_all(path) == [*OLD, b"first", b"second"]


def test_what_a_writer_says_of_itself(path: Path) -> None:
    with windrow.RecordWriter(path, mode="append") as writer:
        assert writer.records == 25 and writer.path == str(path) and writer.options.startswith("group_size:")
        assert repr(writer) == f'RecordWriter("{path}", "{writer.options}")'
        writer.write(b"one")
        assert writer.records == 26
    assert writer.closed and writer.records == 26


@pytest.mark.parametrize("call", ["flush", "sync"])
@pytest.mark.parametrize("group_size", [1, 4, 1000])
def test_flushed_records_can_be_recovered(tmp_path: Path, call: str, group_size: int) -> None:
    path = tmp_path / "growing"
    writer = windrow.RecordWriter(path, group_size=group_size)
    for number, record in enumerate(NEW):
        writer.write(record)
        if number in (2, 3, 10, 29):
            getattr(writer, call)()
            found = windrow.recover(path)
            assert found.reader.read_all() == NEW[: number + 1] and not found.report.is_whole
    writer.close()
    assert with_all(path) == NEW and windrow.RecordReader(path).num_chunks == -(-30 // group_size)


def test_a_flush_with_nothing_new_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    with windrow.RecordWriter(path, group_size=10) as writer:
        writer.write(b"one")
        writer.flush()
        before = path.stat().st_size
        for _ in range(5):
            writer.flush()
        assert path.stat().st_size == before


@pytest.mark.parametrize("keywords", [{}, {"atomic": True}, {"mode": "append"}, {"mode": "append", "copy": True}])
def test_closing_durably(path: Path, keywords: dict[str, Any]) -> None:
    writer = windrow.RecordWriter(path, **keywords)
    writer.write_batch(NEW)
    writer.close(sync=True)
    writer.close(sync=True)
    assert with_all(path) == (OLD + NEW if keywords.get("mode") else NEW)
    with pytest.raises(windrow.ClosedError):
        writer.sync()
    with pytest.raises(TypeError):
        writer.close(True)  # type: ignore[call-arg]


def test_a_file_object_cannot_promise_to_be_durable(tmp_path: Path) -> None:
    sink = io.BytesIO()
    writer = windrow.RecordWriter(sink, group_size=10)
    writer.write(b"one")
    for call in (writer.sync, lambda: writer.close(sync=True)):
        with pytest.raises(windrow.UnsupportedError, match="give a path") as info:
            call()
        assert info.value.code == "sync"
    writer.flush()
    assert windrow.recover(sink.getvalue()).reader.read_all() == [b"one"]
    writer.write(b"two")
    writer.close()
    assert windrow.RecordReader(sink.getvalue()).read_all() == [b"one", b"two"]
