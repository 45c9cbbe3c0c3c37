"""What an index answers, beside a run over all documents at once, and the naive reference."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import dedup
from dedup.index import change
from dedup.index.lookup import Lookup
from tests.reference import jaccard, shingles
from tests.worlds import world

TEXTS = world(400, seed=11)
COLUMNS = ["doc_id", "cluster_id", "cluster_size", "is_keeper", "keeper_id", "jaccard", "match"]


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is for the day that the power fails; most of the time goes there."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def table(first: int = 0, last: int = len(TEXTS), texts: list[str] = TEXTS) -> pa.Table:
    return pa.table({"id": pa.array(range(first, last), pa.int64()), "text": texts[first:last]})


def cuts(total: int, batches: int, seed: int) -> list[tuple[int, int]]:
    """Return the bounds of batches of random sizes, some of them empty."""
    inner = np.sort(np.random.default_rng(seed).integers(0, total + 1, batches - 1))
    return list(pairwise([0, *inner.tolist(), total]))


def rows(found: pa.Table, columns: list[str] | None = None) -> list[dict[str, Any]]:
    return found.select(columns or found.column_names).to_pylist()


@pytest.mark.parametrize("store", ["new", "all"])
@pytest.mark.parametrize(("batches", "threshold"), [(1, "0.8"), (7, "0.8"), (60, "0.5"), (5, "1")])
def test_keepers_are_those_of_one_run_that_keeps_the_first(
    tmp_path: Path, store: str, batches: int, threshold: str
) -> None:
    run = dedup.find_duplicates(table(), threshold=threshold)
    index = dedup.Index.create(tmp_path / "index", store=store, threshold=threshold)
    found = pa.concat_tables([index.add(table(a, b)) for a, b in cuts(len(TEXTS), batches, 3)])
    removed = run.decisions.removed
    assert found["doc_id"].to_pylist() == list(range(len(TEXTS)))
    assert np.array_equal(pc.not_equal(found["match"], "new").to_numpy(), removed)
    assert 50 < removed.sum() < 350
    # The keeper, the measure and the kind are those of the run, document by document.
    clusters = {row["doc_id"]: row for row in rows(run.clusters)}
    for row in rows(found.filter(pa.array(removed))):
        theirs = clusters[row["doc_id"]]
        assert {name: theirs[name] for name in row} == row
    assert len(index) == (len(TEXTS) if store == "all" else len(TEXTS) - removed.sum())


def test_clusters_do_not_depend_on_how_documents_came(tmp_path: Path) -> None:
    """Any order and batches, merged or not: the components; and in order, the keepers'."""
    expected = dedup.find_duplicates(table(), linkage="components").clusters
    groups = components(expected, "doc_id")
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(TEXTS))
        index = dedup.Index.create(tmp_path / str(seed), store="all")
        for a, b in cuts(len(TEXTS), 4 + 9 * seed, seed):
            index.add(table().take(order[a:b]))
        if seed % 2:
            index.compact()
        assert components(index.clusters("components"), "doc_id") == groups
    index = dedup.Index.create(tmp_path / "in order", store="all")
    for a, b in cuts(len(TEXTS), 20, 9):
        index.add(table(a, b))
    theirs = dedup.find_duplicates(table()).clusters
    assert rows(index.clusters(), COLUMNS) == rows(theirs, COLUMNS)


def components(clusters: pa.Table, name: str) -> set[frozenset[Any]]:
    groups: dict[int, set[Any]] = {}
    for row in clusters.to_pylist():
        groups.setdefault(row["cluster_id"], set()).add(row[name])
    return {frozenset(group) for group in groups.values()}


