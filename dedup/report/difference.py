"""What two texts share and where they differ, token by token, over the texts as they stand.

The tokens are those of the comparison, so "WORD7," and "word7" are equal, and what stands between
tokens is never a difference. Two things are told apart, for a reader who wants to see a Jaccard
similarity: which tokens stand for each other in one forward reading of both texts (segments), and
which lie in a shingle that the other text has too, wherever (spans that are `shared`). A few equal
tokens between longer differences, in no shared shingle, count as different. A moved
paragraph is left in one place and right in another, but all of it is shared; the word beside a
change is equal, but no shingle around it is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dedup.config import Config
from dedup.report.alignment import Region, Run, align
from dedup.report.shingled import MAX_CHARS, ShingledText, Text
from dedup.text.utf8 import BoolArray

__all__ = [
    "EQUAL",
    "LEFT",
    "MAX_CHARS",
    "RIGHT",
    "Difference",
    "Segment",
    "Span",
    "Text",
    "difference",
    "marked",
]

EQUAL, LEFT, RIGHT = "equal", "left", "right"


@dataclass(frozen=True)
class Span:
    """Part of a text.

    Attributes
    ----------
    text : as it stands in the document.
    shared : whether its tokens lie in shingles that the other text has too.
    """

    text: str
    shared: bool


@dataclass(frozen=True)
class Segment:
    """A stretch of both texts, or of one.

    Attributes
    ----------
    kind : EQUAL (the tokens of both sides are the same; at the borders of a text perhaps none),
        LEFT or RIGHT (tokens of one side alone).
    left, right : the text on either side, in order; empty for what the other side has alone.
    compared : False where the search for equal tokens was given up.
    """

    kind: str
    left: tuple[Span, ...]
    right: tuple[Span, ...]
    compared: bool = True


@dataclass(frozen=True)
class Difference:
    """Two texts, marked.

    Attributes
    ----------
    segments : in the order of both texts. The spans of all `left` sides, put together, are the left
        text exactly, and those of the `right` sides the right one.
    left_tokens, right_tokens, equal_tokens : the tokens of each text, and those in EQUAL segments.
    left_shared, right_shared : the tokens that lie in shared shingles.
    """

    segments: tuple[Segment, ...]
    left_tokens: int
    right_tokens: int
    equal_tokens: int
    left_shared: int
    right_shared: int

    @property
    def cut(self) -> bool:
        """Whether parts were not compared, as the texts are too long or repeat themselves."""
        return not all(segment.compared for segment in self.segments)


def difference(left: Text, right: Text, config: Config | None = None) -> Difference:
    """Mark what two texts share and where they differ.

    Parameters
    ----------
    left, right : texts, without lone surrogates; or lists of tokens.
    config : the run's; its options of text, `ngram` and seed count.
    """
    config = config or Config()
    return marked(ShingledText(left, config), ShingledText(right, config))


def marked(one: ShingledText, other: ShingledText) -> Difference:
    """Mark what two texts share, left and right; see `difference`."""
    shared = one.in_shingles_of(other), other.in_shingles_of(one)
    found = align(one.hashes, other.hashes)
    runs = _whole_characters(found.runs, one.borders(), other.borders())
    runs = _telling(runs, (len(one.hashes), len(other.hashes)), shared[0])
    segments = _segments(one, other, shared, runs, found.skipped)
    return Difference(
        segments=tuple(part for part in segments if part.left or part.right),
        left_tokens=len(one.hashes),
        right_tokens=len(other.hashes),
        equal_tokens=sum(length for _, _, length in runs),
        left_shared=int(np.count_nonzero(shared[0])),
        right_shared=int(np.count_nonzero(shared[1])),
    )


class _Side:
    """One of the texts, and how much of it stands in segments so far.

    Parameters
    ----------
    shared : bool; which tokens lie in shared shingles.

    Attributes
    ----------
    token : the number of tokens taken.
    """

    def __init__(self, text: ShingledText, shared: BoolArray) -> None:
        self._text, self._shared = text, shared
        self._done = 0
        self.token = 0

    def take_before(self, token: int) -> tuple[Span, ...]:
        """Take the text up to a token, or to the end where there are no more."""
        end = int(self._text.starts[token]) if token < len(self._shared) else len(self._text.text)
        return self._take(token, end)

    def take_through(self, token: int) -> tuple[Span, ...]:
        """Take the text up to where the token before this one ends."""
        return self._take(token, int(self._text.ends[token - 1])) if token > self.token else ()

    def _take(self, token: int, end: int) -> tuple[Span, ...]:
        """Cut the text where sharing begins and ends."""
        flags = np.concatenate([[False], self._shared[self.token : token], [False]])
        edges = np.flatnonzero(flags[1:] != flags[:-1]) + self.token
        text, spans = self._text, []
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            # One character may make tokens on both sides of an edge.
            start = max(self._done, int(text.starts[first]))
            stop = max(start, int(text.ends[last - 1]))
            spans.append(Span(text.text[self._done : start], False))
            spans.append(Span(text.text[start:stop], True))
            self._done = stop
        spans.append(Span(text.text[self._done : end], False))
        self.token, self._done = token, end
        return tuple(span for span in spans if span.text)


def _segments(
    one: ShingledText,
    other: ShingledText,
    shared: tuple[BoolArray, BoolArray],
    runs: Sequence[Run],
    skipped: Sequence[Region],
) -> Iterator[Segment]:
    """Yield the segments: equal, left, right, equal, and so on; some are empty."""
    left, right = _Side(one, shared[0]), _Side(other, shared[1])
    given_up = np.array([(first, last) for first, last, _, _ in skipped]).reshape(-1, 2)
    if not runs or runs[0][:2] != (0, 0):
        yield Segment(EQUAL, left.take_before(0), right.take_before(0))
    for i, j, length in [*runs, (len(one.hashes), len(other.hashes), 0)]:
        after = int(np.searchsorted(given_up[:, 1], left.token, side="right"))
        compared = after == len(given_up) or bool(given_up[after, 0] >= i)
        yield Segment(LEFT, left.take_through(i), (), compared)
        yield Segment(RIGHT, (), right.take_through(j), compared)
        yield Segment(EQUAL, left.take_before(i + length), right.take_before(j + length))
    yield Segment(LEFT, (Span(one.rest, False),) if one.rest else (), (), compared=False)
    yield Segment(RIGHT, (), (Span(other.rest, False),) if other.rest else (), compared=False)


def _telling(runs: Sequence[Run], sizes: tuple[int, int], shared: BoolArray) -> list[Run]:
    """Leave out runs that are shorter than what differs on both sides, and in no shared shingle.

    All texts of a language have "of" and "the" in some order: that tells a reader nothing.
    """
    told: list[Run] = []
    i = j = 0  # where the last run ended
    for (first, begin, length), (next_first, next_begin, _) in pairwise([*runs, (*sizes, 0)]):
        before = max(first - i, begin - j)
        behind = max(next_first - first, next_begin - begin) - length
        if length >= min(before, behind) or shared[first : first + length].any():
            told.append((first, begin, length))
            i, j = first + length, begin + length
    return told


def _whole_characters(runs: Sequence[Run], left: BoolArray, right: BoolArray) -> list[Run]:
    """Shorten runs to where no character of either text goes on beyond them."""
    whole = []
    for i, j, length in runs:
        free = np.flatnonzero(left[i : i + length + 1] & right[j : j + length + 1])
        if len(free) > 1:
            start, stop = int(free[0]), int(free[-1])
            whole.append((i + start, j + start, stop - start))
    return whole
