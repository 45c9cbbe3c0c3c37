"""Containment: the documents that may lie, all but whole, inside a larger one. An exact join.

Banding has no recall between sets of unlike sizes. But a document of n shingles that has ceil(t n)
of them in common with another one shares a shingle with it among *any* n - ceil(t n) + 1 of its
own. So each document looks that many up in an index of all shingles of all larger documents, and is
free to choose those that the fewest larger documents have. What none has costs nothing and counts
too: it rules out most documents before anything is compared.

"Larger" goes by size, then number. That finds every pair with containment >= t in either direction
once: where the larger document lies in the smaller one at t, so does the smaller in the larger.

The index is never whole in memory. The sets are taken a range of hashes at a time: once to count
how many larger documents have each shingle, and once to list the pairs (what no two documents have
falls away at once, and where the rest is small it is kept for the second time).

References
----------
Chaudhuri, Ganti, Kaushik (2006), A primitive operator for similarity joins (prefix of one side).
Broder (1997), On the resemblance and containment of documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.lsh.hot_buckets import BucketPairs
from dedup.sketch.store import SetStore
from dedup.spill.chunks import chunks
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.text.shingles import distinct, runs

_RANGE_SHINGLES = 1 << 21
"""Shingles of all documents that are sorted at a time, about 50 bytes each."""

_KEPT_ENTRIES = 1 << 24
"""Shared shingles of all documents that are kept in memory, at most 8 bytes each."""

_CHUNK_PAIRS = 1 << 22
"""Pairs that are listed at a time, about 50 bytes each."""

_LEVELS = 16
"""Classes of shingles by how many larger documents have them: 1, 2-3, 4-7, ... 32,768 and more."""


@dataclass(frozen=True)
class _Shared:
    """The shingles of a range that more than one document has.

    Attributes
    ----------
    documents : uint32; those that have one shingle, the larger ones first, then those of the next.
    bounds : int64, shape (shingles + 1,); where each shingle's documents begin, and the end.
    """

    documents: NDArray[np.uint32]
    bounds: Int64Array

    @property
    def starts(self) -> Int64Array:
        """int64, the shape of `documents`: where the documents of the same shingle begin."""
        return np.repeat(self.bounds[:-1], np.diff(self.bounds))

    def followers(self) -> tuple[Int64Array, Int64Array]:
        """Return the entries that larger documents have too, and how many of these."""
        starts = self.starts
        before = np.arange(len(starts)) - starts
        entries = np.flatnonzero(before)
        return entries, before[entries]


def containment_pairs(sets: SetStore, threshold: Fraction, max_comparisons: int) -> BucketPairs:
    """Return all pairs where one set may hold the threshold's share of the other.

    Parameters
    ----------
    max_comparisons : most pairs that one shingle may bring. Where it would bring more, each smaller
        document meets only as many of the largest as that allows (one at least), and the rest are
        counted: in `num_skipped` once for each shingle that would have brought them.

    Returns
    -------
    The pairs; `skipped_documents` are those that may lie in a document they were not paired with.
    """
    order = np.argsort(-sets.sizes, kind="stable")
    index = _Index(sets.select(order))
    lookups = _Lookups.choose(index, threshold)
    merged = np.zeros(0, np.uint64)
    fresh: list[UInt64Array] = []
    concerned = np.zeros(len(order), np.bool_)
    num_skipped = 0
    for shared in index if lookups.any() else ():
        entries, before = shared.followers()
        chosen = lookups.take(shared.documents[entries].astype(np.int64), before)
        entries, before = entries[chosen], before[chosen]
        reach = _capped(entries - before, before, max_comparisons)
        num_skipped += int((before - reach).sum())
        concerned[shared.documents[entries[reach < before]]] = True
        fresh += _list_pairs(shared.documents, entries, entries - before, reach, order)
        if sum(map(len, fresh)) > max(_CHUNK_PAIRS, len(merged)):
            merged, fresh = _union([merged, *fresh]), []
    skipped_documents = np.sort(order[concerned])
    return BucketPairs(_union([merged, *fresh]), num_skipped, skipped_documents)


@dataclass
class _Lookups:
    """Which of its shingles each document looks up, beside those that no larger one has.

    Attributes
    ----------
    levels : int8, shape (documents,); all shingles of a lower level, none of a higher.
    quotas : int64, shape (documents,); how many of that level, the first ones in hash order.
    """

    levels: NDArray[np.int8]
    quotas: Int64Array

    def any(self) -> bool:
        """Tell whether any document is left to look for."""
        return bool(self.quotas.any())

    @staticmethod
    def choose(index: _Index, threshold: Fraction) -> _Lookups:
        """Choose the shingles that the fewest larger documents have."""
        sizes = index.sets.sizes
        num_documents = len(sizes)
        counts = np.zeros((num_documents, _LEVELS), np.int32)
        for shared in index:
            entries, before = shared.followers()
            slots = shared.documents[entries].astype(np.int64) * _LEVELS + _level(before)
            np.add.at(counts.reshape(-1), slots, np.int32(1))
        needed = -(-threshold.numerator * sizes // threshold.denominator)
        upto = np.cumsum(counts, axis=1)
        # A shingle that no larger document has is a lookup for nothing.
        wanted = np.maximum(upto[:, -1] - needed + 1, 0)
        levels = np.argmax(upto >= wanted[:, None], axis=1)
        rows = np.arange(num_documents)
        below = upto[rows, levels] - counts[rows, levels]
        return _Lookups(levels.astype(np.int8), wanted - below)

    def take(self, documents: Int64Array, before: Int64Array) -> Int64Array:
        """Return which entries of a range are looked up, and count those of the level off.

        Parameters
        ----------
        documents, before : of each entry the document, and how many larger ones have its shingle.
        """
        level = _level(before)
        last = self.levels[documents]
        taken = level < last
        wanted = self.quotas[documents]
        at_last = np.flatnonzero((level == last) & (wanted > 0))
        packed = pack_pairs(documents[at_last], at_last)
        packed.sort()
        by_document, at_last = unpack_pairs(packed)
        first = np.searchsorted(by_document, by_document)
        at_last = at_last[np.arange(len(at_last)) - first < wanted[at_last]]
        taken[at_last] = True
        self.quotas -= np.bincount(documents[at_last], minlength=len(self.quotas))
        return np.flatnonzero(taken)


def _level(before: Int64Array) -> Int64Array:
    """Return the class of each count from 1 on: its binary logarithm, cut off."""
    exponents = np.frexp(before.astype(np.float64))[1].astype(np.int64)
    return np.minimum(exponents - 1, _LEVELS - 1)


class _Index:
    """The shared shingles of all documents, which are numbered by size, range by range.

    Parameters
    ----------
    sets : the largest first.
    """

    def __init__(self, sets: SetStore) -> None:
        self.sets = sets
        self._kept: list[_Shared] = []
        self._is_kept = False

    def __iter__(self) -> Iterator[_Shared]:
        if self._is_kept:
            yield from self._kept
            return
        room = _KEPT_ENTRIES
        for shared in self._sorted():
            room -= len(shared.documents)
            self._kept = [*self._kept, shared] if room >= 0 else []
            yield shared
        self._is_kept = room >= 0

    def _sorted(self) -> Iterator[_Shared]:
        sizes = self.sets.sizes
        num_ranges = max(1, -(-int(sizes.sum()) // _RANGE_SHINGLES))
        document_bits = max(1, (len(sizes) - 1).bit_length())
        # Low bits of the hash give way where a key has no room: a false candidate, no loss.
        width = -(-(1 << HASH_BITS) // num_ranges)
        dropped = np.uint64(max(0, (width - 1).bit_length() + document_bits - 64))
        bits = np.uint64(document_bits)
        for start, composite, documents in self.sets.ranges(num_ranges):
            composite -= np.uint64(start)
            composite >>= dropped
            composite <<= bits
            composite |= documents.view(np.uint64)
            del documents
            composite.sort()
            edges = runs(composite >> bits)
            repeated = np.diff(edges) > 1
            lengths = np.diff(edges)[repeated]
            low = composite[np.repeat(repeated, np.diff(edges))]
            low &= (np.uint64(1) << bits) - np.uint64(1)
            yield _Shared(low.astype(np.uint32), np.concatenate([[0], np.cumsum(lengths)]))


def _capped(starts: Int64Array, before: Int64Array, max_comparisons: int) -> Int64Array:
    """Return how many larger documents each looked-up entry meets, the largest first."""
    bounds = runs(starts.view(np.uint64))
    sizes = np.diff(bounds)
    totals = np.diff(np.concatenate([[0], np.cumsum(before)])[bounds])
    most = np.where(totals > max_comparisons, np.maximum(max_comparisons // sizes, 1), totals)
    capped: Int64Array = np.minimum(before, np.repeat(most, sizes))
    return capped


def _list_pairs(
    documents: NDArray[np.uint32],
    entries: Int64Array,
    starts: Int64Array,
    reach: Int64Array,
    order: Int64Array,
) -> list[UInt64Array]:
    """Pair each entry's document with the first `reach` of its shingle, as numbers of `order`."""
    found = []
    total = np.concatenate([[0], np.cumsum(reach)])
    for first, last in chunks(total, _CHUNK_PAIRS):
        lengths = reach[first:last]
        inside = np.arange(int(lengths.sum()))
        inside -= np.repeat(total[first:last] - total[first], lengths)
        larger = documents[np.repeat(starts[first:last], lengths) + inside]
        smaller = np.repeat(documents[entries[first:last]], lengths)
        apart = larger != smaller
        a, b = order[larger[apart]], order[smaller[apart]]
        found.append(_union([pack_pairs(np.maximum(a, b), np.minimum(a, b))]))
    return found


def _union(parts: list[UInt64Array]) -> UInt64Array:
    joined = np.concatenate([np.zeros(0, np.uint64), *parts])
    joined.sort()
    return distinct(joined)
