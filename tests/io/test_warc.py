"""Web archives: which records are documents, their text, and copies of whole records."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_files import ID, one, read

from dedup.errors import InputError
from dedup.io.base import Columns

pytest.importorskip("fastwarc")
pytest.importorskip("resiliparse")

from dedup.io.warc import FORMAT

CORPORA = Path(__file__).parents[3] / "shared" / "corpora" / "warc"
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not here")
SENTENCE = "The quick brown fox jumps over the lazy dog near the old river bank. " * 3


def record(kind: str, block: bytes, url: str = "", date: str = "", mime: str = "") -> bytes:
    if kind == "response":
        mime = mime or "application/http; msgtype=response"
    headers = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": date or "2020-01-01T00:00:00Z",
        "Content-Type": mime,
        "Content-Length": str(len(block)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + block + b"\r\n\r\n"


def answer(
    body: bytes, status: int = 200, mime: str = "text/html; charset=utf-8", *more: str
) -> bytes:
    lines = [f"HTTP/1.1 {status} Some", f"Content-Type: {mime}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def gz(block: bytes) -> bytes:
    """Compress to the same bytes at any time."""
    return gzip.compress(block, mtime=0)


def html(text: str, charset: str = "utf-8") -> bytes:
    return (
        "<html><head><title>t</title><script>no()</script></head><body><nav><a href=x>menu</a>"
        f"</nav><main><p>{text}</p></main></body></html>"
    ).encode(charset)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


RECORDS = [
    record("warcinfo", b"software: test\r\n"),
    record("request", b"GET / HTTP/1.1\r\n\r\n", "http://a.org/"),
    record("response", answer(html(SENTENCE)), "http://a.org/", "2020-01-02T03:04:05Z"),
    record("response", answer(b"gone", 404), "http://a.org/404"),
    record("response", answer(b"\x89PNG", 200, "image/png"), "http://a.org/p.png"),
    record("response", answer(SENTENCE.encode(), 200, "text/plain"), "http://b.org/x.txt"),
    record("response", answer(html(SENTENCE)), "http://a.org/", "2021-01-02T03:04:05Z"),
    record("revisit", answer(b""), "http://a.org/"),
    record("conversion", "Grüße aus den Archiven".encode(), "http://c.org/", mime="text/plain"),
    record(
        "response",
        answer(gzip.compress(html("Packed. " + SENTENCE)), 200, "text/html",
               "Content-Encoding: gzip"),
        "http://d.org/packed",
    ),
    record(
        "response",
        answer(chunked(html("Chunked. " + SENTENCE)), 200, "text/html",
               "Transfer-Encoding: chunked"),
        "http://d.org/chunked",
    ),
    record(
        "response",
        answer(html("Not chunked. " + SENTENCE), 200, "text/html", "Transfer-Encoding: chunked"),
        "http://d.org/not-chunked",
    ),
    record(
        "response",
        answer(html("Привет, мир. " * 20, "windows-1251"), 200, "text/html; charset=windows-1251"),
        "http://e.ru/",
    ),
    record("resource", html("A resource. " + SENTENCE), "http://f.org/", mime="text/html"),
    record("response", b"this is no HTTP at all", "http://g.org/"),
]  # fmt: skip
DATE = " 2020-01-01T00:00:00Z"
URLS = [
    "http://a.org/ 2020-01-02T03:04:05Z", f"http://b.org/x.txt{DATE}",
    "http://a.org/ 2021-01-02T03:04:05Z", f"http://c.org/{DATE}",
    f"http://d.org/packed{DATE}", f"http://d.org/chunked{DATE}", f"http://d.org/not-chunked{DATE}",
    f"http://e.ru/{DATE}", f"http://f.org/{DATE}",
]  # fmt: skip


@pytest.fixture(params=[".warc", ".warc.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"crawl{request.param}"
    pieces = [gz(r) if path.suffix == ".gz" else r for r in RECORDS]
    path.write_bytes(b"".join(pieces))
    return path


def test_pages(path: Path) -> None:
    found = read(path, Columns(extra=("url", "host", "status", "mime", "date", "offset")))
    assert found.ids == URLS
    assert found.problems == []
    texts = [str(text) for text in found.texts]
    for text, start in zip(
        texts,
        ["The", "The", "The", "Gr", "Packed", "Chunked", "Not ch", "Прив", "A re"],
        strict=True,
    ):
        assert text.startswith(start)
        assert "menu" not in text
        assert "no()" not in text
    assert sum(found.excluded.values()) + len(texts) == len(RECORDS)
    assert found.excluded == {
        "warcinfo record": 1,
        "request record": 1,
        "revisit record": 1,
        "status 404": 1,
        "type image/png": 1,
        "no HTTP status": 1,
    }
    (columns,) = found.columns
    assert columns["host"].to_pylist()[:2] == ["a.org", "b.org"]
    assert columns["status"].to_pylist()[2:5] == [200, None, 200]
    assert columns["mime"].to_pylist()[0] == "text/html"
    assert columns["date"].to_pylist()[0] == "2020-01-02T03:04:05Z"
    offsets = columns["offset"].to_pylist()
    assert offsets == sorted(offsets)


def test_batches_change_nothing(path: Path) -> None:
    assert read(path, batch=1).texts == read(path).texts
    assert read(path, batch=1).ids == URLS
    assert read(path, batch=1).excluded == read(path).excluded


def test_other_columns_as_id_and_wrong_ones(path: Path) -> None:
    assert read(path, Columns(id="host")).ids[:2] == ["a.org", "b.org"]
    with pytest.raises(InputError, match="no extra column 'score'; it has: doc_id, text, url"):
        read(path, Columns(extra=("score",)))


def test_copies_are_byte_for_byte(path: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out{path.suffix}"
    parts = FORMAT.split(one(path), ID, 1)
    assert FORMAT.copy(parts, np.ones(9, bool), str(out), others=True) == 9
    assert out.read_bytes() == path.read_bytes()
    mask = np.arange(9) % 2 == 0
    pack = gz if path.suffix == ".gz" else bytes
    assert FORMAT.copy(parts, mask, str(out), others=False) == 5
    assert out.read_bytes() == b"".join(pack(RECORDS[i]) for i in (2, 6, 9, 11, 13))
    assert FORMAT.copy(parts, ~mask, str(out), others=True) == 4
    chosen = [r for i, r in enumerate(RECORDS) if i not in (2, 6, 9, 11, 13)]
    assert out.read_bytes() == b"".join(pack(r) for r in chosen)


def test_an_archive_compressed_in_one_piece(tmp_path: Path) -> None:
    path, out = tmp_path / "one.warc.gz", tmp_path / "out.warc.gz"
    path.write_bytes(gzip.compress(b"".join(RECORDS)))
    assert read(path).ids == URLS
    parts = FORMAT.split(one(path), ID, 1)
    assert FORMAT.copy(parts, np.ones(9, bool), str(out), others=True) == 9
    assert gzip.decompress(out.read_bytes()) == b"".join(RECORDS)
    FORMAT.copy(parts, np.arange(9) == 1, str(out), others=False)
    assert gzip.decompress(out.read_bytes()) == RECORDS[5]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.warc.gz", "out.warc.gz"]


def test_annotation_is_a_table_beside(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    decisions = pa.table({"cluster_id": range(9), "jaccard": [0.5] * 9})
    assert FORMAT.annotated_name("a.warc.gz") == "a.warc.gz.parquet"
    assert FORMAT.annotate(FORMAT.split(one(path), ID, 1), decisions, str(out)) == 9
    assert pq.read_table(out)["doc_id"].to_pylist() == URLS


def test_a_cut_archive(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    found = read(path)
    assert found.ids == URLS[: len(found.ids)]
    assert len(found.ids) >= 5
    assert found.damage() in (["truncated"], ["damaged"])
    out = tmp_path / "out"
    FORMAT.copy(found.parts, np.ones(len(found.ids), bool), str(out), others=True)
    assert out.read_bytes() == path.read_bytes()


def test_what_is_no_archive(path: Path) -> None:
    path.write_bytes(b"this is no archive at all\n" * 100)
    found = read(path)
    assert found.texts == []
    assert found.reasons() == ["damaged"]
    path.write_bytes(b"")
    assert read(path).reasons() == ["empty file"]


@needs_corpora
@pytest.mark.parametrize(
    ("name", "documents", "records", "reasons"),
    [
        ("blackbook.warc.gz", 130, 822, ["text under 20 characters"]),
        ("wayback-snapshots.warc.gz", 128, 129, []),
        ("revisits.warc.gz", 6, 190, []),
        ("iana.warc.gz", 16, 343, []),
        ("whirlwind.warc.gz", 1, 4, []),
        ("whirlwind.warc.wet.gz", 1, 2, []),
        ("clipped.warc.gz", 1, 1, ["truncated"]),
        ("example-trunc.warc", 1, 4, ["damaged", "damaged"]),
        ("not-chunked-bad.warc.gz", 1, 6, []),
    ],
)
def test_real_archives(
    name: str, documents: int, records: int, reasons: list[str], tmp_path: Path
) -> None:
    found = read(CORPORA / name)
    assert len(found.texts) == documents
    assert documents + sum(found.excluded.values()) == records
    assert found.reasons() == reasons
    out = tmp_path / "out"
    FORMAT.copy(found.parts, np.ones(documents, bool), str(out), others=True)
    before = (CORPORA / name).read_bytes()
    if name == "not-chunked-bad.warc.gz":
        assert gzip.decompress(out.read_bytes()) == gzip.decompress(before)
    else:
        assert out.read_bytes() == before


@pytest.mark.parametrize(
    "charset", ["none", "utf8mb4", "hex", "undefined", "rot13", "x" * 9999, '"', "utf-8;", "\0"]
)
def test_charsets_that_are_none(charset: str, tmp_path: Path) -> None:
    text = "Grüße aus den Archiven. " + SENTENCE
    kind = f"text/html; charset={charset}"
    path = tmp_path / "a.warc"
    path.write_bytes(
        record("response", answer(html(text), 200, kind), "http://a.org/1")
        + record("resource", html(text), "http://a.org/2", mime=kind)
        + record("resource", text.encode(), "http://a.org/3", mime=kind.replace("html", "plain"))
    )
    found = read(path)
    assert found.problems == []
    assert [str(text)[:22] for text in found.texts] == ["Grüße aus den Archiven"] * 3
