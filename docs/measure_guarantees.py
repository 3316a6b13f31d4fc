"""Measures what docs/guarantees.md says of costs: measure_guarantees.py FOLDER

FOLDER lies on the file system to measure; a temporary folder is made in it and removed. Prints the page's tables as
Markdown: first what the system's own calls take, then what Windrow adds, then many small appends. Linux only, because
it names the file system.

The records are random bytes, which no codec makes smaller. Each operation is made as often as the tables say; they
give the best time and the median.
"""

from __future__ import annotations

import itertools
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import windrow

KB, MB = 1 << 10, 1 << 20
RANDOM = random.Random(1)
PIECE = RANDOM.randbytes(MB)
RECORDS = [PIECE[begin : begin + KB] for begin in range(0, MB, KB)]
RECORD = RECORDS[0]
GROUP_SIZE = 1000
"""Not a divisor of what is written between two flushes, so that there always is an open group."""
APPENDS = 1000
APPENDED_GROUP_SIZE = 64

Step = Callable[[], object]
"""What is timed."""
Operation = Callable[[Path], Generator[Step, None, None]]
"""Prepares each round, then gives what is timed. Cleans up when it is closed."""


@contextmanager
def new_file(path: Path) -> Iterator[int]:
    """An open, empty file, gone at the end."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        yield handle
    finally:
        os.close(handle)
        path.unlink()


@contextmanager
def new_writer(path: Path) -> Iterator[windrow.RecordWriter]:
    """A writer with an open group, its file gone at the end."""
    with windrow.RecordWriter(path, group_size=GROUP_SIZE) as writer:
        writer.write(RECORD)
        # The first one makes the name durable too.
        writer.sync()
        yield writer
    path.unlink()


def fdatasync(size: int) -> Operation:
    def operation(path: Path) -> Generator[Step, None, None]:
        with new_file(path) as handle:
            os.fsync(handle)
            while True:
                for begin in range(0, size, MB):
                    os.write(handle, PIECE[: min(MB, size - begin)])
                yield lambda: os.fdatasync(handle)

    return operation


def fsync_of_the_folder(path: Path) -> Generator[Step, None, None]:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while True:
            with new_file(path) as handle:
                os.fsync(handle)
                yield lambda: os.fsync(folder)
    finally:
        os.close(folder)


def write(path: Path) -> Generator[Step, None, None]:
    with new_writer(path) as writer:
        for record in itertools.cycle(RECORDS):
            yield partial(writer.write, record)


def flush(path: Path) -> Generator[Step, None, None]:
    with new_writer(path) as writer:
        for record in itertools.cycle(RECORDS):
            writer.write(record)
            yield writer.flush


def sync(size: int) -> Operation:
    def operation(path: Path) -> Generator[Step, None, None]:
        with new_writer(path) as writer:
            while True:
                writer.write_batch(RECORDS[: size // KB] * max(1, size // MB))
                yield writer.sync

    return operation


def finish(*, atomic: bool = False, synced: bool = False) -> Operation:
    def operation(path: Path) -> Generator[Step, None, None]:
        while True:
            writer = windrow.RecordWriter(path, atomic=atomic)
            writer.write(RECORD)
            yield partial(writer.close, sync=synced)
            path.unlink()

    return operation


def append(synced: bool) -> Operation:
    def append_one(path: Path) -> None:
        writer = windrow.RecordWriter(path, mode="append")
        writer.write(RECORD)
        writer.close(sync=synced)

    def operation(path: Path) -> Generator[Step, None, None]:
        with windrow.RecordWriter(path) as writer:
            writer.write(RECORD)
        while True:
            yield lambda: append_one(path)

    return operation


SYSTEM: dict[str, tuple[Operation, int]] = {
    "`fdatasync` after 1 KiB": (fdatasync(KB), 200),
    "`fdatasync` after 1 MiB": (fdatasync(MB), 100),
    "`fdatasync` after 64 MiB": (fdatasync(64 * MB), 10),
    "`fsync` of the folder with a new name": (fsync_of_the_folder, 100),
}
"""What the system's calls take, and how often each is made."""

