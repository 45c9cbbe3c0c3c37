"""What is made of the shingles that are left once the common ones are ignored."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import dedup
from dedup.lsh.grouping import band_groups
from tests import oracles_hashing, oracles_sketch, reference
from tests.templated_pages import WORDS, edited, pairs_of

SURE = 0.999999


def test_equal_means_equal_in_what_is_left() -> None:
    rng = np.random.default_rng(10)
    head, menu = " ".join(rng.choice(WORDS, 30)), " ".join(rng.choice(WORDS, 30))
    pages = [f"{head} {menu} {' '.join(rng.choice(WORDS, 50))}" for _ in range(20)]
    without_head = pages[7].removeprefix(head)
    table = pa.table({"text": [*pages, without_head, pages[7]]})
    result = dedup.find_duplicates(table, ignore_common=0.5)
    assert result.clusters["position"].to_pylist() == [7, 20, 21]
    assert result.clusters["match"].to_pylist() == ["identical", "equal", "identical"]
    assert result.clusters["jaccard"].to_pylist() == [1.0] * 3


def test_weights_of_what_is_left_stay() -> None:
    rng = np.random.default_rng(11)
    width = 2
    template = " ".join(rng.choice(WORDS, 20))
    texts = [f"{template} {' '.join(rng.choice(WORDS[:6], 60))} end{i}" for i in range(20)]
    sets = [reference.shingles(text, width) for text in texts]
    left = reference.without_common(sets, ["all"] * len(texts), Fraction("0.6"))
    expected = []
    for text, shingles in zip(texts, left, strict=True):
        counts = Counter(pairwise(text.split()))
        assert max(counts.values()) > 1
        weighted = [s for s in shingles for _ in range(len(f"{counts[s]:b}"))]
        expected.append(
            oracles_sketch.fingerprint(oracles_hashing.shingle_hash(s, width, 0) for s in weighted)
        )
    options = {"method": "simhash", "simhash_weights": "tf", "ngram": width}
    result = dedup.find_duplicates(pa.table({"text": texts}), ignore_common=0.6, **options)
    assert result.summary["ignored_shingles"]["shingles"] > 20
    assert result.corpus.fingerprints.tolist() == expected


def test_copies_at_different_sites_stay_copies() -> None:
    """Common at one site, rare at the other: equal pages are found, and are equal in full."""
    rng = np.random.default_rng(5)
    template = " ".join(rng.choice(WORDS, 70))
    pages = [f"{template} {' '.join(rng.choice(WORDS, 20))}" for _ in range(30)]
    hosts = ["large"] * 30
    for order in (1, -1):
        table = pa.table({"text": [*pages, pages[3]][::order], "host": [*hosts, "small"][::order]})
        result = dedup.find_duplicates(table, ignore_common=0.5, common_within="host")
        assert result.pairs["jaccard"].to_pylist() == [1.0]
        assert result.summary["ignored_shingles"]["share_of_sets"] > 0.5


def test_pages_of_template_alone_are_duplicates_of_each_other_only() -> None:
    rng = np.random.default_rng(6)
    template = list(rng.choice(WORDS, 100))
    pages = [" ".join([*template, *rng.choice(WORDS, 30)]) for _ in range(30)]
    bare = [" ".join(template[:90]), " ".join(template[:95]), " ".join(template[50:])]
    table = pa.table({"text": [*pages, *bare]})
    result = dedup.find_duplicates(table, ignore_common=0.5, pairs="all", recall=SURE)
    assert set(pairs_of(result)) == {(30, 31)}
    assert result.summary["ignored_shingles"]["whole_documents"] == 3


@pytest.mark.parametrize("method", ["minhash", "simhash", "both"])
@pytest.mark.parametrize("weights", ["set", "tf"])
def test_what_is_left_is_sketched_as_if_it_were_all(method: str, weights: str) -> None:
    """Nothing common: the same sketches as without the option."""
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS[:30], 80)) for _ in range(50)]
    table = pa.table({"text": [*texts, None, "?!", texts[4]]})
    options = {"method": method, "simhash_weights": weights, "ngram": 2}
    plain = dedup.find_duplicates(table, **options).corpus
    found = dedup.find_duplicates(table, ignore_common=0.99, **options).corpus
    for name in ("fingerprints", "digests", "num_shingles"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    unit = np.where(plain.num_shingles > 0, np.arange(len(table)), -1)
    assert found.num_bands == plain.num_bands == (0 if method == "simhash" else 17)
    for band in range(found.num_bands):
        groups = [list(band_groups(corpus.key_runs, band, unit)) for corpus in (found, plain)]
        np.testing.assert_array_equal(*(np.concatenate(some[0]) for some in groups))
    everything = np.arange(len(table))
    np.testing.assert_array_equal(found.sets.gather(everything), plain.sets.gather(everything))


@pytest.mark.parametrize(("num_sites", "threshold"), [(1, "0.5"), (2, "0.8")])
def test_articles_in_pages_of_template_are_found_and_told_apart(
    num_sites: int, threshold: str
) -> None:
    """100 articles, each twice, once edited, in pages that are 70 % template.

    On one site, all pages are alike; on two, the template hides the article that is on both.
    """
    rng = np.random.default_rng(9)
    templates = [[" ".join(rng.choice(WORDS, 350)) for _ in range(2)] for _ in range(num_sites)]
    articles = [list(rng.choice(WORDS, 300)) for _ in range(100)]
    pages, hosts = [], []
    for number, article in enumerate(articles):
        for version in (article, edited(article, rng, int(rng.integers(1, 4)))):
            site = len(pages) % num_sites
            head, foot = templates[site]
            body = " ".join(version)
            pages.append(f"{head} {body} {foot}")
            hosts.append(f"site{site}")
            assert 0.67 < 1 - len(body) / len(pages[-1]) < 0.73, number
    table = pa.table({"text": pages, "host": hosts})
    truth = {(2 * i, 2 * i + 1) for i in range(100)}
    options = {"threshold": threshold, "pairs": "all", "max_comparisons": 10_000_000}
    result = dedup.find_duplicates(table, ignore_common=0.5, common_within="host", **options)
    found = set(pairs_of(result))
    assert len(found & truth) >= 0.99 * len(found)
    assert len(found & truth) >= 0.99 * len(truth)
    assert 0.67 < result.summary["ignored_shingles"]["share_of_sets"] < 0.73
    plain = set(pairs_of(dedup.find_duplicates(table, **options)))
    assert len(plain & truth) < 0.5 * len(plain | truth)
