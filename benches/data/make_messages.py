"""Writes the protocol buffer messages that the transposed benchmarks use: make_messages.py OUT

100,000 messages of 20 fields, as if a shop had logged its visits. Field k of a message is made from a stream of
pseudo-random numbers of its own, so that no field depends on how another one is made. The fields:

     1  uint64   id, grows by 1 to 64             11  bool     is it the first visit
     2  fixed64  time in microseconds, grows      12  message  address: street 1, city 2, zip 3, lat 4, lon 5 (floats)
     3  string   visitor, of 20,000               13  repeated message  items: sku 1, count 2, price in cents 3
     4  string   country, of 40                   14  repeated string   tags, up to 4 of 200
     5  string   path of the page                 15  repeated int32    packed scores, 0 to 12
     6  string   title, 4 to 9 words              16  sint64   balance in cents, zigzag
     7  string   text, 20 to 60 words             17  float    rating, missing in half of the messages
     8  double   total                            18  bytes    digest, 16 random bytes
     9  uint32   milliseconds                     19  map<string, string>  up to 3 attributes
    10  enum     state, 0 to 5                    20  string   remark, in one message of four

The wire format is written here by hand: fields in the order of their numbers, defaults left out where proto3 does.
Words come from a vocabulary of 8,000 made-up ones, the first ones more often than the last ones.

`record_file.py` describes the file.
"""

import struct
import sys

import record_file

MESSAGES = 100_000
VOCABULARY_WORDS = 8_000
FILE_SHA256 = "95cce532edd294304a605bfbe4e7e4f0f1bf04e46a9bb8918739195b19972542"
MASK = (1 << 64) - 1


class Stream:
    """splitmix64: the same numbers with every release of Python."""

    def __init__(self, seed):
        self.state = seed * 0x9E3779B97F4A7C15 & MASK

    def word(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def below(self, limit):
        return self.word() % limit

    def skewed(self, limit):
        """Small numbers more often than large ones."""
        word = self.word()
        return min(word & 0xFFFFFFFF, word >> 32) * limit >> 32

    def digits(self, count):
        return b"%0*d" % (count, self.below(10**count))


def vocabulary():
    onsets = (b"b", b"d", b"gr", b"l", b"m", b"n", b"s", b"st", b"t", b"w")
    syllables = [onset + rhyme for onset in onsets for rhyme in (b"a", b"e", b"i", b"o", b"un")]
    stream = Stream(1000)
    words = {}
    while len(words) < VOCABULARY_WORDS:
        words[b"".join(syllables[stream.below(len(syllables))] for _ in range(1 + stream.below(4)))] = True
    return list(words)


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def text(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value if value else b""


def entry(field, value):
    """An element of a repeated field or a nested message: there even if it is empty."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def fixed(field, form, value):
    return varint(field << 3 | (1 if struct.calcsize(form) == 8 else 5)) + struct.pack(form, value)


def zigzag(value):
    return value << 1 if value >= 0 else (-value << 1) - 1


def messages():
    """Yields the messages as bytes."""
    words = vocabulary()
    visitors = [b"visitor-" + b"%x" % Stream(2000 + k).below(1 << 40) for k in range(20_000)]
    countries = [word[:2].upper() + b"%d" % k for k, word in enumerate(words[:40])]
    cities = [word.capitalize() for word in words[100:900]]
    s = [Stream(field) for field in range(21)]

    def some(stream, count):
        return b" ".join(words[stream.skewed(VOCABULARY_WORDS)] for _ in range(count))

    identity, time = 10**12, 1_700_000_000_000_000
    for _ in range(MESSAGES):
        identity += 1 + s[1].below(64)
        time += s[2].below(200_000)
        page = b"/".join(words[s[5].skewed(500)] for _ in range(1 + s[5].below(4)))
        address = (
            text(1, some(s[12], 2) + b" " + s[12].digits(2))
            + text(2, cities[s[12].skewed(len(cities))])
            + text(3, s[12].digits(5))
            + fixed(4, "<f", s[12].below(180_000) / 1000 - 90)
            + fixed(5, "<f", s[12].below(360_000) / 1000 - 180)
        )
        items = (
            text(1, b"SKU-" + s[13].digits(6)) + number(2, 1 + s[13].skewed(9)) + number(3, s[13].skewed(100_000))
            for _ in range(s[13].below(5))
        )
        scores = b"".join(varint(s[15].skewed(1000)) for _ in range(s[15].below(13)))
        attributes = (
            text(1, words[s[19].below(12)]) + text(2, words[s[19].skewed(300)]) for _ in range(s[19].below(4))
        )
        yield b"".join((
            number(1, identity),
            fixed(2, "<Q", time),
            text(3, visitors[s[3].skewed(len(visitors))]),
            text(4, countries[s[4].skewed(len(countries))]),
            text(5, b"/" + page),
            text(6, some(s[6], 4 + s[6].below(6))),
            text(7, some(s[7], 20 + s[7].below(41))),
            fixed(8, "<d", s[8].below(1_000_000) / 100),
            number(9, s[9].skewed(60_000)),
            number(10, s[10].skewed(6)),
            number(11, s[11].below(2)),
            entry(12, address),
            *(entry(13, item) for item in items),
            *(entry(14, words[s[14].skewed(200)]) for _ in range(s[14].below(5))),
            text(15, scores),
            number(16, zigzag(s[16].skewed(1_000_000) - 20_000)),
            fixed(17, "<f", s[17].below(50) / 10) if s[17].below(2) else b"",
            text(18, struct.pack("<QQ", s[18].word(), s[18].word())),
            *(entry(19, attribute) for attribute in attributes),
            text(20, some(s[20], 3 + s[20].below(9))) if s[20].below(4) == 0 else b"",
        ))


if __name__ == "__main__":
    sys.exit(record_file.main("make_messages.py", sys.argv[1:], messages, FILE_SHA256))