WINDROW: dict[str, tuple[Operation, int]] = {
    "`write` of 1 KiB": (write, 10_000),
    "`flush`, 1 KiB in the open group": (flush, 500),
    "`sync` after 1 KiB": (sync(KB), 200),
    "`sync` after 1 MiB": (sync(MB), 100),
    "`sync` after 64 MiB": (sync(64 * MB), 10),
    "`close` of a new file": (finish(), 200),
    "`close(sync=True)` of a new file": (finish(synced=True), 100),
    "`close` of a new file, `atomic`": (finish(atomic=True), 100),
    "append of 1 KiB: open, `write`, `close`": (append(synced=False), 100),
    "append of 1 KiB: open, `write`, `close(sync=True)`": (append(synced=True), 100),
}
"""What Windrow's calls take, and how often each is made."""


def measure(operation: Operation, rounds: int, path: Path) -> list[float]:
    """Seconds of each round."""
    steps = operation(path)
    taken = []
    for _ in range(rounds):
        step = next(steps)
        begun = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begun)
    steps.close()
    return taken


def duration(seconds: float) -> str:
    """Two digits: the third is noise."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit or name == "µs":
            break
    number = seconds / unit
    return f"{number:.1f} {name}" if number < 10 else f"{int(float(f'{number:.1e}')):,} {name}"


def costs(rows: dict[str, tuple[Operation, int]], folder: Path) -> list[list[str]]:
    table = []
    for name, (operation, rounds) in rows.items():
        taken = measure(operation, rounds, folder / "measured.array_record")
        table.append([name, duration(min(taken)), duration(statistics.median(taken)), f"{rounds:,}"])
        (folder / "measured.array_record").unlink(missing_ok=True)
    return table


Way = Callable[[Path], None]
"""Writes the records into a new file."""


def in_one(after_each: Callable[[windrow.RecordWriter], object]) -> Way:
    """One writer for all records."""

    def way(path: Path) -> None:
        with windrow.RecordWriter(path, group_size=APPENDED_GROUP_SIZE) as writer:
            for _ in range(APPENDS):
                writer.write(RANDOM.randbytes(KB))
                after_each(writer)

    return way


def one_by_one(path: Path) -> None:
    """An append for each record."""
    with windrow.RecordWriter(path, group_size=APPENDED_GROUP_SIZE):
        pass
    for _ in range(APPENDS):
        with windrow.RecordWriter(path, mode="append") as writer:
            writer.write(RANDOM.randbytes(KB))


WAYS: dict[str, Way] = {
    "one writer": in_one(lambda _: None),
    "one writer, `flush` after each record": in_one(lambda writer: writer.flush()),
    "one writer, `sync` after each record": in_one(lambda writer: writer.sync()),
    "an append for each record": one_by_one,
}


def many_appends(folder: Path) -> list[list[str]]:
    table = []
    for name, way in WAYS.items():
        path, again = folder / "appended.array_record", folder / "rechunked.array_record"
        begun = time.perf_counter()
        way(path)
        seconds = time.perf_counter() - begun
        with windrow.RecordReader(path) as reader:
            if len(reader) != APPENDS:
                raise SystemExit(f"{name}: {len(reader)} records instead of {APPENDS}")
        command = [sys.executable, "-m", "windrow", "rechunk", f"--group-size={APPENDED_GROUP_SIZE}"]
        subprocess.run([*command, str(path), str(again)], check=True, capture_output=True)
        sizes = [f"{file.stat().st_size / MB:.1f} MiB" for file in (path, again)]
        table.append([name, duration(seconds), *sizes])
        path.unlink()
        again.unlink()
    return table


def show(title: str, head: list[str], rows: list[list[str]]) -> None:
    print(f"\n{title}\n")
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: measure_guarantees.py FOLDER", file=sys.stderr)
        return 2
    found = subprocess.run(["df", "--output=fstype", arguments[0]], check=True, capture_output=True, text=True)
    print(f"windrow {windrow.__version__}, {os.cpu_count()} processors, {platform.system()} {platform.release()}")
    print(f"{platform.machine()}, Python {platform.python_version()}; file system: {found.stdout.split()[-1]}")
    with tempfile.TemporaryDirectory(dir=arguments[0]) as name:
        folder = Path(name)
        head = ["what", "best", "median", "times"]
        show("The system", head, costs(SYSTEM, folder))
        show("Windrow", head, costs(WINDROW, folder))
        head = [f"{APPENDS:,} records of 1 KiB, `group_size={APPENDED_GROUP_SIZE}`", "time", "file", "after `rechunk`"]
        show("Many small appends", head, many_appends(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
