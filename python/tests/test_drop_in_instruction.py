"""`FileInstruction`, ours and those of other libraries."""

import copy
import dataclasses
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from windrow._instruction import FileInstruction


@dataclasses.dataclass(frozen=True)
class Foreign:
    filename: str
    skip: int
    take: int
    examples_in_shard: int


def values(instruction: FileInstruction) -> tuple[Any, ...]:
    names = ("filename", "start", "num_records", "skip", "take", "examples_in_shard")
    return tuple(getattr(instruction, name) for name in names)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        (FileInstruction("a", 2, 3), ("a", 2, 3, 2, 3, None)),
        (FileInstruction(filename="a", start=2, num_records=3), ("a", 2, 3, 2, 3, None)),
        (FileInstruction(filename="a", skip=2, take=3, examples_in_shard=9), ("a", 2, 3, 2, 3, 9)),
        (FileInstruction("a", 2, 3, 9), ("a", 2, 3, 2, 3, 9)),
        (FileInstruction(Path("a/b"), 0, 0), ("a/b", 0, 0, 0, 0, None)),
        (FileInstruction(filename="a", skip=2, take=-1, examples_in_shard=9), ("a", 2, 7, 2, 7, 9)),
        (FileInstruction(filename="a", skip=9, take=-1, examples_in_shard=9), ("a", 9, 0, 9, 0, 9)),
        (FileInstruction("a", examples_in_shard=9), ("a", 0, 9, 0, 9, 9)),
        (FileInstruction("a", num_records=True), ("a", 0, 1, 0, 1, None)),
    ],
)
def test_values(instruction: FileInstruction, expected: tuple[Any, ...]) -> None:
    assert values(instruction) == expected


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"start": -1, "num_records": 3}, ValueError),
        ({"skip": -1, "take": 3, "examples_in_shard": 9}, ValueError),
        ({"start": 0, "num_records": -2}, ValueError),
        ({"start": 0, "num_records": -1}, ValueError),
        ({"start": 1}, ValueError),
        ({}, ValueError),
        ({"skip": 2, "take": 8, "examples_in_shard": 9}, ValueError),
        ({"skip": 10, "take": 0, "examples_in_shard": 9}, ValueError),
        ({"skip": 10, "take": -1, "examples_in_shard": 9}, ValueError),
        ({"start": 0, "num_records": 1, "examples_in_shard": -1}, ValueError),
        ({"start": 0, "skip": 0, "take": 1}, TypeError),
        ({"start": 0, "take": 1, "num_records": 1}, TypeError),
        ({"start": 0.5, "num_records": 1}, TypeError),
        ({"start": "0", "num_records": 1}, TypeError),
    ],
)
def test_what_does_not_fit(keywords: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        FileInstruction("a", **keywords)


@pytest.mark.parametrize("filename", [None, b"a", 3])
def test_filename_must_be_a_path(filename: Any) -> None:
    with pytest.raises(TypeError):
        FileInstruction(filename, 0, 1)


def test_equality_hash_and_repr() -> None:
    one, same = FileInstruction("a", 2, 3), FileInstruction(filename="a", skip=2, take=3)
    assert one == same and hash(one) == hash(same) and len({one, same}) == 1
    for other in (FileInstruction("b", 2, 3), FileInstruction("a", 1, 3), FileInstruction("a", 2, 4)):
        assert one != other
    assert one != FileInstruction("a", 2, 3, 9) and one != Foreign("a", 2, 3, 9) and one != ("a", 2, 3)
    assert repr(one) == "FileInstruction(filename='a', start=2, num_records=3)"
    for instruction in (one, FileInstruction("a", 2, 3, 9)):
        assert eval(repr(instruction)) == instruction


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(protocol: int) -> None:
    for instruction in (FileInstruction("a", 2, 3), FileInstruction("a", 2, -1, 9)):
        assert pickle.loads(pickle.dumps(instruction, protocol)) == instruction
        assert copy.copy(instruction) == copy.deepcopy(instruction) == instruction


def test_immutable() -> None:
    instruction: Any = FileInstruction("a", 2, 3)
    for name in ("start", "_start", "other"):
        with pytest.raises(AttributeError):
            setattr(instruction, name, 1)
        with pytest.raises(AttributeError):
            delattr(instruction, name)
    assert values(instruction) == ("a", 2, 3, 2, 3, None)


def test_what_looks_like_an_instruction_is_one() -> None:
    assert isinstance(Foreign("a", 0, 1, 1), FileInstruction)
    assert isinstance(SimpleNamespace(filename="a", skip=0, take=1, examples_in_shard=1), FileInstruction)
    assert isinstance(FileInstruction("a", 0, 1), FileInstruction)
    for other in ("a", Path("a"), ("a", 0, 1, 1), SimpleNamespace(filename="a", skip=0, take=1), None):
        assert not isinstance(other, FileInstruction)


def test_a_subclass_means_itself() -> None:
    class Child(FileInstruction):
        pass

    assert isinstance(Child("a", 0, 1), FileInstruction)
    assert not isinstance(Foreign("a", 0, 1, 1), Child)
