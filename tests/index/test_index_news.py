"""News in twenty batches: the keepers of one run, and in any order the same components."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import dedup

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
BATCHES = 20
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPORA.exists(), reason=f"no corpora at {CORPORA}"),
]


@pytest.fixture(scope="module")
def news() -> pa.Table:
    return pq.read_table(CORPORA / "reuters.parquet", columns=["id", "text"])


def groups(clusters: pa.Table) -> set[frozenset[object]]:
    found: dict[int, list[object]] = {}
    ids, labels = clusters["doc_id"].to_pylist(), clusters["cluster_id"].to_pylist()
    for one, label in zip(ids, labels, strict=True):
        found.setdefault(label, []).append(one)
    return {frozenset(group) for group in found.values()}


def test_in_order_the_keepers_of_one_run(tmp_path: Path, news: pa.Table) -> None:
    run = dedup.find_duplicates(news)
    index = dedup.Index.create(tmp_path / "index")
    edges = np.linspace(0, len(news), BATCHES + 1).astype(int).tolist()
    found = pa.concat_tables([index.add(news.slice(a, b - a)) for a, b in pairwise(edges)])
    removed = run.decisions.removed
    assert np.array_equal(pc.not_equal(found["match"], "new").to_numpy(), removed)
    clusters = run.clusters.filter(pc.field("is_removed"))
    names = ["doc_id", "keeper_id", "jaccard", "match"]
    theirs = clusters.select(names).sort_by("doc_id").to_pylist()
    mine = found.filter(pa.array(removed)).select(names).sort_by("doc_id").to_pylist()
    assert mine == theirs
    assert len(theirs) > 1000


@pytest.mark.parametrize("seed", range(5))
def test_in_any_order_the_same_components(tmp_path: Path, news: pa.Table, seed: int) -> None:
    expected = groups(dedup.find_duplicates(news, linkage="components").clusters)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(news))
    index = dedup.Index.create(tmp_path / "index", store="all")
    inner = np.sort(rng.integers(0, len(news), BATCHES - 1)).tolist()
    for first, last in pairwise([0, *inner, len(news)]):
        index.add(news.take(order[first:last]))
    assert groups(index.clusters("components")) == expected
