"""WARC records -> pages: what is a document, what it is not and why, and its main text.

FastWARC reads the records, Resiliparse finds the charset and the text; both come with the extra
``crawl``. A record is read as a whole and taken apart on its own, so that a page which is not
encoded as its headers say cannot stop the reading of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from fastwarc.warc import WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, detect_mime
from resiliparse.parse.html import HTMLTree

from dedup.io.archive import MAX_RAW_BYTES, PAGE_KINDS, Record
from dedup.io.bodies import Body, decoded
from dedup.io.nesting import excess, is_deeper, may_be_deeper
from dedup.io.records import record_digest
from dedup.urls import canonical_url, link_header_canonical

__all__ = [
    "MAX_CHARS",
    "MAX_DEPTH",
    "MAX_PAGE_BYTES",
    "TOO_LARGE",
    "Page",
    "misfit",
    "page_of",
    "text_of",
]

MAX_PAGE_BYTES = MAX_RAW_BYTES - 1
"""Larger payloads are excluded: no page, but maybe a bomb (deflate reaches 1032:1)."""
MAX_RATIO = 200
"""Of a body of more than `RATIO_BYTES` to what is stored of it; HTML reaches some 20."""
RATIO_BYTES = 1 << 20
MAX_CHARS = 10_000_000
"""Of a text that is compared: a token has at least one, and 25 bytes of memory."""
MIN_CHARS = 20
"""Of a text that is compared: `Not Found` on a thousand sites is no copy of one page."""
MAX_DEPTH = 2_000
"""Deeper pages take plain extraction: that of main content is quadratic in the depth (2,000 nested
tags 0.05 s, 10,000 1.5 s), and no signal stops it."""
HTML = ("text/html", "application/xhtml+xml")
TOO_LARGE = f"payload over {MAX_PAGE_BYTES >> 20} MiB"
_LANGUAGE = re.compile(
    rb"""<html\b[^>]{0,999}?\slang\s{0,9}=\s{0,9}["']?([a-z]{2,8}(?:-[a-z0-9]{1,8}){0,9})(?=["'\s>])""",
    re.IGNORECASE,
)
_HEAD_BYTES = 4096
_PLAIN_HOST = re.compile(r"https?://([a-zA-Z0-9.-]+)(?:[/?#]|$)")
"""What nearly all URLs look like: parsed at a tenth of the cost."""


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
    """As the server says, or else ``<html lang>``; lower case."""
    charset: str | None
    body: bytes
    damage: str = ""
    """Why the body is only the first part of what was sent; empty where it is all."""
    link: str = ""
    """The HTTP headers ``Link``."""

    @property
    def host(self) -> str | None:
        """The host of the URL, if it can be told."""
        plain = _PLAIN_HOST.match(self.url)
        if plain is not None:
            return plain[1].lower()
        try:
            return urlsplit(self.url).hostname
        except ValueError:
            return None

    @property
    def digest(self) -> int:
        """Of URL, date and body, as for `RecordCheck`."""
        place = f"{self.url} {self.date}".encode("utf-8", "surrogateescape")
        return record_digest(self.body, record_digest(place))

    def content(self, extract: str) -> Content:
        """Return what the page holds: see `content_of`."""
        return content_of(self.body, self.charset, extract, is_html=self.mime in HTML)

    def canonical(self, content: Content) -> str | None:
        """Return the URL that the page names as its canonical one, in HTML or in HTTP headers."""
        found = None
        if content.canonical:
            base = urljoin(self.url, content.base) if content.base else self.url
            found = canonical_url(content.canonical, base, self.url)
        link = link_header_canonical(self.link) if found is None and self.link else None
        return found if link is None else canonical_url(link, self.url, self.url)


class Content(NamedTuple):
    """What is taken of a page."""

    text: str
    is_deep: bool = False
    """Too deep for its main text to be found: all of its text is taken."""
    canonical: str = ""
    """Its ``<link rel="canonical">``, as it stands there; and the ``<base>`` of links."""
    base: str = ""


