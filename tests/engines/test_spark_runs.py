"""Runs of equal keys are found however the sorted rows are cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, groupby, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.engines.spark import blocks
from dedup.engines.spark.arrays import packed_words, unpacked_words
from dedup.engines.spark.blocks import CutEntries, SharedEntries
from dedup.engines.spark.candidates import SmallPairs
from dedup.engines.spark.runs import SharedKeys
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
def test_shared_keys_and_their_pairs(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    rows.sort()
    runs = [[rank for _, rank in run] for _, run in groupby(rows, key=lambda row: row[0])]
    given_rows = {"key": [key for key, _ in rows], "rank": [rank for _, rank in rows]}
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


THREE = st.lists(
    st.tuples(st.integers(-2, 2), st.integers(-1, 1), st.integers(0, 40)), max_size=30, unique=True
)


@given(
    rows=THREE,
    cuts=CUTS,
    num_parts=st.integers(1, 5),
    block_rows=st.integers(1, 9),
    run_rows=st.sampled_from([1, 4, 1000]),
)
@pytest.mark.parametrize("num_keys", [1, 2])
def test_entries_in_blocks_are_those_that_share_their_keys(
    num_keys: int,
    rows: list[tuple[int, int, int]],
    cuts: list[int],
    num_parts: int,
    block_rows: int,
    run_rows: int,
) -> None:
    keys = ("key", "group")[:num_keys]
    names = (*keys, "rank", *(("group",) if num_keys == 1 else ()))
    first, second, rank = (
        (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 3
    )
    given_rows = {"key": first, "group": second, "rank": rank}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CUT_BYTES", 100)
        patch.setattr(blocks, "BLOCK_BYTES", 24 * block_rows)
        parts: dict[int, list[pa.RecordBatch]] = {}
        for batch in CutEntries(iter, names, num_parts)(batches(given_rows, cuts)):
            assert all(pc.less_equal(pc.binary_length(batch["block"]), 24 * block_rows).to_pylist())
            for row in range(len(batch)):
                parts.setdefault(batch["part"][row].as_py(), []).append(batch.slice(row, 1))
    assert set(parts) <= set(range(num_parts))
    found = []
    for some in parts.values():
        shared = SharedEntries(keys, names, run_rows * 24)(iter(some))
        found += columns(shared, "key", "group", "rank", "lead", "nth")
    runs: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    for row in sorted(rows, key=lambda row: row[2]):
        runs.setdefault(row[:num_keys], []).append(row)
    ranks = {at: [row[2] for row in run] for at, run in runs.items()}
    # Rows of one key and rank stand in any order.
    assert sorted((*row[:3], row[3]) for row in found) == sorted(
        (*row, ranks[at][0]) for at, run in runs.items() if len(run) > 1 for row in run
    )
    for at, run in runs.items():
        places = [row[4] for row in found if row[:num_keys] == at]
        assert places == (list(range(len(run))) if len(run) > 1 else [])
