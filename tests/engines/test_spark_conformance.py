"""The Spark engine's tables are those of the local engine, on the same rows in the order of ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import dedup
import dedup.spark
from dedup.engines.spark import candidates, collapse, verification
from tests.worlds import vocabulary, world


def pages(seed: int, num_documents: int = 220) -> pa.Table:
    """Return a world with a template's pages (a hot bucket), pairs planted there, and copies."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(2000, seed))
    texts = world(num_documents, seed, num_tokens=60)
    template = list(rng.choice(words, 200))
    for number in range(130):
        page = [*template, *rng.choice(words, int(rng.integers(32, 42)))]
        texts.append(" ".join(page))
        if number % 9 == 0:
            page[-3] = str(rng.choice(words))
            texts.append(" ".join(page))
    texts += [texts[7]] * 40 + [texts[-1].upper()] * 3
    order = rng.permutation(len(texts))
    hosts = [None, "a", "b", "a"]
    return pa.table(
        {
            "url": [f"{'é' * (number % 2)}/{number}" for number in range(len(texts))],
            "number": rng.permutation(len(texts)) * 5 - 100,
            "body": [None if place % 50 == 49 else texts[place] for place in order],
            "score": pa.array(rng.choice([np.nan, 0.5, 2.0, 3.0], len(texts)), mask=order % 7 == 0),
            "host": [hosts[place % 4] for place in order],
            "jaccard": ["replaced"] * len(texts),  # in annotated rows
        }
    )


def same_tables(found: dedup.spark.SparkResult, expected: dedup.Result) -> None:
    """Compare tables row by row, the order of rows apart."""
    for name in ("clusters", "pairs"):
        table, wanted = getattr(found, name).toArrow(), getattr(expected, name)
        assert table.column_names == wanted.column_names
        assert in_order(table) == in_order(wanted), name
    assert found.kept().count() == expected.summary["result"]["kept"]
    assert found.summary["removal"] == expected.summary["removal"]


def in_order(table: pa.Table) -> list[tuple[Any, ...]]:
    keys = [name for name in table.column_names if name.endswith("position")]
    return [
        tuple(row.values())
        for row in table.sort_by([(key, "ascending") for key in keys]).to_pylist()
    ]


def same_rows(found: dedup.spark.SparkResult, rows: pa.Table, expected: dedup.Result) -> None:
    """Compare the rows of the input that are kept and removed, and all with their decisions."""
    gone = pa.array(expected.decisions.removed)
    ids = {name: getattr(found, name)().toArrow()["number"] for name in ("kept", "removed")}
    for name, wanted in (("removed", gone), ("kept", pc.invert(gone))):
        assert sorted(ids[name].to_pylist()) == rows.filter(wanted)["number"].to_pylist()
    annotated = found.annotated().toArrow().sort_by("number")
    added = expected.decision_columns
    names = [name for name in rows.column_names if name not in added.column_names]
    assert annotated.column_names == [*names, *added.column_names]
    assert annotated.select(added.column_names).to_pylist() == added.to_pylist()
    assert annotated["body"].to_pylist() == rows["body"].to_pylist()


def of_odd_order() -> dedup.Check:
    """Return a check that looks at all it gets, and tells left from right.

    Workers need no test module for it.
    """

    def agree(pairs: pa.RecordBatch) -> pa.Array:
        left = pc.bit_wise_and(pairs["left_number"], 1)
        right = pc.bit_wise_and(pairs["right_number"], 2)
        same_letter = pc.equal(
            pc.utf8_slice_codeunits(pairs["left_id"], 0, 1),
            pc.utf8_slice_codeunits(pairs["right_id"], 0, 1),
        )
        return pc.or_(pc.and_(pc.less(left, right), same_letter), pc.equal(pairs["jaccard"], 0.875))

    return dedup.Check(agree, columns=("number",))


@pytest.mark.parametrize(
    ("id_column", "partitions", "options"),
    [
        ("url", 1, {"linkage": "components", "pairs": "all", "threshold": "0.7"}),
        (
            "number",
            7,
            {
                "keep": "max:score",
                "within": "host",
                "keep_best": 2,
                "pairs": "all",
                "threshold": "0.6",
            },
        ),
        ("url", 2, {"keep": "last", "min_tokens": 20, "ngram": 3, "check": of_odd_order()}),
    ],
    ids=["components and all pairs", "policy, groups, the best two", "last, and a check"],
)
def test_tables_of_both_engines_are_equal(
    spark: Any,
    id_column: str,
    partitions: int,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if partitions != 1:
        for module in (candidates, collapse):
            monkeypatch.setattr(module, "DRIVER_BYTES", 0)
    # All ways to the contents of pairs: by a list of pairs, by one of documents, by a shuffle.
    monkeypatch.setattr(verification, "FEW_PAIRS", 1000 if partitions == 1 else 0)
    monkeypatch.setattr(verification, "FEW_PLACES", 0 if partitions == 7 else 1000)
    table = pages(seed=partitions)
    data = spark.createDataFrame(table).repartition(partitions)
    in_id_order = table.sort_by(id_column)
    expected = dedup.find_duplicates(in_id_order, text="body", id=id_column, **options)
    with dedup.spark.find_duplicates(
        data, text="body", id=id_column, partitions=partitions, **options
    ) as found:
        same_tables(found, expected)
        if partitions == 7:
            same_rows(found, in_id_order, expected)
        stages = found.summary["stages"]
        assert stages["decisions"]["rows"] < table.num_rows  # of those that match others
        assert all(stage["bytes"] > 0 for stage in stages.values())
        assert {*stages, "total"} == set(found.summary["seconds"])
        counts = found.summary["result"]
        assert counts == {name: expected.summary["result"][name] for name in counts}
        assert counts["removed"] > 30
        facts = found.summary["input"]
        for name in ("documents", "tokens", "shingles", "median_tokens", "null_text", "blank_text"):
            assert facts[name] == expected.summary["input"][name], name
        search = found.summary["search"]
        assert (search.get("refused_by_check", 0) > 0) == ("check" in options)
        assert search["skipped_comparisons"] == 0
        assert found.summary["search"]["largest_bucket"] > 64 or "within" in options


def variants(seed: int, most_edits: int) -> list[str]:
    """Return pages of a few words' difference, which drift: one bucket with several keepers."""
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(2000, seed))
    page = list(rng.choice(words, 200))
    texts = []
    for _ in range(150):
        edited = list(page)
        for _ in range(int(rng.integers(1, most_edits + 1))):
            edited[int(rng.integers(200))] = str(rng.choice(words))
        texts.append(" ".join(edited))
        if rng.random() < 0.1:
            page = edited
    return texts


@pytest.mark.slow
def test_keepers_need_no_cap_where_all_pairs_would(spark: Any) -> None:
    texts = [*variants(0, most_edits=2), *variants(2, most_edits=3)]
    table = pa.table({"id": np.arange(len(texts)), "text": texts})
    expected = dedup.find_duplicates(table, max_comparisons=300)
    everything = dedup.find_duplicates(table, max_comparisons=300, pairs="all")
    assert everything.summary["search"]["skipped_comparisons"] > 0
    assert expected.summary["search"]["skipped_comparisons"] == 0
    with dedup.spark.find_duplicates(
        spark.createDataFrame(table), text="text", id="id", max_comparisons=300
    ) as found:
        same_tables(found, expected)
        assert found.summary["search"]["skipped_comparisons"] == 0
        stages = found.summary["seconds"]
        assert {"rest", "late", "active_1"} <= set(stages)
