"""ARC, the format of web archives before WARC: warcio reads its records."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from dedup.io.archive import MAX_RAW_BYTES, BrokenError, Reader, Record, Window
from dedup.io.warc import WarcFormat

if TYPE_CHECKING:
    from dedup.io.base import Format

__all__ = ["FORMAT", "ArcFormat"]

_BLOCK_BYTES = 1 << 18
_LINE_BYTES = 1 << 14
"""No more than a block of warcio: lines over several would be cut too early."""
_FAILURES = (ArchiveLoadFailed, OSError, ValueError, EOFError)


class ArcReader:
    """Reads ARC files, compressed or not, as far as a first record that is shorter than it says."""

    def records(self, path: str, start: int, stop: int | None) -> Iterator[Record]:
        """Yield the records; see `dedup.io.archive.Reader`."""
        with closing(io.BufferedReader(Window(path, start, stop), _BLOCK_BYTES)) as source:
            archive = _Records(source)
            try:
                for found in archive:
                    raw = _content(found.raw_stream)
                    record = _record(found, raw, archive.offset)
                    yield record
                    if record.is_short:
                        return
                    archive.read_to_end()
                    if archive.err_count:
                        raise ValueError("what follows is no record")
            except _FAILURES as error:
                raise BrokenError(None, error) from error


class _Records(ArchiveIterator):  # type: ignore[misc]
    INC_RECORD = ""  # it would go to stderr

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__(source, no_record_parse=True, check_digests=False)
        self._any_line = self.reader.readline
        self.reader.readline = self._line

    def _line(self) -> bytes:
        """Read a line of a header: a longer one would take warcio time quadratic in its length."""
        line: bytes = self._any_line(_LINE_BYTES)
        if len(line) >= _LINE_BYTES:
            raise ValueError("a line too long for a header")
        return line


def _record(found: Any, raw: bytes, offset: int) -> Record:
    headers = found.rec_headers
    url = headers.get_header("uri") or ""
    length = found.length or 0
    return Record(
        offset=offset,
        kind="warcinfo" if url.startswith("filedesc:") else "response",
        url=url,
        date=_date(headers.get_header("archive-date") or ""),
        record_id=None,
        content_type=headers.get_header("content-type") or "",
        is_http=url.startswith(("http:", "https:")),
        raw=raw,
        length=length,
        is_short=len(raw) < min(length, MAX_RAW_BYTES),
    )


def _content(stream: object) -> bytes:
    blocks: list[bytes] = []
    room = MAX_RAW_BYTES
    while room and (block := stream.read(min(room, 1 << 16))):  # type: ignore[attr-defined]
        blocks.append(block)
        room -= len(block)
    return b"".join(blocks)


def _date(digits: str) -> str:
    """Return the date as WARC writes it: 20080430204825 as 2008-04-30T20:48:25Z."""
    if len(digits) != 14 or not digits.isdecimal():
        return digits
    d = digits
    return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}:{d[12:]}Z"


class ArcFormat(WarcFormat):
    """Reader and writer of ARC files."""

    reader: type[Reader] = ArcReader


FORMAT: Format = ArcFormat()
