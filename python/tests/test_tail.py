"""`TailReader`: following a file that another process, or this one, is writing."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import windrow

RECORDS = [b"record %04d" % number for number in range(300)]
WRITER = """
import sys, time, windrow
path, group_size, mode = sys.argv[1:]
options = {} if mode == "append" else {"group_size": int(group_size)}
with windrow.RecordWriter(path, mode=mode, **options) as writer:
    first = writer.records
    for number in range(first, first + 300):
        writer.write(b"record %04d" % number)
        if number % 10 == 9:
            writer.flush()
            time.sleep(0.01)
"""


def start(path: Path, group_size: int, mode: str = "create") -> subprocess.Popen[str]:
    command: list[Any] = [sys.executable, "-c", WRITER, path, str(group_size), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "growing"
    path.touch()
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole"
    with windrow.RecordWriter(path, group_size=10, codec="uncompressed") as writer:
        writer.write_batch(RECORDS)
    return path


@pytest.mark.parametrize("group_size", [1, 7, 100_000])
def test_a_file_that_another_process_writes(path: Path, group_size: int) -> None:
    with start(path, group_size) as writing, windrow.TailReader(path) as tail:
        given = []
        while_running = 0
        for record in tail:
            given.append(record)
            while_running += writing.poll() is None
            assert tail.position == len(given)
        assert given == RECORDS and tail.is_sealed
        assert while_running > 10, "all came at the end: nothing was followed"
        assert writing.wait(timeout=20) == 0


def test_a_file_that_another_process_appends_to(path: Path) -> None:
    with start(path, 7) as writing:
        assert writing.wait(timeout=20) == 0
    with windrow.TailReader(path, start=250) as tail:
        assert list(tail) == RECORDS[250:] and tail.is_sealed
        with start(path, 7, "append") as writing:
            while (batch := tail.wait(20)) is None:
                pass
            given = batch.to_list()
            # The next loop goes on where the last one ended.
            given += list(tail)
            while not tail.is_sealed or tail.position < 600:
                given += tail
            assert given == [b"record %04d" % number for number in range(300, 600)]
            assert writing.wait(timeout=20) == 0


def test_poll_gives_what_is_there(path: Path) -> None:
    tail = windrow.TailReader(path)
    assert tail.poll() is None and not tail.is_sealed and tail.position == 0
    writer = windrow.RecordWriter(path, group_size=10)
    writer.write_batch(RECORDS[:5])
    assert tail.poll() is None
    writer.flush()
    batch = tail.poll()
    assert type(batch) is windrow.Batch and batch.to_list() == RECORDS[:5] and tail.position == 5
    assert tail.poll() is None
    writer.write_batch(RECORDS[5:25])
    writer.flush()
    given = []
    while (batch := tail.poll()) is not None:
        given += batch.to_list()
    assert given == RECORDS[5:25] and tail.position == 25 and not tail.is_sealed
    writer.close()
    assert tail.poll() is None and tail.is_sealed and list(tail) == []
    with windrow.RecordWriter(path, mode="append") as writer:
        writer.write(b"appended")
    assert list(tail) == [b"appended"] and tail.is_sealed


def test_a_loop_and_batches_take_turns(whole: Path) -> None:
    tail = windrow.TailReader(whole)
    given = [next(tail) for _ in range(4)]
    assert tail.position == 4 and not tail.is_sealed
    batch = tail.poll()
    # What the loop left of its batch.
    assert batch is not None and batch.to_list() == RECORDS[4:10] and len(batch) == 6 and tail.position == 10
    assert [bytes(view) for view in batch] == RECORDS[4:10] and bytes(batch[-1]) == RECORDS[9]
    assert batch.nbytes == sum(map(len, RECORDS[4:10]))
    for kind in (pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view()):
        array = pyarrow.array(batch, type=kind)
        array.validate(full=True)
        assert array.to_pylist() == RECORDS[4:10]
    given += batch.to_list()
    given.append(next(tail))
    batch = tail.wait(5)
    assert batch is not None and batch.to_list() == RECORDS[11:20]
    given += batch.to_list()
    assert given + list(tail) == RECORDS and tail.is_sealed


def test_wait(path: Path, whole: Path) -> None:
    tail = windrow.TailReader(path)
    for timeout in (0, 0.0, 0.05, 0.35):
        begin = time.monotonic()
        assert tail.wait(timeout) is None
        assert timeout <= time.monotonic() - begin < timeout + 5
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="timeout"):
            tail.wait(wrong)
    with pytest.raises(TypeError):
        tail.wait("long")  # type: ignore[arg-type]
    # Without a time it ends when the file does.
    tail = windrow.TailReader(whole)
    count = 0
    while (batch := tail.wait()) is not None:
        count += len(batch)
    assert count == 300 and tail.wait(None) is None


def test_a_wait_ends_when_records_come(path: Path) -> None:
    writer = windrow.RecordWriter(path, group_size=1000)

    def write() -> None:
        time.sleep(0.3)
        writer.write(b"late")
        writer.flush()

    thread = threading.Thread(target=write)
    thread.start()
    begin = time.monotonic()
    batch = windrow.TailReader(path).wait(60)
    assert batch is not None and batch.to_list() == [b"late"] and 0.2 < time.monotonic() - begin < 30
    thread.join()
    writer.close()


@pytest.mark.parametrize("first", [0, 1, 10, 155, 299, 300, 1000])
def test_start(whole: Path, first: int) -> None:
    tail = windrow.TailReader(whole, start=first)
    assert tail.position == first
    assert list(tail) == RECORDS[first:]
    assert tail.position == max(first, 300)
    with pytest.raises((ValueError, OverflowError)):
        windrow.TailReader(whole, start=-1)


def test_waiting_leaves_the_interpreter_to_others(path: Path) -> None:
    tail = windrow.TailReader(path)
    thread = threading.Thread(target=tail.wait, args=(1.0,))
    thread.start()
    begin, count = time.monotonic(), 0
    while thread.is_alive():
        count += 1
        # Neither of these waits for the other thread's turn.
        assert not tail.is_sealed and tail.position == 0
    thread.join()
    assert time.monotonic() - begin > 0.5 and count > 1000


def test_threads_share_one(whole: Path) -> None:
    tail = windrow.TailReader(whole)
    given: list[bytes] = []
    threads = [threading.Thread(target=lambda: given.extend(tail)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == RECORDS


INTERRUPTED = """
import sys, time, windrow
tail = windrow.TailReader(sys.argv[1])
print("ready", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print(time.time(), tail.poll(), flush=True)
"""


@pytest.mark.parametrize("wait", ["tail.wait()", "tail.wait(60)", "next(tail)", "list(tail)"])
def test_ctrl_c_ends_a_wait(path: Path, wait: str) -> None:
    command: list[Any] = [sys.executable, "-c", INTERRUPTED.format(wait=wait), path]
    latencies = []
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None and running.stdout.readline() == "ready\n"
            time.sleep(0.3)
            sent = time.time()
            running.send_signal(signal.SIGINT)
            said = running.communicate(timeout=20)[0].split()
            assert running.returncode == 0 and said[1:] == ["None"]
            latencies.append(float(said[0]) - sent)
    # The best of three, for the machine may be busy.
    assert min(latencies) < 0.2


def test_a_writer_that_was_killed(path: Path) -> None:
    program = WRITER.replace("time.sleep(0.01)", "print(number, flush=True)").replace("300", "10**9")
    command: list[Any] = [sys.executable, "-c", program, path, "1000", "create"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        for _ in range(20):
            flushed = int(writing.stdout.readline()) + 1
        tail = windrow.TailReader(path)
        given = [next(tail) for _ in range(flushed)]
        writing.kill()
        writing.wait(timeout=20)
    while (batch := tail.wait(0.3)) is not None:
        given += batch.to_list()
    assert not tail.is_sealed and given == windrow.recover(path).reader.read_all()
    with windrow.RecordWriter(path, mode="append") as writer:
        writer.write(b"behind")
    given += tail
    assert given == windrow.RecordReader(path).read_all() and given[-1] == b"behind" and tail.is_sealed


def test_damage(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes().replace(b"record 0155", b"Record 0155"))
    tail = windrow.TailReader(whole)
    given = []
    for _ in range(2):
        with pytest.raises(windrow.CorruptError) as info:
            for record in tail:
                given.append(record)
        assert info.value.code == "chunk_data_hash" and info.value.path == str(whole)
    assert given == RECORDS[:150] and tail.position == 150 and tail.skipped[0].code == "chunk_data_hash"
    tail = windrow.TailReader(whole, on_corrupt="skip")
    assert list(tail) == RECORDS[:150] + RECORDS[160:]
    assert [(fault.code, fault.record_range) for fault in tail.skipped] == [("chunk_data_hash", (150, 160))]


def test_other_files(tmp_path: Path, whole: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"some text\n" * 20_000)
    tail = windrow.TailReader(other)
    for _ in range(2):
        with pytest.raises(windrow.CorruptError) as info:
            tail.poll()
        assert info.value.code == "not_array_record"
    tail = windrow.TailReader(whole)
    next(tail)
    os.truncate(whole, 100)
    with pytest.raises(windrow.CorruptError, match="followed"):
        list(tail)
    for wrong in (tmp_path / "missing", tmp_path):
        with pytest.raises(OSError):
            windrow.TailReader(wrong)
    with pytest.raises(TypeError):
        windrow.TailReader(5)  # type: ignore[arg-type]
    with pytest.raises(windrow.OptionsError):
        windrow.TailReader(whole, max_record_bytes=0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        windrow.TailReader(whole, follow=True)  # type: ignore[call-arg]


def test_limits(whole: Path) -> None:
    with pytest.raises(windrow.LimitError, match="max_record_bytes"):
        list(windrow.TailReader(whole, max_record_bytes=5))


def test_closing(whole: Path) -> None:
    with windrow.TailReader(whole) as tail:
        assert not tail.closed and tail.path == str(whole)
        next(tail)
        assert repr(tail) == f'TailReader("{whole}", position=1)'
    assert tail.closed and tail.position == 1
    tail.close()
    for call in (tail.poll, tail.wait, tail.__next__, lambda: tail.skipped):
        with pytest.raises(windrow.ClosedError, match="tail of"):
            call()
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(tail)


def test_closing_ends_a_wait(path: Path) -> None:
    tail = windrow.TailReader(path)
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            tail.wait(60)
        except windrow.ClosedError as error:
            raised.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    tail.close()
    thread.join(timeout=20)
    assert len(raised) == 1


def test_a_forked_process_opens_its_own(whole: Path, path: Path) -> None:
    program = """
import os, sys, threading, time, windrow
with windrow.TailReader(sys.argv[1]) as tail, windrow.TailReader(sys.argv[2]) as waited_for:
    next(tail)
    # In the middle of a wait, with its lock held.
    threading.Thread(target=waited_for.wait, args=(1.0,)).start()
    time.sleep(0.2)
    child = os.fork()
    if child == 0:
        for one in (tail, waited_for):
            try:
                one.poll()
            except windrow.UnsupportedError as error:
                assert error.code == "forked" and "forked process" in str(error)
            else:
                os._exit(1)
        assert tail.position == 1 and len(list(windrow.TailReader(sys.argv[1]))) == 300
if child == 0:
    del tail, waited_for
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    ran = subprocess.run([sys.executable, "-c", program, whole, path], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_exit_while_a_daemon_waits(path: Path, whole: Path) -> None:
    program = """
import sys, threading, time, windrow
for path in sys.argv[1:3]:
    def follow(path=path):
        while True:
            for _ in windrow.TailReader(path):
                pass
    threading.Thread(target=follow, daemon=True).start()
time.sleep(float(sys.argv[3]))
"""
    for repetition in range(10):
        command: list[Any] = [sys.executable, "-c", program, path, whole, str(0.03 * repetition)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (ran.returncode, ran.stderr) == (0, "")
