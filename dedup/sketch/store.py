"""Random access to the shingle sets of many documents, in memory or memory-mapped.

Sets lie in parts, one array each, in the order in which the documents were read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dedup.text.hashing import Int64Array, UInt64Array


class SetStore:
    """The shingle sets of documents 0..n-1.

    Parameters
    ----------
    parts : for each part its sets (uint64, each set ascending, one after the other) and their
        bounds (int64, shape (documents of the part + 1,)).
    """

    def __init__(self, parts: Sequence[tuple[UInt64Array, Int64Array]]) -> None:
        self._values = [values for values, _ in parts]
        counts = [len(bounds) - 1 for _, bounds in parts]
        self._part = np.repeat(np.arange(len(parts)), counts)
        empty = np.zeros(0, np.int64)
        self._start = np.concatenate([empty, *(bounds[:-1] for _, bounds in parts)])
        self.sizes: Int64Array = np.concatenate([empty, *(np.diff(b) for _, b in parts)])
        """int64, shape (documents,): shingles in each set."""

    def select(self, documents: Int64Array) -> SetStore:
        """Return a store whose document i is this one's documents[i]; nothing is copied."""
        chosen = SetStore([])
        chosen._values = self._values
        chosen._part = self._part[documents]
        chosen._start = self._start[documents]
        chosen.sizes = self.sizes[documents]
        return chosen

    def gather(self, documents: Int64Array) -> UInt64Array:
        """Return the sets of `documents`, one after the other; their lengths are in `sizes`."""
        starts = self._start[documents]
        ends = starts + self.sizes[documents]
        values = self._values
        slices = [
            values[part][a:b]
            for part, a, b in zip(
                self._part[documents].tolist(), starts.tolist(), ends.tolist(), strict=True
            )
        ]
        return np.concatenate(slices) if slices else np.zeros(0, np.uint64)
