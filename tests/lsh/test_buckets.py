"""Buckets and pairs: against dictionaries and all combinations."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.lsh.buckets import (
    Buckets,
    all_pairs,
    group_by_key,
    pack_pairs,
    runs,
    unique_pairs,
    unpack_pairs,
)
from tests.set_worlds import bucket_pairs, buckets_of

groups = st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=8), max_size=8)


def members_of(buckets: Buckets) -> list[list[int]]:
    edges = buckets.offsets.tolist()
    return [buckets.members[start:stop].tolist() for start, stop in pairwise(edges)]


def grouped(keys: list[int]) -> list[list[int]]:
    """Group document numbers by key with a dictionary; those of two or more."""
    found: dict[int, list[int]] = {}
    for document, key in enumerate(keys):
        found.setdefault(key, []).append(document)
    return sorted(group for group in found.values() if len(group) > 1)


@pytest.mark.parametrize("num_documents", [0, 1, 2, 3, 64, 65, 5000])
def test_groups_are_those_of_a_dictionary(num_documents: int) -> None:
    rng = np.random.default_rng(num_documents)
    for num_keys in (1, 2, max(1, num_documents // 3), 10 * num_documents + 1):
        pool = rng.integers(0, 1 << 64, num_keys, dtype=np.uint64)
        keys = pool[rng.integers(0, num_keys, num_documents)]
        members, sizes = group_by_key(keys)
        assert members.dtype == np.int64
        assert sorted(members_of(Buckets.of([(members, sizes)]))) == grouped(keys.tolist())


def test_keys_that_differ_in_the_bits_of_the_document_number_alone_are_one_group() -> None:
    keys = np.array([0xFF00, 0xFF07, 0xFF08, 0xFF0F, 1 << 63, 5], np.uint64)
    members, sizes = group_by_key(keys)  # six documents take three bits
    assert (members.tolist(), sizes.tolist()) == ([0, 1, 2, 3], [2, 2])


@given(st.lists(st.integers(0, 9)))
def test_runs_are_where_sorted_values_change(values: list[int]) -> None:
    values.sort()
    starts = [at for at in range(len(values)) if at == 0 or values[at] != values[at - 1]]
    assert runs(np.array(values, np.uint64)).tolist() == [*starts, len(values)] or not values
    assert runs(np.zeros(0, np.uint64)).tolist() == [0]


@given(groups)
def test_all_pairs_are_all_combinations(members: list[set[int]]) -> None:
    buckets = buckets_of(members)
    later, earlier = unpack_pairs(all_pairs(buckets))
    expected = {pair for group in members for pair in combinations(sorted(group), 2)}
    found = list(zip(earlier.tolist(), later.tolist(), strict=True))
    assert set(found) == expected == bucket_pairs(buckets)
    assert found == sorted(expected, key=lambda pair: (pair[1], pair[0]))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))))
def test_pairs_are_packed_and_unpacked(pairs: list[tuple[int, int]]) -> None:
    array = np.array(pairs, np.int64).reshape(-1, 2)
    packed = pack_pairs(array[:, 0], array[:, 1])
    assert packed.tolist() == [high << 32 | low for high, low in pairs]
    high, low = unpack_pairs(packed)
    np.testing.assert_array_equal(np.stack([high, low], axis=1), array)
    high, low = unique_pairs(array[:, 0], array[:, 1])
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == sorted(set(pairs))


@given(groups, st.sets(st.integers(0, 30)), st.data())
def test_buckets_are_restricted_and_chosen(
    members: list[set[int]], kept: set[int], data: st.DataObject
) -> None:
    buckets = buckets_of(members)
    lists = [sorted(group) for group in members]
    assert len(buckets) == len(lists)
    assert buckets.sizes.tolist() == [len(group) for group in lists]
    assert members_of(buckets) == lists
    assert buckets.owners().tolist() == [
        number for number, group in enumerate(lists) for _ in group
    ]
    keep = np.array([document in kept for document in range(31)])
    survivors = [[document for document in group if document in kept] for group in lists]
    assert members_of(buckets.restrict(keep)) == [group for group in survivors if len(group) > 1]
    picks = data.draw(st.lists(st.booleans(), min_size=len(lists), max_size=len(lists)))
    chosen = buckets.choose(np.array(picks, np.bool_))
    assert members_of(chosen) == [group for group, pick in zip(lists, picks, strict=True) if pick]


def test_joining_nothing_gives_no_bucket() -> None:
    empty = Buckets.of([])
    assert len(empty) == 0
    assert len(all_pairs(empty)) == 0
