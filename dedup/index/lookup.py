"""Candidates in the segments of an index, and which of them match, by exact Jaccard.

A batch is looked up as a whole: one search of the sorted entries for each band and segment. What is
read of a segment are the pages of these searches and the sets of the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dedup.index.document_segment import DocumentSegment
from dedup.index.incoming import Incoming, has_digest
from dedup.index.segment import DUPLICATE, REMOVED
from dedup.lsh.buckets import unique_pairs
from dedup.sketch.store import SetStore
from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import Int64Array
from dedup.text.shingles import runs
from dedup.verify import BELOW, Verifier

_PAIRS_TOGETHER = 1 << 20
_SHINGLES_TOGETHER = 1 << 22
_FEW = 8
"""Documents that are searched for one by one."""
EQUAL, NEAR = 0, 1


@dataclass
class Matches:
    """Matches of documents with stored ones: int64 arrays of one shape.

    Attributes
    ----------
    query : the document's place in its batch.
    segment, place, number : the stored document.
    common, union : shingles of both, and of either; both 1 where there are none (equal texts).
    kind : `EQUAL` sets (or texts without tokens), or `NEAR`.
    """

    query: Int64Array
    segment: Int64Array
    place: Int64Array
    number: Int64Array
    common: Int64Array
    union: Int64Array
    kind: Int64Array

    def __len__(self) -> int:
        return len(self.query)

    @property
    def jaccard(self) -> NDArray[np.float64]:
        """float64; 1 exactly for equal sets alone."""
        found: NDArray[np.float64] = self.common / self.union
        return found

    def take(self, chosen: Int64Array) -> Matches:
        """Return some of them."""
        return Matches(*(values[chosen] for values in self._columns()))

    def _columns(self) -> tuple[Int64Array, ...]:
        return (
            *(self.query, self.segment, self.place, self.number),
            *(self.common, self.union, self.kind),
        )

    @staticmethod
    def joined(pieces: Sequence[Matches]) -> Matches:
        """Join matches of one batch."""
        empty = np.zeros(0, np.int64)
        columns = zip(*(piece._columns() for piece in pieces), strict=True)
        joined = [np.concatenate(column) for column in columns] or [empty] * 7
        return Matches(*joined)

    def first_of_each(self) -> Matches:
        """Return the match of each document with the one that was stored first."""
        order = np.lexsort((self.number, self.query))
        first = np.ones(len(order), np.bool_)
        first[1:] = self.query[order][1:] != self.query[order][:-1]
        return self.take(order[first])

    def best_of_each(self, top: int) -> Matches:
        """Return each document's best matches, best first; equals by number."""
        order = np.lexsort((self.number, -self.jaccard, self.query))
        bounds = runs(self.query[order].view(np.uint64))
        rank = np.arange(len(order)) - np.repeat(bounds[:-1], np.diff(bounds))
        return self.take(order[rank < top])


