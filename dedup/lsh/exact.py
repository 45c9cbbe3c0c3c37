"""An exact join: every pair of documents whose Jaccard may reach the threshold, without banding.

All documents are one bucket: those meet that share a shingle among the rarest of both
(`dedup.lsh.prefix`), and whose sizes allow the threshold. Nothing is capped and nothing left to
chance, so recall is 1. The keys of all prefixes are sorted outside the memory; what it costs grows
with the shingles, and with the pairs that share a rare one: among templates with nearly no shingle
of their own, with the square of the pages.

References
----------
Bayardo, Ma, Srikant (2007), Scaling up all pairs similarity search. Xiao, Wang, Lin, Yu (2008),
Efficient similarity joins for near duplicate detection.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from dedup.lsh.buckets import place_bits
from dedup.lsh.meetings import Meetings, meeting_keys
from dedup.lsh.prefix import rare_prefixes
from dedup.sketch.store import SetStore
from dedup.spill.chunks import chunks
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array

_CHUNK_TOKENS = 1 << 18
"""Prefix shingles that are looked at together, about 100 bytes each."""


def exact_pairs(
    sets: SetStore, threshold: Fraction, scratch: Scratch, group: Int64Array | None = None
) -> SortedRuns:
    """Return all pairs that may reach the threshold, packed (later, earlier).

    Parameters
    ----------
    sets : of documents 0..n-1.
    group : int64, shape (n,); only documents of one group are paired, all if not given.
    """
    pairs = SortedRuns(scratch)
    count = len(sets.sizes)
    bits = place_bits(count)
    for keys in _whole_runs(_sorted_keys(sets, threshold, scratch, group, bits), bits):
        for found in Meetings.of(keys, bits).pairs(sets.sizes, threshold):
            pairs.add(found)
    return pairs


def _sorted_keys(
    sets: SetStore,
    threshold: Fraction,
    scratch: Scratch,
    group: Int64Array | None,
    bits: np.uint64,
) -> Iterator[UInt64Array]:
    everyone = np.arange(len(sets.sizes))
    prefixes = rare_prefixes(sets, everyone, threshold, scratch)
    keys = SortedRuns(scratch)
    for first, last in chunks(prefixes.offsets, _CHUNK_TOKENS):
        some = everyone[first:last]
        owner = np.zeros_like(some) if group is None else group[some]
        keys.add(meeting_keys(prefixes, some, some, owner, bits))
    del prefixes
    yield from keys.ascending()


def _whole_runs(pieces: Iterator[UInt64Array], bits: np.uint64) -> Iterator[UInt64Array]:
    """Cut consecutive pieces anew, where the shingle changes."""
    waiting = np.zeros(0, np.uint64)
    shift = bits + np.uint64(1)
    for piece in pieces:
        for first in range(0, len(piece), _CHUNK_TOKENS):
            joined = np.concatenate([waiting, piece[first : first + _CHUNK_TOKENS]])
            edge = int(np.searchsorted(joined, (joined[-1] >> shift) << shift))
            yield joined[:edge]
            waiting = joined[edge:].copy()
    yield waiting
