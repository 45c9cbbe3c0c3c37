"""Cross-polytope: which of m random directions, or of their opposites, a vector is nearest to.

x is projected on m directions of independent normal entries (a Gaussian rotation: for m = dim it
is near an exact one, and its collisions have an integral); the function is the direction of the
largest absolute projection, with its sign: 2m values.

The projections of two unit vectors of cosine r are m independent pairs (U, V) of standard normal
numbers of correlation r. Both vectors have the same direction in front where one pair beats all
others on both sides with equal signs:

    p(r) = 2 m * int_{u, v > 0} phi_r(u, v) F_r(u, v)**(m-1) du dv,
    F_r(u, v) = P(|U| < u, |V| < v),

with phi_r the density of a pair. Both integrals are done by Gauss and Legendre, to 1e-4 of p up
to a thousand directions (for angles up to a right one).

References
----------
Terasawa, Tanaka (2007), Spherical LSH for approximate nearest neighbor search on unit hypersphere.
Andoni, Indyk, Laarhoven, Razenshteyn, Schmidt (2015), Practical and optimal LSH for angular
distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from dedup.errors import ConfigError
from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float32Array, Float64Array, MixedKeys, generator, normal_cdf

_PURPOSE = 2
_NODES = 40
_TAIL = 8.0
"""Standard deviations where the integrals end: 1e-15 of the mass lies beyond."""


@dataclass(frozen=True)
class CrossPolytope(MixedKeys):
    """One of 2m values a function.

    Parameters
    ----------
    num_directions : m; the dimension of the vectors is usual.
    """

    num_directions: int
    measure: ClassVar[str] = "cosine"

    def __post_init__(self) -> None:
        if self.num_directions < 1:
            raise ConfigError(
                f"num_directions is {self.num_directions}; give a whole number of at least 1."
            )

    def collision_probability(self, distance: float) -> float:
        """Return p for an angle in [0, pi]."""
        return same_direction(round(math.cos(distance), 9), self.num_directions)

    def directions(self, dim: int, functions: int, seed: int) -> Float32Array:
        """Draw the directions of each function, m columns one after the other."""
        shape = (dim, functions * self.num_directions)
        return generator(seed, _PURPOSE).standard_normal(shape, np.float32)

    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return 2i or, on the opposite side, 2i + 1 for direction i."""
        m = self.num_directions
        grid = projections.reshape(len(projections), -1, m)
        largest: Int64Array = np.abs(grid).argmax(axis=2)
        front = np.take_along_axis(grid, largest[:, :, None], 2)[:, :, 0]
        largest *= 2
        largest += front < 0
        return largest

    def second(self, projections: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return the next direction, and how much shorter the projection on it is.

        The opposite of the first one, where there is no other.
        """
        m = self.num_directions
        first = self.symbols(projections)
        grid = projections.reshape(len(projections), -1, m)
        front = np.abs(np.take_along_axis(grid, first[:, :, None] >> 1, 2)[:, :, 0])
        if m == 1:
            return first ^ 1, front
        others = np.abs(grid)
        np.put_along_axis(others, first[:, :, None] >> 1, -1, 2)
        largest: Int64Array = others.argmax(axis=2)
        value = np.take_along_axis(grid, largest[:, :, None], 2)[:, :, 0]
        return 2 * largest + (value < 0), front - np.abs(value)


@lru_cache(maxsize=4096)
def same_direction(cosine: float, num_directions: int) -> float:
    """Return p(r) of the module's text."""
    m = num_directions
    if m == 1:
        return 1 - math.acos(max(-1.0, min(1.0, cosine))) / math.pi
    if cosine >= 1:
        return 1.0
    if cosine <= -1:
        return 0.0
    rest = math.sqrt(1 - cosine * cosine)
    # v = r u + rest t with t standard normal, from v = 0 on: the grid follows the ridge of phi_r.
    u, u_weight = _gauss(0.0, _TAIL)
    nodes, weights = _gauss(0.0, 1.0, 2 * _NODES)
    low = np.clip(-cosine * u / rest, -_TAIL, _TAIL)[:, None]
    t = low + (_TAIL - low) * nodes
    mass = (_density(u) * u_weight)[:, None] * _density(t) * (_TAIL - low) * weights
    v = np.maximum(cosine * u[:, None] + rest * t, 0.0)
    return float(2 * m * (mass * _rectangle(u, v, cosine, rest) ** (m - 1)).sum())


def _rectangle(u: Float64Array, v: Float64Array, cosine: float, rest: float) -> Float64Array:
    """Return P(|U| < u, |V| < v) on the grid of `same_direction`; shape of v."""
    nodes, weights = _gauss(0.0, 1.0)
    x = u[:, None] * nodes
    height = _density(x) * weights * u[:, None]
    found = np.empty_like(v)
    for row in range(len(u)):
        mean = cosine * x[row][:, None]
        part = normal_cdf((v[row] - mean) / rest) - normal_cdf((-v[row] - mean) / rest)
        found[row] = 2 * height[row] @ part
    return found


def _density(values: Float64Array) -> Float64Array:
    density: Float64Array = np.exp(-0.5 * values * values) / math.sqrt(2 * math.pi)
    return density


def _gauss(low: float, high: float, count: int = _NODES) -> tuple[Float64Array, Float64Array]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights
