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
from dedup.measures import edge_common, larger_first, measured, pairs_table
from dedup.schema import (
    CONTAINED,
    EQUAL,
    IDENTICAL,
    MEASURE_COLUMNS,
    NEAR,
    clusters_schema,
    decisions_schema,
)
from dedup.search import Search
from dedup.text.hashing import Int64Array

_MATCHES = pa.array([IDENTICAL, EQUAL, NEAR, CONTAINED])


@dataclass(frozen=True)
class Decisions:
    """What became of every document; arrays by position.

    Attributes
    ----------
    keeper : int64; the position of the keeper of the document's cluster, its own where it is one.
    measure : the run's.
    measured : float64, shape (measure's columns, documents); to that keeper, NaN where components
        never measured it: Jaccard and, by containment, the share that the keeper contains.
    match : int8; 0 identical, 1 equal, 2 near, 3 contained: to (in) that keeper.
    removed_by : int64; the keeper that removes the document, itself where it is kept. Differs from
        `keeper` with components only, which annotate and never remove.
    """

    keeper: Int64Array
    measure: str
    measured: NDArray[np.float64]
    match: NDArray[np.int8]
    removed_by: Int64Array

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """float64: to the keeper, NaN where components never measured it."""
        jaccard: NDArray[np.float64] = self.measured[0]
        return jaccard

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
    same = search.lead[keeper] == search.lead
    other = np.flatnonzero(~same)
    left, right = unit[keeper[other]], unit[other]
    common = edge_common(search, left, right)
    measure = search.verifier.measure
    values = np.ones((len(MEASURE_COLUMNS[measure]), len(keeper)))
    values[:, other] = measured(search, left, right, common)
    order = search.order
    texts = corpus.text_digests[order]
    identical = (texts == texts[keeper]).all(axis=1)
    match = np.where(identical, 0, np.where(same, 1, 2)).astype(np.int8)
    if measure == "containment":
        is_near = search.verifier.near(left, right, common)  # never where they have -1 in common
        match[other[~is_near]] = 3
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Decisions(
        order[keeper][back], measure, values[:, back], match[back], order[removed_by][back]
    )


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


def clusters_table(corpus: Corpus, decisions: Decisions) -> pa.Table:
    """Return the clusters of two or more documents, sorted by cluster, keeper first."""
    keeper = decisions.keeper
    members = np.flatnonzero(decisions.cluster_size >= 2)
    is_keeper = keeper[members] == members
    members = members[np.lexsort((members, ~is_keeper, keeper[members]))]
    ids = corpus.columns["doc_id"]
    sources = np.searchsorted(corpus.file_offsets, members, side="right") - 1
    names = pa.array([file.name for file in corpus.files], pa.string())
    return pa.Table.from_arrays(
        [
            ids.take(pa.array(members)),
            pa.DictionaryArray.from_arrays(pa.array(sources, pa.int32()), names),
            members,
            keeper[members],
            decisions.cluster_size[members],
            keeper[members] == members,
            ids.take(pa.array(keeper[members])),
            *_nullable(decisions.measured[:, members]),
            pa.DictionaryArray.from_arrays(
                pa.array(decisions.match[members], pa.int32()), _MATCHES
            ),
        ],
        schema=clusters_schema(ids.type, decisions.measure),
    )


def _nullable(
    measured: NDArray[np.float64], masked: NDArray[np.bool_] | bool = False
) -> list[pa.Array]:
    return [pa.array(values, mask=masked | np.isnan(values)) for values in measured]


def decisions_table(corpus: Corpus, decisions: Decisions) -> pa.Table:
    """Return a row for each document: the columns that annotated copies of the input gain."""
    ids = corpus.columns["doc_id"]
    alone = decisions.cluster_size == 1
    return pa.Table.from_arrays(
        [
            pa.array(decisions.keeper, mask=alone),
            decisions.keeper == np.arange(len(decisions.keeper)),
            ids.take(pa.array(decisions.keeper, mask=alone)),
            *_nullable(decisions.measured, alone),
        ],
        schema=decisions_schema(ids.type, decisions.measure),
    )


def decided_pairs(corpus: Corpus, search: Search, decisions: Decisions) -> pa.Table:
    """Return each removed document with the keeper that removes it."""
    removed = np.flatnonzero(decisions.removed)
    rank = np.empty_like(search.order)
    rank[search.order] = np.arange(len(rank))
    unit = _unit_of_rank(search)
    left, right = rank[decisions.removed_by[removed]], rank[removed]
    other = np.flatnonzero(search.lead[left] != search.lead[right])
    left, right = unit[left[other]], unit[right[other]]
    values = np.ones((len(decisions.measured), len(removed)))
    values[:, other] = measured(search, left, right, edge_common(search, left, right))
    keepers = decisions.removed_by[removed]
    return _sorted_pairs(pairs_table(corpus, decisions.measure, keepers, removed, values))


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
    if search.verifier.measure == "containment":
        edges = larger_first(search, edges)
    left, right, edge = _edge_groups(groups, unit_ranks, edges)
    values = measured(search, edges.left, edges.right, edges.common)
    inner_left, inner_right = groups.inner_pairs()
    table = pairs_table(
        corpus,
        search.verifier.measure,
        search.order[np.concatenate([left, inner_left])],
        search.order[np.concatenate([right, inner_right])],
        np.concatenate([values[:, edge], np.ones((len(values), len(inner_left)))], axis=1),
    )
    sizes = groups.sizes
    total = int((sizes * (sizes - 1) // 2).sum())
    by_rank = groups.size_of_rank
    total += int((by_rank[unit_ranks[edges.left]] * by_rank[unit_ranks[edges.right]]).sum())
    return _sorted_pairs(table), total - len(table)


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


def _sorted_pairs(table: pa.Table) -> pa.Table:
    return table.sort_by([("left_position", "ascending"), ("right_position", "ascending")])
