"""The records of WARC files, by FastWARC, in order and up to the first that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType

from dedup.io.archive import MAX_RAW_BYTES, PAGE_KINDS, BrokenError, Record, Window
from dedup.io.places import is_plain
from dedup.io.revisits import names_of

__all__ = ["WarcReader"]

_FAILURES = (OSError, ValueError, RuntimeError, OverflowError)
_BLOCK_BYTES = 1 << 20


class WarcReader:
    """Reads WARC files, compressed or not."""

    def records(self, path: str, start: int, stop: int | None) -> Iterator[Record]:
        """Yield the records; see `dedup.io.archive.Reader`."""
        if start == 0 and stop is None and is_plain(path):
            yield from self._records(path)
        else:
            with closing(Window(path, start, stop)) as source:
                yield from self._records(source)

    def _records(self, source: Any) -> Iterator[Record]:
        met: int | None = None
        try:
            for found in ArchiveIterator(source, parse_http=False, fsspec_args=False):
                met = found.stream_pos
                record = self._record(found)
                met = None
                yield record
        except _FAILURES as error:
            raise BrokenError(met, error) from error

    def _record(self, found: Any) -> Record:
        headers = found.headers
        if "Content-Length" not in headers:
            raise ValueError("a record without a whole header")
        kind, length = str(found.record_type), found.content_length
        raw = found.reader.read(min(MAX_RAW_BYTES, length)) if kind in PAGE_KINDS else b""
        return Record(
            offset=found.stream_pos,
            kind=kind,
            url=(headers.get("WARC-Target-URI") or "").strip("<>"),
            date=headers.get("WARC-Date") or "",
            record_id=headers.get("WARC-Record-ID"),
            content_type=headers.get("Content-Type") or "",
            is_http=found.record_type == WarcRecordType.response and bool(found.is_http),
            raw=raw,
            length=length,
            is_short=_skipped(found.reader, length - len(raw)) > 0,
            refers_to=_refers_to(headers) if found.record_type == WarcRecordType.revisit else (),
        )


def _skipped(reader: Any, left: int) -> int:
    """Read so many bytes and throw them away; return how many there are not."""
    try:
        while left > 0 and (block := reader.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
    except _FAILURES:  # which come again where the next record is looked for
        pass
    return left


def _refers_to(headers: Any) -> tuple[str, ...]:
    uri = (headers.get("WARC-Refers-To-Target-URI") or "").strip("<>")
    return tuple(names_of(headers.get("WARC-Refers-To"), uri, headers.get("WARC-Refers-To-Date")))
