"""The project's tokens and shingles in plain Python, for the truth and peers that take tokens.

Independent of the package's kernels on purpose. Equal to its definition wherever words are
separated by spaces and marks are precomposed; scripts without spaces are beyond it.
"""

import re
from collections.abc import Callable

find_words: Callable[[str], list[str]] = re.compile(r"\w+").findall


def words(text: str) -> list[str]:
    """Return the lower-case words of a text, in order."""
    return find_words(text.lower())


def shingles(text: str, ngram: int = 5) -> list[str]:
    """Return every ``ngram`` consecutive words of a text, joined by spaces, in order.

    A text of fewer words has one shingle, all of them; a text without a word has none.
    """
    tokens = words(text)
    if len(tokens) < ngram:
        return [" ".join(tokens)] if tokens else []
    return list(map(" ".join, zip(*(tokens[i:] for i in range(ngram)), strict=False)))
