"""Graphs of documents: which of them are verified pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dedup.edges import Edges

graphs = st.integers(1, 40).flatmap(
    lambda size: st.tuples(
        st.just(size), st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))
    )
)


def edges_of(pairs: set[tuple[int, int]]) -> Edges:
    """Return edges left < right, ascending by (right, left)."""
    found = np.array(sorted({(max(p), min(p)) for p in pairs if p[0] != p[1]}), np.int64)
    right, left = found.reshape(-1, 2).T
    return Edges(left.copy(), right.copy(), np.ones(len(left), np.int64))
