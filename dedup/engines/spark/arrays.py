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
    offsets = np.concatenate([[0], np.cumsum(lengths)]) * 8
    data = pa.py_buffer(np.ascontiguousarray(words))
    if offsets[-1] < 1 << 31:
        kind, offsets = pa.binary(), offsets.astype(np.int32)
    else:
        kind = pa.large_binary()
    return pa.Array.from_buffers(kind, len(lengths), [None, pa.py_buffer(offsets), data])


def unpacked_words(column: pa.Array) -> tuple[UInt64Array, Int64Array]:
    """Return the words of binary values without nulls, one after the other, and their lengths."""
    if not len(column):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    wide = pa.types.is_large_binary(column.type)
    _, offset_buffer, data = column.buffers()
    stored = np.frombuffer(offset_buffer, np.int64 if wide else np.int32)
    offsets = stored[column.offset : column.offset + len(column) + 1].astype(np.int64)
    lengths = np.diff(offsets) // 8
    if data is None or not lengths.any():
        return np.zeros(0, np.uint64), lengths
    octets = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return np.frombuffer(octets.tobytes(), np.uint64), lengths
