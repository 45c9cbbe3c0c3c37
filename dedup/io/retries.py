"""Requests to a store, made again where they fail for a reason that passes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from dedup.errors import StorageError

if TYPE_CHECKING:
    from dedup.io.remote import RemotePath

__all__ = ["CURE", "QUERY", "reason_of", "retried"]

TRIES = 7
FIRST_WAIT_SECONDS = 0.25
"""It doubles with every try; half of it, at random, keeps clients from coming back together."""
PATIENCE_SECONDS = 60.0
"""After so long no new try is made."""
CURE = "check its name, the credentials, the region and the endpoint"

QUERY = re.compile(r"\?(?=\w+=)")
"""Where the options of a URI start; a question mark elsewhere is that of a pattern."""
_LASTING = re.compile(
    r"AWS Error \w*(ACCESS_DENIED|NO_SUCH|NOT_FOUND|INVALID|SIGNATURE|MALFORMED|MISSING|EXPIRED"
    r"|UNRECOGNIZED|OPT_IN|ACTIVE_TIER|VALIDATION)|HTTP status (3\d\d|4(?!08|25|29)\d\d)"
)
"""Answers that another try would not change."""


T = TypeVar("T")


def retried(action: Callable[[], T], path: RemotePath) -> T:
    """Return what an action on a remote path returns, trying again where it may yet succeed.

    Raises
    ------
    StorageError : it does not, and says why.
    """
    import pyarrow as pa

    start = time.monotonic()
    wait = FIRST_WAIT_SECONDS
    tries = 1
    while True:
        try:
            return action()
        except (OSError, pa.ArrowException) as error:
            is_over = tries == TRIES or time.monotonic() - start > PATIENCE_SECONDS
            if not _is_passing(error):
                raise _refused(path, error) from error
            if is_over:
                raise StorageError(
                    str(path),
                    f"{path} cannot be reached after {tries} tries "
                    f"({reason_of(error, path.store)}); try again later.",
                ) from error
        time.sleep(wait * random.uniform(0.5, 1))
        wait *= 2
        tries += 1


def _is_passing(error: Exception) -> bool:
    """Tell whether an error may be gone at the next try."""
    lasting = (FileNotFoundError, PermissionError, FileExistsError, NotADirectoryError)
    if not isinstance(error, OSError) or isinstance(error, (*lasting, IsADirectoryError)):
        return False
    return _LASTING.search(str(error)) is None


def _refused(path: RemotePath, error: Exception) -> StorageError:
    if isinstance(error, FileNotFoundError):
        return StorageError(str(path), f"there is no file {path}; check the path.")
    reason = reason_of(error, path.store)
    return StorageError(str(path), f"{path} cannot be opened ({reason}); {CURE}.")


def reason_of(error: Exception, store: str) -> str:
    """Return what a store said, in one line, without numbers of requests and credentials."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r" \((Request ID|extended).*?\)|; Details:.*|: No response body\.$", "", text)
    return _without_secrets(text, store)


def _without_secrets(text: str, store: str) -> str:
    rest = store.partition("://")[2]
    authority, *options = QUERY.split(rest, maxsplit=1)
    user = authority.rpartition("@")[0]
    for secret in (*options, user, *user.split(":")):
        for spelling in {secret, unquote(secret)} - {""}:
            text = text.replace(spelling, "***")
    return text
