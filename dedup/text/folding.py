"""Text to folded bytes: letters and digits of canonical text, byte 0 for every separator.

Canonical text and the classes of its characters, in one look at those above U+007F; what becomes
nothing but separators is not even written out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dedup.spill.chunks import chunks
from dedup.text.canonical import classify_group, settle_group
from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.normal import FOLD
from dedup.text.utf8 import GROUP_BYTES, BoolArray

PADDING = 8
"""Bytes 0 after the text: whoever reads words of 8 bytes reads beyond its end."""


@dataclass(frozen=True)
class Folded:
    """Documents as their word characters.

    Attributes
    ----------
    data : uint8, writable; UTF-8 in lower case, 0 for every byte of a separator, and PADDING.
    offsets : int64, shape (documents + 1,), from 0 to len(data) - PADDING.
    cuts : bool, shape (len(data) - PADDING + 1,); where a character of an unspaced script starts
        or ends, which no token goes on over; None where there is none.
    num_invalid : documents that held invalid UTF-8.
    """

    data: UInt8Array
    offsets: Int64Array
    cuts: BoolArray | None
    num_invalid: int = 0


def fold(data: UInt8Array, offsets: Int64Array) -> Folded:
    """Fold documents.

    Parameters
    ----------
    data : uint8; the documents' bytes, one after the other (invalid UTF-8 counts as U+FFFD).
    offsets : int64, shape (documents + 1,); document i is data[offsets[i]:offsets[i+1]].
    """
    data = data[int(offsets[0]) : int(offsets[-1])]
    offsets = offsets - offsets[0]
    if not len(data) or int(data.max()) < 0x80:
        return Folded(_table_folded(data), offsets, None)
    parts = [
        _folded_group(data[offsets[start] : offsets[stop]], offsets[start : stop + 1])
        for start, stop in chunks(offsets, GROUP_BYTES)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts)


def fold_canonical(data: UInt8Array, offsets: Int64Array) -> Folded:
    """Fold documents that are canonical text already; as `fold`."""
    data = data[int(offsets[0]) : int(offsets[-1])]
    offsets = offsets - offsets[0]
    folded = _table_folded(data)
    return Folded(folded, offsets, classify_group(folded[: len(data)], offsets))


def _folded_group(data: UInt8Array, offsets: Int64Array) -> Folded:
    offsets = offsets - offsets[0]
    if not len(data) or int(data.max()) < 0x80:
        return Folded(_table_folded(data), offsets, None)
    settled = settle_group(np.ascontiguousarray(data), offsets, erase=True)
    folded = _table_folded(settled.data)
    size = len(settled.data)
    cuts = classify_group(folded[:size], settled.offsets, settled.looked_at)
    return Folded(folded, settled.offsets, cuts, settled.num_invalid)


def _table_folded(data: UInt8Array) -> UInt8Array:
    folded = bytearray(data).translate(FOLD)
    folded += bytes(PADDING)
    return np.frombuffer(folded, np.uint8)


def _joined(parts: list[Folded]) -> Folded:
    """Put groups together."""
    sizes = [np.diff(part.offsets) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    data = np.concatenate([*(part.data[:-PADDING] for part in parts), np.zeros(PADDING, np.uint8)])
    cuts = np.zeros(int(offsets[-1]) + 1, np.bool_)
    begin = 0
    for part in parts:
        end = begin + len(part.data) - PADDING
        if part.cuts is not None:
            cuts[begin : end + 1] |= part.cuts
        begin = end
    return Folded(data, offsets, cuts, sum(part.num_invalid for part in parts))
