"""The S-curve, and the bands and rows that honour a threshold.

The promise: a pair at the threshold becomes a candidate with probability at least `recall`. The
number of rows is fixed by the threshold; the bands are as many as that takes, with 30 % of the
allowed misses kept back for the slightly correlated bands of one-permutation hashing on short sets.

References
----------
Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4 (banding). Feller, An
Introduction to Probability Theory and Its Applications I, chapter IV (inclusion and exclusion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_MISS_SHARE = 0.7

_ROWS = (
    (Fraction("0.1"), 1),
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


def s_curve(similarity: float | Fraction, bands: int, rows: int, union: int | None = None) -> float:
    """Return the probability that a pair of that Jaccard similarity shares a bucket.

    1 - (1 - s**r)**b for independent components. One-permutation hashing shows no shingle in two
    bins: with u shingles in the pair's union, components are drawn without replacement, j bands
    agree with probability q(j) = prod_{i < jr} (us - i) / (u - i), and by inclusion and exclusion
    some band does with probability sum_{j=1..b} (-1)**(j+1) C(b, j) q(j). Its limit for large u is
    the plain curve.

    Parameters
    ----------
    union : distinct shingles of both sets together, for the curve of that finite union: exact where
        no bin is empty, so for unions of several times bands * rows. None gives the limit.
    """
    if similarity >= 1:
        return 1.0
    if union is None:
        return -math.expm1(bands * math.log1p(-(float(similarity) ** rows)))
    common = round(similarity * union)
    agree = Fraction(1)  # q(j): the first j bands agree
    total = Fraction(0)
    for band in range(min(bands, common // rows)):
        for place in range(band * rows, (band + 1) * rows):
            agree *= Fraction(common - place, union - place)
        total += (-1) ** band * math.comb(bands, band + 1) * agree
    return float(total)


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
