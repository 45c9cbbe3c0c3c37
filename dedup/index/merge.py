"""Segments to one: what was removed is left out, the rest keeps its order and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.document_segment import DocumentEntry, DocumentSegment, NewDocuments
from dedup.index.segment import DUPLICATE, Segment
from dedup.io.values import unified
from dedup.lsh.buckets import place_bits
from dedup.spill.chunks import chunks
from dedup.text.hashing import Int64Array, UInt64Array

_SHINGLES_TOGETHER = 1 << 22

S = TypeVar("S", bound=Segment)


class Survivors(Generic[S]):
    """What several segments hold and was not removed, as one: the parts of a `NewSegment`.

    Attributes
    ----------
    parts : the segments, and the places in each.
    """

    def __init__(self, segments: Sequence[S]) -> None:
        self.parts = [(segment, np.flatnonzero(segment.is_live)) for segment in segments]

    def __len__(self) -> int:
        return sum(len(places) for _, places in self.parts)

    def joined(self, name: str) -> NDArray[Any]:
        """Return an array of theirs that has a row for each document."""
        return np.concatenate([getattr(segment, name)[places] for segment, places in self.parts])

    def common_parts(self) -> dict[str, Any]:
        """Return what every `NewSegment` has."""
        return {
            "ids": self._ids(),
            "numbers": self.joined("numbers"),
            "added": self.joined("added"),
            "num_rows": len(self.parts[0][0].entries),
            "entries": self._entries(),
            "duplicate": (self.joined("marks") & DUPLICATE) > 0,
        }

    def _ids(self) -> pa.Array:
        columns = [segment.ids.take(pa.array(places)) for segment, places in self.parts]
        return pa.concat_arrays(
            unified([chunk for column in columns for chunk in column.chunks], is_id=True)
        )

    def _entries(self) -> Iterator[UInt64Array]:
        count = len(self)
        bits = place_bits(count)
        bounds = np.cumsum([0, *(len(places) for _, places in self.parts)]).tolist()
        moved = [np.full(len(segment), -1) for segment, _ in self.parts]
        for (_, places), target, first in zip(self.parts, moved, bounds[:-1], strict=True):
            target[places] = np.arange(first, first + len(places))
        for row in range(len(self.parts[0][0].entries)):
            pieces = []
            for (segment, _), target in zip(self.parts, moved, strict=True):
                entries = segment.entries[row]
                place = target[segment.places(row, np.arange(len(entries)))]
                live = place >= 0
                pieces.append(((entries >> bits) << bits)[live] | place[live].view(np.uint64))
            merged = np.concatenate(pieces)
            merged.sort(kind="stable")  # sorted runs, one after the other
            yield merged


def merge(folder: str, stem: str, segments: Sequence[DocumentSegment]) -> DocumentEntry | None:
    """Write segments as one; None where no document is left.

    In memory are a few numbers a document, and the entries of one band.
    """
    kept = Survivors(segments)
    if not len(kept):
        return None
    sizes = np.concatenate([segment.set_sizes(places) for segment, places in kept.parts])
    return NewDocuments(
        **kept.common_parts(),
        set_bounds=np.concatenate([[0], np.cumsum(sizes)]),
        digests=kept.joined("digests"),
        text_digests=kept.joined("text_digests"),
        sets=_sets(kept.parts),
    ).write(folder, stem)


def _sets(parts: Sequence[tuple[DocumentSegment, Int64Array]]) -> Iterator[UInt64Array]:
    for segment, places in parts:
        bounds = np.concatenate([[0], np.cumsum(segment.set_sizes(places))])
        for first, last in chunks(bounds, _SHINGLES_TOGETHER):
            yield segment.gather(places[first:last])
