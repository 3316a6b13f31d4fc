"""torch's worker processes: every start method, whatever the parent did before."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from conftest import RECORDS, Run

METHODS = ("fork", "spawn", "forkserver")
CASES = ("opened after", "opened before", "opened after, parent read", "opened before, parent read")


@pytest.fixture(scope="session")
def results(run: Run, paths: list[str]) -> Any:
    """The cases of one process, which is started once."""
    return cache(lambda method, wrote: run("torch_processes.py", method, int(wrote), *paths))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrote", [False, True], ids=["no writer", "writer used before"])
@pytest.mark.parametrize("case", CASES)
def test_every_record_comes_once_and_in_order(results: Any, method: str, wrote: bool, case: str) -> None:
    assert results(method, wrote)[case] == list(range(RECORDS))
