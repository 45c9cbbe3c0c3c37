"""Exact Jaccard or containment of pairs of documents, in integers, in batches.

Left sets and right sets of a batch, each tagged with its pair's number, are two sorted runs; one
stable sort merges them, and equal neighbours are the shingles that a pair has in common.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dedup.chunks import chunks
from dedup.sketch.store import SetStore
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array

_BATCH_SHINGLES = 1 << 14
_MAX_PAIRS = 1 << (64 - HASH_BITS)
_REJECTED_KEPT = 10_000
BELOW = -1
"""Stands for the number of common shingles of a pair below the threshold."""


def common_shingles(
    left: UInt64Array, left_sizes: Int64Array, right: UInt64Array, right_sizes: Int64Array
) -> Int64Array:
    """Count the shingles that each pair has in common.

    Parameters
    ----------
    left, right : uint64; the pairs' sets, each ascending, one after the other.
    left_sizes, right_sizes : int64, shape (pairs,); at most 4,096 pairs.

    Returns
    -------
    int64, shape (pairs,).
    """
    num_pairs = len(left_sizes)
    tags = np.arange(num_pairs, dtype=np.uint64) << np.uint64(HASH_BITS)
    merged = np.concatenate([left, right])
    merged[: len(left)] |= np.repeat(tags, left_sizes)
    merged[len(left) :] |= np.repeat(tags, right_sizes)
    merged.sort(kind="stable")
    equal = np.flatnonzero(merged[1:] == merged[:-1])
    pairs = (merged[equal] >> np.uint64(HASH_BITS)).view(np.int64)
    return np.bincount(pairs, minlength=num_pairs)


@dataclass
class Verifier:
    """Compares pairs of documents and keeps count of what it did.

    Attributes
    ----------
    measure : ``jaccard``, the common share of the union; or ``containment``, that of the smaller
        set: the larger of the two containments, for which one lies in which is not asked here.
    num_compared, num_filtered : pairs compared in full, and ruled out by their lengths alone.
    """

    sets: SetStore
    threshold: Fraction
    measure: str = "jaccard"
    num_compared: int = 0
    num_filtered: int = 0
    _rejected: list[Int64Array] = field(default_factory=list)
    _num_rejected: int = 0

    def possible(self, left: Int64Array, right: Int64Array) -> NDArray[np.bool_]:
        """Tell which pairs could reach the threshold by their lengths."""
        if self.measure == "containment":
            return np.ones(len(left), np.bool_)
        a, b = self.sets.sizes[left], self.sets.sizes[right]
        num, den = self.threshold.numerator, self.threshold.denominator
        return den * np.minimum(a, b) >= num * np.maximum(a, b)

    def compare(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Return the number of common shingles of each pair, `BELOW` below the threshold."""
        result = np.full(len(left), BELOW, np.int64)
        chosen = np.flatnonzero(self.possible(left, right))
        self.num_filtered += len(left) - len(chosen)
        self.num_compared += len(chosen)
        if not len(chosen):
            return result
        left, right = left[chosen], right[chosen]
        sizes = self.sets.sizes
        total = np.concatenate([[0], np.cumsum(sizes[left] + sizes[right])])
        for first, last in chunks(total, _BATCH_SHINGLES, _MAX_PAIRS):
            a, b = left[first:last], right[first:last]
            common = common_shingles(self.sets.gather(a), sizes[a], self.sets.gather(b), sizes[b])
            result[chosen[first:last]] = self._judge(a, b, common)
        return result

    def _judge(self, left: Int64Array, right: Int64Array, common: Int64Array) -> Int64Array:
        whole = self._whole(left, right, common)
        below = self.threshold.denominator * common < self.threshold.numerator * whole
        if below.any():
            self._remember(left[below], right[below], common[below])
        return np.where(below, BELOW, common)

    def _remember(self, left: Int64Array, right: Int64Array, common: Int64Array) -> None:
        self._rejected.append(np.stack([left, right, common]))
        self._num_rejected += len(left)
        if self._num_rejected > 8 * _REJECTED_KEPT:
            best = self.best_rejected()
            self._rejected, self._num_rejected = [best], best.shape[1]

    def best_rejected(self) -> Int64Array:
        """Return the rejected pairs nearest to the threshold, best first.

        int64, shape (3, at most 10,000): left, right, common shingles.
        """
        if not self._rejected:
            return np.zeros((3, 0), np.int64)
        pairs = np.concatenate(self._rejected, axis=1)
        reached = pairs[2] / self._whole(pairs[0], pairs[1], pairs[2])
        order = np.lexsort((pairs[1], pairs[0], -reached))
        pairs = pairs[:, order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (pairs[:2, 1:] != pairs[:2, :-1]).any(axis=0)
        return pairs[:, fresh][:, :_REJECTED_KEPT]

    def contained(self, document: Int64Array, common: Int64Array) -> NDArray[np.bool_]:
        """Tell which documents have the threshold's share in common with another."""
        num, den = self.threshold.numerator, self.threshold.denominator
        return den * common >= num * self.sets.sizes[document]

    def near(self, left: Int64Array, right: Int64Array, common: Int64Array) -> NDArray[np.bool_]:
        """Tell which pairs reach the threshold by Jaccard, whatever the measure."""
        union = self.sets.sizes[left] + self.sets.sizes[right] - common
        return self.threshold.denominator * common >= self.threshold.numerator * union

    def containment(self, document: Int64Array, common: Int64Array) -> NDArray[np.float64]:
        """Return the share of each document's shingles that another one has too."""
        return common / self.sets.sizes[document]

    def jaccard(
        self, left: Int64Array, right: Int64Array, common: Int64Array
    ) -> NDArray[np.float64]:
        """Return the Jaccard similarity of pairs with a known number of common shingles."""
        union = self.sets.sizes[left] + self.sets.sizes[right] - common
        return common / union

    def _whole(self, left: Int64Array, right: Int64Array, common: Int64Array) -> Int64Array:
        """Return the number of shingles of which the measure is a share."""
        a, b = self.sets.sizes[left], self.sets.sizes[right]
        return np.minimum(a, b) if self.measure == "containment" else a + b - common
