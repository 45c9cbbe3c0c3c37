"""The S-curve against enumeration, and the banding against what it promises."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh.parameters import Banding, choose_banding, s_curve

RECALLS = (0.5, 0.9, 0.95, 0.99, 0.999, 0.999999)
THRESHOLDS = [Fraction(percent, 100) for percent in range(5, 101, 5)]


@given(st.fractions(0, 1, max_denominator=50), st.integers(1, 40), st.integers(1, 20))
def test_the_plain_curve_is_its_formula(similarity: Fraction, bands: int, rows: int) -> None:
    exact = 1 - (1 - similarity**rows) ** bands
    assert s_curve(float(similarity), bands, rows) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(
    ("union", "common", "bands", "rows"),
    [
        (6, 4, 2, 2),
        (6, 5, 3, 2),
        (7, 3, 2, 3),
        (7, 3, 3, 1),
        (7, 6, 2, 3),
        (5, 0, 2, 2),
        (6, 6, 2, 3),
    ],
)
def test_the_curve_of_a_union_is_found_by_counting_all_draws(
    union: int, common: int, bands: int, rows: int
) -> None:
    """Components are shingles of the union, none drawn twice; the first `common` are shared."""
    draws = list(permutations(range(union), bands * rows))
    hits = sum(
        any(
            all(shingle < common for shingle in draw[band * rows : (band + 1) * rows])
            for band in range(bands)
        )
        for draw in draws
    )
    expected = Fraction(hits, len(draws))
    assert s_curve(Fraction(common, union), bands, rows, union) == float(expected)
    assert s_curve(common / union, bands, rows, union) == float(expected)


def test_the_curve_of_a_large_union_nears_the_plain_one() -> None:
    plain = s_curve(0.8, 17, 6)
    distances = [abs(s_curve(0.8, 17, 6, union) - plain) for union in (200, 1000, 5000, 10**6)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.003
    assert distances[2] < 0.0002
    assert distances[3] < 1e-6


def test_curves_rise_from_0_to_1() -> None:
    for union in (None, 400):
        values = [s_curve(Fraction(common, 400), 17, 6, union) for common in range(401)]
        assert values[0] == 0
        assert values[-1] == 1
        assert values == sorted(values)
        assert Banding(17, 6).candidate_probability(0.8) == s_curve(0.8, 17, 6)


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
def test_bands_are_the_fewest_that_leave_30_percent_of_the_misses(
    threshold: Fraction, recall: float
) -> None:
    banding = choose_banding(threshold, recall)
    allowed = 0.7 * (1 - recall)
    missed = (1 - float(threshold) ** banding.rows) ** banding.bands
    assert missed <= allowed * (1 + 1e-9)
    if banding.bands > 1:
        assert (1 - float(threshold) ** banding.rows) ** (banding.bands - 1) > allowed
    assert banding.num_hashes == banding.bands * banding.rows


def test_the_banding_is_pinned() -> None:
    """A change here is a change of every default run's candidates, to be told in the changelog."""
    found = {text: choose_banding(Fraction(text), 0.99) for text in ("0.5", "0.7", "0.8", "0.9")}
    assert found == {
        "0.5": Banding(77, 4),
        "0.7": Banding(27, 5),
        "0.8": Banding(17, 6),
        "0.9": Banding(9, 8),
    }
    assert choose_banding(Fraction(1), 0.99) == Banding(1, 32)


def test_rows_do_not_fall_as_the_threshold_rises() -> None:
    rows = [choose_banding(Fraction(percent, 100), 0.99).rows for percent in range(1, 101)]
    assert rows == sorted(rows)
    # And so much that unlike documents, at Jaccard 0.05, seldom meet.
    for percent in range(50, 101):
        banding = choose_banding(Fraction(percent, 100), 0.99)
        assert banding.candidate_probability(0.05) < 0.0005
