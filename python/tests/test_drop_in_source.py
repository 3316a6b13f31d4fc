"""`array_record_data_source.ArrayRecordDataSource`: what stands beside upstream's behaviour."""

import copy
import gc
import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drop_in_programs import run
from windrow._core import DataSource
from windrow._errors import CorruptError, OptionsError, OutOfRangeError, SourceError
from windrow._instruction import FileInstruction
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordWriter

OUT_OF_RANGE = r"Record key should be in \[0, num_records\)"


def write(path: Path, records: Sequence[bytes], options: str = "") -> Path:
    with ArrayRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return write(tmp_path / "first.ar", [f"r{number}".encode() for number in range(10)])


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return write(tmp_path / "second.ar", [f"q{number}".encode() for number in range(5)], "group_size:2")


@pytest.fixture
def source(first: Path, second: Path) -> ArrayRecordDataSource:
    return ArrayRecordDataSource([first, second])


EXPECTED = [f"r{number}".encode() for number in range(10)] + [f"q{number}".encode() for number in range(5)]


class Upper(ArrayRecordDataSource):
    """Decodes, as subclasses do."""

    def __getitem__(self, record_key: Any) -> Any:
        return super().__getitem__(record_key).upper()


class Labelled(ArrayRecordDataSource):
    """With a signature, attributes and a state of its own."""

    def __init__(self, folder: Path, label: str) -> None:
        super().__init__([folder / "first.ar", folder / "second.ar"], {"max_parallelism": "2"})
        self.label = label
        self.paths = ["mine"]
        self.itself = self

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "travelled": True}


@pytest.mark.parametrize(
    "part",
    [
        slice(0, 10),
        slice(3, 12),
        slice(None),
        slice(-3, None),
        slice(12, 3),
        slice(5, 500),
        slice(None, None, -1),
        slice(1, 14, 4),
        slice(np.int64(2), np.int64(4)),
    ],
)
def test_a_slice_is_a_view(part: slice, source: ArrayRecordDataSource) -> None:
    view, expected = source[part], EXPECTED[part]
    assert isinstance(view, Sequence) and isinstance(view, DataSource)
    assert (len(view), list(view), view.read_all()) == (len(expected), expected, expected)
    assert [view[index] for index in range(-len(expected), len(expected))] == expected + expected
    for index in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            view[index]
    assert list(view[1:]) == expected[1:]
    assert list(pickle.loads(pickle.dumps(view))) == expected


@pytest.mark.parametrize(
    "keys",
    [
        [3, 0, 14, 3],
        (1, 2),
        range(2, 6),
        range(0),
        [],
        iter([1, 2]),
        (key for key in [4, 5]),
        np.array([1, 12]),
        np.array([], np.int64),
        np.array([1, 12], np.uint8),
        np.array([1, 12], ">i8"),
        np.arange(12)[::5],
        [np.int64(3), np.int32(4), True],
        {1: None, 2: None}.keys(),
    ],
)
def test_many_keys(keys: Any, source: ArrayRecordDataSource) -> None:
    keys = list(keys) if hasattr(keys, "__next__") else keys
    expected = [EXPECTED[int(key)] for key in keys]
    for given in (keys, iter(keys)):
        assert source.__getitems__(given) == expected
    assert source._getitems(keys) == expected
    assert source[keys] == expected


@pytest.mark.parametrize("key", [15, -1, -15, 2**63, -(2**63), 2**64, np.int64(-1), np.array(15)])
def test_a_key_out_of_range(key: Any, source: ArrayRecordDataSource) -> None:
    attempts: list[Callable[[], Any]] = [
        lambda: source[key],
        lambda: source[[0, key]],
        lambda: source.__getitems__([key, 0]),
        lambda: source.__getitems__((key,)),
        lambda: source._getitems([key]),
        lambda: source._reader_idx_and_position(key),
        lambda: source._split_keys_per_reader([key]),
    ]
    for attempt in attempts:
        with pytest.raises(OutOfRangeError, match=OUT_OF_RANGE) as caught:
            attempt()
        assert isinstance(caught.value, IndexError) and isinstance(caught.value, ValueError)
        assert isinstance(caught.value, RuntimeError)


def test_arrays_of_keys_out_of_range(source: ArrayRecordDataSource) -> None:
    for keys in (np.array([0, -1]), np.array([15, 0]), range(-1, 3), range(20)):
        for attempt in (source.__getitems__, source.__getitem__):
            with pytest.raises(OutOfRangeError, match=OUT_OF_RANGE):
                attempt(keys)


@pytest.mark.parametrize("key", [1.0, "1", b"1", None, [1.0], ["1"], [None], np.array([1.0]), object()])
def test_what_is_no_key(key: Any, source: ArrayRecordDataSource) -> None:
    with pytest.raises(TypeError):
        source[key]


def test_iteration_is_independent(source: ArrayRecordDataSource) -> None:
    one, other = iter(source), iter(source)
    assert [next(one), next(one), next(other)] == [b"r0", b"r1", b"r0"]
    assert list(source) == EXPECTED and list(reversed(source)) == EXPECTED[::-1] and b"q4" in source


