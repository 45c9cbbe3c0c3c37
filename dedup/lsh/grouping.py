"""Sorted band keys to buckets, in memory that does not grow with the documents.

The entries of each band lie in sorted runs, so a range of keys is a slice of every run: one range
after the other is brought together, sorted anew by unit, and cut where the key changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dedup.lsh.buckets import Buckets, KeyRun, cut_groups, place_bits
from dedup.spill.chunks import weighed_chunks
from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import Int64Array, UInt64Array

CHUNK_ENTRIES = 1 << 21
"""Members of the buckets that are looked at together. A constant: what a cap leaves out may depend
on it, and must not depend on the memory."""

_RANGE_ENTRIES = 1 << 22


class BucketChunks:
    """Buckets in the order they were added, read again and again in chunks of whole buckets.

    Where one chunk ends depends on the buckets alone, not on how they came.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._spool = Spool(scratch)
        self._members: list[Int64Array] = []
        self._sizes: list[Int64Array] = []
        self._num_waiting = 0
        self.num_buckets = 0
        self.largest = 0

    def add(self, members: Int64Array, sizes: Int64Array) -> None:
        """Add buckets of two or more members each."""
        if not len(sizes):
            return
        self.num_buckets += len(sizes)
        self.largest = max(self.largest, int(sizes.max()))
        self._members.append(members)
        self._sizes.append(sizes)
        self._num_waiting += len(members)
        if self._num_waiting > CHUNK_ENTRIES:
            self._cut(at_end=False)

    def _cut(self, *, at_end: bool) -> None:
        """Put full chunks away: as many buckets as fit, but one at least."""
        members, sizes = np.concatenate(self._members), np.concatenate(self._sizes)
        done = 0
        for first, last in weighed_chunks(sizes, CHUNK_ENTRIES):
            if last == len(sizes) and not at_end:
                members, sizes = members[done:], sizes[first:]
                break
            end = done + int(sizes[first:last].sum())
            self._spool.append(
                members[done:end].astype(np.uint32), sizes[first:last].astype(np.uint32)
            )
            done = end
        else:
            members, sizes = members[done:], sizes[len(sizes) :]
        self._members, self._sizes, self._num_waiting = [members], [sizes], len(members)

    def __iter__(self) -> Iterator[Buckets]:
        """Yield the buckets, some millions of members at a time."""
        if self._num_waiting:
            self._cut(at_end=True)
        for members, sizes in self._spool:
            yield Buckets.of([(members.astype(np.int64), sizes.astype(np.int64))])


def band_groups(
    key_runs: Sequence[KeyRun], band: int, unit: Int64Array
) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Yield the groups of two or more units that share a key of a band, ascending by key.

    Parameters
    ----------
    unit : int64, shape (documents,); of each document, -1 for those that are not compared.

    Yields
    ------
    members, sizes : units, ascending inside a group; and how many each group has.
    """
    bits = place_bits(len(unit))
    num_ranges = max(1, -(-len(unit) // _RANGE_ENTRIES))
    for number in range(num_ranges):
        low, high = (number << 64) // num_ranges, ((number + 1) << 64) // num_ranges
        pieces = [np.zeros(0, np.uint64)]
        for run in key_runs:
            keys, documents = _range(run, band, low, high)
            units = unit[documents]
            chosen = units >= 0
            if not chosen.all():
                keys, units = keys[chosen], units[chosen]
            keys = (keys >> bits) << bits
            keys |= units.view(np.uint64)
            pieces.append(keys)
        yield cut_groups(np.concatenate(pieces), bits)


def _range(run: KeyRun, band: int, low: int, high: int) -> tuple[UInt64Array, Int64Array]:
    """Return a run's entries with keys from `low` to below `high`, and whose they are.

    The bounds are cut to what all runs and all units keep of a key, so that no group is torn.
    """
    keys = run.entries[band]
    first = int(np.searchsorted(keys, np.uint64(low & _WHOLE)))
    last = len(keys) if high >> 64 else int(np.searchsorted(keys, np.uint64(high & _WHOLE)))
    keys = keys[first:last]
    return keys, run.documents(keys)


_WHOLE = (1 << 64) - (1 << 32)
"""The bits of a key that are never given to a document's number."""
