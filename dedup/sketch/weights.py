"""Term frequencies as weights of a fingerprint.

A shingle that stands n times in a document counts 1 + floor(log2 n) times, the binary digits of n.
The logarithm keeps one line repeated a thousand times from drowning the rest of a page, and whole
numbers keep fingerprints the same on every machine.
"""

from __future__ import annotations

import numpy as np

from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.text.shingles import HASH_MASK


def frequency_weights(counts: Int64Array) -> Int64Array:
    """Return the weight of shingles that occur so often (from 1 to 2**53): 1 to 54."""
    return np.frexp(counts)[1].astype(np.int64)


def repeated(
    sets: UInt64Array, bounds: Int64Array, weights: Int64Array
) -> tuple[UInt64Array, Int64Array]:
    """Return multisets that hold each shingle as often as it weighs, and their bounds."""
    before = np.concatenate([[0], np.cumsum(weights)])
    return np.repeat(sets, weights), before[bounds]


def packed(sets: UInt64Array, weights: Int64Array) -> UInt64Array:
    """Return the shingles with their weights in the bits above the hash."""
    return sets | (weights.astype(np.uint64) << np.uint64(HASH_BITS))


def unpacked(values: UInt64Array) -> tuple[UInt64Array, Int64Array]:
    """Undo `packed`."""
    return values & HASH_MASK, (values >> np.uint64(HASH_BITS)).astype(np.int64)
