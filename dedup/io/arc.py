"""ARC, the format of web archives before WARC: warcio reads its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from dedup.io.codecs import DamagedError
from dedup.io.pages import MAX_PAGE_BYTES, Page, Record, Referring, page_of
from dedup.io.places import opened
from dedup.io.warc import WarcFormat

if TYPE_CHECKING:
    from dedup.io.base import Format

__all__ = ["FORMAT", "ArcFormat"]


class ArcFormat(WarcFormat):
    """Reader and writer of ARC files."""

    def pages(
        self, path: str, excluded: Counter[str], referring: Referring | None = None
    ) -> Iterator[tuple[int, Page | None]]:
        """Yield (offset, page) of every record; none refers to another."""
        for record in _records(path):
            page, reason = page_of(record)
            if reason:
                excluded[reason] += 1
            yield record.offset, page


def _records(path: str) -> Iterator[Record]:
    offset = 0
    with opened(path) as source:
        archive = ArchiveIterator(source, no_record_parse=True, check_digests=False)
        try:
            for found in archive:
                raw = _content(found.raw_stream)
                offset = archive.get_record_offset()  # reads the record to its end
                headers = found.rec_headers
                url = headers.get_header("uri") or ""
                yield Record(
                    offset=offset,
                    kind="warcinfo" if url.startswith("filedesc:") else "response",
                    url=url,
                    date=_date(headers.get_header("archive-date") or ""),
                    record_id=None,
                    content_type=headers.get_header("content-type") or "",
                    is_http=url.startswith(("http:", "https:")),
                    raw=raw,
                    length=found.length or 0,
                )
        except (ArchiveLoadFailed, OSError, ValueError, EOFError) as error:
            reason = " ".join(str(error).split())[:200]
            detail = f"after the record at byte {offset}: {reason}"
            raise DamagedError("damaged", detail) from error


def _content(stream: object) -> bytes:
    blocks: list[bytes] = []
    room = MAX_PAGE_BYTES + 1
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


FORMAT: Format = ArcFormat()
