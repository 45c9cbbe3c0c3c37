"""Damage inside web archives: what lies behind it is read, and it is counted with its offset."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from io_files import Read, read
from test_warc import SENTENCE, answer, gz, html, record

from dedup.io.archive import MAX_DAMAGES
from dedup.io.boundaries import first_boundary
from dedup.io.warc import FORMAT

PACKS: dict[str, Callable[[bytes], bytes]] = {
    ".warc": bytes,
    ".warc.gz": gzip.compress,
    ".warc.zst": lambda content: bytes(pa.Codec("zstd").compress(content, asbytes=True)),
    ".warc.lz4": lambda content: bytes(pa.Codec("lz4").compress(content, asbytes=True)),
}
suffixes = pytest.mark.parametrize("suffix", PACKS)


def page(number: int, off_by: int = 0) -> bytes:
    """Return a response whose Content-Length is wrong by so many bytes."""
    rng = random.Random(number)
    words = " ".join("".join(rng.choices("abcdefghijkl", k=6)) for _ in range(60))
    block = answer(html(f"Page {number}. {SENTENCE} {words}"))
    whole = record("response", block, f"http://a.org/{number}")
    true = b"Content-Length: %d\r\n\r\n" % len(block)
    assert true in whole
    return whole.replace(true, b"Content-Length: %d\r\n\r\n" % (len(block) + off_by), 1)


def numbers(found: Read) -> list[int]:
    return [int(n) for text in found.texts for n in re.findall(r"^Page (\d+)\.", str(text))]


def offsets(found: Read) -> list[int]:
    return [
        int(re.findall(r"at byte (\d+)", problem.detail)[0])
        for problem in found.problems
        if problem.reason in ("damaged", "truncated")
    ]


@suffixes
@pytest.mark.parametrize("off_by", [-60, -1, 1, 60, 700, 5_000, 1 << 30, 1 << 40, (1 << 62)])
def test_a_wrong_length_in_the_middle(suffix: str, off_by: int, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    pieces = [PACKS[suffix](page(n, off_by if n in (2, 5) else 0)) for n in range(8)]
    path.write_bytes(b"".join(pieces))
    found = read(path)
    assert numbers(found) == list(range(8))
    starts = np.cumsum([0, *map(len, pieces)]).tolist()
    if off_by != 1:  # one of the two line ends after the record, which readers let pass
        assert offsets(found) == [starts[2], starts[5]]
    for number, text in enumerate(found.texts):
        assert str(text).startswith(f"Page {number}.")
        assert f"Page {number + 1}." not in str(text)
        assert "WARC" not in str(text)


@suffixes
@pytest.mark.parametrize("kind", ["request", "metadata", "warcinfo"])
@pytest.mark.parametrize("length", [0, 10_000, 1 << 63])
def test_a_wrong_length_of_what_is_no_page(
    suffix: str, kind: str, length: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    other = record(kind, b"GET / HTTP/1.1\r\n\r\n")
    wrong = other.replace(b"Content-Length: 18", b"Content-Length: %d" % length)
    pieces = [PACKS[suffix](piece) for piece in (page(0), wrong, page(1), page(2))]
    path.write_bytes(b"".join(pieces))
    found = read(path)
    assert numbers(found) == [0, 1, 2]
    assert offsets(found) == [len(pieces[0])]


@suffixes
@pytest.mark.parametrize("harm", ["zeros", "garbage", "cut", "lost"])
def test_harm_between_and_in_records(suffix: str, harm: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    pieces = [PACKS[suffix](page(n)) for n in range(6)]
    rng = random.Random(1)
    if harm == "zeros":
        pieces.insert(3, bytes(3_000))
    elif harm == "garbage":
        pieces.insert(3, rng.randbytes(3_000))
    elif harm == "cut":
        pieces[2] = pieces[2][: len(pieces[2]) // 2]
    else:
        middle = len(pieces[2]) // 2
        pieces[2] = pieces[2][: middle - 60] + rng.randbytes(120) + pieces[2][middle + 60 :]
    path.write_bytes(b"".join(pieces))
    found = read(path)
    assert {0, 1, 3, 4, 5} <= set(numbers(found))
    if harm in ("zeros", "garbage"):
        assert numbers(found) == list(range(6))
    if suffix == ".warc.gz" or harm != "lost":  # nobody can see that a plain body was overwritten
        assert len(found.problems) == 1


@suffixes
def test_random_harm_loses_only_what_it_meets(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    pieces = [PACKS[suffix](page(n)) for n in range(30)]
    starts = np.cumsum([0, *map(len, pieces)])
    for seed in range(25):
        rng = random.Random(seed)
        content = bytearray(b"".join(pieces))
        places = [(rng.randrange(len(content)), rng.randrange(1, 400)) for _ in range(3)]
        met = {0} if min(place for place, _ in places) < 4 else set()
        for place, length in places:
            harm = rng.randbytes(length) if rng.random() < 0.5 else bytes(length)
            content[place : place + length] = harm[: len(content) - place]
            first, last = np.searchsorted(starts, [place, place + length], "right") - 1
            # The blank lines before a record belong to it too: its start is told by them.
            met |= set(range(int(first), int(last) + 2))
        path.write_bytes(content)
        found = read(path)
        assert set(numbers(found)) | met >= set(range(30)), (seed, found.problems)
        again = read(path, batch=1)
        assert (again.ids, again.texts) == (found.ids, found.texts)
        out = tmp_path / f"out{suffix}"
        FORMAT.copy(found.parts, np.ones(len(found.ids), bool), str(out), others=True)
        if 0 not in met:
            assert out.read_bytes() == content


def test_a_file_of_nothing_but_starts_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(b"WARC/1.0\r\nx:\r\n\r\n" * 3 * MAX_DAMAGES)
    found = read(path)
    assert found.texts == []
    assert MAX_DAMAGES <= len(found.problems) <= MAX_DAMAGES + 1
    path.write_bytes(b"WARC/1.0\r\nWARC-Type: response\r\nx:\r\n" * 100_000)
    assert read(path).texts == []


@suffixes
def test_boundaries_are_the_offsets_of_records(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    pieces = [PACKS[suffix](page(n)) for n in range(2_000)]
    path.write_bytes(b"".join(pieces))
    starts = np.cumsum([0, *map(len, pieces)]).tolist()
    for start in [0, 1, starts[1] - 1, starts[1], starts[1] + 1, starts[900] + 7, starts[-2]]:
        expected = next((offset for offset in starts[:-1] if offset >= start), None)
        assert first_boundary(str(path), start) == expected
    assert first_boundary(str(path), starts[-2] + 1) is None


def test_an_archive_in_a_sound_record_is_no_record(tmp_path: Path) -> None:
    for suffix, pack in PACKS.items():
        inner = b"\r\n" + pack(page(7)) + pack(page(8))
        outer = record("response", answer(inner, 200, "application/warc"), "http://a.org/9")
        path = tmp_path / f"a{suffix}"
        stored = gzip.compress(outer, 0) if suffix == ".warc.gz" else pack(outer)
        path.write_bytes(pack(page(0)) + stored + pack(page(1)) + stored)
        found = read(path)
        assert numbers(found) == [0, 1]
        assert found.problems == []


@pytest.mark.parametrize("suffix", [".arc", ".arc.gz"])
@pytest.mark.parametrize(
    "harm",
    [b"garbage\n", b"\0" * 5_000 + b"\n", b"g " * 50_000 + b"\n", b"\n\n", None],
)
def test_arc(suffix: str, harm: bytes | None, tmp_path: Path) -> None:
    """Between the records; or where the fourth promises more than it has."""
    pytest.importorskip("warcio")
    pack = gz if suffix == ".arc.gz" else bytes
    pieces = []
    for number in range(8):
        block = answer(html(f"Page {number}. {SENTENCE}"))
        size = len(block) + (100 if harm is None and number == 3 else 0)
        head = b"http://a.org/%d 1.2.3.4 20200102030405 text/html %d\n" % (number, size)
        pieces.append(pack(head + block + b"\n"))
    if harm is not None:
        pieces.insert(4, pack(harm))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"".join(pieces))
    found = read(path)
    assert numbers(found) == list(range(8))
    is_gap = harm == b"\n\n" and suffix == ".arc"
    assert found.reasons() == ([] if is_gap else ["damaged"])
    if not is_gap:
        assert offsets(found)[0] in (len(b"".join(pieces[:3])), len(b"".join(pieces[:4])))
