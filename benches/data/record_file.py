"""Files of records for benchmarks: a plain sequence of records until its end, each of them:

    length  u32, little-endian: the number of bytes that follow
    bytes   the record

The same bytes come out of every run: the sha256 of the file is checked before it gets its name, because figures that
were measured on other records cannot be compared. A finished file is left alone.
"""

import hashlib
import os
import sys


def main(script, arguments, records, sha256):
    """Writes `records()` to the file that the arguments name, and gives the exit code."""
    if len(arguments) != 1:
        print(f"usage: {script} OUT", file=sys.stderr)
        return 2
    out = arguments[0]
    if os.path.exists(out) and file_sha256(out) == sha256:
        print(f"{out}: already there")
        return 0

    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    partial = f"{out}.{os.getpid()}.partial"
    count = record_bytes = 0
    try:
        with open(partial, "wb") as file:
            for record in records():
                file.write(len(record).to_bytes(4, "little"))
                file.write(record)
                count += 1
                record_bytes += len(record)
        found = file_sha256(partial)
        if sha256 not in (None, found):
            print(f"error: the records differ: sha256 {found}, expected {sha256}", file=sys.stderr)
            return 1
        os.replace(partial, out)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    print(f"{out}: {count} records, {record_bytes} bytes, {record_bytes / count:.1f} on average")
    return 0


def file_sha256(path):
    """The sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
