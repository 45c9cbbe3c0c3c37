"""Files in object stores and on other machines, through the URIs that `pyarrow.fs` opens.

Light: pyarrow is imported when the first remote file is looked at.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from dedup.errors import ConfigError, StorageError
from dedup.io.retries import CURE, QUERY, reason_of, retried

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Entry",
    "RemoteFile",
    "RemotePath",
    "check_store",
    "deleted",
    "entries",
    "entry",
    "is_uri",
    "remote_path",
    "shown_uri",
    "uploaded",
]

FIRST_BLOCK_BYTES = 1 << 17
BLOCK_BYTES = 1 << 22
"""Most that is asked for at a time when a file is read from first to last: the memory of a reader.
It is reached by doubling: who looks at a file's first lines pays for no more."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class RemotePath(str):
    """The URI of a file or folder, without its credentials and options, which ride along unseen.

    Attributes
    ----------
    store : what opens the file system, credentials and all: never to be shown.
    inner : the path in that file system.
    """

    __slots__ = ("inner", "store")
    inner: str
    store: str

    def __new__(cls, text: str, store: str, inner: str) -> RemotePath:
        """Return the path; `text` is what people see of it."""
        self = super().__new__(cls, text)
        self.store, self.inner = store, inner
        return self

    def __reduce__(self) -> tuple[type[RemotePath], tuple[str, str, str]]:
        return RemotePath, (str(self), self.store, self.inner)

    def joined(self, relative: str) -> RemotePath:
        """Return the path of what lies below."""
        if not relative:
            return self
        return RemotePath(f"{self}/{relative}", self.store, f"{self.inner}/{relative}")


class Entry(NamedTuple):
    """What a folder holds, or a pattern matches."""

    relative: str
    path: RemotePath
    is_folder: bool
    size: int


def is_uri(given: str) -> bool:
    """Tell whether a path is a URI."""
    return _URI.match(given) is not None


def remote_path(uri: str) -> RemotePath:
    """Take a URI apart; nothing is looked at, but a store may be asked where it lies.

    Raises
    ------
    ConfigError : pyarrow knows no such URI.
    StorageError : the store cannot be reached.
    """
    root, store, key = _taken_apart(uri)
    return RemotePath(root, store, _filesystem(store)[1]).joined(key)


def shown_uri(uri: str) -> str:
    """Return a URI without its credentials and options; nothing is asked."""
    root, _, key = _taken_apart(uri)
    return f"{root}/{key}".rstrip("/")


def _taken_apart(uri: str) -> tuple[str, str, str]:
    """Return the root without credentials, the store with all that opens it, and the path."""
    scheme, _, rest = uri.partition("://")
    scheme = scheme.lower()
    query = QUERY.search(rest)
    options = rest[query.start() :] if query else ""
    authority, _, key = (rest[: query.start()] if query else rest).partition("/")
    user, _, host = authority.rpartition("@")
    if scheme.startswith("abfs"):  # there the user is the container
        host = f"{user.partition(':')[0]}@{host}".removeprefix("@")
    return f"{scheme}://{host}", f"{scheme}://{authority}{options}", unquote(key).strip("/")


def entry(path: RemotePath) -> Entry | None:
    """Look at a path; None where nothing is."""
    from pyarrow.fs import FileType

    files = filesystem(path)
    (found,) = retried(lambda: files.get_file_info([path.inner]), path)
    if found.type == FileType.NotFound:
        return None
    return Entry("", path, found.type == FileType.Directory, found.size or 0)


def entries(folder: RemotePath, *, recursive: bool) -> Iterator[Entry]:
    """Yield what lies in a folder, or anywhere below it; nothing if there is no such folder."""
    from pyarrow.fs import FileSelector, FileType

    files = filesystem(folder)
    selector = FileSelector(folder.inner, allow_not_found=True, recursive=recursive)
    for found in retried(lambda: files.get_file_info(selector), folder):
        relative = found.path.removeprefix(folder.inner).strip("/")
        is_folder = found.type == FileType.Directory
        yield Entry(relative, folder.joined(relative), is_folder, found.size or 0)


def check_store(path: RemotePath) -> None:
    """Raise StorageError where a path's bucket is not there, or cannot be reached."""
    bucket = path.inner.partition("/")[0]
    if bucket and entry(RemotePath(path, path.store, bucket)) is None:
        raise StorageError(
            str(path), f"{path} cannot be written, for there is no {bucket}; {CURE}."
        )


