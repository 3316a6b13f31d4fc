"""`windrow.scan`: what polars asks of it, in which order, and what it passes over."""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from table_data import flights

import windrow
from windrow._polars import _conditions, _Source

FRAME = pl.DataFrame(flights(2000)).with_columns(
    zero=pl.Series([0.0, -0.0, float("nan"), -float("nan"), None, 1.5, float("-inf"), float("inf")] * 250),
    f32=(pl.col("number") / 10).cast(pl.Float32),
    u8=(pl.col("number") % 256).cast(pl.UInt8),
    day=pl.col("when").dt.date(),
    clock=pl.col("when").dt.time(),
    length=pl.duration(minutes=pl.col("number")),
    zoned=pl.col("when").dt.cast_time_unit("ns").dt.replace_time_zone("Europe/Zurich", ambiguous="earliest"),
    flag=pl.col("number") % 2 == 0,
    cat=pl.col("dest").cast(pl.Categorical),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "flights"
    windrow.write_table(path, FRAME, group_rows=100)
    return path


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same rows in three files."""
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / f"part-{number}" for number in range(3)]
    for path, (first, rows) in zip(paths, [(0, 333), (333, 1), (334, 1666)], strict=True):
        windrow.write_table(path, FRAME.slice(first, rows), group_rows=64)
    return paths


col = pl.col
PREDICATES: dict[str, pl.Expr] = {
    "int": col("number") > 1990,
    "int mirrored": pl.lit(1990) < col("number"),
    "int equal": col("number") == 77,
    "two": (col("number") >= 10) & (col("number") < 20) & (col("dest") == "BOS"),
    "or": (col("number") < 5) | (col("dest") == "ÜBR"),
    "and of or": (col("number") < 500) & ((col("number") > 490) | (col("delay") > 40)),
    "not": ~(col("number") < 1990),
    "small int": col("delay") <= -49,
    "unsigned": col("u8") == 255,
    "int with float": col("number") > 1990.5,
    "int too large for the type": col("delay") < 100_000,
    "float": col("distance") < 3.0,
    "f32": col("f32") <= 5.1,
    "f32 equal": col("f32") == 5.1,
    "text": col("tail") < "N00500",
    "category": col("cat") == "LAX",
    "date": col("day") == dt.date(2013, 1, 2),
    "datetime": col("when") > dt.datetime(2013, 1, 2, 9),
    "zoned": col("zoned") > pl.lit(dt.datetime(2013, 1, 2, 9), dtype=pl.Datetime("ns", "Europe/Zurich")),
    "time": col("clock") < dt.time(0, 5),
    "duration": col("length") >= dt.timedelta(hours=33),
    "flag": col("flag"),
    "not flag": ~col("flag"),
    "null": col("tail").is_null(),
    "not null": col("tail").is_not_null() & (col("number") < 30),
    "in": col("number").is_in([1, 5, 1999]),
    "between": col("number").is_between(5, 8),
    "arithmetic": col("number") * 2 > 3990,
    "two columns": col("number") > col("distance") + 900,
    "function": col("tail").str.starts_with("N007"),
    "none": col("number") < 0,
    "all": col("number") >= 0,
    "null literal": col("number") > pl.lit(None, pl.Int64),
    "window": col("number") == col("number").max().over("dest"),
    **{
        f"zero {sign} {value}": getattr(col("zero"), name)(value)
        for (sign, name), value in itertools.product(
            {"==": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "!=": "ne"}.items(),
            [0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf")],
        )
    },
}


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("name", PREDICATES)
def test_predicates(path: Path, parts: list[Path], name: str, engine: Any) -> None:
    predicate = PREDICATES[name]
    expected = FRAME.filter(predicate)
    for source in (path, parts):
        for prune in (True, False):
            lazy = windrow.scan(source, prune=prune)
            assert_frame_equal(lazy.filter(predicate).collect(engine=engine), expected)
        selected = lazy.filter(predicate).select("dest", "number")
        assert_frame_equal(selected.collect(engine=engine), expected.select("dest", "number"))


QUERIES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "all": lambda f: f,
    "head": lambda f: f.head(150),
    "tail": lambda f: f.tail(7),
    "slice": lambda f: f.slice(500, 20),
    "head then filter": lambda f: f.head(50).filter(col("number") > 30),
    "filter then head": lambda f: f.filter(col("number") > 30).head(50),
    "head filter head": lambda f: f.head(500).filter(col("delay") > 0).head(5),
    "filter then select": lambda f: f.filter(col("number") > 1900).select("dest"),
    "select then filter": lambda f: f.select("dest", "number").filter(col("number") > 1900),
    "renamed": lambda f: f.select(x=col("number")).filter(col("x") > 1900),
    "len": lambda f: f.select(pl.len()),
    "filter len": lambda f: f.filter(col("number") > 1900).select(pl.len()),
    "no columns": lambda f: f.select(),
    "row index": lambda f: f.with_row_index().filter(col("index") > 1990),
    "group": lambda f: f.group_by("dest").agg(col("delay").mean(), pl.len()).sort("dest"),
    "join itself": lambda f: f.select("number", "dest").join(f.select("number", "tail"), on="number").sort("number"),
    "order of columns": lambda f: f.select("when", "number", "dest"),
    "sort": lambda f: f.sort("number", descending=True).head(3),
    "with columns": lambda f: f.with_columns(twice=col("number") * 2).filter(col("twice") > 3990),
    "head 0": lambda f: f.head(0),
}


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("name", QUERIES)
def test_queries(path: Path, parts: list[Path], name: str, engine: Any) -> None:
    query = QUERIES[name]
    expected = query(FRAME.lazy()).collect()
    for source in (path, parts):
        assert_frame_equal(query(windrow.scan(source)).collect(engine=engine), expected)


def asked(source: _Source, predicate: pl.Expr | None = None, **told: Any) -> pl.DataFrame:
    arguments = {"with_columns": None, "n_rows": None, "batch_size": None, **told}
    frames = list(source(arguments["with_columns"], predicate, arguments["n_rows"], arguments["batch_size"]))
    return pl.concat(frames) if frames else pl.DataFrame(schema=source.schema())


def test_the_order_of_what_is_pushed_down(parts: list[Path]) -> None:
    source = _Source([(str(path), None) for path in parts], True, {})
    late = col("number") > 3
    assert asked(source, late, n_rows=5)["number"].to_list() == [4]
    assert asked(source, col("number") >= 332, n_rows=335, with_columns=["dest"]).to_dict(as_series=False) == {
        "dest": FRAME["dest"][332:335].to_list()
    }
    assert asked(source, n_rows=0).height == 0 and asked(source, n_rows=333).height == 333
    assert asked(source, with_columns=["tail", "number"]).columns == ["tail", "number"]
    assert max(frame.height for frame in source(None, None, None, 10)) == 10
    assert all(frame.is_empty() for frame in source(None, col("number") > 5000, None, None))
    assert asked(pickle.loads(pickle.dumps(source)), late, n_rows=5).height == 1


def test_what_is_understood_of_predicates() -> None:
    schema = FRAME.schema

    def seen(predicate: pl.Expr) -> Any:
        """As polars hands it over: with literals of the columns' types."""
        found: list[Any] = []

        def source(columns: Any, given: Any, rows: Any, batch: Any) -> Any:
            found.append(_conditions(given, schema))
            yield FRAME.filter(given)

        from polars.io.plugins import register_io_source

        register_io_source(source, schema=schema).filter(predicate).collect()
        return found[0]

    assert seen(PREDICATES["int"]) == seen(PREDICATES["int mirrored"]) == [("number", ">", 1990)]
    assert sorted(seen(PREDICATES["two"])) == sorted([("number", ">=", 10), ("number", "<", 20), ("dest", "==", "BOS")])
    assert seen(PREDICATES["and of or"]) == [("number", "<", 500)]
    assert seen(col("zero") == 0.0) == [("zero", ">=", -0.0), ("zero", "<=", 0.0)]
    assert seen(col("zero") > 1.0) == [[[("zero", ">", 1.0)], [("zero", "<", float("-inf"))]]]
    for name in ("date", "datetime", "time", "duration", "zoned"):
        assert len(seen(PREDICATES[name])) == 1, name
    for name in ("or", "function", "in", "arithmetic", "two columns", "category", "int with float"):
        assert seen(PREDICATES[name]) == [], name


def test_row_groups_are_passed_over(tmp_path: Path) -> None:
    """Damage in a row group that statistics exclude is not met; with `prune=False` it is."""
    random = pl.Series(range(1000)).shuffle(seed=1)
    frame = pl.DataFrame({"n": pl.concat([random + group * 1000 for group in range(11)])})
    frame = frame.with_columns(
        x=col("n") * 1.0, t=col("n").cast(pl.Datetime("us")), s=col("n").cast(pl.String).str.zfill(6)
    )
    for name, condition in {
        "n": col("n") < 100,
        "x": col("x") == 0.0,
        "t": col("t") >= dt.datetime(1970, 1, 1, 0, 0, 0, 10_950),
        "s": col("s") < "000100",
    }.items():
        path = tmp_path / name
        windrow.write_table(path, frame.select(name), group_rows=1000)
        content = bytearray(path.read_bytes())
        # The middle of the row group in the middle.
        begin = sum(windrow.TableReader(path).column_bytes().values()) // 2 + 500
        content[begin : begin + 20] = bytes(byte ^ 0xFF for byte in content[begin : begin + 20])
        path.write_bytes(content)
        assert_frame_equal(windrow.scan(path).filter(condition).collect(), frame.select(name).filter(condition))
        with pytest.raises(windrow.CorruptError):
            windrow.scan(path, prune=False).filter(condition).collect()


def test_errors(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        windrow.scan(tmp_path / "none")
    with pytest.raises(windrow.SourceError):
        windrow.scan(str(tmp_path / "part-*"))
    other = tmp_path / "other"
    windrow.write_table(other, FRAME.with_columns(number=col("number").cast(pl.Int32)))
    with pytest.raises(windrow.SchemaError, match="column `number` is Int32 instead of Int64"):
        windrow.scan([path, other]).collect()
    windrow.write_table(other, FRAME.drop("number"))
    with pytest.raises(windrow.NoColumnError):
        windrow.scan([path, other]).select("number").collect()
    assert windrow.scan([path, other]).select("dest").collect().height == 4000


def test_patterns_and_the_plan(parts: list[Path]) -> None:
    lazy = windrow.scan(str(parts[0].with_name("part-*")))
    assert_frame_equal(lazy.collect(), FRAME)
    assert lazy.collect_schema() == FRAME.schema
    assert "WINDROW SCAN" in lazy.filter(col("number") > 3).explain().upper()


def test_many_scans_at_once(parts: list[Path]) -> None:
    lazy = windrow.scan(parts)
    frames = pl.collect_all([lazy.filter(col("number") % 7 == number) for number in range(7)])
    assert sum(frame.height for frame in frames) == 2000


def test_columns_of_files_are_found_by_name(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    windrow.write_table(first, pl.DataFrame({"a": [1], "b": [2], "s": ["x"]}))
    windrow.write_table(second, pl.DataFrame({"s": ["y"], "b": [3], "a": [4]}))
    expected = pl.DataFrame({"a": [1, 4], "b": [2, 3], "s": ["x", "y"]})
    lazy = windrow.scan([first, second])
    assert_frame_equal(lazy.collect(), expected)
    assert_frame_equal(lazy.filter(col("a") >= 0).collect(), expected)
    assert_frame_equal(lazy.filter(col("a") > 1).select("b", "a").collect(), expected[1:].select("b", "a"))
    assert lazy.select(col("a").sum()).collect().item() == 5


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        ({"a": [4]}, windrow.NoColumnError, "no column `b`; there are `a`"),
        ({"b": [4], "a": [1], "c": [1]}, windrow.SchemaError, "there is a column `c`"),
        ({"a": [4], "b": ["x"]}, windrow.SchemaError, "column `b` is String instead of Int64"),
    ],
)
def test_files_with_other_columns_are_refused(tmp_path: Path, second: Any, error: Any, message: str) -> None:
    paths = [tmp_path / "first", tmp_path / "second"]
    windrow.write_table(paths[0], pl.DataFrame({"a": [1], "b": [2]}))
    windrow.write_table(paths[1], pl.DataFrame(second))
    with pytest.raises(error, match=f"second: {message}") as raised:
        windrow.scan(paths).collect()
    assert isinstance(raised.value, windrow.SchemaError) and raised.value.path == str(paths[1])


def test_some_rows_of_a_file(path: Path) -> None:
    assert_frame_equal(windrow.scan(f"{path}[150:420]").collect(), FRAME[150:420])
    parts = windrow.scan([f"{path}[150:420]", path, f"{path}[0:0]", f"{path}[1999:2000]"])
    expected = pl.concat([FRAME[150:420], FRAME, FRAME[1999:]])
    assert_frame_equal(parts.collect(), expected)
    assert_frame_equal(parts.head(300).collect(), expected.head(300))
    predicate = col("number") >= 419
    assert_frame_equal(parts.filter(predicate).collect(), expected.filter(predicate))
    with pytest.raises(windrow.SourceError, match="rows 1999..2001 does not fit"):
        windrow.scan(f"{path}[1999:2001]").collect()


def test_readers_go_into_frames_as_arrow(path: Path) -> None:
    reader = windrow.TableReader(path)
    recovered = windrow.recover(path).reader
    for rows in (reader, reader[:], reader.scan(), reader.read(), recovered, windrow.TableSource(path)):
        assert_frame_equal(pl.DataFrame(rows), FRAME)
    assert_frame_equal(pl.DataFrame(reader[5:9]), FRAME[5:9])
    assert_frame_equal(pl.DataFrame(reader[::-3]), FRAME[::-3])
    assert_frame_equal(pl.DataFrame(reader[0:0]), FRAME[:0])
