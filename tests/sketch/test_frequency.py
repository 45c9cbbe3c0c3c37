"""Common shingles of sources: exactly those that a Counter finds, however much shares a cell."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dedup.sketch import frequency
from dedup.sketch.frequency import CommonShingles, OwnedDocuments, common_shingles
from tests.random_sets import store_of

LIMITS = np.array([2, 3, 5, 9, 1])


def sourced_sets(seed: int, pool: int) -> tuple[list[set[int]], list[int]]:
    """Return sets over a small pool of shingles, and their sources, in order."""
    rng = np.random.default_rng(seed)
    owners = sorted(rng.integers(0, len(LIMITS) - 1, 60).tolist())
    values = rng.integers(0, 1 << 52, pool)
    sets = [set(rng.choice(values, int(rng.integers(1, 30))).tolist()) for _ in owners]
    return sets, owners


def owned(sets: list[set[int]], owners: list[int]) -> OwnedDocuments:
    return OwnedDocuments(store_of(sets, 3), np.arange(len(sets)), np.array(owners))


def naive(sets: list[set[int]], owners: list[int]) -> list[int]:
    counts = Counter((o, s) for o, each in zip(owners, sets, strict=True) for s in each)
    return sorted(o << 52 | s for (o, s), count in counts.items() if count >= LIMITS[o])


@pytest.mark.parametrize("cell_bits", [1, 4, 21])
@pytest.mark.parametrize("chunk", [1, 40, 1 << 22])
@pytest.mark.parametrize("pool", [40, 300])
def test_counts_are_exact(
    pool: int, chunk: int, cell_bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frequency, "_CELL_BITS", cell_bits)
    monkeypatch.setattr(frequency, "CHUNK_SHINGLES", chunk)
    sets, owners = sourced_sets(pool + chunk, pool)
    expected = naive(sets, owners)
    assert 10 < len(expected) < sum(map(len, sets)) / 2
    common = common_shingles(owned(sets, owners), LIMITS)
    assert common.keys.tolist() == expected
    by_owner = Counter(key >> 52 for key in expected)
    assert common.counts(len(LIMITS)).tolist() == [by_owner[o] for o in range(len(LIMITS))]
    everything = owned(sets, owners).keys(0, len(sets))
    assert common.have(everything).tolist() == [key in set(expected) for key in everything.tolist()]


def test_documents_may_be_any_of_the_store() -> None:
    store = store_of([{1, 2}, {7}, {2, 3}, {2, 9}])
    chosen = OwnedDocuments(store, np.array([3, 0, 2]), np.array([0, 1, 1]))
    assert common_shingles(chosen, np.array([1, 2])).keys.tolist() == [2, 9, 1 << 52 | 2]


def test_no_common_shingle_is_had_by_none() -> None:
    assert not CommonShingles.none().have(np.arange(5, dtype=np.uint64)).any()
    assert CommonShingles.none().counts(2).tolist() == [0, 0]


def test_chunks_cover_all_documents_in_order() -> None:
    sets = [set(range(size)) for size in (3, 1, 5, 9, 2, 2, 1)]
    documents = owned(sets, [0] * len(sets))
    for most in (1, 4, 9, 100):
        slices = list(documents.chunks(most))
        assert [d for first, last in slices for d in range(first, last)] == list(range(len(sets)))
        for first, last in slices:
            assert last == first + 1 or sum(map(len, sets[first:last])) <= most
