"""Hot buckets: the candidate pairs of many documents, without comparing all with all.

A bucket of many mutually unlike documents (a template's pages) is banding's one quadratic case. Its
pairs are those that share a shingle among the rarest of both sets (`dedup.lsh.prefix`): the rare
shingles of unlike pages do not meet. The filter is exact, for it rules out only pairs that lie
below the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from dedup.lsh.buckets import (
    Buckets,
    all_pairs,
    pack_pairs,
    place_bits,
    unpack_pairs,
)
from dedup.lsh.meetings import Meetings, meeting_keys
from dedup.lsh.prefix import Prefixes, rare_prefixes
from dedup.sketch.store import SetStore
from dedup.spill.chunks import chunks, weighed_chunks
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.shingles import distinct

_CHUNK_TOKENS = 1 << 20
"""Prefix shingles of the buckets that are looked at together."""

_SLICE_TOKENS = 1 << 22
"""Prefix shingles of one bucket that are sorted at a time, about 40 bytes each."""

_CHUNK_HITS = 1 << 21
"""Shared prefix shingles that are listed at a time, about 80 bytes each."""

_HITS_PER_COMPARISON = 8
"""Shared prefix shingles that are looked at for each comparison a bucket may cost."""


class CappedBucket(NamedTuple):
    """A bucket that was cut short: its first document, its members, and those looked at."""

    first: int
    members: int
    looked_at: int


@dataclass(frozen=True)
class BucketPairs:
    """Pairs of one or more buckets, and what a cap left out.

    Attributes
    ----------
    pairs : uint64; packed (later, earlier), ascending and distinct.
    num_skipped : comparisons left out, as pairs of members (an upper bound).
    skipped_documents : int64; the documents whose comparisons with earlier ones were left out.
    capped : the buckets that were cut short.
    """

    pairs: UInt64Array
    num_skipped: int = 0
    skipped_documents: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    capped: list[CappedBucket] = field(default_factory=list)


def hot_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int, scratch: Scratch
) -> BucketPairs:
    """Return the pairs inside each bucket that could reach the threshold.

    A bucket with more than `max_comparisons` of them is cut short: its later members, in keeper
    order, stay uncompared with the others of this bucket, and are counted.
    """
    chosen = np.zeros(int(buckets.members.max(initial=-1)) + 1, np.bool_)
    chosen[buckets.members] = True
    prefixes = rare_prefixes(sets, np.flatnonzero(chosen), threshold, scratch)
    members = np.searchsorted(prefixes.documents, buckets.members)
    lengths = np.diff(prefixes.offsets)[members]
    weight = np.concatenate([[0], np.cumsum(lengths)])[buckets.offsets]
    found: list[UInt64Array] = [np.zeros(0, np.uint64)]
    skipped_documents = [np.zeros(0, np.int64)]
    capped: list[CappedBucket] = []
    num_skipped = 0
    for first, last in chunks(weight, _CHUNK_TOKENS):
        begin, end = buckets.offsets[first], buckets.offsets[last]
        sizes = buckets.sizes[first:last]
        pairs, kept = _chunk_pairs(
            members[begin:end], sizes, prefixes, sets, threshold, max_comparisons
        )
        found.append(pairs)
        over = np.flatnonzero(kept < sizes)
        num_skipped += int(
            (sizes[over] * (sizes[over] - 1) // 2 - kept[over] * (kept[over] - 1) // 2).sum()
        )
        for bucket in over.tolist():
            start, stop = buckets.offsets[first + bucket : first + bucket + 2].tolist()
            skipped_documents.append(buckets.members[start + int(kept[bucket]) : stop])
            lead = int(buckets.members[start])
            capped.append(CappedBucket(lead, stop - start, int(kept[bucket])))
    joined = np.concatenate(found)
    joined.sort()
    concerned = np.unique(np.concatenate(skipped_documents))
    return BucketPairs(distinct(joined), num_skipped, concerned, capped)


def _chunk_pairs(
    members: Int64Array,
    sizes: Int64Array,
    prefixes: Prefixes,
    sets: SetStore,
    threshold: Fraction,
    max_comparisons: int,
) -> tuple[UInt64Array, Int64Array]:
    """Return the pairs of a few buckets, and how many members of each were looked at.

    Like documents meet at many shingles, more than it costs to compare them. Such a bucket's pairs
    are all taken, without the filter, where the cap affords that; a larger one is halved until it
    does, or until its meetings are few enough.
    """
    affordable = (1 + math.isqrt(1 + 8 * max_comparisons)) // 2
    kept = sizes.copy()
    whole = np.zeros(len(sizes), np.bool_)
    while True:
        place = np.arange(len(members)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        looked_at = np.flatnonzero(place < np.repeat(kept, sizes))
        owner = np.repeat(np.arange(len(sizes)), kept)
        entries = members[looked_at]
        filtered = np.flatnonzero(~whole[owner])
        meetings = _Slices(entries[filtered], owner[filtered], prefixes)
        hits = np.zeros(len(sizes), np.int64)
        for some in meetings:
            first = owner[filtered[some.entries[some.bounds[:-1]]]]
            hits += np.bincount(first, some.num_hits, len(sizes)).astype(np.int64)
        num_pairs = kept * (kept - 1) // 2
        over = hits > _HITS_PER_COMPARISON * np.minimum(num_pairs, max_comparisons)
        if not over.any():
            break
        whole |= over & (num_pairs <= max_comparisons)
        cut = over & ~whole
        kept[cut] = np.maximum((kept[cut] + 1) // 2, affordable)
    if hits.sum() > _CHUNK_HITS and len(sizes) > 1:
        half = len(sizes) // 2
        edge = int(sizes[:half].sum())
        halves = [
            _chunk_pairs(some, of_sizes, prefixes, sets, threshold, max_comparisons)
            for some, of_sizes in ((members[:edge], sizes[:half]), (members[edge:], sizes[half:]))
        ]
        return np.concatenate([p for p, _ in halves]), np.concatenate([k for _, k in halves])
    size = sets.sizes[prefixes.documents[entries]]
    found = [all_pairs(Buckets.of([(np.flatnonzero(whole[owner]), kept[whole])]))]
    for some in meetings:
        for packed in some.pairs(size[filtered], threshold):
            later, earlier = unpack_pairs(packed)
            found.append(pack_pairs(filtered[later], filtered[earlier]))
    packed = np.concatenate(found)
    later, earlier = unpack_pairs(packed)
    a, b = size[later], size[earlier]
    fits = threshold.denominator * np.minimum(a, b) >= threshold.numerator * np.maximum(a, b)
    packed = packed[fits]
    packed.sort()
    packed = distinct(packed)
    later, _ = unpack_pairs(packed)
    return _cap(packed, owner[later], later, kept, entries, prefixes, max_comparisons)


class _Slices:
    """The members of each bucket that share a prefix shingle, slice of shingles by slice.

    Parameters
    ----------
    members : int64; places in `prefixes`, of one or more buckets.
    owner : int64, the same shape; the bucket of each.
    """

    def __init__(self, members: Int64Array, owner: Int64Array, prefixes: Prefixes) -> None:
        self._members = members
        self._owner = owner
        self._prefixes = prefixes
        self._lengths = prefixes.offsets[members + 1] - prefixes.offsets[members]
        self._num_slices = max(1, -(-int(self._lengths.sum()) // _SLICE_TOKENS))
        self._only: Meetings | None = None

    def __iter__(self) -> Iterator[Meetings]:
        if self._num_slices > 1:
            for number in range(self._num_slices):
                yield self._slice(number)
            return
        if self._only is None:
            self._only = self._slice(0)
        yield self._only

    def _slice(self, number: int) -> Meetings:
        bits = place_bits(len(self._members))
        keys = [np.zeros(0, np.uint64)]
        for first, last in weighed_chunks(self._lengths, _SLICE_TOKENS):
            some = slice(first, last)
            found = meeting_keys(
                self._prefixes,
                self._members[some],
                np.arange(first, last),
                self._owner[some],
                bits,
            )
            if self._num_slices > 1:
                below = found >> (bits + np.uint64(1))
                width = np.uint64(-(-(1 << (63 - int(bits))) // self._num_slices))
                found = found[below // width == number]
            keys.append(found)
        joined = np.concatenate(keys)
        joined.sort()
        return Meetings.of(joined, bits)


def _cap(
    packed: UInt64Array,
    bucket: Int64Array,
    later: Int64Array,
    kept: Int64Array,
    entries: Int64Array,
    prefixes: Prefixes,
    max_comparisons: int,
) -> tuple[UInt64Array, Int64Array]:
    """Cut each bucket's pairs off where they pass `max_comparisons`, in keeper order.

    `packed` is ascending by the later entry, and a bucket's entries are in keeper order.
    """
    counts = np.bincount(bucket, minlength=len(kept))
    first_pair = np.cumsum(counts) - counts
    first_entry = np.cumsum(kept) - kept
    within = np.ones(len(packed), np.bool_)
    for over in np.flatnonzero(counts > max_comparisons).tolist():
        cut = later[first_pair[over] + max_comparisons]  # this member is not finished
        begin = int(first_pair[over])
        within[begin : begin + int(counts[over])] = later[begin : begin + int(counts[over])] < cut
        kept[over] = cut - first_entry[over]
    packed = packed[within]
    documents = prefixes.documents[entries]
    high, low = unpack_pairs(packed)
    return pack_pairs(documents[high], documents[low]), kept
