"""`recover` of tables: the rows of files that were cut, never finished or damaged."""

import io
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import windrow

BLOCK = 65536
ROWS, GROUP = 1000, 100


@pytest.fixture
def table() -> pa.Table:
    texts = [f"row {number:06}, {number * 7919 % 9973:05}" for number in range(ROWS)]
    return pa.table({"number": pa.array(range(ROWS), pa.int64()), "text": texts})


@pytest.fixture
def path(tmp_path: Path, table: pa.Table) -> Path:
    """Ten row groups, whose text is not compressed."""
    path = tmp_path / "texts.columns"
    windrow.write_table(path, table, profile="spill", group_rows=GROUP)
    return path


@pytest.fixture
def unfinished(tmp_path: Path, table: pa.Table) -> Path:
    """The same rows in a file whose writer never came to its end."""
    path = tmp_path / "unfinished.columns"
    with pytest.raises(KeyError), windrow.TableWriter(path, table.schema, profile="spill", group_rows=GROUP) as writer:
        writer.write(table)
        raise KeyError
    return path


def table_of(recovered: windrow.Recovered) -> windrow.TableReader:
    assert type(recovered) is windrow.Recovered
    assert isinstance(recovered.reader, windrow.TableReader)
    return recovered.reader


def test_a_whole_table(path: Path, table: pa.Table) -> None:
    recovered = windrow.recover(path)
    assert recovered.report.is_whole and (recovered.report.records, recovered.report.chunks) == (ROWS, 10)
    assert repr(recovered).startswith("Recovered(TableReader(")
    assert pa.table(table_of(recovered)) == table


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "file object"])
def test_a_table_that_was_cut(path: Path, table: pa.Table, kind: str) -> None:
    content = path.read_bytes()
    content = content[: content.index(b"row 000750")]
    path.write_bytes(content)
    with pytest.raises(windrow.CorruptError):
        windrow.TableReader(path)
    sources: dict[str, Any] = {"path": path, "str": str(path), "bytes": content, "file object": io.BytesIO(content)}
    recovered = windrow.recover(sources[kind])
    reader, report = table_of(recovered), recovered.report
    assert pa.table(reader) == table[:700] and len(reader) == 700 and reader.num_row_groups == 7
    assert reader[-1] == {"number": 699, "text": table["text"][699].as_py()}
    assert reader.take([650, 3], ["number"]).to_pydict() == {"number": [650, 3]}
    assert reader.is_scanned and reader.path == (str(path) if kind in ("path", "str") else None)
    assert (report.records, report.chunks, report.is_whole) == (700, 7, False)
    assert report.index is not None and [fault.byte_range[1] for fault in report.skipped] == [len(content)]
    assert path.read_bytes() == content


def test_a_table_that_was_never_finished(unfinished: Path, table: pa.Table) -> None:
    with pytest.raises(windrow.CorruptError) as raised:
        windrow.TableReader(unfinished)
    recovered = windrow.recover(unfinished, max_parallelism=1)
    assert pa.table(table_of(recovered)) == table
    report = recovered.report
    assert report.index is not None and report.index.code == raised.value.code
    assert report.skipped == [] and report.records == ROWS and not report.is_whole


def test_a_damaged_row_group(path: Path, table: pa.Table) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"row 000350", b"ROW 000350"))
    recovered = windrow.recover(path)
    reader, report = table_of(recovered), recovered.report
    assert pa.table(reader) == pa.concat_tables([table[:300], table[400:]])
    assert (report.records, report.records_lost, report.is_whole) == (900, 100, False)
    assert [(fault.code, fault.record_range) for fault in report.skipped] == [("chunk_data_hash", (300, 400))]
    assert [fault.byte_range for fault in reader.skipped] == [fault.byte_range for fault in report.skipped]


@pytest.mark.parametrize("schema", ["given", "of the file"])
def test_an_append_goes_on_with_what_was_never_finished(unfinished: Path, table: pa.Table, schema: str) -> None:
    with windrow.TableWriter(unfinished, table.schema if schema == "given" else None, mode="append") as writer:
        assert writer.rows == ROWS
        writer.write(table[:3])
    assert pa.table(windrow.TableReader(unfinished)) == pa.concat_tables([table, table[:3]])
    assert windrow.verify(unfinished, deep=True).ok and windrow.recover(unfinished).report.is_whole


