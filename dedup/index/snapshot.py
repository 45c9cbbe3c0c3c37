"""A consistent state of an index: its manifest, and the segments that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dedup.errors import InputError
from dedup.index.manifest import Manifest
from dedup.index.segment import Segment

_TRIES = 20

M = TypeVar("M", bound=Manifest[Any])
S = TypeVar("S", bound=Segment)


@dataclass(frozen=True)
class Snapshot(Generic[M, S]):
    """One state; it lasts while it is held, whatever others write meanwhile."""

    folder: str
    manifest: M
    segments: Sequence[S]

    @staticmethod
    def of(folder: str, kind: type[M], before: Snapshot[M, S] | None = None) -> Snapshot[M, S]:
        """Return the state of now.

        Parameters
        ----------
        kind : of the manifest.
        before : an earlier one, whose segments are used where they still are the same.
        """
        known = {one.entry: one for one in (before.segments if before else ())}
        for _ in range(_TRIES):
            manifest = kind.read(folder)
            try:
                segments = [
                    known.get(entry) or manifest.opened(folder, entry)
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
            "segments": len(entries),
            "bytes": sum(file.bytes for file in manifest.files),
            "generation": manifest.generation,
            "store": manifest.store,
            **manifest.facts(),
            "config": manifest.config,
        }

    def problems(self) -> list[str]:
        """Read all files and return what is wrong with them, a sentence each."""
        files = self.manifest.files
        return [problem for file in files if (problem := file.check(self.folder)) is not None]
