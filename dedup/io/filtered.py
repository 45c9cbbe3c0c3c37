"""Filtered and annotated copies of the input: ``--kept``, ``--removed``, ``--annotated``.

One output for each input: same relative path, format and codec, records byte for byte. All are
written under hidden temporary names beside their final ones, and renamed together at the end; what
is killed before that leaves no file that looks like a result. To a store each is uploaded when it
is whole, and ``_SUCCESS`` follows at the end.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from dedup.errors import DedupError, InputError, OutputExistsError
from dedup.io.formats import FORMATS
from dedup.io.inputs import STDIN, InputFile
from dedup.io.places import exists, is_remote, place_of
from dedup.io.remote import RemotePath, deleted, uploaded
from dedup.output import remote_folder
from dedup.output.folder import is_alive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedup.io.base import DecisionRows, Part
    from dedup.io.records import RecordCheck

__all__ = ["KINDS", "CopyPlace", "FileRecords", "FilteredCopies"]

KINDS = ("kept", "removed", "annotated")

_TEMPORARY = re.compile(rf"\.(?:{'|'.join(KINDS)})-\d+(?:-\d+)?\.(\d+)\.partial")


class FileRecords(NamedTuple):
    """A file that was read."""

    parts: Sequence[Part]
    """All of them, in order; none of a file that could not be read."""
    rows: int
    """Its records."""
    new_check: Callable[[], RecordCheck] | None = None
    """Makes what every copy checks its records by."""


class CopyPlace(NamedTuple):
    """One copy of one file: what it has, and where it is written, by whichever process."""

    kind: str
    target: str
    """Its place in the end."""
    temporary: str
    """Until then; on its way to a store, a path of this machine."""

    def tried(self, attempt: int) -> CopyPlace:
        """Return the place for one of several attempts, on any machine."""
        folder, name = os.path.split(self.temporary)
        if is_remote(self.target):
            folder = tempfile.gettempdir()
        stem, owner = name.removesuffix(".partial").rsplit(".", 1)
        return self._replace(temporary=os.path.join(folder, f"{stem}-{attempt}.{owner}.partial"))

    def write(
        self, file: FileRecords, removed: NDArray[np.bool_], decisions: DecisionRows | None
    ) -> int:
        """Write the copy under its temporary name; to a store, under its own.

        Parameters
        ----------
        removed : shape (records,).
        decisions : a row for each record; needed for ``annotated``.

        Returns
        -------
        The number of records written.

        Raises
        ------
        ChangedInputError : the file has other records than those that were decided upon.
        """
        try:
            os.makedirs(os.path.dirname(self.temporary), exist_ok=True)
            count = 0
            if file.parts:  # else it could not be read, and whoever runs this was told
                count = _write(self.kind, file, self.temporary, removed, decisions)
        except OSError as error:
            if isinstance(error, DedupError):
                raise
            raise DedupError(
                f"cannot write {self.target} ({error.strerror or error}); "
                "check the folder, its permissions and the space left."
            ) from error
        if isinstance(self.target, RemotePath):
            if os.path.exists(self.temporary):
                uploaded(self.temporary, self.target)
                os.remove(self.temporary)
            elif exists(self.target):
                deleted(self.target)
        return count

    def discard(self) -> None:
        """Remove what was written under the temporary name."""
        with suppress(OSError):
            os.remove(self.temporary)


class FilteredCopies:
    """The copies that one run writes; a context that removes what was not committed.

    Parameters
    ----------
    folders : some of `KINDS` -> the folder to write to.
    files : the input.
    overwrite : replace files that are there; an input is never replaced.
    scratch : folder for files on their way to a store.

    Raises
    ------
    OutputExistsError : a target is there, is an input, or is the target of another copy. Raised
        by the constructor, so that it can be said before the work.
    """

    def __init__(
        self,
        folders: Mapping[str, str | os.PathLike[str]],
        files: Sequence[InputFile],
        *,
        overwrite: bool = False,
        scratch: str | None = None,
    ) -> None:
        places = {kind: place_of(folder) for kind, folder in folders.items()}
        self._targets = {
            kind: [_target(kind, place, file) for file in files] for kind, place in places.items()
        }
        self._pending: list[CopyPlace] = []
        self._scratch = scratch
        self._stores = {place for place in places.values() if isinstance(place, RemotePath)}
        self._there = {
            place.joined(name) for place in self._stores for name in remote_folder.names_in(place)
        }
        self._check(files, overwrite=overwrite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for place in self._pending:
            place.discard()
        self._pending.clear()

    def write(
        self,
        records: Sequence[FileRecords],
        removed: NDArray[np.bool_],
        decisions: Callable[[int, int], DecisionRows] | None = None,
    ) -> dict[str, int]:
        """Write all copies under temporary names.

        Parameters
        ----------
        records : one for each input file, in input order.
        removed : shape (records of all files,), in input order.
        decisions : gives the rows of the records from one number to another; needed for
            ``annotated``.

        Returns
        -------
        kind -> the number of records written.

        Raises
        ------
        ChangedInputError : a file has other records than those that were decided upon.
        """
        self.begin()
        counts = dict.fromkeys(self._targets, 0)
        edges = [0, *accumulate(file.rows for file in records)]
        for kind in self._targets:
            for number, (file, (start, stop)) in enumerate(
                zip(records, pairwise(edges), strict=True)
            ):
                rows = None
                if kind == "annotated" and file.parts:
                    if decisions is None:
                        raise ValueError("annotated copies need decisions")
                    rows = decisions(start, stop)
                place = self.place(kind, number)
                self.add(place)
                counts[kind] += place.write(file, removed[start:stop], rows)
        return counts

    def begin(self) -> None:
        """Clear the way for copies: of what killed runs have left, and of marks of older ones."""
        self._remove_leftovers()
        for store in self._stores:
            remote_folder.begin(store)

    def place(self, kind: str, number: int) -> CopyPlace:
        """Return where a copy of a file, given by its number in the input, is written."""
        target = self._targets[kind][number]
        folder = os.path.dirname(target)
        if is_remote(target):
            folder = self._scratch or tempfile.gettempdir()
        temporary = os.path.join(folder, f".{kind}-{number:06d}.{os.getpid()}.partial")
        return CopyPlace(kind, target, temporary)

    def add(self, place: CopyPlace) -> None:
        """Take a copy that is written, or about to be, to be committed with the others."""
        self._pending.append(place)

    def commit(self) -> None:
        """Give all copies their final names."""
        for place in self._pending:
            if os.path.exists(place.temporary):
                os.replace(place.temporary, place.target)
            elif not is_remote(place.target):
                # A text file that was not chosen; an older copy of it must not stay.
                with suppress(FileNotFoundError):
                    os.remove(place.target)
        self._pending.clear()
        for store in self._stores:
            remote_folder.succeed(store)

    def _remove_leftovers(self) -> None:
        """Remove what runs that were killed have left under temporary names."""
        targets = [target for one in self._targets.values() for target in one]
        folders = {os.path.dirname(target) for target in targets if not is_remote(target)}
        for folder in filter(os.path.isdir, folders):
            for name in os.listdir(folder):
                found = _TEMPORARY.fullmatch(name)
                if found is not None and not is_alive(int(found[1])):
                    with suppress(OSError):
                        os.remove(os.path.join(folder, name))

    def _check(self, files: Sequence[InputFile], *, overwrite: bool) -> None:
        inputs = {_real(file.path): file for file in files if file.path != STDIN}
        seen: set[str] = set()
        for kind, targets in self._targets.items():
            for target in targets:
                place = _real(target)
                if place in inputs:
                    raise OutputExistsError(
                        f"--{kind} would overwrite the input {inputs[place].path}; "
                        "choose another folder."
                    )
                if place in seen:
                    raise OutputExistsError(
                        f"two copies would be written to {target}; "
                        "choose a folder of its own for each kind."
                    )
                is_there = target in self._there or os.path.lexists(target)
                if is_there and not overwrite:
                    raise OutputExistsError(
                        f"{target} (--{kind}) is already there; remove it or choose another folder."
                    )
                seen.add(place)


def _target(kind: str, folder: str, file: InputFile) -> str:
    name = file.target
    if kind == "annotated":
        name = FORMATS[file.format].annotated_name(name)
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise InputError(f"{file.path} has no path inside its argument; name the file itself.")
    if isinstance(folder, RemotePath):
        return folder.joined(name)
    return os.path.join(folder, *name.split("/"))


def _real(path: str) -> str:
    return path if is_remote(path) else os.path.realpath(path)


def _write(
    kind: str,
    file: FileRecords,
    path: str,
    removed: NDArray[np.bool_],
    decisions: DecisionRows | None,
) -> int:
    """Write one copy of one file."""
    writer = FORMATS[file.parts[0].file.format]
    check = file.new_check() if file.new_check is not None else None
    if decisions is not None:
        return writer.annotate(file.parts, decisions, path, check)
    mask = removed if kind == "removed" else ~removed
    return writer.copy(file.parts, mask, path, others=kind == "kept", check=check)
