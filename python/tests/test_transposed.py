"""Transposed files: both directions with upstream, reading some fields, and what works as with other files."""

import io
import multiprocessing
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from transposed_messages import Visit, chunks, project, serialized, visit
from upstream_process import Upstream

import windrow
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader, ArrayRecordWriter

OPTIONS = "group_size:100,transpose:true,transpose_bucket_size:256,zstd:3"
MESSAGES = [visit(number) for number in range(250)]
RECORDS = [serialized(message) for message in MESSAGES]


def _field(number: int, value: bytes) -> bytes:
    """Text in a field below 16, with a size below 128."""
    return bytes([number << 3 | 2, len(value)]) + value


def _nested(depth: int) -> bytes:
    """Written by hand: protobuf refuses more than 100 messages in one another."""
    message = b"\x08\x01"
    for _ in range(depth):
        message = b"\x52" + _varint(len(message)) + message + b"\x10\x02"
    return message


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _large() -> list[bytes]:
    rng = random.Random(1)
    pages = ("x" * 2_000_000, "".join(rng.choices("abcdefgh", k=2_000_000)), "")
    return [serialized(Visit(id=number, page=page)) for number, page in enumerate(pages)]


KINDS: dict[str, list[bytes]] = {
    "messages": RECORDS,
    "nested": [_nested(depth) for depth in (0, 1, 5, 98, 99, 100, 101, 150)],
    "repeated and packed": [serialized(Visit(scores=range(n), marks=range(n))) for n in (0, 1, 2, 127, 128, 5000)],
    "groups": [serialized(Visit(place=[Visit.Place(x=n, street="s" * n)] * n)) for n in range(20)],
    "maps": [serialized(Visit(counts={str(key): key for key in range(n)})) for n in range(20)],
    "enums": [serialized(Visit(state=n % 3)) for n in range(300)] + [b"\x40\x07", b"\x40" + b"\xff" * 9 + b"\x01"],
    "unknown fields": [record + b"\xfa\xff\xff\xff\x0f\x03abc" + b"\xa0\x06\x05" for record in RECORDS[:50]],
    "fields out of order": [b"\x12\x01a\x08\x05\x12\x01b\x08\x06" * n for n in range(10)],
    "varints that are too long": [
        b"\x08\x81\x00",
        b"\x88\x00\x01",
        b"\x0a\x81\x00a",
        _field(1, b"\x08\x81\x00"),
        *RECORDS[:3],
        b"\x08" + b"\xff" * 9 + b"\x01",
        b"\x08" + b"\xff" * 9 + b"\x7f",
    ],
    "large texts": _large(),
    "no messages": [random.Random(n).randbytes(n) for n in range(100)] + [b"plain text", b"", b"\x0b", b"\x0b\x14"],
    "both": [record if number % 3 else b"\xff%d" % number for number, record in enumerate(RECORDS)],
    "empty": [b""] * 10,
    "nothing": [],
}


def write(path: Path, records: Sequence[bytes], options: str = OPTIONS, **keywords: Any) -> Path:
    with windrow.RecordWriter(path, options, **keywords) as writer:
        writer.write_batch(records)
    return path


