"""`windrow.TableSource` in Grain and torch."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import grain
import pyarrow as pa
import pytest
import torch
import windrow
from grain._src.python.dataset import base  # not exported

ROWS = 500


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> windrow.TableSource:
    folder = tmp_path_factory.mktemp("tables")
    paths = [folder / "a.columns", folder / "b.columns"]
    for path, numbers in zip(paths, (range(300), range(300, ROWS)), strict=True):
        images = [b"%d" % number for number in numbers]
        windrow.write_table(path, pa.table({"image": images, "label": list(numbers), "unread": [0.5] * len(numbers)}))
    return windrow.TableSource(paths, ["image", "label"])


def row(number: int) -> dict[str, Any]:
    return {"image": b"%d" % number, "label": number}


def test_grain(source: windrow.TableSource) -> None:
    assert isinstance(source, base.RandomAccessDataSource)
    assert isinstance(source, base.SupportsBatchedReadRandomAccessDataSource)
    dataset = grain.MapDataset.source(source)
    assert dataset[ROWS + 7] == row(7) and dataset._getitems([1, ROWS + 2]) == [row(1), row(2)]
    batches = dataset.shuffle(seed=1).batch(50).to_iter_dataset(grain.ReadOptions(num_threads=4))
    assert sorted(itertools.chain(*(batch["label"].tolist() for batch in batches))) == list(range(ROWS))


def test_a_data_loader_of_grain_resumes(source: windrow.TableSource) -> None:
    def loader() -> grain.DataLoader:
        order = grain.samplers.IndexSampler(ROWS, grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=2)
        return grain.DataLoader(data_source=source, sampler=order, worker_count=2)

    iterator = iter(loader())
    read = [next(iterator)["label"] for _ in range(100)]
    state = iterator.get_state()
    rest = [found["label"] for found in iterator]
    again = iter(loader())
    again.set_state(state)
    assert [found["label"] for found in again] == rest and sorted(read + rest) == list(range(ROWS))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("workers", [0, 2])
def test_torch(source: windrow.TableSource, workers: int, method: str) -> None:
    assert source[0] == row(0)  # Open here, while workers are started.
    loader: Any = torch.utils.data.DataLoader(
        source,  # type: ignore[arg-type]
        batch_size=32,
        shuffle=True,
        num_workers=workers,
        multiprocessing_context=method if workers else None,
    )
    found = []
    for batch in loader:
        assert [int(image) for image in batch["image"]] == batch["label"].tolist()
        found += batch["label"].tolist()
    assert sorted(found) == list(range(ROWS))


def test_columns_as_tensors(source: windrow.TableSource) -> None:
    labels = source.take([3, 1, 2])["label"]
    assert torch.from_numpy(labels.to_numpy().copy()).tolist() == [3, 1, 2]
