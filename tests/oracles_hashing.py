"""Token and shingle hashes of hash version 1, one Python integer at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import xxhash

WORD = 1 << 64


def splitmix64(state: int) -> Iterator[int]:
    """Yield the numbers of the published generator, started from `state`."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % WORD
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WORD
        yield z ^ (z >> 31)


def finalised(value: int) -> int:
    """Return the generator's output function of `value`."""
    return next(splitmix64((value - 0x9E3779B97F4A7C15) % WORD))


def constants(seed: int, stream: int, count: int) -> list[int]:
    """Return the first numbers of one of a seed's streams."""
    state = finalised(finalised(seed) ^ (stream * 0xD1342543DE82EF95 % WORD))
    return list(islice(splitmix64(state), count))


def token_hash(token: str, seed: int) -> int:
    """Hash a token's UTF-8, 8 bytes at a time; XXH3 hashes more than 64 bytes."""
    raw = token.encode()
    first, second, state, _ = constants(seed, 1, 4)
    if len(raw) > 64:
        return xxhash.xxh3_64_intdigest(raw, state)
    for start in range(0, len(raw), 8):
        piece = raw[start : start + 8]
        # A shorter last piece stands in the word's high bytes.
        state ^= int.from_bytes(piece.rjust(8, b"\0"), "little")
        state = state * (first | 1) % WORD
        state ^= state >> 32
        state = state * (second | 1) % WORD
        state ^= state >> 29
    return state


def shingle_hash(tokens: Sequence[str], width: int, seed: int) -> int:
    """Hash one shingle: `width` tokens, or all tokens of a shorter document."""
    factors = constants(seed, 2, width)
    total = sum(
        (factor | 1) * token_hash(token, seed)
        for factor, token in zip(factors, tokens, strict=False)
    )
    if len(tokens) < width:
        total += constants(seed, 3, width)[len(tokens)]
    total %= WORD
    total ^= total >> 32
    return (total * (constants(seed, 1, 4)[3] | 1) % WORD) >> 12