@dataclass
class Lookup:
    """Looks batches up in segments.

    Parameters
    ----------
    keepers_only : whether documents that are duplicates of stored ones are passed over.
    limit : most stored documents that a document is compared with, the first ones.

    Attributes
    ----------
    num_compared : pairs that were compared shingle by shingle.
    num_skipped : candidates that `limit` left out.
    """

    threshold: Fraction
    keepers_only: bool
    limit: int | None = None
    num_compared: int = field(default=0, init=False)
    num_skipped: int = field(default=0, init=False)
    _left: Int64Array = field(init=False, repr=False)

    def matches(self, batch: Incoming, segments: Sequence[DocumentSegment]) -> Matches:
        """Return all matches of the batch's documents."""
        self._left = np.full(len(batch), self.limit or 0)
        searches = _Searches(batch)
        return Matches.joined(
            [
                self._judged(batch, segment, number, query, place)
                for number, segment in enumerate(segments)
                for query, place in self._candidates(searches, segment)
            ]
        )

    def _candidates(
        self, searches: _Searches, segment: DocumentSegment
    ) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Yield candidates (query, place), distinct, with all of a query together."""
        found = list(searches.found(segment))
        weights = np.zeros(len(searches.batch), np.int64)
        for _, query, first, last in found:
            weights[query] += last - first
        for low, high in weighed_chunks(weights, _PAIRS_TOGETHER):
            if not weights[low:high].any():
                continue
            queries, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
            for row, query, first, last in found:
                a, b = np.searchsorted(query, (low, high))
                counts = last[a:b] - first[a:b]
                shift = np.repeat(first[a:b] - (np.cumsum(counts) - counts), counts)
                places.append(segment.places(row, shift + np.arange(len(shift))))
                queries.append(np.repeat(query[a:b], counts))
            query, place = np.concatenate(queries), np.concatenate(places)
            unwanted = REMOVED | (DUPLICATE if self.keepers_only else 0)
            wanted = (segment.marks[place] & unwanted) == 0
            yield self._limited(*unique_pairs(query[wanted], place[wanted]))

    def _limited(self, query: Int64Array, place: Int64Array) -> tuple[Int64Array, Int64Array]:
        if self.limit is None:
            return query, place
        bounds = runs(query.view(np.uint64))
        rank = np.arange(len(query)) - np.repeat(bounds[:-1], np.diff(bounds))
        within = rank < self._left[query]
        self._left -= np.bincount(query[within], minlength=len(self._left))
        self.num_skipped += int((~within).sum())
        return query[within], place[within]

    def _judged(
        self,
        batch: Incoming,
        segment: DocumentSegment,
        number: int,
        query: Int64Array,
        place: Int64Array,
    ) -> Matches:
        """Return the candidates that match."""
        left, right = batch.sizes[query], segment.set_sizes(place)
        equal = (batch.digests[query] == segment.digests[place]).all(axis=1)
        common = np.where(equal, np.maximum(1, left), BELOW)
        if self.keepers_only:
            # What equals a keeper matches no other: the keeper would have removed that one.
            settled = np.zeros(len(batch), np.bool_)
            settled[query[equal]] = True
            open_ = np.flatnonzero(~settled[query])
        else:
            open_ = np.flatnonzero(~equal)
        for low, high in weighed_chunks(left[open_] + right[open_], _SHINGLES_TOGETHER):
            some = open_[low:high]
            common[some] = self._common(batch, segment, query[some], place[some])
        good = np.flatnonzero(common != BELOW)
        common = common[good]
        union = np.where(equal[good], common, left[good] + right[good] - common)
        return Matches(
            query=query[good],
            segment=np.full(len(good), number),
            place=place[good],
            number=np.asarray(segment.numbers[place[good]]),
            common=common,
            union=union,
            kind=np.where(equal[good], EQUAL, NEAR),
        )

    def _common(
        self, batch: Incoming, segment: DocumentSegment, query: Int64Array, place: Int64Array
    ) -> Int64Array:
        """Return the common shingles of pairs, `BELOW` below the threshold."""
        stored, which = np.unique(place, return_inverse=True)
        sets = SetStore(
            [batch.sets, segment.gather(stored)],
            np.concatenate([batch.sizes, segment.set_sizes(stored)]),
        )
        verifier = Verifier(sets, self.threshold, keeps_rejected=False)
        common = verifier.compare(query, which + len(batch))
        self.num_compared += verifier.num_compared
        return common


@dataclass(frozen=True)
class _Searches:
    """The searches of a batch, the same in every segment."""

    batch: Incoming

    @cached_property
    def compared(self) -> Int64Array:
        """Documents with a digest."""
        return np.flatnonzero(has_digest(self.batch.digests))

    @cached_property
    def with_set(self) -> Int64Array:
        """Those of them with a set, which have band keys."""
        return self.compared[self.batch.sizes[self.compared] > 0]

    @cached_property
    def one_by_one(self) -> list[tuple[Int64Array, list[int]]]:
        """Document, and its keys in the order of a segment's rows."""
        batch = self.batch
        return [
            (
                np.array([query]),
                [
                    int(batch.digests[query, 0]),
                    *(batch.keys[query].tolist() if query in self.with_set else ()),
                ],
            )
            for query in self.compared.tolist()
        ]

    def found(
        self, segment: DocumentSegment
    ) -> Iterator[tuple[int, Int64Array, Int64Array, Int64Array]]:
        """Yield (row, query, first, last): which documents have entries in a row, and where."""
        batch = self.batch
        if len(batch) <= _FEW:
            for query, keys in self.one_by_one:
                for row, *its_range in segment.ranges_of(keys, batch.key_bits):
                    first, last = np.array(its_range)[:, None]
                    yield row, query, first, last
            return
        for row in range(len(segment.entries)):
            asked = self.with_set if row else self.compared
            keys = batch.keys[asked, row - 1] if row else batch.digests[asked, 0]
            hits, first, last = segment.ranges(row, keys, batch.key_bits if row else 0)
            yield row, asked[hits], first, last
