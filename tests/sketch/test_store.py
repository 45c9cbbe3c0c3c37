"""The set store: random access to parts that may be empty, of any sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup.sketch.store import SetStore
from tests.random_sets import joined

sets_of_a_part = st.lists(st.sets(st.integers(0, (1 << 52) - 1), max_size=6), max_size=5)


@given(st.lists(sets_of_a_part, max_size=4), st.data())
def test_documents_are_numbered_across_parts(
    parts: list[list[set[int]]], data: st.DataObject
) -> None:
    store = SetStore([joined(part) for part in parts])
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


def test_an_empty_store_has_no_documents() -> None:
    store = SetStore([])
    assert len(store.sizes) == 0
    assert store.gather(np.zeros(0, np.int64)).dtype == np.uint64
