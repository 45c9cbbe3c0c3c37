"""External sorting of rows of numbers, by their first column and then by their second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import Int64Array

RUN_BYTES = 1 << 26
"""Rows that are sorted together: 64 MiB. A run of them, or two, is in memory at a time."""

_SAMPLES = 1 << 10


class SortedRows:
    """Rows of numbers that come in any order, read in ascending order.

    They are sorted in runs, and the runs merged range by range. A range may end among rows of one
    key, so a key may have more rows than fit the memory.

    Parameters
    ----------
    run_bytes : of the rows that are sorted together.
    """

    def __init__(self, scratch: Scratch, run_bytes: int = RUN_BYTES) -> None:
        self._spool = Spool(scratch)
        self._run_bytes = run_bytes
        self._waiting: list[Int64Array] = []
        self._num_bytes = 0

    def add(self, rows: Int64Array) -> None:
        """Add rows; int64, shape (rows, columns), the first column to be read as uint64."""
        self._waiting.append(rows)
        self._num_bytes += rows.nbytes
        if self._num_bytes >= self._run_bytes:
            self._end_run()

    def _end_run(self) -> None:
        self._spool.append(sorted_rows(self._waiting))
        self._waiting, self._num_bytes = [], 0

    def ascending(self) -> Iterator[Int64Array]:
        """Yield all rows, about a run of them at a time."""
        if self._num_bytes:
            self._end_run()
        runs = [run for (run,) in self._spool]
        edges = _edges(runs)
        starts = [np.zeros(len(runs), np.int64), *(_places(runs, edge) for edge in edges)]
        ends = [*starts[1:], np.array([len(run) for run in runs], np.int64)]
        for start, end in zip(starts, ends, strict=True):
            pieces = [run[a:b] for run, a, b in zip(runs, start, end, strict=True) if a < b]
            if pieces:
                yield pieces[0] if len(pieces) == 1 else sorted_rows(pieces)


def sorted_rows(pieces: Sequence[Int64Array]) -> Int64Array:
    """Return rows in ascending order; one piece at least."""
    rows = np.concatenate(pieces)
    order = np.argsort(np.ascontiguousarray(rows[:, 0]).view(np.uint64))
    rows = rows[order]
    # Few keys have several rows, and the second column orders these alone.
    equal = np.flatnonzero(rows[1:, 0] == rows[:-1, 0])
    if len(equal):
        tied = np.unique(np.concatenate([equal, equal + 1]))
        some = rows[tied]
        rows[tied] = some[np.lexsort((some[:, 1], some[:, 0].view(np.uint64)))]
    return rows


def _edges(runs: Sequence[Int64Array]) -> list[tuple[np.uint64, np.int64]]:
    """Return (key, second) of rows that cut all runs into ranges of about a run's length."""
    if len(runs) < 2:
        return []
    step = max(1, max(map(len, runs)) // _SAMPLES)
    sample = sorted_rows([run[::step] for run in runs])
    places = np.arange(1, len(runs)) * len(sample) // len(runs)
    return [(row[:1].view(np.uint64)[0], row[1]) for row in sample[places]]


def _places(runs: Sequence[Int64Array], edge: tuple[np.uint64, np.int64]) -> Int64Array:
    """Return how many rows of each run stand before an edge."""
    key, second = edge
    found = []
    for run in runs:
        keys = run[:, 0].view(np.uint64)
        first, last = np.searchsorted(keys, key), np.searchsorted(keys, key, "right")
        found.append(first + np.searchsorted(run[first:last, 1], second))
    return np.array(found, np.int64)
