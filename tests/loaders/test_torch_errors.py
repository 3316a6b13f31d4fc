"""What goes wrong in a worker process is the same class of error in the parent."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import windrow
from conftest import RECORDS
from torch.utils.data import DataLoader, Dataset

CLASSES = [
    value for _, value in inspect.getmembers(windrow, inspect.isclass) if issubclass(value, windrow.WindrowError)
]


class Raises(Dataset[bytes]):
    """Raises for each number the error of another class."""

    def __len__(self) -> int:
        return len(CLASSES)

    def __getitem__(self, index: int) -> bytes:
        raise CLASSES[index](f"record {index} is not here")


def error_of(batches: Iterator[Any]) -> BaseException:
    """The error that the next batch ends with."""
    with pytest.raises(Exception) as caught:
        next(batches)
    return caught.value


def first_error(dataset: Any, method: str, **options: Any) -> BaseException:
    """The error that reading through a worker begins with."""
    return error_of(iter(DataLoader(dataset, num_workers=1, multiprocessing_context=method, **options)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_class_reaches_the_parent(method: str) -> None:
    assert len(CLASSES) >= 10 and windrow.CorruptError in CLASSES
    batches = iter(DataLoader(Raises(), num_workers=1, multiprocessing_context=method))
    for index, error in enumerate(CLASSES):
        reached = error_of(batches)
        assert type(reached) is error
        assert f"record {index} is not here" in str(reached)


@pytest.fixture
def damaged(paths: list[str], tmp_path: Path) -> str:
    """A file with a bit flipped in the data of its first records."""
    content = bytearray(Path(paths[0]).read_bytes())
    content[200] ^= 1
    path = tmp_path / "damaged.array_record"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("method", ["fork", "spawn"])
class TestRealErrors:
    def test_damage(self, damaged: str, method: str) -> None:
        reached = first_error(windrow.DataSource(damaged), method, batch_size=8)
        assert type(reached) is windrow.CorruptError
        assert damaged in str(reached)

    def test_a_missing_file(self, tmp_path: Path, method: str) -> None:
        path = str(tmp_path / "missing.array_record")
        source = windrow.DataSource(windrow.FileInstruction(path, 0, 10))
        reached = first_error(source, method, batch_size=8)
        assert isinstance(reached, windrow.WindrowError) and isinstance(reached, FileNotFoundError)
        assert path in str(reached)

    def test_an_instruction_beyond_the_end(self, paths: list[str], method: str) -> None:
        source = windrow.DataSource(windrow.FileInstruction(paths[0], 0, 5000))
        reached = first_error(source, method, batch_size=8)
        assert isinstance(reached, windrow.WindrowError) and isinstance(reached, ValueError)
        assert paths[0] in str(reached)

    def test_out_of_range(self, paths: list[str], method: str) -> None:
        reached = first_error(windrow.DataSource(paths), method, batch_sampler=[[1, RECORDS]])
        assert type(reached) is windrow.OutOfRangeError
        assert isinstance(reached, IndexError) and str(RECORDS) in str(reached)


def test_workers_go_on_after_an_error(paths: list[str]) -> None:
    """An error in one batch costs that batch alone."""
    source: Any = windrow.DataSource(paths)
    loader = DataLoader(source, batch_sampler=[[0], [RECORDS], [2]], num_workers=1)
    batches = iter(loader)
    assert len(next(batches)) == 1
    with pytest.raises(windrow.OutOfRangeError):
        next(batches)
    assert len(next(batches)) == 1
