"""`DataSource`: many files, and parts of files, as one sequence."""

import collections.abc
import dataclasses
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import windrow

FILES = [[b"%c%d" % (97 + file, number) for number in range(count)] for file, count in enumerate((10, 0, 1, 25))]


def write(path: Path, records: list[bytes], **options: Any) -> Path:
    with windrow.RecordWriter(path, **options) as writer:
        writer.write_batch(records)
    return path


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"data-{file:05}-of-00004", records, group_size=4) for file, records in enumerate(FILES)]


ALL = [record for records in FILES for record in records]
numbers = st.integers(-45, 45)
bounds = st.none() | numbers | st.sampled_from([-(2**70), 2**70])
parts_of_files = st.one_of(
    st.integers(0, 3).map(lambda file: (file, None)),
    st.tuples(st.sampled_from([0, 3]), st.tuples(st.integers(0, 10), st.integers(0, 10)).map(sorted).map(tuple)),
)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    parts=st.lists(parts_of_files, min_size=1, max_size=5),
    as_text=st.booleans(),
    slices=st.lists(st.builds(slice, bounds, bounds, st.none() | st.integers(-5, 5).filter(bool)), max_size=3),
    max_open_files=st.sampled_from([1, 2, 256]),
    data=st.data(),
)
def test_a_source_is_a_list(
    parts: list[tuple[int, Any]], as_text: bool, slices: list[slice], max_open_files: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [write(Path(folder) / str(file), records, group_size=3) for file, records in enumerate(FILES)]
        given: list[Any] = []
        expected: list[bytes] = []
        for file, part in parts:
            start, stop = part or (0, len(FILES[file]))
            expected += FILES[file][start:stop]
            if part is None:
                given.append(paths[file])
            elif as_text:
                given.append(f"{paths[file]}[{start}:{stop}]")
            else:
                given.append(windrow.FileInstruction(paths[file], start, stop - start))
        source = windrow.DataSource(given, max_open_files=max_open_files)
        assert source.num_files == len(source.paths) == len(source.parts) == len(parts)
        for part in slices:
            source, expected = source[part], expected[part]
        assert len(source) == len(expected)
        assert list(source) == source.read_all() == source.read_batch().to_list() == expected
        assert list(reversed(source)) == expected[::-1]
        assert [bytes(view) for batch in source.batches() for view in batch] == expected
        for number in data.draw(st.lists(numbers, max_size=5), label="numbers"):
            if -len(expected) <= number < len(expected):
                assert source[number] == bytes(source.read_view(number)) == expected[number]
                part_index, record = source.locate(number)
                name = Path(source.parts[part_index][0]).name
                assert FILES[int(name)][record] == expected[number]
            else:
                for call in (source.__getitem__, source.read_view, source.locate):
                    with pytest.raises(IndexError):
                        call(number)
        if expected:
            chosen = data.draw(st.lists(st.integers(-len(expected), len(expected) - 1), max_size=20), label="batch")
            wanted = [expected[number] for number in chosen]
            assert source[chosen] == source.__getitems__(chosen) == source._getitems(chosen) == wanted
            assert source.read_batch(chosen).to_list() == wanted
            assert source.index(expected[-1]) == expected.index(expected[-1])
            assert source.count(expected[0]) == expected.count(expected[0]) and expected[0] in source
        assert b"absent" not in source and source.count(b"absent") == 0
        iterator, resumed = iter(source), iter(source)
        for taken in expected[: data.draw(st.integers(0, 30), label="taken")]:
            assert next(iterator) == taken
        resumed.load_state_dict(iterator.state_dict())
        assert list(resumed) == expected[iterator.tell() :]
        assert pickle.loads(pickle.dumps(source)).read_all() == expected


@dataclasses.dataclass(frozen=True)
class TfdsInstruction:
    """The four attributes that TFDS has."""

    filename: str
    skip: int
    take: int
    examples_in_shard: int


def test_kinds_of_paths(paths: list[Path]) -> None:
    expected = FILES[0]
    for named in (str(paths[0]), paths[0], [paths[0]], (str(paths[0]),), iter([paths[0]])):
        assert windrow.DataSource(named).read_all() == expected
    text = str(paths[0])
    for part in (
        TfdsInstruction(text, 2, 5, 10),
        windrow.FileInstruction(text, 2, 5),
        windrow.FileInstruction(text, skip=2, take=5, examples_in_shard=10),
        f"{text}[2:7]",
    ):
        source = windrow.DataSource(part)
        assert source.read_all() == expected[2:7]
        assert source.parts == [(text, 2, 5)] and source.paths == [text] and source.num_files == 1
    assert windrow.DataSource(TfdsInstruction(text, 2, -1, 10)).read_all() == expected[2:]


def test_patterns(paths: list[Path], tmp_path: Path) -> None:
    for pattern in ("data@4", "data-*", "data-0000?-of-00004"):
        source = windrow.DataSource(tmp_path / pattern)
        assert source.read_all() == ALL and source.paths == [str(path) for path in paths]
    for pattern in ("data@5", "other-*", "other@2"):
        with pytest.raises((ValueError, FileNotFoundError)):
            windrow.DataSource(tmp_path / pattern)
    odd = write(tmp_path / "odd*[1:2]@3", [b"itself"])
    assert windrow.DataSource(odd).read_all() == [b"itself"]


@pytest.mark.parametrize("named", [b"path", 5, None, [5], [b"path"], [None], object()])
def test_what_is_no_path(named: Any) -> None:
    with pytest.raises(TypeError):
        windrow.DataSource(named)


def test_sources_that_cannot_be(paths: list[Path], tmp_path: Path) -> None:
    text = str(paths[0])
    cases: list[tuple[Any, type[Exception]]] = [
        ([], ValueError),
        (f"{text}[5:3]", ValueError),
        (TfdsInstruction(text, 5, -1, 3), ValueError),
        (tmp_path / "missing", FileNotFoundError),
        (tmp_path, IsADirectoryError),
        ([paths[0], tmp_path / "missing"], FileNotFoundError),
    ]
    for named, kind in cases:
        with pytest.raises(kind) as info:
            windrow.DataSource(named)
        message = str(info.value)
        assert isinstance(info.value, windrow.WindrowError) and "\n" not in message and message.rstrip(": ") == message


@pytest.mark.parametrize("count", [0, -1, -(2**70)])
def test_at_least_one_open_file(paths: list[Path], count: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        windrow.DataSource(paths, max_open_files=count)


def test_instructions_are_checked_when_first_read(paths: list[Path], tmp_path: Path) -> None:
    late = windrow.DataSource([windrow.FileInstruction(tmp_path / "missing", 0, 3), paths[0]])
    assert len(late) == 13 and late[3] == FILES[0][0]
    with pytest.raises(FileNotFoundError, match="missing"):
        late[0]
    for part in (
        windrow.FileInstruction(paths[0], 5, 100),
        f"{paths[0]}[5:105]",
        TfdsInstruction(str(paths[0]), 0, 9, 9),
    ):
        source = windrow.DataSource(part)
        with pytest.raises(ValueError, match="has 10 records") as info:
            source[0]
        assert isinstance(info.value, windrow.SourceError)


def test_slices_and_parts(paths: list[Path]) -> None:
    source = windrow.DataSource(paths)
    part = source[5:20:2]
    assert type(part) is windrow.DataSource
    assert (
        part.parts == source.parts == [(str(path), 0, len(records)) for path, records in zip(paths, FILES, strict=True)]
    )
    assert part.locate(0) == (0, 5) and part.locate(-1) == (3, 8)
    assert isinstance(source, collections.abc.Sequence)


def test_open_files_are_few(paths: list[Path]) -> None:
    def opened() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") in names for fd in os.listdir("/proc/self/fd"))

    names = {os.path.realpath(path) for path in paths}
    source = windrow.DataSource(paths, max_open_files=1)
    assert source.read_all() == ALL and [source[number] for number in (0, 11, 0)] == [ALL[0], ALL[11], ALL[0]]
    assert opened() <= 1
    several = windrow.DataSource(paths)
    assert several.read_all() == ALL and opened() > 1
    several.close_files()
    source.close_files()
    assert opened() == 0
    assert several[11] == ALL[11] and not several.closed
    several.close()
    assert several.closed and opened() == 0
    with pytest.raises(windrow.ClosedError):
        several[0]
    with source as entered:
        assert entered is source
    with pytest.raises(windrow.ClosedError):
        source.read_all()


def test_dropping_frees_the_files(paths: list[Path]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        source = windrow.DataSource(paths)
        assert source[11] == ALL[11]
    del source
    assert len(os.listdir("/proc/self/fd")) == before


def test_fingerprints(paths: list[Path], tmp_path: Path) -> None:
    source = windrow.DataSource(paths)
    assert source.fingerprint in repr(source) and repr(windrow.DataSource(paths)) == repr(source)
    others = [
        source[1:],
        source[::-1],
        source[::2],
        windrow.DataSource(paths[:3]),
        windrow.DataSource(paths[::-1]),
        windrow.DataSource([f"{paths[0]}[0:5]", f"{paths[0]}[5:10]", *paths[1:]]),
    ]
    assert len({repr(other) for other in [source, *others]}) == 7
    assert len({other.fingerprint for other in [source, *others]}) == 7
    assert pickle.loads(pickle.dumps(source[3::2])).fingerprint == source[3::2].fingerprint
    program = "import sys, windrow; print(windrow.DataSource(sys.argv[1:])[2:])"
    told = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True).stdout
    assert told.strip() == repr(source[2:])
    named = windrow.DataSource(paths, fingerprint="train-v1")
    assert named.fingerprint == "train-v1" and "train-v1" in repr(named)
    assert pickle.loads(pickle.dumps(named)).fingerprint == "train-v1"
    # Checkpoints compare the repr: two halves must not pass for each other.
    assert repr(named[:18]) != repr(named[18:])


def test_a_pickle_opens_nothing(paths: list[Path]) -> None:
    source = windrow.DataSource(paths, "max_parallelism:1", max_open_files=2, fingerprint="x")
    pickled = pickle.dumps(source[4:])
    for path in paths:
        path.unlink()
    source = pickle.loads(pickled)
    assert len(source) == len(ALL) - 4 and source.parts[3][2] == 25
    with pytest.raises(FileNotFoundError):
        source[0]


def test_options_reach_every_file(paths: list[Path]) -> None:
    makers: list[Callable[[], windrow.DataSource]] = [
        lambda: windrow.DataSource(paths, max_batch_bytes=10),
        lambda: pickle.loads(pickle.dumps(windrow.DataSource(paths, max_batch_bytes=10))),
    ]
    for make in makers:
        with pytest.raises(windrow.LimitError):
            make().read_all()
    with pytest.raises(windrow.OptionsError):
        windrow.DataSource(paths, "no_such_option:1")
    with pytest.raises(windrow.OptionsError):
        windrow.DataSource(paths, {"max_parallelism": "many"})


def test_a_bad_file_among_others(paths: list[Path]) -> None:
    paths[3].write_bytes(b"something else")
    with pytest.raises(windrow.CorruptError, match=paths[3].name) as info:
        windrow.DataSource(paths)
    assert info.value.path == str(paths[3])


def test_damage_names_the_file(paths: list[Path]) -> None:
    source = windrow.DataSource(paths)
    damaged = bytearray(paths[3].read_bytes())
    damaged[70:80] = bytes(10)
    paths[3].write_bytes(damaged)
    with pytest.raises(windrow.CorruptError) as info:
        source.read_many([0, 11])
    assert (info.value.path, info.value.chunk_index, info.value.record_range) == (str(paths[3]), 0, (0, 4))
    assert source.read_many([0, -1]) == [ALL[0], ALL[-1]]
