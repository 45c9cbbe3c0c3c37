"""Random hyperplanes: on which side of a plane through the origin a vector lies.

Two vectors at angle a are parted by a random plane with probability a / pi, so one function
collides with probability 1 - a / pi.

References
----------
Charikar (2002), Similarity estimation techniques from rounding algorithms. Goemans, Williamson
(1995), Improved approximation algorithms for maximum cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float32Array, UInt32Array, generator

_PURPOSE = 0


@dataclass(frozen=True)
class Hyperplanes:
    """One bit a function."""

    measure: ClassVar[str] = "cosine"

    def collision_probability(self, distance: float) -> float:
        """Return 1 - a / pi for an angle a in [0, pi]."""
        return 1 - distance / math.pi

    def directions(self, dim: int, functions: int, seed: int) -> Float32Array:
        """Draw the normals of planes, a column each."""
        return generator(seed, _PURPOSE).standard_normal((dim, functions), np.float32)

    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return 1 above the plane, else 0; int64, shape (vectors, functions)."""
        return (projections > 0).astype(np.int64)

    def second(self, projections: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return the other side of each plane, and the distance to it."""
        return 1 - self.symbols(projections), np.abs(projections)

    def keys(self, symbols: Int64Array, functions: int) -> UInt32Array:
        """Return the bits of each table's planes; uint32, shape (vectors, tables)."""
        return _packed(symbols.reshape(len(symbols), -1, functions) > 0)

    def fast_keys(self, projections: Float32Array, functions: int) -> UInt32Array:
        """Return the same from projections."""
        return _packed(projections.reshape(len(projections), -1, functions) > 0)


def _packed(bits: NDArray[np.bool_]) -> UInt32Array:
    """Pack up to 32 bits along the last axis."""
    wide = np.zeros((*bits.shape[:2], 32), np.bool_)
    wide[:, :, : bits.shape[2]] = bits
    words = np.packbits(wide.reshape(-1), bitorder="little").view("<u4")
    return words.reshape(bits.shape[:2])
