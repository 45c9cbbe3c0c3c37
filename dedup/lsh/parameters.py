"""The S-curve, and the bands and rows that honour a threshold.

The promise: a pair at the threshold becomes a candidate with probability at least `recall`. The
number of rows is fixed by the threshold; the bands are as many as that takes, with 30 % of the
allowed misses kept back for the slightly correlated bands of one-permutation hashing on short sets.

References
----------
Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4 (banding).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_MISS_SHARE = 0.7

_ROWS = (
    (Fraction("0.25"), 2),
    (Fraction("0.45"), 3),
    (Fraction("0.6"), 4),
    (Fraction("0.7"), 5),
    (Fraction("0.8"), 6),
    (Fraction("0.9"), 8),
    (Fraction("0.95"), 12),
    (Fraction("0.98"), 20),
)
"""Rows for thresholds up to and including the bound; 32 above the last."""

_MOST_ROWS = 32


def s_curve(similarity: float, bands: int, rows: int) -> float:
    """Return the probability that a pair of that Jaccard similarity shares a bucket."""
    return -math.expm1(bands * math.log1p(-(similarity**rows))) if similarity < 1 else 1.0


@dataclass(frozen=True)
class Banding:
    """How a signature is cut: `bands` bands of `rows` rows."""

    bands: int
    rows: int

    @property
    def num_hashes(self) -> int:
        """Components of a signature."""
        return self.bands * self.rows

    def candidate_probability(self, similarity: float) -> float:
        """Return the S-curve of this banding at `similarity`."""
        return s_curve(similarity, self.bands, self.rows)


def choose_banding(threshold: Fraction, recall: float) -> Banding:
    """Choose bands and rows from threshold and recall alone.

    Parameters
    ----------
    threshold : Jaccard similarity in (0, 1].
    recall : least probability, in [0.5, 1), that a pair at the threshold becomes a candidate.

    Returns
    -------
    The least bands b with 1 - (1 - t**r)**b >= 1 - 0.7 * (1 - recall) at r = rows by table.
    """
    rows = next((rows for bound, rows in _ROWS if threshold <= bound), _MOST_ROWS)
    if threshold == 1:
        return Banding(bands=1, rows=rows)
    miss = _MISS_SHARE * (1 - recall)
    bands = math.ceil(math.log(miss) / math.log1p(-(float(threshold) ** rows)))
    return Banding(bands=max(1, bands), rows=rows)
