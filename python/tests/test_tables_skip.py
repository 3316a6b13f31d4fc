"""`on_corrupt="skip"` and `verify` of tables: what is read around a damaged row group, and what still raises."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

import windrow

ROWS, GROUP = 1000, 100
LOST = range(300, 400)
LEFT = [number for number in range(ROWS) if number not in LOST]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Ten row groups; the text of the fourth one is damaged."""
    path = tmp_path / "texts.columns"
    texts = [f"row {number:06}, {number * 7919 % 9973:05}" for number in range(ROWS)]
    table = pa.table({"number": pa.array(range(ROWS), pa.int64()), "text": texts})
    windrow.write_table(path, table, profile="spill", group_rows=GROUP)
    content = path.read_bytes()
    assert content.count(b"row 000350") == 1
    path.write_bytes(content.replace(b"row 000350", b"ROW 000350"))
    return path


def numbers(table: windrow.Table) -> list[int]:
    return pa.table(table)["number"].to_pylist()


def skipped(reader: windrow.TableReader) -> list[tuple[int | None, tuple[int, int] | None]]:
    return [(fault.chunk_index, fault.record_range) for fault in reader.skipped]


def test_it_raises_by_default(damaged: Path) -> None:
    reader = windrow.TableReader(damaged)
    with pytest.raises(windrow.CorruptError, match="rows 300..400") as raised:
        reader.read()
    assert raised.value.record_range == (300, 400)
    assert str(raised.value).endswith("other row groups can be read") and "record" not in str(raised.value)
    # Of one column, whose page has a checksum of its own.
    with pytest.raises(windrow.CorruptError, match="CRC32C.*other row groups can be read") as raised:
        reader.take([350], ["text"])
    assert raised.value.code == "crc" and "record" not in str(raised.value)
    assert reader.skipped == [] and not reader.is_scanned


def test_reads_and_scans_go_on(damaged: Path) -> None:
    reader = windrow.TableReader(damaged, on_corrupt="skip")
    assert numbers(reader.read(rows=(0, 300))) == LEFT[:300]
    assert reader.skipped == []
    assert numbers(reader.read()) == LEFT
    assert skipped(reader) == [(3, (300, 400))]
    assert [row["number"] for row in reader] == LEFT
    assert [number for batch in reader.scan(batch_rows=30) for number in numbers(batch)] == LEFT
    assert pa.table(reader)["number"].to_pylist() == LEFT
    assert numbers(reader.read(filter=("number", ">=", 250))) == [number for number in LEFT if number >= 250]
    # Views with steps, and from behind.
    assert [row["number"] for row in reader[::7]] == [number for number in range(0, ROWS, 7) if number not in LOST]
    assert [row["number"] for row in reversed(reader)] == LEFT[::-1]
    assert list(reader[300:400:3]) == [] and list(reader[300:400:3].scan()) == []
    assert skipped(reader) == [(3, (300, 400))]
    again = pickle.loads(pickle.dumps(reader))
    assert numbers(again.read()) == LEFT and skipped(again) == [(3, (300, 400))]
    assert numbers(windrow.read_table(damaged, on_corrupt="skip")) == LEFT


def test_who_asks_for_a_row_gets_it_or_an_error(damaged: Path) -> None:
    reader = windrow.TableReader(damaged, on_corrupt="skip")
    source = windrow.TableSource(damaged, on_corrupt="skip")
    for read in (lambda: reader[350], lambda: reader.take([1, 350]), lambda: source[350], lambda: source.take([350])):
        with pytest.raises(windrow.CorruptError, match="rows 300..400"):
            read()
    assert reader[299]["number"] == 299 and source[400]["number"] == 400


def test_polars_is_warned(damaged: Path) -> None:
    polars = pytest.importorskip("polars")
    lazy = windrow.scan(damaged, on_corrupt="skip")
    with pytest.warns(RuntimeWarning, match="rows 300..400 lost"):
        assert lazy.select(polars.col("text").count()).collect().item() == len(LEFT)


def test_a_file_without_its_end_is_scanned(damaged: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.columns"
    cut.write_bytes(damaged.read_bytes()[:-70_000])
    with pytest.raises(windrow.CorruptError):
        windrow.TableReader(cut)
    reader = windrow.TableReader(cut, on_corrupt="skip")
    assert reader.is_scanned and numbers(reader.read()) == LEFT
    assert [fault.code for fault in reader.skipped].count("chunk_data_hash") == 1


def test_verify_tells_rows(damaged: Path) -> None:
    for deep in (False, True):
        report = windrow.verify(damaged, deep=deep)
        assert [(fault.code, fault.chunk_index, fault.record_range) for fault in report.faults] == [
            ("chunk_data_hash", 3, (300, 400))
        ]


def test_rows_that_are_not_there_are_rows(damaged: Path) -> None:
    table = windrow.read_table(damaged, on_corrupt="skip")
    for rows in (windrow.TableReader(damaged), windrow.TableSource(damaged), table):
        with pytest.raises(windrow.OutOfRangeError, match=r"^row 1000 is out of range: .* has (1000|900) rows$"):
            rows[1000]


def test_what_is_about_records_says_so(damaged: Path) -> None:
    rows = (windrow.TableReader(damaged), windrow.TableSource(damaged), windrow.read_table(damaged, rows=(0, 5)))
    for of_rows in rows:
        for wants_records in (windrow.advise, windrow.train_dictionary):
            with pytest.raises(TypeError, match="records are needed, and .* has rows: of tables, `profile`"):
                wants_records(of_rows)
    for make in (lambda: next(iter(windrow.TailReader(damaged))), lambda: windrow.RecordReader(damaged)[0]):
        with pytest.raises(windrow.SourceError, match=r"open it with TableReader \(windrow.TableReader in Python\)"):
            make()


def test_a_source_skips_nothing_in_silence(damaged: Path) -> None:
    source = windrow.TableSource(damaged, on_corrupt="skip")
    with pytest.raises(windrow.CorruptError):
        list(source)
    assert [row["number"] for row in source[:300]] == LEFT[:300]
