r"""Records and fields of CSV, as bytes: where quotes open and close, by one rule everywhere.

A quote opens at the start of a field only; elsewhere outside quotes it is an ordinary character
(``5" disk``). Inside, ``""`` is a quote, and any other quote closes; what follows up to the
delimiter is ordinary. A record ends at a ``\n`` outside quotes. So do pandas, DuckDB and Python's
`csv` read well-formed files; the rule is total, so that no file can fail on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dedup.io.codecs import DamagedError

__all__ = [
    "Span",
    "assembled",
    "ends_quoted",
    "is_open",
    "line_end",
    "raw_fields",
    "spans",
    "value",
]

QUOTE = 34
NEWLINE = 10
Span = tuple[int, int, int]
"""(start, close, stop) of a field: close is after its closing quote, or start if it has none."""
FEW_QUOTES = 64
"""Up to here a loop beats numpy's fixed cost."""


def assembled(lines: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Yield raw records: lines, joined while a quote is open; the last may end in damage."""
    open_record: list[bytes] = []
    quoted = False
    try:
        for line in lines:
            if not quoted and QUOTE not in line:
                yield line
                continue
            quoted = ends_quoted(line, delimiter, quoted=quoted)
            open_record.append(line)
            if not quoted:
                yield b"".join(open_record)
                open_record = []
    except DamagedError:
        if open_record:
            yield b"".join(open_record)
        raise
    if open_record:
        yield b"".join(open_record)


def ends_quoted(block: bytes, delimiter: bytes, *, quoted: bool) -> bool:
    """Tell whether a quote is open after a block.

    Parameters
    ----------
    block : starts at a line start and ends at a line end.
    delimiter : one byte.
    quoted : whether a quote is open before it.
    """
    count = block.count(b'"')
    if count == 0:
        return quoted
    if count > FEW_QUOTES and _alternates(block, delimiter, quoted=quoted):
        return quoted ^ bool(count & 1)
    position = 0
    while (position := block.find(b'"', position)) >= 0:
        before = block[position - 1] if position else NEWLINE
        if not quoted:
            quoted = before in (NEWLINE, delimiter[0])
        elif block[position + 1 : position + 2] == b'"':
            position += 1
        else:
            quoted = False
        position += 1
    return quoted


def _alternates(block: bytes, delimiter: bytes, *, quoted: bool) -> bool:
    """Tell whether the quotes simply open and close in turn, pairs inside being close and reopen.

    They do where each quote that is to open follows a delimiter, a line end, or the quote that
    closed just before it.
    """
    data = np.frombuffer(block, np.uint8)
    opening = np.flatnonzero(data == QUOTE)[int(quoted) :: 2]
    before = data[opening - 1]
    fine = (before == delimiter[0]) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
    return bool(fine.all())


def line_end(record: bytes) -> int:
    r"""Return where the end of a record's last line starts: its ``\n`` or ``\r\n``, if any."""
    end = len(record) - record.endswith(b"\n")
    return end - record.endswith(b"\r", 0, end)


def spans(record: bytes, delimiter: bytes) -> list[Span]:
    """Return where the fields of a record lie, its line end left out."""
    end = line_end(record)
    found: list[Span] = []
    start = 0
    while True:
        close = _closed(record, start, end) if record.startswith(b'"', start, end) else start
        stop = record.find(delimiter, close, end)
        if stop < 0:
            found.append((start, close, end))
            return found
        found.append((start, close, stop))
        start = stop + 1


def raw_fields(record: bytes, delimiter: bytes) -> list[bytes]:
    """Return the fields of a record as they stand, quotes and all, without its line end."""
    return [record[start:stop] for start, _, stop in spans(record, delimiter)]


def value(record: bytes, span: Span) -> bytes:
    """Return the value of a field: without its quotes, pairs of them as one."""
    start, close, stop = span
    if start == close:
        return record[start:stop]
    inner = record[start + 1 : close if is_open(record, span) else close - 1]
    return inner.replace(b'""', b'"') + record[close:stop]


def is_open(record: bytes, span: Span) -> bool:
    """Tell whether the last field of a record ends inside its quotes: the file ended there."""
    start, close, stop = span
    if start == close or close < stop:
        return False
    quotes = stop - start - 1 - len(record[start + 1 : stop].rstrip(b'"'))
    return quotes % 2 == 0


def _closed(record: bytes, start: int, end: int) -> int:
    """Return the position after the quote that closes the one at `start`, or `end`."""
    position = start + 1
    while (position := record.find(b'"', position, end)) >= 0:
        if not record.startswith(b'"', position + 1, end):
            return position + 1
        position += 2
    return end
