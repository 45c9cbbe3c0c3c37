"""Clusters: the greedy maximal independent set over the candidate pairs, and components.

Documents are numbered in keeper order. Taken in that order, a document is removed by the first
keeper that it shares a bucket with at verified Jaccard >= threshold, and is a keeper itself where
there is none. So no document is removed by chaining, and no two keepers share a verified pair.

`greedy_keepers` finds that answer without looking at most pairs. A document that comes first in
all its buckets is a keeper whatever else happens; compare it with the rest of its buckets, drop
what it removes, and repeat. A bucket of copies costs one comparison each. What such rounds do not
settle (buckets of unlike documents) is settled from its candidate pairs at once.

Buckets and pairs come chunk by chunk; only a few numbers a document stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.edges import Edges, verified_edges
from dedup.lsh.buckets import Buckets, pack_pairs, unpack_pairs
from dedup.lsh.candidates import PairRuns, Skipped, candidate_runs
from dedup.lsh.grouping import BucketChunks
from dedup.lsh.hot_buckets import BucketPairs
from dedup.spill.chunks import weighed_chunks
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array
from dedup.verify import Verifier

MAX_ROUNDS = 64
POOR_YIELD = 0.1
POOR_ROUNDS = 3
NEVER = 127
_PAIRS_TOGETHER = 1 << 21


class Keepers:
    """Who is kept, and who removes the others.

    Parameters
    ----------
    num_documents : they are numbered in keeper order.

    Attributes
    ----------
    keeper : int64; a document's own number, or its keeper: the first one that was offered.
    common : int64; the shingles that a removed document has in common with its keeper.
    """

    def __init__(self, num_documents: int, scratch: Scratch) -> None:
        self.keeper: Int64Array = scratch.empty(num_documents, np.int64)
        self.keeper[:] = np.arange(num_documents)
        self.common: Int64Array = scratch.empty(num_documents, np.int64)
        self.common[:] = 0
        self.removed: NDArray[np.bool_] = np.zeros(num_documents, np.bool_)

    def offer(self, edges: Edges) -> None:
        """Let the left sides of edges, all of them keepers, remove the right sides.

        Parameters
        ----------
        edges : ascending by (right, left).
        """
        first = np.ones(len(edges.right), np.bool_)
        first[1:] = edges.right[1:] != edges.right[:-1]
        first &= edges.left < self.keeper[edges.right]
        right = edges.right[first]
        self.keeper[right] = edges.left[first]
        self.common[right] = edges.common[first]
        self.removed[right] = True

    def settle(self, edges: Edges) -> None:
        """Settle documents from the verified pairs with those before them.

        Parameters
        ----------
        edges : ascending by (right, left), and none before those of an earlier call.
        """
        left, right = edges.left, edges.right
        blocked = np.zeros(int(right.max(initial=-1)) + 1, np.bool_)
        for _ in range(MAX_ROUNDS):
            # A left side that is nobody's right side is a keeper; what it touches is removed.
            open_ = ~self.removed[left] & ~self.removed[right]
            left, right = left[open_], right[open_]
            if not len(left):
                break
            blocked[right] = True
            self.removed[right[~blocked[left]]] = True
            blocked[right] = False
        else:
            for earlier, later in zip(left.tolist(), right.tolist(), strict=True):
                if not self.removed[earlier]:
                    self.removed[later] = True
        self.offer(edges.choose(~self.removed[edges.left] & self.removed[edges.right]))


@dataclass
class Clusters:
    """Who is kept, and by whom the others are removed.

    Attributes
    ----------
    keeper, common : see `Keepers`.
    num_verified : verified pairs that were found on the way.
    skipped : what a cap left out.
    """

    keeper: Int64Array
    common: Int64Array
    num_verified: int
    skipped: Skipped


def greedy_keepers(
    num_documents: int,
    buckets: BucketChunks,
    verifier: Verifier,
    max_comparisons: int,
    scratch: Scratch,
    verified: SortedRuns | None = None,
) -> Clusters:
    """Return the greedy keepers over all pairs that share a bucket.

    Equal to `Keepers.settle` of all verified candidate pairs wherever no cap was reached.

    Parameters
    ----------
    verified : takes the verified pairs, packed (later, earlier).
    """
    rounds = _Rounds(num_documents, verifier, scratch, verified)
    rest = rounds.run(buckets)
    pairs = candidate_runs(rest, verifier.sets, verifier.threshold, max_comparisons, scratch)
    keepers = rounds.keepers
    for edges in rounds.compared(pairs.runs):
        keepers.settle(edges)
    late = _late_pairs(buckets, rounds, max_comparisons, scratch)
    for edges in rounds.compared(late.runs):
        keepers.offer(edges)
    pairs.skipped.add_all(late.skipped)
    return Clusters(keepers.keeper, keepers.common, rounds.num_verified, pairs.skipped)


class _Rounds:
    """Rounds in which known keepers are compared with what shares a bucket with them.

    Attributes
    ----------
    num_verified : verified pairs so far.
    kept_in, removed_in : int8; the round in which a document was known as a keeper, or removed.
    """

    def __init__(
        self,
        num_documents: int,
        verifier: Verifier,
        scratch: Scratch,
        verified: SortedRuns | None,
    ) -> None:
        self._verifier = verifier
        self.keepers = Keepers(num_documents, scratch)
        self.kept_in = np.full(num_documents, NEVER, np.int8)
        self.removed_in = np.full(num_documents, NEVER, np.int8)
        self.num_verified = 0
        self._scratch = scratch
        self._verified = verified

    def compared(self, pairs: SortedRuns) -> Iterator[Edges]:
        """Verify pairs and yield their edges, ascending by (right, left)."""
        for edges in verified_edges(self._verifier, pairs):
            self.num_verified += len(edges)
            if self._verified is not None:
                self._verified.add(pack_pairs(edges.right, edges.left))
            yield edges

    def run(self, buckets: BucketChunks) -> BucketChunks:
        """Go on until nothing is left, or rounds settle too little; return the buckets left."""
        active = buckets
        poor = 0
        for number in range(MAX_ROUNDS):
            if not active.num_buckets or poor == POOR_ROUNDS:
                break
            pairs = self._ready_pairs(active, number)
            before = self.num_verified
            for edges in self.compared(pairs):
                self.keepers.offer(edges)
                self.removed_in[edges.right] = np.minimum(self.removed_in[edges.right], number)
            poor = poor + 1 if self.num_verified - before < POOR_YIELD * pairs.num_read else 0
            active = self._restricted(active)
        return active

    def _ready_pairs(self, active: BucketChunks, number: int) -> SortedRuns:
        """Pair the documents that come first in all their buckets with the rest of these."""
        blocked = np.zeros(len(self.kept_in), np.bool_)
        for chunk in active:
            blocked[chunk.members[_follows(chunk)]] = True
        pairs = SortedRuns(self._scratch)
        for chunk in active:
            lead = chunk.members[chunk.offsets[:-1]]
            ready = ~blocked[lead]
            self.kept_in[lead[ready]] = number
            compared = _follows(chunk) & np.repeat(ready, chunk.sizes)
            earlier = np.repeat(lead, chunk.sizes)[compared]
            pairs.add(pack_pairs(chunk.members[compared], earlier))
        return pairs

    def _restricted(self, active: BucketChunks) -> BucketChunks:
        """Return the buckets without the documents that are settled."""
        keep = ~self.keepers.removed & (self.kept_in == NEVER)
        rest = BucketChunks(self._scratch)
        for chunk in active:
            left = chunk.restrict(keep)
            rest.add(left.members, left.sizes)
        return rest


def _follows(chunk: Buckets) -> NDArray[np.bool_]:
    """Tell which members do not come first in their bucket."""
    follows = np.ones(len(chunk.members), np.bool_)
    follows[chunk.offsets[:-1]] = False
    return follows


def _late_pairs(
    buckets: BucketChunks, rounds: _Rounds, max_comparisons: int, scratch: Scratch
) -> PairRuns:
    """Pair documents with earlier keepers that were not yet known when they were removed.

    It decides who removes them, not whether they are. Comparisons past `max_comparisons` in a
    bucket are skipped.
    """
    pairs = PairRuns(scratch)
    keeper, removed = rounds.keepers.keeper, rounds.keepers.removed
    kept_in, removed_in = rounds.kept_in, rounds.removed_in
    for chunk in buckets:
        members, owners = chunk.members, chunk.owners()
        # A keeper of the first round is never late.
        is_keeper = ~removed[members] & (kept_in[members] > 0)
        keepers = pack_pairs(owners[is_keeper], members[is_keeper])
        followers = removed_in[members] < NEVER  # removed in a round, not by the last step
        owner, document = owners[followers], members[followers]
        # Keepers of the same bucket that stand before the document's present keeper.
        first = np.searchsorted(keepers, pack_pairs(owner, np.zeros_like(owner)))
        count = np.searchsorted(keepers, pack_pairs(owner, keeper[document])) - first
        before = np.concatenate([[0], np.cumsum(count)])[np.searchsorted(owner, owner)]
        within = np.cumsum(count) - before <= max_comparisons
        skipped = int(count[~within].sum())
        pairs.add(BucketPairs(np.zeros(0, np.uint64), skipped, document[~within]))
        first, count, document = first[within], count[within], document[within]
        for a, b in weighed_chunks(count, _PAIRS_TOGETHER):
            counts = count[a:b]
            inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            left = unpack_pairs(keepers[np.repeat(first[a:b], counts) + inside])[1]
            right = np.repeat(document[a:b], counts)
            late = kept_in[left] > removed_in[right]
            pairs.runs.add(pack_pairs(right[late], left[late]))
    return pairs


def components(num_documents: int, edges: Iterable[Edges], scratch: Scratch) -> Int64Array:
    """Return the connected component of each document: the smallest number in it.

    Hooking and pointer jumping: every edge hooks the larger root under the smaller, until no edge
    joins two roots.
    """
    label: Int64Array = scratch.empty(num_documents, np.int64)
    label[:] = np.arange(num_documents)
    for some in edges:
        left, right = some.left, some.right
        while len(left):
            a, b = _roots(label, left), _roots(label, right)
            label[left], label[right] = a, b
            open_ = a != b
            left, right, a, b = left[open_], right[open_], a[open_], b[open_]
            np.minimum.at(label, np.maximum(a, b), np.minimum(a, b))
    while True:
        up = label[label]
        if np.array_equal(up, label):
            return label
        label[:] = up


def _roots(label: Int64Array, documents: Int64Array) -> Int64Array:
    found = label[documents]
    while True:
        up = label[found]
        if np.array_equal(up, found):
            return found
        found = up
