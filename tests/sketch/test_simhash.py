"""Fingerprints: equal to naive bit counting, at the distances that theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.sketch.simhash import fingerprints
from tests import oracles_sketch
from tests.random_sets import hashes, joined, similar_batches


def check(sets: list[set[int]]) -> None:
    found = fingerprints(*joined(sets))
    assert found.dtype == np.uint64
    assert found.tolist() == [oracles_sketch.fingerprint(each) for each in sets]


def test_fingerprints_of_all_sizes_are_the_naive_ones() -> None:
    rng = np.random.default_rng(1)
    # Runs of 255 shingles are added up in 8 bits: sizes around their ends, and empty sets between.
    sizes = [*range(12), 0, 254, 255, 256, 0, 509, 510, 511, 512, 765, 766, 1500, 0, 0, 1, 0]
    check([set(hashes(rng, size).tolist()) for size in sizes])


def test_fingerprints_of_huge_sets_are_the_naive_ones() -> None:
    rng = np.random.default_rng(2)
    # 255 runs of 255 shingles and more: 65,025.
    check([set(hashes(rng, size).tolist()) for size in (65_024, 3, 65_025, 65_026, 0, 66_000)])


def test_bits_that_all_or_no_shingles_have_do_not_overflow() -> None:
    """Of shingles whose remixed hashes share their low byte, every count is 0 or n."""
    rng = np.random.default_rng(3)
    pool = np.unique(hashes(rng, 200_000)).tolist()
    for wanted in (0xFF, 0x00):
        chosen = [h for h in pool if oracles_sketch.finalised(h) & 0xFF == wanted][:520]
        assert len(chosen) == 520
        (found,) = fingerprints(*joined([set(chosen)])).tolist()
        assert found & 0xFF == wanted
        assert found == oracles_sketch.fingerprint(chosen)


@given(st.lists(st.sets(st.integers(0, (1 << 52) - 1), max_size=9), max_size=6))
def test_fingerprints_of_any_sets_are_the_naive_ones(sets: list[set[int]]) -> None:
    check(sets)


def test_an_equal_count_leaves_the_bit_clear() -> None:
    values, bounds = joined([{1, 2}])
    (found,) = fingerprints(values, bounds).tolist()
    assert found == oracles_sketch.finalised(1) & oracles_sketch.finalised(2)


def test_bounds_may_start_inside_the_sets() -> None:
    rng = np.random.default_rng(4)
    values, bounds = joined([set(hashes(rng, size).tolist()) for size in (5, 300, 0, 7)])
    whole = fingerprints(values, bounds)
    np.testing.assert_array_equal(fingerprints(values, bounds[1:]), whole[1:])
    np.testing.assert_array_equal(fingerprints(values, bounds[2:3]), whole[2:2])


@pytest.mark.parametrize(
    ("union", "common"), [(1101, 1001), (1201, 801), (1501, 501), (5001, 4801), (2000, 0)]
)
def test_the_mean_distance_is_that_of_theory(union: int, common: int) -> None:
    num_pairs = 2000
    left_size = common + (union - common) // 2
    right_size = union - (union - common) // 2
    distances = []
    for left, right, size in similar_batches(num_pairs, union, common, seed=2):
        mask = np.uint64((1 << 52) - 1)
        a = fingerprints(left & mask, np.arange(size + 1) * left_size)
        b = fingerprints(right & mask, np.arange(size + 1) * right_size)
        distances.append(np.bitwise_count(a ^ b))
    values = np.concatenate(distances).astype(float)
    expected = oracles_sketch.expected_hamming(left_size, right_size, common)
    share = expected / 64
    standard_error = math.sqrt(64 * share * (1 - share) / num_pairs)
    # Theory is of large sets; what it neglects is of the order of one shingle in so many.
    assert abs(values.mean() - expected) < 4 * standard_error + 64 / left_size
