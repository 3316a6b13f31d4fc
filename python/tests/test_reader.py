"""`RecordReader`: a sequence of records, compared with a list of the same records."""

import asyncio
import collections.abc
import copy
import io
import mmap
import os
import pickle
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow

RECORDS = [b"%d" % number * (number % 5) for number in range(100)]


def content(records: list[bytes], **options: Any) -> bytes:
    """A file of these records."""
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, **options) as writer:
        writer.write_batch(records)
    return sink.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records.array_record"
    path.write_bytes(content(RECORDS, group_size=7))
    return path


@pytest.fixture
def reader(path: Path) -> windrow.RecordReader:
    return windrow.RecordReader(path)


def outcome(call: Callable[[], Any]) -> Any:
    """A value, or the classes that a list would raise."""
    try:
        return call()
    except (IndexError, ValueError, TypeError) as error:
        return IndexError if isinstance(error, IndexError) else type(error)


options_of_files = st.fixed_dictionaries(
    {
        "group_size": st.sampled_from([1, 2, 3, 7, 64]),
        "codec": st.sampled_from(["zstd", "brotli", "snappy", "uncompressed"]),
        "pad_to_block_boundary": st.booleans(),
        "max_group_bytes": st.sampled_from([None, 1, 20]),
    }
)
lists_of_records = st.lists(st.binary(max_size=12) | st.sampled_from([b"", b"a", b"same"]), max_size=40)
bounds = st.none() | st.integers(-50, 50) | st.sampled_from([-(2**70), -(2**63), 2**63, 2**70])
steps = st.none() | st.integers(-9, 9).filter(bool) | st.sampled_from([-(2**63), 2**62, 2**70])


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    records=lists_of_records,
    options=options_of_files,
    slices=st.lists(st.builds(slice, bounds, bounds, steps), max_size=3),
    data=st.data(),
)
def test_a_reader_is_a_list(
    records: list[bytes], options: dict[str, Any], slices: list[slice], data: st.DataObject
) -> None:
    reader, expected = windrow.RecordReader(content(records, **options)), records
    for part in slices:
        reader, expected = reader[part], expected[part]
    assert len(reader) == len(expected)
    assert list(reader) == expected
    assert list(reversed(reader)) == expected[::-1]
    assert reader.read_all() == expected
    assert reader.read_batch().to_list() == expected
    assert [bytes(view) for batch in reader.batches() for view in batch] == expected
    for number in data.draw(st.lists(st.integers(-45, 45), max_size=5), label="numbers"):
        if -len(expected) <= number < len(expected):
            assert reader[number] == bytes(reader.read_view(number)) == expected[number]
        else:
            with pytest.raises(IndexError):
                reader[number]
    if expected:
        numbers = data.draw(st.lists(st.integers(-len(expected), len(expected) - 1), max_size=30), label="batch")
        wanted = [expected[number] for number in numbers]
        assert reader[numbers] == reader.read_many(numbers) == reader.read_batch(numbers).to_list() == wanted
    start, stop = data.draw(bounds, label="start"), data.draw(bounds, label="stop")
    assert reader.read_range(start or 0, stop) == expected[start or 0 : stop]
    record = data.draw(st.sampled_from([*records, b"absent"]), label="record")
    assert (record in reader) == (record in expected)
    assert reader.count(record) == expected.count(record)
    assert outcome(lambda: reader.index(record)) == outcome(lambda: expected.index(record))
    at = data.draw(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), label="index between")
    assert outcome(lambda: reader.index(record, *at)) == outcome(lambda: expected.index(record, *at))
    assert pickle.loads(pickle.dumps(reader)).read_all() == expected


def test_index_takes_bounds_as_lists_do(reader: windrow.RecordReader) -> None:
    assert reader.index(RECORDS[3], 0, 2**70) == 3
    assert reader.index(RECORDS[3], -(2**70)) == 3
    assert reader.index(RECORDS[-1], -1) == 99
    assert reader.index(RECORDS[-1], 5, None) == 99
    with pytest.raises(ValueError, match="no record"):
        reader.index(RECORDS[3], 4)


