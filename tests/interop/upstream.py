"""The peer's side of the differential tests: writes and reads files with the `array_record` package.

One process serves many requests. Each line on stdin is one JSON object with the key `op`; each gets one line of JSON
on stdout, in order. `"ok": false` means that the request failed, with the reason in `error`. When a file crashes the
peer, the process dies and the pipe closes; a stack goes to stderr. End of input ends the process.

    {"op": "ping"}
        -> ok, array_record, python (versions), options (the reader option sets of `read`)
    {"op": "expand", "records": SPEC}
        -> ok, records: each record in hex. At most 1 MiB in all; to check the other side's generator
    {"op": "write", "path": P, "options": "group_size:7,zstd:3", "records": SPEC}
        -> ok, records (count), file_bytes
    {"op": "read", "path": P, "records": SPEC, "sample": [INDEX, ..], "depth": "full"}
        -> ok, records (count), checks (values compared), writer_options (text or null)
        `sample` names the records to read one by one; without it up to 64, spread over the file, with both ends.
        `depth` "full" (default): every option set by every method. "light": every method with the default options,
        a sequential pass with readahead, and the sample with the offloaded index. Files of many chunks get less of
        what the peer does in quadratic time, see the constants; the pass with readahead always covers all records.
    {"op": "open", "path": P, "options": ""}
        -> ok, accepted. If true: records (count), writer_options. If false: error, type (Python's exception)
    {"op": "refuse", "path": P}
        -> ok, apis: for each way to open and read the file, by name, the exception's text, or null where there was none
    {"op": "options", "writer": S} or {"op": "options", "reader": S}
        -> ok, accepted. If true: options (the writer's echo, null for a reader). If false: error, type

SPEC stands for a list of records that both sides expand, so that no bulk data crosses the pipe: a list of items

    {"len": bytes in a record, "seed": u64, "kind": "random" | "text" | "const", "repeat": records, default 1}
    {"hex": one record as it is}

Record k (from 0) of an item is made from s = seed + k modulo 2^64. Its word j (from 0) is splitmix64, in u64
arithmetic that wraps:

    z = s + (j + 1) * 0x9e3779b97f4a7c15
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb
    word(s, j) = z ^ (z >> 31)

    random   the words in little-endian order, cut to `len` bytes
    text     for each word the eight bytes TEXT[(word + b) & 63], b = 0..8, cut to `len` bytes; compresses well
    const    `len` times the byte s & 0xff

Vectors: word(0, 0) = 0xe220a8397b1dcdaf, word(0, 1) = 0x6e789e6aa1b965f4.
"random", len 10, seed 0 = af cd 1d 7b 39 a8 20 e2 f4 65. "text", len 10, seed 0 = " wind tu t".
"""

import faulthandler
import importlib.metadata
import json
import os
import re
import sys
import tempfile

import numpy as np
from absl import logging
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

TEXT = np.frombuffer(b"the row of cut grain lies in the field, and the wind turns it. \n", dtype=np.uint8)
KINDS = ("random", "text", "const")
SLAB_WORDS = 1 << 20  # words made at once: bounds the generator's scratch memory to some tens of MiB
EXPAND_LIMIT_BYTES = 1 << 20
DEFAULT_SAMPLE = 64

READAHEAD = "readahead_buffer_size:1M"
OFFLOADED = "index_storage_option:offloaded,footer_prefetch_bytes:0"

# Each step of a sequential read without readahead, and each access with the offloaded index, costs the peer time that
# grows with the number of chunks: 14 us and 1 ms at 100,000 chunks. Beyond these numbers of chunks,
SEQUENTIAL_CHUNKS = 20_000  # passes without readahead cover only the first and the last records, END_RECORDS of them;
OFFLOADED_CHUNKS = 2_000  # the offloaded index serves only OFFLOADED_SAMPLE records.
END_RECORDS = 1_000
OFFLOADED_SAMPLE = 4
SOURCE_RANGE = 100_000  # records; longer parts of a file are not read through the data source

OPTION_SETS = ("", "readahead_buffer_size:0", READAHEAD, f"{READAHEAD},max_parallelism:0", OFFLOADED)


class Mismatch(Exception):
    """The peer read something else than the request expects, or the request makes no sense."""


