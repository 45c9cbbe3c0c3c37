"""Small worlds of documents with near-duplicates, for tests of the whole flow."""

from __future__ import annotations

import numpy as np

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def vocabulary(size: int, seed: int) -> list[str]:
    """Return distinct invented words."""
    rng = np.random.default_rng(seed)
    words = {"".join(rng.choice(_LETTERS, int(rng.integers(2, 11)))) for _ in range(2 * size)}
    return sorted(words)[:size]


def world(num_documents: int, seed: int = 0, num_tokens: int = 120) -> list[str]:
    """Return documents: fresh ones, edits of earlier ones, copies, chains, and odd ones.

    Edits drift: an edited document may be edited again, so families chain below the threshold.
    """
    rng = np.random.default_rng(seed)
    words = np.array(vocabulary(3000, seed))
    texts: list[list[str]] = []
    for _ in range(num_documents):
        kind = rng.random()
        if kind < 0.4 or not texts:
            length = int(rng.integers(1, 2 * num_tokens))
            texts.append(list(rng.choice(words, length)))
            continue
        source = list(texts[int(rng.integers(max(0, len(texts) - 30), len(texts)))])
        if kind < 0.85:
            for _ in range(int(rng.integers(1, 5))):
                source[int(rng.integers(len(source)))] = str(rng.choice(words))
        texts.append(source)
    lines = [" ".join(tokens) for tokens in texts]
    odd = ["", " \n\t", "!!! ???", "!!! ???", "\U0001f600\U0001f600", "one", "one", "One!"]
    for place, text in zip(rng.choice(num_documents, len(odd), replace=False), odd, strict=True):
        lines[int(place)] = text
    return lines
