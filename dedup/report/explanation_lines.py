"""What `dedup explain` prints, for a terminal of some width, with or without colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from dedup.report.cells import ELLIPSIS, fitted, printable, start_of, width, wrapped
from dedup.report.difference import EQUAL, LEFT, Difference, Segment
from dedup.report.explanation import Explained, Explanation
from dedup.report.verdict import percent, share_text

_LEAST_COLUMNS = 40
_NAME = 14
_MOST_SEGMENTS = 80
_EQUAL_CELLS = 120
_OTHER_CELLS = 600
"""Of a segment so many cells are shown; what goes is in its middle."""

PLAIN, BESIDE, GONE, NEW = "", "33", "31", "32"
"""Styles, as the numbers of terminal colours: yellow, red and green."""

Piece = tuple[str, str]
"""(style, text)."""


def explanation_lines(found: Explanation, columns: int, *, colours: bool) -> Iterator[str]:
    """Yield figures, the verdict and the marked difference, in lines of at most so many cells."""
    columns = max(_LEAST_COLUMNS, columns)
    for name, side in (("left", found.left), ("right", found.right)):
        yield from _row(name, _described(side), columns)
    for name, text in _figures(found):
        yield from _row(name, text, columns)
    if found.verdict is not None:
        together = "in one cluster" if found.verdict.together else "not in one cluster"
        yield ""
        yield from wrapped(f"{together}: {found.verdict.text}", columns)
    for note in found.notes:
        yield from wrapped(f"Note: {note}.", columns)
    named = (
        ("in both", found.examples),
        ("only left", found.left.examples),
        ("only right", found.right.examples),
    )
    if any(examples for _, examples in named):
        yield ""
    for name, examples in named:
        for example in examples:
            room = columns - _NAME
            yield f"{name:<{_NAME}}{fitted(_one_line(example), room)}"
    yield ""
    if found.difference is None:
        if found.no_difference:
            yield from wrapped(
                f"No difference is shown: {printable(found.no_difference)}.", columns
            )
        return
    if found.difference.segments:
        yield from _styled(_pieces(found.difference), columns, colours=colours)
        yield ""
    yield from wrapped(_legend(found.difference, colours=colours), columns)


def _described(side: Explained) -> str:
    shingles = "shingle" if side.shingles == 1 else "shingles"
    text = f"{side.tokens:,} tokens, {side.shingles:,} distinct {shingles}"
    name = printable(str(side.name))
    if side.position is not None:
        name += f" (@{side.position} of {printable(str(side.source))})"
    return f"{name}: {text}" if name not in ("left", "right") else text


def _figures(found: Explanation) -> Iterator[tuple[str, str]]:
    sets = found.comparison
    where = "" if found.measure != "jaccard" else _against(found)
    yield (
        "Jaccard",
        f"{share_text(sets.jaccard)}  {sets.shared:,} of {sets.union:,} shingles{where}",
    )
    where = "" if found.measure != "containment" else _against(found)
    left, right = share_text(sets.left_containment), share_text(sets.right_containment)
    yield "containment", f"{left} of left, {right} of right{where}"
    yield (
        "estimated",
        f"{sets.estimated_jaccard:.4f}  Jaccard from signatures of {sets.bands * sets.rows}, "
        f"standard error {sets.standard_error:.4f}",
    )
    yield "SimHash", f"{sets.hamming} of 64 bits differ"
    which = " ".join(str(band + 1) for band in sets.collisions[:10])
    which = f" ({which}{' ...' if len(sets.collisions) > 10 else ''})" if which else ""
    chance = f"{percent(sets.candidate_probability)} of pairs of this Jaccard share one"
    yield "bands", f"{len(sets.collisions)} of {sets.bands} shared{which}; {chance}"


def _against(found: Explanation) -> str:
    side = "at or above" if found.reaches else "below"
    return f", {side} the threshold {float(found.threshold):g}"


def _row(name: str, text: str, columns: int) -> Iterator[str]:
    """Yield a name, and a text that goes on under itself."""
    first, *rest = wrapped(text, columns - _NAME)
    yield f"{name:<{_NAME}}{first}".rstrip()
    for line in rest:
        yield " " * _NAME + line


def _one_line(text: str) -> str:
    """Return a text with a blank for all white space; white space is never compared."""
    return printable(re.sub(r"\s+", " ", text))


def _pieces(found: Difference) -> Iterator[Piece]:
    """Yield the texts of the segments with their style."""
    last = len(found.segments) - 1
    for number, segment in enumerate(found.segments[:_MOST_SEGMENTS]):
        if segment.kind == EQUAL:
            yield from _shortened(list(_equal(segment)), number == 0, number == last)
        else:
            is_left = segment.kind == LEFT
            spans = segment.left if is_left else segment.right
            text = fitted(_one_line("".join(span.text for span in spans)), _OTHER_CELLS)
            yield (GONE, f"[-{text}-]") if is_left else (NEW, f"{{+{text}+}}")
    if last >= _MOST_SEGMENTS:
        yield PLAIN, f" ... and {last + 1 - _MOST_SEGMENTS:,} more segments (--json has all)"


def _equal(segment: Segment) -> Iterator[Piece]:
    """Yield the left side of what both have; yellow where no shingle of it is shared."""
    for span in segment.left or segment.right:
        text = _one_line(span.text)
        beside = not span.shared and any(map(str.isalnum, text))
        yield BESIDE if beside else PLAIN, text


def _shortened(pieces: list[Piece], at_start: bool, at_end: bool) -> Iterator[Piece]:
    """Leave out what is far from any difference."""
    if sum(width(text) for _, text in pieces) <= _EQUAL_CELLS:
        yield from pieces
        return
    room = _EQUAL_CELLS // 2
    if not at_start:
        yield from _first(pieces, room)
    yield PLAIN, f" {ELLIPSIS} "
    if not at_end:
        backwards = [(style, text[::-1]) for style, text in reversed(pieces)]
        yield from reversed([(style, text[::-1]) for style, text in _first(backwards, room)])


def _first(pieces: Iterable[Piece], room: int) -> Iterator[Piece]:
    for style, text in pieces:
        yield style, start_of(text, room)
        room -= width(text)
        if room <= 0:
            return


def _styled(pieces: Iterable[Piece], columns: int, *, colours: bool) -> Iterator[str]:
    """Cut a text with styles into lines, at blanks where there are any."""
    letters = [(letter, style) for style, text in pieces for letter in text]
    plain = "".join(letter for letter, _ in letters)
    place = 0
    for line in wrapped(plain, columns):
        while place < len(plain) and plain[place] == " " and not line.startswith(" "):
            place += 1  # the blank at which a line was cut
        styles = [style for _, style in letters[place : place + len(line)]]
        place += len(line)
        yield "".join(
            _coloured("".join(letter for letter, _ in run), style if colours else PLAIN)
            for style, run in groupby(zip(line, styles, strict=True), key=lambda pair: pair[1])
        )


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style else text


def _legend(found: Difference, *, colours: bool) -> str:
    alone = found.left_tokens - found.equal_tokens, found.right_tokens - found.equal_tokens
    text = f"{found.equal_tokens:,} tokens stand in both, [-{alone[0]:,} only left-], "
    text += f"{{+{alone[1]:,} only right+}}"
    if colours:
        text += "; yellow: equal, but in no shared shingle"
    if found.cut:
        text += "; parts are too long to be compared, and count as different"
    return text + "."
