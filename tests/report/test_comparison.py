"""Every figure of a comparison against naive Python, and the standard error against chance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh.parameters import Banding
from dedup.report.comparison import Compared, Comparison, compare
from dedup.text.hashing import UInt64Array
from tests import reference
from tests.text.texts import DETERMINISTIC

BANDING = Banding(17, 6)


def document(shingles: UInt64Array, fingerprint: int = 0) -> Compared:
    return Compared(shingles, fingerprint, num_tokens=len(shingles), has_text=True)


def compared(left: set[int], right: set[int]) -> Comparison:
    one, other = (np.array(sorted(hashes), np.uint64) for hashes in (left, right))
    return compare(document(one, 0b1011), document(other, 0b0001), BANDING)


hashes = st.sets(st.integers(0, (1 << 52) - 1).map(lambda n: n // 3), max_size=40)


@DETERMINISTIC
@given(left=hashes, right=hashes, both=hashes)
def test_measures_are_exact(left: set[int], right: set[int], both: set[int]) -> None:
    left, right = left | both, right | both
    found = compared(left, right)
    named = [{(str(number),) for number in one} for one in (left, right)]
    assert found.jaccard == reference.jaccard(*named)
    assert found.left_containment == reference.containment(named[1], named[0])
    assert found.right_containment == reference.containment(*named)
    assert (found.shared, found.union) == (len(left & right), len(left | right))
    assert found.measured("containment") == max(found.left_containment, found.right_containment)
    assert found.hamming == 2


def test_equal_sets_agree_in_everything() -> None:
    found = compared({1, 2, 3}, {1, 2, 3})
    assert (found.estimated_jaccard, found.standard_error) == (1, 0)
    assert found.collisions == tuple(range(17))
    assert found.candidate_probability == 1


def test_nothing_is_like_nothing() -> None:
    found = compared(set(), set())
    assert (found.jaccard, found.estimated_jaccard, found.collisions) == (Fraction(0), 0, ())


@pytest.mark.parametrize("union", [10, 50, 300, 3000])
@pytest.mark.parametrize("jaccard", [0.3, 0.8])
def test_the_standard_error_is_that_of_chance(union: int, jaccard: float) -> None:
    """And bands collide as often as the S-curve of this union says."""
    rng = np.random.default_rng(union)
    scores, hits, trials = [], 0, 800
    shared, alone = round(jaccard * union), (union - round(jaccard * union)) // 2
    for _ in range(trials):
        drawn = rng.choice(np.arange(4 * union), union, replace=False).astype(np.uint64)
        drawn = drawn * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(12)
        left = np.sort(drawn[: shared + alone])
        right = np.sort(np.concatenate([drawn[:shared], drawn[shared + alone :]]))
        found = compare(document(left), document(right), BANDING)
        error = found.estimated_jaccard - float(found.jaccard)
        scores.append(error / found.standard_error)
        hits += bool(found.collisions)
    # The root mean square of 800 scores has an error of 0.025, their mean one of 0.035.
    assert 0.9 < np.sqrt(np.mean(np.square(scores))) < 1.1
    assert abs(np.mean(scores)) < 4 / np.sqrt(trials)
    if union == 3000:
        chance = found.candidate_probability
        assert abs(hits / trials - chance) < 4 * np.sqrt(chance * (1 - chance) / trials) + 0.01
