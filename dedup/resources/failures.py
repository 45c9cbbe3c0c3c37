"""What the system refuses, as an error of one sentence: memory, room on a disk, permission."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from dedup.errors import DedupError
from dedup.resources.sizes import shown_bytes

PathLike = str | os.PathLike[str]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP)


@contextmanager
def in_one_sentence(folders: Sequence[PathLike], memory: int | None = None) -> Iterator[None]:
    """Turn what the system refuses within the block into a DedupError.

    Parameters
    ----------
    folders : what is written to, the scratch folder first.
    memory : bytes that the run may use.
    """
    try:
        yield
    except DedupError:
        raise
    except MemoryError as error:
        raise DedupError(_out_of_memory(memory)) from error
    except OSError as error:
        sentence = _sentence(error, [os.fspath(folder) for folder in folders], memory)
        if sentence is None:
            raise
        raise DedupError(sentence) from error


def _out_of_memory(memory: int | None) -> str:
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY:
        return (
            f"memory ran out: ulimit -v leaves each process {shown_bytes(addresses)} of addresses, "
            "and mapped files count there; raise it, and bound the run by --memory instead."
        )
    bound = f" at --memory {memory >> 20}MiB" if memory else ""
    return (
        f"memory ran out{bound}; free some, or give less by --memory, which also means fewer "
        "processes."
    )


def _sentence(error: OSError, folders: list[str], memory: int | None) -> str | None:
    code = error.errno
    if code == errno.ENOMEM:
        return _out_of_memory(memory)
    if code in _FULL:
        place = _fullest(folders)
        return (
            f"the disk that holds {place} is full; free some room there, or choose another disk "
            "by --scratch or -o."
        )
    if code == errno.EFBIG:
        return "a file would grow beyond the limit of ulimit -f; raise it."
    name = error.filename if isinstance(error.filename, str) else ""
    if code in _FORBIDDEN:
        place = name or " or ".join(folders)
        return f"cannot write {place} ({error.strerror}); choose another folder."
    if code == errno.EEXIST:
        return f"{name or ' or '.join(folders)} is there and no folder; choose another."
    if code == errno.ENOENT and folders and not os.path.isdir(folders[0]):
        return f"the scratch folder {folders[0]} has vanished during the run; run it again."
    return None


def _fullest(folders: list[str]) -> str:
    """Return the folder with the least room: the system does not say which disk was full."""
    free = {}
    for folder in folders:
        with suppress(OSError):
            free[folder] = shutil.disk_usage(existing(folder)).free
    return min(free, key=lambda folder: free[folder], default="the results")


def check_writable(folder: PathLike) -> None:
    """Raise DedupError where a folder surely cannot be made or written: before the work."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise DedupError(f"cannot write {folder}, for {path} is no folder; choose another.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise DedupError(f"cannot write {folder}, for {path} is read-only; choose another folder.")


def existing(folder: PathLike) -> str:
    """Return the folder, or the nearest one above it that is there."""
    path = os.path.abspath(folder)
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path
