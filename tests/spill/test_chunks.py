"""Chunks cover a row of items in order, each as large as the budget allows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup.spill.chunks import chunks


@given(
    st.lists(st.integers(0, 9), max_size=30),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(1, 5)),
    st.integers(0, 1 << 40),
)
def test_chunks_are_the_largest_that_fit(
    sizes: list[int], most: int, most_items: int | None, start: int
) -> None:
    bounds = start + np.cumsum([0, *sizes])
    found = list(chunks(bounds, most, most_items))
    assert [item for first, last in found for item in range(first, last)] == list(range(len(sizes)))
    for first, last in found:
        assert last - first == 1 or sum(sizes[first:last]) <= most
        assert most_items is None or last - first <= most_items
        full = sum(sizes[first : last + 1]) > most or last - first == most_items
        assert full or last == len(sizes)
