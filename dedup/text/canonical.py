"""Canonical text, and what each of its code points is to a token; exact for all of Unicode 14.0.

`canonical` states the rule for one string. `canonical_utf8` and `classify` give the same answer
for a batch of documents on their UTF-8 bytes: they look only at characters that may need
something, and only documents in which marks merge or change places go through `str`.
"""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np

from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.normal import settle
from dedup.text.unicode import MARK, SEPARATOR, UNSPACED, UNSPACED_MARK, VERSION, tables
from dedup.text.utf8 import BoolArray, between, code_points, groups, splice, suspects

REMOVED = "\u00ad\u200c\u200d\ufeff"
"""Soft hyphen, both zero-width joiners, byte order mark: they would split words."""


def canonical(text: str) -> str:
    """Return the canonical form of a text.

    REMOVED characters go, then NFKC, then each code point in lower case by itself, final sigma as
    sigma. Code points unassigned in Unicode 14.0 stay as they are, whatever Python knows of them.
    """
    if text.isascii():
        return text.lower()
    for char in REMOVED:
        text = text.replace(char, "")  # four searches: far cheaper than `translate`
    if unicodedata.unidata_version == VERSION:
        return _normal_lower(text)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    assigned = tables().assigned.take(codes)
    if assigned.all():
        return _normal_lower(text)
    edges = [0, *(np.flatnonzero(assigned[1:] != assigned[:-1]) + 1).tolist(), len(text)]
    return "".join(
        _normal_lower(text[start:stop]) if assigned[start] else text[start:stop]
        for start, stop in itertools.pairwise(edges)
    )


def _normal_lower(text: str) -> str:
    # `str.lower` has one rule that looks around, final sigma, and the replacement undoes it.
    return unicodedata.normalize("NFKC", text).lower().replace("\u03c2", "\u03c3")


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
    for start, stop in groups(offsets):
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
    data, offsets, num_invalid = _repair(data, offsets)
    settled, bounds, unsettled = settle(data, offsets)
    pieces = [
        canonical(data[offsets[document] : offsets[document + 1]].tobytes().decode()).encode()
        for document in unsettled.tolist()
    ]
    if pieces:
        settled, bounds = splice(settled, bounds, unsettled, pieces)
    return settled, bounds, num_invalid


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


def classify(data: UInt8Array, offsets: Int64Array) -> Int64Array:
    """Write 0 over every separator above U+007F, and find the borders of unspaced characters.

    Parameters
    ----------
    data : uint8, writable; canonical UTF-8 in which ASCII separators are 0 already.
    offsets : int64, shape (documents + 1,), from 0 to len(data); no mark has its base in another
        document.

    Returns
    -------
    cuts : int64, sorted, distinct; the start and the end of every character of an unspaced
        script. A token may not go on over any of them.
    """
    if not len(data) or int(data.max()) < 0x80:
        return np.empty(0, np.int64)
    cuts = np.zeros(len(data) + 1, np.bool_)
    for start, stop in groups(offsets):
        begin, end = int(offsets[start]), int(offsets[stop])
        bounds = offsets[start : stop + 1] - begin
        _classify_group(data[begin:end], bounds, cuts[begin : end + 1])
    return np.flatnonzero(cuts)


def _classify_group(data: UInt8Array, offsets: Int64Array, cuts: BoolArray) -> None:
    size = len(data)
    if not size or int(data.max()) < 0x80:
        return
    classes = tables().classes
    starts = between(data, 0xE4, 0xE9)  # U+4000..U+9FFF: Han, but for the 64 hexagrams
    if starts.any():
        hexagrams = np.flatnonzero((data[:-1] == 0xE4) & (data[1:] == 0xB7))
        starts[hexagrams] = False
        for place in range(3):
            data[hexagrams + place] = 0
    ends = np.zeros(size + 1, np.bool_)
    ends[3:] = starts[: size - 2]
    # What is left out here (Cyrillic and Hangul, mostly) is nothing but letters of spaced scripts.
    narrow = between(data, 0xC2, 0xCF) | between(data, 0xD2, 0xDF)
    wide = between(data, 0xE0, 0xE3) | (data == 0xEA) | between(data, 0xED, 0xEF)
    marks = []
    for length, leads in ((2, narrow), (3, wide), (4, data >= 0xF0)):
        positions = np.flatnonzero(leads)
        kinds = classes.take(code_points(data, positions, length))
        separators = positions[kinds == SEPARATOR]
        for place in range(length):
            data[separators + place] = 0
        unspaced = positions[kinds == UNSPACED]
        starts[unspaced] = True
        ends[unspaced + length] = True
        marked = np.flatnonzero(kinds >= MARK)
        if len(marked):
            marks.append(np.array([positions[marked], np.full(len(marked), length), kinds[marked]]))
    if marks and (starts.any() or any((part[2] == UNSPACED_MARK).any() for part in marks)):
        _class_marks(data, offsets, np.concatenate(marks, axis=1), starts, ends)
    cuts |= ends
    cuts[:size] |= starts


def _class_marks(
    data: UInt8Array, offsets: Int64Array, marks: Int64Array, starts: BoolArray, ends: BoolArray
) -> None:
    """Give every mark the class of its base, in `starts` and `ends` of unspaced characters.

    `marks`, int64 of shape (3, marks), holds positions, lengths and kinds.
    """
    positions, lengths, kinds = marks[:, np.argsort(marks[0], kind="stable")]
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
