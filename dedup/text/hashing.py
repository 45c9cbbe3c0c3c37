"""64-bit mixing and the seeded constants of the token and shingle hashes.

The finaliser is Stafford's "Mix13" variant of the MurmurHash3 finaliser, as used by SplitMix64:
a bijection on 64 bits whose every output bit depends on every input bit.

References
----------
Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HASH_VERSION = 1
"""Raised whenever equal text could get other hashes; travels with digests and evidence."""

HASH_BITS = 52
"""Bits of a shingle hash; the 12 bits above it number the documents of a batch."""

UInt64Array = NDArray[np.uint64]
Int64Array = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]

_MASK64 = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix64(value: int) -> int:
    """Mix one 64-bit integer; see `mix64_array` for the same function on arrays."""
    value &= _MASK64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK64
    return value ^ (value >> 31)


def mix64_array(values: UInt64Array) -> UInt64Array:
    """Mix each element of a uint64 array, in place, and return it."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values ^= values >> np.uint64(shift)
        values *= np.uint64(factor)
    values ^= values >> np.uint64(31)
    return values


def random_words(seed: int, stream: int, count: int) -> list[int]:
    """Return `count` pseudorandom 64-bit words: SplitMix64, one stream for each purpose."""
    state = mix64(mix64(seed) ^ (stream * 0xD1342543DE82EF95))
    return [mix64(state + (i + 1) * _GOLDEN) for i in range(count)]


@dataclass(frozen=True)
class HashConstants:
    """The secret of one seed: everything that turns tokens into shingle hashes.

    Attributes
    ----------
    token : two odd factors that mix a token, and the word a token's hash starts from.
    shingle : uint64, shape (ngram,); odd factors, one for each place in the shingle.
    final : odd factor of the shingle's finaliser.
    short : uint64, shape (ngram,); added to the one shingle of a document of 0..ngram-1 tokens.
    """

    token: tuple[np.uint64, np.uint64, np.uint64]
    shingle: UInt64Array
    final: np.uint64
    short: UInt64Array


@lru_cache(maxsize=16)
def hash_constants(seed: int, ngram: int) -> HashConstants:
    """Derive the constants of `seed` for shingles of `ngram` tokens."""
    first, second, start, final = random_words(seed, 1, 4)
    return HashConstants(
        token=(np.uint64(first | 1), np.uint64(second | 1), np.uint64(start)),
        shingle=np.array([w | 1 for w in random_words(seed, 2, ngram)], np.uint64),
        final=np.uint64(final | 1),
        short=np.array(random_words(seed, 3, ngram), np.uint64),
    )
