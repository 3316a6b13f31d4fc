"""Tables that several test modules write and read."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa

ROWS = 1000


def flights(rows: int = ROWS) -> pa.Table:
    """Numbers, text, nulls and a point in time, in rising order where a filter is to pass over row groups."""
    numbers = range(rows)
    return pa.table(
        {
            "number": pa.array(numbers, pa.int64()),
            "delay": pa.array([None if n % 7 == 0 else n % 100 - 50 for n in numbers], pa.int16()),
            "distance": pa.array([n * 0.5 for n in numbers], pa.float64()),
            "dest": pa.array([("BOS", "LAX", "ÜBR")[n % 3] for n in numbers], pa.string()),
            "tail": pa.array([None if n % 5 == 0 else f"N{n * 7919 % 9973:05}" for n in numbers], pa.string()),
            "when": pa.array([dt.datetime(2013, 1, 1) + dt.timedelta(minutes=n) for n in numbers], pa.timestamp("us")),
        }
    )


def every_type() -> dict[str, pa.Array]:
    """Arrays of 5 values, of all types that a file can hold; the second value is null, and the last."""

    def of(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array([values[0], None, values[1], values[2], None], kind)

    made: dict[str, pa.Array] = {"null": pa.nulls(5), "bool": of([True, False, True], pa.bool_())}
    for bits in (8, 16, 32, 64):
        most = 2 ** (bits - 1) - 1
        made[f"int{bits}"] = of([-most - 1, 0, most], getattr(pa, f"int{bits}")())
        made[f"uint{bits}"] = of([0, 1, 2 * most + 1], getattr(pa, f"uint{bits}")())
    made["float16"] = of([0.5, -1.0, 2.0], pa.float16())
    made["float32"] = of([0.1, float("-inf"), -0.0], pa.float32())
    made["float64"] = of([0.1, 1e300, -0.0], pa.float64())
    texts, blobs = ["", "grün", "long enough for a view" * 3], [b"", b"\0\xff", b"some bytes that are no text"]
    for name in ("string", "large_string", "string_view"):
        made[name] = of(texts, getattr(pa, name)())
    for name in ("binary", "large_binary", "binary_view"):
        made[name] = of(blobs, getattr(pa, name)())
    made["fixed_binary"] = of([b"abc", b"\0\0\0", b"xyz"], pa.binary(3))
    days = [dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)]
    made["date32"], made["date64"] = of(days, pa.date32()), of(days, pa.date64())
    times = [dt.time(0), dt.time(23, 59, 59), dt.time(12, 30, 5)]
    made["time32[s]"], made["time32[ms]"] = of(times, pa.time32("s")), of(times, pa.time32("ms"))
    made["time64[us]"] = of([*times[:2], dt.time(1, 2, 3, 4)], pa.time64("us"))
    made["time64[ns]"] = of(times, pa.time64("ns"))
    points = [dt.datetime(1969, 12, 31, 23, 59, 59), dt.datetime(2000, 2, 29, 1, 2, 3), dt.datetime(2200, 1, 1)]
    lengths = [dt.timedelta(days=-1, seconds=5), dt.timedelta(0), dt.timedelta(days=400)]
    for unit in ("s", "ms", "us", "ns"):
        made[f"timestamp[{unit}]"] = of(points, pa.timestamp(unit))
        made[f"duration[{unit}]"] = of(lengths, pa.duration(unit))
    for zone in ("UTC", "Europe/Zurich", "+05:30", "-03:00"):
        made[f"timestamp {zone}"] = of([point.replace(tzinfo=dt.UTC) for point in points], pa.timestamp("us", zone))
    prices = [decimal.Decimal(text) for text in ("0.00", "-12.34", "9999.99")]
    for bits, digits in ((32, 9), (64, 18), (128, 38), (256, 76)):
        made[f"decimal{bits}"] = of(prices, getattr(pa, f"decimal{bits}")(digits, 2))
    made["interval"] = of([(1, 2, 3), (-1, 0, 10**12), (0, 0, 0)], pa.month_day_nano_interval())
    lists = [[1, None, 3], [], [4]]
    made["list"], made["large_list"] = of(lists, pa.list_(pa.int32())), of(lists, pa.large_list(pa.int32()))
    made["list of text"] = of([["a", None], [], ["b" * 50]], pa.list_(pa.string()))
    made["fixed_list"] = of([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float32(), 2))
    fields = pa.struct([("x", pa.int64()), ("y", pa.struct([("z", pa.string())]))])
    made["struct"] = of([{"x": 1, "y": {"z": "a"}}, {"x": None, "y": None}, {"x": 3, "y": {"z": None}}], fields)
    made["list of structs"] = of([[{"x": 1, "y": None}], [], [{"x": 2, "y": {"z": "c"}}] * 2], pa.list_(fields))
    made["map"] = of([[("a", 1), ("b", None)], [], [("c", 3)]], pa.map_(pa.string(), pa.int64()))
    made["dictionary"] = of(["x", "y", "x"], pa.string()).dictionary_encode()
    keys = pa.array([0, None, 1, 0, None], pa.int8())
    made["dictionary of numbers"] = pa.DictionaryArray.from_arrays(keys, pa.array([7, 8]))
    made["run_end_encoded"] = pa.RunEndEncodedArray.from_arrays([2, 4, 5], pa.array(["a", None, "b"]))
    return made
