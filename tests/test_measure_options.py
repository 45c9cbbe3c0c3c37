"""Containment of what other options leave: no common shingles, no short documents; by brute force.

All is compared with all, on sets that naive Python makes.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import dedup
from tests import reference
from tests.nested_pages import nested_texts, run
from tests.templated_pages import WORDS

NUM_DOCUMENTS = 150
LEAST_TOKENS = 60
SETTINGS = [(None, 0), (None, LEAST_TOKENS), (0.3, 0), (0.3, LEAST_TOKENS)]


@cache
def site_pages(seed: int) -> pa.Table:
    """Return pages inside pages, most of them in the template of their site, large or small.

    Some are nothing but a piece of template.
    """
    rng = np.random.default_rng(seed)
    stories = nested_texts(seed, NUM_DOCUMENTS)[:-2]  # the last two have no token
    templates = [[" ".join(rng.choice(WORDS, size)) for size in (20, 30)] for _ in range(3)]
    texts, hosts = [], []
    for story in stories:
        site = int(rng.choice(3, p=[0.6, 0.35, 0.05]))
        head, foot = templates[site] if rng.random() < 0.8 else ("", "")
        alone = head and rng.random() < 0.1
        texts.append(foot if alone else f"{head} {story} {foot}")
        hosts.append(f"site{site}")
    return pa.table({"text": texts, "host": hosts})


@cache
def compared_sets(seed: int, share: float | None, least: int) -> list[set[object]]:
    """Return what each page is compared by; a set of its own for those that are too short."""
    table = site_pages(seed)
    texts = table["text"].to_pylist()
    sets = [reference.shingles(text, 5) for text in texts]
    if share is not None:
        sets = reference.without_common(sets, table["host"].to_pylist(), Fraction(str(share)))
    short = [len(reference.tokens(text)) < least for text in texts]
    return [{("short", i)} if short[i] else set(left) for i, left in enumerate(sets)]


def found(seed: int, share: float | None, least: int, **options: Any) -> dedup.Result:
    if share is not None:
        options |= {"ignore_common": share, "common_within": "host"}
    return run(site_pages(seed), min_tokens=least, **options)


def contained(sets: list[set[object]], limit: Fraction) -> dict[tuple[int, int], Fraction]:
    """Return (holder, document) of all pairs with so much containment."""
    pairs = [(a, b) for pair in combinations(range(len(sets)), 2) for a, b in (pair, pair[::-1])]
    shares = {(a, b): reference.containment(sets[a], sets[b]) for a, b in pairs}
    return {pair: share for pair, share in shares.items() if share >= limit}


@pytest.mark.parametrize("keep", ["first", "largest"])
@pytest.mark.parametrize("threshold", ["0.5", "0.9"])
@pytest.mark.parametrize(("share", "least"), SETTINGS)
@pytest.mark.parametrize("seed", range(2))
def test_keepers_are_those_of_brute_force(
    seed: int, share: float | None, least: int, threshold: str, keep: str
) -> None:
    sets = compared_sets(seed, share, least)
    order = list(range(len(sets)))
    if keep == "largest":
        order.sort(key=lambda at: -len(sets[at]))
    limit = Fraction(threshold)
    chosen = reference.greedy([sets[at] for at in order], limit, measure=reference.containment)
    expected = {order[rank]: order[keeper] for rank, keeper in enumerate(chosen)}
    result = found(seed, share, least, threshold=threshold, keep=keep)
    keeper = dict(enumerate(result.decisions.keeper.tolist()))
    assert keeper == expected
    kept = {at for at, other in keeper.items() if at == other}
    assert len(keeper) - len(kept) >= 10
    inside = {at for holder, at in contained(sets, limit) if {holder, at} <= kept}
    assert result.summary["result"]["kept_but_contained"] == len(inside)


@pytest.mark.parametrize("threshold", ["0.5", "0.9"])
@pytest.mark.parametrize(("share", "least"), SETTINGS)
@pytest.mark.parametrize("seed", range(2))
def test_pairs_and_components_are_those_of_brute_force(
    seed: int, share: float | None, least: int, threshold: str
) -> None:
    sets = compared_sets(seed, share, least)
    linked = {tuple(sorted(pair)) for pair in contained(sets, Fraction(threshold))}
    options = {"threshold": threshold, "pairs": "all", "linkage": "components"}
    result = found(seed, share, least, **options)
    rows = result.pairs.to_pylist()
    pairs = [(row["left_position"], row["right_position"]) for row in rows]
    assert sorted(tuple(sorted(pair)) for pair in pairs) == sorted(linked)
    assert len(linked) > 20
    for (holder, document), row in zip(pairs, rows, strict=True):
        assert len(sets[holder]) >= len(sets[document])
        assert row["containment"] == float(reference.containment(sets[holder], sets[document]))
        assert row["jaccard"] == float(reference.jaccard(sets[holder], sets[document]))
    assert result.decisions.keeper.tolist() == reference.components(len(sets), linked)


@pytest.mark.parametrize("seed", range(2))
def test_each_option_changes_what_is_found(seed: int) -> None:
    """Else the tests above could not tell a run that leaves it out."""
    found_pairs = [
        set(contained(compared_sets(seed, *setting), Fraction("0.5"))) for setting in SETTINGS
    ]
    assert all(a != b for a, b in combinations(found_pairs, 2))
    summary = found(seed, 0.3, LEAST_TOKENS).summary
    texts = site_pages(seed)["text"].to_pylist()
    short = sum(len(reference.tokens(text)) < LEAST_TOKENS for text in texts)
    assert summary["input"]["too_short"] == short > 10
    assert summary["ignored_shingles"]["sources"] >= 2
