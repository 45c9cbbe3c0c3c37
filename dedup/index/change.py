"""A change of an index: made beside what is there, and then all at once.

Files are written under new names and brought to the disk; `commit` swaps the manifest. A change
that ends before that leaves nothing but files that no manifest names, and the next one removes
them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dedup.index.files import Stored, sync_folder, write_array
from dedup.index.lock import LOCK_FILE
from dedup.index.manifest import MANIFEST_FILE, Manifest
from dedup.index.segment import Segment, SegmentEntry

M = TypeVar("M", bound=Manifest[Any])
S = TypeVar("S", bound=Segment)

TIER = 8
"""So many neighbours of like size become one: a document is copied once for each power of it."""
_MOST_MERGED = 1 << 22
"""Documents of a segment that `add` makes by merging; `compact` has no such bound."""


class Change(Generic[M, S]):
    """A change in the making, under the lock.

    Attributes
    ----------
    manifest, segments : the state that `commit` brings about.
    """

    def __init__(self, folder: str, manifest: M, segments: Sequence[S]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.segments = list(segments)
        remove_unnamed(folder, manifest)

    def append(self, entry: SegmentEntry) -> None:
        """Append a segment that was written under the name `stem` gave."""
        self.segments.append(self._opened(entry))
        while tail := _tail(self.segments):
            self._merge(len(self.segments) - tail)

    def _merge(self, first: int) -> None:
        """Make one of the segments from `first` on."""
        old = self.segments[first:]
        entry = self.manifest.merged(self.folder, self.stem(), old)
        self.segments[first:] = [] if entry is None else [self._opened(entry)]
        named = {file.name for segment in self._before() for file in segment.files}
        for segment in old:
            _unlink(self.folder, {file.name for file in segment.entry.files} - named)

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
                file: Stored = write_array(self.folder, f"{self.stem()}.marks", wanted)
                self.segments[place] = self._opened(replace(segment.entry, marks=file))

    def commit(self) -> M:
        """Make it the state of the index."""
        sync_folder(self.folder)
        entries = tuple(segment.entry for segment in self.segments)
        self.manifest = self.manifest.next(segments=entries)
        self.manifest.save(self.folder)
        remove_unnamed(self.folder, self.manifest)
        return self.manifest

    def stem(self) -> str:
        """Return the name of the next files, without their endings."""
        number = self.manifest.files_made
        self.manifest = replace(self.manifest, files_made=number + 1)
        return f"{number:08d}"

    def _opened(self, entry: SegmentEntry) -> S:
        found: S = self.manifest.opened(self.folder, entry)
        return found


def remove_unnamed(folder: str, manifest: Manifest[Any]) -> None:
    """Remove what no manifest names: of former states, and of changes that were never made."""
    named = {file.name for file in manifest.files}
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
