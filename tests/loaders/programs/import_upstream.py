"""Says whether `array_record` can be imported."""

import json

try:
    import array_record.python.array_record_module as module

    found = module.ArrayRecordReader.__module__
except ModuleNotFoundError:
    found = ""
print(json.dumps({"found": found}))
