"""Which characters above U+007F have to be looked at one by one, and whether all are valid UTF-8.

Dense passes over the bytes are cheap (0.02 ns a byte each); what costs is a look at a position
(40 ns in all for a character that is decoded, settled and classed), so `scan` names the few that
have to be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array, UInt8Array
from dedup.text.utf8 import BoolArray, between

_LEAST = np.array([0, 0, 0x80, 0x800, 0x10000], np.uint32)
_MAX_CODE = 0x10FFFF
_SURROGATES = 0xD800 >> 11

_MANY = 8
"""A text has many characters above U+007F if one byte in so many starts one."""

# First byte, least and greatest second byte of characters that canonical text keeps and that are
# letters of spaced scripts: lower-case Greek and Cyrillic, Hebrew, Arabic, Hangul.
_QUIET_NARROW = (
    *((0xCE, 0xAC, 0xBF), (0xCF, 0x83, 0x8E), (0xD0, 0xB0, 0xBF), (0xD1, 0x80, 0x8F)),
    *((0xD7, 0x90, 0xAA), (0xD8, 0xA0, 0xBF), (0xD9, 0x80, 0x8A)),
)
_QUIET_HANGUL = ((0xEA, 0xB0, 0xBF), (0xEB, 0x80, 0xBF), (0xEC, 0x80, 0xBF), (0xED, 0x80, 0x9D))
QUIET_PAIRS = _QUIET_NARROW + _QUIET_HANGUL


@dataclass(frozen=True)
class Characters:
    """Some of the characters of a text, in its order.

    Attributes
    ----------
    positions : int64; of their first bytes.
    sizes : uint8; their bytes, 2 to 4.
    codes : uint32; their code points.
    """

    positions: Int64Array
    sizes: UInt8Array
    codes: NDArray[np.uint32]

    def only(self, chosen: Int64Array) -> Characters:
        """Return the chosen ones."""
        return Characters(
            self.positions.take(chosen), self.sizes.take(chosen), self.codes.take(chosen)
        )


def characters(data: UInt8Array, leads: BoolArray) -> Characters:
    """Decode the characters that start where `leads` says, all above U+007F."""
    positions = np.flatnonzero(leads)
    lead = data.take(positions)
    # As of three bytes each, whatever follows those of two.
    codes = (lead & np.uint8(0x1F)).astype(np.uint32)
    for place in (1, 2):
        codes <<= 6
        codes |= data.take(positions + place, mode="clip") & np.uint8(0x3F)
    longer = lead >= 0xE0
    codes >>= np.where(longer, np.uint8(0), np.uint8(6))
    sizes = longer.view(np.uint8) + np.uint8(2)
    longest = lead >= 0xF0
    if longest.any():
        chosen = np.flatnonzero(longest)
        last = data.take(positions.take(chosen) + 3, mode="clip") & np.uint8(0x3F)
        codes[chosen] = (codes.take(chosen) & 0xFFFF) << 6 | last
        sizes[chosen] = 4
    return Characters(positions, sizes, codes)


def erase_characters(data: UInt8Array, positions: Int64Array, sizes: UInt8Array) -> None:
    """Write byte 0 over characters of 2 to 4 bytes."""
    for place in range(int(sizes.max(initial=0))):
        longer = positions if place < 2 else positions.take(np.flatnonzero(sizes > place))
        data[longer + place] = 0


def erase_three(data: UInt8Array, leads: BoolArray) -> None:
    """Write byte 0 over characters of 3 bytes, by the mask of their first ones: where many are."""
    others = ~leads
    kept = others.copy()
    kept[1:] &= others[:-1]
    kept[2:] &= others[:-2]
    data *= kept.view(np.uint8)


@dataclass(frozen=True)
class Scan:
    """Which characters above U+007F have to be looked at.

    Where a text has many, the commonest are passed over: those that canonical text keeps, whatever
    stands beside them, and whose class is known. Masks are of first bytes; None holds nothing.

    Attributes
    ----------
    leads : bool; all the others.
    two, three : bool; all that are passed over, of two and of three bytes.
    unspaced : bool; Han and kana passed over, three bytes each.
    punctuation : bool; commas and full stops passed over, three bytes each.
    """

    leads: BoolArray
    two: BoolArray | None = None
    three: BoolArray | None = None
    unspaced: BoolArray | None = None
    punctuation: BoolArray | None = None


def scan(data: UInt8Array, *, erase: bool) -> Scan:
    """Find the characters above U+007F that have to be looked at.

    Parameters
    ----------
    erase : pass also over the commas and full stops among Han and kana, for a caller who erases
        them: they are separators, though canonical text has another form for some.
    """
    leads = data >= 0xC0
    least = len(data) // _MANY
    if np.count_nonzero(leads) < least or len(data) < 3:
        return Scan(leads)
    after = data[1:]
    unspaced = between(data, 0xE5, 0xE9)  # U+5000..U+9FFF
    unspaced[:-1] |= (data[:-1] == 0xE4) & (after >= 0xB8)  # U+4E00..U+4FFF
    kana = data == 0xE3
    if np.count_nonzero(kana) >= least // 2:
        kana[-2:] = False
        kana[:-2] &= _is_kana(data[1:-1], data[2:])
        unspaced |= kana
    three, two, punctuation = unspaced, None, None
    if erase and np.count_nonzero(unspaced) >= least:
        punctuation = _punctuation(data)
        three = unspaced | punctuation
    leads ^= three
    if int(np.count_nonzero(leads)) >= least:
        two = _quiet(data, _QUIET_NARROW)
        hangul = _quiet(data, _QUIET_HANGUL)
        leads ^= two
        leads ^= hangul
        three = three | hangul
    return Scan(leads, two, three, unspaced, punctuation)


def _is_kana(second: UInt8Array, third: UInt8Array) -> BoolArray:
    """Tell which bytes after 0xE3 make kana that canonical text keeps and that are no marks."""
    low = second * np.uint8(64)
    low += third  # the low byte of the code point, and 0x80
    found = (low - np.uint8(0xC1)) <= 0x53  # U+3041..U+3094, over the end of a byte
    found |= between(low, 0x21, 0x7A)  # U+30A1..U+30FA
    found &= between(second, 0x81, 0x83)
    return found


def _punctuation(data: UInt8Array) -> BoolArray:
    """Tell where the characters U+3001, U+3002 and U+FF0C start."""
    first, second, third = data[:-2], data[1:-1], data[2:]
    mask = np.zeros(len(data), np.bool_)
    found = mask[:-2]
    np.equal(first, 0xE3, out=found)
    found &= second == 0x80
    found &= between(third, 0x81, 0x82)
    full_width = first == 0xEF
    full_width &= second == 0xBC
    full_width &= third == 0x8C
    found |= full_width
    return mask


def _quiet(data: UInt8Array, pairs: Sequence[tuple[int, int, int]]) -> BoolArray:
    """Tell which bytes start characters of these first and second bytes."""
    found = np.zeros(len(data), np.bool_)
    for first, low, high in pairs:
        leads = data[:-1] == first
        if leads.any():
            found[:-1] |= leads & between(data[1:], low, high)
    return found


def is_valid(data: UInt8Array, offsets: Int64Array, found: Characters, scanned: Scan) -> bool:
    """Tell whether text is valid UTF-8, given all that `scan` says of it.

    Every character is followed by as many bytes 0x80..0xBF as it says, inside its document, and
    together they account for all such bytes.
    """
    positions, sizes, codes = found.positions, found.sizes, found.codes
    stops = data.view(np.int8) >= -64  # all but 0x80..0xBF
    if len(sizes) and int(positions[-1]) + int(sizes[-1]) > len(data):
        return False
    expected = int(sizes.sum(dtype=np.int64)) - len(sizes)
    for place in range(1, int(sizes.max(initial=1))):
        longer = positions if place == 1 else positions.take(np.flatnonzero(sizes > place))
        if stops.take(longer + place).any():
            return False
    for mask, size in ((scanned.two, 2), (scanned.three, 3)):
        if mask is not None and (number := np.count_nonzero(mask)):
            expected += (size - 1) * int(number)
            short = stops[1:-1] | stops[2:] if size == 3 else stops[1:]
            if mask[1 - size :].any() or (mask[: 1 - size] & short).any():
                return False
    if expected != len(data) - int(np.count_nonzero(stops)):
        return False
    wrong = (codes < _LEAST.take(sizes)) | (codes > _MAX_CODE) | ((codes >> 11) == _SURROGATES)
    return not wrong.any() and bool(stops.take(offsets[offsets < len(data)]).all())
