"""SimHash: a 64-bit fingerprint whose Hamming distance falls as the Jaccard similarity rises.

Bit i is set where more shingles of the document have bit i of their (remixed) hash set than not;
an equal count leaves it clear. Two sets at angle theta differ in 64 theta / pi bits on average.

References
----------
Charikar (2002), Similarity estimation techniques from rounding algorithms. Manku, Jain, Das Sarma
(2007), Detecting near-duplicates for web crawling.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dedup.text.hashing import Int64Array, UInt64Array, mix64_array

FINGERPRINT_BITS = 64
_MAX_RUN = 255
"""Shingles whose bits can be added up in 8-bit lanes without overflow."""


@lru_cache(maxsize=1)
def _lanes() -> UInt64Array:
    """Return for each byte its 8 bits spread over the 8 byte lanes of a uint64."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    return np.ascontiguousarray(bits).view(np.uint64).ravel()


def fingerprints(sets: UInt64Array, bounds: Int64Array) -> UInt64Array:
    """Return the SimHash fingerprint of every document of a batch.

    Parameters
    ----------
    sets : uint64; shingle hashes.
    bounds : int64, shape (documents + 1,); document i has shingles bounds[i] up to bounds[i+1].

    Returns
    -------
    uint64, shape (documents,); zero for a document without shingles.
    """
    counts = np.diff(bounds)
    result = np.zeros(len(counts), np.uint64)
    owners = np.flatnonzero(counts)
    if not len(owners):
        return result
    first = int(bounds[0])
    hashes = mix64_array(sets[first : int(bounds[-1])].copy())
    octets = hashes.view(np.uint8).reshape(-1, 8)
    # Cut each document into runs of at most 255 shingles, then add up its runs.
    runs = -(-counts[owners] // _MAX_RUN)
    run_bounds = np.concatenate([[0], np.cumsum(runs)])
    inside = np.arange(run_bounds[-1]) - np.repeat(run_bounds[:-1], runs)
    starts = np.repeat(bounds[owners] - first, runs) + inside * _MAX_RUN
    ones = np.empty((len(owners), FINGERPRINT_BITS), np.int64)
    lanes = _lanes()
    for octet in range(8):
        spread = lanes[octets[:, octet]]
        sums = np.add.reduceat(spread, starts).view(np.uint8).reshape(-1, 8)
        ones[:, 8 * octet : 8 * octet + 8] = np.add.reduceat(
            sums, run_bounds[:-1], axis=0, dtype=np.int64
        )
    majority = 2 * ones > counts[owners][:, None]
    result[owners] = np.packbits(majority, axis=1, bitorder="little").view(np.uint64).ravel()
    return result