@pytest.mark.parametrize("number", [100, -101, 2**31, 2**63, 2**70, -(2**63), -(2**70)])
def test_a_number_out_of_range(reader: windrow.RecordReader, path: Path, number: int) -> None:
    calls: list[Callable[[], object]] = [
        lambda: reader[number],
        lambda: reader.read_view(number),
        lambda: reader[[0, number]],
        lambda: reader.read_many([number]),
        lambda: reader.read_batch([number, 1]),
    ]
    for call in calls:
        with pytest.raises(
            windrow.OutOfRangeError, match=f"^record {number} is out of range: .* has 100 records$"
        ) as info:
            call()
        assert isinstance(info.value, IndexError)
        assert str(path) in str(info.value)
    assert len(reader[number:]) == len(RECORDS[number:])


def test_a_list_out_of_range_reads_nothing(reader: windrow.RecordReader) -> None:
    before = reader.stats()
    with pytest.raises(windrow.OutOfRangeError):
        reader.read_many([*range(100), 100])
    assert reader.stats() == before


def test_a_slice_is_a_view(reader: windrow.RecordReader) -> None:
    opened = reader.stats()
    part = reader[90:5:-3]
    assert type(part) is windrow.RecordReader
    assert reader.stats() == opened
    assert part[1] == RECORDS[87]
    assert part[2:][::-1].read_all() == RECORDS[90:5:-3][2:][::-1]
    assert part.path == reader.path
    reader.close()
    assert part[0] == RECORDS[90]
    with pytest.raises(ValueError, match="zero"):
        part[::0]


def test_is_a_sequence(reader: windrow.RecordReader) -> None:
    assert isinstance(reader, collections.abc.Sequence)
    match reader[3:5]:
        case [first, second]:
            assert (first, second) == (RECORDS[3], RECORDS[4])
        case _:
            pytest.fail("no sequence pattern matches a reader")
    assert weakref.ref(reader)() is reader
    assert bool(reader) and not reader[:0]
    others: list[Any] = ["absent", 5, None, [b"0"]]
    assert not any(other in reader for other in others)
    assert bytearray(RECORDS[7]) in reader and reader.count(memoryview(RECORDS[7])) == 1


def test_what_a_reader_says_of_its_file(path: Path) -> None:
    with windrow.RecordWriter(path, group_size=7, metadata={"name": "words", "raw": b"\xff\0"}) as writer:
        writer.write_batch(RECORDS)
    reader = windrow.RecordReader(path)
    assert reader.path == str(path)
    assert reader.file_bytes == path.stat().st_size
    assert (reader.num_chunks, reader.group_size) == (15, 7)
    assert reader.writer_options == writer.options
    assert reader.metadata == {"name": b"words", "raw": b"\xff\0"}
    assert repr(reader) == f'RecordReader("{path}", records=100)'
    assert windrow.RecordReader(path.read_bytes()).path is None


def test_group_size_is_that_of_the_first_chunk() -> None:
    reader = windrow.RecordReader(content([b"a" * 9, b"b", b"c", b"d", b"e" * 9], group_size=4, max_group_bytes=5))
    assert (reader.group_size, reader.num_chunks) == (1, 3)


def test_stats_count_what_was_done(path: Path) -> None:
    reader = windrow.RecordReader(path)
    opened = reader.stats()
    assert sorted(opened) == ["bytes_read", "cache_hits", "chunks_decoded", "chunks_skipped", "index_bytes", "reads"]
    assert opened["chunks_decoded"] == 0 and opened["reads"] >= 1 and opened["index_bytes"] > 0
    assert reader[8] == RECORDS[8]
    assert reader.stats()["chunks_decoded"] == 1
    assert reader[9] == RECORDS[9]
    assert reader.stats()["cache_hits"] == 1 and reader.stats()["chunks_decoded"] == 1


