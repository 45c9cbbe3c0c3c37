"""Candidate pairs: all that share a key; in hot buckets, all that could reach the threshold."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from dedup.lsh import candidates
from dedup.lsh.buckets import Buckets, unpack_pairs
from dedup.lsh.candidates import HOT_BUCKET, candidate_runs
from dedup.lsh.hot_buckets import BucketPairs
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from tests.random_sets import store_of
from tests.set_worlds import (
    buckets_by_key,
    buckets_of,
    keys_of,
    pairs_by_key,
    set_world,
    similar_pairs,
    template_pages,
)

THRESHOLD = Fraction(4, 5)
NO_CAP = 10**9


def candidate_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int
) -> BucketPairs:
    """Return the pairs of all pieces together."""
    pieces = list(candidates.candidate_pairs(buckets, sets, threshold, max_comparisons, Scratch()))
    found = candidate_runs([buckets], sets, threshold, max_comparisons, Scratch())
    skipped = found.skipped
    assert skipped.num_comparisons == sum(piece.num_skipped for piece in pieces)
    packed = np.concatenate([np.zeros(0, np.uint64), *found.runs.ascending()])
    every = np.concatenate([np.zeros(0, np.uint64), *(piece.pairs for piece in pieces)])
    assert packed.tolist() == sorted(set(every.tolist()))
    return BucketPairs(packed, skipped.num_comparisons, skipped.documents)


def as_pairs(packed: np.ndarray) -> set[tuple[int, int]]:
    later, earlier = unpack_pairs(packed)
    found = set(zip(earlier.tolist(), later.tolist(), strict=True))
    assert len(found) == len(packed)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_candidates_are_the_pairs_that_share_a_key(seed: int) -> None:
    sets = set_world(seed, 180)
    keys = keys_of(sets)
    buckets = buckets_by_key(keys)
    small = buckets.sizes.max() <= HOT_BUCKET
    found = candidate_pairs(buckets, store_of(sets), THRESHOLD, NO_CAP)
    shared = pairs_by_key(keys)
    assert small
    assert as_pairs(found.pairs) == shared
    assert len(shared) > 100
    assert found.num_skipped == 0


@pytest.mark.parametrize("bands", [17, 77])
def test_hot_buckets_keep_every_pair_that_could_reach_the_threshold(bands: int) -> None:
    rng = np.random.default_rng(1)
    sets = [*template_pages(rng, 200, 60, (0, 20)), *set_world(1, 100)]
    keys = keys_of(sets, bands, 2)
    buckets = buckets_by_key(keys)
    assert buckets.sizes.max() > HOT_BUCKET
    assert buckets.sizes.min() < HOT_BUCKET
    found = as_pairs(candidate_pairs(buckets, store_of(sets), THRESHOLD, NO_CAP).pairs)
    shared = pairs_by_key(keys)
    assert found <= shared
    assert similar_pairs(sets, found, THRESHOLD) == similar_pairs(sets, shared, THRESHOLD)
    assert len(found) < len(shared)


def test_a_bucket_is_hot_above_its_bound_alone() -> None:
    sets = template_pages(np.random.default_rng(2), HOT_BUCKET + 1, 10, 30)  # all below 0.8
    at_bound = buckets_of([range(HOT_BUCKET)])
    found = candidate_pairs(at_bound, store_of(sets), THRESHOLD, 5)
    assert len(found.pairs) == HOT_BUCKET * (HOT_BUCKET - 1) // 2
    assert found.num_skipped == 0
    above = buckets_of([range(HOT_BUCKET + 1)])
    assert len(candidate_pairs(above, store_of(sets), THRESHOLD, NO_CAP).pairs) == 0


def test_a_capped_hot_bucket_is_reported_and_small_ones_are_not_touched() -> None:
    sets = template_pages(np.random.default_rng(3), 100, 40, 5)
    found = candidate_pairs(
        buckets_of([range(100), [3, 99], [98, 99]]), store_of(sets), THRESHOLD, 45
    )
    expected = {*combinations(range(10), 2), (3, 99), (98, 99)}
    assert as_pairs(found.pairs) == expected
    assert found.num_skipped == 4950 - 45
    assert found.skipped_documents.tolist() == list(range(10, 100))


def test_no_buckets_give_no_candidates() -> None:
    found = candidate_pairs(Buckets.of([]), store_of([]), THRESHOLD, NO_CAP)
    assert (len(found.pairs), found.num_skipped, len(found.skipped_documents)) == (0, 0, 0)