def misfit(text: str) -> str:
    """Return why the text of a page is compared with none; nothing of a fit or blank one."""
    if len(text) > MAX_CHARS:
        return f"text over {MAX_CHARS:,} characters"
    if len(text) < MIN_CHARS and text.strip():
        return f"text under {MIN_CHARS} characters"
    return ""


def text_of(body: bytes, charset: str | None, extract: str, *, is_html: bool) -> tuple[str, bool]:
    """Return the text of a page, and whether it is too deep for its main text to be found."""
    return content_of(body, charset, extract, is_html=is_html)[:2]


def content_of(body: bytes, charset: str | None, extract: str, *, is_html: bool) -> Content:
    """Return the text of a page, and its canonical link where the HTML is parsed for the text.

    Parameters
    ----------
    extract : ``main`` content or ``all`` text of HTML, or ``none``: the HTML itself.
    """
    encoding = charset if charset and _is_encoding(charset) else None
    encoding = encoding or detect_encoding(body, from_html_meta=is_html) or "utf-8"
    decoded = str(bytes_to_str(body, encoding, errors="replace"))
    if not is_html or extract == "none":
        return Content(decoded)
    is_deep = (
        extract == "main"
        and (encoding != "utf-8" or may_be_deeper(body, MAX_DEPTH))
        and is_deeper(decoded, MAX_DEPTH)
    )
    main = extract == "main" and not is_deep
    tree = HTMLTree.parse(decoded)
    canonical = _head_link(tree, 'link[rel~="canonical" i][href]')
    base = _head_link(tree, "base[href]") if canonical else ""
    return Content(str(extract_plain_text(tree, main_content=main)), is_deep, canonical, base)


@lru_cache(maxsize=1000)
def _is_encoding(charset: str) -> bool:
    """Tell whether there is such an encoding; servers name others, too."""
    try:
        bytes_to_str(b"<html>", charset)
    except (LookupError, ValueError):
        return False
    return True


def _head_link(tree: HTMLTree, selector: str) -> str:
    """Return the ``href`` of the first such element of the head, an empty string without one."""
    head = tree.head
    found = head.query_selector(selector) if head is not None else None
    return "" if found is None else str(found.getattr("href", ""))


def page_of(record: Record) -> tuple[Page | None, str]:
    """Return the page of a record, or why it is none."""
    if record.kind not in PAGE_KINDS:
        return None, f"{record.kind} record"
    if len(record.raw) > MAX_PAGE_BYTES:
        return None, TOO_LARGE
    status, charset, language, link, damage = None, None, None, "", ""
    body = record.raw
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
        link = ", ".join(v for k, v in http.http_headers.astuples() if k.lower() == "link")
        language = (http.http_headers.get("Content-Language") or "").lower() or None
    elif "charset=" in rest:
        charset = rest.partition("charset=")[2].strip(" \"'")
    mime = mime.strip().lower() or str(detect_mime(body))
    if mime not in HTML and mime != "text/plain":
        return None, f"type {mime}"
    too_much = excess(body) if mime in HTML else ""
    if too_much:
        return None, too_much
    if language is None and mime in HTML:
        found = _LANGUAGE.search(body, 0, _HEAD_BYTES)
        language = found[1].decode().lower() if found else None
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
        link=link,
    ), ""


def _answer(raw: bytes) -> tuple[Any, Body] | None:
    """Return the HTTP message and its body; None where the headers cannot be read."""
    head, end, stored = raw.partition(b"\r\n\r\n")
    try:
        record = _message(head + end)  # without the body, which would be copied in and out
        if record.reader.read(1):  # they ended earlier, as FastWARC sees it
            record = _message(raw)
            stored = record.reader.read(len(raw))
    except (OSError, ValueError, RuntimeError):
        return None
    headers = record.http_headers
    transfer, codings = headers.get("Transfer-Encoding"), headers.get("Content-Encoding")
    return record, decoded(stored, transfer or "", codings or "", MAX_RAW_BYTES)


def _message(content: bytes) -> Any:
    """Return a record whose HTTP headers were read."""
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.response, content_length=len(content))
    record.set_bytes_content(content)
    record.is_http = True
    record.parse_http(auto_decode="none")
    return record
