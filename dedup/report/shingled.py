"""A text as the comparison sees it: its tokens where they stand, and its shingles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dedup.config import Config
from dedup.search import sketch_parameters
from dedup.text.hashing import UInt64Array, hash_constants
from dedup.text.shingles import distinct, shingle_hashes
from dedup.text.spans import own_token_spans, token_spans
from dedup.text.utf8 import BoolArray

MAX_CHARS = 1 << 20
"""Characters of a text that are looked at."""

Text = str | Sequence[str] | Sequence[int]
"""A text, without lone surrogates; or a list of the user's own tokens."""


class ShingledText:
    """A text of at most `MAX_CHARS` characters, its tokens and shingles.

    Attributes
    ----------
    text, rest : the text, and what is beyond the limit.
    hashes, starts, ends : of the tokens; see `dedup.text.spans.TokenSpans`.
    """

    def __init__(self, text: Text, config: Config) -> None:
        constants = hash_constants(int(config.seed), config.ngram)
        self.rest = ""
        if isinstance(text, str):
            text, self.rest = text[:MAX_CHARS], text[MAX_CHARS:]
            spans = token_spans(text, constants, sketch_parameters(config).text)
        else:
            spans = own_token_spans(text, constants)
        self.text, self.hashes = spans.text, spans.hashes
        self.starts, self.ends = spans.starts, spans.ends
        self._ngram = config.ngram
        bounds = np.array([0, len(self.hashes)])
        shingles, dropped = shingle_hashes(self.hashes, bounds, constants)
        self._shingles: UInt64Array = shingles[: len(shingles) - len(dropped)]  # at the very end
        """The shingle that begins at each token, but for the last ones."""

    @property
    def shingles(self) -> UInt64Array:
        """uint64: the sorted distinct shingle hashes."""
        return distinct(np.sort(self._shingles))

    def in_shingles_of(self, other: ShingledText) -> BoolArray:
        """Return which tokens lie in a shingle that the other text has."""
        starts = np.flatnonzero(np.isin(self._shingles, other._shingles))
        steps = np.zeros(len(self.hashes) + 1, np.int64)
        steps[starts] = 1
        np.subtract.at(steps, np.minimum(starts + self._ngram, len(self.hashes)), 1)
        return np.cumsum(steps[:-1]) > 0

    def examples(self, shingles: UInt64Array, count: int) -> list[str]:
        """Return the text of some shingles, no two of them overlapping, in the order of the text.

        Parameters
        ----------
        shingles : uint64, sorted; which to choose from.
        count : how many at most.
        """
        found: list[str] = []
        free = 0
        for first in np.flatnonzero(np.isin(self._shingles, shingles)).tolist():
            if first >= free and len(found) < count:
                last = min(first + self._ngram, len(self.hashes)) - 1
                found.append(self.text[int(self.starts[first]) : int(self.ends[last])])
                free = last + 1
        return found

    def borders(self) -> BoolArray:
        """bool, shape (tokens + 1,): where a part may begin.

        Not where a character belongs to the token before, too.
        """
        free = np.ones(len(self.hashes) + 1, np.bool_)
        free[1:-1] = self.starts[1:] >= self.ends[:-1]
        return free
