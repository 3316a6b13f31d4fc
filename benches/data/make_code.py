"""Writes the pieces of source code that the benchmarks of record pages use: make_code.py OUT

About 49,000 pieces of Rust, each of whole lines, as soon as they are 1,330 bytes: 1,360 on average, 67 MB in all, in an
order that a fixed seed decides. They come from the crates that Cargo.lock names, as cargo has unpacked them on this
machine (`cargo fetch`), so they are the same wherever Cargo.lock is. `record_file.py` describes the file.
"""

import os
import pathlib
import random
import sys
import tomllib

import record_file

PIECE_BYTES = 1_330
CODE_BYTES = 64 << 20
LOCK = pathlib.Path(__file__).resolve().parents[2] / "Cargo.lock"


def files():
    """The source files of all crates, each with the folder of its crate, in an order of their own."""
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    crates = [
        f"{package['name']}-{package['version']}"
        for package in tomllib.loads(LOCK.read_text())["package"]
        if "source" in package
    ]
    found = []
    for folder in sorted((home / "registry" / "src").glob("*")):
        for crate in crates:
            found += [(folder / crate, path) for path in sorted((folder / crate / "src").rglob("*.rs"))]
    random.Random(1).shuffle(found)
    return found


def located_pieces():
    """The pieces in the order of their files: folder of the crate, path, number of the first line, bytes."""
    made, total = [], 0
    for crate, path in files():
        lines, size = [], 0
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            lines.append(line)
            size += len(line)
            if size >= PIECE_BYTES:
                made.append((crate, path, number - len(lines) + 1, b"".join(lines)))
                total += size
                lines, size = [], 0
        if total >= CODE_BYTES:
            break
    if total < CODE_BYTES:
        raise SystemExit(f"error: only {total} bytes of code found: run `cargo fetch`")
    return made


def pieces():
    """The pieces, in order."""
    made = [piece for _, _, _, piece in located_pieces()]
    random.Random(2).shuffle(made)
    return made


if __name__ == "__main__":
    sys.exit(record_file.main("make_code.py", sys.argv[1:], pieces, None))
