"""The containment join: no pair at the threshold is lost, whatever the lengths; caps count."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh import containment as module
from dedup.lsh.buckets import unpack_pairs
from dedup.lsh.containment import containment_pairs
from dedup.lsh.hot_buckets import BucketPairs
from tests.random_sets import store_of
from tests.set_worlds import ShingleSet, fresh, nested_world, set_world, template_pages

THRESHOLDS = [Fraction(1, 2), Fraction(4, 5), Fraction(9, 10), Fraction(1)]
NO_CAP = 10**9


def found_pairs(found: BucketPairs) -> set[tuple[int, int]]:
    later, earlier = unpack_pairs(found.pairs)
    assert (found.pairs[1:] > found.pairs[:-1]).all()
    assert (earlier < later).all()
    return set(zip(earlier.tolist(), later.tolist(), strict=True))


def contained_pairs(sets: list[ShingleSet], threshold: Fraction) -> set[tuple[int, int]]:
    """Return the pairs where either set holds the threshold's share of the other."""
    return {
        (a, b)
        for a, b in combinations(range(len(sets)), 2)
        if len(sets[a] & sets[b]) >= threshold * min(len(sets[a]), len(sets[b]))
    }


def check(sets: list[ShingleSet], threshold: Fraction) -> set[tuple[int, int]]:
    """Compare with brute force and return the pairs that the join listed."""
    found = containment_pairs(store_of(sets, 3), threshold, NO_CAP)
    assert (found.num_skipped, len(found.skipped_documents)) == (0, 0)
    pairs = found_pairs(found)
    assert contained_pairs(sets, threshold) <= pairs
    assert all(sets[a] & sets[b] for a, b in pairs)
    return pairs


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_no_pair_of_a_nested_world_is_lost(threshold: Fraction, seed: int) -> None:
    sets = nested_world(seed)
    pairs = check(sets, threshold)
    held = contained_pairs(sets, threshold)
    assert len(held) > 20
    # Nor is much compared that could be ruled out: sharing a shingle is not enough.
    sharing = sum(bool(sets[a] & sets[b]) for a, b in combinations(range(len(sets)), 2))
    assert len(pairs) < len(held) + (sharing - len(held)) / 2


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
def test_no_pair_of_a_world_of_templates_is_lost(threshold: Fraction) -> None:
    check(set_world(1, 150), threshold)


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=12),
    st.fractions(Fraction(1, 10), 1, max_denominator=20),
)
def test_no_pair_of_any_small_sets_is_lost(sets: list[set[int]], threshold: Fraction) -> None:
    check([{value << 40 for value in shingles} for shingles in sets], threshold)


