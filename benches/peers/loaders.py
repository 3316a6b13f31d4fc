"""Loaders side by side: Grain and torch over array_record and over Windrow: loaders.py [--help]

The text of `benches/data/make_text.py`, group size 1, zstd:3, in a file that array_record wrote; shuffled, in batches.
Each library runs in a process of its own. In Windrow's, `windrow.compat.install()` comes before Grain is imported, so
that `grain.sources.ArrayRecordDataSource` reads with Windrow; the code that is measured is the same.

The clock starts when the first batch is there: starting workers, and importing torch in them, is not what is
compared. Batches stay lists of `bytes`. Worker processes of torch are spawned for array_record, because fork crashes
them; Windrow is measured with both.

Needs `--text` and the packages of `requirements-loaders.txt`; `make bench-loaders` sees to it. Figures go to stdout,
progress to stderr, and `loaders.json` and `loaders.png` to `target/bench-peers`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from side_by_side import OUT, Child, circumstances, heading, in_turn, plot, progress, save, serve

PEER, OURS = "array_record", "windrow"
SEED = 7
WORKERS = 2

# Row, how, and the most records that one round takes: what works record by record is slow.
GRAIN = [
    ("grain, MapDataset", "map", 8_192),
    ("grain, to_iter_dataset()", "threads", 8_192),
    ("grain, num_threads=0", "no threads", 8_192),
    ("grain, mp_prefetch, 2 workers", "processes", 8_192),
]
# Grain reads ahead 500 batches and finishes what it has begun: small batches, and of those no more than are wanted.
GRAIN_BATCH = 32
# Row, workers, batch size, and the most records.
TORCH = [
    ("torch, 0 workers, batch_size 1", 0, 1, 4_096),
    ("torch, 0 workers, batch_size 256", 0, 256, 65_536),
    ("torch, 2 workers, batch_size 1", WORKERS, 1, 4_096),
    ("torch, 2 workers, batch_size 256", WORKERS, 256, 65_536),
]


def keep(batch: list[bytes]) -> list[bytes]:
    """A batch as it is; also what collates, in worker processes."""
    return list(batch)


def from_first_batch(batches: Iterable[list[bytes]], count: int) -> dict[str, Any]:
    """Times batches until `count` records have come; those of the first batch do not count."""
    iterator = iter(batches)
    begin = time.perf_counter()
    first = next(iterator)
    started = time.perf_counter()
    records = decoded = 0
    for batch in iterator:
        records += len(batch)
        decoded += sum(map(len, batch))
        if records >= count:
            break
    seconds = time.perf_counter() - started
    if not first or not 1_000 * records < decoded < 2_000 * records:
        raise AssertionError("not the records of the text")
    return {"seconds": seconds, "records": records, "start_seconds": started - begin}


def grain_batches(how: str, path: str, batch_size: int, count: int) -> Iterable[list[bytes]]:
    """A shuffled, batched Grain pipeline over `count` records of the file."""
    grain: Any = importlib.import_module("grain")
    source = grain.sources.ArrayRecordDataSource(path)
    dataset: Any = (
        grain.MapDataset.source(source).shuffle(seed=SEED).slice(slice(count)).batch(batch_size, batch_fn=keep)
    )
    if how != "map":
        threads = {"num_threads": 0, "prefetch_buffer_size": 0} if how == "no threads" else {}
        dataset = dataset.to_iter_dataset(grain.ReadOptions(**threads))
    if how == "processes":
        dataset = dataset.mp_prefetch(grain.multiprocessing.MultiprocessingOptions(num_workers=WORKERS))
    batches: Iterable[list[bytes]] = dataset
    return batches


class Contender:
    """The child's side."""

    def __init__(self, library: str) -> None:
        self.library = library
        self._loaders: dict[tuple[Any, ...], Any] = {}
        if library == OURS:
            import windrow.compat

            windrow.compat.install()
        self.module: Any = importlib.import_module("array_record.python.array_record_module")
        source_module: Any = importlib.import_module("array_record.python.array_record_data_source")
        self.source: Any = source_module.ArrayRecordDataSource
        # Who reads is what is compared, so it must be who it is said to be.
        assert self.source.__module__.partition(".")[0] == library, self.source

    def versions(self) -> dict[str, str]:
        """Of everything that takes part."""
        return {name: importlib.metadata.version(name) for name in (self.library, "grain", "torch", "numpy")}

    def write(self, path: str, text: str) -> dict[str, Any]:
        """Writes the file that both read."""
        writer = self.module.ArrayRecordWriter(path, "group_size:1,zstd:3")
        with open(text, "rb") as file:
            while length := file.read(4):
                writer.write(file.read(int.from_bytes(length, "little")))
        writer.close()
        return {}

    def grain(self, how: str, path: str, batch_size: int, count: int) -> dict[str, Any]:
        """One run of a Grain pipeline."""
        return from_first_batch(grain_batches(how, path, batch_size, count), count)

    def torch(self, method: str, workers: int, path: str, batch_size: int, count: int) -> dict[str, Any]:
        """One epoch of a torch DataLoader; worker processes live for the whole row."""
        from torch.utils.data import DataLoader

        key = (method, workers, batch_size)
        if key not in self._loaders:
            context: dict[str, Any] = {}
            if workers:
                context = {"multiprocessing_context": method, "persistent_workers": True}
            self._loaders[key] = DataLoader(
                self.source(path), batch_size, shuffle=True, num_workers=workers, collate_fn=keep, **context
            )
        return from_first_batch(self._loaders[key], count)

    def forget(self) -> dict[str, Any]:
        """Ends worker processes."""
        self._loaders.clear()
        return {}


