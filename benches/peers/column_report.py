"""What `columns.py` measures and how its figures are shown: units, the table of each data set, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measure:
    """A column of the tables: its work in `column_contenders.py` and its unit."""

    name: str
    work: str
    unit: str
    """MB/s of the table, MB, or the time of a call."""
    writes: bool = False
    fresh: int = 0
    """If not 0, each time in a new process, and so many times at most."""


MEASURES = (
    Measure("write", "write", "MB/s", writes=True),
    Measure("scan", "scan", "MB/s"),
    Measure("scan to pyarrow", "arrow", "MB/s"),
    Measure("first scan", "first", "MB/s", fresh=3),
    Measure("3 columns", "project", "ms"),
    Measure("take 1000", "take", "ms"),
    Measure("take 1", "row", "us"),
    Measure("memory of writing", "memory", "MB", writes=True, fresh=1),
)


def value(measure: Measure, entry: Mapping[str, Any], size: Mapping[str, int]) -> float:
    """The figure of an entry in the measure's unit; `size` has the `rows` and `bytes` of the table."""
    if measure.unit == "MB":
        return float(entry["peak_bytes"]) / 1e6
    per_second = float(entry["records_per_second"])
    if measure.unit == "MB/s":
        return per_second * size["bytes"] / size["rows"] / 1e6
    # A scan counts the rows of the table, however few columns it has; taking rows counts its calls.
    calls = per_second / size["rows"] if measure.work == "project" else per_second
    return {"ms": 1e3, "us": 1e6}[measure.unit] / calls


def figure(measure: Measure, size: Mapping[str, int]) -> Callable[[Mapping[str, Any]], str]:
    """How `comparison.show` shows the figures of a measure."""
    return lambda entry: f"{short(value(measure, entry, size)):>10} {measure.unit:<4}"


def short(number: float) -> str:
    """With decimals only where there are few digits before them."""
    return f"{number:,.{2 if number < 10 else 1 if number < 100 else 0}f}"


def table(
    name: str,
    size: Mapping[str, int],
    contenders: Sequence[str],
    results: Sequence[Mapping[str, Any]],
    absent: Mapping[str, str],
) -> str:
    """All figures of one data set, a line per contender, in Markdown."""
    found = {result["measure"]: result for result in results if result["table"] == name}
    columns = [measure for measure in MEASURES if measure.name in found]
    heads = ["size"] * ("write" in found) + [f"{measure.name}, {measure.unit}" for measure in columns]
    lines = [
        f"| {name}, {size['rows']:,} rows, {size['bytes'] / 1e6:,.1f} MB | " + " | ".join(heads) + " |",
        "| --- " * (len(heads) + 1) + "|",
    ]
    for contender in contenders:
        cells = []
        if "write" in found:
            entry = found["write"]["entries"].get(contender)
            cells.append(f"{100 * entry['file_bytes'] / size['bytes']:.2f} %" if entry else "-")
        for measure in columns:
            entry = found[measure.name]["entries"].get(contender)
            missing = "FAILED" if contender in found[measure.name]["failed"] else "-"
            cells.append(short(value(measure, entry, size)) if entry else missing)
        if contender in absent:
            cells = ["absent"] * len(heads)
        lines.append(f"| {contender} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw_panels(
    path: Path,
    tables: Mapping[str, Mapping[str, int]],
    contenders: Sequence[str],
    results: Sequence[Mapping[str, Any]],
) -> Path:
    """A picture with a panel for each data set (down) and measure (across), a bar for each contender."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    measures = [measure for measure in MEASURES if any(result["measure"] == measure.name for result in results)]
    panels: list[tuple[str, Callable[[str], dict[str, float]]]] = []
    found = {(result["table"], result["measure"]): result["entries"] for result in results}
    if any(measure.name == "write" for measure in measures):
        panels.append(("size, %", lambda name: sizes(found.get((name, "write"), {}), tables[name])))
    for measure in measures:
        panels.append((f"{measure.name}, {measure.unit}", panel(measure, found, tables)))
    inches = (2.2 + 2.3 * len(panels), 0.6 + 2.6 * len(tables))
    figure, axes = pyplot.subplots(len(tables), len(panels), figsize=inches, squeeze=False, layout="constrained")
    for line, name in zip(axes, tables, strict=True):
        present = {entry for (of, _), entries in found.items() if of == name for entry in entries}
        names = [contender for contender in contenders if contender in present]
        for place, (axis, (title, figures)) in enumerate(zip(line, panels, strict=True)):
            known = figures(name)
            places = range(len(names))[::-1]
            heights = [known.get(entry, 0) for entry in names]
            colours = ["#d8703b" if entry.startswith("Windrow") else "#3b7dd8" for entry in names]
            axis.barh(places, heights, color=colours)
            for y, entry in zip(places, names, strict=True):
                if entry in known:
                    axis.text(known[entry], y, " " + short(known[entry]), va="center", fontsize=6)
            if len(known) and min(known.values()) > 0:
                axis.set_xscale("log")
                axis.xaxis.set_minor_formatter(ticker.NullFormatter())
            axis.margins(x=0.3)
            axis.tick_params(labelsize=6)
            axis.set_yticks(places, names if place == 0 else [""] * len(names), fontsize=6)
            axis.set_title(f"{name}: {title}", fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def sizes(entries: Mapping[str, Mapping[str, Any]], size: Mapping[str, int]) -> dict[str, float]:
    """The sizes of the files in per cent of the table."""
    return {name: 100 * entry["file_bytes"] / size["bytes"] for name, entry in entries.items()}


def panel(
    measure: Measure, found: Mapping[tuple[str, str], Mapping[str, Any]], tables: Mapping[str, Mapping[str, int]]
) -> Callable[[str], dict[str, float]]:
    """What gives the figures of a measure for the name of a data set."""

    def figures(name: str) -> dict[str, float]:
        return {entry: value(measure, told, tables[name]) for entry, told in found.get((name, measure.name), {}).items()}

    return figures
