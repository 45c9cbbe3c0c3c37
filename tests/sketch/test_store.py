"""The set store: random access to parts that may be empty, of any sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.random_sets import joined, store_of_parts

sets_of_a_part = st.lists(st.sets(st.integers(0, (1 << 52) - 1), max_size=6), max_size=5)


@given(st.lists(sets_of_a_part, max_size=4), st.data())
def test_documents_are_numbered_across_parts(
    parts: list[list[set[int]]], data: st.DataObject
) -> None:
    store = store_of_parts(parts)
    documents = [sorted(each) for part in parts for each in part]
    assert store.sizes.tolist() == [len(each) for each in documents]
    places = st.lists(st.integers(0, len(documents) - 1)) if documents else st.just([])
    wanted = np.array(data.draw(places), np.int64)
    expected = [value for place in wanted for value in documents[place]]
    assert store.gather(wanted).tolist() == expected
    # A selection renumbers: its document i is the store's wanted[i], also selected twice over.
    chosen = store.select(wanted)
    assert chosen.sizes.tolist() == [len(documents[place]) for place in wanted]
    everything = np.arange(len(wanted))
    assert chosen.gather(everything).tolist() == expected
    backwards = chosen.select(everything[::-1]).gather(everything)
    assert backwards.tolist() == [v for place in wanted[::-1] for v in documents[place]]


@given(st.lists(sets_of_a_part, max_size=4), st.integers(1, 9), st.data())
def test_ranges_hold_each_shingle_once(
    parts: list[list[set[int]]], num_ranges: int, data: st.DataObject
) -> None:
    store = store_of_parts(parts)
    documents = [each for part in parts for each in part]
    chosen = data.draw(st.permutations(range(len(documents))))
    store = store.select(np.array(chosen, np.int64))
    ranges = list(store.ranges(num_ranges))
    starts = [start for start, _, _ in ranges]
    assert starts == [number * 2**52 // num_ranges for number in range(num_ranges)]
    found = []
    for (start, values, owners), end in zip(ranges, [*starts[1:], 2**52], strict=True):
        assert all(start <= value < end for value in values.tolist())
        found += zip(owners.tolist(), values.tolist(), strict=True)
    expected = [(new, value) for new, old in enumerate(chosen) for value in documents[old]]
    assert sorted(found) == sorted(expected)


def test_neighbours_by_place_alone_are_not_one_slice() -> None:
    """The second part's second set starts where the first part's first one ends."""
    store = store_of_parts([[{1, 2, 3}, {4, 5}], [{6, 7, 8}, {9, 10}]])
    assert store.gather(np.array([0, 3])).tolist() == [1, 2, 3, 9, 10]
    assert store.gather(np.array([0, 1])).tolist() == [1, 2, 3, 4, 5]
    assert store.gather(np.array([1, 0])).tolist() == [4, 5, 1, 2, 3]


@given(st.lists(sets_of_a_part, min_size=1, max_size=4), st.data())
def test_replaced_sets_are_the_new_ones(parts: list[list[set[int]]], data: st.DataObject) -> None:
    store = store_of_parts(parts)
    documents = [sorted(each) for part in parts for each in part]
    before = list(documents)
    chosen = (
        data.draw(st.lists(st.sampled_from(range(len(documents))), unique=True))
        if documents
        else []
    )
    sets = [data.draw(st.sets(st.integers(0, 99), max_size=4)) for _ in chosen]
    for place, each in zip(chosen, sets, strict=True):
        documents[place] = sorted(each)
    values, bounds = joined(sets)
    changed = store.replaced(np.array(chosen, np.int64), [values], np.diff(bounds))
    for found, expected in ((changed, documents), (store, before)):
        everything = found.gather(np.arange(len(expected)))
        assert everything.tolist() == [value for each in expected for value in each]
        assert found.sizes.tolist() == [len(each) for each in expected]


def test_an_empty_store_has_no_documents() -> None:
    store = store_of_parts([])
    assert len(store.sizes) == 0
    assert store.gather(np.zeros(0, np.int64)).dtype == np.uint64
