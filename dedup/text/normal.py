"""Canonical text of characters that do not depend on their neighbours, without leaving UTF-8.

Nearly every character stays as it is or has one form whatever stands beside it; only marks that
merge with the letter before them, or change places, need `str.normalize`. `settle` does the first
kind for a batch and names the documents that hold any of the second.

References
----------
Unicode Standard Annex 15, Unicode Normalization Forms, section 9 (the quick check, on which rests
the decision that a document is settled).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.scan import Characters, erase_characters
from dedup.text.scan import characters as characters_of
from dedup.text.unicode import COMPOSE, NORMALIZE, REORDER, REPLACE, Tables, tables
from dedup.text.utf8 import BoolArray, code_points_before

FOLD = bytes(
    ord(chr(code).lower()) if code >= 0x80 or chr(code).isalnum() or chr(code) == "_" else 0
    for code in range(128)
) + bytes(range(128, 256))
"""ASCII in lower case, every separator as byte 0; other bytes as they are."""

_DROP = 0xFF
"""A byte that is never in UTF-8."""

_SPARSE = 128
"""With fewer drops than one in so many bytes, `bytes.replace` is faster than a mask."""


@dataclass(frozen=True)
class Settled:
    """What `settle` did.

    Attributes
    ----------
    data, offsets : the documents in canonical text, but for the case of ASCII letters.
    unsettled : int64; the sorted documents for which that is not so, as they need `canonical`.
    characters : as given, with the code points that stand there now; None where any has moved.
    """

    data: UInt8Array
    offsets: Int64Array
    unsettled: Int64Array
    characters: Characters | None


def settle(
    data: UInt8Array, offsets: Int64Array, characters: Characters, *, erase: bool
) -> Settled:
    """Replace every character that has another form.

    Parameters
    ----------
    data : uint8; the documents' bytes, valid UTF-8.
    offsets : int64, shape (documents + 1,), from 0 to len(data).
    characters : all characters that have another form or may merge or move, among others.
    erase : write byte 0 over characters that become nothing but ASCII separators, such as no-break
        spaces and full-width commas: to tokens it is the same, and the text stays where it is.
    """
    table = tables()
    actions = table.actions.take(characters.codes)
    touched = np.flatnonzero(actions)
    if not len(touched):
        return Settled(data, offsets, np.empty(0, np.int64), characters)
    found = characters.only(touched)
    actions = actions.take(touched)
    positions = _unsettled(data, found, actions, table)
    unsettled = positions
    if len(positions):
        unsettled = np.unique(np.searchsorted(offsets, positions, side="right") - 1)
    replaced = np.flatnonzero(actions == REPLACE)
    if not len(replaced):
        return Settled(data, offsets, unsettled, characters)
    data = data.copy()
    if len(replaced) < len(touched):
        found = found.only(replaced)
    numbers = table.form_index.take(found.codes)
    forms = _forms()
    codes = forms.codes.take(numbers)
    if erase:
        blank = forms.blank.take(numbers)
        chosen = np.flatnonzero(blank)
        if len(chosen):
            erased = found if len(chosen) == len(found.codes) else found.only(chosen)
            erase_characters(data, erased.positions, erased.sizes)
            if erased is found:
                numbers = numbers[:0]
            else:
                rest = np.flatnonzero(~blank)
                numbers, found = numbers.take(rest), found.only(rest)
    if len(numbers):
        growth = forms.sizes.take(numbers) - found.sizes
        if growth.any():
            return Settled(*_replace(data, offsets, found, table), unsettled, None)
        _overwrite(data, found.positions, forms.sizes.take(numbers), numbers, table)
    if (codes < 0).any():
        return Settled(data, offsets, unsettled, None)
    now = characters.codes.copy()
    now[touched.take(replaced)] = codes
    return Settled(data, offsets, unsettled, replace(characters, codes=now))


@dataclass(frozen=True)
class _Forms:
    """What there is to know of the forms of REPLACE characters, by their number.

    Attributes
    ----------
    sizes : int64; their bytes.
    blank : bool; whether they are one or more ASCII separators.
    codes : int64; the code point of a form that is one, the letter a for others in ASCII (there is
        no need to look at them again), and -1 for the rest.
    """

    sizes: Int64Array
    blank: BoolArray
    codes: Int64Array


@lru_cache(maxsize=1)
def _forms() -> _Forms:
    table = tables()
    sizes = np.diff(table.form_starts)
    starts = table.form_starts[:-1][sizes > 0]
    data = table.form_bytes
    is_ascii = np.ones(len(sizes), np.bool_)
    is_ascii[sizes > 0] = np.maximum.reduceat(data, starts) < 0x80
    blank = np.zeros(len(sizes), np.bool_)
    word = np.frombuffer(data.tobytes().translate(FOLD), np.uint8) != 0
    blank[sizes > 0] = ~np.logical_or.reduceat(word, starts)
    found = characters_of(data, data >= 0xC0)
    form = np.searchsorted(table.form_starts, found.positions, side="right") - 1
    single = found.sizes == sizes[form]
    codes = np.where(is_ascii, ord("a"), -1)
    codes[form[single]] = found.codes[single]
    return _Forms(sizes, blank, codes)


def _unsettled(
    data: UInt8Array, found: Characters, actions: UInt8Array, table: Tables
) -> Int64Array:
    """Return the positions of characters that only `str.normalize` can settle.

    Without them no character depends on its neighbours: a text whose composing characters do not
    compose with what stands before them, and whose marks are in order, is normalised once the
    REPLACE characters are replaced (their forms begin and end with characters that stand alone).
    """
    if int(actions.max()) <= REPLACE:
        return np.empty(0, np.int64)
    combining = table.combining.take(found.codes)
    unsettled: BoolArray = actions == NORMALIZE
    adjoins = np.zeros(len(actions), np.bool_)  # no untouched character between it and the last
    adjoins[1:] = found.positions[:-1] + found.sizes[:-1] == found.positions[1:]
    before = np.concatenate([actions[:1], actions[:-1]])
    before_combining = np.concatenate([combining[:1], combining[:-1]])
    after_replaced = adjoins & (before == REPLACE)  # perhaps by nothing
    moves = adjoins & (before_combining > combining) | after_replaced
    unsettled |= moves & (combining > 0) & (actions >= REORDER)
    composing = np.flatnonzero(actions == COMPOSE)
    if len(composing):
        after_mark = adjoins & (before_combining > 0)
        # A starter composes only with the character right before it, so never over a mark.
        unsettled |= (actions == COMPOSE) & (after_replaced | (after_mark & (combining > 0)))
        rest = composing[~(after_replaced | after_mark)[composing]]
        positions = found.positions[rest]
        pairs = code_points_before(data, positions).astype(np.int64) << 32 | found.codes[rest]
        unsettled[rest] |= _composes(pairs)
    return found.positions[np.flatnonzero(unsettled)]


def _composes(pairs: Int64Array) -> BoolArray:
    """Return which pairs (first << 32 | second) of code points NFC changes."""
    ordered = np.sort(pairs)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    distinct = ordered[first]
    changed = np.array([_pair_composes(pair) for pair in distinct.tolist()], np.bool_)
    composes: BoolArray = changed[np.searchsorted(distinct, pairs)]
    return composes


@lru_cache(maxsize=1 << 16)
def _pair_composes(pair: int) -> bool:
    text = chr(pair >> 32) + chr(pair & 0xFFFFFFFF)
    return unicodedata.normalize("NFC", text) != text


def _replace(
    data: UInt8Array, offsets: Int64Array, found: Characters, table: Tables
) -> tuple[UInt8Array, Int64Array]:
    """Write the forms over the characters found, all of them with the action REPLACE."""
    forms = table.form_index.take(found.codes)
    sizes = _forms().sizes.take(forms)
    growth = sizes - found.sizes
    grown = np.maximum(growth, 0)
    positions, ends = found.positions, found.positions + found.sizes
    if grown.any():
        data = np.insert(data, np.repeat(ends, grown), 0)
        positions = positions + np.cumsum(grown) - grown
    _overwrite(data, positions, sizes, forms, table)
    shrunk = np.flatnonzero(growth < 0)
    if len(shrunk):
        for place in range(1, 5):  # from the end of each character
            over = shrunk[growth[shrunk] <= -place]
            data[positions[over] + found.sizes[over] - place] = _DROP
        if len(shrunk) * _SPARSE < len(data):
            data = np.frombuffer(data.tobytes().replace(bytes([_DROP]), b""), np.uint8)
        else:
            data = data[data != _DROP]
    moved = np.concatenate([[0], np.cumsum(growth)])
    return data, offsets + moved[np.searchsorted(found.positions, offsets)]


def _overwrite(
    data: UInt8Array,
    positions: Int64Array,
    sizes: Int64Array,
    forms: NDArray[np.uint16],
    table: Tables,
) -> None:
    """Write forms, of these sizes, from the positions on."""
    starts = table.form_starts.take(forms)
    for place in range(int(sizes.max(initial=0))):
        longer = np.flatnonzero(sizes > place)
        data[positions[longer] + place] = table.form_bytes.take(starts[longer] + place)
