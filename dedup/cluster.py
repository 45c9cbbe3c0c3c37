"""Clusters: the greedy maximal independent set over the candidate pairs, and components.

Documents are numbered in keeper order. Taken in that order, a document is removed by the first
keeper that it shares a bucket with at verified Jaccard >= threshold, and is a keeper itself where
there is none. So no document is removed by chaining, and no two keepers share a verified pair.

`greedy_keepers` finds that answer without looking at most pairs. A document that comes first in
all its buckets is a keeper whatever else happens; compare it with the rest of its buckets, drop
what it removes, and repeat. A bucket of copies costs one comparison each. What such rounds do not
settle (buckets of unlike documents) is settled from its candidate pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.buckets import Buckets, pack_pairs, unique_pairs, unpack_pairs
from dedup.lsh.candidates import candidate_pairs
from dedup.text.hashing import Int64Array
from dedup.verify import BELOW, Verifier

_MAX_ROUNDS = 64
_POOR_YIELD = 0.1
_POOR_ROUNDS = 3


@dataclass
class Edges:
    """Verified pairs: left < right in keeper order, and the shingles they have in common."""

    left: Int64Array
    right: Int64Array
    common: Int64Array

    @staticmethod
    def join(parts: list[Edges]) -> Edges:
        """Return all edges, one of each, ascending by (right, left)."""
        empty = np.zeros(0, np.int64)
        left = np.concatenate([empty, *(p.left for p in parts)])
        right = np.concatenate([empty, *(p.right for p in parts)])
        common = np.concatenate([empty, *(p.common for p in parts)])
        packed = pack_pairs(right, left)
        order = np.argsort(packed, kind="stable")
        packed = packed[order]
        fresh = np.ones(len(packed), np.bool_)
        fresh[1:] = packed[1:] != packed[:-1]
        order = order[fresh]
        return Edges(left[order], right[order], common[order])


@dataclass
class Clusters:
    """Who is kept, and by whom the others are removed.

    Attributes
    ----------
    keeper : int64, shape (documents,); a keeper's own number, or the keeper of a removed document.
    edges : the verified pairs that were found on the way.
    num_skipped : comparisons left out by a cap; skipped_documents are those they concern.
    """

    keeper: Int64Array
    edges: Edges
    num_skipped: int = 0
    skipped_documents: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))


def verified_edges(verifier: Verifier, left: Int64Array, right: Int64Array) -> Edges:
    """Compare pairs and return those at the threshold or above."""
    common = verifier.compare(left, right)
    good = common != BELOW
    return Edges(left[good], right[good], common[good])


def keepers_of_edges(num_documents: int, edges: Edges) -> Int64Array:
    """Return the greedy keepers when all verified pairs are known.

    Parameters
    ----------
    edges : as `Edges.join` returns them: ascending by (right, left).

    Returns
    -------
    int64, shape (num_documents,); see `Clusters.keeper`.
    """
    removed = np.zeros(num_documents, np.bool_)
    left, right = edges.left, edges.right
    for _ in range(_MAX_ROUNDS):
        # A left side that is nobody's right side is a keeper; what it touches is removed.
        blocked = np.zeros(num_documents, np.bool_)
        blocked[right] = True
        removed[right[~blocked[left]]] = True
        open_ = ~removed[left] & ~removed[right]
        left, right = left[open_], right[open_]
        if not len(left):
            break
    else:
        state = removed.tolist()
        for earlier, later in zip(left.tolist(), right.tolist(), strict=True):
            if not state[earlier]:
                state[later] = True
        removed = np.array(state, np.bool_)
    return first_keepers(removed, edges)


def keepers_by_containment(num_documents: int, edges: Edges, verifier: Verifier) -> Int64Array:
    """Return the greedy keepers where only a document that lies in an earlier one is removed.

    Parameters
    ----------
    edges : as `Edges.join` returns them; pairs where either document lies in the other.
    """
    removes = verifier.contained(edges.right, edges.common)
    chosen = Edges(edges.left[removes], edges.right[removes], edges.common[removes])
    return keepers_of_edges(num_documents, chosen)


def first_keepers(removed: NDArray[np.bool_], edges: Edges) -> Int64Array:
    """Return for each removed document the first keeper, in keeper order, with an edge to it."""
    keeper = np.arange(len(removed))
    decides = ~removed[edges.left] & removed[edges.right]
    left, right = edges.left[decides], edges.right[decides]
    first = np.ones(len(right), np.bool_)
    first[1:] = right[1:] != right[:-1]
    keeper[right[first]] = left[first]
    return keeper


def greedy_keepers(
    num_documents: int,
    buckets: Buckets,
    verifier: Verifier,
    threshold: Fraction,
    max_comparisons: int,
) -> Clusters:
    """Return the greedy keepers over all pairs that share a bucket.

    Equal to `keepers_of_edges` over all verified candidate pairs wherever no cap was reached.
    """
    never = np.iinfo(np.int64).max
    kept_in = np.full(num_documents, never)  # the round in which a keeper was known as one
    removed_in = np.full(num_documents, never)
    removed = np.zeros(num_documents, np.bool_)
    found: list[Edges] = []
    active = buckets
    poor = 0
    for number in range(_MAX_ROUNDS):
        if not len(active) or poor == _POOR_ROUNDS:
            break
        lead = active.members[active.offsets[:-1]]
        follows = np.ones(len(active.members), np.bool_)
        follows[active.offsets[:-1]] = False
        blocked = np.zeros(num_documents, np.bool_)
        blocked[active.members[follows]] = True
        ready = ~blocked[lead]
        kept_in[lead[ready]] = number
        compared = follows & np.repeat(ready, active.sizes)
        later, earlier = unique_pairs(
            active.members[compared], np.repeat(lead, active.sizes)[compared]
        )
        edges = verified_edges(verifier, earlier, later)
        found.append(edges)
        removed[edges.right] = True
        removed_in[edges.right] = np.minimum(removed_in[edges.right], number)
        poor = poor + 1 if len(edges.right) < _POOR_YIELD * len(later) else 0
        active = active.restrict(~removed & (kept_in == never))
    rest = candidate_pairs(active, verifier.sets, threshold, max_comparisons)
    later, earlier = unpack_pairs(rest.pairs)
    edges = Edges.join([verified_edges(verifier, earlier, later)])
    found.append(edges)
    rest_keepers = keepers_of_edges(num_documents, edges)
    removed |= rest_keepers != np.arange(num_documents)
    late, num_skipped, concerned = _late_edges(
        buckets, verifier, removed, removed_in, kept_in, Edges.join(found), max_comparisons
    )
    joined = Edges.join([*found, late])
    return Clusters(
        first_keepers(removed, joined),
        joined,
        rest.num_skipped + num_skipped,
        np.union1d(rest.skipped_documents, concerned),
    )


def _late_edges(
    buckets: Buckets,
    verifier: Verifier,
    removed: NDArray[np.bool_],
    removed_in: Int64Array,
    kept_in: Int64Array,
    edges: Edges,
    max_comparisons: int,
) -> tuple[Edges, int, Int64Array]:
    """Compare documents with earlier keepers that were not yet known when they were removed.

    It decides who removes them, not whether they are. Returns the edges, the comparisons past
    `max_comparisons` in a bucket that were skipped, and the documents they concern.
    """
    keeper = first_keepers(removed, edges)
    early = removed_in < np.iinfo(np.int64).max  # removed in a round, not by the last step
    owners = buckets.owners()
    # A keeper of the first round is never late.
    is_keeper = ~removed[buckets.members] & (kept_in[buckets.members] > 0)
    keepers = pack_pairs(owners[is_keeper], buckets.members[is_keeper])
    followers = early[buckets.members]
    owner, document = owners[followers], buckets.members[followers]
    # Keepers of the same bucket that stand before the document's present keeper.
    first = np.searchsorted(keepers, pack_pairs(owner, np.zeros_like(owner)))
    count = np.searchsorted(keepers, pack_pairs(owner, keeper[document])) - first
    total = np.cumsum(count)
    before = np.concatenate([[0], total])[np.searchsorted(owner, owner)]
    within = total - before <= max_comparisons
    num_skipped = int(count[~within].sum())
    concerned = np.unique(document[~within])
    first, count, document = first[within], count[within], document[within]
    index = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    left = unpack_pairs(keepers[index])[1]
    right = np.repeat(document, count)
    late = kept_in[left] > removed_in[right]
    later, earlier = unique_pairs(right[late], left[late])
    return verified_edges(verifier, earlier, later), num_skipped, concerned


def components(num_documents: int, edges: Edges) -> Int64Array:
    """Return the connected component of each document: the smallest number in it.

    Min-label hooking and pointer jumping: every edge hooks the larger root under the smaller, and
    all paths are halved, until no edge joins two roots.
    """
    label = np.arange(num_documents)
    left, right = edges.left, edges.right
    while len(left):
        a, b = label[left], label[right]
        open_ = a != b
        left, right, a, b = left[open_], right[open_], a[open_], b[open_]
        np.minimum.at(label, np.maximum(a, b), np.minimum(a, b))
        while True:
            up = label[label]
            if np.array_equal(up, label):
                break
            label = up
    return label
