"""Right, wrong and missed pairs by their similarity: where, between threshold and 1, a run errs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.evaluation.agreement import PairCounts

_BANDS = 20
"""Of equal width from 0 to 1; similarity 1 is a band by itself."""

_KINDS = ("right", "wrong", "missed")


def similarity_bands(
    counts: PairCounts,
    similarity: NDArray[np.float64],
    is_true: NDArray[np.bool_],
    missed: NDArray[np.float64],
) -> list[dict[str, Any]]:
    """Return how many pairs of each similarity are found and true, found and not, and missed.

    Parameters
    ----------
    counts : all of these pairs.
    similarity, is_true : of those found pairs that were measured; NaN for those that were not.
    missed : the similarity of each pair that was missed; NaN where unknown.

    Returns
    -------
    The bands that are not empty, ``low <= similarity < high``, last that of 1; and one of None for
    pairs that were never measured, such as two removed documents of one cluster.
    """
    known = ~np.isnan(similarity)
    found = {
        "right": _histogram(similarity[is_true & known]),
        "wrong": _histogram(similarity[~is_true & known]),
        "missed": _histogram(missed[~np.isnan(missed)]),
    }
    total = {
        "right": counts.both,
        "wrong": counts.found - counts.both,
        "missed": counts.true - counts.both,
    }
    bands: list[dict[str, Any]] = []
    for number in range(_BANDS + 1):
        row = {kind: int(found[kind][number]) for kind in _KINDS}
        if any(row.values()):
            high = min(number + 1, _BANDS) / _BANDS
            bands.append({"low": number / _BANDS, "high": high, **row})
    unknown = {kind: max(0, total[kind] - int(found[kind].sum())) for kind in _KINDS}
    if any(unknown.values()):
        bands.append({"low": None, "high": None, **unknown})
    return bands


def _histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    # A similarity is a ratio of two counts: what is meant to lie on a border lies there but for the
    # last bits.
    bands = np.floor(values * _BANDS + 1e-9).astype(np.int64)
    return np.bincount(np.clip(bands, 0, _BANDS), minlength=_BANDS + 1)
