"""What two texts share and where they differ, token by token, over the texts as they stand.

The tokens are those of the comparison, so "WORD7," and "word7" are equal, and what stands between
tokens is never a difference. Two things are told apart, for a reader who wants to see a Jaccard
similarity: which tokens stand for each other in one forward reading of both texts (segments), and
which lie in a shingle that the other text has too, wherever (spans that are `shared`). A moved
paragraph is left in one place and right in another, but all of it is shared; the word beside a
change is equal, but no shingle around it is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dedup.config import Config
from dedup.report.alignment import Region, Run, align
from dedup.search import sketch_parameters
from dedup.text.hashing import hash_constants
from dedup.text.shingles import shingle_hashes
from dedup.text.spans import own_token_spans, token_spans
from dedup.text.utf8 import BoolArray

EQUAL, LEFT, RIGHT = "equal", "left", "right"

MAX_CHARS = 1 << 20
"""Characters of a text that are compared; the rest is a last segment, not compared."""

Text = str | Sequence[str] | Sequence[int]
"""A text, or a list of the user's own tokens."""


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
    one, other = _Side(left, config), _Side(right, config)
    left_shared, right_shared = one.share_with(other), other.share_with(one)
    found = align(one.hashes, other.hashes)
    runs = _whole_characters(found.runs, one.borders(), other.borders())
    segments = _segments(one, other, runs, found.skipped)
    return Difference(
        segments=tuple(part for part in segments if part.left or part.right),
        left_tokens=len(one.hashes),
        right_tokens=len(other.hashes),
        equal_tokens=sum(length for _, _, length in runs),
        left_shared=left_shared,
        right_shared=right_shared,
    )


class _Side:
    """One of the texts, and how much of it stands in segments so far.

    Attributes
    ----------
    rest : what is beyond `MAX_CHARS`.
    hashes : uint64; of the tokens.
    token : the number of tokens taken.
    """

    def __init__(self, text: Text, config: Config) -> None:
        constants = hash_constants(int(config.seed), config.ngram)
        self.rest = ""
        if isinstance(text, str):
            text, self.rest = text[:MAX_CHARS], text[MAX_CHARS:]
            spans = token_spans(text, constants, sketch_parameters(config).text)
        else:
            spans = own_token_spans(text, constants)
        self.hashes, self.token = spans.hashes, 0
        self._text, self._done = spans.text, 0
        self._starts, self._ends = spans.starts, spans.ends
        self._shared = np.zeros(len(spans.hashes), np.bool_)
        self._ngram = config.ngram
        bounds = np.array([0, len(spans.hashes)])
        self._shingles, self._dropped = shingle_hashes(spans.hashes, bounds, constants)

    def share_with(self, other: _Side) -> int:
        """Mark and count the tokens that lie in a shingle of the other text."""
        others = np.delete(other._shingles, other._dropped)
        shared = np.isin(self._shingles, others)
        shared[self._dropped] = False
        starts = np.flatnonzero(shared)
        steps = np.zeros(len(shared) + 1, np.int64)
        steps[starts] = 1
        np.subtract.at(steps, np.minimum(starts + self._ngram, len(shared)), 1)
        self._shared = np.cumsum(steps[:-1]) > 0
        return int(np.count_nonzero(self._shared))

    def borders(self) -> BoolArray:
        """bool, shape (tokens + 1,): where a segment may begin.

        Not where a character belongs to the token before, too.
        """
        free = np.ones(len(self.hashes) + 1, np.bool_)
        free[1:-1] = self._starts[1:] >= self._ends[:-1]
        return free

    def take_before(self, token: int) -> tuple[Span, ...]:
        """Take the text up to a token, or to the end where there are no more."""
        end = int(self._starts[token]) if token < len(self.hashes) else len(self._text)
        return self._take(token, end)

    def take_through(self, token: int) -> tuple[Span, ...]:
        """Take the text up to where the token before this one ends."""
        return self._take(token, int(self._ends[token - 1])) if token > self.token else ()

    def _take(self, token: int, end: int) -> tuple[Span, ...]:
        """Cut the text where sharing begins and ends."""
        flags = np.concatenate([[False], self._shared[self.token : token], [False]])
        edges = np.flatnonzero(flags[1:] != flags[:-1]) + self.token
        spans = []
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            # One character may make tokens on both sides of an edge.
            start = max(self._done, int(self._starts[first]))
            stop = max(start, int(self._ends[last - 1]))
            spans.append(Span(self._text[self._done : start], False))
            spans.append(Span(self._text[start:stop], True))
            self._done = stop
        spans.append(Span(self._text[self._done : end], False))
        self.token, self._done = token, end
        return tuple(span for span in spans if span.text)


def _segments(
    left: _Side, right: _Side, runs: Sequence[Run], skipped: Sequence[Region]
) -> Iterator[Segment]:
    """Yield the segments: equal, left, right, equal, and so on; some are empty."""
    given_up = np.array([(first, last) for first, last, _, _ in skipped]).reshape(-1, 2)
    if not runs or runs[0][:2] != (0, 0):
        yield Segment(EQUAL, left.take_before(0), right.take_before(0))
    for i, j, length in [*runs, (len(left.hashes), len(right.hashes), 0)]:
        after = int(np.searchsorted(given_up[:, 1], left.token, side="right"))
        compared = after == len(given_up) or bool(given_up[after, 0] >= i)
        yield Segment(LEFT, left.take_through(i), (), compared)
        yield Segment(RIGHT, (), right.take_through(j), compared)
        yield Segment(EQUAL, left.take_before(i + length), right.take_before(j + length))
    yield Segment(LEFT, (Span(left.rest, False),) if left.rest else (), (), compared=False)
    yield Segment(RIGHT, (), (Span(right.rest, False),) if right.rest else (), compared=False)


def _whole_characters(runs: Sequence[Run], left: BoolArray, right: BoolArray) -> list[Run]:
    """Shorten runs to where no character of either text goes on beyond them."""
    whole = []
    for i, j, length in runs:
        free = np.flatnonzero(left[i : i + length + 1] & right[j : j + length + 1])
        if len(free) > 1:
            start, stop = int(free[0]), int(free[-1])
            whole.append((i + start, j + start, stop - start))
    return whole
