"""Exact truth: every pair of documents whose Jaccard reaches a threshold, by an exact join.

No hashing anywhere: words become numbers through a dictionary and shingles through the ranks of
pairs of numbers, so equal numbers are equal shingles. The join is the prefix filter (Bayardo, Ma
and Srikant 2007, Scaling up all pairs similarity search): with the shingles of every document in
one order, the rare first, two sets of Jaccard >= t share one of the first ``n - ceil(t n) + 1``
shingles of each. Equal sets are collapsed before and expanded after, so a thousand copies cost one
comparison.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.shingles import words

Integers = NDArray[np.int64]
PADDING = 0  # fills texts of fewer words than a shingle has; no word has this number


def shingle_sets(texts: Sequence[str], ngram: int = 5) -> list[Integers]:
    """Return each text's set of shingles as sorted numbers, the rarest shingle of the corpus first.

    Returns
    -------
    int64 arrays, sorted and distinct; empty for a text without a word.
    """
    number: defaultdict[str, int] = defaultdict(lambda: 1 + len(number))
    documents = [[number[word] for word in words(text)] for text in texts]
    padded = [d + [PADDING] * (ngram - len(d)) if d else d for d in documents]
    lengths = np.array([len(document) for document in padded], dtype=np.int64)
    tokens = np.fromiter(
        (n for document in padded for n in document), dtype=np.int64, count=lengths.sum()
    )
    # A shingle of k words and the next word make one of k + 1; new numbers keep them small.
    starts, ends = np.arange(len(tokens)), np.repeat(np.cumsum(lengths), lengths)
    shingles = tokens
    for width in range(2, ngram + 1):
        fits = starts + width <= ends[starts]
        starts = starts[fits]
        shingles = ranks(shingles[fits] * (len(number) + 1) + tokens[starts + width - 1])
    owner = np.repeat(np.arange(len(texts)), lengths)[starts]
    distinct = np.unique(owner * (len(tokens) + 1) + shingles)
    owner, shingles = distinct // (len(tokens) + 1), distinct % (len(tokens) + 1)
    by_rarity = np.argsort(np.bincount(shingles), kind="stable")
    rarity = np.empty_like(by_rarity)
    rarity[by_rarity] = np.arange(len(by_rarity))
    borders = np.searchsorted(owner, np.arange(len(texts) + 1))
    return [np.sort(rarity[shingles[a:b]]) for a, b in pairwise(borders.tolist())]


def ranks(values: Integers) -> Integers:
    """Return the rank of each value among the distinct values, int64, same shape."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def candidates(sets: Sequence[Integers], threshold: Fraction) -> Integers:
    """Return every pair that may reach the threshold by its prefixes and its lengths.

    Returns
    -------
    int64, shape (pairs, 2), distinct rows, left < right.
    """
    sizes = np.array([len(s) for s in sets], dtype=np.int64)
    prefixes = [s[: len(s) - least_common(len(s), threshold) + 1] if len(s) else s for s in sets]
    owner = np.repeat(np.arange(len(sets)), [len(p) for p in prefixes])
    shingles = np.concatenate([*prefixes, np.zeros(0, dtype=np.int64)])
    order = np.argsort(shingles, kind="stable")
    owner, shingles = owner[order], shingles[order]
    found = [np.zeros(0, dtype=np.int64)]
    # Entries of one shingle stand together: pair those at distance 1, 2... up to the longest run.
    here = np.arange(len(shingles))
    for distance in range(1, len(shingles)):
        here = here[here + distance < len(shingles)]
        here = here[shingles[here] == shingles[here + distance]]
        if len(here) == 0:
            break
        left, right = owner[here], owner[here + distance]
        small, large = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        fits = threshold.denominator * small >= threshold.numerator * large
        found.append(np.unique(left[fits] * len(sets) + right[fits]))
    pairs = np.unique(np.concatenate(found))
    return np.column_stack([pairs // max(1, len(sets)), pairs % max(1, len(sets))])


def least_common(size: int, threshold: Fraction) -> int:
    """Return how many of ``size`` shingles another set must share to reach the threshold."""
    return -(-threshold.numerator * size // threshold.denominator)


def similar_pairs(sets: Sequence[Integers], threshold: Fraction) -> list[tuple[int, int, float]]:
    """Return all pairs with Jaccard >= threshold as sorted (left, right, jaccard), left < right."""
    copies: defaultdict[bytes, list[int]] = defaultdict(list)
    for document, shingles in enumerate(sets):
        if len(shingles):
            copies[shingles.tobytes()].append(document)
    groups = list(copies.values())
    pairs = [(left, right, 1.0) for group in groups for left, right in combinations(group, 2)]
    distinct = [sets[group[0]] for group in groups]
    for left, right in candidates(distinct, threshold).tolist():
        common = len(np.intersect1d(distinct[left], distinct[right], assume_unique=True))
        union = len(distinct[left]) + len(distinct[right]) - common
        if threshold.denominator * common >= threshold.numerator * union:
            both = product(groups[left], groups[right])
            pairs += [(min(pair), max(pair), common / union) for pair in both]
    return sorted(pairs)


def write_truth(corpus: Path, path: Path, threshold: str, text_column: str, id_column: str) -> None:
    """Write the true pairs of a Parquet corpus as Parquet (left, right, jaccard)."""
    table = pq.read_table(corpus, columns=[text_column, id_column])
    texts = [text or "" for text in table[text_column].to_pylist()]
    pairs = similar_pairs(shingle_sets(texts), Fraction(threshold))
    left, right, jaccard = zip(*pairs, strict=True) if pairs else ((), (), ())
    ids = table[id_column].combine_chunks()
    columns = {
        "left": ids.take(pa.array(left, pa.int64())),
        "right": ids.take(pa.array(right, pa.int64())),
        "jaccard": pa.array(jaccard, pa.float64()),
    }
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(pa.table(columns), unfinished)
    unfinished.replace(path)
