"""Compressed streams, unpacked as far as they can be read, and written.

A damaged stream gives every byte before the damage and then says what is wrong: gzip and bz2
through Python's own modules, member after member; zstd through pyarrow (Python has it from 3.14).
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

from dedup.io.places import opened

if TYPE_CHECKING:
    from dedup.io.base import Problem

__all__ = ["BLOCK_BYTES", "DamagedError", "Sink", "codec_of", "packed", "unpacked"]

BLOCK_BYTES = 1 << 18
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\x04\x22\x4d\x18": "lz4",
}


class DamagedError(Exception):
    """A stream ends early or is damaged; all that could be read was given. Never leaves the io."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def problem(self, line: int | None = None) -> Problem:
        """Return it as a problem of no record."""
        from dedup.io.base import Problem

        return Problem(self.reason, None, line, self.detail)


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Sink(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take in bytes."""


def codec_of(start: bytes) -> str | None:
    """Return the codec whose magic number a stream starts with."""
    return next((codec for magic, codec in MAGIC.items() if start.startswith(magic)), None)


def unpacked(path: str, codec: str | None) -> Iterator[bytes]:
    """Yield the content of a file in blocks.

    Raises
    ------
    DamagedError : after all that can be read before the damage.
    OSError : the file cannot be opened.
    """
    given = 0
    with opened(path) as file:
        reader = _reader(file, codec)
        try:
            while block := reader.read(BLOCK_BYTES):
                given += len(block)
                yield block
        except EOFError as error:
            raise DamagedError("truncated", f"the {codec} stream ends early") from error
        except (zlib.error, OSError, ValueError) as error:
            failure = error
            sound = max(0, file.tell() - BLOCK_BYTES)
        else:
            return
    yield _last_words(path, codec, given, sound)
    if "Truncated" in str(failure):
        raise DamagedError("truncated", f"the {codec} stream ends early") from failure
    raise DamagedError("damaged", f"{codec}: {failure}") from failure


@contextmanager
def packed(path: str, codec: str | None) -> Iterator[Sink]:
    """Open a new file to write, through a codec; equal content gives equal bytes."""
    if codec is None:
        with open(path, "wb", buffering=BLOCK_BYTES) as plain:
            yield plain
    elif codec == "gzip":
        with (
            open(path, "wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as member,
        ):
            yield member
    elif codec == "bz2":
        with bz2.open(path, "wb") as stream:
            yield stream
    else:
        import pyarrow as pa

        with pa.OSFile(path, "wb") as raw, pa.CompressedOutputStream(raw, codec) as stream:
            yield stream


def _reader(file: _Reader, codec: str | None) -> _Reader:
    if codec is None:
        return file
    if codec in ("zstd", "lz4"):
        import pyarrow as pa

        reader: _Reader = pa.CompressedInputStream(file, codec)
        return reader
    return _Members(file, codec)


def _last_words(path: str, codec: str | None, given: int, sound: int) -> bytes:
    """Return what a damaged stream holds after the `given` bytes of its content.

    A decoder drops what a call has decoded when it meets damage in the same call (a wrong checksum
    even at the very end), so that the last stretch goes in and comes out byte by byte.
    """
    words = bytearray()
    with opened(path) as file:
        reader = _reader(_Trickle(file, sound), codec)
        while given:
            given -= len(reader.read(min(given, BLOCK_BYTES)))
        try:
            while byte := reader.read(1):
                words += byte
        except (zlib.error, OSError, ValueError, EOFError):
            pass
    return bytes(words)


class _Trickle:
    """A file that gives single bytes after its first `sound` ones."""

    closed = False

    def __init__(self, file: IO[bytes], sound: int) -> None:
        self.file, self.sound = file, sound

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        block = self.file.read(min(size, self.sound) if self.sound else 1)
        self.sound = max(0, self.sound - len(block))
        return block


class _Members:
    """Reads a gzip or bz2 stream of any number of members; zero padding after one is skipped."""

    def __init__(self, file: _Reader, codec: str) -> None:
        self.file, self.codec = file, codec
        self.member: Any = None
        self.data = b""
        self.is_first = True

    def read(self, size: int) -> bytes:
        """Return 1 to `size` bytes, or none at the end; EOFError where the stream is cut."""
        while True:
            if self.member is None and not self._open():
                return b""
            block: bytes = self.member.decompress(self.data, size)
            gz = self.codec == "gzip"
            self.data = self.member.unconsumed_tail if gz else b""
            if self.member.eof:
                self.data = self.member.unused_data
                self.member = None
            if block:
                return block
            if self.member is not None and not self.data and not self._more():
                raise EOFError

    def _open(self) -> bool:
        """Start the next member; False at the end of the file."""
        while True:
            if not self.is_first:
                self.data = self.data.lstrip(b"\0")
            if self.data:
                break
            if not self._more():
                return False
        self.is_first = False
        self.member = zlib.decompressobj(31) if self.codec == "gzip" else bz2.BZ2Decompressor()
        return True

    def _more(self) -> bool:
        self.data = self.file.read(BLOCK_BYTES)
        return bool(self.data)
