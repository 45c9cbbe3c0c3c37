"""Runs of equal keys in sorted rows that come batch by batch.

A run may be longer than any memory: from batch to batch go its key, its first row and its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dedup.engines.spark.arrays import numbers, rows
from dedup.text.hashing import Int64Array


@dataclass
class RunState:
    """What is known of the last run: its key, the value of its first row, and its rows so far."""

    key: tuple[int, ...] | None = None
    lead: int = 0
    length: int = 0

    def mark(self, keys: Sequence[Int64Array], values: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return for each row the value of the first row of its run, and its place in the run.

        Parameters
        ----------
        keys : int64; rows of equal keys are neighbours, over all calls.
        values : int64, the same shape.
        """
        count = len(values)
        if not count:
            return values, values
        starts = np.zeros(count, np.bool_)
        for column in keys:
            starts[1:] |= column[1:] != column[:-1]
        starts[0] = self.key != tuple(int(column[0]) for column in keys)
        places = np.where(starts, np.arange(count), -1)
        begin = np.maximum.accumulate(places)
        lead = np.where(begin < 0, self.lead, values[begin])
        nth = np.where(begin < 0, self.length, -begin) + np.arange(count)
        self.key = tuple(int(column[-1]) for column in keys)
        self.lead, self.length = int(lead[-1]), int(nth[-1]) + 1
        return lead, nth


@dataclass(frozen=True)
class SharedKeys:
    """Leaves of rows sorted by keys and rank those that share their keys.

    ``lead`` is the first rank of the keys, ``nth`` the row's place among those of the keys.

    Attributes
    ----------
    keys : names of int64 columns.
    """

    keys: tuple[str, ...] = ("key",)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows whose keys stand in two rows or more."""
        state = RunState()
        waiting: dict[str, Int64Array] = {}
        for batch in batches:
            if not batch.num_rows:
                continue
            found = {name: numbers(batch, name) for name in batch.schema.names}
            found["lead"], found["nth"] = state.mark(
                [found[name] for name in self.keys], found["rank"]
            )
            if waiting:
                found = {n: np.concatenate([waiting[n], column]) for n, column in found.items()}
            nth = found["nth"]
            shared = nth > 0
            shared[:-1] |= nth[1:] > 0
            # Whether the last run has a second row is not known yet.
            last = slice(len(nth) - 1, None) if nth[-1] == 0 else slice(len(nth), None)
            waiting = {name: column[last] for name, column in found.items()}
            if shared.any():
                yield rows({name: column[shared] for name, column in found.items()})