def words(first_seed, rows, begin, end):
    """Words `begin..end` of `rows` records with consecutive seeds: [rows, end - begin] u64."""
    seeds = np.arange(rows, dtype=np.uint64) + np.array([first_seed], dtype=np.uint64)
    steps = np.arange(begin + 1, end + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = seeds[:, None] + steps[None, :]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def word_bytes(kind, first_seed, rows, begin, end):
    """The bytes that those words stand for, record after record."""
    z = words(first_seed, rows, begin, end)
    if kind == "random":
        return z.astype("<u8").tobytes()
    places = (z & np.uint64(63)).astype(np.uint8)[:, :, None] + np.arange(8, dtype=np.uint8)
    return TEXT[places & 63].tobytes()


def expand_item(item):
    if set(item) == {"hex"}:
        return [bytes.fromhex(item["hex"])]
    unknown = set(item) - {"len", "seed", "kind", "repeat"}
    if unknown:
        raise Mismatch(f"unknown keys in a record spec: {sorted(unknown)}")
    length, seed, kind, repeat = item["len"], item["seed"], item["kind"], item.get("repeat", 1)
    if kind not in KINDS:
        raise Mismatch(f"unknown kind of records: {kind}")
    if length < 0 or repeat < 0 or not 0 <= seed < 1 << 64:
        raise Mismatch(f"record spec out of range: {item}")
    if kind == "const":
        values = {byte: bytes([byte]) * length for byte in {(seed + k) & 0xFF for k in range(min(repeat, 256))}}
        return [values[(seed + k) & 0xFF] for k in range(repeat)]

    per_record = -(-length // 8)
    stride = per_record * 8
    records = []
    if per_record > SLAB_WORDS:
        for k in range(repeat):
            pieces = [
                word_bytes(kind, (seed + k) % (1 << 64), 1, begin, min(begin + SLAB_WORDS, per_record))
                for begin in range(0, per_record, SLAB_WORDS)
            ]
            pieces[-1] = pieces[-1][: len(pieces[-1]) - (stride - length)]
            records.append(b"".join(pieces))
        return records
    rows_at_once = SLAB_WORDS // max(per_record, 1)
    for k in range(0, repeat, rows_at_once):
        rows = min(rows_at_once, repeat - k)
        slab = word_bytes(kind, (seed + k) % (1 << 64), rows, 0, per_record)
        records.extend(slab[i * stride : i * stride + length] for i in range(rows))
    return records


def expand(spec):
    """The records of a spec, in order."""
    return [record for item in spec for record in expand_item(item)]


class Checks:
    """Counts comparisons; the first difference raises `Mismatch` with the place in words."""

    def __init__(self):
        self.count = 0

    def equal(self, what, got, expected):
        self.count += 1
        if got != expected:
            raise Mismatch(f"{what}: {difference(got, expected)}")

    def raises(self, what, error, call):
        self.count += 1
        try:
            got = call()
        except error:
            return
        raise Mismatch(f"{what}: expected {error.__name__}, got {short(got)}")


def short(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def difference(got, expected):
    if isinstance(got, bytes) and isinstance(expected, bytes):
        # When one is the beginning of the other, they part where the shorter one ends.
        place = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        return f"expected {len(expected)} bytes, got {len(got)}, first difference at byte {place}"
    if isinstance(got, list) and isinstance(expected, list):
        if len(got) != len(expected):
            return f"expected {len(expected)} records, got {len(got)}"
        place = next(i for i, (a, b) in enumerate(zip(got, expected)) if a != b)
        return f"element {place}: {difference(got[place], expected[place])}"
    return f"expected {short(expected)}, got {short(got)}"


def check_sequential(checks, name, reader, expected, whole):
    """`read()` to the end, from the start or from two places, and what happens at the end."""
    count = len(expected)
    parts = [(0, count)] if whole else [(0, END_RECORDS), (count - END_RECORDS, count)]
    for begin, end in parts:
        reader.seek(begin)
        for i in range(begin, end):
            checks.equal(f"{name}: read() of record {i}", reader.read(), expected[i])
    checks.equal(f"{name}: record_index() at the end", reader.record_index(), count)
    checks.raises(f"{name}: read() past the end", IndexError, reader.read)


def check_sample(checks, name, reader, expected, sample):
    """Single records: `seek` and `read()`, backwards through the sample, then `read([i])`."""
    for i in reversed(sample):
        reader.seek(i)
        checks.equal(f"{name}: record_index() after seek({i})", reader.record_index(), i)
        checks.equal(f"{name}: read() after seek({i})", reader.read(), expected[i])
        checks.equal(f"{name}: record_index() after the read of {i}", reader.record_index(), i + 1)
    for i in sample:
        checks.equal(f"{name}: read([{i}])", reader.read([i]), [expected[i]])


def check_batches(checks, name, reader, expected):
    """Many records in one call: lists of indices, ranges, the whole file."""
    count = len(expected)
    checks.equal(f"{name}: read(all indices)", reader.read(range(count)), expected)
    checks.equal(f"{name}: read(all indices, reversed)", reader.read(range(count - 1, -1, -1)), expected[::-1])
    for begin, end in ranges(count):
        checks.equal(f"{name}: read({begin}, {end})", reader.read(begin, end), expected[begin:end])
    checks.equal(f"{name}: read_all()", reader.read_all(), expected)


def check_reader(checks, name, path, options, expected, sample, every):
    """One `ArrayRecordReader` with these options, by every method or by those that `light` asks for."""
    reader = ArrayRecordReader(path, options)
    if not reader.ok():
        raise Mismatch(f"{name}: the file is refused: {refusal(reader)[0]}")
    checks.equal(f"{name}: num_records()", reader.num_records(), len(expected))
    chunks = chunk_count(reader)
    if options == OFFLOADED and chunks > OFFLOADED_CHUNKS:
        sample, every = sample[:: max(1, len(sample) // OFFLOADED_SAMPLE)][:OFFLOADED_SAMPLE], False
    if every or options == READAHEAD:
        whole = chunks <= SEQUENTIAL_CHUNKS or options.startswith(READAHEAD)
        check_sequential(checks, name, reader, expected, whole or len(expected) < 2 * END_RECORDS)
    if every or options == OFFLOADED:
        check_sample(checks, name, reader, expected, sample)
    if every:
        check_batches(checks, name, reader, expected)
        check_data_source(checks, name, path, options, expected, sample)
    writer_options = reader.writer_options_string()
    reader.close()
    return writer_options


def chunk_count(reader):
    """How many chunks the writer options imply; only used to bound the work."""
    group = re.search(r"group_size:(\d+)", reader.writer_options_string() or "")
    return -(-reader.num_records() // int(group[1])) if group else reader.num_records()


def check_data_source(checks, name, path, options, expected, sample):
    """`ArrayRecordDataSource` over the whole file and over parts of it."""
    count = len(expected)
    # The source sets `readahead_buffer_size` itself and takes no second one.
    pairs = [pair.split(":", 1) for pair in options.split(",") if pair and not pair.startswith("readahead")]
    reader_options = dict(pairs) or None
    with ArrayRecordDataSource(path, reader_options=reader_options) as source:
        checks.equal(f"{name}: len(source)", len(source), count)
        for i in sample:
            checks.equal(f"{name}: source[{i}]", source[i], expected[i])
        checks.raises(f"{name}: source[{count}]", ValueError, lambda: source[count])
        if count:
            got = source.__getitems__(range(count - 1, -1, -1))
            checks.equal(f"{name}: source.__getitems__(all, reversed)", list(got), expected[::-1])
    for begin, end in ranges(count):
        if end - begin > SOURCE_RANGE:
            continue
        with ArrayRecordDataSource(f"{path}[{begin}:{end}]", reader_options=reader_options) as source:
            part = f"{name}: source of [{begin}:{end}]"
            checks.equal(f"{part}: len", len(source), end - begin)
            checks.equal(f"{part}: first", source[0], expected[begin])
            checks.equal(f"{part}: last", source[end - begin - 1], expected[end - 1])
            checks.equal(f"{part}: all", list(source.__getitems__(range(end - begin))), expected[begin:end])


def ranges(count):
    """A few ranges of records that are not empty: whole, both ends, the middle."""
    if count == 0:
        return []
    return sorted({(0, count), (0, 1), (count - 1, count), (count // 3, count - count // 3)})


def spread(count):
    """Up to `DEFAULT_SAMPLE` indices, evenly over the file, both ends included."""
    if count <= DEFAULT_SAMPLE:
        return list(range(count))
    return [i * (count - 1) // (DEFAULT_SAMPLE - 1) for i in range(DEFAULT_SAMPLE)]


def op_ping(_request):
    version = importlib.metadata.version("array_record")
    return {"array_record": version, "python": sys.version.split()[0], "options": list(OPTION_SETS)}


def op_expand(request):
    total = sum(item.get("len", 0) * item.get("repeat", 1) for item in request["records"])
    if total > EXPAND_LIMIT_BYTES:
        raise Mismatch(f"{total} bytes are too many to send, at most {EXPAND_LIMIT_BYTES}")
    return {"records": [record.hex() for record in expand(request["records"])]}


def op_write(request):
    records = expand(request["records"])
    writer = ArrayRecordWriter(request["path"], request.get("options", ""))
    for record in records:
        writer.write(record)
    writer.close()
    return {"records": len(records), "file_bytes": os.path.getsize(request["path"])}


def op_read(request):
    path, expected, depth = request["path"], expand(request["records"]), request.get("depth", "full")
    if depth not in ("full", "light"):
        raise Mismatch(f"unknown depth: {depth}")
    sample = request.get("sample")
    sample = spread(len(expected)) if sample is None else sample
    if any(not 0 <= i < len(expected) for i in sample):
        raise Mismatch(f"the sample names a record outside 0..{len(expected)}")

    checks, echoes = Checks(), []
    for options in OPTION_SETS:
        name = f"options {options!r}"
        every = depth == "full" or options == ""
        try:
            echoes.append(check_reader(checks, name, path, options, expected, sample, every))
        except Mismatch:
            raise
        except Exception as error:
            raise Mismatch(f"{name}: {type(error).__name__}: {error}") from error
        checks.equal(f"{name}: writer_options_string()", echoes[-1], echoes[0])
    return {"records": len(expected), "checks": checks.count, "writer_options": echoes[0]}


def refusal(reader):
    """Text and type of the error that a reader keeps. The peer does not raise it until the first call."""
    try:
        reader.read()
    except Exception as error:
        return str(error), type(error).__name__
    raise Mismatch("a reader that is not ok() read a record")


def op_open(request):
    try:
        reader = ArrayRecordReader(request["path"], request.get("options", ""))
    except Exception as error:
        return {"accepted": False, "error": str(error), "type": type(error).__name__}
    if not reader.ok():
        text, kind = refusal(reader)
        return {"accepted": False, "error": text, "type": kind}
    return {"accepted": True, "records": reader.num_records(), "writer_options": reader.writer_options_string()}


def op_refuse(request):
    path = request["path"]

    def reader(options, use):
        opened = ArrayRecordReader(path, options)
        if not opened.ok():
            raise ValueError(refusal(opened)[0])
        use(opened)

    def source(instruction, use):
        with ArrayRecordDataSource(instruction) as opened:
            use(opened)

    apis = {
        "reader": lambda: reader("", lambda opened: None),
        "reader, num_records": lambda: reader("", lambda opened: opened.num_records()),
        "reader, read": lambda: reader("readahead_buffer_size:0", lambda opened: opened.read()),
        "reader, read indices": lambda: reader("readahead_buffer_size:0", lambda opened: opened.read([0])),
        "reader, read all": lambda: reader("readahead_buffer_size:0", lambda opened: opened.read_all()),
        "reader, offloaded": lambda: reader("index_storage_option:offloaded,footer_prefetch_bytes:0", lambda opened: opened.read([0])),
        "source": lambda: source(path, len),
        "source, item": lambda: source(path, lambda opened: opened[0]),
        "source, items": lambda: source(path, lambda opened: opened.__getitems__([0])),
        "source, part": lambda: source(f"{path}[0:1]", lambda opened: opened[0]),
    }
    answers = {}
    for name, api in apis.items():
        try:
            api()
            answers[name] = None
        except Exception as error:
            answers[name] = str(error)
    return {"apis": answers}


def op_options(request):
    if ("writer" in request) == ("reader" in request):
        raise Mismatch("give either `writer` or `reader`")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.array_record")
        try:
            writer = ArrayRecordWriter(path, request.get("writer", ""))
            writer.write(b"one")
            writer.close()
            reader = ArrayRecordReader(path, request.get("reader", ""))
            if reader.read() != b"one":
                raise Mismatch("the record came back changed")
        except Mismatch:
            raise
        except Exception as error:
            return {"accepted": False, "error": str(error), "type": type(error).__name__}
        return {"accepted": True, "options": reader.writer_options_string() if "writer" in request else None}


OPERATIONS = {
    "ping": op_ping,
    "expand": op_expand,
    "write": op_write,
    "read": op_read,
    "open": op_open, "refuse": op_refuse,
    "options": op_options,
}


def answer(line):
    try:
        request = json.loads(line)
        if not isinstance(request, dict) or request.get("op") not in OPERATIONS:
            raise Mismatch(f"unknown request: {short(line)}")
        return {"ok": True} | OPERATIONS[request["op"]](request)
    except Mismatch as error:
        return {"ok": False, "error": str(error)}
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def main():
    faulthandler.enable()
    # The peer logs an error for each file whose groups have more than one record. Here that is no fault.
    logging.set_verbosity(logging.FATAL)
    # Only answers may reach the pipe, whatever native code prints.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        if line.strip():
            answers.write(json.dumps(answer(line)) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
