"""How alike two documents are: the values of a run's measure, and the rows of pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.corpus import Listed
from dedup.output.schema import MEASURE_COLUMNS, pairs_schema
from dedup.text.hashing import Int64Array

EQUAL_SETS = -2
"""Stands for the number of common shingles of documents with equal sets, or equal texts."""

UNKNOWN = -1
"""Stands for the number of common shingles of documents that were never compared."""

_OF_EQUALS = {"cosine": 1.0, "euclidean": 0.0}
"""The measures of vectors: no count but the value itself, its bits, stands in `common`."""


def measured(
    corpus: Listed, measure: str, left: Int64Array, right: Int64Array, common: Int64Array
) -> NDArray[np.float64]:
    """Return the measures of pairs of documents; containment is that of the right one in the left.

    Parameters
    ----------
    left, right : int64, shape (pairs,); positions.
    common : int64; shingles in common, or one of the constants of this module; for vectors the bits
        of the float64 that is their similarity or distance.

    Returns
    -------
    float64, shape (measure's columns, pairs); NaN where unknown.
    """
    if measure in _OF_EQUALS:
        value = common.view(np.float64).copy()
        value[common == EQUAL_SETS] = _OF_EQUALS[measure]
        value[common == UNKNOWN] = np.nan
        return value[None]
    values = np.ones((len(MEASURE_COLUMNS[measure]), len(left)))
    other = np.flatnonzero(common != EQUAL_SETS)
    common = common[other]
    a, b = corpus.num_shingles[left[other]], corpus.num_shingles[right[other]]
    values[0, other] = common / (a + b - common)
    if measure == "containment":
        values[1, other] = common / b
    values[:, other[common == UNKNOWN]] = np.nan
    return values


def pairs_table(
    corpus: Listed, measure: str, left: Int64Array, right: Int64Array, common: Int64Array
) -> pa.Table:
    """Return a row for each pair of positions, in the order given."""
    ids = corpus.ids
    values = measured(corpus, measure, left, right, common)
    return pa.Table.from_arrays(
        [ids.take(left), ids.take(right), *values, left, right],
        schema=pairs_schema(ids.type, measure),
    )
