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

from dedup.io.bodies import decoded
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


LONG = html(SENTENCE + "".join(f"word{number * 7919 % 100_003} " for number in range(100_000)))
LONG_CODED = {
    "gzip": gzip.compress(LONG),
    "deflate": zlib.compress(LONG),
    "br": pa.Codec("brotli").compress(LONG, asbytes=True),
    "zstd": pa.Codec("zstd").compress(LONG, asbytes=True),
}


@pytest.mark.parametrize("coding", LONG_CODED)
@pytest.mark.parametrize("harm", ["cut", "lost", "chunks cut"])
def test_the_first_part_of_a_damaged_body(coding: str, harm: str, tmp_path: Path) -> None:
    stored = LONG_CODED[coding]
    half = len(stored) // 2
    body = stored[:half] + (b"\0" * 500 + stored[half + 500 :] if harm == "lost" else b"")
    head = [f"Content-Encoding: {coding}"]
    if harm == "chunks cut":
        body = b"%x\r\n" % len(stored) + body
        head.append("Transfer-Encoding: chunked")
    path = tmp_path / "a.warc"
    path.write_bytes(
        record("response", answer(body, 200, "text/html", *head), "http://a.org/")
        + record("response", answer(PAGE), "http://b.org/")
    )
    found = read(path)
    assert str(found.texts[0]).startswith("The quick")
    assert len(LONG) / 4 < len(str(found.texts[0])) < len(LONG)
    assert [(p.reason, p.row) for p in found.problems] == [("damaged", 0)]
    assert "the body of http://a.org/ at byte 0 of" in str(found.problems[0].detail)
    assert str(found.texts[1]).startswith("The quick")


def test_several_codings_and_members(tmp_path: Path) -> None:
    twice = gzip.compress(CODED["br"])
    assert text_of(tmp_path, twice, "Content-Encoding: br, GZIP").startswith("The quick")
    members = gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:])
    assert text_of(tmp_path, members, "Content-Encoding: x-gzip").startswith("The quick")
    padded = CODED["gzip"] + b"\r\nno more"
    assert text_of(tmp_path, padded, "Content-Encoding: gzip").startswith("The quick")
    bare = zlib.compress(PAGE, wbits=-15)
    assert text_of(tmp_path, bare, "Content-Encoding: deflate").startswith("The quick")
    assert text_of(tmp_path, PAGE, "Content-Encoding: utf-8").startswith("The quick")


def test_chunks() -> None:
    for stored, content in [
        (b"3\r\nabc\r\n2;name=x\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", b"abcde"),
        (b"3\nabc\n0\n\n", b"abc"),
        (b"3\r\nabc\r\n2\r\nde", b"abcde"),
        (b"3\r\nabc\r\nFF\r\nde", b"abcde"),
        (b"3\r\nabc\r\nno chunk", b"abcno chunk"),
        (b"3\r\nabcdef", b"3\r\nabcdef"),
        (b"f" * 10**6, b"f" * 10**6),
        (b"", b""),
    ]:
        assert decoded(stored, "Chunked", "", 1 << 20).content == content
    assert decoded(b"1\r\nx\r\n" * 10**5, "chunked", "", 1 << 20).content == b"x" * 10**5


@pytest.mark.parametrize("coding", CODED)
def test_no_more_than_a_limit_is_unpacked(coding: str) -> None:
    assert decoded(CODED[coding], "", coding, 100) == (PAGE[:100], "")


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
