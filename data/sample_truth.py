"""The plain definition of a near-duplicate: words, shingles of five, exact Jaccard similarity.

Slow and obvious on purpose: it shares no code with the package, whose answers it judges.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

THRESHOLD = 0.8
SHINGLE_WORDS = 5
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\ufeff"))  # would split words
SIGMAS = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
# Scripts written without spaces: each of their characters counts as a word.
UNSPACED = (
    (0x0E00, 0x0E7F),  # Thai
    (0x3005, 0x3007),  # Han iteration mark, closing mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
)


def words(text: str) -> list[str]:
    """Split a text into lower-case words; in unspaced scripts into characters."""
    folded = unicodedata.normalize("NFKC", text.translate(INVISIBLE)).lower().replace(*SIGMAS)
    found: list[str] = []
    inside = False  # whether the last character belongs to an unfinished word
    for character in folded:
        if not is_word_character(character):
            inside = False
        elif any(first <= ord(character) <= last for first, last in UNSPACED):
            found.append(character)
            inside = False
        elif inside:
            found[-1] += character
        else:
            found.append(character)
            inside = True
    return found


def is_word_character(character: str) -> bool:
    """Tell letters, digits, ``_`` and combining marks from the rest."""
    is_mark = unicodedata.category(character) in {"Mn", "Mc"}
    return is_mark or character == "_" or character.isalnum()


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of five words of a text; of a shorter text, all its words as one."""
    found = words(text)
    if not found:
        return frozenset()
    last = max(len(found) - SHINGLE_WORDS, 0)
    return frozenset(tuple(found[at : at + SHINGLE_WORDS]) for at in range(last + 1))


def jaccard(left: str, right: str) -> float:
    """Return the Jaccard similarity of two texts' sets of shingles, which must not be empty."""
    left_set, right_set = shingles(left), shingles(right)
    return len(left_set & right_set) / len(left_set | right_set)


def similar_pairs(texts: Sequence[str], at_least: float) -> Iterator[tuple[int, int, float]]:
    """Yield each pair ``left < right`` whose Jaccard similarity is `at_least` that, and it."""
    sets = [shingles(text) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for right, right_set in enumerate(sets):
        common = Counter(left for shingle in right_set for left in holders[shingle])
        for left in sorted(common):
            union = len(sets[left]) + len(right_set) - common[left]
            if common[left] / union >= at_least:
                yield left, right, common[left] / union
        for shingle in right_set:
            holders[shingle].append(right)


def keepers(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    """Return for each text the first kept text at `threshold` or above; itself if it is kept."""
    earlier: dict[int, list[int]] = defaultdict(list)
    for left, right, _ in similar_pairs(texts, threshold):
        earlier[right].append(left)
    keeper_of: list[int] = []
    for number in range(len(texts)):
        kept = (left for left in earlier[number] if keeper_of[left] == left)
        keeper_of.append(next(kept, number))
    return keeper_of
