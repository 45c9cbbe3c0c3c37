"""The search against all pairs: precision, keepers, and the recall that was promised."""

import math

import numpy as np
import pyarrow as pa
import pytest

import dedup.vectors.hot
import dedup.vectors.parameters
import dedup.vectors.tables
from dedup.vectors import find_duplicates
from dedup.vectors.families.hyperplanes import Hyperplanes
from tests.vectors.vector_worlds import (
    KINDS,
    at_cosine,
    at_distance,
    background,
    naive_keepers,
    naive_pairs,
    naive_values,
)

_EVERYTHING = {"functions": 1, "tables": 80}
"""Options by which practically every pair near the threshold is a candidate."""


def _pairs(result) -> set[tuple[int, int]]:
    rows = result.pairs
    return set(
        zip(rows["left_position"].to_pylist(), rows["right_position"].to_pylist(), strict=True)
    )


def _removed(result) -> dict[int, int]:
    decisions = result.decisions
    places = np.flatnonzero(decisions.removed)
    return dict(zip(places.tolist(), decisions.removed_by[places].tolist(), strict=True))


def _family_world(seed: int) -> np.ndarray:
    """Chains and families: vectors whose neighbours are not each other's neighbours."""
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 1.6, 300))
    flat = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    world = np.concatenate([flat, random.standard_normal((300, 2))])
    return random.permutation(np.concatenate([world, 0.05 * random.standard_normal((600, 4))], 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pairs", ["decided", "all"])
def test_every_pair_is_right_and_its_value_exact(kind, pairs):
    vectors = background(kind, 1500, 16)
    vectors = np.concatenate([vectors, at_cosine(vectors[:300], 0.93)])
    result = find_duplicates(vectors, threshold=0.9, pairs=pairs)
    truth = naive_values(vectors, "cosine")
    rows = result.pairs.to_pylist()
    assert rows
    for row in rows:
        expected = truth[row["left_position"], row["right_position"]]
        assert row["similarity"] == pytest.approx(expected, abs=1e-12)
        assert row["similarity"] >= 0.9


@pytest.mark.parametrize("measure", ["cosine", "euclidean"])
@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("seed", range(4))
def test_keepers_are_those_of_the_greedy_walk(measure, keep, seed, monkeypatch):
    """Also where buckets are hot, are cut into blocks, and leaders fall to other buckets."""
    monkeypatch.setattr(dedup.vectors.hot, "_BLOCK", 64)
    vectors = _family_world(seed)
    threshold = 0.99 if measure == "cosine" else 0.15
    result = find_duplicates(
        vectors, measure=measure, threshold=threshold, keep=keep, **_EVERYTHING
    )
    order = list(range(len(vectors)))[:: 1 if keep == "first" else -1]
    expected = naive_keepers(len(vectors), naive_pairs(vectors, measure, threshold), order)
    assert result.summary["search"]["largest_bucket"] > dedup.vectors.tables.HOT_BUCKET
    assert len(expected) > 100
    assert _removed(result) == expected


def test_small_and_hot_buckets_give_the_same(monkeypatch):
    vectors = _family_world(9)
    options = {"threshold": 0.99, "pairs": "all", "functions": 3, "tables": 40}
    hot = find_duplicates(vectors, **options)
    monkeypatch.setattr(dedup.vectors.tables, "HOT_BUCKET", 2000)
    cold = find_duplicates(vectors, **options)
    assert hot.summary["search"]["compared_in_products"] > 0
    assert cold.summary["search"]["compared_in_products"] == 0
    missed = len(_pairs(hot) - _pairs(cold))  # by the gate, which products do without
    assert _pairs(cold) <= _pairs(hot)
    assert missed <= 0.001 * len(_pairs(hot)) + 4 * math.sqrt(0.001 * len(_pairs(hot)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recall": 0.9},
        {"min_tables": 2},
        {"probes": 1},
    ],
    ids=str,
)
def test_recall_at_the_threshold_by_cosine(kind, options):
    recall = options.get("recall", 0.99)
    found, planted = 0, 0
    for seed in range(2):
        vectors = background(kind, 3000, 32, seed)
        mates = at_cosine(vectors[:1000], 0.9 + 1e-9, seed + 50)
        both = np.concatenate([vectors, mates])
        result = find_duplicates(both, threshold=0.9, pairs="all", seed=seed, **options)
        pairs = _pairs(result)
        found += sum((i, 3000 + i) in pairs for i in range(1000))
        planted += 1000
        assert result.summary["tables"]["probability_at_threshold"] >= recall
    assert found / planted >= recall


@pytest.mark.parametrize(
    "options",
    [
        {"family": "cross-polytope", "functions": 2},
        {"family": "rotation"},
        {"family": "rotation", "functions": 3, "probes": 1},
    ],
    ids=str,
)
def test_recall_of_other_families(options):
    vectors = background("real-like", 2000, 16)
    both = np.concatenate([vectors, at_cosine(vectors[:1000], 0.95 + 1e-9)])
    pairs = _pairs(find_duplicates(both, threshold=0.95, pairs="all", **options))
    assert sum((i, 2000 + i) in pairs for i in range(1000)) >= 990


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"min_tables": 2}, {"probes": 1}], ids=str)
def test_recall_at_the_threshold_by_distance(kind, options):
    found, planted = 0, 0
    for seed in range(2):
        vectors = background(kind, 3000, 32, seed)
        distance = 0.2 * float(np.median(np.linalg.norm(vectors, axis=1)))
        mates = at_distance(vectors[:1000], distance * (1 - 1e-9), seed + 50)
        both = np.concatenate([vectors, mates])
        result = find_duplicates(
            both, measure="euclidean", threshold=distance, pairs="all", seed=seed, **options
        )
        pairs = _pairs(result)
        found += sum((i, 3000 + i) in pairs for i in range(1000))
        planted += 1000
    assert found / planted >= 0.99
    assert max(result.pairs["distance"].to_pylist()) <= distance


