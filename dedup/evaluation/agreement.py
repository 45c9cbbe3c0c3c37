"""How far two clusterings of the same documents agree, from counts of what they have in common.

Nothing here lists the pairs inside clusters: a cell of the contingency table, the documents in one
true cluster *and* one found cluster, stands for all of them. A ratio of nothing to nothing is 1: no
pair found is no wrong pair, and no true pair is none missed.

References
----------
Hubert, Arabie (1985), Comparing partitions (the adjusted Rand index). Bagga, Baldwin (1998),
Algorithms for scoring coreference chains (B-cubed).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.text.hashing import Int64Array


@dataclass(frozen=True)
class Ratios:
    """Precision and recall, and their harmonic mean."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Return 2PR / (P + R)."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return all three as JSON values."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclass(frozen=True)
class PairCounts:
    """Pairs that are true, that were found, and that are both."""

    true: int
    found: int
    both: int

    @property
    def ratios(self) -> Ratios:
        """Return the pairwise precision and recall."""
        return Ratios(_share(self.both, self.found), _share(self.both, self.true))


@dataclass(frozen=True)
class Contingency:
    """The cells that are not empty of a table of true against found clusters.

    Attributes
    ----------
    both : int64, shape (cells,); documents in the cell.
    true, found : int64, shape (cells,); documents in its true, and in its found cluster.
    num_alone : further documents that are alone in both.
    """

    both: Int64Array
    true: Int64Array
    found: Int64Array
    num_alone: int = 0

    @staticmethod
    def of(true: Int64Array, found: Int64Array, num_alone: int = 0) -> Contingency:
        """Count the cells.

        Parameters
        ----------
        true, found : int64, shape (documents,); the cluster of each document, numbers from 0 on.
        """
        width = int(found.max(initial=0)) + 1
        cells, both = np.unique(true * width + found, return_counts=True)
        true_size, found_size = np.bincount(true), np.bincount(found)
        return Contingency(both, true_size[cells // width], found_size[cells % width], num_alone)

    @property
    def num_documents(self) -> int:
        """Return how many documents were clustered."""
        return int(self.both.sum()) + self.num_alone

    @property
    def pairs(self) -> PairCounts:
        """Count the pairs inside clusters. A cluster's pairs are shared out among its cells."""
        return PairCounts(
            int((self.both * (self.true - 1)).sum()) // 2,
            int((self.both * (self.found - 1)).sum()) // 2,
            int((self.both * (self.both - 1)).sum()) // 2,
        )

    @property
    def adjusted_rand_index(self) -> float:
        """Return the Rand index, corrected for chance: 0 for random clusters, 1 for the same."""
        pairs = self.pairs
        if pairs.both == pairs.true == pairs.found:
            return 1.0
        total = self.num_documents * (self.num_documents - 1) // 2
        # Whole numbers of any size, up to the last division.
        above = 2 * (pairs.both * total - pairs.true * pairs.found)
        return above / ((pairs.true + pairs.found) * total - 2 * pairs.true * pairs.found)

    @property
    def b_cubed(self) -> Ratios:
        """Return the mean over documents of the shares of their clusters that are in common."""
        if not self.num_documents:
            return Ratios(1.0, 1.0)
        squares = self.both.astype(np.float64) ** 2
        return Ratios(
            float((squares / self.found).sum() + self.num_alone) / self.num_documents,
            float((squares / self.true).sum() + self.num_alone) / self.num_documents,
        )


def document_classes(
    true: Int64Array, found: Int64Array, both: Int64Array, num_alone: int = 0
) -> dict[str, float]:
    """Return what text-dedup publishes of its benchmark, named for what it is.

    A document is a true positive where it has duplicates and *all* of them were found, whatever
    else was: so one cluster of everything has perfect recall, and `exact_documents` alone minds. A
    false positive has anything found otherwise; the rest have nothing found. What is published as
    "Macro F1" is `macro_precision`, and as "Accuracy" `exact_documents`. Here, as there, a ratio of
    nothing to nothing is 0.

    Parameters
    ----------
    true, found, both : int64, shape (documents,); how many other documents are each one's true
        duplicates, were found to be, and are both.
    num_alone : further documents without any.

    References
    ----------
    text-dedup 0.4.1, ``benchmarks/utils.py`` and ``benchmarks/benchmark_core.py``.
    """
    positive = found > 0
    whole = positive & (true > 0) & (both == true)
    tp, fp = int(whole.sum()), int((positive & ~whole).sum())
    fn, tn = int((~positive & (true > 0)).sum()), int((~positive & (true == 0)).sum()) + num_alone
    exact = int(((both == true) & (both == found)).sum()) + num_alone
    precision, precision_non = _or_zero(tp, tp + fp), _or_zero(tn, tn + fn)
    return {
        "precision_duplicates": precision,
        "recall_duplicates": _or_zero(tp, tp + fn),
        "precision_non_duplicates": precision_non,
        "recall_non_duplicates": _or_zero(tn, tn + fp),
        "macro_precision": (precision + precision_non) / 2,
        "exact_documents": _or_zero(exact, tp + fp + fn + tn),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _or_zero(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
