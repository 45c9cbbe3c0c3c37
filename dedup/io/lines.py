r"""Files of lines: byte ranges, compressed streams and standard input, as raw lines.

Lines end at ``\n`` alone and keep it; what else stands in them is the format's business. A line
belongs to the byte range in which it starts, so that any cutting gives the same lines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dedup.errors import InputError
from dedup.io.base import Columns, InputFile, Part, Problem, unreadable
from dedup.io.codecs import BLOCK_BYTES, DamagedError, codec_of, packed, unpacked
from dedup.io.inputs import STDIN
from dedup.io.places import opened

if TYPE_CHECKING:
    from dedup.io.records import RecordCheck

__all__ = [
    "BOM",
    "Records",
    "broken",
    "byte_ranges",
    "copy_records",
    "file_lines",
    "part_lines",
    "peeked",
    "spool_records",
    "stored_records",
]

BOM = b"\xef\xbb\xbf"
SAMPLE_BYTES = 1 << 20
"""Of the start of a file, looked at to see which columns it has."""

Records = Callable[[Iterable[bytes]], Iterator[bytes]]
"""Raw lines -> raw records, blank lines among them."""


def part_lines(part: Part) -> Iterator[bytes]:
    """Yield the raw lines of a part, the last one perhaps without a newline.

    Raises
    ------
    DamagedError : after the last line, where the compressed stream ends early or is damaged.
    InputError : the file cannot be opened.
    """
    try:
        if part.path is not None:
            with open(part.path, "rb", buffering=BLOCK_BYTES) as chunk:
                yield from chunk
        elif part.file.codec is not None:
            blocks = unpacked(part.file.path, part.file.codec)
            yield from _lines(_after(blocks, part.start))
        else:
            with opened(part.file.path) as whole:
                yield from _range(whole, part.start, part.stop, len(part.header))
    except OSError as error:
        raise unreadable(part.file, part.file.format, error) from error


def byte_ranges(size: int, target_bytes: int) -> list[tuple[int, int]]:
    """Cut `size` bytes into equal ranges of about `target_bytes`; at least one."""
    count = max(1, round(size / max(1, target_bytes)))
    return [(size * i // count, size * (i + 1) // count) for i in range(count)]


def file_lines(file: InputFile, skip: int = 0) -> Iterator[bytes]:
    """Yield the raw lines of a whole file or of standard input, but for the first `skip` bytes."""
    if file.path == STDIN:
        return _stdin()
    return part_lines(Part(file, Columns(), skip, file.size))


def peeked(lines: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes]]:
    """Return the first lines, about `SAMPLE_BYTES` of them, and all lines."""
    taken: list[bytes] = []
    failure: DamagedError | None = None
    size = 0
    try:
        for line in lines:
            taken.append(line)
            size += len(line)
            if size >= SAMPLE_BYTES:
                break
    except DamagedError as error:
        failure = error

    return taken, chain(taken, lines if failure is None else broken(failure))


def broken(error: DamagedError) -> Iterator[bytes]:
    """Raise the error when a line is asked for."""
    yield from ()
    raise error


def spool_records(
    file: InputFile,
    records: Iterator[bytes],
    columns: Columns,
    header: bytes,
    scratch: str,
    chunk_bytes: int,
) -> Iterator[Part]:
    """Write the raw records of an unsplittable file into chunks, and yield a part for each.

    A part's `start` and `stop` are bytes of the unpacked stream. What is wrong with the stream's
    end is told in `damage` of the last part; there is at least one part.
    """
    number, start = 0, len(header)
    damage: Problem | None = None
    is_last = False
    while not is_last:
        path = os.path.join(scratch, f"{file.ordinal:06d}-{number:06d}.chunk")
        size = 0
        with open(path, "wb", buffering=BLOCK_BYTES) as chunk:
            try:
                while size < chunk_bytes:
                    record = next(records)
                    chunk.write(record)
                    size += len(record)
            except StopIteration:
                is_last = True
            except DamagedError as error:
                is_last, damage = True, error.problem()
        if is_last and damage is None and start + size == 0:
            damage = Problem("empty file")
        stop = start + size
        yield Part(file, columns, start, stop, size, path=path, header=header, damage=damage)
        number, start = number + 1, stop


def copy_records(
    parts: Sequence[Part],
    mask: NDArray[np.bool_],
    out_path: str,
    records_of: Records,
    is_blank: Callable[[bytes], bool],
    *,
    others: bool,
    check: RecordCheck | None,
) -> int:
    """Write the raw records for which `mask` is True; with `others` blank lines too."""
    written = row = 0
    with packed(out_path, parts[0].file.codec) as out:
        out.write(parts[0].header)
        for record in stored_records(parts, records_of):
            if is_blank(record):
                if others:
                    out.write(record)
                continue
            if check is not None:
                check.add(record)
            if mask[row]:
                out.write(record)
                written += 1
            row += 1
    if check is not None:
        check.finish()
    return written


def stored_records(parts: Sequence[Part], records_of: Records) -> Iterator[bytes]:
    """Yield all raw records of a file again: from its chunks while they exist, or from itself.

    Damage was told when the file was read first.
    """
    file = parts[0].file
    if all(part.path is not None and os.path.exists(part.path) for part in parts):
        again: Iterable[Part] = parts
    else:
        again = [replace(parts[0], start=len(parts[0].header), stop=file.size, path=None)]
    for part in again:
        try:
            yield from records_of(part_lines(part))
        except DamagedError:
            return


def _range(file: IO[bytes], start: int, stop: int, first: int) -> Iterator[bytes]:
    """Yield the lines that start in [start, stop); a line surely starts at byte `first`."""
    position = start
    if start > first:
        file.seek(start - 1)
        position += len(file.readline()) - 1
    else:
        file.seek(start)
    for line in file:
        if position >= stop:
            break
        position += len(line)
        yield line


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut blocks into lines; what stands before damage is a line as well."""
    open_line: list[bytes] = []
    try:
        for block in blocks:
            first, *more = block.split(b"\n")
            open_line.append(first)
            if more:
                yield b"".join(open_line) + b"\n"
                for i in range(len(more) - 1):
                    yield more[i] + b"\n"
                open_line = [more[-1]]
    except DamagedError:
        if any(open_line):
            yield b"".join(open_line)
        raise
    if any(open_line):
        yield b"".join(open_line)


def _after(blocks: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """Yield blocks but for the first `skip` bytes."""
    for block in blocks:
        yield block[skip:]
        skip = max(0, skip - len(block))


def _stdin() -> Iterator[bytes]:
    """Return the lines of standard input."""
    stream = sys.stdin.buffer
    first = stream.readline()
    codec = codec_of(first)
    if codec is not None:
        raise InputError(
            f"standard input is compressed ({codec}); unpack it on the way, as in "
            f"`{codec} -dc FILE | dedup run - -o OUT`."
        )
    return chain([first] if first else [], stream)
