"""Generated documents for the benchmark of indexes: each is a function of its number alone."""

from __future__ import annotations

from functools import cache

import numpy as np

WORDS = 300
BLOCK = 1000
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_CHANGED = 3


@cache
def _vocabulary() -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.array(["".join(rng.choice(_LETTERS, rng.integers(2, 11))) for _ in range(20_000)])


def block(number: int) -> list[str]:
    """Return `BLOCK` documents of `WORDS` words: every tenth is the one before it, edited."""
    return [" ".join(words) for words in _words(number)]


def questions(number: int) -> list[str]:
    """Return `BLOCK` documents to ask about: edits of stored ones, in turn with unknown ones."""
    known, unknown = _words(number), _words(1_000_000 + number)
    rng = np.random.default_rng([11, number])
    asked = [unknown[i] if i % 2 else _edited(known[i], rng) for i in range(BLOCK)]
    return [" ".join(words) for words in asked]


def _words(number: int) -> list[list[str]]:
    rng = np.random.default_rng([3, number])
    found = _vocabulary()[rng.integers(0, len(_vocabulary()), (BLOCK, WORDS))].tolist()
    for place in range(9, BLOCK, 10):
        found[place] = _edited(found[place - 1], rng)
    return found


def _edited(words: list[str], rng: np.random.Generator) -> list[str]:
    """Change some words: with shingles of 5 words the Jaccard similarity is 0.9 or a bit more."""
    changed = list(words)
    for place in rng.integers(0, len(words), _CHANGED).tolist():
        changed[place] = "changed"
    return changed
