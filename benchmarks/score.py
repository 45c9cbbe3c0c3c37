"""Recall and precision of found pairs against the exact truth, over all and by Jaccard."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

BIN_WIDTH = 0.05


@dataclass(frozen=True)
class Bin:
    """The true pairs with ``low <= jaccard < high``, and how many of them were found.

    The last bin is the pairs of equal sets, from 1 to 1.
    """

    low: float
    high: float
    true: int
    found: int


@dataclass(frozen=True)
class Score:
    """How good an answer is.

    Attributes
    ----------
    pairs : distinct pairs that were found.
    recall : found share of the true pairs.
    precision : true share of the found pairs; 1 if none was found.
    bins : recall by Jaccard.
    """

    pairs: int
    recall: float
    precision: float
    bins: list[Bin]


def pair_keys(
    left: pa.ChunkedArray, right: pa.ChunkedArray, ids: pa.ChunkedArray
) -> NDArray[np.int64]:
    """Return one number a pair, whichever way round it stands, int64, shape (pairs,)."""
    places = [
        pc.index_in(side, value_set=ids).to_numpy().astype(np.int64) for side in (left, right)
    ]
    keys: NDArray[np.int64] = np.minimum(*places) * len(ids) + np.maximum(*places)
    return keys


def recall_bins(
    jaccard: NDArray[np.float64], found: NDArray[np.bool_], threshold: float
) -> list[Bin]:
    """Count true pairs, and those that were found, by Jaccard from the threshold to 1."""
    lows = np.round(np.arange(threshold, 1 - 1e-9, BIN_WIDTH), 10).tolist()
    bins = []
    for low, high in [*zip(lows, [*lows[1:], 1.0], strict=True), (1.0, 1.0)]:
        inside = (jaccard >= low) & ((jaccard < high) | (low == high))
        bins.append(Bin(low, high, int(inside.sum()), int(found[inside].sum())))
    return bins


class Truth:
    """The true pairs of a corpus at a threshold.

    Parameters
    ----------
    path : Parquet (left, right, jaccard) with all pairs at the threshold at least.
    ids : the documents' ids, distinct.
    threshold : pairs below do not count.
    """

    def __init__(self, path: Path, ids: pa.ChunkedArray, threshold: float) -> None:
        table = pq.read_table(path)
        table = table.filter(pc.greater_equal(table["jaccard"], threshold))
        self.ids = ids
        self.threshold = threshold
        self.keys = pair_keys(table["left"], table["right"], ids)
        self.jaccard: NDArray[np.float64] = table["jaccard"].to_numpy()

    def score(self, pairs: Path) -> Score:
        """Score a Parquet of pairs (left_id, right_id)."""
        table = pq.read_table(pairs, columns=["left_id", "right_id"])
        keys = np.unique(pair_keys(table["left_id"], table["right_id"], self.ids))
        found = np.isin(self.keys, keys)
        hits = int(found.sum())
        return Score(
            pairs=len(keys),
            recall=hits / max(1, len(self.keys)),
            precision=hits / len(keys) if len(keys) else 1.0,
            bins=recall_bins(self.jaccard, found, self.threshold),
        )
