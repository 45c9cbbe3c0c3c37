"""The pairs table is the same in any number of pieces, in memory and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import dedup
from dedup.output import pairs, tables
from dedup.output.pairs import Pairs, all_verified_pairs, decided_pairs
from dedup.output.result import Result
from dedup.spill import runs
from dedup.spill.scratch import Scratch
from tests.set_worlds import joined_edges
from tests.worlds import world

OPTIONS: list[dict[str, Any]] = [
    {},
    {"pairs": "all"},
    {"pairs": "all", "max_comparisons": 10},
    {"linkage": "components"},
    {"linkage": "components", "pairs": "all"},
    {"measure": "containment"},
    {"measure": "containment", "pairs": "all"},
]


@pytest.fixture(
    scope="module",
    params=OPTIONS,
    ids=lambda options: "-".join(map(str, options.values())) or "default",
)
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Result]:
    texts = world(500, seed=6, num_tokens=50)
    texts += [text[: len(text) // 2] for text in texts[::9]] + texts[:40] * 3
    return request.param, dedup.find_duplicates(pa.table({"text": texts}), **request.param)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scratch:
    """Let a block be 7 documents, pairs 5 together, a run 20, a table 10, and all lie on disk."""
    monkeypatch.setattr(pairs, "_BLOCK", 7)
    monkeypatch.setattr(pairs, "_PAIRS_TOGETHER", 5)
    monkeypatch.setattr(tables, "ROWS", 10)
    monkeypatch.setattr(runs, "RUN_KEYS", 20)
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    return Scratch(str(tmp_path), memory=0)


def again(options: dict[str, Any], result: Result, scratch: Scratch) -> Pairs:
    """Make the rows once more, from what the search found."""
    if options.get("pairs") != "all":
        return decided_pairs(result.corpus, result.search, result.decisions, scratch)
    assert result.search.edges is not None
    cap = options.get("max_comparisons", 1_000_000)
    return all_verified_pairs(result.corpus, result.search, result.search.edges, cap, scratch)


def test_small_tables_are_the_one_of_the_default(
    case: tuple[dict[str, Any], Result], small: Scratch
) -> None:
    options, result = case
    expected = result.pairs
    assert expected.num_rows > 100
    found = again(options, result, small)
    assert found.num_rows == result.pair_rows.num_rows
    assert found.num_omitted == result.pair_rows.num_omitted
    assert (found.num_omitted > 0) == ("max_comparisons" in options)
    for _ in range(2):
        batches = list(found.batches())
        assert [batch.num_rows for batch in batches[:-1]] == [10] * (len(batches) - 1)
        assert all(batch.schema.equals(expected.schema) for batch in batches)
        assert pa.concat_tables(batches).combine_chunks().equals(expected)


def test_rows_ascend_and_stand_once(case: tuple[dict[str, Any], Result], small: Scratch) -> None:
    options, result = case
    found = pa.concat_tables(again(options, result, small).batches()).to_pydict()
    places = list(zip(found["left_position"], found["right_position"], strict=True))
    assert places == sorted(set(places))
    if options.get("measure") != "containment":
        assert all(left < right for left, right in places)


def test_decided_pairs_are_the_removals(
    case: tuple[dict[str, Any], Result], small: Scratch
) -> None:
    _, result = case
    found = decided_pairs(result.corpus, result.search, result.decisions, small)
    rows = pa.concat_tables(found.batches()).to_pydict()
    places = zip(rows["left_position"], rows["right_position"], strict=True)
    keeper = result.decisions.removed_by.tolist()
    removals = [(keeper[place], place) for place in range(len(keeper)) if keeper[place] != place]
    assert {frozenset(pair) for pair in places} == {frozenset(pair) for pair in removals}
    assert found.num_rows == len(removals)


def test_all_pairs_are_those_of_the_edges_and_groups() -> None:
    """Of every edge, each equal of one side with each of the other; and the equals themselves."""
    texts = world(300, seed=8, num_tokens=40)
    result = dedup.find_duplicates(pa.table({"text": texts * 2}), pairs="all")
    search = result.search
    assert search.edges is not None
    group: dict[int, list[int]] = {}
    for rank, lead in enumerate(search.lead.tolist()):
        group.setdefault(lead, []).append(int(search.order[rank]))
    expected = {(a, b) for some in group.values() for a in some for b in some if a < b}
    edges = joined_edges(search.edges)
    for left, right in zip(search.units[edges.left], search.units[edges.right], strict=True):
        expected |= {(min(a, b), max(a, b)) for a in group[int(left)] for b in group[int(right)]}
    rows = result.pairs.to_pydict()
    found = list(zip(rows["left_position"], rows["right_position"], strict=True))
    assert found == sorted(expected)
