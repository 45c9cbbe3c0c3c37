"""Canonical text, and what each of its code points is to a token; exact for all of Unicode 14.0.

`canonical` states the rule for one string. `canonical_utf8` and `classify_group` give the same
answer for a batch of documents on their UTF-8 bytes: they look only at characters that may need
something, and only documents in which marks merge or change places go through `str`.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dedup.spill.chunks import chunks
from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.normal import settle
from dedup.text.scan import (
    Characters,
    Scan,
    characters,
    erase_characters,
    erase_three,
    is_valid,
    scan,
)
from dedup.text.unicode import (
    MARK,
    REORDER,
    SEPARATOR,
    UNSPACED,
    UNSPACED_MARK,
    VERSION,
    tables,
)
from dedup.text.utf8 import GROUP_BYTES, BoolArray, splice, suspects

REMOVED = "\u00ad\u200c\u200d\ufeff"
"""Soft hyphen, both zero-width joiners, byte order mark: they would split words."""

_LONG_ROW = 256
"""Characters in a row that may change places, which no language has."""


def canonical(text: str) -> str:
    """Return the canonical form of a text.

    REMOVED characters go, then NFKC, then each code point in lower case by itself, final sigma as
    sigma. Code points unassigned in Unicode 14.0 stay as they are, whatever Python knows of them.
    """
    if text.isascii():
        return text.lower()
    for char in REMOVED:
        text = text.replace(char, "")  # four searches: far cheaper than `translate`
    return pinned(text, _normal_lower)


def pinned(text: str, change: Callable[[str], str]) -> str:
    """Apply a change of Python's own Unicode to the code points that 14.0 has, run by run."""
    if unicodedata.unidata_version == VERSION:
        return change(text)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    assigned = tables().assigned.take(codes)
    if assigned.all():
        return change(text)
    edges = [0, *(np.flatnonzero(assigned[1:] != assigned[:-1]) + 1).tolist(), len(text)]
    return "".join(
        change(text[start:stop]) if assigned[start] else text[start:stop]
        for start, stop in itertools.pairwise(edges)
    )


def _normal_lower(text: str) -> str:
    # `str.lower` has one rule that looks around, final sigma, and the replacement undoes it.
    return unicodedata.normalize("NFKC", _in_order(text)).lower().replace("\u03c2", "\u03c3")


def _in_order(text: str) -> str:
    """Return a text of equal NFKC whose long rows of marks are in canonical order.

    Python sorts the marks of a row by insertion: a page of 400,000 marks on one letter would take
    minutes.
    """
    if len(text) < _LONG_ROW:
        return text
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    alone = np.flatnonzero(tables().actions.take(codes) < REORDER)
    if np.diff(alone, prepend=-1, append=len(codes)).max() < _LONG_ROW:
        return text
    apart = {char: unicodedata.normalize("NFKD", char) for char in set(text)}
    text = "".join([apart[char] for char in text])
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    combining = tables().combining.take(codes)
    ordered = codes[np.lexsort((combining, np.cumsum(combining == 0)))]
    return ordered.tobytes().decode("utf-32-le", "surrogatepass")


def canonical_utf8(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array, int]:
    """Return the canonical text of every document, but for the case of ASCII letters.

    Parameters
    ----------
    data : uint8; the documents' bytes, one after the other. Invalid UTF-8 counts as U+FFFD, as
        in `bytes.decode("utf-8", "replace")`.
    offsets : int64, shape (documents + 1,); document i is data[offsets[i]:offsets[i+1]].

    Returns
    -------
    data : uint8; valid UTF-8. The very same array if every document is ASCII.
    offsets : int64, shape (documents + 1,); the very same array if every document is ASCII, and
        else from 0 to len(data).
    num_invalid : the documents that held invalid UTF-8.
    """
    first, last = int(offsets[0]), int(offsets[-1])
    if first == last or int(data[first:last].max()) < 0x80:
        return data, offsets, 0
    parts, sizes, num_invalid = [], [], 0
    for start, stop in chunks(offsets, GROUP_BYTES):
        begin = int(offsets[start])
        part = np.ascontiguousarray(data[begin : int(offsets[stop])])
        bounds = offsets[start : stop + 1] - begin
        if len(part) and int(part.max()) >= 0x80:
            part, bounds, invalid = _canonical_group(part, bounds)
            num_invalid += invalid
        parts.append(part)
        sizes.append(np.diff(bounds))
    ends = np.cumsum(np.concatenate(sizes))
    return np.concatenate(parts), np.concatenate([[0], ends]), num_invalid


def _canonical_group(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array, int]:
    settled = settle_group(data, offsets, erase=False)
    return settled.data, settled.offsets, settled.num_invalid


@dataclass(frozen=True)
class SettledGroup:
    """Documents in canonical text, but for the case of ASCII letters and for erased separators.

    Attributes
    ----------
    looked_at : what `scan` says of this text, and the characters that it names; None if they have
        to be found anew.
    num_invalid : the documents that held invalid UTF-8.
    """

    data: UInt8Array
    offsets: Int64Array
    looked_at: tuple[Scan, Characters] | None
    num_invalid: int


