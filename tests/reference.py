"""The definitions in naive Python, one sentence of them after another: what the kernels must equal.

Nothing here is fast, and nothing is shared with the package, but for one table: which code points
Unicode 14.0 had assigned, which a newer Python cannot tell (`tests/text/test_unicode.py` checks
it where Python itself has 14.0).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence, Set
from fractions import Fraction
from itertools import combinations, groupby

from dedup.text.unicode import tables

Shingle = tuple[str, ...]

SEPARATOR, SPACED, UNSPACED = "separator", "spaced", "unspaced"

REMOVED = ("\N{SOFT HYPHEN}", "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}", "\ufeff")

# How the names of the word characters begin that Script_Extensions gives to Han, Hiragana,
# Katakana, Thai, Lao, Khmer or Myanmar.
UNSPACED_NAMES = (
    *("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC", "HANGZHOU", "COUNTING ROD"),
    *("PARENTHESIZED IDEOGRAPH", "CIRCLED IDEOGRAPH", "OLD CHINESE", "VIETNAMESE ALTERNATE"),
    *("HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "HENTAIGANA", "MASU MARK"),
    *("COMBINING KATAKANA-HIRAGANA", "VERTICAL KANA", "VERTICAL IDEOGRAPHIC"),
    *("THAI", "LAO", "KHMER", "MYANMAR"),
)
# Five strokes for counting, of no script.
NOT_UNSPACED_NAMES = ("IDEOGRAPHIC TALLY",)


def is_assigned(char: str) -> bool:
    """Tell whether Unicode 14.0 has this code point."""
    if unicodedata.unidata_version == "14.0.0":
        return unicodedata.category(char) != "Cn"
    return bool(tables().assigned[ord(char)])


def canonical_text(text: str) -> str:
    """Remove what would split words, NFKC, each code point in lower case, final sigma to sigma."""
    kept = "".join(char for char in text if char not in REMOVED)
    # Code points that 14.0 does not have stay, and nothing composes with them.
    normal = "".join(
        unicodedata.normalize("NFKC", "".join(run)) if assigned else "".join(run)
        for assigned, run in groupby(kept, is_assigned)
    )
    lower = "".join(char.lower() if is_assigned(char) else char for char in normal)
    return lower.replace("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")


def is_mark(char: str) -> bool:
    """Tell whether this is a mark, spacing or not."""
    return is_assigned(char) and unicodedata.category(char) in ("Mn", "Mc")


def class_of(char: str) -> str:
    """Return the class a character has by itself, whatever stands before it."""
    if not is_assigned(char) or not (char.isalnum() or char == "_" or is_mark(char)):
        return SEPARATOR
    name = unicodedata.name(char, "")
    unspaced = name.startswith(UNSPACED_NAMES) and not name.startswith(NOT_UNSPACED_NAMES)
    return UNSPACED if unspaced else SPACED


def classes(text: str) -> list[str]:
    """Return the class of every character; a mark takes that of the word character before it."""
    found: list[str] = []
    for char in text:
        inherits = is_mark(char) and found and found[-1] != SEPARATOR
        found.append(found[-1] if inherits else class_of(char))
    return found


def tokens(text: str) -> list[str]:
    """Return the runs of spaced word characters, and each unspaced word character by itself."""
    canonical = canonical_text(text)
    found: list[str] = []
    before = SEPARATOR
    for char, kind in zip(canonical, classes(canonical), strict=True):
        if kind == SPACED and before == SPACED:
            found[-1] += char
        elif kind != SEPARATOR:
            found.append(char)
        before = kind
    return found


def shingles(text: str, width: int) -> set[Shingle]:
    """Return every `width` consecutive tokens; all the tokens together if there are fewer."""
    words = tokens(text)
    if 0 < len(words) < width:
        return {tuple(words)}
    return {tuple(words[start : start + width]) for start in range(len(words) - width + 1)}


def jaccard(left: Set[Shingle], right: Set[Shingle]) -> Fraction:
    """Return the share of the union that both have; 0 where there is no union."""
    union = len(left | right)
    return Fraction(len(left & right), union) if union else Fraction(0)


def similar_pairs(
    sets: Sequence[Set[Shingle]], threshold: Fraction
) -> dict[tuple[int, int], Fraction]:
    """Return every pair left < right with Jaccard >= threshold, by comparing all with all."""
    compared = {
        (left, right): jaccard(sets[left], sets[right])
        for left, right in combinations(range(len(sets)), 2)
    }
    return {pair: value for pair, value in compared.items() if value >= threshold}


def any_pair(left: int, right: int) -> bool:
    """Let every pair be a candidate: the search that misses nothing."""
    return left != right


def greedy(
    sets: Sequence[Set[Shingle]],
    threshold: Fraction,
    is_candidate: Callable[[int, int], bool] = any_pair,
) -> list[int]:
    """Return the keeper of every document; a keeper is its own.

    The documents come in keeper order. Each goes to the first keeper that is a candidate and has
    Jaccard >= threshold with it, and becomes a keeper if there is none.
    """
    keepers: list[int] = []
    chosen: list[int] = []
    for document, shingle_set in enumerate(sets):
        for keeper in keepers:
            if is_candidate(keeper, document) and jaccard(sets[keeper], shingle_set) >= threshold:
                chosen.append(keeper)
                break
        else:
            keepers.append(document)
            chosen.append(document)
    return chosen


def components(num_documents: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the smallest document that each one is connected with, by way of any others."""
    labels = list(range(num_documents))
    edges = list(pairs)
    changed = True
    while changed:
        changed = False
        for left, right in edges:
            smallest = min(labels[left], labels[right])
            if labels[left] != labels[right]:
                labels[left] = labels[right] = smallest
                changed = True
    return labels
