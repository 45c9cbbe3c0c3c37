"""How deep the tags of a page lie in each other, told cheaply and before any parser sees them."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["is_deeper"]

# These hold nothing, or are ended by the next of their kind: they nest only in a list or a table.
_FLAT = (
    "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
    "|p|li|dt|dd|option|optgroup|tr|td|th|thead|tbody|tfoot|colgroup"
)
_TAGS = re.compile(rf"<(/?)(?!(?:{_FLAT})[\s/>])([a-z][a-z0-9:-]{{0,31}})", re.IGNORECASE)


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
