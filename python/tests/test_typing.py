"""Types: the package under mypy --strict, a program that uses it, and the stubs against what is there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import windrow

HERE = Path(__file__).parent
PACKAGE = Path(windrow.__file__).parent

SAMPLE = '''
"""Uses every class; `assert_type` fails the check where a type is not what it should be."""
import asyncio
import io
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, assert_type

import windrow
from windrow import (
    Batch,
    DataSource,
    FileInstruction,
    Permutation,
    RecordIterator,
    RecordReader,
    RecordWriter,
    TableReader,
)


def write(path: Path) -> None:
    with RecordWriter(path, group_size=64, codec="brotli", level=5, metadata={"a": b"b", "c": "d"}) as writer:
        assert_type(writer, RecordWriter)
        writer.write(b"a")
        writer.write(bytearray(b"b"))
        writer.write(memoryview(b"c"))
        writer.write_batch([b"d", bytearray(b"e")])
        writer.write_batch(b"%d" % number for number in range(3))
        writer.flush()
        writer.sync()
        assert_type(writer.records, int)
        assert_type(writer.options, str)
        assert_type(writer.path, str | None)
    RecordWriter(io.BytesIO(), "group_size:5").close()
    with open(path, "wb") as file:
        RecordWriter(file, atomic=False).close()
    RecordWriter(path, mode="append", copy=True, level=3).close(sync=True)


def follow(path: Path) -> None:
    with windrow.TailReader(path, start=5, on_corrupt="skip", max_record_bytes=100) as tail:
        assert_type(tail.poll(), Batch | None)
        assert_type(tail.wait(0.5), Batch | None)
        assert_type([record for record in tail], list[bytes])
        assert_type((tail.position, tail.is_sealed), tuple[int, bool])


def recovery(path: Path) -> None:
    recovered = windrow.recover(path, progress=print, max_parallelism=2)
    assert_type(recovered.reader, RecordReader | TableReader)
    if isinstance(recovered.reader, TableReader):
        assert_type(recovered.reader.num_row_groups, int)
    if recovered.report.index is not None:
        assert_type(recovered.report.index.code, str | None)
    assert_type([fault.code for fault in recovered.report.skipped], list[str])


def fields(path: Path, message: object) -> None:
    metadata = windrow.RecordsMetadata.for_message(message, file_comment="visits")
    assert_type(metadata, windrow.RecordsMetadata)
    assert_type((metadata.record_type_name, metadata.num_records), tuple[str | None, int | None])
    assert_type(metadata.file_descriptors, tuple[bytes, ...])
    RecordWriter(path, transpose=True, transpose_bucket_bytes=1 << 16, records_metadata=metadata).close()
    reader = RecordReader(path, fields=["1", "label.name"])
    assert_type(reader.fields, list[str] | None)
    assert_type(reader.records_metadata(), windrow.RecordsMetadata | None)
    assert_type(DataSource(path, fields=("1",)).fields, list[str] | None)
    windrow.TailReader(path, fields=[]).close()
    assert_type(windrow.recover(path, fields=None).report.records, int)


def pages(path: Path, reader: RecordReader) -> None:
    dictionary = windrow.train_dictionary(reader[::10], max_bytes=65536)
    assert_type(dictionary, windrow.Dictionary | None)
    RecordWriter(path, layout="pages", dictionary=dictionary).close()
    RecordWriter(path, layout="pages", dictionary="auto").close()
    RecordWriter(path, layout="pages", dictionary=4096, mode="append").close()
    RecordWriter(path, layout="pages", dictionary=memoryview(b"bytes")).close()
    RecordWriter(path, layout="groups", dictionary=path).close()
    assert_type(reader.dictionaries, list[windrow.Dictionary])
    assert_type(reader.layout, Literal["groups", "pages"])
    for each in reader.dictionaries:
        path.write_bytes(bytes(each))
        assert_type((each.id, len(each)), tuple[str, int])
        assert_type({each: each == windrow.Dictionary(memoryview(b""))}, dict[windrow.Dictionary, bool])


def skipping(path: Path) -> None:
    reader = RecordReader(path, on_corrupt="skip")
    assert_type(reader.read_many([1], missing=None), list[bytes | None])
    assert_type(reader.read_many([1], missing=5), list[bytes | int])
    assert_type([fault.code for fault in reader.skipped], list[str])
    source = DataSource([path], on_corrupt="skip")
    assert_type([(path, fault.code) for path, fault in source.skipped], list[tuple[str, str]])


def read(path: Path, mapped: mmap.mmap) -> None:
    for source in (path, str(path), b"content", bytearray(), memoryview(b""), mapped, io.BytesIO()):
        RecordReader(source).close()
    RecordReader(path, {"readahead_buffer_size": "16MB", "max_parallelism": 4}, index_storage="offloaded")
    with RecordReader(path, "max_parallelism:4", chunk_cache_bytes=0, footer_prefetch_bytes=None) as reader:
        assert_type(reader[0], bytes)
        assert_type(reader[1:5:2], RecordReader)
        assert_type(reader[[1, 2]], list[bytes])
        assert_type(reader[range(3)], list[bytes])
        assert_type(iter(reader), RecordIterator)
        assert_type(reversed(reader), RecordIterator)
        assert_type(reader.read_view(0), memoryview)
        records_of_many: list[bytes] = reader.read_many((1, 2))
        print(records_of_many)
        assert_type(reader.read_range(1), list[bytes])
        assert_type(reader.read_batch(), Batch)
        assert_type(reader.batches(), Iterator[Batch])
        assert_type(reader.read_array(None, "<f4", (2, 3)), Any)
        assert_type(reader.metadata, dict[str, bytes])
        assert_type(reader.writer_options, str | None)
        assert_type(reader.stats(), dict[str, int])
        assert_type(reader.index(b"a", 1, None), int)
        assert_type(b"a" in reader, bool)
        records: Sequence[bytes] = reader
        assert_type([len(record) for record in records], list[int])
        iterator = iter(reader)
        iterator.load_state_dict(iterator.state_dict())
        assert_type(next(iterator), bytes)
        report = reader.verify(deep=True)
        assert_type([fault.record_range for fault in report.faults], list[tuple[int, int] | None])


def batch(batch: Batch) -> None:
    views: Sequence[memoryview] = batch
    view: memoryview = batch[0]
    assert_type(batch[1:], list[memoryview | Any])
    records: list[bytes] = batch.to_list()
    assert_type(batch.missing, int)
    print(views, view, records, batch.nbytes)


def source(path: Path) -> None:
    parts = [path, "a@3", FileInstruction(path, 1, 2)]
    source = DataSource(parts, max_open_files=5, fingerprint="x", max_batch_bytes=9)
    assert_type(source[0], bytes)
    assert_type(source[::-1], DataSource)
    assert_type(source.__getitems__([1]), list[bytes])
    assert_type(source.locate(1), tuple[int, int])
    assert_type(source.parts, list[tuple[str, int, int]])
    order = Permutation(len(source), seed=1)
    assert_type(order[0], int)
    assert_type(order[::2], Permutation)
    numbers: Sequence[int] = order.with_epoch(2)
    assert_type(source.read_many(numbers), list[bytes | Any])
    assert_type(source.read_many(order), list[bytes | Any])


async def later(reader: RecordReader) -> None:
    many, batch = await asyncio.gather(reader.read_many_async([1]), reader.read_batch_async())
    assert_type(many, list[bytes | Any])
    assert_type(batch, Batch)
    assert_type(await reader.read_many_async([1], missing=None), list[bytes | None])


class ArrowArrayExportable(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...


class ArrowStreamExportable(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def arrow(batch: Batch, reader: RecordReader, source: DataSource) -> None:
    """The protocols as the documents of Arrow have them, and the consumers."""
    arrays: list[ArrowArrayExportable] = [batch]
    streams: list[ArrowStreamExportable] = [reader, source]
    print(arrays, streams)


def errors(path: Path) -> None:
    try:
        windrow.verify(path, max_faults=5, progress=print)
    except windrow.CorruptError as error:
        assert_type(error.code, str | None)
        assert_type(error.byte_offset, int | None)
        assert_type(error.record_range, tuple[int, int] | None)
    except (FileNotFoundError, windrow.StorageError) as error:
        print(error.filename)
'''

WRONG = {
    'windrow.RecordReader("x", no_such_option=1)': "no_such_option",
    'windrow.RecordReader("x", max_parallelism="many")': "max_parallelism",
    'windrow.RecordWriter("x", codec="lz4")': "codec",
    'windrow.RecordWriter("x").write("text")': "write",
    'windrow.RecordWriter("x", layout="columns")': "layout",
    'windrow.RecordWriter("x", dictionary="words.dict")': "dictionary",
    'windrow.train_dictionary(["text"])': "Buffer",
    'windrow.RecordWriter("x", mode="update")': "mode",
    'windrow.RecordReader("x", on_corrupt="ignore")': "on_corrupt",
    'windrow.RecordReader("x")["a"]': "index type",
    "windrow.RecordReader(5)": "RecordReader",
    'windrow.DataSource("x", None, 5)': "DataSource",
    "windrow.Permutation(1.5)": "Permutation",
    "class Mine(windrow.DataSource): ...": "final",
    'windrow.RecordReader("x").path = "y"': "read-only",
}


def mypy(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        folder / "cache",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def test_the_package_is_typed(tmp_path: Path) -> None:
    # A copy, for mypy will not check what lies beside other installed packages.
    copied = shutil.copytree(PACKAGE, tmp_path / "windrow", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    ran = mypy("--python-version", "3.11", copied, folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_program_that_uses_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SAMPLE)
    ran = mypy(program, folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_wrong_programs_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import windrow\n" + "".join(f"{line}\n" for line in WRONG))
    told = mypy(program, folder=tmp_path).stdout
    for number, (line, word) in enumerate(WRONG.items(), start=2):
        errors = [error for error in told.splitlines() if f"program.py:{number}: error:" in error]
        assert any(word in error for error in errors), f"{line}: {errors}"


def test_the_stubs_say_what_is_there(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "windrow",
        "--concise",
        "--allowlist",
        HERE / "stubtest-allow.txt",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_each_allowed_difference_has_a_reason() -> None:
    lines = (HERE / "stubtest-allow.txt").read_text().splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            _, _, reason = line.partition("#")
            assert len(reason.strip()) > 10, line


@pytest.mark.parametrize("name", ["py.typed", "_core.pyi"])
def test_types_are_shipped(name: str) -> None:
    assert (PACKAGE / name).is_file()
