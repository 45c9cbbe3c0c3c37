"""Candidate pairs of buckets: all pairs of small ones, the prefix filter for the hot ones."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from dedup.lsh.buckets import Buckets, all_pairs
from dedup.lsh.prefix import BucketPairs, prefix_pairs
from dedup.sketch.store import SetStore
from dedup.text.shingles import distinct

HOT_BUCKET = 64
"""Members above which a bucket's pairs come from the prefix filter."""


def candidate_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int
) -> BucketPairs:
    """Return the pairs that share a bucket, less those that can't reach the threshold.

    Only a hot bucket's pairs are filtered, and only a hot bucket can be cut short by
    `max_comparisons`; see `dedup.lsh.prefix`.
    """
    hot = buckets.sizes > HOT_BUCKET
    pairs = all_pairs(buckets.choose(~hot))
    if not hot.any():
        return BucketPairs(pairs, 0, np.zeros(0, np.int64))
    filtered = prefix_pairs(buckets.choose(hot), sets, threshold, max_comparisons)
    joined = np.concatenate([pairs, filtered.pairs])
    joined.sort()
    return BucketPairs(distinct(joined), filtered.num_skipped, filtered.skipped_documents)
