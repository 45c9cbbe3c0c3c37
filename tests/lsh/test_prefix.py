"""The prefix filter: it loses no pair at the threshold, and what its cap leaves out is counted."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh import hot_buckets as module
from dedup.lsh.buckets import Buckets, unpack_pairs
from dedup.lsh.hot_buckets import BucketPairs, hot_pairs
from dedup.lsh.prefix import prefix_lengths, rare_prefixes
from dedup.sketch.store import SetStore
from dedup.spill.scratch import Scratch
from tests.random_sets import store_of
from tests.set_worlds import (
    ShingleSet,
    bucket_pairs,
    buckets_of,
    drifting_family,
    set_world,
    similar_pairs,
    template_pages,
)

THRESHOLDS = [Fraction(1, 2), Fraction(4, 5), Fraction(9, 10), Fraction(1)]
NO_CAP = 10**9
# Template and own shingles of pages that are all exactly at the threshold to each other.
AT_THRESHOLD = {
    Fraction(1, 2): (40, 20),
    Fraction(4, 5): (40, 5),
    Fraction(9, 10): (36, 2),
    Fraction(1): (30, 0),
}


def prefix_pairs(
    buckets: Buckets, sets: SetStore, threshold: Fraction, max_comparisons: int
) -> BucketPairs:
    return hot_pairs(buckets, sets, threshold, max_comparisons, Scratch())


def found_pairs(found: BucketPairs) -> set[tuple[int, int]]:
    later, earlier = unpack_pairs(found.pairs)
    assert (found.pairs[1:] > found.pairs[:-1]).all()
    return set(zip(earlier.tolist(), later.tolist(), strict=True))


def check(sets: list[ShingleSet], buckets: Buckets, threshold: Fraction) -> set[tuple[int, int]]:
    """Compare with brute force and return the pairs that the filter let through."""
    found = prefix_pairs(buckets, store_of(sets, 3), threshold, NO_CAP)
    pairs = found_pairs(found)
    allowed = bucket_pairs(buckets)
    assert pairs <= allowed
    assert similar_pairs(sets, pairs, threshold) == similar_pairs(sets, allowed, threshold)
    for left, right in pairs:
        sizes = sorted((len(sets[left]), len(sets[right])))
        assert Fraction(sizes[0], sizes[1]) >= threshold
    assert (found.num_skipped, len(found.skipped_documents)) == (0, 0)
    return pairs


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_no_pair_of_a_world_of_templates_is_lost(threshold: Fraction, seed: int) -> None:
    sets = set_world(seed, 240)
    pairs = check(sets, buckets_of([range(len(sets))]), threshold)
    assert len(pairs) < 240 * 239 // 4


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=str)
def test_no_pair_exactly_at_the_threshold_is_lost(threshold: Fraction) -> None:
    """The rare shingles come first, so such pairs meet in the last place of their prefixes."""
    template, own = AT_THRESHOLD[threshold]
    sets = template_pages(np.random.default_rng(1), 90, template, own)
    everyone = buckets_of([range(90)])
    assert len(similar_pairs(sets, bucket_pairs(everyone), threshold)) == 90 * 89 // 2
    assert len(check(sets, everyone, threshold)) == 90 * 89 // 2
    # One shingle more of its own in each, and none is.
    apart = template_pages(np.random.default_rng(2), 90, template, own + 1)
    assert not similar_pairs(apart, bucket_pairs(everyone), threshold)
    check([*sets, *apart], buckets_of([range(180)]), threshold)


@pytest.mark.parametrize("threshold", THRESHOLDS[:3], ids=str)
def test_no_pair_of_unequal_sizes_at_the_threshold_is_lost(threshold: Fraction) -> None:
    """A set and its parts: Jaccard is the share of the sizes, at the threshold and beside it."""
    rng = np.random.default_rng(3)
    sets = []
    for _ in range(12):
        (whole,) = template_pages(rng, 1, 60, 0)
        values = sorted(whole)
        sets += [
            {values[place] for place in rng.permutation(60)[:size].tolist()}
            for size in (20, 29, 30, 31, 47, 48, 49, 53, 54, 55, 59, 60)
        ]
    check(sets, buckets_of([range(len(sets))]), threshold)


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=12),
    st.fractions(Fraction(1, 10), 1, max_denominator=20),
)
def test_no_pair_of_any_small_sets_is_lost(sets: list[set[int]], threshold: Fraction) -> None:
    spread = [{value << 40 for value in shingles} for shingles in sets]
    check(spread, buckets_of([range(len(sets)), range(0, len(sets), 2)]), threshold)


def test_unlike_pages_of_a_template_are_hardly_compared() -> None:
    """Pages at Jaccard 0.5 with a few true pairs among them: the case the filter is for."""
    rng = np.random.default_rng(4)
    sets = template_pages(rng, 300, 40, 20)
    for page in range(10):
        sets += drifting_family(rng, sets[page], 2, 1)[1:]
    pairs = check(sets, buckets_of([range(len(sets))]), Fraction(4, 5))
    assert 10 <= len(pairs) < 0.01 * 310 * 309 / 2


@pytest.mark.parametrize("chunk_entries", [1, 50, 2000, 1 << 20])
@pytest.mark.parametrize("chunk_hits", [0, 2000, 1 << 21])
def test_many_buckets_in_chunks_of_any_size(
    chunk_entries: int, chunk_hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK_TOKENS", chunk_entries)
    monkeypatch.setattr(module, "_SLICE_TOKENS", max(20, chunk_entries // 4))
    monkeypatch.setattr(module, "_CHUNK_HITS", chunk_hits)
    rng = np.random.default_rng(5)
    sets = set_world(5, 200)
    groups = [rng.permutation(200)[: int(rng.integers(2, 90))].tolist() for _ in range(12)]
    check(sets, buckets_of([*groups, groups[0], groups[1][:2]]), Fraction(4, 5))


def test_no_buckets_give_no_pairs() -> None:
    assert check([], buckets_of([]), Fraction(4, 5)) == set()


@pytest.mark.parametrize("threshold", [*THRESHOLDS, Fraction(1, 20), Fraction(17, 20)], ids=str)
def test_prefixes_are_as_long_as_they_must_be_and_no_longer(threshold: Fraction) -> None:
    sizes = np.arange(1, 120)
    probe, index = prefix_lengths(sizes, threshold)

    def least_common(size: int, partners: range) -> int:
        """Return the fewest shingles that a pair at the threshold can have in common."""
        return min(
            common
            for partner in partners
            for common in range(min(size, partner) + 1)
            if Fraction(common, size + partner - common) >= threshold
        )

    for size in (1, 2, 3, 5, 9, 10, 20, 41, 60):
        # A partner has t n shingles at least, where all of its own are shared.
        any_partner = range(max(1, int(threshold * size)), size + 1)
        assert probe[size - 1] == size - least_common(size, any_partner) + 1
        assert index[size - 1] == size - least_common(size, range(size, size + 1)) + 1


def test_prefixes_hold_the_rare_shingles_in_one_order_for_all() -> None:
    sets = template_pages(np.random.default_rng(6), 150, 40, 8)
    template = set.intersection(*sets)
    documents = np.arange(10, 150)
    found = rare_prefixes(store_of(sets), documents, Fraction(4, 5), Scratch())
    assert found.documents.tolist() == documents.tolist()
    orders = []
    for place, document in enumerate(documents.tolist()):
        start, stop = found.offsets[place : place + 2].tolist()
        tokens = found.tokens[start:stop].tolist()
        assert len(set(tokens)) == len(tokens) == 48 - 39 + 1
        assert set(tokens) <= sets[document]
        assert set(tokens[:8]) == sets[document] - template  # its own come first
        indexed = found.indexed[start:stop].tolist()
        assert indexed == [True] * (48 - 43 + 1) + [False] * 4
        orders.append(tuple(tokens[8:]))
    assert len(set(orders)) == 1


@pytest.mark.parametrize("max_comparisons", [1, 10, 100, 500, 3000, 4004, 4005])
@pytest.mark.parametrize("others", [0, 3])
def test_a_cap_cuts_a_bucket_short_in_keeper_order(max_comparisons: int, others: int) -> None:
    rng = np.random.default_rng(7)
    template, own = AT_THRESHOLD[Fraction(4, 5)]
    sets = template_pages(rng, 90, template, own)  # 4,005 pairs, all at the threshold
    groups = [list(range(90))]
    for _ in range(others):  # buckets of a pair, which no cap here touches
        groups.append([len(sets), len(sets) + 1])
        sets += template_pages(rng, 2, 40, 1)
    found = hot_pairs(
        buckets_of(groups), store_of(sets), Fraction(4, 5), max_comparisons, Scratch()
    )
    pairs = found_pairs(found)
    small = {(90 + 2 * number, 91 + 2 * number) for number in range(others)}
    assert small <= pairs
    inside = pairs - small
    skipped = found.skipped_documents.tolist()
    kept = 90 - len(skipped)
    assert skipped == list(range(kept, 90))
    # Whoever is not skipped is compared with all before it; the next would pass the cap.
    assert inside == set(combinations(range(kept), 2))
    assert len(inside) <= max_comparisons
    assert found.num_skipped == 4005 - kept * (kept - 1) // 2
    assert kept == max(n for n in range(91) if n * (n - 1) // 2 <= max_comparisons)


def test_a_bucket_with_too_many_meetings_is_cut_before_they_are_listed() -> None:
    """Sets that meet but do not fit in size cost meetings without making pairs."""
    (whole,) = template_pages(np.random.default_rng(8), 1, 400, 0)
    values = sorted(whole)
    rng = np.random.default_rng(9)
    sizes = [2 ** int(power) for power in rng.integers(0, 9, 200)]
    sets = [set(values[:size]) for size in sizes]
    everything = found_pairs(
        prefix_pairs(buckets_of([range(200)]), store_of(sets), Fraction(1, 2), NO_CAP)
    )
    found = prefix_pairs(buckets_of([range(200)]), store_of(sets), Fraction(1, 2), 20)
    kept = 200 - len(found.skipped_documents)
    assert found.skipped_documents.tolist() == list(range(kept, 200))
    assert found_pairs(found) == {pair for pair in everything if pair[1] < kept}
    assert len(found.pairs) <= 20
    assert found.num_skipped == 200 * 199 // 2 - kept * (kept - 1) // 2 > 0


def near_copies(num_documents: int, size: int) -> list[ShingleSet]:
    """Return sets that differ from one by three shingles: they meet all along their prefixes."""
    rng = np.random.default_rng(11)
    (start,) = template_pages(rng, 1, size, 0)
    return [
        set(sorted(start)[: size - 3]) | page for page in template_pages(rng, num_documents, 0, 3)
    ]


@pytest.mark.parametrize("max_comparisons", [1, 300, 3000, 5000, 11_174, 11_175])
def test_a_cap_counts_the_comparisons_of_near_copies_not_their_meetings(
    max_comparisons: int,
) -> None:
    sets = near_copies(150, 400)
    found = prefix_pairs(
        buckets_of([range(150), range(100, 150)]), store_of(sets), Fraction(1, 2), max_comparisons
    )
    kept = [
        max(n for n in range(size + 1) if n * (n - 1) // 2 <= max_comparisons) for size in (150, 50)
    ]
    first, second = range(kept[0]), range(100, 100 + kept[1])
    assert found_pairs(found) == {*combinations(first, 2), *combinations(second, 2)}
    assert found.skipped_documents.tolist() == sorted(
        {*range(kept[0], 150), *range(100 + kept[1], 150)}
    )
    skipped = [n * (n - 1) // 2 for n in (150, 50)], [n * (n - 1) // 2 for n in kept]
    assert found.num_skipped == sum(skipped[0]) - sum(skipped[1])


def test_shingles_that_no_other_document_has_cost_no_comparisons() -> None:
    """Long documents that share a template's few shingles meet nowhere in their prefixes."""
    sets = template_pages(np.random.default_rng(12), 100, 3, 1500)
    found = prefix_pairs(buckets_of([range(100)]), store_of(sets), Fraction(1, 2), 10)
    assert (len(found.pairs), found.num_skipped, len(found.skipped_documents)) == (0, 0, 0)


def test_a_document_skipped_in_one_bucket_is_compared_in_another() -> None:
    sets = template_pages(np.random.default_rng(10), 90, 40, 5)
    found = prefix_pairs(buckets_of([range(90), [0, 88, 89]]), store_of(sets), Fraction(4, 5), 100)
    pairs = found_pairs(found)
    assert {(0, 88), (0, 89), (88, 89)} <= pairs
    assert {88, 89} <= set(found.skipped_documents.tolist())
    assert len(set(found.skipped_documents.tolist())) == len(found.skipped_documents)
