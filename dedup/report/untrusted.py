"""Text of documents, ids and hosts as it may be shown: cut, and without characters that act.

What a page shows comes from whoever wrote the documents. Markup is the business of the template and
of `page.embedded`; here go the characters that a browser obeys as characters: overrides of the
writing direction, controls, and halves of surrogate pairs.
"""

from __future__ import annotations

import re
from typing import Any

ID_CHARS = 300
"""Characters of an id, URL or host that are shown."""

# Bidirectional marks, embeddings, overrides and isolates (UAX #9), line and paragraph separators.
_DIRECTIONS = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# C0 but tab and newline, DEL, C1, halves of surrogate pairs, and noncharacters of the first plane.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
_ACTIVE = re.compile(f"[{_DIRECTIONS}{_CONTROLS}]")


def shown(value: Any, limit: int = ID_CHARS) -> str:
    """Return a value as text that is safe to show, of at most about `limit` characters.

    A character that would act is replaced by its code, as in ``[U+202E]``; a longer text loses its
    middle, and says how much.
    """
    text = "null" if value is None else str(value)
    if len(text) > limit:
        head, tail = limit - limit // 4, limit // 4
        text = f"{text[:head]} … [{len(text) - limit:,} characters] … {text[-tail:]}"
    return harmless(text)


def harmless(text: str) -> str:
    """Return the text with every character that acts replaced by its code.

    Character by character, so that the parts of a text may be done apart.
    """
    return _ACTIVE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.replace("\r", ""))
