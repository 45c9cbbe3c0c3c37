"""Candidate pairs of buckets: all pairs of small ones, the prefix filter for the hot ones."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from dedup.lsh.buckets import Buckets, all_pairs
from dedup.lsh.prefix import BucketPairs, prefix_pairs
from dedup.sketch.store import SetStore

HOT_BUCKET = 64
"""Members above which a bucket's pairs come from the prefix filter."""


_PAIRS_TOGETHER = 1 << 21
"""Pairs of small buckets that are listed at a time, some 40 bytes each."""


def candidate_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int
) -> Iterator[BucketPairs]:
    """Yield the pairs that share a bucket, less those that can't reach the threshold.

    Some millions at a time, distinct in each; two buckets may have the same pair. Only a hot
    bucket's pairs are filtered, and only a hot bucket can be cut short by `max_comparisons`; see
    `dedup.lsh.prefix`.
    """
    hot = buckets.sizes > HOT_BUCKET
    small = buckets.choose(~hot)
    for some in small.pieces(small.sizes * (small.sizes - 1) // 2, _PAIRS_TOGETHER):
        yield BucketPairs(all_pairs(some), 0, np.zeros(0, np.int64))
    if hot.any():
        yield prefix_pairs(buckets.choose(hot), sets, threshold, max_comparisons)