@pytest.mark.parametrize("range_shingles", [10, 100, 3000])
@pytest.mark.parametrize(("chunk_pairs", "kept"), [(1, 0), (50, 300), (1 << 20, 1 << 20)])
def test_ranges_and_chunks_of_any_size_give_the_same(
    range_shingles: int, chunk_pairs: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = nested_world(5, 60) + template_pages(np.random.default_rng(5), 20, 12, 2)
    store = store_of(sets, 3)
    whole = [containment_pairs(store, Fraction(4, 5), cap) for cap in (NO_CAP, 3)]
    monkeypatch.setattr(module, "_RANGE_SHINGLES", range_shingles)
    monkeypatch.setattr(module, "_CHUNK_PAIRS", chunk_pairs)
    monkeypatch.setattr(module, "_KEPT_ENTRIES", kept)
    for cap, expected in zip((NO_CAP, 3), whole, strict=True):
        found = containment_pairs(store, Fraction(4, 5), cap)
        assert found.pairs.tolist() == expected.pairs.tolist()
        assert found.num_skipped == expected.num_skipped
        assert found.skipped_documents.tolist() == expected.skipped_documents.tolist()
    assert whole[1].num_skipped > 0


@pytest.mark.parametrize("ratio", [1, 2, 20])
@pytest.mark.parametrize(("common", "listed"), [(80, True), (79, False)])
def test_the_threshold_is_met_exactly(ratio: int, common: int, listed: bool) -> None:
    """A set of 100 with 80 in common is looked for; with 79 it is ruled out uncompared."""
    rng = np.random.default_rng(ratio)
    whole = fresh(rng, 100 * ratio + 1)
    part = set(sorted(whole)[:common]) | fresh(rng, 100 - common)
    sets = [part, fresh(rng, 50), whole]
    assert check(sets, Fraction(4, 5)) == ({(0, 2)} if listed else set())


def test_parts_in_many_documents_are_looked_up_by_their_rarest_shingles() -> None:
    """Pages that share a template meet in what is rare, or hardly at all."""
    rng = np.random.default_rng(6)
    pages = template_pages(rng, 150, 40, 12)
    inside = [set(sorted(page)[:40]) for page in pages[:20]]
    sets = [*pages, *inside]
    pairs = check(sets, Fraction(9, 10))
    assert {(number, 150 + number) for number in range(20)} <= pairs
    assert len(pairs) < 0.05 * len(sets) * len(sets) / 2


@pytest.mark.parametrize("max_comparisons", [1, 99, 1000, 4949, 4950])
def test_a_cap_keeps_the_largest_partners_and_counts_the_rest(max_comparisons: int) -> None:
    """Pages with 10 of 15 in common, of which 8 must be: three shingles bring 4,950 pairs each."""
    sets = template_pages(np.random.default_rng(7), 100, 10, 5)
    found = containment_pairs(store_of(sets), Fraction(1, 2), max_comparisons)
    reach = 99 if max_comparisons >= 4950 else max(1, max_comparisons // 99)
    expected = {(a, b) for b in range(100) for a in range(min(b, reach))}
    assert found_pairs(found) == expected
    assert found.num_skipped == 3 * (4950 - len(expected))
    assert found.skipped_documents.tolist() == [*range(reach + 1, 100)]


def test_capped_partners_are_the_largest() -> None:
    rng = np.random.default_rng(8)
    template = fresh(rng, 10)
    sets = [template | fresh(rng, own) for own in rng.permutation(60).tolist()]
    found = containment_pairs(store_of(sets), Fraction(1), 60)
    smallest = min(range(60), key=lambda document: len(sets[document]))
    largest = max(range(60), key=lambda document: len(sets[document]))
    # Only the smallest one lies in others, at 59 places of which no cap takes one.
    assert found.num_skipped == 0
    assert len(found_pairs(found)) == 59
    capped = containment_pairs(store_of(sets), Fraction(1), 1)
    assert found_pairs(capped) == {(min(smallest, largest), max(smallest, largest))}
    assert (capped.num_skipped, capped.skipped_documents.tolist()) == (58, [smallest])


def test_shingles_that_differ_in_their_low_bits_make_no_pair_with_oneself() -> None:
    """With many documents a sort key holds no more than the high bits of a hash."""
    rng = np.random.default_rng(9)
    sets: list[ShingleSet] = []
    for base in (rng.integers(0, 1 << 40, 1500) << 12).tolist():
        sets += [set(range(base, base + 10)), set(range(base + 4, base + 9)), {base + 9, base + 10}]
    for threshold in (Fraction(1, 2), Fraction(1)):
        pairs = found_pairs(containment_pairs(store_of(sets), threshold, NO_CAP))
        assert {(at, at + 1) for at in range(0, len(sets), 3)} <= pairs
        assert all(a // 3 == b // 3 for a, b in pairs)


def test_no_documents_and_loners_give_no_pairs() -> None:
    assert check([], Fraction(4, 5)) == set()
    assert check([{1}], Fraction(4, 5)) == set()
    assert check([{1}, {2}, {3, 4}], Fraction(1, 2)) == set()
