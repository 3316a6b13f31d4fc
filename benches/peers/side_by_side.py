"""Contenders in processes of their own that work in turn, and what is made of their times.

Each library runs in a process of its own, because the threads and the memory of one would disturb the next. The
processes live as long as their rows; only one works at a time. A request is one line of JSON on stdin, its answer one
line of JSON on stdout, with the seconds that the child itself measured.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "target" / "bench-peers"


class Child:
    """One contender's process."""

    def __init__(self, name: str, command: Sequence[str | Path], **environment: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def ask(self, line: str) -> dict[str, Any]:
        """Sends one line and waits for the answer to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Waits for the next line. SystemExit if the process has ended or failed."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {self.name} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"error: {self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Ends the process and waits for it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def serve(works: Callable[[str], Callable[..., dict[str, Any]]]) -> None:
    """The child's side: answers requests `{"work": NAME, ...}` with `works(NAME)(...)` until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = works(request.pop("work"))(**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def give_memory_back() -> None:
    """Returns what the allocator keeps of freed memory to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def in_turn(entries: Mapping[str, Callable[[bool], dict[str, Any]]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Calls every entry once to warm up and check (with True), then each of them `rounds` times, in turn.

    Returns the answers of the measured rounds by entry.
    """
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in entries}
    for number in range(rounds + 1):
        for name, work in entries.items():
            answer = work(number == 0)
            if number > 0:
                answers[name].append(answer)
    return answers


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def circumstances(versions: Mapping[str, str]) -> dict[str, Any]:
    """What a figure means nothing without: the machine, the commit and the versions."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "cpu": model,
        "processors": processors(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit or None,
        "load": os.getloadavg()[0],
        "versions": dict(versions),
    }


def heading(about: Mapping[str, Any], rounds: int) -> str:
    """The circumstances in words, with a warning where others keep the machine busy."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        f"{about['cpu']}, {about['processors']} processors; commit {about['commit']}; python {about['python']}",
        f"{versions}; best of {rounds}, in turn",
    ]
    if about["load"] > 0.5:
        lines.append(f"the machine is busy (load {about['load']:.1f}): ratios are rough, absolute figures too low")
    return "\n".join(lines)


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Adds the arguments that all comparisons have, and reads what was told."""
    parser.add_argument("--rows", default="", metavar="PATTERN", help="only rows whose name holds this expression")
    parser.add_argument("-n", "--rounds", type=int, default=5, help="measured rounds, default %(default)s")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    return parser.parse_args()


def progress(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr, flush=True)


def save(name: str, content: Mapping[str, Any], path: Path | None = None) -> Path:
    """Writes the results as JSON to `target/bench-peers/NAME.json`, or to another path."""
    path = path or OUT / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def plot(name: str, title: str, bars: Sequence[tuple[str, float, float | None]]) -> Path:
    """Draws ratios as bars, with their goals as marks, into `target/bench-peers/NAME.png`.

    Args:
        name: of the file, without its suffix.
        title: above the bars.
        bars: label, ratio (1 means as fast as the peer), and the goal for that ratio or `None`.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.28 * len(bars)), layout="constrained")
    places = range(len(bars))[::-1]
    met = [goal is None or ratio >= goal for _, ratio, goal in bars]
    axes.barh(places, [ratio for _, ratio, _ in bars], color=["#3b7dd8" if good else "#d8703b" for good in met])
    for place, (_, ratio, goal) in zip(places, bars, strict=True):
        axes.text(max(ratio, goal or 0), place, f"  {ratio:.2f}x", va="center", fontsize=8)
        if goal is not None:
            axes.plot([goal, goal], [place - 0.45, place + 0.45], color="black", linewidth=2)
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_yticks(places, [label for label, _, _ in bars], fontsize=8)
    axes.set_xlabel("times as fast as the peer (black: the goal; orange: missed)")
    axes.set_title(title)
    path = OUT / f"{name}.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path
