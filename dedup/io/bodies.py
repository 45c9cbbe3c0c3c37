"""HTTP bodies, unpacked as far as they can be and no further than a limit.

Crawlers store payloads that they have unpacked under headers that still say ``chunked`` or
``gzip``: what is not coded as its headers say is taken as it is. FastWARC would unpack a body as a
whole: 1 GB of zeros that were sent in 1 MB.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyarrow as pa

__all__ = ["Body", "decoded"]

_MAX_CODINGS = 4
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_STORED_BYTES = 512
_GIVEN_BYTES = 4096
"""Steps of unpacking: what a step gave is lost if it meets damage."""


class Body(NamedTuple):
    """The content of a body."""

    content: bytes
    damage: str = ""
    """Why it is only the first part; empty where it is all."""


def decoded(stored: bytes, transfer: str, codings: str, limit: int) -> Body:
    """Return the content of a body.

    Parameters
    ----------
    stored : the body as it stands in the archive.
    transfer, codings : the HTTP headers ``Transfer-Encoding`` and ``Content-Encoding``.
    limit : no more bytes than that are unpacked.
    """
    content, damage = stored, ""
    if "chunked" in transfer.lower():
        content = _joined(content)
    for name in reversed(codings.lower().split(",")[:_MAX_CODINGS]):
        magic, unpack = _CODINGS.get(name.strip(), (b"", None))
        if unpack is None or not content.startswith(magic):
            continue
        pieces: list[bytes] = []
        why = _collect(unpack(content), pieces, limit)
        unpacked = b"".join(pieces)
        if why and not magic and not (unpacked and _BINARY.search(content, 0, _STORED_BYTES)):
            continue  # text under a coding that every byte could begin
        content = unpacked
        damage = damage or (why and f"{name.strip()}: {why}")
    return Body(content, damage)


def _joined(stored: bytes) -> bytes:
    """Return chunks without their headers; from where there are no chunks, all as it stands."""
    pieces: list[bytes] = []
    at = 0
    while (head := _CHUNK.match(stored, at)) is not None:
        stop = head.end() + int(head[1], 16)
        if stop == head.end():
            at = len(stored)
        elif stored[stop : stop + 1] not in (b"\r", b"\n", b""):
            break
        else:
            pieces.append(stored[head.end() : stop])
            at = stop + (2 if stored.startswith(b"\r\n", stop) else 1)
    return b"".join([*pieces, stored[at:]])


def _collect(pieces: Iterator[bytes], into: list[bytes], limit: int) -> str:
    """Put the content into a list, as far as it goes; return what stopped it before the limit."""
    try:
        for piece in pieces:
            into.append(piece[:limit])
            limit -= len(into[-1])
            if not limit:
                break
    except (zlib.error, OSError, EOFError) as error:
        return "it ends early" if "Truncated" in str(error) else str(error)
    return ""


def _inflated(stored: bytes, wbits: int) -> Iterator[bytes]:
    """Yield the content of gzip members, or of one stream without a magic number."""
    at = 0
    while at == 0 or stored.startswith(b"\x1f\x8b", at):  # what else follows is no part of it
        member = zlib.decompressobj(wbits)
        while not member.eof:
            block = stored[at : at + _STORED_BYTES]
            if not block:
                raise EOFError("Truncated")
            at += len(block)
            while block:
                yield member.decompress(block, _GIVEN_BYTES)
                block = member.unconsumed_tail
            at -= len(member.unused_data)


def _deflated(stored: bytes) -> Iterator[bytes]:
    """Yield the content of ``deflate``: a zlib stream, or as some servers send it, a bare one."""
    has_header = len(stored) > 1 and stored[0] & 15 == 8 and not (stored[0] << 8 | stored[1]) % 31
    return _inflated(stored, 15 if has_header else -15)


class _Steps(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_STORED_BYTES)


def _streamed(codec: str) -> Callable[[bytes], Iterator[bytes]]:
    def pieces(stored: bytes) -> Iterator[bytes]:
        with pa.CompressedInputStream(_Steps(stored), codec) as stream:
            while piece := stream.read(_STORED_BYTES):
                yield piece

    return pieces


_CODINGS: dict[str, tuple[bytes, Callable[[bytes], Iterator[bytes]]]] = {
    "gzip": (b"\x1f\x8b", lambda stored: _inflated(stored, 31)),
    "x-gzip": (b"\x1f\x8b", lambda stored: _inflated(stored, 31)),
    "deflate": (b"", _deflated),
    "br": (b"", _streamed("brotli")),
    "zstd": (b"\x28\xb5\x2f\xfd", _streamed("zstd")),
}
"""Content coding -> the magic number, if it has one, and what unpacks it in steps."""
