"""The share of duplicates in a corpus, from a sample of its slices.

A share q of all slices is looked at. Two documents of one slice are seen together with probability
q, two of different slices with q**2: the share of duplicates inside the sample is far too low.
So a family (a keeper and what it removes) that lies in j sampled slices is weighted by 1 / P(seen
in two or more), for a family that lies in k slices of the corpus:

    P = 1 - (1-q)**k - k q (1-q)**(k-1)

How large k is, the sample tells: families of k are seen in three slices (k-2)/3 q/(1-q) times as
often as in two. What is seen in four or more has k = j/q.

The limits are the wider ones of two kinds: of Poisson counts, two standard errors on the scale of
their square roots (Anscombe 1948), and of the jackknife over slices (Tukey 1958), for what comes in
clumps, as copies between neighbouring slices do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dedup.text.hashing import Int64Array

_WELL_SEEN = 4


@dataclass(frozen=True)
class Share:
    """An estimated share, and limits that hold it mostly where copies lie in any order."""

    low: float
    estimate: float
    high: float


def duplicate_share(family: Int64Array, place: Int64Array, sampled: float) -> Share:
    """Estimate which share of all documents would be removed.

    Parameters
    ----------
    family, place : int64, shape (documents,); the keeper and the slice of each sampled document.
    sampled : share of the corpus in the sample, in (0, 1]; at 1 the answer is a count.
    """
    num_documents = len(family)
    if not num_documents:
        return Share(0.0, 0.0, 0.0)
    if sampled >= 1:
        exact = 1 - len(np.unique(family)) / num_documents
        return Share(exact, exact, exact)
    places = np.unique(place)
    number = len(places)
    if number < 2:  # nothing is told of other slices
        seen = 1 - len(np.unique(family)) / num_documents
        return Share(0.0, seen, 1.0)
    found = _poisson(family, place, sampled)
    if number == 2:
        return Share(0.0, found.estimate, 1.0)
    without = np.array(
        [
            _poisson(family[place != one], place[place != one], sampled * (1 - 1 / number)).estimate
            for one in places
        ]
    )
    error = sqrt((number - 1) ** 2 / number * float(without.var(ddof=1)) * (1 - sampled))
    spread = (2 + 5 / number) * error  # about the quantile of Student's t
    return Share(
        max(0.0, min(found.low, found.estimate - spread)),
        found.estimate,
        min(1.0, max(found.high, found.estimate + spread)),
    )


def _poisson(family: Int64Array, place: Int64Array, sampled: float) -> Share:
    """Estimate the share, with limits for families that lie anywhere."""
    num_documents = len(family)
    width = int(place.max()) + 1
    spread = np.unique(family * width + place)
    _, slices = np.unique(spread // width, return_counts=True)
    inside = num_documents - len(spread)
    twice, thrice = int((slices == 2).sum()), int((slices == 3).sum())
    large = slices[slices >= _WELL_SEEN]
    members = int(large.sum())
    number = len(np.unique(place))
    # Without replacement: one slice being there, another is by (n-1) of the n/q - 1 others.
    chance = sampled * sqrt((number - 1) / (number - sampled))
    well_seen = float(_removed(large / sampled, chance).sum()) if members else 0.0

    def share(inside: float, twice: float, thrice: float, members_share: float) -> float:
        rare = 0.0
        if twice:
            size = 2 + 3 * (1 - chance) / chance * thrice / twice
            rare = (twice + thrice) * float(_removed(np.array([size]), chance)[0])
        removed = inside / sampled + rare + well_seen * members_share
        return min(1.0, removed * sampled / num_documents)

    least, most = _lower(members) / max(1, members), _upper(members) / max(1, members)
    lower = share(_lower(inside), _lower(twice), _upper(thrice), least)
    upper = share(_upper(inside), _upper(twice), _lower(thrice), most)
    estimate = share(inside, twice, thrice, 1.0)
    return Share(min(lower, estimate), estimate, max(upper, estimate))


def _removed(size: NDArray[np.float64], sampled: float) -> NDArray[np.float64]:
    """Return the removed documents that a seen family of `size` stands for."""
    missed = (1 - sampled) ** size + size * sampled * (1 - sampled) ** (size - 1)
    removed: NDArray[np.float64] = (size - 1) / (1 - missed)
    return removed


def _lower(count: int) -> float:
    return max(0.0, sqrt(count) - 1) ** 2


def _upper(count: int) -> float:
    return (sqrt(count + 1) + 1) ** 2
