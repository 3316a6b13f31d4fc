"""Rows of contenders that are compared with one another, with goals: what `messages.py`, `pages.py` and `columns.py` share."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import Entry
from side_by_side import plot

DATA = "the data in memory"
"""What the size of a file may be compared with, beside other files."""


@dataclass(frozen=True)
class Goal:
    """`entry` is to reach `times` the speed of `than`, or to write a file of at most `times` the size."""

    times: float
    than: str
    entry: str
    size: bool = False
    among: tuple[str, ...] = ()
    """Entries of which the best is meant; `than` then is a word for them."""


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


def summary(row: Row, answers: dict[str, list[dict[str, Any]]], data_bytes: int | None = None) -> dict[str, Any]:
    """Best and median of each entry, its ratios to the baselines, and the goals; `data_bytes` is what `DATA` means."""
    entries: dict[str, dict[str, Any]] = {}
    for name, rounds in answers.items():
        speeds = [answer["records"] / answer["seconds"] for answer in rounds]
        entries[name] = {"records_per_second": max(speeds), "median_records_per_second": statistics.median(speeds)}
        for extra in ("file_bytes", "peak_bytes"):
            if extra in rounds[0]:
                entries[name][extra] = min(answer[extra] for answer in rounds)
    speed = {name: entry["records_per_second"] for name, entry in entries.items()}
    for name, entry in entries.items():
        if name not in row.baselines:
            entry["times"] = {than: speed[name] / speed[than] for than in row.baselines if than in speed}
    goals = [outcome(goal, entries, data_bytes) for goal in row.goals]
    return {"row": row.name, "options": row.options, "entries": entries, "goals": goals}


def outcome(goal: Goal, entries: Mapping[str, dict[str, Any]], data_bytes: int | None) -> dict[str, Any]:
    """What a goal says and whether it was met; `None` if one of the entries that it is about took no part."""
    figure = "file_bytes" if goal.size else "records_per_second"
    figures = {name: entry[figure] for name, entry in entries.items() if figure in entry}
    if goal.size and data_bytes is not None:
        figures[DATA] = data_bytes
    others = {name: figures[name] for name in goal.among or (goal.than,) if name in figures}
    reached = best = met = None
    if goal.entry in figures and others:
        best = (min if goal.size else max)(others, key=lambda name: others[name])
        reached = figures[goal.entry] / others[best]
        met = reached <= goal.times if goal.size else reached >= goal.times
    than = goal.than if best in (None, goal.than) else f"{goal.than} ({best})"
    words = f"{goal.entry} >= {goal.times:.3g}x {than}"
    if goal.than == DATA:
        words = f"file of {goal.entry} <= {100 * goal.times:.3g} % of {DATA}"
    elif goal.size:
        words = f"file of {goal.entry} <= {goal.times:.3g}x that of {than}"
    return {**vars(goal), "goal": words, "reached": reached, "met": met}


def per_record(entry: Mapping[str, Any]) -> str:
    """The speed of an entry, as `show` has it unless told otherwise."""
    speed = entry["records_per_second"]
    return f"{1e6 / speed:>10,.2f} us{speed:>14,.0f} records/s"


def show(
    result: dict[str, Any],
    record_bytes: int,
    reasons: Mapping[tuple[str, str], str],
    figure: Callable[[Mapping[str, Any]], str] = per_record,
) -> None:
    """One row on stdout; sizes in per cent of `record_bytes`, and what is known of goals that were missed."""
    print(f"\n{result['row']}")
    for name, entry in result["entries"].items():
        text = f"  {name:<24}{figure(entry)}"
        text += "".join(f"  {times:.2f}x {than}" for than, times in entry.get("times", {}).items())
        if "file_bytes" in entry:
            text += f"  size {100 * entry['file_bytes'] / record_bytes:.2f} %"
        print(text)
    for goal in result["goals"]:
        if goal["met"] is None:
            print(f"  goal: {goal['goal']}: not measured")
            continue
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
