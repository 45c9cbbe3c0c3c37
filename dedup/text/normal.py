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
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.unicode import COMPOSE, NORMALIZE, REORDER, REPLACE, Tables, tables
from dedup.text.utf8 import BoolArray, between, code_points, code_points_before

_DROP = 0xFF
"""A byte that is never in UTF-8."""

_SPARSE = 128
"""With fewer drops than one in so many bytes, `bytes.replace` is faster than a mask."""


def settle(data: UInt8Array, offsets: Int64Array) -> tuple[UInt8Array, Int64Array, Int64Array]:
    """Replace every character that has another form.

    Parameters
    ----------
    data : uint8; the documents' bytes, valid UTF-8.
    offsets : int64, shape (documents + 1,), from 0 to len(data).

    Returns
    -------
    data, offsets : the documents in canonical text, but for the case of ASCII letters.
    unsettled : int64; the sorted documents for which that is not so, as they need `canonical`.
    """
    table = tables()
    found = _Found.in_text(data, table)
    if not len(found.positions):
        return data, offsets, np.empty(0, np.int64)
    positions = _unsettled(data, found, table)
    held = np.zeros(len(offsets), np.bool_)
    held[np.searchsorted(offsets, positions, side="right") - 1] = True
    replaced = _replace(data, offsets, found.only(found.actions == REPLACE), table)
    return *replaced, np.flatnonzero(held)


@dataclass(frozen=True)
class _Found:
    """The characters of a batch that canonicalisation may have to touch, in text order."""

    positions: Int64Array
    sizes: Int64Array
    codes: NDArray[np.uint32]
    actions: UInt8Array

    @classmethod
    def in_text(cls, data: UInt8Array, table: Tables) -> _Found:
        """Look up every character but those whose lead byte promises KEEP."""
        wide = between(data, 0xE0, 0xE3) | (data == 0xEA) | (data == 0xEF)
        parts = []
        for size, leads in ((2, between(data, 0xC2, 0xDF)), (3, wide), (4, data >= 0xF0)):
            positions = np.flatnonzero(leads)
            codes = code_points(data, positions, size)
            actions = table.actions.take(codes)
            touched = np.flatnonzero(actions)
            if len(touched):
                parts.append(
                    cls(
                        positions.take(touched),
                        np.full(len(touched), size),
                        codes.take(touched).astype(np.uint32),
                        actions.take(touched),
                    )
                )
        if len(parts) == 1:
            return parts[0]
        columns = [(p.positions, p.sizes, p.codes, p.actions) for p in parts]
        if not columns:
            empty = np.empty(0, np.int64)
            return cls(empty, empty, empty.astype(np.uint32), empty.astype(np.uint8))
        merged = cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))
        return merged.only(np.argsort(merged.positions, kind="stable"))

    def only(self, chosen: Int64Array | BoolArray) -> _Found:
        """Return the chosen characters."""
        return _Found(
            self.positions[chosen], self.sizes[chosen], self.codes[chosen], self.actions[chosen]
        )


def _unsettled(data: UInt8Array, found: _Found, table: Tables) -> Int64Array:
    """Return the positions of characters that only `str.normalize` can settle.

    Without them no character depends on its neighbours: a text whose composing characters do not
    compose with what stands before them, and whose marks are in order, is normalised once the
    REPLACE characters are replaced (their forms begin and end with characters that stand alone).
    """
    actions, combining = found.actions, table.combining.take(found.codes)
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
    data: UInt8Array, offsets: Int64Array, found: _Found, table: Tables
) -> tuple[UInt8Array, Int64Array]:
    """Write the forms over the characters found, all of them with the action REPLACE."""
    forms = table.form_index.take(found.codes)
    starts = table.form_starts.take(forms)
    sizes = table.form_starts.take(forms + 1) - starts
    growth = sizes - found.sizes
    grown = np.maximum(growth, 0)
    positions, ends = found.positions, found.positions + found.sizes
    if grown.any():
        data = np.insert(data, np.repeat(ends, grown), 0)
        positions = positions + np.cumsum(grown) - grown
    else:
        data = data.copy()
    for place in range(int(sizes.max(initial=0))):
        longer = np.flatnonzero(sizes > place)
        data[positions[longer] + place] = table.form_bytes.take(starts[longer] + place)
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
