"""The keepers of a batch: each document against those that are stored, then the rest of the batch.

The greedy answer in the order of adding: stored keepers come first, so what one of them matches is
its duplicate; of the others, the first one stays. It is that of `dedup run --keep first` on
all documents, for a pair is a candidate there exactly where it is one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.cluster import greedy_keepers
from dedup.collapse import representatives
from dedup.index.document_segment import DocumentSegment
from dedup.index.incoming import Incoming, has_digest
from dedup.index.lookup import Lookup, Matches
from dedup.lsh.buckets import KeyRun
from dedup.lsh.grouping import BucketChunks, band_groups
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array
from dedup.verify import Verifier

ALL = 1 << 40
"""No cap on comparisons: an index leaves none out."""


@dataclass(frozen=True)
class Settled:
    """What became of the documents of a batch.

    Attributes
    ----------
    stored : the matches with stored keepers, one for each document that has any.
    keeper : int64; of the others, the keeper's place in the batch, its own for a new document.
    common, union : int64; shingles of both and of either.
    is_equal : bool; whether the sets are equal, or the texts where there are no tokens.
    """

    stored: Matches
    keeper: Int64Array
    common: Int64Array
    union: Int64Array
    is_equal: NDArray[np.bool_]

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """bool; the documents that match nothing before them."""
        new: NDArray[np.bool_] = self.keeper == np.arange(len(self.keeper))
        new[self.stored.query] = False
        return new


def settle(batch: Incoming, segments: Sequence[DocumentSegment], threshold: Fraction) -> Settled:
    """Find what each document of a batch is."""
    count = len(batch)
    stored = Lookup(threshold, keepers_only=True).matches(batch, segments).first_of_each()
    open_ = has_digest(batch.digests)
    open_[stored.query] = False
    scratch = Scratch()
    lead = representatives(batch.digests, np.arange(count), open_, scratch)
    units = np.flatnonzero(open_ & (lead == np.arange(count)) & (batch.sizes > 0))
    unit = np.full(count, -1)
    unit[units] = np.arange(len(units))
    run = KeyRun.of(batch.keys, 0)
    buckets = BucketChunks(scratch)
    for band in range(batch.keys.shape[1]):
        for members, sizes in band_groups([run], band, unit):
            buckets.add(members, sizes)
    sets = SetStore([batch.sets], batch.sizes).select(units)
    verifier = Verifier(sets, threshold, keeps_rejected=False)
    clusters = greedy_keepers(len(units), buckets, verifier, ALL, scratch)
    keeper = np.arange(count)
    common, union = np.maximum(1, batch.sizes), np.maximum(1, batch.sizes)
    first = units[clusters.keeper]
    near = first != units
    keeper[units] = first
    common[units[near]] = clusters.common[near]
    union[units[near]] = batch.sizes[units[near]] + batch.sizes[first[near]] - common[units[near]]
    # A copy of a document goes where that one goes.
    return Settled(
        stored=stored,
        keeper=keeper[lead],
        common=common[lead],
        union=union[lead],
        is_equal=keeper[lead] == lead,
    )
