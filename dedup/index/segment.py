"""Segments: what an index holds, on disk, immutable, mapped.

The file ``.data`` holds raw little-endian arrays, one after the other, as its kind of segment lays
them out; ``.ids`` is an Arrow IPC file with the column ``ids``; ``.marks`` has a byte for each
document, bits of `REMOVED` and `DUPLICATE`, and is the only one that is written anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.index.files import NewFile, Stored, write_array, write_column
from dedup.lsh.buckets import place_bits
from dedup.text.hashing import Int64Array, UInt64Array

REMOVED = 1
"""The user removed the document."""
DUPLICATE = 2
"""The document is no keeper (only where all documents are stored)."""

HEADER_BYTES = 32
Layout = Mapping[str, tuple[type[np.generic], tuple[int, ...]]]
"""Type and shape of the arrays of ``.data`` after its header, in their order."""


@dataclass(frozen=True)
class SegmentEntry:
    """A segment as the manifest knows it.

    Attributes
    ----------
    documents : how many it holds.
    data, ids, marks : its files. `marks` changes when documents are removed, the others never.
    """

    documents: int
    data: Stored
    ids: Stored
    marks: Stored

    @property
    def files(self) -> tuple[Stored, ...]:
        """All files of the segment."""
        return (self.data, self.ids, self.marks)


@dataclass(frozen=True)
class NewSegment:
    """What is to become a segment.

    Attributes
    ----------
    ids : the users' ids.
    numbers : int64, ascending; how many documents were added to the index before each.
    added : int64; when, in seconds since 1970 (UTC).
    num_rows : of the entries.
    entries : uint64, a row of shape (documents,) after the other; each ascending: a key, whose low
        bits gave way to the document's place; see `KeyRun`.
    duplicate : bool; whether the document is no keeper.
    """

    magic: ClassVar[bytes]

    ids: pa.Array
    numbers: Int64Array
    added: Int64Array
    num_rows: int
    entries: Iterable[UInt64Array]
    duplicate: NDArray[np.bool_]

    def write_files(
        self, folder: str, stem: str, size: int, layout: Layout, last: Iterable[NDArray[Any]]
    ) -> tuple[Stored, Stored, Stored]:
        """Write the files of the segment.

        Parameters
        ----------
        size : what the header says beside the number of documents.
        layout : the arrays are attributes, but for the last one.
        last : that one, in pieces.
        """
        with NewFile(folder, f"{stem}.data") as file:
            file.write(self.magic + np.array([len(self.numbers), size], np.int64).tobytes())
            for name in list(layout)[:-1]:
                for piece in self.entries if name == "entries" else (getattr(self, name),):
                    file.write(np.ascontiguousarray(piece))
            for piece in last:
                file.write(np.ascontiguousarray(piece))
        if file.stored.bytes != (wanted := sum(_sizes(layout).values()) + HEADER_BYTES):
            raise RuntimeError(f"{stem}: {file.stored.bytes} bytes, not {wanted}")
        marks = np.where(self.duplicate, DUPLICATE, 0).astype(np.uint8)
        return (
            file.stored,
            write_column(folder, f"{stem}.ids", self.ids),
            write_array(folder, f"{stem}.marks", marks),
        )


class Segment:
    """A segment, mapped; see `NewSegment` for its arrays.

    Attributes
    ----------
    entry : what the manifest says of it.
    marks : uint8, shape (documents,).
    """

    magic: ClassVar[bytes]

    numbers: Int64Array
    added: Int64Array
    entries: UInt64Array

    def __init__(self, folder: str, entry: SegmentEntry, layout: Layout) -> None:
        self.entry = entry
        data = entry.data.mapped(folder)
        sizes = _sizes(layout)
        whole = sum(sizes.values()) + HEADER_BYTES == len(data)
        if not whole or data[: len(self.magic)].tobytes() != self.magic:
            raise InputError(f"{folder}/{entry.data.name} is no segment of this index; restore it.")
        start = HEADER_BYTES
        for name, (kind, shape) in layout.items():
            block: NDArray[Any] = data[start : start + sizes[name]].view(kind).reshape(shape)
            start += sizes[name]
            setattr(self, name, block)
        self._words = self.entries.reshape(-1).data
        self.marks = entry.marks.mapped(folder)
        self.ids = _column(folder, entry.ids)

    def __len__(self) -> int:
        return self.entry.documents

    @property
    def is_live(self) -> NDArray[np.bool_]:
        """bool, shape (documents,); those that were not removed."""
        live: NDArray[np.bool_] = (self.marks & REMOVED) == 0
        return live

    def ranges(
        self, row: int, keys: UInt64Array, lost_bits: int
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return which keys are there, and where their entries of a row lie.

        Parameters
        ----------
        row : of the entries.
        lost_bits : low bits that the keys do not have.

        Returns
        -------
        hits : int64; places in `keys`, ascending.
        first, last : int64, of the same shape; slices of entries[row].
        """
        entries = self.entries[row]
        bits = max(place_bits(len(self)), np.uint64(lost_bits))
        low = (keys >> bits) << bits
        order = np.argsort(low)  # ascending searches share the pages that they touch
        first = np.empty(len(keys), np.int64)
        first[order] = np.searchsorted(entries, low[order])
        found = entries[np.minimum(first, len(self) - 1)] >> bits == keys >> bits
        hits = np.flatnonzero(found & (first < len(self)))
        high = low[hits] | ((np.uint64(1) << bits) - np.uint64(1))
        return hits, first[hits], np.searchsorted(entries, high, side="right")

    def ranges_of(self, keys: Sequence[int], lost_bits: int) -> Iterator[tuple[int, int, int]]:
        """Yield (row, first, last): where the entries of one document's keys lie, if anywhere.

        It is what `ranges` gives for many documents. A search in plain Python takes a microsecond,
        one of arrays ten before it begins.

        Parameters
        ----------
        keys : of row 0, 1, ...
        lost_bits : low bits that the keys do not have, but for row 0.
        """
        count, words = len(self), self._words
        own_bits = int(place_bits(count))
        for row, key in enumerate(keys):
            bits = max(own_bits, lost_bits) if row else own_bits
            low = key >> bits << bits
            start, end = row * count, (row + 1) * count
            first = bisect_left(words, low, start, end)
            if first < end and words[first] < low + (1 << bits):
                last = bisect_left(words, low + (1 << bits), first, end)
                yield row, first - start, last - start

    def places_in(
        self, row: int, first: Int64Array, last: Int64Array
    ) -> tuple[Int64Array, Int64Array]:
        """Return the documents' places of slices of a row, one after the other, and their numbers.

        Parameters
        ----------
        first, last : as `ranges` gives them.
        """
        counts = last - first
        shift = np.repeat(first - (np.cumsum(counts) - counts), counts)
        return self.places(row, shift + np.arange(len(shift))), counts

    def places(self, row: int, entries: Int64Array) -> Int64Array:
        """Return the documents' places of some entries of a row."""
        mask = (np.uint64(1) << place_bits(len(self))) - np.uint64(1)
        found: Int64Array = (self.entries[row][entries] & mask).view(np.int64)
        return found


def _sizes(layout: Layout) -> dict[str, int]:
    return {name: prod(shape) * np.dtype(kind).itemsize for name, (kind, shape) in layout.items()}


def _column(folder: str, file: Stored) -> pa.ChunkedArray:
    data = pa.py_buffer(file.mapped(folder))
    try:
        with pa.BufferReader(data) as source:
            return pa.ipc.open_file(source).read_all()["ids"]
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{folder}/{file.name} is damaged ({error}); restore the index from a copy."
        ) from error
