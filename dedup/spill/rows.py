"""External sorting of rows of numbers, by their first columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import Int64Array, UInt64Array

RUN_BYTES = 1 << 26
"""Rows that are sorted together: 64 MiB. A run of them, or two, is in memory at a time."""

_SAMPLES = 1 << 10


class SortedRows:
    """Rows of numbers that come in any order, read in ascending order.

    They are sorted in runs, and the runs merged range by range. Rows that share their first columns
    may fall into several ranges, and so be more than fit the memory.

    Parameters
    ----------
    order : the number of columns that they are sorted by, the first one as uint64.
    run_bytes : of the rows that are sorted together.
    """

    def __init__(self, scratch: Scratch, order: int, run_bytes: int = RUN_BYTES) -> None:
        self._spool = Spool(scratch)
        self._order = order
        self._run_bytes = run_bytes
        self._waiting: list[Int64Array] = []
        self._num_bytes = 0

    def add(self, rows: Int64Array) -> None:
        """Add rows; int64, shape (rows, columns)."""
        self._waiting.append(rows)
        self._num_bytes += rows.nbytes
        if self._num_bytes >= self._run_bytes:
            self._end_run()

    def _end_run(self) -> None:
        self._spool.append(_sorted(self._waiting, self._order))
        self._waiting, self._num_bytes = [], 0

    def ascending(self) -> Iterator[Int64Array]:
        """Yield all rows, about a run of them at a time."""
        if self._num_bytes:
            self._end_run()
        runs = [run for (run,) in self._spool]
        bounds = [[0] * len(runs)]
        bounds += [_places(runs, edge) for edge in _edges(runs, self._order)]
        bounds.append([len(run) for run in runs])
        for start, end in pairwise(bounds):
            pieces = [run[a:b] for run, a, b in zip(runs, start, end, strict=True) if a < b]
            if pieces:
                yield pieces[0] if len(pieces) == 1 else _sorted(pieces, self._order)


def _sorted(pieces: Sequence[Int64Array], order: int) -> Int64Array:
    """Return rows in ascending order; one piece at least."""
    rows = np.concatenate(pieces)
    rows = rows[np.argsort(_first(rows))]
    # Few rows share the first column, and the others order these alone.
    equal = np.flatnonzero(rows[1:, 0] == rows[:-1, 0])
    if len(equal):
        tied = np.unique(np.concatenate([equal, equal + 1]))
        some = rows[tied]
        others = [some[:, column] for column in range(order - 1, 0, -1)]
        rows[tied] = some[np.lexsort((*others, _first(some)))]
    return rows


def _first(rows: Int64Array) -> UInt64Array:
    return np.ascontiguousarray(rows[:, 0]).view(np.uint64)


def _edges(runs: Sequence[Int64Array], order: int) -> list[tuple[int, ...]]:
    """Return the first columns of rows that cut all runs into ranges of about a run's length."""
    if len(runs) < 2:
        return []
    step = max(1, max(map(len, runs)) // _SAMPLES)
    sample = _sorted([run[::step] for run in runs], order)
    places = np.arange(1, len(runs)) * len(sample) // len(runs)
    return [_keys(row, order) for row in sample[places]]


def _places(runs: Sequence[Int64Array], edge: tuple[int, ...]) -> list[int]:
    """Return how many rows of each run stand before an edge."""
    order = len(edge)
    return [bisect_left(run, edge, key=lambda row: _keys(row, order)) for run in runs]


def _keys(row: Int64Array, order: int) -> tuple[int, ...]:
    first, *others = row[:order].tolist()
    return first % (1 << 64), *others
