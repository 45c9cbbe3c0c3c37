"""Lists of numbers of many types as matrices of float32 or float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray


def matrix_of(lists: pa.Array, dim: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return lists of numbers as the rows of a matrix.

    Returns
    -------
    values : float32 or float64, shape (lists, dim); zeros stand for what is no vector.
    is_null, is_mixed : bool, shape (lists,): which are null, or hold a null, and which are of
        another dimension.
    """
    sizes = pc.list_value_length(lists).fill_null(-1).to_numpy(zero_copy_only=False)
    fits = sizes == dim
    flat = lists.filter(pa.array(fits)).flatten()
    is_null = sizes < 0
    is_null[fits] = flat.is_null().to_numpy(zero_copy_only=False).reshape(-1, dim).any(axis=1)
    if pt.is_float16(flat.type):
        numbers = flat.drop_null().to_numpy() if not flat.null_count else None
        if numbers is None:
            numbers = flat.cast(pa.float32()).fill_null(0.0).to_numpy(zero_copy_only=False)
    else:
        numbers = flat.fill_null(0).to_numpy(zero_copy_only=False)
    vectors = floats(numbers.reshape(-1, dim))
    if not fits.all():
        whole = np.zeros((len(fits), dim), vectors.dtype)
        whole[fits] = vectors
        vectors = whole
    return vectors, is_null, ~fits & (sizes >= 0)


def floats(array: NDArray[Any]) -> NDArray[Any]:
    """Return float64 as it is, float32 for what float32 holds without loss."""
    small = 2 if array.dtype.kind in "iu" else 4
    kind = np.float32 if array.dtype.itemsize <= small else np.float64
    return array.astype(kind, copy=False)
