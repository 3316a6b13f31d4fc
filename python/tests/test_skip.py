"""`on_corrupt="skip"`: what is read around damaged chunks, and what still raises."""

import asyncio
import io
import itertools
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest

import windrow

COUNT = 400
RECORDS = [b"record %04d;" % number for number in range(COUNT)]


class Case:
    """A file with damaged chunks: the records that are lost, and those that are there."""

    def __init__(self, path: Path, group_size: int, damaged: set[int]) -> None:
        self.path, self.group_size = path, group_size
        self.chunks = sorted({number // group_size for number in damaged})
        self.lost = {number for number in range(COUNT) if number // group_size in self.chunks}
        self.there = [number for number in range(COUNT) if number not in self.lost]
        with windrow.RecordWriter(path, group_size=group_size, codec="uncompressed") as writer:
            writer.write_batch(RECORDS)
        content = path.read_bytes()
        for number in damaged:
            content = content.replace(RECORDS[number], RECORDS[number].upper())
        path.write_bytes(content)

    def kept(self, numbers: Any) -> list[bytes]:
        return [RECORDS[number] for number in numbers if number not in self.lost]

    def holes(self, numbers: Any, missing: Any = None) -> list[Any]:
        return [missing if number in self.lost else RECORDS[number] for number in numbers]


# Single records, groups; damage at the beginning, in the middle, at the end, everywhere.
CASES: dict[str, tuple[int, set[int]]] = {
    "single": (1, {0, 1, 77, 200, 201, 202, COUNT - 1}),
    "groups": (10, {0, 77, 203, 215, COUNT - 1}),
    "one group": (1000, {5}),
    "all": (10, set(range(COUNT))),
    "none": (10, set()),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    group_size, damaged = CASES[request.param]
    return Case(tmp_path / "records", group_size, damaged)


@pytest.fixture(params=["reader", "source", "serial reader"])
def open_it(request: pytest.FixtureRequest) -> Callable[[Case], Any]:
    kinds: dict[str, Callable[[Case], Any]] = {
        "reader": lambda case: windrow.RecordReader(case.path, on_corrupt="skip"),
        "source": lambda case: windrow.DataSource(
            [f"{case.path}[0:150]", f"{case.path}[150:{COUNT}]"], on_corrupt="skip"
        ),
        "serial reader": lambda case: windrow.RecordReader(case.path, on_corrupt="skip", max_parallelism=0),
    }
    return kinds[request.param]


VIEWS = [slice(None), slice(5, 300), slice(70, 80), slice(None, None, 3), slice(None, None, -1), slice(350, 3, -7)]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_what_goes_on_goes_on_behind_them(case: Case, open_it: Callable[[Case], Any], view: slice) -> None:
    records, numbers = open_it(case)[view], range(COUNT)[view]
    expected = case.kept(numbers)
    assert len(records) == len(numbers)
    assert list(records) == expected
    assert list(reversed(records)) == expected[::-1]
    assert records.read_all() == expected
    assert records.read_range(3, 60) == case.kept(numbers[3:60])
    assert [record for batch in records.batches() for record in batch.to_list()] == expected
    assert all(batch.missing == 0 and len(batch) > 0 for batch in records.batches())
    table = pyarrow.RecordBatchReader.from_stream(records).read_all()
    assert table.column("record").to_pylist() == expected and table.column("record").null_count == 0
    assert records.count(b"absent") == 0 and b"absent" not in records
    for place in (0, 70, len(numbers) - 1):
        number = numbers[place] if place < len(numbers) else None
        if number is not None and number not in case.lost:
            assert records.index(RECORDS[number]) == place


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_records_that_are_asked_for_have_their_places(
    case: Case, open_it: Callable[[Case], Any], view: slice
) -> None:
    records, numbers = open_it(case)[view], range(COUNT)[view]
    places = random.Random(1).choices(range(len(numbers)), k=300)
    wanted = [numbers[place] for place in places]
    assert records.read_many(places) == case.holes(wanted)
    assert records.read_many(places, missing=b"") == case.holes(wanted, b"")
    missing = object()
    assert records.read_many(places, missing=missing) == case.holes(wanted, missing)
    assert records.read_many([]) == []
    for indices, chosen in ((places, wanted), (None, numbers)):
        batch = records.read_batch(indices)
        expected = case.holes(chosen)
        assert len(batch) == len(expected) and batch.missing == expected.count(None)
        assert batch.to_list() == expected
        assert [None if record is None else bytes(record) for record in batch] == expected
        assert [None if record is None else bytes(record) for record in reversed(batch)] == expected[::-1]
        assert [None if record is None else bytes(record) for record in batch[3:40:2]] == expected[3:40:2]
        assert all((batch[place] is None) is (record is None) for place, record in enumerate(expected))
        assert batch.nbytes == sum(len(record) for record in expected if record is not None)
        assert b"" not in batch and batch.count(b"") == 0


@pytest.mark.parametrize("requested", [None, pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view()], ids=str)
def test_arrow_has_nulls(case: Case, requested: Any) -> None:
    batch = windrow.RecordReader(case.path, on_corrupt="skip").read_batch()
    expected = case.holes(range(COUNT))
    array = pyarrow.array(batch, type=requested) if requested else pyarrow.array(batch)
    array.validate(full=True)
    assert array.to_pylist() == expected and array.null_count == len(case.lost)
    assert array.is_valid().to_pylist() == [record is not None for record in expected]
    if requested:
        assert array.type == requested
    assert pyarrow.field(batch).nullable is bool(case.lost)


def calls_for(record: int) -> dict[str, Callable[[Any], object]]:
    return {
        "[i]": lambda records: records[record],
        "[-i]": lambda records: records[record - COUNT],
        "[[i]]": lambda records: records[[record]],
        "[[..., i]]": lambda records: records[[*range(100, 200), record]],
        "[array]": lambda records: records[numpy.arange(COUNT)],
        "read_view": lambda records: records.read_view(record),
        "read_array": lambda records: records.read_array([record], "S12"),
        "read_array of all": lambda records: records.read_array(None, "S12"),
    }


LOADERS: dict[str, Callable[[Any], object]] = {
    "__getitems__": lambda source: source.__getitems__([100, 77]),
    "_getitems": lambda source: source._getitems(range(COUNT)),
}


@pytest.mark.parametrize("kind", [windrow.RecordReader, windrow.DataSource])
@pytest.mark.parametrize("group_size", [1, 10])
def test_what_needs_its_records_raises(tmp_path: Path, group_size: int, kind: Any) -> None:
    case = Case(tmp_path / "records", group_size, {77})
    records = kind(case.path, on_corrupt="skip")
    calls = calls_for(77) if kind is windrow.RecordReader else calls_for(77) | LOADERS
    for name, call in calls.items():
        with pytest.raises(windrow.CorruptError) as info:
            call(records)
        assert info.value.code == "chunk_data_hash" and info.value.path == str(case.path), name
        first = 77 // group_size * group_size
        assert info.value.record_range == (first, first + group_size), name
    # The rest can be had.
    assert records[[1, 100, 1]] == [RECORDS[1], RECORDS[100], RECORDS[1]]
    array = records.read_array(case.there, "S12")
    assert array.tolist() == case.kept(range(COUNT))


def test_read_array_fills_no_place_with_something_else(tmp_path: Path) -> None:
    case = Case(tmp_path / "records", 10, {77})
    out = numpy.zeros(COUNT, "S12")
    with pytest.raises(windrow.CorruptError):
        windrow.RecordReader(case.path, on_corrupt="skip").read_array(None, "S12", out=out)
    assert {value for value in out.tolist() if value} <= set(case.kept(range(COUNT)))


def test_a_reader_that_raises_is_as_before(case: Case) -> None:
    reader = windrow.RecordReader(case.path)
    for call in (reader.read_all, lambda: reader.read_many(range(COUNT), missing=b""), reader.read_batch):
        if case.lost:
            with pytest.raises(windrow.CorruptError):
                call()
        else:
            call()
    assert reader.skipped == [] and reader.stats()["chunks_skipped"] == 0
    assert windrow.RecordReader(case.path, on_corrupt="raise").skipped == []


def test_what_was_skipped_is_listed(case: Case) -> None:
    reader = windrow.RecordReader(case.path, on_corrupt="skip")
    assert reader.skipped == [] and not reader.is_scanned
    for _ in range(2):
        reader.read_all()
        list(reader[::3])
    faults = windrow.verify(case.path).faults
    assert [(fault.code, fault.byte_range, fault.chunk_index, fault.record_range) for fault in reader.skipped] == [
        (fault.code, fault.byte_range, fault.chunk_index, fault.record_range) for fault in faults
    ]
    assert [fault.chunk_index for fault in reader.skipped] == case.chunks
    assert reader.stats()["chunks_skipped"] == len(case.chunks)
    assert len(reader[5:9].skipped) == len(reader.skipped)
    assert all(type(fault) is windrow.Fault for fault in reader.skipped)


def test_a_source_lists_files(tmp_path: Path) -> None:
    cases = [Case(tmp_path / f"file {number}", 10, {number * 10}) for number in range(3)]
    source = windrow.DataSource([case.path for case in cases], on_corrupt="skip", max_open_files=1)
    assert source.skipped == []
    assert source.read_all() == list(source) == list(itertools.chain(*(case.kept(range(COUNT)) for case in cases)))
    assert [(path, fault.record_range) for path, fault in source.skipped] == [
        (str(case.path), (10 * number, 10 * number + 10)) for number, case in enumerate(cases)
    ]
    wanted = [5, 995, 415, 820, 410]
    expected = [record for case in cases for record in case.holes(range(COUNT))]
    assert source.read_many(wanted) == [expected[number] for number in wanted]
    assert source.read_batch(wanted).to_list() == [expected[number] for number in wanted]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_iterators_count_what_they_skip(case: Case, open_it: Callable[[Case], Any], view: slice) -> None:
    records, numbers = open_it(case)[view], range(COUNT)[view]
    iterator = iter(records)
    seen = []
    states = []
    for record in iterator:
        place = iterator.tell() - 1
        assert RECORDS[numbers[place]] == record
        seen.append(place)
        states.append(iterator.state_dict())
    assert seen == [place for place, number in enumerate(numbers) if number not in case.lost]
    assert iterator.tell() == len(numbers) and iterator.__length_hint__() == 0
    for given in range(0, len(states), 37):
        iterator.load_state_dict(states[given])
        assert list(iterator) == [RECORDS[numbers[place]] for place in seen[given + 1 :]]
    for place in range(0, len(numbers), 13):
        iterator.seek(place)
        assert iterator.tell() == place
        assert next(iterator, None) == next((RECORDS[numbers[at]] for at in seen if at >= place), None)


def test_pickles_go_on_skipping(case: Case, open_it: Callable[[Case], Any]) -> None:
    for view in (slice(None), slice(5, 300, 2)):
        again = pickle.loads(pickle.dumps(open_it(case)[view]))
        assert again.read_all() == list(again) == case.kept(range(COUNT)[view])
        assert len(again.skipped) > 0 or not case.lost


def test_async(case: Case) -> None:
    async def read() -> None:
        reader = windrow.RecordReader(case.path, on_corrupt="skip")
        assert await reader.read_many_async(range(COUNT)) == case.holes(range(COUNT))
        assert await reader.read_many_async(range(COUNT), missing=5) == case.holes(range(COUNT), 5)
        assert await reader.read_range_async(5, 90) == case.kept(range(5, 90))
        assert (await reader.read_batch_async()).missing == len(case.lost)

    asyncio.run(read())


def test_a_file_without_an_index_is_scanned(tmp_path: Path) -> None:
    case = Case(tmp_path / "records", 10, {77})
    content = case.path.read_bytes()
    cut = content[: content.index(b"record 0305;")]
    case.path.write_bytes(cut)
    expected = case.kept(range(300))
    with pytest.raises(windrow.CorruptError):
        windrow.RecordReader(case.path)
    for source in (case.path, cut, open(case.path, "rb")):
        reader = windrow.RecordReader(source, on_corrupt="skip")
        assert reader.is_scanned and reader.read_all() == list(reader) == expected and len(reader) == len(expected)
        assert (70, 80) in [fault.record_range for fault in reader.skipped]
    files = windrow.DataSource(case.path, on_corrupt="skip")
    assert list(files) == expected and len(files.skipped) > 0
    assert pickle.loads(pickle.dumps(windrow.RecordReader(case.path, on_corrupt="skip"))).read_all() == expected


@pytest.mark.parametrize("value", ["ignore", "Skip", "", None, True, 5])
def test_values_that_do_not_fit(tmp_path: Path, value: Any) -> None:
    case = Case(tmp_path / "records", 10, set())
    for kind in (windrow.RecordReader, windrow.DataSource, windrow.TailReader, windrow.recover):
        with pytest.raises(windrow.OptionsError, match="on_corrupt"):
            kind(case.path, on_corrupt=value)
    with pytest.raises(windrow.OptionsError):
        windrow.RecordReader(case.path, "on_corrupt:skip")


def test_the_medium_is_not_skipped(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        broken = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.broken:
                raise OSError("the disk is gone")
            return super().read(size)

    file = Failing(Case(tmp_path / "records", 10, {5}).path.read_bytes())
    reader = windrow.RecordReader(file, on_corrupt="skip")
    file.broken = True
    for call in (reader.read_all, lambda: reader.read_many([1, 50]), reader.read_batch, lambda: list(reader)):
        with pytest.raises(OSError, match="the disk is gone"):
            call()
    assert reader.skipped == []


def test_a_file_that_became_shorter(tmp_path: Path) -> None:
    case = Case(tmp_path / "records", 10, {5})
    reader = windrow.RecordReader(case.path, on_corrupt="skip")
    os.truncate(case.path, case.path.read_bytes().index(b"record 0200;"))
    assert reader.read_all() == case.kept(range(200)) and reader.read_many([3, 20, 300]) == [None, RECORDS[20], None]
