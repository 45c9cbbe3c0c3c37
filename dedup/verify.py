"""Exact Jaccard or containment of pairs of documents, in integers, in batches.

Left sets and right sets of a batch, each tagged with its pair's number, are two sorted runs; one
stable sort merges them, and equal neighbours are the shingles that a pair has in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dedup.sketch.store import SetStore
from dedup.spill.chunks import weighed_chunks
from dedup.text.hashing import HASH_BITS, Int64Array, UInt64Array

_BATCH_SHINGLES = 1 << 14
_MAX_PAIRS = 1 << (64 - HASH_BITS)
_REJECTED_KEPT = 10_000
_SAMPLE = 256
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


def reaches(threshold: Fraction, common: Int64Array, whole: Int64Array) -> NDArray[np.bool_]:
    """Tell where so many common shingles are the threshold's share of the whole, in integers."""
    reached: NDArray[np.bool_] = threshold.denominator * common >= threshold.numerator * whole
    return reached


class Compares(Protocol):
    """What compares pairs, of whatever kind."""

    def compare(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Return what each pair has in common, `BELOW` below the threshold."""
        ...


@dataclass
class Verifier:
    """Compares pairs of documents and keeps count of what it did.

    Attributes
    ----------
    measure : ``jaccard``, the common share of the union; or ``containment``, that of the smaller
        set: the larger of the two containments, for which one lies in which is not asked here.
    keeps_rejected : whether `best_rejected` is wanted; far pairs take half the time without it.
    accepts : a second check of the pairs (left, right, common) at the threshold: tells which stand.
    num_compared, num_filtered : pairs that were compared, and ruled out by their lengths alone.
    num_refused : pairs at the threshold that the second check refused.
    """

    sets: SetStore
    threshold: Fraction
    measure: str = "jaccard"
    keeps_rejected: bool = True
    accepts: Callable[[Int64Array, Int64Array, Int64Array], NDArray[np.bool_]] | None = None
    num_compared: int = 0
    num_filtered: int = 0
    num_refused: int = 0
    _rejected: list[Int64Array] = field(default_factory=list)
    _num_rejected: int = 0

    def possible(self, left: Int64Array, right: Int64Array) -> NDArray[np.bool_]:
        """Tell which pairs could reach the threshold by their lengths."""
        if self.measure == "containment":
            return np.ones(len(left), np.bool_)
        a, b = self.sets.sizes[left], self.sets.sizes[right]
        return reaches(self.threshold, np.minimum(a, b), np.maximum(a, b))

    def compare(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Return the number of common shingles of each pair, `BELOW` below the threshold."""
        result = np.full(len(left), BELOW, np.int64)
        chosen = np.flatnonzero(self.possible(left, right))
        self.num_filtered += len(left) - len(chosen)
        self.num_compared += len(chosen)
        if not len(chosen):
            return result
        if not self.keeps_rejected:
            sample = chosen[:: -(-len(chosen) // _SAMPLE)]
            if self._are_hopeless(left[sample], right[sample]).mean() > 0.5:
                chosen = chosen[~self._are_hopeless(left[chosen], right[chosen])]
        all_left, all_right = left, right
        left, right = left[chosen], right[chosen]
        sizes = self.sets.sizes
        for first, last in weighed_chunks(sizes[left] + sizes[right], _BATCH_SHINGLES, _MAX_PAIRS):
            a, b = left[first:last], right[first:last]
            common = common_shingles(self.sets.gather(a), sizes[a], self.sets.gather(b), sizes[b])
            result[chosen[first:last]] = self._judge(a, b, common)
        if self.accepts is not None:
            good = chosen[result[chosen] != BELOW]
            refused = good[~self.accepts(all_left[good], all_right[good], result[good])]
            result[refused] = BELOW
            self.num_refused += len(refused)
        return result

    def _are_hopeless(self, left: Int64Array, right: Int64Array) -> NDArray[np.bool_]:
        """Tell for which pairs a look at the smaller hashes of both sets rules out the threshold.

        One of the two parts ends at a smaller hash: what it has in common with the other set lies
        in the other part too. At the most, all that is left of its set is common as well.
        """
        hopeless = np.empty(len(left), np.bool_)
        sizes = self.sets.sizes
        a_part, b_part = _part_of(sizes[left]), _part_of(sizes[right])
        for first, last in weighed_chunks(a_part + b_part, _BATCH_SHINGLES, _MAX_PAIRS):
            a, b = left[first:last], right[first:last]
            k, m = a_part[first:last], b_part[first:last]
            a_set, b_set = self.sets.gather(a, k), self.sets.gather(b, m)
            a_ends_first = _last_of(a_set, k) <= _last_of(b_set, m)
            most = common_shingles(a_set, k, b_set, m)
            most += np.where(a_ends_first, sizes[a] - k, sizes[b] - m)
            hopeless[first:last] = ~reaches(self.threshold, most, self._whole(a, b, most))
        return hopeless

    def _judge(self, left: Int64Array, right: Int64Array, common: Int64Array) -> Int64Array:
        whole = self._whole(left, right, common)
        below = ~reaches(self.threshold, common, whole)
        if self.keeps_rejected and below.any():
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
        return reaches(self.threshold, common, self.sets.sizes[document])

    def jaccard(
        self, left: Int64Array, right: Int64Array, common: Int64Array
    ) -> NDArray[np.float64]:
        """Return the Jaccard similarity of pairs, whatever the measure."""
        return common / (self.sets.sizes[left] + self.sets.sizes[right] - common)

    def near(self, left: Int64Array, right: Int64Array, common: Int64Array) -> NDArray[np.bool_]:
        """Tell which pairs reach the threshold by Jaccard, whatever the measure."""
        union = self.sets.sizes[left] + self.sets.sizes[right] - common
        return reaches(self.threshold, common, union)

    def _whole(self, left: Int64Array, right: Int64Array, common: Int64Array) -> Int64Array:
        """Return the number of shingles of which the measure is a share."""
        a, b = self.sets.sizes[left], self.sets.sizes[right]
        return np.minimum(a, b) if self.measure == "containment" else a + b - common


def _part_of(sizes: Int64Array) -> Int64Array:
    """Return two fifths: pairs at half the threshold's share show themselves there."""
    return -(-2 * sizes // 5)


def _last_of(values: UInt64Array, lengths: Int64Array) -> UInt64Array:
    """Return the last of each of consecutive runs; anything for an empty one."""
    return np.append(values, np.uint64(0))[np.cumsum(lengths) - 1]
