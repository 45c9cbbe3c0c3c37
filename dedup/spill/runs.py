"""External sorting: keys that come in any order, read in ascending order and once each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dedup.spill.scratch import Scratch, Spool
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.text.shingles import runs

RUN_KEYS = 1 << 22
"""Keys that are sorted together; a run of them, or two, is in memory at a time."""

_SAMPLES = 1 << 10


class SortedRuns:
    """Distinct uint64 keys, each with a value where wanted: the one added first.

    Keys are sorted in runs, and the runs merged range of keys by range of keys.

    Parameters
    ----------
    valued : whether an int64 comes with each key.

    Attributes
    ----------
    num_read : keys that were read so far: how many there are, once all were.
    """

    def __init__(self, scratch: Scratch, *, valued: bool = False) -> None:
        self._spool = Spool(scratch)
        self._valued = valued
        self._keys: list[UInt64Array] = []
        self._values: list[Int64Array] = []
        self._num_waiting = 0
        self.num_read = 0

    def add(self, keys: UInt64Array, values: Int64Array | None = None) -> None:
        """Add keys, and their values."""
        for first in range(0, len(keys), RUN_KEYS):
            piece = slice(first, first + RUN_KEYS)
            self._keys.append(keys[piece])
            if values is not None:
                self._values.append(values[piece])
            self._num_waiting += len(self._keys[-1])
            if self._num_waiting >= RUN_KEYS:
                self._end_run()

    def _end_run(self) -> None:
        self._spool.append(*self._sorted(self._keys, self._values))
        self._keys, self._values, self._num_waiting = [], [], 0

    def _sorted(
        self, keys: list[UInt64Array], values: list[Int64Array]
    ) -> tuple[UInt64Array, Int64Array] | tuple[UInt64Array]:
        joined = np.concatenate(keys)
        if self._valued:
            order = np.argsort(joined, kind="stable")
            joined = joined[order]
            first = runs(joined)[:-1]
            return joined[first], np.concatenate(values)[order[first]]
        joined.sort()
        return (joined[runs(joined)[:-1]],)

    def ascending(self) -> Iterator[UInt64Array]:
        """Yield all keys, ascending and distinct, some millions at a time."""
        for keys, _ in self.with_values():
            yield keys

    def with_values(self) -> Iterator[tuple[UInt64Array, Int64Array]]:
        """Yield all keys and their values; no values where there are none."""
        if self._num_waiting:
            self._end_run()
        none = np.zeros(0, np.int64)
        for low, high in self._ranges():
            keys: list[UInt64Array] = []
            values: list[Int64Array] = []
            for piece in self._spool:
                first, last = _places(piece[0], low, high)
                if first < last:
                    keys.append(piece[0][first:last])
                    if self._valued:
                        values.append(piece[1][first:last])
            if len(keys) > 1:
                merged = self._sorted(keys, values)
                keys, values = [merged[0]], [*merged[1:]]
            if keys:
                self.num_read += len(keys[0])
                yield keys[0], values[0] if values else none

    def _ranges(self) -> list[tuple[int, int]]:
        """Cut the keys into ranges of about a run's length."""
        total = sum(len(piece[0]) for piece in self._spool)
        num_ranges = -(-total // RUN_KEYS)
        samples = [piece[0][:: max(1, RUN_KEYS // _SAMPLES)] for piece in self._spool]
        edges: list[int] = []
        if num_ranges > 1:
            sample = np.sort(np.concatenate(samples))
            places = np.arange(1, num_ranges) * len(sample) // num_ranges
            edges = np.unique(sample[places]).tolist()
        bounds = [0, *edges, 1 << 64]
        return list(pairwise(bounds))


def _places(keys: NDArray[np.uint64], low: int, high: int) -> tuple[int, int]:
    """Return where the keys from `low` to below `high` stand among ascending ones."""
    first = int(np.searchsorted(keys, np.uint64(low)))
    last = len(keys) if high >> 64 else int(np.searchsorted(keys, np.uint64(high)))
    return first, last
