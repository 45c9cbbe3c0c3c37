"""Which tokens of two texts stand for each other: matches that run forward in both.

Equal beginnings and ends are matched first. What is left is matched exactly (a longest common
subsequence) where that is cheap, and is else cut at anchors: shingles, then tokens, that both sides
have once, or that are the k-th of their kind on both sides; the longest chain of anchors counts.
So long texts take time near n log n. All steps draw on one budget of work: what is left when it is
spent stays unmatched, and is named.

References
----------
Cohen's patience diff (unique lines as anchors). Hyyrö (2004), Bit-parallel LCS-length computation
revisited. Hunt, Szymanski (1977), A fast algorithm for computing longest common subsequences.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dedup.text.hashing import Int64Array, UInt64Array

ANCHOR_TOKENS = 4
"""Tokens of an anchor, before single ones are tried."""

_EXACT_CELLS = 1 << 24
"""Matched exactly up to this many pairs of tokens: a bit for each, 2 MB."""

_WORK = 1 << 23
"""The budget: a step over a token, and 64 cells of an exact match, count one each."""

Run = tuple[int, int, int]
"""(i, j, length): the left tokens from i on and the right ones from j on are the same."""

Region = tuple[int, int, int, int]
"""(i, left end, j, right end): a stretch of both texts."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Alignment:
    """Matched runs of tokens, and the stretches nobody looked at.

    Attributes
    ----------
    runs : what is matched, ascending in both texts.
    skipped : may hold more matches, but no anchors were found, or the budget was spent.
    """

    runs: tuple[Run, ...]
    skipped: tuple[Region, ...]


def align(left: UInt64Array, right: UInt64Array) -> Alignment:
    """Match the tokens of two texts, given as uint64 hashes in text order."""
    runs: list[Run] = []
    skipped: list[Region] = []
    work = _WORK
    regions = [(0, len(left), 0, len(right))]
    while regions:
        first, last, begin, end = regions.pop()
        equal = _equal_start(left[first:last], right[begin:end])
        if equal:
            runs.append((first, begin, equal))
            first, begin = first + equal, begin + equal
        equal = _equal_start(left[first:last][::-1], right[begin:end][::-1])
        if equal:
            last, end = last - equal, end - equal
            runs.append((last, end, equal))
        if first == last or begin == end:
            continue
        region = (first, last, begin, end)
        cells = (last - first) * (end - begin)
        work -= last - first + end - begin + (cells >> 6 if cells <= _EXACT_CELLS else 0)
        if work < 0:
            skipped.append(region)
        elif cells <= _EXACT_CELLS:
            pairs = _longest_common(left[first:last].tolist(), right[begin:end].tolist())
            runs += [(first + i, begin + j, 1) for i, j in pairs]
        elif len(places := _chain(left[first:last], right[begin:end])):
            regions += _between(places, region)
        elif np.isin(left[first:last], right[begin:end]).any():
            skipped.append(region)
    return Alignment(_merged(runs), tuple(sorted(skipped)))


def _equal_start(left: UInt64Array, right: UInt64Array) -> int:
    """Return how many tokens both begin with."""
    size = min(len(left), len(right))
    step, done = 64, 0
    while done < size:  # ever longer steps: most regions differ at once
        stop = min(done + step, size)
        unequal = left[done:stop] != right[done:stop]
        place = int(unequal.argmax())
        if unequal[place]:
            return done + place
        done, step = stop, 4 * step
    return size


