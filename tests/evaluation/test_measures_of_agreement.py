"""Counts give what scikit-learn gives from labels, and what the definitions give pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import pair_confusion_matrix

from dedup.evaluation.agreement import Contingency, document_classes

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)


def contingency(labels: list[tuple[int, int]], num_alone: int = 0) -> Contingency:
    true, found = np.array(labels, np.int64).reshape(-1, 2).T
    return Contingency.of(true, found, num_alone)


def with_alone(labels: list[tuple[int, int]], num_alone: int) -> list[tuple[int, int]]:
    return labels + [(100 + i, 100 + i) for i in range(num_alone)]


@given(LABELS, st.integers(0, 5))
def test_pairs_and_rand_index_are_those_of_scikit_learn(
    labels: list[tuple[int, int]], num_alone: int
) -> None:
    counted = contingency(labels, num_alone)
    true, found = zip(*with_alone(labels, num_alone), strict=True)
    (_, fp), (fn, tp) = pair_confusion_matrix(true, found) // 2  # it counts both orders
    assert (counted.pairs.both, counted.pairs.true, counted.pairs.found) == (tp, tp + fn, tp + fp)
    assert counted.num_documents == len(true)
    assert counted.adjusted_rand_index == pytest.approx(adjusted_rand_score(true, found), abs=1e-12)


@given(LABELS, st.integers(0, 5))
def test_b_cubed_is_the_mean_over_documents(labels: list[tuple[int, int]], num_alone: int) -> None:
    rows = with_alone(labels, num_alone)
    precisions, recalls = [], []
    for true, found in rows:
        same_true = {i for i, row in enumerate(rows) if row[0] == true}
        same_found = {i for i, row in enumerate(rows) if row[1] == found}
        precisions.append(len(same_true & same_found) / len(same_found))
        recalls.append(len(same_true & same_found) / len(same_true))
    ratios = contingency(labels, num_alone).b_cubed
    precision, recall = np.mean(precisions), np.mean(recalls)
    assert ratios.precision == pytest.approx(precision)
    assert ratios.recall == pytest.approx(recall)
    assert ratios.f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_million_documents_are_a_matter_of_counts() -> None:
    rng = np.random.default_rng(3)
    true = rng.integers(0, 1_000, 1_000_000)
    found = np.where(rng.random(len(true)) < 0.9, true, rng.integers(0, 1_000, len(true)))
    counted = Contingency.of(true, found)
    assert counted.pairs.true > 10**8
    assert counted.adjusted_rand_index == pytest.approx(adjusted_rand_score(true, found))


def test_one_cluster_of_a_million_overflows_nothing() -> None:
    size = 1_000_000
    whole = Contingency.of(np.zeros(size, np.int64), np.zeros(size, np.int64))
    assert whole.pairs.both == size * (size - 1) // 2
    assert whole.adjusted_rand_index == 1
    halves = Contingency.of(np.zeros(size, np.int64), np.arange(size) % 2)
    assert halves.adjusted_rand_index == 0
    assert halves.b_cubed.to_dict() == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3}


def text_dedup_columns(
    truth: dict[int, set[int]], predictions: dict[int, set[int]]
) -> dict[str, float]:
    """State the rules of its benchmark once more, a set of ids a document."""
    counts = dict.fromkeys(["TP", "FP", "TN", "FN"], 0)
    for document, expected in truth.items():
        answered = predictions[document]
        if not answered:
            counts["FN" if expected else "TN"] += 1
        else:
            counts["TP" if expected and expected <= answered else "FP"] += 1
    tp, fp, tn, fn = counts.values()

    def ratio(part: int, rest: int) -> float:
        return part / (part + rest) if part + rest else 0.0

    return {
        "precision_duplicates": ratio(tp, fp),
        "recall_duplicates": ratio(tp, fn),
        "precision_non_duplicates": ratio(tn, fn),
        "recall_non_duplicates": ratio(tn, fp),
        "macro_precision": (ratio(tp, fp) + ratio(tn, fn)) / 2,
        "exact_documents": float(np.mean([truth[d] == predictions[d] for d in truth])),
    }


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1])),
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1])),
)
def test_columns_of_text_dedup(true: set[tuple[int, int]], found: set[tuple[int, int]]) -> None:
    def neighbours(pairs: set[tuple[int, int]]) -> dict[int, set[int]]:
        return {d: {a + b - d for a, b in pairs if d in (a, b)} for d in range(10)}

    sets = neighbours(true), neighbours(found)
    degrees = [np.array([len(some[d]) for d in range(9)]) for some in sets]
    both = np.array([len(sets[0][d] & sets[1][d]) for d in range(9)])
    alone = not sets[0][9] and not sets[1][9]
    documents = range(10 if alone else 9)
    expected = text_dedup_columns(*({d: some[d] for d in documents} for some in sets))
    assert document_classes(*degrees, both, int(alone)) == pytest.approx(expected)


def test_one_cluster_of_everything_has_perfect_recall_there_and_no_exact_document() -> None:
    others = np.full(4, 3)
    columns = document_classes(np.ones(4, np.int64), others, np.ones(4, np.int64))
    assert columns["recall_duplicates"] == 1
    assert columns["exact_documents"] == 0


def test_nothing_is_perfect() -> None:
    empty = np.zeros(0, np.int64)
    for counted in (Contingency.of(empty, empty), Contingency.of(empty, empty, 7)):
        assert counted.pairs.ratios.to_dict() == {"precision": 1, "recall": 1, "f1": 1}
        assert counted.adjusted_rand_index == 1
        assert counted.b_cubed.f1 == 1


def test_pairs_of_clusters_are_those_listed() -> None:
    labels = [(0, 1), (0, 1), (0, 2), (3, 2), (3, 2), (4, 5)]
    pairs = contingency(labels).pairs
    listed = list(combinations(labels, 2))
    assert pairs.true == sum(a[0] == b[0] for a, b in listed)
    assert pairs.found == sum(a[1] == b[1] for a, b in listed)
    assert pairs.both == sum(a == b for a, b in listed)