def kinds(path: Path) -> str:
    """The letters of a file's chunks. The last one is its index."""
    found = "".join(chunk.kind for chunk in chunks(path))
    assert found.endswith("r")
    return found[:-1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> dict[str, Path]:
    """The same messages: transposed by either library, and not transposed."""
    folder = tmp_path_factory.mktemp("transposed")
    metadata = windrow.RecordsMetadata.for_message(Visit)
    return {
        "windrow": write(folder / "windrow", RECORDS),
        "upstream": upstream.write(folder / "upstream", RECORDS, OPTIONS),
        "simple": write(folder / "simple", RECORDS, "group_size:100"),
        "named": write(folder / "named", RECORDS, records_metadata=metadata),
    }


@pytest.mark.parametrize("options", ["zstd:3", "brotli:5", "snappy", "uncompressed", "zstd,transpose_bucket_size:64K"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_directions(kind: str, options: str, tmp_path: Path, upstream: Upstream) -> None:
    records, options = KINDS[kind], f"group_size:100,transpose,{options}"
    ours = write(tmp_path / "ours", records, options)
    assert upstream.read(ours) == records
    theirs = upstream.write(tmp_path / "theirs", records, options.replace("transpose,", "transpose:true,"))
    for path in (ours, theirs):
        reader = windrow.RecordReader(path)
        assert list(reader) == reader.read_all() == records
        assert windrow.verify(path, deep=True).ok
        if "uncompressed" not in options:
            assert kinds(path) == "t" * -(-len(records) // 100)


def test_chunks_have_many_buckets(files: dict[str, Path]) -> None:
    for name in ("windrow", "upstream"):
        found = chunks(files[name])[:-1]
        assert [(chunk.kind, chunk.records) for chunk in found] == [("t", 100), ("t", 100), ("t", 50)]
        assert min(chunk.buckets for chunk in found) > 10
    assert kinds(files["simple"]) == "rrr"
    assert kinds(files["named"]) == "mttt"


def test_a_large_bucket_holds_all_of_a_sort(tmp_path: Path) -> None:
    path = write(tmp_path / "records", RECORDS, "group_size:100,transpose,transpose_bucket_size:1M")
    assert [chunk.buckets for chunk in chunks(path)[:-1]] == [4, 4, 4]


def test_writers_state_what_upstream_states(tmp_path: Path, upstream: Upstream) -> None:
    for options in (OPTIONS, "transpose:true", "group_size:7,transpose:true,transpose_bucket_size:64K,brotli:3"):
        ours = write(tmp_path / "ours", RECORDS[:20], options)
        theirs = upstream.write(tmp_path / "theirs", RECORDS[:20], options)
        stated = upstream.options(theirs)
        assert windrow.RecordReader(ours).writer_options == windrow.RecordReader(theirs).writer_options == stated
        assert upstream.options(ours) == stated


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ("transpose,transpose_bucket_size:64k", {}),
        ("transpose:true", {"transpose_bucket_bytes": 65536}),
        (None, {"transpose": True, "transpose_bucket_bytes": 65536}),
        ("transpose_bucket_size:65536", {"transpose": True}),
    ],
)
def test_strings_and_keywords_say_the_same(options: str | None, keywords: dict[str, Any]) -> None:
    with windrow.RecordWriter(io.BytesIO(), options, **keywords) as writer:
        assert ",transpose_bucket_size:65536," in writer.options and ",transpose:true," in writer.options


@pytest.mark.parametrize(
    ("options", "keywords", "said"),
    [
        ("transpose", {"transpose": True}, "transpose is given in the option string and as a keyword"),
        ("transpose_bucket_size:5", {"transpose_bucket_bytes": 5}, "transpose_bucket_bytes is given"),
        (None, {"transpose_bucket_bytes": 0}, "transpose_bucket_bytes: "),
        (None, {"transpose_bucket_bytes": "64k"}, "transpose_bucket_bytes cannot be '64k'"),
        (None, {"transpose": 1}, "transpose cannot be 1"),
        (None, {"transpose": None}, "transpose cannot be None"),
        (None, {"records_metadata": "shop.Visit"}, "records_metadata must be a windrow.RecordsMetadata, not str"),
    ],
)
def test_options_that_do_not_fit(options: str | None, keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(windrow.OptionsError, match=said):
        windrow.RecordWriter(io.BytesIO(), options, **keywords)


def test_defaults_of_keywords() -> None:
    with windrow.RecordWriter(io.BytesIO(), transpose=True, transpose_bucket_bytes=None) as writer:
        assert ",transpose_bucket_size:256," in writer.options
    with windrow.RecordWriter(io.BytesIO(), transpose=False, records_metadata=None) as writer:
        assert ",transpose:false," in writer.options


def test_the_drop_in_modules(files: dict[str, Path], tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "records"
    writer = ArrayRecordWriter(str(path), OPTIONS)
    for record in RECORDS:
        writer.write(record)
    writer.close()
    assert upstream.read(path) == RECORDS
    assert path.read_bytes() == files["windrow"].read_bytes()
    assert ArrayRecordReader(str(files["upstream"])).read(17, 120) == RECORDS[17:120]
    source = ArrayRecordDataSource([str(files["upstream"]), str(path)])
    assert source.__getitems__([249, 250, 3]) == [RECORDS[249], RECORDS[0], RECORDS[3]]


READS: dict[str, Callable[[Any], list[bytes]]] = {
    "iteration": list,
    "read_all": lambda reader: reader.read_all(),
    "one by one": lambda reader: [reader[number] for number in range(len(reader))],
    "read_many": lambda reader: reader.read_many(range(len(reader))),
    "read_range": lambda reader: reader.read_range(),
    "views": lambda reader: [bytes(reader.read_view(number)) for number in range(len(reader))],
    "batches": lambda reader: [record for batch in reader.batches() for record in batch.to_list()],
    "read_batch": lambda reader: reader.read_batch().to_list(),
    "slices": lambda reader: list(reader[:50]) + reader[50:].read_all(),
    "pickle": lambda reader: list(pickle.loads(pickle.dumps(reader))),
    "backwards": lambda reader: list(reversed(list(reversed(reader)))),
}
NUMBERS = ["1", "3.1", "4.2", "5", "10.9", "10.10.3.1", "2000"]
NAMES = ["id", "label.name", "labels.weight", "scores", "parent.place", "parent.parent.label.name", "time"]
PROJECTED = [serialized(project(message, [[*map(int, path.split("."))] for path in NUMBERS])) for message in MESSAGES]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", ["windrow", "upstream", "simple"])
def test_some_fields(files: dict[str, Path], name: str, read: str) -> None:
    for reader in (
        windrow.RecordReader(files[name], fields=NUMBERS),
        windrow.DataSource([files[name]], fields=NUMBERS),
        windrow.RecordReader(files[name].read_bytes(), fields=tuple(NUMBERS)),
    ):
        assert READS[read](reader) == PROJECTED


@pytest.mark.parametrize(
    "fields",
    [
        ["1"],
        ["3"],
        ["3.1"],
        ["3.2"],
        ["4"],
        ["4.1"],
        ["5"],
        ["6"],
        ["7"],
        ["8"],
        ["9"],
        ["9.2"],
        ["10"],
        ["10.10.10.1"],
        ["10.10", "10.10.1", "10.1"],
        ["11", "12", "13", "2000"],
        ["2000.1"],
        ["999"],
        ["3.999"],
        ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "2000"],
        [],
    ],
    ids=",".join,
)
def test_fields_are_what_protobuf_leaves(files: dict[str, Path], fields: list[str]) -> None:
    paths = [[*map(int, path.split("."))] for path in fields]
    # Field 2000 is a number: what is asked for below it does not exist, and the number comes whole.
    paths = [path[:1] if path[0] == 2000 else path for path in paths]
    expected = [serialized(project(message, paths)) for message in MESSAGES]
    for name in ("windrow", "upstream", "simple"):
        assert windrow.RecordReader(files[name], fields=fields).read_all() == expected, name


def test_values_of_maps(files: dict[str, Path]) -> None:
    found = windrow.RecordReader(files["upstream"], fields=["7.2"]).read_all()
    assert found == windrow.RecordReader(files["simple"], fields=["7.2"]).read_all()
    for record, message in zip(found, MESSAGES, strict=True):
        left = b"".join(_field(7, b"\x10" + _varint(value)) for _, value in sorted(message.counts.items()))
        assert sorted(record) == sorted(left)


def test_fields_by_name(files: dict[str, Path], upstream: Upstream) -> None:
    path = files["named"]
    assert upstream.read(path) == RECORDS
    assert windrow.RecordReader(path, fields=NAMES).read_all() == PROJECTED
    mixed = ["1", "label.1", "4.weight", "scores", "10.place", "parent.10.label.name", "when"]
    assert windrow.DataSource(path, fields=mixed).read_all() == PROJECTED


@pytest.mark.parametrize(
    ("name", "field", "said"),
    [
        ("windrow", "label.name", "no descriptor"),
        ("named", "label.nothing", "has no field `nothing`"),
        ("named", "id.name", "`id` is not a message"),
        ("windrow", "0", "0"),
        ("windrow", "1..2", "1..2"),
        ("windrow", "", ""),
        ("windrow", "536870912", "536870911"),
        ("windrow", "1.+2", "1.+2"),
    ],
)
def test_fields_that_cannot_be_found(files: dict[str, Path], name: str, field: str, said: str) -> None:
    path = files[name]
    for kind in (windrow.RecordReader, windrow.DataSource):
        with pytest.raises(windrow.OptionsError) as info:
            kind(path, fields=["1", field])
        assert info.value.code == "field" and info.value.path == str(path)
        assert said in str(info.value) and f"`{field}`" in str(info.value) and "\n" not in str(info.value)


@pytest.mark.parametrize("fields", ["1", b"1", 1, [1], [b"1"], {"1"}, [["1"]], [None]], ids=repr)
def test_what_is_no_list_of_fields(files: dict[str, Path], fields: Any) -> None:
    for kind in (windrow.RecordReader, windrow.DataSource, windrow.TailReader):
        with pytest.raises(windrow.OptionsError, match="fields"):
            kind(files["windrow"], fields=fields)


def test_fields_are_shown(files: dict[str, Path]) -> None:
    path = files["windrow"]
    some, every = windrow.RecordReader(path, fields=("1", "3.1")), windrow.RecordReader(path, fields=None)
    assert some.fields == some[5:].fields == ["1", "3.1"] and every.fields is None
    assert repr(some) == f'RecordReader("{path}", records=250, fields=["1", "3.1"])'
    assert repr(every) == f'RecordReader("{path}", records=250)'
    some.close()
    assert repr(some) == f'RecordReader("{path}", records=250)'
    with pytest.raises(windrow.ClosedError):
        print(some.fields)


def test_sources_of_other_fields_have_other_names(files: dict[str, Path]) -> None:
    def source(fields: list[str] | None) -> windrow.DataSource:
        return windrow.DataSource(files["windrow"], fields=fields)

    named = {source(fields).fingerprint for fields in (None, [], ["1"], ["1", "2"], ["12"])}
    assert len(named) == 5
    assert source(None).fingerprint == windrow.DataSource(files["windrow"]).fingerprint
    again = pickle.loads(pickle.dumps(source(["1", "2"])))
    assert again.fields == ["1", "2"] and repr(again) == repr(source(["1", "2"]))


def test_records_that_are_no_messages_come_whole(tmp_path: Path) -> None:
    records = KINDS["both"]
    path = write(tmp_path / "records", records)
    expected = [PROJECTED[number] if number % 3 else record for number, record in enumerate(records)]
    assert windrow.RecordReader(path, fields=NUMBERS).read_all() == expected


def test_a_limit_is_for_what_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "records", KINDS["large texts"])
    with pytest.raises(windrow.LimitError):
        windrow.RecordReader(path, max_batch_bytes=100_000).read_batch()


FORKS = """
import os, sys, windrow
reader = windrow.RecordReader(sys.argv[1], fields=["1", "label.name"])
source = windrow.DataSource(sys.argv[1], fields=["1", "label.name"])
expected = reader.read_all()
records = iter(source)
assert [next(records) for _ in range(120)] == expected[:120]
for _ in range(5):
    child = os.fork()
    if child == 0:
        ok = reader.read_all() == source.read_all() == expected and list(records) == expected[120:]
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert list(records) == expected[120:]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_processes(files: dict[str, Path]) -> None:
    ran = subprocess.run(
        [sys.executable, "-Werror", "-c", FORKS, files["named"]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def _read_all(source: windrow.DataSource) -> list[bytes]:
    return source.read_all()


def test_started_processes(files: dict[str, Path]) -> None:
    source = windrow.DataSource(files["named"], fields=NAMES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_read_all, (source,)) == PROJECTED


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("name", ["windrow", "upstream", "named"])
def test_appending(files: dict[str, Path], name: str, copy: bool, tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "records"
    path.write_bytes(files[name].read_bytes())
    with windrow.RecordWriter(path, mode="append", copy=copy) as writer:
        assert writer.options == windrow.RecordReader(path).writer_options
        writer.write_batch(RECORDS)
    assert windrow.RecordReader(path).read_all() == upstream.read(path) == RECORDS * 2
    assert windrow.RecordReader(path, fields=NUMBERS).read_all() == PROJECTED * 2
    assert windrow.RecordReader(path).records_metadata() == windrow.RecordReader(files[name]).records_metadata()
    if copy:
        assert kinds(path) == ("m" if name == "named" else "") + "ttttt"
    assert windrow.verify(path, deep=True).ok


def test_appending_to_a_file_that_is_not_transposed(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(files["simple"].read_bytes())
    with pytest.raises(windrow.OptionsError, match="transpose"):
        windrow.RecordWriter(path, mode="append", transpose=True)
    with pytest.raises(windrow.OptionsError, match="records_metadata"):
        windrow.RecordWriter(path, mode="append", records_metadata=windrow.RecordsMetadata("a.B"))
    assert path.read_bytes() == files["simple"].read_bytes()


def test_appending_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records"
    options = "group_size:100,transpose,transpose_bucket_size:1M"
    with windrow.RecordWriter(path, options, mode="append") as writer:
        writer.write_batch(RECORDS)
    assert [chunk.buckets for chunk in chunks(path)[:-1]] == [4, 4, 4]


def test_recovering_a_cut_file(files: dict[str, Path], tmp_path: Path) -> None:
    content = files["windrow"].read_bytes()
    path = tmp_path / "cut"
    numbers = []
    for cut in range(100, len(content), 9_001):
        path.write_bytes(content[:cut])
        recovered = windrow.recover(path, fields=NUMBERS)
        numbers.append(len(recovered.reader))
        assert recovered.reader.read_all() == PROJECTED[: numbers[-1]]
        assert windrow.recover(path).reader.read_all() == RECORDS[: numbers[-1]]
        assert pickle.loads(pickle.dumps(recovered.reader)).read_all() == PROJECTED[: numbers[-1]]
    assert {0, 100, 200, 250} >= set(numbers) >= {0, 250}


def test_flushed_records_are_there(tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "growing"
    metadata = windrow.RecordsMetadata.for_message(Visit)
    writer = windrow.RecordWriter(path, OPTIONS, records_metadata=metadata)
    tail = windrow.TailReader(path, fields=NAMES)
    given: list[bytes] = []
    for begin in range(0, len(RECORDS), 30):
        writer.write_batch(RECORDS[begin : begin + 30])
        writer.flush()
        while (batch := tail.poll()) is not None:
            given += batch.to_list()
        assert given == PROJECTED[: begin + 30]
        assert windrow.recover(path).reader.read_all() == RECORDS[: begin + 30]
        assert windrow.recover(path, fields=NAMES).reader.read_all() == given
    writer.close()
    assert given == windrow.RecordReader(path, fields=NAMES).read_all() == PROJECTED
    assert upstream.read(path) == RECORDS


def test_a_tail_says_which_field_it_does_not_find(files: dict[str, Path]) -> None:
    tail = windrow.TailReader(files["windrow"], fields=["label.name"])
    with pytest.raises(windrow.OptionsError) as info:
        tail.poll()
    assert info.value.code == "field"


def test_damage_costs_one_chunk(files: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(files["windrow"].read_bytes())
    # In the data of the first chunk, behind the headers of the block, of the signature and of the chunk.
    content[24 + 40 + 40 + 2000] ^= 1
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(windrow.CorruptError):
        windrow.RecordReader(path).read_all()
    skipping = windrow.RecordReader(path, on_corrupt="skip", fields=NUMBERS)
    assert skipping.read_all() == PROJECTED[100:]
    assert [fault.record_range for fault in skipping.skipped] == [(0, 100)]
