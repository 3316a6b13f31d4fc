"""Windrow's sources and samplers in torch's DataLoader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import windrow
from conftest import RECORDS, RECORDS_PER_FILE
from loader_records import number_of
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from windrow.array_record_data_source import ArrayRecordDataSource

OPENERS: dict[str, Callable[[list[str]], Any]] = {
    "DataSource": windrow.DataSource,
    "drop-in": ArrayRecordDataSource,
    "RecordReader": lambda paths: windrow.RecordReader(paths[0]),
}


@pytest.fixture(params=OPENERS, ids=str)
def source(request: pytest.FixtureRequest, paths: list[str]) -> Any:
    return OPENERS[request.param](paths)


def numbers(loader: Any) -> list[int]:
    """The numbers of all records, in the order in which they come; batches must be lists, as torch collates bytes."""
    found = []
    for batch in loader:
        assert isinstance(batch, bytes if loader.batch_size is None and loader.batch_sampler is None else list)
        found += [number_of(record) for record in ([batch] if isinstance(batch, bytes) else batch)]
    return found


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_in_order(source: Any, batch_size: int | None, workers: int) -> None:
    loader = DataLoader(source, batch_size=batch_size, num_workers=workers)
    assert numbers(loader) == list(range(len(source)))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_shuffled(source: Any, batch_size: int | None, workers: int) -> None:
    found = numbers(DataLoader(source, batch_size=batch_size, num_workers=workers, shuffle=True))
    assert sorted(found) == list(range(len(source))) != found


@pytest.mark.parametrize("drop_last", [False, True])
def test_the_last_batch_is_short(source: Any, drop_last: bool) -> None:
    sizes = [len(batch) for batch in DataLoader(source, batch_size=64, drop_last=drop_last)]
    full, rest = divmod(len(source), 64)
    assert sizes == [64] * full + [rest] * (rest > 0 and not drop_last)


PICKS = [5, 1, 1299, 1, 700]

SAMPLERS: dict[str, Callable[[], Any]] = {
    "list": lambda: PICKS,
    "ndarray": lambda: np.array(PICKS),
    "ndarray of int32": lambda: np.array(PICKS, np.int32),
    "ndarray of uint64": lambda: np.array(PICKS, np.uint64),
    "tensor": lambda: torch.tensor(PICKS),
    "tensor of int32": lambda: torch.tensor(PICKS, dtype=torch.int32),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("batch_size", [None, 2])
def test_samplers_of_every_kind_of_number(source: Any, kind: str, batch_size: int | None, workers: int) -> None:
    loader = DataLoader(source, batch_size=batch_size, sampler=SAMPLERS[kind](), num_workers=workers)
    assert numbers(loader) == PICKS


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", SAMPLERS)
def test_batch_samplers_of_every_kind(source: Any, kind: str, workers: int) -> None:
    batches = [SAMPLERS[kind](), SAMPLERS[kind]()[:2]]
    assert numbers(DataLoader(source, batch_sampler=batches, num_workers=workers)) == PICKS + PICKS[:2]


def test_torchs_own_samplers(source: Any) -> None:
    count = len(source)
    assert numbers(DataLoader(source, sampler=SequentialSampler(source))) == list(range(count))
    assert sorted(numbers(DataLoader(source, batch_size=8, sampler=RandomSampler(source)))) == list(range(count))
    weights = torch.zeros(count)
    weights[[3, 9]] = 1.0
    assert set(numbers(DataLoader(source, batch_size=8, sampler=WeightedRandomSampler(weights.tolist(), 50)))) == {3, 9}
    every_seventh: Any = np.arange(0, count, 7)
    subset = SubsetRandomSampler(every_seventh)
    assert sorted(numbers(DataLoader(source, batch_size=8, sampler=subset))) == list(range(0, count, 7))
    blocks = BatchSampler(SequentialSampler(source), 10, drop_last=False)
    lists = DataLoader(source, batch_size=None, sampler=blocks)  # reads with `source[[0, 1, ..]]`
    assert [number_of(record) for batch in lists for record in batch] == list(range(count))


@pytest.mark.parametrize("workers", [0, 2])
def test_subset_and_concat(source: Any, workers: int) -> None:
    subset = Subset[bytes](source, [9, 2, 400])
    assert numbers(DataLoader(subset, batch_size=2, num_workers=workers)) == [9, 2, 400]
    joined = ConcatDataset([subset, source])
    assert numbers(DataLoader(joined, batch_size=16, num_workers=workers)) == [9, 2, 400, *range(len(source))]


def test_a_slice_is_a_dataset(paths: list[str]) -> None:
    view: Any = windrow.DataSource(paths)[100:1500:3]
    for method in ("fork", "spawn"):
        loader = DataLoader(view, batch_size=32, num_workers=2, multiprocessing_context=method)
        assert numbers(loader) == list(range(100, 1500, 3))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 1, 32])
def test_a_permutation_is_a_sampler(paths: list[str], batch_size: int | None, workers: int) -> None:
    source: Any = windrow.DataSource(paths)
    order = windrow.Permutation(len(source), seed=3, epoch=1)
    found = numbers(DataLoader(source, batch_size=batch_size, sampler=order, num_workers=workers))
    assert found == list(order)
    assert sorted(found) == list(range(RECORDS))
    rest = numbers(DataLoader(source, batch_size=batch_size, sampler=order[1234:], num_workers=workers))
    assert rest == found[1234:]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_persistent_workers_go_through_epochs(paths: list[str], method: str) -> None:
    source: Any = windrow.DataSource(paths)
    loader = DataLoader(
        source,
        batch_size=50,
        num_workers=2,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    for _ in range(3):
        assert numbers(loader) == list(range(RECORDS))


def test_files_are_numbered_through(paths: list[str]) -> None:
    readers: list[Any] = [windrow.RecordReader(path) for path in paths]
    joined = ConcatDataset(readers)
    assert joined.cumulative_sizes == [RECORDS_PER_FILE[0], RECORDS]
    assert numbers(DataLoader(joined, batch_size=64, num_workers=2)) == list(range(RECORDS))
