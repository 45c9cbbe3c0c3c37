"""Prefixes: the rarest shingles of each set, few of which two unlike documents share.

Order all shingles from rare to common: a pair at the threshold shares a shingle among the first few
of both sets.

References
----------
Chaudhuri, Ganti, Kaushik (2006), A primitive operator for similarity joins. Bayardo, Ma, Srikant
(2007), Scaling up all pairs similarity search. Xiao, Wang, Lin, Yu (2008), Efficient similarity
joins for near duplicate detection (the shorter prefix of the smaller set).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array
from dedup.text.shingles import HASH_MASK

_LEAST_COUNTER_BITS, _MOST_COUNTER_BITS = 20, 24
"""There are about as many counters as shingles: 4 MB of them at least, 64 MB at most."""

_LEVEL_BITS = 6
_LEVELS_TOGETHER = 1 << 20
_CHUNK_DOCUMENTS = 1 << (64 - HASH_BITS - _LEVEL_BITS)


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


@dataclass(frozen=True)
class Rarity:
    """How many documents have a shingle, about: in some millions of counters by hash, in 64 steps.

    Attributes
    ----------
    level : uint8; by the first bits of the hash.
    shift : the other bits.
    """

    level: NDArray[np.uint8]
    shift: np.uint64

    @staticmethod
    def of(sets: SetStore, documents: Int64Array) -> Rarity:
        """Count the shingles of some documents."""
        wanted = int(sets.sizes[documents].sum()).bit_length()
        counter_bits = min(max(wanted, _LEAST_COUNTER_BITS), _MOST_COUNTER_BITS)
        counters = np.zeros(1 << counter_bits, np.uint32)
        shift = np.uint64(HASH_BITS - counter_bits)
        for first in range(0, len(documents), _CHUNK_DOCUMENTS * 64):
            values = sets.gather(documents[first : first + _CHUNK_DOCUMENTS * 64])
            np.add.at(counters, (values >> shift).view(np.int64), np.uint32(1))
        level = np.zeros(1 << counter_bits, np.uint8)
        for first in range(0, len(counters), _LEVELS_TOGETHER):
            some = np.maximum(counters[first : first + _LEVELS_TOGETHER], 1)
            level[first : first + len(some)] = np.minimum(3 * np.log2(some), (1 << _LEVEL_BITS) - 1)
        del counters
        return Rarity(level, shift)

    def levels(self, values: UInt64Array) -> UInt64Array:
        """Return the step of each shingle, the rarest first, below 64."""
        found: UInt64Array = self.level[(values >> self.shift).view(np.int64)].astype(np.uint64)
        return found


def rare_prefixes(
    sets: SetStore,
    documents: Int64Array,
    threshold: Fraction,
    scratch: Scratch,
    rarity: Rarity | None = None,
) -> Prefixes:
    """Order the shingles of `documents` from rare to common and keep each one's prefix.

    Any order that is the same for all documents is correct, a truer one is only faster.

    Parameters
    ----------
    rarity : the order; by what the documents themselves have, if not given.
    """
    if rarity is None:
        rarity = Rarity.of(sets, documents)
    probe, index = prefix_lengths(sets.sizes[documents], threshold)
    offsets = np.concatenate([[0], np.cumsum(probe)])
    tokens = scratch.empty(int(offsets[-1]), np.uint64)
    indexed = scratch.empty(int(offsets[-1]), np.bool_)
    for first in range(0, len(documents), _CHUNK_DOCUMENTS):
        last = min(first + _CHUNK_DOCUMENTS, len(documents))
        sizes = sets.sizes[documents[first:last]]
        values = sets.gather(documents[first:last])
        values |= rarity.levels(values) << np.uint64(HASH_BITS)
        slots = np.arange(last - first, dtype=np.uint64) << np.uint64(HASH_BITS + _LEVEL_BITS)
        values |= np.repeat(slots, sizes)
        values.sort()
        starts = np.cumsum(sizes) - sizes
        place = np.arange(len(values)) - np.repeat(starts, sizes)
        kept = place < np.repeat(probe[first:last], sizes)
        tokens[offsets[first] : offsets[last]] = values[kept] & HASH_MASK
        shorter = place < np.repeat(index[first:last], sizes)
        indexed[offsets[first] : offsets[last]] = shorter[kept]
    return Prefixes(documents, tokens, indexed, offsets)
