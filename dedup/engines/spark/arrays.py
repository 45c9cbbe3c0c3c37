"""Arrow batches to numpy and back: no copy but where bytes have to come together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array, UInt64Array


def numbers(batch: pa.RecordBatch, name: str) -> Int64Array:
    """Return an int64 column without nulls."""
    column: Int64Array = batch.column(name).to_numpy(zero_copy_only=False)
    return column


def rows(columns: dict[str, NDArray[Any] | pa.Array]) -> pa.RecordBatch:
    """Return a batch of columns; uint64 goes as int64, for Spark has no other."""
    arrays = [
        pa.array(column.view(np.int64) if column.dtype == np.uint64 else column)
        if isinstance(column, np.ndarray)
        else column
        for column in columns.values()
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def packed_words(words: UInt64Array, lengths: Int64Array) -> pa.Array:
    """Return consecutive words as one binary value of each length, 8 bytes a word."""
    return packed(words, lengths * 8)


def packed(values: NDArray[Any], lengths: Int64Array) -> pa.Array:
    """Return consecutive values as binary ones of each length in bytes."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    data = pa.py_buffer(np.ascontiguousarray(values))
    if offsets[-1] < 1 << 31:
        kind, offsets = pa.binary(), offsets.astype(np.int32)
    else:
        kind = pa.large_binary()
    return pa.Array.from_buffers(kind, len(lengths), [None, pa.py_buffer(offsets), data])


def packed_rows(values: NDArray[Any]) -> pa.Array:
    """Return the rows of a matrix as binary values."""
    width = values.shape[1] * values.itemsize
    return packed(values, np.full(len(values), width, np.int64))


def unpacked_rows(column: pa.Array) -> NDArray[np.uint8]:
    """Return binary values of one length as the rows of a matrix of bytes."""
    octets, lengths = _octets(column)
    return octets.reshape(len(column), int(lengths[0]) if len(lengths) else 0)


def unpacked_words(column: pa.Array) -> tuple[UInt64Array, Int64Array]:
    """Return the words of binary values without nulls, one after the other, and their lengths."""
    octets, lengths = _octets(column)
    return np.frombuffer(octets.tobytes(), np.uint64), lengths // 8


def _octets(column: pa.Array) -> tuple[NDArray[np.uint8], Int64Array]:
    """Return the bytes of binary values, one after the other, and their lengths."""
    if not len(column):
        return np.zeros(0, np.uint8), np.zeros(0, np.int64)
    wide = pa.types.is_large_binary(column.type)
    _, offset_buffer, data = column.buffers()
    stored = np.frombuffer(offset_buffer, np.int64 if wide else np.int32)
    offsets = stored[column.offset : column.offset + len(column) + 1].astype(np.int64)
    if data is None:
        return np.zeros(0, np.uint8), np.diff(offsets)
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]], np.diff(offsets)
