"""Readers behind torch's iterable datasets, which every worker sees whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import windrow
from conftest import RECORDS, RECORDS_PER_FILE
from loader_records import number_of
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from torchdata.stateful_dataloader import StatefulDataLoader


class Sharded(IterableDataset[bytes]):
    """Each worker iterates over every n-th record of one open reader."""

    def __init__(self, path: str) -> None:
        self.reader = windrow.RecordReader(path)

    def __iter__(self) -> Iterator[bytes]:
        worker = get_worker_info()
        if worker is None:
            return iter(self.reader)
        return iter(self.reader[worker.id :: worker.num_workers])


class Resumable(IterableDataset[int]):
    """Counts what was given, by the state of the reader's own iterator."""

    def __init__(self, paths: list[str]) -> None:
        self.source = windrow.DataSource(paths)
        self.position: dict[str, int] | None = None
        self.records: windrow.RecordIterator | None = None

    def __iter__(self) -> Iterator[int]:
        worker = get_worker_info()
        view = self.source if worker is None else self.source[worker.id :: worker.num_workers]
        self.records = iter(view)
        if self.position is not None:
            self.records.load_state_dict(self.position)
            self.position = None
        for record in self.records:
            yield number_of(record)

    def state_dict(self) -> dict[str, Any]:
        return {"position": None if self.records is None else self.records.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = state["position"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_share_out_the_records(paths: list[str], workers: int, method: str) -> None:
    loader = DataLoader(Sharded(paths[0]), batch_size=16, num_workers=workers, multiprocessing_context=method)
    numbers = [number_of(record) for batch in loader for record in batch]
    assert sorted(numbers) == list(range(RECORDS_PER_FILE[0]))


def test_without_workers_all_records_come_in_order(paths: list[str]) -> None:
    loader = DataLoader(Sharded(paths[0]), batch_size=None)
    assert [number_of(record) for record in loader] == list(range(RECORDS_PER_FILE[0]))


@pytest.mark.parametrize("iterated_in_parent", [False, True])
def test_an_iterator_in_the_parent_does_not_disturb_workers(paths: list[str], iterated_in_parent: bool) -> None:
    dataset = Sharded(paths[0])
    records = iter(dataset)
    if iterated_in_parent:
        assert [number_of(next(records)) for _ in range(400)] == list(range(400))
    loader = DataLoader(dataset, batch_size=16, num_workers=2, multiprocessing_context="fork")
    numbers = [number_of(record) for batch in loader for record in batch]
    assert sorted(numbers) == list(range(RECORDS_PER_FILE[0]))
    rest = [number_of(record) for record in records]
    assert rest == list(range(400 if iterated_in_parent else 0, RECORDS_PER_FILE[0]))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_data_loader_resumes(paths: list[str], workers: int) -> None:
    def loader() -> StatefulDataLoader[Any]:
        return StatefulDataLoader(Resumable(paths), batch_size=8, num_workers=workers)

    first = loader()
    batches = iter(first)
    before = [number for _ in range(60) for number in next(batches).tolist()]
    state = first.state_dict()
    rest = [number for batch in batches for number in batch.tolist()]
    assert sorted(before + rest) == list(range(RECORDS))

    second = loader()
    second.load_state_dict(state)
    assert [number for batch in second for number in batch.tolist()] == rest
