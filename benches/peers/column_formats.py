"""The formats of `columns.py` behind one interface: `Format` to write and scan, and a reader to take rows from."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

BATCH_ROWS = 65_536


class Reader(Protocol):
    """An open file that rows are taken from."""

    rows: int

    def take(self, indices: np.ndarray) -> Any:
        """All columns of these rows, which rise, as something that `Format.as_table` takes."""

    def row(self, index: int) -> dict[str, Any]:
        """One row."""


class Format:
    """A way to store tables. Options are what tells its variants from one another.

    Its modules are imported when it is made: ImportError or AttributeError if what it needs is not installed.
    """

    package: str
    takes: str
    """How rows are taken, for those who read the figures."""

    def prepared(self, table: pa.Table) -> Any:
        """The table as `write` takes it."""
        return table

    def write(self, table: Any, path: str, **options: Any) -> None:
        """Writes the whole table."""
        raise NotImplementedError

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> Any:
        """The table, or some of its columns, in the arrays that the library itself works with."""
        raise NotImplementedError

    def arrow(self, path: str, **options: Any) -> pa.Table:
        """The whole table in pyarrow, without views of strings."""
        table: pa.Table = self.native(path, **options)
        return table

    def rows(self, result: Any) -> int:
        """The rows of a result."""
        return len(result)

    def as_table(self, result: Any) -> pa.Table:
        """A result in pyarrow, to be compared."""
        return result if isinstance(result, pa.Table) else pa.table(result)

    def reader(self, path: str, **options: Any) -> Reader:
        """Opens a file to take rows."""
        raise NotImplementedError


class Polars(Format):
    """Parquet by polars, with its defaults."""

    package = "polars"
    takes = "1,000 rows: reads the file, then indexes; one row: a slice of a lazy frame made before"

    def __init__(self) -> None:
        self.polars: Any = import_module("polars")

    def prepared(self, table: pa.Table) -> Any:
        return self.polars.from_arrow(table)

    def write(self, table: Any, path: str, **options: Any) -> None:
        table.write_parquet(path, **options)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> Any:
        return self.polars.read_parquet(path, columns=columns)

    def arrow(self, path: str, **options: Any) -> pa.Table:
        table: pa.Table = self.polars.read_parquet(path).to_arrow()
        return table

    def as_table(self, result: Any) -> pa.Table:
        table: pa.Table = result if isinstance(result, pa.Table) else result.to_arrow()
        return table

    def reader(self, path: str, **options: Any) -> Reader:
        return PolarsReader(self.polars, path)


class PolarsReader:
    def __init__(self, polars: Any, path: str) -> None:
        self.polars = polars
        self.path = path
        self.lazy = polars.scan_parquet(path)
        self.rows = self.lazy.select(polars.len()).collect().item()

    def take(self, indices: np.ndarray) -> Any:
        return self.polars.read_parquet(self.path)[indices]

    def row(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = self.lazy.slice(index, 1).collect().to_dicts()[0]
        return row


class Parquet(Format):
    """Parquet by pyarrow; `compression` is its only option."""

    package = "pyarrow"
    takes = "1,000 rows: `take` of an open data set; one row: its row group of an open file, then a slice"

    def __init__(self) -> None:
        self.parquet: Any = import_module("pyarrow.parquet")
        self.dataset: Any = import_module("pyarrow.dataset")

    def write(self, table: pa.Table, path: str, **options: Any) -> None:
        self.parquet.write_table(table, path, **options)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> pa.Table:
        return self.parquet.read_table(path, columns=columns)

    def reader(self, path: str, **options: Any) -> Reader:
        return ParquetReader(self.parquet.ParquetFile(path), self.dataset.dataset(path))


class ParquetReader:
    def __init__(self, file: Any, dataset: Any) -> None:
        self.file = file
        self.dataset = dataset
        groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        self.ends = np.cumsum(groups)
        self.rows = file.metadata.num_rows

    def take(self, indices: np.ndarray) -> pa.Table:
        return self.dataset.take(pa.array(indices))

    def row(self, index: int) -> dict[str, Any]:
        group = int(np.searchsorted(self.ends, index, side="right"))
        first = int(self.ends[group - 1]) if group else 0
        row: dict[str, Any] = self.file.read_row_group(group).slice(index - first, 1).to_pylist()[0]
        return row


class Ipc(Format):
    """Arrow's own file format, with 65,536 rows a batch; `compression` is its only option.

    Scans read it into memory. Rows are taken from a mapped file, which costs nothing where nothing is compressed.
    """

    package = "pyarrow"
    takes = "1,000 rows: reads the open, mapped file, then indexes; one row: its batch of that file, then a slice"

    def __init__(self) -> None:
        self.ipc: Any = import_module("pyarrow.ipc")

    def write(self, table: pa.Table, path: str, **options: Any) -> None:
        with self.ipc.new_file(path, table.schema, options=self.ipc.IpcWriteOptions(**options)) as file:
            file.write_table(table, max_chunksize=BATCH_ROWS)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> pa.Table:
        with pa.OSFile(path) as source:
            if columns is None:
                return self.ipc.open_file(source).read_all()
            schema = self.ipc.open_file(source).schema
            included = sorted(schema.get_field_index(column) for column in columns)
            options_of_some = self.ipc.IpcReadOptions(included_fields=included)
            return self.ipc.open_file(source, options=options_of_some).read_all().select(columns)

    def reader(self, path: str, **options: Any) -> Reader:
        return IpcReader(self.ipc.open_file(pa.memory_map(path)))


class IpcReader:
    def __init__(self, file: Any) -> None:
        self.file = file
        last = file.num_record_batches - 1
        self.rows = last * BATCH_ROWS + file.get_batch(last).num_rows

    def take(self, indices: np.ndarray) -> pa.Table:
        return self.file.read_all().take(pa.array(indices))

    def row(self, index: int) -> dict[str, Any]:
        batch = self.file.get_batch(index // BATCH_ROWS)
        row: dict[str, Any] = batch.slice(index % BATCH_ROWS, 1).to_pylist()[0]
        return row


class Lance(Format):
    """A data set of Lance, with its defaults."""

    package = "pylance"
    takes = "`take` of an open data set"

    def __init__(self) -> None:
        self.lance: Any = import_module("lance")

    def write(self, table: pa.Table, path: str, **options: Any) -> None:
        self.lance.write_dataset(table, path)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> pa.Table:
        return self.lance.dataset(path).to_table(columns=columns)

    def reader(self, path: str, **options: Any) -> Reader:
        return LanceReader(self.lance.dataset(path))


class LanceReader:
    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.rows = dataset.count_rows()

    def take(self, indices: np.ndarray) -> pa.Table:
        return self.dataset.take(indices)

    def row(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = self.dataset.take([index]).to_pylist()[0]
        return row


class Vortex(Format):
    """Vortex: `compact` writes smaller files, `mapped` maps the file, `prepared` takes single rows another way."""

    package = "vortex-data"
    takes = "a scan of an open file by row numbers; `prepared`: `scalar_at` of a scan prepared before"

    def __init__(self) -> None:
        self.vortex: Any = import_module("vortex")

    def write(self, table: pa.Table, path: str, **options: Any) -> None:
        if options.get("compact"):
            self.vortex.io.VortexWriteOptions.compact().write(table, path)
        else:
            self.vortex.io.write(table, path)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> pa.Table:
        # Its own arrays are still encoded after a scan: that would be no scan. These have the strings that it prefers.
        return self.open(path, options).to_arrow(columns).read_all()

    def arrow(self, path: str, **options: Any) -> pa.Table:
        file = self.open(path, options)
        return file.to_arrow(schema=plain(file.dtype.to_arrow_schema())).read_all()

    def reader(self, path: str, **options: Any) -> Reader:
        return VortexReader(self.vortex, self.open(path, options), options.get("prepared", False))

    def open(self, path: str, options: dict[str, Any]) -> Any:
        return self.vortex.open(path, memory_map=options.get("mapped", False))


class VortexReader:
    def __init__(self, vortex: Any, file: Any, prepared: bool) -> None:
        self.vortex = vortex
        self.file = file
        self.scan = file.to_repeated_scan() if prepared else None
        self.rows = len(file)
        # Scalars give timestamps as their numbers.
        schema = file.dtype.to_arrow_schema()
        self.times = {field.name: field.type for field in schema if pa.types.is_timestamp(field.type)}

    def take(self, indices: np.ndarray) -> pa.Table:
        return self.file.to_arrow(indices=self.vortex.array(pa.array(indices, pa.uint64()))).read_all()

    def row(self, index: int) -> dict[str, Any]:
        if self.scan is not None:
            row: dict[str, Any] = self.scan.scalar_at(index).as_py()
            for name, kind in self.times.items():
                row[name] = pa.scalar(row[name], kind).as_py()
            return row
        first: dict[str, Any] = self.take(np.array([index])).to_pylist()[0]
        return first


class Windrow(Format):
    """Windrow; `profile` is its only option. Its own arrays are string views, as polars takes them without a copy."""

    package = "windrow"
    takes = "`take` and `[]` of an open `TableReader`"

    def __init__(self) -> None:
        self.windrow: Any = import_module("windrow")
        self.polars: Any = import_module("polars")
        for name in ("write_table", "read_table", "TableReader"):
            getattr(self.windrow, name)

    def write(self, table: pa.Table, path: str, **options: Any) -> None:
        self.windrow.write_table(path, table, **options)

    def native(self, path: str, columns: list[str] | None = None, **options: Any) -> Any:
        return self.windrow.read_table(path, columns=columns, strings="view").to_polars()

    def arrow(self, path: str, **options: Any) -> pa.Table:
        return pa.table(self.windrow.read_table(path, strings="plain"))

    def as_table(self, result: Any) -> pa.Table:
        if isinstance(result, self.polars.DataFrame):
            result = result.to_arrow()
        return super().as_table(result)

    def reader(self, path: str, **options: Any) -> Reader:
        return WindrowReader(self.windrow.TableReader(path))


class WindrowReader:
    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.rows = len(reader)

    def take(self, indices: np.ndarray) -> Any:
        return pa.table(self.reader.take(indices))

    def row(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = self.reader[index]
        return row


def plain(schema: pa.Schema) -> pa.Schema:
    """The schema with strings in place of string views."""
    fields = [field.with_type(pa.string()) if pa.types.is_string_view(field.type) else field for field in schema]
    return pa.schema(fields)


FORMATS: dict[str, Callable[[], Format]] = {
    "polars": Polars,
    "parquet": Parquet,
    "ipc": Ipc,
    "lance": Lance,
    "vortex": Vortex,
    "windrow": Windrow,
}