def test_a_query_finds_what_a_run_finds_at_the_exact_measure(tmp_path: Path) -> None:
    """Half is stored, half is asked; a run with --pairs all says which pairs there are."""
    half = len(TEXTS) // 2
    index = dedup.Index.create(tmp_path / "index", store="all", threshold="0.6")
    for a, b in cuts(half, 5, 1):
        index.add(table(a, b))
    before = sorted(path.name for path in (tmp_path / "index").iterdir())
    found = index.query(table(half))
    pairs = dedup.find_duplicates(table(), threshold="0.6", pairs="all").pairs
    expected = {
        (left, right)
        for left, right in zip(
            *(pairs[f"{s}_id"].to_pylist() for s in ("left", "right")), strict=True
        )
        if left < half <= right
    }
    assert {(row["doc_id"], row["query_id"]) for row in rows(found)} == expected
    assert len(found) == len(expected) > 40
    for row in rows(found):
        assert row["query"] + half == row["query_id"]
        stored, asked = TEXTS[row["doc_id"]], TEXTS[row["query_id"]]
        left, right = (set(shingles(text, 5)) for text in (stored, asked))
        if left or right:
            assert row["jaccard"] == float(jaccard(left, right))
        assert row["match"] == (
            "identical" if stored == asked else "equal" if left == right else "near"
        )
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == before


def test_of_two_keepers_the_first_removes_not_the_nearest(tmp_path: Path) -> None:
    """The two are unlike each other; a later document is like both, and more like the second."""
    words = [f"w{number}" for number in range(13)]
    texts = [" ".join(some) for some in (words[3:], words[:10], words[:12])]
    run = dedup.find_duplicates(pa.table({"text": texts}), ngram=1, threshold="0.6")
    assert run.decisions.keeper.tolist() == [0, 1, 0]
    for batches in ([texts[:1], texts[1:2], texts[2:]], [texts[:2], texts[2:]], [texts]):
        index = dedup.Index.create(tmp_path / str(len(batches)), ngram=1, threshold="0.6")
        answer = [row for batch in batches for row in index.add(batch).to_pylist()]
        assert [row["keeper_id"] for row in answer] == [None, None, 0]
        assert answer[2]["jaccard"] == 9 / 13
        assert index.query(texts[2])["doc_id"].to_pylist() == [1, 0]


def test_top_gives_the_best_and_limit_compares_the_first(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(100)]
    texts = [
        " ".join([*words[: 99 - number], *(f"new{number}.{k}" for k in range(number))])
        for number in range(8)
    ]
    index = dedup.Index.create(tmp_path / "index", store="all", threshold="0.7")
    for text in texts[::-1]:
        index.add([text])
    every = rows(index.query(texts[0]))
    assert len(every) == 8
    assert [row["doc_id"] for row in every] == list(range(7, -1, -1))
    assert [row["jaccard"] for row in every] == sorted(
        (row["jaccard"] for row in every), reverse=True
    )
    assert rows(index.query(texts[0], top=3)) == every[:3]
    assert rows(index.query(texts[0], limit=2)) == [row for row in every if row["doc_id"] < 2]
    assert len(index.query([texts[0], texts[1]], top=1)) == 2
    with pytest.raises(dedup.ConfigError, match="top is 0; give a number of at least 1"):
        index.query(texts[0], top=0)


