"""Partners: all near-duplicates of some documents, by one pass over the sets of all.

A partner of a document of n shingles has at least ceil(t n) of them, so it has one of *any*
n - ceil(t n) + 1 of them: the rarest are looked for in all sets. No band, no signature and no cap
comes into it, so it can judge those that have them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dedup.edges import Edges
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.lsh.prefix import Prefixes, Rarity, rare_prefixes
from dedup.spill.chunks import weighed_chunks
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.verify import BELOW, Verifier, reaches

_CHUNK_SHINGLES = 1 << 20
_LOOKED_FOR = 1 << 22
"""Shingles that are looked for in one pass, about 30 bytes each."""

_COUNTED_SHINGLES = 1 << 24
"""Shingles of the documents whose sets say which shingles are rare."""

_VERIFIED_TOGETHER = 1 << 18
_SLOTS_PER_SHINGLE = 16


def partners(
    verifier: Verifier, documents: Int64Array, scratch: Scratch, group: Int64Array | None = None
) -> Iterator[Edges]:
    """Yield the pairs of some documents with all others that reach the threshold.

    A pair of two of them comes twice, once from each side.

    Parameters
    ----------
    documents : int64, ascending.
    group : int64; only documents of one group are paired, all if not given.

    Yields
    ------
    left : one of `documents`; right : its partner.
    """
    sets, threshold = verifier.sets, verifier.threshold
    step = max(1, int(sets.sizes.sum()) // _COUNTED_SHINGLES)
    rarity = Rarity.of(sets, np.arange(0, len(sets.sizes), step))
    prefixes = rare_prefixes(sets, documents, threshold, scratch, rarity)
    for first, last in weighed_chunks(np.diff(prefixes.offsets), _LOOKED_FOR):
        wanted = _Wanted(prefixes, first, last)
        pairs = SortedRuns(scratch)
        for start, stop in weighed_chunks(sets.sizes, _CHUNK_SHINGLES):
            others = np.arange(start, stop)
            place, one = wanted.among(sets.gather(others))
            ends = np.cumsum(sets.sizes[others])
            other = start + np.searchsorted(ends, place, side="right")
            a, b = sets.sizes[one], sets.sizes[other]
            fits = (one != other) & reaches(threshold, np.minimum(a, b), np.maximum(a, b))
            if group is not None:
                fits &= group[one] == group[other]
            pairs.add(pack_pairs(one[fits], other[fits]))
        for keys in pairs.ascending():
            for begin in range(0, len(keys), _VERIFIED_TOGETHER):
                one, other = unpack_pairs(keys[begin : begin + _VERIFIED_TOGETHER])
                common = verifier.compare(one, other)
                near = common != BELOW
                yield Edges(one[near], other[near], common[near])


class _Wanted:
    """The shingles that are looked for, and whose they are.

    Parameters
    ----------
    first, last : which documents of the prefixes.
    """

    def __init__(self, prefixes: Prefixes, first: int, last: int) -> None:
        lengths = np.diff(prefixes.offsets[first : last + 1])
        tokens = prefixes.tokens[prefixes.offsets[first] : prefixes.offsets[last]]
        order = np.argsort(tokens, kind="stable")
        self._owners = np.repeat(prefixes.documents[first:last], lengths)[order]
        self._tokens: UInt64Array = tokens[order]
        bits = (_SLOTS_PER_SHINGLE * max(1, len(tokens))).bit_length()
        self._shift = np.uint64(HASH_BITS - bits)
        self._slots: NDArray[np.bool_] = np.zeros(1 << bits, np.bool_)
        self._slots[(tokens >> self._shift).view(np.int64)] = True

    def among(self, values: UInt64Array) -> tuple[Int64Array, Int64Array]:
        """Return where they stand among values, and the document that looks for each."""
        place = np.flatnonzero(self._slots[(values >> self._shift).view(np.int64)])
        found = values[place]
        first = np.searchsorted(self._tokens, found, side="left")
        count = np.searchsorted(self._tokens, found, side="right") - first
        flat = np.repeat(first - (np.cumsum(count) - count), count)
        flat += np.arange(len(flat))
        return np.repeat(place, count), self._owners[flat]
