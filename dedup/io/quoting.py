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

__all__ = ["assembled", "ends_quoted", "fields", "is_open", "line_end", "unquoted"]

QUOTE = 34
NEWLINE = 10
FEW_QUOTES = 64
"""Up to here a loop beats numpy's fixed cost."""
FEW_PAIRS = 4
"""From here on a field is likely to be long, and the last of its record."""


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
    if quoted and count == 2 * block.count(b'""'):  # nothing but pairs
        return True
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


def fields(record: bytes, delimiter: bytes) -> list[bytes]:
    """Return the raw fields of a record, quotes and all, without its line end."""
    record = record[: line_end(record)]
    if QUOTE not in record:
        return record.split(delimiter)
    found: list[bytes] = []
    start = 0
    while True:
        after = _closed(record, start) if record.startswith(b'"', start) else start
        stop = record.find(delimiter, after)
        if stop < 0:
            found.append(record[start:])
            return found
        found.append(record[start:stop])
        start = stop + 1


def unquoted(field: bytes) -> bytes:
    """Return the value of a raw field."""
    if not field.startswith(b'"'):
        return field
    close = _closed(field, 0)
    inner = field[1 : close - 1] if field.endswith(b'"', 1, close) else field[1:]
    return inner.replace(b'""', b'"') + field[close:]


def is_open(field: bytes) -> bool:
    """Tell whether the last raw field of a record ends inside its quotes: the file ended there."""
    return field.startswith(b'"') and not field.endswith(b'"', 1, _closed(field, 0))


def _closed(record: bytes, start: int) -> int:
    """Return the position after the quote that closes the one at `start`, or the end."""
    position = start + 1
    pairs = 0
    while (position := record.find(b'"', position)) >= 0:
        if record[position + 1 : position + 2] != b'"':
            return position + 1
        position += 2
        pairs += 1
        if pairs == FEW_PAIRS and record.endswith(b'"', position):
            end = len(record) - 1
            if record.count(b'"', position, end) == 2 * record.count(b'""', position, end):
                return len(record)  # nothing but pairs up to the last quote
    return len(record)
