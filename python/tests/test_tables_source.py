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
import polars as pl
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
    assert not isinstance(source, Sequence)  # Or polars would take its rows one by one.
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
    assert source[99] == PYTHON[99]
    for read in (lambda: source[100], lambda: source.take([0, 100])):
        with pytest.raises(windrow.SchemaError, match="column `label` is Int64 instead of Int32"):
            read()
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


def two_files(folder: Path, first: Any, second: Any) -> list[Path]:
    paths = [folder / "first.columns", folder / "second.columns"]
    windrow.write_table(paths[0], first)
    windrow.write_table(paths[1], second)
    return paths


def test_columns_of_files_are_found_by_name(tmp_path: Path) -> None:
    first = pa.table({"a": [1, 2], "b": [3, 4], "s": ["x", "y"]})
    second = pa.table({"s": pa.array(["z"], pa.large_string()), "b": [6], "a": [5]})
    paths = two_files(tmp_path, first, second)
    expected = [*first.to_pylist(), {"a": 5, "b": 6, "s": "z"}]
    for max_open_files in (1, 256):
        source = windrow.TableSource(paths, max_open_files=max_open_files)
        assert [source[row] for row in range(3)] == expected and list(source[2]) == ["a", "b", "s"]
        assert source[[0, 1, 2]] == expected and list(source) == expected and list(reversed(source)) == expected[::-1]
        assert source.take([2, 0]).to_pylist() == [expected[2], expected[0]]
        assert pa.table(source.take([2])).schema == first.schema
        assert pa.table(source.take([2], ["b", "a"])).to_pylist() == [{"b": 6, "a": 5}]
        assert source.take([], ["b"]).column_names == ["b"]
        assert pickle.loads(pickle.dumps(source))[2] == expected[2]
    turned = windrow.TableSource([f"{paths[1]}[0:1]", paths[0]])
    assert list(turned[1]) == ["s", "b", "a"] and turned.take([0, 1]).to_pylist() == [expected[2], expected[0]]


@pytest.mark.parametrize(
    ("second", "columns", "error", "message"),
    [
        ({"x": [3], "y": [4]}, None, windrow.SchemaError, "there is a column `x`"),
        ({"a": [3], "b": [4], "c": [5]}, None, windrow.SchemaError, "there is a column `c`"),
        ({"a": [3]}, None, windrow.NoColumnError, "no column `b`"),
        ({"b": [3], "a": ["4"]}, None, windrow.SchemaError, "column `a` is Utf8 instead of Int64"),
        ({"b": [3], "a": ["4"]}, ["a"], windrow.SchemaError, "column `a` is Utf8 instead of Int64"),
        ({"a": [3]}, ["b"], windrow.NoColumnError, "no column `b`"),
    ],
)
def test_files_with_other_columns_are_refused(
    tmp_path: Path, second: Any, columns: Any, error: Any, message: str
) -> None:
    paths = two_files(tmp_path, pa.table({"a": [1], "b": [2]}), pa.table(second))
    source = windrow.TableSource(paths, columns)
    reads: list[Any] = [lambda: source[1], lambda: source[[0, 1]], lambda: source.take([1]), lambda: list(source)]
    for read in reads:
        with pytest.raises(error, match="second.columns.*" + message) as raised:
            read()
        assert raised.value.path == str(paths[1])
    assert source[0] == {name: {"a": 1, "b": 2}[name] for name in columns or ["a", "b"]}


def test_unread_columns_may_differ(tmp_path: Path) -> None:
    paths = two_files(tmp_path, pa.table({"a": [1], "b": [2]}), pa.table({"b": ["x"], "c": [3], "a": [4]}))
    source = windrow.TableSource(paths, ["a"])
    assert list(source) == [{"a": 1}, {"a": 4}] == windrow.TableSource(paths).select(["a"]).take([0, 1]).to_pylist()


def test_columns_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    doubled = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "b"])
    paths = two_files(tmp_path, doubled, doubled)
    assert pa.table(windrow.TableSource(paths).take([1])).equals(doubled)
    paths = two_files(tmp_path, doubled, doubled.select([2, 0, 1]))
    with pytest.raises(windrow.SchemaError, match="second.columns.*one name"):
        windrow.TableSource(paths).take([1])


def test_a_source_is_a_stream(paths: list[str]) -> None:
    source = windrow.TableSource(paths)
    assert pa.table(source).equals(TABLE) and pa.schema(source) == TABLE.schema
    assert pa.table(source[90:110]).equals(TABLE.slice(90, 20)) and pa.table(source[:0]).num_rows == 0
    assert pa.table(source[::-7]).to_pylist() == PYTHON[::-7]
    assert pa.table(source.select(["label"])).equals(TABLE.select(["label"]))
    frame = pl.DataFrame(source)
    assert frame.equals(pl.DataFrame(TABLE)) and frame.schema["label"] == pl.Int32


def test_categories_of_enums_are_part_of_the_type(tmp_path: Path) -> None:
    def rows(categories: list[str]) -> Any:
        return pl.DataFrame({"c": pl.Series(["a"], dtype=pl.Enum(categories))})

    paths = two_files(tmp_path, rows(["a", "b"]), rows(["z", "a"]))
    with pytest.raises(windrow.SchemaError, match="second.columns.*column `c` has other categories"):
        windrow.TableSource(paths).take([0, 1])
