"""Tables side by side: Parquet, Arrow IPC, Lance, Vortex and Windrow's profiles, in one run: columns.py [--help]

Four tables (`column_data.py`): flights, floats with embeddings, source code as long text, nested lists. Each format
(`column_formats.py`) runs in a process of its own, and they take turns; the best of the rounds counts. The first round
warms up, and checks that what is read equals the table. Rates are bytes of the table in memory, whatever the arrays that are read take.
Files are on the local disk and in the page cache.

- write: from the table that the library itself works with, made before; writing is not waited for.
- scan: the whole table into the library's own arrays (polars and Windrow: frames of polars, the others: pyarrow).
- scan to pyarrow: the same, ending in a table of pyarrow, without views of strings.
- first scan: `scan` in a process that has done nothing before but import the library.
- 3 columns: `scan` of three columns.
- take 1000: 1,000 random rows in rising order, all columns, in one call.
- take 1: random rows, one per call, as dictionaries of Python values.
- memory of writing: the worst moment of writing in a process of its own, less what the process held before. Measured once.

A file is open when rows are taken from it. The heading tells for each library how that is done.

The goals for flights are against single peers. For the other tables nothing but memory may be worse than the best peer
by more than a quarter: the profile `small` is compared by size, `spill` by speed with all peers, and `balanced` by
speed with those that make the file smaller than the table.

A library that is not installed, or too old for tables, is absent; it and whatever fails is named, and goals about it
are not measured. Needs the packages of `requirements-peers.txt` and `--data`, where tables are kept;
`make bench-peers` sees to it. Figures go to stdout, progress to stderr, and `columns.json` and `columns.png` to
`target/bench-peers`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from column_data import DATA_SETS, DataSet, load
from column_report import MEASURES, Measure, draw_panels, figure, table, value
from comparison import DATA, Goal, Row, show, summary
from records import Entry, ask
from side_by_side import OUT, ROOT, Child, circumstances, heading, in_turn, parse, progress, save


@dataclass(frozen=True)
class Contender:
    """A format with its options: how it is called here, its name in `column_formats.FORMATS`, and what it is told."""

    name: str
    library: str
    write: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    file_of: str = ""
    """The contender whose file it reads, if not its own."""
    only: tuple[str, ...] = ()
    """The measures that it takes part in, if not in all."""

    def takes_part(self, measure: Measure) -> bool:
        if self.only:
            return measure.name in self.only
        return not (self.file_of and measure.writes)


POLARS, LZ4, VORTEX = "Parquet zstd, polars", "Arrow IPC lz4", "Vortex"
SPILL, BALANCED, SMALL = "Windrow spill", "Windrow balanced", "Windrow small"
PLAIN = "Arrow IPC plain"
CONTENDERS = (
    Contender(POLARS, "polars"),
    Contender("Parquet zstd, pyarrow", "parquet", {"compression": "zstd"}),
    Contender("Parquet snappy, pyarrow", "parquet", {"compression": "snappy"}),
    Contender(PLAIN, "ipc"),
    Contender(LZ4, "ipc", {"compression": "lz4"}),
    Contender("Arrow IPC zstd", "ipc", {"compression": "zstd"}),
    Contender("Lance", "lance"),
    Contender(VORTEX, "vortex"),
    Contender("Vortex, mapped", "vortex", read={"mapped": True}, file_of=VORTEX),
    Contender("Vortex, prepared", "vortex", read={"prepared": True}, file_of=VORTEX, only=("take 1",)),
    Contender("Vortex, compact", "vortex", {"compact": True}),
    *(Contender(name, "windrow", {"profile": name.split()[1]}) for name in (SPILL, BALANCED, SMALL)),
)
PEERS = tuple(contender.name for contender in CONTENDERS if contender.library != "windrow")
PACKED = tuple(name for name in PEERS if name != PLAIN)

FLIGHTS = {
    "write": (
        Goal(0.085, DATA, SMALL, size=True),
        Goal(0.106, DATA, BALANCED, size=True),
        Goal(0.5, LZ4, SPILL, size=True),
        Goal(1.8, POLARS, BALANCED),
        Goal(3, VORTEX, BALANCED),
        Goal(1.8, LZ4, SPILL),
    ),
    "scan": (Goal(1.6, POLARS, BALANCED), Goal(4, VORTEX, BALANCED), Goal(1.5, LZ4, SPILL)),
    "first scan": (Goal(1.2, POLARS, BALANCED),),
    "3 columns": (Goal(1 / 0.6, POLARS, BALANCED),),
    "take 1000": (Goal(3, VORTEX, BALANCED),),
    "take 1": (Goal(10, VORTEX, BALANCED),),
}

COPIES = (
    "plain Arrow IPC only copies its buffers: it compresses nothing, and checks neither a hash nor that text is UTF-8"
)
MAPPED = "the peer's file is mapped, so that nothing is read or copied; the same library with reads is slower than Windrow"
NEW_MEMORY = (
    "new memory: the system gives it to Windrow in pages of 4 KiB, about a microsecond each; pyarrow's allocator asks for "
    "huge pages (101 faults for 180 MB), which is fast here, and many times slower where a virtual machine gave them back"
)
TWO_ROUNDS = (
    "lists tell which values of theirs are wanted, so that there are two rounds of reads; forty calls one behind the other "
    "take 4.3 ms (balanced) and 5.1 ms (spill) each"
)
TABLES = ("floats", "code", "tokens")

# What is known of goals that were missed: row and entry (two processors, files in the page cache).
REASONS = {
    ("scan, flights", BALANCED): (
        "404 MB of arrays are written, and what is left of the time is mostly that: views of strings, of 16 bytes each, are "
        "half of it where only strings are read"
    ),
    ("first scan, flights", BALANCED): NEW_MEMORY,
    ("3 columns, flights", BALANCED): "half of the time goes into writing 64 MB of views of strings",
    ("take 1000, flights", BALANCED): (
        "87 % of all pages hold one of the rows: half of the processor time is the kernel's copy of these 31 MB, a sixth "
        "their checksums"
    ),
    **{(f"{name}, {data}", SPILL): COPIES for data in TABLES for name in ("write", "scan", "scan to pyarrow", "3 columns")},
    **{(f"first scan, {data}", entry): NEW_MEMORY for data in TABLES for entry in (SPILL, BALANCED)},
    ("write, code", BALANCED): (
        "of each text the longest token is searched again and again, 3.7 bytes on average: the search is two thirds of the "
        "processor time"
    ),
    **{(row, BALANCED): MAPPED for row in ("3 columns, floats", "3 columns, code", "take 1000, code")},
    ("take 1000, code", SPILL): COPIES,
    **{("take 1000, tokens", entry): TWO_ROUNDS for entry in (SPILL, BALANCED)},
}


@dataclass(frozen=True)
class ColumnRow(Row):
    """One measure of one table."""

    measure: Measure = MEASURES[0]


def goals(measure: Measure, data: DataSet) -> tuple[Goal, ...]:
    """The goals of one row."""
    if data.name == "flights":
        return FLIGHTS.get(measure.name, ())
    if measure.unit == "MB":
        return ()
    size = (Goal(1.25, "the best peer", SMALL, size=True, among=PEERS),) if measure.writes else ()
    return (
        *size,
        Goal(1 / 1.25, "the best peer", SPILL, among=PEERS),
        Goal(1 / 1.25, "the best peer that packs", BALANCED, among=PACKED),
    )


def rows(data: DataSet) -> list[ColumnRow]:
    """The rows of one table."""
    made = []
    for measure in MEASURES:
        told = {"columns": list(data.projected)} if measure.work == "project" else {}
        entries = tuple(
            Entry(one.name, one.library, measure.work, {**told, **(one.write if measure.writes else one.read)})
            for one in CONTENDERS
            if one.takes_part(measure)
        )
        name = f"{measure.name}, {data.name}"
        beside = () if measure.unit == "MB" else (POLARS, VORTEX)
        made.append(ColumnRow(name, "", entries, beside, goals(measure, data), measure.writes, measure))
    return made


class Bench:
    """The children of one table, its files and the rounds."""

    def __init__(self, data: Path, rounds: int, folder: Path) -> None:
        self.data = data
        self.rounds = rounds
        self.folder = folder
        folder.mkdir()
        loaded = load(data)
        self.table_bytes, self.table_rows = loaded.nbytes, loaded.num_rows
        del loaded
        self.children: dict[str, Child] = {}
        self.about: dict[str, dict[str, Any]] = {}
        for library in dict.fromkeys(contender.library for contender in CONTENDERS):
            self.children[library] = self.new_child(library)
            self.about[library] = ask(self.children[library], "about")
        self.unwritten: dict[str, str] = {}

    def new_child(self, library: str) -> Child:
        return Child(library, [sys.executable, Path(__file__).with_name("column_contenders.py"), library, self.data])

    def absent(self) -> dict[str, str]:
        """The contenders that take no part, and why."""
        told = {one.name: self.about[one.library] for one in CONTENDERS}
        return {name: about["absent"] for name, about in told.items() if "absent" in about}

    def file(self, entry: Entry) -> Path:
        """The file that an entry reads, written when it is first needed; `unwritten` has those that cannot be."""
        reads = next(one for one in CONTENDERS if one.name == entry.name)
        writes = next(one for one in CONTENDERS if one.name == (reads.file_of or reads.name))
        path = self.folder / re.sub("[ ,]+", "-", writes.name.lower())
        if not path.exists() and writes.name not in self.unwritten:
            answer = ask(self.children[writes.library], "write", path=str(path), check=True, keep=True, **writes.write)
            if "failed" in answer:
                self.unwritten[writes.name] = answer["failed"]
        if writes.name in self.unwritten:
            self.unwritten[entry.name] = f"no file to read: {self.unwritten[writes.name]}"
        return path

    def run(self, row: ColumnRow) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
        """All rounds of one row, and the entries that failed, with the reason."""
        failed: dict[str, str] = {}
        present = [entry for entry in row.entries if "absent" not in self.about[entry.package]]
        entries = {entry.name: self.entry(row, entry, failed) for entry in present}
        if row.measure.fresh:
            # Nothing to warm up, and other rows check what is read and written.
            count = min(self.rounds, row.measure.fresh)
            rounds = [{name: work(False) for name, work in entries.items()} for _ in range(count)]
            answers = {name: [answers[name] for answers in rounds] for name in entries}
        else:
            answers = in_turn(entries, self.rounds)
        for library in {entry.package for entry in present}:
            ask(self.children[library], "forget")
        return {name: rounds for name, rounds in answers.items() if name not in failed}, failed

    def entry(self, row: ColumnRow, entry: Entry, failed: dict[str, str]) -> Callable[[bool], dict[str, Any]]:
        path = self.folder / "written" if row.measure.writes else self.file(entry)
        if not row.measure.writes and entry.name in self.unwritten:
            failed[entry.name] = self.unwritten[entry.name]

        def work(check: bool) -> dict[str, Any]:
            if entry.name in failed:
                return {}
            child = self.new_child(entry.package) if row.measure.fresh else self.children[entry.package]
            try:
                answer = ask(child, entry.work, path=str(path), check=check, **entry.told)
            finally:
                if row.measure.fresh:
                    child.close()
            if "failed" in answer:
                failed[entry.name] = answer["failed"]
            return answer

        return work

    def close(self) -> None:
        for child in self.children.values():
            child.close()


def introduce(bench: Bench, rounds: int) -> dict[str, Any]:
    """Prints and returns the circumstances, how rows are taken, and who is absent."""
    present = {library: about for library, about in bench.about.items() if "absent" not in about}
    about = circumstances({"pyarrow": version("pyarrow"), **{name: told["version"] for name, told in present.items()}})
    print(heading(about, rounds))
    takes = {library: told["takes"] for library, told in present.items()}
    for library, words in takes.items():
        print(f"taking rows, {library}: {words}")
    for name, reason in bench.absent().items():
        print(f"ABSENT: {name}: {reason}")
    return {**about, "takes": takes, "absent": bench.absent()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures formats for tables side by side.")
    parser.add_argument("--data", type=Path, default=ROOT / "target" / "bench-data", help="the folder where tables are kept")
    parser.add_argument("--quick", action="store_true", help="small slices of the tables: to try it, not to compare")
    parser.add_argument("--json", type=Path, metavar="PATH", help="instead of target/bench-peers/columns.json")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="instead of columns.png there; also .svg")
    return parse(parser)


def main() -> int:
    told = arguments()
    chosen = {data: [row for row in rows(data) if re.search(told.rows, row.name)] for data in DATA_SETS}
    if told.list or not any(chosen.values()):
        # No mistake: the row may be one of another program that `make bench-peers` runs.
        found = [row.name for made in chosen.values() for row in made]
        print("\n".join(found) or f"columns.py: no row matches `{told.rows}`")
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    results: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    tables: dict[str, Mapping[str, int]] = {}
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        for data, made in chosen.items():
            if not made:
                continue
            progress(f"[{time.monotonic() - begin:4.0f} s] {data.name}")
            bench = Bench(data.file(told.data.resolve(), told.quick), told.rounds, Path(folder) / data.name)
            about = about or introduce(bench, told.rounds)
            tables[data.name] = {"rows": bench.table_rows, "bytes": bench.table_bytes}
            print(f"\n{data.name}: {bench.table_rows:,} rows, {bench.table_bytes / 1e6:,.1f} MB in memory")
            for row in made:
                progress(f"[{time.monotonic() - begin:4.0f} s] {row.name}")
                answers, failed = bench.run(row)
                result = summary(row, answers, bench.table_bytes)
                for entry in result["entries"].values():
                    entry["figure"] = value(row.measure, entry, tables[data.name])
                about_row = {"table": data.name, "measure": row.measure.name, "unit": row.measure.unit, "failed": failed}
                results.append({**result, **about_row})
                show(result, bench.table_bytes, REASONS, figure(row.measure, tables[data.name]))
                for name, reason in failed.items():
                    print(f"  FAILED: {name}: {reason}")
            bench.close()
    names = [one.name for one in CONTENDERS]
    for name, size in tables.items():
        print(f"\n{table(name, size, names, results, about['absent'])}")
    reached = [goal for result in results for goal in result["goals"]]
    measured = [goal for goal in reached if goal["met"] is not None]
    print(f"\n{sum(goal['met'] for goal in measured)} of {len(reached)} goals met, ", end="")
    print(f"{len(reached) - len(measured)} not measured, {time.monotonic() - begin:.0f} s")
    content = {**about, "rounds": told.rounds, "quick": told.quick, "tables": tables, "rows": results}
    saved = [save("columns", content, told.json), draw_panels(told.plot or OUT / "columns.png", tables, names, results)]
    print("written: " + ", ".join(str(path) for path in saved))
    return 1 if any(name.startswith("Windrow") for result in results for name in result["failed"]) else 0


if __name__ == "__main__":
    sys.exit(main())
