"""Segments: documents on disk, immutable, mapped.

The file ``.data`` holds raw little-endian arrays, one after the other (see `_layout`); ``.ids`` is
an Arrow IPC file with the column ``ids``; ``.marks`` has a byte for each document, bits of
`REMOVED` and `DUPLICATE`, and is the only one that is written anew.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.index.files import NewFile, Stored, write_array, write_column
from dedup.index.manifest import SegmentEntry
from dedup.lsh.buckets import KeyRun, place_bits
from dedup.text.hashing import Int64Array, UInt64Array

REMOVED = 1
"""The user removed the document."""
DUPLICATE = 2
"""The document is no keeper (only where all documents are stored)."""

_MAGIC = b"dedup segment 1\n"
_Layout = dict[str, tuple[type[np.generic], tuple[int, ...]]]


def _layout(documents: int, shingles: int, bands: int) -> _Layout:
    """Return type and shape of the arrays of ``.data``, in their order."""
    return {
        "header": (np.uint8, (32,)),
        "numbers": (np.int64, (documents,)),
        "added": (np.int64, (documents,)),
        "set_bounds": (np.int64, (documents + 1,)),
        "digests": (np.uint64, (documents, 2)),
        "text_digests": (np.uint64, (documents, 2)),
        "entries": (np.uint64, (bands + 1, documents)),
        "sets": (np.uint64, (shingles,)),
    }


@dataclass(frozen=True)
class NewDocuments:
    """Documents that are to become a segment.

    Attributes
    ----------
    ids : the users' ids.
    numbers : int64, ascending; how many documents were added to the index before each.
    added : int64; when, in seconds since 1970 (UTC).
    set_bounds : int64, shape (documents + 1,); see `sets`.
    digests, text_digests : uint64, shape (documents, 2); see `dedup.documents.Sketches`.
    entries : uint64, shape (bands + 1, documents); each ascending: the first word of the digest
        (row 0) or a band key, whose low bits gave way to the document's place; see `KeyRun`.
    sets : uint64; the sets, one after the other, in pieces.
    duplicate : bool; whether the document is no keeper.
    """

    ids: pa.Array
    numbers: Int64Array
    added: Int64Array
    set_bounds: Int64Array
    digests: UInt64Array
    text_digests: UInt64Array
    entries: UInt64Array
    sets: Iterable[UInt64Array]
    duplicate: NDArray[np.bool_]

    def write(self, folder: str, stem: str) -> SegmentEntry:
        """Write the files of the segment."""
        count, shingles = len(self.numbers), int(self.set_bounds[-1])
        sizes = np.array([count, shingles], np.int64)
        with NewFile(folder, f"{stem}.data") as file:
            file.write(_MAGIC + sizes.tobytes())
            for name in list(_layout(0, 0, 0))[1:-1]:
                file.write(np.ascontiguousarray(getattr(self, name)))
            written = sum(file.write(np.ascontiguousarray(piece)) for piece in self.sets)
        if written != 8 * shingles:
            raise RuntimeError(f"{stem}: {written} bytes of sets, not {8 * shingles}")
        marks = np.where(self.duplicate, DUPLICATE, 0).astype(np.uint8)
        return SegmentEntry(
            count,
            shingles,
            file.stored,
            write_column(folder, f"{stem}.ids", self.ids),
            write_array(folder, f"{stem}.marks", marks),
        )


class Segment:
    """A segment, mapped; see `NewDocuments` for its arrays.

    Attributes
    ----------
    entry : what the manifest says of it.
    marks : uint8, shape (documents,).
    """

    numbers: Int64Array
    added: Int64Array
    set_bounds: Int64Array
    digests: UInt64Array
    text_digests: UInt64Array
    entries: UInt64Array
    sets: UInt64Array

    def __init__(self, folder: str, entry: SegmentEntry, bands: int) -> None:
        self.entry = entry
        data = entry.data.mapped(folder)
        layout = _layout(entry.documents, entry.shingles, bands)
        sizes = {
            name: prod(shape) * np.dtype(kind).itemsize for name, (kind, shape) in layout.items()
        }
        if sum(sizes.values()) != len(data) or data[:16].tobytes() != _MAGIC:
            raise InputError(f"{folder}/{entry.data.name} is no segment of this index; restore it.")
        start = 0
        for name, (kind, shape) in layout.items():
            block: NDArray[Any] = data[start : start + sizes[name]].view(kind).reshape(shape)
            start += sizes[name]
            if name != "header":
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

    @property
    def key_run(self) -> KeyRun:
        """The band keys, without the digests."""
        return KeyRun(0, self.entries[1:])

    def set_sizes(self, places: Int64Array) -> Int64Array:
        """Return how many shingles the documents at these places have."""
        found: Int64Array = self.set_bounds[places + 1] - self.set_bounds[places]
        return found

    def gather(self, places: Int64Array) -> UInt64Array:
        """Return the sets of the documents at these places, one after the other."""
        sizes = self.set_sizes(places)
        shift = self.set_bounds[places] - (np.cumsum(sizes) - sizes)
        index = np.repeat(shift, sizes) + np.arange(int(sizes.sum()))
        return self.sets[index]

    def ranges(
        self, row: int, keys: UInt64Array, lost_bits: int
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return which keys are there, and where their entries of a row lie.

        Parameters
        ----------
        row : 0 for digests, else a band's number and 1.
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

    def places(self, row: int, entries: Int64Array) -> Int64Array:
        """Return the documents' places of some entries of a row."""
        mask = (np.uint64(1) << place_bits(len(self))) - np.uint64(1)
        found: Int64Array = (self.entries[row][entries] & mask).view(np.int64)
        return found


def _column(folder: str, file: Stored) -> pa.ChunkedArray:
    data = pa.py_buffer(file.mapped(folder))
    try:
        with pa.BufferReader(data) as source:
            return pa.ipc.open_file(source).read_all()["ids"]
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{folder}/{file.name} is damaged ({error}); restore the index from a copy."
        ) from error
