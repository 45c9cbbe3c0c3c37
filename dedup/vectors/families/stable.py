"""p-stable projections: h(x) = floor((a.x + b) / w), for Euclidean distance.

The entries of a are standard normal, so a.(x - y) is normal with the distance c as its deviation;
b is uniform in [0, w). Integrated over both, with r = w / c,

    p(c) = 1 - 2 Phi(-r) - 2 / (sqrt(2 pi) r) (1 - exp(-r**2 / 2)),

a function of w / c alone.

References
----------
Datar, Immorlica, Indyk, Mirrokni (2004), Locality-sensitive hashing scheme based on p-stable
distributions, section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dedup.errors import ConfigError
from dedup.text.hashing import Int64Array
from dedup.vectors.families.base import Float32Array, MixedKeys, generator

_PURPOSE = 1


@dataclass(frozen=True)
class StableProjections(MixedKeys):
    """One whole number a function.

    Parameters
    ----------
    width : w, the length of a step; in the unit of the vectors.
    """

    width: float
    measure: ClassVar[str] = "euclidean"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise ConfigError(f"width is {self.width}; give a length above 0.")

    def collision_probability(self, distance: float) -> float:
        """Return p(c) for a distance c >= 0."""
        if distance == 0:
            return 1.0
        ratio = self.width / distance
        outside = math.erfc(ratio / math.sqrt(2))
        inside = -math.expm1(-ratio * ratio / 2)
        return 1 - outside - 2 / (math.sqrt(2 * math.pi) * ratio) * inside

    def directions(self, dim: int, functions: int, seed: int) -> Float32Array:
        """Draw the vectors a, a column each, divided by w; and b / w, the last row."""
        random = generator(seed, _PURPOSE)
        drawn = np.empty((dim + 1, functions), np.float32)
        drawn[:-1] = random.standard_normal((dim, functions)) / self.width
        drawn[-1] = random.random(functions)
        return drawn

    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return the number of each step; int64, shape (vectors, functions)."""
        return np.floor(projections).astype(np.int64)

    def second(self, projections: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return the step beyond the nearer edge, and the distance to that edge, in steps."""
        steps = np.floor(projections)
        inside = projections - steps
        found = steps.astype(np.int64)
        found += np.where(inside < 0.5, -1, 1)
        return found, np.minimum(inside, 1 - inside)
