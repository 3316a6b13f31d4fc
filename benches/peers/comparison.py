"""Rows of contenders that are compared with one another, with goals; what `messages.py` and `pages.py` share."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import Entry
from side_by_side import plot


@dataclass(frozen=True)
class Goal:
    """`entry` is to reach `times` the speed of `than`, or to write a file of at most `times` the size."""

    times: float
    than: str
    entry: str
    size: bool = False


@dataclass(frozen=True)
class Row:
    """One line of comparison."""

    name: str
    options: str
    """Of the file that is read or written."""
    entries: tuple[Entry, ...]
    baselines: tuple[str, ...]
    """Entries that the others are compared with."""
    goals: tuple[Goal, ...] = ()
    data_written: bool = False


def summary(row: Row, answers: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Best and median of each entry, its ratios to the baselines, and the goals."""
    entries: dict[str, dict[str, Any]] = {}
    for name, rounds in answers.items():
        speeds = [answer["records"] / answer["seconds"] for answer in rounds]
        entries[name] = {"records_per_second": max(speeds), "median_records_per_second": statistics.median(speeds)}
        if "file_bytes" in rounds[0]:
            entries[name]["file_bytes"] = min(answer["file_bytes"] for answer in rounds)
    speed = {name: entry["records_per_second"] for name, entry in entries.items()}
    for name, entry in entries.items():
        if name not in row.baselines:
            entry["times"] = {than: speed[name] / speed[than] for than in row.baselines}
    goals = []
    for goal in row.goals:
        if goal.size:
            reached = entries[goal.entry]["file_bytes"] / entries[goal.than]["file_bytes"]
            met, words = reached <= goal.times, f"file of {goal.entry} <= {goal.times:g}x that of {goal.than}"
        else:
            reached = speed[goal.entry] / speed[goal.than]
            met, words = reached >= goal.times, f"{goal.entry} >= {goal.times:g}x {goal.than}"
        goals.append({**vars(goal), "goal": words, "reached": reached, "met": met})
    return {"row": row.name, "options": row.options, "entries": entries, "goals": goals}


def show(result: dict[str, Any], record_bytes: int, reasons: Mapping[tuple[str, str], str]) -> None:
    """One row on stdout; sizes in per cent of `record_bytes`, and what is known of goals that were missed."""
    print(f"\n{result['row']}")
    for name, entry in result["entries"].items():
        speed = entry["records_per_second"]
        text = f"  {name:<24}{1e6 / speed:>10,.2f} us{speed:>14,.0f} records/s"
        text += "".join(f"  {times:.2f}x {than}" for than, times in entry.get("times", {}).items())
        if "file_bytes" in entry:
            text += f"  size {100 * entry['file_bytes'] / record_bytes:.2f} %"
        print(text)
    for goal in result["goals"]:
        print(f"  goal: {goal['goal']}: {'met' if goal['met'] else 'MISSED'}, {goal['reached']:.3g}x")
        if not goal["met"]:
            print(f"  reason: {reasons.get((result['row'], goal['entry']), 'not known')}")
    sys.stdout.flush()


def draw(name: str, title: str, results: list[dict[str, Any]], wanted: Callable[[str], bool]) -> Path | None:
    """The ratios to the `wanted` baselines as a picture."""
    bars = []
    for result in results:
        goals = {(goal["entry"], goal["than"]): goal["times"] for goal in result["goals"] if not goal["size"]}
        for entry_name, entry in result["entries"].items():
            for than, times in entry.get("times", {}).items():
                if wanted(than):
                    bars.append((f"{result['row']}: {entry_name} / {than}", times, goals.get((entry_name, than))))
    return plot(name, title, bars) if bars else None
