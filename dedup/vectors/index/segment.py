"""Segments of vectors: the vectors, their lengths, and the tables that find them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dedup.index.merge import Survivors
from dedup.index.segment import Layout, NewSegment, Segment, SegmentEntry
from dedup.text.hashing import Int64Array, UInt64Array
from dedup.vectors.families.base import Float32Array, Float64Array, UInt32Array

_MAGIC = b"dedup vectors 1\n"
_VECTORS_TOGETHER = 1 << 14
KEY_SHIFT = np.uint64(32)
"""A key has 32 bits, the upper ones of an entry."""


def _layout(vectors: int, dim: int, tables: int) -> Layout:
    return {
        "numbers": (np.int64, (vectors,)),
        "added": (np.int64, (vectors,)),
        "norms": (np.float64, (vectors,)),
        "entries": (np.uint64, (tables, vectors)),
        "values": (np.float32, (vectors, dim)),
    }


@dataclass(frozen=True)
class NewVectors(NewSegment):
    """Vectors that are to become a segment; a row of its entries is a table.

    Attributes
    ----------
    norms : float64, shape (vectors,).
    values : float32, shape (vectors, dim), in pieces.
    """

    magic: ClassVar[bytes] = _MAGIC

    norms: Float64Array
    values: Iterable[Float32Array]

    def write(self, folder: str, stem: str, dim: int) -> SegmentEntry:
        """Write the files of the segment."""
        layout = _layout(len(self.numbers), dim, self.num_rows)
        files = self.write_files(folder, stem, dim, layout, self.values)
        return SegmentEntry(len(self.numbers), *files)


class VectorSegment(Segment):
    """A segment of vectors, mapped; see `NewVectors` for its arrays."""

    magic = _MAGIC

    norms: Float64Array
    values: Float32Array

    def __init__(self, folder: str, entry: SegmentEntry, dim: int, tables: int) -> None:
        super().__init__(folder, entry, _layout(entry.documents, dim, tables))


def sorted_entries(keys: UInt32Array) -> Iterator[UInt64Array]:
    """Yield the entries of each table, ascending.

    Parameters
    ----------
    keys : shape (tables, vectors).
    """
    for of_table in keys:
        entries = of_table.astype(np.uint64) << KEY_SHIFT
        entries |= np.arange(len(entries), dtype=np.uint64)
        entries.sort()
        yield entries


def merge_vectors(
    folder: str, stem: str, segments: Sequence[VectorSegment], dim: int
) -> SegmentEntry | None:
    """Write segments as one; None where no vector is left."""
    kept = Survivors(segments)
    if not len(kept):
        return None
    return NewVectors(
        **kept.common_parts(), norms=kept.joined("norms"), values=_values(kept.parts)
    ).write(folder, stem, dim)


def _values(parts: Sequence[tuple[VectorSegment, Int64Array]]) -> Iterator[Float32Array]:
    for segment, places in parts:
        for first in range(0, len(places), _VECTORS_TOGETHER):
            yield segment.values[places[first : first + _VECTORS_TOGETHER]]
