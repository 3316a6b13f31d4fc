"""Shows the Python package at its main job, on real data, and checks every result: python tools/demo.py

Run it from the root of the repository, with windrow installed.
"""

import pickle
import random
import tempfile
import time
from pathlib import Path

import windrow
from windrow.array_record_data_source import ArrayRecordDataSource
from windrow.array_record_module import ArrayRecordReader

DATA = Path("tests/data/weather.csv")
COPIES = 10


def check(fine: bool, what: str) -> None:
    """Ends the demonstration where a result is wrong."""
    if not fine:
        raise SystemExit(f"demo: {what}")


def main() -> None:
    """Writes the rows of a CSV file as records, and reads them back in every way."""
    rows = DATA.read_bytes().splitlines()[1:] * COPIES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weather.array_record")

        print("\n== python: write")
        start = time.perf_counter()
        with windrow.RecordWriter(path, metadata={"source": DATA.name}) as writer:
            writer.write_batch(rows)
        seconds = time.perf_counter() - start
        print(f"{len(rows)} records, {path.stat().st_size} bytes: {len(rows) / seconds:,.0f} records/s")

        print("\n== python: read one by one, in the order of windrow.Permutation, and as one batch")
        reader = windrow.RecordReader(path)
        order = windrow.Permutation(len(reader), seed=2013)
        start = time.perf_counter()
        check(all(reader[i] == rows[i] for i in order), "records differ from the rows")
        seconds = time.perf_counter() - start
        print(f"one by one: {len(rows) / seconds:,.0f} records/s")
        start = time.perf_counter()
        batch = reader.read_many(order)
        seconds = time.perf_counter() - start
        check(batch == [rows[i] for i in order], "the batch differs from the rows")
        print(f"one batch:  {len(rows) / seconds:,.0f} records/s")

        print("\n== python: iterate, stop, resume from the state")
        iterator = iter(reader)
        first = [next(iterator) for _ in range(1000)]
        state = iterator.state_dict()
        resumed = iter(pickle.loads(pickle.dumps(reader)))
        resumed.load_state_dict(state)
        check(first + list(resumed) == rows, "the resumed iteration differs")
        print(f"state {state}: equal to an uninterrupted run")

        print("\n== python: the names of array_record")
        source = ArrayRecordDataSource([path, f"{path}[10:20]"])
        picks = random.Random(0).sample(range(len(source)), 100)
        expected = [(rows + rows[10:20])[i] for i in picks]
        check(source.__getitems__(picks) == expected, "the data source differs")
        check(ArrayRecordReader(path).read(-10, len(rows)) == rows[-10:], "the reader differs")
        print(f"{source!r}, {len(source)} records: equal")

        print("\n== python: damage is told")
        damaged = bytearray(path.read_bytes())
        damaged[70_000] ^= 1
        path.write_bytes(damaged)
        report = windrow.verify(path)
        check([fault.code for fault in report.faults] == ["chunk_data_hash"], f"unexpected: {report.faults}")
        try:
            windrow.RecordReader(path).read_all()
        except windrow.CorruptError as error:
            print(str(error).replace(folder, "..."))
        else:
            check(False, "damage was not noticed")
    print("\ndemo: all checks of the Python package passed")


if __name__ == "__main__":
    main()
