"""The whole flow: the definitions hold end to end, whatever the workers, batches and order."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dedup
from dedup.config import Config
from dedup.engines.local import LocalEngine
from dedup.engines.pool import WorkerPool
from dedup.io.inputs import discover
from dedup.output.measures import EQUAL_SETS
from dedup.output.result import Result
from dedup.pipeline import find
from dedup.spill.scratch import Scratch
from tests import reference
from tests.worlds import world

SURE = 0.999999  # a recall at which no pair is missed in worlds of this size


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = world(1500, seed=3)
    path = tmp_path_factory.mktemp("corpus") / "docs.parquet"
    score = np.random.default_rng(1).permutation(len(texts))
    table = pa.table({"id": [f"d{i}" for i in range(len(texts))], "text": texts, "score": score})
    pq.write_table(table, path, row_group_size=200)
    return path


def run(path: Path, engine: LocalEngine, scratch: Path | None = None, **options: object) -> Result:
    files = discover([path]).files
    config = Config(**options)  # type: ignore[arg-type]
    return find(files, config, engine, Scratch(str(scratch) if scratch else None, held=0), None)


@pytest.mark.parametrize("options", [{}, {"pairs": "all"}, {"linkage": "components"}])
def test_tables_do_not_depend_on_workers_or_batches(
    corpus_file: Path, tmp_path: Path, options: dict[str, str]
) -> None:
    expected = run(corpus_file, LocalEngine(), **options)
    assert expected.clusters.num_rows > 500
    for size in (1, 7, 100, 5000):
        engine = LocalEngine(batch_documents=size, read_bytes=64 * size, part_bytes=1000 * size)
        found = run(corpus_file, engine, **options)
        assert found.clusters.equals(expected.clusters)
        assert found.pairs.equals(expected.pairs)
    with WorkerPool(1) as pool:
        engine = LocalEngine(pool, part_bytes=20_000)
        found = run(corpus_file, engine, tmp_path, **options)
    assert found.clusters.equals(expected.clusters)
    assert found.pairs.equals(expected.pairs)


def test_shuffled_rows_keep_the_same_documents(corpus_file: Path) -> None:
    table = pq.read_table(corpus_file)
    expected = keeper_of_id(dedup.find_duplicates(table, keep="max:score"))
    order = np.random.default_rng(5).permutation(len(table))
    found = keeper_of_id(dedup.find_duplicates(table.take(order), keep="max:score"))
    assert found == expected
    assert len(found) > 500


def keeper_of_id(result: Result) -> dict[str, str]:
    clusters = result.clusters
    ids, keepers = clusters["doc_id"].to_pylist(), clusters["keeper_id"].to_pylist()
    return dict(zip(ids, keepers, strict=True))


@pytest.mark.parametrize("threshold", ["0.5", "0.8", "0.95", "1"])
def test_clusters_and_pairs_are_those_of_the_definitions(threshold: str) -> None:
    texts = world(250, seed=11, num_tokens=60)
    limit = Fraction(threshold)
    result = dedup.find_duplicates(
        pa.table({"text": texts}), threshold=threshold, recall=SURE, pairs="all"
    )
    sets = [document_set(text, i) for i, text in enumerate(texts)]
    expected = reference.greedy(sets, limit)
    assert result.decisions.removed_by.tolist() == expected
    similar = reference.similar_pairs(sets, limit)
    pairs = result.pairs
    places = zip(
        pairs["left_position"].to_pylist(), pairs["right_position"].to_pylist(), strict=True
    )
    found = dict(zip(places, pairs["jaccard"].to_pylist(), strict=True))
    assert found == pytest.approx({pair: float(value) for pair, value in similar.items()})


def document_set(text: str, position: int) -> set[tuple[str, ...]]:
    """Return the set a document is compared by; one of its own where it matches nothing."""
    found = reference.shingles(text, 5)
    if found:
        return found
    canonical = reference.canonical_text(text)
    if not canonical.strip():
        return {("blank", str(position))}
    return {("no token", canonical)}


def test_every_removed_document_has_a_verified_keeper(corpus_file: Path) -> None:
    result = dedup.find_duplicates(corpus_file, threshold=0.7)
    texts = pq.read_table(corpus_file)["text"].to_pylist()
    keeper = result.decisions.removed_by
    removed = np.flatnonzero(result.decisions.removed)
    assert len(removed) > 300
    assert not result.decisions.removed[keeper[removed]].any()
    for document in removed.tolist():
        pair = [document_set(texts[d], d) for d in (document, int(keeper[document]))]
        exact = reference.jaccard(*pair)
        assert exact >= Fraction("0.7")
        common = result.decisions.removed_common[document]
        shared = len(pair[0] & pair[1])
        assert common == (EQUAL_SETS if exact == 1 else shared)


def test_match_tells_identical_from_equal_from_near() -> None:
    text = " ".join(f"w{i}" for i in range(100))
    texts = [text, text, text.upper(), text + " end", "...", "...", "", " ", None]
    clusters = dedup.find_duplicates(pa.table({"text": texts})).clusters
    found = dict(zip(clusters["position"].to_pylist(), clusters["match"].to_pylist(), strict=True))
    assert found == {
        0: "identical",
        1: "identical",
        2: "equal",
        3: "near",
        4: "identical",
        5: "identical",
    }


@pytest.mark.parametrize("method", ["simhash", "both"])
def test_simhash_candidates_are_verified(method: str, corpus_file: Path) -> None:
    options = {"threshold": "0.8", "pairs": "all"}
    minhash = positions(dedup.find_duplicates(corpus_file, recall=SURE, **options))
    found = positions(dedup.find_duplicates(corpus_file, method=method, **options))
    assert found <= minhash
    near = positions(dedup.find_duplicates(corpus_file, method=method, max_hamming=10, **options))
    assert found <= near
    assert len(near) > 0.5 * len(minhash)


def positions(result: Result) -> set[tuple[int, int]]:
    pairs = result.pairs
    return set(
        zip(pairs["left_position"].to_pylist(), pairs["right_position"].to_pylist(), strict=True)
    )


def test_components_chain_and_never_remove_by_chaining() -> None:
    words = [f"w{i}" for i in range(100)]
    chain = [" ".join(words[i * 4 : i * 4 + 60]) for i in range(8)]
    table = pa.table({"text": chain})
    components = dedup.find_duplicates(table, linkage="components", recall=SURE)
    assert components.clusters["cluster_size"].to_pylist() == [8] * 8
    assert components.clusters["jaccard"].null_count > 0
    keeper = dedup.find_duplicates(table, recall=SURE)
    assert components.decisions.removed_by.tolist() == keeper.decisions.removed_by.tolist()
    assert len(dedup.drop_duplicates(table, recall=SURE)) > 1


def test_a_capped_run_keeps_and_counts_what_it_skips() -> None:
    rng = np.random.default_rng(2)
    blocks = [" ".join(f"b{i}x{j}" for j in range(20)) for i in range(30)]
    texts = [
        " ".join(
            block for block, chosen in zip(blocks, rng.random(30) < 0.84, strict=True) if chosen
        )
        for _ in range(400)
    ]
    table = pa.table({"text": texts})
    capped = dedup.find_duplicates(table, max_comparisons=200, threshold=0.9)
    search = capped.summary["search"]
    assert search["skipped_comparisons"] > 0
    assert search["documents_with_skipped_comparisons"] > 0
    assert search["skipped_examples"]
    assert any("skipped" in warning for warning in capped.summary["warnings"])
    sets = [reference.shingles(text, 5) for text in texts]
    removed = np.flatnonzero(capped.decisions.removed)
    keeper = capped.decisions.removed_by
    assert len(removed) > 20
    for document in removed.tolist():
        assert reference.jaccard(sets[document], sets[keeper[document]]) >= Fraction("0.9")
    whole = dedup.find_duplicates(table, threshold=0.9)
    assert whole.summary["search"]["skipped_comparisons"] == 0


def test_pairs_of_large_groups_are_bounded_and_counted() -> None:
    table = pa.table({"text": [" ".join(f"w{i}" for i in range(30))] * 100})
    result = dedup.find_duplicates(table, pairs="all", max_comparisons=45)
    assert result.summary["result"]["omitted_pairs"] == 4950 - result.pairs.num_rows
    assert result.pairs.num_rows == 45 + 90  # the first ten among each other, the first with all
    assert result.summary["result"]["removed"] == 99


def test_an_empty_input_gives_empty_tables() -> None:
    result = dedup.find_duplicates(pa.table({"text": pa.array([], pa.string())}))
    assert result.clusters.num_rows == result.pairs.num_rows == 0
    assert result.summary["warnings"] == ["the input holds no document"]


def test_a_short_median_document_is_warned_of() -> None:
    warnings = dedup.find_duplicates(pa.table({"text": ["just four words here"]})).summary[
        "warnings"
    ]
    assert any("--ngram" in warning for warning in warnings)
