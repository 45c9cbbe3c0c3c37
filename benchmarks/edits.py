"""Controlled edits that turn a document into a near-duplicate of it, as the web does.

Each edit has a strength: the share of the text that it touches, drawn log-uniformly from 0.1 % to
20 %, so that the Jaccard of the pairs spreads from about 0.4 to 1 with most of them near 1.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

SENTENCE = re.compile(r"(?<=\.)(?=\s)")
Fresh = Callable[[int], str]


def exact_copy(text: str) -> str:
    """Return the text itself."""
    return text


def retouch(text: str, rng: np.random.Generator) -> str:
    """Change case, spaces and punctuation, but no word: the set of shingles stays."""
    changed = text.replace(", ", " - ") if rng.random() < 0.5 else text.replace("\n\n", "\n")
    return changed.upper() if rng.random() < 0.2 else "  " + changed


def substitute(text: str, rng: np.random.Generator, strength: float, fresh: Fresh) -> str:
    """Replace single words all over the text: each costs up to five shingles."""
    parts = text.split(" ")
    count = max(1, int(len(parts) * strength / 4))
    new = fresh(count).split()
    for position, word in zip(rng.integers(0, len(parts), count), new, strict=False):
        parts[position] = word
    return " ".join(parts)


def cut(text: str, rng: np.random.Generator, strength: float) -> str:
    """Drop sentences in the middle or, as often, the end of the text."""
    sentences = SENTENCE.split(text)
    count = max(1, int(len(sentences) * strength))
    if len(sentences) <= count + 1:
        return text
    start = (
        len(sentences) - count
        if rng.random() < 0.5
        else int(rng.integers(1, len(sentences) - count))
    )
    return "".join(sentences[:start] + sentences[start + count :])


def update(text: str, rng: np.random.Generator, strength: float, fresh: Fresh) -> str:
    """Add new sentences at the top, in the middle or at the end, as an updated story does."""
    sentences = SENTENCE.split(text)
    place = int(rng.integers(0, len(sentences) + 1))
    added = fresh(max(4, int(len(text) / 6 * strength)))
    return "".join([*sentences[:place], " " + added, *sentences[place:]])


def reorder(text: str, rng: np.random.Generator) -> str:
    """Move one paragraph to another place."""
    paragraphs = text.split("\n\n")
    moved = paragraphs.pop(int(rng.integers(0, len(paragraphs))))
    paragraphs.insert(int(rng.integers(0, len(paragraphs) + 1)), moved)
    return "\n\n".join(paragraphs)


def syndicate(text: str, rng: np.random.Generator, footers: Sequence[str]) -> str:
    """Put another site's footer below the text."""
    return text + footers[int(rng.integers(0, len(footers)))]


def edit(text: str, rng: np.random.Generator, fresh: Fresh, footers: Sequence[str]) -> str:
    """Return a version of the text by one of the edits, or by two of them now and then."""
    strength = float(0.2 ** rng.uniform(1.0, 4.3))
    version = apply(int(rng.integers(0, 10)), text, rng, strength, fresh, footers)
    if rng.random() < 0.15:
        version = apply(int(rng.integers(2, 10)), version, rng, strength, fresh, footers)
    return version


def apply(
    kind: int,
    text: str,
    rng: np.random.Generator,
    strength: float,
    fresh: Fresh,
    footers: Sequence[str],
) -> str:
    """Apply one edit; two kinds of ten keep every shingle, three substitute words."""
    match kind:
        case 0:
            return exact_copy(text)
        case 1:
            return retouch(text, rng)
        case 2 | 3 | 4:
            return substitute(text, rng, strength, fresh)
        case 5 | 6:
            return cut(text, rng, strength)
        case 7:
            return update(text, rng, strength, fresh)
        case 8:
            return reorder(text, rng)
        case _:
            return syndicate(text, rng, footers)
