"""Pages that would cost a parser more than their size, told cheaply and before it sees them.

Measured on Resiliparse 2.0: a tag costs up to 550 bytes of memory; each attribute of a tag is
compared with all before it (20,000 of them take 1.3 s, a million an hour); the search of the main
content is quadratic in the depth.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["MAX_ATTRIBUTES", "MAX_TAGS", "excess", "is_deeper"]

MAX_TAGS = 1_000_000
MAX_ATTRIBUTES = 10_000

# These hold nothing, or are ended by the next of their kind: they nest only in a list or a table.
_FLAT = (
    "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
    "|p|li|dt|dd|option|optgroup|tr|td|th|thead|tbody|tfoot|colgroup"
)
_TAGS = re.compile(rf"<(/?)(?!(?:{_FLAT})[\s/>])([a-z][a-z0-9:-]{{0,31}})", re.IGNORECASE)


_LEAST_BYTES = 2 * MAX_ATTRIBUTES
_TAG = re.compile(rb"""<[a-zA-Z](?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+""")
_ATTRIBUTE = re.compile(rb"[\s/\"']+[^\s/\"'=]")


def excess(page: bytes) -> str:
    """Return what a page of HTML has too much of to be parsed, or nothing; in linear time."""
    if len(page) <= _LEAST_BYTES:
        return ""
    if page.count(b"<") > MAX_TAGS:
        return f"over {MAX_TAGS:,} tags"
    for tag in _TAG.finditer(page):
        start, stop = tag.span()
        if stop - start > _LEAST_BYTES and _has_many(page[start:stop]):
            return f"a tag of over {MAX_ATTRIBUTES:,} attributes"
    return ""


def _has_many(tag: bytes) -> bool:
    return any(count == MAX_ATTRIBUTES for count, _ in enumerate(_ATTRIBUTE.finditer(tag)))


def is_deeper(page: str, limit: int) -> bool:
    """Tell whether more than `limit` tags lie in each other, in time linear in the page.

    Counts open tags by name, so that an end tag without a start closes nothing. Pages of few tags,
    nearly all, cost one count of ``<``; others are read up to the first place that is too deep.
    Unclosed tags count as open to the end: the answer errs on the side of too deep.
    """
    if page.count("<") <= limit:
        return False
    opened: Counter[str] = Counter()
    depth = 0
    for tag in _TAGS.finditer(page):
        name = tag[2].lower()
        if not tag[1]:
            opened[name] += 1
            depth += 1
            if depth > limit:
                return True
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    return False
