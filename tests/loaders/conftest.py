"""Files, and programs in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import windrow
from loader_records import record

HERE = Path(__file__).parent
RECORDS_PER_FILE = (1300, 700)
RECORDS = sum(RECORDS_PER_FILE)

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two files, of group size 1 and 7, with records 0 to 1299 and 1300 to 1999."""
    folder = tmp_path_factory.mktemp("records")
    written = []
    first = 0
    for name, count, options in zip(("a", "b"), RECORDS_PER_FILE, ("group_size:1", "group_size:7,snappy"), strict=True):
        path = folder / f"{name}.array_record"
        with windrow.RecordWriter(path, options) as writer:
            writer.write_batch(record(number) for number in range(first, first + count))
        first += count
        written.append(str(path))
    return written


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a program of `programs/` in a new process; what it prints in its last line, which is JSON.

    `compat` runs it through `python -m windrow.compat`; `hide` as if upstream's package were not installed.
    """

    def run(program: str, *arguments: object, compat: bool = False, hide: bool = False) -> dict[str, Any]:
        command = [sys.executable, *(["-m", "windrow.compat"] if compat else []), HERE / "programs" / program]
        search = [HERE, *([HERE / "hide"] if hide else [])]
        finished = subprocess.run(
            [str(part) for part in (*command, *arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, search))},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        if finished.returncode != 0:
            pytest.fail(f"{program} ended with {finished.returncode}:\n{finished.stdout}\n{finished.stderr}")
        result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
        return result

    return run
