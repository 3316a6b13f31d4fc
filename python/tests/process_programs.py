"""What the tests run in processes of their own.

Run as `python MODULE PROGRAM ARGUMENTS`, the arguments as JSON. A program says what it found as JSON in
its last line, writes nothing to stderr, and ends with 0.
"""

from __future__ import annotations

import concurrent.futures
import faulthandler
import gc
import io
import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import windrow
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader

RECORDS = [random.Random(number).randbytes(number % 1000) for number in range(1200)]
BATCH = random.Random(0).sample(range(len(RECORDS)), 900)
"""Large enough to be decoded in parallel."""
FORKS = 50
CHILD_SECONDS = 10.0
"""A child that takes longer hangs: it has work for some milliseconds."""


def run(program: Callable[..., None], *arguments: object, seconds: float = 30.0) -> Any:
    """Runs a function in a process of its own. It must end well, and silently. Its module calls `main`."""
    module = str(sys.modules[program.__module__].__file__)
    command = [sys.executable, "-Walways", module, program.__name__, json.dumps(arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # Says where each thread is.
        said, complaint = process.communicate()
        raise AssertionError(f"{program.__name__} hangs:\n{said}\n{complaint}") from None
    assert process.returncode == 0, complaint
    assert complaint == ""
    return json.loads(said.splitlines()[-1])


def write_files(folder: Path) -> None:
    pages: dict[str, Any] = {"layout": "pages", "dictionary": b"".join(RECORDS[:40])}
    files: list[tuple[str, list[bytes], dict[str, Any]]] = [
        ("single", RECORDS, {}),
        ("groups", RECORDS, {"group_size": 16}),
        ("shard-0", RECORDS[:500], {"group_size": 4}),
        ("shard-1", RECORDS[500:501], {}),
        ("shard-2", RECORDS[501:], pages),
    ]
    for name, records, options in files:
        with windrow.RecordWriter(folder / name, **options) as writer:
            writer.write_batch(records)


def shards(folder: Path) -> list[Path]:
    return [folder / f"shard-{number}" for number in range(3)]


class Iterators:
    """Iterators of all kinds, with what each goes through."""

    def __init__(self, folder: Path) -> None:
        groups = windrow.RecordReader(folder / "groups")
        source = windrow.DataSource(shards(folder), max_open_files=2)
        self.each: list[tuple[windrow.RecordIterator, list[bytes]]] = [
            (iter(groups), RECORDS),
            (iter(windrow.RecordReader(folder / "single")), RECORDS),
            (iter(source), RECORDS),
            (reversed(groups), RECORDS[::-1]),
            (iter(source[::3]), RECORDS[::3]),
        ]
        self.batches = groups.batches()

    def begin(self) -> None:
        for iterator, records in self.each:
            for record in records[:7]:
                assert next(iterator) == record
        next(self.batches)

    def check(self) -> None:
        """Goes on to the end, and then again from the middle."""
        for iterator, records in self.each:
            place = iterator.tell()
            assert list(iterator) == records[place:], place
            iterator.seek(len(records) // 2)
            assert next(iterator) == records[len(records) // 2]
            iterator.seek(place)
        rest = [bytes(record) for batch in self.batches for record in batch]
        assert rest == RECORDS[len(RECORDS) - len(rest) :]

    def step(self) -> None:
        for iterator, records in self.each:
            place = iterator.tell()
            if next(iterator, None) is None and place >= len(records):
                iterator.seek(0)


class Records:
    """A reader or source of any kind."""

    def __init__(self, records: Any) -> None:
        self.records = records

    def begin(self) -> None:
        self.step()
        assert self.records[BATCH] == [RECORDS[number] for number in BATCH]
        if isinstance(self.records, ArrayRecordReader):
            assert self.records.read() == RECORDS[0]

    def check(self) -> None:
        self.begin_in_order()
        for number in (0, 499, 500, 501, len(RECORDS) - 1):
            assert self.records[number] == RECORDS[number]
        assert self.records[BATCH] == [RECORDS[number] for number in BATCH]
        assert list(self.records) == RECORDS

    def begin_in_order(self) -> None:
        if isinstance(self.records, ArrayRecordReader):
            place = self.records.record_index() % len(RECORDS)
            self.records.seek(place)
            assert [self.records.read() for _ in RECORDS[place:]] == RECORDS[place:]
            self.records.seek(place)

    def step(self) -> None:
        numbers = BATCH[:50]
        assert self.records[numbers[0]] == RECORDS[numbers[0]]
        assert self.records[numbers] == [RECORDS[number] for number in numbers]


SUBJECTS: dict[str, Callable[[Path], Records | Iterators]] = {
    "record_reader": lambda folder: Records(windrow.RecordReader(folder / "groups")),
    "data_source": lambda folder: Records(windrow.DataSource(shards(folder), max_open_files=2)),
    "array_record_reader": lambda folder: Records(ArrayRecordReader(folder / "single", "readahead_buffer_size:16MB")),
    "array_record_data_source": lambda folder: Records(ArrayRecordDataSource(shards(folder))),
    "iterators": Iterators,
}


class Writers:
    """Writers that are open while processes start: a plain one, an atomic one, one of small groups, one that samples."""

    OPTIONS: Sequence[dict[str, Any]] = (
        {"group_size": 16},
        {"atomic": True},
        {"group_size": 3, "max_parallelism": 1},
        {"layout": "pages", "dictionary": "auto"},
    )

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / f"open-{number}" for number in range(len(self.OPTIONS))]
        self.open = [windrow.RecordWriter(path, **how) for path, how in zip(self.paths, self.OPTIONS, strict=True)]
        self.lock = threading.Lock()
        self.written = 0

    def step(self) -> None:
        """Each record goes to all of them; the lock keeps the same order in each."""
        with self.lock:
            for writer in self.open:
                writer.write(RECORDS[self.written % len(RECORDS)])
            self.written += 1
        time.sleep(0.0005)  # What is written is written again in the end, to compare.

    def begin(self) -> None:
        for _ in range(100):
            self.step()

    def refuse(self) -> None:
        """In a forked process: all of them refuse, and are dropped in silence."""
        for place in range(len(self.open)):
            self._refuse(self.open[place])
        self.open.clear()
        gc.collect()

    @staticmethod
    def _refuse(writer: windrow.RecordWriter) -> None:
        calls: list[Callable[[], Any]] = [
            lambda: writer.write(b"x"),
            lambda: writer.write_batch([b"x"]),
            writer.flush,
            writer.close,
        ]
        for call in calls:
            try:
                call()
            except windrow.WriterError as error:
                assert error.code == "writer_forked", error
            else:
                raise AssertionError("an inherited writer took something")

    def finish(self, folder: Path) -> None:
        """In the first process: they go on, and their files are those of writers that saw no fork."""
        with self.lock:
            for writer, path, how in zip(self.open, self.paths, self.OPTIONS, strict=True):
                writer.write_batch(RECORDS[:20])
                writer.close()
                assert writer.records == self.written + 20
                records = itertools.islice(itertools.cycle(RECORDS), self.written)
                with windrow.RecordWriter(folder / "same", **how) as same:
                    same.write_batch(itertools.chain(records, RECORDS[:20]))
                assert path.read_bytes() == (folder / "same").read_bytes()
        leftover = {path.name for path in folder.iterdir()} - {path.name for path in self.paths} - {"same"}
        assert leftover == set()


class Busy:
    """Threads that do something again and again. `stop` raises what was raised in them."""

    def __init__(self, *work: Callable[[], object]) -> None:
        self.going = True
        self.errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._repeat, args=(each,), daemon=True) for each in work]
        for thread in self.threads:
            thread.start()

    def _repeat(self, work: Callable[[], object]) -> None:
        try:
            while self.going:
                work()
        except BaseException as error:
            self.errors.append(error)

    def stop(self) -> None:
        self.going = False
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


def write_own(folder: Path) -> None:
    """Writes a file, in parallel, and reads it back."""
    path = folder / f"own-{os.getpid()}-{threading.get_ident()}"
    with windrow.RecordWriter(path, group_size=8) as writer:
        writer.write_batch(RECORDS[:400])
    assert windrow.RecordReader(path).read_all() == RECORDS[:400]
    path.unlink()


def wait_for(pid: int) -> int:
    """The exit code of a child; one that hangs is made to say where, and ended."""
    end = time.monotonic() + CHILD_SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(pid, signal.SIGABRT)
    os.waitpid(pid, 0)
    raise AssertionError(f"child {pid} hangs")


def fork(work: Callable[[], None], quietly: bool) -> int:
    """Runs `work` in a forked child, which then exits by `os._exit`, or by `sys.exit` with all that this means."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except SystemExit:
        raise  # The end of a child's child.
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    if quietly:
        os._exit(0)
    sys.exit(0)


def fork_cell(files: str, own: str, subject: str, opened: str, wrote: bool, busy: bool) -> None:
    """Forks again and again; `opened` is "after" the fork, or "before" it, or "read" before it."""
    folder, own_folder = Path(files), Path(own)
    make = SUBJECTS[subject]
    inherited = None if opened == "after" else make(folder)
    if inherited and opened == "read":
        inherited.begin()
    writers = Writers(own_folder) if wrote else None
    if writers:
        writers.begin()
    work: list[Callable[[], object]] = []
    if busy:
        sys.setswitchinterval(1e-4)
        other = inherited or make(folder)
        work = [other.step, lambda: write_own(folder)]
        if writers:
            work.append(writers.step)
    threads = Busy(*work)

    def child(depth: int) -> None:
        sys.setswitchinterval(0.005)
        (inherited or make(folder)).check()
        write_own(folder)
        if writers and depth == 0:
            writers.refuse()
        if depth < 2 and repetition % 10 == 0:
            assert wait_for(fork(lambda: child(depth + 1), quietly=depth == 0)) == 0

    for repetition in range(FORKS):
        status = wait_for(fork(lambda: child(0), quietly=repetition % 2 == 0))
        assert status == 0, f"child {repetition} ended with {status}"
        if inherited:
            inherited.step()
    threads.stop()
    (inherited or make(folder)).check()
    if writers:
        writers.finish(own_folder)
    print(json.dumps(FORKS))


def started(things: Sequence[Records], folder: Path, after: bool) -> None:
    """What a process does that was started by multiprocessing: with what it was given, or opens itself."""
    if after:
        things = [make(folder) for make in SUBJECTS.values()]  # type: ignore[misc]
    for thing in things:
        thing.check()
    write_own(folder)


def start_cell(files: str, own: str, start: str, opened: str, wrote: bool, busy: bool) -> None:
    """The same with processes that multiprocessing starts; whatever pickles is given to them at once."""
    folder, own_folder = Path(files), Path(own)
    names = [name for name in SUBJECTS if name != "iterators"]
    things = [] if opened == "after" else [SUBJECTS[name](folder) for name in names]
    if opened == "read":
        for thing in things:
            thing.begin()
    writers = Writers(own_folder) if wrote else None
    if writers:
        writers.begin()
    work: list[Callable[[], object]] = [thing.step for thing in things[:2]]
    work.append(lambda: write_own(folder))
    if writers:
        work.append(writers.step)
    threads = Busy(*(work if busy else []))
    context: Any = multiprocessing.get_context(start)
    processes = [context.Process(target=started, args=(things, folder, opened == "after")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(25)
        assert process.exitcode == 0, process.exitcode
    threads.stop()
    for thing in things:
        thing.check()
    if writers:
        writers.finish(own_folder)
    print(json.dumps(len(processes)))


GIVEN: list[Any] = []
"""What a pool's processes read from: inherited, or given to them when they start."""


def give(things: Sequence[Any]) -> None:
    GIVEN[:] = things


def read_given(number: int) -> bool:
    """One record and a batch, from each."""
    numbers = [(number + each) % len(RECORDS) for each in BATCH]
    expected = RECORDS[number], [RECORDS[each] for each in numbers]
    return all((given[number], given[numbers]) == expected for given in GIVEN)


def pools(files: str, start: str, executor: bool) -> None:
    """A pool of processes maps over records; forked ones inherit what they read from, others are given pickles."""
    folder = Path(files)
    context: Any = multiprocessing.get_context(start)
    things = [make(folder).records for name, make in SUBJECTS.items() if name != "iterators"]  # type: ignore[union-attr]
    given: tuple[Any, ...] = () if start == "fork" else (things,)
    give(things)
    assert all(map(read_given, range(0, len(RECORDS), 400)))
    initialize = give if given else None
    numbers = range(0, len(RECORDS), 10)
    if executor:
        with concurrent.futures.ProcessPoolExecutor(2, context, initialize, given) as workers:
            assert all(workers.map(read_given, numbers, chunksize=8))
    else:
        with context.Pool(2, initialize, given) as pool:
            assert all(pool.map(read_given, numbers))
            pool.close()
            pool.join()
    assert all(map(read_given, range(0, len(RECORDS), 400)))
    print(json.dumps(len(numbers)))


def relative(files: str, start: str) -> None:
    """Relative paths mean the same in a process that is started in the same folder."""
    os.chdir(files)
    things = [SUBJECTS[name](Path(".")) for name in SUBJECTS if name != "iterators"]
    context: Any = multiprocessing.get_context(start)
    process = context.Process(target=started, args=(things, Path("."), False))
    process.start()
    process.join(25)
    print(json.dumps(process.exitcode))


def forks_inside_next(own: str) -> None:
    """Forks while other threads wait inside `next()`, for groups that take long to decode."""
    path = Path(own) / "slow"
    records = [random.Random(number % 3).randbytes(1 << 15).hex().encode() for number in range(320)]
    with windrow.RecordWriter(path, group_size=80, codec="brotli", level=1) as writer:
        writer.write_batch(records)
    sequence = windrow.RecordReader(path)
    inside_at_fork = 0
    for repetition in range(12):
        iterator = iter(sequence)
        inside = [False] * 3

        def take(thread: int, iterator: windrow.RecordIterator = iterator, inside: list[bool] = inside) -> None:
            inside[thread] = True
            for _ in iterator:
                inside[thread] = False
                inside[thread] = True
            inside[thread] = False

        def child(iterator: windrow.RecordIterator = iterator) -> None:
            place = iterator.tell()
            assert list(iterator) == records[place:]

        threads = [threading.Thread(target=take, args=(number,), daemon=True) for number in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.005 * repetition)
        pid = fork(child, quietly=repetition % 2 == 0)
        inside_at_fork += any(inside)
        assert wait_for(pid) == 0
        for thread in threads:
            thread.join()
    print(json.dumps(inside_at_fork))


def parallel_in_child(files: str) -> None:
    """How many threads a forked child has, whose parent decoded in parallel, before and behind a batch."""
    sequence = windrow.RecordReader(Path(files) / "groups", max_parallelism=None)
    assert sequence[BATCH]
    receive, send = os.pipe()

    def child() -> None:
        before = len(os.listdir("/proc/self/task"))
        assert sequence[BATCH] == [RECORDS[number] for number in BATCH]
        os.write(send, json.dumps([before, len(os.listdir("/proc/self/task"))]).encode())

    assert wait_for(fork(child, quietly=True)) == 0
    print(os.read(receive, 100).decode())


def file_objects(files: str) -> None:
    """Four processes read through one file object at once; says how many ended badly."""
    with open(Path(files) / "single", "rb") as file:
        sequence = windrow.RecordReader(file)
        assert sequence[0] == RECORDS[0]

        def child() -> None:
            for number in random.Random(os.getpid()).choices(range(len(RECORDS)), k=3000):
                try:
                    assert sequence[number] == RECORDS[number]
                except windrow.UnsupportedError:
                    return  # A clear refusal is as good.

        children = [fork(child, quietly=True) for _ in range(4)]
        print(json.dumps(sum(wait_for(pid) != 0 for pid in children)))


class SlowFile(io.BytesIO):
    """Whoever reads waits until `gate` is open."""

    gate = threading.Event()
    waiting = threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.waiting.set()
        self.gate.wait()
        return super().read(size)


def file_object_in_use(files: str) -> None:
    """Forks while another thread is inside of the file object; the child must not wait for it."""
    file = SlowFile((Path(files) / "single").read_bytes())
    file.gate.set()
    sequence = windrow.RecordReader(file)
    file.gate.clear()
    file.waiting.clear()
    threads = Busy(lambda: sequence[5])
    file.waiting.wait()

    def child() -> None:
        file.gate.set()
        try:
            assert sequence[7] == RECORDS[7]
        except windrow.UnsupportedError:
            pass

    assert wait_for(fork(child, quietly=True)) == 0
    file.gate.set()
    threads.stop()
    print(json.dumps("read or refused"))


class CuriousFile(io.BytesIO):
    """Asks for another record, or for the writer's state, while it is read or written."""

    ask: Callable[[], object] = staticmethod(lambda: None)

    def _ask_once(self) -> None:
        ask, self.ask = self.ask, lambda: None
        try:
            ask()
        except RuntimeError:
            pass  # As Python's own files do.

    def read(self, size: int | None = -1, /) -> bytes:
        self._ask_once()
        return super().read(size)

    def write(self, record: Any, /) -> int:
        self._ask_once()
        return super().write(record)


def calls_from_inside_a_file(files: str) -> None:
    """A file object, or a signal handler that runs in it, may use the reader or writer that calls it."""
    file = CuriousFile((Path(files) / "single").read_bytes())
    sequence = windrow.RecordReader(file)
    file.ask = lambda: sequence[5]
    assert sequence[7] == RECORDS[7]
    sink = CuriousFile()
    writer = windrow.RecordWriter(sink)
    sink.ask = lambda: writer.records
    writer.write_batch(RECORDS)
    writer.close()
    assert windrow.RecordReader(sink.getvalue()).read_all() == RECORDS
    print(json.dumps("both went on"))


def exit_inside_with(own: str) -> None:
    with windrow.RecordWriter(Path(own) / "file") as writer:
        writer.write(b"x")
        pid = os.fork()
        if pid == 0:
            sys.exit(7)
        status = wait_for(pid)
    print(json.dumps(status))


def resident_bytes() -> int:
    """Memory of this process, as Linux shows it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    """Open files of this process, as Linux shows them."""
    return len(os.listdir("/proc/self/fd"))


def main() -> None:
    """Runs the program that the command line names."""
    faulthandler.enable()
    vars(sys.modules["__main__"])[sys.argv[1]](*json.loads(sys.argv[2]))


if __name__ == "__main__":
    main()
