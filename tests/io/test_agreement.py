"""Records of real crawls, in every codec, against FastWARC and warcio; copies are read by both."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from io_files import one, read
from test_warc import CORPORA, gz, needs_corpora

from dedup.io.base import Columns

pytest.importorskip("fastwarc")
pytest.importorskip("resiliparse")
pytest.importorskip("warcio")

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator as SlowIterator
from warcio.exceptions import ArchiveLoadFailed

from dedup.io.warc import FORMAT

pytestmark = needs_corpora
NAMES = sorted(p.name for p in CORPORA.glob("*.warc*") if p.name != "example-trunc.warc")
"""All that FastWARC reads to the end: see `test_counts_agree_with_fastwarc` for the other one."""
DAMAGED = {"clipped.warc.gz"}
"""Its last member ends early."""
AS_IT_IS = Columns(extract="none")


def codec(name: str) -> Callable[[bytes], bytes]:
    return lambda content: bytes(pa.Codec(name).compress(content, asbytes=True))


PACKS: dict[str, Callable[[list[bytes]], bytes]] = {
    "plain.warc": b"".join,
    "member.warc.gz": lambda records: b"".join(map(gz, records)),
    "whole.warc.gz": lambda records: gz(b"".join(records)),
    "record.warc.zst": lambda records: b"".join(map(codec("zstd"), records)),
    "whole.warc.zst": lambda records: codec("zstd")(b"".join(records)),
    "record.warc.lz4": lambda records: b"".join(map(codec("lz4"), records)),
    "whole.warc.lz4": lambda records: codec("lz4")(b"".join(records)),
}


@cache
def records_of(name: str) -> tuple[bytes, ...]:
    """Return the records of a corpus as they are when unpacked."""
    content = (CORPORA / name).read_bytes()
    if name.endswith(".gz"):
        packed, content = content, b""
        while packed:
            member = zlib.decompressobj(31)
            content += member.decompress(packed)
            packed = member.unused_data
    starts = [record.stream_pos for record in fast(io.BytesIO(content))]
    return tuple(content[a:b] for a, b in zip(starts, [*starts[1:], len(content)], strict=True))


def fast(source: Any) -> list[Any]:
    return list(FastIterator(source, parse_http=False))


def fast_ids(source: Any) -> list[tuple[str | None, int]]:
    """Return what each record is, by FastWARC, and the bytes that it reads of it."""
    found = FastIterator(source, parse_http=False)
    return [(r.headers.get("WARC-Record-ID"), len(r.reader.read())) for r in found]


def slow_ids(content: bytes) -> list[tuple[str | None, int]]:
    """Return the same by warcio."""
    found = SlowIterator(io.BytesIO(content), no_record_parse=True)
    return [(r.rec_headers.get_header("WARC-Record-ID"), len(r.raw_stream.read())) for r in found]


def unpacked(path: Path) -> bytes:
    name = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}.get(path.suffix)
    content = path.read_bytes()
    if name is None:
        return content
    return bytes(pa.CompressedInputStream(pa.BufferReader(content), name).read())


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("name", NAMES)
def test_counts_and_copies(name: str, pack: str, tmp_path: Path) -> None:
    path, out = tmp_path / pack, tmp_path / f"kept-{pack}"
    path.write_bytes(PACKS[pack](list(records_of(name))))
    found = read(path, AS_IT_IS)
    count = len(found.texts) + found.excluded.total()
    assert count == len(fast_ids(str(path))) == len(records_of(name))
    if name not in DAMAGED:
        assert found.damage() == []
        try:
            assert len(slow_ids(path.read_bytes())) == count
        except ArchiveLoadFailed:  # it reads neither zstd and LZ4, nor gzip of one piece
            assert pack not in ("plain.warc", "member.warc.gz")

    mask = np.arange(len(found.texts)) % 2 == 0
    assert FORMAT.copy(found.parts, mask, str(out), others=True) == np.count_nonzero(mask)
    kept = fast_ids(str(out))
    assert len(kept) == count - np.count_nonzero(~mask)
    before = iter(fast_ids(str(path)))
    assert all(record in before for record in kept)  # each whole, and in order
    if name not in DAMAGED:
        assert slow_ids(unpacked(out)) == kept
        assert not read(out, AS_IT_IS).problems
        if pack in ("plain.warc", "member.warc.gz"):
            assert slow_ids(out.read_bytes()) == kept


def test_arc_counts_agree_with_warcio() -> None:
    path = CORPORA / "blackbook.arc.gz"
    with path.open("rb") as source:
        count = sum(1 for _ in SlowIterator(source, no_record_parse=True))
    found = read(path, AS_IT_IS)
    assert len(found.texts) + found.excluded.total() == count
    assert one(path).format == "arc"
