"""Arguments -> input files, in input order: (argument, path relative to it, by code points).

The order is the same on every machine, for positions are counted along it. Light: imports neither
numpy nor pyarrow, so that a command line can be checked before anything heavy is loaded.
"""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import NamedTuple

from dedup.errors import InputError, MissingExtraError
from dedup.io.formats import TABLE, format_of, known_suffixes
from dedup.io.places import found_remotely, is_remote, opened, place_of
from dedup.io.remote import RemotePath
from dedup.io.wacz import MemberPath, sizes_of

__all__ = ["STDIN", "InputFile", "Inputs", "discover"]

STDIN = "-"
"""The argument, and the path, of standard input; it is read as JSON Lines."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read."""

    ordinal: int
    """Number of the file in input order."""
    argument: int
    """Number of the argument that led to it."""
    path: str
    """What `dedup.io.places.opened` takes; `STDIN` for standard input."""
    name: str
    """Path relative to its argument, '/' between; longer where two arguments would clash.

    For messages and the column ``source``: always valid Unicode.
    """
    format: str
    codec: str | None = None
    size: int = 0
    """Bytes on disk; 0 for standard input."""
    target: str = ""
    """Relative path of its ``--kept`` copy: `name`, but exact where that is not valid Unicode."""


class Inputs(NamedTuple):
    """What the arguments lead to."""

    files: list[InputFile]
    skipped: Counter[str]
    """Files in folders that no format claims, counted by suffix."""


def discover(arguments: Sequence[str | os.PathLike[str]]) -> Inputs:
    """Find the files that the arguments name.

    An argument is a file, a folder (all of it, known suffixes only, names that start with ``.`` or
    ``_`` left out), a glob (``**`` too), or ``-`` for standard input.

    Raises
    ------
    InputError : nothing is there, a suffix is unknown, or a file is given twice.
    MissingExtraError : a format needs an extra that is not installed.
    """
    if not arguments:
        raise InputError("no input given; name files, folders, globs, or - for standard input.")
    skipped: Counter[str] = Counter()
    files: list[InputFile] = []
    for number, argument in enumerate(arguments):
        given = place_of(argument)
        if given == STDIN:
            codec = None
            files.append(InputFile(0, number, STDIN, "stdin", "jsonl", codec, 0, "stdin.jsonl"))
            continue
        for relative, path, size in sorted(_found(given, skipped)):
            files += _members(_input_file(number, relative, path, size))
    _check_extras(files)
    files = _unique(files)
    return Inputs([replace(file, ordinal=i) for i, file in enumerate(files)], skipped)


def _found(given: str, skipped: Counter[str]) -> Iterator[tuple[str, str, int]]:
    """Yield (relative path, path, size) of each file of one argument, in any order."""
    if isinstance(given, RemotePath):
        yield from _found_remotely(given, skipped)
        return
    if os.path.isdir(given):
        found = dict(_known(_walk(given, given), skipped))
        if not found:
            raise InputError(f"folder {given} holds no file that dedup reads; {_reads()}.")
    elif os.path.exists(given):
        if format_of(given) is None:
            suffix = _suffix(given)
            raise InputError(
                f"{given} has {f'the unknown suffix {suffix}' if suffix else 'no suffix'}; "
                f"{_reads()}, and standard input (-) as JSON Lines."
            )
        found = {os.path.basename(given): given}
    elif glob.has_magic(given):
        found = dict(_known(_globbed(given), skipped))
        if not found:
            raise InputError(f"the pattern {given} matches no file that dedup reads; {_reads()}.")
    else:
        raise InputError(f"there is no file or folder {given}; check the path.")
    for relative, path in found.items():
        yield relative, path, os.path.getsize(path)


def _found_remotely(given: RemotePath, skipped: Counter[str]) -> Iterator[tuple[str, str, int]]:
    files = found_remotely(given)
    if not files:
        raise InputError(f"there is no file, folder or match of {given}; check the path.")
    known = [file for file in files if format_of(file.relative) is not None]
    if not known:
        raise InputError(f"{given} holds no file that dedup reads; {_reads()}.")
    for file in known:
        yield file.relative, file.path, file.size
    skipped.update(
        _suffix(file.relative) or "no suffix" for file in files if format_of(file.relative) is None
    )


