"""The output folder in an object store, where nothing can be renamed.

Objects are written one after the other, the marker of our folders first and ``_SUCCESS`` last: a
folder without that is no complete result. An upload that ends early leaves no object.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dedup.errors import OutputExistsError
from dedup.io.places import opened
from dedup.io.remote import RemotePath, check_store, deleted, entries, entry, uploaded

SUCCESS_FILE = "_SUCCESS"


def check_replaceable(folder: RemotePath, marker: str, format_: str, *, overwrite: bool) -> None:
    """Raise OutputExistsError unless the folder may be written.

    Parameters
    ----------
    marker, format_ : the JSON file that stands in our folders, and the format that it names.

    Raises
    ------
    StorageError : there is no such bucket, or it cannot be reached.
    """
    check_store(folder)
    here = entry(folder)
    if here is None or (here.is_folder and not any(entries(folder, recursive=False))):
        return
    if not overwrite:
        raise OutputExistsError(f"output {folder} is already there; give another, or --overwrite.")
    if not here.is_folder or not _is_ours(folder.joined(marker), format_):
        raise OutputExistsError(
            f"output {folder} was not written by dedup, so --overwrite leaves it alone; give "
            "another."
        )


def _is_ours(marker: RemotePath, format_: str) -> bool:
    if entry(marker) is None:
        return False
    try:
        with opened(marker) as file:
            return bool(json.load(file).get("format") == format_)
    except (ValueError, AttributeError):
        return False


@contextmanager
def staged(folder: RemotePath, marker: str, scratch: str | None) -> Iterator[Path]:
    """Give a local folder that is uploaded when the block succeeds."""
    with tempfile.TemporaryDirectory(prefix="results-", dir=scratch) as path:
        stage = Path(path)
        yield stage
        old = names_in(folder)
        new = [f.relative_to(stage).as_posix() for f in sorted(stage.rglob("*")) if f.is_file()]
        new.sort(key=lambda name: name != marker)
        begin(folder)
        for name in new:
            uploaded(stage / name, folder.joined(name))
        for name in old.difference(new) - {SUCCESS_FILE}:
            deleted(folder.joined(name))
        succeed(folder)


def begin(folder: RemotePath) -> None:
    """Take back what says that a folder is complete."""
    if is_complete(folder):
        deleted(folder.joined(SUCCESS_FILE))


def succeed(folder: RemotePath) -> None:
    """Say that a folder is complete."""
    with tempfile.NamedTemporaryFile() as empty:
        uploaded(empty.name, folder.joined(SUCCESS_FILE))


def is_complete(folder: RemotePath) -> bool:
    """Tell whether all of a result is there."""
    return entry(folder.joined(SUCCESS_FILE)) is not None


def names_in(folder: RemotePath) -> set[str]:
    """Return the relative names of the files in a folder and below."""
    return {one.relative for one in entries(folder, recursive=True) if not one.is_folder}
