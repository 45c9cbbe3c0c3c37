"""Verification: exact Jaccard in integers, against Python sets."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup import verify as module
from dedup.config import Config
from dedup.verify import BELOW, Verifier, common_shingles
from tests.random_sets import hashes, joined, store_of
from tests.set_worlds import jaccard, set_world

small_sets = st.sets(st.integers(0, (1 << 52) - 1), max_size=8)
crowded_sets = st.sets(st.integers(0, 12), max_size=10)


def compare(verifier: Verifier, pairs: list[tuple[int, int]]) -> list[int]:
    array = np.array(pairs, np.int64).reshape(-1, 2)
    return verifier.compare(array[:, 0], array[:, 1]).tolist()


def sets_with(common: int, left_only: int, right_only: int) -> list[set[int]]:
    shared = set(range(common))
    return [
        shared | {10**6 + number for number in range(left_only)},
        shared | {10**7 + number for number in range(right_only)},
    ]


@given(st.lists(st.tuples(st.one_of(small_sets, crowded_sets), crowded_sets), max_size=8))
def test_common_counts_are_those_of_python_sets(pairs: list[tuple[set[int], set[int]]]) -> None:
    left, left_bounds = joined([left for left, _ in pairs])
    right, right_bounds = joined([right for _, right in pairs])
    found = common_shingles(left, np.diff(left_bounds), right, np.diff(right_bounds))
    assert found.tolist() == [len(left & right) for left, right in pairs]


@pytest.mark.parametrize("keeps_rejected", [True, False])
@pytest.mark.parametrize("batch_shingles", [1, 100, 1 << 16])
def test_every_pair_of_a_world_is_judged_exactly(
    batch_shingles: int, keeps_rejected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH_SHINGLES", batch_shingles)
    sets = [*set_world(1, 120), set()]
    rng = np.random.default_rng(1)
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, len(sets), (3000, 2))]
    for threshold in (Fraction(1, 2), Fraction(4, 5), Fraction(1)):
        verifier = Verifier(store_of(sets, 4), threshold, keeps_rejected=keeps_rejected)
        expected = []
        for left, right in pairs:
            union = len(sets[left] | sets[right])
            similar = not union or Fraction(len(sets[left] & sets[right]), union) >= threshold
            expected.append(len(sets[left] & sets[right]) if similar else BELOW)
        assert compare(verifier, pairs) == expected
        assert sum(value != BELOW for value in expected) > 30
        assert verifier.num_compared + verifier.num_filtered == len(pairs)
        assert verifier.num_filtered > 100


@pytest.mark.parametrize("threshold", ["0.8", "0.55", "0.57", "0.07", "0.7", "0.9", "0.85"])
def test_the_threshold_is_met_exactly_at_every_size(threshold: str) -> None:
    """At the threshold a pair passes, one shingle below it fails, whatever floats would say."""
    limit = Fraction(threshold)
    cases = [union for union in range(1, 501) if (limit * union).denominator == 1]
    sets: list[set[int]] = []
    for union in cases:
        common = int(limit * union)
        rest = union - common
        sets += sets_with(common, rest // 2, rest - rest // 2)
        sets += sets_with(common - 1, (rest + 1) // 2, rest + 1 - (rest + 1) // 2)
        sets += sets_with(common, 0, rest)  # the lengths alone stand at the threshold
    pairs = [(place, place + 1) for place in range(0, len(sets), 2)]
    expected = [
        value for union in cases for value in (int(limit * union), BELOW, int(limit * union))
    ]
    assert compare(Verifier(store_of(sets), limit), pairs) == expected


def test_floats_would_lose_pairs_exactly_at_a_threshold() -> None:
    """What the integers are for: t u, and t / (1 + t) of the sizes, come out above the count."""
    assert 0.55 * 100 > 55
    assert 0.8 / (1 + 0.8) * 63 > 28
    pair = sets_with(55, 20, 25)
    assert compare(Verifier(store_of(pair), Fraction("0.55")), [(0, 1)]) == [55]
    pair = sets_with(28, 3, 4)  # 28 of 35: sizes 31 and 32
    assert compare(Verifier(store_of(pair), Fraction("0.8")), [(0, 1)]) == [28]


@given(st.floats(0.01, 1), st.integers(1, 1 << 30), st.integers(-2, 2))
@example(3 * 0.3, 10, 0)
@example(2 / 3, 3, 0)
@example(1 - 2**-53, 1 << 30, 0)
def test_a_threshold_of_any_digits_decides_as_its_decimal_text_in_64_bits(
    threshold: float, union: int, away: int
) -> None:
    text = Fraction(str(threshold))
    used = Config(threshold=threshold).threshold
    common = min(max(0, math.floor(text * union) + away), union)  # a pair near the threshold
    # And the pair that is nearest to it of all.
    for pair in (Fraction(common, union), text.limit_denominator(1 << 30)):
        assert (pair >= text) == (pair >= used)
    assert used.denominator * union < 1 << 62


def test_sixteen_digits_do_not_overflow_on_long_documents() -> None:
    """3 * 0.3 is 0.8999999999999999: as it stands its products leave 64 bits at 923 shingles."""
    for common, rest in ((4600, 1000), (5000, 200), (4500, 1500)):
        pair = sets_with(common, rest, rest)
        expected = [common] if Fraction(common, common + 2 * rest) >= Fraction(9, 10) else [BELOW]
        limit = Config(threshold=3 * 0.3).threshold
        assert compare(Verifier(store_of(pair), limit), [(0, 1)]) == expected


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.fractions(Fraction(1, 100), 1, max_denominator=1 << 30),
)
def test_the_length_filter_rules_out_only_what_cannot_be(
    left: int, right: int, threshold: Fraction
) -> None:
    verifier = Verifier(store_of([set(range(left)), set(range(right))]), threshold)
    (possible,) = verifier.possible(np.array([0]), np.array([1])).tolist()
    # A set and its part are as similar as two sets of their sizes can be.
    best = Fraction(min(left, right), max(left, right)) if left or right else Fraction(1)
    assert possible == (best >= threshold)


def test_pairs_beyond_what_one_batch_can_number() -> None:
    sets = [{1}, {2}, {1, 2}]
    pairs = [(0, 0), (0, 1), (1, 2), (2, 2)] * 4000
    verifier = Verifier(store_of(sets), Fraction(1, 2))
    assert compare(verifier, pairs) == [1, BELOW, 1, 2] * 4000
    assert (verifier.num_compared, verifier.num_filtered) == (16_000, 0)


def test_sets_larger_than_a_batch() -> None:
    rng = np.random.default_rng(2)
    shared = set(hashes(rng, 90_000).tolist())
    sets = [shared | set(hashes(rng, 5000).tolist()) for _ in range(3)]
    verifier = Verifier(store_of(sets), Fraction(4, 5))
    assert compare(verifier, [(0, 1), (1, 2), (2, 2)]) == [90_000, 90_000, 95_000]


def test_nothing_to_compare() -> None:
    verifier = Verifier(store_of([{1}, {1, 2, 3}]), Fraction(4, 5))
    assert compare(verifier, []) == []
    assert compare(verifier, [(0, 1)]) == [BELOW]
    assert (verifier.num_compared, verifier.num_filtered) == (0, 1)
    assert verifier.best_rejected().shape == (3, 0)


@pytest.mark.parametrize("most", [5, 40, 10_000])
def test_the_best_rejected_pairs_are_kept_best_first(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REJECTED_KEPT", most)
    sets = set_world(2, 150)
    rng = np.random.default_rng(3)
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, 150, (4000, 2)) if a != b]
    verifier = Verifier(store_of(sets), Fraction(4, 5))
    for first in range(0, len(pairs), 100):  # many pairs come twice
        compare(verifier, pairs[first : first + 100])
    rejected = []
    for left, right in sorted(set(pairs)):
        sizes = sorted((len(sets[left]), len(sets[right])))
        exact = jaccard(sets[left], sets[right])
        if exact < Fraction(4, 5) <= Fraction(sizes[0], sizes[1]):
            rejected.append((-exact, left, right, len(sets[left] & sets[right])))
    rejected.sort()
    assert len(rejected) > 400
    expected = [list(row[1:]) for row in rejected[:most]]
    found = verifier.best_rejected()
    assert found.T.tolist() == expected


@pytest.mark.parametrize(
    ("threshold", "measure"),
    [("0.65", "jaccard"), ("0.8", "jaccard"), ("0.95", "jaccard"), ("0.8", "containment")],
)
def test_a_look_at_the_smaller_hashes_never_rules_out_too_much(
    threshold: str, measure: str
) -> None:
    """Pairs at all distances and of all sizes, most of them far: the answer of a full look."""
    rng = np.random.default_rng(7)
    sets = []
    for _ in range(1500):
        common, left, right = rng.integers(0, (60, 40, 40)).tolist()
        shared, rest = hashes(rng, 1, common + 1)[0].tolist(), hashes(rng, 1, left + right)[0]
        sets += [{*shared, *rest[:left].tolist()}, {*shared, *rest[left:].tolist()}]
    store = store_of(sets, 3)
    near = [(place, place + 1) for place in range(0, len(sets), 2)]
    far = [(int(a), int(b)) for a, b in rng.integers(0, len(sets), (4000, 2))]
    pairs = near + far
    whole, ahead = (
        Verifier(store, Fraction(threshold), measure, keeps_rejected) for keeps_rejected in (1, 0)
    )
    assert compare(ahead, pairs) == compare(whole, pairs)
    assert whole.best_rejected().shape[1] > 100
    array = np.array(pairs).T
    hopeless = ahead._are_hopeless(*array)
    assert hopeless.mean() > 0.5  # so the short cut was taken
