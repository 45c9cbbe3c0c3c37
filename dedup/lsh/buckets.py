"""Buckets: the documents that share a band key, and the candidate pairs inside them.

Documents are numbered in keeper order, and a bucket lists its members in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.shingles import distinct, runs

PAIR_BITS = 32
_LOW = np.uint64((1 << PAIR_BITS) - 1)


@dataclass(frozen=True)
class Buckets:
    """Buckets of two or more documents.

    Attributes
    ----------
    members : int64; the buckets' documents, ascending inside a bucket, one after the other.
    offsets : int64, shape (buckets + 1,); bucket i is members[offsets[i]:offsets[i+1]].
    """

    members: Int64Array
    offsets: Int64Array

    @property
    def sizes(self) -> Int64Array:
        """int64, shape (buckets,): members of each bucket."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @staticmethod
    def of(parts: Iterable[tuple[Int64Array, Int64Array]]) -> Buckets:
        """Join (members, sizes) of several groups of buckets into one."""
        pairs = list(parts)
        empty = np.zeros(0, np.int64)
        members = np.concatenate([empty, *(members for members, _ in pairs)])
        sizes = np.concatenate([empty, *(sizes for _, sizes in pairs)])
        return Buckets(members, np.concatenate([[0], np.cumsum(sizes)]))

    def owners(self) -> Int64Array:
        """int64, shape (len(members),): the bucket of each member."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def restrict(self, keep: NDArray[np.bool_]) -> Buckets:
        """Return the buckets with only the members where keep[document], those of two or more."""
        kept = keep[self.members]
        total = np.concatenate([[0], np.cumsum(kept)])
        sizes = np.diff(total[self.offsets])
        kept &= np.repeat(sizes >= 2, self.sizes)
        return Buckets.of([(self.members[kept], sizes[sizes >= 2])])

    def pieces(self, weights: Int64Array, most: int) -> Iterator[Buckets]:
        """Yield the buckets in consecutive pieces of a total weight up to `most`, or of one."""
        for first, last in weighed_chunks(weights, most):
            begin, end = self.offsets[first], self.offsets[last]
            yield Buckets(self.members[begin:end], self.offsets[first : last + 1] - begin)

    def choose(self, chosen: NDArray[np.bool_]) -> Buckets:
        """Return the buckets where chosen[bucket]."""
        entries = np.repeat(chosen, self.sizes)
        return Buckets.of([(self.members[entries], self.sizes[chosen])])


def split_groups(
    members: Int64Array, sizes: Int64Array, label: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Part the members of each group by their label, and return the groups of two or more."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    labels = label[members]
    order = np.lexsort((members, labels, owner))
    owner, labels = owner[order], labels[order]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (owner[1:] != owner[:-1]) | (labels[1:] != labels[:-1])
    sizes = np.diff(np.append(np.flatnonzero(starts), len(order)))
    return members[order[np.repeat(sizes >= 2, sizes)]], sizes[sizes >= 2]


def group_by_key(keys: UInt64Array) -> tuple[Int64Array, Int64Array]:
    """Group documents by key.

    Parameters
    ----------
    keys : uint64, shape (documents,); the low bits give way to the document's number, so two keys
        that differ there alone count as equal: a false candidate, which verification removes.

    Returns
    -------
    members, sizes : of the groups of two or more, members ascending inside a group.
    """
    bits = place_bits(len(keys))
    return cut_groups(((keys >> bits) << bits) | np.arange(len(keys), dtype=np.uint64), bits)


def cut_groups(entries: UInt64Array, bits: np.uint64) -> tuple[Int64Array, Int64Array]:
    """Sort entries and return the groups of two or more that are equal above the low bits.

    Parameters
    ----------
    entries : uint64; a key above, a document's number in the low `bits`; sorted in place.

    Returns
    -------
    members, sizes : of the groups, by key; members ascending inside a group.
    """
    entries.sort()
    bounds = runs(entries >> bits)
    sizes = np.diff(bounds)
    grouped = np.repeat(sizes >= 2, sizes)
    members = entries[grouped] & ((np.uint64(1) << bits) - np.uint64(1))
    return members.view(np.int64), sizes[sizes >= 2]


@dataclass(frozen=True)
class KeyRun:
    """The band keys of consecutive documents, each band sorted for itself.

    Attributes
    ----------
    first : the number of the first document.
    entries : uint64, shape (bands, documents), ascending in each band; a key whose low bits gave
        way to the document's place in the run.
    """

    first: int
    entries: UInt64Array

    @staticmethod
    def of(keys: UInt64Array, first: int) -> KeyRun:
        """Sort the band keys, shape (documents, bands), of documents from number `first` on."""
        bits = place_bits(len(keys))
        entries = keys.T.copy(order="C")  # also of one band: the caller's keys stay as they are
        entries >>= bits
        entries <<= bits
        entries |= np.arange(len(keys), dtype=np.uint64)
        entries.sort(axis=1)
        return KeyRun(first, entries)

    def __len__(self) -> int:
        return int(self.entries.shape[1])

    def documents(self, entries: UInt64Array) -> Int64Array:
        """Return the document of each entry."""
        places = entries & ((np.uint64(1) << place_bits(len(self))) - np.uint64(1))
        return places.view(np.int64) + self.first


def place_bits(count: int) -> np.uint64:
    """Return how many bits tell so many documents apart."""
    return np.uint64(max(1, (count - 1).bit_length()))


def pack_pairs(high: Int64Array, low: Int64Array) -> UInt64Array:
    """Pack two document numbers below 2**32 into one uint64."""
    return (high.astype(np.uint64) << np.uint64(PAIR_BITS)) | low.astype(np.uint64)


def unpack_pairs(packed: UInt64Array) -> tuple[Int64Array, Int64Array]:
    """Undo `pack_pairs`."""
    return (packed >> np.uint64(PAIR_BITS)).view(np.int64), (packed & _LOW).view(np.int64)


def unique_pairs(high: Int64Array, low: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the distinct pairs, ascending by (high, low)."""
    packed = pack_pairs(high, low)
    packed.sort()
    return unpack_pairs(distinct(packed))


def all_pairs(buckets: Buckets) -> UInt64Array:
    """Return every pair inside a bucket as packed (later, earlier), ascending and distinct."""
    sizes = buckets.sizes
    packed = [np.zeros(0, np.uint64)]
    for size in np.flatnonzero(np.bincount(sizes)).tolist():
        starts = buckets.offsets[:-1][sizes == size]
        rows = buckets.members[starts[:, None] + np.arange(size)]
        earlier, later = np.triu_indices(size, 1)
        packed.append(pack_pairs(rows[:, later].ravel(), rows[:, earlier].ravel()))
    pairs = np.concatenate(packed)
    pairs.sort()
    return distinct(pairs)
