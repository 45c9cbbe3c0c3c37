"""The hash functions of an index: drawn once, and stored, so that no other numpy draws others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.errors import ConfigError, InputError
from dedup.index.files import NewFile, Stored
from dedup.vectors.config import VectorConfig
from dedup.vectors.families.base import Float32Array, Float64Array, UInt32Array
from dedup.vectors.parameters import Scheme, choose_scheme, table_probability
from dedup.vectors.search import family_of, near_distance
from dedup.vectors.store import Vectors
from dedup.vectors.tables import BLOCK_ROWS, TableFunctions

FUNCTIONS_FILE = "functions"
_EXPECTED = 1 << 20
"""Vectors that an index is made for; it may hold more, or fewer."""


def scheme_for(sample: Vectors, config: VectorConfig) -> Scheme:
    """Choose the tables of an index of a million vectors like these."""
    family = family_of(config, sample.dim)
    near, far = near_distance(config), sample.sampled_distances()
    count = max(_EXPECTED, len(sample))
    return choose_scheme(family, near, far, count, sample.dim, config)


def scheme_of(config: VectorConfig, dim: int) -> Scheme:
    """Return the scheme of options that say how many tables and functions there are."""
    if config.tables is None or config.functions is None:
        raise ConfigError("an index has no tables or functions; give the numbers of both.")
    by_one = table_probability(family_of(config, dim), near_distance(config), config.functions, 0)
    return Scheme(config.tables, config.functions, config.min_tables, 0, by_one)


@dataclass(frozen=True)
class Hasher:
    """Gives vectors the keys of an index.

    Attributes
    ----------
    center : float32, shape (dim,); taken off before products, for distances.
    """

    measure: str
    center: Float32Array
    functions: TableFunctions

    @staticmethod
    def draw(sample: Vectors, config: VectorConfig) -> Hasher:
        """Draw functions.

        Parameters
        ----------
        config : with the numbers of tables and functions.
        """
        scheme = scheme_of(config, sample.dim)
        family = family_of(config, sample.dim)
        functions = TableFunctions.draw(family, scheme, sample.dim, int(config.seed))
        return Hasher(config.measure, sample.center, functions)

    def write(self, folder: str) -> Stored:
        """Write the center, then the functions, as raw float32."""
        with NewFile(folder, FUNCTIONS_FILE) as file:
            file.write(np.ascontiguousarray(self.center))
            file.write(np.ascontiguousarray(self.functions.drawn))
        return file.stored

    @staticmethod
    def read(folder: str, stored: Stored, config: VectorConfig, dim: int) -> Hasher:
        """Map what `write` wrote.

        Raises
        ------
        InputError : the file is missing, or not as long as it should be.
        """
        scheme = scheme_of(config, dim)
        family = family_of(config, dim)
        rows, columns = family.directions(1, 1, 0).shape  # for one dimension
        shape = (dim + rows - 1, columns * scheme.num_tables * scheme.num_functions)
        try:
            values = stored.mapped(folder).view(np.float32)
        except FileNotFoundError as error:
            raise InputError(
                f"{error.filename} is missing; restore the index from a copy."
            ) from error
        if len(values) != dim + shape[0] * shape[1]:
            raise InputError(f"{folder}/{stored.name} has another size; restore it from a copy.")
        drawn = values[dim:].reshape(shape)
        functions = TableFunctions(family, scheme.num_tables, scheme.num_functions, drawn)
        return Hasher(config.measure, values[:dim], functions)

    def keys(self, values: Float32Array, norms: Float64Array, probes: int = 0) -> UInt32Array:
        """Return the keys of vectors; uint32, shape (1 + probes, tables, vectors)."""
        vectors = self.vectors(values, norms)
        keys = np.empty((1 + probes, self.functions.num_tables, len(values)), np.uint32)
        for first in range(0, len(values), BLOCK_ROWS):
            block = slice(first, min(len(values), first + BLOCK_ROWS))
            self.functions.write_keys(vectors.scaled(block), keys[:, :, block])
        return keys

    def vectors(self, values: Float32Array, norms: Float64Array) -> Vectors:
        """Return vectors to be compared among each other."""
        safe = np.where(norms == 0, 1.0, norms)  # of those that cannot be compared
        return Vectors(values, np.arange(len(values)), safe, self.measure, self.center)
