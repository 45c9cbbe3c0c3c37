"""A consistent state of an index: its manifest, and the segments that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dedup.errors import InputError
from dedup.index.manifest import Manifest, read_manifest
from dedup.index.segment import Segment

_TRIES = 20


@dataclass(frozen=True)
class Snapshot:
    """One state; it lasts while it is held, whatever others write meanwhile."""

    folder: str
    manifest: Manifest
    segments: Sequence[Segment]

    @staticmethod
    def of(folder: str, before: Snapshot | None = None) -> Snapshot:
        """Return the state of now.

        Parameters
        ----------
        before : an earlier one, whose segments are used where they still are the same.
        """
        known = {one.entry: one for one in (before.segments if before else ())}
        for _ in range(_TRIES):
            manifest = read_manifest(folder)
            try:
                segments = [
                    known.get(entry) or Segment(folder, entry, manifest.bands)
                    for entry in manifest.segments
                ]
            except FileNotFoundError as error:
                missing = error
                continue  # another process has just replaced it
            return Snapshot(folder, manifest, segments)
        raise InputError(f"{missing.filename} is missing; restore the index from a copy.")

    @property
    def num_live(self) -> int:
        """Documents that are stored, without those that were removed."""
        return sum(int(segment.is_live.sum()) for segment in self.segments)

    def stats(self) -> dict[str, Any]:
        """Return counts and sizes, as JSON values."""
        manifest = self.manifest
        entries = manifest.segments
        return {
            "documents": self.num_live,
            "added": manifest.added,
            "removed": sum(entry.documents for entry in entries) - self.num_live,
            "shingles": sum(entry.shingles for entry in entries),
            "segments": len(entries),
            "bytes": sum(file.bytes for entry in entries for file in entry.files),
            "generation": manifest.generation,
            "store": manifest.store,
            "bands": manifest.bands,
            "rows": manifest.rows,
            "config": manifest.config,
        }

    def problems(self) -> list[str]:
        """Read all files and return what is wrong with them, a sentence each."""
        files = [file for segment in self.segments for file in segment.entry.files]
        return [problem for file in files if (problem := file.check(self.folder)) is not None]
