"""Records of web archives copied whole: where each lies in its file, and the bytes that are taken.

A record that is compressed on its own is copied as it is. Those of a file that was compressed in
one piece have no bytes of their own: the chosen ones are compressed anew, one by one.
"""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.io.base import Problem
from dedup.io.codecs import DamagedError, unpacked
from dedup.io.inputs import InputFile
from dedup.io.pages import Page
from dedup.io.places import opened

__all__ = ["Pages", "copy_ranges", "layout", "repack"]

COPY_BYTES = 1 << 20

Pages = Callable[[str, Counter[str], list[Problem]], Iterator[tuple[int, Page | None]]]
"""(path, why records are no documents, damage) -> the offset of every record, and its page."""


def layout(
    pages: Pages, path: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint64]]:
    """Return the offset of every record, whether it is a page, and the digests of the pages."""
    offsets: list[int] = []
    is_page: list[bool] = []
    digests: list[int] = []
    for offset, page in pages(path, Counter(), []):  # damage was said when the file was read
        offsets.append(offset)
        is_page.append(page is not None)
        if page is not None:
            digests.append(page.digest)
    return (
        np.array(offsets, np.int64),
        np.array(is_page, np.bool_),
        np.array(digests, np.uint64),
    )


def copy_ranges(
    path: str,
    out_path: str,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    chosen: NDArray[np.bool_],
) -> None:
    """Write the chosen ranges of bytes."""
    with opened(path) as source, open(out_path, "wb") as out:
        for start, stop in zip(starts[chosen].tolist(), stops[chosen].tolist(), strict=True):
            _copy_range(source, start, stop, out)


def _copy_range(source: IO[bytes], start: int, stop: int, out: IO[bytes]) -> None:
    source.seek(start)
    while start < stop and (block := source.read(min(COPY_BYTES, stop - start))):
        out.write(block)
        start += len(block)


def repack(pages: Pages, file: InputFile, out_path: str, chosen: NDArray[np.bool_]) -> None:
    """Write the chosen records of a file that was compressed in one piece, a member each."""
    plain_path = f"{out_path}.plain"
    try:
        with open(plain_path, "wb") as plain:
            try:
                for block in unpacked(file.path, file.codec):
                    plain.write(block)
            except DamagedError:
                pass
            size = plain.tell()
        offsets, *_ = layout(pages, plain_path)
        stops = np.append(offsets[1:], size)
        with open(plain_path, "rb") as source, open(out_path, "wb") as out:
            for start, stop in zip(offsets[chosen].tolist(), stops[chosen].tolist(), strict=True):
                if file.codec == "gzip":
                    with gzip.GzipFile("", "wb", 6, out, 0) as member:
                        _copy_range(source, start, stop, member)  # type: ignore[arg-type]
                else:
                    source.seek(start)
                    codec = pa.Codec("lz4" if file.codec == "lz4" else "zstd")
                    out.write(codec.compress(source.read(stop - start), asbytes=True))
    finally:
        os.remove(plain_path)
