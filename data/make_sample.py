"""Write the sample crawl, ``sample.warc.gz``, and what is true of it, ``sample-truth.csv``.

Every run writes the same records. The truth is computed from the texts by the plain definition
(``sample_truth.py``), and the sample keeps its distance from the threshold: no two of its texts
have a Jaccard similarity between 0.70 and 0.88, so that small differences between readers of HTML
cannot turn an answer at 0.8.

Run ``python data/make_sample.py`` to write both files beside this script, or give ``--out DIR``.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gzip
import hashlib
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from sample_crawl import crawl_pages
from sample_pages import Page
from sample_truth import THRESHOLD, jaccard, similar_pairs

WARC_NAME = "sample.warc.gz"
TRUTH_NAME = "sample-truth.csv"
TRUTH_COLUMNS = ("url", "kind", "original_url", "duplicate")
FORBIDDEN = (0.70, 0.88)  # no pair of texts lies between these
START = datetime(2024, 3, 4, 6, 0, tzinfo=UTC)
PAUSE = timedelta(seconds=7)
REQUESTS_RECORDED = 3  # the first few requests are kept beside their responses
INFO = {
    "software": "make_sample.py",
    "format": "WARC File Format 1.0",
    "description": "An invented crawl of invented sites, to try near-duplicate detection on",
    "license": "Apache-2.0",
}


def truth_rows(pages: Sequence[Page]) -> list[tuple[str, str, str, str]]:
    """Return url, kind, original's url and ``yes`` or ``no`` for each page.

    Raises
    ------
    ValueError : a pair is too near the threshold, or two pages are near that should not be.
    """
    documents = [page for page in pages if page.is_document]
    text_of = {page.url: page.text for page in documents}
    if len(text_of) < len(documents):
        raise ValueError("two pages have the same url")
    rows = []
    for page in pages:
        near = page.original_url and jaccard(page.text, text_of[page.original_url]) >= THRESHOLD
        rows.append((page.url, page.kind, page.original_url, "yes" if near else "no"))
    group_of = {url: source if answer == "yes" else url for url, _, source, answer in rows}
    low, high = FORBIDDEN
    for left, right, similarity in similar_pairs([page.text for page in documents], low):
        urls = documents[left].url, documents[right].url
        same_group = group_of[urls[0]] == group_of[urls[1]]
        if similarity < high or not same_group:
            raise ValueError(f"{urls[0]} and {urls[1]} are at {similarity:.3f}; change a seed")
    return rows


def warc_record(
    kind: str, identity: str, moment: datetime, block: bytes, headers: Mapping[str, str]
) -> bytes:
    """Return one WARC/1.0 record; its id is a function of `identity` alone."""
    record_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {identity}")
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{record_id}>",
        f"WARC-Date: {moment:%Y-%m-%dT%H:%M:%SZ}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def info_record() -> bytes:
    """Return the record that opens the file and describes it."""
    block = "".join(f"{name}: {value}\r\n" for name, value in INFO.items()).encode()
    headers = {"WARC-Filename": WARC_NAME, "Content-Type": "application/warc-fields"}
    return warc_record("warcinfo", WARC_NAME, START, block, headers)


def request_record(page: Page, moment: datetime) -> bytes:
    """Return the record of the request for a page."""
    host, _, path = page.url.removeprefix("https://").partition("/")
    block = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample-crawler\r\n\r\n".encode()
    content_type = "application/http; msgtype=request"
    headers = {"WARC-Target-URI": page.url, "Content-Type": content_type}
    return warc_record("request", page.url, moment, block, headers)


def response_record(page: Page, moment: datetime) -> bytes:
    """Return the record of a page: the HTTP headers and the body, as they came."""
    fields = {
        "Date": format_datetime(moment, usegmt=True),
        "Server": "sample",
        "Content-Type": page.content_type,
        "Content-Length": str(len(page.body)),
    }
    if page.location:
        fields["Location"] = page.location
    lines = [f"HTTP/1.1 {page.status}", *(f"{name}: {value}" for name, value in fields.items())]
    block = "\r\n".join([*lines, "", ""]).encode() + page.body
    digest = base64.b32encode(hashlib.sha1(page.body, usedforsecurity=False).digest()).decode()
    headers = {
        "WARC-Target-URI": page.url,
        "WARC-Payload-Digest": f"sha1:{digest}",
        "Content-Type": "application/http; msgtype=response",
    }
    return warc_record("response", page.url, moment, block, headers)


def warc_records(pages: Sequence[Page]) -> Iterator[bytes]:
    """Yield all records of the file, uncompressed."""
    yield info_record()
    for number, page in enumerate(pages):
        moment = START + (number + 1) * PAUSE
        if number < REQUESTS_RECORDED:
            yield request_record(page, moment)
        yield response_record(page, moment)


def gzip_member(record: bytes) -> bytes:
    """Compress one record by itself, as WARC files do, without a name or a time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as member:
        member.write(record)
    return buffer.getvalue()


def write_sample(folder: Path) -> None:
    """Write the crawl and its truth into an existing folder."""
    pages = crawl_pages()
    rows = truth_rows(pages)
    with (folder / WARC_NAME).open("wb") as warc:
        warc.writelines(map(gzip_member, warc_records(pages)))
    with (folder / TRUTH_NAME).open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(rows)


def main() -> None:
    """Write the sample where ``--out`` says."""
    parser = argparse.ArgumentParser(description="Write the sample crawl and its truth.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--out", type=Path, default=here, help="an existing folder (default: data)")
    write_sample(parser.parse_args().out)


if __name__ == "__main__":
    main()