def test_opening_reads_the_footer_only(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(content([os.urandom(200_000)] * 20))
    reader = windrow.RecordReader(path, footer_prefetch_bytes=70_000)
    assert reader.stats()["bytes_read"] < 300_000 < reader.file_bytes


@pytest.mark.parametrize(
    "source_of",
    [
        str,
        Path,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: path.open("rb"),
        lambda path: path.open("rb", buffering=0),
        lambda path: mmap.mmap(os.open(path, os.O_RDONLY), 0, prot=mmap.PROT_READ),
    ],
    ids=["str", "Path", "bytes", "bytearray", "memoryview", "BytesIO", "buffered", "raw", "mmap"],
)
def test_kinds_of_source(path: Path, source_of: Callable[[Path], Any]) -> None:
    source = source_of(path)
    reader = windrow.RecordReader(source)
    assert len(reader) == 100
    assert reader[::3].read_all() == RECORDS[::3]
    assert list(reader) == RECORDS
    reader.close()
    if hasattr(source, "closed"):
        assert not source.closed


def test_a_path_like_and_a_file_of_short_reads(path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(path)

    class Drips(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    assert windrow.RecordReader(Place()).path == str(path)
    assert windrow.RecordReader(Drips(path.read_bytes())).read_all() == RECORDS


def test_a_file_whose_seek_returns_nothing(path: Path) -> None:
    class Silent:
        def __init__(self) -> None:
            self.file = path.open("rb")

        def seek(self, offset: int, whence: int = 0) -> None:
            self.file.seek(offset, whence)

        def tell(self) -> int:
            return self.file.tell()

        def read(self, size: int = -1) -> bytes:
            return self.file.read(size)

    source: Any = Silent()
    assert windrow.RecordReader(source).read_all() == RECORDS
    source.file.close()


def test_a_file_of_fsspec(path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    place = f"memory://windrow/{path.name}"
    with fsspec.open(place, "wb") as file, windrow.RecordWriter(file) as writer:
        writer.write_batch(RECORDS)
    with fsspec.open(place, "rb") as file:
        assert windrow.RecordReader(file).read_all() == RECORDS


def test_content_that_changes_was_copied(path: Path) -> None:
    held = bytearray(path.read_bytes())
    reader = windrow.RecordReader(held)
    held[:] = bytes(len(held))
    assert reader.read_all() == RECORDS


@pytest.mark.parametrize("source", [None, 5, 1.5, ["a"], object()])
def test_what_is_no_source(source: Any) -> None:
    with pytest.raises(TypeError, match="path|buffer"):
        windrow.RecordReader(source)


def test_text_files_are_no_source(path: Path) -> None:
    with path.open("r", encoding="latin-1") as file, pytest.raises(TypeError):
        windrow.RecordReader(file)  # type: ignore[arg-type]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    Path(name).write_bytes(content(RECORDS))
    reader = windrow.RecordReader(name)
    assert reader.path == name
    assert pickle.loads(pickle.dumps(reader)).read_all() == RECORDS


def test_pickles(path: Path) -> None:
    reader = windrow.RecordReader(path, max_parallelism=1, readahead_buffer_bytes=0)[60:2:-7]
    for made in (pickle.loads(pickle.dumps(reader)), copy.copy(reader), copy.deepcopy(reader)):
        assert type(made) is windrow.RecordReader
        assert made.read_all() == RECORDS[60:2:-7]
    assert len(pickle.dumps(reader)) < 1000
    shortened = pickle.dumps(reader)
    path.write_bytes(content(RECORDS[:10]))
    with pytest.raises(ValueError, match="fewer than when it was pickled"):
        pickle.loads(shortened)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(shortened)
    with pytest.raises(TypeError, match="file object cannot be pickled"):
        pickle.dumps(windrow.RecordReader(io.BytesIO(content(RECORDS))))


def test_limits_survive_pickling(path: Path) -> None:
    reader = pickle.loads(pickle.dumps(windrow.RecordReader(path, max_batch_bytes=10, chunk_cache_bytes=0)))
    with pytest.raises(windrow.LimitError):
        reader.read_all()


def test_closed(reader: windrow.RecordReader) -> None:
    iterator, batch, view = iter(reader), reader.read_batch([4]), reader.read_view(9)
    next(iterator)
    with reader as entered:
        assert entered is reader and not reader.closed
    reader.close()
    assert reader.closed and len(reader) == 100
    calls: list[Callable[[], object]] = [
        lambda: reader[0],
        lambda: reader[1:],
        lambda: reader[[1]],
        lambda: iter(reader),
        lambda: reversed(reader),
        lambda: reader.read_many([]),
        lambda: reader.read_range(),
        lambda: reader.read_batch(),
        lambda: reader.batches(),
        lambda: reader.read_array(None, "u1"),
        lambda: reader.__arrow_c_stream__(),
        lambda: reader.file_bytes,
        lambda: reader.stats(),
        lambda: pickle.dumps(reader),
        lambda: b"" in reader,
    ]
    for call in calls:
        with pytest.raises(windrow.ClosedError) as info:
            call()
        assert isinstance(info.value, ValueError) and "closed" in str(info.value)
    assert bytes(batch[0]) == RECORDS[4] and bytes(view) == RECORDS[9]
    assert next(iterator) == RECORDS[1]


def test_a_view_of_a_record_is_read_only(reader: windrow.RecordReader) -> None:
    view = reader.read_view(-1)
    assert view.readonly and view.contiguous and view.format == "B" and bytes(view) == RECORDS[-1]
    with pytest.raises(TypeError):
        view[0] = 1


def test_async(reader: windrow.RecordReader) -> None:
    async def read() -> tuple[list[bytes], list[bytes], list[bytes], list[bytes]]:
        many, part, batch, chosen = await asyncio.gather(
            reader.read_many_async([5, -1]),
            reader.read_range_async(3, 9),
            reader.read_batch_async(),
            reader.read_batch_async([2, 2]),
        )
        return many, part, batch.to_list(), chosen.to_list()

    assert asyncio.run(read()) == ([RECORDS[5], RECORDS[-1]], RECORDS[3:9], RECORDS, [RECORDS[2]] * 2)
    with pytest.raises(windrow.OutOfRangeError):
        asyncio.run(reader.read_many_async([100]))


def test_async_methods_are_coroutines(reader: windrow.RecordReader) -> None:
    waiting = reader.read_range_async()
    assert asyncio.iscoroutine(waiting)
    waiting.close()


def test_a_cancelled_read_is_dropped(reader: windrow.RecordReader) -> None:
    async def read() -> list[bytes]:
        task = asyncio.create_task(reader.read_many_async(range(100)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await reader.read_many_async([7])

    assert asyncio.run(read()) == [RECORDS[7]]


def test_a_batch_decodes_each_chunk_once(path: Path) -> None:
    reader = windrow.RecordReader(path, chunk_cache_bytes=0)
    assert reader.read_many([99, 0, 6, 0, 50, 98, 1, 0]) == [RECORDS[n] for n in (99, 0, 6, 0, 50, 98, 1, 0)]
    assert reader.stats()["chunks_decoded"] == 3


def test_threads_share_a_reader(reader: windrow.RecordReader) -> None:
    def read(first: int) -> bool:
        numbers = [(first * 31 + step * 17) % 100 for step in range(200)]
        expected = [RECORDS[number] for number in numbers]
        part = reader[first::3]
        return (
            [reader[number] for number in numbers] == reader.read_many(numbers) == expected
            and list(reader) == RECORDS
            and part.read_all() == RECORDS[first::3]
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(32)))


@pytest.mark.parametrize("limit", [10, 1000])
def test_a_batch_above_its_limit(path: Path, limit: int) -> None:
    reader = windrow.RecordReader(path, max_batch_bytes=limit)
    for call in (reader.read_all, reader.read_batch, lambda: reader.read_many(range(100))):
        with pytest.raises(windrow.LimitError, match="max_batch_bytes") as info:
            call()
        assert isinstance(info.value, ValueError)
    assert reader[3] == RECORDS[3]
