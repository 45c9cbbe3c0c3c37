"""Recall from a sample of documents, each compared exactly with all others.

A pair is seen from either of its ends, so the pairs of all documents together are twice all pairs,
and a sample of documents estimates any total of pairs by half of what its documents have, times
their weights. Documents are drawn from two strata: those that the run paired with another, which
see what was found, and those that it left alone, which see but misses. The share that was missed
is a ratio of two such totals; its variance comes from how the documents of the sample differ, not
the pairs, for those of a document come together.

The sample ends where the limits are narrow, which they are too early where it happens to have seen
few misses. So they are those of two looks at it, and the second look is planned to be the last.

References
----------
Cochran (1977), Sampling Techniques, sections 5 and 6 (stratified sampling, the combined ratio
estimator). Sirken (1972), Stratified sample surveys with multiplicity (units seen through several
others). Pocock (1977), Group sequential methods (the quantile for two looks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.evaluation.interval import gamma_interval
from dedup.text.hashing import Int64Array

Floats = NDArray[np.float64]

FOUND, APART, LEFT, SQUARES = range(4)
"""What is counted of each document: found pairs; missed ones of which a document was removed for
another one; missed ones of which both were kept; each by its weight. And the squares of all
weights. A pair's weight is the number of pairs of copies of its documents."""

MISSED = (APART, LEFT)

_FIRST = (500, 2_000)
"""Documents of the two strata that are looked at first."""

_MOST_GROWTH = 8
_MARGIN = 1.3
"""More documents than the first look says are wanted."""

_Z = 2.178
"""Quantile of the normal distribution for 95 % in two looks."""


@dataclass(frozen=True)
class Share:
    """An estimated share with its 95 % limits."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Return half the distance of the limits."""
        return (self.high - self.low) / 2


class Stratum:
    """Documents of which some are drawn, in random order without repetition.

    Parameters
    ----------
    units : int64; its documents, in random order.

    Attributes
    ----------
    counts : float64, shape (drawn, 4); what was counted of each.
    """

    def __init__(self, units: Int64Array) -> None:
        self.units = units
        self.counts: Floats = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self.units)

    @property
    def num_drawn(self) -> int:
        """Return how many were drawn."""
        return len(self.counts)

    def next(self, total: int) -> Int64Array:
        """Return those to draw next, until there are so many."""
        return self.units[self.num_drawn : total]

    @property
    def weight(self) -> float:
        """Return how many documents each of those drawn stands for."""
        return len(self) / self.num_drawn if self.num_drawn else 0.0

    @property
    def unseen(self) -> float:
        """Return the share that was not drawn."""
        return 1 - self.num_drawn / len(self) if len(self) else 0.0

    def total(self, kind: int) -> float:
        """Estimate half the sum over all its documents."""
        return self.weight * float(self.counts[:, kind].sum()) / 2

    def variance(self, values: Floats) -> float:
        """Estimate the variance of half such a sum.

        Parameters
        ----------
        values : float64, shape (drawn,).
        """
        if self.num_drawn < 2:
            return 0.0
        scatter = float(values.var(ddof=1)) * self.num_drawn
        return (self.weight / 2) ** 2 * scatter * self.unseen


