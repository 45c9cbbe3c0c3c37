"""MinHash by one-permutation hashing with optimal densification.

One hash a shingle: the range of the hash is cut into `num_hashes` bins, and a signature holds the
smallest hash of each bin. Empty bins copy a donor found by a probe sequence of their own, a fixed
random permutation of the bins (never a rotation, which would correlate neighbouring bins). Two
documents agree in a component with probability J, their Jaccard similarity.

References
----------
Li, Owen, Zhang (2012), One permutation hashing. Shrivastava (2017), Optimal densification for fast
and accurate minwise hashing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array, mix64_array

_BIN_BITS = 32
"""Bits of the shingle hash that choose its bin; leaves 20 bits for `num_hashes`."""


def signatures(composite: UInt64Array, num_documents: int, num_hashes: int) -> UInt64Array:
    """Return the signature of every document of a batch.

    Parameters
    ----------
    composite : uint64, strictly ascending; (slot << 52 | shingle hash), slots below num_documents.
    num_hashes : components of a signature, at most 2**20.

    Returns
    -------
    uint64, shape (num_documents, num_hashes); component i is the smallest shingle hash in bin i or,
    where that bin is empty, in its donor. The row of a document without shingles is all zero.
    """
    flat = np.zeros(num_documents * num_hashes, np.uint64)
    table = flat.reshape(num_documents, num_hashes)
    if not len(composite):
        return table
    # (slot, bin) as one number: a monotone function of the composite, so its runs are the bins.
    cells = composite >> np.uint64(HASH_BITS - _BIN_BITS)
    cells *= np.uint64(num_hashes)
    cells >>= np.uint64(_BIN_BITS)
    leads = np.empty(len(cells), np.bool_)
    leads[0] = True
    np.not_equal(cells[1:], cells[:-1], out=leads[1:])
    first = np.flatnonzero(leads)
    cells = cells[first]
    filled = cells.view(np.int64)
    flat[filled] = composite[first] & np.uint64((1 << HASH_BITS) - 1)
    if len(filled) < len(flat):
        _densify(flat, filled, num_documents, num_hashes)
    return table


def _densify(flat: UInt64Array, filled: Int64Array, num_documents: int, num_hashes: int) -> None:
    """Fill every empty bin of a document that has shingles from its donor, in place.

    A document with many filled bins probes; one with few looks its donors up in a table of ranks.
    Both find the first filled bin of the probe sequence: the same donor.
    """
    bounds = np.searchsorted(filled, np.arange(num_documents + 1) * num_hashes)
    counts = np.diff(bounds)
    sparse = (counts > 0) & (2 * counts < num_hashes)
    if sparse.any():
        documents = np.flatnonzero(sparse)
        ranks, mask = _rank_table(num_hashes)
        starts = np.concatenate([[0], np.cumsum(counts[documents])])
        entries = np.repeat(bounds[documents] - starts[:-1], counts[documents])
        entries += np.arange(starts[-1])
        bins = filled[entries] % num_hashes
        best = np.minimum.reduceat(ranks[bins], starts[:-1], axis=0)
        donors = (best & mask).astype(np.int64)
        donors += (documents * num_hashes)[:, None]
        flat.reshape(num_documents, num_hashes)[documents] = flat[donors]
    occupied = np.zeros(len(flat), np.bool_)
    occupied[filled] = True
    grid = occupied.reshape(num_documents, num_hashes)
    grid[sparse | (counts == 0)] = True
    empty = np.flatnonzero(~occupied)
    if not len(empty):
        return
    probes = _probe_sequences(num_hashes)
    waiting = empty
    bins = empty % num_hashes
    rows = empty - bins
    attempt = 1  # probe 0 of a bin is the bin itself
    while len(waiting):
        donors = rows + probes[bins, attempt]
        hit = occupied[donors]
        flat[waiting[hit]] = flat[donors[hit]]
        miss = ~hit
        waiting, bins, rows = waiting[miss], bins[miss], rows[miss]
        attempt += 1


@lru_cache(maxsize=4)
def _probe_sequences(num_hashes: int) -> Int64Array:
    """Return the probe sequence of each bin: itself, then a permutation of all the others.

    int64, shape (num_hashes, num_hashes). A function of `num_hashes` alone, on every platform.
    """
    grid = np.arange(num_hashes * num_hashes, dtype=np.uint64)
    keys = mix64_array(mix64_array(grid + np.uint64(0x5851F42D4C957F2D)))
    square = keys.reshape(num_hashes, num_hashes)
    np.fill_diagonal(square, 0)
    return np.argsort(square, axis=1, kind="stable").astype(np.int64)


@lru_cache(maxsize=4)
def _rank_table(num_hashes: int) -> tuple[NDArray[np.unsignedinteger], np.unsignedinteger]:
    """Return ranks[j, i] = (place of bin j in bin i's probe sequence, then j), and j's mask."""
    bits = max(1, (num_hashes - 1).bit_length())
    dtype = np.uint16 if 2 * bits <= 16 else np.uint64
    probes = _probe_sequences(num_hashes)
    ranks = np.empty((num_hashes, num_hashes), dtype)
    places = np.arange(num_hashes) << bits
    for i in range(num_hashes):
        ranks[probes[i], i] = places | probes[i]
    return ranks, dtype((1 << bits) - 1)
