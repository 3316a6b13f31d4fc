"""Files of columns as lazy frames of polars."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from windrow._core import TableReader, TableScan, TableSource
from windrow._errors import NoColumnError, SchemaError, SourceError, WindrowError

if TYPE_CHECKING:
    import polars as pl


def scan(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, prune: bool = True, **options: Any
) -> pl.LazyFrame:
    """Files of columns as a lazy frame of polars, which must be installed.

    Of what the query needs, columns and the first rows are read only where they are needed; and a filter is looked at
    before: parts of the form `column < value`, of which all must hold, keep row groups from being read whose statistics
    say that nothing in them fits, and other columns from being decoded where no row fits. polars still applies the
    whole filter.

        lazy = windrow.scan("flights.columns")
        lazy.filter(pl.col("dep_delay") > 60).group_by("carrier").len().collect()

    Parameters
    ----------
    paths
        A file, `path[a:b]` for some of its rows, a pattern such as `"part-*.columns"`, or a sequence of them: their
        rows, one file behind the other. All have the columns that are read, in any order, with the types of the first
        file, and no others if all are read: else SchemaError is raised when the file is met.
    prune
        Whether row groups are passed over by their statistics. Statistics prove nothing: whoever wrote the file can
        hide rows with them. Default `True`.
    options
        Those of `TableReader`. What `on_corrupt="skip"` leaves out is told by a `RuntimeWarning`.
    """
    from polars.io.plugins import register_io_source

    source = _Source(TableSource(paths, **options)._parts, prune, options)
    return register_io_source(source, schema=source.schema, is_pure=True, explain_name="WINDROW SCAN")


class _Source:
    """What polars calls to read: pickles as its arguments."""

    def __init__(
        self, parts: list[tuple[str, tuple[int, int] | None]], prune: bool, options: dict[str, Any]
    ) -> None:
        self.parts = parts
        self.prune = prune
        self.options = options

    def schema(self) -> pl.Schema:
        return _schema(self._open(self.parts[0][0]))

    def _open(self, path: str) -> TableReader:
        return TableReader(path, **self.options)

    def __call__(
        self, with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        # What comes first cuts first: `n_rows` counts rows in front of the predicate.
        import polars as pl

        schema = self.schema()
        columns = with_columns
        if columns is not None and predicate is not None:
            columns = list(dict.fromkeys([*columns, *predicate.meta.root_names()]))
        conditions = [] if predicate is None else _conditions(predicate, schema)
        left = n_rows
        for path, rows in self.parts:
            if left is not None and left <= 0:
                return
            reader = self._open(path)
            own = _schema(reader)
            _check(own, schema, columns, path)
            wanted = list(schema) if columns is None and list(own) != list(schema) else columns
            first, end = _checked(rows, reader, path)
            if left is not None:
                end = min(end, first + left)
                left -= end - first
            for batch in _scan(reader, wanted, conditions, (first, end), batch_size, self.prune):
                frame = pl.DataFrame(batch)
                if predicate is not None:
                    frame = frame.filter(predicate)
                if with_columns is not None and frame.columns != with_columns:
                    frame = frame.select(with_columns)
                yield frame
            _tell_skipped(path, reader)


def _schema(reader: TableReader) -> pl.Schema:
    import polars as pl

    return pl.DataFrame(reader.read(rows=(0, 0))).schema


def _tell_skipped(path: str, reader: TableReader) -> None:
    # polars has no other place for it.
    for fault in reader.skipped:
        lost = f"rows {fault.record_range[0]}..{fault.record_range[1]} lost: " if fault.record_range else ""
        warnings.warn(f"{path}: {lost}{fault.message}", RuntimeWarning, stacklevel=2)


def _scan(
    reader: TableReader,
    columns: list[str] | None,
    conditions: list[tuple[Any, ...] | list[list[tuple[Any, ...]]]],
    rows: tuple[int, int],
    batch_size: int | None,
    prune: bool,
) -> TableScan:
    told: dict[str, Any] = {"rows": rows, "batch_rows": batch_size, "prune": prune, "strings": "view"}
    if conditions:
        try:
            return reader.scan(columns, filter=conditions, **told)
        except WindrowError as error:
            # What this file's types cannot be compared with is left to polars.
            if error.code != "predicate":
                raise
    return reader.scan(columns, **told)


def _check(own: pl.Schema, schema: pl.Schema, columns: list[str] | None, path: str) -> None:
    """Whether a file has the columns that are read, or, if all are, those of the first one and no others."""
    for name in schema if columns is None else columns:
        if name not in own:
            there = ", ".join(f"`{own_name}`" for own_name in own)
            raise _error(NoColumnError, "no_column", path, f"no column `{name}`; there are {there}")
        if own[name] != schema[name]:
            what = f"column `{name}` is {own[name]} instead of {schema[name]}"
            raise _error(SchemaError, "schema_differs", path, what)
    for name in own if columns is None else ():
        if name not in schema:
            what = f"there is a column `{name}`, which the first file does not have"
            raise _error(SchemaError, "schema_differs", path, what)


def _checked(rows: tuple[int, int] | None, reader: TableReader, path: str) -> tuple[int, int]:
    first, end = rows or (0, len(reader))
    if end > len(reader):
        what = f"instruction for rows {first}..{end} does not fit: there are {len(reader)}"
        raise _error(SourceError, "instruction", path, what)
    return first, end


def _error(kind: type[WindrowError], code: str, path: str, what: str) -> WindrowError:
    error = kind(f"{path}: {what}")
    error.code = code
    error.path = path
    return error


_OPERATORS = {"Eq": "==", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_MIRRORED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _conditions(predicate: pl.Expr, schema: pl.Schema) -> list[Any]:
    """Conditions that hold wherever the predicate is true. What is not understood gives none."""
    import json

    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
        found: list[Any] = []
        _collect(tree, schema, found)
    except Exception:  # The form of the tree is not promised: whatever goes wrong here, polars filters.
        return []
    return found


def _collect(tree: dict[str, Any], schema: pl.Schema, found: list[Any]) -> None:
    node = tree.get("BinaryExpr")
    if node is None:
        return
    if node["op"] in ("And", "LogicalAnd"):
        _collect(node["left"], schema, found)
        _collect(node["right"], schema, found)
        return
    operator = _OPERATORS.get(node["op"])
    if operator is None:
        return
    left, right = node["left"], node["right"]
    if "Literal" in left:
        left, right, operator = right, left, _MIRRORED[operator]
    if left.keys() != {"Column"} or right.keys() != {"Literal"}:
        return
    name = left["Column"]
    [(kind, value)] = right["Literal"]["Scalar"].items()
    found.extend(_condition(name, operator, kind, value, schema[name]))


_UNITS = {"Nanoseconds": "ns", "Microseconds": "us", "Milliseconds": "ms"}


def _condition(name: str, operator: str, kind: str, value: Any, dtype: pl.DataType) -> list[Any]:
    import struct

    import polars as pl

    if value is None:
        return []
    if kind.startswith(("Int", "UInt")) and kind == str(dtype) and type(value) is int:
        return [(name, operator, value)]
    if kind == "String" and dtype == pl.String and type(value) is str:
        return [(name, operator, value)]
    if kind in ("Float32", "Float64") and kind == str(dtype) and type(value) is float:
        return _of_float(name, operator, struct.unpack("f", struct.pack("f", value))[0] if kind == "Float32" else value)
    if kind == "Date" and dtype == pl.Date:
        return [(name, operator, _frame(value, pl.Int32(), dtype))]
    if kind == "Time" and dtype == pl.Time:
        return [(name, operator, _frame(value, pl.Int64(), dtype))]
    if kind == "Datetime" and dtype == pl.Datetime(_UNITS[value[1]], _zone(value[2])):  # type: ignore[arg-type]
        return [(name, operator, _frame(value[0], pl.Int64(), dtype))]
    if kind == "Duration" and dtype == pl.Duration(_UNITS[value[1]]):  # type: ignore[arg-type]
        return [(name, operator, _frame(value[0], pl.Int64(), dtype))]
    return []


def _zone(told: Any) -> Any:
    return told["inner"] if isinstance(told, dict) else told


def _of_float(name: str, operator: str, value: float) -> list[Any]:
    """Zeros are equal in polars, and NaN is above all others whatever its sign: not so in Arrow's order."""
    if value != value:
        return []
    low, high = (-0.0, 0.0) if value == 0 else (value, value)
    if operator == "==":
        return [(name, ">=", low), (name, "<=", high)]
    if operator in ("<", "<="):
        return [(name, operator, high)]
    return [[[(name, operator, low)], [(name, "<", float("-inf"))]]]


def _frame(value: int, physical: pl.DataType, dtype: pl.DataType) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"": pl.Series([value], dtype=physical).cast(dtype)})
