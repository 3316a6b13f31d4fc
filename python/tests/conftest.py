"""Fixtures that several test modules share."""

from collections.abc import Iterator
from pathlib import Path

import process_programs
import pytest
from upstream_process import Upstream


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
