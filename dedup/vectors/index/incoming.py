"""What comes to an index of vectors, as batches of float32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import NULL, checked
from dedup.vectors.families.base import Float32Array, Float64Array
from dedup.vectors.reading import read_vectors

BATCH_ENTRIES = 1 << 22
"""Keys, of all tables, of the vectors that are compared together."""


@dataclass(frozen=True)
class VectorBatch:
    """Vectors that an index is asked about.

    Attributes
    ----------
    ids : the users' ids; None where they have none.
    values : float32, shape (vectors, dim).
    norms : float64, shape (vectors,).
    is_good : bool; whether a vector can be compared.
    """

    ids: pa.Array | None
    values: Float32Array
    norms: Float64Array
    is_good: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)


def read_batch(data: Any, config: VectorConfig) -> VectorBatch:
    """Return the vectors of anything that `dedup.vectors.find_duplicates` reads.

    Raises
    ------
    InputError : there are none, or some cannot be compared and `skip_bad` is not set.
    """
    corpus = read_vectors(data, config)
    ids = corpus.columns["doc_id"].combine_chunks() if corpus.has_ids else None
    if corpus.values.dtype == np.float32:
        return VectorBatch(ids, corpus.values, corpus.norms, corpus.is_good)
    values = corpus.values.astype(np.float32)
    # What was no zero may be one now.
    known = {NULL: np.flatnonzero(~corpus.is_good)}
    norms, is_good, _ = checked(values, known, config.measure, skip_bad=config.skip_bad)
    return VectorBatch(ids, values, norms, is_good)


def batches(data: Any, config: VectorConfig, dim: int, path: str) -> Iterator[VectorBatch]:
    """Yield what `read_batch` reads, some vectors at a time.

    Parameters
    ----------
    dim, path : of the index.

    Raises
    ------
    InputError : they have another dimension, or cannot be compared.
    """
    whole = read_batch(data, config)
    if whole.values.shape[1] != dim:
        raise InputError(
            f"{path} holds vectors of {dim} dimensions, not {whole.values.shape[1]}; give vectors "
            "of the same model."
        )
    together = max(1, BATCH_ENTRIES // (config.tables or 1))
    for first in range(0, len(whole), together):
        some = slice(first, first + together)
        yield VectorBatch(
            None if whole.ids is None else whole.ids[some],
            whole.values[some],
            whole.norms[some],
            whole.is_good[some],
        )
