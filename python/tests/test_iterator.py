"""Iterators: positions that are kept, given back and moved."""

import io
import json
import operator
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow

RECORDS = [b"%d." % number * (number % 7) for number in range(250)]


def content(records: list[bytes], **options: Any) -> bytes:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, **options) as writer:
        writer.write_batch(records)
    return sink.getvalue()


@pytest.fixture(params=["one file", "many files"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> windrow.RecordReader | windrow.DataSource:
    """The same records, in one file or in three."""
    if request.param == "one file":
        return windrow.RecordReader(content(RECORDS, group_size=7))
    paths = [tmp_path / f"part-{number}" for number in range(3)]
    for path, records in zip(paths, (RECORDS[:100], RECORDS[100:101], RECORDS[101:]), strict=True):
        path.write_bytes(content(records, group_size=9))
    return windrow.DataSource(paths)


def test_counts_what_was_given(source: windrow.RecordReader | windrow.DataSource) -> None:
    iterator = iter(source)
    assert type(iterator) is windrow.RecordIterator and iter(iterator) is iterator
    assert isinstance(iterator, Iterator)
    for number, record in enumerate(RECORDS):
        assert iterator.tell() == number
        assert operator.length_hint(iterator) == len(RECORDS) - number
        assert iterator.state_dict() == {"next_index": number}
        assert next(iterator) == record
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(iterator)
    assert iterator.tell() == len(RECORDS) and operator.length_hint(iterator) == 0


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    group_size=st.sampled_from([1, 3, 50]),
    options=st.fixed_dictionaries(
        {"max_parallelism": st.sampled_from([0, 2]), "readahead_buffer_bytes": st.sampled_from([0, 64, None])}
    ),
    part=st.builds(
        slice,
        st.none() | st.integers(-70, 70),
        st.none() | st.integers(-70, 70),
        st.sampled_from([None, 1, 2, 7, -1, -3]),
    ),
    actions=st.lists(
        st.tuples(st.sampled_from(["next", "seek", "resume", "json", "past"]), st.integers(0, 60)), max_size=12
    ),
)
def test_chains_of_resumes(
    group_size: int, options: dict[str, Any], part: slice, actions: list[tuple[str, int]]
) -> None:
    reader = windrow.RecordReader(content(RECORDS[:60], group_size=group_size), **options)[part]
    expected = RECORDS[:60][part]
    iterator, place = iter(reader), 0
    for action, number in actions:
        if action == "next":
            given = [record for record, _ in zip(iterator, range(number), strict=False)] if number else []
            # `zip` takes one record more than it gives if the other ends first.
            iterator.seek(min(place + number, len(expected)))
            assert given == expected[place : place + number]
            place = min(place + number, len(expected))
        elif action == "seek" and number <= len(expected):
            iterator.seek(number)
            place = number
        elif action == "resume":
            state = iterator.state_dict()
            iterator = iter(reader)
            iterator.load_state_dict(state)
        elif action == "json":
            state = json.loads(json.dumps(iterator.state_dict()))
            iterator = iter(pickle.loads(pickle.dumps(reader)))
            iterator.load_state_dict(state)
        elif action == "past":
            with pytest.raises(IndexError):
                iterator.seek(len(expected) + 1 + number)
        assert iterator.tell() == place
    assert list(iterator) == expected[place:]


def test_every_state_resumes(source: windrow.RecordReader | windrow.DataSource) -> None:
    part = source[::-3]
    expected = RECORDS[::-3]
    iterator = iter(part)
    for number in range(len(expected) + 1):
        other = iter(part)
        other.load_state_dict(iterator.state_dict())
        assert list(other) == expected[number:]
        next(iterator, None)


def test_seeks_in_both_directions(source: windrow.RecordReader | windrow.DataSource) -> None:
    for iterator, expected in ((iter(source), RECORDS), (reversed(source), RECORDS[::-1])):
        for number in (100, 3, 249, 0, 101, 99):
            iterator.seek(number)
            assert iterator.tell() == number
            assert next(iterator) == expected[number]
            assert iterator.tell() == number + 1
        iterator.seek(250)
        assert list(iterator) == []
        iterator.seek(248)
        assert list(iterator) == expected[248:]


@pytest.mark.parametrize("number", [-1, 251, 2**63, 2**64, 2**127, 2**200, -(2**200)])
def test_no_such_place(source: windrow.RecordReader | windrow.DataSource, number: int) -> None:
    iterator = iter(source)
    next(iterator)
    with pytest.raises(IndexError):
        iterator.seek(number)
    with pytest.raises((IndexError, ValueError)):
        iterator.load_state_dict({"next_index": number})
    assert iterator.tell() == 1 and next(iterator) == RECORDS[1]


@pytest.mark.parametrize("state", [{}, {"next_index": "1"}, {"next_index": None}, {"next_index": 1.5}, {"other": 1}])
def test_states_that_do_not_fit(source: windrow.RecordReader | windrow.DataSource, state: Any) -> None:
    iterator = iter(source)
    with pytest.raises((IndexError, ValueError)):
        iterator.load_state_dict(state)
    assert next(iterator) == RECORDS[0]


def test_iterators_are_independent(source: windrow.RecordReader | windrow.DataSource) -> None:
    first, second = iter(source), iter(source)
    assert [next(first) for _ in range(20)] == RECORDS[:20]
    assert next(second) == RECORDS[0]
    assert next(first) == RECORDS[20]


def test_threads_share_an_iterator(source: windrow.RecordReader | windrow.DataSource) -> None:
    iterator = iter(source)
    with ThreadPoolExecutor(8) as pool:
        given = [record for part in pool.map(lambda _: list(iterator), range(8)) for record in part]
    assert sorted(given) == sorted(RECORDS)


def test_iterators_outlive_their_source(source: windrow.RecordReader | windrow.DataSource) -> None:
    iterator, batches = iter(source), source.batches()
    del source
    assert list(iterator) == RECORDS
    assert [bytes(view) for batch in batches for view in batch] == RECORDS


def test_an_error_leaves_the_position(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    with windrow.RecordWriter(path, group_size=10, codec="uncompressed") as writer:
        writer.write_batch(b"record %04d" % number for number in range(100))
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"record 0034")] ^= 1
    path.write_bytes(damaged)
    iterator = iter(windrow.RecordReader(path))
    given = [next(iterator) for _ in range(30)]
    assert given == [b"record %04d" % number for number in range(30)]
    for _ in range(2):
        with pytest.raises(windrow.CorruptError) as info:
            next(iterator)
        assert info.value.record_range == (30, 40)
        assert iterator.tell() == 30
    assert info.value.record_range is not None
    iterator.seek(info.value.record_range[1])
    assert list(iterator) == [b"record %04d" % number for number in range(40, 100)]


def test_backwards_past_a_bad_chunk(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    with windrow.RecordWriter(path, codec="uncompressed") as writer:
        writer.write_batch(b"record %04d" % number for number in range(100))
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"record 0034")] ^= 1
    path.write_bytes(damaged)
    iterator = reversed(windrow.RecordReader(path))
    given: list[bytes] = []
    with pytest.raises(windrow.CorruptError) as info:
        given.extend(iter(iterator.__next__, None))
    assert info.value.record_range == (34, 35)
    iterator.seek(66)
    assert list(iterator) == [b"record %04d" % number for number in range(33, -1, -1)]


def test_iterators_do_not_pickle(source: windrow.RecordReader | windrow.DataSource) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(iter(source))
