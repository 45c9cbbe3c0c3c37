"""What every family is: random functions of vectors, and how often near vectors collide."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dedup.lsh.bands import band_keys
from dedup.text.hashing import Int64Array, random_words

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
UInt32Array = NDArray[np.uint32]

_STREAM = 5


class Family(Protocol):
    """A family of hash functions.

    Attributes
    ----------
    measure : ``cosine`` or ``euclidean``: what a distance is; an angle in radians for the former.
    """

    measure: ClassVar[str]

    def __hash__(self) -> int: ...

    def collision_probability(self, distance: float) -> float:
        """Return the probability that one function has one value for two vectors so far apart."""
        ...

    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return the values of functions, shape (vectors, functions), of their projections."""
        ...

    def second(self, projections: Float32Array) -> tuple[Int64Array, Float32Array]:
        """Return the values that the functions nearly had, and by how much they missed them."""
        ...

    def keys(self, symbols: Int64Array, functions: int) -> UInt32Array:
        """Return a key for each table of so many functions; shape (vectors, tables)."""
        ...

    def fast_keys(self, projections: Float32Array, functions: int) -> UInt32Array:
        """Return ``keys(symbols(projections))``, perhaps by a shorter way."""
        ...

    def directions(self, dim: int, functions: int, seed: int) -> Float32Array:
        """Draw functions: the float32 matrix, shape (dim, columns), that vectors are times.

        One row more is added to the products.
        """
        ...


class MixedKeys(ABC):
    """Keys of families whose values are whole numbers of any size: 32 bits of a mix of them."""

    def keys(self, symbols: Int64Array, functions: int) -> UInt32Array:
        """Return a key for each table of so many functions; shape (vectors, tables)."""
        tables = symbols.shape[1] // functions
        mixed = band_keys(symbols.view(np.uint64), tables, functions)
        return (mixed >> np.uint64(32)).astype(np.uint32)

    def fast_keys(self, projections: Float32Array, functions: int) -> UInt32Array:
        """Return ``keys(symbols(projections))``."""
        return self.keys(self.symbols(projections), functions)

    @abstractmethod
    def symbols(self, projections: Float32Array) -> Int64Array:
        """Return the values of functions; see `Family`."""


@dataclass(frozen=True)
class Sensitivity:
    """A (d1, d2, p1, p2)-sensitive family.

    Vectors within `near` collide with probability `p_near` or more, those beyond `far` with
    `p_far` or less.

    References
    ----------
    Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.6.
    """

    near: float
    far: float
    p_near: float
    p_far: float

    @property
    def rho(self) -> float:
        """The exponent ln p1 / ln p2: a search among n vectors takes about n**rho tables."""
        return math.log(self.p_near) / math.log(self.p_far)


def sensitivity(family: Family, near: float, far: float) -> Sensitivity:
    """Return the sensitivity of a family, whose collisions never grow with the distance."""
    return Sensitivity(
        near, far, family.collision_probability(near), family.collision_probability(far)
    )


def generator(seed: int, purpose: int) -> np.random.Generator:
    """Return the source of one kind of random numbers; the same for equal seeds everywhere."""
    return np.random.Generator(np.random.PCG64(random_words(seed, _STREAM, purpose + 1)[purpose]))


def normal_cdf(values: Float64Array) -> Float64Array:
    """Return the standard normal distribution function, to 1e-8: linear in a table."""
    found: Float64Array = np.interp(values, _GRID, _CDF)
    return found


_GRID = np.linspace(-8.5, 8.5, 40_001)
_CDF = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in _GRID.tolist()])
