"""The limits hold the truth as often as they say, in samples of worlds whose pairs are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, gamma

from dedup.evaluation.interval import gamma_interval
from dedup.evaluation.recall import APART, FOUND, LEFT, SQUARES, Sample, Stratum


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 100, 5000])
def test_with_equal_weights_the_limits_are_those_of_a_poisson_count(count: int) -> None:
    low, high = gamma_interval(count, count, 1)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=0.005)
    exact = chi2.ppf(0.025, 2 * count) / 2
    assert low == pytest.approx(exact, rel=0.05, abs=0.02)


def test_no_event_is_bounded_by_nearly_four() -> None:
    low, high = gamma_interval(0, 0, 2.5)
    assert low == 0
    assert high == pytest.approx(2.5 * 3.689, rel=0.01)
    assert gamma_interval(0, 0, 0) == (0, 0)
    assert gamma_interval(7, 0, 0) == (7, 7)


def test_unequal_weights_give_the_gamma_of_mean_and_variance() -> None:
    low, high = gamma_interval(40, 120, 6)
    assert low == pytest.approx(gamma.ppf(0.025, 40**2 / 120, scale=120 / 40), rel=0.01)
    assert high == pytest.approx(gamma.ppf(0.975, 46**2 / 156, scale=156 / 46), rel=0.01)


def pair_world(
    seed: int, missed_share: float, num_pairs: int = 3_000
) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    """Return what each of 20,000 documents has of pairs in hubs and couples, and the recall."""
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 20_000, (num_pairs, 2))
    hubs = rng.integers(0, 300, num_pairs)
    ends[: num_pairs // 2, 0] = hubs[: num_pairs // 2]
    ends = ends[ends[:, 0] != ends[:, 1]]
    found = rng.random(len(ends)) >= missed_share
    counts = np.zeros((20_000, 4))
    for kind, chosen in ((FOUND, found), (LEFT, ~found), (SQUARES, found | True)):
        for side in (0, 1):
            counts[:, kind] += np.bincount(ends[chosen, side], minlength=20_000)
    return counts, counts[:, FOUND] > 0, float(found.mean())


def drawn(
    counts: NDArray[np.float64], paired: NDArray[np.bool_], seed: int, most: int = 10**9
) -> Sample:
    rng = np.random.default_rng(seed)
    strata = [Stratum(rng.permutation(np.flatnonzero(chosen))) for chosen in (paired, ~paired)]
    sample = Sample(strata, 0)
    sample.draw(lambda units: counts[units], 0.02, most)
    return sample


@pytest.mark.parametrize("missed_share", [0.0, 0.001, 0.02, 0.2, 0.5, 0.9])
def test_limits_hold_the_truth(missed_share: float) -> None:
    held = 0
    for seed in range(100):
        counts, paired, truth = pair_world(seed % 10, missed_share)
        sample = drawn(counts, paired, seed)
        recall = sample.recall()
        assert recall is not None
        assert recall.half_width <= 0.02
        assert recall.low <= recall.value <= recall.high
        held += recall.low <= truth <= recall.high
    assert held >= 90


def test_totals_are_unbiased() -> None:
    counts, paired, _ = pair_world(1, 0.3)
    samples = [drawn(counts, paired, seed, most=2_500) for seed in range(200)]
    for kind in (FOUND, LEFT):
        totals = np.array([sample.total(kind) for sample in samples])
        error = totals.std() / np.sqrt(len(totals))
        assert abs(totals.mean() - counts[:, kind].sum() / 2) < 4 * error
    assert all(sample.total(APART) == 0 for sample in samples)


def test_all_drawn_is_the_truth_itself() -> None:
    counts, paired, truth = pair_world(2, 0.4)
    sample = drawn(counts, paired, 1, most=1)
    assert sample.half_width > 0.02
    sample.count_all(counts)
    recall = sample.recall()
    assert recall is not None
    assert recall.value == recall.low == recall.high == pytest.approx(truth)


@pytest.mark.parametrize("most", [3, 100, 700])
def test_few_documents_are_drawn_from_both_strata(most: int) -> None:
    counts, paired, _ = pair_world(4, 0.3)
    sample = drawn(counts, paired, 1, most)
    assert most - 2 <= sample.num_drawn <= most
    assert all(stratum.num_drawn for stratum in sample.strata) == (most > 10)
    assert sample.half_width > 0.02


def test_copies_are_found_and_narrow_the_limits() -> None:
    counts, paired, _ = pair_world(3, 0.2)
    sample = drawn(counts, paired, 1)
    alone, with_copies = sample.recall(), sample.recall(known=9_000)
    assert alone is not None
    assert with_copies is not None
    assert with_copies.half_width < alone.half_width
    total = sample.total(FOUND) + sample.total(LEFT)
    assert with_copies.value == pytest.approx((9_000 + alone.value * total) / (9_000 + total))


def test_no_pair_has_no_recall() -> None:
    sample = drawn(np.zeros((3_000, 4)), np.zeros(3_000, np.bool_), 1)
    assert sample.recall() is None
    assert sample.recall(known=5) is not None
    assert sample.num_drawn == 3_000
    assert sample.half_width == 0
