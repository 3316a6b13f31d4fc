"""Advice on how to write records."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import windrow


def events(count: int) -> list[bytes]:
    return [b'{"user":%d,"action":"view","item":%d}' % (n * 7919 % 10007, n % 997) for n in range(count)]


def test_all_ways_are_tried_and_one_is_named(tmp_path: Path) -> None:
    records, seen = events(20_000), list[int]()
    advice = windrow.advise(records, access="random", rounds=1, progress=seen.append)
    assert (advice.records, advice.record_bytes) == (20_000, sum(map(len, records)))
    assert advice.access == "random"
    assert len(seen) == len(advice.outcomes) > 10
    assert seen == list(range(len(seen)))
    assert advice.training_seconds is not None and advice.training_seconds > 0
    best, groups = advice.recommended, advice.recommended_groups
    assert best is not None and groups is not None
    assert best in advice.outcomes and groups in advice.outcomes
    assert groups.layout == "groups"
    assert {outcome.layout for outcome in advice.outcomes} == {"pages", "groups"}
    assert any("dictionary:auto" in outcome.options for outcome in advice.outcomes)
    assert best.options in repr(advice) and best.options in repr(best)
    for outcome in advice.outcomes:
        assert outcome.size > 0 and outcome.single_us > 0 and outcome.write_bytes_per_second > 0
        assert outcome.in_order_per_second > 0 and outcome.batch_per_second > 0
        path = tmp_path / "tried"
        with windrow.RecordWriter(path, outcome.options) as writer:
            writer.write_batch(records)
        assert windrow.RecordReader(path).layout == outcome.layout
        # What is left out of the share: two blocks at the end, and two copies of the dictionary.
        rest = path.stat().st_size - outcome.size * advice.record_bytes
        assert 0 < rest < 3 * 65_536 + 2 * 65_536, outcome


def test_no_records_are_no_advice() -> None:
    advice = windrow.advise([])
    assert (advice.records, advice.outcomes, advice.recommended, advice.recommended_groups) == (0, [], None, None)
    assert repr(advice) == 'Advice(access="both", recommended=None)'


def test_what_is_asked_for_is_checked() -> None:
    with pytest.raises(windrow.OptionsError, match="random"):
        windrow.advise([b"a"], access="rows")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        windrow.advise([1])  # type: ignore[list-item]


def test_an_endless_iterable_is_taken_in_as_far_as_it_is_needed() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        for taken in itertools.count():
            yield bytes(1 << 20)

    assert windrow.advise(endless(), rounds=1).records == taken + 1 == 16


def test_what_progress_raises_ends_it() -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        windrow.advise(events(1000), progress=stop)


def test_other_threads_go_on_meanwhile() -> None:
    turns = 0
    done = threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    windrow.advise(events(5000), rounds=1)
    done.set()
    thread.join()
    assert turns > 10
