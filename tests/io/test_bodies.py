"""HTTP bodies in every coding, and headers that lie about it; copies that other readers read."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from io_files import ID, one, read
from test_warc import CORPORA, RECORDS, SENTENCE, answer, chunked, html, needs_corpora, record

from dedup.io.warc import FORMAT

PAGE = html(SENTENCE)
CODED = {
    "gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "br": pa.Codec("brotli").compress(PAGE, asbytes=True),
    "zstd": pa.Codec("zstd").compress(PAGE, asbytes=True),
}


def text_of(tmp_path: Path, body: bytes, *headers: str) -> str:
    path = tmp_path / "a.warc"
    block = answer(body, 200, "text/html; charset=utf-8", *headers)
    path.write_bytes(record("response", block, "http://a.org/"))
    (text,) = read(path).texts
    return str(text)


@pytest.mark.parametrize("coding", CODED)
def test_codings(coding: str, tmp_path: Path) -> None:
    named = f"Content-Encoding: {coding}"
    both = "Transfer-Encoding: chunked"
    assert text_of(tmp_path, CODED[coding], named).startswith("The quick")
    assert text_of(tmp_path, chunked(CODED[coding]), named, both).startswith("The quick")


@pytest.mark.parametrize("coding", CODED)
def test_headers_that_lie(coding: str, tmp_path: Path) -> None:
    named = f"Content-Encoding: {coding}"
    assert text_of(tmp_path, PAGE, named).startswith("The quick")
    assert text_of(tmp_path, PAGE, named, "Transfer-Encoding: chunked").startswith("The quick")


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_copies_are_read_by_others(suffix: str, tmp_path: Path) -> None:
    warcio = pytest.importorskip("warcio.archiveiterator")
    from fastwarc.warc import ArchiveIterator

    path, out = tmp_path / f"a{suffix}", tmp_path / f"kept{suffix}"
    pack = gzip.compress if suffix == ".warc.gz" else bytes
    path.write_bytes(b"".join(map(pack, RECORDS)))
    mask = np.arange(9) % 2 == 0
    FORMAT.copy(FORMAT.split(one(path), ID, 1), mask, str(out), others=True)
    kinds = [str(r.headers["WARC-Type"]) for r in ArchiveIterator(str(out), parse_http=False)]
    assert len(kinds) == len(RECORDS) - 4
    assert {"revisit", "warcinfo", "request"} <= set(kinds)
    with open(out, "rb") as source:
        assert [r.rec_type for r in warcio.ArchiveIterator(source, no_record_parse=True)] == kinds


@needs_corpora
@pytest.mark.parametrize(
    "name", ["blackbook", "wayback-snapshots", "revisits", "iana", "whirlwind"]
)
def test_counts_agree_with_warcio(name: str) -> None:
    warcio = pytest.importorskip("warcio.archiveiterator")
    found = read(CORPORA / f"{name}.warc.gz")
    with open(CORPORA / f"{name}.warc.gz", "rb") as source:
        count = sum(1 for _ in warcio.ArchiveIterator(source, no_record_parse=True))
    assert len(found.texts) + sum(found.excluded.values()) == count
