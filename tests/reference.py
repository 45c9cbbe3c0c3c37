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
from typing import NamedTuple

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


class Options(NamedTuple):
    """What is done to canonical text before it is cut, in this order, and what a token is."""

    strip_accents: bool = False
    join_words: bool = False
    fold_digits: bool = False
    unit: str = "word"


NO_OPTIONS = Options()


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


def category_of(char: str) -> str:
    """Return the general category of Unicode 14.0."""
    return unicodedata.category(char) if is_assigned(char) else "Cn"


def without_accents(text: str) -> str:
    """Decompose (NFD), drop the nonspacing marks (Mn), compose (NFC)."""
    return "".join(
        unicodedata.normalize(
            "NFC",
            "".join(
                char
                for char in unicodedata.normalize("NFD", "".join(run))
                if category_of(char) != "Mn"
            ),
        )
        if assigned
        else "".join(run)
        for assigned, run in groupby(text, is_assigned)
    )


def is_break(char: str) -> bool:
    """Tell whether words are never joined over this: white space, controls, zero-width space."""
    return category_of(char) in ("Cc", "Zs", "Zl", "Zp") or char == "\N{ZERO WIDTH SPACE}"


def joined_words(text: str) -> str:
    """Drop every run of separators between two word characters that holds no break."""
    runs = [
        (is_word, "".join(run))
        for is_word, run in groupby(text, lambda char: class_of(char) != SEPARATOR)
    ]
    return "".join(
        run
        for place, (is_word, run) in enumerate(runs)
        if is_word or place in (0, len(runs) - 1) or any(map(is_break, run))
    )


def compared_text(text: str, options: Options = NO_OPTIONS) -> str:
    """Return what is compared of a text: its canonical text, changed by the options."""
    changed = canonical_text(text)
    if options.strip_accents:
        changed = without_accents(changed)
    if options.join_words:
        changed = joined_words(changed)
    if options.fold_digits:
        changed = "".join("0" if category_of(char) == "Nd" else char for char in changed)
    return changed


def tokens(text: str, options: Options = NO_OPTIONS) -> list[str]:
    """Return the words of what is compared, or its characters."""
    compared = compared_text(text, options)
    return characters(compared) if options.unit == "char" else words(compared)


def characters(text: str) -> list[str]:
    """Return each character, every run of separators as one blank, none at the ends."""
    spaced = "".join(char if class_of(char) != SEPARATOR else " " for char in text)
    return list(" ".join(run for run in spaced.split(" ") if run))


def words(text: str) -> list[str]:
    """Return the runs of spaced word characters, and each unspaced word character by itself."""
    found: list[str] = []
    before = SEPARATOR
    for char, kind in zip(text, classes(text), strict=True):
        if kind == SPACED and before == SPACED:
            found[-1] += char
        elif kind != SEPARATOR:
            found.append(char)
        before = kind
    return found


def shingles(text: str, width: int, options: Options = NO_OPTIONS) -> set[Shingle]:
    """Return every `width` consecutive tokens; all the tokens together if there are fewer."""
    found = tokens(text, options)
    if 0 < len(found) < width:
        return {tuple(found)}
    return {tuple(found[start : start + width]) for start in range(len(found) - width + 1)}


def jaccard(left: Set[Shingle], right: Set[Shingle]) -> Fraction:
    """Return the share of the union that both have; 0 where there is no union."""
    union = len(left | right)
    return Fraction(len(left & right), union) if union else Fraction(0)


def containment(other: Set[Shingle], document: Set[Shingle]) -> Fraction:
    """Return the share of the document's set that another one has too; 0 where it is empty."""
    return Fraction(len(other & document), len(document)) if document else Fraction(0)


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


def without_common(
    sets: Sequence[Set[Shingle]], sources: Sequence[object], share: Fraction, least: int = 10
) -> list[Set[Shingle]]:
    """Return the sets without what more than a share of their source's documents have.

    A common shingle stands in at least `least` documents; documents with equal sets count once, and
    are filtered as the first of them is. A document of which nothing is left keeps its set, and so
    does one of no source (None).
    """
    found: list[Set[Shingle]] = []
    for shingle_set in sets:
        source = sources[sets.index(shingle_set)]
        others = [other for other, its in zip(sets, sources, strict=True) if its == source]
        distinct = {frozenset(other) for other in others if other}
        common = {
            shingle
            for shingle in shingle_set
            if (count := sum(shingle in other for other in distinct)) >= least
            and count > share * len(distinct)
        }
        left = shingle_set - common
        found.append(left if left and source is not None else shingle_set)
    return found


def greedy(
    sets: Sequence[Set[Shingle]],
    threshold: Fraction,
    is_candidate: Callable[[int, int], bool] = any_pair,
    measure: Callable[[Set[Shingle], Set[Shingle]], Fraction] = jaccard,
) -> list[int]:
    """Return the keeper of every document; a keeper is its own.

    The documents come in keeper order. Each goes to the first keeper that is a candidate and has
    Jaccard >= threshold with it (or contains so much of it), and becomes a keeper if there is none.
    """
    keepers: list[int] = []
    chosen: list[int] = []
    for document, shingle_set in enumerate(sets):
        for keeper in keepers:
            if is_candidate(keeper, document) and measure(sets[keeper], shingle_set) >= threshold:
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
