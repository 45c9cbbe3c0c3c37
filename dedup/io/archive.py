"""The records of a web archive, those behind damage too.

A reader of records stops at what it cannot read. Then the next place is looked for where a record
may begin, and reading goes on there: what lies between is damage, counted with its offset.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Protocol

from dedup.io.base import Problem
from dedup.io.boundaries import first_boundary
from dedup.io.places import opened

__all__ = [
    "MAX_RAW_BYTES",
    "PAGE_KINDS",
    "BrokenError",
    "Reader",
    "Record",
    "Window",
    "sound_records",
]

PAGE_KINDS = frozenset(("response", "resource", "conversion"))
"""Kinds of records that may hold a page; of the others no content is read."""
MAX_RAW_BYTES = (64 << 20) + 1
"""Most that is read of a record: a byte more than a page may have."""
MAX_DAMAGES = 10_000
"""Damaged places of a file after which the rest is given up: each costs a new start."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an archive, not yet taken apart."""

    offset: int
    """Of the record in the file, compressed or not."""
    kind: str
    url: str
    date: str
    record_id: str | None
    content_type: str
    is_http: bool
    raw: bytes
    """At most `MAX_RAW_BYTES` of its content; none of a kind that holds no page."""
    length: int
    """Bytes of content that its header promises."""
    is_short: bool
    """Whether it has less than that."""
    refers_to: tuple[str, ...] = ()
    """The names of the record that a revisit refers to: see `dedup.io.revisits`."""


class BrokenError(Exception):
    """Reading stops here. Never leaves the io.

    Attributes
    ----------
    offset : of the record that has a header, but cannot be read; None where none is met.
    """

    def __init__(self, offset: int | None, why: object) -> None:
        super().__init__(offset, why)
        self.offset = offset
        self.why = " ".join(str(why).split())[:200]


class Reader(Protocol):
    """What reads the records of one kind of archive."""

    def records(self, path: str, start: int, stop: int | None) -> Iterator[Record]:
        """Yield the records from an offset on, as if the file ended at `stop`.

        Raises
        ------
        BrokenError : after the last that can be read.
        """


def sound_records(reader: Reader, path: str, problems: list[Problem]) -> Iterator[Record | int]:
    """Yield the records of a file that can be read, and the offsets of those that cannot.

    Parameters
    ----------
    problems : gets one for each damaged place.
    """
    where = 0
    for _ in range(MAX_DAMAGES):
        walk = _Walk(reader, path, where)
        yield from walk.records()
        held, broken = walk.held, walk.broken
        if broken is None and (held is None or not held.is_short):
            if held is not None:
                yield held
            return
        if held is not None and (broken is None or broken.offset is None):
            following = first_boundary(path, held.offset + 1)
            record, problem = _settled(reader, path, held, broken, following)
            yield record
            problems += problem
        elif broken is not None:
            at = where if broken.offset is None else broken.offset
            following = first_boundary(path, at + 1)
            if held is not None:
                yield held
            if broken.offset is not None:
                yield at
            problems.append(_damage("damaged", f"at byte {at}: {broken.why}"))
        if following is None:
            return
        where = following
    detail = f"from byte {where} on: {MAX_DAMAGES:,} damaged places are before it"
    problems.append(_damage("damaged", detail))


class _Walk:
    """Reads records up to damage or the end.

    Attributes
    ----------
    held : the last record before damage or the end: whether its length is true must be seen.
    """

    def __init__(self, reader: Reader, path: str, start: int) -> None:
        self.found = reader.records(path, start, None)
        self.held: Record | None = None
        self.broken: BrokenError | None = None

    def records(self) -> Iterator[Record]:
        """Yield all but the held one."""
        try:
            for record in self.found:
                if self.held is not None:
                    yield self.held
                self.held = record
        except BrokenError as error:
            self.broken = error


def _settled(
    reader: Reader, path: str, held: Record, broken: BrokenError | None, following: int | None
) -> tuple[Record, list[Problem]]:
    """Return the record before damage as it is between its offset and the `following` one.

    With no problem where it is sound: then the damage begins at the following one.
    """
    at = held.offset
    if following is None and broken is None:
        detail = f"the record at byte {at} is shorter than its header says"
        return replace(held, is_short=True), [_damage("truncated", detail)]
    if following is None and broken is not None:
        return held, [_damage("damaged", f"after the record at byte {at}: {broken.why}")]
    found: list[Record] = []
    is_clean = True
    try:
        found += islice(reader.records(path, at, following), 2)
    except BrokenError:
        is_clean = False
    record = found[0] if found else held
    is_short = record.is_short
    if len(found) == 1 and is_clean and not is_short:
        return record, []
    if not is_short:
        return record, [_damage("damaged", f"what follows the record at byte {at} is no record")]
    record = replace(record, raw=record.raw.removesuffix(b"\r\n\r\n"), is_short=True)
    return record, [_damage("damaged", f"the record at byte {at} is shorter than its header says")]


def _damage(reason: str, detail: str) -> Problem:
    return Problem(reason, None, None, detail)


class Window(io.RawIOBase):
    """The bytes of a file from one offset to another; its offsets are those of the file."""

    def __init__(self, path: str, start: int, stop: int | None) -> None:
        self._file: IO[bytes] = opened(path)
        self._file.seek(start)
        self._stop = stop

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as many bytes as there are, up to `stop`."""
        wanted = len(buffer)
        if self._stop is not None:
            wanted = min(wanted, max(0, self._stop - self._file.tell()))
        block = self._file.read(wanted)
        buffer[: len(block)] = block
        return len(block)

    def tell(self) -> int:
        """Return the offset in the file."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self._file.close()
        super().close()
