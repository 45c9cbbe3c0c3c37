"""The share of duplicates from a sample: exact for the whole, right on average, within limits."""

from __future__ import annotations

import numpy as np
import pytest

from dedup.planning.shares import Share, duplicate_share


def corpus(sizes: list[tuple[int, int]]) -> tuple[np.ndarray, float]:
    """Return the family of each document, for (families, of how many), and the true share."""
    counts = np.concatenate([np.full(number, size) for number, size in sizes])
    return np.repeat(np.arange(len(counts)), counts), 1 - len(counts) / counts.sum()


def looked_at(family: np.ndarray, sampled: float, rng: np.random.Generator) -> Share:
    """Look at some of 400 slices, over which the documents lie in any order."""
    place = rng.integers(0, 400, len(family))
    chosen = rng.random(400) < sampled
    chosen[0] = True
    seen = chosen[place]
    return duplicate_share(family[seen], place[seen], float(chosen.mean()))


WORLDS = {
    "pairs": ([(60_000, 1), (20_000, 2)], 0.3),
    "pairs, few seen": ([(60_000, 1), (20_000, 2)], 0.05),
    "families of 20": ([(60_000, 1), (1_000, 20)], 0.05),
    "one of 30,000": ([(70_000, 1), (1, 30_000)], 0.05),
    "nothing": ([(60_000, 1)], 0.05),
}


@pytest.mark.parametrize("name", WORLDS)
def test_near_the_truth_and_within_limits(name: str) -> None:
    sizes, sampled = WORLDS[name]
    family, truth = corpus(sizes)
    rng = np.random.default_rng(7)
    shares = [looked_at(rng.permutation(family), sampled, rng) for _ in range(20)]
    estimates = np.array([share.estimate for share in shares])
    held = [share.low <= truth <= share.high for share in shares]
    assert abs(estimates.mean() - truth) <= 0.15 * truth + 1e-4
    assert sum(held) >= 18
    assert max(share.high for share in shares) < truth + 0.5


def test_copies_that_lie_side_by_side_do_not_count_twice() -> None:
    """Each pair lies in one slice: the share in the sample is that of the corpus."""
    family = np.repeat(np.arange(10_000), 2)
    place = family // 50
    chosen = np.random.default_rng(3).permutation(200)[:20]
    seen = np.isin(place, chosen)
    share = duplicate_share(family[seen], place[seen], 0.1)
    assert share.estimate == pytest.approx(0.5)
    assert share.low < 0.5 < share.high < 0.6


@pytest.mark.parametrize("number", [4, 10])
def test_few_slices_are_no_bias(number: int) -> None:
    family = np.repeat(np.arange(20_000), 2)
    rng = np.random.default_rng(5)
    estimates = []
    for _ in range(40):
        place = rng.integers(0, 20, len(family))
        seen = np.isin(place, rng.permutation(20)[:number])
        share = duplicate_share(family[seen], place[seen], number / 20)
        assert share.low < 0.5 < share.high
        estimates.append(share.estimate)
    assert np.mean(estimates) == pytest.approx(0.5, rel=0.02)


def test_the_whole_is_a_count() -> None:
    family, truth = corpus([(5, 1), (3, 2), (2, 7)])
    share = duplicate_share(family, np.arange(len(family)), 1.0)
    assert share == Share(truth, truth, truth)
    assert truth == pytest.approx(15 / 25)


def test_no_document_has_no_duplicates() -> None:
    none = np.zeros(0, np.int64)
    assert duplicate_share(none, none, 0.5) == Share(0.0, 0.0, 0.0)
