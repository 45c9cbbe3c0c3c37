"""Verified pairs, and the file-backed row of them that a run may keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import unpack_pairs
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import Int64Array
from dedup.verify import BELOW, Compares

_VERIFIED_TOGETHER = 1 << 18
"""Pairs whose edges are in memory at a time."""


@dataclass
class Edges:
    """Verified pairs: left < right in keeper order, and the shingles they have in common.

    For vectors `common` holds the bits of their similarity or distance; see `output.measures`.
    """

    left: Int64Array
    right: Int64Array
    common: Int64Array

    def __len__(self) -> int:
        return len(self.left)

    def choose(self, chosen: NDArray[np.bool_]) -> Edges:
        """Return those where chosen is True."""
        return Edges(self.left[chosen], self.right[chosen], self.common[chosen])

    def larger_first(self, sizes: Int64Array) -> Edges:
        """Return them with the larger document on the left, by the sizes of all sets."""
        turned = sizes[self.right] > sizes[self.left]
        left = np.where(turned, self.right, self.left)
        return Edges(left, np.where(turned, self.left, self.right), self.common)


def verified_edges(
    verifier: Compares, pairs: SortedRuns, removed: NDArray[np.bool_] | None = None
) -> Iterator[Edges]:
    """Compare packed pairs (later, earlier) and yield those at the threshold or above.

    Ascending by (right, left).

    Parameters
    ----------
    removed : bool, by number; documents whose pairs with later ones are not wanted. It may change
        from one piece to the next.
    """
    for keys in pairs.ascending():
        for first in range(0, len(keys), _VERIFIED_TOGETHER):
            right, left = unpack_pairs(keys[first : first + _VERIFIED_TOGETHER])
            if removed is not None:
                wanted = ~removed[left]
                left, right = left[wanted], right[wanted]
            common = verifier.compare(left, right)
            good = common != BELOW
            yield Edges(left[good], right[good], common[good])


class EdgeStore:
    """Edges ascending by (right, left), to be read again piece by piece."""

    def __init__(self, scratch: Scratch) -> None:
        self._spool = Spool(scratch)
        self._count = 0

    def append(self, edges: Edges) -> None:
        """Append edges, none of them before those that are there."""
        self._count += len(edges)
        if len(edges):
            self._spool.append(edges.left, edges.right, edges.common)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Edges]:
        for left, right, common in self._spool:
            yield Edges(left, right, common)
