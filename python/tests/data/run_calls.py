"""Makes the calls of `calls.toml` with one of the two libraries and prints what came of them as JSON.

    python run_calls.py (upstream | windrow) FOLDER make     writes the files that the calls read
    python run_calls.py (upstream | windrow) FOLDER          makes the calls

A process for each library: upstream keeps 64 threads, and its flags exist once in a process. The outcome of a call is
`{"value": repr}` or `{"errors": [names of the exception's built-in classes], "type": name, "message": text}`.
"""

import array
import copy
import dataclasses
import hashlib
import inspect
import itertools
import json
import logging
import os
import pathlib
import pickle
import shutil
import sys
import tomllib
import weakref

import numpy as np
from etils import epath

library, folder = sys.argv[1:3]
if library == "upstream":
    from array_record.python import array_record_data_source as D
    from array_record.python import array_record_module as M
else:
    from windrow import array_record_data_source as D
    from windrow import array_record_module as M

R, W, S = M.ArrayRecordReader, M.ArrayRecordWriter, D.ArrayRecordDataSource
DIR = folder
A, B5, G4, EMPTY, CUT, MISSING = (
    os.path.join(folder, name) for name in ("a.ar", "b5.ar", "g4.ar", "empty.ar", "cut.ar", "missing.ar")
)
_names = (os.path.join(folder, f"{library}-{number}.ar") for number in itertools.count())


@dataclasses.dataclass
class FI:
    """As TFDS has it."""

    filename: object
    skip: int
    take: int
    examples_in_shard: int


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Fspath:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


class BytesChild(bytes):
    pass


class HasBytes:
    def __bytes__(self):
        return b"x"


class Child(R):
    pass


class Derived(S):
    pass


class Stating:
    """A reader of a file whose writer stated these options."""

    def __init__(self, options):
        self.options = options

    def writer_options_string(self):
        return self.options


def new():
    return next(_names)


def raises(error, function, *arguments):
    try:
        function(*arguments)
    except error:
        return True
    return False


def write_file(path, records, options=""):
    writer = W(path, options)
    for record in records:
        writer.write(record)
    writer.close()
    return path


def written(record):
    return R(write_file(new(), [record])).read_all()


def written_file():
    return write_file(new(), [b"r0", b"r1"])


def dropped():
    path = new()
    writer = W(path)
    writer.write(b"a")
    del writer
    return path


def source(paths):
    made = S(paths)
    return len(made), made._paths


def named(*paths):
    """What upstream's `repr` is for these files."""
    return f"ArrayRecordDataSource(hash_of_paths={hashlib.sha1(''.join(paths).encode()).hexdigest()})"


def errors_logged(function):
    found = []

    class Handler(logging.Handler):
        def emit(self, record):
            found.append(record.getMessage().split(".")[0])

    handler = Handler(logging.ERROR)
    logging.getLogger().addHandler(handler)
    logging.getLogger("absl").addHandler(handler)
    try:
        function()
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger("absl").removeHandler(handler)
    return sorted(set(found))


def truncated_while_open():
    path = shutil.copyfile(A, new())
    made = S(path)
    made[0]
    os.truncate(path, 200)
    return made[9]


def deleted_while_open():
    path = shutil.copyfile(A, new())
    made = S(path)
    made[0]
    os.remove(path)
    return made[9]


def writer_options(options):
    path = write_file(new(), [b"abc"], options)
    return R(path).writer_options_string(), os.path.getsize(path)


def reader_options(options):
    reader = R(A, options)
    return reader.num_records(), reader.read(), reader.read([1, 9]), reader.read(2, 4), reader.read_all()[-1]


def make():
    records = [f"r{number}".encode() for number in range(10)]
    write_file(A, records, "group_size:1")
    write_file(B5, [f"q{number}".encode() for number in range(5)], "group_size:1")
    write_file(G4, records, "group_size:4")
    write_file(EMPTY, [])
    shutil.copyfile(A, CUT)
    os.truncate(CUT, 65536)


def outcome(call):
    try:
        # With names of its own, which its lambdas see too.
        value = eval(call, dict(globals()))
    except Exception as error:
        classes = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins" and cls is not object]
        return {"errors": classes, "type": type(error).__name__, "message": str(error).replace(folder, "DIR")}
    shown = repr(value).replace(folder, "DIR")
    for cls, name in ((R, "<Reader>"), (W, "<Writer>"), (Child, "<Reader>")):
        shown = name if type(value) is cls else shown
    return {"value": shown}


if __name__ == "__main__":
    if sys.argv[3:] == ["make"]:
        make()
    else:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls.toml"), "rb") as file:
            sections = tomllib.load(file)
        calls = [call for section in sections.values() for call in section["calls"]]
        print(json.dumps({call: outcome(call) for call in calls}))
        # Upstream's threads need not be waited for.
        sys.stdout.flush()
        os._exit(0)
