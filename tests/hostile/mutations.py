"""Valid files made wrong: bits, lengths, ends and words changed, as by accident or by malice."""

import random
from collections.abc import Sequence

LONGEST = 1 << 17
"""Bytes that a file grows to at most, or twice its own; what is larger is made by hand."""
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
           0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF)  # fmt: skip
"""What a length or an offset may lie."""


def mutated(
    rng: random.Random, data: bytes, others: Sequence[bytes], words: Sequence[bytes]
) -> bytes:
    """`data` with some faults, most often one; `others` are spliced in, and so are `words`."""
    if rng.random() < 0.01:
        return rng.randbytes(rng.choice((0, 1, 7, 100, 4000)))
    most = max(LONGEST, 2 * len(data))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 9))):
        data = rng.choice(FAULTS)(rng, data, others, words)[:most]
    return data


def _place(rng: random.Random, data: bytes) -> int:
    """Somewhere: headers, which are at the beginning, more often than the rest."""
    reach = len(data) if rng.random() < 0.5 else min(len(data), 512)
    return rng.randrange(reach + 1)


def _flipped(rng, data, _others, _words):
    at = _place(rng, data)
    if at == len(data):
        return data
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _changed(rng, data, _others, _words):
    at, count = _place(rng, data), rng.choice((1, 1, 2, 4, 16))
    return data[:at] + rng.randbytes(count) + data[at + count :]


def _numbered(rng, data, _others, _words):
    at, size = _place(rng, data), rng.choice((1, 2, 4, 8))
    number = rng.choice(NUMBERS) & (1 << 8 * size) - 1
    return data[:at] + number.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def _cut(rng, data, _others, _words):
    return data[: rng.randrange(len(data) + 1)]


def _lacking(rng, data, _others, _words):
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 8, 64, 1000)) :]


def _repeated(rng, data, _others, _words):
    at, size = _place(rng, data), rng.choice((1, 2, 8, 50, 400))
    part = data[at : at + size]
    return data[:at] + part * rng.choice((2, 3, 20, 500)) + data[at + size :]


def _spliced(rng, data, others, _words):
    other = rng.choice(others)
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _worded(rng, data, _others, words):
    at, word = _place(rng, data), rng.choice(words) if words else b"\0"
    return data[:at] + word + data[at + rng.choice((0, 0, len(word), 1)) :]


FAULTS = (_flipped, _changed, _numbered, _cut, _lacking, _repeated, _spliced, _worded, _worded)
