"""Tables with threads, in forked and started processes, and Ctrl-C."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import process_programs
import pyarrow as pa
import pytest
from table_data import ROWS, flights
from test_interrupts import interrupt

import windrow

TABLE = flights()
PYTHON = TABLE.to_pylist()
SAMPLE = random.Random(0).choices(range(ROWS), k=300)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "flights"
    windrow.write_table(path, TABLE, group_rows=50)
    return path


def test_threads_share_everything(path: Path) -> None:
    reader = windrow.TableReader(path)
    rows, batches = iter(reader), iter(reader.scan(["number"]))

    def work(seed: int) -> None:
        for index in random.Random(seed).choices(range(ROWS), k=100):
            assert reader[index] == PYTHON[index]
        assert reader.take(SAMPLE).to_pylist() == [PYTHON[index] for index in SAMPLE]
        assert len(reader.read(["dest"], filter=("number", "<", 500))) == 500

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
        shared = pool.map(lambda _: [row["number"] for row in rows], range(8))
        assert sorted(itertools.chain(*shared)) == list(range(ROWS))
        parts = pool.map(lambda _: [n for batch in batches for n in batch["number"].to_pylist()], range(8))
        assert sorted(itertools.chain(*parts)) == list(range(ROWS))


def test_threads_share_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    with windrow.TableWriter(path, TABLE.schema, group_rows=64) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: writer.write(TABLE.slice(part * 50, 50)), range(20)))
    assert sorted(row["number"] for row in windrow.TableReader(path)) == list(range(ROWS))


def check(reader: windrow.TableReader, source: windrow.TableSource) -> None:
    assert reader[SAMPLE[0]] == PYTHON[SAMPLE[0]] and list(reader) == PYTHON
    assert source.__getitems__(SAMPLE) == [PYTHON[index] for index in SAMPLE]
    assert pa.table(reader.scan()).num_rows == ROWS


def fork_program(path: str) -> None:
    """Forks while other threads read; children read with what they inherited."""
    reader, source = windrow.TableReader(path), windrow.TableSource([path])
    check(reader, source)
    writer = windrow.TableWriter(path + "-written", TABLE.schema, group_rows=64)
    writer.write(TABLE)
    inherited = iter(reader)
    next(inherited)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            check(reader, source)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    ended = 0
    for _ in range(20):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(20)
                check(reader, source)
                refused = 0
                for call in (lambda: writer.write(TABLE), writer.close, lambda: list(inherited)):
                    try:
                        call()
                    except (windrow.WriterError, RuntimeError):
                        refused += 1
                code = 0 if refused == 3 else 2
            finally:
                os._exit(code)
        ended += os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert list(windrow.TableReader(path + "-written")) == PYTHON
    print(ended)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_fork(path: Path) -> None:
    assert process_programs.run(fork_program, str(path), seconds=120.0) == 20


def in_child(subjects: Any) -> None:
    check(*subjects)


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_started_processes(path: Path, start: str) -> None:
    reader, source = windrow.TableReader(path), windrow.TableSource([str(path)])
    check(reader, source)
    process = multiprocessing.get_context(start).Process(target=in_child, args=((reader, source),))
    process.start()
    process.join(60)
    assert process.exitcode == 0


def test_ctrl_c_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "large"
    batch = pa.record_batch(
        {f"x{column}": np.random.default_rng(column).integers(0, 1 << 40, 100_000) for column in range(4)}
    )
    with windrow.TableWriter(path, batch.schema, profile="small") as writer:
        for _ in range(30):
            writer.write(batch)
    reader = windrow.TableReader(path, max_parallelism=1)

    def read() -> None:
        while True:
            reader.read()

    def rows() -> None:
        while True:
            for _ in reader:
                pass

    interrupt(read)
    interrupt(rows)


def test_ctrl_c_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "written"
    table = pa.table({"x": np.random.default_rng(0).random(50_000_000)})
    interrupt(lambda: windrow.write_table(path, table, profile="small", max_parallelism=1))
    with pytest.raises(windrow.CorruptError):
        windrow.TableReader(path)
    with windrow.TableWriter(path, table.schema, mode="append") as writer:
        rows = writer.rows
    assert 0 < rows < 50_000_000
    assert np.array_equal(np.asarray(windrow.read_table(path)["x"]), table["x"].to_numpy()[:rows])


def test_a_stream_that_calls_back(tmp_path: Path) -> None:
    """The rows come from Python, which uses the writer that takes them."""
    path = tmp_path / "back"
    with windrow.TableWriter(path, TABLE.schema) as writer:

        def batches() -> Any:
            for batch in TABLE.to_batches(max_chunksize=100):
                assert writer.rows % 100 == 0
                yield batch

        writer.write(pa.RecordBatchReader.from_batches(TABLE.schema, batches()))
    assert list(windrow.TableReader(path)) == PYTHON


if __name__ == "__main__":
    process_programs.main()