def rows() -> list[tuple[str, dict[str, dict[str, Any]]]]:
    """Each row with what it asks of each contender: its name, and the request to its process."""
    found: list[tuple[str, dict[str, dict[str, Any]]]] = []
    for name, how, count in GRAIN:
        told = {"work": "grain", "how": how, "batch_size": GRAIN_BATCH, "count": count}
        found.append((name, {PEER: told, OURS: told}))
    for name, workers, batch_size, count in TORCH:
        told = {"work": "torch", "method": "spawn", "workers": workers, "batch_size": batch_size, "count": count}
        entries = {PEER: told, OURS: told}
        if workers:
            entries[f"{OURS}, forked"] = {**told, "method": "fork"}
        found.append((name, entries))
    return found


def summary(name: str, answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Best and median speed of each entry, and its ratio to the peer."""
    entries = {}
    for entry, rounds in answers.items():
        speeds = [answer["records"] / answer["seconds"] for answer in rounds]
        entries[entry] = {
            "records_per_second": max(speeds),
            "median_records_per_second": statistics.median(speeds),
            "start_seconds": min(answer["start_seconds"] for answer in rounds),
        }
    peer = entries[PEER]["records_per_second"]
    for entry, figures in entries.items():
        if entry != PEER:
            figures["times"] = figures["records_per_second"] / peer
    return {"row": name, "entries": entries}


def show(result: dict[str, Any]) -> None:
    """One row on stdout."""
    print(f"\n{result['row']}")
    for entry, figures in result["entries"].items():
        text = f"  {entry:<18}{figures['records_per_second']:>12,.0f} records/s"
        if "times" in figures:
            text += f"{figures['times']:>8.2f}x {PEER}"
        print(f"{text:<52}  first batch after {figures['start_seconds']:.3f} s")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures Grain and torch over array_record and Windrow.")
    parser.add_argument("--text", type=Path, help="what benches/data/make_text.py wrote")
    parser.add_argument("--rows", default="", metavar="PATTERN", help="only rows whose name holds this expression")
    parser.add_argument("-n", "--rounds", type=int, default=3, help="measured rounds, default %(default)s")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--contender", choices=(PEER, OURS), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.text is None and not (told.list or told.contender):
        parser.error("--text is needed")
    return told


def main() -> int:
    told = arguments()
    if told.contender:
        contender = Contender(told.contender)
        serve(lambda work: getattr(contender, work))
        return 0
    chosen = [row for row in rows() if re.search(told.rows, row[0])]
    if told.list or not chosen:
        print("\n".join(name for name, _ in chosen) or f"no row matches `{told.rows}`")
        return 0 if chosen else 2
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    children = {name: Child(name, [sys.executable, __file__, "--contender", name]) for name in (PEER, OURS)}

    def ask(library: str, **request: Any) -> dict[str, Any]:
        return children[library].ask(json.dumps(request))

    results = []
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        path = str(Path(folder) / "text.array_record")
        ask(PEER, work="write", path=path, text=str(told.text.resolve()))
        about = circumstances(
            {name: version for library in children for name, version in ask(library, work="versions").items()}
        )
        print(heading(about, told.rounds))
        for number, (name, entries) in enumerate(chosen, 1):
            progress(f"[{time.monotonic() - begin:4.0f} s] {number}/{len(chosen)} {name}")

            def work(entry: str, request: dict[str, Any]) -> Callable[[bool], dict[str, Any]]:
                return lambda _: ask(entry.partition(",")[0], path=path, **request)

            answers = in_turn({entry: work(entry, request) for entry, request in entries.items()}, told.rounds)
            results.append(summary(name, answers))
            show(results[-1])
            for library in children:
                ask(library, work="forget")
        for child in children.values():
            child.close()
    bars = [
        (f"{result['row']}: {entry}", figures["times"], None)
        for result in results
        for entry, figures in result["entries"].items()
        if "times" in figures
    ]
    saved = [
        save("loaders", {**about, "rounds": told.rounds, "rows": results}),
        plot("loaders", "Loaders over Windrow against array_record", bars),
    ]
    print(
        f"\n{time.monotonic() - begin:.0f} s; written: {', '.join(path.name for path in saved)} in target/bench-peers"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
