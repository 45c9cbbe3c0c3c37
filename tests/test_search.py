"""The search on sketched documents: greedy over all pairs, in the order the policy gives."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest

import dedup
from dedup import cluster
from dedup.config import Config
from dedup.corpus import Corpus
from dedup.lsh import candidates
from dedup.lsh.hamming import hamming_pairs
from dedup.resources.timing import Stages
from dedup.search import Search, banding_of, search, sketch_parameters
from dedup.spill.scratch import Scratch
from tests import oracles_sketch, reference
from tests.set_worlds import jaccard, joined_edges
from tests.worlds import world

SURE = 0.999999
THRESHOLDS = ("0.5", "0.8", "0.95", "1")
WORLDS = range(3)


@cache
def texts_of(seed: int) -> tuple[str, ...]:
    return tuple(world(240, seed=seed, num_tokens=50))


@cache
def sketched(seed: int, threshold: str) -> Corpus:
    """Return a world's documents, sketched for both kinds of candidates."""
    texts = texts_of(seed)
    score = np.random.default_rng(seed).integers(0, 60, len(texts))
    table = pa.table({"text": texts, "score": score})
    options = {"threshold": threshold, "recall": SURE, "method": "both", "keep": "max:score"}
    return dedup.find_duplicates(table, **options).corpus


@cache
def shingles_of(seed: int) -> list[set[reference.Shingle]]:
    return [reference.shingles(text, 5) for text in texts_of(seed)]


def find(corpus: Corpus, **options: object) -> Search:
    return search(corpus, Config(recall=SURE, **options), Scratch(), Stages())


def edges_of(found: Search) -> set[tuple[int, int]]:
    """Return all verified pairs of units; where not all are wanted, those that decided."""
    if found.edges is None:
        keeper = found.clusters.keeper.tolist()
        return {(left, right) for right, left in enumerate(keeper) if left != right}
    edges = joined_edges(found.edges)
    assert found.clusters.num_verified == len(edges)
    return set(zip(edges.left.tolist(), edges.right.tolist(), strict=True))


def unit_sets(found: Search, seed: int) -> list[set[reference.Shingle]]:
    """Return the sets of the units, in keeper order."""
    shingles = shingles_of(seed)
    return [shingles[position] for position in found.order[found.units].tolist()]


def naive_order(keep: str, seed: int) -> list[int]:
    texts = texts_of(seed)
    score = np.random.default_rng(seed).integers(0, 60, len(texts)).tolist()
    keys = {
        "first": lambda at: at,
        "last": lambda at: -at,
        "longest": lambda at: (-len(texts[at]), at),
        "shortest": lambda at: (len(texts[at]), at),
        "max:score": lambda at: (-score[at], at),
        "min:score": lambda at: (score[at], at),
    }
    return sorted(range(len(texts)), key=keys[keep])


@pytest.mark.parametrize("keep", ["first", "last", "longest", "shortest", "max:score", "min:score"])
@pytest.mark.parametrize("seed", WORLDS)
def test_units_are_the_distinct_sets_in_keeper_order(keep: str, seed: int) -> None:
    found = find(sketched(seed, "0.8"), keep=keep)
    order = naive_order(keep, seed)
    assert found.order.tolist() == order
    shingles = shingles_of(seed)
    texts = texts_of(seed)
    first: dict[object, int] = {}
    lead = []
    for rank, position in enumerate(order):
        canonical = reference.canonical_text(texts[position])
        blank = not shingles[position] and not canonical.strip()
        key = rank if blank else frozenset(shingles[position]) or canonical
        lead.append(first.setdefault(key, rank))
    assert found.lead.tolist() == lead
    units = [r for r, position in enumerate(order) if lead[r] == r and shingles[position]]
    assert found.units.tolist() == units
    assert len(units) < len(order) - 10


@pytest.mark.parametrize("keep", ["first", "longest", "min:score"])
@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", WORLDS)
def test_keepers_are_greedy_over_all_pairs(seed: int, threshold: str, keep: str) -> None:
    corpus = sketched(seed, threshold)
    found = find(corpus, threshold=threshold, keep=keep)
    sets = unit_sets(found, seed)
    expected = reference.greedy(sets, Fraction(threshold))
    assert found.clusters.keeper.tolist() == expected
    assert found.label is None
    assert found.clusters.skipped.num_comparisons == 0
    every = find(corpus, threshold=threshold, keep=keep, pairs="all")
    assert every.clusters.keeper.tolist() == expected
    similar = reference.similar_pairs(sets, Fraction(threshold))
    assert edges_of(every) == set(similar)
    assert every.num_candidates is not None
    assert every.num_candidates >= len(similar)
    assert edges_of(found) <= set(similar)


@pytest.mark.parametrize("seed", WORLDS)
def test_components_are_those_of_all_similar_pairs(seed: int) -> None:
    corpus = sketched(seed, "0.8")
    found = find(corpus, threshold="0.8", linkage="components")
    sets = unit_sets(found, seed)
    similar = reference.similar_pairs(sets, Fraction("0.8"))
    assert found.label is not None
    assert found.label.tolist() == reference.components(len(sets), similar)
    # They annotate: who keeps whom is what it would be without them.
    assert found.clusters.keeper.tolist() == reference.greedy(sets, Fraction("0.8"))


