"""`Permutation`: the vectors of its specification, and a sequence of integers in every other way."""

import collections.abc
import copy
import itertools
import json
import operator
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow
from windrow import Permutation

SPECIFICATION = Path(__file__).parents[2] / "format-spec" / "permutation.md"
WORD = 2**64 - 1
LONGEST = 2**63
"""From here on `len` of a Python object cannot tell how many there are."""


def vectors() -> list[tuple[int, int, int, list[int], int | None, int]]:
    """The rows of the specification's table: len, seed, epoch, first, last, digest."""
    text = SPECIFICATION.read_text(encoding="utf-8").split("## Vectors")[1].split("\n## ")[0]
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"\d+", cells[0]):
            first = [int(number) for number in cells[3].split(",") if number]
            last = int(cells[4]) if cells[4] else None
            rows.append((int(cells[0]), int(cells[1]), int(cells[2]), first, last, int(cells[5], 16)))
    return rows


def absorb(state: int, word: int) -> int:
    word = ((state ^ word) + 0x9E3779B97F4A7C15) & WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    return word ^ (word >> 31)


def test_the_specification_has_vectors() -> None:
    assert len(vectors()) >= 30 and len([row for row in vectors() if row[0] < LONGEST]) >= 25


@pytest.mark.parametrize(
    ("n", "seed", "epoch", "first", "last", "digest"), [row for row in vectors() if row[0] < LONGEST]
)
def test_vectors(n: int, seed: int, epoch: int, first: list[int], last: int | None, digest: int) -> None:
    permutation = Permutation(n, seed, epoch)
    assert [permutation[place] for place in range(len(first))] == first
    if last is not None:
        assert permutation[-1] == last
    state = 0
    for number in itertools.islice(permutation, 1000):
        state = absorb(state, number)
    assert state == digest
    for place, number in enumerate(first):
        assert permutation.index(number) == place and number in permutation
    assert n not in permutation and list(permutation[:4]) == first


