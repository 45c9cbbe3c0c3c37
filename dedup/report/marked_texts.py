"""The texts of chosen documents, each with its keeper or its pair, marked where they differ.

Texts are read again from the run's input, as far as it is what it was, and cut; pairs come in the
order of their worth until a budget is spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dedup.errors import DedupError
from dedup.report.difference import EQUAL, Difference, Segment, Span, Text, difference
from dedup.report.page import embedded_bytes
from dedup.report.texts import Texts
from dedup.report.untrusted import harmless

CHARS = 8_000
"""Characters of a text that are shown and compared."""

_BYTES = 4_000_000
_DOCUMENTS = 3_000
_OWN_TOKENS = 1_500
_DIFFERENCE_BYTES = 160

SHARED, EDGE, MOVED, ONLY = range(4)
"""What a span is: in shingles of both; equal, but in none; in one place, or not at all."""


@dataclass
class MarkedTexts:
    """Texts, and where pairs of them differ, as JSON values.

    Attributes
    ----------
    texts : each once.
    place : position -> its text's place in `texts`.
    of_pair : (left position, right position) -> the place of their difference.
    cut : the positions of texts that are longer than what is shown.
    spent : whether the budget left pairs without a difference.
    failure : why the reading ended early, where it did.
    """

    texts: list[str] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    of_pair: dict[tuple[int, int], int] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    spent: bool = False
    failure: str = ""


def mark_pairs(
    texts: Texts,
    pairs: Sequence[tuple[int, int]],
    equal: Iterable[tuple[int, int]] = (),
    *,
    budget: int = _BYTES,
) -> MarkedTexts:
    """Read the texts of pairs of positions, and mark their differences.

    Parameters
    ----------
    pairs : in the order of their worth.
    equal : pairs of the same text, byte for byte, of which one is enough.
    """
    found = MarkedTexts()
    wanted: dict[int, None] = {}
    for left, right in pairs:
        if len(wanted) >= _DOCUMENTS:
            found.spent = True
            break
        wanted |= {left: None, right: None}
    equal = list(equal)
    wanted |= {left: None for left, _ in equal[: _DOCUMENTS // 4]}
    raw: dict[int, Text] = {}
    try:
        for position, text in texts.read(wanted):
            raw[position] = _short(text)
            if len(raw[position]) < len(text):
                found.cut.add(position)
    except DedupError as error:  # a page without texts is better than none
        found.failure = str(error)
    for left, right in pairs:
        if left not in raw or right not in raw:
            continue
        if budget < 0:
            found.spent = True
            break
        marked = difference(raw[left], raw[right], texts.config)
        sides = [_side(marked.segments, is_left) for is_left in (True, False)]
        for position, (text, _) in zip((left, right), sides, strict=True):
            budget -= _add(found, position, text)
        budget -= 4 * sum(len(spans) for _, spans in sides) + _DIFFERENCE_BYTES
        found.of_pair[left, right] = len(found.differences)
        found.differences.append(
            {
                "left": found.place[left],
                "right": found.place[right],
                "leftSpans": sides[0][1],
                "rightSpans": sides[1][1],
                "verdict": _verdict(marked, is_cut=bool({left, right} & found.cut)),
            }
        )
    for left, right in equal:
        if left not in found.place and left in raw and budget >= 0:
            budget -= _add(found, left, harmless(_joined(raw[left])))
        if left in found.place:
            found.place.setdefault(right, found.place[left])
    return found


def _short(text: Text) -> Text:
    return text[: CHARS if isinstance(text, str) else _OWN_TOKENS]


def _joined(text: Text) -> str:
    return text if isinstance(text, str) else " ".join(map(str, text))


def _add(found: MarkedTexts, position: int, text: str) -> int:
    """Add a text unless it is there; return about what it takes in the page."""
    if position in found.place:
        return 0
    found.place[position] = len(found.texts)
    found.texts.append(text)
    return embedded_bytes(text)


def _side(segments: Sequence[Segment], is_left: bool) -> tuple[str, list[int]]:
    """Return a side's text, and [what, UTF-16 units, ...] of its spans."""
    pieces = [
        (_flag(segment.kind == EQUAL, span), harmless(span.text))
        for segment in segments
        for span in (segment.left if is_left else segment.right)
    ]
    spans: list[int] = []
    for flag, some in groupby(pieces, key=lambda piece: piece[0]):
        spans += [flag, sum(_utf16_units(text) for _, text in some)]
    return "".join(text for _, text in pieces), spans


def _flag(is_equal: bool, span: Span) -> int:
    if is_equal:
        # What stands between tokens, or after the last, is in no shingle, and beside no change.
        has_token = any(character.isalnum() for character in span.text)
        return EDGE if has_token and not span.shared else SHARED
    return MOVED if span.shared else ONLY


def _utf16_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _verdict(found: Difference, *, is_cut: bool) -> str:
    text = (
        f"{found.equal_tokens:,} tokens in both, in the same order; "
        f"{found.left_tokens - found.equal_tokens:,} only left, "
        f"{found.right_tokens - found.equal_tokens:,} only right."
    )
    if is_cut:
        text = f"In the beginnings that are shown: {text}"
    if found.cut:
        text += " Parts were too long to compare."
    return text
