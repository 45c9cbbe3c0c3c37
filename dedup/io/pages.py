"""WARC records -> pages: what is a document, what it is not and why, and its main text.

FastWARC reads the records, Resiliparse finds the charset and the text; both come with the extra
``crawl``. A record is read as a whole and taken apart on its own, so that a page which is not
encoded as its headers say cannot stop the reading of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, detect_mime
from resiliparse.parse.html import HTMLTree

from dedup.io.codecs import DamagedError
from dedup.io.nesting import is_deeper
from dedup.io.records import record_digest
from dedup.io.revisits import names_of
from dedup.urls import canonical_url, link_header_canonical

__all__ = ["MAX_DEPTH", "MAX_PAGE_BYTES", "Page", "Record", "page_of", "pages", "text_of"]

MAX_PAGE_BYTES = 64 << 20
"""Larger payloads are excluded: no page, but maybe a bomb (deflate reaches 1032:1)."""
MAX_DEPTH = 2_000
"""Deeper pages take plain extraction: that of main content is quadratic in the depth (2,000 nested
tags 0.05 s, 10,000 1.5 s), and no signal stops it."""
HTML = ("text/html", "application/xhtml+xml")
TOO_LARGE = f"payload over {MAX_PAGE_BYTES >> 20} MiB"
PAGE_TYPES = (WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion)
REFERRING = (WarcRecordType.revisit,)
_PLAIN_HOST = re.compile(r"https?://([a-zA-Z0-9.-]+)(?:[/?#]|$)")
"""What nearly all URLs look like: parsed at a tenth of the cost."""
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
    refers_to: tuple[str, ...] = ()
    """The names of the record that a revisit refers to: see `dedup.io.revisits`."""


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


def text_of(body: bytes, charset: str | None, extract: str, *, is_html: bool) -> tuple[str, bool]:
    """Return the text of a page, and whether it is too deep for its main text to be found."""
    return content_of(body, charset, extract, is_html=is_html)[:2]


def content_of(body: bytes, charset: str | None, extract: str, *, is_html: bool) -> Content:
    """Return the text of a page, and its canonical link where the HTML is parsed for the text.

    Parameters
    ----------
    extract : ``main`` content or ``all`` text of HTML, or ``none``: the HTML itself.
    """
    encoding = charset or detect_encoding(body, from_html_meta=is_html)
    decoded = str(bytes_to_str(body, encoding or "utf-8", errors="replace"))
    if not is_html or extract == "none":
        return Content(decoded)
    is_deep = extract == "main" and is_deeper(decoded, MAX_DEPTH)
    main = extract == "main" and not is_deep
    tree = HTMLTree.parse(decoded)
    names_one = "anonical" in decoded or "CANONICAL" in decoded  # the query costs far more
    canonical = _head_link(tree, 'link[rel~="canonical" i][href]') if names_one else ""
    base = _head_link(tree, "base[href]") if canonical else ""
    return Content(str(extract_plain_text(tree, main_content=main)), is_deep, canonical, base)


def _head_link(tree: HTMLTree, selector: str) -> str:
    """Return the ``href`` of the first such element of the head, an empty string without one."""
    head = tree.head
    found = head.query_selector(selector) if head is not None else None
    return "" if found is None else str(found.getattr("href", ""))


Referring = list[tuple[int, tuple[str, ...]]]
"""Of revisit records: the record's number in the file, and the names of the one it refers to."""


def pages(
    source: str | IO[bytes], excluded: Counter[str], referring: Referring | None = None
) -> Iterator[tuple[int, Page | None]]:
    """Yield (offset, page) of every record of a WARC in order; None where it is no document.

    Parameters
    ----------
    excluded : counts why records are no documents.
    referring : takes the revisit records that say what they refer to.

    Raises
    ------
    DamagedError : after the last record that can be read.
    """
    for number, record in enumerate(_warc_records(source)):
        if referring is not None and record.refers_to:
            referring.append((number, record.refers_to))
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
                refers_to=_refers_to(headers) if found.record_type in REFERRING else (),
            )
    except (OSError, ValueError, RuntimeError, OverflowError) as error:
        detail = f"after the record at byte {offset}: {error}"
        raise DamagedError("damaged", detail) from error


def _refers_to(headers: Any) -> tuple[str, ...]:
    uri = (headers.get("WARC-Refers-To-Target-URI") or "").strip("<>")
    names = names_of(headers.get("WARC-Refers-To"), uri, headers.get("WARC-Refers-To-Date"))
    return tuple(names)


def page_of(record: Record) -> tuple[Page | None, str]:
    """Return the page of a record, or why it is none."""
    if record.kind not in KINDS:
        return None, f"{record.kind} record"
    if len(record.raw) > MAX_PAGE_BYTES:
        return None, TOO_LARGE
    status, charset, language, link, body = None, None, None, "", record.raw
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
        link = ", ".join(v for k, v in http.http_headers.astuples() if k.lower() == "link")
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
        link=link,
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
