"""The vectors that are compared, in keeper order, and their exact similarities and distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float32Array, Float64Array
from dedup.verify import BELOW

BLOCK_VALUES = 1 << 19
"""Values of pairs that are compared at a time."""

_NORM_ROWS = 1 << 14
_SAMPLE = 1 << 12
_ROUNDING = 2.0**-22
"""Of a product of float32, a value; some times more than a sum of them can be off by."""


@dataclass
class Vectors:
    """Vectors by unit.

    Attributes
    ----------
    values : float32 or float64, shape (documents, dim).
    rows : int64, shape (units,); the row of each unit.
    norms : float64, shape (documents,).
    center : float32, shape (dim,); taken off before products, for distances: they stay the same,
        and rounding shrinks.
    """

    values: NDArray[Any]
    rows: Int64Array
    norms: Float64Array
    measure: str
    center: Float32Array

    @classmethod
    def of(
        cls, values: NDArray[Any], rows: Int64Array, norms: Float64Array, measure: str
    ) -> Vectors:
        """Take the rows of a matrix that are to be compared."""
        return cls(values, rows, norms, measure, center_of(values[rows[drawn(len(rows))]], measure))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dim(self) -> int:
        """Values of a vector."""
        return int(self.values.shape[1])

    def scaled(self, units: Int64Array | slice) -> Float32Array:
        """Return vectors for products: of length 1 for cosine, else less the center; float32."""
        rows = self.rows[units]
        found = self.values[rows]
        if self.measure == "cosine":
            found /= self.norms[rows][:, None].astype(found.dtype)
        else:
            found -= self.center
        return found.astype(np.float32, copy=False)

    def compared(self, left: Int64Array, right: Int64Array) -> Float64Array:
        """Return the cosines, or distances, of pairs of units; exact but for float64's rounding.

        A pair's value does not depend on the pairs beside it.
        """
        result = np.empty(len(left), np.float64)
        step = max(1, BLOCK_VALUES // self.dim)
        for first in range(0, len(left), step):
            piece = slice(first, first + step)
            a, b = self.rows[left[piece]], self.rows[right[piece]]
            result[piece] = values_of_pairs(
                self.measure, self.values[a], self.values[b], self.norms[a], self.norms[b]
            )
        return result

    def sampled_distances(self) -> Float64Array:
        """Return the distances of some pairs, angles for cosine; always the same ones."""
        return self.paired_distances(drawn(len(self)))

    def paired_distances(self, units: Int64Array) -> Float64Array:
        """Return the distances, angles for cosine, of the first half of units to the second."""
        half = len(units) // 2
        value = self.compared(units[:half], units[half : 2 * half])
        return np.arccos(value) if self.measure == "cosine" else value


def center_of(sample: NDArray[Any], measure: str) -> Float32Array:
    """Return what is taken off vectors, from those that were drawn; see `Vectors`."""
    if measure == "cosine" or not len(sample):
        return np.zeros(sample.shape[1], np.float32)
    center: Float64Array = sample.mean(axis=0, dtype=np.float64)
    return center.astype(np.float32)


def values_of_pairs(
    measure: str,
    left: NDArray[Any],
    right: NDArray[Any],
    left_norms: Float64Array,
    right_norms: Float64Array,
) -> Float64Array:
    """Return the cosine, or distance, of each row with the other's; see `Vectors.compared`."""
    x = left.astype(np.float64)
    if measure == "cosine":
        x *= right
        cosine: Float64Array = np.clip(x.sum(axis=1) / (left_norms * right_norms), -1.0, 1.0)
        return cosine
    x -= right
    x *= x
    distance: Float64Array = np.sqrt(x.sum(axis=1))
    return distance


def drawn(count: int) -> Int64Array:
    """Return at most some thousands of the units, in an order that follows no order of theirs."""
    random = np.random.Generator(np.random.PCG64(7))
    if count <= _SAMPLE:
        return random.permutation(count)
    return random.permutation(np.unique(random.integers(0, count, _SAMPLE)))


def norms_of(values: NDArray[Any]) -> Float64Array:
    """Return the Euclidean lengths of rows; float64."""
    found = np.empty(len(values), np.float64)
    for first in range(0, len(values), _NORM_ROWS):
        block = values[first : first + _NORM_ROWS].astype(np.float64)
        block *= block
        found[first : first + _NORM_ROWS] = np.sqrt(block.sum(axis=1))
    return found


@dataclass
class VectorVerifier:
    """Compares pairs of vectors exactly.

    Attributes
    ----------
    accepts : a second check of the pairs (left, right, common) at the threshold: tells which stand.
    num_compared : pairs that were compared one by one.
    num_refused : pairs at the threshold that the second check refused.
    """

    vectors: Vectors
    threshold: Fraction
    accepts: Callable[[Int64Array, Int64Array, Int64Array], NDArray[np.bool_]] | None = None
    num_compared: int = 0
    num_refused: int = 0

    @property
    def limit(self) -> float:
        """The threshold, as the nearest float64."""
        return float(self.threshold)

    def compare(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Return the bits of each pair's cosine or distance, `BELOW` beyond the threshold."""
        self.num_compared += len(left)
        value = self.vectors.compared(left, right)
        is_cosine = self.vectors.measure == "cosine"
        reached = value >= self.limit if is_cosine else value <= self.limit
        common = np.where(reached, value.view(np.int64), BELOW)
        if self.accepts is not None:
            good = np.flatnonzero(reached)
            refused = good[~self.accepts(left[good], right[good], common[good])]
            common[refused] = BELOW
            self.num_refused += len(refused)
        return common

    def near(self, left: Float32Array, right: Float32Array) -> NDArray[np.bool_]:
        """Tell which pairs of two blocks may reach the threshold, by one product of matrices.

        All that do, and a few that rounding lets through.

        Parameters
        ----------
        left, right : from `Vectors.scaled`.

        Returns
        -------
        bool, shape (left, right).
        """
        product = left @ right.T
        slack = left.shape[1] * _ROUNDING
        if self.vectors.measure == "cosine":
            near: NDArray[np.bool_] = product >= self.limit - slack
            return near
        a = np.einsum("ij,ij->i", left, left)
        b = np.einsum("ij,ij->i", right, right)
        product *= -2
        product += a[:, None]
        product += b
        slack *= float(a.max(initial=0) + b.max(initial=0))
        close: NDArray[np.bool_] = product <= self.limit**2 * (1 + 1e-5) + slack
        return close
