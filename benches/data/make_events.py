"""Writes the JSON events that the benchmarks of record pages use: make_events.py OUT

600,000 events of a shop, as a log collector would keep them: one JSON object each, 115
bytes on average, 69 MB in all. Every event has the same keys; its values are drawn from splitmix64, evenly.

`record_file.py` describes the file.
"""

import sys

import record_file
from make_messages import Stream

EVENTS = 600_000
FILE_SHA256 = "e2affc50818138740e9c47785e0b2d14701869259a398101d0e82d2f3ebfb3ba"
DEVICES = ("phone", "tablet", "laptop", "desktop")
ACTIONS = ("view", "click", "add_to_cart", "purchase", "scroll", "login", "logout", "search")


def events():
    """Yields the events as bytes."""
    stream = Stream(7)
    for number in range(EVENTS):
        action = ACTIONS[stream.below(len(ACTIONS))]
        cents = stream.below(50_000)
        event = (
            f'{{"ts":{1_700_000_000 + number // 3},"user":{stream.below(100_000)},"action":"{action}",'
            f'"item":{stream.below(50_000)},"price":{cents // 100}.{cents % 100:02},'
            f'"session":"{stream.below(1 << 32):08x}","device":"{DEVICES[stream.below(4)]}"}}'
        )
        yield event.encode("ascii")


if __name__ == "__main__":
    sys.exit(record_file.main("make_events.py", sys.argv[1:], events, FILE_SHA256))
