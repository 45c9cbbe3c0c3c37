"""Runs by containment: a page in a page goes, and the page around it stays."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dedup
from tests import reference
from tests.nested_pages import nested_texts, run, shingles_of
from tests.worlds import vocabulary

THRESHOLDS = ("0.5", "0.8", "0.9", "1")
KEEPS = ("first", "largest", "longest", "last")


def keeper_order(seed: int, keep: str) -> list[int]:
    keys = {
        "first": lambda at: at,
        "last": lambda at: -at,
        "longest": lambda at: (-len(nested_texts(seed)[at]), at),
        "largest": lambda at: (-len(shingles_of(seed)[at]), at),
    }
    return sorted(range(len(shingles_of(seed))), key=keys[keep])


def either_way(sets: list[set[reference.Shingle]], a: int, b: int) -> Fraction:
    return max(reference.containment(sets[a], sets[b]), reference.containment(sets[b], sets[a]))


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", range(3))
def test_each_goes_to_the_first_keeper_that_contains_it(
    seed: int, threshold: str, keep: str
) -> None:
    sets = shingles_of(seed)
    order = keeper_order(seed, keep)
    limit = Fraction(threshold)
    found = reference.greedy([sets[at] for at in order], limit, measure=reference.containment)
    expected = {order[rank]: order[keeper] for rank, keeper in enumerate(found)}
    result = run(nested_texts(seed), threshold=threshold, keep=keep)
    keeper = result.decisions.keeper.tolist()
    # The documents without a token are none of this.
    assert {at: keeper[at] for at in expected if sets[at]} == {
        at: other for at, other in expected.items() if sets[at]
    }
    removed = [at for at, other in enumerate(keeper) if at != other]
    assert len(removed) > 10
    for at in removed:
        # Whoever goes leaves no more behind than the threshold lets it.
        assert len(sets[keeper[at]]) >= limit * len(sets[at])
    every = run(nested_texts(seed), threshold=threshold, keep=keep, pairs="all")
    assert every.decisions.keeper.tolist() == keeper


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", range(3))
def test_with_the_largest_kept_no_kept_document_lies_in_another(seed: int, threshold: str) -> None:
    sets = shingles_of(seed)
    result = run(nested_texts(seed), threshold=threshold, keep="largest")
    kept = np.flatnonzero(~result.decisions.removed).tolist()
    assert all(either_way(sets, a, b) < Fraction(threshold) for a, b in combinations(kept, 2))
    assert result.summary["result"]["kept_but_contained"] == 0
    assert not any("contained" in warning for warning in result.summary["warnings"])


def test_an_article_is_never_removed_for_its_fragment() -> None:
    article = " ".join(vocabulary(400, 1))
    fragment = " ".join(article.split()[100:160])
    first = run([fragment, article])
    assert first.summary["result"]["removed"] == 0
    assert first.summary["result"]["kept_but_contained"] == 1
    for texts, options in (([article, fragment], {}), ([fragment, article], {"keep": "largest"})):
        result = run(texts, **options)
        assert result.decisions.removed.tolist() == [text == fragment for text in texts]
        (row,) = [row for row in result.clusters.to_pylist() if not row["is_keeper"]]
        assert (row["match"], row["containment"]) == ("contained", 1.0)
        assert row["jaccard"] == 56 / 396
        assert result.summary["result"]["removed_by_containment_alone"] == 1
    # A longer text of few shingles, by its repetitions, is the smaller one.
    padded = " ".join([fragment] * 20)
    assert run([article, padded], keep="longest").summary["result"]["kept_but_contained"] == 1
    assert run([article, padded], keep="largest").decisions.removed.tolist() == [False, True]


@pytest.mark.parametrize("keep", ["first", "largest"])
@pytest.mark.parametrize("threshold", ["0.5", "0.9"])
def test_all_pairs_are_those_where_either_contains_the_other(threshold: str, keep: str) -> None:
    sets = shingles_of(2)
    result = run(nested_texts(2), threshold=threshold, keep=keep, pairs="all")
    limit = Fraction(threshold)
    found = {}
    for row in result.pairs.to_pylist():
        left, right = row["left_position"], row["right_position"]
        found[frozenset((left, right))] = row
        assert len(sets[left]) >= len(sets[right])  # the right one lies in the left one
        assert row["containment"] == float(reference.containment(sets[left], sets[right]))
        assert row["jaccard"] == float(reference.jaccard(sets[left], sets[right]))
    assert len(found) == result.pairs.num_rows
    full = [at for at in range(len(sets)) if sets[at]]
    expected = {frozenset(p) for p in combinations(full, 2) if either_way(sets, *p) >= limit}
    assert set(found) == expected
    assert result.summary["search"]["candidate_pairs"] > 30
    assert len(expected) > 50


def test_components_join_what_contains_the_other_in_either_order() -> None:
    sets = shingles_of(0)
    result = run(nested_texts(0), linkage="components")
    full = [at for at in range(len(sets)) if sets[at]]
    linked = {p for p in combinations(full, 2) if either_way(sets, *p) >= Fraction("0.8")}
    label = reference.components(len(sets), linked)
    assert result.decisions.keeper.tolist() == label
    for row in result.clusters.to_pylist():
        at, keeper = row["position"], row["cluster_id"]
        if sets[at] != sets[keeper]:
            near = reference.jaccard(sets[keeper], sets[at]) >= Fraction("0.8")
            assert row["match"] == ("near" if near else "contained")
            known = (keeper, at) in linked
            contained = float(reference.containment(sets[keeper], sets[at]))
            assert row["containment"] == (contained if known else None)


def planted(ratios: range, pairs_per_ratio: int, num_others: int) -> tuple[list[str], list[int]]:
    """Return texts, and for each page that lies in another at 0.9 exactly where that one is.

    A page has 100 shingles, 90 of them from a page of so many times its size.
    """
    rng = np.random.default_rng(0)
    words = np.array(vocabulary(20_000, 0))
    texts, inside = [], []
    for ratio in ratios:
        for _ in range(pairs_per_ratio):
            whole = rng.choice(words, 100 * ratio + 4)
            start = int(rng.integers(len(whole) - 94 + 1))
            page = np.concatenate([whole[start : start + 94], rng.choice(words, 10)])
            texts += [" ".join(page), " ".join(whole)]
            inside.append(ratio)
    texts += [" ".join(rng.choice(words, int(rng.integers(20, 300)))) for _ in range(num_others)]
    return texts, inside


def test_recall_at_all_length_ratios() -> None:
    """2,000 pairs at containment 0.9 in 10,000 documents: every one is found."""
    texts, ratios = planted(range(1, 21), 100, 6000)
    result = dedup.find_duplicates(
        pa.table({"text": texts}), measure="containment", threshold=0.9, keep="largest"
    )
    keeper = result.decisions.keeper
    found = dict.fromkeys(ratios, 0)
    for number, ratio in enumerate(ratios):
        page, whole = 2 * number, 2 * number + 1
        found[ratio] += int(keeper[page] == keeper[whole])
        if ratio > 1:
            assert keeper[whole] == whole
    assert found == dict.fromkeys(ratios, 100)
    assert result.summary["result"]["removed"] == len(ratios) == 2000
    assert result.summary["search"]["compared_pairs"] < 2100


def test_what_a_cap_skips_is_kept_counted_and_named() -> None:
    words = vocabulary(3000, 3)
    pages = [" ".join(words[:60] + words[60 + 9 * n : 69 + 9 * n]) for n in range(200)]
    pages[100] += " and three more"
    table = pa.table({"text": pages})
    options: dict[str, Any] = {"measure": "containment", "threshold": 0.8}
    free = dedup.find_duplicates(table, **options)
    assert free.summary["result"]["removed"] == 199
    assert free.summary["search"]["skipped_comparisons"] == 0
    capped = dedup.find_duplicates(table, max_comparisons=100, **options)
    search = capped.summary["search"]
    assert search["skipped_comparisons"] > 0
    assert search["documents_with_skipped_comparisons"] == 198
    assert len(search["skipped_examples"]) == 10
    # Each met the largest page alone, which the first one removes.
    assert capped.pairs.select(["left_id", "right_id"]).to_pylist() == [
        {"left_id": 0, "right_id": 100}
    ]
    warning = next(w for w in capped.summary["warnings"] if "skipped" in w)
    assert "larger documents that have a common shingle" in warning
    assert "--max-comparisons 100" in warning
    # Every removal has its reason still.
    assert min(capped.pairs["containment"].to_pylist()) >= 0.8


@pytest.mark.parametrize("method", ["simhash", "both", "exact"])
def test_containment_finds_its_own_candidates(method: str) -> None:
    with pytest.raises(dedup.ConfigError, match="leave method out"):
        dedup.Config(measure="containment", method=method)
    with pytest.raises(dedup.ConfigError, match="jaccard, containment"):
        dedup.Config(measure="cosine")
