"""What objects of the caller's can do to a reader: file objects that raise, arrays that lie, records that explode."""

import gc
import io
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyarrow as pa
import windrow
from windrow.array_record_module import ArrayRecordReader


def content(records: list[bytes], **options: Any) -> bytes:
    """The bytes of a file of these records."""
    file = io.BytesIO()
    with windrow.RecordWriter(file, **options) as writer:
        writer.write_batch(records)
    return file.getvalue()


class Failing(io.BytesIO):
    """Raises in the next `read` once it is armed."""

    armed: BaseException | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        error, self.armed = self.armed, None
        if error is not None:
            raise error
        return super().read(size)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(5, "the medium failed"), ZeroDivisionError("1/0")])
def test_what_a_file_object_raises_arrives(error: BaseException) -> None:
    file = Failing(content([os.urandom(1000) for _ in range(2000)], codec="uncompressed"))
    reader = windrow.RecordReader(file)
    calls = [lambda: reader.read_many(range(2000)), lambda: list(reader), lambda: reader[5], lambda: reader.read_batch()]
    for call in calls:
        file.armed = error
        with pytest.raises(type(error)) as info:
            call()
        assert info.value is error
        assert file.armed is None
    assert len(reader.read_all()) == 2000


def test_a_file_object_is_refused_in_a_forked_process() -> None:
    reader = windrow.RecordReader(io.BytesIO(content([b"wheat"])))
    child = os.fork()
    if child == 0:
        try:
            reader[0]
        except windrow.WindrowError as error:
            os._exit(0 if error.code == "forked" else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert reader[0] == b"wheat"


def test_the_process_ends_while_a_file_object_is_read(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(content([os.urandom(2000) for _ in range(5000)], codec="uncompressed"))
    program = textwrap.dedent("""
        import io, sys, time, windrow
        class Slow(io.BytesIO):
            def read(self, size=-1):
                time.sleep(0.001)
                return super().read(size)
        reader = windrow.RecordReader(Slow(open(sys.argv[1], "rb").read()))
        print(len(next(iter(reader))))
    """)
    for _ in range(5):
        command = [sys.executable, "-W", "ignore", "-c", program, str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "2000\n", "")


def test_an_array_that_lies_about_its_memory_is_refused() -> None:
    class Lying(np.ndarray[Any, Any]):
        def reshape(self, *_: Any, **__: Any) -> Any:
            return np.zeros(16, "u1")

    reader = windrow.RecordReader(content([b"x" * 64] * 1000))
    out = np.zeros((1000, 64), "u1").view(Lying)
    with pytest.raises(ValueError, match="one writable block"):
        reader.read_array(None, "u1", 64, out)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_reading_backwards_holds_a_few_records_only(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys, windrow
        with windrow.RecordWriter(sys.argv[1]) as writer:
            for _ in range(300):
                writer.write(bytes(1_000_000))
        for source in (windrow.RecordReader(sys.argv[1]), windrow.DataSource(sys.argv[1], max_batch_bytes=20 << 20)):
            assert sum(len(record) for record in reversed(source)) == 300_000_000
            assert sum(len(record) for record in source[::3]) == 100_000_000
        # Unlike the highest resident size that getrusage tells, this begins with the program.
        status = dict(line.split(":") for line in open("/proc/self/status") if line.startswith("VmHWM"))
        print(int(status["VmHWM"].split()[0]) >> 10)
    """)
    command = [sys.executable, "-c", program, str(tmp_path / "records")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(ended.stdout) < 200, "MiB, of 286 in all"


def test_a_batch_of_one_record_many_times_stays_within_its_limit() -> None:
    records = [os.urandom(1_000_000) for _ in range(8)]
    reader = windrow.RecordReader(content(records, group_size=4), max_batch_bytes=10 << 20)
    before = peak_bytes()
    with pytest.raises(windrow.LimitError) as info:
        reader.read_many([0] * 1000)
    assert info.value.code == "batch_too_large"
    assert peak_bytes() - before < 100 << 20


def test_a_latched_error_keeps_no_frames() -> None:
    class Local:
        pass

    def used() -> tuple["weakref.ref[Local]", BaseException]:
        local = Local()
        reader = ArrayRecordReader("missing.array_record", lazy_errors=True)
        with pytest.raises(FileNotFoundError) as first:
            reader.read()
        with pytest.raises(FileNotFoundError) as second:
            reader.read()
        assert first.value is not second.value
        assert first.value.args == second.value.args
        return weakref.ref(local), reader  # type: ignore[return-value]

    local, reader = used()
    gc.collect()
    assert local() is None
    assert isinstance(reader, ArrayRecordReader)


def test_threads_share_a_file_object() -> None:
    records = [b"%d" % n * 50 for n in range(500)]
    file = io.BytesIO(content(records, codec="uncompressed"))
    reader = windrow.RecordReader(file)
    wrong: list[int] = []

    def read(first: int) -> None:
        until = time.monotonic() + 1
        index = first
        while time.monotonic() < until:
            if reader[index] != records[index]:
                wrong.append(index)
            index = (index + 7) % len(records)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def damaged(path: Path, records: list[bytes], bad: int) -> windrow.RecordReader:
    """A reader of a file in which one record cannot be read."""
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch(records)
    image = bytearray(path.read_bytes())
    image[image.index(records[bad])] ^= 1
    path.write_bytes(image)
    return windrow.RecordReader(path)


@pytest.mark.parametrize("step", [1, -1, 2, -3])
def test_one_damaged_record_costs_itself_only_in_any_order(tmp_path: Path, step: int) -> None:
    records = [b"record %04d" % n for n in range(1000)]
    view = damaged(tmp_path / "records", records, 420)[::step]
    expected = records[::step]
    iterator = iter(view)
    found, errors = [], 0
    while iterator.tell() < len(view):
        try:
            found.append(next(iterator))
        except windrow.CorruptError:
            errors += 1
            iterator.seek(iterator.tell() + 1)
    assert found == [record for record in expected if record != records[420]]
    assert errors == expected.count(records[420])


@pytest.mark.parametrize("records", [2**40, 2**62])
def test_more_records_than_memory_has_room_for_are_an_error(tmp_path: Path, records: int) -> None:
    path = tmp_path / "records"
    path.write_bytes(content([b"wheat"]))
    source = windrow.DataSource([windrow.FileInstruction(path, 0, records)])
    calls = [source.read_all, source.read_batch, lambda: source.read_range(1), lambda: source.read_array(None, "u1", 5)]
    for call in calls:
        with pytest.raises(windrow.LimitError, match="max_batch_bytes"):
            call()


def test_record_numbers_without_end_are_an_error() -> None:
    reader = windrow.RecordReader(content([b"wheat"]), max_batch_bytes=64 << 20)
    with pytest.raises(windrow.LimitError):
        reader.read_many(0 for _ in iter(int, 1))


def test_a_second_close_waits_for_the_first() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            time.sleep(0.3)
            return super().write(data)

    sink = Slow()
    writer = windrow.RecordWriter(sink)
    writer.write(b"wheat")
    first = threading.Thread(target=writer.close)
    first.start()
    time.sleep(0.1)
    writer.close()
    assert windrow.RecordReader(sink.getvalue()).read_all() == [b"wheat"]
    first.join()


def test_the_callers_exception_is_the_one_that_leaves(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ArrayRecordReader(tmp_path / "missing", lazy_errors=True):
        raise KeyError
    program = textwrap.dedent("""
        import os, sys, windrow
        with windrow.RecordWriter(sys.argv[1]) as writer:
            writer.write(b"wheat")
            child = os.fork()
            if child == 0:
                sys.exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert windrow.RecordReader(sys.argv[1]).read_all() == [b"wheat"]
    """)
    command = [sys.executable, "-c", program, str(tmp_path / "records")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_records_of_many_files_open_each_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"part{n}" for n in range(60)]
    for n, path in enumerate(paths):
        path.write_bytes(content([b"%d" % n, b"-%d" % n], group_size=1 + n % 2))
    source = windrow.DataSource(paths, max_open_files=8)
    order = [(n * 37) % 120 for n in range(120)]
    expected = [b"%d" % (n // 2) if n % 2 == 0 else b"-%d" % (n // 2) for n in order]
    assert source.read_many(order) == expected
    assert source.read_batch(order).to_list() == expected
    assert list(reversed(source)) == source.read_many(range(119, -1, -1))


def test_a_stream_is_consumed_by_a_thread_that_nobody_helps() -> None:
    records = [os.urandom(1000) for _ in range(2000)]
    reader = windrow.RecordReader(content(records))
    tables: list[Any] = []
    thread = threading.Thread(target=lambda: tables.append(pa.RecordBatchReader.from_stream(reader).read_all()))
    thread.start()
    thread.join(30)
    assert tables[0].column("record").to_pylist() == records