slices = st.lists(
    st.builds(
        slice,
        st.none() | st.integers(-90, 90) | st.just(-(2**70)),
        st.none() | st.integers(-90, 90) | st.just(2**70),
        st.none() | st.integers(-9, 9).filter(bool) | st.just(2**62),
    ),
    max_size=4,
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(n=st.integers(0, 80), seed=st.integers(0, WORD), epoch=st.integers(0, WORD), slices=slices, data=st.data())
def test_a_permutation_is_a_list(n: int, seed: int, epoch: int, slices: list[slice], data: st.DataObject) -> None:
    part = Permutation(n, seed, epoch)
    expected = list(part)
    assert sorted(expected) == list(range(n))
    for one in slices:
        part, expected = part[one], expected[one]
    assert type(part) is Permutation and len(part) == len(expected)
    assert list(part) == expected and list(reversed(part)) == expected[::-1]
    assert [part[place] for place in range(-len(expected), len(expected))] == expected * 2
    for number in range(-2, n + 2):
        assert (number in part) == (number in expected) and part.count(number) == expected.count(number)
        start, stop = data.draw(st.tuples(st.integers(-90, 90), st.none() | st.integers(-90, 90)))
        try:
            place = expected.index(number, start, 10**6 if stop is None else stop)
        except ValueError:
            with pytest.raises(ValueError, match="does not hold"):
                part.index(number, start, stop)
        else:
            assert part.index(number, start, stop) == place
    for made in (pickle.loads(pickle.dumps(part)), copy.copy(part), copy.deepcopy(part)):
        assert made == part and hash(made) == hash(part) and list(made) == expected
    assert list(part.with_epoch(epoch)) == expected
    other = part.with_epoch(epoch ^ 1)
    assert (other.seed, other.epoch, len(other)) == (seed, epoch ^ 1, len(part))
    whole = list(Permutation(n, seed, epoch ^ 1))
    for one in slices:
        whole = whole[one]
    assert list(other) == whole
    iterator, resumed = iter(part), iter(part)
    taken = data.draw(st.integers(0, len(expected)))
    assert list(itertools.islice(iterator, taken)) == expected[:taken]
    resumed.load_state_dict(json.loads(json.dumps(iterator.state_dict())))
    assert list(resumed) == list(iterator) == expected[taken:]


def test_values_and_defaults() -> None:
    permutation = Permutation(100)
    assert (permutation.seed, permutation.epoch, len(permutation)) == (0, 0, 100)
    assert permutation == Permutation(n=100, seed=0, epoch=0) == Permutation(100, None, None)[:]
    assert (
        permutation != Permutation(100, 1) and permutation != Permutation(100, 0, 1) and permutation != Permutation(99)
    )
    assert permutation != list(permutation) and permutation != 5
    assert len({Permutation(100), Permutation(100), permutation[1:], permutation[1:]}) == 2
    assert repr(Permutation(5, 1, 2)) == "Permutation(n=5, seed=1, epoch=2)"
    assert repr(permutation[1:]) != repr(permutation) != repr(permutation[::-1])
    assert isinstance(permutation, collections.abc.Sequence) and bool(permutation) and not Permutation(0)


def test_the_same_in_another_process() -> None:
    program = "import windrow; p = windrow.Permutation(1000, 5, 6)[3::7]; print(hash(p), list(p), repr(p))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    part = Permutation(1000, 5, 6)[3::7]
    assert told.strip() == f"{hash(part)} {list(part)} {part!r}"


@pytest.mark.parametrize("place", [10, -11, 2**31, 2**63, 2**64, 2**70, -(2**70)])
def test_places_that_do_not_exist(place: int) -> None:
    with pytest.raises(IndexError, match=f"^place {place} of a permutation of 10$"):
        Permutation(10)[place]


@pytest.mark.parametrize("place", [1.0, "1", None, b"1", [1], (1,)])
def test_what_is_no_place(place: Any) -> None:
    with pytest.raises(TypeError):
        Permutation(10)[place]


def test_kinds_of_places() -> None:
    permutation = Permutation(300, 1)
    for width in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
        place = np.dtype(width).type(7)
        assert permutation[place] == permutation[7]
        assert permutation.index(int(permutation[place])) == 7
    assert permutation[np.array(7)] == permutation[7] and type(permutation[7]) is int


@pytest.mark.parametrize(
    "arguments", [(-1,), (2**63,), (2**64,), (2**70,), (5, -1), (5, 2**64), (5, 0, -1), (5, 0, 2**64)]
)
def test_numbers_that_do_not_fit(arguments: tuple[int, ...]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Permutation(*arguments)


@pytest.mark.parametrize("arguments", [(), (1.5,), ("5",), (None,), (5, "0"), (5, 0, 1.0), (5, 0, 0, 0)])
def test_arguments_of_other_kinds(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Permutation(*arguments)


def test_numbers_that_are_not_there() -> None:
    permutation = Permutation(10)
    for absent in (10, -1, 2**64, -(2**70), 1.5, "1", None, [1], object()):
        assert absent not in permutation and permutation.count(absent) == 0
    for absent_number in (10, -1, 2**70):
        with pytest.raises(ValueError, match="does not hold"):
            permutation.index(absent_number)


def test_more_than_memory_holds() -> None:
    permutation = Permutation(10**15, 3)
    assert len(permutation) == 10**15
    part = permutation[10**14 : 10**15 : 10**13]
    assert len(part) == 90 and part[5] == permutation[10**14 + 5 * 10**13]
    assert permutation.index(permutation[10**14]) == 10**14
    assert next(reversed(permutation)) == permutation[-1]
    iterator = iter(permutation)
    iterator.seek(10**15 - 2)
    assert list(iterator) == [permutation[-2], permutation[-1]]


def test_the_longest() -> None:
    permutation = Permutation(LONGEST - 1, WORD, WORD)
    assert len(permutation) == LONGEST - 1
    iterator = iter(permutation)
    iterator.seek(LONGEST - 3)
    number = next(iterator)
    assert permutation[LONGEST - 3] == permutation[-2] == number
    assert permutation.index(number) == LONGEST - 3 and number in permutation and permutation.count(number) == 1
    assert list(permutation[:3]) == [permutation[0], permutation[1], permutation[2]]
    assert list(permutation[-2:]) == [permutation[-2], permutation[-1]]
    assert list(permutation[:: LONGEST - 2]) == [permutation[0], permutation[-1]]
    assert pickle.loads(pickle.dumps(permutation)) == permutation


def test_iterators() -> None:
    permutation = Permutation(50, 2)
    iterator = iter(permutation)
    assert type(iterator) is windrow.PermutationIterator and iter(iterator) is iterator
    for place in range(50):
        assert iterator.tell() == place and operator.length_hint(iterator) == 50 - place
        assert iterator.state_dict() == {"next_index": place}
        assert next(iterator) == permutation[place]
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(iterator)
    assert iterator.tell() == 50 and operator.length_hint(iterator) == 0
    backwards = reversed(permutation)
    assert type(backwards) is windrow.PermutationIterator
    backwards.seek(49)
    assert list(backwards) == [permutation[0]]


@pytest.mark.parametrize("place", [-1, 51, 2**64, 2**127, 2**200, -(2**200)])
def test_places_that_iterators_do_not_have(place: int) -> None:
    iterator = iter(Permutation(50))
    with pytest.raises(IndexError):
        iterator.seek(place)
    with pytest.raises((IndexError, ValueError)):
        iterator.load_state_dict({"next_index": place})
    assert iterator.tell() == 0
    state: Any
    for state in ({}, {"next_index": "1"}, {"next_index": 1.5}, None):
        with pytest.raises((IndexError, ValueError)):
            iterator.load_state_dict(state)


def test_serves_as_a_sampler(tmp_path: Path) -> None:
    """What torch's DataLoader does with a sampler: `len`, `iter`, and lists of its numbers."""
    records = [b"%d" % number for number in range(57)]
    with windrow.RecordWriter(tmp_path / "records") as writer:
        writer.write_batch(records)
    source = windrow.DataSource(tmp_path / "records")
    sampler = Permutation(len(source), seed=3)
    read: list[bytes] = []
    numbers = iter(sampler)
    while batch := list(itertools.islice(numbers, 8)):
        read += source.__getitems__(batch)
    assert read == [records[number] for number in sampler] != records and sorted(read) == sorted(records)
    # Shares of workers are slices.
    shares = [number for worker in range(4) for number in sampler[worker::4]]
    assert sorted(shares) == list(range(57))
    assert source.read_many(sampler) == read
    assert list(sampler.with_epoch(1)) != list(sampler)
