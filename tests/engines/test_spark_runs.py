"""Runs of equal keys are found however the sorted rows are cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, groupby, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.engines.spark import blocks
from dedup.engines.spark.arrays import packed_words, unpacked_words
from dedup.engines.spark.blocks import CutEntries, SharedEntries
from dedup.engines.spark.candidates import SmallPairs
from dedup.engines.spark.runs import MarkLeads, SharedKeys
from dedup.engines.spark.texts import LengthFilter

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 40)), max_size=30, unique=True)
CUTS = st.lists(st.integers(0, 30), max_size=6)


def batches(rows: dict[str, list[int]], cuts: list[int]) -> Iterator[pa.RecordBatch]:
    """Cut rows into batches, empty ones among them."""
    table = pa.RecordBatch.from_pydict({name: pa.array(v, pa.int64()) for name, v in rows.items()})
    edges = sorted({0, len(table), *(min(cut, len(table)) for cut in cuts)})
    yield table.slice(0, 0)
    for first, last in pairwise(edges):
        yield table.slice(first, last - first)


def columns(found: Iterator[pa.RecordBatch], *names: str) -> list[tuple[Any, ...]]:
    return [
        row
        for batch in found
        for row in zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    ]


@given(rows=ROWS, cuts=CUTS)
def test_leads_and_shared_keys(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    rows.sort()
    runs = [[rank for _, rank in run] for _, run in groupby(rows, key=lambda row: row[0])]
    given_rows = {"key": [key for key, _ in rows], "rank": [rank for _, rank in rows]}
    expected = [(rank, run[0], nth) for run in runs for nth, rank in enumerate(run)]
    # Those that are not compared stand first, each by itself, though their keys be equal.
    alone = [rank for _, rank in rows][:7]
    with_alone = {
        "key": [rows[0][0]] * len(alone) + given_rows["key"] if rows else [],
        "rank": alone + given_rows["rank"],
        "compared": [0] * len(alone) + [1] * len(rows),
    }
    marked = (
        batch.set_column(2, "compared", batch.column("compared").cast(pa.bool_()))
        for batch in batches(with_alone, cuts)
    )
    found = MarkLeads(("key",), "compared")(marked)
    assert columns(found, "rank", "lead", "nth") == [
        *((rank, rank, 0) for rank in alone),
        *expected,
    ]

    given_rows["size"] = [rank + 1 for rank in given_rows["rank"]]
    long = [run for run in runs if len(run) > 1]
    shared = [(rank, rank + 1, run[0], nth) for run in long for nth, rank in enumerate(run)]
    found = SharedKeys()(batches(given_rows, cuts))
    assert columns(found, "rank", "size", "lead", "nth") == shared

    pairs = [
        pair
        for run in runs
        for pair in combinations(run, 2)
        if 10 * (min(pair) + 1) >= 8 * (max(pair) + 1)
    ]
    found = SmallPairs(LengthFilter(Fraction("0.8")))(batches(given_rows, cuts))
    assert sorted(columns(found, "left", "right")) == sorted(pairs)


@given(lengths=st.lists(st.integers(0, 4), max_size=9), start=st.integers(0, 9))
def test_words_come_back_as_they_were(lengths: list[int], start: int) -> None:
    words = np.arange(sum(lengths), dtype=np.uint64) << np.uint64(40)
    packed = packed_words(words, np.array(lengths, np.int64)).slice(start)
    values, sizes = unpacked_words(packed)
    assert sizes.tolist() == lengths[start:]
    assert values.tolist() == words[sum(lengths[:start]) :].tolist()


@given(rows=ROWS, cuts=CUTS, num_parts=st.integers(1, 5), run_rows=st.sampled_from([1, 4, 1000]))
def test_entries_in_blocks_are_those_of_sorted_rows(
    rows: list[tuple[int, int]], cuts: list[int], num_parts: int, run_rows: int
) -> None:
    names = ("key", "rank", "size")
    given_rows = {
        "key": [key for key, _ in rows],
        "rank": [rank for _, rank in rows],
        "size": [rank + 1 for _, rank in rows],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CUT_BYTES", 100)
        parts: dict[int, list[pa.RecordBatch]] = {}
        for batch in CutEntries(iter, names, num_parts)(batches(given_rows, cuts)):
            for row in range(len(batch)):
                parts.setdefault(batch["part"][row].as_py(), []).append(batch.slice(row, 1))
    assert set(parts) <= set(range(num_parts))
    found = []
    for some in parts.values():
        shared = SharedEntries(names, run_rows * 24)(iter(some))
        found += columns(shared, "key", "rank", "size", "lead", "nth")
    runs = [[rank for _, rank in run] for _, run in groupby(sorted(rows), key=lambda row: row[0])]
    keys = sorted({key for key, _ in rows})
    assert sorted(found) == [
        (key, rank, rank + 1, run[0], nth)
        for key, run in zip(keys, runs, strict=True)
        if len(run) > 1
        for nth, rank in enumerate(run)
    ]
