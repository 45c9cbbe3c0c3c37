"""What the search found, back in positions and the user's ids: the clusters and pairs tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.cluster import Edges
from dedup.corpus import Corpus
from dedup.lsh.buckets import pack_pairs
from dedup.schema import (
    EQUAL,
    IDENTICAL,
    NEAR,
    clusters_schema,
    decisions_schema,
    pairs_schema,
)
from dedup.search import Search
from dedup.text.hashing import Int64Array

_MATCHES = pa.array([IDENTICAL, EQUAL, NEAR])


@dataclass(frozen=True)
class Decisions:
    """What became of every document; arrays by position.

    Attributes
    ----------
    keeper : int64; the position of the keeper of the document's cluster, its own where it is one.
    jaccard : float64; to that keeper, NaN where components never measured it.
    match : int8; 0 identical, 1 equal, 2 near: to that keeper.
    removed_by : int64; the keeper that removes the document, itself where it is kept. Differs from
        `keeper` with components only, which annotate and never remove.
    """

    keeper: Int64Array
    jaccard: NDArray[np.float64]
    match: NDArray[np.int8]
    removed_by: Int64Array

    @cached_property
    def removed(self) -> NDArray[np.bool_]:
        """bool: whether the document is removed."""
        removed: NDArray[np.bool_] = self.removed_by != np.arange(len(self.removed_by))
        return removed

    @cached_property
    def cluster_size(self) -> Int64Array:
        """int64: documents in the document's cluster."""
        return np.bincount(self.keeper, minlength=len(self.keeper))[self.keeper]


def decide(corpus: Corpus, search: Search) -> Decisions:
    """Carry the search's answer from units back to all documents."""
    unit = _unit_of_rank(search)
    removed_by = _keeper_rank(search, unit, search.clusters.keeper)
    keeper = removed_by
    if search.label is not None:
        keeper = _keeper_rank(search, unit, search.label)
    jaccard = np.full(len(keeper), np.nan)
    same = search.lead[keeper] == search.lead
    jaccard[same] = 1.0
    other = np.flatnonzero(~same)
    jaccard[other] = _edge_jaccard(search, unit[keeper[other]], unit[other])
    order = search.order
    texts = corpus.text_digests[order]
    identical = (texts == texts[keeper]).all(axis=1)
    match = np.where(identical, 0, np.where(same, 1, 2)).astype(np.int8)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Decisions(order[keeper][back], jaccard[back], match[back], order[removed_by][back])


def _unit_of_rank(search: Search) -> Int64Array:
    """Return the unit of each rank, -1 for documents without a token."""
    index = np.full(len(search.order), -1)
    index[search.units] = np.arange(len(search.units))
    return index[search.lead]


def _keeper_rank(search: Search, unit: Int64Array, keeper: Int64Array) -> Int64Array:
    """Return the rank of each rank's keeper, given the keeper of each unit."""
    found = search.lead.copy()
    has = unit >= 0
    found[has] = search.units[keeper[unit[has]]]
    return found


def _edge_jaccard(search: Search, left: Int64Array, right: Int64Array) -> NDArray[np.float64]:
    """Return the Jaccard similarity of known edges, NaN for pairs that are none."""
    edges = search.clusters.edges
    known = pack_pairs(edges.right, edges.left)  # ascending: edges are sorted so
    wanted = pack_pairs(right, left)
    place = np.searchsorted(known, wanted)
    found = np.zeros(len(wanted), np.bool_)
    inside = place < len(known)
    found[inside] = known[place[inside]] == wanted[inside]
    result = np.full(len(wanted), np.nan)
    place = place[found]
    result[found] = search.verifier.jaccard(left[found], right[found], edges.common[place])
    return result


def clusters_table(corpus: Corpus, decisions: Decisions) -> pa.Table:
    """Return the clusters of two or more documents, sorted by cluster, keeper first."""
    keeper = decisions.keeper
    members = np.flatnonzero(decisions.cluster_size >= 2)
    is_keeper = keeper[members] == members
    members = members[np.lexsort((members, ~is_keeper, keeper[members]))]
    ids = corpus.columns["doc_id"]
    sources = np.searchsorted(corpus.file_offsets, members, side="right") - 1
    names = pa.array([file.name for file in corpus.files], pa.string())
    jaccard = decisions.jaccard[members]
    return pa.Table.from_arrays(
        [
            ids.take(pa.array(members)),
            pa.DictionaryArray.from_arrays(pa.array(sources, pa.int32()), names),
            members,
            keeper[members],
            decisions.cluster_size[members],
            keeper[members] == members,
            ids.take(pa.array(keeper[members])),
            pa.array(jaccard, mask=np.isnan(jaccard)),
            pa.DictionaryArray.from_arrays(
                pa.array(decisions.match[members], pa.int32()), _MATCHES
            ),
        ],
        schema=clusters_schema(ids.type),
    )


