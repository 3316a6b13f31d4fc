"""Records side by side: array_record, bagz and Windrow on the same text, in one run: records.py [--help]

65,536 records of 200 words (`benches/data/make_text.py`), and 3,000,000 records of 24 bytes. array_record writes the
files that it and Windrow read; bagz reads its own. Contenders take turns: the floor, each peer, Windrow, then the next
round. The best of the rounds counts; the first round warms up, and checks every record that was read.

The floor is what the codec and the hashes of all chunks cost, from memory, with reused contexts, on one thread for
single reads and on all processors otherwise. It is that of the file that array_record wrote: bagz has another format.
A random read from a group decodes a whole chunk, and so does its floor. Small records have no floor.

Needs `--text`, `--floor` (the program of that name of crate windrow-bench) and the packages of
`requirements-peers.txt`; `make bench-peers` sees to all of it. Figures go to stdout, progress to stderr, and
`records.json` and `records.png` to `target/bench-peers`.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from side_by_side import OUT, Child, circumstances, heading, in_turn, parse, plot, processors, progress, save

TEXT_RECORDS = 65_536
TEXT_BYTES = 97_219_322
SMALL_RECORDS = 3_000_000
SMALL_OPTIONS = "group_size:1,uncompressed"
BAGZ_LEVEL = 3

PEER, BAGZ, DROP_IN, FLOOR = "array_record", "bagz", "windrow, drop-in", "floor"
# array_record with the options that were fastest for the work. Its defaults, which the goals are about, are slower.
PEER_AHEAD, PEER_TUNED = "array_record, 64k ahead", "array_record, no threads"
PEER_SOURCE = "array_record, ds[i]"
PACKAGES = (PEER, BAGZ, "windrow")


# What is known of goals that were missed: row and peer, and what was measured (two processors, files in the page cache).
REASONS = {
    ("ds[i], group 1, zstd:3", BAGZ): (
        "bagz maps its file and checks no hash. Of a record's 4.2 us, 0.4 us are the positional read (from memory it takes "
        "3.8 us), 0.2 us the hashes, and the rest of the difference the chunk's second frame and the index; bagz takes 3.5 us"
    ),
    ("ds[i], group 1, zstd:3", FLOOR): (
        "the floor reads from memory: the positional read takes 0.4 us of 4.2 us, and finding and copying the record and "
        "changing the interpreter's lock the rest"
    ),
    ("ds.__getitems__, group 1, zstd:3", FLOOR): (
        "the bytes objects: without them, read_batch takes 1.85 us a record instead of 2.23 us, 82 % of the floor; from "
        "memory 2.04 us"
    ),
    ("open, 3M small", f"{PEER}: less memory, at its peak"): "the footer, 31 MB here, is read in one piece",
}


@dataclass(frozen=True)
class Goal:
    """`entry` is to reach `factor` times the speed of `than`."""

    factor: float
    than: str = PEER
    entry: str = DROP_IN


@dataclass(frozen=True)
class Entry:
    """One contender in a row: its name there, the package, the work in `contenders.py` and what it is told."""

    name: str
    package: str
    work: str
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of comparison on one file."""

    name: str
    options: str
    entries: tuple[Entry, ...]
    goals: tuple[Goal, ...] = ()
    floor: str | None = None
    """Work and threads of the floor, such as `read 2`."""
    floor_records: int = TEXT_RECORDS
    """Records that one pass of the floor stands for: a random read decodes the whole chunk for one record."""
    rounds: int | None = None
    """Fewer rounds than asked for, where one takes seconds."""
    small: bool = False
    """The many small records in place of the text."""
    data_written: bool = False


