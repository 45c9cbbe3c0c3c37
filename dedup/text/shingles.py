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

_SPARSE = 32
"""With fewer repeats than one in so many values, a mask is faster than a look at positions."""

_BLOCK_TOKENS = 1 << 15
"""Tokens at a time: they and what is made of them fit the L2 cache."""


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
    shingles = np.empty(num_tokens, np.uint64)
    product = np.empty(min(num_tokens, _BLOCK_TOKENS), np.uint64)
    for start in range(0, num_tokens, _BLOCK_TOKENS):
        stop = min(start + _BLOCK_TOKENS, num_tokens)
        np.multiply(hashes[start:stop], constants.shingle[0], out=shingles[start:stop])
        for place in range(1, width):
            ahead = hashes[start + place : stop + place]
            np.multiply(ahead, constants.shingle[place], out=product[: len(ahead)])
            shingles[start : start + len(ahead)] += product[: len(ahead)]
    counts = np.diff(bounds)
    short = np.flatnonzero((counts > 0) & (counts < width))
    if len(short):
        first, places = bounds[short], counts[short]
        totals = constants.short[places]
        for place in range(width - 1):
            has = places > place
            totals[has] += hashes[first[has] + place] * constants.shingle[place]
        shingles[first] = totals
    for start in range(0, num_tokens, _BLOCK_TOKENS):
        block = shingles[start : start + _BLOCK_TOKENS]
        block ^= np.right_shift(block, np.uint64(32), out=product[: len(block)])
        block *= constants.final
        block >>= np.uint64(64 - HASH_BITS)
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
    return distinct(_sorted_composite(hashes, bounds, constants))


def counted_shingle_sets(
    hashes: UInt64Array, bounds: Int64Array, constants: HashConstants
) -> tuple[UInt64Array, Int64Array]:
    """Return `shingle_sets`, and how often each of the shingles occurs in its document.

    Returns
    -------
    composite : uint64, strictly ascending.
    counts : int64, of the same shape, from 1 on.
    """
    composite = _sorted_composite(hashes, bounds, constants)
    edges = runs(composite)
    return composite[edges[:-1]], np.diff(edges)


def _sorted_composite(
    hashes: UInt64Array, bounds: Int64Array, constants: HashConstants
) -> UInt64Array:
    composite, dropped = shingle_hashes(hashes, bounds, constants)
    slots = np.arange(len(bounds) - 1, dtype=np.uint64) << np.uint64(HASH_BITS)
    composite |= np.repeat(slots, np.diff(bounds))
    composite[dropped] = _DROPPED
    composite.sort()
    return composite[: len(composite) - len(dropped)]


def distinct(values: UInt64Array) -> UInt64Array:
    """Return the distinct values of a sorted array."""
    if len(values) < 2:
        return values
    keep = np.empty(len(values), np.bool_)
    keep[0] = True
    np.not_equal(values[1:], values[:-1], out=keep[1:])
    if np.count_nonzero(~keep) * _SPARSE < len(keep):
        return values[keep]
    return values.take(np.flatnonzero(keep))


def runs(values: UInt64Array) -> Int64Array:
    """Return where the runs of equal values start in a sorted array, and its length last."""
    if not len(values):
        return np.zeros(1, np.int64)
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    return np.concatenate([[0], starts, [len(values)]])
