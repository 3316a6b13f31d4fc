"""Record pages side by side: bagz, and Windrow with one record a chunk, with groups and with pages: pages.py [--help]

Three sets of records, each in a file of the layouts that are compared: pieces of source code (`make_code.py`), JSON
events (`make_events.py`) and text (`make_text.py`, all in `benches/data`). Contenders take turns; the best of the rounds
counts. The first round warms up, and checks every record that was read. Sizes are those of whole files, dictionaries
included. All zstd is of level 3.

Writing is measured with a dictionary that is given, as sharded writers have it, and with `dictionary:auto`, which trains
one first. Batches are of 1,024 numbers of a shuffled order of all records.

Needs `--data`, the folder with the files that those scripts wrote, and the packages of `requirements-peers.txt`;
`make bench-peers` sees to it. Figures go to stdout, progress to stderr, and `pages.json` and `pages.png` to
`target/bench-peers`.
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
from records import BAGZ, BAGZ_LEVEL, Entry, ask, suffix
from side_by_side import OUT, Child, circumstances, heading, in_turn, parse, progress, save

OURS = "windrow"
SETS = ("code", "events", "text")
BATCH = 1024
SINGLE, GROUPS, PAGES = "group 1", "group 256", "pages"
AUTO, GIVEN, PLAIN = "pages, dictionary:auto", "pages, dictionary given", "pages, no dictionary"
OPTIONS = {
    SINGLE: "group_size:1,zstd:3",
    GROUPS: "group_size:256,zstd:3",
    PLAIN: "layout:pages,zstd:3",
    AUTO: "layout:pages,dictionary:auto,zstd:3",
}
STORED = {SINGLE: "group_size:1,uncompressed", PAGES: "layout:pages,uncompressed"}
DICTIONARY_BYTES = 256 << 10
TRAINING_SECONDS = 3

SIZES = {
    "code": (Goal(1.06, GROUPS, AUTO, size=True),),
    "text": (Goal(1.06, GROUPS, AUTO, size=True),),
    "events": (Goal(0.35, SINGLE, AUTO, size=True),),
}

# What is known of goals that were missed: row and entry (two processors, files in the page cache).
REASONS = {
    ("write, code", GIVEN): (
        "zstd itself is 1.55x as fast with the dictionary as without (6.8 instead of 10.6 us a piece, one core, contexts kept); "
        "smaller dictionaries, other tables and other strategies at this level gain nothing or cost size"
    ),
    ("ds[i], code", AUTO): (
        "of 3.9 us, decoding is 2.4 us, the positional read 0.6 us and Python the rest; bagz maps its file and checks nothing"
    ),
    (f"batches of {BATCH}, code", AUTO): "decoding and making bytes objects, which both layouts have in common, are most of it",
    (f"batches of {BATCH}, code, uncompressed", PAGES): (
        "both are bound by the kernel: a positional read for each record, whose copy from memory that is in no cache is a "
        "quarter of the time"
    ),
}


def rows(name: str) -> list[Row]:
    """The rows of one set of records."""
    is_code = name == "code"

    def goals(*of_code: Goal) -> tuple[Goal, ...]:
        return of_code if is_code else ()

    def write(entry: str, options: str, **told: Any) -> Entry:
        return Entry(entry, OURS, "own_write", {"options": options, **told})

    writers = (
        Entry(BAGZ, BAGZ, "write", {"level": BAGZ_LEVEL}),
        *(write(entry, options) for entry, options in OPTIONS.items()),
        write(GIVEN, OPTIONS[PLAIN], dictionary_of=OPTIONS[AUTO]),
    )
    speed = goals(Goal(1.8, SINGLE, GIVEN))
    made = [Row(f"write, {name}", "", writers, (SINGLE, BAGZ), SIZES[name] + speed, data_written=True)]

    def reading(work: str, told: dict[str, Any]) -> tuple[Entry, ...]:
        return (
            Entry(BAGZ, BAGZ, work, told),
            *(Entry(entry, OURS, f"own_{work}", {"options": OPTIONS[entry], **told}) for entry in (SINGLE, PLAIN, AUTO)),
        )

    single, shuffled = {"count": 30_000}, {"size": BATCH}
    beside = (SINGLE, BAGZ)
    made += [
        Row(f"ds[i], {name}", "", reading("single", single), beside, goals(Goal(1.4, SINGLE, AUTO), Goal(1.3, BAGZ, AUTO))),
        Row(
            f"batches of {BATCH}, {name}",
            "",
            reading("shuffled", shuffled),
            beside,
            goals(Goal(1.4, SINGLE, AUTO), Goal(1.7, BAGZ, AUTO)),
        ),
        Row(
            f"in order, {name}",
            "",
            tuple(Entry(entry, OURS, "own_iterate", {"options": options}) for entry, options in OPTIONS.items()),
            (SINGLE, GROUPS),
        ),
    ]
    if is_code:
        stored = (
            Row(
                "write, code, uncompressed",
                "",
                tuple(write(entry, options) for entry, options in STORED.items()),
                (SINGLE,),
                data_written=True,
            ),
            *(
                Row(
                    f"{label}, code, uncompressed",
                    "",
                    tuple(Entry(entry, OURS, work, {"options": options, **told}) for entry, options in STORED.items()),
                    (SINGLE,),
                    (Goal(1.5, SINGLE, PAGES),) if work == "own_shuffled" else (),
                )
                for label, work, told in (
                    ("ds[i]", "own_single", single),
                    (f"batches of {BATCH}", "own_shuffled", shuffled),
                )
            ),
        )
        made += stored
    return made


class Bench:
    """The children of one set of records, its files and the rounds."""

    def __init__(self, name: str, data: Path, rounds: int, folder: Path) -> None:
        script, records = Path(__file__).with_name("contenders.py"), data / f"{name}.bin"
        self.children = {library: Child(library, [sys.executable, script, library, records]) for library in (BAGZ, OURS)}
        self.record_bytes = ask(self.children[OURS], "sizes")["record_bytes"]
        self.rounds = rounds
        self.folder = folder / name
        self.folder.mkdir()

    def file(self, package: str, options: str = "") -> Path:
        """The file that a library reads, written when it is first needed."""
        path = self.folder / f"{re.sub('[:,]', '-', options) or package}{suffix(package)}"
        if not path.exists():
            told = {"options": options} if package == OURS else {"level": BAGZ_LEVEL}
            ask(self.children[package], "own_write" if package == OURS else "write", path=str(path), **told)
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
            path = self.folder / f"written{suffix(entry.package)}"
        else:
            path = self.file(entry.package, told.pop("options", ""))
        if "dictionary_of" in told:
            told["dictionary_of"] = str(self.file(OURS, told["dictionary_of"]))
        return lambda check: ask(self.children[entry.package], entry.work, path=str(path), check=check, **told)

    def training(self) -> dict[str, Any]:
        """How long training on all records takes, at best."""
        answers = [ask(self.children[OURS], "train", size=DICTIONARY_BYTES) for _ in range(self.rounds)]
        seconds = min(answer["seconds"] for answer in answers)
        return {"seconds": seconds, "met": seconds < TRAINING_SECONDS}

    def close(self) -> None:
        for child in self.children.values():
            child.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures bagz and Windrow's layouts side by side.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the files of `benches/data`")
    return parse(parser)


def main() -> int:
    told = arguments()
    chosen = {name: [row for row in rows(name) if re.search(told.rows, row.name)] for name in SETS}
    if told.list or not any(chosen.values()):
        # No mistake: the row may be one of another program that `make bench-peers` runs.
        names = [row.name for made in chosen.values() for row in made]
        print("\n".join(names) or f"pages.py: no row matches `{told.rows}`")
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    results, trained, about = [], {}, None
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        for name, made in chosen.items():
            if not made:
                continue
            bench = Bench(name, told.data.resolve(), told.rounds, Path(folder))
            if about is None:
                versions = {library: ask(child, "versions")["version"] for library, child in bench.children.items()}
                about = circumstances(versions)
                print(heading(about, told.rounds))
            for row in made:
                progress(f"[{time.monotonic() - begin:4.0f} s] {row.name}")
                results.append(summary(row, bench.run(row)))
                show(results[-1], bench.record_bytes, REASONS)
            trained[name] = bench.training()
            met = "met" if trained[name]["met"] else "MISSED"
            print(f"\ntraining, {name}: {trained[name]['seconds']:.2f} s\n  goal: below {TRAINING_SECONDS} s: {met}")
            bench.close()
    goals = [goal for result in results for goal in result["goals"]] + list(trained.values())
    print(f"\n{sum(goal['met'] for goal in goals)} of {len(goals)} goals met, {time.monotonic() - begin:.0f} s")
    picture = draw("pages", "Record pages", results, lambda than: than in (SINGLE, BAGZ))
    saved = [save("pages", {**(about or {}), "rounds": told.rounds, "rows": results, "training": trained}), picture]
    print("written: " + ", ".join(path.name for path in saved if path is not None) + " in target/bench-peers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
