"""Pages that would cost a parser more than their size, told cheaply and before it sees them.

Measured on Resiliparse 2.0: a tag costs up to 550 bytes of memory; each attribute of a tag is
compared with all before it (65,000 of them take 5 s, a million half an hour); the search of the
main content is quadratic in the depth.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

__all__ = ["HARMLESS_BYTES", "MAX_ATTRIBUTES", "MAX_TAGS", "excess", "is_deeper", "may_be_deeper"]

MAX_TAGS = 1_000_000
MAX_ATTRIBUTES = 10_000

# These hold nothing, or are ended by the next of their kind: they nest only in a list or a table.
_FLAT_NAMES = """
area base br col embed hr img input link meta param source track wbr
p li dt dd option optgroup tr td th thead tbody tfoot colgroup
"""
_FLAT = frozenset(_FLAT_NAMES.split())
_TAGS = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,31})([\s/>]?)")


HARMLESS_BYTES = 1 << 18
"""Whatever tags a page of this size has, its parsing takes 5 s at most (65,000 attributes)."""
_TAG = re.compile(rb"""<[a-zA-Z][^>=]*+(?:=\s*+(?:"[^"]*+"|'[^']*+')?+[^>=]*+)*+""")
_ATTRIBUTE = re.compile(rb"[\s/\"']+[^\s/\"'=]")


def excess(page: bytes) -> str:
    """Return what a page of HTML has too much of to be parsed, or nothing; in linear time."""
    if len(page) <= HARMLESS_BYTES:
        return ""
    if len(page) > MAX_TAGS and page.count(b"<") > MAX_TAGS:
        return f"over {MAX_TAGS:,} tags"
    for tag in _TAG.finditer(page):
        start, stop = tag.span()
        if stop - start > 2 * MAX_ATTRIBUTES and _has_many(page[start:stop]):
            return f"a tag of over {MAX_ATTRIBUTES:,} attributes"
    return ""


def _has_many(tag: bytes) -> bool:
    return any(count == MAX_ATTRIBUTES for count, _ in enumerate(_ATTRIBUTE.finditer(tag)))


def may_be_deeper(page: bytes, limit: int) -> bool:
    """Tell whether tags of a page in UTF-8 may lie deeper, at a fifth of the cost of `is_deeper`.

    Counts all end tags as if they closed something, but for pages of so many tags that those who
    write end tags without a start could gain by it: the main content of 16,000 takes 0.6 s.
    """
    if len(page) <= limit:
        return False
    content = np.frombuffer(page, np.uint8)
    is_tag = content == ord("<")
    count = np.count_nonzero(is_tag)
    if count <= limit or count > 8 * limit:
        return bool(count > limit)
    tags = np.flatnonzero(is_tag)
    following = content[np.minimum(tags + 1, len(content) - 1)]
    is_start = ((following | 32) - ord("a")) < 26
    level = np.cumsum(is_start.astype(np.int32) - (following == ord("/")))
    return int((level - np.minimum.accumulate(level)).max()) >= limit


def is_deeper(page: str, limit: int) -> bool:
    """Tell whether more than `limit` tags lie in each other, in time linear in the page.

    Counts open tags by name, so that an end tag without a start closes nothing. Reads only as far
    as the start tags that are left could still lead too deep: nearly all pages cost two counts.
    Unclosed tags count as open to the end: the answer errs on the side of too deep.
    """
    left = page.count("<")
    if left <= limit:
        return False
    left -= page.count("</")
    opened: Counter[str] = Counter()
    depth = 0
    for tag in _TAGS.finditer(page):
        if depth + left <= limit:
            return False
        slash, name, after = tag.groups()
        left -= not slash
        name = name.lower()
        if after and name in _FLAT:
            continue
        if not slash:
            opened[name] += 1
            depth += 1
            if depth > limit:
                return True
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    return False