def _longest_common(left: list[int], right: list[int]) -> list[tuple[int, int]]:
    """Return the pairs of a longest common subsequence, by Hyyrö's bit vectors.

    Bit j of a row is clear where the longest one grows with token j of the right text.
    """
    if len(right) > len(left):  # long rows cost more than many
        return [(i, j) for j, i in _longest_common(right, left)]
    matches: dict[int, int] = {}
    for place, token in enumerate(right):
        matches[token] = matches.get(token, 0) | 1 << place
    ones = (1 << len(right)) - 1
    row, rows = ones, []
    for token in left:
        found = row & matches.get(token, 0)
        row = ((row + found) | (row - found)) & ones
        rows.append(row)
    pairs = []
    i, j = len(left) - 1, len(right) - 1
    while i >= 0 and j >= 0:
        if rows[i] >> j & 1:
            j -= 1  # token j adds nothing here
        elif i and not rows[i - 1] >> j & 1:
            i -= 1  # it did so without token i
        else:
            pairs.append((i, j))
            i, j = i - 1, j - 1
    return pairs[::-1]


def _chain(left: UInt64Array, right: UInt64Array) -> Int64Array:
    """Return the places of anchors, int64 of shape (anchors, 2), ascending in both columns."""
    for width, once in ((ANCHOR_TOKENS, True), (1, True), (ANCHOR_TOKENS, False)):
        found = _shared(_grams(left, width), _grams(right, width), once=once)
        if len(found):
            return _longest_increasing(found)
    return np.zeros((0, 2), np.int64)


def _grams(tokens: UInt64Array, width: int) -> UInt64Array:
    """Hash every `width` tokens in a row: fewer than there are tokens, or none."""
    grams = np.zeros(max(0, len(tokens) - width + 1), np.uint64)
    for place in range(width):
        grams *= _MIX
        grams ^= tokens[place : place + len(grams)]
        grams ^= grams >> np.uint64(32)
    return grams


def _shared(left: UInt64Array, right: UInt64Array, *, once: bool) -> Int64Array:
    """Return the places of equal values, by the left place: of those that each side has once.

    Or, if not `once`, of the k-th of a value on both sides, for all k.
    """
    (left, places), (right, others) = _numbered(left, once=once), _numbered(right, once=once)
    _, i, j = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    found = np.stack([places[i], others[j]], axis=1)
    return found[np.argsort(found[:, 0])]


def _numbered(values: UInt64Array, *, once: bool) -> tuple[UInt64Array, Int64Array]:
    """Return values and their places: those that stand once; or all, made distinct by counting."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.ones(len(values), np.bool_)
    starts[1:] = ordered[1:] != ordered[:-1]
    if once:
        single = starts & np.append(starts[1:], True)[: len(starts)]
        return ordered[single], order[single]
    first = np.flatnonzero(starts)
    rank = np.arange(len(values)) - np.repeat(first, np.diff(np.append(first, len(values))))
    numbered = ordered + rank.astype(np.uint64) * _MIX
    distinct = np.unique(numbered, return_index=True)[1]  # all of them, but for a collision
    return numbered[distinct], order[distinct]


def _longest_increasing(pairs: Int64Array) -> Int64Array:
    """Return the longest chain of pairs, sorted by their first column, that ascends in both."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, value in enumerate(pairs[:, 1].tolist()):
        place = bisect_left(tails, value)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(value)
            ends.append(number)
        else:
            tails[place], ends[place] = value, number
    chain = []
    number = ends[-1]
    while number >= 0:
        chain.append(number)
        number = before[number]
    return pairs[chain[::-1]]


def _between(places: Int64Array, region: Region) -> list[Region]:
    """Cut a region at anchors: each part but the first begins with a run of them."""
    first, last, begin, end = region
    follows = (places[1:] - places[:-1] == 1).all(axis=1)
    heads = places[np.concatenate([[True], ~follows])] + (first, begin)
    cuts = [(first, begin), *map(tuple, heads.tolist()), (last, end)]
    return [(i, k, j, m) for (i, j), (k, m) in pairwise(cuts)]


def _merged(runs: list[Run]) -> tuple[Run, ...]:
    merged: list[Run] = []
    for i, j, length in sorted(runs):
        if merged and (last := merged[-1])[0] + last[2] == i and last[1] + last[2] == j:
            merged[-1] = (last[0], last[1], last[2] + length)
        else:
            merged.append((i, j, length))
    return tuple(merged)
