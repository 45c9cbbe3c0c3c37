"""Real corpora with exact truth, beside the checkout; skipped, visibly, where they are not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.lsh.parameters import Banding

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPORA.exists(), reason=f"no corpora at {CORPORA}"),
]
BINS = (0.8, 0.85, 0.9, 0.95, 1.0, 1.1)


def test_news_recall_and_precision() -> None:
    result = dedup.find_duplicates(CORPORA / "reuters.parquet", threshold=0.8, pairs="all")
    truth = pq.read_table(CORPORA / "reuters-truth.parquet")
    jaccard = dict(
        zip(
            zip(truth["left"].to_pylist(), truth["right"].to_pylist(), strict=True),
            truth["jaccard"].to_pylist(),
            strict=True,
        )
    )
    expected = {frozenset(pair) for pair, value in jaccard.items() if value >= 0.8}
    pairs = result.pairs
    found = {
        frozenset(pair)
        for pair in zip(pairs["left_id"].to_pylist(), pairs["right_id"].to_pylist(), strict=True)
    }
    assert len(expected) > 7000
    assert len(found & expected) >= 0.999 * len(expected)
    assert len(found & expected) >= 0.999 * len(found)
    banding = Banding(**{k: result.summary["banding"][k] for k in ("bands", "rows")})
    for low, high in pairwise(BINS):
        inside = {frozenset(p): v for p, v in jaccard.items() if low <= v < high}
        predicted = [banding.candidate_probability(value) for value in inside.values()]
        deviation = np.sqrt(sum(p * (1 - p) for p in predicted))
        hits = len(found & inside.keys())
        assert hits >= sum(predicted) - 4 * deviation - 1e-6, f"recall from {low} to {high}"


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_chinese_chapters(threshold: float) -> None:
    path = CORPORA / "chinese-histories.parquet"
    sure = dedup.find_duplicates(path, threshold=threshold, pairs="all", recall=0.99999)
    asked = dedup.find_duplicates(path, threshold=threshold, pairs="all")
    expected, found = ids(sure), ids(asked)
    assert len(expected) > 50
    assert found <= expected
    assert len(found) >= 0.97 * len(expected)


def ids(result: dedup.Result) -> set[tuple[str, str]]:
    pairs = result.pairs
    return set(zip(pairs["left_id"].to_pylist(), pairs["right_id"].to_pylist(), strict=True))


def test_wiki_clusters_never_mix_articles() -> None:
    path = CORPORA / "wiki-versions.parquet"
    article = dict(
        zip(*(pq.read_table(path)[name].to_pylist() for name in ("id", "article")), strict=True)
    )
    result = dedup.find_duplicates(path, threshold=0.5, linkage="components")
    clusters = result.clusters
    owner: dict[int, str] = {}
    rows = zip(clusters["doc_id"].to_pylist(), clusters["cluster_id"].to_pylist(), strict=True)
    for document, cluster in rows:
        assert owner.setdefault(cluster, article[document]) == article[document]
    assert len(owner) > 100
