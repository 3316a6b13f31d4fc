"""Filters with values that the type of a column cannot hold: as numbers, decimals, dates and times compare."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import windrow

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
DAY, HOUR = dt.datetime(2020, 1, 1), dt.timedelta(hours=1)
POINTS = [DAY - HOUR, DAY, None, DAY + HOUR, dt.datetime(2262, 1, 1)]
# Far off, but so that they fit into nanoseconds, which is what text is read as at first.
BETWEEN = [DAY, DAY + dt.timedelta(microseconds=123), DAY - dt.timedelta(microseconds=1), dt.datetime(1, 1, 1)]
NUMBERS = [-(2**70), -129, -128.5, -128, -1, 0, 0.5, 1, 2.5, 255, 255.5, 256, 300, 2**31, 2**63, 2**64, 1e30, -1e300]
NUMBERS += [float("inf"), float("-inf"), Decimal("5.5"), Decimal("1e-30"), Decimal(7)]
LENGTHS = [dt.timedelta(0), dt.timedelta(milliseconds=5)]


def column(values: list[Any], kind: Any) -> pl.Series:
    return pl.Series(values, dtype=kind)


COLUMNS: dict[str, tuple[pl.Series, list[Any]]] = {
    "i8": (column([-128, -1, None, 0, 1, 127], pl.Int8), NUMBERS),
    "u8": (column([0, 1, None, 7, 255], pl.UInt8), NUMBERS),
    "i64": (column([-(2**63), 7, None, 2**53 + 1, 2**63 - 1], pl.Int64), [*NUMBERS, 2.0**53]),
    "u64": (column([0, 7, None, 2**64 - 1], pl.UInt64), NUMBERS),
    "decimal": (
        column([Decimal("-0.2"), Decimal("0.2"), None, Decimal("0.3"), Decimal("9999999.9")], pl.Decimal(8, 1)),
        [*(n for n in NUMBERS if type(n) is not float), *map(Decimal, ("0.25", "-0.25", "0.2", "0.20", "1e9", "1e99"))],
    ),
    "ms": (column(POINTS, pl.Datetime("ms")), BETWEEN),
    "us": (column(POINTS, pl.Datetime("us")), BETWEEN),
    "ns": (column(POINTS, pl.Datetime("ns")), BETWEEN),
    "length": (
        column([*LENGTHS, None], pl.Duration("ms")),
        [*LENGTHS, dt.timedelta(microseconds=1), dt.timedelta(microseconds=-1), dt.timedelta(days=10**6)],
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("prune", [False, True])
def test_every_value_compares(tmp_path: Path, name: str, prune: bool) -> None:
    values, others = COLUMNS[name]
    path = tmp_path / "table"
    windrow.write_table(path, pl.DataFrame({"x": values}), group_rows=2)
    reader = windrow.TableReader(path)
    rows = values.to_list()
    for other in others:
        texts = [format(other, "f")] if isinstance(other, Decimal) else []
        if isinstance(other, dt.datetime):
            texts = [other.isoformat()]
        for value in [other, *texts]:
            for sign, holds in OPERATORS.items():
                expected = [row for row in rows if row is not None and holds(row, other)]
                found = reader.read(filter=("x", sign, value), prune=prune)["x"].to_pylist()
                assert found == expected, (sign, value)
        inside = [row for row in rows if row is not None and row == other]
        assert reader.read(filter=("x", "in", [other]), prune=prune)["x"].to_pylist() == inside
        outside = [row for row in rows if row is not None and row != other]
        assert reader.read(filter=("x", "not in", [other]), prune=prune)["x"].to_pylist() == outside


def test_days_compare_with_points_in_time(tmp_path: Path) -> None:
    path = tmp_path / "table"
    days = [dt.date(2020, 1, 1), None, dt.date(2020, 1, 2)]
    windrow.write_table(path, pl.DataFrame({"day": days, "clock": [dt.time(0), None, dt.time(12)]}))

    def found(*condition: Any) -> int:
        return windrow.read_table(path, filter=condition).num_rows

    noon = dt.datetime(2020, 1, 1, 12)
    for value in (noon, noon.isoformat()):
        assert found("day", "<=", value) == found("day", ">", value) == 1
        assert found("day", "==", value) == 0 and found("day", "!=", value) == 2
    assert found("day", "==", dt.datetime(2020, 1, 1)) == 1 == found("day", "==", "2020-01-01")
    assert found("clock", ">", dt.time(11, 59, 59, 999_999)) == 1 == found("clock", ">", "11:59:59.999999999")


def test_a_float_beside_decimals_is_what_python_shows(tmp_path: Path) -> None:
    path = tmp_path / "table"
    windrow.write_table(path, pl.DataFrame({"x": column([Decimal("0.3")], pl.Decimal(8, 1))}))
    assert windrow.read_table(path, filter=("x", "==", 0.3)).num_rows == 1
    assert windrow.read_table(path, filter=("x", "<", 0.30000000000000004)).num_rows == 1


def test_zoned_points_in_time_compare_with_text(tmp_path: Path) -> None:
    path = tmp_path / "table"
    later = {"2019-12-31T23:59:59.9999Z": 1, "2020-01-01T00:00:00.0001Z": 0, "2020-01-01T01:00:00+02:00": 1}
    for zone in ("UTC", "Europe/Zurich", "+05:30"):
        windrow.write_table(path, pa.table({"x": pa.array([DAY, None], pa.timestamp("ms", zone))}))
        for text, rows in later.items():
            assert windrow.read_table(path, filter=("x", ">", text)).num_rows == rows
        # Without an offset it is the clock of the zone that counts.
        assert windrow.read_table(path, filter=("x", ">", "2019-12-31")).num_rows == 1
        assert windrow.read_table(path, filter=("x", ">", "2020-01-01T06:00:00")).num_rows == 0


@pytest.mark.parametrize(("name", "value"), [("n", "many"), ("day", "soon"), ("day", b"soon")])
def test_what_cannot_be_compared_is_named(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "table"
    windrow.write_table(path, pl.DataFrame({"n": [1], "day": [dt.date(2020, 1, 1)]}))
    with pytest.raises(windrow.OptionsError, match=f"column `{name}` cannot be compared") as error:
        windrow.read_table(path, filter=(name, "==", value))
    assert error.value.code == "predicate"
