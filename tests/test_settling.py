"""Settling verified pairs: the same however they are cut, and past the last round."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import cluster
from dedup.cluster import Keepers
from dedup.edges import Edges
from dedup.spill.scratch import Scratch

GRAPHS = st.integers(2, 40).flatmap(
    lambda size: st.tuples(
        st.just(size), st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))
    )
)
CUTS = st.lists(st.integers(0, 1000), max_size=8)


def edges_of(pairs: set[tuple[int, int]]) -> Edges:
    """Return edges ascending by (right, left); each has a number of common shingles of its own."""
    found = sorted({(max(p), min(p)) for p in pairs if p[0] != p[1]})
    right, left = np.array(found, np.int64).reshape(-1, 2).T
    return Edges(left.copy(), right.copy(), np.arange(100, 100 + len(left)))


def one_after_another(num_documents: int, edges: Edges) -> tuple[list[int], list[int]]:
    """Return keepers and shingles in common with them, a document at a time."""
    keeper, common = list(range(num_documents)), [0] * num_documents
    rows = zip(edges.left.tolist(), edges.right.tolist(), edges.common.tolist(), strict=True)
    for left, right, shared in rows:
        if keeper[left] == left and keeper[right] == right:
            keeper[right], common[right] = left, shared
    return keeper, common


def settled(num_documents: int, edges: Edges, cuts: list[int]) -> tuple[list[int], list[int]]:
    keepers = Keepers(num_documents, Scratch())
    bounds = [0, *sorted(cut % (len(edges) + 1) for cut in cuts), len(edges)]
    for first, last in pairwise(bounds):
        keepers.settle(edges.choose(slice(first, last)))
    assert (keepers.removed == (keepers.keeper != np.arange(num_documents))).all()
    return keepers.keeper.tolist(), keepers.common.tolist()


@given(GRAPHS, CUTS, st.sampled_from([0, 1, 2, 64]))
def test_any_cut_and_any_number_of_rounds_is_one_after_another(
    graph: tuple[int, set[tuple[int, int]]], cuts: list[int], rounds: int
) -> None:
    size, pairs = graph
    edges = edges_of(pairs)
    expected = one_after_another(size, edges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "MAX_ROUNDS", rounds)
        assert settled(size, edges, []) == expected
        assert settled(size, edges, cuts) == expected


def test_every_cut_inside_one_right_side() -> None:
    """Some left sides of the last document are keepers, and the first of these removes it."""
    edges = edges_of({(0, 1), (2, 3), (1, 6), (3, 6), (4, 6), (5, 6)})
    expected = one_after_another(7, edges)
    assert expected[0] == [0, 0, 2, 2, 4, 5, 4]
    for cut in range(len(edges) + 1):
        assert settled(7, edges, [cut]) == expected
    assert settled(7, edges, list(range(len(edges)))) == expected


@pytest.mark.parametrize("cuts", [[], [63], [64, 65], list(range(0, 400, 7))])
def test_a_chain_longer_than_the_rounds(cuts: list[int]) -> None:
    edges = edges_of(set(pairwise(range(400))))
    keeper, _ = settled(400, edges, cuts)
    assert keeper == [place - place % 2 for place in range(400)]