def test_a_recovered_table_pickles_as_a_recovery(unfinished: Path, table: pa.Table) -> None:
    for source in (unfinished, unfinished.read_bytes()):
        reader = table_of(windrow.recover(source))
        # Once more, from the one that came of a pickle.
        for again in (pickle.loads(pickle.dumps(reader)), pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(reader))))):
            assert pa.table(again) == table and again.is_scanned
        part = pickle.loads(pickle.dumps(reader[995:998]))
        assert [row["number"] for row in part] == [995, 996, 997]
    with pytest.raises(TypeError, match="file object"):
        pickle.dumps(windrow.recover(io.BytesIO(unfinished.read_bytes())).reader)


def test_no_rows_at_all(tmp_path: Path, table: pa.Table) -> None:
    path = tmp_path / "empty.columns"
    windrow.write_table(path, table[:0])
    path.write_bytes(path.read_bytes()[:-BLOCK])
    assert table_of(windrow.recover(path)).read().to_pydict() == {"number": [], "text": []}


def test_what_does_not_open_is_to_be_recovered(path: Path, table: pa.Table) -> None:
    content = bytearray(path.read_bytes())
    # The footer stands behind the last text.
    content[content.rindex(b"row 000999, 02492") + 60] ^= 1
    path.write_bytes(content)
    with pytest.raises(windrow.CorruptError, match="`windrow.recover` finds what is whole$"):
        windrow.TableReader(path)
    assert pa.table(table_of(windrow.recover(path))) == table


@pytest.fixture
def lost(unfinished: Path) -> Path:
    """A table that was never finished, with one bit of its schema flipped."""
    content = bytearray(unfinished.read_bytes())
    content[64 + 40 + 20] ^= 4
    unfinished.write_bytes(content)
    return unfinished


def test_without_its_schema_the_error_says_what_would_help(lost: Path) -> None:
    for read in (
        lambda: windrow.recover(lost),
        lambda: windrow.TableReader(lost, on_corrupt="skip"),
        lambda: windrow.open(lost, on_corrupt="skip"),
        lambda: windrow.TableWriter(lost, mode="append"),
    ):
        with pytest.raises(windrow.CorruptError, match=r"schema=.*--schema-from") as raised:
            read()
        assert (raised.value.code, raised.value.path) == ("schema_lost", str(lost))
        assert f"byte {raised.value.byte_offset}" in str(raised.value) and "verify" not in str(raised.value)


@pytest.mark.parametrize("kind", ["schema", "table", "TableSchema", "TableReader", "path", "str", "unfinished path"])
def test_a_lost_schema_is_given(lost: Path, path: Path, table: pa.Table, kind: str) -> None:
    cut = path.with_name("cut.columns")
    cut.write_bytes(path.read_bytes()[:-BLOCK])
    schemas: dict[str, Any] = {
        "schema": table.schema,
        "table": table,
        "TableSchema": windrow.TableSchema(table.schema),
        "TableReader": windrow.TableReader(path),
        "path": path,
        "str": str(path),
        "unfinished path": cut,
    }
    recovered = windrow.recover(lost, schema=schemas[kind])
    assert pa.table(table_of(recovered)) == table
    assert recovered.report.records == ROWS and [fault.code for fault in recovered.report.skipped] == ["chunk_data_hash"]
    # Its pickle knows the schema.
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(table_of(recovered)))))
    assert pa.table(again) == table


def test_another_schema_is_refused(lost: Path, table: pa.Table, tmp_path: Path) -> None:
    others = [
        table.schema.with_metadata({"a": "b"}),
        table.schema.set(1, table.schema.field(1).with_nullable(False)),
        table.rename_columns(["number", "texts"]),
        windrow.TableSchema(table.select(["number"])),
    ]
    for other in others:
        with pytest.raises(windrow.SchemaError, match="hash is .*that of the row groups.* is") as raised:
            windrow.recover(lost, schema=other)
        assert raised.value.code == "schema_differs" and raised.value.path == str(lost)
        assert f"byte {raised.value.byte_offset}" in str(raised.value)
    records = tmp_path / "records"
    windrow.RecordWriter(records).close()
    with pytest.raises(windrow.SourceError):
        windrow.recover(lost, schema=records)
    with pytest.raises(FileNotFoundError):
        windrow.recover(lost, schema=tmp_path / "missing")
    with pytest.raises(TypeError, match="schema is needed"):
        windrow.recover(lost, schema=5)  # type: ignore[arg-type]
    # Only a table that has lost its own needs one.
    assert windrow.recover(records, schema=others[0]).report.is_whole


def test_a_table_that_knows_its_schema_keeps_it(path: Path, table: pa.Table) -> None:
    other = pa.schema({"other": pa.bool_()})
    assert pa.table(table_of(windrow.recover(path, schema=other))) == table