def decisions_table(corpus: Corpus, decisions: Decisions) -> pa.Table:
    """Return a row for each document: the columns that annotated copies of the input gain."""
    ids = corpus.columns["doc_id"]
    alone = decisions.cluster_size == 1
    return pa.Table.from_arrays(
        [
            pa.array(decisions.keeper, mask=alone),
            decisions.keeper == np.arange(len(decisions.keeper)),
            ids.take(pa.array(decisions.keeper, mask=alone)),
            pa.array(decisions.jaccard, mask=alone | np.isnan(decisions.jaccard)),
        ],
        schema=decisions_schema(ids.type),
    )


def decided_pairs(corpus: Corpus, search: Search, decisions: Decisions) -> pa.Table:
    """Return each removed document with the keeper that removes it."""
    removed = np.flatnonzero(decisions.removed)
    rank = np.empty_like(search.order)
    rank[search.order] = np.arange(len(rank))
    unit = _unit_of_rank(search)
    left, right = rank[decisions.removed_by[removed]], rank[removed]
    same = search.lead[left] == search.lead[right]
    jaccard = np.ones(len(removed))
    jaccard[~same] = _edge_jaccard(search, unit[left[~same]], unit[right[~same]])
    return _pairs_table(corpus, decisions.removed_by[removed], removed, jaccard)


def all_verified_pairs(
    corpus: Corpus, search: Search, max_comparisons: int
) -> tuple[pa.Table, int]:
    """Return every verified pair, documents with equal digests expanded.

    Of a group of equal documents too large for `max_comparisons` pairs, only the first members in
    keeper order are paired with all, the others with the first alone.

    Returns
    -------
    table : as `pairs_schema` has it.
    num_omitted : pairs left out so.
    """
    groups = _Groups(search, max_comparisons)
    unit_ranks = search.units
    edges = search.clusters.edges
    kept = _edge_groups(groups, unit_ranks, edges)
    left, right, edge = kept
    jaccards = search.verifier.jaccard(edges.left, edges.right, edges.common)
    inner_left, inner_right = groups.inner_pairs()
    table = _pairs_table(
        corpus,
        search.order[np.concatenate([left, inner_left])],
        search.order[np.concatenate([right, inner_right])],
        np.concatenate([jaccards[edge], np.ones(len(inner_left))]),
    )
    sizes = groups.sizes
    total = int((sizes * (sizes - 1) // 2).sum())
    by_rank = groups.size_of_rank
    total += int((by_rank[unit_ranks[edges.left]] * by_rank[unit_ranks[edges.right]]).sum())
    return table, total - len(table)


class _Groups:
    """Ranks with equal digests, group by group, each group's first rank first."""

    def __init__(self, search: Search, max_comparisons: int) -> None:
        lead = search.lead
        self.members = np.argsort(lead, kind="stable")
        self.size_of_rank = np.bincount(lead, minlength=len(lead))
        heads = np.flatnonzero(self.size_of_rank)
        self.sizes = self.size_of_rank[heads]
        self.start_of_rank = np.zeros(len(lead), np.int64)
        self.start_of_rank[heads] = np.cumsum(self.sizes) - self.sizes
        self.heads = heads
        self.full = max(2, (1 + isqrt(1 + 8 * max_comparisons)) // 2)
        """Members of a group that are paired with all others."""

    def inner_pairs(self) -> tuple[Int64Array, Int64Array]:
        """Return the pairs inside groups."""
        empty = np.zeros(0, np.int64)
        left, right = [empty], [empty]
        for size in np.unique(self.sizes[self.sizes >= 2]).tolist():
            starts = self.start_of_rank[self.heads[self.sizes == size]]
            full = min(size, self.full)
            a, b = np.triu_indices(full, 1)
            rest = np.arange(full, size)
            a = np.concatenate([a, np.zeros(size - full, np.int64)])
            b = np.concatenate([b, rest])
            left.append(self.members[starts[:, None] + a].ravel())
            right.append(self.members[starts[:, None] + b].ravel())
        return np.concatenate(left), np.concatenate(right)


def _edge_groups(
    groups: _Groups, unit_ranks: Int64Array, edges: Edges
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Expand edges between units to all pairs of their groups' members.

    Returns left rank, right rank, edge. Of two large groups, the first `full` of one meet the first
    of the other, and so do all of the others with the first of the other group.
    """
    first, second = unit_ranks[edges.left], unit_ranks[edges.right]
    a_size, b_size = groups.size_of_rank[first], groups.size_of_rank[second]
    small = (a_size <= groups.full) & (b_size <= groups.full)
    a_used = np.where(small, a_size, 1)  # else the first of the left group meets all of the right
    counts = a_used * b_size
    edge = np.repeat(np.arange(len(counts)), counts)
    inside = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = b_size[edge]
    left = groups.members[groups.start_of_rank[first[edge]] + inside // width]
    right = groups.members[groups.start_of_rank[second[edge]] + inside % width]
    return left, right, edge


def _pairs_table(
    corpus: Corpus, one: Int64Array, other: Int64Array, jaccard: NDArray[np.float64]
) -> pa.Table:
    left, right = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((right, left))
    left, right, jaccard = left[order], right[order], jaccard[order]
    ids = corpus.columns["doc_id"]
    return pa.Table.from_arrays(
        [ids.take(pa.array(left)), ids.take(pa.array(right)), jaccard, left, right],
        schema=pairs_schema(ids.type),
    )
