"""The user's ids of all documents, by position: they stay where they were read to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.text.hashing import Int64Array

_COUNTED_TOGETHER = 1 << 21
"""Ids that are told apart at a time, some 100 bytes each."""


class Ids:
    """A column of ids in pieces, which may be mapped files.

    Parameters
    ----------
    column : a row for each document.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._chunks = [chunk for chunk in column.chunks if len(chunk)]
        self._ends = np.cumsum([len(chunk) for chunk in self._chunks])
        self.type = column.type
        self.null_count = column.null_count

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def take(self, positions: Int64Array, mask: NDArray[np.bool_] | None = None) -> pa.Array:
        """Return the ids at positions; null where `mask` is True.

        Arrow would put all pieces together first, and copy them.
        """
        if not len(positions) or not self._chunks:
            return pa.nulls(len(positions), self.type)
        owner = np.searchsorted(self._ends, positions, side="right")
        order = np.argsort(owner, kind="stable")
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        counts = np.bincount(owner, minlength=len(self._chunks))
        found = []
        first = 0
        for number in np.flatnonzero(counts).tolist():
            inside = positions[order[first : first + counts[number]]]
            chunk = self._chunks[number]
            found.append(chunk.take(pa.array(inside - (self._ends[number] - len(chunk)))))
            first += counts[number]
        if len(found) == 1 and mask is None:
            return found[0]
        return pa.concat_arrays(found).take(pa.array(back, mask=mask))

    def check(self, strict: bool) -> list[str]:
        """Return warnings about null and duplicate ids.

        Raises
        ------
        InputError : there are some, and `strict` is set.
        """
        duplicates = len(self) - self.null_count - self._num_distinct()
        found = [
            f"{count} {what} ids"
            for count, what in ((self.null_count, "null"), (duplicates, "duplicate"))
            if count
        ]
        if found and strict:
            raise InputError(
                f"the documents have {' and '.join(found)}; mend them or run without --strict-ids."
            )
        return [f"{text}: documents are told apart by position" for text in found]

    def _num_distinct(self) -> int:
        num_classes = min(255, max(1, -(-len(self) // _COUNTED_TOGETHER)))
        if num_classes == 1:
            return _num_distinct(self._chunks)
        classes = [_classes(chunk, num_classes) for chunk in self._chunks]
        return sum(
            _num_distinct(
                [
                    chunk.filter(pa.array(class_ == number))
                    for chunk, class_ in zip(self._chunks, classes, strict=True)
                ]
            )
            for number in range(num_classes)
        )


def _num_distinct(chunks: list[pa.Array]) -> int:
    if not chunks:
        return 0
    return int(pc.count_distinct(pa.chunked_array(chunks), mode="only_valid").as_py())


def _classes(ids: pa.Array, num_classes: int) -> NDArray[np.uint8]:
    """Spread ids over classes; equal ids come into one."""
    if pa.types.is_integer(ids.type):
        values = ids.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    elif pa.types.is_string(ids.type):
        # The last characters of an id differ most: their sum, weighed by their place.
        tail = pc.binary_slice(ids.cast(pa.binary()).fill_null(b""), -8)
        octets = pc.binary_join_element_wise(tail, pa.scalar(bytes(8)), b"")
        padded = pc.binary_slice(octets, 0, 8).cast(pa.binary(8))
        values = np.frombuffer(padded.buffers()[1], np.uint64)[: len(ids)]
    else:
        return np.zeros(len(ids), np.uint8)
    mixed = (values * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    classes: NDArray[np.uint8] = (mixed % np.uint64(num_classes)).astype(np.uint8)
    return classes
