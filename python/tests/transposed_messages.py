"""Protocol buffer messages for the tests, of a type that is made at run time, and what lies in the chunks of a file."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Field = descriptor_pb2.FieldDescriptorProto
BLOCK = 65536


def _field(number: int, name: str, kind: int, repeated: bool = False, **more: Any) -> Any:
    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    return Field(number=number, name=name, type=kind, label=label, **more)  # type: ignore[arg-type]


def _label_file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="label.proto", package="shop", syntax="proto2")
    label = file.message_type.add(name="Label")
    label.field.extend([_field(1, "name", Field.TYPE_STRING), _field(2, "weight", Field.TYPE_FLOAT)])
    return file


def _visit_file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="visit.proto", package="shop", syntax="proto2")
    file.dependency.append("label.proto")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("NEW", "PAID", "SENT")):
        state.value.add(name=name, number=number)
    visit = file.message_type.add(name="Visit")
    group = visit.nested_type.add(name="Place")
    group.field.extend([_field(1, "x", Field.TYPE_INT32), _field(2, "street", Field.TYPE_STRING)])
    entry = visit.nested_type.add(name="CountsEntry")
    entry.field.extend([_field(1, "key", Field.TYPE_STRING), _field(2, "value", Field.TYPE_INT64)])
    entry.options.map_entry = True
    visit.field.extend(
        [
            _field(1, "id", Field.TYPE_UINT64),
            _field(2, "page", Field.TYPE_STRING),
            _field(3, "label", Field.TYPE_MESSAGE, type_name=".shop.Label"),
            _field(4, "labels", Field.TYPE_MESSAGE, repeated=True, type_name=".shop.Label"),
            _field(5, "scores", Field.TYPE_SINT32, repeated=True, options=descriptor_pb2.FieldOptions(packed=True)),
            _field(6, "marks", Field.TYPE_FIXED32, repeated=True),
            _field(7, "counts", Field.TYPE_MESSAGE, repeated=True, type_name=".shop.Visit.CountsEntry"),
            _field(8, "state", Field.TYPE_ENUM, type_name=".shop.State"),
            _field(9, "place", Field.TYPE_GROUP, repeated=True, type_name=".shop.Visit.Place"),
            _field(10, "parent", Field.TYPE_MESSAGE, type_name=".shop.Visit"),
            _field(11, "total", Field.TYPE_DOUBLE),
            _field(12, "is_first", Field.TYPE_BOOL),
            _field(13, "digest", Field.TYPE_BYTES),
            _field(2000, "time", Field.TYPE_SFIXED64, json_name="when"),
        ]
    )
    return file


POOL = descriptor_pool.DescriptorPool()
POOL.Add(_label_file())  # type: ignore[no-untyped-call]
POOL.Add(_visit_file())  # type: ignore[no-untyped-call]
Label: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("shop.Label"))  # type: ignore[no-untyped-call]
Visit: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("shop.Visit"))  # type: ignore[no-untyped-call]


def visit(number: int, depth: int = 3) -> Any:
    """A message of all kinds of fields, some of them missing now and then."""
    rng = random.Random(number * 10 + depth)
    message = Visit(id=rng.getrandbits(rng.randrange(64)), page="/".join("abcde"[: rng.randrange(6)]))
    if rng.random() < 0.7:
        message.label.name = f"label {number % 7}"
    if rng.random() < 0.2:
        message.label.weight = number
    for _ in range(rng.randrange(4)):
        message.labels.add(name="x" * rng.randrange(200), weight=rng.random())
    message.scores.extend(rng.randrange(-1000, 1000) for _ in range(rng.choice((0, 1, 100))))
    message.marks.extend(range(rng.randrange(5)))
    for key in ("red", "green", "blue")[: rng.randrange(4)]:
        message.counts[key] = rng.randrange(-5, 1 << 40)
    message.state = rng.randrange(3)
    for _ in range(rng.randrange(3)):
        message.place.add(x=-rng.randrange(5), street=f"street {rng.randrange(100)}")
    if depth and rng.random() < 0.5:
        message.parent.CopyFrom(visit(number, depth - 1))
    message.total = rng.random()
    if rng.random() < 0.5:
        message.is_first = rng.random() < 0.5
    message.digest = rng.randbytes(16)
    message.time = 1_700_000_000_000 + number
    return message


def serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def project(message: Any, paths: Sequence[Sequence[int]]) -> Any:
    """What these fields leave of a message, made with protobuf alone. Not for paths into maps."""
    left = type(message)()
    for field, value in message.ListFields():
        below = [path[1:] for path in paths if path[0] == field.number]
        target = getattr(left, field.name)
        if not below:
            continue
        if [] in map(list, below):
            one = type(message)()
            one.CopyFrom(message)
            for other, _ in message.ListFields():
                if other.number != field.number:
                    one.ClearField(other.name)
            left.MergeFrom(one)
        elif field.is_repeated:
            target.extend(project(item, below) for item in value)
        else:
            target.SetInParent()
            target.CopyFrom(project(value, below))
    return left


class Chunk(NamedTuple):
    """A chunk as it lies in a file: `kind` is its type's letter, `buckets` is counted in transposed chunks alone."""

    kind: str
    records: int
    buckets: int


def chunks(path: Path) -> list[Chunk]:
    """The chunks between the signature and the footer. Their codecs are any but `uncompressed`."""
    raw = path.read_bytes()
    flat = b"".join(raw[at + 24 : at + BLOCK] for at in range(0, len(raw), BLOCK))
    found = []
    at = 40
    while at + 40 <= len(flat):
        _, data_bytes, _, word, _ = struct.unpack_from("<5Q", flat, at)
        kind, records = chr(word & 0xFF), word >> 8
        data = flat[at + 40 : at + 40 + data_bytes]
        if kind not in "trm":
            break
        found.append(Chunk(kind, records, _buckets(data) if kind == "t" else 0))
        # A chunk covers one byte for each of its records at the least.
        at += max(40 + data_bytes, records)
    return found


def _buckets(data: bytes) -> int:
    header_bytes, rest = _varint(data[1:])
    decoded_bytes, compressed = _varint(rest[:header_bytes])
    codec = {"z": "zstd", "b": "brotli", "s": "snappy"}[chr(data[0])]
    header = pyarrow.decompress(compressed, decoded_bytes, codec, asbytes=True)
    return _varint(header)[0]


def _varint(data: bytes) -> tuple[int, bytes]:
    number = 0
    for place, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, data[place + 1 :]
    raise AssertionError("a varint without an end")
