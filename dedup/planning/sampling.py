"""A sample of the input: slices spread over all files, the same at every call.

Streams (compressed files, web archives) can be read from their beginning only: of these the first
bytes on disk are taken. Sizes are bytes on disk, the one thing that is known of every file.
"""

from __future__ import annotations

import os
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from dedup.io.base import Columns, InputFile, Part
from dedup.io.formats import FORMATS
from dedup.io.places import opened

WHOLE_BYTES = 8 << 20
"""Input up to this is read whole."""
SLICE_BYTES = 1 << 19
"""Copies often lie close together: a slice is long enough to see them."""
_SAMPLE_BYTES = 24 << 20
_NUM_SLICES = 32
LEAST_SLICES = 4
"""Fewer tell nothing of what lies in other slices."""
_HEAD_BYTES = 1 << 20
_MOST_PARTS = 50_000
_DECODED_BYTES = 32 << 20
"""The k-th share of a row group is read by way of those before it: at most so much of it."""
_SEED = 20


@dataclass(frozen=True)
class Slice:
    """Consecutive records of one file.

    Attributes
    ----------
    weight : the bytes of the file on disk that it stands for.
    """

    part: Part
    file: InputFile
    weight: float


def is_stream(file: InputFile) -> bool:
    """Tell whether a file can be read from its beginning only."""
    return file.codec is not None or file.format == "warc"


def whole(files: list[InputFile], columns: Columns) -> Iterator[Slice]:
    """Yield all of the files."""
    for file in files:
        parts = FORMATS[file.format].split(file, columns, WHOLE_BYTES)
        total = sum(part.size for part in parts)
        for part in parts:
            yield Slice(part, file, file.size * part.size / max(1, total))


def sampled(files: list[InputFile], columns: Columns, scratch: str) -> Iterator[Slice]:
    """Yield some 20 MB of the files, in input order.

    Slices are drawn independently, by size: two of them, however near, have the same chance.


    Parameters
    ----------
    scratch : folder for the beginnings of streams.
    """
    chooser = random.Random(_SEED)
    ends = list(accumulate(file.size for file in files))
    parts: dict[int, _Parts] = {}
    chosen: set[tuple[int, int]] = set()
    size = 0
    for _ in range(_NUM_SLICES):
        if size >= _SAMPLE_BYTES and len(chosen) >= LEAST_SLICES:
            break
        place = chooser.random() * ends[-1]
        owner = min(bisect_right(ends, place), len(files) - 1)
        file = files[owner]
        number = 0
        if not is_stream(file):
            if owner not in parts:
                target = max(SLICE_BYTES, ends[-1] // _MOST_PARTS)
                parts[owner] = _Parts(file, columns, target)
            number = parts[owner].at(1 - (ends[owner] - place) / file.size)
        if (owner, number) not in chosen:
            chosen.add((owner, number))
            size += _HEAD_BYTES if is_stream(file) else parts[owner].sizes[number]
    for owner, number in sorted(chosen):
        if is_stream(files[owner]):
            yield _head(files[owner], columns, scratch)
        else:
            yield parts[owner].slice(number)


class _Parts:
    """The parts of one file that a sample may take."""

    def __init__(self, file: InputFile, columns: Columns, target: int) -> None:
        self._file = file
        parts = FORMATS[file.format].split(file, columns, target)
        self._total = max(1, sum(part.size for part in parts))
        self._parts = [part for part in parts if part.share[0] * part.size <= _DECODED_BYTES]
        self.sizes = [part.size for part in self._parts]
        self._ends = list(accumulate(self.sizes))

    def at(self, place: float) -> int:
        """Return the part at a place of the file, from 0 to 1."""
        return min(bisect_right(self._ends, place * self._ends[-1]), len(self._parts) - 1)

    def slice(self, number: int) -> Slice:
        """Return the slice that is one part."""
        weight = self._file.size * self.sizes[number] / self._total
        return Slice(self._parts[number], self._file, weight)


def _head(file: InputFile, columns: Columns, scratch: str) -> Slice:
    """Copy the beginning of a stream; it reads like a file that was cut off there."""
    path = os.path.join(scratch, f"{file.ordinal:06d}-{os.path.basename(file.path)}")
    with opened(file.path) as source, open(path, "wb") as copy:
        size = copy.write(source.read(_HEAD_BYTES))
    head = replace(file, path=path, size=size)
    return Slice(FORMATS[file.format].split(head, columns, size)[0], file, size)
