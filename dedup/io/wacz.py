"""WACZ: a zip file with the WARC files of a crawl. Each of these is an input file of its own.

So they are shared among workers, filtered and written like any other WARC, into a folder that has
the name of the WACZ. Light: imports nothing heavy.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import IO

__all__ = ["SUFFIX", "MemberPath", "as_member", "opened_member", "sizes_of"]

SUFFIX = ".wacz"

_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, zlib.error, KeyError)


class MemberPath(str):
    """The path of a file inside a zip file: that of the zip file, a slash, and its name there.

    Attributes
    ----------
    archive : path of the zip file.
    member : its name in there.
    """

    __slots__ = ("archive", "member")
    archive: str
    member: str

    def __new__(cls, archive: str, member: str) -> MemberPath:
        """Return the path."""
        self = super().__new__(cls, f"{archive}/{member}")
        self.archive, self.member = archive, member
        return self

    def __reduce__(self) -> tuple[type[MemberPath], tuple[str, str]]:
        return MemberPath, (self.archive, self.member)


def as_member(path: str) -> MemberPath | None:
    """Return a path that leads into a WACZ as such; None where it leads elsewhere."""
    head, slash, member = path.partition(f"{SUFFIX}/")
    return MemberPath(head + SUFFIX, member) if slash and member else None


def sizes_of(file: IO[bytes]) -> dict[str, int]:
    """Return the name and size of each file in a WACZ.

    Raises
    ------
    OSError : it is no zip file that can be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return {info.filename: info.file_size for info in archive.infolist()}
    except _DAMAGE as error:
        raise OSError(str(error)) from error


def opened_member(file: IO[bytes], member: str) -> io.RawIOBase:
    """Open a file inside an open WACZ, which is closed with it.

    Raises
    ------
    OSError : here and by reading: it cannot be read any further.
    """
    try:
        return _MemberFile(file, zipfile.ZipFile(file).open(member))
    except _DAMAGE as error:
        file.close()
        raise OSError(str(error)) from error


class _MemberFile(io.RawIOBase):
    """Reads a file inside a zip file; all that may be wrong with it is an OSError."""

    def __init__(self, file: IO[bytes], member: IO[bytes]) -> None:
        self._file = file
        self._member = member

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            block = self._member.read(len(buffer))
        except _DAMAGE as error:
            raise OSError(str(error)) from error
        buffer[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._member.seek(offset, whence)
        except _DAMAGE as error:
            raise OSError(str(error)) from error

    def tell(self) -> int:
        return self._member.tell()

    def close(self) -> None:
        if not self.closed:
            self._member.close()
            self._file.close()
        super().close()
