"""WARC records -> pages: what is a document, what it is not and why, and its main text.

FastWARC reads the records, Resiliparse finds the charset and the text; both come with the extra
``crawl``. A record is read as a whole and taken apart on its own, so that a page which is not
encoded as its headers say cannot stop the reading of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, detect_mime

from dedup.io.codecs import DamagedError

__all__ = ["MAX_PAGE_BYTES", "Page", "pages"]

MAX_PAGE_BYTES = 64 << 20
"""Larger payloads are excluded: no page, but maybe a bomb (deflate reaches 1032:1)."""
HTML = ("text/html", "application/xhtml+xml")
TOO_LARGE = f"payload over {MAX_PAGE_BYTES >> 20} MiB"
PAGE_TYPES = (WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion)


@dataclass(frozen=True, slots=True)
class Page:
    """A record that is a document."""

    offset: int
    """Of the record in the file, compressed or not."""
    url: str
    date: str
    status: int | None
    mime: str
    charset: str | None
    body: bytes
    is_cut: bool
    """The file ends inside it."""

    @property
    def host(self) -> str | None:
        """The host of the URL, if it can be told."""
        try:
            return urlsplit(self.url).hostname
        except ValueError:
            return None

    def text(self) -> str:
        """Return the main text of HTML, or the whole of a text."""
        encoding = self.charset or detect_encoding(self.body, from_html_meta=self.mime in HTML)
        decoded = str(bytes_to_str(self.body, encoding or "utf-8", errors="replace"))
        if self.mime not in HTML:
            return decoded
        return str(extract_plain_text(decoded, main_content=True))


def pages(path: str, excluded: Counter[str]) -> Iterator[tuple[int, Page | None]]:
    """Yield (offset, page) of every record in order; None where it is no document.

    Parameters
    ----------
    excluded : counts why records are no documents.

    Raises
    ------
    DamagedError : after the last record that can be read.
    """
    offset = 0
    try:
        for record in ArchiveIterator(path, parse_http=False, fsspec_args=False):
            offset = record.stream_pos
            if "Content-Length" not in record.headers:
                raise DamagedError("truncated", f"the record at byte {offset} has no whole header")
            page, reason = _page(record, offset)
            if reason:
                excluded[reason] += 1
            yield offset, page
    except (OSError, ValueError, RuntimeError) as error:
        detail = f"after the record at byte {offset}: {error}"
        raise DamagedError("damaged", detail) from error


def _page(record: Any, offset: int) -> tuple[Page | None, str]:
    """Return the page of a record, or why it is none."""
    kind = record.record_type
    if kind not in PAGE_TYPES:
        return None, f"{kind} record"
    raw = record.reader.read(MAX_PAGE_BYTES + 1)
    if len(raw) > MAX_PAGE_BYTES:
        return None, TOO_LARGE
    is_cut = len(raw) < record.content_length
    status, charset, body = None, None, raw
    mime, _, rest = (record.headers.get("Content-Type") or "").partition(";")
    if kind == WarcRecordType.response and record.is_http:
        answer = _answer(raw)
        if answer is None:
            return None, "unreadable HTTP headers"
        body = answer.reader.read(MAX_PAGE_BYTES + 1)
        if len(body) > MAX_PAGE_BYTES:
            return None, TOO_LARGE
        status, charset = answer.http_headers.status_code, answer.http_charset
        if status != 200:
            return None, "no HTTP status" if status is None else f"status {status}"
        mime = answer.http_content_type or ""
    elif "charset=" in rest:
        charset = rest.partition("charset=")[2].strip(" \"'")
    mime = mime.strip().lower() or str(detect_mime(body))
    if mime not in HTML and mime != "text/plain":
        return None, f"type {mime}"
    url = record.headers.get("WARC-Target-URI") or ""
    date = record.headers.get("WARC-Date") or ""
    return Page(offset, url.strip("<>"), date, status, mime, charset, body, is_cut), ""


def _answer(raw: bytes) -> Any:
    """Return the HTTP message, decoded as its headers say, or as little as need be.

    Crawlers store payloads that they have unpacked under headers that still say ``chunked``.
    """
    for decode in ("all", "content", "none"):
        record = WarcRecord()
        record.init_headers(record_type=WarcRecordType.response, content_length=len(raw))
        record.set_bytes_content(raw)
        record.is_http = True
        try:
            record.parse_http(auto_decode=decode)
            record.freeze()
        except (OSError, ValueError, RuntimeError):
            continue
        return record
    return None
