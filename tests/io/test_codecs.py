"""Compressed streams: everything before the damage is given, and the damage is told."""

from __future__ import annotations

import bz2
import gzip
import random
from pathlib import Path

import pyarrow as pa
import pytest

from dedup.io.codecs import BLOCK_BYTES, DamagedError, codec_of, packed, unpacked

CODECS = ["gzip", "bz2", "zstd"]
PLAIN = random.Random(1).randbytes(3000) + b"words and words " * 500


def compress(content: bytes, codec: str) -> bytes:
    if codec == "zstd":
        return bytes(pa.Codec("zstd").compress(content, asbytes=True))
    return gzip.compress(content) if codec == "gzip" else bz2.compress(content)


def taken(path: Path, codec: str) -> tuple[bytes, str | None]:
    """Return what a file gives, and the reason of its damage."""
    content = b""
    try:
        for block in unpacked(str(path), codec):
            content += block
    except DamagedError as error:
        return content, error.reason
    return content, None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream"


@pytest.mark.parametrize("codec", CODECS)
def test_whole_streams_of_any_size(path: Path, codec: str) -> None:
    large = random.Random(2).randbytes(BLOCK_BYTES) * 5
    for content in (b"", b"x", PLAIN, large, b"\0" * 10_000_000):
        path.write_bytes(compress(content, codec))
        assert taken(path, codec) == (content, None)


@pytest.mark.parametrize("codec", CODECS)
def test_several_members_are_one_stream(path: Path, codec: str) -> None:
    path.write_bytes(compress(PLAIN, codec) + compress(b"", codec) + compress(b"end", codec))
    assert taken(path, codec) == (PLAIN + b"end", None)


@pytest.mark.parametrize("codec", CODECS)
def test_cut_anywhere(path: Path, codec: str) -> None:
    whole = compress(PLAIN, codec)
    given = [0]
    for cut in range(1, len(whole), 37):
        path.write_bytes(whole[:cut])
        content, reason = taken(path, codec)
        assert PLAIN.startswith(content)
        assert reason == "truncated"
        given.append(len(content))
    assert given == sorted(given)
    if codec == "gzip":  # the others work in blocks that this text does not fill
        assert given[len(given) // 2] > 1000


@pytest.mark.parametrize("codec", ["gzip", "bz2"])
def test_zero_padding_is_no_damage(path: Path, codec: str) -> None:
    path.write_bytes(compress(PLAIN, codec) + b"\0" * 1000)
    assert taken(path, codec) == (PLAIN, None)


@pytest.mark.parametrize("codec", CODECS)
def test_bytes_after_the_end_are_damage_and_cost_nothing(path: Path, codec: str) -> None:
    path.write_bytes(compress(PLAIN, codec) + b"what is this?")
    assert taken(path, codec) == (PLAIN, "damaged")


def test_wrong_checksum_costs_nothing(path: Path) -> None:
    large = random.Random(3).randbytes(BLOCK_BYTES) + b"the last words"
    whole = bytearray(gzip.compress(large))
    whole[-6] ^= 1
    path.write_bytes(whole)
    assert taken(path, "gzip") == (large, "damaged")


@pytest.mark.parametrize("codec", CODECS)
def test_damage_in_the_middle(path: Path, codec: str) -> None:
    first, second = compress(PLAIN, codec), bytearray(compress(PLAIN, codec))
    second[0] ^= 0xFF
    path.write_bytes(first + second)
    assert taken(path, codec) == (PLAIN, "damaged")


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_written_can_be_read_and_is_the_same_each_time(path: Path, codec: str) -> None:
    copies = []
    for _ in range(2):
        with packed(str(path), codec) as out:
            out.write(PLAIN)
            out.write(b"")
            out.write(b"end")
        assert taken(path, codec) == (PLAIN + b"end", None)
        copies.append(path.read_bytes())
        assert codec_of(copies[-1]) == codec
    assert copies[0] == copies[1]


def test_plain_has_no_magic() -> None:
    assert codec_of(b'{"text": 1}') is None
    assert codec_of(b"") is None
