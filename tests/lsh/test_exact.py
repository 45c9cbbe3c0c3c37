"""The exact join lists every pair at the threshold, in memory and on disk, and few others."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh import exact as module
from dedup.lsh import meetings
from dedup.lsh.buckets import unpack_pairs
from dedup.lsh.exact import exact_pairs
from dedup.spill import runs
from dedup.spill.scratch import Scratch
from tests.random_sets import store_of
from tests.set_worlds import ShingleSet, set_world, similar_pairs, template_pages

THRESHOLDS = [Fraction(1, 100), Fraction(1, 2), Fraction(2, 3), Fraction(4, 5), Fraction(1)]


def listed(
    sets: list[ShingleSet],
    threshold: Fraction,
    group: list[int] | None = None,
    scratch: Scratch | None = None,
) -> set[tuple[int, int]]:
    of = None if group is None else np.array(group)
    found = exact_pairs(store_of(sets, 3), threshold, scratch or Scratch(), of)
    pairs = set()
    for keys in found.ascending():
        later, earlier = unpack_pairs(keys)
        assert (earlier < later).all()
        pairs |= set(zip(earlier.tolist(), later.tolist(), strict=True))
    return pairs


def check(
    sets: list[ShingleSet],
    threshold: Fraction,
    group: list[int] | None = None,
    scratch: Scratch | None = None,
) -> set[tuple[int, int]]:
    """Compare with brute force and return all pairs that were listed."""
    found = listed(sets, threshold, group, scratch)
    allowed = {
        (a, b)
        for a, b in combinations(range(len(sets)), 2)
        if group is None or group[a] == group[b]
    }
    assert found <= allowed
    assert similar_pairs(sets, found, threshold) == similar_pairs(sets, allowed, threshold)
    return found


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_no_pair_of_a_world_is_missed(threshold: Fraction, seed: int) -> None:
    check(set_world(seed, 240), threshold)


@pytest.mark.parametrize("threshold", [Fraction(1, 2), Fraction(2, 3), Fraction(4, 5)], ids=str)
def test_pairs_exactly_at_the_threshold(threshold: Fraction) -> None:
    """Sets of n and m shingles with so many in common that the threshold is met exactly."""
    rng = np.random.default_rng(7)
    sets: list[ShingleSet] = []
    for union in range(threshold.denominator, 60, threshold.denominator):
        common = int(union * threshold)
        for left_only in (0, (union - common) // 2, union - common):
            shared, left, right = (
                {int(v) for v in rng.integers(0, 1 << 52, size)}
                for size in (common, left_only, union - common - left_only)
            )
            sets += [shared | left, shared | right]
            # Beside them, a pair with one shingle less in common.
            sets += [shared | left | {1 + 2 * len(sets)}, shared | right | {2 + 2 * len(sets)}]
    pairs = check(sets, threshold)
    at = {pair for pair in pairs if similar_pairs(sets, [pair], threshold)}
    assert len(at) >= len(sets) // 4


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=12),
    st.fractions(Fraction(1, 10), 1, max_denominator=20),
    st.integers(1, 3),
)
def test_any_small_sets(sets: list[set[int]], threshold: Fraction, num_groups: int) -> None:
    spread = [{value << 40 for value in shingles} for shingles in sets]
    check(spread, threshold, [i % num_groups for i in range(len(sets))])


def test_groups_do_not_meet() -> None:
    sets = set_world(2, 150)
    group = np.random.default_rng(1).integers(0, 4, len(sets)).tolist()
    inside = check(sets, Fraction(1, 2), group)
    assert 10 < len(inside) < len(listed(sets, Fraction(1, 2)))


def test_on_disk_and_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sets = set_world(5, 200)
    expected = check(sets, Fraction(1, 2))
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    for tokens, hits, keys in ((10, 50, 30), (100, 300, 400)):
        monkeypatch.setattr(module, "_CHUNK_TOKENS", tokens)
        monkeypatch.setattr(meetings, "_HITS_TOGETHER", hits)
        monkeypatch.setattr(runs, "RUN_KEYS", keys)
        scratch = Scratch(str(tmp_path), memory=0)
        assert check(sets, Fraction(1, 2), scratch=scratch) == expected


def test_unlike_pages_of_a_template_are_hardly_listed() -> None:
    sets = template_pages(np.random.default_rng(4), 300, 40, 20)
    assert len(check(sets, Fraction(4, 5))) < 0.01 * 300 * 299 / 2


@pytest.mark.parametrize("sets", [[], [{1}], [{1}, {2}], [set(range(50))] * 2])
def test_few_documents(sets: list[ShingleSet]) -> None:
    assert len(check(sets, Fraction(4, 5))) == (len(sets) == 2 and sets[0] == sets[1])
