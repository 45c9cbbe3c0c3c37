"""Segments of documents: their sets and digests, and the bands that find them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dedup.index.segment import Layout, NewSegment, Segment, SegmentEntry
from dedup.lsh.buckets import KeyRun
from dedup.text.hashing import Int64Array, UInt64Array

_MAGIC = b"dedup segment 1\n"


def _layout(documents: int, shingles: int, bands: int) -> Layout:
    return {
        "numbers": (np.int64, (documents,)),
        "added": (np.int64, (documents,)),
        "set_bounds": (np.int64, (documents + 1,)),
        "digests": (np.uint64, (documents, 2)),
        "text_digests": (np.uint64, (documents, 2)),
        "entries": (np.uint64, (bands + 1, documents)),
        "sets": (np.uint64, (shingles,)),
    }


@dataclass(frozen=True)
class DocumentEntry(SegmentEntry):
    """A segment of documents as the manifest knows it.

    Attributes
    ----------
    shingles : how many its sets have together.
    """

    shingles: int


@dataclass(frozen=True)
class NewDocuments(NewSegment):
    """Documents that are to become a segment.

    Row 0 of the entries are the first words of the digests, the others band keys.

    Attributes
    ----------
    set_bounds : int64, shape (documents + 1,); see `sets`.
    digests, text_digests : uint64, shape (documents, 2); see `dedup.documents.Sketches`.
    sets : uint64; the sets, one after the other, in pieces.
    """

    magic = _MAGIC

    set_bounds: Int64Array
    digests: UInt64Array
    text_digests: UInt64Array
    sets: Iterable[UInt64Array]

    def write(self, folder: str, stem: str) -> DocumentEntry:
        """Write the files of the segment."""
        count, shingles = len(self.numbers), int(self.set_bounds[-1])
        layout = _layout(count, shingles, self.num_rows - 1)
        files = self.write_files(folder, stem, shingles, layout, self.sets)
        return DocumentEntry(count, *files, shingles)


class DocumentSegment(Segment):
    """A segment of documents, mapped; see `NewDocuments` for its arrays."""

    magic = _MAGIC

    set_bounds: Int64Array
    digests: UInt64Array
    text_digests: UInt64Array
    sets: UInt64Array

    def __init__(self, folder: str, entry: DocumentEntry, bands: int) -> None:
        super().__init__(folder, entry, _layout(entry.documents, entry.shingles, bands))

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
