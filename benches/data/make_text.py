"""Writes the text that the record benchmarks use: make_text.py OUT

65,536 records of 200 words each. The words are drawn evenly, with numpy's default_rng(0), from the 20,000 words
of lorem_text.lorem.words(20000) (made after random.seed(0)), and joined by single spaces. In all 97,219,322
bytes of text, 1,483.4 bytes a record on average.

The file is a plain sequence of records until its end, each of them:

    length  u32, little-endian: the number of bytes that follow
    bytes   the text of the record (ASCII, no line end)

The same bytes come out of every run: the sha256 of the file is checked before it gets its name, because figures
that were measured on other text cannot be compared. A finished file is left alone.
"""

import hashlib
import os
import random
import sys

import numpy as np
from lorem_text import lorem

RECORDS = 65_536
WORDS_PER_RECORD = 200
VOCABULARY_WORDS = 20_000
FILE_SHA256 = "36a5b2a97bbd63d93be61994260b7c76116b96f91a1241d450453357eef18c78"


def records():
    """Yields the records as bytes."""
    random.seed(0)
    words = np.array(lorem.words(VOCABULARY_WORDS).encode("ascii").split(b" "), dtype=object)
    if len(words) != VOCABULARY_WORDS:
        raise SystemExit(f"error: lorem_text gave {len(words)} words, expected {VOCABULARY_WORDS}")
    picks = np.random.default_rng(0).integers(0, VOCABULARY_WORDS, size=(RECORDS, WORDS_PER_RECORD))
    for row in words[picks]:
        yield b" ".join(row)


def file_sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments):
    if len(arguments) != 1:
        print("usage: make_text.py OUT", file=sys.stderr)
        return 2
    out = arguments[0]
    if os.path.exists(out) and file_sha256(out) == FILE_SHA256:
        print(f"{out}: already there")
        return 0

    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    partial = f"{out}.{os.getpid()}.partial"
    text_bytes = 0
    try:
        with open(partial, "wb") as file:
            for record in records():
                file.write(len(record).to_bytes(4, "little"))
                file.write(record)
                text_bytes += len(record)
        found = file_sha256(partial)
        if found != FILE_SHA256:
            print(f"error: the text differs: sha256 {found}, expected {FILE_SHA256}", file=sys.stderr)
            return 1
        os.replace(partial, out)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    print(f"{out}: {RECORDS} records, {text_bytes} bytes of text, {text_bytes / RECORDS:.1f} on average")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
