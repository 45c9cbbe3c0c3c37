"""One pass over the pairs: the histogram of what was measured, and the pairs nearest the threshold.

Bins are a hundredth wide, finer for vectors, and start at the threshold, so that none holds pairs
of both sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.report.folder import ROWS, RunFolder
from dedup.text.hashing import Int64Array

NEAREST = 12
"""Pairs on each side of the threshold that are listed."""

WIDTH = 0.01
_FINE_WIDTH, _FINE_FROM = 0.002, 0.85
"""Of vectors, whose thresholds are high."""

_SLACK = 1e-9  # a quotient such as (0.81 - 0.8) / 0.01 ends just below a whole number


@dataclass
class Similarities:
    """Measured similarities of verified and of rejected pairs.

    Attributes
    ----------
    edges : float64, shape (bins + 1,); the threshold is one of them, the last is 1.
    verified, rejected : int64, shape (bins,); pairs in each bin. The rejected are those that the
        evidence has, the 10,000 best.
    equal : verified pairs at 1, which are in no bin.
    above, below : rows of the pairs nearest the threshold, nearest first.
    width : of a bin.
    """

    threshold: float
    edges: NDArray[np.float64]
    verified: Int64Array
    rejected: Int64Array
    equal: int = 0
    above: list[dict[str, Any]] = field(default_factory=list)
    below: list[dict[str, Any]] = field(default_factory=list)
    width: float = WIDTH


def measure_pairs(folder: RunFolder) -> Similarities:
    """Read the pairs of a run, and the rejected ones where there is evidence."""
    threshold = float(folder.summary["config"]["threshold"])
    width = _FINE_WIDTH if folder.is_of_vectors and threshold > _FINE_FROM else WIDTH
    before, after = _bins(threshold, width), _bins(1 - threshold, width)
    edges = np.clip(threshold + width * np.arange(-before, after + 1), 0, 1)
    zeros = np.zeros(len(edges) - 1, np.int64)
    found = Similarities(threshold, edges, zeros, zeros.copy(), width=width)
    nearest: pa.Table | None = None
    for batch in folder.pairs.iter_batches(ROWS):
        values = batch.column(folder.column).to_numpy()
        near = values < 1
        found.equal += int((~near).sum())
        found.verified += _counts(values[near], found)
        some = pa.Table.from_batches([batch]).filter(pa.array(near))
        some = some if nearest is None else pa.concat_tables([nearest, some])
        order = np.argsort(some[folder.column].to_numpy(), kind="stable")[:NEAREST]
        nearest = some.take(pa.array(order))
    if nearest is not None:
        found.above = nearest.to_pylist()
    rejected = folder.rejected
    if rejected is not None:
        values = rejected[folder.column].to_numpy()
        found.rejected += _counts(values, found)
        best = np.argsort(-values, kind="stable")[:NEAREST]
        found.below = rejected.take(pa.array(best)).to_pylist()
    return found


def _bins(length: float, width: float) -> int:
    return math.ceil(length / width - _SLACK)


def _counts(values: NDArray[np.float64], found: Similarities) -> Int64Array:
    bins = len(found.verified)
    first = _bins(found.threshold, found.width)
    place = np.floor((values - found.threshold) / found.width + _SLACK).astype(np.int64) + first
    return np.bincount(np.clip(place, 0, bins - 1), minlength=bins)
