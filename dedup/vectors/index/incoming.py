"""What comes to an index of vectors, as batches of float32."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.vectors.config import VectorConfig
from dedup.vectors.corpus import NULL, ZERO, VectorCorpus, checked, digests_of
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


def read_float32(data: Any, config: VectorConfig) -> VectorCorpus:
    """Read vectors as an index stores them; see `read_vectors`."""
    corpus = read_vectors(data, config)
    if corpus.values.dtype == np.float32:
        return corpus
    values = corpus.values.astype(np.float32)
    known = {NULL: np.flatnonzero(~corpus.is_good)}
    norms, is_good, found = checked(values, known, config.measure, skip_bad=config.skip_bad)
    return replace(
        corpus,
        values=values,
        norms=norms,
        is_good=is_good,
        bad=corpus.bad + Counter({ZERO: found[ZERO]}),  # what was no zero may be one now
        text_digests=digests_of(values),
    )


def batches(data: Any, config: VectorConfig, dim: int, path: str) -> Iterator[VectorBatch]:
    """Yield the vectors of anything that `dedup.vectors.find_duplicates` reads.

    Parameters
    ----------
    dim, path : of the index.

    Raises
    ------
    InputError : they have another dimension, or cannot be compared.
    """
    corpus = read_float32(data, config)
    if corpus.values.shape[1] != dim:
        raise InputError(
            f"{path} holds vectors of {dim} dimensions, not {corpus.values.shape[1]}; give vectors "
            "of the same model."
        )
    ids = corpus.columns["doc_id"].combine_chunks() if corpus.has_ids else None
    together = max(1, BATCH_ENTRIES // (config.tables or 1))
    for first in range(0, len(corpus.values), together):
        some = slice(first, first + together)
        yield VectorBatch(
            None if ids is None else ids[some],
            corpus.values[some],
            corpus.norms[some],
            corpus.is_good[some],
        )
