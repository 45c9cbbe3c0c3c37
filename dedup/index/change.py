"""A change of an index: made beside what is there, and then all at once.

Files are written under new names and brought to the disk; `commit` swaps the manifest. A change
that ends before that leaves nothing but files that no manifest names, and the next one removes
them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.index.answers import added_table, id_type
from dedup.index.files import Stored, sync_folder, write_array
from dedup.index.incoming import Incoming, sketched
from dedup.index.lock import LOCK_FILE
from dedup.index.manifest import MANIFEST_FILE, Manifest, SegmentEntry
from dedup.index.merge import merge
from dedup.index.segment import NewDocuments, Segment
from dedup.index.settle import settle
from dedup.lsh.buckets import KeyRun
from dedup.sketch.store import SetStore
from dedup.text.hashing import Int64Array

if TYPE_CHECKING:
    from dedup.documents import SketchParameters

TIER = 8
"""So many neighbours of like size become one: a document is copied once for each power of it."""
_MOST_MERGED = 1 << 22
"""Documents of a segment that `add` makes by merging; `compact` has no such bound."""


class Change:
    """A change in the making, under the lock.

    Attributes
    ----------
    manifest, segments : the state that `commit` brings about.
    """

    def __init__(
        self,
        folder: str,
        manifest: Manifest,
        segments: Sequence[Segment],
        parameters: SketchParameters,
    ) -> None:
        self._folder = folder
        self._parameters = parameters
        self.manifest = manifest
        self.segments = list(segments)
        remove_unnamed(folder, manifest)

    def add(self, text: pa.Array, ids: pa.Array | None) -> pa.Table:
        """Add a batch of documents; see `Index.add`."""
        batch = sketched(text, ids, self._parameters)
        numbers = np.arange(len(batch)) + self.manifest.added
        known = pa.array(numbers) if ids is None else ids
        settled = settle(batch, self.segments, self.manifest.threshold)
        kind = id_type(self.segments, [known.type])
        answer = added_table(batch, known, settled, self.segments, kind)
        self.manifest = replace(self.manifest, added=self.manifest.added + len(batch))
        is_new = settled.is_new
        stored = np.flatnonzero(is_new) if self.manifest.store == "new" else np.arange(len(batch))
        if len(stored):
            self._append(_documents(batch, known, numbers, stored, ~is_new))
        return answer

    def _append(self, documents: NewDocuments) -> None:
        self.segments.append(self._opened(documents.write(self._folder, self._stem())))
        while tail := _tail(self.segments):
            self._merge(len(self.segments) - tail)

    def _merge(self, first: int) -> None:
        """Make one of the segments from `first` on."""
        old = self.segments[first:]
        entry = merge(self._folder, self._stem(), old)
        self.segments[first:] = [] if entry is None else [self._opened(entry)]
        named = {file.name for segment in self._before() for file in segment.files}
        for segment in old:
            _unlink(self._folder, {file.name for file in segment.entry.files} - named)

    def _before(self) -> tuple[SegmentEntry, ...]:
        """Return the segments of the state that is still in force."""
        return self.manifest.segments

    def compact(self) -> None:
        """Make one segment of all, without what was removed."""
        if len(self.segments) > 1 or not all(one.is_live.all() for one in self.segments):
            self._merge(0)

    def mark(self, marks: Sequence[NDArray[Any]]) -> None:
        """Write the marks of each segment anew, where they differ."""
        for place, (segment, wanted) in enumerate(zip(self.segments, marks, strict=True)):
            if not np.array_equal(segment.marks, wanted):
                file: Stored = write_array(self._folder, f"{self._stem()}.marks", wanted)
                self.segments[place] = self._opened(replace(segment.entry, marks=file))

    def commit(self) -> Manifest:
        """Make it the state of the index."""
        sync_folder(self._folder)
        entries = tuple(segment.entry for segment in self.segments)
        self.manifest = self.manifest.next(segments=entries)
        self.manifest.save(self._folder)
        remove_unnamed(self._folder, self.manifest)
        return self.manifest

    def _opened(self, entry: SegmentEntry) -> Segment:
        return Segment(self._folder, entry, self.manifest.bands)

    def _stem(self) -> str:
        number = self.manifest.files_made
        self.manifest = replace(self.manifest, files_made=number + 1)
        return f"{number:08d}"


def remove_unnamed(folder: str, manifest: Manifest) -> None:
    """Remove what no manifest names: of former states, and of changes that were never made."""
    named = {file.name for segment in manifest.segments for file in segment.files}
    found = {
        name
        for name in os.listdir(folder)
        if name[:8].isdigit() and name.endswith((".data", ".ids", ".marks"))
    }
    _unlink(folder, (found - named) | {f"{MANIFEST_FILE}.partial"})


def _unlink(folder: str, names: set[str]) -> None:
    for name in names - {LOCK_FILE, MANIFEST_FILE}:
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))


def _tail(segments: Sequence[Segment]) -> int:
    """Return how many of the last segments are to become one, 0 for none."""
    count = total = 0
    tier = _tier(segments[-1]) if segments else 0
    for segment in reversed(segments):
        total += len(segment)
        if _tier(segment) > tier or total > _MOST_MERGED:
            break
        count += 1
    return count if count >= TIER else 0


def _tier(segment: Segment) -> int:
    """Return the power of `TIER` that its documents reach."""
    return (len(segment).bit_length() - 1) // (TIER.bit_length() - 1)


def _documents(
    batch: Incoming,
    ids: pa.Array,
    numbers: Int64Array,
    chosen: Int64Array,
    is_duplicate: NDArray[Any],
) -> NewDocuments:
    """Return some documents of a batch, as a segment is made of."""
    entries = np.concatenate([batch.digests[chosen, :1], batch.keys[chosen]], axis=1)
    sizes = batch.sizes[chosen]
    return NewDocuments(
        ids=ids.take(pa.array(chosen)),
        numbers=numbers[chosen],
        added=np.full(len(chosen), int(time.time())),
        set_bounds=np.concatenate([[0], np.cumsum(sizes)]),
        digests=batch.digests[chosen],
        text_digests=batch.text_digests[chosen],
        entries=KeyRun.of(entries, 0).entries,
        sets=[SetStore([batch.sets], batch.sizes).gather(chosen)],
        duplicate=is_duplicate[chosen],
    )
