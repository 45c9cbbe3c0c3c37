"""Crawls of every kind: real archives together, other containers, and files made to do harm."""

from __future__ import annotations

import gzip
import pickle
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from io_files import ID, one, read
from test_warc import CORPORA, RECORDS, SENTENCE, URLS, answer, gz, html, needs_corpora, record

from dedup.api import find_duplicates
from dedup.errors import InputError
from dedup.io.base import Columns
from dedup.io.inputs import discover
from dedup.io.warc import FORMAT

CRAWL = [
    *("url", "host", "date", "status", "mime", "record_id", "file", "offset", "language"),
    "canonical",
]


@needs_corpora
def test_real_archives_together() -> None:
    pytest.importorskip("warcio")
    result = find_duplicates(str(CORPORA), workers=1)
    clusters = result.clusters
    assert clusters.column_names[-10:] == CRAWL
    assert result.summary["input"]["problems"] == {
        "truncated": 1,
        "damaged": 2,
        "text under 20 characters": 2,
    }
    ids = result.corpus.columns["doc_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    by_file = defaultdict(list)
    for file, url in zip(
        result.corpus.columns["file"].to_pylist(),
        result.corpus.columns["url"].to_pylist(),
        strict=True,
    ):
        by_file[file].append(url)
    assert by_file["blackbook.arc.gz"] == by_file["blackbook.warc.gz"]
    assert len(by_file["wayback-snapshots.warc.gz"]) == 128
    # Each clustered page of the ARC has its twin of the WARC in the same cluster.
    places = defaultdict(set)
    for url, file, cluster in zip(
        *(clusters[n].to_pylist() for n in ("url", "file", "cluster_id")), strict=True
    ):
        if file.startswith("blackbook"):
            places[url, file].add(cluster)
    twins = [url for url, file in places if file == "blackbook.arc.gz"]
    assert len(twins) > 50
    for url in twins:
        assert places[url, "blackbook.arc.gz"] == places[url, "blackbook.warc.gz"]


@needs_corpora
@pytest.mark.parametrize("name", sorted(p.name for p in CORPORA.glob("*.warc*")))
def test_counts_agree_with_fastwarc(name: str) -> None:
    from fastwarc.warc import ArchiveIterator

    if name.endswith(".wat.gz"):
        pytest.skip("WAT holds no pages")
    found = read(CORPORA / name)
    count = 0
    try:
        for _ in ArchiveIterator(str(CORPORA / name), parse_http=False):
            count += 1
    except (OSError, ValueError, RuntimeError):
        assert found.problems
        assert len(found.texts) + sum(found.excluded.values()) > count  # and those behind it
        return
    assert len(found.texts) + sum(found.excluded.values()) == count


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("whole", [False, True])
def test_other_codecs(codec: str, whole: bool, tmp_path: Path) -> None:
    path, out = tmp_path / f"a.warc.{codec[:3]}", tmp_path / "out"
    records = [b"".join(RECORDS)] if whole else RECORDS
    path.write_bytes(b"".join(pa.Codec(codec).compress(r, asbytes=True) for r in records))
    assert read(path).ids == URLS
    FORMAT.copy(FORMAT.split(one(path), ID, 1), np.arange(9) == 1, str(out), others=False)
    kept = tmp_path / f"kept{path.suffix}"
    kept = kept.with_name("kept.warc" + path.suffix)
    kept.write_bytes(out.read_bytes())
    assert read(kept).ids == [URLS[1]]


def test_wacz(tmp_path: Path) -> None:
    path = tmp_path / "a.wacz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/b.warc.gz", b"".join(map(gzip.compress, RECORDS)))
        archive.writestr("archive/a.warc", b"".join(RECORDS))
        archive.writestr("pages/pages.jsonl", "{}")
    inputs = discover([path]).files
    assert [file.name for file in inputs] == ["a.wacz/archive/a.warc", "a.wacz/archive/b.warc.gz"]
    for file in inputs:
        found = read(pickle.loads(pickle.dumps(file)))
        assert found.ids == URLS
        assert {name for table in found.columns for name in table["file"].to_pylist()} == {
            file.name
        }
    ids = find_duplicates(str(path), workers=2).corpus.columns["doc_id"].to_pylist()
    assert len(set(ids)) == 18
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match="cannot be read as WACZ"):
        find_duplicates(str(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pages/pages.jsonl", "{}")
    with pytest.raises(InputError, match="it is no zip file with WARC files"):
        find_duplicates(str(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_wacz(method: int, tmp_path: Path) -> None:
    """Damage in one WARC ends the reading of that one, with what stands before it."""
    path = tmp_path / "a.wacz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/a.warc", b"".join(RECORDS * 200))
        archive.writestr("archive/b.warc", b"".join(RECORDS))
    content = bytearray(path.read_bytes())
    middle = content.index(b"b.warc") // 2
    content[middle : middle + 50] = bytes(50)
    path.write_bytes(content)
    result = find_duplicates(str(path))
    assert sum(result.summary["input"]["problems"].values()) >= 1
    assert result.corpus.columns["file"].to_pylist().count("a.wacz/archive/b.warc") == 9
    assert 9 < len(result.corpus) < 9 * 201


def test_arc(tmp_path: Path) -> None:
    pytest.importorskip("warcio")
    version = b"1 1 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    pieces = [
        b"filedesc://t.arc 0.0.0.0 20200101000000 text/plain %d\n%b\n" % (len(version), version)
    ]
    for url in (b"http://a.org/", b"http://b.org/"):
        block = answer(html(SENTENCE))
        head = b"%b 1.2.3.4 20200102030405 text/html %d\n" % (url, len(block))
        pieces.append(head + block + b"\n")
    path, out = tmp_path / "t.arc.gz", tmp_path / "out"
    path.write_bytes(b"".join(map(gz, pieces)))
    found = read(path)
    assert found.ids == [f"http://{n}.org/ 2020-01-02T03:04:05Z" for n in "ab"]
    assert all(str(text).startswith("The quick") for text in found.texts)
    from dedup.io.arc import FORMAT as ARC

    ARC.copy(found.parts, np.array([False, True]), str(out), others=True)
    assert out.read_bytes() == b"".join(gz(pieces[i]) for i in (0, 2))
    path.write_bytes(path.read_bytes()[:-60])
    assert read(path).damage() in (["truncated"], ["damaged"])


def test_html_files(tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    path.write_bytes(html("Grüße aus Köln. " + SENTENCE, "latin-1"))
    (text,) = read(path).texts
    assert str(text).startswith("Grüße")
    assert "menu" not in str(text)
    (text,) = read(path, Columns(extract="all")).texts
    assert "menu" in str(text)
    (text,) = read(path, Columns(extract="none")).texts
    assert "<nav>" in str(text)


def test_hostile_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    bomb = gzip.compress(gzip.compress(b"0" * (100 << 20), 1) + b"")
    inner = gzip.decompress(bomb)
    packed = answer(inner, 200, "text/html", "Content-Encoding: gzip")
    deep = answer(html("<div>" * 100_000 + SENTENCE))
    good = record("response", answer(html(SENTENCE)), "http://good.org/")
    moved = record("response", answer(b"", 301, "text/html", "Location: /"), "http://a.org/")
    latin = good.replace(b"http://good", b"http://g\xff\xfe")
    pieces = [good, record("response", packed, "http://bomb.org/"),
              record("response", deep, "http://deep.org/"), latin, *[moved] * 10_000]  # fmt: skip
    path.write_bytes(b"".join(gzip.compress(piece, 1) for piece in pieces))
    found = read(path)
    assert found.excluded == {"payload over 64 MiB": 1, "status 301": 10_000}
    assert found.reasons() == ["nested too deep"]
    assert len(found.texts) == 3
    assert all(SENTENCE.strip() in str(text) for text in found.texts)


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
@pytest.mark.parametrize("length", [1 << 63, 1 << 64, (1 << 63) - 1, -1])
def test_lengths_that_lie(name: str, length: int, tmp_path: Path) -> None:
    good = record("response", answer(html(SENTENCE)), "http://good.org/")
    block = answer(html(SENTENCE))
    bad = good.replace(b"Content-Length: %d" % len(block), b"Content-Length: %d" % length)
    assert bad != good
    pack = gzip.compress if name.endswith("gz") else bytes
    (tmp_path / name).write_bytes(pack(good) + pack(bad))
    found = read(tmp_path / name)
    assert len(found.texts) >= 1
    assert found.problems


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.arc", "a.arc.gz", "a.html"])
def test_zeros(name: str, tmp_path: Path) -> None:
    pytest.importorskip("warcio")
    (tmp_path / name).write_bytes(bytes(1 << 20))
    found = read(tmp_path / name)
    assert found.problems or name == "a.html"
    assert len(found.texts) <= 1


@pytest.mark.parametrize(
    ("head", "header", "expected"),
    [
        ('<link rel="canonical" href="/p">', "", "http://a.org/p"),
        ("<LINK HREF=p REL='x CANONICAL'>", "", "http://a.org/shop/p"),
        ('<base href="http://b.org/deep/"><link rel=canonical href=p>', "", "http://b.org/deep/p"),
        ('<link rel=canonical href="HTTP://A.org/shop/">', "", "http://a.org/shop/"),
        ("<link rel=canonical>", "", None),
        ('<link rel=canonical href="javascript:x()">', "", None),
        (f'<link rel=canonical href="/{"x" * (1 << 20)}">', "", None),
        ("<link rel=stylesheet href=/p>" * 1_000, "", None),
        ("", '<http://c.org/>; rel="canonical"', "http://c.org/"),
        ("<link rel=canonical href=/p>", "<http://c.org/>; rel=canonical", "http://a.org/p"),
        ("<link rel=canonical href=mailto:x>", "</q>; rel=canonical", "http://a.org/q"),
    ],
)
@pytest.mark.parametrize("extract", ["main", "all", "none"])
def test_canonical_links(
    head: str, header: str, expected: str | None, extract: str, tmp_path: Path
) -> None:
    page = html(SENTENCE).replace(b"<head>", f"<head>{head}".encode())
    more = [f"Link: <x>; rel=next\r\nLink: {header}"] if header else []
    path = tmp_path / "a.warc"
    block = answer(page, 200, "text/html", *more)
    path.write_bytes(record("response", block, "http://a.org/shop/"))
    found = read(path, Columns(extract=extract))
    canonical = found.columns[0]["canonical"].to_pylist()
    if extract == "none":  # the HTML is not parsed then
        assert canonical == [expected if expected and not head.strip() else canonical[0]]
    else:
        assert canonical == [expected]
    assert SENTENCE.strip() in str(found.texts[0])


def test_a_canonical_link_in_the_body_is_none(tmp_path: Path) -> None:
    """Anybody who may write a comment could put one there."""
    path = tmp_path / "a.warc"
    page = html(f"{SENTENCE} <link rel=canonical href=/p>")
    path.write_bytes(record("response", answer(page), "http://a.org/"))
    assert read(path).columns[0]["canonical"].to_pylist() == [None]


def test_a_page_stays_rather_than_those_that_call_it_canonical(tmp_path: Path) -> None:
    link = "<link rel=canonical href='http://www.a.org/the-long-name-of-it'>"
    page = html(SENTENCE).replace(b"<head>", f"<head>{link}".encode())
    urls = ["http://a.org/?id=1", "http://a.org/i", "http://www.a.org/the-long-name-of-it"]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(record("response", answer(page), url) for url in urls))
    (tmp_path / "hosts").write_text("a.org\nwww.a.org\n")
    for keep, expected in (
        ("shortest-url", urls[2]),
        ("first", urls[0]),
        (f"host-order:{tmp_path / 'hosts'}", urls[0]),
    ):
        rows = find_duplicates(str(path), keep=keep).clusters.to_pylist()
        assert [row["url"] for row in rows if row["is_keeper"]] == [expected]


@pytest.mark.parametrize(
    ("start", "header", "expected"),
    [
        ('<!DOCTYPE html>\n<html lang="en-GB">', "", "en-gb"),
        ("<HTML class=x dir='rtl' LANG = he>", "", "he"),
        ("<html xml:lang='de' lang='de'>", "", "de"),
        ("<html xml:lang='de'>", "", None),
        ("<html data-lang=de>", "", None),
        ("<html><p lang=fr>", "", None),
        ("<html lang=''>", "", None),
        ("<html lang='{{ language }}'>", "", None),
        ("<html lang=en>", "FR, de", "fr, de"),
        ("<html lang=en>", " ", "en"),
        ("", "pt-BR", "pt-br"),
        ("<html " * 5_000, "", None),
        (f"<!--{'x' * 5_000}--><html lang=en>", "", None),
    ],
)
def test_languages(start: str, header: str, expected: str | None, tmp_path: Path) -> None:
    page = html(SENTENCE).replace(b"<html>", start.encode())
    more = [f"Content-Language: {header}"] if header else []
    path = tmp_path / "a.warc"
    path.write_bytes(record("response", answer(page, 200, "text/html", *more), "http://a.org/"))
    assert read(path).columns[0]["language"].to_pylist() == [expected]


def test_pages_without_main_text_are_counted_and_are_duplicates_of_nothing(tmp_path: Path) -> None:
    bodies = [b"<html><body></body></html>", b"<p> </p>", b"<script>x()</script>", b"<img src=x>"]
    pages = [*bodies, *bodies, html(SENTENCE), html(SENTENCE)]
    path = tmp_path / "a.warc"
    path.write_bytes(
        b"".join(record("response", answer(p), f"http://a.org/{n}") for n, p in enumerate(pages))
    )
    summary = find_duplicates(str(path)).summary
    assert summary["input"]["documents"] == 10
    assert summary["input"]["blank_text"] + summary["input"]["null_text"] == 8
    assert summary["result"]["removed"] == 1