def text_rows(group_size: int, codec: str) -> list[Row]:
    """The rows of one file of text."""
    options = f"group_size:{group_size},{codec}"
    label = f"group {group_size}, {codec}"
    everyone = f" {processors()}"
    with_bagz = options == "group_size:1,zstd:3"
    fast, slow = {"count": TEXT_RECORDS}, {"count": 8192}
    goals: dict[str, tuple[Goal, ...]] = {
        "write, group 1, zstd:3": (Goal(1.7),),
        "write, group 256, zstd:3": (Goal(1.6),),
        "sequential, group 256, zstd:3": (Goal(1.5), Goal(0.8, FLOOR, "windrow batches()")),
        "ds[i], group 1, zstd:3": (Goal(18), Goal(0.95, BAGZ), Goal(0.8, FLOOR)),
        "ds.__getitems__, group 1, zstd:3": (Goal(2.2), Goal(1.25, BAGZ), Goal(0.8, FLOOR)),
        "reader.read(list), group 1, uncompressed": (Goal(1.8),),
        **{f"random ds[i], group 256, {codec}": (Goal(10),)},
    }

    def row(name: str, floor: str | None, *entries: Entry | None, **more: Any) -> Row:
        name = f"{name}, {label}"
        taking_part = tuple(entry for entry in entries if entry is not None)
        return Row(name, options, taking_part, goals.get(name, ()), floor, **more)

    def both(work: str, **told: Any) -> tuple[Entry, Entry]:
        return Entry(PEER, PEER, work, told), Entry(DROP_IN, "windrow", work, told)

    def bagz(work: str, **told: Any) -> Entry | None:
        return Entry(BAGZ, BAGZ, work, told) if with_bagz else None

    rows = [
        row(
            "write",
            "write" + everyone,
            *both("write", options=options),
            bagz("write", level=BAGZ_LEVEL),
            Entry("windrow write_batch", "windrow", "own_write", {"options": options}),
            rounds=2 if codec.startswith("brotli") else None,
            data_written=True,
        ),
        row(
            "sequential",
            "read" + everyone,
            *both("sequential"),
            Entry(PEER_AHEAD, PEER, "sequential", {"options": "readahead_buffer_size:64k"}),
            bagz("sequential"),
            Entry("windrow iteration", "windrow", "own_iterate"),
            Entry("windrow batches()", "windrow", "own_batches"),
            Entry("windrow as Arrow", "windrow", "own_arrow"),
        ),
        row("read_all", "read" + everyone, *both("read_all"), bagz("read_all")),
        row(
            "reader.read(list)",
            "read" + everyone,
            *both("reader_batch"),
            Entry("windrow read_batch", "windrow", "own_read_batch"),
        ),
    ]
    if group_size == 1:
        rows += [
            row(
                "ds[i]",
                "read 1",
                Entry(PEER, PEER, "source_single", slow),
                bagz("single", **fast),
                Entry(DROP_IN, "windrow", "source_single", fast),
                Entry("windrow.DataSource", "windrow", "own_single", fast),
            ),
            row("ds.__getitems__", "read" + everyone, *both("source_batch"), bagz("batch")),
        ]
    else:
        tuned = {"count": 500, "options": "readahead_buffer_size:0,max_parallelism:0"}
        rows.append(
            row(
                "random ds[i]",
                "read 1",
                Entry(PEER, PEER, "seek_read", {"count": 50}),
                Entry(PEER_TUNED, PEER, "seek_read", tuned),
                Entry(PEER_SOURCE, PEER, "source_single", {"count": 500}),
                Entry(DROP_IN, "windrow", "source_single", {"count": 2000}),
                Entry("windrow, no cache", "windrow", "own_single_uncached", {"count": 2000}),
                Entry("windrow, seek and read", "windrow", "seek_read", {"count": 500}),
                floor_records=TEXT_RECORDS // group_size,
            )
        )
    return rows


def small_rows() -> list[Row]:
    """The rows of the many small records."""
    options = {"options": SMALL_OPTIONS, "small": True}
    write = (
        Entry(PEER, PEER, "write", options),
        Entry(DROP_IN, "windrow", "write", options),
        Entry("windrow write_batch", "windrow", "own_write", options),
    )
    opened = (Entry(PEER, PEER, "open"), Entry(DROP_IN, "windrow", "open"))
    element = (
        Entry(PEER, PEER, "one_element", {"count": 20}),
        Entry(DROP_IN, "windrow", "one_element", {"count": 20_000}),
    )
    return [
        Row("write, 3M small", SMALL_OPTIONS, write, rounds=2, small=True, data_written=True),
        Row("open, 3M small", SMALL_OPTIONS, opened, (Goal(2),), small=True),
        Row("one-element batch, 3M small", SMALL_OPTIONS, element, small=True),
    ]


def all_rows() -> list[Row]:
    """Every row, file by file."""
    files = [(1, "zstd:3"), (1, "snappy"), (1, "uncompressed")]
    files += [(256, "zstd:3"), (256, "snappy"), (256, "brotli:6"), (256, "uncompressed")]
    return [row for group_size, codec in files for row in text_rows(group_size, codec)] + small_rows()


