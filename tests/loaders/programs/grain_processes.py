"""A user's program that reads with two workers of Grain and knows nothing of Windrow: grain_processes.py PATH..."""

import json
import os
import sys

import grain
from loader_records import number_of


def seen(record: bytes) -> tuple[int, int, str]:
    """What a worker has: the record's number, the process, and the module that read it."""
    return number_of(record), os.getpid(), grain.sources.ArrayRecordDataSource.__mro__[1].__module__


def main(paths: list[str]) -> None:
    source = grain.sources.ArrayRecordDataSource(paths)
    dataset = grain.MapDataset.source(source).shuffle(seed=5).map(seen).to_iter_dataset()
    dataset = dataset.mp_prefetch(grain.multiprocessing.MultiprocessingOptions(num_workers=2))
    elements = list(dataset)
    print(
        json.dumps(
            {
                "numbers": [number for number, _, _ in elements],
                "workers": len({process for _, process, _ in elements} - {os.getpid()}),
                "read_in_workers_with": sorted({module for _, _, module in elements}),
                "reads_with": grain.sources.ArrayRecordDataSource.__mro__[1].__module__,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
