"""The prefix filter: candidate pairs of a hot bucket, without comparing all with all.

A bucket of many mutually unlike documents (a template's pages) is banding's one quadratic case.
Order all shingles from rare to common: a pair at the threshold then shares a shingle among the
first few of both sets, and the few rare shingles of unlike pages do not meet. The filter is exact:
it rules out only pairs that lie below the threshold.

References
----------
Chaudhuri, Ganti, Kaushik (2006), A primitive operator for similarity joins. Bayardo, Ma, Srikant
(2007), Scaling up all pairs similarity search. Xiao, Wang, Lin, Yu (2008), Efficient similarity
joins for near duplicate detection (the shorter prefix of the smaller set).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.chunks import chunks
from dedup.lsh.buckets import Buckets, all_pairs, pack_pairs, unpack_pairs
from dedup.sketch.store import SetStore
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array, mix64_array
from dedup.text.shingles import HASH_MASK, distinct, runs

_COUNTER_BITS = 22
_LEVEL_BITS = 6
_CHUNK_DOCUMENTS = 1 << (64 - HASH_BITS - _LEVEL_BITS)
_CHUNK_ENTRIES = 1 << 20
_CHUNK_HITS = 1 << 21
"""Shared prefix shingles that are listed at a time, about 80 bytes each."""

_HITS_PER_COMPARISON = 8
"""Shared prefix shingles that are looked at for each comparison a bucket may cost."""


@dataclass(frozen=True)
class Prefixes:
    """The rarest shingles of each document, in one order for all.

    Attributes
    ----------
    documents : int64, ascending; the documents these prefixes belong to.
    tokens : uint64; the prefixes, one after the other.
    indexed : bool; whether the shingle also stands in the shorter prefix, enough for a partner that
        is no smaller than the document itself.
    offsets : int64, shape (documents + 1,).
    """

    documents: Int64Array
    tokens: UInt64Array
    indexed: NDArray[np.bool_]
    offsets: Int64Array


def prefix_lengths(sizes: Int64Array, threshold: Fraction) -> tuple[Int64Array, Int64Array]:
    """Return how many of its rarest shingles a document needs, for any partner and a larger one.

    With t the threshold: n - ceil(t n) + 1, and n - ceil(2t / (1 + t) n) + 1.
    """
    num, den = threshold.numerator, threshold.denominator
    probe = sizes + (-num * sizes) // den + 1
    index = sizes + (-2 * num * sizes) // (den + num) + 1
    return probe, index


def rare_prefixes(sets: SetStore, documents: Int64Array, threshold: Fraction) -> Prefixes:
    """Order the shingles of `documents` from rare to common and keep each one's prefix.

    Counts are kept in 2**22 counters by hash and in 64 steps: any order that is the same for all
    documents is correct, a truer one is only faster.
    """
    counters = np.zeros(1 << _COUNTER_BITS, np.int64)
    shift = np.uint64(HASH_BITS - _COUNTER_BITS)
    for first in range(0, len(documents), _CHUNK_DOCUMENTS * 64):
        values = sets.gather(documents[first : first + _CHUNK_DOCUMENTS * 64])
        counters += np.bincount((values >> shift).view(np.int64), minlength=len(counters))
    levels = np.minimum(3 * np.log2(np.maximum(counters, 1)), (1 << _LEVEL_BITS) - 1)
    level = levels.astype(np.uint64) << np.uint64(HASH_BITS)
    probe, index = prefix_lengths(sets.sizes[documents], threshold)
    offsets = np.concatenate([[0], np.cumsum(probe)])
    tokens = np.empty(int(offsets[-1]), np.uint64)
    for first in range(0, len(documents), _CHUNK_DOCUMENTS):
        last = min(first + _CHUNK_DOCUMENTS, len(documents))
        sizes = sets.sizes[documents[first:last]]
        values = sets.gather(documents[first:last])
        values |= level[(values >> shift).view(np.int64)]
        slots = np.arange(last - first, dtype=np.uint64) << np.uint64(HASH_BITS + _LEVEL_BITS)
        values |= np.repeat(slots, sizes)
        values.sort()
        starts = np.cumsum(sizes) - sizes
        place = np.arange(len(values)) - np.repeat(starts, sizes)
        kept = place < np.repeat(probe[first:last], sizes)
        tokens[offsets[first] : offsets[last]] = values[kept] & HASH_MASK
    place = np.arange(len(tokens)) - np.repeat(offsets[:-1], probe)
    return Prefixes(documents, tokens, place < np.repeat(index, probe), offsets)


@dataclass(frozen=True)
class BucketPairs:
    """Pairs of one or more buckets, and what a cap left out.

    Attributes
    ----------
    pairs : uint64; packed (later, earlier), ascending and distinct.
    num_skipped : comparisons left out, as pairs of members (an upper bound).
    skipped_documents : int64; the documents whose comparisons with earlier ones were left out.
    """

    pairs: UInt64Array
    num_skipped: int
    skipped_documents: Int64Array


def prefix_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int
) -> BucketPairs:
    """Return the pairs inside each bucket that could reach the threshold.

    A bucket with more than `max_comparisons` of them is cut short: its later members, in keeper
    order, stay uncompared with the others of this bucket, and are counted.
    """
    chosen = np.zeros(int(buckets.members.max(initial=-1)) + 1, np.bool_)
    chosen[buckets.members] = True
    prefixes = rare_prefixes(sets, np.flatnonzero(chosen), threshold)
    members = np.searchsorted(prefixes.documents, buckets.members)
    lengths = np.diff(prefixes.offsets)[members]
    weight = np.concatenate([[0], np.cumsum(lengths)])[buckets.offsets]
    found: list[UInt64Array] = [np.zeros(0, np.uint64)]
    skipped_documents = [np.zeros(0, np.int64)]
    num_skipped = 0
    for first, last in chunks(weight, _CHUNK_ENTRIES):
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
    joined = np.concatenate(found)
    joined.sort()
    concerned = np.unique(np.concatenate(skipped_documents))
    return BucketPairs(distinct(joined), num_skipped, concerned)


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
        order, bounds, num_indexed = _meetings(entries[filtered], owner[filtered], prefixes)
        order = filtered[order]
        lengths = np.diff(bounds)
        hits = np.bincount(
            owner[order[bounds[:-1]]], weights=num_indexed * (lengths - 1), minlength=len(sizes)
        )
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
    # Each indexed entry of a run meets every entry of the run.
    starts = np.repeat(bounds[:-1], num_indexed)
    reach = np.repeat(lengths, num_indexed)
    place = np.arange(len(starts)) - np.repeat(np.cumsum(num_indexed) - num_indexed, num_indexed)
    smaller = np.repeat(order[starts + place], reach)
    inside = np.arange(len(smaller)) - np.repeat(np.cumsum(reach) - reach, reach)
    larger = order[np.repeat(starts, reach) + inside]
    size = sets.sizes[prefixes.documents[entries]]
    fits = (size[smaller] <= size[larger]) & (smaller != larger)
    smaller, larger = smaller[fits], larger[fits]
    packed = np.concatenate(
        [
            pack_pairs(np.maximum(smaller, larger), np.minimum(smaller, larger)),
            all_pairs(Buckets.of([(np.flatnonzero(whole[owner]), kept[whole])])),
        ]
    )
    later, earlier = unpack_pairs(packed)
    a, b = size[later], size[earlier]
    fits = threshold.denominator * np.minimum(a, b) >= threshold.numerator * np.maximum(a, b)
    packed = packed[fits]
    packed.sort()
    packed = distinct(packed)
    later, _ = unpack_pairs(packed)
    return _cap(packed, owner[later], later, kept, entries, prefixes, max_comparisons)


def _meetings(
    entries: Int64Array, owner: Int64Array, prefixes: Prefixes
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Bring together the members of a bucket that share a prefix shingle.

    Returns
    -------
    order : the entry of each (bucket, shingle) occurrence; runs hold the indexed ones first.
    bounds : where the runs start, and the end.
    num_indexed : indexed occurrences of each run.
    """
    starts = prefixes.offsets[entries]
    lengths = prefixes.offsets[entries + 1] - starts
    flat = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    flat += np.arange(len(flat))
    salt = mix64_array(owner.astype(np.uint64))
    keys = mix64_array(prefixes.tokens[flat] ^ np.repeat(salt, lengths))
    bits = np.uint64(max(1, (len(entries) - 1).bit_length()))
    keys >>= bits + np.uint64(1)
    keys <<= bits + np.uint64(1)
    keys |= (~prefixes.indexed[flat]).astype(np.uint64) << bits
    keys |= np.repeat(np.arange(len(entries), dtype=np.uint64), lengths)
    keys.sort()
    order = (keys & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    indexed = ((keys >> bits) & np.uint64(1)) == 0
    bounds = runs(keys >> (bits + np.uint64(1)))
    if len(bounds) < 2:
        return order, np.zeros(1, np.int64), np.zeros(0, np.int64)
    return order, bounds, np.add.reduceat(indexed.astype(np.int64), bounds[:-1])


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
