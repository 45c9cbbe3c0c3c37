"""What is common in a source is left out: as the naive definition says, end to end."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup import common
from dedup.config import Config
from dedup.engines.local import LocalEngine
from dedup.engines.pool import WorkerPool
from dedup.errors import ConfigError, InputError
from dedup.io.inputs import discover
from dedup.pipeline import find
from dedup.result import Result
from dedup.sketch import frequency
from tests import oracles_hashing, oracles_sketch, reference
from tests.worlds import vocabulary

SURE = 0.999999
WORDS = np.array(vocabulary(4000, seed=8))
NEVER_EQUAL = ("", " ", None)


def edited(words: list[str], rng: np.random.Generator, changes: int) -> list[str]:
    found = list(words)
    for place in rng.choice(len(found), changes, replace=False).tolist():
        found[place] = str(rng.choice(WORDS))
    return found


def templated_world(seed: int) -> pa.Table:
    """Return pages of sites large and small, each on a template of its own, with near-duplicates.

    Some pages are copies from another site, some nothing but template, some without text or site.
    """
    rng = np.random.default_rng(seed)
    texts: list[str | None] = []
    hosts: list[str | None] = []
    stories = [list(rng.choice(WORDS, int(rng.integers(1, 60)))) for _ in range(40)]
    for site, size in enumerate((4, 9, 12, 25, 60)):
        template = [list(rng.choice(WORDS, int(rng.integers(4, 30)))) for _ in range(2)]
        for _ in range(size):
            story = stories[int(rng.integers(len(stories)))]
            if rng.random() < 0.5 and len(story) > 2:
                story = edited(story, rng, int(rng.integers(1, 3)))
            head, foot = template if rng.random() < 0.9 else (template[0], [])
            page = [*head, *(story if rng.random() < 0.9 else []), *foot]
            texts.append(" ".join(page))
            hosts.append(f"site{site}" if rng.random() < 0.95 else None)
    for place in rng.choice(len(texts), 15, replace=False).tolist():
        texts.append(texts[place])
        hosts.append(hosts[int(rng.integers(len(hosts)))])
    for odd in (*NEVER_EQUAL, "!!!", "!!!"):
        texts.append(odd)
        hosts.append("site3")
    order = rng.permutation(len(texts)).tolist()
    return pa.table({"text": [texts[i] for i in order], "host": [hosts[i] for i in order]})


def compared_sets(table: pa.Table, sources: list[object], share: str) -> list[set[object]]:
    """Return the set that each document is compared by; one of its own for those of no tokens."""
    texts = table["text"].to_pylist()
    sets = [reference.shingles(text or "", 5) for text in texts]
    found = reference.without_common(sets, sources, Fraction(share))
    return [
        set(left) or ({("blank", i)} if text in NEVER_EQUAL else {("no token", text)})
        for i, (left, text) in enumerate(zip(found, texts, strict=True))
    ]


def pairs_of(result: Result) -> dict[tuple[int, int], float]:
    pairs = result.pairs
    left, right = pairs["left_position"].to_pylist(), pairs["right_position"].to_pylist()
    return dict(zip(zip(left, right, strict=True), pairs["jaccard"].to_pylist(), strict=True))


@pytest.mark.parametrize("within", [None, "host"])
@pytest.mark.parametrize("share", ["0.1", "0.3", "0.9"])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_and_keepers_are_those_of_the_definition(
    seed: int, share: str, within: str | None
) -> None:
    table = templated_world(seed)
    sources = table["host"].to_pylist() if within else ["all"] * len(table)
    sets = compared_sets(table, sources, share)
    options = {"threshold": "0.6", "recall": SURE, "pairs": "all"}
    result = dedup.find_duplicates(
        table, ignore_common=float(share), common_within=within, **options
    )
    assert result.decisions.removed_by.tolist() == reference.greedy(sets, Fraction("0.6"))
    expected = reference.similar_pairs(sets, Fraction("0.6"))
    assert pairs_of(result) == pytest.approx({p: float(v) for p, v in expected.items()})
    has_tokens = result.corpus.num_tokens > 0
    sizes = np.array([len(each) for each in sets])
    assert result.corpus.num_shingles[has_tokens].tolist() == sizes[has_tokens].tolist()
    plain = dedup.find_duplicates(table, **options)
    if share != "0.9":
        assert pairs_of(plain) != pairs_of(result)


def test_the_summary_counts_what_was_ignored() -> None:
    table = templated_world(1)
    hosts = table["host"].to_pylist()
    before = [reference.shingles(text or "", 5) for text in table["text"].to_pylist()]
    after = reference.without_common(before, hosts, Fraction("0.3"))
    result = dedup.find_duplicates(table, ignore_common=0.3, common_within="host")
    ignored = result.summary["ignored_shingles"]
    total = sum(map(len, before))
    assert ignored["share_of_sets"] == pytest.approx(1 - sum(map(len, after)) / total)
    assert ignored["sources"] == len(ignored["by_source"]) == 3
    assert ignored["shingles"] == sum(each["shingles"] for each in ignored["by_source"])
    for each in ignored["by_source"]:
        mine = [i for i, host in enumerate(hosts) if host == each["source"] and before[i]]
        assert each["documents"] == len(mine)
        lost = sum(len(before[i]) - len(after[i]) for i in mine)
        assert each["share_of_sets"] == pytest.approx(lost / sum(len(before[i]) for i in mine))
        assert each["share_of_sets"] > 0.05
    assert dedup.find_duplicates(table).summary["ignored_shingles"] is None


def test_a_shingle_of_nine_documents_is_never_common() -> None:
    rng = np.random.default_rng(4)
    template = " ".join(rng.choice(WORDS, 40))
    for count, is_common in ((9, False), (10, True)):
        texts = [f"{template} {' '.join(rng.choice(WORDS, 10))}" for _ in range(count)]
        # Copies do not make it ten.
        table = pa.table({"text": [*texts, texts[0], texts[1].upper()]})
        result = dedup.find_duplicates(table, ignore_common=0.1)
        assert (result.summary["ignored_shingles"]["shingles"] > 0) == is_common
        assert result.summary["result"]["removed"] == 2


def test_sources_too_small_for_anything_common_are_warned_of() -> None:
    table = pa.table({"text": [f"page {i} of a template of some words" for i in range(20)]})
    for count, warned in ((9, True), (10, False)):
        warnings = dedup.find_duplicates(table[:count], ignore_common=0.5).summary["warnings"]
        assert any("--common-within" in warning for warning in warnings) == warned


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignore_common": 0.0}, "ignore_common is 0.0; give a share above 0 and below 1"),
        ({"ignore_common": 1.0}, "ignore_common is 1.0"),
        ({"common_within": "host"}, "common_within is 'host' without ignore_common"),
        ({"simhash_weights": "idf"}, "simhash_weights is 'idf'; give one of set, tf"),
    ],
)
def test_values_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Config(**options)  # type: ignore[arg-type]


def test_the_column_may_be_that_of_the_keeper_policy() -> None:
    table = templated_world(0)
    options = {"ignore_common": 0.3, "common_within": "host", "pairs": "all"}
    found = dedup.find_duplicates(table, keep="max:host", **options)
    assert pairs_of(found) == pairs_of(dedup.find_duplicates(table, **options))


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match="hots"):
        dedup.find_duplicates(templated_world(0), ignore_common=0.5, common_within="hots")


def test_more_than_the_share_is_exact() -> None:
    """12 of 40 are not more than 0.3 of them, though the binary 0.3 is a little less."""
    rng = np.random.default_rng(3)
    for count, is_common in ((12, False), (13, True)):
        own = [" ".join(rng.choice(WORDS, 20)) for _ in range(40)]
        texts = [("one two three four five " if i < count else "") + own[i] for i in range(40)]
        result = dedup.find_duplicates(pa.table({"text": texts}), ignore_common=0.3)
        assert result.summary["ignored_shingles"]["shingles"] == is_common


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
    keys = [np.concatenate(corpus.keys)[plain.num_shingles > 0] for corpus in (found, plain)]
    np.testing.assert_array_equal(*keys)
    everything = np.arange(len(table))
    np.testing.assert_array_equal(found.sets.gather(everything), plain.sets.gather(everything))


def test_tables_do_not_depend_on_workers_or_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.concat_tables([templated_world(seed) for seed in range(4)])
    paths = [tmp_path / f"{name}.parquet" for name in ("a", "b")]
    for path, half in zip(paths, (table.slice(0, 300), table.slice(300)), strict=True):
        pq.write_table(half, path, row_group_size=40)
    files = discover(paths).files

    def run(engine: LocalEngine, scratch: str | None, within: str | None) -> Result:
        config = Config(
            ignore_common=0.2, common_within=within, method="both", simhash_weights="tf"
        )
        return find(files, config, engine, scratch, None)

    for within in (None, "host"):
        expected = run(LocalEngine(), None, within)
        assert expected.clusters.num_rows > 100
        assert expected.summary["ignored_shingles"]["shingles"] > 50
        with monkeypatch.context() as small:
            small.setattr(common, "CHUNK_SHINGLES", 900)
            small.setattr(frequency, "CHUNK_SHINGLES", 300)
            small.setattr(common, "_BATCH_SHINGLES", 70)
            small.setattr(common, "MAX_OWNERS", 2)
            engine = LocalEngine(batch_documents=7, read_bytes=500, part_bytes=3000)
            same(run(engine, str(tmp_path), within), expected)
        with WorkerPool(1) as pool:
            same(run(LocalEngine(pool, part_bytes=9000), str(tmp_path), within), expected)


def same(found: Result, expected: Result) -> None:
    assert found.clusters.equals(expected.clusters)
    assert found.pairs.equals(expected.pairs)
    assert found.summary["ignored_shingles"] == expected.summary["ignored_shingles"]


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