def _shared_tables(vectors: np.ndarray, tables: int, functions: int) -> np.ndarray:
    """Count the hyperplane tables of seed 0 in which each pair has one key."""
    drawn = Hyperplanes().directions(vectors.shape[1], tables * functions, 0)
    bits = (vectors @ drawn.astype(np.float64) > 0).reshape(len(vectors), tables, functions)
    return (bits[:, None] == bits[None]).all(axis=3).sum(axis=2)


def _candidates(vectors: np.ndarray, threshold: float, votes: int, **scheme) -> set:
    shared = _shared_tables(vectors, **scheme)
    return {(i, j) for i, j in naive_pairs(vectors, "cosine", threshold) if shared[i, j] >= votes}


@pytest.mark.parametrize("votes", [1, 3, 7])
def test_candidates_share_that_many_buckets(votes, monkeypatch):
    vectors = background("clustered", 500, 12)
    scheme = {"functions": 4, "tables": 12}
    expected = _candidates(vectors, 0.8, votes, **scheme)
    assert 100 < len(expected) < len(naive_pairs(vectors, "cosine", 0.8))
    options = {"threshold": 0.8, "pairs": "all", "min_tables": votes, **scheme}
    monkeypatch.setattr(dedup.vectors.tables, "HOT_BUCKET", 1)
    assert _pairs(find_duplicates(vectors, **options)) == expected
    monkeypatch.setattr(dedup.vectors.tables, "HOT_BUCKET", 1000)
    gated = _pairs(find_duplicates(vectors, **options))
    assert gated <= expected
    assert len(gated) >= 0.99 * len(expected)


