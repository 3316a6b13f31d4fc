"""`recover`: every whole record of files that were cut, killed or damaged."""

import io
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import windrow

BLOCK = 65536
RECORDS = [b"record %04d;" % number for number in range(100)]
KILLED = """
import sys, windrow
writer = windrow.RecordWriter(sys.argv[1], group_size=int(sys.argv[2]))
number = 0
while True:
    writer.write(b"record %d" % number)
    number += 1
    if number % 7 == 0:
        writer.flush()
        print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    with windrow.RecordWriter(path, group_size=10, codec="uncompressed", metadata={"a": "b"}) as writer:
        writer.write_batch(RECORDS)
    return path


def test_a_whole_file(path: Path) -> None:
    report = windrow.recover(path).report
    assert report.is_whole is True and report.index is None and report.skipped == [] and report.skipped_omitted == 0
    assert (report.records, report.chunks, report.provisional_records, report.records_lost) == (100, 10, 0, 0)
    assert report.file_bytes == path.stat().st_size
    assert repr(report) == "RecoveryReport(is_whole=True, records=100, skipped=0)"


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "bytearray", "file object"])
def test_every_kind_of_source(path: Path, kind: str) -> None:
    path.write_bytes(path.read_bytes()[:-BLOCK])
    content = path.read_bytes()
    sources: dict[str, Any] = {"path": path, "str": str(path), "bytes": content, "bytearray": bytearray(content)}
    recovered = windrow.recover(sources.get(kind) or io.BytesIO(content))
    assert type(recovered) is windrow.Recovered and type(recovered.reader) is windrow.RecordReader
    assert type(recovered.report) is windrow.RecoveryReport
    reader = recovered.reader
    assert list(reader) == reader.read_all() == RECORDS and reader[-1] == RECORDS[-1]
    assert reader.is_scanned and reader.file_bytes == len(content)
    assert reader.path == (str(path) if kind in ("path", "str") else None)
    assert repr(recovered).startswith("Recovered(RecordReader(")
    assert path.read_bytes() == content


def test_a_file_without_its_end(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"record 0057;")])
    recovered = windrow.recover(path)
    assert recovered.reader.read_all() == RECORDS[:50]
    report = recovered.report
    assert not report.is_whole and (report.records, report.chunks) == (50, 5)
    assert isinstance(report.index, windrow.CorruptError)
    assert report.index.path == str(path) and report.index.code in ("no_postscript", "file_too_short")
    with pytest.raises(windrow.CorruptError) as info:
        windrow.RecordReader(path)
    assert (info.value.code, str(info.value)) == (report.index.code, str(report.index))


def test_damaged_chunks(path: Path) -> None:
    damaged = path.read_bytes().replace(b"record 0034;", b"Record 0034;").replace(b"record 0077;", b"Record 0077;")
    path.write_bytes(damaged)
    recovered = windrow.recover(path)
    expected = RECORDS[:30] + RECORDS[40:70] + RECORDS[80:]
    reader, report = recovered.reader, recovered.report
    assert reader.read_all() == list(reader) == expected and reader[35] == RECORDS[45] and len(reader) == 80
    assert (report.records, report.records_lost, report.index, report.is_whole) == (80, 20, None, False)
    faults = windrow.verify(path).faults
    assert all(type(fault) is windrow.Fault for fault in report.skipped)
    assert [(fault.code, fault.byte_range, fault.record_range) for fault in report.skipped] == [
        (fault.code, fault.byte_range, fault.record_range) for fault in faults
    ]
    assert [fault.byte_range for fault in reader.skipped] == [fault.byte_range for fault in faults]
    assert [fault.record_range for fault in faults] == [(30, 40), (70, 80)]


def test_a_recovered_reader_pickles_as_a_recovery(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"record 0034;", b"Record 0034;"))
    expected = RECORDS[:30] + RECORDS[40:]
    for source in (path, path.read_bytes()):
        reader = windrow.recover(source, max_parallelism=1).reader
        assert pickle.loads(pickle.dumps(reader)).read_all() == expected
        assert pickle.loads(pickle.dumps(reader[28:33])).read_all() == expected[28:33]
        # Once more, from the one that came of a pickle.
        assert len(pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(reader))))) == 90


@pytest.mark.parametrize("group_size", [1, 10, 1_000_000])
def test_a_writer_that_was_killed(tmp_path: Path, group_size: int) -> None:
    path = tmp_path / "killed"
    command: list[Any] = [sys.executable, "-c", KILLED, path, str(group_size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for _ in range(50):
            flushed = int(running.stdout.readline())
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=20)
    recovered = windrow.recover(path)
    records = recovered.reader.read_all()
    assert len(records) >= flushed and records == [b"record %d" % number for number in range(len(records))]
    report = recovered.report
    assert report.index is not None and report.skipped == [] and report.records == len(records)
    if group_size == 1_000_000:
        assert report.provisional_records == len(records)
    # It can be gone on with, which makes it whole.
    with windrow.RecordWriter(path, mode="append") as writer:
        assert writer.records == len(records)
        writer.write(b"behind")
    assert windrow.RecordReader(path).read_all() == [*records, b"behind"]
    assert windrow.verify(path, deep=True).ok and windrow.recover(path).report.is_whole


def test_an_append_that_was_cut(path: Path) -> None:
    sealed = path.stat().st_size
    with pytest.raises(KeyError), windrow.RecordWriter(path, mode="append") as writer:
        writer.write_batch([b"more"] * 5)
        raise KeyError
    recovered = windrow.recover(path)
    assert recovered.reader.read_all() == [*RECORDS, *[b"more"] * 5]
    assert recovered.report.provisional_records == 5
    index = recovered.report.index
    assert index is not None and (index.code, index.byte_offset) == ("unfinished_append", sealed)
    assert windrow.RecordReader(path).read_all() == RECORDS


def test_a_file_that_cannot_be_recovered(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"some text\n" * 20_000)
    with pytest.raises(windrow.CorruptError) as info:
        windrow.recover(other)
    assert info.value.code == "not_array_record"
    with pytest.raises(FileNotFoundError):
        windrow.recover(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        windrow.recover(tmp_path)
    with pytest.raises(TypeError):
        windrow.recover(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword"):
        windrow.recover(other, deep=True)  # type: ignore[call-arg]
    with pytest.raises(windrow.OptionsError):
        windrow.recover(other, max_record_bytes=0)


def test_options_are_those_of_the_reader(path: Path) -> None:
    reader = windrow.recover(path, max_batch_bytes=10).reader
    with pytest.raises(windrow.LimitError):
        reader.read_all()
    with pytest.raises(windrow.LimitError):
        windrow.recover(path, max_record_bytes=5).reader.read_all()


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch([bytes(1 << 20)] * 30)
    told: list[int] = []
    assert windrow.recover(path, progress=told.append).report.is_whole
    assert told == sorted(told) and told[-1] == path.stat().st_size and len(told) > 2

    class Enough(Exception):
        pass

    def stop(done: int) -> None:
        raise Enough(done)

    with pytest.raises(Enough):
        windrow.recover(path, progress=stop)
    with pytest.raises(Enough):
        windrow.recover(open(path, "rb"), progress=stop)


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch([bytes(1 << 20)] * 100)
    program = """
import sys, windrow
print("ready", flush=True)
try:
    while True:
        windrow.recover(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "ready\n"
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=20)[0] == "interrupted\n" and running.returncode == 0


def test_errors_of_a_file_object_come_through(path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        windrow.recover(Broken(path.read_bytes()))
