"""Tables: writing, rows, projection, filters, parts, appends, and what goes wrong."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from table_data import ROWS, flights
from upstream_process import Upstream

import windrow

TABLE = flights()
PYTHON = TABLE.to_pylist()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "flights.columns"
    summary = windrow.write_table(path, TABLE, group_rows=64, metadata={"about": "flights", "raw": b"\0"})
    assert (summary.rows, summary.row_groups) == (ROWS, 16)
    assert summary.file_bytes == path.stat().st_size and summary.decoded_bytes > 0
    return path


def test_what_a_reader_knows(path: Path) -> None:
    with windrow.TableReader(path) as reader:
        assert len(reader) == reader.num_rows == ROWS and reader.num_row_groups == 16
        assert reader.column_names == TABLE.column_names == reader.schema.names
        assert reader.metadata == {"about": b"flights", "raw": b"\0"}
        assert reader.path == str(path) and reader.file_bytes == path.stat().st_size
        assert reader.writer_options is not None and "profile:balanced" in reader.writer_options
        assert reader.column_bytes().keys() == set(TABLE.column_names) and min(reader.column_bytes().values()) > 0
        assert pa.schema(reader.schema) == TABLE.schema
        assert reader.schema.types["delay"] == "Int16" and len(reader.schema) == 6
        assert windrow.TableSchema(TABLE.schema) == reader.schema == pickle.loads(pickle.dumps(reader.schema))
        assert repr(reader) == f'TableReader("{path}", rows={ROWS}, columns=6)'
        assert "delay: Int16" in repr(reader.schema)
        assert not reader.closed
    assert reader.closed
    with pytest.raises(windrow.ClosedError):
        reader[0]


def test_rows(path: Path) -> None:
    reader = windrow.TableReader(path)
    for place in [0, 1, 63, 64, ROWS - 1, *random.Random(0).sample(range(ROWS), 50)]:
        assert reader[place] == PYTHON[place]
        assert reader[place - ROWS] == PYTHON[place - ROWS]
    assert [type(value) for value in reader[1].values()] == [int, int, float, str, str, dt.datetime]
    assert reader[[5, 5, -1]] == [PYTHON[5], PYTHON[5], PYTHON[-1]]
    assert reader[np.array([3, 700])] == [PYTHON[3], PYTHON[700]] and reader[[]] == []
    assert list(reader) == PYTHON and list(reversed(reader)) == PYTHON[::-1]
    assert reader[np.int64(9)] == PYTHON[9]


def test_slices_are_views(path: Path) -> None:
    reader = windrow.TableReader(path)
    for part in (slice(10, 200), slice(None, None, 3), slice(500, 100, -7), slice(5, 5), slice(-10, None)):
        view = reader[part]
        assert len(view) == len(PYTHON[part]) and list(view) == PYTHON[part]
        assert view.read().to_pylist() == PYTHON[part] == pa.table(view).to_pylist()
        assert view.scan(["number"], batch_rows=7).read().to_pydict()["number"] == [r["number"] for r in PYTHON[part]]
    assert reader[100:300][50:60][3] == PYTHON[153]
    assert reader[100:300].take([0, -1]).to_pylist() == [PYTHON[100], PYTHON[299]]
    assert reader[100:].read(rows=(5, 8)).to_pylist() == PYTHON[105:108]


@pytest.mark.parametrize("rows", [(10, 200), slice(10, 200), range(10, 200)])
def test_some_rows_and_columns(path: Path, rows: Any) -> None:
    reader = windrow.TableReader(path)
    expected = TABLE.slice(10, 190).select(["dest", "number"])
    assert pa.table(reader.read(["dest", "number"], rows)).equals(expected)
    assert pa.table(windrow.read_table(path, ["dest", "number"], rows)).equals(expected)
    scan = reader.scan(("dest", "number"), rows=rows, batch_rows=50)
    assert [len(batch) for batch in scan][:2] == [50, 4]
    assert pa.table(scan).equals(expected) and pa.table(scan).equals(expected)
    assert scan.column_names == ["dest", "number"] and repr(scan) == 'TableScan(columns=["dest", "number"])'
    assert pa.schema(scan.schema) == expected.schema
    assert len(reader.read([], rows)) == 190


def test_take(path: Path) -> None:
    reader = windrow.TableReader(path)
    indices = [random.Random(1).randrange(ROWS) for _ in range(300)]
    assert reader.take(indices).to_pylist() == TABLE.take(indices).to_pylist()
    assert (
        pa.record_batch(reader.take(indices, ["tail"])).to_pylist() == TABLE.select(["tail"]).take(indices).to_pylist()
    )
    assert reader.take(range(3)).to_pydict() == TABLE.slice(0, 3).to_pydict()
    assert len(reader.take([])) == 0 and reader.take([]).column_names == TABLE.column_names


FILTERS: list[tuple[Any, Any]] = [
    (("number", ">=", 990), lambda row: row["number"] >= 990),
    (("number", "==", 5), lambda row: row["number"] == 5),
    (("number", "!=", 5), lambda row: row["number"] != 5),
    ([("number", ">", 100), ("number", "<=", 200), ("dest", "=", "BOS")], None),
    ([[("number", "<", 3)], [("number", ">", 997), ("dest", "==", "LAX")]], None),
    (("delay", "is null"), lambda row: row["delay"] is None),
    ([("delay", "is not null"), ("delay", "<", -45)], lambda row: row["delay"] is not None and row["delay"] < -45),
    (("dest", "in", ["BOS", "LAX"]), lambda row: row["dest"] in ("BOS", "LAX")),
    (("number", "not in", {1, 2}), lambda row: row["number"] not in (1, 2)),
    (("distance", "<", 2.25), lambda row: row["distance"] < 2.25),
    (("distance", "<", 2), lambda row: row["distance"] < 2),
    (("number", ">", 997.5), lambda row: row["number"] > 997.5),
    (("number", ">", np.int64(990)), lambda row: row["number"] > 990),
    (("number", ">", decimal.Decimal(990)), lambda row: row["number"] > 990),
    (("when", "<", dt.datetime(2013, 1, 1, 1)), lambda row: row["when"] < dt.datetime(2013, 1, 1, 1)),
    (("dest", ">", "M"), lambda row: row["dest"] > "M"),
    ([], lambda row: True),
]


@pytest.mark.parametrize("prune", [True, False])
@pytest.mark.parametrize(("condition", "holds"), FILTERS)
def test_filters(path: Path, condition: Any, holds: Any, prune: bool) -> None:
    if holds is None:
        if len(condition) == 3:
            expected = [row for row in PYTHON if 100 < row["number"] <= 200 and row["dest"] == "BOS"]
        else:
            expected = [row for row in PYTHON if row["number"] < 3 or (row["number"] > 997 and row["dest"] == "LAX")]
    else:
        expected = [row for row in PYTHON if holds(row)]
    reader = windrow.TableReader(path)
    assert reader.read(filter=condition, prune=prune).to_pylist() == expected
    numbers = [{"tail": row["tail"]} for row in expected if 50 <= row["number"] < 995]
    assert reader.scan(["tail"], filter=condition, rows=(50, 995), prune=prune).read().to_pylist() == numbers


def test_a_table(path: Path) -> None:
    table = windrow.read_table(path)
    assert len(table) == table.num_rows == ROWS and table.num_columns == 6 and len(table.batches()) == 16
    assert table[7] == PYTHON[7] and table[-1] == PYTHON[-1] and list(table) == PYTHON
    for part in (slice(60, 70), slice(None, None, -3), slice(4, 4), slice(100, 0, -1)):
        assert table[part].to_pylist() == PYTHON[part]
    assert table["dest"].to_pylist() == TABLE["dest"].to_pylist() and table.column("tail").null_count == 200
    assert table["number"][5] == 5 and table["number"][-1] == ROWS - 1 and len(table["number"]) == ROWS
    assert pickle.loads(pickle.dumps(table[10:500:7])).to_pylist() == PYTHON[10:500:7]
    assert table.nbytes > 20 * ROWS
    assert repr(table[:5]).startswith("Table(rows=5, columns=[")
    for place in (ROWS, -ROWS - 1, 1 << 70):
        with pytest.raises(IndexError):
            table[place]
    with pytest.raises(IndexError):
        table["number"][ROWS]
    with pytest.raises(KeyError, match="no column `nothing`; there are `number`"):
        table["nothing"]


def test_columns_are_buffers(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    vectors = np.arange(60, dtype=np.float32).reshape(20, 3)
    table = pa.table(
        {
            **{str(kind): np.arange(20, dtype=kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")},
            **{str(kind): np.arange(20, dtype=kind) for kind in ("f2", "f4", "f8")},
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 3),
            "when": pa.array(np.arange(20), pa.int64()).cast(pa.timestamp("ns")),
            "day": pa.array(np.arange(20, dtype=np.int32), pa.int32()).cast(pa.date32()),
            "length": pa.array(np.arange(20), pa.int64()).cast(pa.duration("ms")),
            "truth": pa.array([number % 3 == 0 for number in range(20)]),
            "some": pa.array([None, *range(19)]),
            "text": pa.array(["a"] * 20),
        }
    )
    windrow.write_table(path, table)
    read = windrow.read_table(path)
    for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
        array = np.asarray(read[name])
        assert array.dtype == name and array.tolist() == list(range(20)) and not array.flags.writeable
        assert memoryview(read[name]).tolist() == list(range(20)) if name != "f2" else True
        assert np.shares_memory(array, np.asarray(read[name]))
    part = read[4:9]
    assert np.asarray(part["vector"]).tolist() == vectors[4:9].tolist()
    view = memoryview(part["vector"])
    assert view.shape == (5, 3) and view.strides == (12, 4) and view.format == "f" and view.readonly
    assert np.asarray(part["i8"]).tolist() == [4, 5, 6, 7, 8]
    assert part["when"].to_numpy().tolist() == table["when"].to_numpy()[4:9].tolist()
    assert part["when"].to_numpy().dtype == "datetime64[ns]"
    assert part["day"].to_numpy().dtype == "datetime64[D]" and str(part["day"].to_numpy()[0]) == "1970-01-05"
    assert part["length"].to_numpy().dtype == "timedelta64[ms]"
    assert part["truth"].to_numpy().tolist() == [False, False, True, False, False]
    assert np.asarray(part["some"][1:] if False else read["i8"], dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="column `some` of type Int64 has nulls"):
        read["some"].to_numpy()
    with pytest.raises(TypeError, match="no values of a fixed size"):
        read["text"].to_numpy()
    with pytest.raises(BufferError):
        memoryview(read["text"])
    del read, part
    assert view.tolist()[0] == [12.0, 13.0, 14.0]


def test_content_and_file_objects(path: Path) -> None:
    content = path.read_bytes()
    for source in (content, bytearray(content), io.BytesIO(content)):
        reader = windrow.TableReader(source)
        assert reader[77] == PYTHON[77] and reader.read().to_pylist() == PYTHON and reader.path is None
    assert pickle.loads(pickle.dumps(windrow.TableReader(content)))[5] == PYTHON[5]
    with pytest.raises(TypeError, match="file object cannot be pickled"):
        pickle.dumps(windrow.TableReader(io.BytesIO(content)))
    sink = io.BytesIO()
    windrow.write_table(sink, TABLE)
    assert windrow.read_table(sink.getvalue()).to_pylist() == PYTHON


def test_pickles(path: Path) -> None:
    reader = windrow.TableReader(path, max_parallelism=1)[10:900:3]
    again = pickle.loads(pickle.dumps(reader))
    assert list(again) == PYTHON[10:900:3] and repr(again) == repr(reader)


def test_writing_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "parts"
    with windrow.TableWriter(path, TABLE.schema, group_rows=100) as writer:
        writer.write(TABLE.slice(0, 10))
        for batch in TABLE.slice(10, 500).to_batches(max_chunksize=33):
            writer.write(batch)
        assert writer.rows == 510 and writer.path == str(path) and not writer.closed
        writer.flush()
        writer.write(TABLE.slice(510).to_reader(max_chunksize=17))
        writer.sync()
        assert pa.schema(writer.schema) == TABLE.schema
    assert writer.closed and writer.rows == ROWS and writer.close() is None
    assert repr(writer).startswith(f'TableWriter("{path}"')
    assert windrow.read_table(path).to_pylist() == PYTHON
    with pytest.raises(windrow.ClosedError):
        writer.write(TABLE)


def test_a_writer_takes_other_forms_of_text(tmp_path: Path) -> None:
    path = tmp_path / "forms"
    plain = pa.table({"s": ["a", None], "l": [["x"], []]})
    other = plain.cast(pa.schema([("s", pa.large_string()), ("l", pa.large_list(pa.string_view()))]))
    views = plain.cast(pa.schema([("s", pa.string_view()), ("l", pa.list_(pa.large_string()))]))
    with windrow.TableWriter(path, plain.schema) as writer:
        for table in (plain, other, views):
            writer.write(table)
        for wrong in (
            plain.rename_columns(["s", "m"]),
            plain.select(["s"]),
            plain.set_column(0, "s", pa.array([1, 2])),
        ):
            with pytest.raises(windrow.SchemaError) as error:
                writer.write(wrong)
            assert error.value.code == "schema_differs"
    assert pa.table(windrow.read_table(path)).equals(pa.concat_tables([plain] * 3))


def test_appending(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    windrow.write_table(path, TABLE.slice(0, 300), profile="small", group_rows=128, metadata={"a": "b"})
    old = windrow.TableReader(path)
    with windrow.TableWriter(path, mode="append") as writer:
        writer.write(TABLE.slice(300, 100))
        assert len(windrow.TableReader(path)) == 300
    with windrow.TableWriter(path, TABLE, mode="append", copy=True) as writer:
        writer.write(TABLE.slice(400))
        assert writer.rows == ROWS
    reader = windrow.TableReader(path)
    assert list(reader) == PYTHON and reader.metadata == {"a": b"b"} and len(old) == 300 and old[5] == PYTHON[5]
    assert "profile:small" in (reader.writer_options or "")
    with pytest.raises(windrow.SchemaError):
        windrow.TableWriter(path, TABLE.select(["dest"]).schema, mode="append")
    with windrow.TableWriter(tmp_path / "new", TABLE.schema, mode="append") as writer:
        writer.write(TABLE)
    assert list(windrow.TableReader(tmp_path / "new")) == PYTHON
    with pytest.raises(FileNotFoundError):
        windrow.TableWriter(tmp_path / "none", mode="append")


def test_an_exception_leaves_the_file_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "unfinished"
    with pytest.raises(ZeroDivisionError), windrow.TableWriter(path, TABLE.schema) as writer:
        writer.write(TABLE.slice(0, 100))
        _ = 1 / 0
    assert writer.closed and writer.rows == 100
    with pytest.raises(windrow.CorruptError):
        windrow.TableReader(path)
    with windrow.TableWriter(path, TABLE.schema, mode="append") as writer:
        assert writer.rows == 100
        writer.write(TABLE.slice(100))
    assert list(windrow.TableReader(path)) == PYTHON
    kept = tmp_path / "kept"
    windrow.write_table(kept, TABLE)
    with pytest.raises(ZeroDivisionError), windrow.TableWriter(kept, TABLE.schema, atomic=True) as writer:
        writer.write(TABLE.slice(0, 100))
        _ = 1 / 0
    assert list(windrow.TableReader(kept)) == PYTHON


def test_a_stream_that_fails(tmp_path: Path) -> None:
    def batches() -> Any:
        yield from TABLE.slice(0, 100).to_batches()
        raise ZeroDivisionError("no more")

    path = tmp_path / "failed"
    with pytest.raises(ValueError, match="no more"):
        windrow.write_table(path, pa.RecordBatchReader.from_batches(TABLE.schema, batches()))
    with pytest.raises(windrow.CorruptError):
        windrow.TableReader(path)


def test_a_writer_that_is_dropped_says_so(tmp_path: Path) -> None:
    writer = windrow.TableWriter(tmp_path / "dropped", TABLE.schema)
    with pytest.warns(ResourceWarning, match="unclosed writer of .*dropped"):
        del writer


@pytest.mark.parametrize("profile", ["spill", "balanced", "small"])
@pytest.mark.parametrize("codec", [None, "zstd", "zstd:-5", "brotli:3", "snappy", "lz4", "uncompressed"])
def test_options(tmp_path: Path, profile: Any, codec: str | None) -> None:
    path = tmp_path / "options"
    codecs = {"tail": "zstd:9", "dest": "lz4"}
    windrow.write_table(
        path,
        TABLE,
        profile=profile,
        codec=codec,
        column_codecs=codecs,
        group_rows=333,
        group_bytes=1 << 20,
        max_parallelism=1,
    )
    assert list(windrow.TableReader(path, max_parallelism=1)) == PYTHON


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "best"}, 'profile "best" is not one of spill, balanced, small'),
        ({"codec": "gzip"}, "is not one of zstd"),
        ({"codec": "zstd:99"}, "zstd"),
        ({"codec": "lz4:3"}, "lz4 has no level"),
        ({"column_codecs": {"dest": "best"}}, 'column_codecs "best"'),
        ({"column_codecs": 5}, "column_codecs cannot be 5"),
        ({"group_rows": 0}, "group_rows cannot be 0"),
        ({"group_bytes": -1}, "group_bytes cannot be -1"),
        ({"atomic": 1}, "atomic cannot be 1"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(windrow.OptionsError, match=message):
        windrow.write_table(tmp_path / "none", TABLE, **options)
    assert not (tmp_path / "none").exists()


def test_wrong_calls(path: Path, tmp_path: Path) -> None:
    reader: Any = windrow.TableReader(path)
    any_windrow: Any = windrow
    with pytest.raises(TypeError, match='unexpected keyword "colour"'):
        any_windrow.write_table(tmp_path / "none", TABLE, colour=3)
    with pytest.raises(TypeError, match='unexpected keyword "fields"'):
        any_windrow.TableReader(path, fields=["1"])
    for given in (5, [1, 2], {"a": [1]}, pa.array([1, 2]), "text"):
        with pytest.raises(TypeError, match="a table is needed"):
            any_windrow.write_table(tmp_path / "none", given)
    with pytest.raises(TypeError, match="needs its schema"):
        windrow.TableWriter(tmp_path / "none")
    with pytest.raises(TypeError, match="columns must be a sequence of names, not one name"):
        reader.read("dest")
    with pytest.raises(TypeError, match="rows must be"):
        reader.read(rows=5)
    with pytest.raises(windrow.OptionsError, match='strings "utf8" is not one of plain'):
        reader.read(strings="utf8")
    for condition in (("number",), ("number", "~", 3), ("number", "is null", 3), ("number", "<")):
        with pytest.raises(ValueError, match="a filter is"):
            reader.read(filter=condition)
    with pytest.raises(ValueError, match="nothing compares with None"):
        reader.read(filter=("number", "==", None))
    with pytest.raises(TypeError, match="a filter is"):
        reader.read(filter="number > 3")
    with pytest.raises(TypeError, match="cannot be compared with object"):
        reader.read(filter=("number", ">", object()))
    with pytest.raises(windrow.OptionsError) as error:
        reader.read(filter=("number", ">", "many"))
    assert error.value.code == "predicate"
    with pytest.raises(ValueError, match="a filter needs rows one behind the other"):
        reader[::2].read(filter=("number", ">", 3))
    assert not (tmp_path / "none").exists()


def test_columns_and_rows_that_are_not_there(path: Path) -> None:
    reader = windrow.TableReader(path)
    calls: list[Any] = [
        lambda: reader.read(["dest", "nothing"]),
        lambda: reader.scan(["nothing"]),
        lambda: reader.take([1], ["nothing"]),
        lambda: reader.read(filter=("nothing", "<", 3)),
        lambda: windrow.TableSource(path, ["nothing"]),
        lambda: windrow.TableSource(path).select(["nothing"]),
    ]
    for call in calls:
        with pytest.raises(KeyError, match="no column `nothing`; there are `number`, `delay`") as error:
            call()
        assert isinstance(error.value, windrow.NoColumnError) and error.value.code == "no_column"
    for index in (ROWS, -ROWS - 1, 1 << 80):
        for call in (lambda index=index: reader[index], lambda index=index: reader.take([0, index])):
            with pytest.raises(IndexError) as outside:
                call()
            assert isinstance(outside.value, windrow.OutOfRangeError)
    with pytest.raises(TypeError):
        reader["dest"]  # type: ignore[call-overload]


def test_types_that_no_file_holds(tmp_path: Path) -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2])])
    with pytest.raises(windrow.SchemaError, match="column `u` has type .*, which column files cannot hold") as error:
        windrow.write_table(tmp_path / "none", pa.table({"u": union}))
    assert error.value.code == "unsupported_type" and not (tmp_path / "none").exists()


def test_damage(path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    content = bytearray(path.read_bytes())
    for place in range(2000, 3000):
        content[place] ^= 0xFF
    damaged.write_bytes(content)
    reader = windrow.TableReader(damaged)
    with pytest.raises(windrow.CorruptError) as error:
        reader.read()
    assert error.value.byte_offset is not None and error.value.chunk_index is not None
    assert error.value.path == str(damaged) and error.value.code
    with pytest.raises(OSError, match="chunk data hash differs"):
        pa.table(reader)
    assert reader[-1] == PYTHON[-1]


def test_files_of_the_other_kind(path: Path, tmp_path: Path) -> None:
    records = tmp_path / "records"
    with windrow.RecordWriter(records) as writer:
        writer.write(b"a record")
    calls: list[Any] = [
        (lambda: windrow.TableReader(records), "holds_records"),
        (lambda: windrow.read_table(records), "holds_records"),
        (lambda: windrow.TableSource(records), "holds_records"),
        (lambda: windrow.TableWriter(records, TABLE.schema, mode="append"), "holds_records"),
        (lambda: windrow.DataSource(path), "holds_columns"),
        (lambda: windrow.RecordReader(path)[0], "holds_columns"),
        (lambda: windrow.RecordWriter(path, mode="append"), "holds_columns"),
    ]
    for call, code in calls:
        with pytest.raises(windrow.SourceError) as error:
            call()
        assert error.value.code == code
    assert isinstance(windrow.open(records), windrow.RecordReader)
    assert windrow.open(records)[0] == b"a record"
    opened = windrow.open(path)
    assert isinstance(opened, windrow.TableReader) and opened[3] == PYTHON[3]
    assert isinstance(windrow.open(path.read_bytes()), windrow.TableReader)
    with pytest.raises(FileNotFoundError):
        windrow.open(tmp_path / "none")


def test_upstream_refuses_such_files_when_it_opens_them(path: Path, upstream: Upstream) -> None:
    with pytest.raises(AssertionError, match="upstream cannot open"):
        upstream.read(path)


def test_empty_tables(tmp_path: Path) -> None:
    for number, table in enumerate((TABLE.slice(0, 0), pa.table({}))):
        path = tmp_path / str(number)
        windrow.write_table(path, table)
        reader = windrow.TableReader(path)
        assert len(reader) == 0 and list(reader) == [] and pa.table(reader).schema == table.schema
        assert (
            reader.read().to_pylist() == []
            and len(reader.take([])) == 0
            and reader.read().to_pydict().keys() == set(table.column_names)
        )
        with pytest.raises(IndexError):
            reader[0]


def test_a_file_that_is_read_is_not_emptied(tmp_path: Path) -> None:
    path = tmp_path / "table"
    windrow.write_table(path, TABLE)
    (tmp_path / "same").symlink_to(path)
    reader = windrow.TableReader(path)
    lazy = (reader, reader[:5], reader.scan(), windrow.TableSource(path), windrow.recover(path).reader)
    for table in lazy:
        for sink in (path, str(tmp_path / "same")):
            with pytest.raises(windrow.OptionsError, match="atomic=True") as error:
                windrow.write_table(sink, table)
            assert error.value.code == "conflicting_options" and list(windrow.TableReader(path)) == PYTHON
    windrow.write_table(tmp_path / "other", reader)
    windrow.write_table(path, reader.scan(rows=(1, 7)), atomic=True)
    assert list(windrow.TableReader(path)) == PYTHON[1:7]
    windrow.write_table(path, windrow.read_table(path, rows=(0, 2)))
    assert list(windrow.TableReader(path)) == PYTHON[1:3]


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with pytest.raises(windrow.NoColumnError, match="no column `typo`; there are `number`"):
        windrow.write_table(path, TABLE, column_codecs={"typo": "zstd:3"})
    assert not path.exists()
    windrow.write_table(path, TABLE)
    with pytest.raises(windrow.NoColumnError, match="`typo`"):
        windrow.TableWriter(path, mode="append", column_codecs={"typo": "zstd:3"})
    with pytest.raises(windrow.OptionsError, match="a key of metadata cannot be b'k'"):
        windrow.write_table(path, TABLE, metadata={b"k": "v"})  # type: ignore[dict-item]
    for rows in (windrow.TableReader(path), windrow.TableSource(path)):
        with pytest.raises(TypeError, match="not the name of a column"):
            rows["number"]  # type: ignore[call-overload]
    assert list(windrow.TableReader(path)) == PYTHON