@dataclass
class Sample:
    """The strata, and the estimates from what was drawn.

    Attributes
    ----------
    copies : pairs of documents with equal sets: all are found, and their number is known.
    """

    strata: list[Stratum]
    copies: float

    def total(self, kind: int) -> float:
        """Estimate the sum over all pairs."""
        return sum(stratum.total(kind) for stratum in self.strata)

    @property
    def num_drawn(self) -> int:
        """Return how many documents were drawn."""
        return sum(stratum.num_drawn for stratum in self.strata)

    def share(self, kinds: tuple[int, ...], others: tuple[int, ...], known: float) -> Share | None:
        """Estimate the share of some kinds of pairs among these, others, and known ones.

        None where there was no pair to see, and none is known.
        """
        part = sum(map(self.total, kinds))
        rest = sum(map(self.total, others)) + known
        if part + rest == 0:
            return None
        variance, event = self._variance(kinds, others, part, rest), self._event
        low, high = gamma_interval(part, variance, event, _Z)
        bounds = (_share(one, rest) for one in (part, low, high))
        return Share(*bounds)

    def recall(self, known: float = 0.0) -> Share | None:
        """Estimate the found share of pairs, `known` found ones among them."""
        missed = self.share(MISSED, (FOUND,), known)
        if missed is None:
            return None
        return Share(1 - missed.value, 1 - missed.high, 1 - missed.low)

    @property
    def _event(self) -> float:
        """Return the most that one more document with a pair would have added to a total."""
        weights = sum(map(self.total, (FOUND, *MISSED)))
        typical = self.total(SQUARES) / weights if weights else 1.0
        return max(stratum.weight * stratum.unseen for stratum in self.strata) * typical / 2

    def _variance(
        self, kinds: tuple[int, ...], others: tuple[int, ...], part: float, rest: float
    ) -> float:
        return sum(
            stratum.variance(_residuals(stratum.counts, kinds, others, part, rest))
            for stratum in self.strata
        )

    @property
    def half_width(self) -> float:
        """Return the larger half-width of recall, of all pairs and of those of unlike sets.

        It is 1 where nothing is known of a stratum, and 0 where all is.
        """
        if all(stratum.num_drawn == len(stratum) for stratum in self.strata):
            return 0.0
        if any(stratum.num_drawn < min(2, len(stratum)) for stratum in self.strata):
            return 1.0
        shares = (self.recall(), self.recall(self.copies))
        return max(1.0 if share is None else share.half_width for share in shares)

    def draw(self, look: Callable[[Int64Array], Floats], target: float, most: int) -> None:
        """Draw documents until the half-width is at most `target`, or `most` are drawn.

        Parameters
        ----------
        look : returns what is counted of each document, shape (documents, 4).
        """
        while not self.num_drawn or self.half_width > target:
            wanted = self._wanted(target)
            fresh = [one.next(total) for one, total in zip(self.strata, wanted, strict=True)]
            fits = max(0, most - self.num_drawn) / max(1, sum(map(len, fresh)))
            fresh = [some[: int(len(some) * min(1, fits))] for some in fresh]
            if not sum(map(len, fresh)):
                return
            ends = np.cumsum([len(one) for one in fresh])
            for stratum, counts in zip(
                self.strata, np.split(look(np.concatenate(fresh)), ends[:-1]), strict=True
            ):
                stratum.counts = np.concatenate([stratum.counts, counts])

    def _wanted(self, target: float) -> list[int]:
        """Return how many documents of each stratum are to be drawn, with those that were."""
        if not self.num_drawn:
            return list(_FIRST)
        growth = min(_MOST_GROWTH, max(1.5, _MARGIN * (self.half_width / target) ** 2))
        return [
            max(first, round(growth * stratum.num_drawn)) if is_worth else stratum.num_drawn
            for stratum, first, is_worth in zip(
                self.strata, _FIRST, self._worth_drawing(), strict=True
            )
        ]

    def count_all(self, counts: Floats) -> None:
        """Take all documents for drawn.

        Parameters
        ----------
        counts : float64, shape (documents of all strata, 4).
        """
        for stratum in self.strata:
            stratum.counts = counts[stratum.units]

    def _worth_drawing(self) -> list[bool]:
        """Tell which strata have a fair share in the uncertainty."""
        found, missed = self.total(FOUND), sum(map(self.total, MISSED))
        parts = [
            stratum.variance(_residuals(stratum.counts, MISSED, (FOUND,), missed, found))
            + (stratum.weight * stratum.unseen / 2) ** 2
            for stratum in self.strata
        ]
        return [part > 0 and part >= 0.2 * max(parts) for part in parts]


def _residuals(
    counts: Floats, kinds: tuple[int, ...], others: tuple[int, ...], part: float, rest: float
) -> Floats:
    """Return how far each document is from the ratio of the totals."""
    ratio = part / rest if rest else 0.0
    found: Floats = counts[:, kinds].sum(axis=1) - ratio * counts[:, others].sum(axis=1)
    return found


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0