class Bench:
    """The children, the files and the rounds."""

    def __init__(self, text: Path, floor: Path, rounds: int, folder: Path) -> None:
        self.text = text
        self.floor = floor
        self.rounds = rounds
        self.folder = folder
        self.children: dict[str, Child] = {}

    def child(self, package: str) -> Child:
        """The process of a package, started when it is first needed."""
        if package not in self.children:
            self.children[package] = self.new_child(package)
        return self.children[package]

    def new_child(self, package: str) -> Child:
        script = Path(__file__).with_name("contenders.py")
        return Child(package, [sys.executable, script, package, self.text])

    def floor_child(self, options: str) -> Child:
        """The floor for one file; the one for the file before is ended."""
        name = f"floor {options}"
        if name not in self.children:
            self.end_floors()
            self.children[name] = Child(name, [self.floor, options], WINDROW_BENCH_TEXT=str(self.text))
            self.children[name].answer()
        return self.children[name]

    def end_floors(self) -> None:
        for name in [name for name in self.children if name.startswith("floor")]:
            self.children.pop(name).close()

    def file(self, package: str, row: Row) -> Path:
        """The file that a package reads; written once, by the peer for itself and for Windrow."""
        path = self.folder / f"{re.sub('[:,]', '-', row.options)}{'-small' if row.small else ''}{suffix(package)}"
        if not path.exists():
            if package == BAGZ:
                ask(self.child(BAGZ), "write", path=str(path), level=BAGZ_LEVEL)
            else:
                ask(self.child(PEER), "write", path=str(path), options=row.options, small=row.small)
                ask(self.child(PEER), "forget")
        return path

    def run(self, row: Row) -> dict[str, list[dict[str, Any]]]:
        """All rounds of one row."""
        entries: dict[str, Callable[[bool], dict[str, Any]]] = {}
        if row.floor is not None:
            floor, line = self.floor_child(row.options), row.floor
            entries[FLOOR] = lambda _: {**floor.ask(line), "records": row.floor_records}
        for entry in row.entries:
            entries[entry.name] = self.entry(row, entry)
        answers = in_turn(entries, min(self.rounds, row.rounds or self.rounds))
        for package in {entry.package for entry in row.entries}:
            ask(self.child(package), "forget")
        for written in self.folder.glob("written.*"):
            written.unlink()
        return answers

    def entry(self, row: Row, entry: Entry) -> Callable[[bool], dict[str, Any]]:
        path = self.file(entry.package, row)
        if row.data_written:
            path = self.folder / f"written{suffix(entry.package)}"

        def work(check: bool) -> dict[str, Any]:
            child = self.new_child(entry.package) if entry.work == "open" else self.child(entry.package)
            try:
                return ask(child, entry.work, path=str(path), check=check, **entry.told)
            finally:
                if entry.work == "open":
                    child.close()

        return work

    def close(self) -> None:
        for child in self.children.values():
            child.close()


def suffix(package: str) -> str:
    """How a package's files are called. bagz goes by it: files of another name are not decompressed."""
    return ".bagz" if package == BAGZ else ".array_record"


def ask(child: Child, work: str, **told: Any) -> dict[str, Any]:
    """One request to a contender."""
    return child.ask(json.dumps({"work": work, **told}))


