"""Where files are: local paths, and URIs of other places; what opens, finds and looks at them.

Light: imports nothing heavy. A local path is opened as ever, by nobody but the system.
"""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote

from dedup.errors import InputError
from dedup.io.remote import (
    BLOCK_BYTES,
    Entry,
    RemoteFile,
    RemotePath,
    entries,
    entry,
    is_uri,
    remote_path,
    shown_uri,
)
from dedup.io.wacz import MemberPath, opened_member

__all__ = [
    "archive_of",
    "exists",
    "found_remotely",
    "is_plain",
    "is_remote",
    "local_folder",
    "looked_up",
    "opened",
    "place_of",
    "shown",
    "whole_of",
]

PathLike = str | os.PathLike[str]
T = TypeVar("T")
U = TypeVar("U")

_LOCAL_BLOCK_BYTES = 1 << 18
_MANY = 16
"""Remote files that are looked at together: a look is mostly waiting."""


def place_of(given: PathLike) -> str:
    """Return a path as all of dedup takes it: local, or a `RemotePath`."""
    path = os.fspath(given)
    if isinstance(path, RemotePath) or not is_uri(path):
        return path
    return _path_of_file_uri(path) or remote_path(path)


def local_folder(given: PathLike) -> Path:
    """Return the path of a folder that has to be on this machine; no store is asked.

    Raises
    ------
    InputError : it is elsewhere.
    """
    path = os.fspath(given)
    if not is_uri(path):
        return Path(path)
    here = _path_of_file_uri(path)
    if here is None:
        raise InputError(f"{shown_uri(path)} is not on this machine; copy it here first.")
    return Path(here)


def _path_of_file_uri(uri: str) -> str | None:
    """Return the path that a ``file://`` URI names; None of another one."""
    scheme, _, rest = uri.partition("://")
    return unquote("/" + rest.partition("/")[2]) if scheme.lower() == "file" else None


def is_plain(path: str) -> bool:
    """Tell whether a path, as `place_of` gives it, is of a file that the system itself can open."""
    return not isinstance(path, RemotePath | MemberPath)


def archive_of(path: PathLike) -> PathLike:
    """Return the path of the file that holds a file: itself, or a WACZ."""
    return path.archive if isinstance(path, MemberPath) else path


def is_remote(path: PathLike) -> bool:
    """Tell whether a path, as `place_of` gives it, is not of this machine."""
    return isinstance(archive_of(path), RemotePath)


def shown(given: PathLike) -> str:
    """Return a path as people may see it: without credentials."""
    return str(place_of(given))


def exists(path: str) -> bool:
    """Tell whether anything is there."""
    return os.path.lexists(path) if not isinstance(path, RemotePath) else entry(path) is not None


def opened(path: str, block_bytes: int | None = None) -> IO[bytes]:
    """Open a file to read, at most so many bytes at a time."""
    if isinstance(path, RemotePath):
        return io.BufferedReader(RemoteFile(path), block_bytes or BLOCK_BYTES)
    if isinstance(path, MemberPath):
        member = opened_member(opened(path.archive), path.member)
        return io.BufferedReader(member, block_bytes or _LOCAL_BLOCK_BYTES)
    return open(path, "rb", buffering=block_bytes or _LOCAL_BLOCK_BYTES)


def whole_of(path: str) -> Any:
    """Return what Arrow's readers take: a local path, or a file that reads what it is asked for."""
    return RemoteFile(path) if isinstance(path, RemotePath) else path


def looked_up(look: Callable[[T], U], items: Sequence[T], paths: Iterable[str]) -> Iterator[U]:
    """Yield `look` of each item in order: many at a time where the paths are remote."""
    if not any(is_remote(path) for path in paths):
        yield from map(look, items)
        return
    threads = ThreadPoolExecutor(_MANY)
    try:
        yield from threads.map(look, items)
    finally:
        threads.shutdown(cancel_futures=True)


def found_remotely(place: RemotePath) -> list[Entry]:
    """Return the files that a remote argument leads to: itself, a folder's, or a pattern's.

    Names that start with ``.`` or ``_`` are left out below a folder, as they are of local ones.
    """
    here = entry(place)
    if here is not None:
        if not here.is_folder:
            return [here._replace(relative=place.rpartition("/")[2])]
        return list(_below(place))
    parts = place.inner.split("/")
    fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    if fixed == len(parts):
        return []
    pattern = parts[fixed:]
    tail = "/".join(pattern)
    base = RemotePath(place[: -len(tail) - 1], place.store, place.inner[: -len(tail) - 1])
    found: dict[str, Entry] = {}
    for one in _matching(base, "", pattern):
        below = _below(one.path) if one.is_folder and "**" not in pattern else []
        for file in [one] if not one.is_folder else below:
            relative = file.path.inner[len(base.inner) + 1 :]
            found[relative] = file._replace(relative=relative)
    return list(found.values())


def _below(folder: RemotePath) -> Iterator[Entry]:
    for file in entries(folder, recursive=True):
        hidden = any(name.startswith((".", "_")) for name in file.relative.split("/"))
        if not hidden and not file.is_folder:
            yield file


def _matching(base: RemotePath, relative: str, pattern: Sequence[str]) -> Iterator[Entry]:
    """Yield what a pattern matches below a folder, level by level, as `glob` does."""
    first, *rest = pattern
    if first == "**":
        yield from _matching(base, relative, rest or ["*"])
    elif not glob.has_magic(first):
        path = f"{relative}/{first}".lstrip("/")
        found = None if rest else entry(base.joined(path))
        if rest:
            yield from _matching(base, path, rest)
        elif found is not None:
            yield found._replace(relative=path)
        return
    for one in entries(base.joined(relative), recursive=False):
        name = one.path.rpartition("/")[2]
        path = f"{relative}/{name}".lstrip("/")
        if name.startswith(".") and not first.startswith("."):
            continue
        if first == "**":
            if one.is_folder:
                yield from _matching(base, path, pattern)
        elif fnmatchcase(name, first):
            if not rest:
                yield one._replace(relative=path)
            elif one.is_folder:
                yield from _matching(base, path, rest)
