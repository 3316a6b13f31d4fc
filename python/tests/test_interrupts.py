"""Ctrl-C in the middle of long calls, and the end of the interpreter in the middle of everything."""

import io
import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from process_programs import shards

import windrow
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader

LATENCY_SECONDS = 2.0
"""Of this process's own time on a processor, so that a busy machine changes nothing."""
HANG_SECONDS = 30.0
RECORD_BYTES = 1 << 19


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that take one thread seconds to read: single records and groups that decode slowly, and 3 GB of zeros."""
    folder = tmp_path_factory.mktemp("large")
    records = [random.Random(number).randbytes(RECORD_BYTES // 2).hex().encode() for number in range(2)]
    paths = {name: folder / name for name in ("single", "groups", "zeros")}
    for name, group_size in [("single", 1), ("groups", 4)]:
        with windrow.RecordWriter(paths[name], group_size=group_size, codec="brotli", level=1) as writer:
            writer.write_batch(records[number % 2] for number in range(1600))
    with windrow.RecordWriter(paths["zeros"], group_size=16) as writer:
        writer.write_batch(bytes(RECORD_BYTES) for _ in range(6000))
    return paths


def interrupt(work: Callable[[], object], after: float = 0.3, within: float = LATENCY_SECONDS) -> None:
    """Ctrl-C in the middle of `work`, which must end by it, and soon."""
    sent = threading.Event()
    used_before = sent_at = 0.0

    def send() -> None:
        nonlocal sent_at, used_before
        sent_at, used_before = time.monotonic(), time.process_time()
        sent.set()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        finished = False
        try:
            work()
            finished = not sent.is_set()
            sent.wait()
            time.sleep(0.1)
        except KeyboardInterrupt:
            latency, used = time.monotonic() - sent_at, time.process_time() - used_before
        else:
            raise AssertionError("the interrupt got lost")
        assert not finished, "done before the interrupt came: this tests nothing"
        assert used < within, f"interrupted after {used:.1f} s of work"
        assert latency < HANG_SECONDS, f"interrupted after {latency:.1f} s"
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)


CALLS: dict[str, Callable[[Any], object]] = {
    "read_all": lambda records: records.read_all(),
    "read_many": lambda records: records.read_many(range(len(records) - 1, -1, -1)),
    "read_range": lambda records: records.read_range(1),
    "indexing": lambda records: records[list(range(len(records)))],
    "read_batch": lambda records: records.read_batch(),
    "read_array": lambda records: records.read_array(None, "u1", RECORD_BYTES),
    "for": lambda records: [len(record) for record in records],
    "reversed": lambda records: [len(record) for record in reversed(records)],
    "batches": lambda records: [len(batch) for batch in records.batches()],
    "count": lambda records: records.count(b""),
    "in": lambda records: b"" in records,
}


IN_ORDER = ("for", "batches", "count", "in")
"""Calls that hold one record after the other; zeros pass them too fast."""
CASES = [
    (call, file) for call in CALLS for file in ("single", "groups", "zeros") if file != "zeros" or call not in IN_ORDER
]


@pytest.mark.parametrize("kind", ["reader", "source"])
@pytest.mark.parametrize(("call", "file"), CASES)
def test_reading(large: dict[str, Path], call: str, file: str, kind: str) -> None:
    if kind == "reader":
        records: Any = windrow.RecordReader(large[file], max_parallelism=1)
    else:
        records = windrow.DataSource([large[file]], max_parallelism=1)
    interrupt(lambda: CALLS[call](records))
    if kind == "reader" and call != "reversed" and call not in IN_ORDER:
        assert records.stats()["chunks_decoded"] < records.num_chunks, "all of it was read"
    assert len(records[7]) == RECORD_BYTES
    assert [len(record) for record in records.read_many([0, 5, 9])] == [RECORD_BYTES] * 3


@pytest.mark.parametrize("file", ["single", "groups"])
def test_array_record_classes(large: dict[str, Path], file: str) -> None:
    reader = ArrayRecordReader(large[file], "max_parallelism:1")
    source = ArrayRecordDataSource([large[file]], {"max_parallelism": 1})
    numbers = list(range(1600))
    interrupt(reader.read_all)
    interrupt(lambda: reader.read(0, 1600))
    interrupt(lambda: reader.read(numbers))
    interrupt(lambda: source.__getitems__(numbers))
    assert len(source[5]) == len(reader[5]) == len(reader.read()) == RECORD_BYTES


def test_iterating_goes_on_afterwards(large: dict[str, Path]) -> None:
    iterator = iter(windrow.RecordReader(large["single"], max_parallelism=1))
    interrupt(lambda: [len(record) for record in iterator])
    place = iterator.tell()
    assert 0 < place < 1600
    assert sum(1 for _ in itertools.islice(iterator, 20)) == 20
    assert iterator.tell() == place + 20


@pytest.mark.parametrize("deep", [False, True])
def test_verify(large: dict[str, Path], deep: bool) -> None:
    def again_and_again() -> None:
        while windrow.verify(large["groups"], deep):
            pass

    interrupt(again_and_again)
    interrupt(lambda: windrow.verify(large["groups"], True, progress=lambda _: None))


@pytest.mark.parametrize("options", [{}, {"group_size": 10, "level": 12}, {"atomic": True}])
def test_write_batch_from_a_generator(tmp_path: Path, options: dict[str, Any]) -> None:
    record = random.Random(1).randbytes(1 << 15).hex().encode()
    path, given = tmp_path / "file", itertools.count()
    writer = windrow.RecordWriter(path, max_parallelism=1, **options)
    interrupt(lambda: writer.write_batch(b"%d %s" % (number, record) for number in given))
    taken = writer.records
    writer.write(b"behind")
    writer.close()
    reader = windrow.RecordReader(path)
    assert len(reader) == taken + 1
    assert reader[-1] == b"behind"
    assert reader[taken - 1] == b"%d %s" % (taken - 1, record)


def test_write_batch_of_a_list(tmp_path: Path) -> None:
    record = random.Random(1).randbytes(1 << 15).hex().encode()
    writer = windrow.RecordWriter(tmp_path / "file", max_parallelism=1, level=19)
    interrupt(lambda: writer.write_batch([record] * 5000))
    assert 0 < writer.records < 5000
    writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
def test_training() -> None:
    records = [random.Random(number).randbytes(500).hex().encode() for number in range(20_000)]
    threads = len(os.listdir("/proc/self/task"))
    interrupt(lambda: windrow.train_dictionary(records, max_bytes=1 << 20), 0.1)
    assert len(os.listdir("/proc/self/task")) == threads + 1, "waited for the training to end"


def test_taking_in_records_to_train_on() -> None:
    def again_and_again() -> None:
        while True:
            windrow.train_dictionary(itertools.repeat(b""))

    interrupt(again_and_again)


def test_a_writer_that_trains(tmp_path: Path) -> None:
    records = [random.Random(number).randbytes(500).hex().encode() for number in range(5000)]
    writer = windrow.RecordWriter(tmp_path / "file", layout="pages", dictionary="auto")
    # Training takes a second or two, and nothing can stop it.
    interrupt(lambda: writer.write_batch(itertools.cycle(records)), within=4 * LATENCY_SECONDS)
    taken = writer.records
    writer.write(b"behind")
    writer.close()
    reader = windrow.RecordReader(tmp_path / "file")
    assert len(reader) == taken + 1
    assert reader[-1] == b"behind" and reader[taken - 1] == records[(taken - 1) % len(records)]


def test_file_objects(large: dict[str, Path], tmp_path: Path) -> None:
    reader = windrow.RecordReader(open(large["single"], "rb"), max_parallelism=1)
    interrupt(reader.read_all)
    assert len(reader[3]) == RECORD_BYTES
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, max_parallelism=1) as writer:
        interrupt(lambda: writer.write_batch(bytes(1 << 15) for _ in itertools.count()))
    assert len(windrow.RecordReader(sink.getvalue())) > 0


def test_handlers_may_use_what_they_interrupt(record_files: Path) -> None:
    """A signal handler runs between two steps of the thread it interrupts: it must find no lock held."""
    reader = windrow.RecordReader(record_files / "groups")
    iterator = itertools.cycle([0])
    shared = iter(reader)
    used = 0

    def handler(*_: object) -> None:
        nonlocal used
        used += 1
        assert len(reader[3]) == 3
        next(shared, None)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            shared.seek(next(iterator))
            for _ in shared:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert used > 10


START = """
    import io, os, sys, threading, time
    import windrow
    from windrow.array_record_module import ArrayRecordReader
    files, own = sys.argv[1:]
    single, groups = files + "/single", files + "/groups"
    record = os.urandom(1 << 18)

    def daemon(work):
        def repeat():
            while True:
                work()
        threading.Thread(target=repeat, daemon=True).start()

    def rewind(iterator):
        if next(iterator, None) is None:
            iterator.seek(0)
