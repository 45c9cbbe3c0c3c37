"""Characters as tokens, the unit "char": shingles are then `ngram` consecutive characters.

A document is its canonical text with every run of separators turned into one blank, and none at
its ends; each code point of that is a token. So no token tells which separators there were, and a
document without word characters has no token. There are as many shingles as characters: sketching
English costs 13 ns a byte, not 4 as by words (Chinese 7.4, not 6.4), and a single huge document
needs 25 bytes of memory a byte, not 3.
"""

from __future__ import annotations

import numpy as np

from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.options import inner_runs

BLANK = ord(" ")

_LENGTHS = np.array([1] * 0xC0 + [2] * 0x20 + [3] * 0x10 + [4] * 0x10)
"""The bytes of a character by its first one."""


def character_edges(folded: UInt8Array, offsets: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the byte positions where characters start and end.

    Parameters
    ----------
    folded : uint8, writable; UTF-8 with 0 for every byte of a separator. A blank is written over
        the first byte of each run of separators that is a token.
    offsets : int64, shape (documents + 1,), from 0 to len(folded).
    """
    blanks, _ = inner_runs(folded, offsets)
    folded[blanks] = BLANK
    starts = np.flatnonzero((folded != 0) & ((folded & 0xC0) != 0x80))
    return starts, starts + _LENGTHS.take(folded.take(starts))
