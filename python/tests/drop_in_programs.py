"""Runs small programs in processes of their own, with packages hidden where that is asked for."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

HIDE = Path(__file__).parent / "data" / "hide"


def start(
    arguments: Sequence[str | Path], folder: Path, hide: str = "", python_path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder; `hide` names packages, separated by commas, that seem not to be installed."""
    places = [*([HIDE] if hide else []), *python_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "WINDROW_TEST_HIDE": hide}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write(folder: Path, name: str, program: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    return path


def run(program: str, folder: Path, *arguments: str | Path, hide: str = "", python_path: Sequence[Path] = ()) -> str:
    """What a program prints. It must end well."""
    script = write(folder, "program.py", program)
    ran = start([script, *arguments], folder, hide, python_path)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
