"""The drop-in modules and upstream, call by call, on the same files."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DATA = HERE / "data"
Outcome = dict[str, Any]


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


CALLS: list[str] = [call for section in _toml(DATA / "calls.toml").values() for call in section["calls"]]
DIFFERENCES: dict[str, dict[str, str]] = {
    entry["call"]: entry for entry in _toml(HERE / "differences.toml")["difference"]
}


def _run(library: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(DATA / "run_calls.py"), library, str(folder), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    """What came of each call, by library. Both read files that upstream wrote."""
    folder = tmp_path_factory.mktemp("calls")
    _run("upstream", folder, "make")
    return {library: json.loads(_run(library, folder)) for library in ("upstream", "windrow")}


def short(outcome: Outcome) -> str:
    """A value, or the name of an exception's class."""
    return str(outcome.get("value", outcome.get("type")))


def agrees(upstream: Outcome, ours: Outcome) -> bool:
    """The same value, or an exception that a handler for upstream's catches."""
    if "value" in upstream or "value" in ours:
        return upstream.get("value") == ours.get("value")
    return upstream["type"] in ours["errors"]


@pytest.mark.parametrize("call", [call for call in CALLS if call not in DIFFERENCES])
def test_same_outcome(call: str, outcomes: dict[str, dict[str, Outcome]]) -> None:
    upstream, ours = outcomes["upstream"][call], outcomes["windrow"][call]
    assert agrees(upstream, ours), f"upstream: {upstream}, ours: {ours}"


@pytest.mark.parametrize("call", DIFFERENCES)
def test_listed_difference(call: str, outcomes: dict[str, dict[str, Outcome]]) -> None:
    entry = DIFFERENCES[call]
    upstream, ours = outcomes["upstream"][call], outcomes["windrow"][call]
    assert (short(upstream), short(ours)) == (entry["upstream"], entry["ours"]), (upstream, ours)
    assert not agrees(upstream, ours), "there is no difference"
    assert entry["reason"]


def test_each_call_and_difference_is_listed_once() -> None:
    assert len(CALLS) == len(set(CALLS))
    entries = _toml(HERE / "differences.toml")["difference"]
    assert len(entries) == len(DIFFERENCES)
    assert set(DIFFERENCES) <= set(CALLS)


@pytest.mark.parametrize(
    "call",
    ["S([A, B5])[15]", "S([A, B5])[-1]", "S([A, B5]).__getitems__([15])", "S([A, B5])._reader_idx_and_position(-1)"],
)
def test_a_key_out_of_range_says_what_upstream_says(call: str, outcomes: dict[str, dict[str, Outcome]]) -> None:
    assert outcomes["upstream"][call]["message"] == outcomes["windrow"][call]["message"]
    assert outcomes["windrow"][call]["type"] == "OutOfRangeError"


@pytest.mark.parametrize("call", [call for call in CALLS if call.startswith(("writer_options", "reader_options"))])
def test_option_errors_are_option_errors(call: str, outcomes: dict[str, dict[str, Outcome]]) -> None:
    if call not in DIFFERENCES and "errors" in outcomes["upstream"][call]:
        assert outcomes["windrow"][call]["type"] == "OptionsError"


def test_messages_are_one_line(outcomes: dict[str, dict[str, Outcome]]) -> None:
    messages = [outcome["message"] for outcome in outcomes["windrow"].values() if "message" in outcome]
    assert len(messages) > 100
    # Python's own messages for wrong arguments are not ours to shape.
    assert [message for message in messages if not message or "\n" in message] == []