"""
ENDINGS = {
    "read one": "r = windrow.RecordReader(single); [daemon(lambda: r[5]) for _ in range(4)]",
    "read many": "r = windrow.RecordReader(single); [daemon(lambda: r.read_many(range(1200))) for _ in range(4)]",
    "read batch": "r = windrow.RecordReader(groups); [daemon(r.read_batch) for _ in range(4)]",
    "read array": "w = windrow.RecordWriter(own); w.write_batch([record] * 50); w.close()\n"
    "r = windrow.RecordReader(own); [daemon(lambda: r.read_array(None, 'u1', 1 << 18)) for _ in range(4)]",
    "iterate": "it = iter(windrow.RecordReader(groups)); [daemon(lambda: rewind(it)) for _ in range(4)]",
    "source": "s = windrow.DataSource([single, groups], max_open_files=1); [daemon(s.read_all) for _ in range(4)]",
    "errors": "r = windrow.RecordReader(single)\n"
    "def wrong():\n    try:\n        r[5000]\n    except IndexError:\n        pass\n"
    "[daemon(wrong) for _ in range(4)]",
    "verify": "[daemon(lambda: windrow.verify(groups, True)) for _ in range(2)]",
    "verify progress": "[daemon(lambda: windrow.verify(groups, progress=lambda n: None)) for _ in range(2)]",
    "write": "w = windrow.RecordWriter(own); [daemon(lambda: w.write(record)) for _ in range(4)]",
    "write batch": "w = windrow.RecordWriter(own); [daemon(lambda: w.write_batch([record] * 9)) for _ in range(4)]",
    "file object": "r = windrow.RecordReader(open(groups, 'rb')); [daemon(r.read_all) for _ in range(2)]",
    "file object written": "w = windrow.RecordWriter(open(own, 'wb'))\n"
    "[daemon(lambda: w.write(record)) for _ in range(2)]",
}
LEFT_OPEN = {
    "iterator": "it = iter(windrow.RecordReader(groups)); next(it)",
    "iterator of a source": "it = iter(windrow.DataSource([single, groups])); next(it)",
    "iterator of a slow file": "w = windrow.RecordWriter(own, group_size=4, codec='brotli')\n"
    "w.write_batch([record] * 80); w.close(); it = iter(windrow.RecordReader(own)); next(it)",
    "iterator of a file object": "if not os.path.exists(own):\n"
    "    with windrow.RecordWriter(own, group_size=4) as w: w.write_batch([record * 4] * 100)\n"
    "it = iter(windrow.RecordReader(open(own, 'rb'))); [next(it) for _ in range(3)]",
    "sequential read": "r = ArrayRecordReader(groups, 'readahead_buffer_size:16MB'); r.read()",
    "writer": "w = windrow.RecordWriter(own); [w.write(record) for _ in range(20)]",
    "atomic writer": "w = windrow.RecordWriter(own, atomic=True, group_size=4); [w.write(record) for _ in range(19)]",
    "writer of a file object": "w = windrow.RecordWriter(io.BytesIO(), group_size=4)\n"
    "[w.write(record) for _ in range(19)]",
    "os._exit": "w = windrow.RecordWriter(own); it = iter(windrow.RecordReader(groups)); next(it)\n"
    "[daemon(lambda: w.write(record)) for _ in range(4)]; os._exit(0)",
}


def end(scene: str, files: Path, own: Path, pause: float) -> None:
    """Ends a program in the middle of a scene: exit code 0, soon, and nothing said but perhaps of the open writer."""
    program = textwrap.dedent(START) + scene + (f"\ntime.sleep({pause})\n" if pause else "\n")
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program, str(files), str(own / "file")], capture_output=True, text=True, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
    said = [line for line in ran.stderr.splitlines() if "ResourceWarning" not in line]
    assert [line for line in said if not line.startswith("  ")] == []


@pytest.mark.parametrize("scene", ENDINGS)
def test_exit_while_daemon_threads_work(record_files: Path, tmp_path: Path, scene: str) -> None:
    for repetition in range(10):
        end(ENDINGS[scene], record_files, tmp_path, 0.02 * repetition)


@pytest.mark.parametrize("scene", LEFT_OPEN)
def test_exit_with_something_open(record_files: Path, tmp_path: Path, scene: str) -> None:
    for repetition in range(10):
        end(LEFT_OPEN[scene], record_files, tmp_path, max(0, 0.005 * (repetition - 5)))
    if scene == "atomic writer":
        assert not (tmp_path / "file").exists()


def test_shards_are_read_after_an_interrupted_open(record_files: Path) -> None:
    def opening() -> Iterator[int]:
        while True:
            yield len(windrow.DataSource(shards(record_files)))

    interrupt(lambda: sum(opening()))
    assert len(windrow.DataSource(shards(record_files))) == 1200
