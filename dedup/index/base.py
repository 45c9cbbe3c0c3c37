"""What every index on disk can do, whatever it holds: open, see the state of now, remove, compact.

It sees one consistent state, that of its opening or its last change; others may read and write
beside it. A change takes the lock, brings the new files to the disk and swaps the manifest: it has
happened then, and not before.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.errors import OutputExistsError
from dedup.index.change import Change, remove_unnamed
from dedup.index.lock import LOCK_FILE, writing
from dedup.index.manifest import MANIFEST_FILE, Manifest
from dedup.index.segment import DUPLICATE, REMOVED, Segment
from dedup.index.snapshot import Snapshot
from dedup.resources.failures import in_one_sentence

PathLike = str | os.PathLike[str]

PATIENCE_SECONDS = 60.0
"""How long a writer waits for another one."""

M = TypeVar("M", bound=Manifest[Any])
S = TypeVar("S", bound=Segment)
C = TypeVar("C", bound=Change[Any, Any])


class StoredIndex(ABC, Generic[M, S, C]):
    """A persistent index.

    Attributes
    ----------
    path : its folder.
    """

    manifest_type: ClassVar[type[Manifest[Any]]]

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self._snapshot: Snapshot[M, S] = self._newest(None)

    def _newest(self, before: Snapshot[M, S] | None) -> Snapshot[M, S]:
        kind: Any = self.manifest_type
        found: Snapshot[M, S] = Snapshot.of(self.path, kind, before)
        return found

    @classmethod
    def open(cls, path: PathLike, **options: Any) -> Self:
        """Open an index that is there.

        Parameters
        ----------
        **options : what the index must have been made with, such as ``threshold=0.8``.

        Raises
        ------
        InputError, FormatVersionError, ConfigError : there is none, none of this version, or none
            with these options; the message spells out the differences.
        """
        index = cls(path)
        index.manifest.check(options, index.path)
        return index

    def refresh(self) -> None:
        """See the state of now: what others have added or removed."""
        self._snapshot = self._newest(self._snapshot)

    @property
    def manifest(self) -> M:
        """The state that is seen."""
        return self._snapshot.manifest

    @property
    def segments(self) -> Sequence[S]:
        """The segments of that state."""
        return self._snapshot.segments

    def __len__(self) -> int:
        """Return how many documents it holds."""
        return self._snapshot.num_live

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}: {len(self):,} {self.manifest.holds}>"

    def remove(self, ids: Sequence[Any]) -> int:
        """Remove the documents of these ids, and return how many there were.

        They can be added again. What was a duplicate of a removed keeper is one no more: where all
        documents are stored, the keepers are found anew, which takes a search of the whole index.
        """
        wanted = pa.array([str(one) for one in ids], pa.string())
        with self._changing() as change:
            marks = []
            count, lost_keeper = 0, False
            for segment in change.segments:
                named = pc.is_in(segment.ids.cast(pa.string()), value_set=wanted)
                gone = named.to_numpy(zero_copy_only=False).astype(np.bool_) & segment.is_live
                count += int(gone.sum())
                lost_keeper |= bool((gone & ((segment.marks & DUPLICATE) == 0)).any())
                marks.append(segment.marks | np.where(gone, REMOVED, 0).astype(np.uint8))
            if count:
                change.mark(marks)
                if lost_keeper and self.manifest.store == "all":
                    change.mark(self._settled_again(change.segments))
                change.commit()
        return count

    def compact(self) -> None:
        """Make one segment of all, without what was removed; no answer changes."""
        with self._changing() as change:
            change.compact()
            change.commit()

    def verify(self) -> list[str]:
        """Read every byte and return what is damaged, a sentence each; none where all is well."""
        self.refresh()
        while problems := self._snapshot.problems():
            generation = self.manifest.generation
            self.refresh()
            if self.manifest.generation == generation:
                break  # else another process has replaced what was read
        return problems

    def stats(self) -> dict[str, Any]:
        """Return counts and sizes, as JSON values."""
        return self._snapshot.stats()

    @abstractmethod
    def _change(self) -> C:
        """Begin a change of the state that is seen."""

    @abstractmethod
    def _settled_again(self, segments: Sequence[S]) -> list[NDArray[np.uint8]]:
        """Return the marks of all segments, with the keepers that the live documents have now."""

    @contextmanager
    def _changing(self) -> Iterator[C]:
        """Hold the lock on the newest state; see it changed, if it was, afterwards."""
        with in_one_sentence([self.path]), writing(self.path, PATIENCE_SECONDS):
            self.refresh()
            change = self._change()
            try:
                yield change
            finally:
                self.refresh()
                remove_unnamed(self.path, self.manifest)


@contextmanager
def making(path: PathLike, before: Collection[str] = ()) -> Iterator[str]:
    """Give a folder for a new index, under the lock; the block saves its manifest.

    Parameters
    ----------
    before : names of files that the block writes before; what a killed one left is removed.

    Raises
    ------
    OutputExistsError : something is there.
    """
    folder = os.fspath(path)
    leftovers = {f"{MANIFEST_FILE}.partial", *before}
    with in_one_sentence([folder]):
        os.makedirs(folder, exist_ok=True)
        there = set(os.listdir(folder))
        if there - {LOCK_FILE} - (leftovers if LOCK_FILE in there else set()):
            raise OutputExistsError(f"{folder} is there; give another path, or add to it.")
        with writing(folder, PATIENCE_SECONDS):
            there = set(os.listdir(folder))
            if MANIFEST_FILE in there:
                raise OutputExistsError(f"{folder} is there; give another path, or add to it.")
            for name in there & leftovers:
                os.unlink(os.path.join(folder, name))
            yield folder


def marked_again(
    segments: Sequence[Segment], removed: NDArray[np.bool_]
) -> list[NDArray[np.uint8]]:
    """Return the marks of all segments where these of their documents are duplicates.

    Parameters
    ----------
    removed : bool; of all documents, segment by segment.
    """
    bounds = np.cumsum([0, *map(len, segments)]).tolist()
    return [
        (segment.marks & np.uint8(REMOVED))
        | np.where(removed[first : first + len(segment)], DUPLICATE, 0).astype(np.uint8)
        for segment, first in zip(segments, bounds[:-1], strict=True)
    ]
