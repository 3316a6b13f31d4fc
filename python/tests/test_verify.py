"""`verify`: what it finds, in what order, and how it is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import windrow

BLOCK = 65536
RECORDS = [b"record %04d;" % number for number in range(100)]


def damaged(path: Path, *records: int) -> list[int]:
    """Changes a bit of each of these records; gives their offsets."""
    content = bytearray(path.read_bytes())
    offsets = [content.index(RECORDS[record]) for record in records]
    for offset in offsets:
        content[offset] ^= 1
    path.write_bytes(content)
    return offsets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    with windrow.RecordWriter(path, group_size=10, codec="uncompressed") as writer:
        writer.write_batch(RECORDS)
    return path


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_file(path: Path, deep: bool) -> None:
    for report in (
        windrow.verify(path, deep),
        windrow.verify(str(path), deep=deep),
        windrow.RecordReader(path).verify(deep),
    ):
        assert type(report) is windrow.VerifyReport
        assert report.ok is True and bool(report) is True and report.faults == [] and report.faults_omitted == 0
        assert (report.file_bytes, report.chunks, report.records) == (path.stat().st_size, 10, 100)
        assert report.decoded_bytes == sum(map(len, RECORDS))
        assert repr(report) == "VerifyReport(ok=True, faults=0, records=100)"


@pytest.mark.parametrize("deep", [False, True])
def test_every_fault_is_found(path: Path, deep: bool) -> None:
    offsets = damaged(path, 77, 5, 34)
    report = windrow.verify(path, deep)
    assert not report.ok and not report
    assert [fault.chunk_index for fault in report.faults] == [0, 3, 7]
    assert [fault.record_range for fault in report.faults] == [(0, 10), (30, 40), (70, 80)]
    assert (report.chunks, report.records, report.decoded_bytes) == (7, 100, 7 * 10 * 12)
    for fault, offset in zip(report.faults, sorted(offsets), strict=True):
        assert type(fault) is windrow.Fault
        assert fault.code == "chunk_data_hash" and fault.message and "\n" not in fault.message
        start, stop = fault.byte_range
        assert start < offset < stop <= report.file_bytes and f"byte {start}" in fault.message
        assert fault.code in repr(fault)
    # The records that are named are the ones that cannot be read.
    reader = windrow.RecordReader(path)
    for number, record in enumerate(RECORDS):
        if number // 10 in (0, 3, 7):
            with pytest.raises(windrow.CorruptError):
                reader[number]
        else:
            assert reader[number] == record


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 1000])
def test_faults_are_counted_beyond_the_limit(path: Path, limit: int) -> None:
    damaged(path, 5, 34, 77)
    report = windrow.verify(path, max_faults=limit)
    assert len(report.faults) == min(limit, 3) and report.faults_omitted == max(0, 3 - limit)
    assert not report.ok and "faults=3" in repr(report)


def test_a_thousand_faults_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "many"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch(b"record %04d;" % number for number in range(1100))
    path.write_bytes(path.read_bytes().replace(b"record ", b"recorD "))
    report = windrow.verify(path)
    assert len(report.faults) == 1000 and report.faults_omitted == 100
    starts = [fault.byte_range for fault in report.faults]
    assert starts == sorted(starts)


def test_only_deep_decodes(tmp_path: Path) -> None:
    path = tmp_path / "compressed"
    with windrow.RecordWriter(path, group_size=10) as writer:
        writer.write_batch(RECORDS)
    for deep in (False, True):
        report = windrow.verify(path, deep)
        assert report.ok and report.decoded_bytes == 1200


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "other"
    for content in (b"", b"text", os.urandom(3 * BLOCK)):
        path.write_bytes(content)
        report = windrow.verify(path)
        assert not report.ok and report.records is None and report.chunks == 0
        assert report.file_bytes == len(content) and report.faults[0].code == "not_array_record"


def test_an_unfinished_file(path: Path) -> None:
    with pytest.raises(LookupError), windrow.RecordWriter(path, group_size=10) as writer:
        writer.write_batch(RECORDS)
        raise LookupError
    report = windrow.verify(path)
    assert not report.ok and report.records is None and report.chunks == 10
    assert "no_postscript" in [fault.code for fault in report.faults]


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch([bytes(1 << 20)] * 30)
    told: list[int] = []
    assert windrow.verify(path, progress=told.append).ok
    assert told == sorted(told) and told[-1] == path.stat().st_size and len(told) > 2

    class Enough(Exception):
        pass

    def stop(checked: int) -> None:
        raise Enough(checked)

    with pytest.raises(Enough):
        windrow.verify(path, progress=stop)
    with pytest.raises(TypeError):
        windrow.verify(path, progress=5)  # type: ignore[arg-type]


def test_arguments(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        windrow.verify(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        windrow.verify(tmp_path)
    with pytest.raises((ValueError, OverflowError)):
        windrow.verify(path, max_faults=-1)
    with pytest.raises(TypeError):
        windrow.verify(path, True, 5)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        windrow.verify(None)  # type: ignore[arg-type]
    with pytest.raises(windrow.UnsupportedError):
        windrow.verify("gs://bucket/file")


def test_the_file_behind_a_reader(path: Path) -> None:
    with pytest.raises(ValueError, match="path"):
        windrow.RecordReader(path.read_bytes()).verify()
    reader = windrow.RecordReader(path)
    damaged(path, 5)
    assert [fault.chunk_index for fault in reader.verify().faults] == [0]
    # A view verifies its whole file.
    assert [fault.chunk_index for fault in reader[50:].verify().faults] == [0]


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch([bytes(1 << 20)] * 100)
    program = """
import sys, windrow
print("ready", flush=True)
try:
    while True:
        windrow.verify(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "ready\n"
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=20)[0] == "interrupted\n" and running.returncode == 0
