"""One writer at a time: a lock on an open file, which the system lifts when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dedup.errors import DedupError

LOCK_FILE = "lock"
_GLANCE_SECONDS = 0.02


@contextmanager
def writing(folder: str, patience_seconds: float) -> Iterator[None]:
    """Hold the index's lock within the block.

    Raises
    ------
    DedupError : another writer had it all the time; or the folder cannot be written or locked.
    """
    deadline = time.monotonic() + patience_seconds
    try:
        descriptor = os.open(os.path.join(folder, LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DedupError(
            f"{folder} cannot be written ({error.strerror}); give an index of your own."
        ) from error
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise DedupError(
                        f"another writer is at work in {folder}; wait for its end and try again."
                    ) from None
                time.sleep(_GLANCE_SECONDS)
            except OSError as error:
                raise DedupError(
                    f"{folder} cannot be locked ({error.strerror}); keep the index on a local disk."
                ) from error
        yield
    finally:
        os.close(descriptor)
