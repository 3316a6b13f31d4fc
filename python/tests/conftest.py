"""Fixtures that several test modules share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import process_programs
import pytest
from upstream_process import Upstream

# A shell ignores Ctrl-C for what it runs in the background, and all processes that this one starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def record_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of `process_programs.RECORDS`: one of single records, one of groups, three shards."""
    folder = tmp_path_factory.mktemp("record_files")
    process_programs.write_files(folder)
    return folder


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """array_record, in a process of its own."""
    with Upstream() as upstream:
        yield upstream