def settle_group(data: UInt8Array, offsets: Int64Array, *, erase: bool) -> SettledGroup:
    """Bring some documents, not all of them ASCII, to canonical text.

    Parameters
    ----------
    data, offsets : uint8 and int64, from 0 to len(data).
    erase : byte 0 for what becomes nothing but ASCII separators, see `settle`; the commas that
        `scan` passes over are left to `classify_group`.
    """
    scanned = scan(data, erase=erase)
    found = characters(data, scanned.leads)
    num_invalid = 0
    if not is_valid(data, offsets, found, scanned):
        data, offsets, num_invalid = _repair(data, offsets)
        scanned = scan(data, erase=erase)
        found = characters(data, scanned.leads)
    settled = settle(data, offsets, found, erase=erase)
    looked_at = None if settled.characters is None else (scanned, settled.characters)
    if not len(settled.unsettled):
        return SettledGroup(settled.data, settled.offsets, looked_at, num_invalid)
    pieces = [
        canonical(data[offsets[document] : offsets[document + 1]].tobytes().decode()).encode()
        for document in settled.unsettled.tolist()
    ]
    spliced = splice(settled.data, settled.offsets, settled.unsettled, pieces)
    return SettledGroup(*spliced, None, num_invalid)


def _repair(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array, int]:
    """Replace what is no UTF-8 by U+FFFD; return also how many documents had any."""
    invalid, pieces = [], []
    for document in suspects(data, offsets).tolist():
        raw = data[offsets[document] : offsets[document + 1]].tobytes()
        try:
            raw.decode()
        except UnicodeDecodeError:
            invalid.append(document)
            pieces.append(raw.decode("utf-8", "replace").encode())
    if pieces:
        data, offsets = splice(data, offsets, np.array(invalid, np.int64), pieces)
    return data, offsets, len(invalid)


def classify_group(
    data: UInt8Array,
    offsets: Int64Array,
    looked_at: tuple[Scan, Characters] | None = None,
) -> BoolArray | None:
    """Write 0 over every separator above U+007F, and find the borders of unspaced characters.

    Parameters
    ----------
    data : uint8, writable; canonical UTF-8 in which ASCII separators are 0 already.
    offsets : int64, shape (documents + 1,), from 0 to len(data); no mark has its base in another
        document.
    looked_at : see `SettledGroup`.

    Returns
    -------
    cuts : bool, shape (len(data) + 1,); the start and the end of every character of an unspaced
        script. A token may not go on over any of them. None if there are none.
    """
    size = len(data)
    if looked_at is None:
        if not size or int(data.max()) < 0x80:
            return None
        scanned = scan(data, erase=True)
        found = characters(data, scanned.leads)
    else:
        scanned, found = looked_at
    passed = scanned.unspaced
    kinds = tables().classes.take(found.codes)
    positions, sizes = found.positions, found.sizes
    separators = np.flatnonzero(kinds == SEPARATOR)
    erase_characters(data, positions.take(separators), sizes.take(separators))
    if scanned.punctuation is not None:
        erase_three(data, scanned.punctuation)
    unspaced = np.flatnonzero((kinds == UNSPACED) | (kinds == UNSPACED_MARK))
    if not len(unspaced) and (passed is None or not passed.any()):
        return None
    unspaced = unspaced[kinds[unspaced] == UNSPACED]
    ends = np.zeros(size + 1, np.bool_)
    if passed is None:
        starts = np.zeros(size, np.bool_)
    else:
        starts = passed
        ends[3:] = starts[: size - 2]
    starts[positions[unspaced]] = True
    ends[positions[unspaced] + sizes[unspaced]] = True
    marked = np.flatnonzero(kinds >= MARK)
    if len(marked):
        marks = np.array([positions[marked], sizes[marked], kinds[marked]], np.int64)
        _class_marks(data, offsets, marks, starts, ends)
    ends[:size] |= starts
    return ends


def _class_marks(
    data: UInt8Array, offsets: Int64Array, marks: Int64Array, starts: BoolArray, ends: BoolArray
) -> None:
    """Give every mark the class of its base, in `starts` and `ends` of unspaced characters.

    `marks`, int64 of shape (3, marks), holds positions, lengths and kinds, in text order.
    """
    positions, lengths, kinds = marks
    border = np.zeros(len(data) + 1, np.bool_)
    border[offsets] = True
    first = border[positions]
    alone = first | (data[positions - 1] == 0)
    unspaced = np.where(alone, kinds == UNSPACED_MARK, ends[positions])
    # A mark after a mark has what that one has: fill forward from the first of each row.
    heads = np.arange(len(positions))
    heads[1:][(positions[:-1] + lengths[:-1] == positions[1:]) & ~first[1:]] = 0
    unspaced = unspaced[np.maximum.accumulate(heads)]
    starts[positions[unspaced]] = True
    ends[positions[unspaced] + lengths[unspaced]] = True
