"""Ids are taken from their pieces as from one array, and counted as Python counts them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import ids as module
from dedup.errors import InputError
from dedup.ids import Ids
from dedup.spill import runs
from dedup.spill.scratch import Scratch

TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.one_of(st.integers(-3, 3), st.integers(-(1 << 63), (1 << 63) - 1))),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint64(), st.one_of(st.integers(0, 3), st.integers(0, (1 << 64) - 1))),
    (pa.string(), st.text("a\0ü€", max_size=4)),
    (pa.large_string(), st.text("ab", max_size=20)),
    (pa.binary(), st.binary(max_size=3)),
    (pa.large_binary(), st.text("\0\1", max_size=9).map(str.encode)),
    (pa.float64(), st.sampled_from([0.0, 0.5, 1.0, 1e300, 0.1, 0.30000000000000004, 0.3])),
    (pa.bool_(), st.booleans()),
    (pa.dictionary(pa.int32(), pa.string()), st.text("xy", max_size=2)),
]


@st.composite
def columns(draw: st.DrawFn) -> pa.ChunkedArray:
    """Draw a column of ids in pieces, some of them empty or slices, some ids null."""
    kind, values = draw(st.sampled_from(TYPES))
    rows = draw(st.lists(st.one_of(st.none(), values), max_size=40))
    edges = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    before = draw(st.integers(0, 2))
    chunks = []
    for first, last in pairwise([0, *edges, len(rows)]):
        padded = [None] * before + rows[first:last] + [None]
        chunks.append(pa.array(padded, kind).slice(before, last - first))
    return pa.chunked_array(chunks, kind)


def counted(column: pa.ChunkedArray) -> tuple[int, int]:
    """Return how many ids are null, and how many are there once more."""
    known = [value for value in column.to_pylist() if value is not None]
    return len(column) - len(known), len(known) - len(set(known))


def check(column: pa.ChunkedArray, scratch: Scratch | None = None) -> tuple[int, int]:
    """Return the counts of the warnings."""
    found = {"null": 0, "duplicate": 0}
    for warning in Ids(column).check(False, scratch or Scratch()):
        count, what, ids, *_ = warning.split()
        assert ids == "ids:"
        assert int(count) > 0
        found[what] = int(count)
    return found["null"], found["duplicate"]


@given(columns(), st.data())
def test_take_is_that_of_one_array(column: pa.ChunkedArray, data: st.DataObject) -> None:
    ids = Ids(column)
    assert len(ids) == len(column)
    places = st.lists(st.integers(0, max(0, len(column) - 1)), max_size=30 if len(column) else 0)
    positions = np.array(data.draw(places), np.int64)
    values = column.to_pylist()
    expected = [values[position] for position in positions.tolist()]
    found = ids.take(positions)
    assert found.type == column.type
    assert found.to_pylist() == expected
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=30, max_size=30)))[: len(positions)]
    found = ids.take(positions, mask)
    assert found.type == column.type
    assert found.to_pylist() == [
        None if hidden else value for value, hidden in zip(expected, mask, strict=True)
    ]


@given(columns(), st.sampled_from([1, 2, 7, 1 << 16]))
def test_null_and_duplicate_ids_are_those_of_a_set(column: pa.ChunkedArray, together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HASHED_TOGETHER", together)
        assert check(column) == counted(column)


def test_many_ids_in_many_runs_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HASHED_TOGETHER", 64)
    monkeypatch.setattr(runs, "RUN_KEYS", 500)
    monkeypatch.setattr("dedup.spill.scratch._SMALL_BYTES", 0)
    rng = np.random.default_rng(8)
    numbers = rng.integers(-2_000, 2_000, 5_000)
    for values in (numbers, [f"http://host/{n}" for n in numbers.tolist()], numbers / 7):
        whole = pa.array(values)
        column = pa.chunked_array([whole[:10], whole[10:3_000], whole[3_000:]])
        found = check(column, Scratch(str(tmp_path), memory=0))
        assert found == (0, 5_000 - len(set(numbers.tolist())))


@pytest.mark.parametrize("size", range(20))
def test_zero_bytes_at_the_end_tell_ids_apart(size: int) -> None:
    ids = [b"x" * (size - zeros) + b"\0" * zeros for zeros in range(size + 1)]
    ids += [b"x" * size + b"\0" * zeros for zeros in range(1, 20)]
    column = pa.chunked_array([pa.array(ids, pa.binary())])
    assert check(column) == (0, 0)
    assert check(pa.chunked_array([column.chunk(0), column.chunk(0)])) == (0, len(ids))


def test_equal_ids_in_pieces_of_other_lengths_are_equal() -> None:
    """The hash of an id depends on nothing that stands beside it."""
    texts = ["", "a", "longer than eight bytes", "ü" * 40]
    chunks = [pa.array(["z" * n, *texts, "y" * n]) for n in range(1, 12)]
    alone = [pa.array([text]) for text in texts]
    column = pa.chunked_array([*chunks, *alone])
    assert check(column) == counted(column)


def test_ids_that_are_all_right_give_no_warning() -> None:
    column = pa.chunked_array([["a", "b"], ["c"]])
    assert Ids(column).check(True, Scratch()) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", "a", "b"], "1 duplicate ids"),
        ([None, "b", None], "2 null ids"),
        ([None, 3, 3, 3], "1 null ids and 2 duplicate ids"),
    ],
)
def test_strict_ids_are_an_error(values: list[Any], said: str) -> None:
    ids = Ids(pa.chunked_array([values[:1], values[1:]], pa.array(values).type))
    with pytest.raises(InputError, match=f"the documents have {said};"):
        ids.check(True, Scratch())
    assert len(ids.check(False, Scratch())) == 1 + said.count(" and ")


def test_no_ids() -> None:
    for column in (pa.chunked_array([], pa.string()), pa.chunked_array([[]], pa.string())):
        ids = Ids(column)
        assert len(ids) == 0
        assert ids.check(True, Scratch()) == []
        assert ids.take(np.zeros(0, np.int64)).type == pa.string()


def test_all_ids_null() -> None:
    for kind in (pa.int64(), pa.string(), pa.binary()):
        assert check(pa.chunked_array([pa.nulls(3, kind), pa.nulls(2, kind)])) == (5, 0)


@pytest.mark.parametrize("together", [1, 3, 100])
def test_repeated_ids_are_those_that_came_before(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HASHED_TOGETHER", together)
    values = ["a", None, "b", "a", "", None, "b", "c", "a", ""]
    ids = Ids(pa.chunked_array([values[:4], values[4:5], [], values[5:]], pa.string()))
    assert ids.repeated(Scratch()).tolist() == [3, 6, 8, 9]
    assert Ids(pa.chunked_array([[7, 8, 7, None, None, 8]])).repeated(Scratch()).tolist() == [2, 5]
    assert len(Ids(pa.chunked_array([], pa.string())).repeated(Scratch())) == 0
