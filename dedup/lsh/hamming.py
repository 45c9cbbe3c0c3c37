"""Fingerprints within a Hamming distance: the block-permuted search.

Cut 64 bits into m blocks: two fingerprints at distance k or less agree in m - k blocks at least, so
for each choice of m - k blocks the fingerprints are sorted by those bits, and neighbours that
share them are compared. The number of blocks is chosen by the cost it leads to.

References
----------
Manku, Jain, Das Sarma (2007), Detecting near-duplicates for web crawling, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.sketch.simhash import FINGERPRINT_BITS
from dedup.text.hashing import Int64Array, UInt64Array, mix64_array
from dedup.text.shingles import distinct, runs

_SORT_COST = 4.0
"""What sorting one fingerprint costs, in comparisons."""


@dataclass(frozen=True)
class HammingPairs:
    """Pairs left < right of fingerprints within the distance, and the comparisons left out."""

    left: Int64Array
    right: Int64Array
    num_skipped: int


def choose_blocks(num_fingerprints: int, max_hamming: int) -> int:
    """Return the number of blocks that makes the search cheapest for random fingerprints."""

    def cost(blocks: int) -> float:
        tables = math.comb(blocks, max_hamming)
        bits = FINGERPRINT_BITS * (blocks - max_hamming) / blocks
        return tables * num_fingerprints * (_SORT_COST + num_fingerprints / 2 ** (bits + 1))

    return min(range(max_hamming + 1, min(FINGERPRINT_BITS, max_hamming + 8) + 1), key=cost)


def block_masks(blocks: int, max_hamming: int) -> list[int]:
    """Return for each choice of `blocks - max_hamming` blocks the mask of their bits."""
    edges = [round(FINGERPRINT_BITS * i / blocks) for i in range(blocks + 1)]
    masks = [(1 << b) - (1 << a) for a, b in pairwise(edges)]
    return [sum(kept) for kept in combinations(masks, blocks - max_hamming)]


def hamming_pairs(
    fingerprints: UInt64Array, max_hamming: int, max_comparisons: int
) -> HammingPairs:
    """Return all pairs of fingerprints within `max_hamming` bits.

    Parameters
    ----------
    fingerprints : uint64; distinct.
    max_hamming : 0 to 32.
    max_comparisons : most comparisons among the fingerprints that share a choice of blocks; those
        beyond it are skipped and counted.
    """
    found = [np.zeros(0, np.uint64)]
    skipped = 0
    if len(fingerprints) < 2:
        return HammingPairs(*unpack_pairs(found[0]), 0)
    longest = (1 + math.isqrt(1 + 8 * max_comparisons)) // 2
    bits = np.uint64((len(fingerprints) - 1).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    numbers = np.arange(len(fingerprints), dtype=np.uint64)
    for mask in block_masks(choose_blocks(len(fingerprints), max_hamming), max_hamming):
        keys = mix64_array(fingerprints & np.uint64(mask))
        composite = ((keys >> bits) << bits) | numbers
        composite.sort()
        keys = composite >> bits
        order = (composite & low).view(np.int64)
        sizes = np.diff(runs(keys))
        over = sizes[sizes > longest]
        skipped += int((over * (over - 1) // 2 - longest * (longest - 1) // 2).sum())
        # Compare each entry with its neighbour `step` places on, as long as they share the key.
        place = _places(sizes)
        alive = np.arange(len(keys))
        step = 1
        while len(alive):
            alive = alive[alive + step < len(keys)]
            alive = alive[(keys[alive] == keys[alive + step]) & (place[alive + step] < longest)]
            a, b = order[alive], order[alive + step]
            near = np.bitwise_count(fingerprints[a] ^ fingerprints[b]) <= max_hamming
            a, b = a[near], b[near]
            found.append(pack_pairs(np.minimum(a, b), np.maximum(a, b)))
            step += 1
    pairs = np.concatenate(found)
    pairs.sort()
    return HammingPairs(*unpack_pairs(distinct(pairs)), skipped)


def _places(sizes: Int64Array) -> Int64Array:
    """Return each entry's place inside its run."""
    starts = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) - np.repeat(starts, sizes)
