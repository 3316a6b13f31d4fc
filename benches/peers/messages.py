"""Messages side by side: array_record and Windrow on transposed files, in one run: messages.py [--help]

100,000 protocol buffers of 20 fields (`benches/data/make_messages.py`) in chunks of 1,000, zstd:3: not transposed, and
transposed with several bucket sizes. array_record writes the files that are read. Contenders take turns; the best of
the rounds counts. The first round warms up, and checks every record that was read.

Rows `2 of 20` read two fields of each message, beside all fields of the same file and all fields of the file that is
not transposed. array_record takes no part: its Python interface reads whole records only.

Needs `--messages` and the packages of `requirements-peers.txt`; `make bench-peers` sees to it. Figures go to stdout,
progress to stderr, and `messages.json` and `messages.png` to `target/bench-peers`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comparison import Goal, Row, draw, show, summary
from records import DROP_IN, PEER, Entry, ask
from side_by_side import OUT, Child, circumstances, heading, in_turn, parse, progress, save

MESSAGE_BYTES = 65_939_601
OURS = "windrow"
PLAIN = "group_size:1000,zstd:3"
# The first is the default, and what the documentation recommends to those who want some fields.
BUCKETS = {"256": 256, "16k": 16 << 10, "64k": 64 << 10, "256k": 256 << 10, "1M": 1 << 20}
WRITE_BATCH, BATCHES = "windrow write_batch", "windrow batches()"
ALL, PLAIN_ALL = "all fields", "all, not transposed"
# Two numbers; a text and a nested one; and texts that are a fifth of all bytes.
FIELDS = {"id, total": ["1", "8"], "visitor, address.city": ["3", "12.2"], "title, remark": ["6", "20"]}


def file_rows(label: str, options: str) -> list[Row]:
    """Writing a file, and reading all of it."""
    speed = (Goal(1.2, PEER, DROP_IN),) if options != PLAIN else ()
    size = (Goal(1.02, PEER, DROP_IN, size=True),)
    told = {"options": options}
    write = (
        Entry(PEER, PEER, "write", told),
        Entry(DROP_IN, OURS, "write", told),
        Entry(WRITE_BATCH, OURS, "own_write", told),
    )
    sequential = (
        Entry(PEER, PEER, "sequential"),
        Entry(DROP_IN, OURS, "sequential"),
        Entry(BATCHES, OURS, "own_batches"),
    )
    read_all = (Entry(PEER, PEER, "read_all"), Entry(DROP_IN, OURS, "read_all"))
    return [
        Row(f"write, {label}", options, write, (PEER,), speed + size, data_written=True),
        Row(f"sequential, {label}", options, sequential, (PEER,), speed),
        Row(f"read_all, {label}", options, read_all, (PEER,), speed),
    ]


def fields_row(label: str, options: str, goals: bool) -> Row:
    """Reading two fields of each message."""
    some = tuple(Entry(name, OURS, "own_batches", {"fields": fields}) for name, fields in FIELDS.items())
    wanted = tuple(Goal(4, ALL, name) for name in list(FIELDS)[:2]) if goals else ()
    whole: tuple[Entry, ...] = (Entry(ALL, OURS, "own_batches"),)
    if options != PLAIN:
        whole += (Entry(PLAIN_ALL, OURS, "own_batches", {"options": PLAIN}),)
    return Row(f"2 of 20, {label}", options, whole + some, tuple(entry.name for entry in whole), wanted)


def all_rows() -> list[Row]:
    """Every row, file by file."""
    rows = file_rows("not transposed", PLAIN) + [fields_row("not transposed", PLAIN, goals=False)]
    for label, bucket_bytes in BUCKETS.items():
        options = f"group_size:1000,transpose:true,transpose_bucket_size:{bucket_bytes},zstd:3"
        rows += file_rows(f"bucket {label}", options)
        rows.append(fields_row(f"bucket {label}", options, goals=bucket_bytes == BUCKETS["256"]))
    return rows


class Bench:
    """The children, the files and the rounds."""

    def __init__(self, messages: Path, rounds: int, folder: Path) -> None:
        script = Path(__file__).with_name("contenders.py")
        self.children = {name: Child(name, [sys.executable, script, name, messages]) for name in (PEER, OURS)}
        self.rounds = rounds
        self.folder = folder

    def file(self, options: str) -> Path:
        """The file that array_record writes with these options."""
        path = self.folder / f"{re.sub('[:,]', '-', options)}.array_record"
        if not path.exists():
            ask(self.children[PEER], "write", path=str(path), options=options)
        return path

    def run(self, row: Row) -> dict[str, list[dict[str, Any]]]:
        """All rounds of one row."""
        answers = in_turn({entry.name: self.entry(row, entry) for entry in row.entries}, self.rounds)
        for child in self.children.values():
            ask(child, "forget")
        for written in self.folder.glob("written.*"):
            written.unlink()
        return answers

    def entry(self, row: Row, entry: Entry) -> Callable[[bool], dict[str, Any]]:
        told = dict(entry.told)
        if row.data_written:
            path = self.folder / "written.array_record"
        else:
            path = self.file(told.pop("options", row.options))
        return lambda check: ask(self.children[entry.package], entry.work, path=str(path), check=check, **told)

    def close(self) -> None:
        for child in self.children.values():
            child.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures array_record and Windrow on transposed messages.")
    parser.add_argument("--messages", type=Path, required=True, help="what benches/data/make_messages.py wrote")
    return parse(parser)


def main() -> int:
    told = arguments()
    rows = [row for row in all_rows() if re.search(told.rows, row.name)]
    if told.list or not rows:
        # No mistake: the row may be one of the other program that `make bench-peers` runs.
        print("\n".join(row.name for row in rows) or f"messages.py: no row matches `{told.rows}`")
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        bench = Bench(told.messages.resolve(), told.rounds, Path(folder))
        about = circumstances({name: ask(child, "versions")["version"] for name, child in bench.children.items()})
        print(heading(about, told.rounds))
        for number, row in enumerate(rows, 1):
            progress(f"[{time.monotonic() - begin:4.0f} s] {number}/{len(rows)} {row.name}")
            results.append(summary(row, bench.run(row)))
            show(results[-1], MESSAGE_BYTES, {})
        bench.close()
    goals = [goal for result in results for goal in result["goals"]]
    print(f"\n{sum(goal['met'] for goal in goals)} of {len(goals)} goals met, {time.monotonic() - begin:.0f} s")
    picture = draw("messages", "Transposed messages", results, lambda than: than in (PEER, ALL))
    saved = [save("messages", {**about, "rounds": told.rounds, "rows": results}), picture]
    print("written: " + ", ".join(path.name for path in saved if path is not None) + " in target/bench-peers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
