"""The user's ids of all documents, by position: they stay where they were read to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.spill.runs import SortedRuns
from dedup.spill.scratch import Scratch
from dedup.text.hashing import Int64Array, UInt64Array, hash_constants, mix64_array
from dedup.text.tokens import WORD_BYTES, hash_tokens

_HASHED_TOGETHER = 1 << 16


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

    def check(self, strict: bool, scratch: Scratch) -> list[str]:
        """Return warnings about null and duplicate ids.

        Raises
        ------
        InputError : there are some, and `strict` is set.
        """
        duplicates = len(self) - self.null_count - self._num_distinct(scratch)
        return id_warnings(self.null_count, duplicates, strict=strict)

    def repeated(self, scratch: Scratch) -> Int64Array:
        """Return the positions of ids, by their hash, that stand at an earlier position too."""
        firsts = SortedRuns(scratch, valued=True)
        is_first = np.zeros(len(self), np.bool_)
        start = 0
        for chunk in self._chunks:
            for first in range(0, len(chunk), _HASHED_TOGETHER):
                block = chunk.slice(first, _HASHED_TOGETHER)
                positions = np.arange(start, start + len(block))
                nulls = block.is_null().to_numpy(zero_copy_only=False)
                firsts.add(_hashes(block.drop_null()), positions[~nulls])
                is_first[positions[nulls]] = True  # null repeats nothing
                start += len(block)
        # Of equal keys the value that was added first stays.
        for _, positions in firsts.with_values():
            is_first[positions] = True
        return np.flatnonzero(~is_first)

    def _num_distinct(self, scratch: Scratch) -> int:
        """Count distinct ids by 64 bits of hash: no table of all ids is in memory."""
        hashes = SortedRuns(scratch)
        for chunk in self._chunks:
            for start in range(0, len(chunk), _HASHED_TOGETHER):
                hashes.add(_hashes(chunk.slice(start, _HASHED_TOGETHER).drop_null()))
        return sum(map(len, hashes.ascending()))


def id_warnings(num_null: int, num_duplicate: int, *, strict: bool) -> list[str]:
    """Return warnings about so many null and duplicate ids.

    Raises
    ------
    InputError : there are some, and `strict` is set.
    """
    found = [
        f"{count} {what} ids"
        for count, what in ((num_null, "null"), (num_duplicate, "duplicate"))
        if count
    ]
    if found and strict:
        raise InputError(
            f"the documents have {' and '.join(found)}; mend them or run without --strict-ids."
        )
    return [f"{text}: documents are told apart by position" for text in found]


def _hashes(ids: pa.Array) -> UInt64Array:
    """Return a hash of each id, none of them null."""
    if pa.types.is_integer(ids.type):
        return mix64_array(ids.to_numpy(zero_copy_only=False).astype(np.uint64))
    is_binary = pa.types.is_binary(ids.type) or pa.types.is_large_binary(ids.type)
    texts = ids.cast(pa.large_binary() if is_binary else pa.large_string())
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts), np.uint64)
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    octets = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    octets = np.concatenate([octets, np.zeros(WORD_BYTES, np.uint8)])
    lengths = np.diff(bounds)
    # A token holds no byte 0, an id may: its length tells it from one with more of them at its end.
    found = hash_tokens(octets, bounds[:-1] - bounds[0], lengths, hash_constants(0, 1))
    return mix64_array(found + lengths.view(np.uint64))
