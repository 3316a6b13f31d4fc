"""Batches, and records as Arrow: what pyarrow and polars make of them, and whose memory it is."""

import collections.abc
import gc
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow

RECORDS = [b"record %d" % number * (number % 4) for number in range(500)]


def content(records: Iterable[bytes], **options: Any) -> bytes:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, **options) as writer:
        writer.write_batch(records)
    return sink.getvalue()


@pytest.fixture(params=["reader", "source"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> windrow.RecordReader | windrow.DataSource:
    path = tmp_path / "records"
    path.write_bytes(content(RECORDS, group_size=20))
    return windrow.RecordReader(path) if request.param == "reader" else windrow.DataSource([path])


def address(view: memoryview) -> int:
    return int(np.frombuffer(view, "u1").__array_interface__["data"][0])


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    records=st.lists(st.binary(max_size=30), max_size=40),
    group_size=st.sampled_from([1, 3, 100]),
    part=st.builds(
        slice, st.none() | st.integers(-40, 40), st.none() | st.integers(-40, 40), st.sampled_from([None, 1, 3, -1])
    ),
)
def test_all_ways_agree(records: list[bytes], group_size: int, part: slice) -> None:
    reader = windrow.RecordReader(content(records, group_size=group_size))[part]
    expected = records[part]
    table = pa.table(reader)
    assert table.column("record").to_pylist() == expected
    batch = reader.read_batch()
    assert batch.to_list() == pa.array(batch).to_pylist() == [bytes(view) for view in batch] == expected
    assert pa.array(batch, type=pa.binary_view()).to_pylist() == expected
    assert pa.array(batch, type=pa.large_binary()).to_pylist() == expected
    assert batch.nbytes == sum(map(len, expected)) and len(batch) == len(expected)
    assert pl.Series(batch).to_list() == expected
    chunks = [pa.array(batch) for batch in reader.batches()]
    assert [record for chunk in chunks for record in chunk.to_pylist()] == expected
    for chunk in [*chunks, table, pa.array(batch, type=pa.binary_view())]:
        chunk.validate(full=True)


def test_a_batch_is_a_sequence(source: windrow.RecordReader | windrow.DataSource) -> None:
    batch = source.read_batch([5, 1, -1, 5])
    assert isinstance(batch, collections.abc.Sequence)
    assert batch[0] == RECORDS[5] and batch[-1] == RECORDS[5] and batch[np.int64(2)] == RECORDS[-1]
    assert [bytes(view) for view in batch[1:3]] == [RECORDS[1], RECORDS[-1]]
    assert [bytes(view) for view in batch[::-1]] == [RECORDS[number] for number in (5, -1, 1, 5)]
    assert [bytes(view) for view in reversed(batch)] == [RECORDS[number] for number in (5, -1, 1, 5)]
    assert isinstance(iter(batch), collections.abc.Iterator)
    assert RECORDS[1] in batch and b"absent" not in batch
    assert batch.index(memoryview(RECORDS[5])) == 0 and batch.count(memoryview(RECORDS[5])) == 2
    for number in (4, -5, 2**70):
        with pytest.raises(IndexError):
            batch[number]
    for key in ("1", 1.0, None, [1]):
        with pytest.raises(TypeError):
            batch[key]  # type: ignore[call-overload]
    assert repr(batch) == f"Batch(records=4, nbytes={batch.nbytes})"


def test_views_are_read_only_and_stay(source: windrow.RecordReader | windrow.DataSource) -> None:
    views = [view for batch in source.batches() for view in batch]
    views += list(source.read_batch(range(100)))
    source.close()
    del source
    gc.collect()
    assert [bytes(view) for view in views] == RECORDS + RECORDS[:100]
    assert all(view.readonly and view.contiguous and view.format == "B" for view in views)
    with pytest.raises(TypeError):
        views[1][0] = 0


def test_batches_share_what_was_decoded(source: windrow.RecordReader | windrow.DataSource) -> None:
    count = 0
    for batch in source.batches():
        assert isinstance(batch, windrow.Batch)
        count += len(batch)
        array = pa.array(batch)
        assert array.type == pa.binary()
        starts = [address(view) for view in batch if len(view)]
        assert starts[0] == array.buffers()[2].address
        assert starts == sorted(starts)
        assert starts[-1] < starts[0] + batch.nbytes
        for request in (pa.large_binary(), pa.binary()):
            assert pa.array(batch, type=request).buffers()[2].address == starts[0]
        viewed = pa.array(batch, type=pa.binary_view())
        assert [buffer.address for buffer in viewed.buffers()[2:]] == [starts[0]]
    assert count == 500


def test_other_batches_are_gathered_once(source: windrow.RecordReader | windrow.DataSource) -> None:
    for batch in (source.read_batch([9, 400, 3, 9]), source.read_batch(), next(iter(source[::-3].batches()))):
        expected = batch.to_list()
        for kind in (pa.binary(), pa.large_binary()):
            array = pa.array(batch, type=kind)
            assert array.to_pylist() == expected and array.buffers()[2].size == batch.nbytes


def test_batches_are_what_was_decoded_together() -> None:
    records = [bytes([number % 251]) * 1000 for number in range(2000)]
    sizes = [batch.nbytes for batch in windrow.RecordReader(content(records)).batches()]
    assert sum(sizes) == 2_000_000 and max(sizes) <= 256 << 10
    counts = [len(batch) for batch in windrow.RecordReader(content(records, group_size=500)).batches()]
    assert counts == [500] * 4


def test_arrays_outlive_everything(source: windrow.RecordReader | windrow.DataSource) -> None:
    arrays = [pa.array(batch) for batch in source.batches()]
    arrays.append(pa.array(source.read_batch([1, 3, 5]), type=pa.binary_view()))
    table, series = pa.table(source), pl.Series(source.read_batch())
    source.close()
    del source
    gc.collect()
    # Something that would reuse the memory if it were free.
    junk = [bytes(1000) for _ in range(5000)]
    read = [record for array in arrays for record in array.to_pylist()]
    assert read == RECORDS + [RECORDS[number] for number in (1, 3, 5)]
    assert table.column(0).to_pylist() == series.to_list() == RECORDS and junk


def test_streams(source: windrow.RecordReader | windrow.DataSource) -> None:
    for _ in range(2):
        stream = pa.RecordBatchReader.from_stream(source)
        assert stream.schema == pa.schema([pa.field("record", pa.binary(), nullable=False)])
        assert stream.read_all().column(0).to_pylist() == RECORDS
    first, second = pa.RecordBatchReader.from_stream(source), pa.RecordBatchReader.from_stream(source[5:7])
    assert first.read_next_batch().num_rows > 0
    assert second.read_all().column(0).to_pylist() == RECORDS[5:7]
    assert pa.schema(source) == stream.schema


def test_streams_into_polars(source: windrow.RecordReader | windrow.DataSource) -> None:
    frame = pl.from_arrow(pa.RecordBatchReader.from_stream(source).read_all())
    assert isinstance(frame, pl.DataFrame)
    assert frame.schema == {"record": pl.Binary} and frame["record"].to_list() == RECORDS
    # Polars takes a sequence for a sequence: a column without a name.
    direct = pl.from_arrow(source)
    assert isinstance(direct, pl.Series) and direct.to_list() == RECORDS
    assert pl.DataFrame({"record": source})["record"].to_list() == RECORDS
    batches = [pl.Series("record", batch) for batch in source.batches()]
    assert pl.concat(batches).to_list() == RECORDS


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_requested_types(source: windrow.RecordReader | windrow.DataSource, kind: pa.DataType) -> None:
    schema = pa.schema([("record", kind)])
    stream = pa.RecordBatchReader.from_stream(source, schema=schema)
    assert stream.schema.field(0).type == kind
    table = stream.read_all()
    table.validate(full=True)
    assert table.column(0).to_pylist() == RECORDS
    assert pa.array(source.read_batch(), type=kind).type == kind


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.int64(), pa.list_(pa.binary()), pa.binary(3), pa.dictionary(pa.int8(), pa.binary())],
    ids=str,
)
def test_types_that_records_do_not_have(source: windrow.RecordReader | windrow.DataSource, kind: pa.DataType) -> None:
    calls: list[Callable[[], object]] = [
        lambda: pa.RecordBatchReader.from_stream(source, schema=pa.schema([("record", kind)])),
        lambda: source.read_batch().__arrow_c_array__(kind.__arrow_c_schema__()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="binary, large_binary or binary_view") as info:
            call()
        assert "\n" not in str(info.value)


def test_schemas_of_other_shapes(source: windrow.RecordReader | windrow.DataSource) -> None:
    for schema in (
        pa.schema([]),
        pa.schema([("record", pa.binary()), ("more", pa.binary())]),
        pa.schema([("other", pa.binary())]),
    ):
        with pytest.raises(ValueError):
            pa.RecordBatchReader.from_stream(source, schema=schema)


def test_capsules(source: windrow.RecordReader | windrow.DataSource) -> None:
    batch = source.read_batch([1, 2])
    names = [repr(capsule) for capsule in batch.__arrow_c_array__()]
    assert "arrow_schema" in names[0] and "arrow_array" in names[1]
    assert '"arrow_array_stream"' in repr(source.__arrow_c_stream__())
    assert '"arrow_schema"' in repr(source.__arrow_c_schema__()) and '"arrow_schema"' in repr(
        batch.__arrow_c_schema__()
    )
    # Capsules that nobody took release what they hold.
    held = sys.getrefcount(batch)
    for _ in range(100):
        batch.__arrow_c_array__()
        source.__arrow_c_stream__()
    assert sys.getrefcount(batch) == held
    wrong: Any
    for wrong in (object(), "text", batch.__arrow_c_array__()[1]):
        with pytest.raises((TypeError, ValueError)):
            batch.__arrow_c_array__(wrong)


def test_an_error_in_mid_stream(tmp_path: Path) -> None:
    records = [b"record %05d" % number for number in range(100_000)]
    damaged = bytearray(content(records, group_size=1000, codec="uncompressed"))
    damaged[damaged.index(b"record 77777")] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    reader = windrow.RecordReader(path)
    stream = pa.RecordBatchReader.from_stream(reader)
    rows = 0
    with pytest.raises((OSError, pa.ArrowException), match="damaged.*records 77000..78000"):
        while True:
            rows += stream.read_next_batch().num_rows
    assert rows == 77_000
    with pytest.raises((OSError, pa.ArrowException), match="77000..78000"):
        pa.table(reader)
    with pytest.raises(windrow.CorruptError):
        list(reader.batches())


def test_an_empty_file() -> None:
    reader = windrow.RecordReader(content([]))
    assert pa.table(reader).num_rows == 0 and list(reader.batches()) == []
    batch = reader.read_batch()
    assert len(batch) == batch.nbytes == 0 and batch.to_list() == list(batch) == pa.array(batch).to_pylist() == []
    assert pa.RecordBatchReader.from_stream(reader).schema.names == ["record"]