def summary(row: Row, answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Best and median of each entry, its ratios to the others, and the goals."""
    entries: dict[str, dict[str, Any]] = {}
    for name, rounds in answers.items():
        seconds = [answer["seconds"] / answer["records"] for answer in rounds]
        entries[name] = {
            "seconds_per_record": min(seconds),
            "median_seconds_per_record": statistics.median(seconds),
            "records_per_second": 1 / min(seconds),
            "records": rounds[0]["records"],
        }
        for extra in ("file_bytes", "open_bytes", "read_bytes", "peak_bytes", "first_record_seconds"):
            if extra in rounds[0]:
                entries[name][extra] = min(answer[extra] for answer in rounds)
    speed = {name: entry["records_per_second"] for name, entry in entries.items()}
    for name, entry in entries.items():
        entry["times"] = {
            than: speed[name] / speed[than]
            for than in (PEER, PEER_AHEAD, PEER_SOURCE, BAGZ, FLOOR)
            if than in speed and than != name
        }
    goals = [
        {
            "entry": goal.entry,
            "than": goal.than,
            "at_least": goal.factor,
            "reached": speed[goal.entry] / speed[goal.than],
        }
        for goal in row.goals
    ]
    if row.name.startswith("one-element"):
        goals.append({"entry": DROP_IN, "than": "20 us", "at_least": 1, "reached": 20e-6 * speed[DROP_IN]})
    if row.name.startswith("open"):
        for figure, words in (("peak_bytes", "less memory, at its peak"), ("read_bytes", "less memory, held")):
            reached = entries[PEER][figure] / max(entries[DROP_IN][figure], 1)
            goals.append({"entry": DROP_IN, "than": f"{PEER}: {words}", "at_least": 4, "reached": reached})
    for goal in goals:
        goal["met"] = goal["reached"] >= goal["at_least"]
    return {"row": row.name, "options": row.options, "floor": row.floor, "entries": entries, "goals": goals}


def show(result: dict[str, Any], small: bool) -> None:
    """One row on stdout."""
    print(f"\n{result['row']}")
    for name, entry in result["entries"].items():
        speed = entry["records_per_second"]
        text = f"  {name:<24}{entry['seconds_per_record'] * 1e6:>12,.2f} us{speed:>14,.0f} records/s"
        if not small:
            text += f"{speed * TEXT_BYTES / TEXT_RECORDS / 1e6:>8,.0f} MB/s"
        if name.startswith("windrow"):
            for than, times in entry["times"].items():
                text += f"  {100 * times:.0f} % of the floor" if than == FLOOR else f"  {times:.2f}x {than}"
        if "file_bytes" in entry:
            decoded = SMALL_RECORDS * 24 if small else TEXT_BYTES
            text += f"  size {100 * entry['file_bytes'] / decoded:.2f} %"
        if "open_bytes" in entry:
            held = [entry[figure] / 1e6 for figure in ("open_bytes", "read_bytes", "peak_bytes")]
            text += "  {:.1f} MB held, {:.1f} MB after a read, {:.1f} MB at its peak".format(*held)
            text += f"; first record after {entry['first_record_seconds'] * 1e3:.1f} ms"
        print(text)
    for goal in result["goals"]:
        met = "met" if goal["met"] else "MISSED"
        print(f"  goal: {goal['entry']} >= {goal['at_least']:g}x {goal['than']}: {met}, {goal['reached']:.2f}x")
        if not goal["met"]:
            print(f"  reason: {REASONS.get((result['row'], goal['than']), 'not known')}")
    sys.stdout.flush()


def draw(results: list[dict[str, Any]]) -> Path | None:
    """The ratios to array_record as a picture."""
    bars = []
    for result in results:
        for name, entry in result["entries"].items():
            if name.startswith("windrow") and PEER in entry["times"]:
                goal = next((g["at_least"] for g in result["goals"] if (g["entry"], g["than"]) == (name, PEER)), None)
                bars.append((f"{result['row']}: {name}", entry["times"][PEER], goal))
    return plot("records", "Windrow against array_record", bars) if bars else None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures array_record, bagz and Windrow side by side.")
    parser.add_argument("--text", type=Path, required=True, help="what benches/data/make_text.py wrote")
    parser.add_argument("--floor", type=Path, required=True, help="the program floor of crate windrow-bench")
    return parse(parser)


def main() -> int:
    told = arguments()
    rows = [row for row in all_rows() if re.search(told.rows, row.name)]
    if told.list or not rows:
        # No mistake: the row may be one of the other program that `make bench-peers` runs.
        print("\n".join(row.name for row in rows) or f"records.py: no row matches `{told.rows}`")
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        bench = Bench(told.text.resolve(), told.floor.resolve(), told.rounds, Path(folder))
        versions = {package: ask(bench.child(package), "versions")["version"] for package in PACKAGES}
        about = circumstances(versions)
        print(heading(about, told.rounds))
        for number, row in enumerate(rows, 1):
            progress(f"[{time.monotonic() - begin:4.0f} s] {number}/{len(rows)} {row.name}")
            results.append(summary(row, bench.run(row)))
            show(results[-1], row.small)
        bench.close()
    goals = [goal for result in results for goal in result["goals"]]
    print(f"\n{sum(goal['met'] for goal in goals)} of {len(goals)} goals met, {time.monotonic() - begin:.0f} s")
    saved = [save("records", {**about, "rounds": told.rounds, "rows": results}), draw(results)]
    print("written: " + ", ".join(path.name for path in saved if path is not None) + " in target/bench-peers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
