"""`grain.sources.ArrayRecordDataSource` over Windrow: in worker processes, with checkpoints of the other library."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import RECORDS, Run

UPSTREAM = "array_record.python.array_record_data_source"
WINDROW = "windrow.array_record_data_source"


def test_the_hiding_hides(run: Run) -> None:
    assert run("import_upstream.py", hide=True) == {"found": ""}
    assert run("import_upstream.py")["found"].startswith("array_record")
    assert run("import_upstream.py", compat=True, hide=True)["found"].startswith("windrow")


def test_without_compat_upstream_reads(run: Run, paths: list[str]) -> None:
    """Why `read_in_workers_with` says something in the tests below."""
    result = run("grain_processes.py", *paths)
    assert (result["reads_with"], result["read_in_workers_with"]) == (UPSTREAM, [UPSTREAM])


@pytest.mark.parametrize("hide", [False, True], ids=["upstream installed", "upstream missing"])
@pytest.mark.parametrize(
    ("program", "compat"), [("grain_processes_install.py", False), ("grain_processes.py", True)], ids=["install", "-m"]
)
def test_workers_read_with_windrow(run: Run, paths: list[str], program: str, compat: bool, hide: bool) -> None:
    result = run(program, *paths, compat=compat, hide=hide)
    assert (result["reads_with"], result["read_in_workers_with"]) == (WINDROW, [WINDROW])
    assert result["workers"] == 2
    assert sorted(result["numbers"]) == list(range(RECORDS)) != result["numbers"]


@pytest.mark.parametrize("kind", ["DataLoader", "MapDataset"])
@pytest.mark.parametrize("saved_with_windrow", [False, True], ids=["saved by upstream", "saved by windrow"])
def test_a_checkpoint_resumes_with_the_other_library(
    run: Run, paths: list[str], tmp_path: Path, kind: str, saved_with_windrow: bool
) -> None:
    state = tmp_path / "state"
    saved = run("grain_checkpoint.py", kind, state, 321, 200, *paths, compat=saved_with_windrow)
    resumed = run("grain_checkpoint.py", kind, state, 0, 200, *paths, compat=not saved_with_windrow)
    assert {saved["reads_with"], resumed["reads_with"]} == {UPSTREAM, WINDROW}
    assert len(saved["taken"]) == 521 and len(set(saved["taken"])) == 521
    assert resumed["taken"] == saved["taken"][321:]