def test_a_subclass_that_decodes_is_seen_everywhere(first: Path, second: Path) -> None:
    source = Upper([first, second])
    decoded = [record.upper() for record in EXPECTED]
    assert (source[3], list(source), list(reversed(source))) == (b"R3", decoded, decoded[::-1])
    assert source._getitems([1, 12]) == [b"R1", b"Q2"]
    # As upstream: the batch method is another method.
    assert source.__getitems__([1, 12]) == [b"r1", b"q2"]

    class Batched(Upper):
        def __getitems__(self, record_keys: Any) -> list[bytes]:
            return [record.title() for record in super().__getitems__(record_keys)]

    assert Batched([first, second])._getitems([1, 12]) == [b"R1", b"Q2"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int, tmp_path: Path, source: ArrayRecordDataSource) -> None:
    source[0]
    again = pickle.loads(pickle.dumps(source, protocol))
    assert (type(again), repr(again), len(again)) == (ArrayRecordDataSource, repr(source), 15)
    assert list(again) == EXPECTED and again.__dict__.keys() == source.__dict__.keys()

    labelled = Labelled(tmp_path, "text")
    again = pickle.loads(pickle.dumps(labelled, protocol))
    assert (type(again), again.label, again.travelled, again.paths) == (Labelled, "text", True, ["mine"])
    assert again.itself is again and list(again) == EXPECTED
    assert again._reader_options_string == "max_parallelism:2"
    for copied in (copy.copy(labelled), copy.deepcopy(labelled)):
        assert copied is not labelled and copied[12] == b"q2" and copied.label == "text"


def test_a_state_can_be_set_by_hand(source: ArrayRecordDataSource) -> None:
    again = ArrayRecordDataSource.__new__(ArrayRecordDataSource)
    again.__setstate__(source.__getstate__())
    assert list(again) == EXPECTED and repr(again) == repr(source)


def test_unpickling_opens_nothing(first: Path, source: ArrayRecordDataSource) -> None:
    pickled = pickle.dumps(source)
    first.unlink()
    again = pickle.loads(pickled)
    assert len(again) == 15 and again[12] == b"q2" and repr(again) == repr(source)
    with pytest.raises(FileNotFoundError, match="first.ar"):
        again[0]


def test_a_pickle_holds_the_paths_once(tmp_path: Path) -> None:
    name = "x" * 100
    path = write(tmp_path / name, [b"a"])
    sizes = [len(pickle.dumps(ArrayRecordDataSource([path] * count))) for count in (100, 200)]
    assert sizes[1] - sizes[0] < 100 * (len(str(path)) + 60)


def open_files(folder: Path) -> list[str]:
    # As Linux shows it.
    names = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{entry}"))
        except FileNotFoundError:
            pass
    return sorted(Path(name).name for name in names if name.startswith(str(folder)))


def test_with_closes_and_reading_opens_again(tmp_path: Path, first: Path, second: Path) -> None:
    with ArrayRecordDataSource([first, second]) as source:
        assert (source[0], source[12]) == (b"r0", b"q2")
        assert open_files(tmp_path) == ["first.ar", "second.ar"]
        source._ensure_reader_exists(1)
        assert [reader is None for reader in source._readers] == [True, False]
    assert open_files(tmp_path) == [] and source._readers == [None, None]
    assert source[12] == b"q2" and open_files(tmp_path) == ["second.ar"]
    with source:
        assert source.__getitems__([0, 14]) == [b"r0", b"q4"]
    assert open_files(tmp_path) == []


def test_a_source_that_is_dropped_closes_its_files(tmp_path: Path, first: Path) -> None:
    source = ArrayRecordDataSource(first)
    assert source[0] == b"r0" and open_files(tmp_path) == ["first.ar"]
    del source
    gc.collect()
    assert open_files(tmp_path) == []


def test_views_and_iterators_outlive_with(first: Path, second: Path) -> None:
    with ArrayRecordDataSource([first, second]) as source:
        view, records = source[8:12], iter(source)
        next(records)
    assert list(view) == EXPECTED[8:12] and list(records) == EXPECTED[1:]


def test_options_are_checked_at_construction(first: Path) -> None:
    options: Any
    for parts in (str(first), FileInstruction(str(first), 0, 3)):
        for options in ({"blah": "1"}, {"max_parallelism": "x"}, "blah", "max_parallelism:-1", {"max_parallelism": -1}):
            with pytest.raises(OptionsError):
                ArrayRecordDataSource(parts, options)
        for options in (
            None,
            {},
            "",
            {"max_parallelism": 4},
            {"readahead_buffer_size": "16MB", "max_parallelism": "0"},
            {"readahead_buffer_size": 0},
            {"index_storage_option": "offloaded"},
            "readahead_buffer_size:0,max_parallelism:2",
        ):
            assert ArrayRecordDataSource(parts, options)[2] == b"r2"


