"""Makes the chunks of `tests/data/transposed` with the `array_record` package: transposed_vectors.py FOLDER

Each file holds one transposed chunk that the peer wrote, with the records that it was given. Messages are written here
by hand, so that what no compiler of protocol buffers would write can be among them. Existing files are compared, not
overwritten: a vector never changes.

The form of a file, one value a line:

    options: the option string of the peer's writer
    record: a record in hex; `xx*n` is n times the byte xx; one line for each record
    header: number of records and decoded bytes of the chunk
    data: the chunk's data in hex, 32 bytes a line
"""

import os
import struct
import sys
import tempfile

from array_record.python.array_record_module import ArrayRecordWriter

BLOCK_BYTES = 1 << 16


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def tag(field, wire_type):
    return varint(field << 3 | wire_type)


def number(field, value):
    return tag(field, 0) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return tag(field, 2) + varint(len(value)) + value


def fixed32(field, value):
    return tag(field, 5) + struct.pack("<I", value)


def fixed64(field, value):
    return tag(field, 1) + struct.pack("<Q", value)


def group(field, body):
    return tag(field, 3) + body + tag(field, 4)


def person(k):
    """All kinds of fields; how many there are, and how long, depends on `k`."""
    record = number(1, k) + number(2, (k * 0x9E3779B97F4A7C15) >> (k % 64) & (1 << 64) - 1)
    record += text(3, "name %d" % k)
    record += text(4, number(1, k % 5) + text(2, "street %d" % (k * k)) + fixed32(3, k))
    for item in range(k % 4):
        record += text(5, number(1, item) + text(2, text(1, "x" * item) + fixed64(2, item << k)))
    record += text(6, b"".join(varint(n) for n in range(100, 100 + 40 * (k % 3))))  # packed
    record += group(7, number(1, k) + group(2, text(1, "deep")) + fixed64(9, k)) * (k % 2)
    for key in ("red", "green")[: k % 3]:
        record += text(8, text(1, key) + number(2, len(key) * k))  # a map
    record += fixed64(536870911, k)  # a field nobody knows
    return record


def nested(depth):
    record = number(1, 5)
    for _ in range(depth):
        record = text(2, record)
    return record


SMALL = [number(1, 7) + text(2, "ab"), number(1, 300) + text(2, text(1, "c") + number(2, 1))]
ODD = [
    b"",  # a message without fields
    b"\x08\x81\x00",  # a varint longer than necessary
    b"\x88\x00\x01",  # a tag longer than necessary
    b"\x0a\x81\x00a",  # a size longer than necessary
    b"\x08" + b"\xff" * 9 + b"\x01",  # the largest varint
    b"\x08\xff\xff\xff\xff\x0f",
    b"\x00\x01",  # field number 0
    b"\x0b",  # a group without an end
    b"\x0b\x14",  # a group with the end of another one
    b"\x0c",  # an end of a group
    b"\x0e\x01",  # wire type 6
    b"plain text, no message",
    bytes(range(256)),
    text(1, ""),
    text(1, b"\x08\x81\x00"),  # within a message: text
    text(1, b"\x08\x01"),  # within a message: a message
    text(1, number(0, 1)),
    number(15, 1) + number(16, 2) + number(2047, 3) + number(2048, 4) + number(1 << 28, 5),
]

VECTORS = {
    "two_uncompressed": ("group_size:2,transpose:true,uncompressed", SMALL),
    "two_zstd": ("group_size:2,transpose:true,zstd:3", SMALL),
    "empty_messages": ("group_size:4,transpose:true,uncompressed", [b""] * 4),
    "one_group": ("group_size:1,transpose:true,uncompressed", [group(1, number(2, 1))]),
    "group_and_text": ("group_size:2,transpose:true,uncompressed", [group(1, number(2, 1)), b"no"]),
    "texts_only": ("group_size:3,transpose:true,zstd:3", [b"plain", b"text", b"\xff" * 200]),
    "people_uncompressed": ("group_size:40,transpose:true,uncompressed", [person(k) for k in range(40)]),
    "people_one_bucket": (
        "group_size:40,transpose:true,transpose_bucket_size:1048576,zstd:3",
        [person(k) for k in range(40)],
    ),
    "people_zstd": ("group_size:40,transpose:true,transpose_bucket_size:64,zstd:3", [person(k) for k in range(40)]),
    "people_brotli": (
        "group_size:40,transpose:true,transpose_bucket_size:64,brotli:6",
        [person(k) for k in range(40)],
    ),
    "people_snappy": (
        "group_size:40,transpose:true,transpose_bucket_size:64,snappy",
        [person(k) for k in range(40)],
    ),
    "odd_records": ("group_size:50,transpose:true,transpose_bucket_size:16,zstd:3", ODD),
    "deep": ("group_size:3,transpose:true,uncompressed", [nested(99), nested(100), nested(101)]),
    "many_fields": (
        "group_size:200,transpose:true,zstd:3",
        [number(1 + k % 150, k) + number(1 + k * 7 % 150, k) for k in range(200)],
    ),
    "two_megabytes": (
        "group_size:2,transpose:true,zstd:3",
        [number(1, 1) + text(2, b"x" * 2_000_000), number(1, 2) + text(2, b"y" * 200)],
    ),
}


def chunk_of(options, records):
    """The first chunk behind the signature: number of records, decoded bytes, data."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vector")
        writer = ArrayRecordWriter(path, options)
        for record in records:
            writer.write(record)
        writer.close()
        with open(path, "rb") as file:
            raw = file.read()
    blocks = [raw[at : at + BLOCK_BYTES][24:] for at in range(0, len(raw), BLOCK_BYTES)]
    chunk = b"".join(blocks)[40:]
    _, data_bytes, _, kind, decoded_bytes = struct.unpack_from("<5Q", chunk)
    if kind & 0xFF != ord("t"):
        raise SystemExit(f"chunk of type {kind & 0xFF:#x}")
    return kind >> 8, decoded_bytes, chunk[40 : 40 + data_bytes]


def in_hex(record):
    """The record in hex, long runs of one byte as `xx*n`."""
    out, at = [], 0
    while at < len(record):
        end = at
        while end < len(record) and record[end] == record[at]:
            end += 1
        if end - at > 100:
            out.append(f"{record[at]:02x}*{end - at}")
        else:
            out.append(record[at:end].hex())
        at = end
    runs, plain = [], ""
    for piece in out:
        if "*" in piece:
            runs += [plain] * bool(plain) + [piece]
            plain = ""
        else:
            plain += piece
    return " ".join(runs + [plain] * bool(plain))


def main(folder):
    for name, (options, records) in VECTORS.items():
        num_records, decoded_bytes, data = chunk_of(options, records)
        lines = [f"options: {options}"]
        lines += [f"record: {in_hex(record)}".rstrip() for record in records]
        lines += [f"header: {num_records} {decoded_bytes}"]
        lines += [f"data: {data[at : at + 32].hex()}" for at in range(0, len(data), 32)]
        path = os.path.join(folder, name + ".txt")
        content = "".join(line + "\n" for line in lines)
        if not os.path.exists(path):
            with open(path, "x", encoding="ascii") as file:
                file.write(content)
        else:
            with open(path, encoding="ascii") as file:
                same = file.read() == content
            print(f"{name}: {'same' if same else 'the peer writes something else today'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
