"""Random access to the shingle sets of many documents, in memory or memory-mapped.

Sets lie in parts, one array each, in the order in which the documents were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from dedup.spill.scratch import Scratch
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array


class SetStore:
    """The shingle sets of documents 0..n-1.

    Parameters
    ----------
    parts : uint64; the sets of consecutive documents, each ascending, one after the other.
    sizes : int64, shape (documents,); shingles in each set, over all parts.
    """

    def __init__(
        self, parts: Sequence[UInt64Array], sizes: Int64Array, scratch: Scratch | None = None
    ) -> None:
        self._scratch = scratch or Scratch()
        # A plain view: slicing a memory map itself is ten times slower.
        self._values = [np.asarray(values) for values in parts]
        self._edges = np.cumsum([0, *map(len, self._values)])
        """Where each part begins, all parts' shingles counted through; and the end."""
        self.sizes = sizes
        """int64, shape (documents,): shingles in each set."""
        self._start: Int64Array = self._scratch.empty(len(sizes), np.int64)
        if len(sizes):
            np.cumsum(sizes, out=self._start)
            self._start -= sizes

    def _with(self, start: Int64Array, sizes: Int64Array) -> SetStore:
        other = SetStore(self._values, np.zeros(0, np.int64), self._scratch)
        other._start = start
        other.sizes = sizes
        return other

    def select(self, documents: Int64Array) -> SetStore:
        """Return a store whose document i is this one's documents[i]; no set is copied."""
        return self._with(
            self._scratch.taken(self._start, documents), self._scratch.taken(self.sizes, documents)
        )

    def replaced(
        self, documents: Int64Array, values: Sequence[UInt64Array], sizes: Int64Array
    ) -> SetStore:
        """Return a store where the sets of `documents` are others, one after the other in values.

        Parameters
        ----------
        sizes : int64, shape (len(documents),).
        """
        changed = self._with(self._scratch.held(self._start), self._scratch.held(self.sizes))
        changed._values = [*self._values, *values]
        changed._edges = np.cumsum([0, *map(len, changed._values)])
        changed._start[documents] = self._edges[-1] + np.cumsum(sizes) - sizes
        changed.sizes[documents] = sizes
        return changed

    def gather(self, documents: Int64Array, lengths: Int64Array | None = None) -> UInt64Array:
        """Return the sets of `documents`, one after the other; their lengths are in `sizes`.

        Or the first `lengths` shingles of each.
        """
        starts = self._start[documents]
        ends = starts + (self.sizes[documents] if lengths is None else lengths)
        # Neighbours in the store are one slice, but for those that lie in two parts.
        parts = self._part_of(starts)
        first = np.ones(len(documents), np.bool_)
        first[1:] = (starts[1:] != ends[:-1]) | (parts[1:] != parts[:-1])
        last = np.append(first[1:], True)[: len(first)]
        parts = parts[first]
        offsets = self._edges[parts]
        values = self._values or [np.zeros(0, np.uint64)]
        slices = [
            values[part][a:b]
            for part, a, b in zip(
                parts.tolist(),
                (starts[first] - offsets).tolist(),
                (ends[last] - offsets).tolist(),
                strict=True,
            )
        ]
        return np.concatenate(slices) if slices else np.zeros(0, np.uint64)

    def _part_of(self, starts: Int64Array) -> Int64Array:
        """Return the part of sets that begin there; any part for an empty set at the very end."""
        found = np.searchsorted(self._edges, starts, side="right") - 1
        return np.minimum(found, max(0, len(self._values) - 1))

    def ranges(self, num_ranges: int) -> Iterator[tuple[int, UInt64Array, Int64Array]]:
        """Yield all sets, an equal range of hashes after the other.

        Yields
        ------
        start : the least hash of the range.
        values : uint64; the shingles of all documents in it, in no order; the caller's to change.
        documents : int64, the same shape; whose they are.
        """
        part = self._part_of(self._start)
        by_part = np.argsort(part, kind="stable")
        edges = np.searchsorted(part[by_part], np.arange(len(self._values) + 1))
        parts = [by_part[first:last] for first, last in pairwise(edges.tolist())]
        first = self._start - self._edges[part]
        end = first + self.sizes
        for number in range(num_ranges):
            last = end.copy()
            if number + 1 < num_ranges:
                bound = np.uint64(((number + 1) << HASH_BITS) // num_ranges)
                for documents, values in zip(parts, self._values, strict=True):
                    last[documents] = _first_from(values, first[documents], end[documents], bound)
            lengths = (last - first)[by_part]
            total = np.concatenate([[0], np.cumsum(lengths)])
            found = np.empty(int(total[-1]), np.uint64)
            for values, begin, stop in zip(self._values, edges[:-1], edges[1:], strict=True):
                place = first[by_part[begin:stop]] - total[begin:stop]
                index = np.repeat(place, lengths[begin:stop])
                index += np.arange(total[begin], total[stop])
                np.take(values, index, out=found[total[begin] : total[stop]], mode="clip")
            yield (number << HASH_BITS) // num_ranges, found, np.repeat(by_part, lengths)
            first = last


def _first_from(
    values: UInt64Array, first: Int64Array, last: Int64Array, bound: np.uint64
) -> Int64Array:
    """Return for each ascending slice values[first:last] where its values from `bound` on begin."""
    values = np.asarray(values)  # a memory map takes more time to index
    low, high = first.copy(), last.copy()
    open_ = np.flatnonzero(low < high)
    while len(open_):
        middle = (low[open_] + high[open_]) >> 1
        below = values[middle] < bound
        low[open_[below]] = middle[below] + 1
        high[open_[~below]] = middle[~below]
        open_ = open_[low[open_] < high[open_]]
    return low
