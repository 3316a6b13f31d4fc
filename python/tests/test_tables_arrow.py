"""Tables of all types, to and from pyarrow, polars, pandas and DuckDB; and what consumers of streams may ask for."""

from __future__ import annotations

import datetime as dt
import math
import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from table_data import every_type, flights

import windrow

TYPES = every_type()
TABLE = flights(300)


def same(a: Any, b: Any) -> bool:
    """Equal, also where NaN is."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("profile", ["spill", "balanced", "small"])
def test_every_type(tmp_path: Path, name: str, profile: Any) -> None:
    array = TYPES[name]
    table = pa.table({"x": array, "n": pa.array(range(5))})
    path = tmp_path / "table"
    windrow.write_table(path, table, profile=profile, group_rows=2)
    reader = windrow.TableReader(path)
    read = pa.table(reader.read())
    read.validate(full=True)
    assert read.schema.equals(table.schema)
    if not pa.types.is_dictionary(array.type):
        # Each row group has a dictionary of its own, so these are other arrays with the same values.
        assert read.equals(table)
    rows = [{"x": value, "n": number} for number, value in enumerate(as_python(array))]
    assert all(same(one["x"], other["x"]) for one, other in zip(reader, rows, strict=True))
    assert same(reader[2]["x"], rows[2]["x"]) and reader[4]["x"] == rows[4]["x"]
    assert type(reader[0]["x"]) is type(rows[0]["x"]) or name == "interval"
    assert reader.take([4, 0, 0]).to_pylist() == [rows[4], rows[0], rows[0]]
    assert reader.read()["x"].to_pylist() == [row["x"] for row in reader]


def as_python(array: pa.Array) -> list[Any]:
    """pyarrow gives points in time with nanoseconds as those of pandas, and these are equal."""
    values: list[Any] = array.to_pylist()
    return [v.to_pydatetime() if isinstance(v, pd.Timestamp) else as_delta(v) for v in values]


def zip_rows(table: pa.Table) -> list[dict[str, Any]]:
    columns = [as_python(table[name].combine_chunks()) for name in table.column_names]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def as_delta(value: Any) -> Any:
    return value.to_pytimedelta() if isinstance(value, pd.Timedelta) else value


def test_all_types_beside_each_other_sliced(tmp_path: Path) -> None:
    repeated = {name: pa.concat_arrays([array] * 40) for name, array in TYPES.items() if name != "run_end_encoded"}
    table = pa.table(repeated).slice(13, 100)
    windrow.write_table(tmp_path / "table", table, group_rows=32)
    reader = windrow.TableReader(tmp_path / "table")
    rows = zip_rows(table)
    assert list(reader) == rows and reader.read(rows=(30, 70)).to_pylist() == rows[30:70]
    assert reader.take([99, 3, 3]).to_pylist() == [rows[99], rows[3], rows[3]]
    pa.table(reader).validate(full=True)
    assert zip_rows(pa.table(reader)) == rows


def test_a_small_slice_makes_a_small_file(tmp_path: Path) -> None:
    text = pa.array([f"{number:0100}" for number in range(50_000)], pa.string_view())
    sizes = [
        windrow.write_table(tmp_path / "sliced", pa.table({"s": part}), profile="spill").file_bytes
        for part in (text.slice(0, 500), text)
    ]
    assert sizes[0] < 200_000 + sizes[1] // 50


def test_times_outside_of_what_python_holds(tmp_path: Path) -> None:
    table = pa.table(
        {
            "far": pa.array([2**62], pa.timestamp("us")),
            "nanos": pa.array([1_001], pa.timestamp("ns")),
            "before": pa.array([-1], pa.timestamp("ns")),
        }
    )
    windrow.write_table(tmp_path / "table", table)
    source = windrow.TableSource(tmp_path / "table", ["nanos", "before"])
    assert source[0] == {
        "nanos": dt.datetime(1970, 1, 1, 0, 0, 0, 1),
        "before": dt.datetime(1969, 12, 31, 23, 59, 59, 999_999),
    }
    with pytest.raises(OverflowError, match="outside of what Python's datetime can hold"):
        windrow.TableReader(tmp_path / "table")[0]
    assert pa.table(windrow.read_table(tmp_path / "table")).equals(table)


def test_days_of_all_years(tmp_path: Path) -> None:
    first, last = dt.date.min.toordinal(), dt.date.max.toordinal()
    days = [dt.date.fromordinal(day) for day in range(first, last, 701)]
    days += [dt.date(y, m, d) for y in (1900, 1999, 2000, 2100) for m, d in ((2, 28), (3, 1), (12, 31), (1, 1))]
    windrow.write_table(tmp_path / "days", pa.table({"day": pa.array(days, pa.date32())}))
    assert windrow.read_table(tmp_path / "days")["day"].to_pylist() == days


def test_misaligned_buffers(tmp_path: Path) -> None:
    buffer = pa.py_buffer(b"x" + np.arange(100, dtype="<i8").tobytes()).slice(1)
    table = pa.table({"x": pa.Array.from_buffers(pa.int64(), 100, [None, buffer])})
    windrow.write_table(tmp_path / "table", table)
    assert windrow.read_table(tmp_path / "table")["x"].to_pylist() == list(range(100))


POLARS = pl.DataFrame(
    {
        "a": [1, None, 3],
        "s": ["x", None, "long enough for a view of its own"],
        "b": [b"x", None, b""],
        "cat": pl.Series(["u", "v", None], dtype=pl.Categorical),
        "enum": pl.Series(["u", "v", None], dtype=pl.Enum(["u", "v"])),
        "dec": pl.Series(["1.50", None, "-2.25"]).cast(pl.Decimal(10, 2)),
        "list": [[1, 2], None, []],
        "array": pl.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)),
        "struct": [{"p": 1, "q": "z"}, None, {"p": None, "q": None}],
        "date": [dt.date(2020, 1, 1), None, dt.date(1900, 1, 1)],
        "time": [dt.time(1, 2, 3), None, dt.time(0)],
        "when": pl.Series([dt.datetime(2020, 1, 1), None, dt.datetime(1900, 1, 1)], dtype=pl.Datetime("ns", "UTC")),
        "length": [dt.timedelta(1), None, dt.timedelta(0)],
        "u8": pl.Series([1, None, 255], dtype=pl.UInt8),
        "f32": pl.Series([1.5, None, float("-inf")], dtype=pl.Float32),
        "truth": [True, None, False],
        "nothing": pl.Series([None, None, None], dtype=pl.Null),
    }
)


def test_polars(tmp_path: Path) -> None:
    path = tmp_path / "table"
    windrow.write_table(path, POLARS)
    for strings in (None, "view", "large", "plain"):
        read = windrow.read_table(path, strings=strings)  # type: ignore[arg-type]
        assert pl.DataFrame(read).equals(POLARS) and read.to_polars().schema == POLARS.schema
    assert pl.DataFrame(windrow.TableReader(path)).equals(POLARS)
    assert windrow.scan(path).collect().equals(POLARS)
    rows = windrow.TableReader(path)
    assert list(rows) == POLARS.to_dicts()
    windrow.write_table(path, POLARS, group_rows=1)
    chunked = windrow.read_table(path).to_polars()
    assert chunked.n_chunks() == 3 and chunked.equals(POLARS) and chunked.schema == POLARS.schema
    assert pl.DataFrame(windrow.read_table(path)).equals(POLARS)
    windrow.write_table(path, POLARS.lazy().collect().head(2))
    assert pl.DataFrame(windrow.read_table(path)).equals(POLARS.head(2))
    # Categories that differ between batches.
    with windrow.TableWriter(path, POLARS.select("cat"), group_rows=4) as writer:
        for texts in (["a", "b"], ["c", None, "a"], ["d"] * 5):
            writer.write(pl.DataFrame({"cat": pl.Series(texts, dtype=pl.Categorical)}))
    assert windrow.read_table(path)["cat"].to_pylist() == ["a", "b", "c", None, "a", *["d"] * 5]


def test_pandas(tmp_path: Path) -> None:
    frame = TABLE.to_pandas().set_index("number")
    frame["kind"] = pd.Categorical(["x", "y", "z"] * 100)
    path = tmp_path / "table"
    windrow.write_table(path, frame)
    read = windrow.read_table(path).to_pandas()
    pd.testing.assert_frame_equal(read, frame, check_categorical=False)
    assert windrow.read_table(path, ["dest"]).to_pandas(strings_to_categorical=True)["dest"].dtype == "category"


def test_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "table"
    connection = duckdb.connect()
    relation = connection.sql("select range as n, 'row ' || range as s from range(100000)")
    windrow.write_table(path, relation, group_rows=1 << 12)
    reader, frame = windrow.TableReader(path), windrow.read_table(path)
    scan = reader.scan(["n"], filter=("n", ">=", 50_000))
    for _ in range(2):
        for name in ("reader", "frame"):
            assert connection.sql(f"select count(*), sum(n), max(s) from {name}").fetchall() == [
                (100_000, 4_999_950_000, "row 99999")
            ]
        assert connection.sql("select count(*), min(n) from scan").fetchall() == [(50_000, 50_000)]
    assert reader and frame and scan


def test_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "table"
    batch = TABLE.to_batches()[0]
    metadata = TABLE.replace_schema_metadata({"about": "flights"})
    for given in (
        TABLE,
        batch,
        pa.chunked_array([batch.to_struct_array()]),
        TABLE.to_reader(),
        batch.to_struct_array(),
    ):
        windrow.write_table(path, given)
        assert pa.table(windrow.read_table(path)).equals(TABLE)
    windrow.write_table(path, metadata)
    assert windrow.TableReader(path).schema.metadata == {"about": "flights"}
    assert pa.table(windrow.read_table(path)).schema.equals(metadata.schema, check_metadata=True)
    with pytest.raises(ValueError, match="rows cannot be null"):
        windrow.write_table(path, pa.array([{"a": 1}, None]))


def test_what_windrow_reads_it_writes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    windrow.write_table(one, TABLE, group_rows=50)
    reader = windrow.TableReader(one)
    for given in (reader, reader.read(), reader.scan(), reader[::1], reader.take(range(300))):
        windrow.write_table(two, given)
        assert pa.table(windrow.read_table(two)).equals(TABLE)
    windrow.write_table(two, reader[::-2])
    assert list(windrow.TableReader(two)) == TABLE.to_pylist()[::-2]


FORMS = {
    "plain": (pa.string(), pa.binary()),
    "large": (pa.large_string(), pa.large_binary()),
    "view": (pa.string_view(), pa.binary_view()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("written", FORMS)
def test_forms_of_text(tmp_path: Path, written: str, form: Any) -> None:
    def table(form: str) -> pa.Table:
        text, blob = FORMS[form]
        texts, item = ["a", None, "long enough for a view"], pa.list_(text)
        kinds = pa.schema([("s", text), ("b", blob), ("l", item), ("d", pa.struct([("t", text)])), ("n", pa.int8())])
        rows = [{"s": t, "b": t and t.encode(), "l": [t], "d": {"t": t}, "n": 1} for t in texts]
        return pa.Table.from_pylist(rows * 50, kinds)

    path = tmp_path / "table"
    windrow.write_table(path, table(written), group_rows=64)
    reader, expected = windrow.TableReader(path), table(form)
    for read in (reader.read(strings=form), reader.scan(strings=form), reader.take(range(150), strings=form)):
        assert pa.table(read).equals(expected)
    for offered in (reader, reader.read(), reader.scan(), reader.take(range(150)), windrow.read_table(path)):
        asked = pa.RecordBatchReader.from_stream(offered, schema=expected.schema)
        assert asked.schema.equals(expected.schema) and asked.read_all().equals(expected)
    mixed = expected.schema.set(0, pa.field("s", pa.string())).set(1, pa.field("b", pa.binary_view()))
    assert pa.RecordBatchReader.from_stream(reader, schema=mixed).read_all().equals(expected.cast(mixed))
    batch = pa.record_batch(reader.take([0, 1]), schema=expected.schema)
    assert batch.schema.equals(expected.schema) and batch.to_pylist() == expected.slice(0, 2).to_pylist()


def test_requests_that_are_refused(tmp_path: Path) -> None:
    windrow.write_table(tmp_path / "table", TABLE)
    reader = windrow.TableReader(tmp_path / "table")
    for schema in (TABLE.schema.remove(0), TABLE.rename_columns(list("abcdef")).schema):
        for offered in (reader, reader.scan(), reader.read(), reader.take([1])):
            with pytest.raises(ValueError, match="the requested schema has the columns"):
                offered.__arrow_c_stream__(schema.__arrow_c_schema__())
    other = TABLE.schema.set(0, pa.field("number", pa.float64())).__arrow_c_schema__()
    # What is no form of text stays as it is: the request is no promise.
    stream = pa.RecordBatchReader._import_from_c_capsule(reader.__arrow_c_stream__(other))
    assert stream.schema.field("number").type == pa.int64()


def test_a_stream_on_another_thread(tmp_path: Path) -> None:
    windrow.write_table(tmp_path / "table", TABLE, group_rows=16)
    stream = pa.RecordBatchReader.from_stream(windrow.TableReader(tmp_path / "table"))
    found: list[pa.Table] = []
    thread = threading.Thread(target=lambda: found.append(stream.read_all()))
    thread.start()
    thread.join()
    assert found[0].equals(TABLE)


def test_memory_of_a_long_stream_stays(tmp_path: Path) -> None:
    """Told in batches: what was written is gone when the next one comes."""
    alive: list[Any] = []

    def batches() -> Any:
        for number in range(200):
            batch = pa.record_batch({"x": np.full(50_000, number)})
            alive.append(pa.total_allocated_bytes())
            yield batch

    schema = pa.schema([("x", pa.int64())])
    windrow.write_table(
        tmp_path / "long", pa.RecordBatchReader.from_batches(schema, batches()), group_rows=50_000, max_parallelism=2
    )
    assert len(windrow.TableReader(tmp_path / "long")) == 10_000_000
    assert max(alive) - alive[0] < 20 * 400_000


def test_types_of_polars_that_no_file_can_hold(tmp_path: Path) -> None:
    frame = pl.DataFrame({"ok": [1], "odd": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(windrow.SchemaError, match="column `odd` has type Object") as error:
        windrow.write_table(tmp_path / "table", frame)
    assert error.value.code == "unsupported_type"
    with pytest.raises(TypeError, match="column `wide`.*_pli128"):
        windrow.write_table(tmp_path / "table", pl.DataFrame({"ok": [1], "wide": pl.Series([1], dtype=pl.Int128)}))
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize("inside", [False, True])
def test_categories_of_enums_are_part_of_the_type(tmp_path: Path, inside: bool) -> None:
    def frame(values: list[str], categories: list[str]) -> pl.DataFrame:
        series = pl.Series("c", values, dtype=pl.Enum(categories))
        return pl.DataFrame(series.implode() if inside else series)

    path = tmp_path / "table"
    windrow.write_table(path, frame(["a", "b"], ["a", "b"]))
    for other in (frame(["z", "a"], ["z", "a"]), frame(["a"], ["a", "b", "c"])):
        with pytest.raises(windrow.SchemaError, match="column `c` has other categories"):
            windrow.TableWriter(path, other, mode="append")
        with windrow.TableWriter(path, mode="append") as writer:
            with pytest.raises(windrow.SchemaError, match="column `c` has other categories") as error:
                writer.write(other)
            assert error.value.code == "schema_differs"
            writer.write(frame(["b"], ["a", "b"]))
    read = windrow.read_table(path).to_polars()["c"]
    assert (read.explode() if inside else read).to_list() == ["a", "b", "b", "b"]


def test_extension_types_are_types(tmp_path: Path) -> None:
    def schema(name: str, **more: str) -> pa.Schema:
        return pa.schema([pa.field("x", pa.int64(), metadata={"ARROW:extension:name": name, **more})])

    path, rows = tmp_path / "table", pa.table({"x": [1]})
    windrow.write_table(path, rows.cast(schema("own.kind", note="first")))
    with windrow.TableWriter(path, mode="append") as writer:
        writer.write(rows.cast(schema("own.kind", note="second")))
        for other in (schema("own.other"), pa.schema([("x", pa.int64())])):
            with pytest.raises(windrow.SchemaError, match="column `x` has another extension type"):
                writer.write(rows.cast(other))
    assert len(windrow.TableReader(path)) == 2
