"""Files of record pages, with dictionaries and without: written, read in every way, damaged, grown."""

import asyncio
import copy
import io
import itertools
import multiprocessing
import os
import pickle
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pyarrow
import pytest
from upstream_process import Upstream

import windrow
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader, ArrayRecordWriter

COUNT = 3000
BLOCK = 65536


def event(number: int) -> bytes:
    user, item = number * 2_654_435_761 % 10_007, number * 40_503 % 997
    return b'{"user":%d,"action":"view","item":%d,"session":"s-%06d","flags":["a","b"]}' % (user, item, number)


EVENTS = [event(number) for number in range(COUNT)]
SAMPLE = [event(number) for number in range(50_000, 60_000)]


@pytest.fixture(scope="session")
def trained() -> windrow.Dictionary:
    dictionary = windrow.train_dictionary(SAMPLE, max_bytes=8192)
    assert dictionary is not None
    return dictionary


def write(path: Path, records: list[bytes] = EVENTS, **keywords: Any) -> Path:
    with windrow.RecordWriter(path, layout="pages", **keywords) as writer:
        writer.write_batch(records)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, trained: windrow.Dictionary) -> dict[str, Path]:
    """The same records in pages: with a dictionary and without, by several codecs."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        "given": write(folder / "given", dictionary=trained),
        "auto": write(folder / "auto", dictionary="auto", group_size=700),
        "off": write(folder / "off"),
        "uncompressed": write(folder / "uncompressed", codec="uncompressed"),
        "brotli": write(folder / "brotli", codec="brotli", level=1, group_size=100),
        "padded": write(folder / "padded", dictionary=4096, group_size=1000, pad_to_block_boundary=True),
    }


NAMES = ["given", "auto", "off", "uncompressed", "brotli", "padded"]


class Chunk(NamedTuple):
    """A chunk as it lies in a file: the letter of its type, where it begins, and where its data do."""

    kind: str
    begin: int
    data: int


def chunks(content: bytes) -> list[Chunk]:
    """All chunks, padding and postscript among them."""
    flat = b"".join(content[at + 24 : at + BLOCK] for at in range(0, len(content), BLOCK))

    def in_file(byte: int) -> int:
        return byte + 24 * (byte // (BLOCK - 24) + 1)

    found = []
    at = 40
    while at + 40 <= len(flat):
        _, data_bytes, _, word, _ = struct.unpack_from("<5Q", flat, at)
        kind, records = chr(word & 0xFF), word >> 8
        found.append(Chunk(kind, in_file(at), in_file(at + 40)))
        at += max(40 + data_bytes, records if kind == "r" else 0)
    return found


def flipped(path: Path, *places: int) -> Path:
    """Changes a bit at these places."""
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 4
    path.write_bytes(content)
    return path


def copied(path: Path, folder: Path) -> Path:
    made = folder / "copied"
    made.write_bytes(path.read_bytes())
    return made


READS: dict[str, Callable[[Any], list[bytes]]] = {
    "iteration": list,
    "read_all": lambda records: records.read_all(),
    "one by one": lambda records: [records[number] for number in range(len(records))],
    "read_many": lambda records: records.read_many(range(len(records))),
    "some": lambda records: list(
        itertools.chain(*zip(records[list(range(0, COUNT, 2))], records[range(1, COUNT, 2)], strict=True))
    ),
    "read_range": lambda records: records.read_range(0, 10) + records.read_range(10),
    "views": lambda records: [bytes(records.read_view(number)) for number in range(len(records))],
    "batches": lambda records: [record for batch in records.batches() for record in batch.to_list()],
    "read_batch": lambda records: records.read_batch().to_list(),
    "slices": lambda records: list(records[:50]) + records[50:].read_all(),
    "backwards": lambda records: list(reversed(list(reversed(records)))),
    "pickle": lambda records: pickle.loads(pickle.dumps(records))[:].read_all(),
    "arrow": lambda records: pyarrow.RecordBatchReader.from_stream(records).read_all()["record"].to_pylist(),
    "asyncio": lambda records: asyncio.run(records.read_many_async(range(len(records)))),
}
OPENED: dict[str, Callable[[Path], Any]] = {
    "reader": windrow.RecordReader,
    "source": lambda path: windrow.DataSource([path]),
    "parts": lambda path: windrow.DataSource([f"{path}[0:1500]", f"{path}[1500:{COUNT}]"], max_open_files=1),
    "offloaded": lambda path: windrow.RecordReader(path, index_storage="offloaded"),
    "serial": lambda path: windrow.RecordReader(path, max_parallelism=0, chunk_cache_bytes=0),
    "skipping": lambda path: windrow.RecordReader(path, on_corrupt="skip"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("name", NAMES)
def test_reading(files: dict[str, Path], name: str, opened: str, read: str) -> None:
    records = OPENED[opened](files[name])
    assert READS[read](records) == EVENTS
    assert list(records.skipped) == []


@pytest.mark.parametrize("name", NAMES)
def test_files_are_sound(files: dict[str, Path], name: str) -> None:
    report = windrow.verify(files[name], deep=True)
    assert report.ok and report.records == COUNT
    reader = windrow.RecordReader(files[name])
    assert reader.layout == "pages" and ",layout:pages" in (reader.writer_options or "")
    assert windrow.recover(files[name]).report.is_whole
    content = io.BytesIO(files[name].read_bytes())
    for source in (content.getvalue(), content):
        reader = windrow.RecordReader(source)
        assert reader.read_all() == EVENTS and reader[5] == EVENTS[5] and len(reader.dictionaries) < 2


def test_other_files_have_groups(tmp_path: Path) -> None:
    with windrow.RecordWriter(tmp_path / "groups", layout="groups", group_size=10) as writer:
        writer.write_batch(EVENTS)
    reader = windrow.RecordReader(tmp_path / "groups")
    assert reader.layout == "groups" and reader.dictionaries == []
    reader.close()
    for look in (lambda: reader.layout, lambda: reader.dictionaries):
        with pytest.raises(windrow.ClosedError):
            look()


def test_one_record_is_one_small_read(files: dict[str, Path]) -> None:
    reader = windrow.RecordReader(files["given"])
    assert reader.group_size == 1024
    assert reader[1000] == EVENTS[1000]
    before = reader.stats()
    assert reader[10] == EVENTS[10]
    after = reader.stats()
    assert after["reads"] == before["reads"] + 1
    assert after["bytes_read"] - before["bytes_read"] < len(EVENTS[10])
    assert after["chunks_decoded"] == before["chunks_decoded"]


def test_a_dictionary_makes_small_records_smaller(files: dict[str, Path]) -> None:
    def stored(name: str) -> int:
        content = files[name].read_bytes()
        begins = [chunk.begin for chunk in chunks(content)]
        return sum(end - begin for begin, end in itertools.pairwise(begins) if content[begin + 24] == ord("e"))

    assert stored("given") < stored("off") / 2


def test_arrays(tmp_path: Path) -> None:
    rows = numpy.arange(2000 * 4, dtype="<f4").reshape(2000, 4)
    with windrow.RecordWriter(tmp_path / "rows", layout="pages", dictionary="auto", group_size=300) as writer:
        writer.write_batch(rows)
    order = random.Random(1).sample(range(2000), 500)
    for records in (windrow.RecordReader(tmp_path / "rows"), windrow.DataSource(tmp_path / "rows")):
        assert (records.read_array(order, "<f4", 4) == rows[order]).all()
        assert (records.read_array(None, "<f4", 4) == rows).all()


# Dictionaries.


def test_a_dictionary_is_a_value(trained: windrow.Dictionary) -> None:
    content = bytes(trained)
    same, other = windrow.Dictionary(bytearray(content)), windrow.Dictionary(content[:-1] + b"!")
    assert len(trained) == len(content) <= 8192
    assert same == trained != other and same != content and hash(same) == hash(trained)
    assert len({trained, same, other}) == 2
    assert trained.id == same.id != other.id
    assert len(trained.id) == 16 and int(trained.id, 16) > 0
    assert repr(trained) == f'Dictionary(<{len(content)} bytes>, id="{trained.id}")'
    for made in (pickle.loads(pickle.dumps(trained)), copy.copy(trained), copy.deepcopy(trained)):
        assert type(made) is windrow.Dictionary and made == trained and bytes(made) == content
    with pytest.raises(AttributeError):
        trained.id = "0"  # type: ignore[misc]


@pytest.mark.parametrize("view", [bytes, bytearray, memoryview, lambda b: numpy.frombuffer(b, "<u2")])
def test_any_bytes_make_one(view: Callable[[bytes], Any]) -> None:
    content = b"".join(SAMPLE)[:1000]
    assert bytes(windrow.Dictionary(view(content))) == content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a dictionary of 0 bytes: it may have 256 to 16777216"),
        (bytes(255), "255 bytes"),
        (bytes((16 << 20) + 1), "16777217 bytes"),
        (b"\x37\xa4\x30\xec" + b"\xff" * 300, "damaged"),
    ],
    ids=["empty", "small", "large", "damaged"],
)
def test_what_is_no_dictionary(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "dictionary"
    path.write_bytes(content)
    calls: list[Callable[[], object]] = [
        lambda: windrow.Dictionary(content),
        lambda: windrow.RecordWriter(tmp_path / "x", layout="pages", dictionary=content),
        lambda: windrow.RecordWriter(tmp_path / "x", layout="pages", dictionary=path),
    ]
    for call in calls:
        with pytest.raises(windrow.OptionsError, match=said) as info:
            call()
        assert info.value.code == "dictionary" and isinstance(info.value, ValueError) and "\n" not in str(info.value)
    assert str(path) in str(info.value)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", ["text", 5, None, [1, 2], object()], ids=repr)
def test_what_is_no_content(content: Any) -> None:
    with pytest.raises(TypeError, match="buffer"):
        windrow.Dictionary(content)


def test_training(trained: windrow.Dictionary) -> None:
    for kind in (list, tuple, iter, lambda records: map(bytearray, records), lambda records: map(memoryview, records)):
        assert windrow.train_dictionary(kind(SAMPLE), max_bytes=8192) == trained
    automatic = windrow.train_dictionary(SAMPLE)
    assert automatic is not None
    assert 256 <= len(automatic) <= sum(map(len, SAMPLE)) // 24
    assert automatic == windrow.train_dictionary(SAMPLE, max_bytes=None)


def test_training_on_the_records_of_a_file(files: dict[str, Path]) -> None:
    reader = windrow.RecordReader(files["auto"])
    expected = windrow.train_dictionary(EVENTS[::2], max_bytes=1000)
    assert windrow.train_dictionary(reader[::2], max_bytes=1000) == expected is not None


@pytest.mark.parametrize(
    "records",
    [[], [b""] * 1000, [b"a"], [b"a", b"b", b"c"], [bytes([number]) for number in range(100)]],
    ids=["none", "empty", "one", "few", "short"],
)
def test_too_little_to_train_on(records: list[bytes]) -> None:
    assert windrow.train_dictionary(records) is None
    assert windrow.train_dictionary(records, max_bytes=4096) is None


def test_training_takes_the_first_records() -> None:
    record = random.Random(1).randbytes(60_000)
    given = 0

    def records() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += len(record)
            yield record

    windrow.train_dictionary(records(), max_bytes=300)
    assert 16 << 20 <= given < (16 << 20) + 2 * len(record)


def test_training_looks_at_all_that_it_took() -> None:
    first, last = ([random.Random(seed).randbytes(100)] * 80_000 for seed in (1, 2))
    dictionary = windrow.train_dictionary(first + last, max_bytes=1000)
    assert dictionary is not None and first[0][:50] in bytes(dictionary) and last[0][:50] in bytes(dictionary)


def test_training_takes_the_beginning_of_large_records() -> None:
    given = 0

    def records() -> Iterator[bytes]:
        nonlocal given
        for _ in range(1000):
            given += 1
            yield bytes(1 << 20)

    windrow.train_dictionary(records(), max_bytes=300)
    assert given == (16 << 20) // (64 << 10)


def test_training_ends_without_bytes() -> None:
    assert windrow.train_dictionary(itertools.repeat(b""), max_bytes=300) is None


@pytest.mark.parametrize("size", [0, 255, (16 << 20) + 1, -1, 2**70, 1.5, "64k"])
def test_sizes_that_cannot_be(size: Any) -> None:
    with pytest.raises(windrow.OptionsError, match="max_bytes is .*, not one of 256 to 16777216") as info:
        windrow.train_dictionary(SAMPLE, max_bytes=size)
    assert info.value.code == "invalid_option_value"


@pytest.mark.parametrize("records", [b"bytes", "text", 5, None, ["text"], [5]], ids=repr)
def test_what_cannot_be_trained_on(records: Any) -> None:
    with pytest.raises(TypeError):
        windrow.train_dictionary(records)


def test_records_that_raise_end_the_training() -> None:
    def records() -> Iterator[bytes]:
        yield from SAMPLE
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        windrow.train_dictionary(records())


# Options.


@pytest.mark.parametrize("kind", ["value", "bytes", "bytearray", "path"])
def test_kinds_of_dictionaries(kind: str, trained: windrow.Dictionary, files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_bytes(bytes(trained))
    given: dict[str, Any] = {
        "value": trained,
        "bytes": bytes(trained),
        "bytearray": bytearray(bytes(trained)),
        "path": tmp_path / "dictionary",
    }
    path = write(tmp_path / "records", dictionary=given[kind])
    assert path.read_bytes() == files["given"].read_bytes()
    assert windrow.RecordReader(path).dictionaries == [trained]
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, "layout:pages", dictionary=given[kind]) as writer:
        writer.write_batch(EVENTS)
    assert sink.getvalue() == path.read_bytes()


def test_a_large_dictionary_into_a_file_object() -> None:
    content = random.Random(1).randbytes(3 << 20)
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, layout="pages", dictionary=content) as writer:
        writer.write(content[5000:6000])
    reader = windrow.RecordReader(sink.getvalue())
    assert reader[0] == content[5000:6000] and bytes(reader.dictionaries[0]) == content


@pytest.mark.parametrize(
    ("options", "keywords", "stated"),
    [
        ("layout:pages", {}, "layout:pages"),
        (None, {"layout": "pages"}, "layout:pages"),
        (None, {"layout": "pages", "dictionary": "off"}, "layout:pages"),
        (None, {"layout": "pages", "dictionary": None}, "layout:pages"),
        ("layout:pages,dictionary:auto", {}, "layout:pages,dictionary:auto"),
        (None, {"layout": "pages", "dictionary": "auto"}, "layout:pages,dictionary:auto"),
        ("layout:pages", {"dictionary": "auto"}, "layout:pages,dictionary:auto"),
        # In any order.
        (None, {"dictionary": "auto", "group_size": 1024, "layout": "pages"}, "layout:pages,dictionary:auto"),
        ("dictionary:64k,layout:pages", {}, "layout:pages,dictionary:65536"),
        (None, {"layout": "pages", "dictionary": 65536}, "layout:pages,dictionary:65536"),
        (None, {"layout": "pages", "dictionary": numpy.int64(65536)}, "layout:pages,dictionary:65536"),
        (None, {"layout": "pages", "dictionary": bytes(300)}, "layout:pages"),
    ],
)
def test_strings_and_keywords_say_the_same(options: str | None, keywords: dict[str, Any], stated: str) -> None:
    with windrow.RecordWriter(io.BytesIO(), options, **keywords) as writer:
        assert writer.options.startswith("group_size:1024,")
        assert writer.options.endswith(f",max_parallelism:1,{stated}")


@pytest.mark.parametrize(
    ("options", "keywords", "said", "code"),
    [
        ("layout:pages", {"layout": "pages"}, "layout is given in the option string", "conflicting_options"),
        ("layout:pages,dictionary:auto", {"dictionary": "off"}, "dictionary is given in", "conflicting_options"),
        (None, {"dictionary": "auto"}, "dictionary conflicts with option layout:groups", "conflicting_options"),
        (None, {"dictionary": bytes(300)}, "dictionary conflicts with option layout:groups", "conflicting_options"),
        ("snappy", {"layout": "pages", "dictionary": "auto"}, "dictionary conflicts.*snappy", "conflicting_options"),
        (None, {"layout": "pages", "dictionary": 300, "codec": "brotli"}, "dictionary.*brotli", "conflicting_options"),
        (None, {"layout": "pages", "transpose": True}, "layout conflicts.*transpose", "conflicting_options"),
        ("layout:columns", {}, "layout: invalid value: columns, valid values: groups, pages", "invalid_option_value"),
        (None, {"layout": "columns"}, "layout cannot be 'columns'", "invalid_option_value"),
        (None, {"layout": None}, "layout cannot be None", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": 255}, r"dictionary: .*255.*\[256..16777216\]", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": (16 << 20) + 1}, "dictionary: .*16777217", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": -1}, "dictionary cannot be -1: give", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": 1.5}, "dictionary cannot be 1.5: give", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": "words.dict"}, "'words.dict': give .*Path", "invalid_option_value"),
        (None, {"layout": "pages", "dictionary": [b"a"]}, "dictionary cannot be", "invalid_option_value"),
    ],
)
def test_options_that_do_not_fit(options: str | None, keywords: dict[str, Any], said: str, code: str) -> None:
    with pytest.raises(windrow.OptionsError, match=said) as info:
        windrow.RecordWriter(io.BytesIO(), options, **keywords)
    assert info.value.code == code and "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("name", "kind"), [("missing", FileNotFoundError), (".", IsADirectoryError), ("file/below", NotADirectoryError)]
)
def test_dictionary_files_that_cannot_be_read(tmp_path: Path, name: str, kind: type[OSError]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind) as info:
        windrow.RecordWriter(tmp_path / "x", layout="pages", dictionary=tmp_path / name)
    assert isinstance(info.value, windrow.StorageError) and info.value.path == str(tmp_path / name)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("dictionary", ["off", "auto", 4096])
def test_no_records(dictionary: Any, tmp_path: Path) -> None:
    reader = windrow.RecordReader(write(tmp_path / "none", [], dictionary=dictionary))
    assert len(reader) == 0 and list(reader) == [] and reader.dictionaries == []


def test_auto_keeps_no_dictionary_that_does_not_pay(tmp_path: Path) -> None:
    noise = [random.Random(number).randbytes(700) for number in range(1000)]
    path = write(tmp_path / "noise", noise, dictionary="auto")
    assert windrow.RecordReader(path).dictionaries == [] and windrow.RecordReader(path).read_all() == noise


# Upstream, and the modules of its names.


@pytest.mark.parametrize("name", NAMES)
def test_upstream_refuses_such_files_when_it_opens_them(
    files: dict[str, Path], name: str, upstream: Upstream
) -> None:
    with pytest.raises(AssertionError, match="upstream cannot open"):
        upstream.read(files[name])


def test_the_drop_in_modules(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "records"
    writer = ArrayRecordWriter(str(path), "layout:pages,dictionary:auto,group_size:700")
    for record in EVENTS:
        writer.write(record)
    writer.close()
    assert path.read_bytes() == files["auto"].read_bytes()
    for file in files.values():
        reader = ArrayRecordReader(str(file))
        assert reader.ok() and reader.num_records() == COUNT
        assert reader.read(17, 120) == EVENTS[17:120]
        assert reader.read([2999, 5, 5]) == [EVENTS[2999], EVENTS[5], EVENTS[5]]
        assert reader.read_all() == [reader.read() for _ in EVENTS] == EVENTS
    source = ArrayRecordDataSource([str(files["auto"]), str(files["brotli"])])
    assert source.__getitems__([COUNT, 0, 5999]) == [EVENTS[0], EVENTS[0], EVENTS[-1]]


# Processes.


def _mixed(files: dict[str, Path]) -> list[Path]:
    """Files of different dictionaries, of one dictionary twice, of none."""
    return [files[name] for name in ("given", "auto", "off", "padded", "given")]


def test_one_source_of_different_dictionaries(files: dict[str, Path]) -> None:
    paths = _mixed(files)
    dictionaries = {name: windrow.RecordReader(files[name]).dictionaries for name in NAMES}
    assert [len(dictionaries[name]) for name in NAMES] == [1, 1, 0, 0, 0, 1]
    assert len({dictionaries[name][0] for name in ("given", "auto", "padded")}) == 3
    order = random.Random(1).choices(range(COUNT * len(paths)), k=2000)
    expected = [EVENTS[number % COUNT] for number in order]
    for keywords in ({}, {"max_open_files": 1}, {"index_storage": "offloaded"}, {"max_parallelism": 0}):
        source = windrow.DataSource(paths, **keywords)  # type: ignore[arg-type]
        for records in (source, pickle.loads(pickle.dumps(source))):
            assert records.read_many(order) == records.__getitems__(order) == expected
            assert [records[number] for number in order[:100]] == expected[:100]
            assert list(records) == EVENTS * len(paths)


FORKS = """
import os, sys, windrow
reader = windrow.RecordReader(sys.argv[1])
source = windrow.DataSource(sys.argv[1:])
fresh = windrow.RecordReader(sys.argv[1])
expected = reader.read_all()
records = iter(source)
assert [next(records) for _ in range(120)] == expected[:120]
for _ in range(5):
    child = os.fork()
    if child == 0:
        ok = reader[7] == fresh[7] == source[7] == expected[7] and reader.dictionaries == fresh.dictionaries
        ok = ok and reader.read_many(range(0, 3000, 7)) == expected[::7] and fresh.read_all() == expected
        ok = ok and list(records) == (expected * (len(sys.argv) - 1))[120:]
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_processes(files: dict[str, Path]) -> None:
    command = [sys.executable, "-Werror", "-c", FORKS, *_mixed(files)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def _read(records: Any, numbers: list[int]) -> list[bytes]:
    return [records[number] for number in numbers] + records.read_many(numbers)


def test_started_processes(files: dict[str, Path]) -> None:
    numbers = list(range(0, COUNT, 11))
    expected = [EVENTS[number] for number in numbers] * 2
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for records in (windrow.RecordReader(files["auto"])[:], windrow.DataSource(_mixed(files))):
            assert pool.apply(_read, (records, numbers)) == expected


# Damage.


def test_a_damaged_record_costs_itself(files: dict[str, Path], tmp_path: Path) -> None:
    path = copied(files["uncompressed"], tmp_path)
    flipped(path, path.read_bytes().index(EVENTS[1500]) + 5)
    some = list(range(0, COUNT, 2))
    for source in (path, path.read_bytes(), f"{path}[0:{COUNT}]"):
        records: Any = windrow.DataSource(source) if isinstance(source, str) else windrow.RecordReader(source)
        calls: list[Callable[[], object]] = [
            lambda records=records: records[1500],
            lambda records=records: records.read_many(some),
            lambda records=records: records.read_view(1500),
        ]
        for call in calls:
            with pytest.raises(windrow.CorruptError, match="CRC32C.*other records can be read") as info:
                call()
            assert (info.value.code, info.value.record_range) == ("crc", (1500, 1501))
        assert records[1499] == EVENTS[1499] and records.read_many(range(1, COUNT, 2)) == EVENTS[1::2]
    for skipping in (
        windrow.RecordReader(path, on_corrupt="skip"),
        windrow.RecordReader(path, on_corrupt="skip", index_storage="offloaded"),
        windrow.DataSource([path], on_corrupt="skip"),
    ):
        expected = [None if number == 1500 else EVENTS[number] for number in some]
        assert skipping.read_many(some) == skipping.read_batch(some).to_list() == expected
        assert skipping.read_many([1500, 1], missing=b"") == [b"", EVENTS[1]]
        with pytest.raises(windrow.CorruptError):
            skipping[1500]
    assert [(fault.code, fault.record_range) for _, fault in skipping.skipped] == [("crc", (1500, 1501))]
    report = windrow.verify(path, deep=True)
    assert not report.ok and {fault.record_range for fault in report.faults} <= {(1024, 2048), (1500, 1501)}


def test_a_damaged_table_costs_its_chunk(files: dict[str, Path], tmp_path: Path) -> None:
    path = copied(files["off"], tmp_path)
    front = [chunk.data for chunk in chunks(path.read_bytes()) if chunk.kind == "e"][1]
    # The second number of the table's bits; the width of its numbers.
    for place, code in ((front + 30, "crc"), (front + 9 + 16, "page_table")):
        content = bytearray(path.read_bytes())
        content[place] ^= 0x80
        reader = windrow.RecordReader(bytes(content))
        for number in (1024, 2047):
            with pytest.raises(windrow.CorruptError) as info:
                reader[number]
            assert (info.value.code, info.value.record_range, info.value.chunk_index) == (code, (1024, 2048), 1)
        assert reader[1023] == EVENTS[1023] and reader[2048] == EVENTS[2048]
        skipping = windrow.RecordReader(bytes(content), on_corrupt="skip")
        assert skipping.read_many([0, 1024, 2048]) == [EVENTS[0], None, EVENTS[2048]]


def test_a_dictionary_is_there_twice(files: dict[str, Path], tmp_path: Path, trained: windrow.Dictionary) -> None:
    copies = [chunk.data for chunk in chunks(files["given"].read_bytes()) if chunk.kind == "d"]
    assert len(copies) == 2
    for place in copies:
        path = flipped(copied(files["given"], tmp_path), place + 100)
        reader = windrow.RecordReader(path)
        assert reader[5] == EVENTS[5] and reader.read_all() == EVENTS and reader.dictionaries == [trained]
        assert not windrow.verify(path).ok


def test_records_whose_dictionary_is_gone(files: dict[str, Path], tmp_path: Path, trained: windrow.Dictionary) -> None:
    content = files["given"].read_bytes()
    copies = [chunk.data for chunk in chunks(content) if chunk.kind == "d"]
    path = flipped(copied(files["given"], tmp_path), *(place + 100 for place in copies))
    reader = windrow.RecordReader(path)
    assert reader.dictionaries == []
    for call in (lambda: reader[5], reader.read_all, lambda: list(reader), lambda: windrow.DataSource(path)[5]):
        with pytest.raises(windrow.CorruptError, match="both its copies are damaged or gone") as info:
            call()
        assert info.value.code == "dictionary_missing" and trained.id in str(info.value)
        assert "can be read" not in str(info.value) and info.value.record_range is not None
    assert windrow.RecordReader(path, on_corrupt="skip").read_many([5, 6]) == [None, None]


# Files that grow.


@pytest.mark.parametrize("name", ["given", "auto", "off", "uncompressed"])
@pytest.mark.parametrize("as_copy", [False, True])
def test_appending(files: dict[str, Path], name: str, as_copy: bool, tmp_path: Path) -> None:
    path = copied(files[name], tmp_path)
    before = windrow.RecordReader(path).dictionaries
    for number, keywords in enumerate(({}, {"layout": "pages"}, {"options": "layout:pages"}), 1):
        with windrow.RecordWriter(path, mode="append", copy=as_copy, **keywords) as writer:  # type: ignore[call-overload]
            assert f"{writer.options},needs:windrow" == windrow.RecordReader(files[name]).writer_options
            writer.write_batch(EVENTS[:500])
        reader = windrow.RecordReader(path)
        assert reader.read_all() == EVENTS + EVENTS[:500] * number and reader[-1] == EVENTS[499]
        assert reader.dictionaries == before and reader.layout == "pages"
    assert windrow.verify(path, deep=True).ok


def test_appending_with_a_dictionary(files: dict[str, Path], tmp_path: Path, trained: windrow.Dictionary) -> None:
    path = copied(files["given"], tmp_path)
    for dictionary in (trained, bytes(trained), "auto", 4096, None):
        with windrow.RecordWriter(path, mode="append", dictionary=dictionary) as writer:
            writer.write(b"more")
    assert windrow.RecordReader(path).read_all() == EVENTS + [b"more"] * 5
    before = path.read_bytes()
    for keywords, said in (
        ({"dictionary": "off"}, f"dictionary: off contradicts the file, which has {trained.id}"),
        ({"dictionary": bytes(300)}, "dictionary: .* contradicts"),
        ({"layout": "groups"}, "layout: groups contradicts the file, which has pages"),
        ({"layout": "pages", "transpose": True}, "transpose"),
    ):
        with pytest.raises(windrow.OptionsError, match=said):
            windrow.RecordWriter(path, mode="append", **keywords)  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_appending_to_nothing(tmp_path: Path, trained: windrow.Dictionary, files: dict[str, Path]) -> None:
    path = tmp_path / "records"
    with pytest.raises(windrow.OptionsError, match="dictionary conflicts with option layout:groups"):
        windrow.RecordWriter(path, mode="append", dictionary=trained)
    assert not path.exists()
    with windrow.RecordWriter(path, mode="append", dictionary=trained, layout="pages") as writer:
        writer.write_batch(EVENTS)
    assert path.read_bytes() == files["given"].read_bytes()


def test_a_file_without_records_takes_any_dictionary(tmp_path: Path, trained: windrow.Dictionary) -> None:
    path = tmp_path / "records"
    for options in ("", "layout:pages", "layout:pages,dictionary:auto"):
        for keywords in ({"dictionary": trained}, {"dictionary": "auto"}, {"dictionary": 4096}):
            windrow.RecordWriter(path, options).close()
            with windrow.RecordWriter(path, mode="append", layout="pages", **keywords) as writer:  # type: ignore[arg-type]
                writer.write_batch(EVENTS)
            reader = windrow.RecordReader(path)
            assert reader.read_all() == EVENTS and len(reader.dictionaries) == 1
            assert windrow.verify(path, deep=True).ok


@pytest.mark.parametrize("dictionary", ["off", "auto", 4096])
def test_following_and_recovering(dictionary: Any, tmp_path: Path) -> None:
    path = tmp_path / "growing"
    writer = windrow.RecordWriter(path, layout="pages", dictionary=dictionary, group_size=300)
    tail = windrow.TailReader(path)
    writer.write_batch(EVENTS[:1000])
    # Held until it is decided how they are compressed.
    assert dictionary == "off" or tail.poll() is None
    followed: list[bytes] = []
    for end in (1000, 1001, 2500):
        writer.write_batch(EVENTS[writer.records : end])
        writer.flush()
        while (batch := tail.poll()) is not None:
            followed += batch.to_list()
        assert followed == EVENTS[:end]
        recovered = windrow.recover(path)
        assert recovered.reader.read_all() == EVENTS[:end] == [recovered.reader[number] for number in range(end)]
        assert recovered.reader.layout == "pages"
        assert len(recovered.reader.dictionaries) == (dictionary != "off")
        assert pickle.loads(pickle.dumps(recovered.reader)).read_many([3, end - 1]) == [EVENTS[3], EVENTS[end - 1]]
    writer.write_batch(EVENTS[2500:])
    writer.close()
    followed += tail
    assert followed == EVENTS and tail.is_sealed
    assert windrow.verify(path, deep=True).ok


def test_a_killed_writer_loses_what_was_not_flushed(tmp_path: Path) -> None:
    program = """
import os, sys, windrow
writer = windrow.RecordWriter(sys.argv[1], layout="pages", dictionary="auto")
for number in range(900):
    writer.write(b'{"user":%d,"action":"view","item":%d}' % (number * 7919, number % 13))
    if number == 799:
        writer.flush()
os._exit(0)
"""
    path = tmp_path / "killed"
    subprocess.run([sys.executable, "-c", program, path], check=True, timeout=60)
    reader = windrow.recover(path).reader
    assert len(reader) == 800 and reader[799] == b'{"user":%d,"action":"view","item":6}' % (799 * 7919)
    with windrow.RecordWriter(path, mode="append") as writer:
        assert writer.records == 800 and writer.options.endswith(",layout:pages")
        writer.write(b"last")
    reader = windrow.RecordReader(path)
    assert reader[800] == b"last" and len(reader.dictionaries) == 1 and windrow.verify(path, deep=True).ok


def test_an_exception_keeps_what_was_held(tmp_path: Path) -> None:
    path = tmp_path / "left"
    with pytest.raises(KeyError), windrow.RecordWriter(path, layout="pages", dictionary="auto") as writer:
        writer.write_batch(EVENTS)
        raise KeyError
    assert windrow.recover(path).reader.read_all() == EVENTS


def test_an_atomic_file_appears_at_once(tmp_path: Path) -> None:
    path = tmp_path / "atomic"
    with windrow.RecordWriter(path, layout="pages", dictionary="auto", atomic=True) as writer:
        writer.write_batch(EVENTS)
        assert not path.exists()
    assert windrow.RecordReader(path).read_all() == EVENTS and os.listdir(tmp_path) == ["atomic"]
