"""Records that know their number, so that whoever gets one can say which it is, and that all of it is there."""

from __future__ import annotations

import hashlib


def record(number: int) -> bytes:
    """The record with this number: 8 bytes of number, then 32 to 1,280 bytes that follow from it."""
    head = number.to_bytes(8, "little")
    return head + hashlib.sha256(head).digest() * (1 + number % 40)


def number_of(found: bytes) -> int:
    """The number of a record that was read. ValueError if it is not, to the byte, the record with that number."""
    number = int.from_bytes(found[:8], "little")
    if type(found) is not bytes or found != record(number):
        raise ValueError(f"not a record as it was written, by its first bytes number {number}")
    return number
