"""`TableSource`: rows of many files, as data loaders ask for them."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pyarrow as pa
import pytest

import windrow

ROWS = 1000
TABLE = pa.table(
    {
        "image": pa.array([random.Random(n).randbytes(n % 50) for n in range(ROWS)], pa.binary()),
        "label": pa.array([n % 10 for n in range(ROWS)], pa.int32()),
        "tokens": pa.array([list(range(n % 5)) for n in range(ROWS)], pa.list_(pa.uint16())),
    }
)
PYTHON = TABLE.to_pylist()
CUTS = [(0, 100), (100, 0), (100, 601), (701, 299)]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("source")
    paths = [str(folder / f"part-{number:05}-of-00004") for number in range(4)]
    for path, (first, rows) in zip(paths, CUTS, strict=True):
        windrow.write_table(path, TABLE.slice(first, rows), group_rows=64)
    return paths


def test_rows(paths: list[str]) -> None:
    source = windrow.TableSource(paths)
    assert len(source) == ROWS and source.num_files == 4 and source.paths == paths
    assert source.parts == [(path, 0, rows) for path, (_, rows) in zip(paths, CUTS, strict=True)]
    assert source[0] == PYTHON[0] == {"image": b"", "label": 0, "tokens": []}
    for place in [0, 99, 100, 700, 701, -1, -ROWS, *random.Random(0).sample(range(ROWS), 50)]:
        assert source[place] == PYTHON[place]
    assert list(source) == PYTHON and list(reversed(source)) == PYTHON[::-1]
    assert source.locate(100) == (2, 0) and source.locate(-1) == (3, 298)
    assert isinstance(source, Sequence)
    for place in (ROWS, -ROWS - 1, 1 << 70):
        with pytest.raises(IndexError):
            source[place]
    folder = os.path.dirname(paths[0])
    assert list(windrow.TableSource(f"{folder}/part-*")) == PYTHON == list(windrow.TableSource(f"{folder}/part@4"))


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, lambda rows: iter(rows), lambda rows: np.array(rows, np.uint16)]
)
def test_many_rows(paths: list[str], kind: Any) -> None:
    source = windrow.TableSource(paths)
    indices = random.Random(1).choices(range(ROWS), k=400)
    expected = [PYTHON[index] for index in indices]
    for ask in (source.__getitems__, source._getitems):
        assert ask(kind(indices)) == expected
    assert source.take(kind(indices)).to_pylist() == expected
    assert source[list(indices)] == expected
    assert source.__getitems__([]) == [] and len(source.take([])) == 0
    assert source.take([]).column_names == TABLE.column_names


def test_columns(paths: list[str]) -> None:
    source = windrow.TableSource(paths, ["tokens", "label"])
    assert source[3] == {"tokens": [0, 1, 2], "label": 3} and list(source[3]) == ["tokens", "label"]
    assert (
        source.column_names == ["tokens", "label"]
        and pa.schema(source.schema) == TABLE.select(["tokens", "label"]).schema
    )
    assert source.select(["image"])[702] == {"image": PYTHON[702]["image"]}
    assert source.take([3, 900]).to_pydict() == {"tokens": [[0, 1, 2], []], "label": [3, 0]}
    assert source.take([3, 900], ["image"]).column_names == ["image"]
    assert (
        pa.table(windrow.TableSource(paths).take([1, 900], strings="view")).schema.field("image").type
        == pa.binary_view()
    )
    with pytest.raises(KeyError):
        source.take([1], ["nothing"])


def test_slices_and_instructions(paths: list[str]) -> None:
    source = windrow.TableSource(paths)
    for part in (slice(50, 750), slice(None, None, -3), slice(7, 7)):
        assert list(source[part]) == PYTHON[part] and len(source[part]) == len(PYTHON[part])
    assert source[50:750][10:20].select(["label"])[0] == {"label": PYTHON[60]["label"]}
    chosen = [windrow.FileInstruction(paths[2], 5, 10, 601), windrow.FileInstruction(paths[0], 0, 3, 100)]
    assert list(windrow.TableSource(chosen)) == PYTHON[105:115] + PYTHON[:3]


def test_parts_of_files(paths: list[str], tmp_path: Path) -> None:
    source = windrow.TableSource([f"{paths[2]}[5:15]", paths[0], f"{paths[3]}[299:299]", f"{paths[3]}[0:299]"])
    assert source.parts == [(paths[2], 5, 10), (paths[0], 0, 100), (paths[3], 299, 0), (paths[3], 0, 299)]
    assert list(source) == PYTHON[105:115] + PYTHON[:100] + PYTHON[701:]
    assert source.locate(3) == (0, 8) and source[8] == PYTHON[113]
    again = pickle.loads(pickle.dumps(source))
    assert again.parts == source.parts and list(again) == list(source)
    # A file of that very name is that file.
    bracketed = tmp_path / "a[0:1]"
    windrow.write_table(bracketed, TABLE)
    assert len(windrow.TableSource(bracketed)) == ROWS
    # What is not there is told when it is read, or where the schema is asked of it.
    late = windrow.TableSource([paths[0], f"{paths[1]}[0:1]", windrow.FileInstruction(paths[2], 0, 5, 600)])
    assert len(late) == 106 and late[99] == PYTHON[99]
    for place, message in ((100, "rows 0..1 does not fit .*: it has 0 rows"), (101, "it has 601 rows")):
        with pytest.raises(windrow.SourceError, match=message) as raised:
            late[place]
        assert raised.value.code == "instruction"
    with pytest.raises(windrow.SourceError, match="the range ends before it begins"):
        windrow.TableSource(f"{paths[0]}[5:2]")
    with pytest.raises(windrow.SourceError, match="instruction for rows 0..101"):
        windrow.TableSource(f"{paths[0]}[0:101]")


def test_the_first_file_that_cannot_be_opened_is_told(paths: list[str], tmp_path: Path) -> None:
    missing = [str(tmp_path / f"missing-{number}") for number in range(40)]
    for threads in (0, None):
        with pytest.raises(FileNotFoundError, match="missing-0:"):
            windrow.TableSource([*paths, *missing], max_parallelism=threads)
        many = windrow.TableSource(paths * 20, max_parallelism=threads)
        assert len(many) == 20 * ROWS and many.take(range(len(many)))["label"].to_pylist() == TABLE["label"].to_pylist() * 20


def test_identity(paths: list[str]) -> None:
    source = windrow.TableSource(paths, ["label"])
    again = windrow.TableSource(paths, ["label"])
    others = [
        source.select(["image"]),
        source[1:],
        windrow.TableSource(paths),
        windrow.TableSource(paths[:2], ["label"]),
    ]
    assert repr(source) == repr(again) == f"TableSource(rows={ROWS}, fingerprint={source.fingerprint})"
    assert len({source.fingerprint, *(other.fingerprint for other in others)}) == 5
    named = windrow.TableSource(paths, fingerprint="v1")
    assert named.fingerprint == "v1" and named[2:].select(["label"]).fingerprint == (
        'v1, start=2, step=1, len=998, columns=["label"]'
    )


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_pickles(paths: list[str], pickler: Any, tmp_path: Path) -> None:
    source = windrow.TableSource(paths, ["label", "image"], max_open_files=2, chunk_cache_bytes=0)[10:900:3]
    again = pickle.loads(pickler.dumps(source))
    assert repr(again) == repr(source) and list(again) == list(source)
    moved = tmp_path / "moved"
    windrow.write_table(moved, TABLE)
    stored = pickle.dumps(windrow.TableSource(moved))
    moved.unlink()
    # Nothing is opened before it is read.
    assert len(pickle.loads(stored)) == ROWS
    with pytest.raises(FileNotFoundError):
        pickle.loads(stored)[0]


def test_few_files_stay_open(paths: list[str]) -> None:
    source = windrow.TableSource(paths * 3, max_open_files=2)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else None
    indices = random.Random(2).choices(range(3 * ROWS), k=500)
    assert [source[index] for index in indices] == [PYTHON[index % ROWS] for index in indices]
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) <= before + 1
    source.close_files()
    assert source[5] == PYTHON[5]


def test_threads(paths: list[str]) -> None:
    source = windrow.TableSource(paths, max_open_files=2)

    def work(seed: int) -> bool:
        indices = random.Random(seed).choices(range(ROWS), k=200)
        singles = [source[index] for index in indices] == [PYTHON[index] for index in indices]
        return singles and source.__getitems__(indices) == [PYTHON[index] for index in indices]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(32)))


def test_files_that_do_not_fit_together(paths: list[str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    windrow.write_table(other, TABLE.set_column(1, "label", TABLE["label"].cast(pa.int64())))
    source = windrow.TableSource([paths[0], str(other)])
    assert source[100] == PYTHON[0]
    with pytest.raises(windrow.SchemaError, match="the files of a source have different schemas"):
        source.take([0, 100])
    views = TABLE.set_column(0, "image", TABLE["image"].cast(pa.binary_view()))
    windrow.write_table(other, views)
    assert windrow.TableSource([paths[0], str(other)]).take([0, 101]).to_pylist() == [PYTHON[0], PYTHON[1]]
    for given in ([], str(tmp_path / "none-*")):
        with pytest.raises(ValueError):
            windrow.TableSource(given)
    with pytest.raises(ValueError, match="max_open_files"):
        windrow.TableSource(paths, max_open_files=0)
    with pytest.raises(TypeError, match="paths must be str or PathLike, not bytes"):
        windrow.TableSource(b"path")
