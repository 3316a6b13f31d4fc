"""A user's program that saves the position of a Grain pipeline, or goes on from it; knows nothing of Windrow.

    grain_checkpoint.py KIND STATE BEFORE AFTER PATH...

takes BEFORE elements, writes the state to the file STATE, and takes AFTER elements more. With BEFORE 0, begins by
restoring the state that is in the file.
"""

import json
import sys
from pathlib import Path

import grain
from loader_records import number_of

kind, state_path, before, after, *paths = sys.argv[1:]
source = grain.sources.ArrayRecordDataSource(paths)
if kind == "DataLoader":
    sampler = grain.samplers.IndexSampler(
        num_records=len(source), shard_options=grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=11
    )
    elements = iter(grain.DataLoader(data_source=source, sampler=sampler, worker_count=0))
else:
    elements = iter(grain.MapDataset.source(source).shuffle(seed=11).to_iter_dataset())

taken = []
if int(before):
    taken = [number_of(next(elements)) for _ in range(int(before))]
    state = elements.get_state()
    Path(state_path).write_bytes(state if isinstance(state, bytes) else json.dumps(state).encode())
else:
    content = Path(state_path).read_bytes()
    elements.set_state(content if kind == "DataLoader" else json.loads(content))
taken += [number_of(next(elements)) for _ in range(int(after))]
reads_with = grain.sources.ArrayRecordDataSource.__mro__[1].__module__
print(json.dumps({"taken": taken, "reads_with": reads_with}))
