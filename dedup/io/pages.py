"""WARC records -> pages: what is a document, what it is not and why, and its main text.

FastWARC reads the records, Resiliparse finds the charset and the text; both come with the extra
``crawl``. A record is read as a whole and taken apart on its own, so that a page which is not
encoded as its headers say cannot stop the reading of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, detect_mime

from dedup.io.codecs import DamagedError
from dedup.io.nesting import is_deeper
from dedup.io.records import record_digest

__all__ = ["MAX_DEPTH", "MAX_PAGE_BYTES", "Page", "Record", "page_of", "pages", "text_of"]

MAX_PAGE_BYTES = 64 << 20
"""Larger payloads are excluded: no page, but maybe a bomb (deflate reaches 1032:1)."""
MAX_DEPTH = 2_000
"""Deeper pages take plain extraction: that of main content is quadratic in the depth (2,000 nested
tags 0.05 s, 10,000 1.5 s), and no signal stops it."""
HTML = ("text/html", "application/xhtml+xml")
TOO_LARGE = f"payload over {MAX_PAGE_BYTES >> 20} MiB"
PAGE_TYPES = (WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion)
KINDS = frozenset(str(kind) for kind in PAGE_TYPES)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an archive, not yet taken apart."""

    offset: int
    """Of the record in the file, compressed or not."""
    kind: str
    url: str
    date: str
    record_id: str | None
    content_type: str
    is_http: bool
    raw: bytes
    """At most `MAX_PAGE_BYTES` + 1 of its content; none of a kind that holds no page."""
    length: int
    """Bytes of content that its header promises."""


@dataclass(frozen=True, slots=True)
class Page:
    """A record that is a document."""

    offset: int
    url: str
    date: str
    record_id: str | None
    status: int | None
    mime: str
    language: str | None
    """As the server says, lower case."""
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

    @property
    def digest(self) -> int:
        """Of URL, date and body, as for `RecordCheck`."""
        place = f"{self.url} {self.date}".encode("utf-8", "surrogateescape")
        return record_digest(self.body, record_digest(place))

    def text(self, extract: str) -> tuple[str, bool]:
        """Return the text, and whether the page is too deep for its main text: see `text_of`."""
        return text_of(self.body, self.charset, extract, is_html=self.mime in HTML)


def text_of(body: bytes, charset: str | None, extract: str, *, is_html: bool) -> tuple[str, bool]:
    """Return the text of a page, and whether it is too deep for its main text to be found.

    Parameters
    ----------
    extract : ``main`` content or ``all`` text of HTML, or ``none``: the HTML itself.
    """
    encoding = charset or detect_encoding(body, from_html_meta=is_html)
    decoded = str(bytes_to_str(body, encoding or "utf-8", errors="replace"))
    if not is_html or extract == "none":
        return decoded, False
    is_deep = extract == "main" and is_deeper(decoded, MAX_DEPTH)
    main = extract == "main" and not is_deep
    return str(extract_plain_text(decoded, main_content=main)), is_deep


def pages(source: str | IO[bytes], excluded: Counter[str]) -> Iterator[tuple[int, Page | None]]:
    """Yield (offset, page) of every record of a WARC in order; None where it is no document.

    Parameters
    ----------
    excluded : counts why records are no documents.

    Raises
    ------
    DamagedError : after the last record that can be read.
    """
    for record in _warc_records(source):
        page, reason = page_of(record)
        if reason:
            excluded[reason] += 1
        yield record.offset, page


def _warc_records(source: str | IO[bytes]) -> Iterator[Record]:
    offset = 0
    try:
        for found in ArchiveIterator(source, parse_http=False, fsspec_args=False):
            offset = found.stream_pos
            headers = found.headers
            if "Content-Length" not in headers:
                raise DamagedError("truncated", f"the record at byte {offset} has no whole header")
            has_page = found.record_type in PAGE_TYPES
            yield Record(
                offset=offset,
                kind=str(found.record_type),
                url=(headers.get("WARC-Target-URI") or "").strip("<>"),
                date=headers.get("WARC-Date") or "",
                record_id=headers.get("WARC-Record-ID"),
                content_type=headers.get("Content-Type") or "",
                is_http=found.record_type == WarcRecordType.response and bool(found.is_http),
                raw=found.reader.read(MAX_PAGE_BYTES + 1) if has_page else b"",
                length=found.content_length,
            )
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        detail = f"after the record at byte {offset}: {error}"
        raise DamagedError("damaged", detail) from error


def page_of(record: Record) -> tuple[Page | None, str]:
    """Return the page of a record, or why it is none."""
    if record.kind not in KINDS:
        return None, f"{record.kind} record"
    if len(record.raw) > MAX_PAGE_BYTES:
        return None, TOO_LARGE
    status, charset, language, body = None, None, None, record.raw
    mime, _, rest = record.content_type.partition(";")
    if record.is_http:
        answer = _answer(record.raw)
        if answer is None:
            return None, "unreadable HTTP headers"
        http, body = answer
        if len(body) > MAX_PAGE_BYTES:
            return None, TOO_LARGE
        status, charset = http.http_headers.status_code, http.http_charset
        if status != 200:
            return None, "no HTTP status" if status is None else f"status {status}"
        mime = http.http_content_type or ""
        language = (http.http_headers.get("Content-Language") or "").lower() or None
    elif "charset=" in rest:
        charset = rest.partition("charset=")[2].strip(" \"'")
    mime = mime.strip().lower() or str(detect_mime(body))
    if mime not in HTML and mime != "text/plain":
        return None, f"type {mime}"
    return Page(
        offset=record.offset,
        url=record.url,
        date=record.date,
        record_id=record.record_id,
        status=status,
        mime=mime,
        language=language,
        charset=charset,
        body=body,
        is_cut=len(record.raw) < record.length,
    ), ""


def _answer(raw: bytes) -> tuple[Any, bytes] | None:
    """Return the HTTP message and its body, decoded as the headers say, or as little as need be.

    Crawlers store payloads that they have unpacked under headers that still say ``chunked``. Of a
    body no more than a byte above `MAX_PAGE_BYTES` is unpacked.
    """
    for decode in ("all", "content", "none"):
        record = WarcRecord()
        record.init_headers(record_type=WarcRecordType.response, content_length=len(raw))
        record.set_bytes_content(raw)
        record.is_http = True
        try:
            record.parse_http(auto_decode=decode)
            body = record.reader.read(MAX_PAGE_BYTES + 1)
        except (OSError, ValueError, RuntimeError):
            continue
        return record, body
    return None
