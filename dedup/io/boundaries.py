"""Where a record of a web archive may start, found by looking: for what lies behind damage.

A start is the magic number of a gzip member, zstd or LZ4 frame whose content begins as a record
does; in a file that is not compressed, what begins as one. A record that holds an archive
may look like that inside: nobody looks there unless the file is damaged.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import IO

from dedup.io.codecs import codec_of
from dedup.io.formats import format_of
from dedup.io.places import opened

__all__ = ["first_boundary"]

WARC = re.compile(rb"WARC/[01]\.\d{1,2}\r?\n(?=[A-Za-z][\w-]{0,99}:)")
ARC = re.compile(
    rb"(?:\A|(?<=\n))[^ \n]{3,4000} [0-9a-fA-F.:]{3,45} \d{8,14} [^ \n]{1,99} \d{1,19}\r?\n"
)
STARTS = {"warc": WARC, "arc": ARC}
"""Format -> how the content of a record begins."""

_MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),
}
_BLOCK_BYTES = 1 << 18
_HEAD_BYTES = 5_000
"""Content that shows how a record begins."""
_LINES_BYTES = 128
"""The same of WARC."""
_FRAME_BYTES = {"gzip": 8 << 10, "zstd": 256 << 10, "lz4": (4 << 20) + 64}
"""Compressed bytes that hold so much: zstd and LZ4 give out whole blocks only."""


def first_boundary(path: str, start: int) -> int | None:
    """Return the first offset from `start` on where a record may begin; None without any."""
    format_, codec = format_of(path) or ("warc", None)
    begins = STARTS.get(format_, WARC)
    try:
        with opened(path) as file:
            codec = codec_of(file.read(4)) or codec
            if codec is None:
                return _plain_boundary(file, start, begins)
            return _packed_boundary(file, start, begins, codec)
    except OSError:  # the container is damaged, as a zip file: what follows cannot be had
        return None


def _plain_boundary(file: IO[bytes], start: int, begins: re.Pattern[bytes]) -> int | None:
    """Look from a byte before on: it shows whether a line starts here."""
    for at, block in _overlapping(file, max(0, start - 1), _HEAD_BYTES):
        found = begins.search(block, 1 if at or start else 0)
        if found:
            return at + found.start()
    return None


def _packed_boundary(
    file: IO[bytes], start: int, begins: re.Pattern[bytes], codec: str
) -> int | None:
    frame = _FRAME_BYTES[codec]
    for at, block in _overlapping(file, start, frame):
        for found in _MAGIC[codec].finditer(block):
            place = found.start()
            if begins.match(_head(block[place : place + frame], codec)):
                return at + place
    return None


def _overlapping(file: IO[bytes], at: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield blocks and their offsets; whatever begins more than `overlap` before an end is whole.

    What begins in the overlap is seen twice: as it is cut, and again in the next block.
    """
    file.seek(at)
    kept = b""
    while block := file.read(_BLOCK_BYTES):
        kept += block
        if len(kept) <= 2 * overlap:
            continue
        yield at, kept
        at += len(kept) - overlap
        kept = kept[-overlap:]
    yield at, kept


def _head(frame: bytes, codec: str) -> bytes:
    """Return the first of what a member or frame holds; nothing where it is none."""
    head = b""
    try:
        if codec == "gzip":
            return zlib.decompressobj(31).decompress(frame, _HEAD_BYTES)
        import pyarrow as pa

        # By little, for a call that meets damage gives nothing, be it of the next frame.
        reader = pa.CompressedInputStream(pa.BufferReader(frame), codec)
        while len(head) < _LINES_BYTES and (piece := reader.read(16)):
            head += piece
    except (zlib.error, OSError):
        pass
    return head
