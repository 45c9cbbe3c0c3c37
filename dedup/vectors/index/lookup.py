"""Candidates in the segments of an index of vectors, and their exact values.

What is read of a segment are the pages of the searches in its tables, and the candidates' vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dedup.index.segment import DUPLICATE, REMOVED
from dedup.lsh.buckets import pack_pairs, unpack_pairs
from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import Int64Array
from dedup.text.shingles import runs
from dedup.vectors.families.base import Float64Array, UInt32Array
from dedup.vectors.index.incoming import VectorBatch
from dedup.vectors.index.segment import KEY_SHIFT, VectorSegment
from dedup.vectors.store import BLOCK_VALUES, values_of_pairs

_ENTRIES_TOGETHER = 1 << 20
_ROUNDING = 1e-9
_FEW = 8
"""Vectors that are searched for one by one."""

_Range = tuple[int, Int64Array, Int64Array, Int64Array]
"""Table; queries that have entries there, ascending; and where these begin and end."""


@dataclass(frozen=True)
class Candidates:
    """Stored vectors that share buckets with those that come: int64 arrays of one shape.

    Attributes
    ----------
    query : the vector's place in its batch.
    segment, place, number : the stored vector.
    votes : tables in which they share a bucket.
    """

    query: Int64Array
    segment: Int64Array
    place: Int64Array
    number: Int64Array
    votes: Int64Array

    def __len__(self) -> int:
        return len(self.query)

    def take(self, chosen: Int64Array) -> Candidates:
        """Return some of them."""
        return Candidates(*(column[chosen] for column in self._columns()))

    def _columns(self) -> tuple[Int64Array, ...]:
        return (self.query, self.segment, self.place, self.number, self.votes)

    @staticmethod
    def joined(pieces: Sequence[Candidates]) -> Candidates:
        """Join candidates of one batch."""
        columns = zip(*(piece._columns() for piece in pieces), strict=True)
        joined = [np.concatenate(column) for column in columns]
        return Candidates(*joined or [np.zeros(0, np.int64)] * 5)

    def first_of_each(self) -> Int64Array:
        """Return of each query that one which was stored first; places among these."""
        order = np.lexsort((self.number, self.query))
        return order[rank_in_group(self.query[order]) < 1]

    def most_votes(self, limit: int) -> Candidates:
        """Return of each query those that share most tables; of equals, those stored first."""
        order = np.lexsort((self.number, -self.votes, self.query))
        return self.take(order[rank_in_group(self.query[order]) < limit])


def rank_in_group(groups: Int64Array) -> Int64Array:
    """Return the place of each in its group of equal neighbours."""
    bounds = runs(groups.view(np.uint64))
    ranks: Int64Array = np.arange(len(groups)) - np.repeat(bounds[:-1], np.diff(bounds))
    return ranks


def candidates(
    keys: UInt32Array,
    segments: Sequence[VectorSegment],
    min_tables: int,
    *,
    keepers_only: bool,
) -> Iterator[Candidates]:
    """Yield the candidates of vectors, all of a vector together, in pieces that fit the memory.

    Parameters
    ----------
    keys : shape (1 + probes, tables, vectors); see `Hasher.keys`.
    min_tables : in which a candidate shares a bucket, at least.
    keepers_only : whether duplicates of stored vectors are passed over.
    """
    unwanted = REMOVED | (DUPLICATE if keepers_only else 0)
    found = [list(_ranges(keys, segment)) for segment in segments]
    weights = np.zeros(keys.shape[2], np.int64)
    for _, query, first, last in (one for ranges in found for one in ranges):
        weights[query] += last - first
    for low, high in weighed_chunks(weights, _ENTRIES_TOGETHER):
        if weights[low:high].any():
            yield Candidates.joined(
                [
                    _in_segment(number, segment, ranges, (low, high), unwanted, min_tables)
                    for number, (segment, ranges) in enumerate(zip(segments, found, strict=True))
                ]
            )


def _ranges(keys: UInt32Array, segment: VectorSegment) -> Iterator[_Range]:
    """Search all keys in a segment; the neighbouring buckets are searched like the own ones."""
    for shifted in keys.astype(np.uint64) << KEY_SHIFT:
        if shifted.shape[1] <= _FEW:
            for query in range(shifted.shape[1]):
                for table, *its_range in segment.ranges_of(shifted[:, query].tolist(), 0):
                    first, last = np.array(its_range)[:, None]
                    yield table, np.array([query]), first, last
            continue
        for table, its_keys in enumerate(shifted):
            yield table, *segment.ranges(table, its_keys, 0)


def _in_segment(
    number: int,
    segment: VectorSegment,
    ranges: Sequence[_Range],
    queries: tuple[int, int],
    unwanted: int,
    min_tables: int,
) -> Candidates:
    """Return the candidates of some queries in one segment."""
    packed = [np.zeros(0, np.uint64)]
    for table, query, first, last in ranges:
        some = slice(*np.searchsorted(query, queries))
        places, counts = segment.places_in(table, first[some], last[some])
        packed.append(pack_pairs(np.repeat(query[some], counts), places))
    pairs = np.concatenate(packed)
    pairs.sort()
    bounds = runs(pairs)
    votes = np.diff(bounds)
    query, place = unpack_pairs(pairs[bounds[:-1]])
    wanted = np.flatnonzero(((segment.marks[place] & unwanted) == 0) & (votes >= min_tables))
    place = place[wanted]
    return Candidates(
        query=query[wanted],
        segment=np.full(len(place), number),
        place=place,
        number=np.asarray(segment.numbers[place]),
        votes=votes[wanted],
    )


def exact_values(
    batch: VectorBatch, found: Candidates, segments: Sequence[VectorSegment], measure: str
) -> Float64Array:
    """Return the cosines, or distances, of queries and candidates; float64, 1 or 0 of copies."""
    result = np.empty(len(found), np.float64)
    step = max(1, BLOCK_VALUES // batch.values.shape[1])
    for number in np.unique(found.segment).tolist():
        its, segment = np.flatnonzero(found.segment == number), segments[number]
        for first in range(0, len(its), step):
            piece = its[first : first + step]
            query, place = found.query[piece], found.place[piece]
            left, right = batch.values[query], segment.values[place]
            value = values_of_pairs(measure, left, right, batch.norms[query], segment.norms[place])
            if measure == "cosine":
                # Of copies, float64 may give a little less: not enough for the threshold 1.
                close = np.flatnonzero(value > 1 - _ROUNDING)
                value[close[(left[close] == right[close]).all(axis=1)]] = 1.0
            result[piece] = value
    return result