def test_an_instruction_beyond_the_file_is_an_error_at_the_first_read(first: Path, second: Path) -> None:
    for part in (FileInstruction(str(first), 8, 5), f"{first}[8:13]"):
        source = ArrayRecordDataSource([part, second])
        assert len(source) == 10
        for attempt in (
            lambda: source[0],
            lambda: source[4],
            lambda: source.__getitems__([5, 4]),
            lambda: list(source),
        ):
            with pytest.raises(SourceError, match="first.ar"):
                attempt()
        assert source[5] == b"q0"


def test_no_record_is_made_up(tmp_path: Path, first: Path) -> None:
    cut = tmp_path / "cut.ar"
    cut.write_bytes(first.read_bytes()[:65536])
    with pytest.raises(CorruptError, match="cut.ar"):
        ArrayRecordDataSource(cut)
    with pytest.raises(CorruptError, match="cut.ar"):
        ArrayRecordDataSource(FileInstruction(str(cut), 0, 3))[0]


def test_a_file_whose_name_looks_like_a_range(tmp_path: Path, first: Path) -> None:
    odd = write(tmp_path / "first.ar[0:1]", [b"x", b"y"])
    source = ArrayRecordDataSource(odd)
    assert list(source) == [b"x", b"y"] and source._paths == [str(odd)]
    # The whole file is meant, so this is upstream's hash.
    assert hashlib.sha1(str(odd).encode()).hexdigest() in repr(source)


def test_repr_names_the_ranges(first: Path, second: Path) -> None:
    sources: list[Any] = [
        first,
        [first, second],
        f"{first}[0:3]",
        f"{first}[0:4]",
        f"{first}[1:4]",
        [f"{first}[0:3]", second],
        [first, f"{second}[0:3]"],
        [f"{first}[0:3]"] * 2,
    ]
    assert len({repr(ArrayRecordDataSource(paths)) for paths in sources}) == len(sources)
    same: list[Any] = [
        f"{first}[1:4]",
        FileInstruction(str(first), 1, 3),
        [FileInstruction(first, 1, 3)],
        Path(f"{first}[1:4]"),
    ]
    assert len({repr(ArrayRecordDataSource(paths)) for paths in same}) == 1
    assert {repr(pickle.loads(pickle.dumps(ArrayRecordDataSource(paths)))) for paths in sources} == {
        repr(ArrayRecordDataSource(paths)) for paths in sources
    }


def test_threads_share_a_source(source: ArrayRecordDataSource) -> None:
    wrong: list[Any] = []

    def read(seed: int) -> None:
        keys = np.random.default_rng(seed).integers(0, 15, 500)
        for key in keys:
            if source[int(key)] != EXPECTED[key]:
                wrong.append(key)
        if source.__getitems__(keys) != [EXPECTED[key] for key in keys]:
            wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


FLAGS = """
    import sys
    from absl import flags
    if sys.argv[1] == "upstream first":
        import array_record.python.array_record_data_source as upstream
        import windrow.array_record_data_source as ours
    else:
        import windrow.array_record_data_source as ours
        import array_record.python.array_record_data_source as upstream
    # Upstream's flags are the ones that count: what they say of themselves is true there.
    assert flags.FLAGS["grain_num_threads_fetching_records"].help.startswith("The number of threads")
    name = "_GRAIN_NUM_THREADS_FETCHING_RECORDS"
    print([module._get_flag_value(getattr(module, name)) for module in (ours, upstream)], end=" ")
    flags.FLAGS(["program", "--grain_num_threads_fetching_records=3", "--array_record_reader_pool_size=2"])
    print([module._get_flag_value(getattr(module, name)) for module in (ours, upstream)])
"""


@pytest.mark.parametrize("order", ["upstream first", "ours first"])
def test_flags_are_defined_beside_upstream(order: str, tmp_path: Path) -> None:
    assert run(FLAGS, tmp_path, order) == "[64, 64] [3, 3]\n"


def test_flags_are_defined_for_launch_scripts(tmp_path: Path) -> None:
    program = """
        from absl import app
        from windrow import array_record_data_source as ours
        def main(arguments):
            print(ours._get_flag_value(ours._GRAIN_NUM_THREADS_COMPUTING_NUM_RECORDS), arguments[1:])
        app.run(main)
    """
    assert (
        run(program, tmp_path, "--grain_num_threads_computing_num_records=7", "x", hide="array_record") == "7 ['x']\n"
    )


def test_nothing_else_needs_to_be_installed(tmp_path: Path, second: Path) -> None:
    program = """
        import logging, sys
        from windrow import array_record_data_source as ours, array_record_module
        logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
        ours._check_group_size("the file", array_record_module.ArrayRecordReader(sys.argv[1]))
        source = ours.ArrayRecordDataSource(sys.argv[1])
        print(source[4], ours._get_flag_value(ours._GRAIN_NUM_THREADS_FETCHING_RECORDS))
        print(sorted({name.partition(".")[0] for name in sys.modules} & {"absl", "numpy", "etils", "array_record"}))
    """
    lines = run(program, tmp_path, second, hide="array_record,absl,numpy,etils").splitlines()
    assert lines[0].startswith("ERROR windrow File the file was created with group size 2.")
    assert lines[1:] == ["b'q4' 64", "[]"]
