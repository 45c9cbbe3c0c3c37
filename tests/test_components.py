"""Connected components against networkx, whatever the order in which the edges come."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

from dedup.cluster import components
from dedup.spill.scratch import Scratch
from tests import reference
from tests.graphs import edges_of, graphs


def components_of(num_documents: int, pairs: set[tuple[int, int]]) -> list[int]:
    """Return the components of edges that come in three pieces."""
    edges = edges_of(pairs)
    third = max(1, -(-len(edges) // 3))
    pieces = [edges.choose(slice(first, first + third)) for first in range(0, len(edges), third)]
    found = components(num_documents, pieces, Scratch()).tolist()
    assert components(num_documents, reversed(pieces), Scratch()).tolist() == found
    return found


def networkx_components(num_documents: int, pairs: set[tuple[int, int]]) -> list[int]:
    graph = nx.Graph(pairs)
    graph.add_nodes_from(range(num_documents))
    label = list(range(num_documents))
    for component in nx.connected_components(graph):
        for document in component:
            label[document] = min(component)
    return label


@given(graphs)
def test_components_of_any_graph_are_those_of_networkx(
    graph: tuple[int, set[tuple[int, int]]],
) -> None:
    size, pairs = graph
    assert components_of(size, pairs) == networkx_components(size, pairs)


@pytest.mark.parametrize("num_edges", [200, 900, 1000, 1100, 3000])
def test_components_of_large_random_graphs(num_edges: int) -> None:
    rng = np.random.default_rng(num_edges)
    pairs = {(int(a), int(b)) for a, b in rng.integers(0, 2000, (num_edges, 2))}
    expected = networkx_components(2000, pairs)
    assert components_of(2000, pairs) == expected
    assert reference.components(2000, pairs) == expected


def test_components_of_long_paths_and_stars() -> None:
    rng = np.random.default_rng(4)
    for order in (np.arange(3000), np.arange(3000)[::-1], rng.permutation(3000)):
        path = set(zip(order[:-1].tolist(), order[1:].tolist(), strict=True))
        assert components_of(3001, path) == [*[0] * 3000, 3000]
    star = {(2999, place) for place in range(5, 2999)}
    assert components_of(3000, star) == [*range(5), *[5] * 2995]
