"""Hot buckets: many vectors of one key, compared by blocked products of matrices.

Where all pairs are wanted, all are compared. Where only keepers decide, a bucket is walked in
keeper order: a member is compared with the leaders before it, those that no leader matched, and is
one itself if none does; so a bucket of copies costs one comparison each. A leader here may be
removed elsewhere; then a member that it took along may be a keeper after all. Such late keepers are
found when the edges are settled, compared with all that come after them in the bucket, and all is
settled anew, until there are none.

In the end every keeper has been compared with every later member of its buckets. So no two keepers
share an edge, everything removed has an edge from a keeper, and the answer is that of the greedy
walk over all candidate pairs: a set in keeper order in which a vector stands exactly where no
earlier one of the set has an edge with it is unique.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import pack_pairs
from dedup.lsh.candidates import Skipped
from dedup.lsh.hot_buckets import BucketPairs
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.vectors.families.base import UInt32Array
from dedup.vectors.store import VectorVerifier

_BLOCK = 1 << 10


@dataclass
class HotBuckets:
    """The hot buckets of all tables.

    Attributes
    ----------
    skipped : what `max_comparisons` left out.
    num_compared : pairs in products.
    """

    verifier: VectorVerifier
    max_comparisons: int
    skipped: Skipped = field(default_factory=Skipped)
    num_compared: int = 0
    _members: list[Int64Array] = field(default_factory=list)
    _compared: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(self, members: UInt32Array, sizes: Int64Array) -> None:
        """Add buckets; members ascending inside each, perhaps repeated (by probes)."""
        for bucket in np.split(members, np.cumsum(sizes)[:-1]) if len(sizes) else ():
            self._members.append(np.unique(bucket).astype(np.int64))
            self._compared.append(np.zeros(len(self._members[-1]), np.bool_))

    def __len__(self) -> int:
        return len(self._members)

    def all_pairs(self) -> Iterator[UInt64Array]:
        """Yield all pairs that may reach the threshold, packed (later, earlier)."""
        for members in self._members:
            room = self.max_comparisons
            for stop in range(_BLOCK, len(members) + _BLOCK, _BLOCK):
                block = members[stop - _BLOCK : stop]
                needed = len(block) * (stop - _BLOCK) + len(block) * (len(block) - 1) // 2
                if needed > room:
                    self._skip(members, stop - _BLOCK)
                    break
                room -= needed
                for start in range(0, stop, _BLOCK):
                    yield self._product(members[start : start + _BLOCK], block)

    def leader_pairs(self) -> Iterator[UInt64Array]:
        """Yield the pairs of leaders with what they match, packed (later, earlier)."""
        for members, compared in zip(self._members, self._compared, strict=True):
            room = self.max_comparisons
            for start in range(0, len(members), _BLOCK):
                block = members[start : start + _BLOCK]
                leaders = members[:start][compared[:start]]
                room -= len(block) * len(leaders) + len(block) * (len(block) - 1) // 2
                if room < 0:
                    self._skip(members, start)
                    compared[start:] = True
                    break
                taken = np.zeros(len(block), np.bool_)
                for first in range(0, len(leaders), _BLOCK):
                    pairs = self._product(leaders[first : first + _BLOCK], block)
                    taken[np.searchsorted(block, (pairs >> np.uint64(32)).view(np.int64))] = True
                    yield pairs
                pairs, leads = self._leaders_of(block, taken)
                compared[start : start + _BLOCK] = leads
                yield pairs

    def late_pairs(self, removed: NDArray[np.bool_]) -> Iterator[UInt64Array]:
        """Yield the pairs of keepers that led in none of a bucket's comparisons before.

        Parameters
        ----------
        removed : bool, by unit; as it is known now.
        """
        for members, compared in zip(self._members, self._compared, strict=True):
            for place in np.flatnonzero(~removed[members] & ~compared).tolist():
                compared[place] = True
                for start in range(place + 1, len(members), _BLOCK):
                    yield self._product(members[place : place + 1], members[start : start + _BLOCK])

    def _product(self, earlier: Int64Array, later: Int64Array) -> UInt64Array:
        """Compare two ascending blocks, and keep what stands before the other."""
        vectors = self.verifier.vectors
        near = self.verifier.near(vectors.scaled(earlier), vectors.scaled(later))
        self.num_compared += near.size
        left, right = np.nonzero(near)
        before = earlier[left] < later[right]
        return pack_pairs(later[right[before]], earlier[left[before]])

    def _leaders_of(
        self, block: Int64Array, taken: NDArray[np.bool_]
    ) -> tuple[UInt64Array, NDArray[np.bool_]]:
        """Walk a block in order; return the leaders' pairs, and who leads."""
        vectors = self.verifier.vectors
        scaled = vectors.scaled(block)
        near = np.triu(self.verifier.near(scaled, scaled), 1)
        self.num_compared += near.size // 2
        leads = ~taken
        for place in np.flatnonzero(near.any(axis=1)).tolist():
            if leads[place]:
                leads[near[place]] = False
        near[~leads] = False
        left, right = np.nonzero(near)
        return pack_pairs(block[right], block[left]), leads

    def _skip(self, members: Int64Array, looked_at: int) -> None:
        """Count what the cap leaves out of a bucket."""
        left = len(members) - looked_at
        count = left * looked_at + left * (left - 1) // 2
        self.skipped.add(BucketPairs(np.zeros(0, np.uint64), count, members[looked_at:]))
