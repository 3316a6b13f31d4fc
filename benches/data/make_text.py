"""Writes the text that the record benchmarks use: make_text.py OUT

65,536 records of 200 words each. The words are drawn evenly, with numpy's default_rng(0), from the 20,000 words
of lorem_text.lorem.words(20000) (made after random.seed(0)), and joined by single spaces. In all 97,219,322
bytes of text, 1,483.4 bytes a record on average.

`record_file.py` describes the file.
"""

import random
import sys

import numpy as np
import record_file
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


if __name__ == "__main__":
    sys.exit(record_file.main("make_text.py", sys.argv[1:], records, FILE_SHA256))
