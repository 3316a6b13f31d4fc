"""Reads with worker processes of torch after all that the parent may have done: torch_processes.py METHOD WROTE PATH...

METHOD is how workers start. WROTE is 1 if the parent writes a file first, else 0. The cases run in an order in which
the parent does more and more; for each, the numbers of the records that came from the workers.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import windrow
from loader_records import number_of, record
from torch.utils.data import DataLoader, Dataset


class OpenedInWorker(Dataset[bytes]):
    """Opens its source when it is first read, and goes to workers unopened."""

    def __init__(self, paths: list[str], count: int) -> None:
        self.paths = paths
        self.count = count
        self.source: windrow.DataSource | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> bytes:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[bytes]:
        if self.source is None:
            self.source = windrow.DataSource(self.paths)
        return self.source.read_many(indices)


def read_by_workers(dataset: Any, method: str) -> list[int]:
    """The numbers of all records, through two workers."""
    loader = DataLoader(
        dataset, batch_size=50, num_workers=2, multiprocessing_context=method, collate_fn=list, timeout=120
    )
    return [number_of(found) for batch in loader for found in batch]


def write_much(folder: Path) -> windrow.RecordWriter:
    """Writes enough for every thread of the writer to have worked; returns another one, which is in the middle."""
    with windrow.RecordWriter(folder / "done", "group_size:64", max_parallelism=4) as writer:
        writer.write_batch(record(number) for number in range(20_000))
    unfinished = windrow.RecordWriter(folder / "unfinished", "group_size:64", max_parallelism=4)
    unfinished.write_batch(record(number) for number in range(20_000))
    return unfinished


def read(method: str, paths: list[str]) -> dict[str, list[int]]:
    """All cases."""
    count = 2000
    cases = {"opened after": read_by_workers(OpenedInWorker(paths, count), method)}
    source = windrow.DataSource(paths, max_parallelism=4)
    cases["opened before"] = read_by_workers(source, method)
    # One record, and batches that are large enough for threads.
    numbers = [number_of(source[7]), *map(number_of, source.read_many(range(count))), *map(number_of, source)]
    assert numbers == [7, *range(count), *range(count)]
    cases["opened after, parent read"] = read_by_workers(OpenedInWorker(paths, count), method)
    cases["opened before, parent read"] = read_by_workers(source, method)
    assert [number_of(found) for found in source.read_many(range(count))] == list(range(count))
    return cases


def main(method: str, wrote: str, paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unfinished = write_much(Path(folder)) if wrote == "1" else None
        cases = read(method, paths)
        if unfinished is not None:
            unfinished.close()
            assert len(windrow.RecordReader(Path(folder) / "unfinished")) == 20_000
    print(json.dumps(cases))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
