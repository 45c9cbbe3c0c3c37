"""Pages and files made to cost time or memory: what they may cost, and what is said of them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_files import read
from test_warc import SENTENCE, answer, gz, html, record

from dedup.io.arc import _Records
from dedup.io.nesting import MAX_TAGS
from dedup.io.pages import MAX_CHARS, MIN_CHARS

GOOD = record("response", answer(html(SENTENCE)), "http://good.org/")
MAX_BYTES = 1 << 30
"""Peak memory of reading any one file here; a page of a million tags takes the most."""
MAX_SECONDS = 60.0
"""Ten times what any of them takes alone: it tells hanging from slow, no more."""
MEASURED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from io_files import read
found = read(sys.argv[2])
# Not ru_maxrss, which holds what the parent had when it forked.
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) << 10
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
@pytest.mark.parametrize("place", ["archive", "body"])
def test_a_bomb_of_ten_gigabytes(place: str, tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    bomb = bomb_inside(10 << 30)
    if place == "body":
        bomb = gzip.compress(packed(zeros_in_gzip(10 << 30)))
    path.write_bytes(bomb + gzip.compress(GOOD))
    assert path.stat().st_size < 11 << 20
    command = [sys.executable, "-c", MEASURED, str(Path(__file__).parent), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=4 * MAX_SECONDS)
    found = json.loads(done.stdout)
    assert found["excluded"] == {"payload over 64 MiB": 1}
    assert (found["texts"], found["reasons"]) == (1, [])
    assert found["peak"] < MAX_BYTES


RUN = """
import json, resource, subprocess, sys
code = "from dedup.cli import main; main()"
done = subprocess.run([sys.executable, "-c", code, "run", *sys.argv[1:]])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
print(json.dumps({"peak": peak, "code": done.returncode}))
"""


def run_measured(source: Path, out: Path, *options: str) -> tuple[int, int, dict[str, Any]]:
    """Return exit code, the peak memory of any process, and the summary."""
    command = [sys.executable, "-c", RUN, str(source), "-o", str(out), "--quiet", *options]
    done = subprocess.run(command, capture_output=True, check=True, timeout=4 * MAX_SECONDS)
    assert b"Traceback" not in done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return found["code"], found["peak"], json.loads((out / "summary.json").read_text())


def test_a_page_of_single_letters(tmp_path: Path) -> None:
    """A token is 25 bytes of memory at most, so that 30 million of them would be 750 MB."""
    letters = b"a b c " * 10_000_000
    source = tmp_path / "in"
    source.mkdir()
    pages = [
        record("response", answer(letters, 200, "text/plain"), "http://a.org/1"),
        record("response", answer(b"<p>" + letters), "http://a.org/2"),
    ]
    (source / "a.warc").write_bytes(b"".join([*pages, GOOD]))
    (source / "a.html").write_bytes(b"<p>" + letters)
    code, peak, summary = run_measured(source, tmp_path / "out", "--workers", "1")
    assert peak < 700 << 20
    assert (code, summary["input"]["documents"], summary["input"]["null_text"]) == (0, 4, 3)
    assert summary["input"]["problems"] == {"text over 10,000,000 characters": 3}
    second = len(pages[0])
    assert any(f"http://a.org/2 at byte {second} of" in line for line in lines_of(summary))


def lines_of(summary: dict[str, Any]) -> list[str]:
    return list(summary["input"]["problem_lines"])


def test_the_shortest_text_that_is_compared(tmp_path: Path) -> None:
    texts = [b"", b" ", b"x" * (MIN_CHARS - 1), b"x" * MIN_CHARS, b"Not Found"]
    path = tmp_path / "a.warc"
    pages = [answer(text, 200, "text/plain") for text in texts]
    path.write_bytes(b"".join(record("response", page, "http://a.org/") for page in pages))
    found = read(path)
    assert [text is None for text in found.texts] == [False, False, True, False, True]
    reasons = {problem.row: problem.reason for problem in found.problems}
    assert reasons == dict.fromkeys((2, 4), f"text under {MIN_CHARS} characters")


def test_the_longest_text_that_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    pages = [answer(b"x" * size, 200, "text/plain") for size in (MAX_CHARS, MAX_CHARS + 1)]
    path.write_bytes(b"".join(record("response", page, "http://a.org/") for page in pages))
    found = read(path, batch=1 << 30)
    assert [text is None for text in found.texts] == [False, True]
    assert [problem.row for problem in found.problems] == [1]


def test_all_of_it_in_one_run(tmp_path: Path) -> None:
    """Readable pages are found, damage is named with file and offset, and the exit code is 3."""
    pytest.importorskip("warcio")
    source = tmp_path / "in"
    source.mkdir()
    good = [
        record("response", answer(html(f"{SENTENCE} {n}")), f"http://g{n}.org/") for n in (1, 2)
    ]
    first, last = map(gz, good)
    length = b"Content-Length: "
    size = good[0].split(length)[1].split(b"\r\n")[0]
    redirects = (
        record(
            "response", answer(b"", 301 + n % 2, "text/html", f"Location: /{n}"), f"http://r/{n}"
        )
        for n in range(10_000)
    )
    latin = (
        good[0]
        .replace(b"http://g1", b"http://g\xff\xfe")
        .replace(b"charset=utf-8", b"ch\xe9rs\xfft=utf-8")
    )
    frame = pa.Codec("zstd").compress(good[0], asbytes=True)
    lz4 = pa.Codec("lz4").compress(good[0], asbytes=True)
    files = {
        "2-63.warc": good[0].replace(length + size, length + b"%d" % (1 << 63)) + good[1],
        "lies.warc": good[0].replace(length + size, length + b"%d" % (int(size) - 50)) + good[1],
        "redirects.warc.gz": b"".join([*(gz(one) for one in redirects), last]),
        "latin.warc": latin + good[1],
        "cut.warc.gz": first[:-60] + last,
        "end.warc.gz": last + first[:-60],
        "zst.warc.zst": frame[:-60] + pa.Codec("zstd").compress(good[1], asbytes=True),
        "lz4.warc.lz4": lz4[:-60] + pa.Codec("lz4").compress(good[1], asbytes=True),
        "nested.warc": record("response", answer(b"<div>" * MAX_TAGS), "http://n.org/") + good[1],
        "bomb.warc.gz": gz(packed(zeros_in_gzip(256 << 20))) + last,
        "zeros.warc": bytes(1 << 20),
        "zeros.warc.gz": bytes(1 << 20),
        "zeros.arc": bytes(1 << 20),
    }
    for name, content in files.items():
        (source / name).write_bytes(content)
    code, peak, summary = run_measured(source, tmp_path / "out")
    assert code == 3
    assert peak < MAX_BYTES
    found = pq.read_table(tmp_path / "out" / "clusters.parquet")
    seconds = [row["file"] for row in found.to_pylist() if row["url"] == "http://g2.org/"]
    assert sorted(seconds) == sorted(name for name in files if not name.startswith("zeros"))
    assert summary["input"]["excluded"]["status 301"] == 5_000
    assert summary["input"]["excluded"]["status 302"] == 5_000
    assert summary["input"]["excluded"]["payload over 64 MiB"] == 1
    sound = {"redirects.warc.gz", "latin.warc", "nested.warc", "bomb.warc.gz"}
    assert set(summary["input"]["unread"]) == set(files) - sound
    for name in summary["input"]["unread"]:
        (line,) = [line for line in lines_of(summary) if line.startswith(f"{name}:")]
        at = len(last) if name == "end.warc.gz" else 0
        assert f"at byte {at}" in line


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz", ".arc", ".arc.gz", ".warc.zst"])
def test_packed_zeros_are_no_archive(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("warcio")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(zeros_in_gzip(256 << 20))
    found = read(path)
    assert found.texts == []
    assert found.reasons() == ["damaged"]


@pytest.mark.parametrize("suffix", [".arc", ".arc.gz"])
@pytest.mark.parametrize("filler", [b"\0", b"x "])
def test_long_lines_in_arc_files(suffix: str, filler: bytes, tmp_path: Path) -> None:
    """Read to their ends, 32 MB would take 15 s, and four times that a minute."""
    pytest.importorskip("warcio")
    block = answer(html(SENTENCE))
    good = b"http://a.org/ 1.2.3.4 20200102030405 text/html %d\n%b\n" % (len(block), block)
    pack = gz if suffix == ".arc.gz" else bytes
    path = tmp_path / f"a{suffix}"
    path.write_bytes(pack(good) + pack(filler * (1 << 24) + b"\n") + pack(good))
    lines: list[int] = []
    found = read(path)
    assert len(found.texts) == 2
    assert found.reasons() == ["damaged"]
    with path.open("rb") as source:
        reader = _Records(source)
        any_line = reader._any_line
        reader._any_line = lambda size: lines.append(size) or any_line(size)
        with pytest.raises(ValueError, match="a line too long"):
            for _ in reader:
                pass
    assert max(lines) <= 1 << 14
