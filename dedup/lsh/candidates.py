"""Candidate pairs of buckets: all pairs of small ones, the prefix filter for the hot ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from dedup.lsh.buckets import Buckets, all_pairs
from dedup.lsh.hot_buckets import BucketPairs, CappedBucket, hot_pairs
from dedup.sketch.store import SetStore
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

HOT_BUCKET = 64
"""Members above which a bucket's pairs come from the prefix filter."""


_PAIRS_TOGETHER = 1 << 21
"""Pairs of small buckets that are listed at a time, some 40 bytes each."""


def candidate_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int, scratch: Scratch
) -> Iterator[BucketPairs]:
    """Yield the pairs that share a bucket, less those that can't reach the threshold.

    Some millions at a time, distinct in each; two buckets may have the same pair. Only a hot
    bucket's pairs are filtered, and only a hot bucket can be cut short by `max_comparisons`; see
    `dedup.lsh.hot_buckets`.
    """
    hot = buckets.sizes > HOT_BUCKET
    small = buckets.choose(~hot)
    for some in small.pieces(small.sizes * (small.sizes - 1) // 2, _PAIRS_TOGETHER):
        yield BucketPairs(all_pairs(some))
    if hot.any():
        yield hot_pairs(buckets.choose(hot), sets, threshold, max_comparisons, scratch)


@dataclass
class Skipped:
    """What a cap left out.

    Attributes
    ----------
    num_comparisons : pairs (an upper bound).
    documents : int64; those whose comparisons with earlier ones were left out.
    buckets : the buckets that were cut short, the largest one for each first document.
    """

    num_comparisons: int = 0
    documents: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    buckets: dict[int, CappedBucket] = field(default_factory=dict)

    def add(self, found: BucketPairs) -> None:
        """Count what was left out of some buckets."""
        self.num_comparisons += found.num_skipped
        if len(found.skipped_documents):
            self.documents = np.union1d(self.documents, found.skipped_documents)
        for bucket in found.capped:
            known = self.buckets.get(bucket.first, bucket)
            self.buckets[bucket.first] = max(known, bucket, key=lambda one: one.members)

    def add_all(self, other: Skipped) -> None:
        """Count what was left out elsewhere."""
        capped = list(other.buckets.values())
        self.add(
            BucketPairs(np.zeros(0, np.uint64), other.num_comparisons, other.documents, capped)
        )


class PairRuns:
    """Candidate pairs of many buckets, packed (later, earlier), and what a cap left out.

    Attributes
    ----------
    skipped : what a cap left out.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.runs = SortedRuns(scratch)
        self.skipped = Skipped()

    def add(self, found: BucketPairs) -> None:
        """Add the pairs of some buckets."""
        self.runs.add(found.pairs)
        self.skipped.add(found)


def candidate_runs(
    buckets: Iterable[Buckets],
    sets: SetStore,
    threshold: Fraction,
    max_comparisons: int,
    scratch: Scratch,
) -> PairRuns:
    """Return the candidate pairs of all buckets; see `candidate_pairs`."""
    pairs = PairRuns(scratch)
    for chunk in buckets:
        for found in candidate_pairs(chunk, sets, threshold, max_comparisons, scratch):
            pairs.add(found)
    return pairs
