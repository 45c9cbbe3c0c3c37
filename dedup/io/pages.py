"""WARC records -> pages: what is a document, what it is not and why, and its main text.

FastWARC takes HTTP messages apart, Resiliparse finds the charset and the text; both come with the
extra ``crawl``. A record was read as a whole, so that a page which is not encoded as its headers
say cannot stop the reading of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastwarc.warc import WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, detect_mime

from dedup.io.archive import MAX_RAW_BYTES, PAGE_KINDS, Record
from dedup.io.bodies import Body, decoded
from dedup.io.nesting import excess, is_deeper
from dedup.io.records import record_digest

__all__ = ["MAX_DEPTH", "MAX_PAGE_BYTES", "Page", "page_of", "text_of"]

MAX_PAGE_BYTES = MAX_RAW_BYTES - 1
"""Larger payloads are excluded: no page, but maybe a bomb (deflate reaches 1032:1)."""
MAX_RATIO = 200
"""Of a body of more than `RATIO_BYTES` to what is stored of it; HTML reaches some 20."""
RATIO_BYTES = 1 << 20
MAX_DEPTH = 2_000
"""Deeper pages take plain extraction: that of main content is quadratic in the depth (2,000 nested
tags 0.05 s, 10,000 1.5 s), and no signal stops it."""
HTML = ("text/html", "application/xhtml+xml")
TOO_LARGE = f"payload over {MAX_PAGE_BYTES >> 20} MiB"


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
    damage: str = ""
    """Why the body is only the first part of what was sent; empty where it is all."""

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


def page_of(record: Record) -> tuple[Page | None, str]:
    """Return the page of a record, or why it is none."""
    if record.kind not in PAGE_KINDS:
        return None, f"{record.kind} record"
    if len(record.raw) > MAX_PAGE_BYTES:
        return None, TOO_LARGE
    status, charset, language, body, damage = None, None, None, record.raw, ""
    mime, _, rest = record.content_type.partition(";")
    if record.is_http:
        answer = _answer(record.raw)
        if answer is None:
            return None, "unreadable HTTP headers"
        http, (body, damage) = answer
        if len(body) > MAX_PAGE_BYTES:
            return None, TOO_LARGE
        if len(body) > max(RATIO_BYTES, MAX_RATIO * len(record.raw)):
            return None, f"payload unpacks to over {MAX_RATIO} times its size"
        damage = "" if record.is_short else damage  # which is counted already
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
    too_much = excess(body) if mime in HTML else ""
    if too_much:
        return None, too_much
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
        damage=damage,
    ), ""


def _answer(raw: bytes) -> tuple[Any, Body] | None:
    """Return the HTTP message and its body; None where the headers cannot be read."""
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.response, content_length=len(raw))
    record.set_bytes_content(raw)
    record.is_http = True
    try:
        record.parse_http(auto_decode="none")
        stored = record.reader.read(MAX_RAW_BYTES)
    except (OSError, ValueError, RuntimeError):
        return None
    headers = record.http_headers
    transfer, codings = headers.get("Transfer-Encoding"), headers.get("Content-Encoding")
    return record, decoded(stored, transfer or "", codings or "", MAX_RAW_BYTES)
