"""The Reformer's rotation hash: argmax of [xR; -xR], with a free number of buckets.

R has independent normal entries and half as many columns as buckets. It is the cross-polytope of
`dedup.vectors.families.cross_polytope` with m = buckets / 2 directions, and collides like it; the
values are numbered as in the paper: i for direction i, m + i for its opposite.

References
----------
Kitaev, Kaiser, Levskaya (2020), Reformer: the efficient transformer, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dedup.errors import ConfigError
from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float32Array, MixedKeys, generator
from dedup.vectors.families.cross_polytope import CrossPolytope

_PURPOSE = 3


@dataclass(frozen=True)
class Rotation(MixedKeys):
    """One of `num_buckets` values a function.

    Parameters
    ----------
    num_buckets : even.
    """

    num_buckets: int
    measure: ClassVar[str] = "cosine"

    def __post_init__(self) -> None:
        if self.num_buckets < 2 or self.num_buckets % 2:
            raise ConfigError(f"num_buckets is {self.num_buckets}; give an even number from 2 on.")

    def collision_probability(self, distance: float) -> float:
        """Return p for an angle in [0, pi]."""
        return CrossPolytope(self.num_buckets // 2).collision_probability(distance)

    def directions(self, dim: int, functions: int, seed: int) -> Float32Array:
        """Draw R of each function, one after the other."""
        shape = (dim, functions * self.num_buckets // 2)
        return generator(seed, _PURPOSE).standard_normal(shape, np.float32)

    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return the argmax of [xR; -xR]; int64, shape (vectors, functions)."""
        m = self.num_buckets // 2
        grid = projections.reshape(len(projections), -1, m)
        found: Int64Array = np.concatenate([grid, -grid], axis=2).argmax(axis=2)
        return found

    def second(self, projections: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return the next bucket, and how much shorter the projection on it is."""
        grid = projections.reshape(len(projections), -1, self.num_buckets // 2)
        sides = np.concatenate([grid, -grid], axis=2)
        order = np.argpartition(sides, (-2, -1), axis=2)[:, :, -2:]
        values = np.take_along_axis(sides, order, 2)
        return order[:, :, 0], values[:, :, 1] - values[:, :, 0]
