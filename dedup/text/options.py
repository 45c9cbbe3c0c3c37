"""Options of text, all off by default: what they change before the text is cut into tokens.

Those that are asked for apply to the canonical text in this order, each to the result of the last:

strip_accents
    Canonical decomposition (NFD), nonspacing marks (Mn) removed, composition (NFC): é = e, й = и.
    The voicing marks of kana and the vowel signs of Thai, Hindi, Hebrew and Arabic that are such
    marks go too. No cost for ASCII, 1 to 3 ns a byte for other text without any mark, 7 to 15 for
    documents that have one: these go through `str`.
join_words
    Between two word characters, a run of separators is removed if none of them is a break (white
    space, a control character, U+200B): don't = dont, U.S.A = usa, and/or = andor. 5 to 10 ns
    a byte.
fold_digits
    Every decimal digit (Nd) becomes 0: 1999 = 2024, but not 99. 1 ns a byte of ASCII, 2 of
    other text.

With the unit "char" a token is then one character (see `dedup.text.characters`). Classes are those
of Unicode 14.0, as everywhere.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from dedup.text.canonical import pinned
from dedup.text.folding import PADDING, fold_canonical
from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.scan import characters
from dedup.text.unicode import DIGIT, NONSPACING, traits
from dedup.text.utf8 import BoolArray, splice

WORD, CHAR = "word", "char"

_ZERO = ord("0")
_DIGITS = bytes(_ZERO if chr(code).isdecimal() else code for code in range(128)) + bytes(
    range(128, 256)
)
# Controls and the blank; beyond ASCII, what canonical text still has of Cc, Zs, Zl and Zp, and the
# zero-width space, which stands between the words of Thai and Khmer.
_ASCII_BREAKS = np.array([code <= 0x20 or code == 0x7F for code in range(256)])
_WIDE_BREAKS = ("\u1680", "\u200b", "\u2028", "\u2029")


@dataclass(frozen=True)
class TextOptions:
    """What is done to canonical text, and what a token of it is; see the module.

    Attributes
    ----------
    unit : "word", or "char" for single characters, a run of separators being one blank.
    """

    strip_accents: bool = False
    join_words: bool = False
    fold_digits: bool = False
    unit: str = WORD

    @property
    def change_text(self) -> bool:
        """Whether any of them but the unit is on."""
        return self.strip_accents or self.join_words or self.fold_digits


DEFAULT = TextOptions()


def changed(
    data: UInt8Array, offsets: Int64Array, options: TextOptions
) -> tuple[UInt8Array, Int64Array]:
    """Apply the options to canonical text.

    Parameters
    ----------
    data : uint8; canonical UTF-8, but for the case of ASCII letters.
    offsets : int64, shape (documents + 1,); document i is data[offsets[i]:offsets[i+1]].

    Returns
    -------
    data, offsets : the changed documents, from 0 to len(data).
    """
    data = data[int(offsets[0]) : int(offsets[-1])]
    offsets = offsets - offsets[0]
    is_ascii = not len(data) or int(data.max()) < 0x80
    if options.strip_accents and not is_ascii:
        data, offsets = _strip_accents(data, offsets)
    if options.join_words:
        data, offsets = _join_words(data, offsets)
    if options.fold_digits:
        data, offsets = _fold_digits(data, offsets)
    return data, offsets


def without_accents(text: str) -> str:
    """Return canonical text with its accents stripped; see the module."""
    return pinned(text, _without_accents)


def _without_accents(text: str) -> str:
    codes = np.frombuffer(unicodedata.normalize("NFD", text).encode("utf-32-le"), np.uint32)
    kept = codes[traits().take(codes) != NONSPACING]
    return unicodedata.normalize("NFC", kept.tobytes().decode("utf-32-le"))


def _strip_accents(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array]:
    touched = np.zeros(len(offsets), np.bool_)
    found = characters(data, data >= 0xC0)
    # Without any mark, canonical text is composed already.
    places = found.positions[traits().take(found.codes) >= NONSPACING]
    touched[np.searchsorted(offsets, places, side="right") - 1] = True
    documents = np.flatnonzero(touched)
    pieces = [
        without_accents(data[offsets[document] : offsets[document + 1]].tobytes().decode()).encode()
        for document in documents.tolist()
    ]
    return splice(data, offsets, documents, pieces) if pieces else (data, offsets)


def _fold_digits(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array]:
    folded, gone = zero_digits(data)
    return _without(folded, offsets, gone)


def zero_digits(data: UInt8Array) -> tuple[UInt8Array, BoolArray]:
    """Write 0 over the first byte of every decimal digit; return also which bytes are to go."""
    folded = np.frombuffer(bytearray(data).translate(_DIGITS), np.uint8)
    gone = np.zeros(len(data), np.bool_)
    found = characters(data, data >= 0xC0)
    digits = found.only(np.flatnonzero(traits().take(found.codes) == DIGIT))
    folded[digits.positions] = _ZERO
    for place in range(1, 4):
        gone[digits.positions[digits.sizes > place] + place] = True
    return folded, gone


def _join_words(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array]:
    return _without(data, offsets, inner_separators(data, offsets))


def inner_separators(data: UInt8Array, offsets: Int64Array) -> BoolArray:
    """Return the bytes of separators over which words are joined."""
    words = fold_canonical(data, offsets).data[:-PADDING]
    starts, ends = inner_runs(words, offsets)
    solid = ~_ASCII_BREAKS.take(data.take(starts))  # nearly all runs start with a blank
    starts, ends = starts[solid], ends[solid]
    breaks = np.flatnonzero(_breaks(data))
    solid = np.searchsorted(breaks, starts) == np.searchsorted(breaks, ends)
    steps = np.zeros(len(data) + 1, np.int8)
    steps[starts[solid]] = 1
    steps[ends[solid]] = -1
    return np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)


def inner_runs(words: UInt8Array, offsets: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return where the runs of separators between two word characters of a document start and end.

    Parameters
    ----------
    words : uint8; UTF-8 with 0 for every byte of a separator.
    offsets : int64, shape (documents + 1,), from 0 to len(words).
    """
    inside = np.zeros(len(words) + 2, np.bool_)
    np.not_equal(words, 0, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[1:-1:2], edges[2::2]
    if not len(starts):
        return starts, ends
    # A run that touches the border of a document has a word character on one side at most.
    before = np.searchsorted(starts, offsets, side="right") - 1
    bordered = np.unique(before[(before >= 0) & (offsets <= ends[before])])
    return np.delete(starts, bordered), np.delete(ends, bordered)


def _breaks(data: UInt8Array) -> BoolArray:
    """Return the first bytes of all characters that words are never joined over."""
    found = _ASCII_BREAKS.take(data)
    if len(data) and int(data.max()) >= 0x80:
        found[:-1] |= (data[:-1] == 0xC2) & (data[1:] < 0xA0)  # U+0080..U+009F
        for char in _WIDE_BREAKS:
            first, second, third = char.encode()
            lead = data[:-2] == first
            if lead.any():
                found[:-2] |= lead & (data[1:-1] == second) & (data[2:] == third)
    return found


def _without(
    data: UInt8Array, offsets: Int64Array, gone: BoolArray
) -> tuple[UInt8Array, Int64Array]:
    """Return the documents without some of their bytes."""
    places = np.flatnonzero(gone)
    if not len(places):
        return data, offsets
    return data[~gone], offsets - np.searchsorted(places, offsets)
