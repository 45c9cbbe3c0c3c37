"""The pairs table: what decided, or all verified pairs, made some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np
import pyarrow as pa

from dedup.corpus import Listed
from dedup.decisions import Decisions
from dedup.edges import EdgeStore
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.outcome import Outcome
from dedup.output.measures import EQUAL_SETS, pairs_table
from dedup.output.schema import pairs_schema
from dedup.output.tables import in_rows
from dedup.spill.chunks import weighed_chunks
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

_BLOCK = 1 << 20
_PAIRS_TOGETHER = 1 << 20


@dataclass
class Pairs:
    """The rows of the pairs table, sorted by position.

    Attributes
    ----------
    num_omitted : pairs of equal documents that were left out.
    """

    corpus: Listed
    measure: str
    runs: SortedRuns
    num_rows: int = 0
    num_omitted: int = 0

    def add(self, left: Int64Array, right: Int64Array, common: Int64Array) -> None:
        """Add pairs of positions, by containment the right one in the left.

        Other measures have no direction: their pairs stand as in the input. `common` is as for
        `measured`.
        """
        if self.measure != "containment":
            left, right = np.minimum(left, right), np.maximum(left, right)
        self.runs.add(pack_pairs(left, right), common)
        self.num_rows += len(left)

    @property
    def schema(self) -> pa.Schema:
        """The table's schema."""
        return pairs_schema(self.corpus.ids.type, self.measure)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows, a row group at a time."""
        for rows in in_rows(
            np.stack([keys.view(np.int64), c], 1) for keys, c in self.runs.with_values()
        ):
            left, right = unpack_pairs(rows[:, 0].copy().view(np.uint64))
            yield pairs_table(self.corpus, self.measure, left, right, rows[:, 1])


def decided_pairs(corpus: Listed, search: Outcome, decisions: Decisions, scratch: Scratch) -> Pairs:
    """Return each document that a keeper matches with the first such keeper."""
    pairs = Pairs(corpus, search.measure, SortedRuns(scratch, valued=True))
    for start in range(0, len(corpus), _BLOCK):
        keeper = decisions.removed_by[start : start + _BLOCK]
        matched = np.flatnonzero(keeper != np.arange(start, start + len(keeper))) + start
        pairs.add(decisions.removed_by[matched], matched, decisions.removed_common[matched])
    return pairs


def all_verified_pairs(
    corpus: Listed, search: Outcome, edges: EdgeStore, max_comparisons: int, scratch: Scratch
) -> Pairs:
    """Return every verified pair, documents with equal digests expanded.

    Of a group of equal documents too large for `max_comparisons` pairs, only the first members in
    keeper order are paired with all, the others with the first alone.
    """
    pairs = Pairs(corpus, search.measure, SortedRuns(scratch, valued=True))
    groups = _Groups(search.lead, max_comparisons, scratch)
    total = 0
    for some in edges:
        some = search.directed(some)
        first, second = search.units[some.left], search.units[some.right]
        total += int((groups.size_of_rank[first] * groups.size_of_rank[second]).sum())
        for left, right, edge in groups.expanded(first, second):
            pairs.add(search.order[left], search.order[right], some.common[edge])
    for left, right in groups.inner_pairs():
        pairs.add(search.order[left], search.order[right], np.full(len(left), EQUAL_SETS))
    total += groups.num_inner_pairs
    pairs.num_omitted = total - pairs.num_rows
    return pairs


class _Groups:
    """Ranks with equal digests, group by group, each group's first rank first."""

    def __init__(self, lead: Int64Array, max_comparisons: int, scratch: Scratch) -> None:
        self.members = scratch.held(np.argsort(lead, kind="stable"))
        self.size_of_rank = scratch.held(np.bincount(lead, minlength=len(lead)))
        # A lead is the first of its group, and groups stand in the order of their leads.
        self.start_of_rank = scratch.held(np.cumsum(self.size_of_rank) - self.size_of_rank)
        self.full = max(2, (1 + isqrt(1 + 8 * max_comparisons)) // 2)
        """Members of a group that are paired with all others."""

    @property
    def num_inner_pairs(self) -> int:
        """Pairs inside groups."""
        return int((self.size_of_rank * (self.size_of_rank - 1) // 2).sum())

    def inner_pairs(self) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Yield pairs inside groups."""
        heads = np.flatnonzero(self.size_of_rank >= 2)
        sizes = self.size_of_rank[heads]
        for size in np.unique(sizes).tolist():
            starts = self.start_of_rank[heads[sizes == size]]
            full = min(size, self.full)
            a, b = np.triu_indices(full, 1)
            a = np.concatenate([a, np.zeros(size - full, np.int64)])
            b = np.concatenate([b, np.arange(full, size)])
            step = max(1, _PAIRS_TOGETHER // len(a))
            for first in range(0, len(starts), step):
                some = starts[first : first + step, None]
                yield self.members[some + a].ravel(), self.members[some + b].ravel()

    def expanded(
        self, first: Int64Array, second: Int64Array
    ) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
        """Expand edges between groups, given by their leads, to pairs of their members.

        Of two large groups, the first of the left one alone meets all of the right one.

        Yields
        ------
        left, right : ranks.
        edge : the place of each pair's edge.
        """
        a_size, b_size = self.size_of_rank[first], self.size_of_rank[second]
        small = (a_size <= self.full) & (b_size <= self.full)
        counts = np.where(small, a_size, 1) * b_size
        for start, stop in weighed_chunks(counts, _PAIRS_TOGETHER):
            some = counts[start:stop]
            edge = np.repeat(np.arange(start, stop), some)
            inside = np.arange(len(edge)) - np.repeat(np.cumsum(some) - some, some)
            width = b_size[edge]
            left = self.members[self.start_of_rank[first[edge]] + inside // width]
            right = self.members[self.start_of_rank[second[edge]] + inside % width]
            yield left, right, edge
