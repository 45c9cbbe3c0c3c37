"""The filtered crawl: valid archives of whole records, read back by FastWARC and by warcio."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from test_warc import CORPORA, answer, gz, html, needs_corpora, record

import dedup

pytest.importorskip("fastwarc")
pytest.importorskip("warcio")

from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

PAGES = [" ".join(f"{name}{i}" for i in range(60)) for name in ("first", "second")]


def response(number: int, page: int) -> bytes:
    url = f"http://site{number}.example/"
    return record("response", answer(html(PAGES[page])), url, f"2020-01-0{number}T00:00:00Z")


RECORDS = {
    "warcinfo": record("warcinfo", b"software: test\r\n"),
    "request": record("request", b"GET / HTTP/1.1\r\n\r\n", "http://site1.example/"),
    "one": response(1, 0),
    "two": response(2, 1),
    "copy of one": response(3, 0),
    "revisit": record("revisit", answer(b""), "http://site1.example/"),
    "image": record("response", answer(b"\x89PNG", 200, "image/png"), "http://site1.example/i"),
    "copy of two": response(4, 1),
    "metadata": record("metadata", b"via: x\r\n", "http://site4.example/"),
}
GONE = ("copy of one", "copy of two")
KEPT = [name for name in RECORDS if name not in GONE]


def zstd(block: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(block, asbytes=True))


def lz4(block: bytes) -> bytes:
    return bytes(pa.Codec("lz4").compress(block, asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".warc": bytes,
    ".warc.gz": gz,
    ".warc.zst": zstd,
    ".warc.lz4": lz4,
}


def arc(names: list[str]) -> list[bytes]:
    version = b"1 1 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    pieces = [
        b"filedesc://t.arc 0.0.0.0 20200101000000 text/plain %d\n%b\n" % (len(version), version)
    ]
    for name in names:
        block = answer(html(PAGES["two" in name]))
        url = b"http://%b.example/" % name.replace(" ", "-").encode()
        head = b"%b 1.2.3.4 20200102030405 text/html %d\n" % (url, len(block))
        pieces.append(head + block + b"\n")
    return pieces


def both(path: Path, kept: Path, removed: Path, **options: Any) -> dict[str, int]:
    folders: dict[str, Any] = {"kept": kept, "removed": removed}
    config = dedup.Config(**options)
    result = dedup.run([path], path.parent / "out", config, **folders)
    found: dict[str, int] = result.summary["output"]
    return found


def by_fastwarc(path: Path) -> list[tuple[str, str]]:
    return [
        (str(one.record_type).rpartition(".")[2], one.headers.get("WARC-Target-URI") or "")
        for one in ArchiveIterator(str(path))
    ]


def by_warcio(path: Path) -> list[tuple[str, str]]:
    with path.open("rb") as file:
        return [
            (one.rec_type, one.rec_headers.get_header("WARC-Target-URI") or "")
            for one in WarcioIterator(file, check_digests=True)
        ]


def kinds(names: list[str]) -> list[str]:
    return [RECORDS[name].split(b"WARC-Type: ")[1].split(b"\r\n")[0].decode() for name in names]


@pytest.mark.parametrize("suffix", PACK)
def test_warc(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"crawl{suffix}"
    pack = PACK[suffix]
    path.write_bytes(b"".join(pack(one) for one in RECORDS.values()))
    counts = both(path, tmp_path / "kept", tmp_path / "removed")
    assert counts == {"kept": 2, "removed": 2}
    for folder, names in (("kept", KEPT), ("removed", list(GONE))):
        written = tmp_path / folder / path.name
        assert written.read_bytes() == b"".join(pack(RECORDS[name]) for name in names)
        found = by_fastwarc(written)
        assert [kind for kind, _ in found] == kinds(names)
        if suffix in (".warc", ".warc.gz"):  # warcio reads no others
            assert by_warcio(written) == found
    # What is left has no duplicates.
    assert dedup.find_duplicates(tmp_path / "kept").summary["result"]["removed"] == 0


@pytest.mark.parametrize("suffix", [".arc", ".arc.gz"])
def test_arc(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"crawl{suffix}"
    pack = gz if suffix.endswith("gz") else bytes
    pieces = arc(["one", "two", "copy of one", "copy of two"])
    path.write_bytes(b"".join(map(pack, pieces)))
    assert both(path, tmp_path / "kept", tmp_path / "removed") == {"kept": 2, "removed": 2}
    written = tmp_path / "kept" / path.name
    assert written.read_bytes() == b"".join(map(pack, pieces[:3]))
    with written.open("rb") as file:
        urls = [one.rec_headers.get_header("uri") for one in WarcioIterator(file)]
    assert urls == ["filedesc://t.arc", "http://one.example/", "http://two.example/"]


def test_wacz(tmp_path: Path) -> None:
    """Its WARC files go to a folder that has its name."""
    path = tmp_path / "in" / "crawl.wacz"
    path.parent.mkdir()
    half = [list(RECORDS)[:4], list(RECORDS)[4:]]
    with zipfile.ZipFile(path, "w") as archive:
        for number, suffix in enumerate((".warc.gz", ".warc")):
            content = b"".join(PACK[suffix](RECORDS[name]) for name in half[number])
            archive.writestr(f"archive/{number}{suffix}", content)
        archive.writestr("datapackage.json", "{}")
    assert both(path, tmp_path / "kept", tmp_path / "removed") == {"kept": 2, "removed": 2}
    for folder, is_kept in (("kept", True), ("removed", False)):
        root = tmp_path / folder / "crawl.wacz" / "archive"
        assert sorted(p.name for p in root.iterdir()) == ["0.warc.gz", "1.warc"]
        for number, suffix in enumerate((".warc.gz", ".warc")):
            written = root / f"{number}{suffix}"
            names = [
                name for name in half[number] if (name not in GONE if is_kept else name in GONE)
            ]
            expected = b"".join(PACK[suffix](RECORDS[name]) for name in names)
            assert written.read_bytes() == expected
            if names:
                assert by_fastwarc(written) == by_warcio(written)
                assert [kind for kind, _ in by_fastwarc(written)] == kinds(names)
    later = {"kept": tmp_path / "later", "annotated": tmp_path / "annotated"}
    out = path.parent / "out"
    assert dedup.filter_files(out, [path], **later) == {"kept": 2, "annotated": 4}
    again = later["kept"] / "crawl.wacz" / "archive" / "0.warc.gz"
    assert again.read_bytes() == (tmp_path / "kept/crawl.wacz/archive/0.warc.gz").read_bytes()
    with pytest.raises(dedup.OutputExistsError, match="would overwrite the input"):
        dedup.filter_files(out, [path], kept=path.parent, overwrite=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/2.warc", b"".join(RECORDS.values()))
    with pytest.raises(dedup.InputError, match=r"2\.warc is new"):
        dedup.filter_files(out, [path], kept=tmp_path / "more")


def test_a_wacz_cannot_write_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "in" / "crawl.wacz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.warc", b"".join(RECORDS.values()))
    with pytest.raises(dedup.InputError, match="has no path inside its argument"):
        dedup.run([path], tmp_path / "out", dedup.Config(), kept=tmp_path / "kept")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


@needs_corpora
@pytest.mark.parametrize("name", ["blackbook.warc.gz", "revisits.warc.gz", "iana.warc.gz"])
def test_real_archives_are_read_back_by_both(name: str, tmp_path: Path) -> None:
    result = dedup.run(
        [CORPORA / name], tmp_path / "out", dedup.Config(threshold="0.6"), kept=tmp_path / "kept"
    )
    written = by_fastwarc(tmp_path / "kept" / name)
    assert written == by_warcio(tmp_path / "kept" / name)
    removed = result.summary["result"]["removed"]
    assert len(written) == len(by_fastwarc(CORPORA / name)) - removed


def revisit(date: str, *headers: str) -> bytes:
    made = record("revisit", answer(b""), "http://site9.example/", date)
    return made.replace(b"\r\n\r\n", "".join(f"\r\n{h}" for h in headers).encode() + b"\r\n\r\n", 1)


def with_id(page: bytes, name: str) -> bytes:
    return page.replace(b"\r\n\r\n", f"\r\nWARC-Record-ID: <urn:uuid:{name}>\r\n\r\n".encode(), 1)


@pytest.mark.parametrize("whole", [False, True])
def test_revisits_go_with_their_page(whole: bool, tmp_path: Path) -> None:
    """By id or by URI and date, also in another file; those of pages that stay, stay."""
    date = "WARC-Refers-To-Date: 2020-01-0{}T00:00:00Z"
    uri = "WARC-Refers-To-Target-URI: http://site{}.example/"
    first = [
        with_id(response(1, 0), "kept"),
        with_id(response(3, 0), "gone"),
        with_id(response(4, 0), "gone too"),
        # The same page twice, of which one stays: a revisit finds it by either name.
        with_id(response(1, 0), "kept"),
    ]
    gone = {
        "a": revisit("2021-01-01T00:00:00Z", "WARC-Refers-To: <urn:uuid:gone>"),
        "b": revisit("2021-01-02T00:00:00Z", uri.format(4), date.format(4)),
        "c": revisit(
            "2021-01-03T00:00:00Z", "WARC-Refers-To: <urn:uuid:x>", uri.format(3), date.format(3)
        ),
    }
    stay = {
        "d": revisit("2021-01-04T00:00:00Z", "WARC-Refers-To: <urn:uuid:kept>"),
        "e": revisit("2021-01-05T00:00:00Z", uri.format(1), date.format(1)),
        "f": revisit("2021-01-06T00:00:00Z", uri.format(3), date.format(4)),
        "g": revisit("2021-01-07T00:00:00Z", uri.format(3)),
        "h": revisit("2021-01-08T00:00:00Z"),
        "i": revisit("2021-01-09T00:00:00Z", "WARC-Refers-To: <urn:uuid:nowhere>"),
    }
    second = [gone["a"], stay["d"], stay["e"], gone["b"], stay["f"], stay["g"], stay["h"],
              stay["i"], gone["c"]]  # fmt: skip

    def packed(records: list[bytes]) -> bytes:
        pieces = [b"".join(records)] if whole and records else records
        return b"".join(map(gz, pieces))

    root = tmp_path / "in"
    root.mkdir()
    (root / "1.warc.gz").write_bytes(b"".join(map(gz, first)))
    (root / "2.warc.gz").write_bytes(packed(second))
    counts = both(root, tmp_path / "kept", tmp_path / "removed")
    assert counts == {"kept": 1, "removed": 3}
    later = {"kept": tmp_path / "later" / "kept", "removed": tmp_path / "later" / "removed"}
    dedup.filter_files(tmp_path / "out", [root], **later)
    for folder in (tmp_path, tmp_path / "later"):
        kept = gzip.decompress((folder / "kept" / "2.warc.gz").read_bytes())
        assert kept == b"".join(one for one in second if one in stay.values())
        removed = gzip.decompress((folder / "removed" / "2.warc.gz").read_bytes())
        assert removed == b"".join(one for one in second if one in gone.values())


@needs_corpora
def test_real_revisits_refer_to_what_is_there(tmp_path: Path) -> None:
    """What is removed takes its revisits along, and no other record is touched."""
    name = "iana.warc.gz"
    config = dedup.Config(threshold="0.2", extract="all")
    folders: dict[str, Any] = {"kept": tmp_path / "kept", "removed": tmp_path / "removed"}
    dedup.run([CORPORA / name], tmp_path / "out", config, **folders)
    gone = {
        (one.headers.get("WARC-Target-URI"), one.headers.get("WARC-Date"))
        for one in ArchiveIterator(str(tmp_path / "removed" / name))
        if "revisit" not in str(one.record_type)
    }
    assert gone
    for folder, is_kept in (("kept", True), ("removed", False)):
        for one in ArchiveIterator(str(tmp_path / folder / name)):
            get = one.headers.get
            referred = get("WARC-Refers-To-Target-URI"), get("WARC-Refers-To-Date")
            if "revisit" in str(one.record_type):
                assert (referred in gone) != is_kept
    total = sum(len(by_fastwarc(tmp_path / folder / name)) for folder in folders)
    assert total == len(by_fastwarc(CORPORA / name))
