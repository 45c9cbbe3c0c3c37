"""Pages and files made to cost time or memory: what they may cost, and what is said of them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from io_files import read
from test_warc import SENTENCE, answer, html, record

from dedup.io.nesting import MAX_ATTRIBUTES, MAX_TAGS, excess
from dedup.io.pages import MAX_PAGE_BYTES

GOOD = record("response", answer(html(SENTENCE)), "http://good.org/")
MAX_BYTES = 1 << 30
"""Peak memory of reading any one file here; a page of a million tags takes the most."""
MAX_SECONDS = 60.0
"""Ten times what any of them takes alone: it tells hanging from slow, no more."""
MEASURED = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from io_files import read
found = read(sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
print(json.dumps({"peak": peak, "texts": len(found.texts), "excluded": found.excluded,
                  "reasons": found.reasons()}))
"""


def zeros_in_gzip(num_bytes: int, head: bytes = b"") -> bytes:
    """Return a gzip member of the head and so many zeros, made without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(head)]
    block = bytes(1 << 20)
    pieces += [packer.compress(block) for _ in range(num_bytes >> 20)]
    return b"".join([*pieces, packer.flush()])


def packed(body: bytes) -> bytes:
    return record(
        "response", answer(body, 200, "text/html", "Content-Encoding: gzip"), "http://bomb.org/"
    )


def bomb_inside(num_bytes: int) -> bytes:
    """Return a record of zeros, small by the compression of the archive itself."""
    head = (
        b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Target-URI: http://bomb.org/\r\n"
        b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % num_bytes
    )
    return zeros_in_gzip(num_bytes, head)


FILES = {
    "coding.warc": lambda: packed(zeros_in_gzip(1 << 30)) + GOOD,
    "small coding.warc": lambda: packed(zeros_in_gzip(10 << 20)) + GOOD,
    "record.warc.gz": lambda: bomb_inside(1 << 30) + gzip.compress(GOOD),
    "tags.warc": lambda: record("response", answer(b"<p>x" * MAX_TAGS), "http://a.org/") + GOOD,
    "more tags.warc": lambda: (
        record("response", answer(b"<i>" * 4 * MAX_TAGS), "http://a.org/") + GOOD
    ),
    "nested.warc": lambda: record("response", answer(b"<div>" * MAX_TAGS), "http://a.org/") + GOOD,
    "attributes.warc": lambda: (
        record(
            "response",
            answer(b"<a " + b"".join(b'a%d=">"' % n for n in range(1_000_000)) + b">x</a>"),
            "http://a.org/",
        )
        + GOOD
    ),
}
EXPECTED = {
    "coding.warc": {"payload over 64 MiB": 1},
    "small coding.warc": {"payload unpacks to over 200 times its size": 1},
    "record.warc.gz": {"payload over 64 MiB": 1},
    "tags.warc": {},
    "more tags.warc": {"over 1,000,000 tags": 1},
    "nested.warc": {},
    "attributes.warc": {"a tag of over 10,000 attributes": 1},
}


@pytest.mark.parametrize("name", FILES)
def test_time_and_memory_are_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    command = [sys.executable, "-c", MEASURED, str(Path(__file__).parent), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=MAX_SECONDS)
    found = json.loads(done.stdout)
    assert found["excluded"] == EXPECTED[name]
    assert found["texts"] == 2 - sum(EXPECTED[name].values())
    assert found["peak"] < MAX_BYTES


@pytest.mark.slow
def test_a_bomb_of_ten_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bomb_inside(10 << 30) + gzip.compress(GOOD))
    assert path.stat().st_size < 11 << 20
    command = [sys.executable, "-c", MEASURED, str(Path(__file__).parent), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=4 * MAX_SECONDS)
    found = json.loads(done.stdout)
    assert found["excluded"] == {"payload over 64 MiB": 1}
    assert (found["texts"], found["reasons"]) == (1, [])
    assert found["peak"] < MAX_BYTES


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz", ".arc", ".arc.gz", ".warc.zst"])
def test_packed_zeros_are_no_archive(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("warcio")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(zeros_in_gzip(256 << 20))
    found = read(path)
    assert found.texts == []
    assert found.reasons() == ["damaged"]


def test_what_is_too_much() -> None:
    names = b" ".join(b"a%d" % n for n in range(MAX_ATTRIBUTES))
    assert excess(b"<a " + names + b">") == ""
    assert excess(b"<a " + names + b" b c>") == "a tag of over 10,000 attributes"
    assert excess(b"<a/" + (names + b" b c>").replace(b" ", b"/")) != ""
    values = b"".join(b"a%d='<\"'" % n for n in range(MAX_ATTRIBUTES + 2))
    assert excess(b"x<a " + values + b"><p>") != ""
    assert excess(b"<a href='data:" + b"x" * 10**6 + b"'>" + b"word " * 10**5) == ""
    assert excess(b"<p>x</p>" * 10**5) == ""
    assert excess(b"<" * (MAX_TAGS + 1)) == "over 1,000,000 tags"
    assert excess(b"<a \"'" * (MAX_TAGS - 1)) in ("", "a tag of over 10,000 attributes")
    assert MAX_PAGE_BYTES == 64 << 20
