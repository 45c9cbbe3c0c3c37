"""Segments to one: what was removed is left out, the rest keeps its order and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.manifest import SegmentEntry
from dedup.index.segment import DUPLICATE, NewDocuments, Segment
from dedup.io.values import unified
from dedup.lsh.buckets import place_bits
from dedup.spill.chunks import chunks
from dedup.text.hashing import Int64Array, UInt64Array

_SHINGLES_TOGETHER = 1 << 22


def merge(folder: str, stem: str, segments: Sequence[Segment]) -> SegmentEntry | None:
    """Write segments as one; None where no document is left.

    In memory are a few numbers a document and the entries of all bands.
    """
    kept = [np.flatnonzero(segment.is_live) for segment in segments]
    count = sum(map(len, kept))
    if not count:
        return None
    pairs = list(zip(segments, kept, strict=True))
    sizes = np.concatenate([segment.set_sizes(places) for segment, places in pairs])
    ids = [segment.ids.take(pa.array(places)) for segment, places in pairs]
    chunks_of_ids = [chunk for column in ids for chunk in column.chunks]

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(segment, name)[places] for segment, places in pairs])

    return NewDocuments(
        ids=pa.concat_arrays(unified(chunks_of_ids, is_id=True)),
        numbers=joined("numbers"),
        added=joined("added"),
        set_bounds=np.concatenate([[0], np.cumsum(sizes)]),
        digests=joined("digests"),
        text_digests=joined("text_digests"),
        entries=_entries(segments, kept, count),
        sets=_sets(segments, kept),
        duplicate=(joined("marks") & DUPLICATE) > 0,
    ).write(folder, stem)


def _entries(segments: Sequence[Segment], kept: Sequence[Int64Array], count: int) -> UInt64Array:
    bits = place_bits(count)
    merged = np.empty((len(segments[0].entries), count), np.uint64)
    for row, target in enumerate(merged):
        first = end = 0
        for segment, places in zip(segments, kept, strict=True):
            entries = segment.entries[row]
            moved = np.full(len(segment), -1)
            moved[places] = np.arange(first, first + len(places))
            place = moved[segment.places(row, np.arange(len(entries)))]
            keys = (entries >> bits) << bits
            live = place >= 0
            found = keys[live] | place[live].view(np.uint64)
            target[end : end + len(found)] = found
            first, end = first + len(places), end + len(found)
        target.sort(kind="stable")  # sorted runs, one after the other
    return merged


def _sets(segments: Sequence[Segment], kept: Sequence[Int64Array]) -> Iterator[UInt64Array]:
    for segment, places in zip(segments, kept, strict=True):
        bounds = np.concatenate([[0], np.cumsum(segment.set_sizes(places))])
        for first, last in chunks(bounds, _SHINGLES_TOGETHER):
            yield segment.gather(places[first:last])
