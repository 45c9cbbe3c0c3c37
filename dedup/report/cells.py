"""Untrusted text on a terminal: made harmless, measured in cells, and cut to fit.

Ids and texts come from the web. An escape sequence in one could recolour, retitle or overwrite the
terminal, and a bidirectional override could show another name than the one that is there. So all
that is not a visible character is written as its escape.

References
----------
Boucher, Anderson (2021), Trojan Source: invisible vulnerabilities. Unicode Standard Annex 11, East
Asian Width.
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "\u2026"

_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # inside words and emoji; they move nothing
_MARKS_KEPT = 8


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with ``\x1b`` and the like in the place of what must not reach a terminal.

    These are controls, format characters (all bidirectional ones among them), line and paragraph
    separators, surrogates, and what has no assigned look; and more than eight marks in a row.

    Parameters
    ----------
    keep : characters to leave as they are, such as a newline.
    """
    if text.isascii() and text.isprintable():
        return text
    found, marks = [], 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks > _MARKS_KEPT:
            continue
        seen = kind not in _UNSEEN or char in _JOINERS or char in keep
        found.append(char if seen else char.encode("unicode_escape").decode())
    return "".join(found)


def width(text: str) -> int:
    """Return the cells that a printable text takes: 2 for wide characters, 0 for marks."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me", "Cf") else 1


def fitted(text: str, cells: int) -> str:
    """Return a printable text of at most so many cells; what goes is in the middle.

    Both ends of a URL tell more than its middle.
    """
    if len(text) <= cells and width(text) <= cells:
        return text
    if cells < 1:
        return ""
    head = start_of(text, cells - 1 - (cells - 1) // 2)
    tail = start_of(text[::-1], cells - 1 - width(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}"


def start_of(text: str, cells: int) -> str:
    """Return the longest beginning of so many cells; marks at its end stay with their letter."""
    used = 0
    for place, char in enumerate(text):
        used += _cells(char)
        if used > cells:
            return text[:place]
    return text


def wrapped(text: str, cells: int, indent: str = "") -> list[str]:
    """Cut a printable text into lines of so many cells, at blanks where there are any.

    Parameters
    ----------
    indent : stands before all lines but the first.
    """
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if line and width(joined) > cells:
            lines.append(line)
            joined = indent + word
        while width(joined) > cells and (start := start_of(joined, cells)) not in ("", indent):
            lines.append(start)
            joined = indent + joined[len(start) :]
        line = joined
    return [*lines, line]


def padded(text: str, cells: int) -> str:
    """Return a text with blanks after it, up to so many cells."""
    return text + " " * (cells - width(text))
