"""Runs by containment: a page in a page goes, the page around it stays, and the tables say why."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import dedup
from dedup.cli import cli
from tests import reference
from tests.worlds import vocabulary

THRESHOLDS = ("0.5", "0.8", "0.9", "1")
KEEPS = ("first", "largest", "longest", "last")
NO_CAP = 10**9


@cache
def nested_texts(seed: int, num_documents: int = 240) -> tuple[str, ...]:
    """Return pages inside pages, quotations from all to a twentieth, copies and others."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(2000, seed))
    texts: list[list[str]] = []
    while len(texts) < num_documents:
        kind = rng.random()
        if not texts or kind < 0.15:
            texts.append(rng.choice(words, int(rng.integers(1, 300))).tolist())
            continue
        source = texts[int(rng.integers(len(texts)))]
        size = max(1, round(len(source) / float(rng.choice([1, 1.1, 2, 5, 20]))))
        start = int(rng.integers(len(source) - size + 1))
        own = rng.choice(words, int(rng.integers(0, 2 + int(size * rng.choice([0, 0.1, 0.2, 1])))))
        cut = int(rng.integers(len(own) + 1))
        texts.append([*own[:cut].tolist(), *source[start : start + size], *own[cut:].tolist()])
    shuffled = [" ".join(texts[place]) for place in rng.permutation(num_documents).tolist()]
    return (*shuffled, shuffled[3].upper(), shuffled[5], "", "...")


@cache
def shingles_of(seed: int) -> list[set[reference.Shingle]]:
    return [reference.shingles(text, 5) for text in nested_texts(seed)]


def run(texts: tuple[str, ...] | list[str], **options: Any) -> dedup.Result:
    table = pa.table({"text": texts})
    return dedup.find_duplicates(table, measure="containment", max_comparisons=NO_CAP, **options)


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


@pytest.mark.parametrize("keep", KEEPS)
def test_kept_documents_that_lie_in_others_are_counted(keep: str) -> None:
    sets = shingles_of(0)
    result = run(nested_texts(0), keep=keep)
    kept = [at for at in np.flatnonzero(~result.decisions.removed).tolist() if sets[at]]
    inside = {
        a
        for a in kept
        for b in kept
        if a != b and reference.containment(sets[b], sets[a]) >= Fraction("0.8")
    }
    assert result.summary["result"]["kept_but_contained"] == len(inside)
    assert (len(inside) > 10) == (keep in ("first", "last"))
    told = [w for w in result.summary["warnings"] if "--keep largest" in w]
    assert len(told) == bool(inside)
    assert all(w.startswith(f"{len(inside)} kept documents are contained") for w in told)


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
def test_the_tables_tell_both_measures_exactly(keep: str) -> None:
    sets, texts = shingles_of(1), nested_texts(1)
    result = run(texts, keep=keep)
    rows = result.clusters.to_pylist()
    assert {row["match"] for row in rows} >= {"identical", "near", "contained"}
    alone = 0
    for row in rows:
        at, keeper = row["position"], row["cluster_id"]
        jaccard = reference.jaccard(sets[keeper], sets[at]) if sets[at] else Fraction(1)
        contained = reference.containment(sets[keeper], sets[at]) if sets[at] else Fraction(1)
        assert (row["jaccard"], row["containment"]) == (float(jaccard), float(contained))
        assert contained >= Fraction("0.8")
        if sets[at] != sets[keeper]:
            assert row["match"] == ("near" if jaccard >= Fraction("0.8") else "contained")
        alone += row["match"] == "contained"
    assert result.summary["result"]["removed_by_containment_alone"] == alone > 10
    for row in result.pairs.to_pylist():
        left, right = row["left_position"], row["right_position"]
        assert result.decisions.keeper[right] == left
        assert row["containment"] == float(reference.containment(sets[left], sets[right]))
        assert row["jaccard"] == float(reference.jaccard(sets[left], sets[right]))
    assert result.pairs.num_rows == result.summary["result"]["removed"]
    assert not result.pairs.schema.field("containment").nullable


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


@pytest.mark.parametrize("method", ["simhash", "both"])
def test_containment_finds_its_own_candidates(method: str) -> None:
    with pytest.raises(dedup.ConfigError, match="leave method out"):
        dedup.Config(measure="containment", method=method)
    with pytest.raises(dedup.ConfigError, match="jaccard, containment"):
        dedup.Config(measure="cosine")


def test_a_run_by_jaccard_has_no_column_of_containment() -> None:
    result = dedup.find_duplicates(pa.table({"text": nested_texts(0)}))
    for table in (result.clusters, result.pairs, result.decision_columns):
        assert "containment" not in table.column_names
    assert "kept_but_contained" not in result.summary["result"]
    assert result.summary["search"]["measure"] == "jaccard"


def test_a_shorter_document_is_long_enough_for_containment() -> None:
    """One changed word costs 5 shingles of n by containment, and adds 5 to the union by Jaccard."""
    words = vocabulary(300, 4)
    for length, told in ((28, True), (29, False), (48, False)):
        warnings = run([" ".join(words[:length])]).summary["warnings"]
        assert any("below 29, one changed word" in warning for warning in warnings) == told
    by_jaccard = dedup.find_duplicates(pa.table({"text": [" ".join(words[:48])]}))
    assert "below 49, one changed word" in by_jaccard.summary["warnings"][0]


def write_rows(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def read_rows(path: Path) -> list[dict[str, object]]:
    """Return the rows, and see that no name stands there twice."""
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        assert {line.count('"containment"') for line in lines} == {1}
        return [json.loads(line) for line in lines]
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)
    assert len(set(table.column_names)) == len(table.column_names)
    return table.to_pylist()


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_the_command_writes_the_measure_everywhere(tmp_path: Path, suffix: str) -> None:
    texts = [text for text in nested_texts(0) if text]
    table = pa.table({"text": texts, "containment": ["of the user"] * len(texts)})
    source = tmp_path / f"pages.{suffix}"
    write_rows(source, table)
    options = ["--measure", "containment", "--keep", "largest", "--keep-evidence"]
    folders = ["-o", str(tmp_path / "out"), "--annotated", str(tmp_path / "annotated")]
    done = CliRunner().invoke(cli, ["run", str(source), *folders, *options])
    assert done.exit_code == 0, done.output
    assert "pairs by exact containment" in done.output
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet")
    rows = read_rows(tmp_path / "annotated" / f"pages.{suffix}")
    assert [row["text"] for row in rows] == texts
    for row in clusters.to_pylist():
        assert rows[row["position"]]["containment"] == row["containment"]
    assert {row["containment"] for row in rows if row["cluster_id"] is None} == {None}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["config"]["measure"], summary["banding"]) == ("containment", None)
    rejected = pq.read_table(tmp_path / "out" / "evidence" / "rejected.parquet")
    assert rejected.num_rows > 2
    assert 0 < max(rejected["containment"].to_pylist()) < 0.8
    assert rejected["containment"].to_pylist() == sorted(rejected["containment"].to_pylist())[::-1]
