"""Readers, sources, iterators and writers in forked and started processes: each cell in a process of its own."""

import os
import sys
from pathlib import Path

import process_programs as programs
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

OPENED = ["before", "read", "after"]
"""When what the child reads from is opened: before the process starts, with reads before, or after."""


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
@pytest.mark.parametrize("wrote", [False, True], ids=["", "writing"])
@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("subject", programs.SUBJECTS)
def test_fork(record_files: Path, tmp_path: Path, subject: str, opened: str, wrote: bool, busy: bool) -> None:
    arguments = str(record_files), str(tmp_path), subject, opened, wrote, busy
    assert programs.run(programs.fork_cell, *arguments) == programs.FORKS


@pytest.mark.parametrize("busy", [False, True], ids=["quiet", "busy"])
@pytest.mark.parametrize("wrote", [False, True], ids=["", "writing"])
@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_start(record_files: Path, tmp_path: Path, start: str, opened: str, wrote: bool, busy: bool) -> None:
    arguments = str(record_files), str(tmp_path), start, opened, wrote, busy
    assert programs.run(programs.start_cell, *arguments) == 2


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("executor", [False, True], ids=["Pool", "ProcessPoolExecutor"])
def test_pools(record_files: Path, start: str, executor: bool) -> None:
    assert programs.run(programs.pools, str(record_files), start, executor) == 120


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_relative_paths(record_files: Path, start: str) -> None:
    assert programs.run(programs.relative, str(record_files), start) == 0


def test_forks_while_threads_are_inside_next(tmp_path: Path) -> None:
    # Some of the forks have to find a thread there, or this tests nothing.
    assert programs.run(programs.forks_inside_next, str(tmp_path)) >= 5


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
def test_children_decode_in_parallel(record_files: Path) -> None:
    before, behind = programs.run(programs.parallel_in_child, str(record_files))
    assert before == 1
    # A batch of this size is worth more than one thread, where there is more than one processor.
    assert behind > 1 or len(os.sched_getaffinity(0)) == 1


def test_file_objects_in_forked_processes(record_files: Path) -> None:
    """One position in the file serves all processes: reads elsewhere must not make a difference."""
    assert programs.run(programs.file_objects, str(record_files)) == 0


def test_file_object_that_another_thread_reads_at_the_fork(record_files: Path) -> None:
    assert programs.run(programs.file_object_in_use, str(record_files)) == "read or refused"


def test_file_objects_that_call_back(record_files: Path) -> None:
    assert programs.run(programs.calls_from_inside_a_file, str(record_files), seconds=10) == "both went on"


def test_leaving_a_with_statement_in_the_child(tmp_path: Path) -> None:
    """`sys.exit` in a child that was forked inside of the writer's `with` keeps its exit code."""
    assert programs.run(programs.exit_inside_with, str(tmp_path)) == 7
