"""Which shingles stand in many documents of a source: exact answers in bounded memory.

Documents of a few thousand sources, or of a single large one, are looked at twice. First every
shingle adds one to a cell of a table that many share, so that no cell counts too little; then the
few whose cell says "maybe" are counted by themselves. 5 to 20 ns a shingle, some 100 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dedup.sketch.store import SetStore
from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.text.shingles import HASH_MASK, MAX_SLOTS, runs

MAX_OWNERS = MAX_SLOTS
"""Sources that may be looked at together: their number stands above the shingle hash."""

CHUNK_SHINGLES = 1 << 22
"""Shingles read at a time, and of all documents of several sources that are looked at together."""

_CELL_BITS = 21
_CELL_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class OwnedDocuments:
    """Documents of some sources, those of a source together.

    Attributes
    ----------
    sets : of more documents than these.
    documents : int64; numbers in `sets`.
    owners : int64, the same shape; the source of each, from 0 to `MAX_OWNERS` - 1, ascending.
    """

    sets: SetStore
    documents: Int64Array
    owners: Int64Array

    def keys(self, first: int, last: int) -> UInt64Array:
        """Return (owner << 52 | shingle hash) of all shingles of a slice of the documents."""
        values = self.sets.gather(self.documents[first:last])
        values &= HASH_MASK
        return self.with_owners(values, first, last)

    def with_owners(self, shingles: UInt64Array, first: int, last: int) -> UInt64Array:
        """Return the shingle hashes of a slice of the documents with the owners above them."""
        owners = self.owners[first:last].astype(np.uint64) << np.uint64(HASH_BITS)
        if not owners.any():
            return shingles
        return shingles | np.repeat(owners, self.sets.sizes[self.documents[first:last]])

    def chunks(self, most: int) -> Iterator[tuple[int, int]]:
        """Return slices of the documents with at most so many shingles, or of one document."""
        sizes = self.sets.sizes[self.documents]
        return weighed_chunks(sizes, most)


@dataclass(frozen=True)
class CommonShingles:
    """The common shingles of some sources.

    Attributes
    ----------
    keys : uint64, ascending; (owner << 52 | shingle hash).
    """

    keys: UInt64Array

    @classmethod
    def none(cls) -> CommonShingles:
        """Return the common shingles of sources that have none."""
        return cls(np.zeros(0, np.uint64))

    def counts(self, num_owners: int) -> Int64Array:
        """int64, shape (num_owners,): the common shingles of each."""
        return np.bincount(_owners(self.keys), minlength=num_owners)

    @cached_property
    def _cells(self) -> NDArray[np.bool_]:
        table = np.zeros(1 << _CELL_BITS, np.bool_)
        table[_cells(self.keys)] = True
        return table

    def have(self, keys: UInt64Array) -> NDArray[np.bool_]:
        """Tell which (owner << 52 | shingle hash) are common."""
        if not len(self.keys):
            return np.zeros(len(keys), np.bool_)
        found = self._cells[_cells(keys)]
        places = np.flatnonzero(found)
        asked = keys[places]
        nearest = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        found[places] = self.keys[nearest] == asked
        return found


def common_shingles(owned: OwnedDocuments, least: Int64Array) -> CommonShingles:
    """Return the shingles that stand in at least `least[owner]` documents of a source.

    Parameters
    ----------
    least : int64, shape (sources,).
    """
    slices = list(owned.chunks(CHUNK_SHINGLES))
    counters = np.zeros(1 << _CELL_BITS, np.int64)
    for first, last in slices:
        counters += np.bincount(_cells(owned.keys(first, last)), minlength=len(counters))
    if int(counters.max()) < int(least.min()):
        return CommonShingles.none()
    found = _Counts()
    for first, last in slices:
        keys = owned.keys(first, last)
        bound = least[_owners(keys)] if len(least) > 1 else least[0]
        keys = keys[counters[_cells(keys)] >= bound]
        keys.sort()
        edges = runs(keys)
        found.add(keys[edges[:-1]], np.diff(edges))
    keys, counts = found.total()
    return CommonShingles(keys[counts >= least[_owners(keys)]])


def _cells(keys: UInt64Array) -> Int64Array:
    return ((keys * _CELL_FACTOR) >> np.uint64(64 - _CELL_BITS)).view(np.int64)


def _owners(keys: UInt64Array) -> Int64Array:
    return (keys >> np.uint64(HASH_BITS)).view(np.int64)


class _Counts:
    """Adds up counts by key; memory grows with the distinct keys, not with what is added."""

    def __init__(self) -> None:
        self._keys = [np.zeros(0, np.uint64)]
        self._counts = [np.zeros(0, np.int64)]
        self._num_waiting = 0

    def add(self, keys: UInt64Array, counts: Int64Array) -> None:
        """Add counts of distinct ascending keys."""
        self._keys.append(keys)
        self._counts.append(counts)
        self._num_waiting += len(keys)
        if self._num_waiting > max(CHUNK_SHINGLES, 2 * len(self._keys[0])):
            self.total()

    def total(self) -> tuple[UInt64Array, Int64Array]:
        """Return all distinct keys, ascending, and their counts."""
        keys = np.concatenate(self._keys)
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], np.concatenate(self._counts)[order]
        edges = runs(keys)
        if len(keys):
            counts = np.add.reduceat(counts, edges[:-1])
        self._keys, self._counts = [keys[edges[:-1]]], [counts]
        self._num_waiting = 0
        return self._keys[0], self._counts[0]
