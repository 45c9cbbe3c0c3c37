"""Skewed corpora: what turns other detectors quadratic, with the answer known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_VOCABULARY = np.array([f"w{number:05d}" for number in range(60_000)])


@dataclass(frozen=True)
class World:
    """Texts, and the pairs (kept, removed) that must be found.

    `exact` tells that no other document may be removed; False where other pairs may reach the
    threshold by chance.
    """

    texts: list[str]
    pairs: list[tuple[int, int]] = field(default_factory=list)
    exact: bool = True


def _words(rng: np.random.Generator, count: int) -> NDArray[np.str_]:
    return _VOCABULARY[rng.integers(0, len(_VOCABULARY), count)]


def unrelated(num_pages: int, seed: int = 0, num_words: int = 400) -> World:
    """Return pages that have nothing in common."""
    rng = np.random.default_rng(seed)
    return World([" ".join(_words(rng, num_words)) for _ in range(num_pages)])


def copies(num_pages: int, seed: int = 0) -> World:
    """Return copies of one page."""
    text = unrelated(1, seed).texts[0]
    return World([text] * num_pages, [(0, copy) for copy in range(1, num_pages)])


def one_word(num_pages: int, seed: int = 0) -> World:
    """Return pages of 200 words that differ in one word from a common base."""
    rng = np.random.default_rng(seed)
    base = _words(rng, 200)
    texts = []
    for number in range(num_pages):
        page = base.astype("<U8")
        page[int(rng.integers(len(page)))] = f"x{number}"
        texts.append(" ".join(page))
    return World(texts, [(0, page) for page in range(1, num_pages)])


def template(num_pages: int, seed: int = 0) -> World:
    """Return pages that share a template (pairwise Jaccard 0.5), with one pair in fifty planted.

    A planted page differs from an earlier one in one word of its own part.
    """
    rng = np.random.default_rng(seed)
    planted = num_pages // 50
    shared = _words(rng, 268)
    own = [_words(rng, 132) for _ in range(num_pages - planted)]
    pairs = []
    for place, source in enumerate(rng.choice(len(own), planted, replace=False).tolist()):
        page = own[source].copy()
        page[int(rng.integers(10, len(page) - 10))] = f"y{place}"
        pairs.append((source, len(own)))
        own.append(page)
    return World([" ".join([*shared, *page]) for page in own], pairs)


def just_under(num_pages: int, seed: int = 0) -> World:
    """Return pages at pairwise Jaccard 0.63 (up to 0.73) from the same sentences: the worst case.

    No page has a shingle that is rare, so that nothing but comparing tells that two pages lie below
    the threshold of 0.8. Few pairs reach it by chance.
    """
    rng = np.random.default_rng(seed)
    sentences = [" ".join(_words(rng, 8)) for _ in range(150)]
    texts = []
    for _ in range(num_pages):
        dropped = set(rng.choice(len(sentences), 19, replace=False).tolist())
        texts.append(" ".join(s for number, s in enumerate(sentences) if number not in dropped))
    return World(texts, exact=False)


WORLDS: dict[str, tuple[Callable[[int], World], int]] = {
    "copies of one page": (copies, 200_000),
    "pages that differ in one word": (one_word, 100_000),
    "pages of one template, pairs planted": (template, 50_000),
    "pages just under the threshold": (just_under, 20_000),
}
"""Name -> how to make it, and its full size."""
