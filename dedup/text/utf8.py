"""UTF-8 as arrays: where it is broken, what stands before a place, and how to swap documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array, UInt8Array

BoolArray = NDArray[np.bool_]

# Lead bytes whose second byte has a narrower range (Unicode 14.0, table 3-7): all others would give
# overlong forms, surrogates, or code points beyond U+10FFFF.
_SECOND_BYTES = ((0xE0, 0xA0, 0xBF), (0xED, 0x80, 0x9F), (0xF0, 0x90, 0xBF), (0xF4, 0x80, 0x8F))

GROUP_BYTES = 1 << 18
"""Work on this much text at a time: fresh arrays of 1 MB cost more in page faults than in sums."""


def between(data: UInt8Array, low: int, high: int) -> BoolArray:
    """Return where low <= data <= high: one subtraction that wraps, one comparison."""
    found: BoolArray = (data - np.uint8(low)) <= (high - low)
    return found


def suspects(data: UInt8Array, offsets: Int64Array) -> Int64Array:
    """Return the documents that may hold invalid UTF-8: all that do, and rarely a neighbour.

    Parameters
    ----------
    data : uint8; the documents' bytes, one after the other.
    offsets : int64, shape (documents + 1,), from 0 to len(data).
    """
    size = len(data)
    follows = data.view(np.int8) < -64  # 0x80..0xBF
    expected = np.zeros(size + 3, np.bool_)
    peak = int(data.max(initial=0))
    for distance, lead in ((1, 0xC0), (2, 0xE0), (3, 0xF0)):
        if lead <= peak:
            expected[distance : distance + size] |= data >= lead
    broken = expected[:size] != follows
    broken |= between(data, 0xC0, 0xC1)
    if peak >= 0xF5:
        broken |= data >= 0xF5
    for lead, low, high in _SECOND_BYTES:
        if lead <= peak and (narrow := data[:-1] == lead).any():
            broken[:-1] |= narrow & ((data[1:] < low) | (data[1:] > high))
    # A character cut by the end of its document leaves its rest at the start of the next one, if
    # there is one with any bytes, and else is cut by the end of the batch.
    borders = offsets[offsets < size]
    broken[borders] |= follows[borders]
    broken[-1:] |= expected[size:].any()
    found = np.flatnonzero(broken)
    # What the byte misses may be missing from the document that ends right before it.
    places = np.concatenate([found, found[found > 0] - 1])
    return np.unique(np.searchsorted(offsets, places, side="right") - 1)


def code_points_before(data: UInt8Array, positions: Int64Array) -> NDArray[np.uint32]:
    """Return the code point that ends where each position starts; junk where there is none.

    Parameters
    ----------
    data : uint8; valid UTF-8.
    positions : int64; of the first bytes of characters.
    """
    codes = np.zeros(len(positions), np.uint32)
    pending = np.ones(len(positions), np.bool_)
    lead_masks = (0x7F, 0x1F, 0x0F, 0x07)
    for place in range(4):
        byte = data.take(np.maximum(positions - 1 - place, 0)).astype(np.uint32)
        lead = (byte & 0xC0) != 0x80
        bits = np.where(lead, byte & lead_masks[place], byte & 0x3F) << np.uint32(6 * place)
        codes |= np.where(pending, bits, 0).astype(np.uint32)
        pending &= ~lead
    return codes


def splice(
    data: UInt8Array, offsets: Int64Array, documents: Int64Array, pieces: Sequence[bytes]
) -> tuple[UInt8Array, Int64Array]:
    """Put new bytes in the place of some documents.

    Parameters
    ----------
    data, offsets : uint8 and int64; the documents, as everywhere.
    documents : int64; sorted indices of the documents to change.
    pieces : their new bytes, in the same order.
    """
    sizes = np.diff(offsets)
    sizes[documents] = [len(piece) for piece in pieces]
    parts: list[bytes | memoryview] = []
    view, done = data.data, 0
    borders = zip(offsets[documents].tolist(), offsets[documents + 1].tolist(), strict=True)
    for (start, stop), piece in zip(borders, pieces, strict=True):
        parts += [view[done:start], piece]
        done = stop
    parts.append(view[done:])
    spliced = np.frombuffer(b"".join(parts), np.uint8)
    return spliced, np.concatenate([offsets[:1], offsets[0] + np.cumsum(sizes)])
