"""Measures what docs/choosing.md says of layouts, group sizes and codecs: measure_choosing.py TEXT CODE EVENTS CSV

TEXT, CODE and EVENTS are what benches/data/make_text.py, make_code.py and make_events.py write, CSV is
tests/data/weather.csv, whose rows are records. Prints the page's tables as Markdown.

Each figure is the best of `ROUNDS` rounds. A round goes through all files in turn, so that a slow minute of the machine
does not hit one file alone. The files lie in a temporary folder, and so in the page cache.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import windrow

ROUNDS = 5
GROUP_SIZES = (1, 4, 16, 64, 256, 1024)
CODECS = ("zstd:1", "zstd:3", "zstd:9", "brotli:6", "snappy", "uncompressed")
PAGES, WITH_DICTIONARY = "pages", "pages, dictionary"
LAYOUTS = {str(size): f"group_size:{size}" for size in GROUP_SIZES}
LAYOUTS |= {PAGES: "layout:pages", WITH_DICTIONARY: "layout:pages,dictionary:auto"}
LAYOUT_TABLE = [(layout, "zstd:3") for layout in ("1", "256", PAGES, WITH_DICTIONARY)]
LAYOUT_TABLE += [("1", "uncompressed"), (PAGES, "uncompressed")]
GROUP_SIZE_TABLE = [(str(size), "zstd:3") for size in GROUP_SIZES]
CODEC_TABLE = [(size, codec) for size in ("1", "256") for codec in CODECS]
BATCH = 1024
MOST_SECONDS = 0.3
"""After this, random reading ends in the middle: its speed does not depend on how long it lasts."""
SLOW_SECONDS = 15
"""A file that takes longer to write is measured in one round only."""

Variant = tuple[str, str]
"""A layout of `LAYOUTS`, and a codec."""

Timed = tuple[float, float]
"""Work done, and seconds."""


def text_records(path: Path) -> list[bytes]:
    content = path.read_bytes()
    found, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        found.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def write(path: Path, options: str, records: list[bytes]) -> Timed:
    path.unlink(missing_ok=True)
    begun = time.perf_counter()
    with windrow.RecordWriter(path, options) as writer:
        writer.write_batch(records)
    return sum(map(len, records)) / 1e6, time.perf_counter() - begun


def in_order(path: Path) -> Timed:
    """`for record in reader`."""
    begun = time.perf_counter()
    with windrow.RecordReader(path) as reader:
        count = sum(1 for _ in reader)
    return count, time.perf_counter() - begun


def at_random(path: Path) -> Timed:
    """`reader[index]`, shuffled. No chunks are kept, as if the file were large: else those of small files all are."""
    with windrow.RecordReader(path, chunk_cache_bytes=0) as reader:
        order = list(windrow.Permutation(len(reader)))
        done, begun = 0, time.perf_counter()
        while done < len(order) and time.perf_counter() - begun < MOST_SECONDS:
            reader[order[done]]
            done += 1
        return done, time.perf_counter() - begun


def in_batches(path: Path) -> Timed:
    """`reader.read_many` with `BATCH` shuffled numbers."""
    with windrow.RecordReader(path) as reader:
        order = list(windrow.Permutation(len(reader)))
        done, begun = 0, time.perf_counter()
        while done < len(order) and time.perf_counter() - begun < MOST_SECONDS:
            done += len(reader.read_many(order[done : done + BATCH]))
        return done, time.perf_counter() - begun


READS: tuple[Callable[[Path], Timed], ...] = (in_order, at_random, in_batches)


def measure(records: list[bytes], folder: Path, variants: list[Variant]) -> dict[Variant, list[str]]:
    """A row of the tables for each layout and codec."""
    total = sum(map(len, records))
    best = {variant: [0.0] * 5 for variant in variants}
    slow: dict[Variant, bool] = {}
    for _ in range(ROUNDS):
        for layout, codec in variants:
            if slow.get((layout, codec)):
                continue
            path = folder / "measured.array_record"
            work = [write(path, f"{LAYOUTS[layout]},{codec}", records), *(read(path) for read in READS)]
            slow[layout, codec] = work[0][1] > SLOW_SECONDS
            found = [100 * path.stat().st_size / total, *(done / seconds for done, seconds in work)]
            best[layout, codec] = list(map(max, best[layout, codec], found))
    return {
        (layout, codec): [layout, codec, f"{share:.1f} %", *map(two_digits, speeds)]
        for (layout, codec), (share, *speeds) in best.items()
    }


def two_digits(number: float) -> str:
    """The third is noise."""
    return f"{int(round(number, 2 - len(str(int(number))))):,}" if number >= 10 else f"{number:.1f}"


def table(head: list[str], rows: list[list[str]]) -> None:
    print()
    for row in (head, ["---:"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")


def peak_growth(path: Path, statement: str) -> str:
    """MiB by which a process that has opened a reader grows at most while it runs a statement. Linux only."""
    program = f"""
import pathlib, sys, windrow
def peak():
    # Not ru_maxrss, which begins with the peak of the process that started this one.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
reader = windrow.RecordReader(sys.argv[1])
before = peak()
{statement}
print(f"{{peak() - before:.0f}}")
"""
    ran = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


STATEMENTS = (
    "for index in range(0, len(reader), 13): reader[index]",
    "for record in reader: pass",
    "for batch in reader.batches(): pass",
    "records = reader.read_all()",
)


def main(arguments: list[str]) -> int:
    if len(arguments) != 4:
        print("usage: measure_choosing.py TEXT CODE EVENTS CSV", file=sys.stderr)
        return 2
    text, code, events = (text_records(Path(argument)) for argument in arguments[:3])
    weather = Path(arguments[3]).read_bytes().splitlines()[1:]
    print(f"windrow {windrow.__version__}, {os.cpu_count()} processors, {platform.system()} {platform.machine()},")
    print(f"Python {platform.python_version()}; best of {ROUNDS} rounds")
    head = ["layout", "codec", "size", "write MB/s", "in order", "at random", f"batches of {BATCH}"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, records, tables in (
            ("Code", code, [LAYOUT_TABLE]),
            ("Events", events, [LAYOUT_TABLE]),
            ("Text", text, [LAYOUT_TABLE, GROUP_SIZE_TABLE, CODEC_TABLE]),
            ("Weather", weather, [GROUP_SIZE_TABLE, CODEC_TABLE]),
        ):
            total = sum(map(len, records))
            print(f"\n{title}: {len(records):,} records, {total:,} bytes, {total / len(records):,.1f} on average")
            rows = measure(records, folder, list(dict.fromkeys(variant for made in tables for variant in made)))
            for variants in tables:
                table(head, [rows[variant] for variant in variants])
        print("\nMemory, MiB")
        path = folder / "measured.array_record"
        rows_of_memory = []
        for size in (1, 256, 1024):
            write(path, f"group_size:{size}", text)
            rows_of_memory.append([str(size), *(peak_growth(path, statement) for statement in STATEMENTS)])
        table(["group_size", *(f"`{statement}`" for statement in STATEMENTS)], rows_of_memory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