def uploaded(local: str | os.PathLike[str], path: RemotePath) -> None:
    """Write a local file to a store, in place of what is there."""
    files = filesystem(path)

    def put() -> None:
        if path.inner.startswith("/"):  # folders are real there
            files.create_dir(path.inner.rpartition("/")[0], recursive=True)
        # Not by pyarrow.fs.copy_files, which returns in peace when a part of a file was refused.
        sink = files.open_output_stream(path.inner)
        size = 0
        try:
            with open(local, "rb") as source:
                while block := source.read(BLOCK_BYTES):
                    size += sink.write(block)
            sink.close()
        except BaseException:
            # A stream that is left open is closed in the end, and half a file passes for a whole.
            with suppress(Exception):
                sink.close()
            with suppress(Exception):
                if files.get_file_info([path.inner])[0].is_file:
                    files.delete_file(path.inner)
            raise
        (found,) = files.get_file_info([path.inner])
        if found.size != size:
            raise OSError(f"{found.size} bytes arrived instead of {size}")

    retried(put, path)


def deleted(path: RemotePath) -> None:
    """Delete a file."""
    retried(lambda: filesystem(path).delete_file(path.inner), path)


class RemoteFile(io.RawIOBase):
    """A remote file to read: ranges of bytes, each asked for anew where that fails.

    `readinto`, which buffered readers call, takes blocks that grow; `read` all that is asked for.

    Raises
    ------
    StorageError : there is no such file, or it cannot be read.
    """

    def __init__(self, path: RemotePath) -> None:
        self._path = path
        self._files = filesystem(path)
        self._position = 0
        self._next_block = FIRST_BLOCK_BYTES
        self._source: Any = retried(self._opened, path)
        self.size: int = self._source.size()

    def _opened(self) -> Any:
        return self._files.open_input_file(self._path.inner)

    def metadata(self) -> dict[str, bytes]:
        """Return what the store says of the file: ``ETag`` and the like, or nothing."""
        return dict(self._source.metadata() or {})

    def _fetched(self, size: int) -> bytes:
        """Return `size` bytes from where we are, or all that there are."""
        size = min(size, self.size - self._position)
        if size <= 0:
            return b""
        is_first = True

        def fetch() -> bytes:
            nonlocal is_first
            if not is_first:
                self._source = self._opened()
            is_first = False
            found: bytes = self._source.read_at(size, self._position)
            if len(found) < size:
                raise OSError(f"{len(found)} bytes came instead of {size}")
            return found

        found = retried(fetch, self._path)
        self._position += size
        return found

    def readinto(self, buffer: Any, /) -> int:
        """Read the next block."""
        room = memoryview(buffer).cast("B")
        found = self._fetched(min(len(room), self._next_block))
        room[: len(found)] = found
        self._next_block = min(2 * self._next_block, BLOCK_BYTES)
        return len(found)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes, fewer only at the end."""
        return self._fetched(self.size if size is None or size < 0 else size)

    def readall(self) -> bytes:
        """Return all that is left."""
        return self.read()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a byte."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset != self._position:
            self._next_block = FIRST_BLOCK_BYTES
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return where we are."""
        return self._position

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


def filesystem(path: RemotePath) -> Any:
    """Return the file system of a path; one for each store and process."""
    return _filesystem(path.store)[0]


@cache
def _filesystem(store: str) -> tuple[Any, str]:
    """Return the file system of a store's URI, and the path of its root in it."""
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    try:
        files, root = FileSystem.from_uri(store)
    except (OSError, pa.ArrowException, NotImplementedError) as error:
        # Not as its cause: pyarrow repeats the URI, credentials and all.
        reason = reason_of(error, store)
        scheme, _, rest = store.partition("://")
        place = f"{scheme}://{QUERY.split(rest)[0].rpartition('@')[2]}"
        if isinstance(error, OSError):
            raise StorageError(place, f"{place} cannot be reached ({reason}); {CURE}.") from None
        raise ConfigError(
            f"{place} is no place that pyarrow opens ({reason}); check the URI."
        ) from None
    return _patient(files), root.rstrip("/")


def _patient(files: Any) -> Any:
    """Return the file system without a retry of its own: S3's knocks five times a second."""
    if files.type_name != "s3":
        return files
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    _, (options,) = files.__reduce__()
    return S3FileSystem(**options, retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1))
