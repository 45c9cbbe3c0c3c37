"""Meetings: documents that share one of their rare shingles, so that their pair may be near.

A key holds, from the top: a hash of the shingle, a bit that is 0 where the shingle stands in the
document's shorter prefix too (`dedup.lsh.prefix`), and the document's number. Of a pair at the
threshold the smaller document has a common shingle in its shorter prefix and the larger one has it
in its longer: so each document of a run with bit 0 meets all others of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dedup.lsh.buckets import pack_pairs
from dedup.lsh.prefix import Prefixes
from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import Int64Array, UInt64Array, mix64_array
from dedup.text.shingles import distinct, runs
from dedup.verify import reaches

_HITS_TOGETHER = 1 << 20
"""Meetings that are listed at a time, about 80 bytes each."""


def meeting_keys(
    prefixes: Prefixes, members: Int64Array, numbers: Int64Array, owner: Int64Array, bits: np.uint64
) -> UInt64Array:
    """Return the keys of some documents, in no order.

    Parameters
    ----------
    members : int64; places in `prefixes`.
    numbers : int64, the same shape; what stands for each member, below 2**bits.
    owner : int64, the same shape; only members with the same one meet.
    """
    starts = prefixes.offsets[members]
    lengths = prefixes.offsets[members + 1] - starts
    flat = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    flat += np.arange(len(flat))
    salt = mix64_array(owner.astype(np.uint64))
    keys = mix64_array(prefixes.tokens[flat] ^ np.repeat(salt, lengths))
    keys >>= bits + np.uint64(1)
    keys <<= bits + np.uint64(1)
    keys |= (~prefixes.indexed[flat]).astype(np.uint64) << bits
    keys |= np.repeat(numbers.astype(np.uint64), lengths)
    return keys


@dataclass(frozen=True)
class Meetings:
    """The documents that share a shingle, run by run.

    Attributes
    ----------
    entries : int64; the number of each occurrence; runs hold the indexed ones first.
    bounds : where the runs start, and the end.
    num_indexed : indexed occurrences of each run.
    """

    entries: Int64Array
    bounds: Int64Array
    num_indexed: Int64Array

    @staticmethod
    def of(keys: UInt64Array, bits: np.uint64) -> Meetings:
        """Read ascending keys."""
        entries = (keys & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
        indexed = ((keys >> bits) & np.uint64(1)) == 0
        bounds = runs(keys >> (bits + np.uint64(1)))
        if len(bounds) < 2:
            return Meetings(entries, np.zeros(1, np.int64), np.zeros(0, np.int64))
        return Meetings(entries, bounds, np.add.reduceat(indexed.astype(np.int64), bounds[:-1]))

    @property
    def num_hits(self) -> Int64Array:
        """int64: meetings of each run."""
        hits: Int64Array = self.num_indexed * (np.diff(self.bounds) - 1)
        return hits

    def pairs(self, sizes: Int64Array, threshold: Fraction) -> Iterator[UInt64Array]:
        """Yield those whose sizes allow the threshold, packed (larger, smaller number).

        Ascending and distinct in each piece; two pieces may have the same pair.

        Parameters
        ----------
        sizes : int64, by number; shingles of each document.
        """
        for one, other in self._listed():
            a, b = sizes[one], sizes[other]
            fits = (a <= b) & reaches(threshold, a, b) & (one != other)
            one, other = one[fits], other[fits]
            packed = pack_pairs(np.maximum(one, other), np.minimum(one, other))
            packed.sort()
            yield distinct(packed)

    def _listed(self) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Yield each indexed entry with every entry of its run, itself too."""
        met = self.num_hits > 0
        count = self.num_indexed[met]
        starts = np.repeat(self.bounds[:-1][met], count)
        reach = np.repeat(np.diff(self.bounds)[met], count)
        place = np.arange(len(starts)) - np.repeat(np.cumsum(count) - count, count)
        indexed = self.entries[starts + place]
        for first, last in weighed_chunks(reach, _HITS_TOGETHER):
            wide = reach[first:last]
            flat = np.repeat(starts[first:last] - (np.cumsum(wide) - wide), wide)
            flat += np.arange(len(flat))
            yield np.repeat(indexed[first:last], wide), self.entries[flat]
