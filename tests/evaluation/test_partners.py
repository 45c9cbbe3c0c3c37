"""The partners of some documents are those that a look at all pairs finds."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh import partners as module
from dedup.lsh.partners import partners
from dedup.spill import runs
from dedup.spill.scratch import Scratch
from dedup.verify import Verifier
from tests.random_sets import store_of
from tests.set_worlds import ShingleSet, joined_edges, set_world, similar_pairs

THRESHOLDS = [Fraction(1, 100), Fraction(1, 2), Fraction(4, 5), Fraction(1)]


def check(
    sets: list[ShingleSet],
    some: list[int],
    threshold: Fraction,
    group: list[int] | None = None,
    scratch: Scratch | None = None,
) -> int:
    """Compare with brute force and return how many partners there are."""
    verifier = Verifier(store_of(sets, 3), threshold)
    of = None if group is None else np.array(group)
    found = joined_edges(partners(verifier, np.array(some, np.int64), scratch or Scratch(), of))
    rows = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    near = similar_pairs(sets, combinations(range(len(sets)), 2), threshold)
    near = {(a, b) for a, b in near if group is None or group[a] == group[b]}
    both_ways = near | {(b, a) for a, b in near}
    assert sorted(rows) == sorted(pair for pair in both_ways if pair[0] in some)
    for (a, b), common in zip(rows, found.common.tolist(), strict=True):
        assert common == len(sets[a] & sets[b])
    return len(rows)


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
@pytest.mark.parametrize("step", [1, 7])
def test_every_partner_is_found(threshold: Fraction, step: int) -> None:
    sets = set_world(4, 220)
    check(sets, list(range(0, 220, step)), threshold)


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=12),
    st.fractions(Fraction(1, 10), 1, max_denominator=20),
    st.integers(1, 3),
)
def test_any_small_sets(sets: list[set[int]], threshold: Fraction, num_groups: int) -> None:
    spread = [{value << 40 for value in shingles} for shingles in sets]
    group = [i % num_groups for i in range(len(sets))]
    check(spread, list(range(0, len(sets), 2)), threshold, group)


def test_in_passes_and_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sets = set_world(6, 200)
    some = list(range(0, 200, 3))
    expected = check(sets, some, Fraction(1, 2))
    assert expected > 20
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    for size in (30, 1000):
        monkeypatch.setattr(module, "_CHUNK_SHINGLES", 50 * size)
        monkeypatch.setattr(module, "_LOOKED_FOR", 100 * size)
        monkeypatch.setattr(module, "_COUNTED_SHINGLES", size)
        monkeypatch.setattr(module, "_VERIFIED_TOGETHER", size)
        monkeypatch.setattr(runs, "RUN_KEYS", 2000)
        scratch = Scratch(str(tmp_path), memory=0)
        assert check(sets, some, Fraction(1, 2), scratch=scratch) == expected


def test_nobody_has_no_partners() -> None:
    assert check(set_world(1, 50), [], Fraction(1, 2)) == 0
