"""Real corpora with exact truth, beside the checkout; skipped, visibly, where they are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array, triu

import dedup
from dedup.lsh.parameters import Banding
from tests import reference
from tests.set_worlds import joined_edges

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPORA.exists(), reason=f"no corpora at {CORPORA}"),
]
Exact = Callable[[str], dict[tuple[int, int], Fraction]]

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


def test_exact_news_pairs_are_those_of_the_truth() -> None:
    """Every pair of the truth at 0.7, no other, and each with its Jaccard.

    The truth takes other tokens, runs of word characters of the lower-cased text as they stand: a
    compatibility form, a soft hyphen or a mark inside a word would part the two, and on this corpus
    takes no pair over the threshold. Its Jaccards have four decimals.
    """
    truth = pq.read_table(CORPORA / "reuters-truth.parquet").to_pydict()
    result = dedup.find_duplicates(
        CORPORA / "reuters.parquet", threshold="0.7", method="exact", pairs="all"
    )
    rows = result.pairs.to_pydict()
    expected, found = (
        {frozenset(pair): value for *pair, value in zip(*columns, strict=True)}
        for columns in (
            (truth["left"], truth["right"], truth["jaccard"]),
            (rows["left_id"], rows["right_id"], rows["jaccard"]),
        )
    )
    assert len(expected) == 7679
    assert found.keys() == expected.keys()
    assert max(abs(found[pair] - expected[pair]) for pair in found) <= 0.00005 + 1e-12
    assert result.summary["search"]["recall"] == 1


@pytest.mark.parametrize("banding", [None, Banding(8, 6), Banding(1, 8)], ids=str)
def test_an_audit_of_news_agrees_with_the_truth(
    banding: Banding | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if banding is not None:
        monkeypatch.setattr("dedup.search.choose_banding", lambda *_: banding)
    result = dedup.find_duplicates(CORPORA / "reuters.parquet", threshold="0.7")
    result.write(tmp_path / "out", evidence=True)
    truth = dedup.evaluate(tmp_path / "out", CORPORA / "reuters-truth.parquet")
    recall = truth["clusters"]["recall"]
    for seed in range(3):
        found = dedup.audit(tmp_path / "out", seed=seed)
        print(banding, recall, found["compared"], found["recall"])  # noqa: T201
        assert found["recall"]["low"] <= recall <= found["recall"]["high"]
        assert found["half_width"] <= 0.02
    monkeypatch.setattr("dedup.evaluation.audit.Audit.census_share", 10**9)
    found = dedup.audit(tmp_path / "out")
    assert found["recall"]["value"] == pytest.approx(recall)
    assert found["pairs"]["found"] + found["pairs"]["missed"] == truth["truth"]["pairs"]


@pytest.fixture(scope="module")
def exact() -> Iterator[Exact]:
    """Return the exact pairs of a corpus, by all with all on sets of the naive definition."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("class_of", "is_mark", "is_assigned"):  # asked of millions of characters
            patch.setattr(reference, name, cache(getattr(reference, name)))
        yield cache(exact_pairs)


def exact_pairs(name: str) -> dict[tuple[int, int], Fraction]:
    """Return every pair left < right with Jaccard >= 0.3, by position."""
    numbers: defaultdict[tuple[str, ...], int] = defaultdict(lambda: len(numbers))
    texts = pq.read_table(CORPORA / name, columns=["text"])["text"].to_pylist()
    sets = [[numbers[each] for each in reference.shingles(text, 5)] for text in texts]
    sizes = np.array([len(each) for each in sets])
    columns = np.fromiter(chain.from_iterable(sets), np.int64, sizes.sum())
    borders = np.concatenate([[0], np.cumsum(sizes)])
    ones = np.ones(len(columns), np.int32)
    holds = csr_array((ones, columns, borders), shape=(len(sets), len(numbers)))
    common = triu(holds @ holds.T, k=1).tocoo()
    unions = sizes[common.row] + sizes[common.col] - common.data
    near = 10 * common.data.astype(np.int64) >= 3 * unions
    rows = (common.row[near], common.col[near], common.data[near], unions[near])
    return {
        (left, right): Fraction(both, union)
        for left, right, both, union in zip(*(each.tolist() for each in rows), strict=True)
    }


def found_pairs(name: str, threshold: str, **options: object) -> dict[tuple[int, int], float]:
    """Return the pairs that a run finds, by position, with their Jaccard."""
    pairs = dedup.find_duplicates(CORPORA / name, threshold=threshold, pairs="all", **options).pairs
    columns = ("left_position", "right_position", "jaccard")
    rows = zip(*(pairs[column].to_pylist() for column in columns), strict=True)
    return {(min(a, b), max(a, b)): value for a, b, value in rows}


def assert_found(exact: Exact, name: str, threshold: str, share: float, **options: object) -> int:
    """Compare a run with the truth: precision 1, exact Jaccards, recall; return the true pairs."""
    truth = {pair: value for pair, value in exact(name).items() if value >= Fraction(threshold)}
    found = found_pairs(name, threshold, **options)
    assert found.keys() <= truth.keys()
    assert all(found[pair] == pytest.approx(float(truth[pair]), abs=1e-12) for pair in found)
    recall = len(found) / len(truth)
    print(f"{name} {threshold} {options}: {len(found)} of {len(truth)} pairs, {recall:.5f}")  # noqa: T201
    assert recall >= share
    return len(truth)


@pytest.mark.parametrize(("threshold", "expected"), [("0.3", 175), ("0.5", 74)])
def test_chinese_chapters_against_all_with_all(exact: Exact, threshold: str, expected: int) -> None:
    name = "chinese-histories.parquet"
    assert assert_found(exact, name, threshold, 0.99) == expected
    assert_found(exact, name, threshold, 1.0, recall=0.99999)


@pytest.mark.parametrize("threshold", ["0.5", "0.7", "0.8", "0.9"])
def test_wiki_revisions_against_all_with_all(exact: Exact, threshold: str) -> None:
    assert assert_found(exact, "wiki-versions.parquet", threshold, 0.99) > 500


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


@pytest.mark.parametrize(
    ("name", "threshold", "expected"),
    [("wiki-versions", "0.8", 2119), ("chinese-histories", "0.5", 205)],
)
def test_containment_equals_brute_force(name: str, threshold: str, expected: int) -> None:
    result = dedup.find_duplicates(
        CORPORA / f"{name}.parquet",
        measure="containment",
        keep="largest",
        threshold=threshold,
        pairs="all",
    )
    units = result.search.order[result.search.units]
    sets = result.corpus.sets.select(units)
    shingles = sets.gather(np.arange(len(units)))
    order = np.argsort(shingles, kind="stable")
    owners = np.repeat(np.arange(len(units)), sets.sizes)[order].astype(np.int32)
    _, starts = np.unique(shingles[order], return_index=True)
    common = np.zeros((len(units), len(units)), np.int32)
    for documents in np.split(owners, starts[1:]):
        if len(documents) > 1:
            common[documents[:, None], documents] += 1
    limit = Fraction(threshold)
    smaller = np.minimum.outer(sets.sizes, sets.sizes)
    held = np.triu(common * limit.denominator >= smaller * limit.numerator, 1)
    assert result.search.edges is not None
    edges = joined_edges(result.search.edges)
    found = np.zeros_like(held)
    found[edges.left, edges.right] = True
    assert held.sum() == expected
    assert np.array_equal(found, held)
