"""Token hashes to shingle sets: shifted multiply-adds, one sort of the whole batch.

The composite of batch slot (12 bits) and shingle hash (52 bits) makes a single in-place sort give
every document's sorted set, and its one-permutation minima after that for the asking.
"""

from __future__ import annotations

import numpy as np

from dedup.text.hashing import HASH_BITS, HashConstants, Int64Array, UInt64Array

MAX_SLOTS = (1 << (64 - HASH_BITS)) - 1
"""Documents a batch may hold: the last slot is left to mark the windows that are dropped."""

HASH_MASK = np.uint64((1 << HASH_BITS) - 1)
_DROPPED = np.uint64(0xFFFFFFFFFFFFFFFF)


def shingle_hashes(
    hashes: UInt64Array, bounds: Int64Array, constants: HashConstants
) -> tuple[UInt64Array, Int64Array]:
    """Hash the shingles of every document, in text order.

    A shingle is `w` consecutive tokens of one document; 1..w-1 tokens make one shingle of all.

    Parameters
    ----------
    hashes : uint64; token hashes.
    bounds : int64, shape (documents + 1,); document i has tokens bounds[i] up to bounds[i+1].

    Returns
    -------
    shingles : uint64, one for each token; the place of a window that crosses documents is junk.
    dropped : int64; the sorted indices of those places.
    """
    num_tokens = len(hashes)
    width = len(constants.shingle)
    tokens = np.zeros(num_tokens + width - 1, np.uint64)
    tokens[:num_tokens] = hashes
    shingles = tokens[:num_tokens] * constants.shingle[0]
    product = np.empty_like(shingles)
    for place in range(1, width):
        np.multiply(tokens[place : place + num_tokens], constants.shingle[place], out=product)
        shingles += product
    counts = np.diff(bounds)
    short = np.flatnonzero((counts > 0) & (counts < width))
    if len(short):
        first, places = bounds[short], counts[short]
        totals = constants.short[places]
        for place in range(width - 1):
            has = places > place
            totals[has] += tokens[first[has] + place] * constants.shingle[place]
        shingles[first] = totals
    np.right_shift(shingles, np.uint64(32), out=product)
    shingles ^= product
    shingles *= constants.final
    shingles >>= np.uint64(64 - HASH_BITS)
    # The last w-1 windows of a document cross its end; a short one keeps its first place.
    ends = bounds[1:, None] - np.arange(width - 1, 0, -1)
    keeps = np.minimum(bounds[:-1] + 1, bounds[1:])
    dropped = ends[ends >= keeps[:, None]]
    return shingles, dropped


def shingle_sets(hashes: UInt64Array, bounds: Int64Array, constants: HashConstants) -> UInt64Array:
    """Return the sorted distinct (slot << 52 | shingle hash) of a batch of documents.

    Parameters
    ----------
    hashes : uint64; token hashes of at most `MAX_SLOTS` documents.
    bounds : int64, shape (documents + 1,); document i has tokens bounds[i] up to bounds[i+1].

    Returns
    -------
    composite : uint64, strictly ascending; document i's set are the entries with slot i.
    """
    composite, dropped = shingle_hashes(hashes, bounds, constants)
    slots = np.arange(len(bounds) - 1, dtype=np.uint64) << np.uint64(HASH_BITS)
    composite |= np.repeat(slots, np.diff(bounds))
    composite[dropped] = _DROPPED
    composite.sort()
    return distinct(composite[: len(composite) - len(dropped)])


def distinct(values: UInt64Array) -> UInt64Array:
    """Return the distinct values of a sorted array."""
    if len(values) < 2:
        return values
    keep = np.empty(len(values), np.bool_)
    keep[0] = True
    np.not_equal(values[1:], values[:-1], out=keep[1:])
    return values[keep]
