"""Fingerprints of the input: whether files are what they were. Light: imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from dedup.errors import InputError, StorageError
from dedup.io.inputs import STDIN, InputFile
from dedup.io.places import looked_up
from dedup.io.remote import RemoteFile, RemotePath
from dedup.io.wacz import MemberPath

_UNKNOWN = -2


class Fingerprint(NamedTuple):
    """A file as it was found.

    Attributes
    ----------
    path : absolute; `STDIN` for standard input.
    size : bytes; -1 where there was no such file, `_UNKNOWN` where nobody could tell.
    modified : nanoseconds since 1970; 0 where only a tag is known.
    tag : what a store says of the content (ETag), or of its time.
    """

    path: str
    size: int
    modified: int
    tag: str = ""

    @classmethod
    def of(cls, file: InputFile) -> Fingerprint:
        """Look at a file."""
        if file.path == STDIN:
            return cls(STDIN, 0, 0)
        if isinstance(file.path, MemberPath):
            archive = cls.of(replace(file, path=file.path.archive))
            return archive._replace(path=f"{archive.path}/{file.path.member}")
        if isinstance(file.path, RemotePath):
            return cls._of_remote(file.path)
        path = os.path.abspath(file.path)
        try:
            found = os.stat(path)
        except OSError:
            return cls(path, -1, 0)
        return cls(path, found.st_size, found.st_mtime_ns)

    @classmethod
    def _of_remote(cls, path: RemotePath) -> Fingerprint:
        try:
            with RemoteFile(path) as found:
                facts = found.metadata()
                tag = facts.get("ETag") or facts.get("Last-Modified") or b""
                return cls(str(path), found.size, 0, tag.decode("utf-8", "replace").strip('"'))
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            return cls(str(path), -1, 0)

    @classmethod
    def of_all(cls, files: Sequence[InputFile], *, lenient: bool = False) -> list[Fingerprint]:
        """Look at many files.

        Raises
        ------
        StorageError : one cannot be reached, and that is not `lenient`.
        """

        def look(file: InputFile) -> Fingerprint:
            try:
                return cls.of(file)
            except StorageError:
                if not lenient:
                    raise
                return cls(str(file.path), _UNKNOWN, 0)

        return list(looked_up(look, files, [file.path for file in files]))


def changes_of(before: Sequence[Fingerprint], now: Sequence[Fingerprint]) -> list[str]:
    """Say what is other now, a phrase for each file."""
    if before == now:
        return []
    old = {file.path: file for file in before}
    new = {file.path: file for file in now}
    found = [f"file {path} is gone" for path in old if path not in new]
    found += [f"file {path} is new" for path in new if path not in old]
    for path in old:
        if path in new:
            found += _change(old[path], new[path])
    return found if found or list(old) == list(new) else ["the order of the files"]


def _change(before: Fingerprint, now: Fingerprint) -> list[str]:
    if _UNKNOWN in (before.size, now.size):
        return []
    if now.size < 0 <= before.size:
        return [f"file {now.path} is gone"]
    if now.size != before.size:
        return [f"file {now.path}: size {before.size} -> {now.size}"]
    if now.tag != before.tag:
        return [f"file {now.path}: its content"]
    if now.modified != before.modified:
        return [f"file {now.path}: written {_time(before.modified)} -> {_time(now.modified)}"]
    return []


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9).isoformat(timespec="microseconds")


def check_unchanged(before: Sequence[Fingerprint], now: Sequence[Fingerprint]) -> None:
    """Raise InputError where a file has changed or vanished since the run began."""
    changes = changes_of(before, now)
    if changes:
        more = f" and {len(changes) - 1} more changes" if len(changes) > 1 else ""
        raise InputError(
            f"the input changed during the run ({changes[0]}{more}); run it again when nothing "
            "writes there."
        )
