"""Rows are sorted as a list of them is, however few a run may hold and however many share a key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup.spill.scratch
from dedup.spill.rows import SortedRows
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array

LAST = (1 << 64) - 1
KEYS = st.one_of(st.integers(0, 3), st.integers(LAST - 3, LAST), st.integers(0, LAST))
SECONDS = st.integers(-5, 50)
PIECES = st.lists(st.lists(st.tuples(KEYS, SECONDS), max_size=30), max_size=8)


def _rows(pairs: list[tuple[int, int]]) -> Int64Array:
    """Return (key, second, their sum) rows."""
    keys = np.array([key for key, _ in pairs], np.uint64).view(np.int64)
    seconds = np.array([second for _, second in pairs], np.int64)
    return np.stack([keys, seconds, keys + seconds], axis=1)


def _read(rows: SortedRows) -> tuple[list[tuple[int, int]], list[int]]:
    """Return what stands in the rows, and how many came at a time."""
    found, lengths = [], []
    for some in rows.ascending():
        assert (some[:, 0] + some[:, 1] == some[:, 2]).all()
        keys = np.ascontiguousarray(some[:, 0]).view(np.uint64).tolist()
        found += list(zip(keys, some[:, 1].tolist(), strict=True))
        lengths.append(len(some))
    return found, lengths


@given(PIECES, st.sampled_from([24, 48, 24 * 7, 24 * 50, 1 << 26]))
def test_rows_are_those_of_a_sorted_list(
    pieces: list[list[tuple[int, int]]], run_bytes: int
) -> None:
    rows = SortedRows(Scratch(), 2, run_bytes)
    for piece in pieces:
        rows.add(_rows(piece))
    assert _read(rows)[0] == sorted(pair for piece in pieces for pair in piece)


@pytest.mark.parametrize("num_keys", [1, 2, 100_000])
def test_a_key_of_many_rows_comes_in_pieces(
    tmp_path: Path, num_keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup.spill.scratch, "_SMALL_BYTES", 0)
    generator = np.random.default_rng(7)
    keys = generator.integers(0, num_keys, 50_000).tolist()
    pairs = list(zip(keys, generator.permutation(50_000).tolist(), strict=True))
    rows = SortedRows(Scratch(str(tmp_path), memory=0), 2, 24 * 1000)
    for first in range(0, len(pairs), 300):
        rows.add(_rows(pairs[first : first + 300]))
    found, lengths = _read(rows)
    assert found == sorted(pairs)
    assert max(lengths) < 3000  # about a run's: a sample says where ranges end
    assert not list(tmp_path.iterdir())  # its files have no names