def test_removed_documents_are_gone_and_can_come_again(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index")
    index.add(table(0, 200))
    stored = index.add(table(200))
    new = stored.filter(pc.equal(stored["match"], "new"))["doc_id"].to_pylist()
    gone = new[:30]
    size = len(index)
    assert index.remove(gone) == 30
    assert index.remove(gone) == 0
    assert len(index) == size - 30
    assert not set(index.query(table(200))["doc_id"].to_pylist()) & set(gone)
    index.compact()
    assert len(index) == size - 30
    assert index.stats()["removed"] == 0
    again = index.add(table().take(gone))
    assert set(again["match"].to_pylist()) == {"new"}
    assert len(index) == size


def test_without_a_keeper_the_others_find_another(tmp_path: Path) -> None:
    """Where all is stored, the clusters are those of a run over what is left."""
    index = dedup.Index.create(tmp_path / "index", store="all")
    for a, b in cuts(len(TEXTS), 6, 2):
        index.add(table(a, b))
    keepers = index.clusters().filter(pc.field("is_keeper"))["doc_id"].to_pylist()
    gone = keepers[::2]
    index.remove(gone)
    left = table().filter(pc.invert(pc.is_in(table()["id"], pa.array(gone))))
    run = dedup.find_duplicates(left)
    wanted = ["doc_id", "cluster_size", "is_keeper", "keeper_id", "jaccard", "match"]
    assert rows(index.clusters(), wanted) == rows(run.clusters, wanted)
    # What is added next meets the keepers of now.
    answer = index.add(table().take([4 * k for k in range(90)]))
    assert len(index.clusters()) >= len(run.clusters)
    kept = set(index.clusters().filter(pc.field("is_keeper"))["doc_id"].to_pylist())
    assert set(answer["keeper_id"].drop_null().to_pylist()) <= kept | set(left["id"].to_pylist())


def test_merging_changes_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for tier in (2, 8, 1 << 20):
        monkeypatch.setattr(change, "TIER", tier)
        index = dedup.Index.create(tmp_path / str(tier))
        added = pa.concat_tables([index.add(table(a, a + 10)) for a in range(0, len(TEXTS), 10)])
        found = index.query(table()).drop_columns(["added"])
        answers.append((rows(added), rows(found), index.stats()["segments"]))
    assert answers[0][:2] == answers[1][:2] == answers[2][:2]
    assert answers[0][2] <= answers[1][2] < 16 < answers[2][2] <= 40


def test_small_pieces_give_the_same_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = dedup.Index.create(tmp_path / "index")
    index.add(table(0, 300))
    expected = rows(index.query(table()))
    monkeypatch.setattr("dedup.index.lookup._PAIRS_TOGETHER", 3)
    monkeypatch.setattr("dedup.index.lookup._SHINGLES_TOGETHER", 200)
    monkeypatch.setattr("dedup.index.merge._SHINGLES_TOGETHER", 100)
    monkeypatch.setattr("dedup.index.incoming.BATCH_DOCUMENTS", 11)
    assert rows(index.query(table())) == expected
    index.compact()
    assert rows(index.query(table())) == expected


def test_ids_of_any_type_and_none(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index")
    long = " ".join(f"w{number}" for number in range(50))
    assert index.add(["one text", "another text", None, ""])["doc_id"].to_pylist() == [0, 1, 2, 3]
    answer = index.add(pa.table({"id": ["a", "b"], "text": ["one text", long]}))
    assert rows(answer)[0] == {
        "doc_id": "a",
        "match": "identical",
        "keeper_id": "0",
        "jaccard": 1.0,
    }
    assert index.query([long, "one text"])["doc_id"].to_pylist() == ["b", "0"]
    assert index.remove([0]) == 1
    assert index.remove(["b"]) == 1
    index.compact()
    assert index.query([long, "one text", "another text"])["doc_id"].to_pylist() == ["1"]
    # Nothing is a duplicate of no text.
    assert set(index.add([None, "", " "])["match"].to_pylist()) == {"new"}


def test_an_empty_index_and_an_empty_batch(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index", store="all")
    assert len(index.query("anything at all")) == 0
    assert index.add([]).num_rows == 0
    assert len(index.clusters()) == 0
    index.compact()
    assert index.verify() == []
    assert index.remove([1]) == 0


def test_the_options_of_text_count(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index", fold_digits=True, strip_accents=True, ngram=2)
    index.add(["the café of 1999 was full"])
    assert index.query("the cafe of 2024 was full")["match"].to_pylist() == ["equal"]
    assert dedup.Index.open(tmp_path / "index", fold_digits=True, ngram=2).config.strip_accents


def test_a_document_equal_to_a_keeper_is_compared_with_no_other(tmp_path: Path) -> None:
    index = dedup.Index.create(tmp_path / "index", store="all", threshold="0.6")
    index.add(table())
    lookup = Lookup(index.manifest.threshold, keepers_only=True)
    from dedup.index.incoming import sketched

    batch = sketched(pa.array(TEXTS[:50]), None, index.parameters)
    keepers = set(index.clusters().filter(pc.field("is_keeper"))["doc_id"].to_pylist())
    lone = set(range(50)) - set(index.clusters()["doc_id"].to_pylist())
    asked = sorted((keepers | lone) & set(range(50)))
    found = lookup.matches(
        sketched(pa.array([TEXTS[one] for one in asked]), None, index.parameters), index.segments
    )
    assert lookup.num_compared == 0
    assert len(found) <= len(asked) <= len(batch)