@pytest.mark.parametrize("max_hamming", [0, 3, 10, 16])
@pytest.mark.parametrize("method", ["simhash", "both"])
def test_simhash_candidates_are_the_fingerprints_within_reach(
    method: str, max_hamming: int
) -> None:
    corpus = sketched(0, "0.5")
    threshold = Fraction("0.5")
    found = find(corpus, threshold="0.5", method=method, max_hamming=max_hamming, pairs="all")
    sets = unit_sets(found, 0)
    hashes = [
        corpus.sets.gather(np.array([position])).tolist()
        for position in found.order[found.units].tolist()
    ]
    prints = [oracles_sketch.fingerprint(each) for each in hashes]
    near = {
        (left, right)
        for left, right in combinations(range(len(prints)), 2)
        if (prints[left] ^ prints[right]).bit_count() <= max_hamming
    }
    similar = set(reference.similar_pairs(sets, threshold))
    expected = near & similar if method == "simhash" else similar
    assert edges_of(found) == expected
    keepers = reference.greedy(sets, threshold, lambda a, b: (min(a, b), max(a, b)) in expected)
    assert found.clusters.keeper.tolist() == keepers
    decided = find(corpus, threshold="0.5", method=method, max_hamming=max_hamming)
    assert decided.clusters.keeper.tolist() == keepers
    assert (max_hamming > 0) == bool(near & similar)
    assert len(near & similar) < len(similar)


def test_equal_and_near_fingerprints_of_many_documents_bring_all_together() -> None:
    """A few fingerprints for all documents, some within reach of each other, some not."""
    corpus = sketched(1, "0.5")
    pool = np.array([0, 0b111, 0b111111, 1 << 63, 0xFFFF << 20], np.uint64)
    chosen = np.random.default_rng(1).integers(0, len(pool), len(corpus))
    crafted = replace(corpus, fingerprints=pool[chosen])
    found = find(crafted, threshold="0.5", method="simhash", max_hamming=3, pairs="all")
    prints = crafted.fingerprints[found.order[found.units]].tolist()
    sets = unit_sets(found, 1)
    expected = {
        (left, right)
        for left, right in reference.similar_pairs(sets, Fraction("0.5"))
        if (prints[left] ^ prints[right]).bit_count() <= 3
    }
    assert edges_of(found) == expected
    assert 20 < len(expected) < 0.9 * len(reference.similar_pairs(sets, Fraction("0.5")))


def test_comparisons_of_fingerprints_that_a_cap_left_out_are_counted() -> None:
    corpus = sketched(0, "0.5")
    options = {"threshold": "0.5", "method": "simhash", "max_hamming": 10}
    found = find(corpus, max_comparisons=3, **options)
    prints = corpus.fingerprints[found.order[found.units]]
    assert len(set(prints.tolist())) == len(prints)  # so that no bucket is large enough for a cap
    skipped = hamming_pairs(np.sort(prints), 10, 3).num_skipped
    assert found.clusters.skipped.num_comparisons == skipped > 0


@pytest.mark.parametrize("max_comparisons", [1, 20, 300])
def test_a_removal_does_not_depend_on_whether_all_pairs_are_asked_for(
    max_comparisons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "HOT_BUCKET", 2)
    monkeypatch.setattr(cluster, "POOR_ROUNDS", 1)
    rng = np.random.default_rng(3)
    words = [f"w{number}" for number in range(200)]
    texts = []
    for _ in range(150):
        page = list(words[:100])
        for place in rng.integers(0, 100, int(rng.integers(1, 4))).tolist():
            page[place] = words[int(rng.integers(100, 200))]
        texts.append(" ".join(page))
    options = {"threshold": "0.8", "recall": SURE, "max_comparisons": max_comparisons}
    table = pa.table({"text": texts})
    decided = dedup.find_duplicates(table, **options).search
    every = dedup.find_duplicates(table, pairs="all", **options).search
    assert every.clusters.skipped.num_comparisons > 0
    assert every.clusters.keeper.tolist() == decided.clusters.keeper.tolist()
    assert edges_of(decided) <= edges_of(every)
    sets = [reference.shingles(texts[at], 5) for at in every.order[every.units].tolist()]
    for left, right in edges_of(every):
        assert jaccard(sets[left], sets[right]) >= Fraction("0.8")


def test_sketches_hold_what_the_method_needs() -> None:
    for method, linkage in product(
        ("minhash", "simhash", "both", "exact"), ("keeper", "components")
    ):
        config = Config(method=method, linkage=linkage, ngram=3, seed=7)
        parameters = sketch_parameters(config)
        assert (parameters.ngram, parameters.seed) == (3, 7)
        assert parameters.fingerprints == (method in ("simhash", "both"))
        assert parameters.banding == banding_of(config)
        assert (parameters.banding is None) == (method in ("simhash", "exact"))


def test_a_search_among_nothing_finds_nothing() -> None:
    for texts in ([], [""], ["", None, " "], ["one"]):
        corpus = dedup.find_duplicates(pa.table({"text": pa.array(texts, pa.string())})).corpus
        for pairs in ("decided", "all"):
            found = search(corpus, Config(pairs=pairs), Scratch(), Stages())
            assert found.order.tolist() == found.lead.tolist() == list(range(len(texts)))
            assert not edges_of(found)
            assert (found.num_buckets, found.largest_bucket) == (0, 0)