@pytest.mark.parametrize("votes", [1, 2])
def test_leaders_that_fall_elsewhere_do_no_harm(votes, monkeypatch):
    """Few tables: a leader of one bucket is removed in another, and its bucket needs others."""
    monkeypatch.setattr(dedup.vectors.tables, "HOT_BUCKET", 1)
    monkeypatch.setattr(dedup.vectors.hot, "_BLOCK", 32)
    scheme = {"functions": 2, "tables": 5}
    options = {"threshold": 0.9, "min_tables": votes, **scheme}
    harmed = 0
    for seed in range(4):
        vectors = background("random", 800, 4, seed)
        pairs = _candidates(vectors, 0.9, votes, **scheme)
        expected = naive_keepers(len(vectors), pairs, list(range(len(vectors))))
        assert _removed(find_duplicates(vectors, **options)) == expected
        with monkeypatch.context() as without:
            without.setattr(dedup.vectors.hot.HotBuckets, "late_pairs", lambda *_: [])
            harmed += _removed(find_duplicates(vectors, **options)) != expected
    assert harmed  # or these vectors would show nothing


def test_equal_vectors_cost_nothing_and_match_identically():
    vectors = np.repeat(background("random", 20, 8).astype(np.float32), 50, axis=0)
    result = find_duplicates(vectors, threshold=0.99)
    assert result.summary["search"]["distinct_vectors"] == 20
    assert result.summary["result"]["removed"] == 980
    others = result.clusters.filter(pa.compute.invert(result.clusters["is_keeper"]))
    assert set(others["match"].to_pylist()) == {"identical"}
    assert set(others["similarity"].to_pylist()) == {1.0}
    by_distance = find_duplicates(vectors, measure="euclidean", threshold=1e-3)
    assert set(by_distance.clusters["distance"].to_pylist()) == {0.0}


def test_components_join_what_keepers_part():
    """A chain of three: its ends are unlike, and one of them is removed only as a component."""
    angles = np.array([0.0, 0.3, 0.6])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    options = {"threshold": 0.95, **_EVERYTHING}
    order = find_duplicates(vectors[[0, 2, 1]], **options)
    assert order.summary["result"]["clusters"] == 1
    chain = find_duplicates(vectors, linkage="components", **options)
    assert chain.clusters["cluster_size"].to_pylist() == [3, 3, 3]
    assert chain.clusters["similarity"].to_pylist()[2] is None
    assert find_duplicates(vectors, **options).clusters["cluster_size"].to_pylist() == [2, 2]


def test_the_cap_is_counted_and_its_vectors_stay():
    vectors = background("random", 400, 4)
    options = {"threshold": 0.5, "functions": 1, "tables": 1}
    capped = find_duplicates(vectors, max_comparisons=500, **options)
    search = capped.summary["search"]
    assert search["skipped_comparisons"] > 10_000
    assert search["documents_with_skipped_comparisons"] > 300
    assert search["compared_in_products"] <= 2 * 500
    assert "--max-comparisons 500" in capped.summary["warnings"][-1]
    assert find_duplicates(vectors, **options).summary["search"]["skipped_comparisons"] == 0


def test_one_answer_whatever_the_threads():
    vectors = np.concatenate([background("clustered", 3000, 16)] * 2)
    vectors[3000:] += 1e-3
    one, two = (
        find_duplicates(vectors, threshold=0.95, pairs="all", workers=workers) for workers in (1, 2)
    )
    assert one.pairs.equals(two.pairs)
    assert one.clusters.equals(two.clusters)


def test_another_order_of_the_columns_of_a_table_keeps_another():
    vectors = np.ones((3, 4)) + np.eye(3, 4) * 0.01
    table = pa.table({"embedding": vectors.tolist(), "id": ["a", "b", "c"], "score": [1, 3, 2]})
    result = find_duplicates(table, threshold=0.9, keep="max:score", **_EVERYTHING)
    keepers = set(result.clusters["keeper_id"].to_pylist())
    assert keepers == {"b"}


@pytest.mark.parametrize(
    ("options", "cure"),
    [({"tables": 3, "functions": 8}, "give more tables"), ({}, "2 tables are the most")],
)
def test_a_recall_that_is_not_reached_is_a_warning(options, cure, monkeypatch):
    monkeypatch.setattr(dedup.vectors.parameters, "MAX_TABLES", 2)
    result = find_duplicates(background("random", 60, 8), threshold=0.3, **options)
    assert cure in result.summary["warnings"][-1]
    assert result.summary["tables"]["probability_at_threshold"] < 0.99
