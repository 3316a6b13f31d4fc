"""Windrow's sources in Grain, in one process."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grain
import pytest
import windrow
from conftest import RECORDS
from grain._src.python.dataset import base  # not exported
from loader_records import number_of
from windrow import array_record_data_source

SOURCES = [windrow.DataSource, array_record_data_source.ArrayRecordDataSource]


@pytest.fixture(params=SOURCES, ids=["DataSource", "drop-in"])
def source(request: pytest.FixtureRequest, paths: list[str]) -> Any:
    return request.param(paths)


def test_fulfils_both_protocols(source: Any) -> None:
    assert isinstance(source, base.RandomAccessDataSource)
    assert isinstance(source, base.SupportsBatchedReadRandomAccessDataSource)


def test_upstreams_source_reads_one_by_one() -> None:
    """Why the test above says something."""
    upstream = grain.sources.ArrayRecordDataSource
    assert upstream.__mro__[1].__module__.startswith("array_record.")
    assert not hasattr(upstream, "_getitems")


def test_sixteen_threads_read_at_random(source: Any) -> None:
    def reads(seed: int) -> list[tuple[int, int]]:
        chosen = random.Random(seed)
        return [(index, number_of(source[index])) for index in (chosen.randrange(RECORDS) for _ in range(1000))]

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(reads, range(16)))
    assert sum(len(result) for result in results) == 16_000
    assert all(asked == got for result in results for asked, got in result)


@pytest.mark.parametrize(
    "index", [0, 1, RECORDS - 1, RECORDS, RECORDS + 1, 3 * RECORDS + 5, -1, -RECORDS, -RECORDS - 3]
)
def test_map_dataset_wraps_numbers(source: Any, index: int) -> None:
    assert number_of(grain.MapDataset.source(source)[index]) == index % RECORDS


def test_map_dataset_asks_in_batches(source: Any) -> None:
    asked = grain.MapDataset.source(source)._getitems([1, RECORDS + 2, -1, 1])
    assert [number_of(found) for found in asked] == [1, 2, RECORDS - 1, 1]


@pytest.mark.parametrize("threads", [0, 16])
def test_a_pipeline_gives_what_it_gives_over_a_list(source: Any, threads: int) -> None:
    def numbers(over: Any, function: Callable[[Any], int]) -> list[list[int]]:
        dataset = grain.MapDataset.source(over).shuffle(seed=2).map(function).repeat(2).batch(64, batch_fn=list)
        return list(dataset.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads)))

    assert numbers(source, number_of) == numbers(range(RECORDS), int)


def test_default_batches_are_arrays_of_bytes(paths: list[str]) -> None:
    """Grain stacks bytes with numpy, which pads them: what counts is that it gets plain `bytes`."""
    with windrow.DataSource(paths) as source:
        batch = next(iter(grain.MapDataset.source(source).batch(3).to_iter_dataset()))
        assert batch.dtype.kind == "S" and batch[1].rstrip(b"\0") == source[1].rstrip(b"\0")


def test_every_position_of_an_iterator_is_a_checkpoint(source: Any) -> None:
    dataset = grain.MapDataset.source(source).shuffle(seed=4).slice(slice(40)).to_iter_dataset()
    whole = [number_of(found) for found in dataset]
    iterator = iter(dataset)
    for position in range(40):
        again = iter(dataset)
        again.set_state(iterator.get_state())
        assert [number_of(found) for found in again] == whole[position:]
        assert number_of(next(iterator)) == whole[position]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_resumes(source: Any, workers: int) -> None:
    def loader(over: Any) -> grain.DataLoader:
        sampler = grain.samplers.IndexSampler(
            num_records=RECORDS, shard_options=grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=6
        )
        return grain.DataLoader(data_source=over, sampler=sampler, worker_count=workers)

    iterator = iter(loader(source))
    before = [number_of(next(iterator)) for _ in range(777)]
    state = iterator.get_state()
    rest = [number_of(found) for found in iterator]
    assert sorted(before + rest) == list(range(RECORDS))

    resumed = iter(loader(type(source)(source.paths)))
    resumed.set_state(state)
    assert [number_of(found) for found in resumed] == rest


def test_a_checkpoint_of_other_records_is_refused(paths: list[str]) -> None:
    def iterator(over: Any) -> grain.DataLoaderIterator[bytes]:
        sampler = grain.samplers.SequentialSampler(num_records=100, shard_options=grain.sharding.NoSharding())
        return iter(grain.DataLoader(data_source=over, sampler=sampler))

    state = iterator(windrow.DataSource(paths)).get_state()
    iterator(windrow.DataSource(paths)).set_state(state)
    for other in (paths[:1], paths[::-1], [f"{paths[0]}[0:700]", paths[1]]):
        with pytest.raises(ValueError, match="DataSource in checkpoint"):
            iterator(windrow.DataSource(other)).set_state(state)


def test_out_of_range_is_an_index_error(source: Any) -> None:
    with pytest.raises(IndexError):
        source[RECORDS]
    with pytest.raises(IndexError):
        source._getitems([0, RECORDS])


def test_a_permutation_is_a_source_of_record_numbers(paths: list[str]) -> None:
    source = windrow.DataSource(paths)
    order = windrow.Permutation(len(source), seed=9)
    assert isinstance(order, base.RandomAccessDataSource)
    dataset = grain.MapDataset.source(order).map(source.__getitem__)
    assert number_of(dataset[0]) == order[0]
    iterator = iter(dataset.to_iter_dataset())
    first = [number_of(next(iterator)) for _ in range(500)]
    state = iterator.get_state()
    rest = [number_of(found) for found in iterator]
    assert first + rest == list(order)
    assert sorted(first + rest) == list(range(RECORDS))

    again = grain.MapDataset.source(windrow.Permutation(len(source), seed=9)).map(source.__getitem__)
    resumed = iter(again.to_iter_dataset())
    resumed.set_state(state)
    assert [number_of(found) for found in resumed] == rest
