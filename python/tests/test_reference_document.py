"""Every snippet of the reference document of array_record's Python API runs as it is written there."""

import io
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import windrow.compat
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader, ArrayRecordWriter

BLOCKS: dict[str, str] = {
    block["name"]: block["code"]
    for block in tomllib.loads((Path(__file__).parent / "data/reference_document.toml").read_text(encoding="utf-8"))[
        "block"
    ]
}


def numbered(count: int) -> list[bytes]:
    return [f"record {number}".encode() for number in range(count)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs blocks in one namespace, in a folder with the files that they name; gives the namespace and the output."""
    monkeypatch.chdir(tmp_path)
    files = {"input": 3, "data": 150, "part-00000": 4, "part-00001": 5, "large_file": 2500}
    for name, count in files.items():
        with ArrayRecordWriter(f"{name}.array_record", "group_size:16") as writer:
            for record in numbered(count):
                writer.write(record)
    namespace: dict[str, Any] = {}

    def run_blocks(*names: str) -> tuple[dict[str, Any], list[str]]:
        with redirect_stdout(io.StringIO()) as output:
            for name in names:
                exec(compile(BLOCKS[name], f"<{name}>", "exec"), namespace)
        return namespace, output.getvalue().splitlines()

    windrow.compat.install()
    yield run_blocks
    windrow.compat.uninstall()


def test_writers(run: Any, tmp_path: Path) -> None:
    names, _ = run("writers")
    assert ArrayRecordReader(tmp_path / "output.array_record").read_all() == [b"Hello, World!"]
    names["writer"].write(b"x")
    names["writer"].close()
    options = ArrayRecordReader("compressed.array_record").writer_options_string()
    assert options is not None and options.startswith("group_size:1000,") and "brotli:9" in options


def test_readers(run: Any) -> None:
    names, lines = run("readers")
    assert lines == ["Total records: 3", *(f"Record: {record!r}" for record in numbered(3))]
    assert names["record"] is None
    assert names["reader"].read([2, 0]) == [b"record 2", b"record 0"]


def test_data_source(run: Any) -> None:
    names, lines = run("data source")
    expected = numbered(150)
    assert lines == ["Total records: 150"]
    assert names["first_record"] == expected[0]
    assert names["batch"] == [expected[0], expected[10], expected[100]]
    # A view of the slice, which outlives the `with` statement.
    records = names["records"]
    assert (len(records), list(records), records[3], records[-1]) == (10, expected[:10], expected[3], expected[9])
    assert list(ArrayRecordDataSource(names["files"])) == numbered(4) + numbered(5)
    assert names["data_source"][149] == expected[149]


def test_file_instruction(run: Any) -> None:
    names, _ = run("data source", "file instruction")
    assert list(names["data_source"]) == numbered(2500)[1000:2000]


def test_errors(run: Any) -> None:
    _, lines = run("data source", "errors")
    assert len(lines) == 2
    assert lines[1].startswith("Error opening file: ") and "nonexistent.array_record" in lines[1]


@pytest.mark.parametrize("block", ["sequential options", "random options"])
def test_options(block: str, run: Any) -> None:
    names, _ = run(block)
    assert list(ArrayRecordDataSource("data.array_record", names["reader_options"])) == numbered(150)
    options = ",".join(f"{key}:{value}" for key, value in names["reader_options"].items())
    assert ArrayRecordReader("data.array_record", options).read_all() == numbered(150)


def test_every_block_is_run() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BLOCKS if f'"{name}"' not in text] == []
