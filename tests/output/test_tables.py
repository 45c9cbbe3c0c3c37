"""The clusters table and the columns of copies are the same in any number of pieces."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.output import tables
from dedup.output.result import Result
from dedup.output.tables import DecisionColumns, cluster_batches, in_rows
from dedup.spill import runs
from dedup.spill.scratch import Scratch
from tests.worlds import world

OPTIONS = [
    {},
    {"linkage": "components"},
    {"measure": "containment", "pairs": "all"},
]


@pytest.fixture(
    scope="module", params=OPTIONS, ids=lambda options: "-".join(options.values()) or "default"
)
def result(request: pytest.FixtureRequest) -> Result:
    texts = world(500, seed=6, num_tokens=50)
    # Parts of documents, which only containment finds, and ids of which some are null.
    texts += [text[: len(text) // 2] for text in texts[::9]]
    ids = [None if number % 11 == 0 else f"d{number}" for number in range(len(texts))]
    return dedup.find_duplicates(pa.table({"id": ids, "text": texts}), **request.param)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scratch:
    """Let a block be 7 documents, a run 20 keys, a table 10 rows, and all lie on disk."""
    monkeypatch.setattr(tables, "_BLOCK", 7)
    monkeypatch.setattr(tables, "ROWS", 10)
    monkeypatch.setattr(runs, "RUN_KEYS", 20)
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    return Scratch(str(tmp_path), memory=0)


def test_small_tables_are_the_one_of_the_default(result: Result, small: Scratch) -> None:
    expected = result.clusters
    assert expected.num_rows > 100
    batches = list(cluster_batches(result.corpus, result.search, result.decisions, small))
    assert [batch.num_rows for batch in batches[:-1]] == [10] * (len(batches) - 1)
    assert 0 < batches[-1].num_rows <= 10
    assert all(batch.schema.equals(expected.schema) for batch in batches)
    assert pa.concat_tables(batches).combine_chunks().equals(expected)


def test_clusters_are_those_of_the_decisions(result: Result, small: Scratch) -> None:
    """Sorted in Python: by cluster, keeper first, then by position; none alone."""
    keeper = result.decisions.keeper.tolist()
    shared = [place for place in range(len(keeper)) if keeper.count(keeper[place]) >= 2]
    shared.sort(key=lambda place: (keeper[place], place != keeper[place], place))
    found = pa.concat_tables(
        cluster_batches(result.corpus, result.search, result.decisions, small)
    ).to_pydict()
    ids = result.corpus.columns["doc_id"].to_pylist()
    assert found["position"] == shared
    assert found["cluster_id"] == [keeper[place] for place in shared]
    assert found["cluster_size"] == [keeper.count(keeper[place]) for place in shared]
    assert found["is_keeper"] == [keeper[place] == place for place in shared]
    assert found["doc_id"] == [ids[place] for place in shared]
    assert found["keeper_id"] == [ids[keeper[place]] for place in shared]
    assert None in found["doc_id"]


def test_a_later_keeper_stands_first(small: Scratch) -> None:
    texts = [f"one two three four five six {n % 3}" for n in range(60)]
    table = pa.table({"text": texts, "score": list(range(60))})
    result = dedup.find_duplicates(table, keep="max:score")
    found = pa.concat_tables(
        cluster_batches(result.corpus, result.search, result.decisions, small)
    ).to_pydict()
    assert found["position"] == [57, *range(0, 57, 3), 58, *range(1, 58, 3), 59, *range(2, 59, 3)]


def test_columns_of_copies_are_the_same_by_any_slice(result: Result) -> None:
    whole = result.decision_columns
    count = len(result.corpus)
    assert whole.num_rows == count
    measure = result.search.verifier.measure
    for first, stop in pairwise([0, 1, 1, 100, 333, count]):
        columns = DecisionColumns(result.corpus, measure, result.decisions, first, stop)
        assert columns.num_rows == stop - first
        slices = [columns.slice(start, 7) for start in range(0, stop - first, 7)]
        joined = pa.concat_tables([columns.schema.empty_table(), *slices]).combine_chunks()
        assert joined.to_pydict() == whole.slice(first, stop - first).to_pydict()
        assert joined.schema.equals(whole.schema)
    alone = np.flatnonzero(result.decisions.cluster_size == 1)
    assert len(alone)
    assert whole["cluster_id"].take(alone).null_count == len(alone)
    assert whole["cluster_id"].null_count == len(alone)


LENGTHS = st.lists(st.integers(0, 25), max_size=12)


@given(LENGTHS, st.integers(1, 12), st.booleans())
def test_rows_are_cut_anew(lengths: list[int], rows: int, wide: bool) -> None:
    every = np.arange(2 * sum(lengths)).reshape(-1, 2)
    if not wide:
        every = every[:, 0]
    pieces = np.split(every, np.cumsum(lengths)[:-1]) if lengths else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROWS", rows)
        found = list(in_rows(iter(pieces)))
    assert [len(piece) for piece in found] == [
        min(rows, len(every) - start) for start in range(0, len(every), rows)
    ]
    assert not found or np.array_equal(np.concatenate(found), every)


def test_rows_are_given_as_soon_as_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a table's rows and one piece wait in memory."""
    monkeypatch.setattr(tables, "ROWS", 10)
    read: list[int] = []

    def pieces() -> Iterator[np.ndarray]:
        for number in range(6):
            read.append(number)
            yield np.full(5, number)

    rows = in_rows(pieces())
    assert next(rows).tolist() == [0] * 5 + [1] * 5
    assert read == [0, 1]