def _walk(folder: str, base: str) -> Iterator[tuple[str, str]]:
    """Yield (path relative to `base`, path) of the files of a folder, hidden ones left out."""
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if not name.startswith((".", "_")):
                path = os.path.join(here, name)
                yield os.path.relpath(path, base), path


def _globbed(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield (path relative to the fixed start of the pattern, path) of what a glob matches."""
    parts = pattern.split(os.sep)
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    base = os.sep.join(parts[:fixed]) or (os.sep if pattern.startswith(os.sep) else os.curdir)
    for path in glob.iglob(pattern, recursive=True):
        if not os.path.isdir(path):
            yield os.path.relpath(path, base), path
        elif "**" not in parts:
            yield from _walk(path, base)


def _known(found: Iterable[tuple[str, str]], skipped: Counter[str]) -> Iterator[tuple[str, str]]:
    """Yield those with a known suffix and count the others; sockets and the like are ignored."""
    for relative, path in found:
        if format_of(path) is not None:
            if os.path.isfile(path):
                yield relative, path
        else:
            skipped[_suffix(path) or "no suffix"] += 1


def _input_file(argument: int, relative: str, path: str, size: int) -> InputFile:
    known = format_of(path)
    if known is None:
        raise InputError(f"{path} is of no known format; {_reads()}.")
    format_name, codec = known
    target = relative if is_remote(path) else relative.replace(os.sep, "/")
    return InputFile(0, argument, path, printable(target), format_name, codec, size, target)


def _members(file: InputFile) -> list[InputFile]:
    """Return the WARC files in a WACZ, in the order of their names; of another file itself.

    A WACZ that cannot be read stays, for whoever reads it to say so.
    """
    if file.format != "wacz":
        return [file]
    try:
        with opened(file.path) as source:
            sizes = sizes_of(source)
    except OSError:
        return [file]
    found = []
    for member in sorted(sizes):
        known = format_of(member)
        if known is not None and known[0] in ("warc", "arc"):
            relative, path = f"{file.target}/{member}", MemberPath(file.path, member)
            found.append(_input_file(file.argument, relative, path, sizes[member]))
    return found or [file]


def _unique(files: list[InputFile]) -> list[InputFile]:
    """Lengthen the names that two files share, folder by folder, and refuse a file given twice."""
    seen: dict[str, InputFile] = {}
    for file in files:
        place = _whole(file.path)
        if place in seen:
            raise InputError(
                f"{file.path} is given twice, by arguments {seen[place].argument + 1} and "
                f"{file.argument + 1}; give it once, or all of it would count as duplicates."
            )
        seen[place] = file
    targets = [file.target for file in files]
    before: list[str] = []
    while targets != before:
        before = list(targets)
        counts = Counter(before)
        for i, target in enumerate(before):
            if counts[target] > 1 and files[i].path != STDIN:
                whole = _whole(files[i].path).replace(os.sep, "/").lstrip("/")
                targets[i] = "/".join(whole.split("/")[-(target.count("/") + 2) :])
    return [
        file if file.path == STDIN else replace(file, target=target, name=printable(target))
        for file, target in zip(files, targets, strict=True)
    ]


def _whole(path: str) -> str:
    """Return what no other file has: the absolute path, or the URI."""
    return path if path == STDIN or is_remote(path) else os.path.abspath(path)


def _check_extras(files: Iterable[InputFile]) -> None:
    first = {file.format: file for file in reversed(list(files))}
    for name, file in first.items():
        entry = TABLE[name]
        if any(find_spec(module) is None for module in entry.needs):
            raise MissingExtraError(
                f"{file.name} needs the extra {entry.extra!r}; "
                f"install it with: pip install 'dedup-lsh[{entry.extra}]'"
            )


def printable(path: str) -> str:
    r"""Return the path as valid Unicode: bytes that are not UTF-8 as ``\xff``."""
    return path.encode(sys.getfilesystemencoding(), "surrogateescape").decode(
        "utf-8", "backslashreplace"
    )


def _suffix(path: str) -> str:
    stem, suffix = os.path.splitext(os.path.basename(path).lower())
    inner = os.path.splitext(stem)[1]
    return inner + suffix if suffix in (".gz", ".zst", ".bz2", ".xz", ".zip") else suffix


def _reads() -> str:
    return "it reads " + " ".join(sorted(known_suffixes()))
